/* spatial.c: pooling. Channels innermost, so that the inner loops are over contiguous memory. */
#include "model/spatial.h"
#include <math.h>

pare_pool_window pare_pool_window_of(const pare_layer *l, size_t n_images)
{
    pare_pool_window k = {.n = n_images,
                          .c = l->in.c,
                          .h = l->in.h,
                          .w = l->in.w,
                          .p = l->out.h,
                          .q = l->out.w,
                          .kernel = {l->in.h, l->in.w},
                          .stride = {1, 1}};
    if (l->op == PARE_OP_GLOBAL_AVGPOOL) return k;
    for (int i = 0; i < 2; i++) {
        k.kernel[i] = l->kernel[i];
        k.stride[i] = l->stride[i];
        k.pad[i] = l->pad[i];
    }
    return k;
}

/* Input position of a tap of window (p, q) in image n: false if it lies in the padding. */
static bool find(const pare_pool_window *k, size_t n, size_t p, size_t q, size_t tap, size_t *at)
{
    const size_t h = p * k->stride[0] + tap / k->kernel[1];
    const size_t w = q * k->stride[1] + tap % k->kernel[1];
    if (h < k->pad[0] || w < k->pad[1]) return false;
    if (h - k->pad[0] >= k->h || w - k->pad[1] >= k->w) return false;
    *at = ((n * k->h + h - k->pad[0]) * k->w + w - k->pad[1]) * k->c;
    return true;
}

static size_t taps(const pare_pool_window *k)
{
    return k->kernel[0] * k->kernel[1];
}

/* Window i of all images as (n, p, q). */
static void split(const pare_pool_window *k, size_t i, size_t *n, size_t *p, size_t *q)
{
    *q = i % k->q;
    *p = i / k->q % k->p;
    *n = i / k->q / k->p;
}

static void take_larger(const float *restrict x, size_t c, uint8_t tap, float *restrict y,
                        uint8_t *restrict best)
{
    for (size_t j = 0; j < c; j++) {
        const bool is_larger = x[j] > y[j];
        y[j] = is_larger ? x[j] : y[j];
        best[j] = is_larger ? tap : best[j];
    }
}

void pare_maxpool(const pare_pool_window *k, const float *x, float *y, uint8_t *best)
{
    for (size_t i = 0; i < k->n * k->p * k->q; i++) {
        size_t n, p, q, at;
        split(k, i, &n, &p, &q);
        bool is_first = true;
        for (size_t tap = 0; tap < taps(k); tap++) {
            if (!find(k, n, p, q, tap, &at)) continue;
            if (is_first)
                for (size_t j = 0; j < k->c; j++) {
                    y[i * k->c + j] = x[at + j];
                    best[i * k->c + j] = (uint8_t)tap;
                }
            else
                take_larger(x + at, k->c, (uint8_t)tap, y + i * k->c, best + i * k->c);
            is_first = false;
        }
    }
}

void pare_maxpool_backward(const pare_pool_window *k, const float *gy, const uint8_t *best,
                           float *gx)
{
    for (size_t i = 0; i < k->n * k->p * k->q; i++) {
        size_t n, p, q, at;
        split(k, i, &n, &p, &q);
        for (size_t tap = 0; tap < taps(k); tap++) {
            if (!find(k, n, p, q, tap, &at)) continue;
            const float *restrict g = gy + i * k->c;
            const uint8_t *restrict b = best + i * k->c;
            float *restrict out = gx + at;
            for (size_t j = 0; j < k->c; j++) out[j] += b[j] == tap ? g[j] : 0.0f;
        }
    }
}

void pare_avgpool(const pare_pool_window *k, const float *x, float *y)
{
    const float share = 1.0f / (float)taps(k);
    for (size_t i = 0; i < k->n * k->p * k->q; i++) {
        size_t n, p, q, at;
        split(k, i, &n, &p, &q);
        float *restrict out = y + i * k->c;
        for (size_t j = 0; j < k->c; j++) out[j] = 0;
        for (size_t tap = 0; tap < taps(k); tap++) {
            if (!find(k, n, p, q, tap, &at)) continue;
            for (size_t j = 0; j < k->c; j++) out[j] += x[at + j];
        }
        for (size_t j = 0; j < k->c; j++) out[j] *= share;
    }
}

void pare_avgpool_backward(const pare_pool_window *k, const float *gy, float *gx)
{
    const float share = 1.0f / (float)taps(k);
    for (size_t i = 0; i < k->n * k->p * k->q; i++) {
        size_t n, p, q, at;
        split(k, i, &n, &p, &q);
        for (size_t tap = 0; tap < taps(k); tap++) {
            if (!find(k, n, p, q, tap, &at)) continue;
            for (size_t j = 0; j < k->c; j++) gx[at + j] += gy[i * k->c + j] * share;
        }
    }
}
