/* pare-sim infer: a trained network on a machine, bit by bit. */
#include "sim/infer.h"
#include "sim/main.h"

#include <stdlib.h>

typedef struct infer_args {
    const char *run, *machine, *data, *out, *width;
    pare_strs sets;
    uint64_t limit;
    uint32_t threads;
    bool is_json, requant;
} infer_args;

static double percent(uint64_t n, uint64_t of) { return of ? 100.0 * (double)n / (double)of : 0; }

/* One run folder; `width` NULL: not one of several. */
static pare_status infer(const infer_args *a, const char *run_folder, const main_width *width,
                         pare_buf *out, bool *is_ok, pare_err *e)
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
    PARE_TRY_DONE(pare_infer_load(run_folder, &f, e));
    if (a->requant && !pare_infer_use_requant(f)) {
        status = pare_err_set(e, PARE_EINPUT, run_folder, (pare_pos){0, 0},
                              "has no params/LAYER.requant.npy; a run of pare-train --method "
                              "settle whose layers follow each other expected");
        goto done;
    }
    PARE_TRY_DONE(pare_infer_images_load(a->data, a->limit, &images, e));
    PARE_TRY_DONE(pare_infer_run(f, m, &images, &options, &r, e));
    if (width && !a->is_json)
        pare_buf_printf(out, "%5u %10.2f %12.2f %12.3f %12llu  %s\n", width->bits,
                        percent(r.n_correct, r.n_images),
                        percent(r.n_trainer_correct, r.n_compared),
                        percent(r.n_agree, r.n_compared), (unsigned long long)r.cycles,
                        r.is_ok ? "passed" : "FAILED");
    else
        (a->is_json ? pare_infer_write_json : pare_infer_write_table)(&r, out);
    *is_ok &= r.is_ok;
done:
    pare_buf_free(&text);
    pare_infer_result_free(&r);
    pare_infer_images_free(&images);
    pare_machine_free(m);
    pare_infer_free(f);
    return status;
}

/* The run folder, one of its widths, or a table of all. */
static pare_status infer_all(const infer_args *a, bool *is_ok, pare_err *e)
{
    main_widths w = {0};
    pare_buf out = {0};
    pare_status status = PARE_OK;
    if (a->width) PARE_TRY_DONE(main_widths_load(a->run, a->width, &w, e));
    if (w.n && !w.chosen) {
        if (!a->is_json)
            pare_buf_printf(&out, "%5s %10s %12s %12s %12s\n", "width", "accuracy %", "trainer's %",
                            "agreement %", "cycles");
        for (size_t i = 0; i < w.n; i++)
            PARE_TRY_DONE(infer(a, w.v[i].folder, &w.v[i], &out, is_ok, e));
    } else {
        PARE_TRY_DONE(infer(a, w.chosen ? w.chosen->folder : a->run, NULL, &out, is_ok, e));
    }
    PARE_TRY_DONE(pare_file_write(a->out, out.text, out.n, e));
done:
    main_widths_free(&w);
    pare_buf_free(&out);
    return status;
}

static int run(const infer_args *a)
{
    pare_err e = {0};
    bool is_ok = true;
    const pare_status status = infer_all(a, &is_ok, &e);
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
        MAIN_OPT_WIDTH(a.width),
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
