/* The mapping search by bounds: the same choice as search_plain.c, sooner.
 *
 * The choice is the best by the second criterion among the mappings whose objective is within
 * slack_frac of the least one. Every tile of the space gets bounds from below of both criteria
 * (search_bounds.c). The tile that promises the best second criterion is opened into its loop
 * orders, with tighter bounds, and those into exact values, until nothing left can be better than
 * the best found. How small the objective can be is only known to lie between two numbers; they
 * are brought together as far as needed to say whether a mapping competes. */
#include "sim/searcher.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t container_bits(const pare_machine *m, uint64_t bits)
{
    uint64_t wide = m->memory.native_bits;
    while (wide < bits) wide *= 2;
    return wide;
}

value_bits sim_value_bits(const pare_machine *m, const pare_sim_job *job, bool is_packed)
{
    const uint32_t weight = job->weight_stored_bits ? job->weight_stored_bits : job->weight_bits;
    value_bits v = {weight, job->act_bits, job->out_bits, m->pe.acc_bits};
    if (m->memory.out_bits) v.out = m->memory.out_bits;
    if (is_packed) return v;
    v.weight = container_bits(m, v.weight);
    v.act = container_bits(m, v.act);
    v.out = container_bits(m, v.out);
    return v;
}

/* ---- one tile in one order, exactly ---- */

static void look_at(searcher *s, const entry *c)
{
    const block *const b = &s->blocks[c->block];
    const cut_state *const cut = &s->cuts[c->cut];
    s->windows.n = cut->n;
    s->windows.sum_pixels = cut->sum_pixels;
    s->windows.max_pixels = cut->max_pixels;
    s->windows.max_windows = cut->max_windows;
    tiling *const t = &s->tiles;
    t->a = &s->maps[c->map].array;
    memcpy(t->size, b->size, sizeof t->size);
    memcpy(t->n, b->n, sizeof t->n);
    t->n[LOOP_W] = t->total[LOOP_W] = cut->n;
    t->order[0] = LOOP_G;
    memcpy(t->order + 1, sim_orders[c->order], 3);
}

/* Transfers that the array's work on one tile may have to hide, at most. */
static uint64_t most_hidden(const searcher *s, const block *b, const cut_state *cut)
{
    const uint64_t filters = b->size[LOOP_G] * b->size[LOOP_K];
    const uint64_t channels = b->size[LOOP_G] * b->size[LOOP_C];
    const bool has_psums = b->n[LOOP_C] > 1;
    const uint64_t outputs = filters * cut->max_windows;
    const uint64_t stored =
        outputs * (has_psums ? sim_max(s->bits.psum, s->bits.out) : s->bits.out);
    const uint64_t loaded = has_psums ? outputs * s->bits.psum : 0;
    return s->m->dram.latency_cycles + b->load_cycles +
           sim_divide_up(&s->transfer, channels * cut->max_pixels * s->bits.act) +
           sim_divide_up(&s->transfer, stored) + sim_divide_up(&s->transfer, loaded);
}

/* Cycles of the tile with the fewest. */
static uint64_t least_tile_cycles(const searcher *s, const map_state *m, const block *b,
                                  const cut_state *cut)
{
    return sim_tile_cycles(&m->array, sim_last_size(s->total, b, LOOP_G),
                           sim_last_size(s->total, b, LOOP_K), sim_last_size(s->total, b, LOOP_C),
                           cut->last.windows);
}

/* If no tile can stall, the sum of all says it; else stage by stage. false: too many kinds. */
static bool find_time(searcher *s, const entry *c, const tile_totals *t, tile_time *out)
{
    const cut_state *const cut = &s->cuts[c->cut];
    const block *const b = &s->blocks[c->block];
    *out = (tile_time){t->startup_cycles + t->compute_cycles, t->startup_cycles, 0};
    if (s->space.is_ideal ||
        most_hidden(s, b, cut) <= least_tile_cycles(s, &s->maps[c->map], b, cut))
        return true;
    if (s->kinds_cut != c->cut && !sim_window_kinds(cut->axes, &s->kinds)) return false;
    s->kinds_cut = c->cut;
    sim_stage_table(&s->tiles, &s->kinds, &s->transfer, &s->stages);
    *out = sim_stage_time(&s->stages, &s->tiles, t->startup_cycles);
    return true;
}

/* What the tile in focus moves and computes. */
static void count(const searcher *s, const entry *c, tile_totals *t)
{
    const cut_state *const cut = &s->cuts[c->cut];
    const uint64_t sets = sim_window_sets(cut, s->tiles.a->windows);
    sim_tile_totals_of(&s->tiles, sets, &cut->first, &cut->last, t);
    sim_tile_order(&s->tiles, t);
}

static bool find_exactly(searcher *s, size_t i)
{
    entry *const c = &s->entries[i];
    tile_totals t;
    look_at(s, c);
    count(s, c, &t);
    if (!find_time(s, c, &t, &s->times[i])) return false;
    const uint64_t cycles = s->times[i].cycles;
    double energy_pj = 0;
    if (sim_needs_energy(s)) energy_pj = sim_mapping_pj(s->m, s->products_pj, &t, cycles, NULL);
    rank r = sim_rank(s->m, (double)cycles, energy_pj, (double)sim_dram_bits(&t));
    if (!sim_tile_is_countable(&t)) r = (rank){INFINITY, INFINITY};
    c->state = ENTRY_EXACT;
    s->first[i] = r.first;
    s->second[i] = r.second;
    s->least_at_most = fmin(s->least_at_most, r.first);
    return true;
}

/* ---- what still competes ---- */

static double limit_of(const searcher *s, double least)
{
    return least * (1 + s->m->mapping.slack_frac);
}

static void free_entries(searcher *s)
{
    if (s->entries == s->own_entries) return;
    free(s->entries);
    free(s->first);
    free(s->times);
}

/* Room for n more. */
static void make_room(searcher *s, size_t n)
{
    if (s->n + n <= s->capacity) return;
    const size_t capacity = 2 * s->capacity + n;
    entry *const entries = pare_xalloc(capacity, sizeof *entries);
    double *const first = pare_xalloc(2 * (capacity + LANES), sizeof *first);
    tile_time *const times = pare_xalloc(capacity, sizeof *times);
    memcpy(entries, s->entries, s->n * sizeof *entries);
    memcpy(first, s->first, s->n * sizeof *first);
    memcpy(first + capacity + LANES, s->second, s->n * sizeof *first);
    memcpy(times, s->times, s->n * sizeof *times);
    free_entries(s);
    s->entries = entries;
    s->first = first;
    s->second = first + capacity + LANES;
    s->times = times;
    s->capacity = capacity;
}

/* Into its loop orders; it becomes the first of them. */
static void open_tile(searcher *s, size_t i)
{
    entry c = s->entries[i];
    const block *const b = &s->blocks[c.block];
    const cut_state *const cut = &s->cuts[c.cut];
    const map_state *const m = &s->maps[c.map];
    const uint64_t n[N_LOOPS] = {
        [LOOP_K] = b->n[LOOP_K], [LOOP_W] = cut->n, [LOOP_C] = b->n[LOOP_C]};
    const unsigned orders = sim_space_orders(&s->space, n);
    const uint64_t sets = sim_window_sets(cut, m->array.windows);
    bool is_first = true;
    make_room(s, N_ORDERS);
    c.state = ENTRY_ORDER;
    rank bounds[N_ORDERS];
    sim_bounds_orders(s, m, cut, b, sets, orders, bounds);
    for (int o = 0; o < N_ORDERS; o++) {
        if (!(orders >> o & 1)) continue;
        c.order = (uint8_t)o;
        const size_t at = is_first ? i : s->n++;
        s->entries[at] = c;
        s->first[at] = bounds[o].first;
        s->second[at] = bounds[o].second;
        is_first = false;
    }
}

static bool step_into(searcher *s, size_t i)
{
    if (s->entries[i].state == ENTRY_ORDER) return find_exactly(s, i);
    open_tile(s, i);
    return true;
}

/* Until some mapping's objective is known: of one that may well be the choice. */
static bool find_any(searcher *s)
{
    while (s->n > 0 && s->least_at_most == INFINITY) {
        const double least = s->first[sim_find_least(s->first, s->n)];
        if (least == INFINITY) return true;
        if (!step_into(s, sim_find_least_within(s->second, s->first, limit_of(s, least), s->n)))
            return false;
    }
    return true;
}

/* Bring the two limits of the least objective together by one step. */
static bool narrow(searcher *s)
{
    const size_t i = sim_find_least(s->first, s->n);
    const bool is_new = s->first[i] > s->least_at_least;
    s->least_at_least = s->first[i];
    return is_new || s->entries[i].state == ENTRY_EXACT || step_into(s, i);
}

/* ---- the choice ---- */

static bool is_better(const searcher *s, const rank *r, uint64_t number)
{
    if (!s->has_best || r->second != s->best_rank.second)
        return !s->has_best || r->second < s->best_rank.second;
    if (r->first != s->best_rank.first) return r->first < s->best_rank.first;
    return number < s->best_number;
}

static uint64_t number_of(const searcher *s, const entry *c)
{
    const uint64_t cut = (uint64_t)c->map * s->space.n_cuts + c->cut;
    return (cut * s->n_blocks + c->block) * N_ORDERS + c->order;
}

static void keep_if_better(searcher *s, size_t i)
{
    const rank r = {s->first[i], s->second[i]};
    const uint64_t number = number_of(s, &s->entries[i]);
    if (!is_better(s, &r, number)) return;
    s->has_best = true;
    s->best_rank = r;
    s->best_number = number;
    s->best = s->entries[i];
    s->best_time = s->times[i];
}

/* Leave out what is known not to compete. */
static void sift(searcher *s)
{
    const double limit = limit_of(s, s->least_at_most);
    double *const first = s->first, *const second = s->second;
    entry *const entries = s->entries;
    const size_t n_all = s->n;
    size_t n = 0;
    for (size_t i = 0; i < n_all; i++) {
        if (first[i] > limit) continue;
        entries[n] = entries[i];
        first[n] = first[i];
        second[n] = second[i];
        if (entries[i].state == ENTRY_EXACT) s->times[n] = s->times[i];
        n++;
    }
    s->n = n;
}

static bool choose(searcher *s)
{
    sift(s);
    while (s->n > 0) {
        const size_t i = sim_find_least(s->second, s->n);
        const double first = s->first[i], second = s->second[i];
        if (second == INFINITY || (s->has_best && second > s->best_rank.second)) return true;
        if (first > limit_of(s, s->least_at_most)) {
            s->second[i] = INFINITY;
        } else if (first > limit_of(s, s->least_at_least)) {
            if (!narrow(s)) return false;
        } else if (s->entries[i].state == ENTRY_EXACT) {
            keep_if_better(s, i);
            s->second[i] = INFINITY;
        } else if (!step_into(s, i)) {
            return false;
        }
    }
    return true;
}

static void describe_best(searcher *s, mapping_choice *out)
{
    const entry *const c = &s->best;
    const window_cut *const cut = &s->space.cuts[c->cut];
    look_at(s, c);
    out->array = *s->tiles.a;
    out->tiles = s->tiles;
    out->tiles.a = NULL;
    out->tiles.w = NULL;
    out->tn = cut->tn;
    out->tp = cut->tp;
    out->tq = cut->tq;
    count(s, c, &out->totals);
    out->time = s->best_time;
    out->energy_pj = sim_mapping_pj(s->m, s->products_pj, &out->totals, out->time.cycles, NULL);
    out->dram_bits = sim_dram_bits(&out->totals);
}

/* ---- the candidates ---- */

/* All blocks of a cut but those that do not fit or take more than what is known to be possible. */
static void add_cut(searcher *s, size_t map, size_t cut, uint64_t sets)
{
    const double limit = fmin(limit_of(s, s->least_at_most), DBL_MAX);
    const size_t n_blocks = s->n_blocks;
    sim_bounds_row(s, &s->cuts[cut], sets);
    make_room(s, n_blocks);
    const bounds_row *const row = &s->row;
    const double *const firsts[] = {[PARE_OBJECTIVE_CYCLES] = row->cycles,
                                    [PARE_OBJECTIVE_ENERGY] = row->energy_pj,
                                    [PARE_OBJECTIVE_EDP] = row->edp,
                                    [PARE_OBJECTIVE_TRAFFIC] = row->bits};
    const int objective = s->m->mapping.objective;
    const double *const row_first = firsts[objective];
    const double *const row_second =
        objective == PARE_OBJECTIVE_CYCLES ? row->energy_pj : row->cycles;
    double *const first = s->first, *const second = s->second;
    entry *const entries = s->entries;
    size_t n = s->n;
    for (size_t i = 0; i < n_blocks; i++) {
        entries[n] = (entry){(uint16_t)i, (uint8_t)map, (uint8_t)cut, 0, ENTRY_TILE};
        first[n] = row_first[i];
        second[n] = row_second[i];
        n += row_first[i] <= limit;
    }
    s->n = n;
}

static void add_map(searcher *s, size_t map)
{
    map_state *const m = &s->maps[map];
    const bool is_by_cycles = s->m->mapping.objective == PARE_OBJECTIVE_CYCLES;
    const double limit = limit_of(s, s->least_at_most);
    if (s->n_blocks == 0 || (is_by_cycles && (double)m->least_cycles > limit)) return;
    sim_searcher_fill_map(s, m);
    sim_bounds_columns(s, m);
    for (size_t i = 0; i < s->space.n_cuts; i++) {
        const uint64_t sets = sim_window_sets(&s->cuts[i], m->array.windows);
        if (sim_bounds_cut(s, &s->cuts[i], sets) <= limit) add_cut(s, map, i, sets);
    }
}

static bool run(searcher *s)
{
    for (size_t i = 0; i < s->n_maps; i++) {
        add_map(s, s->map_order[i]);
        if (!find_any(s)) return false;
    }
    return choose(s) && s->has_best;
}

pare_status sim_searcher_find(searcher *s, const pare_sim_job *job, mapping_choice *out,
                              pare_err *e)
{
    s->entries = s->own_entries;
    s->first = s->own_bounds;
    s->second = s->own_bounds + ENTRIES_ON_STACK + LANES;
    s->times = s->own_times;
    s->capacity = ENTRIES_ON_STACK;
    s->n = 0;
    s->least_at_most = INFINITY;
    s->least_at_least = -INFINITY;
    s->kinds_cut = SIZE_MAX;
    s->has_best = false;
    bool is_done = false;
    if (sim_searcher_set_up(s, job)) {
        const pare_dims *const d = &job->dims;
        s->windows = (window_tiles){.sum_windows = (uint64_t)d->n * d->p * d->q};
        s->tiles = (tiling){.m = s->m, .d = d, .w = &s->windows, .bits = s->bits};
        memcpy(s->tiles.total, s->total, sizeof s->total);
        is_done = run(s);
        if (is_done) describe_best(s, out);
    }
    free_entries(s);
    if (is_done) return PARE_OK;
    mapping_result found;
    PARE_TRY(sim_search_plain(s->m, job, false, &found, e));
    *out = found.best;
    return PARE_OK;
}

pare_status sim_search(const pare_machine *m, const pare_sim_job *job, bool want_second,
                       mapping_result *out, pare_err *e)
{
    if (want_second) return sim_search_plain(m, job, true, out, e);
    searcher s;
    sim_searcher_start(&s, m);
    *out = (mapping_result){0};
    return sim_searcher_find(&s, job, &out->best, e);
}
