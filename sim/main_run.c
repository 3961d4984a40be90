/* pare-sim run: a network at some bitlengths on one or several machines. */
#include "sim/main.h"
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

typedef struct run_args {
    const char *network, *bits, *csv, *explain, *timeline, *out, *values, *normalize;
    const char *dram_trace, *events, *width;
    pare_strs machines, sets;
    uint32_t batch, threads;
    bool is_json, has_steps;
} run_args;

typedef struct run_job {
    main_inputs in;
    main_widths widths;
    pare_sim_result *results;
} run_job;

static main_choice choice_of(const run_args *a, const run_job *j)
{
    const main_width *const w = j->widths.chosen;
    return (main_choice){.network = w ? w->folder : a->network,
                         .bits = a->bits,
                         .machines = a->machines,
                         .sets = a->sets,
                         .normalize = a->normalize,
                         .values = a->values};
}

static pare_status load(const run_args *a, run_job *j, pare_err *e)
{
    if (a->width) PARE_TRY(main_widths_load(a->network, a->width, &j->widths, e));
    const main_choice choice = choice_of(a, j);
    return main_inputs_load(&choice, &j->in, e);
}

/* The table of all widths. */
static pare_status run_widths(const run_args *a, run_job *j, pare_buf *text, pare_err *e)
{
    const pare_sim_options options = {.batch = a->batch, .threads = a->threads};
    if (a->explain || a->csv || a->timeline || a->events || a->dram_trace)
        return pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                            "--width all prints one table; a single width expected with "
                            "--explain, --csv, --timeline, --events and --dram-trace");
    PARE_TRY(main_widths_load(a->network, a->width, &j->widths, e));
    const main_choice choice = choice_of(a, j);
    PARE_TRY(main_widths_run(&j->widths, &choice, &options, a->is_json, text, e));
    return pare_file_write(a->out, text->text, text->n, e);
}

static pare_status evaluate(const run_args *a, run_job *j, pare_buf *text, pare_err *e)
{
    const pare_sim_options options = {
        .batch = a->batch, .threads = a->threads, .values = j->in.values};
    for (size_t i = 0; i < j->in.n; i++) {
        if (a->explain)
            PARE_TRY(pare_sim_explain(j->in.net, j->in.machines[i], j->in.bits, &options,
                                      a->explain, text, e));
        else
            PARE_TRY(pare_sim_run(j->in.net, j->in.machines[i], j->in.bits, &options,
                                  &j->results[i], e));
    }
    return PARE_OK;
}

/* The files that follow one machine tile by tile. */
static pare_status check_one_machine(const run_job *j, const char *option, pare_err *e)
{
    if (j->in.n == 1) return PARE_OK;
    return pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                        "%s follows one machine, %zu given; one --machine expected", option,
                        j->in.n);
}

static pare_status write_timeline(const run_args *a, const run_job *j,
                                  const pare_sim_options *options, pare_err *e)
{
    enum { EVENTS_MAX = 200000 }; /* viewers struggle beyond some 100 MB */
    pare_buf trace = {0};
    PARE_TRY(check_one_machine(j, "--timeline", e));
    pare_status status =
        pare_sim_timeline(j->in.net, j->in.machines[0], j->in.bits, options, EVENTS_MAX, &trace, e);
    if (status == PARE_OK) status = pare_file_write(a->timeline, trace.text, trace.n, e);
    pare_buf_free(&trace);
    return status;
}

static pare_status write_records(const run_args *a, const run_job *j,
                                 const pare_sim_options *options, pare_err *e)
{
    pare_buf text = {0};
    PARE_TRY(check_one_machine(j, "--events", e));
    pare_status status =
        pare_sim_records(j->in.net, j->in.machines[0], j->in.bits, options, a->has_steps, &text, e);
    if (status == PARE_OK) status = pare_file_write(a->events, text.text, text.n, e);
    pare_buf_free(&text);
    return status;
}

static pare_status write_dram_trace(const run_args *a, const run_job *j,
                                    const pare_sim_options *options, pare_err *e)
{
    enum { BURST_BYTES = 64 }; /* a burst of DDR and LPDDR channels */
    pare_buf trace = {0}, regions = {0}, path = {0};
    PARE_TRY(check_one_machine(j, "--dram-trace", e));
    pare_buf_printf(&path, "%s.regions.csv", a->dram_trace);
    pare_status status = pare_sim_dram_trace(j->in.net, j->in.machines[0], j->in.bits, options,
                                             BURST_BYTES, &trace, &regions, e);
    if (status == PARE_OK) status = pare_file_write(a->dram_trace, trace.text, trace.n, e);
    if (status == PARE_OK) status = pare_file_write(path.text, regions.text, regions.n, e);
    pare_buf_free(&trace);
    pare_buf_free(&regions);
    pare_buf_free(&path);
    return status;
}

static pare_status write_events(const run_args *a, const run_job *j, pare_err *e)
{
    const pare_sim_options options = {
        .batch = a->batch, .threads = a->threads, .values = j->in.values};
    if (a->timeline) PARE_TRY(write_timeline(a, j, &options, e));
    if (a->events) PARE_TRY(write_records(a, j, &options, e));
    if (a->dram_trace) PARE_TRY(write_dram_trace(a, j, &options, e));
    return PARE_OK;
}

static pare_status put_out(const run_args *a, const run_job *j, pare_buf *text, pare_err *e)
{
    if (!a->explain) {
        if (a->csv) {
            pare_buf csv = {0};
            pare_sim_write_csv(j->results, j->in.n, &csv);
            const pare_status status = pare_file_write(a->csv, csv.text, csv.n, e);
            pare_buf_free(&csv);
            PARE_TRY(status);
            if (!strcmp(a->csv, "-")) return PARE_OK;
        }
        (a->is_json ? pare_sim_write_json : pare_sim_write_table)(j->results, j->in.n, text);
    }
    return pare_file_write(a->out, text->text, text->n, e);
}

static void free_job(run_job *j)
{
    for (size_t i = 0; j->results && i < j->in.n; i++) pare_sim_result_free(&j->results[i]);
    free(j->results);
    main_inputs_free(&j->in);
    main_widths_free(&j->widths);
}

static int run(const run_args *a)
{
    pare_err e = {0};
    run_job j = {0};
    pare_buf text = {0};
    pare_status status;
    if (a->width && !strcmp(a->width, "all")) {
        status = run_widths(a, &j, &text, &e);
    } else {
        status = load(a, &j, &e);
        j.results = pare_xalloc(j.in.n + 1, sizeof *j.results);
        if (status == PARE_OK) status = evaluate(a, &j, &text, &e);
        if (status == PARE_OK) status = write_events(a, &j, &e);
        if (status == PARE_OK) status = put_out(a, &j, &text, &e);
    }
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_buf_free(&text);
    free_job(&j);
    return (int)status;
}

int pare_main_run(int argc, char **argv)
{
    run_args a = {.out = "-", .batch = 1};
    const pare_opt opts[] = {
        {"machine", 'm', PARE_OPT_LIST, "MACHINE",
         "a shipped machine or a file; may be repeated (stripes)", &a.machines, 0, 0},
        {"bits", 'b', PARE_OPT_STRING, "BITS",
         "a bits file, or 8 or w4a6 for every layer (8; of a run folder, the learned ones)",
         &a.bits, 0, 0},
        MAIN_OPT_WIDTH(a.width),
        {"batch", 'n', PARE_OPT_U32, "N", "images at once (1)", &a.batch, 1, 65536},
        {"values", 'v', PARE_OPT_STRING, "VALUES",
         "codes for machines that skip: a trainer's run folder, or a distribution such as "
         "relu,seed=1 (the machine's own)",
         &a.values, 0, 0},
        {"threads", 't', PARE_OPT_U32, "N", "for value-dependent layers; 0: all (0)", &a.threads, 0,
         1024},
        {"set", 's', PARE_OPT_LIST, "KEY=VALUE", "override a machine's field: array.rows=32",
         &a.sets, 0, 0},
        {"explain", 'x', PARE_OPT_STRING, "LAYER", "say in words where a layer's cycles go",
         &a.explain, 0, 0},
        {"csv", 0, PARE_OPT_STRING, "FILE", "also write every statistic as CSV (- for only that)",
         &a.csv, 0, 0},
        {"timeline", 0, PARE_OPT_STRING, "FILE",
         "also write the tiles' loads, work and stores as a Chrome trace", &a.timeline, 0, 0},
        {"events", 0, PARE_OPT_STRING, "FILE",
         "also write what happens when as CSV: layers, tiles, memory requests and responses, "
         "stalls",
         &a.events, 0, 0},
        {"steps", 0, PARE_OPT_FLAG, NULL, "with --events: every step of the array too",
         &a.has_steps, 0, 0},
        {"normalize", 0, PARE_OPT_STRING, "WHAT",
         "resize the further machines to the first one's area, peak or bandwidth", &a.normalize, 0,
         0},
        {"dram-trace", 0, PARE_OPT_STRING, "FILE",
         "also write the DRAM traffic as a load/store trace of Ramulator, and FILE.regions.csv",
         &a.dram_trace, 0, 0},
        {"json", 'j', PARE_OPT_FLAG, NULL, "one JSON object a line instead of the table",
         &a.is_json, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &a.out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim run NETWORK|RUN [options]",
                        "Cycles, energy and traffic per layer, each broken into its parts.", argc,
                        argv, &n_operands, &status)) {
        if (n_operands != 1) {
            fprintf(stderr, "one network or run folder expected; see pare-sim run --help\n");
            status = PARE_EUSAGE;
        } else if (a.normalize && !pare_normalize_of(a.normalize)) {
            fprintf(stderr, "--normalize is '%s'; area, peak or bandwidth expected\n", a.normalize);
            status = PARE_EUSAGE;
        } else {
            a.network = argv[1];
            status = run(&a);
        }
    }
    free(a.machines.v);
    free(a.sets.v);
    return status;
}
