/* The cycles of a mapping whose steps depend on values: one loop over its windows, filters and
 * steps for all rows of the table in skip.c.
 *
 * All PEs of the array take a step together, so a step lasts as long as its slowest group of
 * columns (skips precision, act_terms), lane (terms) or filter (columns). */
#include "sim/dynamic.h"

#include <stdlib.h>
#include <string.h>

/* ---- one mapping ---- */

enum {
    CHUNK_SETS = 16, /* window sets of one work item */
    CHUNK_TAPS = 1024,
    N_CODES = 65536
};

/* Sums over the window sets of an item, for one piece of the filters. */
typedef struct sums {
    uint64_t cycles, busy; /* of steps; busy without waiting for the weight port */
    uint64_t occupied, pe; /* of lanes that hold a product; of PEs */
} sums;

/* Of the products of one filter (BY_WINDOWS), one window (BY_FILTERS), or all. */
typedef struct work_sum {
    uint64_t bits, digits; /* bits or terms, and cycles at pe.act_digit a cycle */
} work_sum;

typedef struct eval {
    const tiling *t;
    const pare_machine *m;
    const pare_dims *d;
    const array_map *a;
    const skip_row *row;
    const layer_values *values;
    act_map map;
    uint16_t *weights; /* features, in the order of the codes */
    taps taps[2][2];   /* full or last fold, full or last piece of the channels */
    uint64_t folds, folds_per_piece;
    uint64_t sets_per_piece, n_sets; /* filter sets of a full piece of the filters, of all */
    uint32_t *most;        /* BY_BOTH: [fold][channels][filter set][tap]: largest weight feature */
    uint64_t *weight_sum;  /* BY_BOTH: [fold][channels][tap]: over all filters */
    uint64_t window_scale; /* cycles of a step per cycle of the skipping operand */
    uint64_t other_bits;   /* of the operand that is not skipped */
    uint64_t *chunk_at;    /* first chunk of each tile of windows, one more at the end */
    size_t n_variants;     /* pieces of the filters that are told apart */
    sums *parts;           /* [fold][channels][chunk][variant] */
    work_sum *work;        /* [fold][channels][chunk] */
} eval;

typedef struct place {
    uint64_t fold, c, w, first_set, last_set; /* sets first .. last - 1 of the tile */
} place;

static uint64_t fold_groups(const eval *v, uint64_t fold)
{
    return sim_min(v->a->packed_groups, v->d->groups - fold * v->a->packed_groups);
}

static const taps *taps_of(const eval *v, uint64_t fold, uint64_t c)
{
    return &v->taps[fold + 1 == v->folds][c + 1 == v->t->n[LOOP_C]];
}

static uint64_t filter_sets(const eval *v, uint64_t filters)
{
    return v->a->packed_groups > 1 ? 1 : sim_ceil_div(filters, v->a->filters);
}

/* The piece of the filters that a variant stands for. */
static uint64_t variant_piece(const eval *v, size_t variant)
{
    if (v->row->kind == BY_BOTH) return variant;
    return variant == 0 ? 0 : v->t->n[LOOP_K] - 1;
}

static size_t piece_variant(const eval *v, uint64_t k)
{
    if (v->row->kind != BY_WINDOWS) return k;
    return v->n_variants == 2 && k + 1 == v->t->n[LOOP_K];
}

static uint64_t window_sets(const eval *v, uint64_t w)
{
    return sim_ceil_div(v->t->w->v[w].windows, v->a->windows);
}

static place locate(const eval *v, size_t item)
{
    const uint64_t n_chunks = v->chunk_at[v->t->n[LOOP_W]];
    const uint64_t chunk = item % n_chunks;
    place p = {.c = item / n_chunks % v->t->n[LOOP_C], .fold = item / n_chunks / v->t->n[LOOP_C]};
    uint64_t lo = 0, hi = v->t->n[LOOP_W];
    while (hi - lo > 1) {
        const uint64_t middle = lo + (hi - lo) / 2;
        if (v->chunk_at[middle] <= chunk)
            lo = middle;
        else
            hi = middle;
    }
    p.w = lo;
    p.first_set = 0;
    p.last_set = window_sets(v, lo);
    if (v->chunk_at[lo + 1] - v->chunk_at[lo] == 1) return p;
    p.first_set = (chunk - v->chunk_at[lo]) * CHUNK_SETS;
    p.last_set = sim_min(p.last_set, p.first_set + CHUNK_SETS);
    return p;
}

/* Where the windows of a set begin in the map, in DNNsim's order: along the first spatial axis,
 * then the second, then images. */
static size_t window_bases(const eval *v, const place *p, uint64_t set, size_t *bases)
{
    const window_box b = sim_window_box(v->t, p->w);
    const uint64_t all = b.images * b.rows * b.cols, first = set * v->a->windows;
    const uint64_t n = sim_min(v->a->windows, all - first);
    const uint64_t channel =
        p->fold * v->a->packed_groups * (v->d->c / v->d->groups) + p->c * v->t->size[LOOP_C];
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t j = first + i, image = b.n0 + j / (b.rows * b.cols);
        const uint64_t y = (b.p0 + j % b.rows) * v->d->stride[0];
        const uint64_t x = (b.q0 + j / b.rows % b.cols) * v->d->stride[1];
        bases[i] = ((image * v->map.height + y) * v->map.width + x) * v->map.channels + channel;
    }
    return n;
}

/* ---- steps that depend on the windows ---- */

typedef struct scratch {
    size_t *bases;
    uint32_t *lanes; /* of a group, all windows */
    uint32_t *times; /* [step][group] */
    size_t n_groups;
    run_ahead *ahead; /* of each variant */
} scratch;

static scratch new_scratch(const eval *v, const taps *t)
{
    const size_t group = v->row->is_one_window ? 1 : v->m->skip.group_cols;
    scratch s = {.n_groups = sim_ceil_div(v->a->windows, group)};
    s.bases = pare_xalloc(v->a->windows, sizeof *s.bases);
    s.lanes = pare_xalloc(sim_min(group, v->a->windows) * v->a->lanes, sizeof *s.lanes);
    s.times = pare_xalloc(t->n_steps * s.n_groups, sizeof *s.times);
    s.ahead = pare_xalloc(v->n_variants, sizeof *s.ahead);
    for (size_t i = 0; i < v->n_variants; i++)
        s.ahead[i] = sim_run_ahead(s.n_groups, v->m->skip.column_registers);
    return s;
}

static void free_scratch(const eval *v, scratch *s)
{
    for (size_t i = 0; i < v->n_variants; i++) sim_run_ahead_free(&s->ahead[i]);
    free(s->ahead);
    free(s->bases);
    free(s->lanes);
    free(s->times);
}

/* Cycles of every step and group of a window set; returns the work of its products. */
static work_sum time_windows(const eval *v, const taps *t, size_t n_windows, scratch *s)
{
    const uint32_t digit = v->m->pe.act_digit;
    const size_t group = v->row->is_one_window ? 1 : v->m->skip.group_cols;
    work_sum work = {0, 0};
    for (size_t g = 0; g < s->n_groups; g++) {
        const size_t first = g * group, end = sim_min(first + group, n_windows);
        for (size_t step = 0; step < t->n_steps; step++) {
            size_t n = 0;
            for (size_t w = first; w < end; w++) {
                const uint32_t *const from = v->map.v + s->bases[w];
                for (size_t i = t->begin[step]; i < t->begin[step + 1]; i++) {
                    const uint32_t x = from[t->act[i]];
                    s->lanes[n++] = x;
                    if (t->weight[i] < 0) continue;
                    const uint32_t bits = v->row->work(v->m, v->values->act_signed, x);
                    work.bits += bits;
                    work.digits += digit == 1 ? bits : (bits + digit - 1) / digit;
                }
            }
            s->times[step * s->n_groups + g] =
                n ? v->row->cycles(v->m, v->values->act_signed, s->lanes, n) : 0;
        }
    }
    return work;
}

static uint64_t slowest(const uint32_t *times, size_t n)
{
    uint64_t most = 0;
    for (size_t i = 0; i < n; i++) most = sim_max(most, times[i]);
    return most;
}

/* Without run-ahead all filter sets of a piece take the same time. */
static void add_in_step(const eval *v, const taps *t, const scratch *s, size_t n_windows,
                        size_t variant, uint64_t groups, sums *to)
{
    const uint64_t filters = sim_piece(v->t, LOOP_K, variant_piece(v, variant));
    const uint64_t sets = filter_sets(v, filters);
    /* a column that holds filters waits for its turn at the weight port, once per weight digit */
    const uint64_t least = v->a->cols_hold_filters ? v->m->array.cols : 1;
    for (size_t step = 0; step < t->n_steps; step++) {
        const uint64_t own = slowest(s->times + step * s->n_groups, s->n_groups);
        const uint64_t busy = own * v->window_scale;
        const uint64_t cycles = sim_max(own, least) * v->window_scale;
        to->cycles += cycles * sets;
        to->busy += busy * sets;
        to->occupied += busy * t->real[step] * n_windows * filters;
        to->pe += busy * n_windows * filters * groups;
    }
}

static void add_ahead(const eval *v, const taps *t, const scratch *s, size_t n_windows,
                      size_t variant, uint64_t groups, sums *to)
{
    const uint64_t filters = sim_piece(v->t, LOOP_K, variant_piece(v, variant));
    const uint64_t sets = filter_sets(v, filters);
    for (uint64_t set = 0; set < sets; set++) {
        const uint64_t in_set = v->a->packed_groups > 1
                                    ? filters
                                    : sim_min(v->a->filters, filters - set * v->a->filters);
        for (size_t step = 0; step < t->n_steps; step++) {
            const uint64_t cycles =
                sim_advance(&s->ahead[variant], s->times + step * s->n_groups, v->window_scale);
            to->cycles += cycles;
            to->busy += cycles;
            to->occupied += cycles * t->real[step] * n_windows * in_set;
            to->pe += cycles * n_windows * in_set * groups;
        }
    }
}

static void windows_item(void *context, size_t item, unsigned worker)
{
    (void)worker;
    const eval *const v = context;
    const place p = locate(v, item);
    const taps *const t = taps_of(v, p.fold, p.c);
    scratch s = new_scratch(v, t);
    for (uint64_t set = p.first_set; set < p.last_set; set++) {
        const size_t n = window_bases(v, &p, set, s.bases);
        const work_sum work = time_windows(v, t, n, &s);
        v->work[item].bits += work.bits;
        v->work[item].digits += work.digits;
        for (size_t i = 0; i < v->n_variants; i++)
            (v->m->skip.column_registers ? add_ahead : add_in_step)(
                v, t, &s, n, i, fold_groups(v, p.fold), &v->parts[item * v->n_variants + i]);
    }
    free_scratch(v, &s);
}

/* ---- steps that depend on the filters ---- */

/* The weights of one filter of each packed group from the first filter of the fold on. */
static const uint16_t *filter_weights(const eval *v, const place *p, uint64_t filter)
{
    const uint64_t positions = (uint64_t)v->d->r * v->d->s;
    const uint64_t group_channels = v->d->c / v->d->groups, group_filters = v->d->k / v->d->groups;
    const uint64_t first = p->fold * v->a->packed_groups * group_filters + filter;
    return v->weights + (first * group_channels + p->c * v->t->size[LOOP_C]) * positions;
}

/* Filters first .. last - 1 of each packed group. */
typedef struct filter_set {
    uint64_t first, last;
} filter_set;

/* The set with this number, counted through all pieces. */
static filter_set filters_of(const eval *v, uint64_t number)
{
    const uint64_t k = number / v->sets_per_piece, set = number % v->sets_per_piece;
    const uint64_t begin = k * v->t->size[LOOP_K], n = sim_piece(v->t, LOOP_K, k);
    if (v->a->packed_groups > 1) return (filter_set){begin, begin + n};
    return (filter_set){begin + set * v->a->filters, begin + sim_min(n, (set + 1) * v->a->filters)};
}

/* Slowest filter of a step. With packed groups each group's filters see its own lanes only. */
static uint32_t time_filters(const eval *v, const place *p, filter_set f, size_t step,
                             uint32_t *lanes, uint64_t *work)
{
    const taps *const t = taps_of(v, p->fold, p->c);
    const uint64_t n_groups = fold_groups(v, p->fold);
    const int64_t group_size = (int64_t)pare_dims_weights(v->d) / v->d->groups;
    uint32_t most = 0;
    for (uint64_t filter = f.first; filter < f.last; filter++) {
        const uint16_t *const from = filter_weights(v, p, filter);
        for (uint64_t g = 0; g < n_groups; g++) {
            size_t n = 0;
            for (size_t i = t->begin[step]; i < t->begin[step + 1]; i++) {
                if (t->weight[i] < 0 || (uint64_t)(t->weight[i] / group_size) != g) continue;
                lanes[n] = from[t->weight[i]];
                *work += v->row->work(v->m, v->values->weight_signed, lanes[n++]);
            }
            const uint32_t cycles = v->row->cycles(v->m, v->values->weight_signed, lanes, n);
            if (cycles > most) most = cycles;
        }
    }
    return most;
}

/* Item: a fold, a piece of the channels and a filter set; sums per window set and per window. */
static void filters_item(void *context, size_t item, unsigned worker)
{
    (void)worker;
    const eval *const v = context;
    const uint64_t cell = item / v->n_sets;
    const place p = {.c = cell % v->t->n[LOOP_C], .fold = cell / v->t->n[LOOP_C]};
    const taps *const t = taps_of(v, p.fold, p.c);
    const filter_set f = filters_of(v, item % v->n_sets);
    uint32_t *const lanes = pare_xalloc(v->a->lanes, sizeof *lanes);
    sums *const to = &v->parts[item];
    for (size_t step = 0; step < t->n_steps; step++) {
        const uint64_t cycles =
            time_filters(v, &p, f, step, lanes, &v->work[item].bits) * v->window_scale;
        to->cycles += cycles;
        to->occupied += cycles * t->real[step] * (f.last - f.first);
        to->pe += cycles * (f.last - f.first) * fold_groups(v, p.fold);
    }
    free(lanes);
}

/* ---- steps that depend on both ---- */

static uint64_t taps_stride(const eval *v) { return v->taps[0][0].n; }

static uint64_t tap_chunks(const eval *v) { return sim_ceil_div(taps_stride(v), CHUNK_TAPS); }

/* Item: a fold, a piece of the channels and a range of taps: the largest weight of each filter set,
 * and the sum over all. */
static void weights_item(void *context, size_t item, unsigned worker)
{
    (void)worker;
    const eval *const v = context;
    const uint64_t cell = item / tap_chunks(v);
    const place p = {.c = cell % v->t->n[LOOP_C], .fold = cell / v->t->n[LOOP_C]};
    const taps *const t = taps_of(v, p.fold, p.c);
    const size_t first = item % tap_chunks(v) * CHUNK_TAPS, n = sim_min(t->n, first + CHUNK_TAPS);
    uint64_t *const sum = v->weight_sum + cell * taps_stride(v);
    for (uint64_t set = 0; set < v->n_sets; set++) {
        const filter_set f = filters_of(v, set);
        uint32_t *const most = v->most + (cell * v->n_sets + set) * taps_stride(v);
        for (uint64_t filter = f.first; filter < f.last; filter++) {
            const uint16_t *const from = filter_weights(v, &p, filter);
            for (size_t i = first; i < n; i++) {
                const uint32_t x = t->weight[i] < 0 ? 0 : from[t->weight[i]];
                most[i] = x > most[i] ? x : most[i];
                sum[i] += x;
            }
        }
    }
}

/* Largest product of a step, 1 at least: that of the maxima over windows and over filters. */
static uint64_t largest_product(const uint32_t *a, const uint32_t *w, size_t n)
{
    uint32_t most = 1;
    for (size_t i = 0; i < n; i++) {
        const uint32_t x = a[i] * w[i];
        most = x > most ? x : most;
    }
    return most;
}

static void add_products(const eval *v, const place *p, const uint32_t *acts, uint64_t set,
                         size_t n_windows, sums *to)
{
    const taps *const t = taps_of(v, p->fold, p->c);
    const uint64_t cell = p->fold * v->t->n[LOOP_C] + p->c;
    const uint32_t *const most = v->most + (cell * v->n_sets + set) * taps_stride(v);
    const filter_set f = filters_of(v, set);
    const uint64_t filters = f.last - f.first;
    for (size_t step = 0; step < t->n_steps; step++) {
        const size_t at = t->begin[step], n = t->begin[step + 1] - at;
        const uint64_t cycles = largest_product(acts + at, most + at, n);
        to->cycles += cycles;
        to->busy += cycles;
        to->occupied += cycles * t->real[step] * n_windows * filters;
        to->pe += cycles * n_windows * filters * fold_groups(v, p->fold);
    }
}

/* Largest activation of each tap in a window set; *work: the terms of its products. */
static size_t reduce_acts(const eval *v, const place *p, uint64_t set, size_t *bases,
                          uint32_t *most, uint64_t *work)
{
    const taps *const t = taps_of(v, p->fold, p->c);
    const uint64_t cell = p->fold * v->t->n[LOOP_C] + p->c;
    const uint64_t *const sum = v->weight_sum + cell * taps_stride(v);
    const size_t n = window_bases(v, p, set, bases);
    memset(most, 0, t->n * sizeof *most);
    for (size_t w = 0; w < n; w++) {
        const uint32_t *const from = v->map.v + bases[w];
        for (size_t i = 0; i < t->n; i++) {
            const uint32_t x = from[t->act[i]];
            most[i] = x > most[i] ? x : most[i];
            *work += x * sum[i];
        }
    }
    return n;
}

static void both_item(void *context, size_t item, unsigned worker)
{
    (void)worker;
    const eval *const v = context;
    const place p = locate(v, item);
    uint32_t *const acts = pare_xalloc(taps_stride(v), sizeof *acts);
    size_t *const bases = pare_xalloc(v->a->windows, sizeof *bases);
    for (uint64_t i = p.first_set; i < p.last_set; i++) {
        const size_t n = reduce_acts(v, &p, i, bases, acts, &v->work[item].bits);
        for (uint64_t set = 0; set < v->n_sets; set++)
            add_products(v, &p, acts, set, n,
                         &v->parts[item * v->n_variants + set / v->sets_per_piece]);
    }
    free(acts);
    free(bases);
}

static pare_status reduce_weights(eval *v, pare_pool *pool, pare_err *e)
{
    const uint64_t cells = v->folds * v->t->n[LOOP_C];
    const uint64_t n = sim_mul(sim_mul(cells, v->n_sets), taps_stride(v));
    v->most = n < SIZE_MAX / sizeof *v->most ? calloc(n, sizeof *v->most) : NULL;
    if (!v->most)
        return pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0},
                            "no memory for the terms of %llu weights", (unsigned long long)n);
    v->weight_sum = pare_xalloc(cells * taps_stride(v), sizeof *v->weight_sum);
    pare_pool_run(pool, cells * tap_chunks(v), weights_item, v);
    return PARE_OK;
}

/* ---- all tiles ---- */

static void add_tile(const eval *v, const sums *s, uint64_t sets, uint64_t windows,
                     uint64_t *cycles, dynamic_cycles *out)
{
    *cycles += s->cycles * sets;
    out->total += s->cycles * sets;
    if (v->row->kind != BY_FILTERS) out->multiplex_cycles += s->cycles - s->busy;
    out->work.occupied += s->occupied * windows;
    out->pe_cycles += s->pe * windows;
}

/* Work of an item, `times` over. */
static void add_work(const eval *v, const work_sum *work, uint64_t times, dynamic_cycles *out)
{
    /* only the windows' digit can be wider than a bit */
    const uint64_t digits = v->row->kind == BY_WINDOWS ? work->digits : work->bits;
    out->work.needed += digits * v->window_scale * times;
    out->work.products += work->bits * v->other_bits * times;
}

/* The sums of the work items that belong to a tile. */
static void collect_tile(const eval *v, uint64_t fold, const uint64_t x[N_LOOPS],
                         dynamic_cycles *out)
{
    const tiling *const t = v->t;
    const uint64_t cell = fold * t->n[LOOP_C] + x[LOOP_C], k = x[LOOP_K];
    const window_tile *const windows = &t->w->v[x[LOOP_W]];
    uint64_t *const cycles = &out->compute[sim_tile_index(t, x)];
    if (v->row->kind == BY_FILTERS) {
        const uint64_t first = k * v->sets_per_piece;
        for (uint64_t set = first; set < sim_min(first + v->sets_per_piece, v->n_sets); set++) {
            const size_t item = cell * v->n_sets + set;
            add_tile(v, &v->parts[item], window_sets(v, x[LOOP_W]), windows->windows, cycles, out);
            add_work(v, &v->work[item], windows->windows, out);
        }
        return;
    }
    for (uint64_t i = v->chunk_at[x[LOOP_W]]; i < v->chunk_at[x[LOOP_W] + 1]; i++) {
        const size_t item = cell * v->chunk_at[t->n[LOOP_W]] + i;
        add_tile(v, &v->parts[item * v->n_variants + piece_variant(v, k)], 1, 1, cycles, out);
        const uint64_t once = k == 0;
        add_work(v, &v->work[item], v->row->kind == BY_WINDOWS ? sim_piece(t, LOOP_K, k) : once,
                 out);
    }
}

static void collect(const eval *v, dynamic_cycles *out)
{
    uint64_t x[N_LOOPS];
    for (uint64_t fold = 0; fold < v->folds; fold++)
        for (x[LOOP_C] = 0; x[LOOP_C] < v->t->n[LOOP_C]; x[LOOP_C]++)
            for (x[LOOP_W] = 0; x[LOOP_W] < v->t->n[LOOP_W]; x[LOOP_W]++)
                for (x[LOOP_K] = 0; x[LOOP_K] < v->t->n[LOOP_K]; x[LOOP_K]++) {
                    x[LOOP_G] = fold / v->folds_per_piece;
                    collect_tile(v, fold, x, out);
                }
}

/* Features of the codes that an operand of so many bits can have; the others stay 0. */
static void fill_table(const eval *v, uint32_t bits, bool is_signed, uint32_t *table)
{
    memset(table, 0, N_CODES * sizeof *table);
    for (uint32_t i = 0; i < 1u << bits; i++) {
        const uint32_t code = is_signed ? (uint16_t)(i - (1u << (bits - 1))) : i;
        table[code] = v->row->feature(v->m, (uint16_t)code, is_signed);
    }
}

static pare_status prepare_features(eval *v, const pare_sim_job *job, pare_pool *pool, pare_err *e)
{
    const layer_values *const values = v->values;
    uint32_t *const table = pare_xalloc(N_CODES, sizeof *table);
    pare_status status = PARE_OK;
    if (v->row->operands & VALUES_ACTS) {
        fill_table(v, job->act_bits, values->act_signed, table);
        PARE_TRY_DONE(sim_act_map_fill(&v->map, v->d, values, table, pool, e));
    }
    if (v->row->operands & VALUES_WEIGHTS) {
        const uint64_t n = pare_dims_weights(v->d);
        fill_table(v, job->weight_bits, values->weight_signed, table);
        v->weights = n < SIZE_MAX / sizeof *v->weights ? malloc(n * sizeof *v->weights) : NULL;
        if (!v->weights)
            PARE_TRY_DONE(pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0},
                                       "no memory for %llu weights of a layer",
                                       (unsigned long long)n));
        for (uint64_t i = 0; i < n; i++) v->weights[i] = (uint16_t)table[values->weights[i]];
        if (v->row->kind == BY_BOTH) PARE_TRY_DONE(reduce_weights(v, pool, e));
    }
done:
    free(table);
    return status;
}

static void prepare_pieces(eval *v, const pare_sim_job *job)
{
    const tiling *const t = v->t;
    pe_rate rate = {1, 1, 1};
    (void)sim_pe_rate(&v->m->pe, job->weight_bits, job->act_bits, &rate);
    v->window_scale = v->row->kind == BY_WINDOWS   ? rate.weight_steps
                      : v->row->kind == BY_FILTERS ? rate.act_steps
                                                   : 1;
    v->other_bits = v->row->kind == BY_WINDOWS   ? job->weight_bits
                    : v->row->kind == BY_FILTERS ? job->act_bits
                                                 : 1;
    v->folds = sim_ceil_div(v->d->groups, v->a->packed_groups);
    v->folds_per_piece = sim_ceil_div(t->size[LOOP_G], v->a->packed_groups);
    v->sets_per_piece = filter_sets(v, sim_piece(t, LOOP_K, 0));
    v->n_sets = (t->n[LOOP_K] - 1) * v->sets_per_piece +
                filter_sets(v, sim_piece(t, LOOP_K, t->n[LOOP_K] - 1));
    v->map = sim_act_map(v->a, v->d);
    for (int f = 0; f < 2; f++)
        for (int c = 0; c < 2; c++)
            v->taps[f][c] = sim_taps(v->a, v->d, &v->map, fold_groups(v, f ? v->folds - 1 : 0),
                                     sim_piece(t, LOOP_C, c ? t->n[LOOP_C] - 1 : 0));
    v->chunk_at = pare_xalloc(t->n[LOOP_W] + 1, sizeof *v->chunk_at);
    for (uint64_t w = 0; w < t->n[LOOP_W]; w++) /* groups that run ahead make a tile one sequence */
        v->chunk_at[w + 1] =
            v->chunk_at[w] +
            (v->m->skip.column_registers ? 1 : sim_ceil_div(window_sets(v, w), CHUNK_SETS));
    v->n_variants = v->row->kind == BY_WINDOWS ? (t->n[LOOP_K] > 1 ? 2 : 1) : t->n[LOOP_K];
}

static pare_status new_cycles(const tiling *t, dynamic_cycles *out, pare_err *e)
{
    const uint64_t n =
        sim_mul(sim_mul(t->n[LOOP_G], t->n[LOOP_K]), sim_mul(t->n[LOOP_W], t->n[LOOP_C]));
    *out = (dynamic_cycles){0};
    out->compute = n < SIZE_MAX / sizeof *out->compute ? calloc(n, sizeof *out->compute) : NULL;
    if (out->compute) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0}, "no memory for %llu tiles",
                        (unsigned long long)n);
}

pare_status sim_dynamic_cycles(const tiling *t, const pare_sim_job *job, const layer_values *values,
                               pare_pool *pool, dynamic_cycles *out, pare_err *e)
{
    eval v = {.t = t, .m = t->m, .d = t->d, .a = t->a, .values = values};
    v.row = &sim_skip_rows[t->m->pe.skips];
    PARE_TRY(new_cycles(t, out, e));
    prepare_pieces(&v, job);
    pare_status status = prepare_features(&v, job, pool, e);
    if (status == PARE_OK) {
        const bool is_by_filters = v.row->kind == BY_FILTERS;
        const uint64_t inner = is_by_filters ? v.n_sets : v.chunk_at[t->n[LOOP_W]];
        const size_t n_items = v.folds * t->n[LOOP_C] * inner;
        v.parts = pare_xalloc(n_items * (is_by_filters ? 1 : v.n_variants), sizeof *v.parts);
        v.work = pare_xalloc(n_items, sizeof *v.work);
        pare_pool_run(pool, n_items,
                      is_by_filters               ? filters_item
                      : v.row->kind == BY_WINDOWS ? windows_item
                                                  : both_item,
                      &v);
        out->work.is_known = true;
        collect(&v, out);
        out->work.occupied = sim_max(out->work.occupied, out->work.needed);
    }
    for (int i = 0; i < 4; i++) sim_taps_free(&v.taps[i / 2][i % 2]);
    free(v.map.v);
    free(v.weights);
    free(v.most);
    free(v.weight_sum);
    free(v.chunk_at);
    free(v.parts);
    free(v.work);
    return status;
}
