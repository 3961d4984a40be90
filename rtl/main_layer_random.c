/* pare-cosim layer --random: a campaign of random layers, and what they have met. */
#include "rtl/layer_bins.h"
#include "rtl/main_layer.h"

#include <inttypes.h>
#include <time.h>

enum { HOLES_SHOWN = 12 };

typedef struct campaign {
    const layer_args *args;
    const pare_accel_params *params;
    uint64_t n_run, n_refused, n_descriptors, n_outputs, n_records, n_cycles, n_tiles;
    pare_layer_coverage coverage;
    bool is_ok;
} campaign;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_difference(const campaign *c, uint64_t index, const pare_layer_result *r)
{
    const layer_args *const a = c->args;
    fprintf(stderr,
            "random layer %" PRIu64 " on %s: %sreplay: pare-cosim layer --random 1 --first %" PRIu64
            " --seed %" PRIu64 " --machine %s%s%s --trace layer.fst%s\n",
            index, c->params->name, r->difference.text, index, a->seed, a->machine,
            a->fault ? " --fault " : "", a->fault ? a->fault : "",
            a->systemc ? " --systemc" : " --vcd layer.vcd");
}

/* Some random descriptors beside each layer. */
static void run_descriptors(campaign *c, uint64_t index)
{
    enum { DESCRIPTORS = 16 };
    uint64_t statuses[PARE_ACCEL_N_STATUS] = {0};
    pare_buf difference = {0};
    if (c->args->systemc) return;
    c->is_ok = pare_layer_check_descriptors(c->params, c->args->seed, index, DESCRIPTORS, statuses,
                                            &difference);
    c->n_descriptors += DESCRIPTORS;
    pare_layer_cover_answers(&c->coverage, statuses);
    if (!c->is_ok)
        fprintf(stderr,
                "beside random layer %" PRIu64 " on %s: %sreplay: pare-cosim layer --random 1 "
                "--first %" PRIu64 " --seed %" PRIu64 " --machine %s\n",
                index, c->params->name, difference.text, index, c->args->seed, c->args->machine);
    pare_buf_free(&difference);
}

/* Layer `index`; one that no mapping of the machine holds is counted and left out. */
static void run_layer(campaign *c, const pare_layer_check *check, uint64_t index)
{
    pare_layer_random x;
    pare_layer_result r;
    pare_err refusal = {0};
    pare_layer_random_new(c->params, c->args->seed, index, &x);
    if (pare_layer_verify_random(check, &x, &r, &refusal) != PARE_OK) {
        c->n_refused++;
        pare_layer_random_free(&x);
        return;
    }
    c->n_run++;
    c->n_outputs += r.n_outputs;
    c->n_records += r.n_records;
    c->n_cycles += r.rtl_cycles + r.setup_cycles;
    c->n_tiles += r.level1.map.n_tiles;
    c->is_ok = r.is_ok;
    if (!r.is_ok) print_difference(c, index, &r);
    pare_layer_result_free(&r);
    pare_layer_random_free(&x);
}

static void run_layers(campaign *c, const pare_layer_check *check)
{
    const layer_args *const a = c->args;
    pare_progress p = pare_progress_new(false);
    const double start = now_s();
    pare_buf line = {0};
    for (uint64_t i = 0; i < a->count && c->is_ok; i++) {
        run_layer(c, check, a->first + i);
        if (c->is_ok) run_descriptors(c, a->first + i);
        const double seconds = now_s() - start;
        const bool is_end = i + 1 == a->count && p.is_tty;
        if (seconds < 1 || !pare_progress_is_due(&p, seconds, is_end)) continue;
        line.n = 0;
        pare_progress_text(c->params->name, "layers", seconds, 0, i + 1, a->count, &line);
        pare_progress_say(&p, line.text, is_end);
    }
    pare_buf_free(&line);
}

static void print_json(const campaign *c, const pare_bins_tally *t)
{
    printf(
        "{\"machine\": \"%s\", \"agrees\": %s, \"layers\": %" PRIu64 ", \"tiles\": %" PRIu64
        ", \"outputs\": %" PRIu64 ", \"records\": %" PRIu64 ", \"cycles\": %" PRIu64
        ", \"unmapped\": %" PRIu64
        ", \"bins_hit\": %zu, \"bins\": %zu, \"unreachable_bins\": %zu, \"fewest_hits\": %" PRIu64
        ", \"seed\": %" PRIu64 "}\n",
        c->params->name, c->is_ok ? "true" : "false", c->n_run, c->n_tiles, c->n_outputs,
        c->n_records, c->n_cycles, c->n_refused, t->n_hit, t->n_reachable, t->n_unreachable,
        t->fewest, c->args->seed);
}

static void print_text(const campaign *c, const pare_bins_tally *t)
{
    pare_buf sets = {0};
    printf("%s: %" PRIu64 " random layers, %" PRIu64 " tiles: %" PRIu64 " outputs, %" PRIu64
           " records, %s%" PRIu64 " cycles agree; %" PRIu64 " fit no mapping; %" PRIu64
           " descriptors answered alike; %zu of %zu bins met; seed %" PRIu64 "\n",
           c->params->name, c->n_run, c->n_tiles, c->n_outputs, c->n_records,
           c->args->systemc || c->args->no_model ? "" : "the pins of ", c->n_cycles, c->n_refused,
           c->n_descriptors, t->n_hit, t->n_reachable, c->args->seed);
    if (!c->args->has_coverage) return;
    pare_layer_coverage_write(&c->coverage, HOLES_SHOWN, &sets);
    fputs(sets.text, stdout);
    pare_buf_free(&sets);
}

/* Whether the campaign met what it must; a bin that was said to be out of reach must stay empty. */
static bool covers(const campaign *c, const pare_bins_tally *t)
{
    if (t->n_wrong)
        fprintf(stderr, "%s: %zu bins that cannot be were met; other reasons expected\n",
                c->params->name, t->n_wrong);
    const bool has_holes = c->args->is_full && t->n_hit < t->n_reachable;
    if (has_holes)
        fprintf(stderr, "%s: %zu of %zu bins met; all of them expected (--full)\n", c->params->name,
                t->n_hit, t->n_reachable);
    return !t->n_wrong && !has_holes;
}

pare_status layer_run_campaign(const layer_args *a, bool *is_ok, pare_err *e)
{
    pare_machine *m = NULL;
    campaign c = {.args = a, .is_ok = true};
    PARE_TRY(layer_open_machine(a, &m, &c.params, e));
    pare_layer_coverage_new(c.params, &c.coverage);
    pare_layer_check check = layer_check_of(a, m, c.params, NULL);
    check.coverage = &c.coverage;
    run_layers(&c, &check);
    const pare_bins_tally t = pare_layer_tally(&c.coverage);
    if (a->is_json)
        print_json(&c, &t);
    else if (c.is_ok)
        print_text(&c, &t);
    *is_ok = c.is_ok && covers(&c, &t);
    pare_layer_coverage_free(&c.coverage);
    pare_machine_free(m);
    return PARE_OK;
}
