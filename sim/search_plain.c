/* The mapping search as it is defined: every way to lay the layer on the array, every tile of the
 * space, every loop order. A candidate is skipped only if a bound proves that it cannot win. A
 * first pass finds the least that the objective can be, a second one the best mapping by the
 * second criterion among those within slack_frac of it. search.c finds the same faster; this one
 * is its oracle, names the runner-up, and words the errors. */
#include "sim/search.h"

#include <math.h>
#include <string.h>

typedef struct search {
    const pare_machine *m;
    const pare_sim_job *job;
    uint64_t cap_bits[3]; /* weight, act, out */
    value_bits bits;
    bool wants_second;
    bool is_choosing; /* the second pass: limit is known */
    double least;     /* the first pass: smallest rank.first so far */
    double limit;     /* rank.first up to here competes on rank.second */
    bool has_best, has_overflow;
    uint64_t enough_bits[3];                 /* of one buffer, if the other two are as they are */
    uint64_t smallest_bits[3], smallest_sum; /* of the smallest tile */
    rank best_rank, second_rank;
    search_space space;
    window_tiles cuts[CUTS_MAX]; /* of the space */
    mapping_result *out;
} search;

/* Within the limit the second criterion decides, then the first; beyond it the first. */
static bool is_less(const search *s, const rank *a, const rank *b)
{
    const bool a_in = a->first <= s->limit, b_in = b->first <= s->limit;
    if (a_in != b_in) return a_in;
    if (a_in && a->second != b->second) return a->second < b->second;
    if (a->first != b->first) return a->first < b->first;
    return a->second < b->second;
}

/* Does the tile fit? If not, note what would be enough. */
static bool fits(search *s, const tiling *t)
{
    if (s->m->memory.model == PARE_MEMORY_IDEAL) return true;
    const tile_need n = sim_tile_need(t);
    const uint64_t need[3] = {n.weight_bits, n.act_bits, n.out_bits};
    int n_small = 0, small = 0;
    for (int i = 0; i < 3; i++)
        if (need[i] > s->cap_bits[i]) {
            n_small++;
            small = i;
        }
    if (n_small == 1) s->enough_bits[small] = sim_min(s->enough_bits[small], need[small]);
    const uint64_t sum = sim_add(need[0], sim_add(need[1], need[2]));
    if (sum < s->smallest_sum) {
        s->smallest_sum = sum;
        memcpy(s->smallest_bits, need, sizeof need);
    }
    return n_small == 0;
}

/* The first pass by cycles alone needs no energy. */
static rank rank_of(const search *s, const tile_totals *t, uint64_t cycles, double dram_bits)
{
    const bool needs_energy = s->is_choosing || s->m->mapping.objective != PARE_OBJECTIVE_CYCLES;
    const double energy_pj = needs_energy ? sim_energy_pj(s->m, s->job, t, cycles, NULL) : 0;
    return sim_rank(s->m, (double)cycles, energy_pj, dram_bits);
}

static void keep_second(search *s, const mapping_choice *c, const rank *r)
{
    if (s->out->has_second && !is_less(s, r, &s->second_rank)) return;
    s->out->second = *c;
    s->second_rank = *r;
    s->out->has_second = true;
}

static void choose(search *s, const mapping_choice *c, const rank *r)
{
    s->out->n_candidates++;
    if (!s->has_best) {
        s->out->best = *c;
        s->best_rank = *r;
        s->has_best = true;
    } else if (is_less(s, r, &s->best_rank)) {
        keep_second(s, &s->out->best, &s->best_rank);
        s->out->best = *c;
        s->best_rank = *r;
    } else if (r->first != s->best_rank.first || r->second != s->best_rank.second) {
        keep_second(s, c, r); /* not one that costs the same */
    }
}

/* The rank can only grow from the bound's to the true one, in both criteria. */
static bool can_win(const search *s, const rank *bound)
{
    if (!s->is_choosing) return bound->first < s->least;
    if (s->wants_second || !s->has_best) return bound->first <= s->limit || s->wants_second;
    return bound->first <= s->limit && is_less(s, bound, &s->best_rank);
}

/* One order of the loops; `base` holds what does not depend on it. */
static void consider(search *s, const tiling *t, const tile_totals *base)
{
    tile_totals totals = *base;
    sim_tile_order(t, &totals);
    if (!sim_tile_is_countable(&totals)) {
        s->has_overflow = true;
        return;
    }
    const double moved = (double)sim_dram_bits(&totals);
    const uint64_t bound = sim_tile_bound(t, &totals);
    rank r = rank_of(s, &totals, bound, moved);
    if (!can_win(s, &r)) return;
    const tile_time time = sim_tile_time(t, &totals);
    r = rank_of(s, &totals, time.cycles, moved);
    if (!s->is_choosing) {
        if (r.first < s->least) s->least = r.first;
        return;
    }
    mapping_choice c = {.array = *t->a,
                        .tiles = *t,
                        .tn = t->w->tn,
                        .tp = t->w->tp,
                        .tq = t->w->tq,
                        .totals = totals,
                        .time = time,
                        .energy_pj = sim_energy_pj(s->m, s->job, &totals, time.cycles, NULL),
                        .dram_bits = sim_dram_bits(&totals)};
    c.tiles.a = NULL;
    c.tiles.w = NULL;
    choose(s, &c, &r);
}

static void consider_orders(search *s, tiling *t, const tile_totals *base)
{
    const unsigned orders = sim_space_orders(&s->space, t->n);
    for (int i = 0; i < N_ORDERS; i++) {
        if (!(orders >> i & 1)) continue;
        t->order[0] = LOOP_G;
        memcpy(t->order + 1, sim_orders[i], 3);
        consider(s, t, base);
    }
}

/* By its compute cycles alone, in every order? */
static bool is_too_slow(const search *s, const tile_totals *base)
{
    if (s->m->mapping.objective != PARE_OBJECTIVE_CYCLES) return false;
    const double least = (double)sim_add(base->compute_cycles, base->startup_cycles);
    return s->is_choosing ? least > s->limit && !s->wants_second : least >= s->least;
}

static void consider_tile(search *s, tiling *t, uint64_t groups, uint64_t filters,
                          uint64_t channels)
{
    t->size[LOOP_G] = groups;
    t->size[LOOP_K] = filters;
    t->size[LOOP_C] = channels;
    t->size[LOOP_W] = 0;
    for (int loop = 0; loop < N_LOOPS; loop++)
        t->n[loop] = loop == LOOP_W ? t->w->n : sim_ceil_div(t->total[loop], t->size[loop]);
    if (!fits(s, t)) return;
    tile_totals base;
    sim_tile_totals(t, &base);
    if (!is_too_slow(s, &base)) consider_orders(s, t, &base);
}

static void consider_windows(search *s, const array_map *a, const window_tiles *w)
{
    const pare_dims *const d = &s->job->dims;
    const search_space *const p = &s->space;
    tiling t = {.m = s->m, .d = d, .a = a, .w = w, .bits = s->bits};
    t.total[LOOP_G] = d->groups;
    t.total[LOOP_K] = d->k / d->groups;
    t.total[LOOP_C] = d->c / d->groups;
    t.total[LOOP_W] = w->n;
    for (size_t g = 0; g < p->n_groups; g++)
        for (size_t k = 0; k < sim_space_cuts(p, g, p->n_filters); k++)
            for (size_t c = 0; c < sim_space_cuts(p, g, p->n_channels); c++)
                consider_tile(s, &t, p->groups[g], p->filters[k], p->channels[c]);
}

static void consider_all(search *s, const array_map *maps, size_t n_maps)
{
    for (size_t i = 0; i < n_maps; i++)
        for (size_t j = 0; j < s->space.n_cuts; j++) consider_windows(s, &maps[i], &s->cuts[j]);
}

/* What the machine wants of the tile cannot be had. */
static pare_status wanted_too_large(const search *s, const char *key, uint64_t has, uint64_t least,
                                    pare_err *e)
{
    if (s->space.n_cuts == 0)
        return pare_yaml_error(s->m->yaml, "mapping.tile", e, PARE_EINPUT,
                               "mapping.tile cuts the outputs of layer '%s' into more than %d "
                               "pieces; more images, out_rows or out_cols expected",
                               s->job->layer, WINDOW_TILES_MAX);
    return pare_yaml_error(s->m->yaml, "mapping.tile", e, PARE_EINPUT,
                           "mapping.tile does not fit for layer '%s': %s is %llu; at least %llu, "
                           "or a smaller tile, expected",
                           s->job->layer, key, (unsigned long long)has, (unsigned long long)least);
}

/* Name the buffer that a single change would make large enough, else all three. */
static pare_status too_small(const search *s, pare_err *e)
{
    static const char *const keys[3] = {"buffers.weight_bytes", "buffers.act_bytes",
                                        "buffers.out_bytes"};
    const pare_buffers *const b = &s->m->buffers;
    const uint64_t has[3] = {b->weight_bytes, b->act_bytes, b->out_bytes};
    const uint64_t halves = b->double_buffering ? 2 : 1;
    const bool is_wanted = sim_wants_tile(s->m);
    if (s->space.n_cuts == 0) return wanted_too_large(s, NULL, 0, 0, e);
    for (int i = 0; i < 3; i++) {
        if (s->enough_bits[i] == UINT64_MAX) continue;
        const uint64_t least = sim_ceil_div(s->enough_bits[i], 8) * halves;
        if (is_wanted) return wanted_too_large(s, keys[i], has[i], least, e);
        return pare_yaml_error(
            s->m->yaml, keys[i], e, PARE_EINPUT,
            "%s is %llu, too small for any tile of layer '%s'; at least %llu expected", keys[i],
            (unsigned long long)has[i], s->job->layer, (unsigned long long)least);
    }
    unsigned long long least[3];
    for (int i = 0; i < 3; i++)
        least[i] = sim_max(has[i], sim_ceil_div(s->smallest_bits[i], 8) * halves);
    return pare_yaml_error(s->m->yaml, is_wanted ? "mapping.tile" : "buffers", e, PARE_EINPUT,
                           "no tile of layer '%s' %sfits the buffers; at least weight_bytes %llu, "
                           "act_bytes %llu and out_bytes %llu%s expected",
                           s->job->layer, is_wanted ? "of mapping.tile's sizes " : "", least[0],
                           least[1], least[2], is_wanted ? ", or a smaller tile," : "");
}

pare_status sim_search_plain(const pare_machine *m, const pare_sim_job *job, bool want_second,
                             mapping_result *out, pare_err *e)
{
    *out = (mapping_result){0};
    const uint64_t usable = m->buffers.double_buffering ? 4 : 8; /* bits per byte in one half */
    search s = {.m = m,
                .job = job,
                .wants_second = want_second,
                .enough_bits = {UINT64_MAX, UINT64_MAX, UINT64_MAX},
                .smallest_sum = UINT64_MAX,
                .out = out,
                .cap_bits = {sim_mul(m->buffers.weight_bytes, usable),
                             sim_mul(m->buffers.act_bytes, usable),
                             sim_mul(m->buffers.out_bytes, usable)},
                .bits = sim_value_bits(m, job, sim_is_packed(m))};
    array_map maps[ARRAY_MAPS_MAX];
    const size_t n_maps = sim_array_maps(m, job, maps);
    s.least = INFINITY;
    sim_space(m, &job->dims, maps[0].packed_groups, &s.space);
    for (size_t i = 0; i < s.space.n_cuts; i++)
        sim_window_tiles(&job->dims, s.space.cuts[i].tn, s.space.cuts[i].tp, s.space.cuts[i].tq,
                         &s.cuts[i]);
    consider_all(&s, maps, n_maps);
    s.limit = s.least * (1 + m->mapping.slack_frac);
    s.is_choosing = true;
    if (isfinite(s.least)) consider_all(&s, maps, n_maps);
    for (size_t i = 0; i < s.space.n_cuts; i++) sim_window_tiles_free(&s.cuts[i]);
    if (s.has_best) return PARE_OK;
    if (s.has_overflow)
        return pare_err_set(e, PARE_EINPUT, m->file, (pare_pos){0, 0},
                            "layer '%s' takes more than 2^60 cycles or bits; a smaller layer or "
                            "batch expected",
                            job->layer);
    return too_small(&s, e);
}
