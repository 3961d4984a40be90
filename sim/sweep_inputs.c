/* The files that a sweep names: networks, machines, bitlengths, and the accuracy of run folders. */
#include "sim/sweep_core.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As given, or beside the sweep file; a shipped file of that name otherwise. */
static void find_input(const pare_sweep *s, const char *kind, const char *name, pare_buf *out)
{
    const char *const slash = strrchr(s->info.file, '/');
    out->n = 0;
    if (access(name, R_OK) && slash && name[0] != '/') {
        pare_buf_printf(out, "%.*s/%s", (int)(slash - s->info.file), s->info.file, name);
        if (access(out->text, R_OK) == 0) return;
    }
    pare_data_find(kind, name, out);
}

/* The file of a run folder, if `path` is one; else `path` stays. */
static void enter_run(pare_buf *path, const char *file)
{
    pare_buf inner = {0};
    pare_buf_printf(&inner, "%s/%s", path->text, file);
    if (access(inner.text, R_OK) == 0) {
        path->n = 0;
        pare_buf_puts(path, inner.text);
    }
    pare_buf_free(&inner);
}

/* A file that cannot even be opened is a mistake of the sweep file. */
static pare_status blame_input(const pare_sweep *s, const char *key, uint64_t i,
                               const pare_err *inner, pare_err *e)
{
    char at[64];
    if (inner->line)
        return pare_err_set(e, inner->status, inner->file, (pare_pos){inner->line, inner->column},
                            "%s", inner->text);
    snprintf(at, sizeof at, "%s[%llu]", key, (unsigned long long)i);
    return pare_yaml_error(s->yaml, at, e, inner->status, "%s%s%s", inner->file,
                           *inner->file ? ": " : "", inner->text);
}

static pare_status load_network(pare_sweep *s, uint64_t i, pare_err *e)
{
    pare_buf path = {0};
    find_input(s, "networks", s->axes[s->at[AXIS_NETWORK]].values[i], &path);
    enter_run(&path, "network.net.yaml");
    pare_err inner = {0};
    const size_t n = path.n;
    const bool is_csv = n > 4 && !strcmp(path.text + n - 4, ".csv");
    const pare_status status =
        (is_csv ? pare_net_load_scalesim : pare_net_load)(path.text, &s->nets[i], &inner);
    if (status == PARE_OK) {
        pare_buf text = {0};
        pare_net_write(s->nets[i], &text);
        s->net_hash[i] = XXH3_128bits(text.text, text.n);
        pare_buf_free(&text);
    }
    pare_buf_free(&path);
    return status == PARE_OK ? PARE_OK : blame_input(s, "networks", i, &inner, e);
}

static pare_status load_machine(pare_sweep *s, uint64_t i, pare_err *e)
{
    pare_buf path = {0};
    find_input(s, "machines", s->axes[s->at[AXIS_MACHINE]].values[i], &path);
    pare_err inner = {0};
    const pare_status status = pare_machine_load(path.text, NULL, 0, &s->machines[i], &inner);
    pare_buf_free(&path);
    return status == PARE_OK ? PARE_OK : blame_input(s, "machines", i, &inner, e);
}

/* ---- bitlengths ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_bits_entry(const char *folder, const char *name)
{
    static const char suffix[] = ".bits.yaml";
    const size_t n = strlen(name), m = sizeof suffix - 1;
    if (name[0] == '.') return false;
    if (n > m && !strcmp(name + n - m, suffix)) return true;
    pare_buf path = {0};
    pare_buf_printf(&path, "%s/%s/network.bits.yaml", folder, name);
    const bool is_run = access(path.text, R_OK) == 0;
    pare_buf_free(&path);
    return is_run;
}

/* Add what lies in bits_folder to the list of bits; 8 bits if there is nothing at all. */
pare_status sweep_list_bits(pare_sweep *s, pare_err *e)
{
    enum { ENTRIES_MAX = 4096 };
    const char **const list = pare_arena_alloc(s->arena, ENTRIES_MAX, sizeof *list);
    size_t n = 0;
    for (; n < s->conf.bits.n && n < ENTRIES_MAX; n++) list[n] = s->conf.bits.v[n];
    const size_t first = n;
    if (*s->conf.bits_folder) {
        pare_buf folder = {0};
        find_input(s, "bits", s->conf.bits_folder, &folder);
        DIR *const d = opendir(folder.text);
        for (const struct dirent *f; d && n < ENTRIES_MAX && (f = readdir(d));)
            if (is_bits_entry(folder.text, f->d_name))
                list[n++] = pare_arena_printf(s->arena, "%s/%s", s->conf.bits_folder, f->d_name);
        if (d) closedir(d);
        pare_buf_free(&folder);
        if (n == first)
            return pare_yaml_error(s->yaml, "bits_folder", e, PARE_EINPUT,
                                   "'%s' has no *.bits.yaml and no run folder; a folder of "
                                   "pare-train's runs expected",
                                   s->conf.bits_folder);
        qsort(list + first, n - first, sizeof *list, by_text);
    }
    if (n == 0) list[n++] = "8";
    s->conf.bits = (pare_strs){list, n};
    return PARE_OK;
}

/* "final_accuracy_frac": 0.91 in RUN/summary.json; NaN if there is none. */
static double read_accuracy(const char *run)
{
    enum { SUMMARY_MAX_BYTES = 1 << 16 };
    static const char key[] = "\"final_accuracy_frac\":";
    pare_buf path = {0};
    char *text = NULL;
    size_t n;
    double accuracy = NAN;
    pare_buf_printf(&path, "%s/summary.json", run);
    if (pare_file_read(path.text, SUMMARY_MAX_BYTES, &text, &n, NULL) == PARE_OK) {
        const char *const at = strstr(text, key);
        char *end;
        if (at) accuracy = strtod(at + sizeof key - 1, &end);
        if (at && end == at + sizeof key - 1) accuracy = NAN;
    }
    free(text);
    pare_buf_free(&path);
    return accuracy;
}

/* Bits for one network only are no mistake of a sweep over several; of one network they are. */
static pare_status load_bits(pare_sweep *s, uint64_t b, pare_err *e)
{
    const pare_axis *const networks = &s->axes[s->at[AXIS_NETWORK]];
    const pare_axis *const a = &s->axes[s->at[AXIS_BITS]];
    pare_buf path = {0};
    pare_err first = {0};
    bool fits_one = false;
    find_input(s, "bits", a->values[b], &path);
    s->accuracy_frac[b] = read_accuracy(path.text);
    enter_run(&path, "network.bits.yaml");
    for (uint64_t i = 0; i < networks->n; i++) {
        sweep_bits *const out = &s->bits[i * a->n + b];
        pare_err inner = {0};
        if (pare_bits_get(path.text, s->nets[i], &out->bits, &inner) == PARE_OK) {
            fits_one = true;
            continue;
        }
        out->error = pare_arena_printf(s->arena, "bits '%s' for network '%s': %s", a->values[b],
                                       networks->values[i], inner.text);
        if (first.status == PARE_OK) first = inner;
    }
    pare_buf_free(&path);
    if (fits_one) return PARE_OK;
    return blame_input(s, "bits", b, &first, e);
}

/* ---- all of them ---- */

/* What every hash begins with: the program, since its equations may change, and the columns. */
static void make_seed(pare_sweep *s)
{
    pare_buf b = {0};
    pare_provenance(&b, "pare-sim", NULL, 0);
    for (size_t i = 0; i < s->info.n_columns; i++) pare_buf_printf(&b, "%s,", s->columns[i].name);
    pare_buf_printf(&b, "layers %d", s->conf.has_layers);
    s->seed = XXH3_128bits(b.text, b.n);
    pare_buf_free(&b);
}

pare_status sweep_load_inputs(pare_sweep *s, pare_err *e)
{
    const uint64_t n_nets = s->axes[s->at[AXIS_NETWORK]].n;
    const uint64_t n_machines = s->axes[s->at[AXIS_MACHINE]].n;
    const uint64_t n_bits = s->axes[s->at[AXIS_BITS]].n;
    s->nets = pare_arena_alloc(s->arena, n_nets, sizeof(pare_net *));
    s->net_hash = pare_arena_alloc(s->arena, n_nets, sizeof *s->net_hash);
    s->machines = pare_arena_alloc(s->arena, n_machines, sizeof(pare_machine *));
    s->bits = pare_arena_alloc(s->arena, n_nets * n_bits, sizeof *s->bits);
    s->accuracy_frac = pare_arena_alloc(s->arena, n_bits, sizeof *s->accuracy_frac);
    for (uint64_t i = 0; i < n_nets; i++) PARE_TRY(load_network(s, i, e));
    for (uint64_t i = 0; i < n_machines; i++) PARE_TRY(load_machine(s, i, e));
    for (uint64_t i = 0; i < n_bits; i++) PARE_TRY(load_bits(s, i, e));
    make_seed(s);
    return PARE_OK;
}

void sweep_free_inputs(pare_sweep *s)
{
    if (!s->bits) return;
    const uint64_t n_nets = s->axes[s->at[AXIS_NETWORK]].n;
    const uint64_t n_bits = s->axes[s->at[AXIS_BITS]].n;
    for (uint64_t i = 0; i < n_nets * n_bits; i++) pare_bits_free(s->bits[i].bits);
    for (uint64_t i = 0; i < n_nets; i++) pare_net_free(s->nets[i]);
    for (uint64_t i = 0; i < s->axes[s->at[AXIS_MACHINE]].n; i++) pare_machine_free(s->machines[i]);
}
