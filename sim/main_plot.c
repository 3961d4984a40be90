/* pare-sim plot: the standard pictures as SVG. */
#include "sim/main.h"
#include "sim/questions.h"

#include <stdlib.h>
#include <string.h>

typedef struct plot_args {
    main_choice choice;
    pare_strs bits;
    const char *what, *of, *x, *y, *color, *out;
    pare_plot_size size;
    uint32_t batch;
} plot_args;

typedef pare_status picture_fn(const plot_args *a, pare_buf *out, pare_err *e);

static pare_status plot_pareto(const plot_args *a, pare_buf *out, pare_err *e)
{
    pare_store *store = NULL;
    PARE_TRY(pare_store_open(a->choice.network, &store, e));
    const pare_status status = pare_plot_pareto(store, a->x, a->y, a->color, &a->size, out, e);
    pare_store_close(store);
    return status;
}

static pare_status plot_bits(const plot_args *a, pare_buf *out, pare_err *e)
{
    pare_net *net = NULL;
    pare_bits *bits = NULL;
    pare_status status = main_net_load(a->choice.network, &net, e);
    if (status == PARE_OK)
        status = main_bits_load(a->choice.network, a->bits.n ? a->bits.v[0] : NULL, net, &bits, e);
    if (status == PARE_OK) pare_plot_bits(bits, &a->size, out);
    pare_bits_free(bits);
    pare_net_free(net);
    return status;
}

/* One machine at several bits (roofline), or several machines at one (breakdown). */
static pare_status plot_results(const plot_args *a, bool is_roofline, pare_buf *out, pare_err *e)
{
    main_inputs in;
    main_choice choice = a->choice;
    choice.bits = a->bits.n ? a->bits.v[0] : NULL;
    pare_status status = main_inputs_load(&choice, &in, e);
    const size_t n = is_roofline ? (a->bits.n ? a->bits.n : 1) : in.n;
    const pare_sim_options options = {.batch = a->batch, .values = in.values};
    pare_sim_result *const results = pare_xalloc(n, sizeof *results);
    pare_bits **const bits = pare_xalloc(n, sizeof *bits);
    for (size_t i = 0; i < n && status == PARE_OK; i++) {
        const char *const spec = !a->bits.n ? NULL : a->bits.v[is_roofline ? i : 0];
        status = main_bits_load(choice.network, spec, in.net, &bits[i], e);
        if (status == PARE_OK)
            status = pare_sim_run(in.net, in.machines[is_roofline ? 0 : i], bits[i], &options,
                                  &results[i], e);
    }
    if (status == PARE_OK && is_roofline)
        pare_plot_roofline(in.machines[0], results, n, &a->size, out);
    else if (status == PARE_OK)
        pare_plot_breakdown(results, n,
                            !strcmp(a->of, "energy") ? PARE_STAT_ENERGY
                            : !strcmp(a->of, "dram") ? PARE_STAT_DRAM
                                                     : PARE_STAT_CYCLES,
                            &a->size, out);
    for (size_t i = 0; i < n; i++) {
        pare_sim_result_free(&results[i]);
        pare_bits_free(bits[i]);
    }
    free(results);
    free(bits);
    main_inputs_free(&in);
    return status;
}

static pare_status plot_breakdown(const plot_args *a, pare_buf *out, pare_err *e)
{
    return plot_results(a, false, out, e);
}

static pare_status plot_roofline(const plot_args *a, pare_buf *out, pare_err *e)
{
    return plot_results(a, true, out, e);
}

static const struct {
    const char *name;
    picture_fn *draw;
} PICTURES[] = {{"bits", plot_bits},
                {"breakdown", plot_breakdown},
                {"roofline", plot_roofline},
                {"pareto", plot_pareto}};

static int plot(const plot_args *a)
{
    pare_err e = {0};
    pare_buf text = {0};
    picture_fn *draw = NULL;
    for (size_t i = 0; i < sizeof PICTURES / sizeof *PICTURES; i++)
        if (!strcmp(PICTURES[i].name, a->what)) draw = PICTURES[i].draw;
    if (!draw) {
        fprintf(stderr, "'%s' is no picture; bits, breakdown, roofline or pareto expected\n",
                a->what);
        return PARE_EUSAGE;
    }
    pare_status status = draw(a, &text, &e);
    if (status == PARE_OK) status = pare_file_write(a->out, text.text, text.n, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_buf_free(&text);
    return (int)status;
}

int pare_main_plot(int argc, char **argv)
{
    plot_args a = {.of = "cycles",
                   .x = "latency_ns",
                   .y = "energy_pj",
                   .out = "-",
                   .size = {640, 360},
                   .batch = 1};
    const pare_opt opts[] = {
        {"machine", 'm', PARE_OPT_LIST, "MACHINE",
         "a shipped machine or a file; several: their totals side by side (stripes)",
         &a.choice.machines, 0, 0},
        {"bits", 'b', PARE_OPT_LIST, "BITS",
         "a bits file, 8 or w4a6; of a roofline several (8; of a run folder, the learned ones)",
         &a.bits, 0, 0},
        MAIN_OPT_SETS(a.choice),
        {"batch", 'n', PARE_OPT_U32, "N", "images at once (1)", &a.batch, 1, 65536},
        {"of", 0, PARE_OPT_STRING, "WHAT", "breakdown of cycles, energy or dram (cycles)", &a.of, 0,
         0},
        {"x", 0, PARE_OPT_STRING, "COLUMN",
         "of pareto; with - before it it is to be large (latency_ns)", &a.x, 0, 0},
        {"y", 0, PARE_OPT_STRING, "COLUMN", "the same (energy_pj)", &a.y, 0, 0},
        {"color", 0, PARE_OPT_STRING, "AXIS", "of pareto: which axis has colours (machine)",
         &a.color, 0, 0},
        {"width", 0, PARE_OPT_U32, "PX", "of the picture (640)", &a.size.width_px, 200, 8192},
        {"height", 0, PARE_OPT_U32, "PX", "of the picture (360)", &a.size.height_px, 200, 8192},
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &a.out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (pare_opts_parse(opts, sizeof opts / sizeof *opts,
                        "pare-sim plot bits|breakdown|roofline|pareto NETWORK|RUN|STORE [options]",
                        "Draw a standard picture as SVG.", argc, argv, &n_operands, &status)) {
        if (n_operands != 2) {
            fprintf(stderr, "a picture and a network, run folder or store expected; see pare-sim "
                            "plot --help\n");
            status = PARE_EUSAGE;
        } else if (strcmp(a.of, "cycles") && strcmp(a.of, "energy") && strcmp(a.of, "dram")) {
            fprintf(stderr, "--of is '%s'; cycles, energy or dram expected\n", a.of);
            status = PARE_EUSAGE;
        } else {
            a.what = argv[1];
            a.choice.network = argv[2];
            status = plot(&a);
        }
    }
    free(a.choice.machines.v);
    free(a.choice.sets.v);
    free(a.bits.v);
    return status;
}
