/* The mapping search by bounds: the same choice as search_plain.c, sooner.
 *
 * Every tile of the space gets a bound from below of its objective, by its array cycles, its first
 * load and last store, and one fetch of every operand. Tiles are opened best bound first: into
 * their loop orders, with the bounds that the fetches of each order give, and those into exact
 * times. A pass ends when the best bound left is worse than the best mapping found. As in the plain
 * search the first pass finds the least objective, and the second one the best by the second
 * criterion among those within slack_frac of it; the first in the space's order wins a tie. */
#include "sim/searcher.h"

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

/* ---- a tile in focus ---- */

static void look_at(searcher *s, size_t i)
{
    if (s->focus == i) return;
    const candidate *const c = &s->candidates[i];
    const block *const b = &s->blocks[c->block];
    const cut_state *const cut = &s->cuts[c->cut];
    s->focus = i;
    s->has_stages = false;
    s->windows.n = cut->n;
    s->windows.sum_pixels = cut->sum_pixels;
    s->windows.max_pixels = cut->max_pixels;
    s->windows.max_windows = cut->max_windows;
    tiling *const t = &s->tiles;
    t->a = &s->maps[c->map].array;
    memcpy(t->size, b->size, sizeof t->size);
    memcpy(t->n, b->n, sizeof t->n);
    t->n[LOOP_W] = t->total[LOOP_W] = cut->n;
}

/* What the tile in focus moves and computes in the order that is set. */
static void count(const searcher *s, const candidate *c, tile_totals *t)
{
    const cut_state *const cut = &s->cuts[c->cut];
    sim_tile_totals_of(&s->tiles, c->window_sets, &cut->first, &cut->last, t);
    sim_tile_order(&s->tiles, t);
}

/* ---- bounds ---- */

static bool needs_energy(const searcher *s)
{
    return s->pass == 2 || s->m->mapping.objective == PARE_OBJECTIVE_ENERGY ||
           s->m->mapping.objective == PARE_OBJECTIVE_EDP;
}

/* What the tile takes in any order, with every operand fetched once, without its time. */
static double fixed_energy_pj(const searcher *s, const candidate *c)
{
    const energy_rates *const r = &s->rates;
    const map_state *const m = &s->maps[c->map];
    const block *const b = &s->blocks[c->block];
    const cut_state *const cut = &s->cuts[c->cut];
    const pare_dims *const d = &s->job->dims;
    const int streams = m->array.streams;
    const array_work work = sim_work_of(m, b, c->window_sets, cut->n);
    const double outputs = (double)s->out_bits / (double)s->bits.out;
    const double steps = (double)m->steps[b->channel];
    const double pe_steps = (double)m->pe_steps[b->channel];
    const double rounds = streams == LOOP_C ? (double)b->n[LOOP_C] : steps;
    const double width = (double)(rounds > 1 ? s->bits.psum : s->bits.out);
    const double passes = (double)(streams == LOOP_W ? cut->n : c->window_sets);
    const double windows = (double)d->n * d->p * d->q;
    const double reads = windows * (double)(s->total[LOOP_G] * s->total[LOOP_C]) * d->r * d->s;
    const double sets = streams == LOOP_K            ? (double)b->n[LOOP_K]
                        : m->array.packed_groups > 1 ? 1
                                                     : (double)m->filter_sets[b->filter];
    return r->base_pj + (double)work.steps * m->step_pj + (double)work.starts * m->start_pj +
           outputs * (pe_steps * (double)m->array.busy_cycles * r->pe_pj +
                      width * rounds * r->output_pj) +
           (double)s->weight_bits * (passes * r->weight_read_pj + r->weight_fetch_pj) +
           reads * sets * (double)s->bits.act * r->act_read_pj +
           (double)cut->act_bits * r->act_fetch_pj + (double)s->out_bits * r->store_pj;
}

/* What fetching anew adds, for each loop that makes it necessary unless it is the innermost one:
 * windows fetch weights again, filters activations, channels partial sums. */
typedef struct refetch {
    uint64_t bits[N_LOOPS];
    double pj[N_LOOPS];
} refetch;

static inline refetch refetch_of(const searcher *s, const block *b, const cut_state *cut)
{
    const energy_rates *const r = &s->rates;
    refetch f;
    f.bits[LOOP_W] = s->weight_bits * (cut->n - 1);
    f.bits[LOOP_K] = cut->act_bits * (b->n[LOOP_K] - 1);
    f.bits[LOOP_C] = s->psum_bits * (b->n[LOOP_C] - 1);
    f.bits[LOOP_G] = f.bits[LOOP_W] + f.bits[LOOP_K] + f.bits[LOOP_C]; /* all */
    if (!needs_energy(s)) return f;
    f.pj[LOOP_W] = (double)f.bits[LOOP_W] * r->weight_fetch_pj;
    f.pj[LOOP_K] = (double)f.bits[LOOP_K] * r->act_fetch_pj;
    f.pj[LOOP_C] = (double)f.bits[LOOP_C] * r->psum_pj;
    f.pj[LOOP_G] = f.pj[LOOP_W] + f.pj[LOOP_K] + f.pj[LOOP_C];
    return f;
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

/* Time by the array alone or by DRAM alone. Every stage but the last loads, so it pays the latency;
 * in the last one DRAM has at most one tile to store. */
static uint64_t least_cycles(const searcher *s, const candidate *c, uint64_t dram_bits)
{
    if (s->space.is_ideal) return c->compute_cycles;
    const uint64_t bits = dram_bits > c->unhidden_bits ? dram_bits - c->unhidden_bits : 0;
    const uint64_t busy = sim_divide_up(&s->transfer, bits) + c->waits;
    return c->startup_cycles + sim_max(c->compute_cycles, busy);
}

/* The rates' rounding errors are far below this. */
static double surely(double energy_pj) { return energy_pj - 1e-9 * fabs(energy_pj); }

/* At least this in every order: of what can be fetched anew, the dearest is not. */
static rank bound_of_tile(const searcher *s, candidate *c)
{
    const block *const b = &s->blocks[c->block];
    const cut_state *const cut = &s->cuts[c->cut];
    const refetch f = refetch_of(s, b, cut);
    const uint64_t spared = sim_max(f.bits[LOOP_W], sim_max(f.bits[LOOP_K], f.bits[LOOP_C]));
    const uint64_t moved = cut->least_bits + f.bits[LOOP_G] - spared;
    c->cycles = least_cycles(s, c, moved);
    double energy_pj = 0;
    if (needs_energy(s)) {
        c->fixed_pj = fixed_energy_pj(s, c);
        const double spared_pj = fmax(f.pj[LOOP_W], fmax(f.pj[LOOP_K], f.pj[LOOP_C]));
        energy_pj =
            surely(c->fixed_pj + f.pj[LOOP_G] - spared_pj + (double)c->cycles * s->rates.cycle_pj);
    }
    return sim_rank(s->m, (double)c->cycles, energy_pj, (double)moved);
}

static double least_key(const candidate *c)
{
    double least = INFINITY;
    for (int o = 0; o < N_ORDERS; o++)
        if (c->orders >> o & 1 && c->order[o].key < least) least = c->order[o].key;
    return least;
}

/* Into its loop orders. */
static void open_tile(searcher *s, size_t i)
{
    candidate *const c = &s->candidates[i];
    const block *const b = &s->blocks[c->block];
    const cut_state *const cut = &s->cuts[c->cut];
    const refetch f = refetch_of(s, b, cut);
    for (int o = 0; o < N_ORDERS; o++) {
        if (!(c->orders >> o & 1)) continue;
        order_state *const state = &c->order[o];
        const int inner = innermost(b, cut, o);
        const uint64_t spared = inner == LOOP_G ? 0 : f.bits[inner];
        const uint64_t moved = cut->least_bits + f.bits[LOOP_G] - spared;
        if (!c->opened_in) *state = (order_state){.cycles = least_cycles(s, c, moved)};
        double energy_pj = 0;
        if (needs_energy(s))
            energy_pj = surely(c->fixed_pj + f.pj[LOOP_G] - (spared ? f.pj[inner] : 0) +
                               (double)state->cycles * s->rates.cycle_pj);
        const rank r = sim_rank(s->m, (double)state->cycles, energy_pj, (double)moved);
        state->key = s->pass == 1 ? r.first : r.first <= s->limit ? r.second : INFINITY;
    }
    c->opened_in = s->pass;
    s->bound[i] = least_key(c);
}

/* ---- exactly ---- */

static bool is_better(const searcher *s, const rank *r, uint64_t number)
{
    if (!s->has_best || r->second != s->best_rank.second)
        return !s->has_best || r->second < s->best_rank.second;
    if (r->first != s->best_rank.first) return r->first < s->best_rank.first;
    return number < s->best_number;
}

static void keep_best(searcher *s, const candidate *c, const order_state *o, const tile_totals *t)
{
    const window_cut *const cut = &s->space.cuts[c->cut];
    s->best = (mapping_choice){
        .array = *s->tiles.a,
        .tiles = s->tiles,
        .tn = cut->tn,
        .tp = cut->tp,
        .tq = cut->tq,
        .totals = *t,
        .time = {o->cycles, c->startup_cycles, o->stall_cycles},
        .energy_pj = sim_energy_pj(s->m, s->job, t, o->cycles, NULL),
        .dram_bits = sim_dram_bits(t),
    };
    s->best.tiles.a = NULL;
    s->best.tiles.w = NULL;
}

static bool find_time(searcher *s, const candidate *c, order_state *state)
{
    if (state->is_exact) return true;
    const cut_state *const cut = &s->cuts[c->cut];
    if (s->focus_cut != c->cut) {
        if (!sim_window_kinds(cut->axes, &s->kinds)) return false;
        s->focus_cut = c->cut;
        s->has_stages = false;
    }
    if (!s->has_stages) sim_stage_table(&s->tiles, &s->kinds, &s->transfer, &s->stages);
    s->has_stages = true;
    const tile_time time = sim_stage_time(&s->stages, &s->tiles, c->startup_cycles);
    state->cycles = time.cycles;
    state->stall_cycles = time.stall_cycles;
    state->is_exact = true;
    return true;
}

/* Its most promising order, exactly; false: leave it to the plain search. */
static bool try_order(searcher *s, size_t i)
{
    candidate *const c = &s->candidates[i];
    int o = 0;
    while (!(c->orders >> o & 1) || c->order[o].key > s->bound[i]) o++;
    look_at(s, i);
    s->tiles.order[0] = LOOP_G;
    memcpy(s->tiles.order + 1, sim_orders[o], 3);
    if (!find_time(s, c, &c->order[o])) return false;
    const uint64_t cycles = c->order[o].cycles;
    tile_totals t;
    rank r = {(double)cycles, 0};
    if (needs_energy(s) || s->m->mapping.objective != PARE_OBJECTIVE_CYCLES) {
        count(s, c, &t);
        const double energy_pj = sim_energy_pj(s->m, s->job, &t, cycles, NULL);
        r = sim_rank(s->m, (double)cycles, energy_pj, (double)sim_dram_bits(&t));
    }
    c->order[o].key = INFINITY;
    s->bound[i] = least_key(c);
    if (s->pass == 1) {
        s->least = fmin(s->least, r.first);
        return true;
    }
    const uint64_t number = (uint64_t)c->number * N_ORDERS + (uint64_t)o;
    if (r.first > s->limit || !is_better(s, &r, number)) return true;
    s->has_best = true;
    s->best_rank = r;
    s->best_number = number;
    keep_best(s, c, &c->order[o], &t);
    return true;
}

/* The first candidate of the least bound. Four at a time, for no minimum waits for the one before.
 */
static size_t find_least(const double *v, size_t n)
{
    double least[4] = {INFINITY, INFINITY, INFINITY, INFINITY};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++) least[j] = v[i + j] < least[j] ? v[i + j] : least[j];
    for (; i < n; i++) least[0] = v[i] < least[0] ? v[i] : least[0];
    for (size_t j = 1; j < 4; j++) least[0] = least[j] < least[0] ? least[j] : least[0];
    for (i = 0; v[i] > least[0];) i++;
    return i;
}

/* Best bound first, until none can change the result of the pass. */
static bool run_pass(searcher *s)
{
    for (;;) {
        if (s->n == 0) return true;
        const size_t best = find_least(s->bound, s->n);
        if (s->bound[best] == INFINITY) return true;
        if (s->pass == 1 && s->bound[best] >= s->least) return true;
        if (s->pass == 2 && s->has_best && s->bound[best] > s->best_rank.second) return true;
        if (s->candidates[best].opened_in != s->pass)
            open_tile(s, best);
        else if (!try_order(s, best))
            return false;
    }
}

/* ---- the candidates ---- */

static void grow(searcher *s, const candidate *own)
{
    const size_t n = 2 * s->capacity;
    candidate *const more = pare_xalloc(n, sizeof *more);
    double *const first = pare_xalloc(2 * n, sizeof *first);
    memcpy(more, s->candidates, s->n * sizeof *more);
    memcpy(first, s->first, s->n * sizeof *first);
    memcpy(first + n, s->bound, s->n * sizeof *first);
    if (s->candidates != own) {
        free(s->candidates);
        free(s->first);
    }
    s->candidates = more;
    s->first = first;
    s->bound = first + n;
    s->capacity = n;
}

static uint64_t window_sets(const cut_state *c, uint64_t unit)
{
    uint64_t sum = 0;
    const axis *const n = c->axes[0], *const p = c->axes[1], *const q = c->axes[2];
    for (unsigned i = 0; i < n->n_runs; i++)
        for (unsigned y = 0; y < p->n_runs; y++)
            for (unsigned x = 0; x < q->n_runs; x++)
                sum += n->runs[i].n * p->runs[y].n * q->runs[x].n *
                       sim_ceil_div(n->runs[i].size * p->runs[y].size * q->runs[x].size, unit);
    return sum;
}

/* One tile, unless it does not fit or takes longer than what is known to be possible. */
static void add_candidate(searcher *s, size_t map, size_t cut_number, size_t block_number,
                          uint64_t sets, const candidate *own)
{
    const block *const b = &s->blocks[block_number];
    const cut_state *const cut = &s->cuts[cut_number];
    const uint64_t stored = b->n[LOOP_C] > 1 ? s->bits.psum : s->bits.out;
    const uint64_t channels = b->size[LOOP_G] * b->size[LOOP_C];
    const uint64_t filters = b->size[LOOP_G] * b->size[LOOP_K];
    const uint64_t act_bits = channels * cut->first.pixels * s->bits.act;
    const uint64_t out_bits = b->last_filters * cut->last.windows * s->bits.out;
    uint64_t startup_cycles = 0;
    if (!s->space.is_ideal) {
        if (channels * cut->max_pixels * s->bits.act > s->cap_bits[1]) return;
        if (filters * cut->max_windows * stored > s->cap_bits[2]) return;
        startup_cycles = 2 * (uint64_t)s->m->dram.latency_cycles + b->load_cycles +
                         sim_divide_up(&s->transfer, act_bits) +
                         sim_divide_up(&s->transfer, out_bits);
    }
    const uint64_t n_tiles = b->n[LOOP_G] * b->n[LOOP_K] * b->n[LOOP_C] * cut->n;
    if (n_tiles >= SIM_TILES_MAX) return;
    const map_state *const m = &s->maps[map];
    const uint64_t cycles = sim_cycles_of(&m->array, sim_work_of(m, b, sets, cut->n));
    const bool is_by_cycles = s->m->mapping.objective == PARE_OBJECTIVE_CYCLES;
    if (is_by_cycles && (double)(cycles + startup_cycles) > s->limit) return;
    if (s->n == s->capacity) grow(s, own);
    candidate *const c = &s->candidates[s->n];
    c->compute_cycles = cycles;
    c->startup_cycles = startup_cycles;
    c->unhidden_bits = b->weight_bits + act_bits + out_bits;
    if (n_tiles > 1) c->unhidden_bits += filters * cut->max_windows * sim_max(stored, s->bits.out);
    c->waits = (n_tiles - 1) * s->m->dram.latency_cycles;
    c->number = (uint32_t)((s->maps[map].number * s->space.n_cuts + cut_number) * s->n_blocks +
                           block_number);
    c->block = (uint16_t)block_number;
    c->map = (uint8_t)map;
    c->cut = (uint8_t)cut_number;
    const uint64_t n[N_LOOPS] = {
        [LOOP_K] = b->n[LOOP_K], [LOOP_W] = cut->n, [LOOP_C] = b->n[LOOP_C]};
    c->orders = sim_space_orders(&s->space, n);
    c->opened_in = 0;
    c->window_sets = sets;
    const double first = bound_of_tile(s, c).first;
    if (first > s->limit) return;
    s->first[s->n] = s->bound[s->n] = first;
    s->n++;
}

static void add_map(searcher *s, size_t map, const candidate *own)
{
    const map_state *const m = &s->maps[map];
    const bool is_by_cycles = s->m->mapping.objective == PARE_OBJECTIVE_CYCLES;
    const block whole = {.n = {1, 1, 1, 1}};
    for (size_t i = 0; i < s->space.n_cuts; i++) {
        const uint64_t sets = window_sets(&s->cuts[i], m->array.windows);
        const uint64_t least = sim_cycles_of(&m->array, sim_work_of(m, &whole, sets, s->cuts[i].n));
        if (is_by_cycles && (double)least > s->limit) continue;
        for (size_t j = 0; j < s->n_blocks; j++) add_candidate(s, map, i, j, sets, own);
    }
}

static bool run(searcher *s, const candidate *own)
{
    s->pass = 1;
    for (size_t i = 0; i < s->n_maps; i++) {
        add_map(s, i, own);
        if (!run_pass(s)) return false;
        s->limit = s->least * (1 + s->m->mapping.slack_frac);
    }
    s->pass = 2;
    for (size_t i = 0; i < s->n; i++)
        s->bound[i] =
            s->first[i] <= s->limit ? bound_of_tile(s, &s->candidates[i]).second : INFINITY;
    return run_pass(s) && s->has_best;
}

pare_status sim_search(const pare_machine *m, const pare_sim_job *job, bool want_second,
                       mapping_result *out, pare_err *e)
{
    if (want_second) return sim_search_plain(m, job, true, out, e);
    const uint64_t usable = m->buffers.double_buffering ? 4 : 8; /* bits per byte in one half */
    candidate own[CANDIDATES_ON_STACK];
    double bounds[2 * CANDIDATES_ON_STACK];
    searcher s;
    s.m = m;
    s.job = job;
    s.bits = sim_value_bits(m, job, sim_is_packed(m));
    s.cap_bits[0] = sim_mul(m->buffers.weight_bytes, usable);
    s.cap_bits[1] = sim_mul(m->buffers.act_bytes, usable);
    s.cap_bits[2] = sim_mul(m->buffers.out_bytes, usable);
    s.transfer = sim_divider(m->dram.bits_per_cycle);
    s.n_blocks = s.n = 0;
    memset(s.n_axes, 0, sizeof s.n_axes);
    s.candidates = own;
    s.first = bounds;
    s.bound = bounds + CANDIDATES_ON_STACK;
    s.capacity = CANDIDATES_ON_STACK;
    s.least = s.limit = INFINITY;
    s.focus = s.focus_cut = SIZE_MAX;
    s.has_best = false;
    bool is_done = false;
    if (sim_searcher_set_up(&s)) {
        const pare_dims *const d = &job->dims;
        s.windows = (window_tiles){.sum_windows = (uint64_t)d->n * d->p * d->q};
        s.tiles = (tiling){.m = m, .d = d, .w = &s.windows, .bits = s.bits};
        memcpy(s.tiles.total, s.total, sizeof s.total);
        is_done = run(&s, own);
    }
    if (s.candidates != own) {
        free(s.candidates);
        free(s.first);
    }
    if (!is_done) return sim_search_plain(m, job, false, out, e);
    *out = (mapping_result){.best = s.best};
    return PARE_OK;
}
