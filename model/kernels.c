/* kernels.c: the passes in plain C: the reference of the AVX-512 ones and the path of every other
 * machine. */
#include "model/kernels.h"
#include <math.h>
#include <string.h>

const pare_affine pare_affine_identity = {NULL, NULL, -INFINITY, INFINITY};

const pare_kernels *pare_kernels_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return &pare_kernels_avx512;
#endif
    return &pare_kernels_c;
}

uint16_t pare_bf16(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if (x != x) return (uint16_t)((u >> 16) | 0x40u);
    return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

float pare_bf16_float(uint16_t x)
{
    const uint32_t u = (uint32_t)x << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* The passes work on 16 lanes at a time, in local arrays of a fixed length: compilers make vectors
 * of that. CLONES adds a variant for AVX2, chosen when the program is loaded. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif
#define INLINE     static inline __attribute__((always_inline))
#define EACH(lane) for (size_t lane = 0; lane < PARE_LANES; lane++)

typedef float lanes[PARE_LANES];

/* The first `width` lanes; the others are 0. */
INLINE void load(float *restrict out, const float *restrict x, size_t width)
{
    if (width >= PARE_LANES) {
        EACH(i) out[i] = x[i];
    } else {
        EACH(i) out[i] = i < width ? x[i] : 0.0f;
    }
}

INLINE void store(float *restrict x, const float *restrict v, size_t width)
{
    if (width >= PARE_LANES) {
        EACH(i) x[i] = v[i];
    } else {
        for (size_t i = 0; i < width; i++) x[i] = v[i];
    }
}

INLINE void store_as(void *x, size_t at, const float *restrict v, size_t width, bool is_bf16)
{
    if (!is_bf16) {
        store((float *)x + at, v, width);
        return;
    }
    const size_t n = width < PARE_LANES ? width : PARE_LANES;
    for (size_t i = 0; i < n; i++) ((uint16_t *)x)[at + i] = pare_bf16(v[i]);
}

INLINE void clamp(float *restrict t, float lo, float hi)
{
    EACH(i) t[i] = lo > t[i] ? lo : t[i];
    EACH(i) t[i] = hi < t[i] ? hi : t[i];
}

/* The codes stay below 2^16, where adding 2^23 rounds to the nearest even integer. */
INLINE void grid_value(const pare_grid *g, const float *restrict t, float *restrict out)
{
    const float magic = 8388608.0f;
    EACH(i) out[i] = (t[i] - g->lo) * g->inv;
    clamp(out, 0.0f, g->top);
    EACH(i) out[i] = out[i] + magic;
    EACH(i) out[i] = (out[i] - magic) * g->scale + g->lo;
}

INLINE void blend_value(const pare_blend *b, float *restrict t)
{
    lanes q0, q1;
    grid_value(&b->grid[0], t, q0);
    if (!b->is_pair) {
        EACH(i) t[i] = q0[i];
        return;
    }
    const float a = b->a, rest = 1.0f - b->a;
    grid_value(&b->grid[1], t, q1);
    EACH(i) t[i] = rest * q0[i] + a * q1[i];
}

/* Scale and offset of 16 channels; 1 and 0 without. x * 1 + 0 only turns -0 into 0. */
typedef struct channels {
    lanes scale, offset;
} channels;

INLINE void load_channels(const pare_affine *f, size_t j, size_t width, channels *out)
{
    EACH(i) out->scale[i] = 1.0f;
    EACH(i) out->offset[i] = 0.0f;
    if (!f->scale) return;
    load(out->scale, f->scale + j, width);
    load(out->offset, f->offset + j, width);
}

INLINE void affine_of(const channels *k, const float *restrict x, float *restrict t)
{
    EACH(i) t[i] = k->scale[i] * x[i] + k->offset[i];
}

/* Without per-channel arguments a tensor is as good as one of 16 channels and a short last row, so
 * that few channels fill the lanes too. */
typedef struct flat {
    size_t rows, done, rest;
} flat;

INLINE flat flatten(size_t rows, size_t c)
{
    const size_t n = rows * c;
    return (flat){n / PARE_LANES, n / PARE_LANES * PARE_LANES, n % PARE_LANES};
}

CLONES static void minmax_c(const float *x, size_t n, float *lo, float *hi)
{
    lanes a, b, v;
    EACH(i) a[i] = *lo;
    EACH(i) b[i] = *hi;
    size_t at = 0;
    for (; at + PARE_LANES <= n; at += PARE_LANES) {
        load(v, x + at, PARE_LANES);
        EACH(i) a[i] = v[i] < a[i] ? v[i] : a[i];
        EACH(i) b[i] = v[i] > b[i] ? v[i] : b[i];
    }
    for (; at < n; at++) {
        a[0] = x[at] < a[0] ? x[at] : a[0];
        b[0] = x[at] > b[0] ? x[at] : b[0];
    }
    for (size_t i = 1; i < PARE_LANES; i++) {
        a[0] = a[i] < a[0] ? a[i] : a[0];
        b[0] = b[i] > b[0] ? b[i] : b[0];
    }
    *lo = a[0] + 0.0f; /* -0 becomes 0, whatever the order */
    *hi = b[0] + 0.0f;
}

INLINE void col_stats_block(const float *x, size_t n_rows, size_t c, size_t j,
                            const pare_col_stats *out)
{
    const size_t width = c - j < PARE_LANES ? c - j : PARE_LANES;
    lanes sum = {0}, sum2 = {0}, lo, hi, v;
    load(lo, out->lo + j, width);
    load(hi, out->hi + j, width);
    for (size_t r = 0; r < n_rows; r++) {
        load(v, x + r * c + j, width);
        EACH(i) sum[i] += v[i];
        EACH(i) sum2[i] += v[i] * v[i];
        EACH(i) lo[i] = v[i] < lo[i] ? v[i] : lo[i];
        EACH(i) hi[i] = v[i] > hi[i] ? v[i] : hi[i];
    }
    for (size_t i = 0; i < width; i++) {
        out->sum[j + i] += (double)sum[i];
        out->sum2[j + i] += (double)sum2[i];
    }
    store(out->lo + j, lo, width);
    store(out->hi + j, hi, width);
}

CLONES static void col_stats_c(const float *x, size_t rows, size_t c, const pare_col_stats *out)
{
    for (size_t j = 0; j < c; j++) {
        out->sum[j] = out->sum2[j] = 0;
        out->lo[j] = INFINITY;
        out->hi[j] = -INFINITY;
    }
    for (size_t i = 0; i < rows; i += PARE_ROW_BLOCK) {
        const size_t n = rows - i < PARE_ROW_BLOCK ? rows - i : PARE_ROW_BLOCK;
        for (size_t j = 0; j < c; j += PARE_LANES) col_stats_block(x + i * c, n, c, j, out);
    }
}

INLINE void affine_rows(const float *x, const float *z, size_t rows, size_t c, const pare_affine *f,
                        float *y)
{
    for (size_t j = 0; j < c; j += PARE_LANES) {
        const size_t width = c - j;
        channels k;
        load_channels(f, j, width, &k);
        for (size_t at = j; at < rows * c; at += c) {
            lanes v, t, w;
            load(v, x + at, width);
            affine_of(&k, v, t);
            if (z) {
                load(w, z + at, width);
                EACH(i) t[i] += w[i];
            }
            clamp(t, f->lo, f->hi);
            store(y + at, t, width);
        }
    }
}

CLONES static void affine_c(const float *x, const float *z, size_t rows, size_t c,
                            const pare_affine *f, float *y, float *lo, float *hi)
{
    if (f->scale) {
        affine_rows(x, z, rows, c, f, y);
    } else {
        const flat k = flatten(rows, c);
        affine_rows(x, z, k.rows, PARE_LANES, f, y);
        if (k.rest) affine_rows(x + k.done, z ? z + k.done : NULL, 1, k.rest, f, y + k.done);
    }
    minmax_c(y, rows * c, lo, hi);
}

INLINE void quantize_rows(const float *x, size_t rows, size_t c, const pare_affine *f,
                          const pare_blend *b, void *xq, size_t first, bool is_bf16)
{
    for (size_t j = 0; j < c; j += PARE_LANES) {
        const size_t width = c - j;
        channels k;
        load_channels(f, j, width, &k);
        for (size_t at = first + j; at < first + rows * c; at += c) {
            lanes v, t;
            load(v, x + at, width);
            affine_of(&k, v, t);
            clamp(t, f->lo, f->hi);
            if (b) blend_value(b, t);
            store_as(xq, at, t, width, is_bf16);
        }
    }
}

CLONES static void quantize_c(const float *x, size_t rows, size_t c, const pare_affine *f,
                              const pare_blend *b, void *xq, bool is_bf16)
{
    if (f->scale) {
        quantize_rows(x, rows, c, f, b, xq, 0, is_bf16);
        return;
    }
    const flat k = flatten(rows, c);
    quantize_rows(x, k.rows, PARE_LANES, f, b, xq, 0, is_bf16);
    if (k.rest) quantize_rows(x, 1, k.rest, f, b, xq, k.done, is_bf16);
}

CLONES static void difference_c(const float *x, size_t n, const pare_blend *b, void *d,
                                bool is_bf16)
{
    for (size_t at = 0; at < n; at += PARE_LANES) {
        lanes v, low, high;
        load(v, x + at, n - at);
        grid_value(&b->grid[0], v, low);
        grid_value(&b->grid[1], v, high);
        EACH(i) high[i] -= low[i];
        store_as(d, at, high, n - at, is_bf16);
    }
}

typedef struct reduce_sums {
    lanes sum, sum_xm;
    lanes quant[PARE_N_SUMS];
} reduce_sums;

/* Clears g outside the quantizer's ends if the mask is wanted. */
INLINE void reduce_ends(const pare_reduce_args *r, const float *restrict v, float *restrict g,
                        reduce_sums *restrict s)
{
    const pare_blend *b = r->blend;
    lanes q;
    EACH(i) q[i] = v[i];
    blend_value(b, q);
    EACH(i) s->quant[PARE_SUM_IN][i] += v[i] > b->lo && v[i] < b->hi ? g[i] * (q[i] - v[i]) : 0.0f;
    EACH(i) s->quant[PARE_SUM_LOW][i] += v[i] <= b->lo ? g[i] : 0.0f;
    EACH(i) s->quant[PARE_SUM_HIGH][i] += v[i] >= b->hi ? g[i] : 0.0f;
    if (!(r->wants & PARE_WANTS_MASK)) return;
    EACH(i) g[i] = v[i] > b->lo && v[i] < b->hi ? g[i] : 0.0f;
}

/* One row of 16 lanes at `at`. */
INLINE void reduce_row(const pare_reduce_args *r, size_t at, size_t width, const channels *k,
                       const float *restrict mean, reduce_sums *restrict s)
{
    const pare_affine *f = r->affine;
    lanes g, x, t, y, dt;
    load(g, r->g + at, width);
    load(x, r->x + at, width);
    affine_of(k, x, t);
    load(y, r->y ? r->y + at : t, r->y ? width : PARE_LANES);
    if (r->wants) clamp(t, f->lo, f->hi);
    if (r->wants & PARE_WANTS_PAIR) {
        lanes q0, q1;
        grid_value(&r->blend->grid[0], t, q0);
        grid_value(&r->blend->grid[1], t, q1);
        EACH(i) s->quant[PARE_SUM_PAIR][i] += g[i] * (q1[i] - q0[i]);
    }
    if (r->wants & PARE_WANTS_ENDS) {
        reduce_ends(r, t, g, s);
        if (r->wants & PARE_WANTS_MASK) store(r->g + at, g, width);
    }
    EACH(i) dt[i] = y[i] > f->lo ? g[i] : 0.0f;
    EACH(i) dt[i] = y[i] < f->hi ? dt[i] : 0.0f;
    if (r->y) store(r->g + at, dt, width);
    EACH(i) s->sum[i] += dt[i];
    EACH(i) s->sum_xm[i] += dt[i] * (x[i] - mean[i]);
}

INLINE void reduce_block(const pare_reduce_args *r, size_t first, size_t n_rows, size_t c, size_t j,
                         double (*sums)[PARE_LANES])
{
    const size_t width = c - j < PARE_LANES ? c - j : PARE_LANES;
    reduce_sums s = {{0}, {0}, {{0}}};
    lanes mean = {0};
    channels k;
    load_channels(r->affine, j, width, &k);
    if (r->mean) load(mean, r->mean + j, width);
    for (size_t i = 0; i < n_rows; i++) reduce_row(r, first + i * c + j, width, &k, mean, &s);
    for (size_t i = 0; r->mean && i < width; i++) {
        r->sum[j + i] += (double)s.sum[i];
        r->sum_xm[j + i] += (double)s.sum_xm[i];
    }
    for (size_t u = 0; r->wants && u < PARE_N_SUMS; u++)
        for (size_t i = 0; i < width; i++) sums[u][i] += (double)s.quant[u][i];
}

INLINE void reduce_rows(const pare_reduce_args *r, size_t first, size_t rows, size_t c,
                        double (*sums)[PARE_LANES])
{
    for (size_t i = 0; i < rows; i += PARE_ROW_BLOCK) {
        const size_t n = rows - i < PARE_ROW_BLOCK ? rows - i : PARE_ROW_BLOCK;
        for (size_t j = 0; j < c; j += PARE_LANES) reduce_block(r, first + i * c, n, c, j, sums);
    }
}

CLONES static void reduce_c(const pare_reduce_args *r, size_t rows, size_t c)
{
    double sums[PARE_N_SUMS][PARE_LANES] = {{0}};
    if (r->mean || r->affine->scale) {
        reduce_rows(r, 0, rows, c, sums);
    } else {
        const flat k = flatten(rows, c);
        reduce_rows(r, 0, k.rows, PARE_LANES, sums);
        if (k.rest) reduce_rows(r, k.done, 1, k.rest, sums);
    }
    for (size_t u = 0; r->wants && u < PARE_N_SUMS; u++) {
        double sum = 0;
        EACH(i) sum += sums[u][i];
        r->sums[u] += sum;
    }
}

/* Without batch norm: what the activation lets through. + 0 only turns -0 into 0. */
CLONES static void mask_c(const float *g, const float *x, size_t n, const pare_affine *f, void *dx,
                          bool is_bf16)
{
    for (size_t at = 0; at < n; at += PARE_LANES) {
        lanes dt, v;
        load(dt, g + at, n - at);
        load(v, x + at, n - at);
        EACH(i) dt[i] = v[i] > f->lo ? dt[i] : 0.0f;
        EACH(i) dt[i] = (v[i] < f->hi ? dt[i] : 0.0f) + 0.0f;
        store_as(dx, at, dt, n - at, is_bf16);
    }
}

CLONES static void bn_backward_c(const float *g, const float *x, size_t rows, size_t c,
                                 const pare_affine *f, const pare_bn_coefs *k, void *dx,
                                 bool is_bf16)
{
    if (!k->a) {
        mask_c(g, x, rows * c, f, dx, is_bf16);
        return;
    }
    for (size_t j = 0; j < c; j += PARE_LANES) {
        const size_t width = c - j;
        channels ch;
        lanes a, p, q, mean;
        load_channels(f, j, width, &ch);
        load(a, k->a + j, width);
        load(p, k->p + j, width);
        load(q, k->q + j, width);
        load(mean, k->mean + j, width);
        for (size_t at = j; at < rows * c; at += c) {
            lanes dt, v, t, out;
            load(dt, g + at, width);
            load(v, x + at, width);
            affine_of(&ch, v, t);
            EACH(i) dt[i] = t[i] > f->lo ? dt[i] : 0.0f;
            EACH(i) dt[i] = t[i] < f->hi ? dt[i] : 0.0f;
            EACH(i) out[i] = a[i] * dt[i] + p[i] * (v[i] - mean[i]) + q[i];
            store_as(dx, at, out, width, is_bf16);
        }
    }
}

CLONES static void max_taps_c(const float *x, const pare_taps *t, size_t c, float *y, uint8_t *best)
{
    for (size_t j = 0; j < c; j++) {
        y[j] = x[t->at[0] + j];
        best[j] = t->id[0];
        for (size_t i = 1; i < t->n; i++)
            if (x[t->at[i] + j] > y[j]) {
                y[j] = x[t->at[i] + j];
                best[j] = t->id[i];
            }
    }
}

CLONES static void scatter_taps_c(const float *g, const uint8_t *best, const pare_taps *t, size_t c,
                                  float *gx)
{
    for (size_t i = 0; i < t->n; i++)
        for (size_t j = 0; j < c; j++) gx[t->at[i] + j] += best[j] == t->id[i] ? g[j] : 0.0f;
}

static void sum_window_c(const float *x, const pare_rect *r, size_t c, float share, float *y)
{
    for (size_t j = 0; j < c; j++) {
        float sum = 0;
        for (size_t i = 0; i < r->rows; i++)
            for (size_t k = 0; k < r->columns; k++) sum += x[r->at + i * r->stride + k * c + j];
        y[j] = sum * share;
    }
}

static void spread_window_c(const float *g, const pare_rect *r, size_t c, float share, float *gx)
{
    for (size_t i = 0; i < r->rows; i++)
        for (size_t k = 0; k < r->columns; k++)
            for (size_t j = 0; j < c; j++) gx[r->at + i * r->stride + k * c + j] += g[j] * share;
}

CLONES static void add_c(float *sum, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) sum[i] += x[i];
}

static void to_bf16_c(const float *x, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i++) out[i] = pare_bf16(x[i]);
}

const pare_kernels pare_kernels_c = {
    .name = "plain C",
    .minmax = minmax_c,
    .col_stats = col_stats_c,
    .affine = affine_c,
    .quantize = quantize_c,
    .difference = difference_c,
    .reduce = reduce_c,
    .bn_backward = bn_backward_c,
    .max_taps = max_taps_c,
    .scatter_taps = scatter_taps_c,
    .sum_window = sum_window_c,
    .spread_window = spread_window_c,
    .add = add_c,
    .to_bf16 = to_bf16_c,
};
