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

/* Where the lanes of one pass lie: all rows of channels c0 .. c0+width-1 in one row block. */
typedef struct block {
    size_t first, n_rows, c0, width;
} block;

/* Without per-channel arguments a tensor is as good as one of 16 channels and a short last row, so
 * that few channels fill the lanes too. */
static size_t flat_rows(size_t *rows, size_t *c)
{
    const size_t n = *rows * *c, rest = n % PARE_LANES;
    *rows = n / PARE_LANES;
    *c = PARE_LANES;
    return rest;
}

static float clamp(float t, float lo, float hi)
{
    t = lo > t ? lo : t;
    return hi < t ? hi : t;
}

/* The codes stay below 2^16, where adding 2^23 rounds to the nearest even integer. */
static float grid_value(const pare_grid *g, float t)
{
    const float magic = 8388608.0f;
    const float u = clamp((t - g->lo) * g->inv, 0.0f, g->top);
    const float rounded = u + magic;
    return (rounded - magic) * g->scale + g->lo;
}

static float blend_value(const pare_blend *b, float t)
{
    const float q0 = grid_value(&b->grid[0], t);
    return b->is_pair ? (1.0f - b->a) * q0 + b->a * grid_value(&b->grid[1], t) : q0;
}

static float affine_at(const pare_affine *f, size_t channel, float x)
{
    return f->scale ? f->scale[channel] * x + f->offset[channel] : x;
}

static void minmax_c(const float *x, size_t n, float *lo, float *hi)
{
    float a = *lo, b = *hi;
    for (size_t i = 0; i < n; i++) {
        a = x[i] < a ? x[i] : a;
        b = x[i] > b ? x[i] : b;
    }
    *lo = a + 0.0f; /* -0 becomes 0, whatever the order */
    *hi = b + 0.0f;
}

static void col_stats_block(const float *x, size_t c, block k, const pare_col_stats *out)
{
    for (size_t j = k.c0; j < k.c0 + k.width; j++) {
        float sum = 0, sum2 = 0, lo = out->lo[j], hi = out->hi[j];
        for (size_t i = k.first; i < k.first + k.n_rows; i++) {
            const float v = x[i * c + j];
            sum += v;
            sum2 += v * v;
            lo = v < lo ? v : lo;
            hi = v > hi ? v : hi;
        }
        out->sum[j] += (double)sum;
        out->sum2[j] += (double)sum2;
        out->lo[j] = lo;
        out->hi[j] = hi;
    }
}

static void col_stats_c(const float *x, size_t rows, size_t c, const pare_col_stats *out)
{
    for (size_t j = 0; j < c; j++) {
        out->sum[j] = out->sum2[j] = 0;
        out->lo[j] = INFINITY;
        out->hi[j] = -INFINITY;
    }
    for (size_t i = 0; i < rows; i += PARE_ROW_BLOCK) {
        const size_t n = rows - i < PARE_ROW_BLOCK ? rows - i : PARE_ROW_BLOCK;
        col_stats_block(x, c, (block){i, n, 0, c}, out);
    }
}

static void affine_c(const float *x, const float *z, size_t rows, size_t c, const pare_affine *f,
                     float *y, float *lo, float *hi)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < c; j++) {
            const size_t at = i * c + j;
            float t = affine_at(f, j, x[at]);
            if (z) t += z[at];
            y[at] = clamp(t, f->lo, f->hi);
        }
    minmax_c(y, rows * c, lo, hi);
}

static void quantize_c(const float *x, size_t rows, size_t c, const pare_affine *f,
                       const pare_blend *b, void *xq, bool is_bf16)
{
    float *out = xq;
    uint16_t *out16 = xq;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < c; j++) {
            const size_t at = i * c + j;
            float t = clamp(affine_at(f, j, x[at]), f->lo, f->hi);
            if (b) t = blend_value(b, t);
            if (is_bf16) out16[at] = pare_bf16(t);
            else out[at] = t;
        }
}

/* One channel (lane) of one row block. */
static void reduce_lane(const pare_reduce_args *r, size_t c, block k, size_t lane, double *dn)
{
    const size_t j = k.c0 + lane;
    const pare_affine *f = r->affine;
    const float mean = r->mean ? r->mean[j] : 0.0f;
    float sum = 0, sum_xm = 0, sum_n = 0;
    for (size_t i = k.first; i < k.first + k.n_rows; i++) {
        const size_t at = i * c + j;
        const float g = r->g[at], x = r->x[at];
        const float t = affine_at(f, j, x), m = r->y ? r->y[at] : t;
        if (r->blend) {
            const float v = clamp(t, f->lo, f->hi);
            sum_n += g * (grid_value(&r->blend->grid[1], v) - grid_value(&r->blend->grid[0], v));
        }
        const float dt = m > f->lo && m < f->hi ? g : 0.0f;
        if (r->y) r->g[at] = dt;
        sum += dt;
        sum_xm += dt * (x - mean);
    }
    if (r->mean) {
        r->sum[j] += (double)sum;
        r->sum_xm[j] += (double)sum_xm;
    }
    dn[lane] += (double)sum_n;
}

static void reduce_rows(const pare_reduce_args *r, size_t rows, size_t c, double *dn)
{
    for (size_t i = 0; i < rows; i += PARE_ROW_BLOCK)
        for (size_t j = 0; j < c; j += PARE_LANES) {
            const block k = {i, rows - i < PARE_ROW_BLOCK ? rows - i : PARE_ROW_BLOCK, j,
                             c - j < PARE_LANES ? c - j : PARE_LANES};
            for (size_t lane = 0; lane < k.width; lane++) reduce_lane(r, c, k, lane, dn);
        }
}

static void reduce_c(const pare_reduce_args *r, size_t rows, size_t c)
{
    double dn[PARE_LANES] = {0};
    if (r->mean || r->affine->scale) {
        reduce_rows(r, rows, c, dn);
    } else {
        const size_t rest = flat_rows(&rows, &c), done = rows * c;
        reduce_rows(r, rows, c, dn);
        pare_reduce_args tail = *r;
        tail.g += done;
        tail.x += done;
        if (tail.y) tail.y += done;
        if (rest) reduce_rows(&tail, 1, rest, dn);
    }
    if (!r->blend) return;
    double sum = 0;
    for (int lane = 0; lane < PARE_LANES; lane++) sum += dn[lane];
    *r->dn += sum;
}

static void bn_backward_c(const float *g, const float *x, size_t rows, size_t c,
                          const pare_affine *f, const pare_bn_coefs *k, void *dx, bool is_bf16)
{
    float *out = dx;
    uint16_t *out16 = dx;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < c; j++) {
            const size_t at = i * c + j;
            const float t = affine_at(f, j, x[at]);
            const float dt = t > f->lo && t < f->hi ? g[at] : 0.0f;
            const float v = k->a[j] * dt + k->p[j] * (x[at] - k->mean[j]) + k->q[j];
            if (is_bf16) out16[at] = pare_bf16(v);
            else out[at] = v;
        }
}

static void max_taps_c(const float *x, const pare_taps *t, size_t c, float *y, uint8_t *best)
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

static void scatter_taps_c(const float *g, const uint8_t *best, const pare_taps *t, size_t c,
                           float *gx)
{
    for (size_t i = 0; i < t->n; i++)
        for (size_t j = 0; j < c; j++) gx[t->at[i] + j] += best[j] == t->id[i] ? g[j] : 0.0f;
}

static void add_c(float *sum, const float *x, size_t n)
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
    .reduce = reduce_c,
    .bn_backward = bn_backward_c,
    .max_taps = max_taps_c,
    .scatter_taps = scatter_taps_c,
    .add = add_c,
    .to_bf16 = to_bf16_c,
};
