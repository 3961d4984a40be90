/* What a tile takes at least, by its array cycles, its first load and last store, and the fetches
 * that no order of the loops avoids. Doubles, which hold these whole numbers exactly as far as
 * 2^53; beyond it, and where fractions occur, the bounds are lowered by more than rounding adds. */
#include "sim/searcher.h"

#include <math.h>
#include <string.h>

/* Compiled once more for processors that hold four or eight doubles at a time. */
#if defined __x86_64__ && defined __gnu_linux__ && defined __GNUC__ && !defined __clang__
#define WIDE  __attribute__((target_clones("avx512f", "avx2", "default")))
#define WIDE4 __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#define WIDE4
#endif

static const double LARGE = 0x1p52;

static inline double greater(double a, double b) { return a > b ? a : b; }
static inline double lesser(double a, double b) { return a < b ? a : b; }

/* 1 / divisor, low enough that rounded_up never exceeds x / divisor rounded up. */
static double low_inverse(const searcher *s)
{
    return s->space.is_ideal ? 0 : s->transfer.inverse * (1 - 0x1p-50);
}

/* To a whole number, by adding one so large that only whole numbers are left. */
static inline double rounded_up(double x, double inverse)
{
    const double v = (x * inverse + (0.5 - 0x1p-21)) + LARGE;
    return v - LARGE;
}

/* Whole numbers are exact below LARGE; others may have been rounded up. */
static inline double surely_whole(double x) { return x > LARGE ? x * (1 - 0x1p-40) : x; }

/* The rates' rounding errors are far below this. */
static inline double surely_pj(double x) { return x * (1 - 1e-9); }

static block_cost cost_of(const searcher *s, const map_state *m, const block *b)
{
    const energy_rates *const r = &s->rates;
    const pare_dims *const d = &s->dims;
    const array_map *const a = &m->array;
    const double groups = (double)m->group_sets[b->group];
    const double filters = (double)m->filter_sets[b->filter], folds = groups * filters;
    const double steps = (double)m->steps[b->channel];
    const double start_cycles = (double)(a->fold_cycles + a->load_cycles);
    const bool stays = a->streams == LOOP_W; /* the weights */
    const double rounds = a->streams == LOOP_C ? (double)b->n[LOOP_C] : steps;
    const double trips_k = (double)b->n[LOOP_K];
    const double starts = groups * (a->streams == LOOP_K ? trips_k : filters) * rounds;
    const double read_pj = (double)s->weight_bits * r->weight_read_pj;
    const double outputs = (double)s->out_bits / (double)s->bits.out;
    const double width = (double)(rounds > 1 ? s->bits.psum : s->bits.out);
    const double windows = (double)d->n * d->p * d->q;
    const double reads =
        windows * (double)(s->total[LOOP_G] * s->total[LOOP_C]) * (double)pare_dims_positions(d);
    const double sets_k = a->streams == LOOP_K ? trips_k : a->packed_groups > 1 ? 1 : filters;
    const double again_cycles = starts * start_cycles, again_pj = starts * m->start_pj + read_pj;
    return (block_cost){
        .set_cycles = folds * steps * (double)a->step_cycles + (stays ? 0 : again_cycles),
        .cut_cycles = stays ? again_cycles : 0,
        .set_pj = folds * steps * m->step_pj + (stays ? 0 : again_pj),
        .cut_pj = stays ? again_pj : 0,
        .fixed_pj = s->base_pj +
                    outputs * ((double)m->pe_steps[b->channel] * (double)a->busy_cycles * r->pe_pj +
                               width * rounds * r->output_pj) +
                    (double)s->weight_bits * r->weight_fetch_pj +
                    reads * sets_k * (double)s->bits.act * r->act_read_pj +
                    (double)s->out_bits * r->store_pj};
}

void sim_bounds_columns(searcher *s, const map_state *m)
{
    block_columns *const c = &s->columns;
    block_cost cost = {0}, least = {INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};
    for (size_t i = 0; i < sim_whole_lanes(s->n_blocks); i++) {
        if (i < s->n_blocks) cost = cost_of(s, m, &s->blocks[i]);
        least = (block_cost){lesser(cost.set_cycles, least.set_cycles),
                             lesser(cost.cut_cycles, least.cut_cycles),
                             lesser(cost.fixed_pj, least.fixed_pj),
                             lesser(cost.set_pj, least.set_pj), lesser(cost.cut_pj, least.cut_pj)};
        c->set_cycles[i] = cost.set_cycles;
        c->cut_cycles[i] = cost.cut_cycles;
        c->fixed_pj[i] = cost.fixed_pj;
        c->set_pj[i] = cost.set_pj;
        c->cut_pj[i] = cost.cut_pj;
    }
    c->least = least;
}

double sim_bounds_cut(const searcher *s, const cut_state *cut, uint64_t sets)
{
    const block_cost *const c = &s->columns.least;
    const double n = (double)cut->n, sets_w = (double)sets;
    const double busy = rounded_up((double)cut->least_bits, low_inverse(s));
    const double compute = sets_w * c->set_cycles + n * c->cut_cycles;
    const double cycles = surely_whole(greater(compute, busy));
    const double pj = c->fixed_pj + sets_w * c->set_pj + n * c->cut_pj +
                      (double)cut->act_bits * s->rates.act_fetch_pj + cycles * s->rates.cycle_pj;
    return sim_rank(s->m, cycles, surely_pj(pj), surely_whole((double)cut->least_bits)).first;
}

/* What is the same for all blocks of a cut. Fetching anew: windows fetch weights again, filters
 * activations, channels partial sums, each unless it is the innermost loop. */
typedef struct cut_cost {
    double n, sets, inverse, latency;
    double first_act_bits, most_act_bits; /* per channel */
    double last_out_bits, most_windows;   /* per filter */
    double least_bits;
    double weights_again_bits, acts_bits, psums_bits;
    double weights_again_pj, acts_pj, psums_pj;
    double cap_act_bits, cap_out_bits;
} cut_cost;

static cut_cost cut_cost_of(const searcher *s, const cut_state *cut, uint64_t sets)
{
    const energy_rates *const r = &s->rates;
    const bool is_ideal = s->space.is_ideal;
    cut_cost c = {.n = (double)cut->n,
                  .sets = (double)sets,
                  .inverse = low_inverse(s),
                  .latency = is_ideal ? 0 : s->m->dram.latency_cycles,
                  .first_act_bits = (double)(cut->first.pixels * s->bits.act),
                  .most_act_bits = (double)(cut->max_pixels * s->bits.act),
                  .last_out_bits = (double)(cut->last.windows * s->bits.out),
                  .most_windows = (double)cut->max_windows,
                  .least_bits = (double)cut->least_bits,
                  .acts_bits = (double)cut->act_bits,
                  .psums_bits = (double)s->psum_bits,
                  .cap_act_bits = is_ideal ? INFINITY : (double)s->cap_bits[1],
                  .cap_out_bits = is_ideal ? INFINITY : (double)s->cap_bits[2]};
    c.weights_again_bits = (double)s->weight_bits * (c.n - 1);
    c.weights_again_pj = c.weights_again_bits * r->weight_fetch_pj;
    c.acts_pj = c.acts_bits * r->act_fetch_pj;
    c.psums_pj = c.psums_bits * r->psum_pj;
    return c;
}

/* Time by the array alone or by DRAM alone. Every stage but the last loads, so it pays the latency;
 * in the last one DRAM has at most one tile to store. */
static inline double least_cycles(const cut_cost *k, double startup_cycles, double compute_cycles,
                                  double hidden_bits, double tiles)
{
    const double busy = rounded_up(greater(hidden_bits, 0), k->inverse) + (tiles - 1) * k->latency;
    return surely_whole(startup_cycles + greater(compute_cycles, busy));
}

/* Of what can be fetched anew, the dearest is not. */
WIDE void sim_bounds_row(searcher *s, const cut_state *cut, uint64_t sets)
{
    const cut_cost k = cut_cost_of(s, cut, sets);
    const block_columns *const c = &s->columns;
    bounds_row *const row = &s->row;
    const double cycle_pj = s->rates.cycle_pj;
    const size_t n = sim_whole_lanes(s->n_blocks);
    for (size_t i = 0; i < n; i++) {
        const double act_bits = c->channels[i] * k.first_act_bits;
        const double out_bits = c->last_filters[i] * k.last_out_bits;
        const double startup = 2 * k.latency + c->load_cycles[i] + rounded_up(act_bits, k.inverse) +
                               rounded_up(out_bits, k.inverse);
        const double compute = k.sets * c->set_cycles[i] + k.n * c->cut_cycles[i];
        const double acts = k.acts_bits * c->more_filters[i];
        const double psums = k.psums_bits * c->more_channels[i];
        const double spared = greater(k.weights_again_bits, greater(acts, psums));
        const double moved = k.least_bits + (k.weights_again_bits + acts + psums - spared);
        const double tiles = c->tiles[i] * k.n;
        const double outputs = c->filters[i] * k.most_windows;
        const double late = lesser(tiles - 1, 1) * outputs * c->widest_bits[i];
        const double hidden = moved - (c->weight_bits[i] + act_bits + out_bits + late);
        const double cycles = least_cycles(&k, startup, compute, hidden, tiles);
        const double acts_pj = k.acts_pj * c->more_filters[i];
        const double psums_pj = k.psums_pj * c->more_channels[i];
        const double spared_pj = greater(k.weights_again_pj, greater(acts_pj, psums_pj));
        const double pj = c->fixed_pj[i] + k.sets * c->set_pj[i] + k.n * c->cut_pj[i] + k.acts_pj +
                          (k.weights_again_pj + acts_pj + psums_pj - spared_pj);
        const double act_room = k.cap_act_bits - c->channels[i] * k.most_act_bits;
        const double out_room = k.cap_out_bits - outputs * c->stored_bits[i];
        const double tile_room = (double)(SIM_TILES_MAX - 1) - tiles;
        const double room = lesser(act_room, lesser(out_room, tile_room));
        const double energy_pj = surely_pj(pj + cycles * cycle_pj), bits = surely_whole(moved);
        row->cycles[i] = room < 0 ? INFINITY : cycles;
        row->energy_pj[i] = room < 0 ? INFINITY : energy_pj;
        row->edp[i] = room < 0 ? INFINITY : energy_pj * cycles;
        row->bits[i] = room < 0 ? INFINITY : bits;
    }
}

/* The innermost loop of several trips; groups if there is none. */
static int innermost(const block *b, const cut_state *cut, int order)
{
    for (int i = 3; i-- > 0;) {
        const int loop = sim_orders[order][i];
        if ((loop == LOOP_W ? cut->n : b->n[loop]) > 1) return loop;
    }
    return LOOP_G;
}

/* What the stages of a tile are sure to move, in cycles, and the longest that the array works. */
typedef struct stage_cost {
    double weights, acts, store, compute;
} stage_cost;

static stage_cost stage_cost_of(const searcher *s, const map_state *m, const cut_state *cut,
                                const block *b)
{
    const double inverse = low_inverse(s);
    const uint64_t groups = sim_last_size(s->total, b, LOOP_G);
    const uint64_t filters = groups * sim_last_size(s->total, b, LOOP_K);
    const uint64_t channels = sim_last_size(s->total, b, LOOP_C);
    const uint64_t positions = pare_dims_positions(&s->dims);
    const uint64_t stored = b->n[LOOP_C] > 1 ? sim_min(s->bits.out, s->bits.psum) : s->bits.out;
    const uint64_t compute = sim_tile_cycles(&m->array, b->size[LOOP_G], b->size[LOOP_K],
                                             b->size[LOOP_C], cut->max_windows);
    return (stage_cost){
        rounded_up((double)(filters * channels * positions * s->bits.weight), inverse),
        rounded_up((double)(groups * channels * cut->min_pixels * s->bits.act), inverse),
        rounded_up((double)(filters * cut->last.windows * stored), inverse), (double)compute};
}

/* Cycles that the array is sure to wait between tiles. Where the innermost loop begins anew,
 * weights and activations are both loaded; where it goes on, all but what it does not index. Each
 * stage but the first stores what the one before made, unless that is summed further. */
static double least_stall(const stage_cost *c, double latency, double tiles, double inner_trips,
                          int inner)
{
    const bool stores = inner == LOOP_K || inner == LOOP_W;
    const double anew = tiles / inner_trips - 1, on = tiles - tiles / inner_trips - 1;
    const double store = stores ? c->store : 0, both = latency + c->weights + c->acts + store;
    const double one = both - (inner == LOOP_W ? c->weights : inner == LOOP_K ? c->acts : 0);
    return greater(anew, 0) * greater(both - c->compute, 0) +
           greater(on, 0) * greater(one - c->compute, 0);
}

void sim_bounds_orders(const searcher *s, const map_state *m, const cut_state *cut, const block *b,
                       uint64_t sets, unsigned orders, rank out[N_ORDERS])
{
    const cut_cost k = cut_cost_of(s, cut, sets);
    const block_cost cost = cost_of(s, m, b);
    const block_columns *const c = &s->columns;
    const size_t i = (size_t)(b - s->blocks);
    const double act_bits = c->channels[i] * k.first_act_bits;
    const double out_bits = c->last_filters[i] * k.last_out_bits;
    const double startup = 2 * k.latency + c->load_cycles[i] + rounded_up(act_bits, k.inverse) +
                           rounded_up(out_bits, k.inverse);
    const double compute = k.sets * cost.set_cycles + k.n * cost.cut_cycles;
    const double acts = k.acts_bits * c->more_filters[i];
    const double psums = k.psums_bits * c->more_channels[i];
    const double acts_pj = k.acts_pj * c->more_filters[i];
    const double psums_pj = k.psums_pj * c->more_channels[i];
    const double tiles = c->tiles[i] * k.n;
    const double late = lesser(tiles - 1, 1) * c->filters[i] * k.most_windows * c->widest_bits[i];
    const double unhidden = c->weight_bits[i] + act_bits + out_bits + late;
    const double fixed_pj = cost.fixed_pj + k.sets * cost.set_pj + k.n * cost.cut_pj + k.acts_pj;
    const stage_cost stage = stage_cost_of(s, m, cut, b);
    for (int o = 0; o < N_ORDERS; o++) {
        if (!(orders >> o & 1)) continue;
        const int inner = innermost(b, cut, o);
        const double again = (inner == LOOP_W ? 0 : k.weights_again_bits) +
                             (inner == LOOP_K ? 0 : acts) + (inner == LOOP_C ? 0 : psums);
        const double again_pj = (inner == LOOP_W ? 0 : k.weights_again_pj) +
                                (inner == LOOP_K ? 0 : acts_pj) + (inner == LOOP_C ? 0 : psums_pj);
        const double moved = k.least_bits + again;
        const double trips = inner == LOOP_G ? 1 : inner == LOOP_W ? k.n : (double)b->n[inner];
        const double stall =
            s->space.is_ideal ? 0 : least_stall(&stage, k.latency, tiles, trips, inner);
        const double cycles = least_cycles(&k, startup, compute + stall, moved - unhidden, tiles);
        const double pj = fixed_pj + again_pj + cycles * s->rates.cycle_pj;
        out[o] = sim_rank(s->m, cycles, surely_pj(pj), surely_whole(moved));
    }
}

/* ---- the least of many ---- */

typedef double four __attribute__((vector_size(32)));
typedef int64_t four_masks __attribute__((vector_size(32)));

/* The least of four values and where it was, of all looked at so far. */
#define SEE(x, at, least, where)                                                                   \
    do {                                                                                           \
        const four_masks is_less = (x) < (least);                                                  \
        (least) = (four)(((four_masks)(x)&is_less) | ((four_masks)(least) & ~is_less));            \
        (where) = ((at)&is_less) | ((where) & ~is_less);                                           \
    } while (0)

/* Of the four, the least; of equal ones the first. */
static inline size_t first_of(const double least[4], const int64_t where[4])
{
    int best = 0;
    for (int j = 1; j < 4; j++) {
        /* cppcheck-suppress objectIndex; the arrays are vectors of four */
        const bool is_before = least[j] == least[best] && where[j] < where[best];
        /* cppcheck-suppress objectIndex; the arrays are vectors of four */
        best = least[j] < least[best] || is_before ? j : best;
    }
    return (size_t)where[best];
}

/* Whole steps may look at a few values behind the last one. */
static inline void pad(double *v, size_t n)
{
    for (size_t j = 0; j < 4; j++) v[n + j] = INFINITY;
}

WIDE4 size_t sim_find_least(double *v, size_t n)
{
    pad(v, n);
    four least = {INFINITY, INFINITY, INFINITY, INFINITY};
    four_masks where = {0}, at = {0, 1, 2, 3};
    for (size_t i = 0; i < n; i += 4, at += 4) {
        four x;
        memcpy(&x, v + i, sizeof x);
        SEE(x, at, least, where);
    }
    return first_of((const double *)&least, (const int64_t *)&where);
}

WIDE4 size_t sim_find_least_within(double *v, double *other, double limit, size_t n)
{
    pad(v, n);
    pad(other, n);
    const four limits = {limit, limit, limit, limit};
    const four none = {INFINITY, INFINITY, INFINITY, INFINITY};
    four least = none;
    four_masks where = {0}, at = {0, 1, 2, 3};
    for (size_t i = 0; i < n; i += 4, at += 4) {
        four x, y;
        memcpy(&x, v + i, sizeof x);
        memcpy(&y, other + i, sizeof y);
        const four_masks is_within = y <= limits;
        x = (four)(((four_masks)x & is_within) | ((four_masks)none & ~is_within));
        SEE(x, at, least, where);
    }
    return first_of((const double *)&least, (const int64_t *)&where);
}
