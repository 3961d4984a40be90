/* The time of a tiling from the kinds of its tiles. Along each loop positions fall into few runs of
 * like size and like neighbours, so the stages do: their product over the loops is summed. The same
 * sum as sim_tile_time, without a list of all tiles and with every transfer divided once. */
#include "sim/search.h"

#include <string.h>

/* ---- axes ---- */

static bool add_run(axis *a, uint64_t n, uint64_t size, uint64_t span)
{
    axis_run *const last = a->n_runs ? &a->runs[a->n_runs - 1] : NULL;
    a->sum_span += n * span;
    a->max_span = sim_max(a->max_span, span);
    a->min_span = sim_min(a->min_span, span);
    if (last && last->size == size && last->span == span) {
        last->n += n;
        return true;
    }
    if (a->n_runs == AXIS_RUNS_MAX) return false;
    a->runs[a->n_runs++] = (axis_run){n, size, span};
    return true;
}

static void start_axis(axis *a, uint64_t total, uint64_t piece)
{
    a->piece = piece;
    a->n = sim_ceil_div(total, piece);
    a->n_runs = a->n_steps = 0;
    a->sum_span = a->max_span = 0;
    a->min_span = UINT64_MAX;
}

void sim_axis_even(uint64_t total, uint64_t piece, axis *out)
{
    start_axis(out, total, piece);
    const uint64_t last = total - (out->n - 1) * piece;
    if (out->n > 1) (void)add_run(out, out->n - 1, piece, piece);
    (void)add_run(out, 1, last, last);
}

/* Pieces whose windows all lie within the input are alike; those at the edges come one by one. */
bool sim_axis_cut(uint64_t total, uint64_t piece, const axis_reach *r, axis *out)
{
    start_axis(out, total, piece);
    const uint64_t move = piece * r->stride, reach = (r->kernel - 1) * r->dilation + 1;
    const uint64_t extent = (piece - 1) * r->stride + reach;    /* of a full piece */
    uint64_t inner = sim_ceil_div(r->pad, move), outer = inner; /* inner .. outer - 1 are alike */
    if (r->size + r->pad >= extent) outer = (r->size + r->pad - extent) / move + 1;
    outer = sim_min(outer, total / piece);
    if (outer <= inner) outer = inner = 0;
    for (uint64_t x = 0; x < out->n; x++) {
        const bool is_inner = x == inner && outer > inner;
        const uint64_t n = is_inner ? outer - inner : 1;
        const uint64_t size = sim_min(piece, total - x * piece);
        const uint64_t span =
            sim_span(x * piece, size, r->stride, r->pad, r->kernel, r->dilation, r->size);
        if (!add_run(out, n, size, span)) return false;
        x += n - 1;
    }
    return true;
}

static void add_step(axis *a, uint64_t n, unsigned here, unsigned before, unsigned after)
{
    a->steps[a->n_steps++] = (axis_step){
        .n = n, .here = (uint16_t)here, .before = (uint16_t)before, .after = (uint16_t)after};
}

void sim_axis_steps(axis *a)
{
    if (a->n_steps) return;
    const unsigned n = a->n_runs;
    for (unsigned i = 0; i < n; i++) {
        const unsigned before = i ? i - 1 : n - 1, after = i + 1 < n ? i + 1 : 0;
        const uint64_t count = a->runs[i].n;
        if (count == 1) {
            add_step(a, 1, i, before, after);
            continue;
        }
        add_step(a, 1, i, before, i);
        if (count > 2) add_step(a, count - 2, i, i, i);
        add_step(a, 1, i, i, after);
    }
    a->steps[0].is_first = true;
    a->steps[a->n_steps - 1].is_last = true;
}

/* ---- windows: images, rows, columns ---- */

/* Runs of the three axes at the neighbour of a position: columns move first. */
static unsigned neighbour(axis *const axes[3], const axis_step *const at[3], bool forward)
{
    unsigned kind[3] = {at[0]->here, at[1]->here, at[2]->here};
    for (int i = 3; i-- > 0;) {
        kind[i] = forward ? at[i]->after : at[i]->before;
        if (!(forward ? at[i]->is_last : at[i]->is_first)) break;
    }
    return (kind[0] * axes[1]->n_runs + kind[1]) * axes[2]->n_runs + kind[2];
}

static void list_kinds(axis *const axes[3], window_kinds *out)
{
    window_tile *kind = out->kinds;
    for (unsigned i = 0; i < axes[0]->n_runs; i++)
        for (unsigned y = 0; y < axes[1]->n_runs; y++)
            for (unsigned x = 0; x < axes[2]->n_runs; x++) {
                const axis_run *const n = &axes[0]->runs[i], *const p = &axes[1]->runs[y];
                const axis_run *const q = &axes[2]->runs[x];
                *kind++ = (window_tile){n->size * p->size * q->size, n->size * p->span * q->span};
            }
}

bool sim_window_kinds(axis *const axes[3], window_kinds *out)
{
    out->n_steps = 0;
    out->n_kinds = axes[0]->n_runs * axes[1]->n_runs * axes[2]->n_runs;
    if (out->n_kinds > sizeof out->kinds / sizeof *out->kinds) return false;
    for (int i = 0; i < 3; i++) sim_axis_steps(axes[i]);
    if (axes[0]->n_steps * axes[1]->n_steps * axes[2]->n_steps > WINDOW_STEPS_MAX) return false;
    list_kinds(axes, out);
    const axis_step *at[3];
    for (unsigned i = 0; i < axes[0]->n_steps; i++)
        for (unsigned y = 0; y < axes[1]->n_steps; y++)
            for (unsigned x = 0; x < axes[2]->n_steps; x++) {
                at[0] = &axes[0]->steps[i];
                at[1] = &axes[1]->steps[y];
                at[2] = &axes[2]->steps[x];
                const unsigned here =
                    (at[0]->here * axes[1]->n_runs + at[1]->here) * axes[2]->n_runs + at[2]->here;
                out->steps[out->n_steps++] =
                    (axis_step){.n = at[0]->n * at[1]->n * at[2]->n,
                                .here = (uint16_t)here,
                                .before = (uint16_t)neighbour(axes, at, false),
                                .after = (uint16_t)neighbour(axes, at, true),
                                .is_first = at[0]->is_first && at[1]->is_first && at[2]->is_first,
                                .is_last = at[0]->is_last && at[1]->is_last && at[2]->is_last};
            }
    return true;
}

/* ---- one tiling ---- */

static void fill_transfers(const tiling *t, const divider *transfer, stage_table *s)
{
    const bool is_free = t->m->memory.model == PARE_MEMORY_IDEAL;
    const uint64_t positions = (uint64_t)t->d->r * t->d->s;
    const axis *const g = &s->loops[0], *const k = &s->loops[1], *const c = &s->loops[2];
    for (unsigned i = 0; i < g->n_runs; i++) {
        for (unsigned j = 0; j < k->n_runs; j++) {
            const uint64_t filters = g->runs[i].size * k->runs[j].size;
            for (unsigned l = 0; l < c->n_runs; l++) {
                const uint64_t bits = filters * c->runs[l].size * positions * t->bits.weight;
                s->weight[i][j][l] = is_free ? 0 : sim_divide_up(transfer, bits);
            }
            for (unsigned w = 0; w < s->windows->n_kinds; w++) {
                const uint64_t n = filters * s->windows->kinds[w].windows;
                s->out[i][j][w] = is_free ? 0 : sim_divide_up(transfer, n * t->bits.out);
                s->psum[i][j][w] =
                    is_free || c->n == 1 ? 0 : sim_divide_up(transfer, n * t->bits.psum);
            }
        }
        for (unsigned l = 0; l < c->n_runs; l++)
            for (unsigned w = 0; w < s->windows->n_kinds; w++) {
                const uint64_t bits =
                    g->runs[i].size * c->runs[l].size * s->windows->kinds[w].pixels * t->bits.act;
                s->act[i][l][w] = is_free ? 0 : sim_divide_up(transfer, bits);
            }
    }
}

/* Cycles of a tile: so many per set of windows, and so many more. */
static void fill_cycles(const tiling *t, stage_table *s)
{
    const array_map *const a = t->a;
    const axis *const g = &s->loops[0], *const k = &s->loops[1], *const c = &s->loops[2];
    const uint64_t start = a->fold_cycles + a->load_cycles;
    for (unsigned i = 0; i < g->n_runs; i++)
        for (unsigned j = 0; j < k->n_runs; j++)
            for (unsigned l = 0; l < c->n_runs; l++) {
                const uint64_t groups = sim_ceil_div(g->runs[i].size, a->packed_groups);
                const uint64_t filters =
                    a->packed_groups > 1 ? 1 : sim_ceil_div(k->runs[j].size, a->filters);
                const uint64_t steps = sim_array_steps(a, c->runs[l].size);
                const uint64_t filter_starts = a->streams == LOOP_K ? 1 : filters;
                const uint64_t step_starts = a->streams == LOOP_C ? 1 : steps;
                const uint64_t starts = groups * filter_starts * step_starts * start;
                s->per_set[i][j][l] = groups * filters * steps * a->step_cycles;
                s->per_tile[i][j][l] = 0;
                (a->streams == LOOP_W ? s->per_tile : s->per_set)[i][j][l] += starts;
            }
    for (unsigned w = 0; w < s->windows->n_kinds; w++)
        s->sets[w] = sim_ceil_div(s->windows->kinds[w].windows, a->windows);
}

void sim_stage_table(const tiling *t, const window_kinds *w, const divider *transfer,
                     stage_table *out)
{
    static const int loops[3] = {LOOP_G, LOOP_K, LOOP_C};
    stage_table *const s = out;
    s->windows = w;
    s->latency = t->m->memory.model == PARE_MEMORY_IDEAL ? 0 : t->m->dram.latency_cycles;
    for (int i = 0; i < 3; i++) {
        sim_axis_even(t->total[loops[i]], t->size[loops[i]], &s->loops[i]);
        sim_axis_steps(&s->loops[i]);
    }
    fill_transfers(t, transfer, s);
    fill_cycles(t, s);
}

/* ---- the sum over the stages ---- */

/* To or from a position's neighbour, in one word, which stays in a register: the loops that move as
 * a mask (0: there is no neighbour); EDGE if channels are at their last piece, or, of a move
 * forward, at their first; and the run of each loop where it then is. */
typedef uint64_t move;
enum { EDGE = 1 << 8, MOVE_AT = 16, MOVE_LOOPS = 0xff };

static inline unsigned move_at(move m, int loop) { return m >> (MOVE_AT + 8 * loop) & 0xff; }
static inline move with_at(move m, int loop, unsigned run)
{
    return m | (move)run << (MOVE_AT + 8 * loop); /* no loop is entered twice */
}
static inline move with_edge(move m, bool is_edge)
{
    return (m & ~(move)EDGE) | (is_edge ? EDGE : 0);
}

/* A position: itself and, if all loops further inside are at their ends, its neighbours. */
typedef struct place {
    uint64_t n;
    move here_last, here_first; /* not moving; with either meaning of EDGE */
    move from, to;
} place;

typedef struct nest {
    const stage_table *s;
    const axis_step *steps[N_LOOPS]; /* of loops of several trips, outermost first */
    unsigned n_steps[N_LOOPS];
    uint8_t loop[N_LOOPS];
    int depth;
    tile_time time;
} nest;

enum {
    WEIGHT_INDEX = 1 << LOOP_G | 1 << LOOP_K | 1 << LOOP_C,
    ACT_INDEX = 1 << LOOP_G | 1 << LOOP_W | 1 << LOOP_C,
    OUT_INDEX = 1 << LOOP_G | 1 << LOOP_K | 1 << LOOP_W,
};

static inline void add_stage(nest *n, const place *p)
{
    const stage_table *const s = n->s;
    const move y = p->from, z = p->to, at = p->here_last;
    uint64_t dram = y & OUT_INDEX || z & MOVE_LOOPS ? s->latency : 0;
    if (y & OUT_INDEX)
        dram += (y & EDGE ? s->out
                          : s->psum)[move_at(y, LOOP_G)][move_at(y, LOOP_K)][move_at(y, LOOP_W)];
    const unsigned zg = move_at(z, LOOP_G), zk = move_at(z, LOOP_K);
    const unsigned zw = move_at(z, LOOP_W), zc = move_at(z, LOOP_C);
    if (z & WEIGHT_INDEX) dram += s->weight[zg][zk][zc];
    if (z & ACT_INDEX) dram += s->act[zg][zc][zw];
    if (z & OUT_INDEX && !(z & EDGE)) dram += s->psum[zg][zk][zw];
    const unsigned g = move_at(at, LOOP_G), k = move_at(at, LOOP_K), c = move_at(at, LOOP_C);
    const uint64_t compute =
        s->sets[move_at(at, LOOP_W)] * s->per_set[g][k][c] + s->per_tile[g][k][c];
    n->time.cycles += p->n * sim_max(compute, dram);
    n->time.stall_cycles += dram > compute ? p->n * (dram - compute) : 0;
}

/* One loop further in: it stands at `step`. */
static inline void enter(const place *outer, int loop, const axis_step *step, place *p)
{
    const move bit = (move)1 << loop;
    move from = step->is_first ? outer->from : outer->here_last;
    move to = step->is_last ? outer->to : outer->here_first;
    if (!step->is_first || from & MOVE_LOOPS) from |= bit;
    if (!step->is_last || to & MOVE_LOOPS) to |= bit;
    p->n = outer->n * step->n;
    p->here_last = with_at(outer->here_last, loop, step->here);
    p->here_first = with_at(outer->here_first, loop, step->here);
    p->from = with_at(from, loop, step->before);
    p->to = with_at(to, loop, step->after);
    if (loop != LOOP_C) return;
    p->here_last = with_edge(p->here_last, step->is_last);
    p->here_first = with_edge(p->here_first, step->is_first);
    p->from = with_edge(p->from, step->is_first); /* it went round */
    p->to = with_edge(p->to, step->is_last);
}

static void sum_stages(nest *n, int level, const place *outer)
{
    for (unsigned i = 0; i < n->n_steps[level]; i++) {
        place p;
        enter(outer, n->loop[level], &n->steps[level][i], &p);
        if (level + 1 < n->depth)
            sum_stages(n, level + 1, &p);
        else
            add_stage(n, &p);
    }
}

tile_time sim_stage_time(const stage_table *s, const tiling *t, uint64_t startup_cycles)
{
    static const int axis_of[N_LOOPS] = {[LOOP_G] = 0, [LOOP_K] = 1, [LOOP_C] = 2};
    nest n = {.s = s, .time = {.cycles = startup_cycles, .startup_cycles = startup_cycles}};
    for (int i = 0; i < N_LOOPS; i++) {
        const int loop = t->order[i];
        if (t->n[loop] == 1) continue;
        const axis *const a = &s->loops[axis_of[loop]];
        n.steps[n.depth] = loop == LOOP_W ? s->windows->steps : a->steps;
        n.n_steps[n.depth] = loop == LOOP_W ? s->windows->n_steps : a->n_steps;
        n.loop[n.depth++] = (uint8_t)loop;
    }
    /* channels in one piece are at its first and last one */
    place whole = {.n = 1, .here_last = EDGE, .here_first = EDGE};
    if (n.depth)
        sum_stages(&n, 0, &whole);
    else
        add_stage(&n, &whole);
    return n.time;
}
