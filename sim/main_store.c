/* pare-sim merge and export: stores of sweeps, joined and as text. */
#include "sim/main.h"
#include "sim/sweep.h"

#include <stdlib.h>
#include <string.h>

int pare_main_merge(int argc, char **argv)
{
    const char *out = NULL;
    const pare_opt opts[] = {
        {"out", 'o', PARE_OPT_STRING, "FILE", "the store to make (required)", &out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim merge STORE... -o FILE",
                         "Join the stores of all shards of a sweep; every number must be there "
                         "once.",
                         argc, argv, &n_operands, &status))
        return status;
    if (n_operands < 1 || !out) {
        fprintf(stderr, "stores and --out expected; see pare-sim merge --help\n");
        return PARE_EUSAGE;
    }
    pare_err e = {0};
    status = (int)pare_store_merge((const char *const *)argv + 1, (size_t)n_operands, out, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    return status;
}

int pare_main_export(int argc, char **argv)
{
    const char *out = "-";
    bool is_json = false;
    const pare_opt opts[] = {
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &out, 0, 0},
        {"json", 'j', PARE_OPT_FLAG, NULL, "one JSON object a line instead of CSV", &is_json, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim export STORE [options]",
                         "The rows of a store as text, axes and results side by side.", argc, argv,
                         &n_operands, &status))
        return status;
    if (n_operands != 1) {
        fprintf(stderr, "one store expected; see pare-sim export --help\n");
        return PARE_EUSAGE;
    }
    pare_err e = {0};
    pare_store *store = NULL;
    status = (int)pare_store_open(argv[1], &store, &e);
    if (status == PARE_OK) status = (int)pare_store_export(store, is_json, out, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_store_close(store);
    return status;
}
