/* The walk over the tiles of a mapping one by one, where each has its own cycles and bits. tile.c
 * defines the time and sums the same in closed form where tiles are alike. */
#include "sim/dynamic.h"

#include <stdlib.h>
#include <string.h>

pare_status sim_new_cycles(const tiling *t, dynamic_cycles *out, pare_err *e)
{
    const uint64_t n =
        sim_mul(sim_mul(t->n[LOOP_G], t->n[LOOP_K]), sim_mul(t->n[LOOP_W], t->n[LOOP_C]));
    *out = (dynamic_cycles){0};
    out->compute = n < SIZE_MAX / sizeof *out->compute ? calloc(n, sizeof *out->compute) : NULL;
    if (out->compute) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0}, "no memory for %llu tiles",
                        (unsigned long long)n);
}

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

typedef struct tile_bits {
    uint64_t weight, act, out, psum;
} tile_bits;

typedef struct walk {
    const tiling *t;
    const packed_tiles *packed;
    tile_totals *totals;
} walk;

static tile_bits bits_at(const walk *w, const uint64_t x[N_LOOPS])
{
    const tiling *const t = w->t;
    const window_tile *const windows = &t->w->v[x[LOOP_W]];
    const uint64_t groups = sim_piece(t, LOOP_G, x[LOOP_G]);
    const uint64_t filters = sim_piece(t, LOOP_K, x[LOOP_K]);
    const uint64_t channels = sim_piece(t, LOOP_C, x[LOOP_C]);
    const uint64_t outputs = groups * filters * windows->windows;
    tile_bits b = {.weight = groups * filters * channels * t->d->r * t->d->s * t->bits.weight,
                   .act = groups * channels * windows->pixels * t->bits.act,
                   .out = outputs * t->bits.out,
                   .psum = outputs * t->bits.psum};
    if (w->packed && w->packed->weight_bits)
        b.weight =
            w->packed
                ->weight_bits[(x[LOOP_G] * t->n[LOOP_K] + x[LOOP_K]) * t->n[LOOP_C] + x[LOOP_C]];
    if (w->packed && w->packed->act_bits)
        b.act =
            w->packed->act_bits[(x[LOOP_G] * t->n[LOOP_W] + x[LOOP_W]) * t->n[LOOP_C] + x[LOOP_C]];
    return b;
}

/* Move a transfer: count its bits; its cycles. */
static uint64_t move(const walk *w, uint64_t bits, uint64_t *counter)
{
    *counter += bits;
    if (w->t->m->memory.model == PARE_MEMORY_IDEAL) return 0;
    return sim_ceil_div(bits, w->t->m->dram.bits_per_cycle);
}

static uint64_t latency(const walk *w, bool has_transfer)
{
    return has_transfer && w->t->m->memory.model != PARE_MEMORY_IDEAL ? w->t->m->dram.latency_cycles
                                                                      : 0;
}

/* The next position in the loops' order; false at the end. */
static bool step(const tiling *t, uint64_t x[N_LOOPS])
{
    for (int i = N_LOOPS; i-- > 0;) {
        const int loop = t->order[i];
        if (++x[loop] < t->n[loop]) return true;
        x[loop] = 0;
    }
    return false;
}

static bool differ(const uint64_t a[N_LOOPS], const uint64_t b[N_LOOPS], int i, int j, int k)
{
    return a[i] != b[i] || a[j] != b[j] || a[k] != b[k];
}

static bool is_same_out(const uint64_t a[N_LOOPS], const uint64_t b[N_LOOPS])
{
    return !differ(a, b, LOOP_G, LOOP_K, LOOP_W);
}

/* Put away the outputs or partial sums of the tile at x. */
static uint64_t store(const walk *w, const uint64_t x[N_LOOPS])
{
    const tile_bits b = bits_at(w, x);
    if (x[LOOP_C] + 1 == w->t->n[LOOP_C]) return move(w, b.out, &w->totals->dram_out_bits);
    return move(w, b.psum, &w->totals->dram_psum_write_bits);
}

/* Fetch what the tile at y needs that the tile at x, NULL for the first, did not have. */
static uint64_t load(const walk *w, const uint64_t x[N_LOOPS], const uint64_t y[N_LOOPS],
                     bool *has_any)
{
    const tile_bits b = bits_at(w, y);
    uint64_t cycles = 0;
    *has_any = true;
    if (!x || differ(x, y, LOOP_G, LOOP_K, LOOP_C))
        cycles += move(w, b.weight, &w->totals->dram_weight_bits);
    if (!x || differ(x, y, LOOP_G, LOOP_W, LOOP_C))
        cycles += move(w, b.act, &w->totals->dram_act_bits);
    if (x && !is_same_out(x, y) && y[LOOP_C] > 0)
        cycles += move(w, b.psum, &w->totals->dram_psum_read_bits);
    return cycles;
}

void sim_walk(const tiling *t, const dynamic_cycles *d, const packed_tiles *packed,
              tile_totals *totals, tile_time *time)
{
    const walk w = {t, packed, totals};
    uint64_t before[N_LOOPS] = {0}, x[N_LOOPS] = {0}, next[N_LOOPS] = {0};
    bool has_before = false, has_next = true, has_any = false;
    totals->dram_weight_bits = totals->dram_act_bits = totals->dram_out_bits = 0;
    totals->dram_psum_write_bits = totals->dram_psum_read_bits = 0;
    *time = (tile_time){0};
    time->startup_cycles = load(&w, NULL, x, &has_any) + latency(&w, true);
    while (has_next) {
        uint64_t dram = 0;
        has_any = false;
        if (has_before && !is_same_out(before, x)) {
            dram += store(&w, before);
            has_any = true;
        }
        memcpy(next, x, sizeof next);
        has_next = step(t, next);
        if (has_next) dram += load(&w, x, next, &has_any);
        dram += latency(&w, has_any);
        const uint64_t compute = d->compute[sim_tile_index(t, x)];
        time->cycles += sim_max(compute, dram);
        time->stall_cycles += dram > compute ? dram - compute : 0;
        memcpy(before, x, sizeof before);
        has_before = true;
        if (has_next) memcpy(x, next, sizeof x);
    }
    time->startup_cycles += store(&w, x) + latency(&w, true);
    time->cycles += time->startup_cycles;
}
