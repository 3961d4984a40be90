/* spatial.h (private): pooling, NHWC. */
#ifndef PARE_MODEL_SPATIAL_H
#define PARE_MODEL_SPATIAL_H
#include "model/kernels.h"
#include "traces/trace.h"

typedef struct pare_pool_window {
    size_t n, c, h, w, p, q; /* images, channels, input and output size */
    size_t kernel[2], stride[2], pad[2];
} pare_pool_window;

pare_pool_window pare_pool_window_of(const pare_layer *l, size_t n_images);

/* best[i] = the tap (row-major in the window) that gave y[i]; the padding never wins. */
void pare_maxpool(const pare_kernels *f, const pare_pool_window *k, const float *x, float *y,
                  uint8_t *best);
/* Adds to gx. */
void pare_maxpool_backward(const pare_kernels *f, const pare_pool_window *k, const float *gy,
                           const uint8_t *best, float *gx);
/* The sum over a window divided by its whole size, padding included. */
void pare_avgpool(const pare_kernels *f, const pare_pool_window *k, const float *x, float *y);
/* Adds to gx. */
void pare_avgpool_backward(const pare_kernels *f, const pare_pool_window *k, const float *gy,
                           float *gx);
#endif
