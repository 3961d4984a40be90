/* Layers on a machine that depends on values. For each way to lay a layer on the array the tiles
 * and loops are chosen before any value is known, by what steps take at the layer's bitlengths;
 * then the values say what these mappings take, and the best one is kept. */
#include "sim/dynamic.h"

#include <math.h>
#include <stdlib.h>

/* ---- checks ---- */

static pare_status check_digits(const pare_machine *m, pare_err *e)
{
    const bool is_acts = m->pe.skips == PARE_SKIPS_ACT_TERMS || m->pe.skips == PARE_SKIPS_TERMS;
    const bool is_weights = m->pe.skips == PARE_SKIPS_COLUMNS || m->pe.skips == PARE_SKIPS_TERMS;
    if (is_acts && m->pe.act_digit != 1)
        return pare_yaml_error(m->yaml, "pe.act_digit", e, PARE_EINPUT,
                               "pe.act_digit is %u, but the PE takes one term a cycle; 1 expected",
                               m->pe.act_digit);
    if (is_weights && m->pe.weight_digit != 1)
        return pare_yaml_error(m->yaml, "pe.weight_digit", e, PARE_EINPUT,
                               "pe.weight_digit is %u, but the PE takes one %s a cycle; 1 expected",
                               m->pe.weight_digit,
                               m->pe.skips == PARE_SKIPS_TERMS ? "term" : "column");
    return PARE_OK;
}

static pare_status check_columns(const pare_machine *m, pare_err *e)
{
    const bool is_by_windows =
        m->pe.skips == PARE_SKIPS_PRECISION || m->pe.skips == PARE_SKIPS_ACT_TERMS;
    if (m->skip.column_registers && !is_by_windows)
        return pare_yaml_error(m->yaml, "skip.column_registers", e, PARE_EINPUT,
                               "skip.column_registers is %u, but steps do not depend on the "
                               "columns' windows alone; 0 expected",
                               m->skip.column_registers);
    if (m->mapping.cols == PARE_HOLDS_WINDOWS) return PARE_OK;
    if (!is_by_windows)
        return pare_yaml_error(m->yaml, "mapping.cols", e, PARE_EINPUT,
                               "columns may hold filters, but steps depend on weights; "
                               "mapping.cols windows expected");
    if (m->skip.column_registers)
        return pare_yaml_error(m->yaml, "mapping.cols", e, PARE_EINPUT,
                               "columns may hold filters, but run ahead of each other; "
                               "mapping.cols windows, or skip.column_registers 0, expected");
    return PARE_OK;
}

pare_status sim_skip_check(const pare_machine *m, pare_err *e)
{
    if (*m->values) {
        pare_err why = {0};
        pare_values *v = NULL;
        if (sim_values_parse(m->values, true, NULL, &v, &why) != PARE_OK)
            return pare_yaml_error(m->yaml, "values", e, PARE_EINPUT, "values: %s", why.text);
        pare_values_free(v);
    }
    if (m->memory.model == PARE_MEMORY_BITFUSION && sim_depends_on_values(m))
        return pare_yaml_error(m->yaml, "memory.model", e, PARE_EINPUT,
                               "memory.model 'bitfusion' knows no values; 'limited' or 'ideal' "
                               "expected");
    if (m->pe.skips == PARE_SKIPS_NOTHING) return PARE_OK;
    if (m->pe.style != PARE_PE_TEMPORAL)
        return pare_yaml_error(m->yaml, "pe.skips", e, PARE_EINPUT,
                               "a spatial PE takes every step in one cycle and skips nothing; "
                               "pe.style temporal expected");
    if (m->array.delivery != PARE_BROADCAST || m->array.dataflow != PARE_OUTPUT_STATIONARY)
        return pare_yaml_error(m->yaml, "pe.skips", e, PARE_EINPUT,
                               "steps that differ in length need an output stationary array with "
                               "broadcast delivery; that expected, or pe.skips nothing");
    PARE_TRY(check_digits(m, e));
    return check_columns(m, e);
}

bool sim_depends_on_values(const pare_machine *m)
{
    return (sim_skip_operands(m) | sim_pack_operands(m)) != 0;
}

const char *sim_values_name(const pare_machine *m, const pare_sim_options *options)
{
    return options && options->values ? sim_values_spec(options->values) : m->values;
}

/* ---- one mapping ---- */

enum { WINDOW_VALUES_MAX_LOG2 = 26 };

window_box sim_window_box(const tiling *t, uint64_t w)
{
    const pare_dims *const d = t->d;
    const uint64_t nq = sim_ceil_div(d->q, t->w->tq), np = sim_ceil_div(d->p, t->w->tp);
    window_box b = {
        .q0 = w % nq * t->w->tq, .p0 = w / nq % np * t->w->tp, .n0 = w / nq / np * t->w->tn};
    b.images = sim_min(t->w->tn, d->n - b.n0);
    b.rows = sim_min(t->w->tp, d->p - b.p0);
    b.cols = sim_min(t->w->tq, d->q - b.q0);
    return b;
}

/* The values of a window are listed lane by lane; folding by a large stride makes many of few. */
static pare_status check_window(const tiling *t, const pare_sim_job *job, pare_err *e)
{
    const array_map *const a = t->a;
    const uint64_t n = sim_mul(sim_mul(a->positions, a->channel_scale),
                               sim_mul(t->size[LOOP_C], a->packed_groups));
    if (n <= (uint64_t)1 << WINDOW_VALUES_MAX_LOG2) return PARE_OK;
    return pare_yaml_error(t->m->yaml, "mapping.first_layer", e, PARE_EINPUT,
                           "a window of layer '%s' takes %llu values in the array's lanes, one by "
                           "one; at most 2^%d, or first_layer as_others, expected",
                           job->layer, (unsigned long long)n, WINDOW_VALUES_MAX_LOG2);
}

static uint64_t unpacked_bits(const pare_machine *m, const pare_sim_job *job,
                              const mapping_choice *c)
{
    const value_bits native = sim_value_bits(m, job, false);
    return sim_unpacked_bits(&c->totals, &c->tiles.bits, &native);
}

static void replace_cycles(const dynamic_cycles *d, mapping_choice *c)
{
    tile_totals *const t = &c->totals;
    const double n_steps = (double)t->compute_cycles / (double)c->array.step_cycles;
    t->compute_cycles = d->total;
    t->multiplex_cycles = d->multiplex_cycles;
    t->pe_cycles = d->pe_cycles;
    const uint64_t unpacked = t->work.dram_unpacked_bits;
    t->work = d->work;
    t->work.dram_unpacked_bits = unpacked;
    t->work.mean_step_cycles = (double)d->total / n_steps;
}

pare_status sim_dynamic_choice(const pare_machine *m, const pare_sim_job *job,
                               const layer_values *values, pare_pool *pool,
                               const event_sink *events, mapping_choice *c, pare_err *e)
{
    window_tiles windows;
    sim_window_tiles(&job->dims, c->tn, c->tp, c->tq, &windows);
    tiling t = c->tiles;
    t.m = m;
    t.d = &job->dims;
    t.a = &c->array;
    t.w = &windows;
    dynamic_cycles cycles = {0};
    packed_tiles packed = {0};
    pare_status status;
    c->totals.work.dram_unpacked_bits = unpacked_bits(m, job, c);
    if (sim_skip_operands(m)) {
        PARE_TRY_DONE(check_window(&t, job, e));
        PARE_TRY_DONE(sim_dynamic_cycles(&t, job, values, pool, &cycles, e));
        replace_cycles(&cycles, c);
    }
    PARE_TRY_DONE(sim_pack_tiles(&t, job, values, pool, &packed, e));
    const tile_values each = {cycles.compute, packed.weight_bits, packed.act_bits};
    t.values = &each;
    sim_walk(&t, NULL, events ? events->fn : NULL, events ? events->context : NULL, &c->totals,
             &c->time);
    c->dram_bits = c->totals.dram_weight_bits + c->totals.dram_act_bits + c->totals.dram_out_bits +
                   c->totals.dram_psum_write_bits + c->totals.dram_psum_read_bits;
    c->energy_pj = sim_energy_pj(m, job, &c->totals, c->time.cycles, NULL);
done:
    sim_window_tiles_free(&windows);
    sim_packed_tiles_free(&packed);
    free(cycles.compute);
    return status;
}

/* ---- layers ---- */

/* Where the values of a run come from: the options, or else the machine. */
typedef struct source {
    pare_values *own; /* NULL if the options' */
    const pare_values *values;
    pare_pool *pool;
} source;

static pare_status open_source(const pare_machine *m, const pare_sim_options *options, source *s,
                               pare_err *e)
{
    *s = (source){.values = options ? options->values : NULL};
    if (!s->values && !*m->values) {
        const bool is_packing = !sim_skip_operands(m);
        return pare_yaml_error(m->yaml, is_packing ? "memory.packing" : "pe.skips", e, PARE_EINPUT,
                               "%s depends on values, and none are given; --values, or the key "
                               "values, expected",
                               is_packing ? "memory.packing" : "pe.skips");
    }
    if (!s->values) {
        PARE_TRY(sim_values_parse(m->values, true, m->file, &s->own, e));
        s->values = s->own;
    }
    s->pool = pare_pool_new(options ? options->threads : 0);
    return PARE_OK;
}

static void close_source(source *s)
{
    pare_pool_free(s->pool);
    pare_values_free(s->own);
}

/* The best mapping of each way to lay a layer on the array. */
typedef struct candidates {
    mapping_choice v[ARRAY_MAPS_MAX];
    size_t n;
} candidates;

static pare_status find_candidates(const pare_machine *m, const pare_sim_job *job, candidates *out,
                                   pare_err *e)
{
    array_map maps[ARRAY_MAPS_MAX];
    const size_t n = sim_array_maps(m, job, maps);
    pare_err first = {0};
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        pare_machine one = *m;
        one.mapping.tiles = maps[i].tiles_hold_windows ? PARE_HOLDS_WINDOWS : PARE_HOLDS_FILTERS;
        one.mapping.cols = maps[i].cols_hold_filters ? PARE_HOLDS_FILTERS : PARE_HOLDS_WINDOWS;
        mapping_result found;
        if (sim_search(&one, job, false, &found, &first) == PARE_OK) out->v[out->n++] = found.best;
    }
    if (out->n) return PARE_OK;
    if (e && e->status == PARE_OK) *e = first;
    return first.status;
}

static double objective(const pare_machine *m, const mapping_choice *c, bool is_second)
{
    const double cycles = (double)c->time.cycles;
    switch ((pare_objective)m->mapping.objective) {
    case PARE_OBJECTIVE_ENERGY: return is_second ? cycles : c->energy_pj;
    case PARE_OBJECTIVE_EDP: return is_second ? cycles : c->energy_pj * cycles;
    case PARE_OBJECTIVE_TRAFFIC: return is_second ? cycles : (double)c->dram_bits;
    case PARE_OBJECTIVE_CYCLES: break;
    }
    return is_second ? c->energy_pj : cycles;
}

/* As in the mapping search: the least second criterion among those near the least objective. */
static size_t best_of(const pare_machine *m, const candidates *c)
{
    double least = objective(m, &c->v[0], false);
    for (size_t i = 1; i < c->n; i++) least = fmin(least, objective(m, &c->v[i], false));
    const double limit = least * (1 + m->mapping.slack_frac);
    size_t best = c->n;
    for (size_t i = 0; i < c->n; i++) {
        if (objective(m, &c->v[i], false) > limit) continue;
        if (best == c->n || objective(m, &c->v[i], true) < objective(m, &c->v[best], true))
            best = i;
    }
    return best;
}

/* What the candidates take with the layer's values. */
static pare_status apply(const pare_machine *m, const pare_sim_job *job, const source *s,
                         const event_sink *events, candidates *c, pare_err *e)
{
    const candidates before = *c;
    layer_values values;
    PARE_TRY(sim_values_load(s->values, job, sim_skip_operands(m) | sim_pack_operands(m), s->pool,
                             &values, e));
    pare_status status = PARE_OK;
    for (size_t i = 0; i < c->n && status == PARE_OK; i++)
        status = sim_dynamic_choice(m, job, &values, s->pool, NULL, &c->v[i], e);
    if (events && status == PARE_OK) { /* again, now for its events */
        mapping_choice chosen = before.v[best_of(m, c)];
        status = sim_dynamic_choice(m, job, &values, s->pool, events, &chosen, e);
    }
    sim_layer_values_free(&values);
    return status;
}

pare_status sim_dynamic_mappings(const pare_machine *m, const pare_sim_job *job,
                                 const pare_sim_options *options, mapping_result *found,
                                 pare_err *e)
{
    if (!sim_depends_on_values(m)) return PARE_OK;
    candidates c;
    source s;
    PARE_TRY(find_candidates(m, job, &c, e));
    PARE_TRY(open_source(m, options, &s, e));
    const pare_status status = apply(m, job, &s, NULL, &c, e);
    close_source(&s);
    PARE_TRY(status);
    const size_t best = best_of(m, &c);
    found->best = c.v[best];
    c.v[best] = c.v[--c.n];
    found->has_second = c.n > 0;
    if (c.n) found->second = c.v[best_of(m, &c)];
    found->n_candidates = c.n + 1;
    return PARE_OK;
}

/* The candidates of an earlier layer of the same shape and bits, or new ones. */
static pare_status layer_candidates(const pare_machine *m, const pare_sim_job *jobs, size_t i,
                                    candidates *all, pare_err *e)
{
    for (size_t j = 0; j < i; j++)
        if (sim_is_same_job(&jobs[i], &jobs[j])) {
            all[i] = all[j];
            return PARE_OK;
        }
    PARE_TRY(sim_job_check(m, &jobs[i], e));
    return find_candidates(m, &jobs[i], &all[i], e);
}

pare_status sim_dynamic_layers(const pare_machine *m, const pare_sim_job *jobs, size_t n,
                               const pare_sim_options *options, pare_event_fn *fn, void *context,
                               pare_sim_layer *out, pare_err *e)
{
    const event_sink events = {fn, context};
    source s;
    PARE_TRY(open_source(m, options, &s, e));
    candidates *const all = pare_xalloc(n, sizeof *all);
    pare_status status = PARE_OK;
    for (size_t i = 0; i < n && status == PARE_OK; i++) {
        status = layer_candidates(m, jobs, i, all, e);
        candidates c = all[i];
        if (status == PARE_OK) status = apply(m, &jobs[i], &s, fn ? &events : NULL, &c, e);
        if (status == PARE_OK)
            status = sim_job_stats(m, &jobs[i], &c.v[best_of(m, &c)], &out[i], e);
    }
    free(all);
    close_source(&s);
    return status;
}
