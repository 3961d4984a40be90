/* Random layers for the machine: shapes with 1 and non-multiples, bits, signs, data, memory. */
#include "rtl/layer.h"

#include <math.h>
#include <stdlib.h>

static uint32_t between(pare_rng *r, uint32_t low, uint32_t high)
{
    return low + pare_rng_below(r, high - low + 1);
}

/* ---- walks: each combination of some choices once before any comes again ---- */

typedef struct walker {
    uint64_t seed, index; /* of the layers that walk */
    uint32_t n_walks;
    bool is_free; /* this one does not */
    pare_rng *rng;
} walker;

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        const uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* A number below n: every n layers have each once, in an order of their own. */
static uint32_t walk(walker *w, uint32_t n)
{
    if (w->is_free) return pare_rng_below(w->rng, n);
    const uint64_t words[3] = {w->seed, w->n_walks++, w->index / n};
    const uint64_t h = pare_hash_bytes(PARE_HASH_SEED, words, sizeof words);
    uint32_t factor = (uint32_t)(h % n) + 1;
    while (common_divisor(factor, n) != 1) factor++;
    return (uint32_t)((w->index % n * factor + (h >> 32)) % n);
}

/* The lowest digit of a mixed-radix number. */
static uint32_t take(uint32_t *x, uint32_t radix)
{
    const uint32_t digit = *x % radix;
    *x /= radix;
    return digit;
}

/* ---- shapes ---- */

enum { ONE, SOME, ALL };

/* At least `least`; of the last `side` there is one, some or all. */
static uint32_t extent(pare_rng *r, uint32_t side, uint32_t kind, uint32_t groups)
{
    const uint32_t whole = (groups - 1) * side;
    if (kind == ALL || side == 1) return whole + side;
    return kind == ONE || side == 2 ? whole + 1 : whole + between(r, 2, side - 1);
}

/* Tiles of an axis of the loop: how much of it a tile has, and how much there is. */
typedef struct cut {
    uint32_t tile, total;
} cut;

static cut random_cut(pare_rng *r, bool is_many, bool is_partial)
{
    const uint32_t tile = between(r, is_many && is_partial ? 2 : 1, 3);
    if (!is_many) return (cut){tile, tile};
    const uint32_t n = between(r, 1, 2);
    if (is_partial) return (cut){tile, n * tile + between(r, 1, tile - 1)};
    return (cut){tile, (n + 1) * tile};
}

static uint32_t edge_of(uint32_t n, uint32_t side)
{
    const uint32_t last = (n - 1) % side + 1;
    return last == side ? ALL : last == 1 ? ONE : SOME;
}

/* Filters, windows and channels: in how many tiles, and what the last ones hold. */
static void random_loops(const pare_accel_params *p, walker *w, pare_layer_random *x)
{
    static const char *const orders[] = {"kwc", "wkc"};
    pare_dims *const d = &x->job.dims;
    const uint32_t lanes = pare_accel_step_channels(p, x->job.act_bits, x->job.weight_bits);
    uint32_t loops = walk(w, 5 * 4), edges = walk(w, 27), sizes = walk(w, 4);
    const uint32_t kind = take(&loops, 5);
    cut k = random_cut(w->rng, kind == 1 || kind > 2, loops & 1);
    while (k.total * p->rows > p->max_filters) k.total -= k.tile;
    d->k = extent(w->rng, p->rows, take(&edges, 3), k.total);
    d->c = extent(w->rng, lanes, take(&edges, 3), sizes < 2 ? 1 : sizes);
    if (d->c > PARE_LAYER_GROUPS_MAX * lanes) d->c = PARE_LAYER_GROUPS_MAX * lanes + 1;
    cut rows = {1, 1};
    for (int i = 0; i < 40; i++) { /* until the windows of the last tile are as they shall be */
        rows = random_cut(w->rng, kind > 1, loops & 2);
        d->q = between(w->rng, 1, 2 * p->cols + 1);
        if (d->q > 7) d->q = between(w->rng, 1, 7);
        if (edge_of(((rows.total - 1) % rows.tile + 1) * d->q, p->cols) == edges) break;
    }
    d->p = rows.total;
    x->cut = (pare_layer_cut){k.tile * p->rows, rows.tile, orders[kind == 4]};
}

/* An axis of the kernel, and how its last window lies on the input. */
static void random_axis(walker *w, pare_dims *d, int i)
{
    uint32_t *const kernel = i ? &d->s : &d->r, *const in = i ? &d->w : &d->h;
    const uint32_t out = i ? d->q : d->p;
    uint32_t choice = walk(w, 2 * 2 * 3 * 5);
    *kernel = take(&choice, 2) ? between(w->rng, 2, PARE_LAYER_KERNEL_MAX) : 1;
    d->dilation[i] = 1 + take(&choice, 2);
    const uint32_t reach = (*kernel - 1) * d->dilation[i] + 1, stride = take(&choice, 3);
    d->stride[i] = stride == 0   ? 1
                   : stride == 1 ? between(w->rng, 1, reach)
                                 : reach + between(w->rng, 1, 2);
    const bool has_padding = choice < 3 && d->stride[i] <= reach && reach > 1;
    d->pad[i] = has_padding ? between(w->rng, 1, reach - 1) : 0;
    const uint32_t end = (out - 1) * d->stride[i] + reach, pads = 2 * d->pad[i];
    /* all of the padding below, or less, or none, or input that no window reads */
    const uint32_t less = !has_padding  ? (choice & 1) * between(w->rng, 1, 2)
                          : choice == 0 ? 0
                          : choice == 1 ? between(w->rng, 1, d->pad[i])
                                        : d->pad[i] + between(w->rng, 0, 1);
    const int64_t size = (int64_t)end - pads + less;
    *in = size < 1 ? 1 : (uint32_t)size;
    while (*in + pads < end) ++*in;
}

/* A square kernel on all of its input. */
static void set_plain(pare_dims *d, uint32_t kernel, uint32_t rows, uint32_t cols)
{
    d->r = d->s = kernel;
    d->stride[0] = d->stride[1] = d->dilation[0] = d->dilation[1] = 1;
    d->pad[0] = d->pad[1] = 0;
    d->p = rows;
    d->q = cols;
    d->h = rows + kernel - 1;
    d->w = cols + kernel - 1;
}

/* Layers whose like is hardly ever drawn, among those that do not walk: one of the largest or the
 * smallest sums; one whose tiles take longer to compute than to move, also where they load both
 * operands; one whose tiles fill the output buffer to its last byte. */
enum { USUAL, DEEP, LONG, FULL, N_SHAPES = 12 };

/* Two tiles of sums; as drawn where whole folds do not fill the buffer. */
static void set_full(const pare_accel_params *p, pare_layer_random *x)
{
    enum { WIDTH = 8, WINDOWS_MAX = 64 };
    const uint32_t outputs = p->out_bytes / 4, folded = outputs / p->rows;
    const uint32_t folds = folded > WINDOWS_MAX ? folded / WINDOWS_MAX : 1;
    const uint32_t rows = folded / folds / WIDTH;
    if (folds * rows * WIDTH * p->rows != outputs) return;
    x->job.raw = true;
    x->job.dims.k = folds * p->rows;
    set_plain(&x->job.dims, 1, 2 * rows, WIDTH);
    x->cut.filters = x->job.dims.k;
    x->cut.rows = rows;
}

static void special_shape(const pare_accel_params *p, uint32_t shape, pare_layer_random *x)
{
    pare_layer_job *const j = &x->job;
    if (shape == FULL) set_full(p, x);
    if (shape != DEEP && shape != LONG) return;
    j->act_bits = p->max_act_bits;
    j->weight_bits = p->max_weight_bits;
    const uint32_t lanes = pare_accel_step_channels(p, j->act_bits, j->weight_bits);
    if (shape == DEEP) {
        j->act_signed = false; /* weights as drawn: the largest sums, or the smallest */
        j->dims.c = PARE_LAYER_GROUPS_MAX * lanes + 1;
        set_plain(&j->dims, PARE_LAYER_KERNEL_MAX, 1, 1);
        return;
    }
    /* a fusion PE takes a cycle a step, so that it needs more of them for each output */
    const bool is_fast = p->pe == PARE_ACCEL_FUSION;
    j->dims.c = is_fast ? PARE_LAYER_GROUPS_MAX * lanes : lanes;
    j->dims.k = 4 * p->rows;
    /* three tiles of rows: a half of a buffer is filled again */
    set_plain(&j->dims, PARE_LAYER_KERNEL_MAX, 9, is_fast ? 17 : 7);
    x->cut.filters = 2 * p->rows;
    x->cut.rows = 3;
}

/* ---- codes ---- */

enum { UNIFORM, EXTREME, CORNER, ZERO, LAPLACE, N_DATA };

static int32_t code(pare_rng *r, uint32_t bits, bool is_signed, uint32_t data, bool corner)
{
    const int32_t low = is_signed ? -(1 << (bits - 1)) : 0;
    const int32_t high = (1 << (bits - is_signed)) - 1;
    switch (data) {
    case EXTREME: return pare_rng_below(r, 2) ? high : low;
    case CORNER: return corner ? high : low;
    case ZERO: return pare_rng_below(r, 4) ? 0 : high;
    case LAPLACE: {
        const double x = -log(1 - pare_rng_unit(r)) * (1 << bits) / 8;
        const int64_t c = (pare_rng_below(r, 2) && is_signed ? -1 : 1) * (int64_t)x;
        return c < low ? low : c > high ? high : (int32_t)c;
    }
    default: return low + (int32_t)pare_rng_below(r, (uint32_t)(high - low) + 1);
    }
}

static int32_t *codes(pare_rng *r, size_t n, uint32_t bits, bool is_signed, uint32_t data,
                      bool corner)
{
    int32_t *const v = pare_xalloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = code(r, bits, is_signed, data, corner);
    return v;
}

/* Weights and activations; a deep layer has the largest sums that there are, or with weights that
 * have a sign the smallest. */
static void random_codes(walker *w, bool is_deep, pare_layer_random *x)
{
    pare_layer_job *const j = &x->job;
    const pare_dims *const d = &j->dims;
    uint32_t data = walk(w, N_DATA * N_DATA * 4);
    const uint32_t corners = take(&data, 4);
    uint32_t weights = take(&data, N_DATA), acts = data;
    /* corners of both at once; else one of them is as drawn */
    if (is_deep) weights = CORNER;
    if (is_deep || (weights == CORNER && pare_rng_below(w->rng, 2))) acts = CORNER;
    x->weights = codes(w->rng, (size_t)d->k * d->r * d->s * d->c, j->weight_bits, j->weight_signed,
                       weights, is_deep ? !j->weight_signed : corners & 1);
    x->acts = codes(w->rng, (size_t)d->h * d->w * d->c, j->act_bits, j->act_signed, acts,
                    is_deep || corners & 2);
    j->weights = x->weights;
    j->acts = x->acts;
}

/* ---- requantiser ---- */

/* Where a sum of zero is a whole code or lies between two: a small bias and hardly a shift, or a
 * power of two by a shift of 32 or more. */
static pare_accel_filter tie_filter(pare_rng *r)
{
    const uint32_t power = between(r, 16, 22), shift = between(r, 32, 40);
    const int64_t odd = 2 * (int64_t)pare_rng_below(r, 64) - 63;
    if (pare_rng_below(r, 2))
        return (pare_accel_filter){odd, pare_rng_below(r, 2) ? 1 : -1, pare_rng_below(r, 4)};
    return (pare_accel_filter){odd * ((int64_t)1 << (shift - power - pare_rng_below(r, 2))),
                               1 << power, shift};
}

/* Records that bring sums into the range of codes, and some that do not. */
static pare_accel_filter random_filter(pare_rng *r, const pare_layer_job *j, double top)
{
    const double scale = pow(2, j->out_bits + 2 * pare_rng_unit(r)) / top;
    const int64_t most = ((int64_t)1 << 39) - 1;
    int exponent;
    const double m = frexp(scale, &exponent); /* m * 2^exponent, m in [0.5, 1) */
    int64_t shift = 23 - exponent;
    pare_accel_filter f = {.multiplier = (int32_t)(m * 8388607)};
    if (pare_rng_below(r, 8) == 0) f.multiplier = -f.multiplier;
    if (pare_rng_below(r, 8) == 0) shift = pare_rng_below(r, pare_rng_below(r, 2) ? 64 : 3);
    if (pare_rng_below(r, 8) == 0) f.multiplier = 1 << pare_rng_below(r, 20); /* ties */
    f.shift = shift < 0 ? 0 : shift > 63 ? 63 : (uint32_t)shift;
    f.bias = (int64_t)((pare_rng_unit(r) - 0.5) * top);
    if (f.bias > most) f.bias = most;
    if (f.bias < -most) f.bias = -most;
    if (pare_rng_below(r, 4) == 0) f.bias &= ~(int64_t)255;
    return f;
}

static void random_filters(pare_rng *r, pare_layer_random *x)
{
    const pare_layer_job *const j = &x->job;
    const double depth = (double)j->dims.c * j->dims.r * j->dims.s;
    const double top = depth * pow(2, j->act_bits + j->weight_bits) * 256;
    x->filters = pare_xalloc(j->dims.k, sizeof *x->filters);
    for (uint32_t k = 0; k < j->dims.k; k++)
        x->filters[k] = pare_rng_below(r, 8) ? random_filter(r, j, top) : tie_filter(r);
    x->job.filters = x->filters;
}

static void random_output(walker *w, pare_layer_random *x)
{
    pare_layer_job *const j = &x->job;
    pare_rng *const r = w->rng;
    uint32_t choice = walk(w, 3 * 2 * 2 * 2);
    j->raw |= take(&choice, 3) == 0;
    j->out_signed = take(&choice, 2);
    j->relu = take(&choice, 2);
    j->out_bits = choice ? between(r, 9, 16) : between(r, 1, 8);
    const int32_t low = j->out_signed ? -(1 << (j->out_bits - 1)) : 0;
    j->out_zero = low;
    if (pare_rng_below(r, 4)) j->out_zero += (int32_t)pare_rng_below(r, 1u << j->out_bits);
    /* of eight bits, as of these weights' codes, none, or anything */
    j->weight_zero = (int32_t)pare_rng_below(r, 1u << 24) - (1 << 23);
    const uint32_t kind = pare_rng_below(r, 4);
    if (kind == 0) j->weight_zero = (int32_t)pare_rng_u64(r);
    if (kind == 2 && j->weight_bits < 8) j->weight_zero /= 1 << (8 - j->weight_bits);
    if (kind == 3) j->weight_zero = 0;
    if (!j->raw) random_filters(r, x);
}

/* ---- memory and ports ---- */

static void random_memory(const pare_accel_params *p, walker *w, uint32_t pressure,
                          pare_layer_random *x)
{
    pare_rng *const r = w->rng;
    uint32_t choice = walk(w, 3 * 2 * PARE_N_BEFORE);
    const uint32_t latency = take(&choice, 3), least = pare_accel_latency_min(p);
    x->pace = (pare_sim_pace){.seed = pare_rng_u64(r)};
    x->pace.latency_cycles[0] = latency == 1 ? least + pare_rng_below(r, 60) : least;
    x->pace.latency_cycles[1] = latency == 0 ? least : least + pare_rng_below(r, 60);
    if (x->pace.latency_cycles[1] < x->pace.latency_cycles[0])
        x->pace.latency_cycles[1] = x->pace.latency_cycles[0];
    x->pace.gap_percent = (uint32_t[]){0, 10, 40}[pressure];
    x->pace.gap_cycles_max = (uint32_t[]){0, 2, 20}[pressure];
    x->desc_seed = take(&choice, 2) ? pare_rng_u64(r) | 1 : 0;
    x->before = (pare_layer_before)choice;
    x->is_level = pressure == 0 && pare_rng_below(r, 2);
}

void pare_layer_random_new(const pare_accel_params *params, uint64_t seed, uint64_t index,
                           pare_layer_random *out)
{
    pare_rng r = pare_rng_new(seed, index);
    walker w = {.seed = seed, .index = index - index / 4, .is_free = index % 4 == 3, .rng = &r};
    pare_layer_job *const j = &out->job;
    *out = (pare_layer_random){.job = {.name = "random"}};
    uint32_t operands = walk(&w, params->max_act_bits * params->max_weight_bits * 4 * 3);
    j->act_bits = 1 + take(&operands, params->max_act_bits);
    j->weight_bits = 1 + take(&operands, params->max_weight_bits);
    j->act_signed = take(&operands, 2);
    j->weight_signed = take(&operands, 2);
    j->dims.n = j->dims.groups = 1;
    random_loops(params, &w, out);
    for (int i = 0; i < 2; i++) random_axis(&w, &j->dims, i);
    const uint32_t shape = w.is_free ? pare_rng_below(&r, N_SHAPES) : USUAL;
    special_shape(params, shape, out);
    random_codes(&w, shape == DEEP, out);
    j->pad_code = pare_rng_below(&r, 1u << j->act_bits);
    random_output(&w, out);
    random_memory(params, &w, shape == LONG ? 0 : operands, out);
    /* of fusion PEs some of these shall end by the array alone */
    out->is_level |= shape == LONG && params->pe != PARE_ACCEL_FUSION;
}

void pare_layer_random_free(pare_layer_random *r)
{
    free(r->weights);
    free(r->acts);
    free(r->filters);
    *r = (pare_layer_random){0};
}

/* ---- on the machine ---- */

typedef struct stage_time {
    uint64_t words, compute_cycles;
    uint32_t n_loads;
} stage_time;

typedef struct level_search {
    stage_time *stages;
    uint64_t n;
    uint32_t mem_bits;
} level_search;

static void add_event(void *context, const pare_event *event)
{
    level_search *const l = context;
    const bool stores = event->kind == PARE_EVENT_STORE_OUTPUTS;
    const uint64_t stage = event->tile + (stores ? 2 : event->kind == PARE_EVENT_COMPUTE);
    if (stage >= l->n) return;
    stage_time *const s = &l->stages[stage];
    if (event->kind == PARE_EVENT_COMPUTE)
        s->compute_cycles = event->end_cycle - event->start_cycle;
    else
        s->words += (event->bits + l->mem_bits - 1) / l->mem_bits;
    s->n_loads += event->kind == PARE_EVENT_LOAD_WEIGHTS || event->kind == PARE_EVENT_LOAD_ACTS;
}

/* The latency at which memory is done when the array is, in a stage that loads the most. */
static void level_latency(const pare_layer_check *c, const pare_layer_job *job, pare_sim_pace *pace)
{
    const pare_machine machine = pare_layer_machine(c, job);
    const pare_sim_job sim_job = pare_layer_sim_job(job);
    const uint32_t least = pare_accel_latency_min(c->params);
    pare_sim_layer level2;
    if (pare_sim_run_layer(&machine, &sim_job, &level2, NULL) != PARE_OK) return;
    level_search l = {.n = level2.map.n_tiles + 2, .mem_bits = c->params->mem_bits};
    l.stages = pare_xalloc(l.n, sizeof *l.stages);
    uint32_t most = 0;
    size_t n_tiles = 0;
    uint64_t *const cycles = c->params->pe == PARE_ACCEL_TERM
                                 ? pare_layer_tile_cycles(c->params, job, &level2.map, &n_tiles)
                                 : NULL;
    uint64_t all_cycles;
    const pare_status status =
        cycles ? pare_sim_events_given(&machine, &sim_job, pace, cycles, n_tiles, add_event, &l,
                                       &all_cycles, NULL)
               : pare_sim_events_at(&machine, &sim_job, pace, add_event, &l, &level2, NULL);
    free(cycles);
    if (status != PARE_OK) l.n = 0;
    for (uint64_t i = 0; i < l.n; i++) {
        const stage_time *const s = &l.stages[i];
        const uint64_t latency = s->compute_cycles - s->words;
        if (!s->words || s->compute_cycles < s->words + least || s->n_loads < most) continue;
        most = s->n_loads;
        pace->latency_cycles[0] = pace->latency_cycles[1] = (uint32_t)latency;
    }
    free(l.stages);
}

pare_status pare_layer_verify_random(const pare_layer_check *check, const pare_layer_random *x,
                                     pare_layer_result *out, pare_err *e)
{
    pare_layer_check c = *check;
    pare_sim_pace pace = x->pace;
    c.pace = &pace;
    if (!c.engine) { /* the platform has a host of its own */
        c.desc_seed = x->desc_seed;
        c.before = x->before;
    }
    c.cut = x->cut;
    if (x->is_level) level_latency(&c, &x->job, &pace);
    if (pare_layer_verify(&c, &x->job, out, e) == PARE_OK) return PARE_OK;
    *e = (pare_err){0};
    c.cut = (pare_layer_cut){0};
    return pare_layer_verify(&c, &x->job, out, e);
}
