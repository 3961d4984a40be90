/* stem_avx512.c: convolutions of images with one channel, for machines with AVX-512 (the 32
 * registers of its 8-lane instructions hold all taps); elsewhere none fits. */
#include "model/stem.h"
#include <string.h>

enum { LANES = PARE_STEM_LANES };

static size_t taps_of(const pare_dims *d) { return (size_t)d->r * d->s; }

static size_t blocks_of(const pare_dims *d) { return (d->k + LANES - 1) / LANES; }

static size_t frame_width(const pare_dims *d) { return d->w + 2 * (size_t)d->pad[1]; }

size_t pare_stem_memory(const pare_dims *d)
{
    const size_t frame = (d->h + 2 * (size_t)d->pad[0]) * frame_width(d);
    return frame + blocks_of(d) * LANES * (taps_of(d) + 1);
}

size_t pare_stem_packed(const pare_dims *d) { return blocks_of(d) * LANES * (taps_of(d) + 1); }

/* [block][tap, then bias][lane] */
void pare_stem_pack(const pare_dims *d, const float *weights, const float *bias, float *packed)
{
    const size_t taps = taps_of(d);
    memset(packed, 0, pare_stem_packed(d) * sizeof *packed);
    for (size_t k = 0; k < d->k; k++) {
        float *out = packed + k / LANES * LANES * (taps + 1) + k % LANES;
        for (size_t t = 0; t < taps; t++) out[t * LANES] = weights[k * taps + t];
        if (bias) out[taps * LANES] = bias[k];
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

enum { AT_ONCE = 8, TAPS_MAX = 25 }; /* pixels of a row: independent sums hide their latency */

INLINE __mmask8 lanes(size_t left) { return (__mmask8)(left >= LANES ? 0xff : (1u << left) - 1u); }

/* The frame of an image: its borders stay zero. */
static void frame_image(const pare_dims *d, const float *x, float *frame)
{
    const size_t width = frame_width(d);
    for (size_t i = 0; i < d->h; i++)
        memcpy(frame + (i + d->pad[0]) * width + d->pad[1], x + i * d->w, d->w * sizeof *x);
}

/* n pixels of a row from q on. */
INLINE void forward_pixels(const float *restrict from, size_t width, size_t step,
                           const float *restrict w, float *restrict y, size_t k, __mmask8 m, int n,
                           int r, int s)
{
    __m256 sum[AT_ONCE];
#pragma GCC unroll 8
    for (int u = 0; u < n; u++) sum[u] = _mm256_loadu_ps(w + r * s * LANES);
#pragma GCC unroll 5
    for (int i = 0; i < r; i++)
#pragma GCC unroll 5
        for (int j = 0; j < s; j++) {
            const __m256 v = _mm256_loadu_ps(w + (i * s + j) * LANES);
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
    const size_t width = frame_width(d);
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
    const size_t width = frame_width(d), step = d->stride[1];
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
        _mm256_storeu_ps(sum + t * LANES, _mm256_add_ps(_mm256_loadu_ps(sum + t * LANES), g_w[t]));
    _mm256_storeu_ps(sum + r * s * LANES,
                     _mm256_add_ps(_mm256_loadu_ps(sum + r * s * LANES), g_bias));
}

/* One function a kernel size, so that the taps are registers. */
typedef struct stem_size {
    uint32_t r, s;
    void (*forward)(const pare_dims *d, const float *frame, const float *w, float *y, size_t k);
    void (*backward)(const pare_dims *d, const float *frame, const float *gy, float *sum, size_t k);
} stem_size;

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

static const stem_size sizes[] = {{3, 3, forward_3x3, backward_3x3},
                                  {5, 5, forward_5x5, backward_5x5}};

static const stem_size *size_of(const pare_dims *d)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].r == d->r && sizes[i].s == d->s) return &sizes[i];
    return NULL;
}

bool pare_stem_fits(const pare_dims *d)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma") && d->c == 1 && d->groups == 1 && d->dilation[0] == 1 &&
           d->dilation[1] == 1 && d->k <= PARE_STEM_CHANNELS_MAX && size_of(d);
}

void pare_stem_forward(const pare_dims *d, const float *packed, const float *x, float *y,
                       float *memory)
{
    const size_t block = LANES * (taps_of(d) + 1);
    memset(memory, 0, pare_stem_memory(d) * sizeof *memory);
    for (size_t i = 0; i < d->n; i++) {
        frame_image(d, x + i * d->h * d->w, memory);
        for (size_t b = 0; b < blocks_of(d); b++)
            size_of(d)->forward(d, memory, packed + b * block, y + i * d->p * d->q * d->k,
                                b * LANES);
    }
}

void pare_stem_backward_weights(const pare_dims *d, const float *x, const float *gy, float *gw,
                                float *gbias, float *memory)
{
    const size_t taps = taps_of(d), block = LANES * (taps + 1);
    float *const sums = memory + (pare_stem_memory(d) - blocks_of(d) * block);
    memset(memory, 0, pare_stem_memory(d) * sizeof *memory);
    for (size_t i = 0; i < d->n; i++) {
        frame_image(d, x + i * d->h * d->w, memory);
        for (size_t b = 0; b < blocks_of(d); b++)
            size_of(d)->backward(d, memory, gy + i * d->p * d->q * d->k, sums + b * block,
                                 b * LANES);
    }
    for (size_t k = 0; k < d->k; k++) {
        const float *sum = sums + k / LANES * block + k % LANES;
        for (size_t t = 0; t < taps; t++) gw[k * taps + t] = sum[t * LANES];
        if (gbias) gbias[k] = sum[taps * LANES];
    }
}
#else
bool pare_stem_fits(const pare_dims *d) { return (void)d, false; }

void pare_stem_forward(const pare_dims *d, const float *packed, const float *x, float *y,
                       float *memory)
{
    (void)d, (void)packed, (void)x, (void)y, (void)memory;
}

void pare_stem_backward_weights(const pare_dims *d, const float *x, const float *gy, float *gw,
                                float *gbias, float *memory)
{
    (void)d, (void)x, (void)gy, (void)gw, (void)gbias, (void)memory;
}
#endif
