/* stem_avx512.c: the loops of stem.c for machines with AVX-512: the 32 registers of its 8-lane
 * instructions hold all taps. */
#include "model/stem.h"
#if defined(__x86_64__)
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

enum { AT_ONCE = 8, TAPS_MAX = 25 }; /* pixels of a row: independent sums hide their latency */

INLINE __mmask8 lanes(size_t left)
{
    return (__mmask8)(left >= PARE_STEM_LANES ? 0xff : (1u << left) - 1u);
}

/* n pixels of a row from q on. */
INLINE void forward_pixels(const float *restrict from, size_t width, size_t step,
                           const float *restrict w, float *restrict y, size_t k, __mmask8 m, int n,
                           int r, int s)
{
    __m256 sum[AT_ONCE];
#pragma GCC unroll 8
    for (int u = 0; u < n; u++) sum[u] = _mm256_loadu_ps(w + r * s * PARE_STEM_LANES);
#pragma GCC unroll 5
    for (int i = 0; i < r; i++)
#pragma GCC unroll 5
        for (int j = 0; j < s; j++) {
            const __m256 v = _mm256_loadu_ps(w + (i * s + j) * PARE_STEM_LANES);
#pragma GCC unroll 8
            for (int u = 0; u < n; u++)
                sum[u] = _mm256_fmadd_ps(
                    v, _mm256_set1_ps(from[(size_t)i * width + (size_t)u * step + (size_t)j]),
                    sum[u]);
        }
#pragma GCC unroll 8
    for (int u = 0; u < n; u++) _mm256_mask_storeu_ps(y + (size_t)u * k, m, sum[u]);
}

INLINE void forward_block(const pare_dims *d, const float *frame, const float *w, float *y,
                          size_t k, size_t step, int r, int s)
{
    const size_t width = pare_stem_frame_width(d);
    const __mmask8 m = lanes(d->k - k);
    for (size_t p = 0; p < d->p; p++) {
        const float *row = frame + p * d->stride[0] * width;
        float *out = y + p * d->q * d->k + k;
        size_t q = 0;
        for (; q + AT_ONCE <= d->q; q += AT_ONCE)
            forward_pixels(row + q * step, width, step, w, out + q * d->k, d->k, m, AT_ONCE, r, s);
        if (q + AT_ONCE / 2 <= d->q) {
            forward_pixels(row + q * step, width, step, w, out + q * d->k, d->k, m, AT_ONCE / 2, r,
                           s);
            q += AT_ONCE / 2;
        }
        for (; q < d->q; q++)
            forward_pixels(row + q * step, width, step, w, out + q * d->k, d->k, m, 1, r, s);
    }
}

/* Adds the gradients of one image to [tap, then bias][lane]. */
INLINE void backward_block(const pare_dims *d, const float *restrict frame,
                           const float *restrict gy, float *restrict sum, size_t k, int r, int s)
{
    const size_t width = pare_stem_frame_width(d), step = d->stride[1];
    const __mmask8 m = lanes(d->k - k);
    __m256 g_w[TAPS_MAX], g_bias = _mm256_setzero_ps();
#pragma GCC unroll 25
    for (int t = 0; t < r * s; t++) g_w[t] = _mm256_setzero_ps();
    for (size_t p = 0; p < d->p; p++) {
        const float *from = frame + p * d->stride[0] * width;
        const float *g_at = gy + p * d->q * d->k + k;
        for (size_t q = 0; q < d->q; q++, from += step, g_at += d->k) {
            const __m256 g = _mm256_maskz_loadu_ps(m, g_at);
            g_bias = _mm256_add_ps(g_bias, g);
#pragma GCC unroll 5
            for (int i = 0; i < r; i++)
#pragma GCC unroll 5
                for (int j = 0; j < s; j++)
                    g_w[i * s + j] = _mm256_fmadd_ps(
                        g, _mm256_set1_ps(from[(size_t)i * width + (size_t)j]), g_w[i * s + j]);
        }
    }
#pragma GCC unroll 25
    for (int t = 0; t < r * s; t++)
        _mm256_storeu_ps(sum + t * PARE_STEM_LANES,
                         _mm256_add_ps(_mm256_loadu_ps(sum + t * PARE_STEM_LANES), g_w[t]));
    _mm256_storeu_ps(sum + r * s * PARE_STEM_LANES,
                     _mm256_add_ps(_mm256_loadu_ps(sum + r * s * PARE_STEM_LANES), g_bias));
}

#define SIZE(r, s)                                                                                 \
    static void forward_##r##x##s(const pare_dims *d, const float *frame, const float *w,          \
                                  float *y, size_t k)                                              \
    {                                                                                              \
        if (d->stride[1] == 1)                                                                     \
            forward_block(d, frame, w, y, k, 1, r, s);                                             \
        else                                                                                       \
            forward_block(d, frame, w, y, k, d->stride[1], r, s);                                  \
    }                                                                                              \
    static void backward_##r##x##s(const pare_dims *d, const float *frame, const float *gy,        \
                                   float *sum, size_t k)                                           \
    {                                                                                              \
        backward_block(d, frame, gy, sum, k, r, s);                                                \
    }

SIZE(3, 3)
SIZE(5, 5)

const pare_stem_size pare_stem_sizes[] = {{3, 3, forward_3x3, backward_3x3},
                                          {5, 5, forward_5x5, backward_5x5}};
const size_t pare_n_stem_sizes = sizeof pare_stem_sizes / sizeof *pare_stem_sizes;
#else
const pare_stem_size pare_stem_sizes[1];
const size_t pare_n_stem_sizes = 0;
#endif
