/* Packing in groups of values, exact to the bit. A group is `group_values` consecutive channels of
 * one pixel (activations) or of one kernel position of a filter (weights), shorter at the end of
 * the channels. A tile whose channels end inside a group fetches the whole group. */
#include "sim/dynamic.h"

#include <stdlib.h>

enum { TOP_BIT = 15 };

unsigned sim_pack_operands(const pare_machine *m)
{
    static const unsigned operands[] = {
        [PARE_PACK_NATIVE] = 0,
        [PARE_PACK_LAYER] = 0,
        [PARE_PACK_GROUP] = VALUES_WEIGHTS | VALUES_ACTS,
        [PARE_PACK_COLUMNS] = VALUES_WEIGHTS,
        [PARE_PACK_ZERO_RUNS] = VALUES_ACTS,
    };
    return operands[m->memory.packing];
}

/* ShapeShifter: a zero mask, a width, and the non-zero values at that width. */
static uint64_t group_bits(const pack_format *f, const uint16_t *codes, size_t n, size_t stride)
{
    uint32_t all = 0, n_nonzero = 0;
    for (size_t i = 0; i < n; i++) {
        all |= sim_width_pattern(codes[i * stride], f->is_signed);
        n_nonzero += codes[i * stride] != 0;
    }
    const uint64_t values =
        n_nonzero ? (uint64_t)n_nonzero * sim_width(all, f->is_signed, false) : 0;
    return n + f->field_bits + values;
}

/* BitWave: an index of the columns of sign and magnitude that are not all zero, and these. */
static uint64_t column_bits(const pack_format *f, const uint16_t *codes, size_t n, size_t stride)
{
    uint32_t all = 0, signs = 0;
    for (size_t i = 0; i < n; i++) {
        all |= sim_magnitude(codes[i * stride], f->is_signed);
        signs |= f->is_signed ? codes[i * stride] >> TOP_BIT : 0;
    }
    return f->field_bits + n * ((uint64_t)__builtin_popcount(all) + signs);
}

uint64_t sim_pack_group_bits(const pack_format *f, const uint16_t *codes, size_t n, size_t stride)
{
    return (f->is_columns ? column_bits : group_bits)(f, codes, n, stride);
}

/* ceil(log2(max_bits)): a field that tells the widths 1 .. max_bits apart */
static uint32_t width_field_bits(uint32_t max_bits)
{
    uint32_t bits = 0;
    while (1u << bits < max_bits) bits++;
    return bits;
}

static pack_format format_of(const pare_machine *m, bool is_weight, uint32_t bits, bool is_signed)
{
    pack_format f = {.is_columns = m->memory.packing == PARE_PACK_COLUMNS,
                     .group_values = m->memory.group_values,
                     .is_signed = is_signed};
    /* the least two's complement number has as many magnitude columns as bits, and a sign */
    f.field_bits = f.is_columns
                       ? bits + (is_signed ? 1 : 0)
                       : width_field_bits(is_weight ? m->pe.max_weight_bits : m->pe.max_act_bits);
    return f;
}

/* Bits of every group: of weights [K][groups of channels], summed over the kernel; of activations
 * [N][H][W][groups of channels of all groups]. */
typedef struct group_sizes {
    const pare_dims *d;
    const uint16_t *codes;
    pack_format format;
    uint64_t n_groups; /* of the channels of one group of the layer */
    uint64_t *bits;    /* a large kernel's group has more than 2^32 */
} group_sizes;

static uint64_t group_channels(const group_sizes *s) { return s->d->c / s->d->groups; }

static uint64_t group_length(const group_sizes *s, uint64_t group)
{
    return sim_min(s->format.group_values, group_channels(s) - group * s->format.group_values);
}

static void size_filter(void *context, size_t filter, unsigned worker)
{
    (void)worker;
    const group_sizes *const s = context;
    const uint64_t positions = (uint64_t)s->d->r * s->d->s;
    const uint16_t *const codes = s->codes + filter * group_channels(s) * positions;
    for (uint64_t g = 0; g < s->n_groups; g++)
        for (uint64_t i = 0; i < positions; i++)
            s->bits[filter * s->n_groups + g] +=
                sim_pack_group_bits(&s->format, codes + g * s->format.group_values * positions + i,
                                    group_length(s, g), positions);
}

static void size_row(void *context, size_t item, unsigned worker)
{
    (void)worker;
    const group_sizes *const s = context;
    const pare_dims *const d = s->d;
    const size_t map = (size_t)d->h * d->w, image = item / d->h, row = item % d->h;
    for (uint64_t g = 0; g < d->groups; g++)
        for (uint64_t i = 0; i < s->n_groups; i++) {
            const uint64_t channel = g * group_channels(s) + i * s->format.group_values;
            const uint16_t *const codes = s->codes + (image * d->c + channel) * map + row * d->w;
            for (size_t x = 0; x < d->w; x++)
                s->bits[((item * d->w + x) * d->groups + g) * s->n_groups + i] =
                    sim_pack_group_bits(&s->format, codes + x, group_length(s, i), map);
        }
}

/* Groups that the piece of the channels touches: first .. last - 1. */
static void touched(const tiling *t, const group_sizes *s, uint64_t c, uint64_t *first,
                    uint64_t *last)
{
    const uint64_t begin = c * t->size[LOOP_C], end = begin + sim_piece(t, LOOP_C, c);
    *first = begin / s->format.group_values;
    *last = sim_ceil_div(end, s->format.group_values);
}

static uint64_t sum_weights(const tiling *t, const group_sizes *s, const uint64_t x[N_LOOPS])
{
    uint64_t first, last, sum = 0;
    touched(t, s, x[LOOP_C], &first, &last);
    const uint64_t begin = x[LOOP_G] * t->size[LOOP_G], n = sim_piece(t, LOOP_G, x[LOOP_G]);
    for (uint64_t g = begin; g < begin + n; g++)
        for (uint64_t i = 0; i < sim_piece(t, LOOP_K, x[LOOP_K]); i++) {
            const uint64_t filter = g * t->total[LOOP_K] + x[LOOP_K] * t->size[LOOP_K] + i;
            for (uint64_t j = first; j < last; j++) sum += s->bits[filter * s->n_groups + j];
        }
    return sum;
}

void sim_mark_read(bool *is_read, const pare_dims *d, int axis, uint64_t first, uint64_t n)
{
    const uint64_t size = axis ? d->w : d->h, kernel = axis ? d->s : d->r;
    const uint64_t span = (kernel - 1) * d->dilation[axis] + 1;
    for (uint64_t i = 0; i < size; i++) is_read[i] = false;
    for (uint64_t o = first; o < first + n; o++)
        for (uint64_t i = 0; i < span; i++) {
            const uint64_t at = o * d->stride[axis] + i;
            if (at >= d->pad[axis] && at - d->pad[axis] < size) is_read[at - d->pad[axis]] = true;
        }
}

typedef struct sum_job {
    const tiling *t;
    const group_sizes *s;
    uint64_t *out; /* [g][w][c] */
} sum_job;

/* one tile of windows: all pieces of groups and channels */
static void sum_acts(void *context, size_t w, unsigned worker)
{
    (void)worker;
    const sum_job *const job = context;
    const tiling *const t = job->t;
    const pare_dims *const d = t->d;
    const group_sizes *const s = job->s;
    const window_box b = sim_window_box(t, w);
    bool *const rows = pare_xalloc((size_t)d->h + d->w, sizeof *rows), *const cols = rows + d->h;
    sim_mark_read(rows, d, 0, b.p0, b.rows);
    sim_mark_read(cols, d, 1, b.q0, b.cols);
    for (uint64_t i = 0; i < b.images * d->h * d->w; i++) {
        const uint64_t y = i / d->w % d->h, x = i % d->w;
        if (!rows[y] || !cols[x]) continue;
        const uint64_t *const bits = s->bits + (b.n0 * d->h * d->w + i) * d->groups * s->n_groups;
        for (uint64_t g = 0; g < d->groups; g++)
            for (uint64_t c = 0; c < t->n[LOOP_C]; c++) {
                uint64_t first, last, sum = 0;
                touched(t, s, c, &first, &last);
                for (uint64_t j = first; j < last; j++) sum += bits[g * s->n_groups + j];
                job->out[(g / t->size[LOOP_G] * t->n[LOOP_W] + w) * t->n[LOOP_C] + c] += sum;
            }
    }
    free(rows);
}

static pare_status new_sizes(group_sizes *s, uint64_t n, pare_err *e)
{
    s->n_groups = sim_ceil_div(group_channels(s), s->format.group_values);
    n = sim_mul(n, s->n_groups);
    s->bits = n < SIZE_MAX / sizeof *s->bits ? calloc(n, sizeof *s->bits) : NULL;
    if (s->bits) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0}, "no memory for %llu packed groups",
                        (unsigned long long)n);
}

static pare_status pack_weights(const tiling *t, group_sizes *s, pare_pool *pool, uint64_t **out,
                                pare_err *e)
{
    PARE_TRY(new_sizes(s, s->d->k, e));
    pare_pool_run(pool, s->d->k, size_filter, s);
    *out = pare_xalloc(t->n[LOOP_G] * t->n[LOOP_K] * t->n[LOOP_C], sizeof **out);
    uint64_t *at = *out, x[N_LOOPS] = {0};
    for (x[LOOP_G] = 0; x[LOOP_G] < t->n[LOOP_G]; x[LOOP_G]++)
        for (x[LOOP_K] = 0; x[LOOP_K] < t->n[LOOP_K]; x[LOOP_K]++)
            for (x[LOOP_C] = 0; x[LOOP_C] < t->n[LOOP_C]; x[LOOP_C]++) *at++ = sum_weights(t, s, x);
    free(s->bits);
    return PARE_OK;
}

static pare_status pack_acts(const tiling *t, group_sizes *s, pare_pool *pool, uint64_t **out,
                             pare_err *e)
{
    const uint64_t rows = (uint64_t)s->d->n * s->d->h;
    PARE_TRY(new_sizes(s, sim_mul(rows * s->d->w, s->d->groups), e));
    pare_pool_run(pool, rows, size_row, s);
    *out = pare_xalloc(t->n[LOOP_G] * t->n[LOOP_W] * t->n[LOOP_C], sizeof **out);
    sum_job job = {t, s, *out};
    pare_pool_run(pool, t->n[LOOP_W], sum_acts, &job);
    free(s->bits);
    return PARE_OK;
}

pare_status sim_pack_tiles(const tiling *t, const pare_sim_job *job, const layer_values *values,
                           pare_pool *pool, packed_tiles *out, pare_err *e)
{
    const unsigned operands = sim_pack_operands(t->m);
    *out = (packed_tiles){0};
    pare_status status = PARE_OK;
    /* the network's input comes as it is (Eyeriss) */
    if (t->m->memory.packing == PARE_PACK_ZERO_RUNS) {
        if (!job->reads_input) out->act_bits = sim_pack_runs(t, values, pool);
        return PARE_OK;
    }
    if (operands & VALUES_WEIGHTS) {
        group_sizes s = {.d = t->d, .codes = values->weights};
        s.format = format_of(t->m, true, job->weight_bits, values->weight_signed);
        status = pack_weights(t, &s, pool, &out->weight_bits, e);
    }
    if (status == PARE_OK && operands & VALUES_ACTS) {
        group_sizes s = {.d = t->d, .codes = values->acts};
        s.format = format_of(t->m, false, job->act_bits, values->act_signed);
        status = pack_acts(t, &s, pool, &out->act_bits, e);
    }
    if (status != PARE_OK) sim_packed_tiles_free(out);
    return status;
}

void sim_packed_tiles_free(packed_tiles *p)
{
    free(p->weight_bits);
    free(p->act_bits);
    *p = (packed_tiles){0};
}
