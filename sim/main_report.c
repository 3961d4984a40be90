/* pare-sim report: a run folder (or a network and bits) on several machines, as one HTML page. */
#include "sim/main.h"
#include "sim/questions.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char CHART_JS[] = "/usr/share/javascript/chart.js/chart.min.js";
static const char NORMALIZATION[] =
    "Machines of the shipped set have the same peak of 1-bit products per cycle unless their file "
    "says otherwise.";
static const char *const DEFAULT_MACHINES[] = {"bitparallel8", "stripes", "unpu",     "loom1",
                                               "loom2",        "loom4",   "bitfusion"};

typedef struct report_args {
    const char *run, *store, *network, *bits, *uniform, *out, *title, *chart_js, *normalize,
        *timeline;
    const char *points;
    pare_strs machines, sets;
    uint32_t batch;
} report_args;

typedef struct report_job {
    pare_net *net;
    pare_bits *bits, *uniform_bits;
    pare_csv *metrics;
    size_t n;
    pare_machine **machines;
    pare_sim_result *results, *uniform;
    pare_store *store; /* points to show instead of the run's own, or NULL */
} report_job;

static void join(pare_buf *out, const char *folder, const char *file)
{
    out->n = 0;
    pare_buf_printf(out, "%s/%s", folder, file);
}

static pare_status load_inputs(const report_args *a, report_job *j, pare_err *e)
{
    pare_status status = PARE_OK;
    pare_buf network = {0}, bits = {0}, metrics = {0};
    if (a->run) {
        join(&network, a->run, "network.net.yaml");
        join(&bits, a->run, "network.bits.yaml");
        join(&metrics, a->run, "metrics.csv");
    } else {
        pare_data_find("networks", a->network, &network);
        pare_data_find("bits", a->bits, &bits);
    }
    PARE_TRY_DONE(pare_net_load(network.text, &j->net, e));
    PARE_TRY_DONE(pare_bits_get(bits.text, j->net, &j->bits, e));
    PARE_TRY_DONE(pare_bits_uniform(a->uniform, j->net, &j->uniform_bits, e));
    if (a->run) PARE_TRY_DONE(pare_csv_load(metrics.text, &j->metrics, e));
done:
    pare_buf_free(&network);
    pare_buf_free(&bits);
    pare_buf_free(&metrics);
    return status;
}

static pare_status run_machines(const report_args *a, report_job *j, pare_err *e)
{
    const pare_sim_options options = {.batch = a->batch};
    pare_status status = PARE_OK;
    pare_buf path = {0};
    for (size_t i = 0; i < j->n; i++) {
        const char *const name = a->machines.n ? a->machines.v[i] : DEFAULT_MACHINES[i];
        pare_data_find("machines", name, &path);
        PARE_TRY_DONE(pare_machine_load(path.text, a->sets.v, a->sets.n, &j->machines[i], e));
        if (a->normalize && i > 0)
            PARE_TRY_DONE(pare_machine_normalize(j->machines[i], j->machines[0],
                                                 pare_normalize_of(a->normalize), e));
        PARE_TRY_DONE(pare_sim_run(j->net, j->machines[i], j->bits, &options, &j->results[i], e));
        PARE_TRY_DONE(
            pare_sim_run(j->net, j->machines[i], j->uniform_bits, &options, &j->uniform[i], e));
    }
done:
    pare_buf_free(&path);
    return status;
}

/* The tiles of the fastest machine, for a viewer. */
static pare_status write_timeline(const report_args *a, const report_job *j, pare_err *e)
{
    enum { EVENTS_MAX = 200000 };
    const pare_sim_options options = {.batch = a->batch};
    pare_buf trace = {0};
    size_t best = 0;
    for (size_t i = 1; i < j->n; i++)
        if (j->results[i].latency_ns < j->results[best].latency_ns) best = i;
    pare_status status =
        pare_sim_timeline(j->net, j->machines[best], j->bits, &options, EVENTS_MAX, &trace, e);
    if (status == PARE_OK) status = pare_file_write(a->timeline, trace.text, trace.n, e);
    pare_buf_free(&trace);
    return status;
}

static const char *base_name(const char *path)
{
    const char *const slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

static pare_status write_page(const report_args *a, const report_job *j, pare_err *e)
{
    pare_buf html = {0}, title = {0}, label = {0}, normalized = {0};
    pare_buf_printf(&title, "%s on %zu machines", j->net->name, j->n);
    pare_buf_printf(&label, "%s bits", a->uniform);
    for (size_t i = 0; i < j->n; i++)
        if (j->machines[i]->normalized)
            pare_buf_printf(&normalized, "%s%s", normalized.n ? "; " : "",
                            j->machines[i]->normalized);
    if (normalized.n) pare_buf_puts(&normalized, ".");
    const pare_sim_report report = {
        .title = a->title ? a->title : title.text,
        .bits_label = a->run ? "learned bits" : "the bits file",
        .bits = j->bits,
        .results = j->results,
        .n_results = j->n,
        .uniform = j->uniform,
        .uniform_label = label.text,
        .normalization = normalized.n                 ? normalized.text
                         : a->machines.n || a->sets.n ? ""
                                                      : NORMALIZATION,
        .metrics = j->metrics,
        .machines = j->machines,
        .timeline = base_name(a->timeline),
        .store = j->store,
    };
    pare_status status = pare_sim_report_write(&report, a->chart_js, &html, e);
    if (status == PARE_OK) status = pare_file_write(a->out, html.text, html.n, e);
    pare_buf_free(&html);
    pare_buf_free(&title);
    pare_buf_free(&label);
    pare_buf_free(&normalized);
    return status;
}

static void free_job(report_job *j)
{
    for (size_t i = 0; i < j->n; i++) {
        pare_sim_result_free(&j->results[i]);
        pare_sim_result_free(&j->uniform[i]);
        pare_machine_free(j->machines[i]);
    }
    free(j->machines);
    free(j->results);
    free(j->uniform);
    pare_store_close(j->store);
    pare_csv_free(j->metrics);
    pare_bits_free(j->uniform_bits);
    pare_bits_free(j->bits);
    pare_net_free(j->net);
}

/* A page about the store of a sweep, a search or a co-design. */
static int report_store(const report_args *a)
{
    pare_err e = {0};
    pare_store *store = NULL;
    pare_buf html = {0};
    pare_status status = pare_store_open(a->store, &store, &e);
    if (status == PARE_OK) {
        const pare_sim_report report = {
            .title = a->title ? a->title : pare_store_about(store)->name, .store = store};
        status = pare_sim_report_write(&report, a->chart_js, &html, &e);
    }
    if (status == PARE_OK) status = pare_file_write(a->out, html.text, html.n, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_buf_free(&html);
    pare_store_close(store);
    return (int)status;
}

static int report(const report_args *a)
{
    pare_err e = {0};
    report_job j = {.n = a->machines.n ? a->machines.n
                                       : sizeof DEFAULT_MACHINES / sizeof *DEFAULT_MACHINES};
    j.machines = pare_xalloc(j.n, sizeof(pare_machine *));
    j.results = pare_xalloc(j.n, sizeof *j.results);
    j.uniform = pare_xalloc(j.n, sizeof *j.uniform);
    pare_status status = load_inputs(a, &j, &e);
    if (status == PARE_OK) status = run_machines(a, &j, &e);
    if (status == PARE_OK && a->points) status = pare_store_open(a->points, &j.store, &e);
    if (status == PARE_OK && a->timeline) status = write_timeline(a, &j, &e);
    if (status == PARE_OK) status = write_page(a, &j, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    free_job(&j);
    return (int)status;
}

int pare_main_report(int argc, char **argv)
{
    report_args a = {
        .bits = "8", .uniform = "8", .out = "report.html", .chart_js = CHART_JS, .batch = 1};
    const pare_opt opts[] = {
        {"network", 0, PARE_OPT_STRING, "NETWORK", "a network instead of a run folder", &a.network,
         0, 0},
        {"bits", 'b', PARE_OPT_STRING, "BITS", "with --network: a bits file, 8 or w4a6", &a.bits, 0,
         0},
        {"machine", 'm', PARE_OPT_LIST, "MACHINE",
         "a machine; may be repeated, the first is the baseline (the shipped set)", &a.machines, 0,
         0},
        {"set", 0, PARE_OPT_LIST, "KEY=VALUE", "override a field of every machine", &a.sets, 0, 0},
        {"uniform", 0, PARE_OPT_STRING, "BITS", "bits to compare with (8)", &a.uniform, 0, 0},
        {"batch", 0, PARE_OPT_U32, "N", "images at once (1)", &a.batch, 1, 65536},
        {"normalize", 0, PARE_OPT_STRING, "WHAT",
         "resize the further machines to the first one's area, peak or bandwidth", &a.normalize, 0,
         0},
        {"title", 0, PARE_OPT_STRING, "TEXT", "the page's title", &a.title, 0, 0},
        {"points", 0, PARE_OPT_STRING, "STORE",
         "with a run: the points of a sweep, search or co-design on the same page", &a.points, 0,
         0},
        {"timeline", 0, PARE_OPT_STRING, "FILE",
         "also write the fastest machine's tiles as a Chrome trace, and link to it", &a.timeline, 0,
         0},
        {"chart-js", 0, PARE_OPT_STRING, "FILE", "Chart.js 3, minified (Debian: libjs-chart.js)",
         &a.chart_js, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "FILE", "the page (report.html)", &a.out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim report RUN|STORE [options]",
                        "Write one self-contained HTML page about a trainer's run folder, or about "
                        "the store of a sweep, search or co-design.",
                        argc, argv, &n_operands, &status)) {
        struct stat what;
        a.run = n_operands == 1 ? argv[1] : NULL;
        if (a.run && stat(a.run, &what) == 0 && S_ISREG(what.st_mode)) a.store = a.run;
        if ((n_operands == 1) != !a.network || n_operands > 1) {
            fprintf(stderr,
                    "one run folder, one store or one --network expected; see pare-sim report "
                    "--help\n");
            status = PARE_EUSAGE;
        } else if (a.normalize && !pare_normalize_of(a.normalize)) {
            fprintf(stderr, "--normalize is '%s'; area, peak or bandwidth expected\n", a.normalize);
            status = PARE_EUSAGE;
        } else {
            status = a.store ? report_store(&a) : report(&a);
        }
    }
    free(a.machines.v);
    free(a.sets.v);
    return status;
}
