/* naive.c: the oracle. Sums in double, loops in the order of the definition. */
#include "model/naive.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* Calls `body` for every product of a convolution with xi, yi, wi = the operands' indices. */
#define FOR_EACH_PRODUCT(d, body)                                                                  \
    for (size_t n = 0; n < (d)->n; n++)                                                            \
        for (size_t k = 0; k < (d)->k; k++)                                                        \
            for (size_t p = 0; p < (d)->p; p++)                                                    \
                for (size_t q = 0; q < (d)->q; q++)                                                \
                    for (size_t c = 0; c < (d)->c / (d)->groups; c++)                              \
                        for (size_t r = 0; r < (d)->r; r++)                                        \
                            for (size_t s = 0; s < (d)->s; s++) {                                  \
                                size_t xi, yi, wi;                                                 \
                                if (find_product((d), (size_t[]){n, k, p, q, c, r, s}, &xi, &yi,   \
                                                 &wi))                                             \
                                    body;                                                          \
                            }

/* False for a product with the padding. i = {n, k, p, q, c, r, s}. */
static bool find_product(const pare_dims *d, const size_t i[7], size_t *x, size_t *y, size_t *w)
{
    const size_t cg = d->c / d->groups, kg = d->k / d->groups;
    const int64_t h = (int64_t)(i[2] * d->stride[0] + i[5] * d->dilation[0]) - d->pad[0];
    const int64_t v = (int64_t)(i[3] * d->stride[1] + i[6] * d->dilation[1]) - d->pad[1];
    if (h < 0 || v < 0 || h >= d->h || v >= d->w) return false;
    const size_t channel = i[1] / kg * cg + i[4];
    *x = ((i[0] * d->h + (size_t)h) * d->w + (size_t)v) * d->c + channel;
    *y = ((i[0] * d->p + i[2]) * d->q + i[3]) * d->k + i[1];
    *w = ((i[1] * cg + i[4]) * d->r + i[5]) * d->s + i[6];
    return true;
}

static size_t count_y(const pare_dims *d) { return (size_t)d->n * d->p * d->q * d->k; }

static size_t count_x(const pare_dims *d) { return (size_t)d->n * d->h * d->w * d->c; }

static size_t count_w(const pare_dims *d)
{
    return (size_t)d->k * (d->c / d->groups) * d->r * d->s;
}

static double *zeros(size_t n) { return pare_xalloc(n, sizeof(double)); }

/* Round the sums to float and drop them. */
static void finish(double *sum, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = (float)sum[i];
    free(sum);
}

void pare_naive_conv(const pare_dims *d, const float *x, const float *w, const float *bias,
                     float *y)
{
    double *sum = zeros(count_y(d));
    for (size_t i = 0; bias && i < count_y(d); i++) sum[i] = (double)bias[i % d->k];
    FOR_EACH_PRODUCT(d, sum[yi] += (double)x[xi] * (double)w[wi]);
    finish(sum, count_y(d), y);
}

void pare_naive_conv_backward_data(const pare_dims *d, const float *gy, const float *w, float *gx)
{
    double *sum = zeros(count_x(d));
    FOR_EACH_PRODUCT(d, sum[xi] += (double)gy[yi] * (double)w[wi]);
    finish(sum, count_x(d), gx);
}

void pare_naive_conv_backward_weights(const pare_dims *d, const float *x, const float *gy,
                                      float *gw, float *gbias)
{
    double *sum = zeros(count_w(d));
    FOR_EACH_PRODUCT(d, sum[wi] += (double)x[xi] * (double)gy[yi]);
    finish(sum, count_w(d), gw);
    if (!gbias) return;
    sum = zeros(d->k);
    for (size_t i = 0; i < count_y(d); i++) sum[i % d->k] += (double)gy[i];
    finish(sum, d->k, gbias);
}

/* ---- pooling ----------------------------------------------------------------------------------
 */

/* Calls `body` for every input xi of every window yi. */
#define FOR_EACH_TAP(k, body)                                                                      \
    for (size_t yi = 0; yi < (k)->n * (k)->p * (k)->q * (k)->c; yi++)                              \
        for (size_t tap = 0; tap < (k)->kernel[0] * (k)->kernel[1]; tap++) {                       \
            size_t xi;                                                                             \
            if (find_tap((k), yi, tap, &xi)) body;                                                 \
        }

static bool find_tap(const pare_pool_window *k, size_t yi, size_t tap, size_t *xi)
{
    const size_t c = yi % k->c, q = yi / k->c % k->q, p = yi / k->c / k->q % k->p;
    const size_t n = yi / k->c / k->q / k->p;
    const int64_t h = (int64_t)(p * k->stride[0] + tap / k->kernel[1]) - (int64_t)k->pad[0];
    const int64_t w = (int64_t)(q * k->stride[1] + tap % k->kernel[1]) - (int64_t)k->pad[1];
    if (h < 0 || w < 0 || h >= (int64_t)k->h || w >= (int64_t)k->w) return false;
    *xi = ((n * k->h + (size_t)h) * k->w + (size_t)w) * k->c + c;
    return true;
}

void pare_naive_maxpool(const pare_pool_window *k, const float *x, float *y)
{
    for (size_t i = 0; i < k->n * k->p * k->q * k->c; i++) y[i] = -INFINITY;
    FOR_EACH_TAP(k, if (x[xi] > y[yi]) y[yi] = x[xi]);
}

void pare_naive_maxpool_backward(const pare_pool_window *k, const float *x, const float *gy,
                                 float *gx)
{
    const size_t n = k->n * k->p * k->q * k->c;
    size_t *best = pare_xalloc(n, sizeof *best);
    bool *has = pare_xalloc(n, sizeof *has);
    FOR_EACH_TAP(
        k, if (!has[yi] || x[xi] > x[best[yi]]) {
            best[yi] = xi;
            has[yi] = true;
        });
    for (size_t i = 0; i < k->n * k->h * k->w * k->c; i++) gx[i] = 0;
    for (size_t i = 0; i < n; i++) gx[best[i]] += gy[i];
    free(best);
    free(has);
}

void pare_naive_avgpool(const pare_pool_window *k, const float *x, float *y)
{
    const double size = (double)(k->kernel[0] * k->kernel[1]);
    double *sum = zeros(k->n * k->p * k->q * k->c);
    FOR_EACH_TAP(k, sum[yi] += (double)x[xi] / size);
    finish(sum, k->n * k->p * k->q * k->c, y);
}

void pare_naive_avgpool_backward(const pare_pool_window *k, const float *gy, float *gx)
{
    const double size = (double)(k->kernel[0] * k->kernel[1]);
    double *sum = zeros(k->n * k->h * k->w * k->c);
    FOR_EACH_TAP(k, sum[xi] += (double)gy[yi] / size);
    finish(sum, k->n * k->h * k->w * k->c, gx);
}

/* ---- element-wise -----------------------------------------------------------------------------
 */

static void moments(size_t rows, size_t c, size_t j, const float *x, double *mean, double *var)
{
    *mean = *var = 0;
    for (size_t i = 0; i < rows; i++) *mean += (double)x[i * c + j] / (double)rows;
    for (size_t i = 0; i < rows; i++) {
        const double d = (double)x[i * c + j] - *mean;
        *var += d * d / (double)rows;
    }
}

void pare_naive_batchnorm(size_t rows, size_t c, const float *x, const float *gamma,
                          const float *beta, double eps, float *y)
{
    for (size_t j = 0; j < c; j++) {
        double mean, var;
        moments(rows, c, j, x, &mean, &var);
        for (size_t i = j; i < rows * c; i += c)
            y[i] = (float)((double)gamma[j] * ((double)x[i] - mean) / sqrt(var + eps) +
                           (double)beta[j]);
    }
}

void pare_naive_batchnorm_backward(size_t rows, size_t c, const float *x, const float *gamma,
                                   double eps, const float *gy, float *gx, float *ggamma,
                                   float *gbeta)
{
    for (size_t j = 0; j < c; j++) {
        double mean, var, sum = 0, sum_xhat = 0;
        moments(rows, c, j, x, &mean, &var);
        const double inv = 1 / sqrt(var + eps);
        for (size_t i = j; i < rows * c; i += c) {
            sum += (double)gy[i];
            sum_xhat += (double)gy[i] * ((double)x[i] - mean) * inv;
        }
        ggamma[j] = (float)sum_xhat;
        gbeta[j] = (float)sum;
        for (size_t i = j; i < rows * c; i += c) {
            const double xhat = ((double)x[i] - mean) * inv;
            gx[i] = (float)((double)gamma[j] * inv *
                            ((double)gy[i] - (sum + xhat * sum_xhat) / (double)rows));
        }
    }
}

void pare_naive_relu(size_t n, const float *x, float top, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i] > top ? top : x[i];
}

void pare_naive_relu_backward(size_t n, const float *x, float top, const float *gy, float *gx)
{
    for (size_t i = 0; i < n; i++) gx[i] = x[i] > 0 && x[i] < top ? gy[i] : 0;
}

void pare_naive_add(size_t n, const float *a, const float *b, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

void pare_naive_concat(size_t rows, size_t ca, const float *a, size_t cb, const float *b, float *y)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < ca; j++) y[i * (ca + cb) + j] = a[i * ca + j];
        for (size_t j = 0; j < cb; j++) y[i * (ca + cb) + ca + j] = b[i * cb + j];
    }
}

double pare_naive_softmax_loss(size_t n, size_t classes, const float *x, const uint16_t *labels,
                               float *gx)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        const float *row = x + i * classes;
        double top = -INFINITY, sum = 0;
        for (size_t j = 0; j < classes; j++) top = fmax(top, (double)row[j]);
        for (size_t j = 0; j < classes; j++) sum += exp((double)row[j] - top);
        assert(sum > 0);
        loss += (log(sum) + top - (double)row[labels[i]]) / (double)n;
        for (size_t j = 0; gx && j < classes; j++)
            gx[i * classes + j] =
                (float)((exp((double)row[j] - top) / sum - (j == labels[i])) / (double)n);
    }
    return loss;
}
