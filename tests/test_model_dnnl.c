#include "gtck.h"
#include "model/dnnl.h"
#include "model/kernels.h"
#include "model/naive.h"
#include "model/stem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 31, IMAGES = 2, SHARDS = 2 };

static float *draw(size_t n, uint64_t stream)
{
    float *x = pare_xalloc(n, sizeof *x);
    pare_rng r = pare_rng_new(SEED, stream);
    for (size_t i = 0; i < n; i++) x[i] = (float)pare_rng_normal(&r);
    return x;
}

static size_t count_x(const pare_dims *d) { return (size_t)d->n * d->h * d->w * d->c; }

static size_t count_y(const pare_dims *d) { return (size_t)d->n * d->p * d->q * d->k; }

static size_t count_w(const pare_dims *d)
{
    return (size_t)d->k * (d->c / d->groups) * d->r * d->s;
}

static pare_dims conv(uint32_t c, uint32_t k, uint32_t hw, uint32_t kernel, uint32_t stride,
                      uint32_t pad, uint32_t dilation, uint32_t groups)
{
    const uint32_t out = (hw + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
    return (pare_dims){.n = IMAGES,
                       .c = c,
                       .h = hw,
                       .w = hw,
                       .k = k,
                       .r = kernel,
                       .s = kernel,
                       .p = out,
                       .q = out,
                       .groups = groups,
                       .stride = {stride, stride},
                       .pad = {pad, pad},
                       .dilation = {dilation, dilation}};
}

static void stop_on(const pare_err *e, pare_status s)
{
    if (s != PARE_OK) pare_err_print(e, stderr);
    ck_assert_int_eq(s, PARE_OK);
}

static void check_near(const float *a, const float *b, size_t n, double tol, const char *what)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)b[i]));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)a[i] - (double)b[i]) <= tol * (1 + most),
                      "%s[%zu]: %g, naive %g", what, i, (double)a[i], (double)b[i]);
}

static const void *as_input(const float *x, size_t n, bool is_bf16, uint16_t *buffer)
{
    if (!is_bf16) return x;
    pare_kernels_c.to_bf16(x, n, buffer);
    return buffer;
}

/* Rounds to bfloat16 where the layer does, so that only the order of sums differs. */
static void round_all(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = pare_bf16_float(pare_bf16(x[i]));
}

typedef enum arithmetic { F32, BF16, WINOGRAD } arithmetic;

static void check_layer(pare_dims d, bool is_fc, bool has_bias, arithmetic how)
{
    const bool is_bf16 = how == BF16;
    const size_t nx = count_x(&d), ny = count_y(&d), nw = count_w(&d);
    float *x = draw(SHARDS * nx, 1), *w = draw(nw, 2), *bias = draw(d.k, 3);
    float *gy = draw(SHARDS * ny, 4), *y = draw(ny, 5), *ey = draw(ny, 6);
    float *gx = draw(nx, 7), *egx = draw(nx, 8), *gw = draw(nw, 9), *egw = draw(nw, 10);
    float *gb = draw(d.k, 11), *egb = draw(d.k, 12);
    uint16_t *x16 = pare_xalloc(SHARDS * nx, 2), *g16 = pare_xalloc(SHARDS * ny, 2);
    if (is_bf16) {
        round_all(x, SHARDS * nx);
        round_all(w, nw);
        round_all(gy, SHARDS * ny);
    }
    pare_err e = {0};
    pare_dnnl *dnnl;
    pare_mac *m;
    stop_on(&e, pare_dnnl_new(1, &dnnl, &e));
    const pare_mac_spec spec = {.name = "layer",
                                .dims = d,
                                .is_fc = is_fc,
                                .has_bias = has_bias,
                                .is_bf16 = is_bf16,
                                .is_winograd = how == WINOGRAD,
                                .wants_backward = true,
                                .wants_backward_data = true,
                                .n_slots = SHARDS};
    stop_on(&e, pare_mac_new(dnnl, &spec, &m, &e));
    stop_on(&e, pare_dnnl_ready(dnnl, &e));
    stop_on(&e, pare_mac_set_weights(m, 0, w, has_bias ? bias : NULL, &e));
    /* minimal filtering adds and subtracts larger numbers */
    const double tol = how == WINOGRAD ? 2e-4 : 2e-5;
    for (size_t s = 0; s < SHARDS; s++) {
        const void *xs = as_input(x + s * nx, nx, is_bf16, x16 + s * nx);
        const void *gs = as_input(gy + s * ny, ny, is_bf16, g16 + s * ny);
        stop_on(&e, pare_mac_forward(m, 0, xs, y, &e));
        pare_naive_conv(&d, x + s * nx, w, has_bias ? bias : NULL, ey);
        check_near(y, ey, ny, tol, "y");
        stop_on(&e, pare_mac_backward_data(m, 0, gs, gx, &e));
        pare_naive_conv_backward_data(&d, gy + s * ny, w, egx);
        check_near(gx, egx, nx, tol, "gx");
        stop_on(&e, pare_mac_backward_weights(m, 0, s, xs, gs, &e));
    }
    stop_on(&e, pare_mac_reduce(m, 0, 0, SHARDS, gw, gb, &e));
    pare_dims both = d;
    both.n *= SHARDS;
    pare_naive_conv_backward_weights(&both, x, gy, egw, egb);
    check_near(gw, egw, nw, tol, "gw");
    if (has_bias) check_near(gb, egb, d.k, tol, "gbias");
    pare_mac_free(m);
    pare_dnnl_free(dnnl);
    void *const all[] = {x, w, bias, gy, y, ey, gx, egx, gw, egw, gb, egb, x16, g16};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void check_all(arithmetic how)
{
    const pare_dims layers[] = {
        conv(1, 16, 12, 3, 1, 1, 1, 1),  conv(3, 16, 10, 3, 1, 1, 1, 1),
        conv(16, 16, 8, 3, 1, 1, 1, 1),  conv(16, 32, 8, 3, 2, 1, 1, 1),
        conv(3, 8, 23, 11, 4, 2, 1, 1),  conv(8, 12, 9, 5, 1, 2, 1, 2),
        conv(24, 24, 7, 3, 1, 1, 1, 24), conv(6, 10, 9, 3, 1, 2, 2, 1),
        conv(7, 5, 6, 1, 1, 0, 1, 1),    conv(16, 16, 9, 3, 2, 0, 1, 1),
        conv(1, 6, 14, 5, 1, 2, 1, 1),   conv(1, 20, 13, 3, 2, 1, 1, 1),
        conv(1, 9, 7, 5, 1, 0, 1, 1),    conv(1, 3, 23, 5, 3, 4, 1, 1),
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int bias = 0; bias < 2; bias++) check_layer(layers[i], false, bias, how);
    check_layer(conv(100, 10, 1, 1, 1, 0, 1, 1), true, true, how);
    check_layer(conv(33, 7, 1, 1, 1, 0, 1, 1), true, false, how);
}

START_TEST(layers_equal_the_plain_loops)
{
    printf("seed %d\n", SEED);
    check_all(F32);
}
END_TEST

START_TEST(bfloat16_layers_equal_the_plain_loops) { check_all(BF16); }
END_TEST

/* ---- layers on one channel ---------------------------------------------------------------------
 */

static float pixel(const pare_dims *d, const float *x, size_t n, size_t h, size_t w)
{
    h -= d->pad[0]; /* wraps around above and left of the image */
    w -= d->pad[1];
    return h < d->h && w < d->w ? x[(n * d->h + h) * d->w + w] : 0;
}

/* Tap by tap from the bias on, each product and sum rounded once. */
static float stem_output(const pare_dims *d, const float *x, const float *w, float bias, size_t n,
                         size_t p, size_t q)
{
    float sum = bias;
    for (size_t i = 0; i < d->r; i++)
        for (size_t j = 0; j < d->s; j++)
            sum = fmaf(w[i * d->s + j], pixel(d, x, n, p * d->stride[0] + i, q * d->stride[1] + j),
                       sum);
    return sum;
}

/* Pixel by pixel within an image, image by image. */
static float stem_gradient(const pare_dims *d, const float *x, const float *gy, size_t k, size_t i,
                           size_t j)
{
    float all = 0;
    for (size_t n = 0; n < d->n; n++) {
        float sum = 0;
        for (size_t p = 0; p < d->p; p++)
            for (size_t q = 0; q < d->q; q++)
                sum = fmaf(gy[((n * d->p + p) * d->q + q) * d->k + k],
                           pixel(d, x, n, p * d->stride[0] + i, q * d->stride[1] + j), sum);
        all += sum;
    }
    return all;
}

static void check_stem(pare_dims d)
{
    const size_t nx = count_x(&d), ny = count_y(&d), nw = count_w(&d);
    float *x = draw(nx, 1), *w = draw(nw, 2), *bias = draw(d.k, 3), *gy = draw(ny, 4);
    float *y = draw(ny, 5), *gw = draw(nw, 6), *gb = draw(d.k, 7);
    float *packed = draw(pare_stem_packed(&d), 8), *memory = draw(pare_stem_memory(&d), 9);
    ck_assert(pare_stem_fits(&d));
    pare_stem_pack(&d, w, bias, packed);
    pare_stem_forward(&d, packed, x, y, memory);
    pare_stem_backward_weights(&d, x, gy, gw, gb, memory);
    for (size_t i = 0; i < ny; i++) {
        const size_t k = i % d.k, q = i / d.k % d.q, p = i / d.k / d.q % d.p;
        const size_t n = i / d.k / d.q / d.p;
        ck_assert(y[i] == stem_output(&d, x, w + k * d.r * d.s, bias[k], n, p, q));
    }
    for (size_t i = 0; i < nw; i++)
        ck_assert(gw[i] == stem_gradient(&d, x, gy, i / d.s / d.r, i / d.s % d.r, i % d.s));
    void *const all[] = {x, w, bias, gy, y, gw, gb, packed, memory};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

START_TEST(layers_on_one_channel_equal_their_sums_bit_by_bit)
{
    const pare_dims layers[] = {conv(1, 16, 28, 3, 1, 1, 1, 1), conv(1, 6, 28, 5, 1, 2, 1, 1),
                                conv(1, 20, 13, 3, 2, 1, 1, 1), conv(1, 9, 7, 5, 1, 0, 1, 1),
                                conv(1, 3, 23, 5, 3, 4, 1, 1),  conv(1, 64, 5, 3, 1, 0, 1, 1)};
    if (pare_kernels_best() != &pare_kernels_avx512) GTCK_SKIP("no AVX-512 here");
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) check_stem(layers[i]);
    const pare_dims others[] = {conv(2, 16, 28, 3, 1, 1, 1, 1), conv(1, 16, 28, 7, 1, 1, 1, 1),
                                conv(1, 16, 28, 3, 1, 1, 2, 1), conv(1, 65, 28, 3, 1, 1, 1, 1)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert(!pare_stem_fits(&others[i]));
}
END_TEST

/* ---- minimal filtering -------------------------------------------------------------------------
 */

static bool is_winograd(pare_dims d, pare_pass pass)
{
    pare_err e = {0};
    pare_dnnl *dnnl;
    pare_mac *m;
    const pare_mac_spec spec = {.name = "layer",
                                .dims = d,
                                .is_winograd = true,
                                .wants_backward = true,
                                .wants_backward_data = true,
                                .n_slots = 1};
    stop_on(&e, pare_dnnl_new(1, &dnnl, &e));
    stop_on(&e, pare_mac_new(dnnl, &spec, &m, &e));
    const bool is_it = strstr(pare_mac_impl(m, pass), "wino") != NULL;
    pare_mac_free(m);
    pare_dnnl_free(dnnl);
    return is_it;
}

/* Layers that minimal filtering fits, whole tiles and not, and those that it does not. */
START_TEST(winograd_layers_equal_the_plain_loops)
{
    const pare_dims fit[] = {conv(32, 32, 8, 3, 1, 1, 1, 1), conv(32, 48, 7, 3, 1, 1, 1, 1),
                             conv(64, 32, 5, 3, 1, 0, 1, 1), conv(48, 64, 13, 3, 1, 1, 1, 1)};
    if (pare_kernels_best() != &pare_kernels_avx512) GTCK_SKIP("no AVX-512 here");
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++) {
        for (int pass = 0; pass < PARE_N_PASSES; pass++)
            ck_assert(is_winograd(fit[i], (pare_pass)pass));
        for (int bias = 0; bias < 2; bias++) check_layer(fit[i], false, bias, WINOGRAD);
    }
    const pare_dims few = conv(16, 16, 8, 3, 1, 1, 1, 1), strided = conv(32, 32, 8, 3, 2, 1, 1, 1);
    ck_assert(!is_winograd(few, PARE_PASS_FORWARD));
    ck_assert(is_winograd(few, PARE_PASS_BACKWARD_WEIGHTS));
    ck_assert(!is_winograd(strided, PARE_PASS_FORWARD));
    check_all(WINOGRAD);
}
END_TEST

/* uxlfoundation/oneDNN#6035: wrong results were reported for 1x1 stride-2 nhwc backward-weights
 * with fewer input channels than a block */
START_TEST(strided_1x1_layers_with_few_channels_are_right)
{
    for (uint32_t c = 4; c <= 32; c += 4)
        check_layer(conv(c, 2 * c, 8, 1, 2, 0, 1, 1), false, false, F32);
}
END_TEST

START_TEST(no_shipped_kind_of_layer_runs_on_a_fallback)
{
    const pare_dims layers[] = {conv(1, 16, 28, 3, 1, 1, 1, 1), conv(3, 16, 32, 3, 1, 1, 1, 1),
                                conv(16, 32, 32, 3, 2, 1, 1, 1), conv(32, 32, 16, 3, 1, 1, 1, 32)};
    if (pare_kernels_best() != &pare_kernels_avx512) GTCK_SKIP("no AVX-512 here");
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        pare_err e = {0};
        pare_dnnl *dnnl;
        pare_mac *m;
        const pare_mac_spec spec = {.name = "layer",
                                    .dims = layers[i],
                                    .wants_backward = true,
                                    .wants_backward_data = true,
                                    .n_slots = 1};
        stop_on(&e, pare_dnnl_new(1, &dnnl, &e));
        stop_on(&e, pare_mac_new(dnnl, &spec, &m, &e));
        for (int p = 0; p < PARE_N_PASSES; p++) {
            ck_assert_ptr_nonnull(pare_mac_impl(m, (pare_pass)p));
            ck_assert_msg(!pare_mac_impl_is_slow(m, (pare_pass)p), "%s",
                          pare_mac_impl(m, (pare_pass)p));
        }
        pare_mac_free(m);
        pare_dnnl_free(dnnl);
    }
}
END_TEST

/* ---- the oracle itself, against finite differences --------------------------------------------
 */

/* sum of y * gy: its slope along any input is the backward pass */
static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

START_TEST(naive_convolution_gradients_equal_finite_differences)
{
    const pare_dims d = conv(4, 6, 5, 3, 2, 1, 1, 2);
    const size_t nx = count_x(&d), ny = count_y(&d), nw = count_w(&d);
    float *x = draw(nx, 1), *w = draw(nw, 2), *gy = draw(ny, 3), *y = draw(ny, 4);
    float *gx = draw(nx, 5), *gw = draw(nw, 6);
    pare_naive_conv_backward_data(&d, gy, w, gx);
    pare_naive_conv_backward_weights(&d, x, gy, gw, NULL);
    for (int way = 0; way < 2; way++) {
        float *p = way ? w : x;
        const float *g = way ? gw : gx;
        for (size_t i = 0; i < (way ? nw : nx); i += 7) {
            const float old = p[i], h = 0.5f; /* linear: any step will do */
            double l[2];
            for (int s = 0; s < 2; s++) {
                p[i] = s ? old + h : old - h;
                pare_naive_conv(&d, x, w, NULL, y);
                l[s] = dot(y, gy, ny);
            }
            p[i] = old;
            ck_assert_double_eq_tol(l[1] - l[0], (double)g[i], 1e-4);
        }
    }
    void *const all[] = {x, w, gy, y, gx, gw};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}
END_TEST

START_TEST(naive_batchnorm_gradients_equal_finite_differences)
{
    enum { ROWS = 12, C = 3, N = ROWS * C };
    const double eps = 1e-5;
    float *x = draw(N, 1), *gamma = draw(C, 2), *beta = draw(C, 3), *gy = draw(N, 4);
    float y[N], gx[N], ggamma[C], gbeta[C];
    pare_naive_batchnorm_backward(ROWS, C, x, gamma, eps, gy, gx, ggamma, gbeta);
    float *const p[] = {x, gamma, beta};
    const float *const g[] = {gx, ggamma, gbeta};
    const size_t n[] = {N, C, C};
    for (int way = 0; way < 3; way++)
        for (size_t i = 0; i < n[way]; i++) {
            const float old = p[way][i], h = 0.01f;
            double l[2];
            for (int s = 0; s < 2; s++) {
                p[way][i] = s ? old + h : old - h;
                pare_naive_batchnorm(ROWS, C, x, gamma, beta, eps, y);
                l[s] = dot(y, gy, N);
            }
            p[way][i] = old;
            ck_assert_double_eq_tol((l[1] - l[0]) / 0.02, (double)g[way][i], 2e-3);
        }
    free(x);
    free(gamma);
    free(beta);
    free(gy);
}
END_TEST

START_TEST(naive_loss_gradient_equals_finite_differences)
{
    enum { ROWS = 4, CLASSES = 5 };
    float *x = draw(ROWS * CLASSES, 1), g[ROWS * CLASSES];
    const uint16_t labels[ROWS] = {0, 4, 2, 2};
    pare_naive_softmax_loss(ROWS, CLASSES, x, labels, g);
    for (size_t i = 0; i < ROWS * CLASSES; i++) {
        const float old = x[i], h = 1e-2f;
        double l[2];
        for (int s = 0; s < 2; s++) {
            x[i] = s ? old + h : old - h;
            l[s] = pare_naive_softmax_loss(ROWS, CLASSES, x, labels, NULL);
        }
        x[i] = old;
        ck_assert_double_eq_tol((l[1] - l[0]) / 0.02, (double)g[i], 1e-4);
    }
    free(x);
}
END_TEST

START_TEST(naive_elementwise_operations_are_right)
{
    const float x[5] = {-1, 0, 3, 6, 9}, g[5] = {1, 2, 3, 4, 5};
    const float relu[5] = {0, 0, 3, 6, 9}, relu6[5] = {0, 0, 3, 6, 6};
    const float g_relu[5] = {0, 0, 3, 4, 5}, g_relu6[5] = {0, 0, 3, 0, 0};
    float y[5], cat[10];
    pare_naive_relu(5, x, INFINITY, y);
    ck_assert_mem_eq(y, relu, sizeof y);
    pare_naive_relu(5, x, 6, y);
    ck_assert_mem_eq(y, relu6, sizeof y);
    pare_naive_relu_backward(5, x, INFINITY, g, y);
    ck_assert_mem_eq(y, g_relu, sizeof y);
    pare_naive_relu_backward(5, x, 6, g, y);
    ck_assert_mem_eq(y, g_relu6, sizeof y);
    pare_naive_add(5, x, g, y);
    ck_assert_float_eq(y[4], 14);
    const float a[6] = {1, 2, 3, 4, 5, 6}, b[4] = {7, 8, 9, 10};
    const float joined[10] = {1, 2, 3, 7, 8, 4, 5, 6, 9, 10};
    pare_naive_concat(2, 3, a, 2, b, cat);
    ck_assert_mem_eq(cat, joined, sizeof cat);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const dnnl[] = {layers_equal_the_plain_loops,
                                 bfloat16_layers_equal_the_plain_loops,
                                 winograd_layers_equal_the_plain_loops,
                                 layers_on_one_channel_equal_their_sums_bit_by_bit,
                                 strided_1x1_layers_with_few_channels_are_right,
                                 no_shipped_kind_of_layer_runs_on_a_fallback,
                                 NULL};
    const TTest *const naive[] = {naive_convolution_gradients_equal_finite_differences,
                                  naive_batchnorm_gradients_equal_finite_differences,
                                  naive_loss_gradient_equals_finite_differences,
                                  naive_elementwise_operations_are_right, NULL};
    const gtck_case cases[] = {{.suite = "OneDnn", .tests = dnnl, .timeout_s = 30},
                               {.suite = "Naive", .tests = naive}};
    return gtck_main(argc, argv, "model_dnnl", cases, sizeof cases / sizeof *cases);
}
