/* A layer tile by tile: two units, DRAM and the array, that meet at the swap of the double buffers.
 * This walk defines what the closed form of tile.c must equal. */
#include "sim/core.h"

#include <string.h>

static const struct {
    const char *name;
    pare_unit unit;
} kinds[] = {
#define X(id, unit, name) {name, PARE_UNIT_##unit},
    PARE_EVENTS(X)
#undef X
};

const char *pare_event_name(pare_event_kind kind) { return kinds[kind].name; }

pare_unit pare_event_unit(pare_event_kind kind) { return kinds[kind].unit; }

/* A transfer that DRAM has still to do in this stage. */
typedef struct transfer {
    pare_event_kind kind;
    uint64_t tile, bits, first_bit;
} transfer;

enum { TRANSFERS_MAX = 4 };

typedef struct engine {
    const tiling *t;
    const pare_sim_pace *pace; /* NULL: latency and bandwidth as the machine says */
    pare_event_fn *fn;
    void *context;
    uint64_t n_stages, n_words; /* so far, for the pace */
    uint64_t now_cycle;         /* of the last swap */
    transfer queue[TRANSFERS_MAX];
    size_t n_queue;
    uint64_t bits[PARE_N_EVENTS];
    uint64_t busy_cycles[PARE_N_EVENTS];
} engine;

static void emit(engine *g, const pare_event *event)
{
    const uint64_t cycles = event->end_cycle - event->start_cycle;
    g->busy_cycles[event->kind] += cycles;
    g->bits[event->kind] += event->bits;
    if (g->fn && (cycles > 0 || event->bits > 0)) g->fn(g->context, event);
}

static void enqueue(engine *g, pare_event_kind kind, uint64_t tile_number, uint64_t bits,
                    uint64_t first_bit)
{
    g->queue[g->n_queue++] = (transfer){kind, tile_number, bits, first_bit};
}

/* ---- where a tile lies in its tensor (pare_sim_dram_trace) ---- */

/* The first image, output row and output column of a window tile. */
static void first_window(const tiling *t, uint64_t w, uint64_t *n, uint64_t *p, uint64_t *q)
{
    const uint64_t np = sim_ceil_div(t->d->p, t->w->tp), nq = sim_ceil_div(t->d->q, t->w->tq);
    *n = w / (np * nq) * t->w->tn;
    *p = w / nq % np * t->w->tp;
    *q = w % nq * t->w->tq;
}

/* Where a tile's share of a loop starts and how much it is. */
static uint64_t start_of(const tiling *t, const uint64_t x[N_LOOPS], int loop)
{
    return x[loop] * t->size[loop];
}

static uint64_t share_of(const tiling *t, const uint64_t x[N_LOOPS], int loop)
{
    return sim_min(t->size[loop], t->total[loop] - start_of(t, x, loop));
}

/* Tile after tile. */
static uint64_t first_weight(const tiling *t, const uint64_t x[N_LOOPS])
{
    const uint64_t before =
        start_of(t, x, LOOP_K) * t->total[LOOP_C] + share_of(t, x, LOOP_K) * start_of(t, x, LOOP_C);
    return (start_of(t, x, LOOP_G) * t->total[LOOP_K] * t->total[LOOP_C] +
            share_of(t, x, LOOP_G) * before) *
           pare_dims_positions(t->d);
}

/* The channels (or filters) of a tile together, and of these image after image, row by row. */
static uint64_t first_position(const tiling *t, const uint64_t x[N_LOOPS], int loop, uint64_t all,
                               uint64_t position)
{
    const uint64_t groups = share_of(t, x, LOOP_G);
    const uint64_t before = start_of(t, x, LOOP_G) * t->total[loop] + groups * start_of(t, x, loop);
    return before * all + position * groups * share_of(t, x, loop);
}

static uint64_t first_act(const tiling *t, const uint64_t x[N_LOOPS])
{
    const pare_dims *const d = t->d;
    uint64_t n, p, q;
    first_window(t, x[LOOP_W], &n, &p, &q);
    const uint64_t down = p * d->stride[0], right = q * d->stride[1];
    const uint64_t row = down > d->pad[0] ? down - d->pad[0] : 0;
    const uint64_t column = right > d->pad[1] ? right - d->pad[1] : 0;
    return first_position(t, x, LOOP_C, (uint64_t)d->n * d->h * d->w,
                          (n * d->h + row) * d->w + column);
}

static uint64_t first_output(const tiling *t, const uint64_t x[N_LOOPS])
{
    const pare_dims *const d = t->d;
    uint64_t n, p, q;
    first_window(t, x[LOOP_W], &n, &p, &q);
    return first_position(t, x, LOOP_K, (uint64_t)d->n * d->p * d->q, (n * d->p + p) * d->q + q);
}

/* ---- memory ---- */

static uint64_t mix(uint64_t seed, uint64_t stream, uint64_t i)
{
    const uint64_t words[2] = {stream, i};
    return pare_hash_bytes(PARE_HASH_SEED ^ seed, words, sizeof words);
}

uint32_t pare_sim_pace_latency(const pare_sim_pace *pace, uint64_t stage)
{
    const uint64_t range = (uint64_t)pace->latency_cycles[1] - pace->latency_cycles[0] + 1;
    return pace->latency_cycles[0] + (uint32_t)((mix(pace->seed, 1, stage) >> 16) % range);
}

uint32_t pare_sim_pace_gap(const pare_sim_pace *pace, uint64_t word)
{
    if (!pace->gap_percent || !pace->gap_cycles_max) return 0;
    const uint64_t x = mix(pace->seed, 2, word);
    if ((x >> 40) % 100 >= pace->gap_percent) return 0;
    return 1 + (uint32_t)((x >> 8 & UINT32_MAX) % pace->gap_cycles_max);
}

static uint64_t paced_cycles(engine *g, uint64_t n_words, bool is_first)
{
    uint64_t cycles = n_words;
    for (uint64_t i = 0; i < n_words; i++)
        if (i > 0 || !is_first) cycles += pare_sim_pace_gap(g->pace, g->n_words + i);
    g->n_words += n_words;
    return cycles;
}

/* DRAM works through its queue; returns the cycle in which it is free again. */
static uint64_t run_dram(engine *g)
{
    const pare_machine *const m = g->t->m;
    const bool is_ideal = m->memory.model == PARE_MEMORY_IDEAL;
    uint64_t at = g->now_cycle;
    if (g->n_queue > 0 && !is_ideal) {
        const uint32_t latency =
            g->pace ? pare_sim_pace_latency(g->pace, g->n_stages) : m->dram.latency_cycles;
        emit(g, &(pare_event){.kind = PARE_EVENT_LATENCY,
                              .tile = g->queue[0].tile,
                              .start_cycle = at,
                              .end_cycle = at + latency});
        at += latency;
    }
    g->n_stages++;
    for (size_t i = 0; i < g->n_queue; i++) {
        const transfer *const q = &g->queue[i];
        const uint64_t words = sim_ceil_div(q->bits, m->dram.bits_per_cycle);
        const uint64_t cycles = is_ideal ? 0 : g->pace ? paced_cycles(g, words, i == 0) : words;
        emit(g, &(pare_event){.kind = q->kind,
                              .tile = q->tile,
                              .start_cycle = at,
                              .end_cycle = at + cycles,
                              .bits = q->bits,
                              .first_bit = q->first_bit,
                              .request_cycle = g->now_cycle});
        at += cycles;
    }
    g->n_queue = 0;
    return at;
}

/* The loops as one counter, outermost first; `number` is unique per output tile. */
static void locate(const tiling *t, uint64_t i, uint64_t x[N_LOOPS])
{
    for (int j = N_LOOPS; j-- > 0;) {
        const int loop = t->order[j];
        x[loop] = i % t->n[loop];
        i /= t->n[loop];
    }
}

static bool has_same_output(const uint64_t x[N_LOOPS], const uint64_t y[N_LOOPS])
{
    return x[LOOP_G] == y[LOOP_G] && x[LOOP_K] == y[LOOP_K] && x[LOOP_W] == y[LOOP_W];
}

/* What tile i needs and tile i - 1 does not leave in the buffers. */
static void request_load(engine *g, uint64_t i)
{
    uint64_t x[N_LOOPS], before[N_LOOPS] = {0};
    locate(g->t, i, x);
    if (i > 0) locate(g->t, i - 1, before);
    const tile r = sim_tile_at(g->t, x);
    const bool same_group = i > 0 && x[LOOP_G] == before[LOOP_G];
    const bool same_channels = same_group && x[LOOP_C] == before[LOOP_C];
    if (!same_channels || x[LOOP_K] != before[LOOP_K])
        enqueue(g, PARE_EVENT_LOAD_WEIGHTS, i, r.weight_bits,
                first_weight(g->t, x) * g->t->bits.weight);
    if (!same_channels || x[LOOP_W] != before[LOOP_W])
        enqueue(g, PARE_EVENT_LOAD_ACTS, i, r.act_bits, first_act(g->t, x) * g->t->bits.act);
    if (i > 0 && !has_same_output(x, before) && x[LOOP_C] > 0)
        enqueue(g, PARE_EVENT_LOAD_PSUMS, i, r.psum_bits, first_output(g->t, x) * g->t->bits.psum);
}

/* What tile i leaves when the next one works on other outputs, or there is none. */
static void request_store(engine *g, uint64_t i, uint64_t n_tiles)
{
    uint64_t x[N_LOOPS], after[N_LOOPS];
    locate(g->t, i, x);
    if (i + 1 < n_tiles) {
        locate(g->t, i + 1, after);
        if (has_same_output(x, after)) return;
    }
    const tile r = sim_tile_at(g->t, x);
    if (x[LOOP_C] + 1 == g->t->n[LOOP_C])
        enqueue(g, PARE_EVENT_STORE_OUTPUTS, i, r.out_bits, first_output(g->t, x) * g->t->bits.out);
    else
        enqueue(g, PARE_EVENT_STORE_PSUMS, i, r.psum_bits, first_output(g->t, x) * g->t->bits.psum);
}

static void run_tiles(engine *g, uint64_t n_tiles, tile_time *time)
{
    request_load(g, 0);
    g->now_cycle = run_dram(g);
    time->startup_cycles = g->now_cycle;
    for (uint64_t i = 0; i < n_tiles; i++) {
        uint64_t x[N_LOOPS];
        locate(g->t, i, x);
        if (i > 0) request_store(g, i - 1, n_tiles);
        if (i + 1 < n_tiles) request_load(g, i + 1);
        const uint64_t cycles = sim_tile_at(g->t, x).cycles;
        emit(g, &(pare_event){.kind = PARE_EVENT_COMPUTE,
                              .tile = i,
                              .start_cycle = g->now_cycle,
                              .end_cycle = g->now_cycle + cycles,
                              .work = sim_tile_work(g->t, x)});
        const uint64_t array_free = g->now_cycle + cycles, dram_free = run_dram(g);
        if (dram_free > array_free) {
            emit(g, &(pare_event){.kind = PARE_EVENT_WAIT,
                                  .tile = i,
                                  .start_cycle = array_free,
                                  .end_cycle = dram_free});
            time->stall_cycles += dram_free - array_free;
        }
        g->now_cycle = sim_max(array_free, dram_free);
    }
    request_store(g, n_tiles - 1, n_tiles);
    const uint64_t end = run_dram(g);
    time->startup_cycles += end - g->now_cycle;
    time->cycles = end;
}

void sim_walk(const tiling *t, const pare_sim_pace *pace, pare_event_fn *fn, void *context,
              tile_totals *totals, tile_time *time)
{
    engine g = {.t = t, .pace = pace, .fn = fn, .context = context};
    *time = (tile_time){0};
    run_tiles(&g, totals->n_tiles, time);
    totals->compute_cycles = g.busy_cycles[PARE_EVENT_COMPUTE];
    totals->dram_weight_bits = g.bits[PARE_EVENT_LOAD_WEIGHTS];
    totals->dram_act_bits = g.bits[PARE_EVENT_LOAD_ACTS];
    totals->dram_out_bits = g.bits[PARE_EVENT_STORE_OUTPUTS];
    totals->dram_psum_write_bits = g.bits[PARE_EVENT_STORE_PSUMS];
    totals->dram_psum_read_bits = g.bits[PARE_EVENT_LOAD_PSUMS];
}

static pare_status walk_job(const pare_machine *machine, const pare_sim_job *job,
                            const pare_sim_pace *pace, pare_event_fn *fn, void *context,
                            pare_sim_layer *out, pare_err *e)
{
    mapping_result found;
    PARE_TRY(sim_job_check(machine, job, e));
    const pare_sim_job padded = sim_padded_job(machine, job);
    PARE_TRY(sim_search(machine, &padded, false, &found, e));
    mapping_choice *const c = &found.best;
    window_tiles w;
    sim_window_tiles(&padded.dims, c->tn, c->tp, c->tq, &w);
    c->tiles.a = &c->array;
    c->tiles.w = &w;
    c->tiles.d = &padded.dims;
    sim_walk(&c->tiles, pace, fn, context, &c->totals, &c->time);
    c->dram_bits = c->totals.dram_weight_bits + c->totals.dram_act_bits + c->totals.dram_out_bits +
                   c->totals.dram_psum_write_bits + c->totals.dram_psum_read_bits;
    sim_window_tiles_free(&w);
    return sim_job_stats(machine, job, c, out, e);
}

pare_status sim_end_cycle(const pare_machine *m, const pare_sim_layer *l, uint64_t start_cycle,
                          uint64_t *out, pare_err *e)
{
    if (pare_add_u64(start_cycle, l->stats.cycles, out)) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, m->file, (pare_pos){0, 0},
                        "the network takes more than 2^64 cycles up to layer '%s'; a smaller "
                        "network or batch expected",
                        l->layer);
}

pare_status sim_job_events(const pare_machine *machine, const pare_sim_job *job,
                           const pare_sim_options *options, pare_event_fn *fn, void *context,
                           pare_sim_layer *out, pare_err *e)
{
    if (machine->memory.model == PARE_MEMORY_BITFUSION)
        return pare_yaml_error(machine->yaml, "memory.model", e, PARE_EINPUT,
                               "memory.model 'bitfusion' has no tile by tile form; 'limited' or "
                               "'ideal' expected");
    if (sim_depends_on_values(machine))
        return sim_dynamic_layers(machine, job, 1, options, fn, context, out, e);
    return walk_job(machine, job, NULL, fn, context, out, e);
}

pare_status pare_sim_events_at(const pare_machine *machine, const pare_sim_job *job,
                               const pare_sim_pace *pace, pare_event_fn *fn, void *context,
                               pare_sim_layer *out, pare_err *e)
{
    if (machine->memory.model != PARE_MEMORY_LIMITED || sim_depends_on_values(machine))
        return pare_err_set(e, PARE_EINPUT, machine->file, (pare_pos){0, 0},
                            "machine '%s' has no memory of a given pace; memory.model 'limited' "
                            "and pe.skips 'nothing' expected",
                            machine->name);
    return walk_job(machine, job, pace, fn, context, out, e);
}

pare_status pare_sim_events_given(const pare_machine *machine, const pare_sim_job *job,
                                  const pare_sim_pace *pace, const uint64_t *tile_cycles,
                                  size_t n_tiles, pare_event_fn *fn, void *context,
                                  uint64_t *cycles, pare_err *e)
{
    mapping_result found;
    PARE_TRY(sim_job_check(machine, job, e));
    const pare_sim_job padded = sim_padded_job(machine, job);
    PARE_TRY(sim_search(machine, &padded, false, &found, e));
    mapping_choice *const c = &found.best;
    if (c->totals.n_tiles != n_tiles)
        return pare_err_set(e, PARE_EINPUT, machine->file, (pare_pos){0, 0},
                            "cycles of %zu tiles are given for layer '%s'; of %llu expected",
                            n_tiles, job->layer, (unsigned long long)c->totals.n_tiles);
    const tile_values each = {.cycles = tile_cycles};
    window_tiles w;
    sim_window_tiles(&padded.dims, c->tn, c->tp, c->tq, &w);
    c->tiles.a = &c->array;
    c->tiles.w = &w;
    c->tiles.d = &padded.dims;
    c->tiles.values = &each;
    sim_walk(&c->tiles, pace, fn, context, &c->totals, &c->time);
    sim_window_tiles_free(&w);
    *cycles = c->time.cycles;
    return PARE_OK;
}

pare_status pare_sim_events(const pare_machine *machine, const pare_sim_job *job, pare_event_fn *fn,
                            void *context, pare_sim_layer *out, pare_err *e)
{
    return sim_job_events(machine, job, NULL, fn, context, out, e);
}
