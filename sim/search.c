/* The mapping search: every way to lay the layer on the array, every loop order, and tile sizes
 * that are powers of two times what the array takes at once. It is exhaustive over this space; a
 * candidate is skipped only if a bound proves that it cannot win. A first pass finds the least
 * that the objective can be, a second one the best mapping by the second criterion among those
 * within slack_frac of it. */
#include "sim/core.h"

#include <math.h>
#include <string.h>

enum {
    SIZES_MAX = 40,
    CUTS_MAX = 3 * SIZES_MAX,
    WINDOW_TILES_MAX = 65536, /* finer cuts would only cost memory */
};

/* What a mapping is judged by, smaller is better: the objective, then what breaks near ties. */
typedef struct rank {
    double first, second;
} rank;

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
    size_t n_cuts;
    window_tiles cuts[CUTS_MAX];
    mapping_result *out;
} search;

static uint64_t container_bits(const pare_machine *m, uint64_t bits)
{
    uint64_t wide = m->memory.native_bits;
    while (wide < bits) wide *= 2;
    return wide;
}

value_bits sim_value_bits(const pare_machine *m, const pare_sim_job *job, bool is_packed)
{
    value_bits v = {job->weight_bits, job->act_bits, job->out_bits, m->pe.acc_bits};
    if (m->memory.out_bits) v.out = m->memory.out_bits;
    if (is_packed) return v;
    v.weight = container_bits(m, v.weight);
    v.act = container_bits(m, v.act);
    v.out = container_bits(m, v.out);
    return v;
}

static rank make_rank(const pare_machine *m, double cycles, double energy_pj, double dram_bits)
{
    switch ((pare_objective)m->mapping.objective) {
    case PARE_OBJECTIVE_ENERGY: return (rank){energy_pj, cycles};
    case PARE_OBJECTIVE_EDP: return (rank){energy_pj * cycles, cycles};
    case PARE_OBJECTIVE_TRAFFIC: return (rank){dram_bits, cycles};
    case PARE_OBJECTIVE_CYCLES: break;
    }
    return (rank){cycles, energy_pj};
}

/* Within the limit the second criterion decides, then the first; beyond it the first. */
static bool is_less(const search *s, const rank *a, const rank *b)
{
    const bool a_in = a->first <= s->limit, b_in = b->first <= s->limit;
    if (a_in != b_in) return a_in;
    if (a_in && a->second != b->second) return a->second < b->second;
    if (a->first != b->first) return a->first < b->first;
    return a->second < b->second;
}

static uint64_t dram_bits(const tile_totals *s)
{
    return s->dram_weight_bits + s->dram_act_bits + s->dram_out_bits + s->dram_psum_write_bits +
           s->dram_psum_read_bits;
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
    return make_rank(s->m, (double)cycles, energy_pj, dram_bits);
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
    const double moved = (double)dram_bits(&totals);
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
                        .dram_bits = dram_bits(&totals)};
    c.tiles.a = NULL;
    c.tiles.w = NULL;
    choose(s, &c, &r);
}

/* Loops of one trip have no place in an order, so each order is tried once: groups outermost, then
 * the others in all orders. */
static void consider_orders(search *s, tiling *t, const tile_totals *base)
{
    static const uint8_t orders[6][3] = {
        {LOOP_K, LOOP_W, LOOP_C}, {LOOP_W, LOOP_K, LOOP_C}, {LOOP_K, LOOP_C, LOOP_W},
        {LOOP_W, LOOP_C, LOOP_K}, {LOOP_C, LOOP_K, LOOP_W}, {LOOP_C, LOOP_W, LOOP_K},
    };
    unsigned seen[6] = {0}, n_seen = 0;
    for (int i = 0; i < 6; i++) {
        unsigned signature = 1;
        for (int j = 0; j < 3; j++)
            if (t->n[orders[i][j]] > 1) signature = signature * 4 + orders[i][j];
        bool is_new = true;
        for (unsigned j = 0; j < n_seen; j++) is_new = is_new && seen[j] != signature;
        if (!is_new) continue;
        seen[n_seen++] = signature;
        t->order[0] = LOOP_G;
        memcpy(t->order + 1, orders[i], 3);
        consider(s, t, base);
    }
}

/* the whole, then powers of two times `unit` below it, largest first */
static size_t sizes(uint64_t whole, uint64_t unit, uint64_t out[SIZES_MAX])
{
    size_t n = 0;
    out[n++] = whole;
    uint64_t x = unit;
    while (x < whole && x * 2 < whole) x *= 2;
    for (; x >= unit && x < whole && n < SIZES_MAX; x /= 2) out[n++] = x;
    return n;
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
    const bool is_ideal = s->m->memory.model == PARE_MEMORY_IDEAL;
    tiling t = {.m = s->m, .d = d, .a = a, .w = w, .bits = s->bits};
    t.total[LOOP_G] = d->groups;
    t.total[LOOP_K] = d->k / d->groups;
    t.total[LOOP_C] = d->c / d->groups;
    t.total[LOOP_W] = w->n;
    uint64_t tg[SIZES_MAX], tk[SIZES_MAX], tc[SIZES_MAX];
    const size_t ng = is_ideal ? 1 : sizes(t.total[LOOP_G], a->packed_groups, tg);
    tg[0] = t.total[LOOP_G];
    for (size_t i = 0; i < ng; i++) {
        const bool is_split = tg[i] == 1 && !is_ideal;
        const size_t nk = is_split ? sizes(t.total[LOOP_K], s->m->array.rows, tk) : 1;
        const size_t nc = is_split ? sizes(t.total[LOOP_C], s->m->pe.lanes, tc) : 1;
        tk[0] = t.total[LOOP_K];
        tc[0] = t.total[LOOP_C];
        for (size_t k = 0; k < nk; k++)
            for (size_t c = 0; c < nc; c++) consider_tile(s, &t, tg[i], tk[k], tc[c]);
    }
}

/* ---- cuts of the windows ---- */

static void add_cut(search *s, uint64_t tn, uint64_t tp, uint64_t tq)
{
    const pare_dims *const d = &s->job->dims;
    const uint64_t n =
        sim_mul(sim_ceil_div(d->n, tn), sim_ceil_div(d->p, tp) * sim_ceil_div(d->q, tq));
    if (n > WINDOW_TILES_MAX || s->n_cuts == CUTS_MAX) return;
    sim_window_tiles(d, tn, tp, tq, &s->cuts[s->n_cuts++]);
}

/* whole images, then rows of one image, then pieces of one row */
static void cut_windows(search *s)
{
    const pare_dims *const d = &s->job->dims;
    uint64_t cut[SIZES_MAX];
    size_t n = s->m->memory.model == PARE_MEMORY_IDEAL ? 1 : sizes(d->n, 1, cut);
    cut[0] = d->n;
    for (size_t i = 0; i < n; i++) add_cut(s, cut[i], d->p, d->q);
    if (s->m->memory.model == PARE_MEMORY_IDEAL) return;
    n = sizes(d->p, 1, cut);
    for (size_t i = 1; i < n; i++) add_cut(s, 1, cut[i], d->q);
    n = sizes(d->q, sim_min(s->m->array.cols, d->q), cut);
    for (size_t i = 1; i < n; i++) add_cut(s, 1, 1, cut[i]);
}

static void consider_all(search *s, const array_map *maps, size_t n_maps)
{
    for (size_t i = 0; i < n_maps; i++)
        for (size_t j = 0; j < s->n_cuts; j++) consider_windows(s, &maps[i], &s->cuts[j]);
}

/* Name the buffer that a single change would make large enough, else all three. */
static pare_status too_small(const search *s, pare_err *e)
{
    static const char *const keys[3] = {"buffers.weight_bytes", "buffers.act_bytes",
                                        "buffers.out_bytes"};
    const pare_buffers *const b = &s->m->buffers;
    const uint64_t has[3] = {b->weight_bytes, b->act_bytes, b->out_bytes};
    const uint64_t halves = b->double_buffering ? 2 : 1;
    for (int i = 0; i < 3; i++)
        if (s->enough_bits[i] < UINT64_MAX)
            return pare_yaml_error(
                s->m->yaml, keys[i], e, PARE_EINPUT,
                "%s is %llu, too small for any tile of layer '%s'; at least %llu expected", keys[i],
                (unsigned long long)has[i], s->job->layer,
                (unsigned long long)(sim_ceil_div(s->enough_bits[i], 8) * halves));
    unsigned long long least[3];
    for (int i = 0; i < 3; i++)
        least[i] = sim_max(has[i], sim_ceil_div(s->smallest_bits[i], 8) * halves);
    return pare_yaml_error(s->m->yaml, "buffers", e, PARE_EINPUT,
                           "no tile of layer '%s' fits the buffers; at least weight_bytes %llu, "
                           "act_bytes %llu and out_bytes %llu expected",
                           s->job->layer, least[0], least[1], least[2]);
}

pare_status sim_search(const pare_machine *m, const pare_sim_job *job, bool want_second,
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
                .bits = sim_value_bits(m, job, m->memory.packing != PARE_PACK_NATIVE)};
    array_map maps[ARRAY_MAPS_MAX];
    const size_t n_maps = sim_array_maps(m, job, maps);
    s.least = INFINITY;
    cut_windows(&s);
    consider_all(&s, maps, n_maps);
    s.limit = s.least * (1 + m->mapping.slack_frac);
    s.is_choosing = true;
    if (isfinite(s.least)) consider_all(&s, maps, n_maps);
    for (size_t i = 0; i < s.n_cuts; i++) sim_window_tiles_free(&s.cuts[i]);
    if (s.has_best) return PARE_OK;
    if (s.has_overflow)
        return pare_err_set(e, PARE_EINPUT, m->file, (pare_pos){0, 0},
                            "layer '%s' takes more than 2^60 cycles or bits; a smaller layer or "
                            "batch expected",
                            job->layer);
    return too_small(&s, e);
}
