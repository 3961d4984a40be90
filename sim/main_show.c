/* pare-sim machines, pare-sim show: what machines there are and what one is. */
#include "sim/main.h"
#include "sim/sim.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const char SUFFIX[] = ".machine.yaml";
enum { MACHINES_MAX = 256 };

/* ---- machines ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the machine files in a folder, sorted; the caller frees each. */
static size_t list_machines(const char *folder, char *names[MACHINES_MAX])
{
    size_t n = 0;
    DIR *const dir = opendir(folder);
    if (!dir) return 0;
    for (const struct dirent *f; (f = readdir(dir)) && n < MACHINES_MAX;) {
        const size_t length = strlen(f->d_name), suffix = strlen(SUFFIX);
        if (length <= suffix || strcmp(f->d_name + length - suffix, SUFFIX)) continue;
        names[n] = pare_xstrdup(f->d_name);
        names[n++][length - suffix] = 0;
    }
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    return n;
}

static void print_machine_json(const pare_machine *m)
{
    static const uint32_t widths[] = {8, 4, 2};
    pare_buf b = {0};
    pare_buf_puts(&b, "{\"machine\":");
    pare_buf_json_string(&b, m->name);
    pare_buf_puts(&b, ",\"title\":");
    pare_buf_json_string(&b, m->title);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        pare_buf_printf(&b, ",\"peak_macs_per_cycle_w%ua%u\":", widths[i], widths[i]);
        pare_buf_real(&b, pare_machine_peak_macs(m, widths[i], widths[i]));
    }
    pare_buf_puts(&b, ",\"area_um2\":");
    pare_buf_real(&b, pare_machine_area_um2(m));
    printf("%s}\n", b.text);
    pare_buf_free(&b);
}

static pare_status print_machine(const char *name, bool is_json, pare_err *e)
{
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    const pare_status status = pare_machine_load(path.text, NULL, 0, &m, e);
    if (status == PARE_OK && is_json) {
        print_machine_json(m);
    } else if (status == PARE_OK) {
        static const uint32_t widths[] = {8, 4, 2};
        printf("%-16s", m->name);
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
            printf(" %8.4g", pare_machine_peak_macs(m, widths[i], widths[i]));
        printf(" %9.4g  %s\n", pare_machine_area_um2(m) / 1e6, m->title);
    }
    pare_machine_free(m);
    pare_buf_free(&path);
    return status;
}

int pare_main_machines(int argc, char **argv)
{
    bool is_json = false;
    const pare_opt opts[] = {{"json", 'j', PARE_OPT_FLAG, NULL,
                              "one JSON object a line instead of the table", &is_json, 0, 0}};
    int n_operands, exit_status = PARE_OK;
    if (!pare_opts_parse(opts, 1, "pare-sim machines [options]",
                         "List the shipped machines: peak multiply-accumulates a cycle, area.",
                         argc, argv, &n_operands, &exit_status))
        return exit_status;
    if (n_operands) {
        fprintf(stderr, "no operand expected; see pare-sim machines --help\n");
        return PARE_EUSAGE;
    }
    pare_buf path = {0};
    pare_data_find("machines", "bitparallel8", &path);
    char *const slash = strrchr(path.text, '/');
    if (slash) *slash = 0;
    char *names[MACHINES_MAX];
    const size_t n = list_machines(slash ? path.text : ".", names);
    pare_buf_free(&path);
    pare_err e = {0};
    pare_status status = PARE_OK;
    if (!is_json) printf("%-16s %8s %8s %8s %9s\n", "machine", "8x8 b", "4x4 b", "2x2 b", "mm2");
    for (size_t i = 0; i < n; i++) {
        if (status == PARE_OK) status = print_machine(names[i], is_json, &e);
        free(names[i]);
    }
    if (status != PARE_OK) pare_err_print(&e, stderr);
    return (int)status;
}

/* ---- show ---- */

typedef struct show_args {
    pare_strs sets;
    const char *machine, *ert, *art;
} show_args;

static pare_status write_tables(const pare_machine *m, const show_args *a, pare_err *e)
{
    pare_buf ert = {0}, art = {0};
    pare_machine_write_ert(m, &ert);
    pare_machine_write_art(m, &art);
    pare_status status = PARE_OK;
    if (a->ert) status = pare_file_write(a->ert, ert.text, ert.n, e);
    if (status == PARE_OK && a->art) status = pare_file_write(a->art, art.text, art.n, e);
    pare_buf_free(&ert);
    pare_buf_free(&art);
    return status;
}

static int show(const show_args *a)
{
    pare_err e = {0};
    pare_buf path = {0}, text = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", a->machine, &path);
    pare_status status = pare_machine_load(path.text, a->sets.v, a->sets.n, &m, &e);
    if (status == PARE_OK) status = write_tables(m, a, &e);
    if (status == PARE_OK) {
        const bool is_stdout = (a->ert && !strcmp(a->ert, "-")) || (a->art && !strcmp(a->art, "-"));
        pare_machine_write(m, &text);
        if (!is_stdout) fwrite(text.text, 1, text.n, stdout);
    } else {
        pare_err_print(&e, stderr);
    }
    pare_machine_free(m);
    pare_buf_free(&text);
    pare_buf_free(&path);
    return (int)status;
}

int pare_main_show(int argc, char **argv)
{
    show_args a = {0};
    const pare_opt opts[] = {
        {"set", 's', PARE_OPT_LIST, "KEY=VALUE", "override a field: array.rows=32", &a.sets, 0, 0},
        {"ert", 0, PARE_OPT_STRING, "FILE",
         "also write its energies as Accelergy's ERT (- for only that)", &a.ert, 0, 0},
        {"art", 0, PARE_OPT_STRING, "FILE",
         "also write its areas as Accelergy's ART (- for only that)", &a.art, 0, 0},
    };
    int n_operands, exit_status = PARE_OK;
    if (pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim show MACHINE [options]",
                        "Print a machine file with all its values, then what follows from them.",
                        argc, argv, &n_operands, &exit_status)) {
        if (n_operands != 1) {
            fprintf(stderr, "one machine expected; see pare-sim show --help\n");
            exit_status = PARE_EUSAGE;
        } else {
            a.machine = argv[1];
            exit_status = show(&a);
        }
    }
    free(a.sets.v);
    return exit_status;
}
