/* naive.h (private): every operation as plain loops, NHWC: the oracle of the tests. */
#ifndef PARE_MODEL_NAIVE_H
#define PARE_MODEL_NAIVE_H
#include "model/spatial.h"

/* Weights [K][C/groups][R][S]; bias may be NULL. fc is a 1x1 convolution of a 1x1 map. */
void pare_naive_conv(const pare_dims *d, const float *x, const float *w, const float *bias,
                     float *y);
void pare_naive_conv_backward_data(const pare_dims *d, const float *gy, const float *w, float *gx);
/* gbias may be NULL. */
void pare_naive_conv_backward_weights(const pare_dims *d, const float *x, const float *gy,
                                      float *gw, float *gbias);

/* The padding never wins a maximum; an average divides by the whole window. */
void pare_naive_maxpool(const pare_pool_window *k, const float *x, float *y);
void pare_naive_maxpool_backward(const pare_pool_window *k, const float *x, const float *gy,
                                 float *gx);
void pare_naive_avgpool(const pare_pool_window *k, const float *x, float *y);
void pare_naive_avgpool_backward(const pare_pool_window *k, const float *gy, float *gx);

/* Batch norm over `rows` of c channels with the batch's own statistics, in double. */
void pare_naive_batchnorm(size_t rows, size_t c, const float *x, const float *gamma,
                          const float *beta, double eps, float *y);
void pare_naive_batchnorm_backward(size_t rows, size_t c, const float *x, const float *gamma,
                                   double eps, const float *gy, float *gx, float *ggamma,
                                   float *gbeta);

/* y = min(max(x, 0), top): relu with top = infinity, relu6 with 6. */
void pare_naive_relu(size_t n, const float *x, float top, float *y);
void pare_naive_relu_backward(size_t n, const float *x, float top, const float *gy, float *gx);
void pare_naive_add(size_t n, const float *a, const float *b, float *y);
/* Channels of a, then of b. */
void pare_naive_concat(size_t rows, size_t ca, const float *a, size_t cb, const float *b, float *y);

/* Mean cross entropy of softmax over n rows; gx = dL/dx, may be NULL. */
double pare_naive_softmax_loss(size_t n, size_t classes, const float *x, const uint16_t *labels,
                               float *gx);
#endif
