/* stem.c: convolutions of images with one channel: what surrounds the loops of stem_avx512.c. */
#include "model/stem.h"
#include <string.h>

enum { LANES = PARE_STEM_LANES };

static size_t taps_of(const pare_dims *d) { return (size_t)d->r * d->s; }

static size_t blocks_of(const pare_dims *d) { return (d->k + LANES - 1) / LANES; }

size_t pare_stem_memory(const pare_dims *d)
{
    const size_t frame = (d->h + 2 * (size_t)d->pad[0]) * pare_stem_frame_width(d);
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

/* The loops of a kernel size; NULL if there are none. */
static const pare_stem_size *size_of(const pare_dims *d)
{
    for (size_t i = 0; i < pare_n_stem_sizes; i++)
        if (pare_stem_sizes[i].r == d->r && pare_stem_sizes[i].s == d->s)
            return &pare_stem_sizes[i];
    return NULL;
}

static bool has_avx512(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

bool pare_stem_fits(const pare_dims *d)
{
    return d->c == 1 && d->groups == 1 && d->dilation[0] == 1 && d->dilation[1] == 1 &&
           d->k <= PARE_STEM_CHANNELS_MAX && size_of(d) && has_avx512();
}

/* The frame of an image: its borders stay zero. */
static void frame_image(const pare_dims *d, const float *x, float *frame)
{
    const size_t width = pare_stem_frame_width(d);
    for (size_t i = 0; i < d->h; i++)
        memcpy(frame + (i + d->pad[0]) * width + d->pad[1], x + i * d->w, d->w * sizeof *x);
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
