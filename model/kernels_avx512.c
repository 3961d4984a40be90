/* kernels_avx512.c: the same passes in AVX-512, chosen at run time (kernels.c).
 *
 * Channels lie innermost, so a lane is a channel and a row block keeps its sums in registers.
 */
#include "model/kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#define INLINE static inline __attribute__((always_inline))

INLINE __mmask16 lanes(size_t n)
{
    const unsigned all = 0xffffu;
    return (__mmask16)(n >= PARE_LANES ? all : (1u << n) - 1u);
}

/* max and min give their second operand for NaN, so NaN passes through. */
INLINE __m512 clamp(__m512 t, __m512 lo, __m512 hi)
{
    return _mm512_min_ps(hi, _mm512_max_ps(lo, t));
}

typedef struct vgrid {
    __m512 lo, scale, inv, top;
} vgrid;

typedef struct vblend {
    vgrid grid[2];
    __m512 a, b; /* a and 1 - a */
} vblend;

INLINE vgrid load_grid(const pare_grid *g)
{
    return (vgrid){_mm512_set1_ps(g->lo), _mm512_set1_ps(g->scale), _mm512_set1_ps(g->inv),
                   _mm512_set1_ps(g->top)};
}

INLINE vblend load_blend(const pare_blend *b)
{
    const vblend v = {{load_grid(&b->grid[0]), load_grid(&b->grid[1])},
                      _mm512_set1_ps(b->a),
                      _mm512_set1_ps(1.0f - b->a)};
    return v;
}

INLINE __m512 grid_value(const vgrid *g, __m512 t)
{
    const __m512 u =
        clamp(_mm512_mul_ps(_mm512_sub_ps(t, g->lo), g->inv), _mm512_setzero_ps(), g->top);
    const __m512 r = _mm512_roundscale_ps(u, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return _mm512_add_ps(_mm512_mul_ps(r, g->scale), g->lo);
}

INLINE __m512 blend_value(const vblend *b, __m512 t, bool is_pair)
{
    const __m512 q = grid_value(&b->grid[0], t);
    if (!is_pair) return q;
    return _mm512_add_ps(_mm512_mul_ps(b->b, q), _mm512_mul_ps(b->a, grid_value(&b->grid[1], t)));
}

INLINE __m256i bf16(__m512 x)
{
    const __m512i u = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __m512i nan = _mm512_or_si512(u, _mm512_set1_epi32(0x400000));
    const __mmask16 is_nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_mask_mov_epi32(up, is_nan, nan), 16));
}

INLINE void store(void *out, size_t at, __mmask16 m, __m512 v, bool is_bf16)
{
    if (is_bf16)
        _mm256_mask_storeu_epi16((uint16_t *)out + at, m, bf16(v));
    else
        _mm512_mask_storeu_ps((float *)out + at, m, v);
}

/* Scale and offset of 16 channels; 1 and 0 without. x * 1 + 0 only turns -0 into 0. */
typedef struct vaffine {
    __m512 scale, offset, lo, hi;
} vaffine;

INLINE vaffine load_affine(const pare_affine *f, size_t channel, __mmask16 m)
{
    vaffine v = {_mm512_set1_ps(1.0f), _mm512_setzero_ps(), _mm512_set1_ps(f->lo),
                 _mm512_set1_ps(f->hi)};
    if (f->scale) {
        v.scale = _mm512_maskz_loadu_ps(m, f->scale + channel);
        v.offset = _mm512_maskz_loadu_ps(m, f->offset + channel);
    }
    return v;
}

INLINE __m512 affine_of(const vaffine *f, __m512 x)
{
    return _mm512_add_ps(_mm512_mul_ps(f->scale, x), f->offset);
}

static void minmax_v(const float *x, size_t n, float *lo, float *hi)
{
    __m512 a[4], b[4];
    for (int i = 0; i < 4; i++) {
        a[i] = _mm512_set1_ps(*lo);
        b[i] = _mm512_set1_ps(*hi);
    }
    size_t i = 0;
    for (; i + 4 * PARE_LANES <= n; i += 4 * PARE_LANES)
        for (size_t u = 0; u < 4; u++) {
            const __m512 v = _mm512_loadu_ps(x + i + u * PARE_LANES);
            a[u] = _mm512_min_ps(v, a[u]);
            b[u] = _mm512_max_ps(v, b[u]);
        }
    for (; i < n; i += PARE_LANES) {
        const __mmask16 m = lanes(n - i);
        const __m512 v = _mm512_maskz_loadu_ps(m, x + i);
        a[0] = _mm512_mask_min_ps(a[0], m, v, a[0]);
        b[0] = _mm512_mask_max_ps(b[0], m, v, b[0]);
    }
    const __m512 low = _mm512_min_ps(_mm512_min_ps(a[0], a[1]), _mm512_min_ps(a[2], a[3]));
    const __m512 high = _mm512_max_ps(_mm512_max_ps(b[0], b[1]), _mm512_max_ps(b[2], b[3]));
    *lo = _mm512_reduce_min_ps(low) + 0.0f;
    *hi = _mm512_reduce_max_ps(high) + 0.0f;
}

INLINE void add_double(double *sum, __mmask16 m, __m512 v)
{
    const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
    const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
    const __mmask8 ml = (__mmask8)m, mh = (__mmask8)(m >> 8);
    _mm512_mask_storeu_pd(sum, ml, _mm512_add_pd(_mm512_maskz_loadu_pd(ml, sum), low));
    _mm512_mask_storeu_pd(sum + 8, mh, _mm512_add_pd(_mm512_maskz_loadu_pd(mh, sum + 8), high));
}

INLINE void col_stats_block(const float *x, size_t n_rows, size_t c, size_t j,
                            const pare_col_stats *out)
{
    const __mmask16 m = lanes(c - j);
    __m512 sum = _mm512_setzero_ps(), sum2 = _mm512_setzero_ps();
    __m512 lo = _mm512_maskz_loadu_ps(m, out->lo + j), hi = _mm512_maskz_loadu_ps(m, out->hi + j);
    for (size_t i = 0; i < n_rows; i++) {
        const __m512 v = _mm512_maskz_loadu_ps(m, x + i * c + j);
        sum = _mm512_add_ps(sum, v);
        sum2 = _mm512_add_ps(sum2, _mm512_mul_ps(v, v));
        lo = _mm512_min_ps(v, lo);
        hi = _mm512_max_ps(v, hi);
    }
    add_double(out->sum + j, m, sum);
    add_double(out->sum2 + j, m, sum2);
    _mm512_mask_storeu_ps(out->lo + j, m, lo);
    _mm512_mask_storeu_ps(out->hi + j, m, hi);
}

static void col_stats_v(const float *x, size_t rows, size_t c, const pare_col_stats *out)
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
                        float *y, __m512 *lo, __m512 *hi)
{
    for (size_t i = 0; i < rows; i += PARE_ROW_BLOCK)
        for (size_t j = 0; j < c; j += PARE_LANES) {
            const __mmask16 m = lanes(c - j);
            const vaffine v = load_affine(f, j, m);
            const size_t end = i + PARE_ROW_BLOCK < rows ? i + PARE_ROW_BLOCK : rows;
            for (size_t r = i; r < end; r++) {
                const size_t at = r * c + j;
                __m512 t = affine_of(&v, _mm512_maskz_loadu_ps(m, x + at));
                if (z) t = _mm512_add_ps(t, _mm512_maskz_loadu_ps(m, z + at));
                t = clamp(t, v.lo, v.hi);
                *lo = _mm512_mask_min_ps(*lo, m, t, *lo);
                *hi = _mm512_mask_max_ps(*hi, m, t, *hi);
                _mm512_mask_storeu_ps(y + at, m, t);
            }
        }
}

/* Rows of 16 lanes and a short last one, for tensors without per-channel arguments. */
typedef struct flat {
    size_t rows, done, rest;
} flat;

INLINE flat flatten(size_t rows, size_t c)
{
    const size_t n = rows * c;
    return (flat){n / PARE_LANES, n / PARE_LANES * PARE_LANES, n % PARE_LANES};
}

static void affine_v(const float *x, const float *z, size_t rows, size_t c, const pare_affine *f,
                     float *y, float *lo, float *hi)
{
    __m512 a = _mm512_set1_ps(*lo), b = _mm512_set1_ps(*hi);
    if (f->scale) {
        affine_rows(x, z, rows, c, f, y, &a, &b);
    } else {
        const flat k = flatten(rows, c);
        affine_rows(x, z, k.rows, PARE_LANES, f, y, &a, &b);
        if (k.rest)
            affine_rows(x + k.done, z ? z + k.done : NULL, 1, k.rest, f, y + k.done, &a, &b);
    }
    *lo = _mm512_reduce_min_ps(a) + 0.0f;
    *hi = _mm512_reduce_max_ps(b) + 0.0f;
}

INLINE void quantize_rows(const float *x, size_t rows, size_t c, const pare_affine *f,
                          const pare_blend *b, void *xq, bool has_blend, bool is_pair, bool is_bf16)
{
    vblend vb = {0};
    if (has_blend) vb = load_blend(b);
    for (size_t i = 0; i < rows; i += PARE_ROW_BLOCK)
        for (size_t j = 0; j < c; j += PARE_LANES) {
            const __mmask16 m = lanes(c - j);
            const vaffine v = load_affine(f, j, m);
            const size_t end = i + PARE_ROW_BLOCK < rows ? i + PARE_ROW_BLOCK : rows;
            for (size_t r = i; r < end; r++) {
                const size_t at = r * c + j;
                __m512 t = clamp(affine_of(&v, _mm512_maskz_loadu_ps(m, x + at)), v.lo, v.hi);
                if (has_blend) t = blend_value(&vb, t, is_pair);
                store(xq, at, m, t, is_bf16);
            }
        }
}

static void quantize_kind(const float *x, size_t rows, size_t c, const pare_affine *f,
                          const pare_blend *b, void *xq, bool is_bf16)
{
    if (!b) {
        if (is_bf16)
            quantize_rows(x, rows, c, f, b, xq, false, false, true);
        else
            quantize_rows(x, rows, c, f, b, xq, false, false, false);
    } else if (b->is_pair) {
        if (is_bf16)
            quantize_rows(x, rows, c, f, b, xq, true, true, true);
        else
            quantize_rows(x, rows, c, f, b, xq, true, true, false);
    } else {
        if (is_bf16)
            quantize_rows(x, rows, c, f, b, xq, true, false, true);
        else
            quantize_rows(x, rows, c, f, b, xq, true, false, false);
    }
}

static void quantize_v(const float *x, size_t rows, size_t c, const pare_affine *f,
                       const pare_blend *b, void *xq, bool is_bf16)
{
    if (f->scale) {
        quantize_kind(x, rows, c, f, b, xq, is_bf16);
        return;
    }
    const flat k = flatten(rows, c);
    quantize_kind(x, k.rows, PARE_LANES, f, b, xq, is_bf16);
    if (k.rest)
        quantize_kind(x + k.done, 1, k.rest, f, b,
                      (char *)xq + k.done * (is_bf16 ? sizeof(uint16_t) : sizeof(float)), is_bf16);
}

static void difference_v(const float *x, size_t n, const pare_blend *b, void *d, bool is_bf16)
{
    const vblend v = load_blend(b);
    for (size_t i = 0; i < n; i += PARE_LANES) {
        const __mmask16 m = lanes(n - i);
        const __m512 t = _mm512_maskz_loadu_ps(m, x + i);
        const __m512 low = grid_value(&v.grid[0], t), high = grid_value(&v.grid[1], t);
        store(d, i, m, _mm512_sub_ps(high, low), is_bf16);
    }
}

/* The sums of a quantizer over one row block, a lane each; which of them is known when compiled. */
typedef struct vsums {
    __m512 v[PARE_N_SUMS];
} vsums;

INLINE __m512 reduce_quant(const vblend *b, __m512 lo, __m512 hi, __m512 v, __m512 g,
                           unsigned wants, bool is_pair, vsums *s)
{
    if (wants & PARE_WANTS_PAIR) {
        const __m512 d = _mm512_sub_ps(grid_value(&b->grid[1], v), grid_value(&b->grid[0], v));
        s->v[PARE_SUM_PAIR] = _mm512_add_ps(s->v[PARE_SUM_PAIR], _mm512_mul_ps(g, d));
    }
    if (!(wants & PARE_WANTS_ENDS)) return g;
    const __mmask16 is_low = _mm512_cmp_ps_mask(v, lo, _CMP_LE_OQ);
    const __mmask16 is_high = _mm512_cmp_ps_mask(v, hi, _CMP_GE_OQ);
    const __mmask16 is_in =
        _mm512_cmp_ps_mask(v, lo, _CMP_GT_OQ) & _mm512_cmp_ps_mask(v, hi, _CMP_LT_OQ);
    const __m512 d = _mm512_sub_ps(blend_value(b, v, is_pair), v);
    s->v[PARE_SUM_IN] =
        _mm512_mask_add_ps(s->v[PARE_SUM_IN], is_in, s->v[PARE_SUM_IN], _mm512_mul_ps(g, d));
    s->v[PARE_SUM_LOW] = _mm512_mask_add_ps(s->v[PARE_SUM_LOW], is_low, s->v[PARE_SUM_LOW], g);
    s->v[PARE_SUM_HIGH] = _mm512_mask_add_ps(s->v[PARE_SUM_HIGH], is_high, s->v[PARE_SUM_HIGH], g);
    return wants & PARE_WANTS_MASK ? _mm512_maskz_mov_ps(is_in, g) : g;
}

INLINE void reduce_block(const pare_reduce_args *r, size_t at, size_t n_rows, size_t c, size_t j,
                         const vblend *b, double (*sums)[PARE_LANES], unsigned wants, bool has_y)
{
    const __mmask16 m = lanes(c - j);
    const vaffine f = load_affine(r->affine, j, m);
    const __m512 mean = r->mean ? _mm512_maskz_loadu_ps(m, r->mean + j) : _mm512_setzero_ps();
    const __m512 lo = _mm512_set1_ps(wants ? r->blend->lo : 0),
                 hi = _mm512_set1_ps(wants ? r->blend->hi : 0);
    const bool is_pair = wants && r->blend->is_pair;
    __m512 sum = _mm512_setzero_ps(), sum_xm = sum;
    vsums s = {{sum, sum, sum, sum}};
    for (size_t i = 0; i < n_rows; i++, at += c) {
        __m512 g = _mm512_maskz_loadu_ps(m, r->g + at);
        const __m512 x = _mm512_maskz_loadu_ps(m, r->x + at);
        const __m512 t = affine_of(&f, x);
        if (wants) g = reduce_quant(b, lo, hi, clamp(t, f.lo, f.hi), g, wants, is_pair, &s);
        const __m512 y = has_y ? _mm512_maskz_loadu_ps(m, r->y + at) : t;
        const __mmask16 is_in =
            _mm512_cmp_ps_mask(y, f.lo, _CMP_GT_OQ) & _mm512_cmp_ps_mask(y, f.hi, _CMP_LT_OQ);
        const __m512 dt = _mm512_maskz_mov_ps(is_in, g);
        if (has_y || (wants & PARE_WANTS_MASK)) _mm512_mask_storeu_ps(r->g + at, m, has_y ? dt : g);
        sum = _mm512_add_ps(sum, dt);
        sum_xm = _mm512_add_ps(sum_xm, _mm512_mul_ps(dt, _mm512_sub_ps(x, mean)));
    }
    if (r->mean) {
        add_double(r->sum + j, m, sum);
        add_double(r->sum_xm + j, m, sum_xm);
    }
    if (wants & PARE_WANTS_PAIR) add_double(sums[PARE_SUM_PAIR], 0xffff, s.v[PARE_SUM_PAIR]);
    /* lanes beyond the tensor hold g = 0, so what the comparisons say of them does not count */
    for (int u = PARE_SUM_IN; (wants & PARE_WANTS_ENDS) && u < PARE_N_SUMS; u++)
        add_double(sums[u], 0xffff, s.v[u]);
}

INLINE void reduce_rows(const pare_reduce_args *r, size_t first, size_t rows, size_t c,
                        double (*sums)[PARE_LANES], unsigned wants, bool has_y)
{
    vblend b = {0};
    if (wants) b = load_blend(r->blend);
    for (size_t i = 0; i < rows; i += PARE_ROW_BLOCK) {
        const size_t n = rows - i < PARE_ROW_BLOCK ? rows - i : PARE_ROW_BLOCK;
        for (size_t j = 0; j < c; j += PARE_LANES)
            reduce_block(r, first + i * c + j, n, c, j, &b, sums, wants, has_y);
    }
}

static void reduce_kind(const pare_reduce_args *r, size_t first, size_t rows, size_t c,
                        double (*sums)[PARE_LANES])
{
    if (r->wants == PARE_WANTS_PAIR) {
        if (r->y)
            reduce_rows(r, first, rows, c, sums, PARE_WANTS_PAIR, true);
        else
            reduce_rows(r, first, rows, c, sums, PARE_WANTS_PAIR, false);
    } else if (r->wants == (PARE_WANTS_ENDS | PARE_WANTS_MASK) && !r->y) {
        reduce_rows(r, first, rows, c, sums, PARE_WANTS_ENDS | PARE_WANTS_MASK, false);
    } else if (r->wants) {
        reduce_rows(r, first, rows, c, sums, r->wants, r->y != NULL);
    } else if (r->y) {
        reduce_rows(r, first, rows, c, sums, 0, true);
    } else {
        reduce_rows(r, first, rows, c, sums, 0, false);
    }
}

static void reduce_v(const pare_reduce_args *r, size_t rows, size_t c)
{
    double sums[PARE_N_SUMS][PARE_LANES] = {{0}};
    if (r->mean || r->affine->scale) {
        reduce_kind(r, 0, rows, c, sums);
    } else {
        const flat k = flatten(rows, c);
        reduce_kind(r, 0, k.rows, PARE_LANES, sums);
        if (k.rest) reduce_kind(r, k.done, 1, k.rest, sums);
    }
    for (int u = 0; r->wants && u < PARE_N_SUMS; u++) {
        double sum = 0;
        for (int lane = 0; lane < PARE_LANES; lane++) sum += sums[u][lane];
        r->sums[u] += sum;
    }
}

INLINE void bn_backward_rows(const float *g, const float *x, size_t rows, size_t c,
                             const pare_affine *f, const pare_bn_coefs *k, void *dx, bool is_bf16)
{
    for (size_t i = 0; i < rows; i += PARE_ROW_BLOCK)
        for (size_t j = 0; j < c; j += PARE_LANES) {
            const __mmask16 m = lanes(c - j);
            const vaffine v = load_affine(f, j, m);
            const __m512 a = _mm512_maskz_loadu_ps(m, k->a + j);
            const __m512 p = _mm512_maskz_loadu_ps(m, k->p + j);
            const __m512 q = _mm512_maskz_loadu_ps(m, k->q + j);
            const __m512 mean = _mm512_maskz_loadu_ps(m, k->mean + j);
            const size_t end = i + PARE_ROW_BLOCK < rows ? i + PARE_ROW_BLOCK : rows;
            for (size_t r = i; r < end; r++) {
                const size_t at = r * c + j;
                const __m512 xv = _mm512_maskz_loadu_ps(m, x + at);
                const __m512 t = affine_of(&v, xv);
                const __mmask16 is_in = _mm512_cmp_ps_mask(t, v.lo, _CMP_GT_OQ) &
                                        _mm512_cmp_ps_mask(t, v.hi, _CMP_LT_OQ);
                const __m512 dt = _mm512_maskz_loadu_ps(is_in & m, g + at);
                const __m512 px = _mm512_mul_ps(p, _mm512_sub_ps(xv, mean));
                store(dx, at, m, _mm512_add_ps(_mm512_add_ps(_mm512_mul_ps(a, dt), px), q),
                      is_bf16);
            }
        }
}

/* Without batch norm: what the activation lets through. + 0 only turns -0 into 0. */
INLINE void mask_flat(const float *g, const float *x, size_t n, const pare_affine *f, void *dx,
                      bool is_bf16)
{
    const __m512 lo = _mm512_set1_ps(f->lo), hi = _mm512_set1_ps(f->hi);
    for (size_t i = 0; i < n; i += PARE_LANES) {
        const __mmask16 m = lanes(n - i);
        const __m512 v = _mm512_maskz_loadu_ps(m, x + i);
        const __mmask16 is_in =
            m & _mm512_cmp_ps_mask(v, lo, _CMP_GT_OQ) & _mm512_cmp_ps_mask(v, hi, _CMP_LT_OQ);
        const __m512 dt = _mm512_maskz_loadu_ps(is_in, g + i);
        store(dx, i, m, _mm512_add_ps(dt, _mm512_setzero_ps()), is_bf16);
    }
}

static void bn_backward_v(const float *g, const float *x, size_t rows, size_t c,
                          const pare_affine *f, const pare_bn_coefs *k, void *dx, bool is_bf16)
{
    if (!k->a && is_bf16)
        mask_flat(g, x, rows * c, f, dx, true);
    else if (!k->a)
        mask_flat(g, x, rows * c, f, dx, false);
    else if (is_bf16)
        bn_backward_rows(g, x, rows, c, f, k, dx, true);
    else
        bn_backward_rows(g, x, rows, c, f, k, dx, false);
}

static void max_taps_v(const float *x, const pare_taps *t, size_t c, float *y, uint8_t *best)
{
    for (size_t j = 0; j < c; j += PARE_LANES) {
        const __mmask16 m = lanes(c - j);
        __m512 top = _mm512_maskz_loadu_ps(m, x + t->at[0] + j);
        __m128i id = _mm_set1_epi8((char)t->id[0]);
        for (size_t i = 1; i < t->n; i++) {
            const __m512 v = _mm512_maskz_loadu_ps(m, x + t->at[i] + j);
            const __mmask16 is_larger = _mm512_cmp_ps_mask(v, top, _CMP_GT_OQ);
            top = _mm512_mask_mov_ps(top, is_larger, v);
            id = _mm_mask_mov_epi8(id, is_larger, _mm_set1_epi8((char)t->id[i]));
        }
        _mm512_mask_storeu_ps(y + j, m, top);
        _mm_mask_storeu_epi8(best + j, m, id);
    }
}

static void scatter_taps_v(const float *g, const uint8_t *best, const pare_taps *t, size_t c,
                           float *gx)
{
    for (size_t j = 0; j < c; j += PARE_LANES) {
        const __mmask16 m = lanes(c - j);
        const __m512 v = _mm512_maskz_loadu_ps(m, g + j);
        const __m128i id = _mm_maskz_loadu_epi8(m, best + j);
        for (size_t i = 0; i < t->n; i++) {
            const __mmask16 is_it = _mm_cmpeq_epi8_mask(id, _mm_set1_epi8((char)t->id[i]));
            float *out = gx + t->at[i] + j;
            const __m512 sum =
                _mm512_add_ps(_mm512_maskz_loadu_ps(m, out), _mm512_maskz_mov_ps(is_it, v));
            _mm512_mask_storeu_ps(out, m, sum);
        }
    }
}

static void sum_window_v(const float *x, const pare_rect *r, size_t c, float share, float *y)
{
    for (size_t j = 0; j < c; j += PARE_LANES) {
        const __mmask16 m = lanes(c - j);
        __m512 sum = _mm512_setzero_ps();
        for (size_t i = 0; i < r->rows; i++) {
            const float *from = x + r->at + i * r->stride + j;
            for (size_t k = 0; k < r->columns; k++, from += c)
                sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(m, from));
        }
        _mm512_mask_storeu_ps(y + j, m, _mm512_mul_ps(sum, _mm512_set1_ps(share)));
    }
}

static void spread_window_v(const float *g, const pare_rect *r, size_t c, float share, float *gx)
{
    for (size_t j = 0; j < c; j += PARE_LANES) {
        const __mmask16 m = lanes(c - j);
        const __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, g + j), _mm512_set1_ps(share));
        for (size_t i = 0; i < r->rows; i++) {
            float *to = gx + r->at + i * r->stride + j;
            for (size_t k = 0; k < r->columns; k++, to += c)
                _mm512_mask_storeu_ps(to, m, _mm512_add_ps(_mm512_maskz_loadu_ps(m, to), v));
        }
    }
}

static void add_v(float *sum, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += PARE_LANES) {
        const __mmask16 m = lanes(n - i);
        _mm512_mask_storeu_ps(
            sum + i, m,
            _mm512_add_ps(_mm512_maskz_loadu_ps(m, sum + i), _mm512_maskz_loadu_ps(m, x + i)));
    }
}

static void to_bf16_v(const float *x, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i += PARE_LANES) {
        const __mmask16 m = lanes(n - i);
        store(out, i, m, _mm512_maskz_loadu_ps(m, x + i), true);
    }
}

const pare_kernels pare_kernels_avx512 = {
    .name = "AVX-512",
    .minmax = minmax_v,
    .col_stats = col_stats_v,
    .affine = affine_v,
    .quantize = quantize_v,
    .difference = difference_v,
    .reduce = reduce_v,
    .bn_backward = bn_backward_v,
    .max_taps = max_taps_v,
    .scatter_taps = scatter_taps_v,
    .sum_window = sum_window_v,
    .spread_window = spread_window_v,
    .add = add_v,
    .to_bf16 = to_bf16_v,
};
#else
const pare_kernels pare_kernels_avx512 = {.name = "none"};
#endif
