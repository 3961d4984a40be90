/* Tiles in the buffers: what each holds and moves, and the time of the whole walk over them.
 *
 * The array works on tile i while DRAM stores the results of tile i-1 and loads tile i+1; both
 * halves of the double buffers swap when all three are done. So with tiles 0..T-1
 *   cycles = load(0) + sum over i of max(compute(i), store(i-1) + load(i+1)) + store(T-1),
 * where a transfer takes ceil(bits / bits_per_cycle) cycles per operand and each stage with any
 * transfer pays the latency once. Tiles fall into few classes of equal size and equal neighbours,
 * so the sum is exact without walking the tiles one by one. */
#include "sim/core.h"

#include <stdlib.h>
#include <string.h>

/* ---- windows ---- */

uint64_t sim_span(uint64_t first, uint64_t n, uint64_t stride, uint64_t pad, uint64_t kernel,
                  uint64_t dilation, uint64_t size)
{
    const int64_t reach = (int64_t)((kernel - 1) * dilation + 1);
    const int64_t begin = (int64_t)(first * stride) - (int64_t)pad;
    const int64_t end = begin + (int64_t)((n - 1) * stride) + reach; /* one past the last */
    const int64_t limit = (int64_t)size;
    if (reach >= (int64_t)stride) {
        const int64_t from = begin < 0 ? 0 : begin, to = end > limit ? limit : end;
        return to > from ? (uint64_t)(to - from) : 0;
    }
    if (begin >= 0 && end <= limit) return n * (uint64_t)reach;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        const int64_t a = begin + (int64_t)(i * stride), b = a + reach;
        const int64_t from = a < 0 ? 0 : a, to = b > limit ? limit : b;
        if (to > from) sum += (uint64_t)(to - from);
    }
    return sum;
}

static bool is_like(const window_tile *a, const window_tile *b)
{
    return a->windows == b->windows && a->pixels == b->pixels;
}

/* first and last tiles stand alone: there the outer loops move on */
static void find_runs(window_tiles *w)
{
    for (uint64_t j = 0; j < w->n; j++) {
        const bool joins = j >= 2 && j + 1 < w->n && is_like(&w->v[j - 2], &w->v[j - 1]) &&
                           is_like(&w->v[j - 1], &w->v[j]) && is_like(&w->v[j], &w->v[j + 1]);
        if (!joins) {
            w->run_at[w->n_runs] = j;
            w->run_n[w->n_runs++] = 0;
        }
        w->run_n[w->n_runs - 1]++;
    }
}

void sim_window_tiles(const pare_dims *d, uint64_t tn, uint64_t tp, uint64_t tq, window_tiles *out)
{
    const uint64_t nn = sim_ceil_div(d->n, tn), np = sim_ceil_div(d->p, tp);
    const uint64_t nq = sim_ceil_div(d->q, tq);
    *out = (window_tiles){.tn = tn, .tp = tp, .tq = tq, .n = nn * np * nq};
    out->v = pare_xalloc(out->n, sizeof *out->v);
    out->run_at = pare_xalloc(out->n, 2 * sizeof *out->run_at);
    out->run_n = out->run_at + out->n;
    window_tile *v = out->v;
    for (uint64_t i = 0; i < nn; i++)
        for (uint64_t y = 0; y < np; y++)
            for (uint64_t x = 0; x < nq; x++, v++) {
                const uint64_t images = sim_min(tn, d->n - i * tn);
                const uint64_t rows = sim_min(tp, d->p - y * tp);
                const uint64_t cols = sim_min(tq, d->q - x * tq);
                v->windows = images * rows * cols;
                v->pixels =
                    images *
                    sim_span(y * tp, rows, d->stride[0], d->pad[0], d->r, d->dilation[0], d->h) *
                    sim_span(x * tq, cols, d->stride[1], d->pad[1], d->s, d->dilation[1], d->w);
                out->sum_windows += v->windows;
                out->sum_pixels = sim_add(out->sum_pixels, v->pixels); /* halos count again */
                out->max_windows = sim_max(out->max_windows, v->windows);
                out->max_pixels = sim_max(out->max_pixels, v->pixels);
            }
    find_runs(out);
}

void sim_window_tiles_free(window_tiles *w)
{
    free(w->v);
    free(w->run_at);
    *w = (window_tiles){0};
}

/* ---- one tile ---- */

/* Size of the x-th piece of a loop. */
static uint64_t piece(const tiling *t, int loop, uint64_t x)
{
    return x + 1 < t->n[loop] ? t->size[loop] : t->total[loop] - x * t->size[loop];
}

static uint64_t filter_sets(const tiling *t, uint64_t filters)
{
    return t->a->packed_groups > 1 ? 1 : sim_ceil_div(filters, t->a->filters);
}

static uint64_t kernel_positions(const tiling *t) { return pare_dims_positions(t->d); }

static uint64_t stored_bits(const tiling *t)
{
    return t->n[LOOP_C] > 1 ? t->bits.psum : t->bits.out;
}

/* Put in what the values of this tile say. */
static void set_values(const tiling *t, const uint64_t x[N_LOOPS], tile *r)
{
    const tile_values *const v = t->values;
    const uint64_t gk = x[LOOP_G] * t->n[LOOP_K] + x[LOOP_K];
    const uint64_t gw = x[LOOP_G] * t->n[LOOP_W] + x[LOOP_W];
    const uint64_t gkw = gk * t->n[LOOP_W] + x[LOOP_W];
    if (v->cycles) r->cycles = v->cycles[gkw * t->n[LOOP_C] + x[LOOP_C]];
    if (v->weight_bits) r->weight_bits = v->weight_bits[gk * t->n[LOOP_C] + x[LOOP_C]];
    if (v->act_bits) r->act_bits = v->act_bits[gw * t->n[LOOP_C] + x[LOOP_C]];
}

/* How often the array takes anew what it holds at once, along each loop of a tile. */
static void tile_sets(const tiling *t, const uint64_t x[N_LOOPS], uint64_t windows,
                      uint64_t sets[N_LOOPS])
{
    sets[LOOP_G] = sim_ceil_div(piece(t, LOOP_G, x[LOOP_G]), t->a->packed_groups);
    sets[LOOP_K] = filter_sets(t, piece(t, LOOP_K, x[LOOP_K]));
    sets[LOOP_W] = sim_ceil_div(windows, t->a->windows);
    sets[LOOP_C] = sim_array_steps(t->a, piece(t, LOOP_C, x[LOOP_C]));
}

static uint64_t product(const uint64_t sets[N_LOOPS])
{
    return sets[LOOP_G] * sets[LOOP_K] * sets[LOOP_W] * sets[LOOP_C];
}

/* The tile at x, which has the windows w. */
static tile tile_of(const tiling *t, const uint64_t x[N_LOOPS], const window_tile *w)
{
    const array_map *const a = t->a;
    const uint64_t groups = piece(t, LOOP_G, x[LOOP_G]), filters = piece(t, LOOP_K, x[LOOP_K]);
    const uint64_t channels = piece(t, LOOP_C, x[LOOP_C]);
    uint64_t sets[N_LOOPS];
    tile_sets(t, x, w->windows, sets);
    const uint64_t outputs = groups * filters * w->windows;
    tile r = {.weight_bits = groups * filters * channels * kernel_positions(t) * t->bits.weight,
              .act_bits = groups * channels * w->pixels * t->bits.act,
              .out_bits = outputs * t->bits.out,
              .psum_bits = outputs * t->bits.psum};
    const uint64_t all_steps = product(sets);
    r.cycles = all_steps * a->step_cycles +
               all_steps / sets[a->streams] * (a->fold_cycles + a->load_cycles);
    if (t->values) set_values(t, x, &r);
    return r;
}

tile sim_tile_at(const tiling *t, const uint64_t x[N_LOOPS])
{
    return tile_of(t, x, &t->w->v[x[LOOP_W]]);
}

pare_event_work sim_tile_work(const tiling *t, const uint64_t x[N_LOOPS])
{
    const array_map *const a = t->a;
    uint64_t sets[N_LOOPS];
    tile_sets(t, x, t->w->v[x[LOOP_W]].windows, sets);
    pare_event_work work = {.steps = product(sets),
                            .run_steps = sets[a->streams],
                            .is_done = x[LOOP_C] + 1 == t->n[LOOP_C]};
    if (t->values && t->values->cycles) return work;
    work.step_cycles = a->step_cycles;
    work.load_cycles = a->load_cycles;
    work.drain_cycles = a->fold_cycles;
    return work;
}

tile_need sim_tile_need(const tiling *t)
{
    const uint64_t groups = t->size[LOOP_G], filters = t->size[LOOP_K], channels = t->size[LOOP_C];
    return (tile_need){
        .weight_bits =
            sim_mul(sim_mul(groups * filters, channels * kernel_positions(t)), t->bits.weight),
        .act_bits = sim_mul(sim_mul(groups * channels, t->w->max_pixels), t->bits.act),
        .out_bits = sim_mul(sim_mul(groups * filters, t->w->max_windows), stored_bits(t)),
    };
}

/* ---- sums over all tiles ---- */

/* How often each piece of an operand is fetched: once per trip of the loops that do not index it
 * but lie outside one that does. */
static uint64_t fetches(const tiling *t, unsigned index_mask)
{
    uint64_t outside = 1, times = 1;
    for (int i = 0; i < N_LOOPS; i++) {
        const int loop = t->order[i];
        if (t->n[loop] == 1) continue;
        if (index_mask >> loop & 1)
            times = outside;
        else
            outside = sim_mul(outside, t->n[loop]);
    }
    return times;
}

enum {
    WEIGHT_INDEX = 1 << LOOP_G | 1 << LOOP_K | 1 << LOOP_C,
    ACT_INDEX = 1 << LOOP_G | 1 << LOOP_W | 1 << LOOP_C,
    OUT_INDEX = 1 << LOOP_G | 1 << LOOP_K | 1 << LOOP_W,
};

/* sum over the pieces of a loop of ceil(piece / unit) */
static uint64_t sum_of_sets(const tiling *t, int loop, uint64_t unit)
{
    return (t->n[loop] - 1) * sim_ceil_div(t->size[loop], unit) +
           sim_ceil_div(piece(t, loop, t->n[loop] - 1), unit);
}

static uint64_t sum_of_steps(const tiling *t)
{
    const uint64_t n = t->n[LOOP_C];
    return (n - 1) * sim_array_steps(t->a, t->size[LOOP_C]) +
           sim_array_steps(t->a, piece(t, LOOP_C, n - 1));
}

/* of PEs, each tile's share by itself */
static uint64_t sum_of_tile_steps(const tiling *t)
{
    const uint64_t n = t->n[LOOP_C];
    return (n - 1) * sim_array_tile_steps(t->a, t->size[LOOP_C]) +
           sim_array_tile_steps(t->a, piece(t, LOOP_C, n - 1));
}

static uint64_t sum_of_window_sets(const tiling *t)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < t->w->n_runs; i++)
        sum += t->w->run_n[i] * sim_ceil_div(t->w->v[t->w->run_at[i]].windows, t->a->windows);
    return sum;
}

static void sum_compute(const tiling *t, uint64_t steps, uint64_t window_sets, tile_totals *s)
{
    const array_map *const a = t->a;
    const uint64_t sets_k =
        a->packed_groups > 1 ? t->n[LOOP_K] : sum_of_sets(t, LOOP_K, a->filters);
    const uint64_t groups = sum_of_sets(t, LOOP_G, a->packed_groups);
    /* the array starts anew for each set of the loops that do not stream, in each tile */
    const uint64_t sets[N_LOOPS] = {[LOOP_K] = sets_k, [LOOP_W] = window_sets, [LOOP_C] = steps};
    uint64_t all_steps = groups, starts = groups;
    for (int i = LOOP_K; i < N_LOOPS; i++) {
        all_steps = sim_mul(all_steps, sets[i]);
        starts = sim_mul(starts, i == a->streams ? t->n[i] : sets[i]);
    }
    s->fold_cycles = sim_mul(starts, a->fold_cycles);
    s->multiplex_cycles = sim_mul(all_steps, a->step_cycles - a->busy_cycles);
    s->load_cycles = sim_mul(starts, a->load_cycles);
    s->compute_cycles =
        sim_add(sim_mul(all_steps, a->step_cycles), sim_add(s->fold_cycles, s->load_cycles));
}

static void sum_buffers(const tiling *t, uint64_t steps, uint64_t window_sets, uint64_t weights,
                        uint64_t outputs, tile_totals *s)
{
    const array_map *const a = t->a;
    /* what stays is read once per tile, the others once per set of what they meet */
    const uint64_t passes = a->streams == LOOP_W ? t->w->n : window_sets;
    const uint64_t sets_k = a->streams == LOOP_K   ? t->n[LOOP_K]
                            : a->packed_groups > 1 ? 1
                                                   : sum_of_sets(t, LOOP_K, a->filters);
    const uint64_t depth = t->total[LOOP_C] * kernel_positions(t);
    const uint64_t reads = sim_mul(sim_mul(t->total[LOOP_G], t->w->sum_windows), depth);
    s->buffer_bits[0][0] = sim_mul(sim_mul(weights, passes), t->bits.weight);
    s->buffer_bits[1][0] = sim_mul(sim_mul(reads, sets_k), t->bits.act);
    /* partial sums come back once per depth piece that the accumulators do not span */
    const uint64_t rounds = a->streams == LOOP_C ? t->n[LOOP_C] : steps;
    const uint64_t width = rounds > 1 ? t->bits.psum : t->bits.out;
    s->buffer_bits[2][0] = sim_mul(sim_mul(outputs, width), rounds);
    s->buffer_bits[2][1] = s->buffer_bits[2][0];
}

static uint64_t transfer_cycles(const pare_machine *m, uint64_t bits)
{
    if (m->memory.model == PARE_MEMORY_IDEAL) return 0;
    return sim_ceil_div(bits, m->dram.bits_per_cycle);
}

static uint64_t latency(const pare_machine *m, bool has_transfer)
{
    return has_transfer && m->memory.model != PARE_MEMORY_IDEAL ? m->dram.latency_cycles : 0;
}

static void add_startup(const tiling *t, const window_tile *first_windows,
                        const window_tile *last_windows, tile_totals *s)
{
    const uint64_t zero[N_LOOPS] = {0};
    uint64_t end[N_LOOPS];
    for (int i = 0; i < N_LOOPS; i++) end[i] = t->n[i] - 1;
    const tile first = tile_of(t, zero, first_windows), last = tile_of(t, end, last_windows);
    s->startup_bits = first.weight_bits + first.act_bits + last.out_bits;
    s->startup_cycles = 2 * latency(t->m, true) + transfer_cycles(t->m, first.weight_bits) +
                        transfer_cycles(t->m, first.act_bits) +
                        transfer_cycles(t->m, last.out_bits);
}

void sim_tile_totals(const tiling *t, tile_totals *s)
{
    sim_tile_totals_of(t, sum_of_window_sets(t), &t->w->v[0], &t->w->v[t->w->n - 1], s);
}

void sim_tile_totals_of(const tiling *t, uint64_t window_sets, const window_tile *first,
                        const window_tile *last, tile_totals *s)
{
    *s = (tile_totals){0};
    const uint64_t steps = sum_of_steps(t);
    const uint64_t all_filters = t->total[LOOP_G] * t->total[LOOP_K];
    const uint64_t all_channels = t->total[LOOP_G] * t->total[LOOP_C];
    const uint64_t outputs = sim_mul(all_filters, t->w->sum_windows);
    const uint64_t weights = sim_mul(all_filters, sim_mul(t->total[LOOP_C], kernel_positions(t)));
    s->n_tiles = sim_mul(sim_mul(t->n[LOOP_G], t->n[LOOP_K]), sim_mul(t->n[LOOP_W], t->n[LOOP_C]));
    s->pe_cycles = sim_mul(sim_mul(outputs, sum_of_tile_steps(t)), t->a->busy_cycles);
    if (t->a->scale_sums) {
        const uint64_t sums = t->a->streams == LOOP_C ? t->a->scale_sums * t->n[LOOP_C] : steps;
        s->scale_products = sim_mul(outputs, sums);
    }
    s->dram_weight_bits = sim_mul(weights, t->bits.weight);
    s->dram_act_bits = sim_mul(sim_mul(all_channels, t->w->sum_pixels), t->bits.act);
    s->dram_out_bits = sim_mul(outputs, t->bits.out);
    s->dram_psum_write_bits = sim_mul(outputs, t->bits.psum);
    sum_compute(t, steps, window_sets, s);
    sum_buffers(t, steps, window_sets, weights, outputs, s);
    add_startup(t, first, last, s);
}

void sim_tile_order(const tiling *t, tile_totals *s)
{
    s->dram_weight_bits = sim_mul(s->dram_weight_bits, fetches(t, WEIGHT_INDEX));
    s->dram_act_bits = sim_mul(s->dram_act_bits, fetches(t, ACT_INDEX));
    /* visits of an output tile beyond the first, if the array leaves it in between */
    s->dram_psum_write_bits = sim_mul(s->dram_psum_write_bits, fetches(t, OUT_INDEX) - 1);
    s->dram_psum_read_bits = s->dram_psum_write_bits;
    s->buffer_bits[0][1] = s->dram_weight_bits;
    s->buffer_bits[1][1] = s->dram_act_bits;
    s->buffer_bits[2][0] = sim_add(s->buffer_bits[2][0], s->dram_psum_write_bits);
    s->buffer_bits[2][1] = sim_add(s->buffer_bits[2][1], s->dram_psum_read_bits);
}

bool sim_tile_is_countable(const tile_totals *s)
{
    const uint64_t counters[] = {
        s->compute_cycles,    s->pe_cycles,         s->dram_weight_bits,
        s->dram_act_bits,     s->dram_out_bits,     s->dram_psum_write_bits,
        s->buffer_bits[0][0], s->buffer_bits[1][0], s->buffer_bits[2][0],
        s->n_tiles,           s->multiplex_cycles,  s->scale_products};
    uint64_t all = 0;
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) all |= counters[i];
    /* each tile pays a latency of up to 2^20 cycles */
    return all < (uint64_t)1 << 60 && s->n_tiles < SIM_TILES_MAX;
}

uint64_t sim_unpacked_bits(const tile_totals *t, const value_bits *has, const value_bits *native)
{
    const uint64_t weights = sim_mul(t->dram_weight_bits / has->weight, native->weight);
    const uint64_t acts = sim_mul(t->dram_act_bits / has->act, native->act);
    const uint64_t outs = sim_mul(t->dram_out_bits / has->out, native->out);
    const uint64_t psums = sim_add(t->dram_psum_write_bits, t->dram_psum_read_bits);
    return sim_add(sim_add(weights, acts), sim_add(outs, psums));
}

/* ---- time ---- */

uint64_t sim_tile_bound(const tiling *t, const tile_totals *s)
{
    const uint64_t moved = s->dram_weight_bits + s->dram_act_bits + s->dram_out_bits +
                           s->dram_psum_write_bits + s->dram_psum_read_bits - s->startup_bits;
    return s->startup_cycles + sim_max(s->compute_cycles, transfer_cycles(t->m, moved));
}

/* The loops that move on between position x and its successor (or predecessor), as a mask, and
 * that position in y; 0 if x is the last (first). */
static unsigned step_over(const tiling *t, const uint64_t x[N_LOOPS], bool forward,
                          uint64_t y[N_LOOPS])
{
    unsigned moved = 0;
    memcpy(y, x, N_LOOPS * sizeof *y);
    for (int i = N_LOOPS; i-- > 0;) {
        const int loop = t->order[i];
        const uint64_t last = t->n[loop] - 1;
        if (last == 0) continue;
        moved |= 1u << loop;
        if (x[loop] != (forward ? last : 0)) {
            y[loop] = forward ? x[loop] + 1 : x[loop] - 1;
            return moved;
        }
        y[loop] = forward ? 0 : last;
    }
    return 0;
}

/* Cycles for which DRAM is busy while the array works on tile x. */
static uint64_t hidden_transfers(const tiling *t, const uint64_t x[N_LOOPS])
{
    const pare_machine *const m = t->m;
    uint64_t y[N_LOOPS], cycles = 0;
    bool has_any = false;
    const unsigned from = step_over(t, x, false, y);
    if (from & OUT_INDEX) {
        const tile before = sim_tile_at(t, y);
        const bool is_final = y[LOOP_C] + 1 == t->n[LOOP_C];
        cycles += transfer_cycles(m, is_final ? before.out_bits : before.psum_bits);
        has_any = true;
    }
    const unsigned to = step_over(t, x, true, y);
    if (to) {
        const tile next = sim_tile_at(t, y);
        if (to & WEIGHT_INDEX) cycles += transfer_cycles(m, next.weight_bits);
        if (to & ACT_INDEX) cycles += transfer_cycles(m, next.act_bits);
        if (to & OUT_INDEX && y[LOOP_C] > 0) cycles += transfer_cycles(m, next.psum_bits);
        has_any = true;
    }
    return cycles + latency(m, has_any);
}

/* Positions of a loop that stand for all: {0}, {1 .. n-3}, {n-2}, {n-1}. */
static uint64_t loop_runs(uint64_t n, uint64_t at[4], uint64_t count[4])
{
    uint64_t n_runs = 0;
    for (uint64_t x = 0; x < n; x++) {
        at[n_runs] = x;
        count[n_runs++] = 1;
        if (x != 1 || n < 5) continue;
        count[n_runs - 1] = n - 3;
        x = n - 3;
    }
    return n_runs;
}

tile_time sim_tile_time(const tiling *t, const tile_totals *s)
{
    uint64_t at[N_LOOPS][4], count[N_LOOPS][4];
    const uint64_t ng = loop_runs(t->n[LOOP_G], at[LOOP_G], count[LOOP_G]);
    const uint64_t nk = loop_runs(t->n[LOOP_K], at[LOOP_K], count[LOOP_K]);
    const uint64_t nc = loop_runs(t->n[LOOP_C], at[LOOP_C], count[LOOP_C]);
    tile_time r = {.cycles = s->startup_cycles, .startup_cycles = s->startup_cycles};
    uint64_t x[N_LOOPS];
    for (uint64_t g = 0; g < ng; g++)
        for (uint64_t k = 0; k < nk; k++)
            for (uint64_t c = 0; c < nc; c++)
                for (uint64_t w = 0; w < t->w->n_runs; w++) {
                    x[LOOP_G] = at[LOOP_G][g];
                    x[LOOP_K] = at[LOOP_K][k];
                    x[LOOP_C] = at[LOOP_C][c];
                    x[LOOP_W] = t->w->run_at[w];
                    const uint64_t times =
                        count[LOOP_G][g] * count[LOOP_K][k] * count[LOOP_C][c] * t->w->run_n[w];
                    const uint64_t compute = sim_tile_at(t, x).cycles,
                                   dram = hidden_transfers(t, x);
                    r.cycles += times * sim_max(compute, dram);
                    r.stall_cycles += dram > compute ? times * (dram - compute) : 0;
                }
    return r;
}
