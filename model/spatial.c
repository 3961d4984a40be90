/* spatial.c: pooling. Channels innermost, so that the inner loops are over contiguous memory. */
#include "model/spatial.h"

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

/* The part of the window from `first` (which counts the padding) that lies in 0..size-1. */
static void clip(size_t first, size_t kernel, size_t pad, size_t size, size_t *from, size_t *to)
{
    *from = first < pad ? pad - first : 0;
    *to = first + kernel > size + pad ? size + pad - first : kernel;
}

/* The taps of window (p, q), as offsets in one image. */
static void find_taps(const pare_pool_window *k, size_t p, size_t q, pare_taps *t)
{
    size_t h0, h1, w0, w1;
    clip(p * k->stride[0], k->kernel[0], k->pad[0], k->h, &h0, &h1);
    clip(q * k->stride[1], k->kernel[1], k->pad[1], k->w, &w0, &w1);
    t->n = 0;
    for (size_t i = h0; i < h1; i++)
        for (size_t j = w0; j < w1; j++) {
            const size_t h = p * k->stride[0] + i - k->pad[0];
            const size_t w = q * k->stride[1] + j - k->pad[1];
            t->at[t->n] = (h * k->w + w) * k->c;
            t->id[t->n++] = (uint8_t)(i * k->kernel[1] + j);
        }
}

void pare_maxpool(const pare_kernels *f, const pare_pool_window *k, const float *x, float *y,
                  uint8_t *best)
{
    const size_t in = k->h * k->w * k->c, out = k->p * k->q * k->c;
    pare_taps t;
    for (size_t i = 0; i < k->p * k->q; i++) {
        find_taps(k, i / k->q, i % k->q, &t);
        for (size_t n = 0; n < k->n; n++) {
            const size_t at = n * out + i * k->c;
            f->max_taps(x + n * in, &t, k->c, y + at, best + at);
        }
    }
}

void pare_maxpool_backward(const pare_kernels *f, const pare_pool_window *k, const float *gy,
                           const uint8_t *best, float *gx)
{
    const size_t in = k->h * k->w * k->c, out = k->p * k->q * k->c;
    pare_taps t;
    for (size_t i = 0; i < k->p * k->q; i++) {
        find_taps(k, i / k->q, i % k->q, &t);
        for (size_t n = 0; n < k->n; n++) {
            const size_t at = n * out + i * k->c;
            f->scatter_taps(gy + at, best + at, &t, k->c, gx + n * in);
        }
    }
}

/* Window i as a part of one image's map. */
static pare_rect find_rect(const pare_pool_window *k, size_t i)
{
    size_t h0, h1, w0, w1;
    const size_t p = i / k->q, q = i % k->q;
    clip(p * k->stride[0], k->kernel[0], k->pad[0], k->h, &h0, &h1);
    clip(q * k->stride[1], k->kernel[1], k->pad[1], k->w, &w0, &w1);
    const size_t h = p * k->stride[0] + h0 - k->pad[0], w = q * k->stride[1] + w0 - k->pad[1];
    return (pare_rect){
        .at = (h * k->w + w) * k->c, .rows = h1 - h0, .columns = w1 - w0, .stride = k->w * k->c};
}

void pare_avgpool(const pare_kernels *f, const pare_pool_window *k, const float *x, float *y)
{
    const float share = 1.0f / (float)(k->kernel[0] * k->kernel[1]);
    const size_t in = k->h * k->w * k->c, out = k->p * k->q * k->c;
    for (size_t i = 0; i < k->p * k->q; i++) {
        const pare_rect r = find_rect(k, i);
        for (size_t n = 0; n < k->n; n++)
            f->sum_window(x + n * in, &r, k->c, share, y + n * out + i * k->c);
    }
}

void pare_avgpool_backward(const pare_kernels *f, const pare_pool_window *k, const float *gy,
                           float *gx)
{
    const float share = 1.0f / (float)(k->kernel[0] * k->kernel[1]);
    const size_t in = k->h * k->w * k->c, out = k->p * k->q * k->c;
    for (size_t i = 0; i < k->p * k->q; i++) {
        const pare_rect r = find_rect(k, i);
        for (size_t n = 0; n < k->n; n++)
            f->spread_window(gy + n * out + i * k->c, &r, k->c, share, gx + n * in);
    }
}
