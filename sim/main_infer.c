/* pare-sim infer: a trained network on a machine, bit by bit. */
#include "sim/main.h"
#include "sim/sim.h"

#include <stdlib.h>

typedef struct infer_args {
    const char *run, *machine, *data, *out;
    pare_strs sets;
    uint64_t limit;
    uint32_t threads;
    bool is_json, requant;
} infer_args;

static pare_status infer(const infer_args *a, bool *is_ok, pare_err *e)
{
    pare_infer *f = NULL;
    pare_machine *m = NULL;
    pare_infer_images images = {0};
    pare_infer_result r = {0};
    pare_buf text = {0};
    pare_status status;
    const pare_infer_options options = {.threads = a->threads};
    pare_data_find("machines", a->machine, &text);
    PARE_TRY_DONE(pare_machine_load(text.text, a->sets.v, a->sets.n, &m, e));
    PARE_TRY_DONE(pare_infer_load(a->run, &f, e));
    if (a->requant && !pare_infer_use_requant(f)) {
        status = pare_err_set(e, PARE_EINPUT, a->run, (pare_pos){0, 0},
                              "has no params/LAYER.requant.npy; a run of pare-train --method "
                              "settle whose layers follow each other expected");
        goto done;
    }
    PARE_TRY_DONE(pare_infer_images_load(a->data, a->limit, &images, e));
    PARE_TRY_DONE(pare_infer_run(f, m, &images, &options, &r, e));
    text.n = 0;
    (a->is_json ? pare_infer_write_json : pare_infer_write_table)(&r, &text);
    *is_ok = r.is_ok;
    PARE_TRY_DONE(pare_file_write(a->out, text.text, text.n, e));
done:
    pare_buf_free(&text);
    pare_infer_result_free(&r);
    pare_infer_images_free(&images);
    pare_machine_free(m);
    pare_infer_free(f);
    return status;
}

static int run(const infer_args *a)
{
    pare_err e = {0};
    bool is_ok = false;
    const pare_status status = infer(a, &is_ok, &e);
    if (status == PARE_OK) return is_ok ? PARE_OK : PARE_EFAIL;
    pare_err_print(&e, stderr);
    return (int)status;
}

int pare_main_infer(int argc, char **argv)
{
    infer_args a = {.machine = "loom1", .data = "fashion-mnist", .out = "-"};
    const pare_opt opts[] = {
        {"machine", 'm', PARE_OPT_STRING, "MACHINE", "a shipped machine or a file (loom1)",
         &a.machine, 0, 0},
        {"data", 'd', PARE_OPT_STRING, "DATA",
         "fashion-mnist, or a folder with an IDX pair or CIFAR-10's binary files (fashion-mnist)",
         &a.data, 0, 0},
        {"limit", 'l', PARE_OPT_U64, "N", "the first N test images only", &a.limit, 1, 1e9},
        {"threads", 't', PARE_OPT_U32, "N", "threads; the result is the same (all)", &a.threads, 1,
         1024},
        {"set", 's', PARE_OPT_LIST, "KEY=VALUE", "override a machine's field: pe.acc_bits=24",
         &a.sets, 0, 0},
        {"requant", 'q', PARE_OPT_FLAG, NULL,
         "integers between layers, by the run's shifts and integer scales", &a.requant, 0, 0},
        {"json", 'j', PARE_OPT_FLAG, NULL, "one JSON object a line instead of the table",
         &a.is_json, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &a.out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim infer RUN [options]",
                        "A trained network's integer codes through a machine's arithmetic on the "
                        "test images, held against the trainer's own evaluation.",
                        argc, argv, &n_operands, &status)) {
        if (n_operands != 1) {
            fprintf(stderr, "one run folder expected; see pare-sim infer --help\n");
            status = PARE_EUSAGE;
        } else {
            a.run = argv[1];
            status = run(&a);
        }
    }
    free(a.sets.v);
    return status;
}
