/* pare-sim roofline, diff, sensitivity, pareto: questions about points. */
#include "sim/main.h"
#include "sim/questions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What they all end with: the text goes out, or the message. */
static int finish(pare_status status, const char *out, pare_buf *text, pare_err *e)
{
    if (status == PARE_OK) status = pare_file_write(out, text->text ? text->text : "", text->n, e);
    if (status != PARE_OK) pare_err_print(e, stderr);
    pare_buf_free(text);
    return (int)status;
}

/* ---- roofline ---- */

typedef struct roofline_args {
    main_choice choice;
    pare_strs bits;
    const char *out;
    uint32_t batch;
    bool is_json;
} roofline_args;

/* Without --bits: 8, then the learned ones if it is a run folder. */
static pare_status roofline(const roofline_args *a, pare_buf *text, pare_err *e)
{
    static const char *const eight = "8";
    main_inputs in;
    main_choice choice = a->choice;
    choice.bits = a->bits.n ? a->bits.v[0] : NULL;
    pare_status status = main_inputs_load(&choice, &in, e);
    const bool is_both = status == PARE_OK && !a->bits.n && strcmp(in.bits->method, "uniform 8");
    const size_t n = a->bits.n ? a->bits.n : is_both ? 2 : 1;
    pare_sim_result *const results = pare_xalloc(n, sizeof *results);
    pare_bits **const bits = pare_xalloc(n, sizeof *bits);
    const pare_sim_options options = {.batch = a->batch, .values = in.values};
    for (size_t i = 0; i < n && status == PARE_OK; i++) {
        const char *const spec = a->bits.n ? a->bits.v[i] : is_both && i == 0 ? eight : NULL;
        status = main_bits_load(choice.network, spec, in.net, &bits[i], e);
        if (status == PARE_OK)
            status = pare_sim_run(in.net, in.machines[0], bits[i], &options, &results[i], e);
    }
    if (status == PARE_OK)
        (a->is_json ? pare_sim_write_roofline_json : pare_sim_write_roofline)(in.machines[0],
                                                                              results, n, text);
    for (size_t i = 0; i < n; i++) {
        pare_sim_result_free(&results[i]);
        pare_bits_free(bits[i]);
    }
    free(results);
    free(bits);
    main_inputs_free(&in);
    return status;
}

int pare_main_roofline(int argc, char **argv)
{
    roofline_args a = {.out = "-", .batch = 1};
    const pare_opt opts[] = {
        MAIN_OPT_MACHINE(a.choice),
        {"bits", 'b', PARE_OPT_LIST, "BITS",
         "a bits file, 8 or w4a6; may be repeated (8, then of a run folder the learned ones)",
         &a.bits, 0, 0},
        MAIN_OPT_SETS(a.choice),
        {"batch", 'n', PARE_OPT_U32, "N", "images at once (1)", &a.batch, 1, 65536},
        {"values", 'v', PARE_OPT_STRING, "VALUES", "codes for machines that skip, as of run",
         &a.choice.values, 0, 0},
        {"json", 'j', PARE_OPT_FLAG, NULL, "one JSON object a line instead of the table",
         &a.is_json, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &a.out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim roofline NETWORK|RUN [options]",
                        "Which layers DRAM bounds and which the array: intensity, peak and roof.",
                        argc, argv, &n_operands, &status)) {
        if (main_one_operand(&a.choice, "pare-sim roofline", n_operands, argv, true)) {
            pare_err e = {0};
            pare_buf text = {0};
            const pare_status done = roofline(&a, &text, &e);
            status = finish(done, a.out, &text, &e);
        } else {
            status = PARE_EUSAGE;
        }
    }
    free(a.choice.machines.v);
    free(a.choice.sets.v);
    free(a.bits.v);
    return status;
}

/* ---- sensitivity ---- */

typedef struct sensitivity_args {
    main_choice choice;
    const char *objective, *out;
    double step;
    uint32_t batch;
    bool is_json, is_all;
} sensitivity_args;

typedef struct objective {
    const char *name;
    size_t offset;      /* in pare_point_cost */
    const char *second; /* multiplied with it, or NULL */
    size_t second_offset;
} objective;

#define COST(member) offsetof(pare_point_cost, member)
static const objective OBJECTIVES[] = {
    {"edp", COST(edp_pj_ns), NULL, 0},
    {"latency", COST(latency_ns), NULL, 0},
    {"energy", COST(energy_pj), NULL, 0},
    {"area", COST(area_um2), NULL, 0},
    {"latency*area", COST(latency_ns), "area", COST(area_um2)},
};

static const objective *objective_of(const char *name)
{
    for (size_t i = 0; i < sizeof OBJECTIVES / sizeof *OBJECTIVES; i++)
        if (!strcmp(OBJECTIVES[i].name, name)) return &OBJECTIVES[i];
    return NULL;
}

static double worth(const objective *o, const pare_point_cost *c)
{
    const double first = *(const double *)(const void *)((const char *)c + o->offset);
    if (!o->second) return first;
    return first * *(const double *)(const void *)((const char *)c + o->second_offset);
}

/* Order of the knobs by what they make of the objective; those that cannot be come last. */
static size_t *ranked(const pare_knob *knobs, size_t n, const objective *o)
{
    size_t *const order = pare_xalloc(n + 1, sizeof *order);
    for (size_t i = 0; i < n; i++) {
        const double x = *knobs[i].error ? INFINITY : worth(o, &knobs[i].cost);
        size_t at = i;
        while (at > 0) {
            const pare_knob *const before = &knobs[order[at - 1]];
            if ((*before->error ? INFINITY : worth(o, &before->cost)) <= x) break;
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    return order;
}

static double percent(double x, double base) { return 100 * (x - base) / base; }

static bool does_nothing(const pare_knob *k, const pare_point_cost *base)
{
    const double small = 1e-9;
    return fabs(k->cost.latency_ns / base->latency_ns - 1) < small &&
           fabs(k->cost.energy_pj / base->energy_pj - 1) < small &&
           fabs(k->cost.area_um2 / base->area_um2 - 1) < small;
}

static void sensitivity_table(const sensitivity_args *a, const main_inputs *in,
                              const pare_knob *knobs, size_t n, const pare_point_cost *base,
                              pare_buf *b)
{
    const objective *const o = objective_of(a->objective);
    size_t *const order = ranked(knobs, n, o);
    size_t n_idle = 0, n_bad = 0;
    pare_buf_printf(b, "%s on %s, bits '%s': %.6g ms, %.6g uJ, %.6g mm2\n", in->net->name,
                    in->machines[0]->name, in->bits->method, base->latency_ns / 1e6,
                    base->energy_pj / 1e6, base->area_um2 / 1e6);
    pare_buf_printf(b, "one knob at a time, numbers times and over %.6g; best %s first\n", a->step,
                    o->name);
    pare_buf_printf(b, "%-26s %22s %9s %9s %9s %9s %9s\n", "knob", "from > to", "latency", "energy",
                    "EDP", "area", o->second ? o->name : "");
    for (size_t i = 0; i < n; i++) {
        const pare_knob *const k = &knobs[order[i]];
        char change[52];
        if (*k->error) n_bad++;
        if (!*k->error && does_nothing(k, base)) n_idle++;
        if (*k->error || (!a->is_all && does_nothing(k, base))) continue;
        snprintf(change, sizeof change, "%s > %s", k->from, k->to);
        pare_buf_printf(b, "%-26s %22s %+8.2f%% %+8.2f%% %+8.2f%% %+8.2f%%", k->key, change,
                        percent(k->cost.latency_ns, base->latency_ns),
                        percent(k->cost.energy_pj, base->energy_pj),
                        percent(k->cost.edp_pj_ns, base->edp_pj_ns),
                        percent(k->cost.area_um2, base->area_um2));
        if (o->second) pare_buf_printf(b, " %+8.2f%%", percent(worth(o, &k->cost), worth(o, base)));
        pare_buf_puts(b, "\n");
    }
    pare_buf_printf(b, "%zu changes; %zu change nothing here, %zu cannot be%s\n", n, n_idle, n_bad,
                    a->is_all ? ":" : " (--all lists them)");
    for (size_t i = 0; i < n && a->is_all; i++)
        if (*knobs[i].error)
            pare_buf_printf(b, "  %s %s: %s\n", knobs[i].key, knobs[i].to, knobs[i].error);
    free(order);
}

static void sensitivity_json(const pare_knob *knobs, size_t n, const pare_point_cost *base,
                             pare_buf *b)
{
    for (size_t i = 0; i < n; i++) {
        const pare_knob *const k = &knobs[i];
        pare_buf_puts(b, "{\"knob\":");
        pare_buf_json_string(b, k->key);
        pare_buf_puts(b, ",\"from\":");
        pare_buf_json_string(b, k->from);
        pare_buf_puts(b, ",\"to\":");
        pare_buf_json_string(b, k->to);
        if (*k->error) {
            pare_buf_puts(b, ",\"error\":");
            pare_buf_json_string(b, k->error);
        } else {
            const double values[][2] = {{base->latency_ns, k->cost.latency_ns},
                                        {base->energy_pj, k->cost.energy_pj},
                                        {base->edp_pj_ns, k->cost.edp_pj_ns},
                                        {base->area_um2, k->cost.area_um2}};
            static const char *const names[] = {"latency_ns", "energy_pj", "edp_pj_ns", "area_um2"};
            for (size_t v = 0; v < sizeof names / sizeof *names; v++) {
                pare_buf_printf(b, ",\"%s\":[", names[v]);
                pare_buf_real(b, values[v][0]);
                pare_buf_puts(b, ",");
                pare_buf_real(b, values[v][1]);
                pare_buf_puts(b, "]");
            }
        }
        pare_buf_puts(b, "}\n");
    }
}

static pare_status sensitivity(const sensitivity_args *a, pare_buf *text, pare_err *e)
{
    main_inputs in;
    pare_knob *knobs = NULL;
    pare_point_cost base;
    size_t n = 0;
    pare_status status = main_inputs_load(&a->choice, &in, e);
    const pare_sim_options options = {.batch = a->batch, .values = in.values};
    if (status == PARE_OK)
        status =
            pare_sim_sensitivity(in.net, in.machines[0]->file, a->choice.sets.v, a->choice.sets.n,
                                 in.bits, &options, a->step, &knobs, &n, &base, e);
    if (status == PARE_OK && a->is_json)
        sensitivity_json(knobs, n, &base, text);
    else if (status == PARE_OK)
        sensitivity_table(a, &in, knobs, n, &base, text);
    free(knobs);
    main_inputs_free(&in);
    return status;
}

int pare_main_sensitivity(int argc, char **argv)
{
    sensitivity_args a = {.objective = "edp", .out = "-", .step = 2, .batch = 1};
    const pare_opt opts[] = {
        MAIN_OPT_MACHINE(a.choice),
        MAIN_OPT_BITS(a.choice),
        MAIN_OPT_SETS(a.choice),
        {"batch", 'n', PARE_OPT_U32, "N", "images at once (1)", &a.batch, 1, 65536},
        {"values", 'v', PARE_OPT_STRING, "VALUES", "codes for machines that skip, as of run",
         &a.choice.values, 0, 0},
        {"step", 0, PARE_OPT_REAL, "N", "numbers are multiplied and divided by it (2)", &a.step,
         1.000001, 1024},
        {"objective", 0, PARE_OPT_STRING, "WHAT",
         "which change comes first: edp, latency, energy, area or latency*area (edp)", &a.objective,
         0, 0},
        {"all", 0, PARE_OPT_FLAG, NULL, "also changes without effect and those that cannot be",
         &a.is_all, 0, 0},
        {"json", 'j', PARE_OPT_FLAG, NULL, "one JSON object a line instead of the table",
         &a.is_json, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &a.out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (pare_opts_parse(opts, sizeof opts / sizeof *opts,
                        "pare-sim sensitivity NETWORK|RUN [options]",
                        "Which one knob of the machine helps most here: each changed by itself.",
                        argc, argv, &n_operands, &status)) {
        if (!main_one_operand(&a.choice, "pare-sim sensitivity", n_operands, argv, true)) {
            status = PARE_EUSAGE;
        } else if (!objective_of(a.objective)) {
            fprintf(stderr,
                    "--objective is '%s'; edp, latency, energy, area or latency*area expected\n",
                    a.objective);
            status = PARE_EUSAGE;
        } else {
            pare_err e = {0};
            pare_buf text = {0};
            const pare_status done = sensitivity(&a, &text, &e);
            status = finish(done, a.out, &text, &e);
        }
    }
    free(a.choice.machines.v);
    free(a.choice.sets.v);
    return status;
}
