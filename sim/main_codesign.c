/* pare-sim codesign: learn, infer, simulate, and put all on one front. */
#include "sim/codesign.h"
#include "sim/main.h"

#include <stdlib.h>

static void say(void *context, const char *line)
{
    if (*(const bool *)context) return;
    fprintf(stderr, "%s\n", line);
}

int pare_main_codesign(int argc, char **argv)
{
    pare_codesign_options o = {.folder = "codesign", .say = say};
    uint32_t threads = 0;
    bool is_quiet = false;
    const pare_opt opts[] = {
        {"out", 'o', PARE_OPT_STRING, "FOLDER",
         "of runs, cost tables and NAME.sqlite (codesign); what is there is used", &o.folder, 0, 0},
        {"dry-run", 'n', PARE_OPT_FLAG, NULL, "say what would be trained", &o.is_dry, 0, 0},
        {"threads", 'j', PARE_OPT_U32, "N", "threads; results are the same; 0: all (0)", &threads,
         0, 256},
        {"trainer", 0, PARE_OPT_STRING, "PROGRAM", "pare-train (beside pare-sim, or in PATH)",
         &o.trainer, 0, 0},
        {"quiet", 'q', PARE_OPT_FLAG, NULL, "no progress", &is_quiet, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim codesign FILE.yaml [options]",
                         "Bits learned for machines, inferred bit by bit and simulated, on one "
                         "front. Interrupted, it goes on with the same command.",
                         argc, argv, &n_operands, &status))
        return status;
    if (n_operands != 1) {
        fprintf(stderr, "one codesign file expected; see pare-sim codesign --help\n");
        return PARE_EUSAGE;
    }
    pare_err e = {0};
    pare_buf table = {0};
    o.threads = threads;
    o.context = &is_quiet;
    status = (int)pare_codesign_run(argv[1], &o, &table, &e);
    if (table.n) fputs(table.text, stdout);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_buf_free(&table);
    return status;
}
