#include "gtck.h"
#include "model/quant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 11, N = 8 };

/* the golden vector of the specification, and its values for ties to even, six decimals */
static const float golden_w[N] = {-1.23f, -0.52f, -0.11f, 0.07f, 0.31f, 0.74f, 1.08f, 2.05f};
static const float golden_g[N] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, -0.8f};

static pare_quant quant_of(double n)
{
    static const pare_quant_row row = {.range = PARE_RANGE_MINMAX,
                                       .grid = PARE_GRID_AFFINE,
                                       .blend = PARE_BLEND_LERP,
                                       .ngrad = PARE_NGRAD_LERP};
    return (pare_quant){.row = &row, .n = n, .n_max = 8};
}

static pare_blend blend_of(double n, float lo, float hi, bool is_learning)
{
    pare_quant q = quant_of(n);
    pare_quant_set_blend(&q, lo, hi, is_learning);
    return q.blend;
}

static void forward(const float *x, size_t count, double n, bool is_learning, float *out)
{
    float lo = INFINITY, hi = -INFINITY;
    pare_kernels_c.minmax(x, count, &lo, &hi);
    const pare_blend b = blend_of(n, lo, hi, is_learning);
    pare_kernels_c.quantize(x, 1, count, &pare_affine_identity, &b, out, false);
}

static double gradient(const float *x, const float *g, size_t count, double n)
{
    float lo = INFINITY, hi = -INFINITY;
    double sums[PARE_N_SUMS] = {0};
    float *copy = pare_xalloc(count, sizeof *copy);
    memcpy(copy, g, count * sizeof *copy);
    pare_kernels_c.minmax(x, count, &lo, &hi);
    const pare_blend b = blend_of(n, lo, hi, true);
    const pare_reduce_args r = {.g = copy,
                                .x = x,
                                .affine = &pare_affine_identity,
                                .blend = &b,
                                .wants = PARE_WANTS_PAIR,
                                .sums = sums};
    pare_kernels_c.reduce(&r, 1, count);
    free(copy);
    return sums[PARE_SUM_PAIR];
}

static void check_golden(double n, const double *expected)
{
    float y[N];
    forward(golden_w, N, n, false, y);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol((double)y[i], expected[i], 1e-6);
}

START_TEST(golden_vector_at_2_3_and_2_25_bits)
{
    const double t1[N] = {-1.23,     -0.136667, -0.136667, -0.136667,
                          -0.136667, 0.956667,  0.956667,  2.05};
    const double t2[N] = {-1.23,    -0.292857, -0.292857, 0.175714,
                          0.175714, 0.644286,  1.112857,  2.05};
    const double t3[N] = {-1.23,     -0.175714, -0.175714, -0.058571,
                          -0.058571, 0.878571,  0.995714,  2.05};
    check_golden(2, t1);
    check_golden(3, t2);
    check_golden(2.25, t3);
}
END_TEST

START_TEST(golden_gradient_of_n_and_its_finite_difference)
{
    ck_assert_double_eq_tol(gradient(golden_w, golden_g, N, 2.25), 0.312381, 1e-6);
    double fd = 0;
    const double h = 0.125; /* the blend is linear in n: any step inside the interval will do */
    float a[N], b[N];
    forward(golden_w, N, 2.25 - h, false, a);
    forward(golden_w, N, 2.25 + h, false, b);
    for (int i = 0; i < N; i++) fd += (double)golden_g[i] * ((double)b[i] - (double)a[i]) / (2 * h);
    ck_assert_double_eq_tol(fd, 0.312381, 3e-6);
}
END_TEST

static void draw(float *x, size_t n, uint64_t stream)
{
    pare_rng r = pare_rng_new(SEED, stream);
    const double scale = exp(4 * pare_rng_normal(&r)), shift = pare_rng_normal(&r);
    for (size_t i = 0; i < n; i++) x[i] = (float)(scale * (pare_rng_normal(&r) + shift));
}

START_TEST(levels_are_few_near_and_fixed_points)
{
    enum { COUNT = 1000 };
    printf("seed %d\n", SEED);
    float x[COUNT], y[COUNT], z[COUNT];
    for (uint64_t trial = 0; trial < 12; trial++) {
        draw(x, COUNT, trial);
        float lo = INFINITY, hi = -INFINITY;
        pare_kernels_c.minmax(x, COUNT, &lo, &hi);
        for (uint32_t k = 1; k <= 8; k++) {
            const pare_grid g = pare_grid_affine(lo, hi, k, false);
            const pare_blend b = {.grid = {g, g}};
            bool used[256] = {false};
            int32_t codes[COUNT];
            pare_kernels_c.quantize(x, 1, COUNT, &pare_affine_identity, &b, y, false);
            pare_kernels_c.quantize(y, 1, COUNT, &pare_affine_identity, &b, z, false);
            ck_assert_mem_eq(y, z, sizeof y);
            ck_assert(pare_grid_codes(&g, y, COUNT, codes));
            for (int i = 0; i < COUNT; i++) {
                ck_assert(codes[i] < 1 << k);
                used[codes[i]] = true;
                const double half = (double)g.scale / 2, slack = 1e-5 * (double)(hi - lo);
                ck_assert(fabs((double)y[i] - (double)x[i]) <= half + slack);
            }
            ck_assert(used[0] && used[(1u << k) - 1]); /* lo and hi are levels */
        }
    }
}
END_TEST

START_TEST(blend_is_continuous_at_integers)
{
    enum { COUNT = 500 };
    float x[COUNT], at[COUNT], below[COUNT], above[COUNT];
    draw(x, COUNT, 99);
    for (int k = 2; k <= 7; k++) {
        forward(x, COUNT, k, false, at);
        forward(x, COUNT, k - 1e-6, true, below);
        forward(x, COUNT, k + 1e-6, true, above);
        for (int i = 0; i < COUNT; i++) {
            const double tol = 1e-5 * (1 + fabs((double)at[i]));
            ck_assert_double_eq_tol((double)at[i], (double)below[i], tol);
            ck_assert_double_eq_tol((double)at[i], (double)above[i], tol);
        }
    }
}
END_TEST

START_TEST(quantizer_commutes_with_scaling_and_shifting)
{
    enum { COUNT = 300 };
    float x[COUNT], sx[COUNT], y[COUNT], sy[COUNT];
    draw(x, COUNT, 5);
    for (int i = 0; i < COUNT; i++) sx[i] = 4 * x[i]; /* a power of two: exact */
    forward(x, COUNT, 3.4, false, y);
    forward(sx, COUNT, 3.4, false, sy);
    for (int i = 0; i < COUNT; i++) ck_assert_float_eq(sy[i], 4 * y[i]);
}
END_TEST

static double mse(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]) / (double)n;
    return sum;
}

START_TEST(noise_falls_four_times_a_bit_but_not_monotonely_between)
{
    enum { COUNT = 50000 };
    float *x = pare_xalloc(COUNT, sizeof *x), *y = pare_xalloc(COUNT, sizeof *y);
    pare_rng r = pare_rng_new(SEED, 0);
    for (int i = 0; i < COUNT; i++) x[i] = (float)pare_rng_normal(&r);
    double before = 0;
    for (int k = 3; k <= 7; k++) {
        forward(x, COUNT, k, false, y);
        const double m = mse(x, y, COUNT);
        if (k > 3) ck_assert_msg(before / m > 3.9 && before / m < 4.8, "ratio %g", before / m);
        before = m;
    }
    forward(x, COUNT, 4.9, false, y);
    const double near = mse(x, y, COUNT);
    forward(x, COUNT, 5, false, y);
    ck_assert(near < mse(x, y, COUNT)); /* averaging two grids can beat both */
    free(x);
    free(y);
}
END_TEST

START_TEST(gradient_of_squared_error_pushes_n_up)
{
    enum { COUNT = 20000 };
    float *x = pare_xalloc(COUNT, sizeof *x), *y = pare_xalloc(COUNT, sizeof *y);
    pare_rng r = pare_rng_new(SEED, 1);
    for (int i = 0; i < COUNT; i++) x[i] = (float)pare_rng_normal(&r);
    for (double n = 3.05; n < 3.8; n += 0.1) {
        forward(x, COUNT, n, true, y);
        for (int i = 0; i < COUNT; i++) y[i] = 2 * (y[i] - x[i]);
        ck_assert_double_lt(gradient(x, y, COUNT, n), 0);
    }
    free(x);
    free(y);
}
END_TEST

START_TEST(penalty_moves_n_by_rate_gamma_lambda)
{
    pare_quant q = quant_of(5), r = quant_of(5);
    q.lambda = 0.25;
    r.lambda = 0.75;
    pare_quant_step(&q, 0.1, 2);
    pare_quant_step(&r, 0.1, 2);
    ck_assert_double_eq_tol(q.n, 5 - 0.1 * 2 * 0.25, 1e-12);
    ck_assert_double_eq_tol((5 - r.n) / (5 - q.n), 3, 1e-9);
    pare_quant_step(&q, 100, 100);
    ck_assert_double_eq(q.n, 1);
    q.g_n = -1e6;
    pare_quant_step(&q, 1, 0);
    ck_assert_double_eq(q.n, 8);
}
END_TEST

START_TEST(the_largest_bitlength_can_still_be_pushed_down)
{
    uint32_t k;
    double a;
    const pare_quant top = quant_of(8), bottom = quant_of(1), middle = quant_of(3);
    pare_quant_split(&top, &k, &a);
    ck_assert(k == 7 && a == 1);
    pare_quant_split(&bottom, &k, &a);
    ck_assert(k == 1 && a == 0);
    pare_quant_split(&middle, &k, &a);
    ck_assert(k == 3 && a == 0);
    const pare_blend b = blend_of(8, 0, 1, true);
    ck_assert(b.is_pair && b.grid[1].top == 255.0f && b.a == 1.0f);
    const pare_blend fixed = blend_of(8, 0, 1, false);
    ck_assert(!fixed.is_pair && fixed.grid[0].top == 255.0f);
}
END_TEST

START_TEST(rounding_up_never_goes_below_one)
{
    pare_rng r = pare_rng_new(SEED, 3);
    for (int i = 0; i < 1000; i++) {
        pare_quant q = quant_of(1 + 7 * pare_rng_unit(&r));
        const double n = q.n;
        pare_quant_ceil(&q);
        ck_assert(q.n - 1 < n && n <= q.n && q.n >= 1 && q.n <= 8);
        ck_assert_double_eq(q.learned_n, n);
    }
}
END_TEST

START_TEST(a_nudged_grid_has_zero_as_a_level)
{
    pare_rng r = pare_rng_new(SEED, 4);
    for (int i = 0; i < 2000; i++) {
        float lo = (float)pare_rng_normal(&r), hi = (float)pare_rng_normal(&r);
        if (lo > hi) {
            const float t = lo;
            lo = hi;
            hi = t;
        }
        for (uint32_t k = 1; k <= 8; k++) {
            const pare_grid g = pare_grid_affine(lo, hi, k, true);
            const pare_blend b = {.grid = {g, g}};
            const float x = 0;
            float y = 1;
            int32_t code;
            pare_kernels_c.quantize(&x, 1, 1, &pare_affine_identity, &b, &y, false);
            ck_assert_float_eq(y, 0);
            ck_assert(pare_grid_codes(&g, &y, 1, &code) && code < 1 << k);
        }
    }
    const pare_grid relu = pare_grid_affine(0, 3, 4, true),
                    plain = pare_grid_affine(0, 3, 4, false);
    ck_assert_float_eq(relu.lo, plain.lo);
    ck_assert_float_eq(relu.scale, plain.scale);
}
END_TEST

START_TEST(a_constant_tensor_is_its_own_value)
{
    const float x[3] = {0.7f, 0.7f, 0.7f};
    float y[3];
    int32_t codes[3];
    const pare_grid g = pare_grid_affine(0.7f, 0.7f, 4, false);
    const pare_blend b = {.grid = {g, g}};
    pare_kernels_c.quantize(x, 1, 3, &pare_affine_identity, &b, y, false);
    for (int i = 0; i < 3; i++) ck_assert_float_eq(y[i], x[i]);
    ck_assert(pare_grid_codes(&g, y, 3, codes) && codes[0] == 0);
}
END_TEST

START_TEST(affine_dot_products_split_into_integer_sums)
{
    enum { D = 144 };
    float w[D], a[D], wq[D] = {0}, aq[D] = {0};
    int32_t cw[D] = {0}, ca[D] = {0};
    for (uint64_t trial = 0; trial < 50; trial++) {
        draw(w, D, 2 * trial + 1000);
        draw(a, D, 2 * trial + 1001);
        const float *const x[2] = {w, a};
        float *const q[2] = {wq, aq};
        int32_t *const c[2] = {cw, ca};
        pare_grid g[2];
        for (int i = 0; i < 2; i++) {
            float lo = INFINITY, hi = -INFINITY;
            pare_kernels_c.minmax(x[i], D, &lo, &hi);
            g[i] = pare_grid_affine(lo, hi, 1 + (uint32_t)(trial + 3 * (uint64_t)i) % 8, false);
            const pare_blend b = {.grid = {g[i], g[i]}};
            pare_kernels_c.quantize(x[i], 1, D, &pare_affine_identity, &b, q[i], false);
            ck_assert(pare_grid_codes(&g[i], q[i], D, c[i]));
        }
        int64_t wa = 0, sum_w = 0, sum_a = 0;
        double direct = 0, size = 0;
        const double sw = (double)g[0].scale, lw = (double)g[0].lo;
        const double sa = (double)g[1].scale, la = (double)g[1].lo;
        for (int i = 0; i < D; i++) {
            wa += (int64_t)cw[i] * ca[i];
            sum_w += cw[i];
            sum_a += ca[i];
            const double vw = sw * cw[i] + lw, va = sa * ca[i] + la;
            direct += vw * va;
            size += fabs(vw * va);
        }
        const double split =
            sw * sa * (double)wa + sw * la * (double)sum_w + sa * lw * (double)sum_a + D * lw * la;
        ck_assert_double_eq_tol(split, direct, 1e-12 * (size + fabs(D * lw * la)));
    }
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const golden[] = {golden_vector_at_2_3_and_2_25_bits,
                                   golden_gradient_of_n_and_its_finite_difference, NULL};
    const TTest *const grids[] = {levels_are_few_near_and_fixed_points,
                                  blend_is_continuous_at_integers,
                                  quantizer_commutes_with_scaling_and_shifting,
                                  noise_falls_four_times_a_bit_but_not_monotonely_between,
                                  a_nudged_grid_has_zero_as_a_level,
                                  a_constant_tensor_is_its_own_value,
                                  affine_dot_products_split_into_integer_sums,
                                  NULL};
    const TTest *const bits[] = {
        gradient_of_squared_error_pushes_n_up, penalty_moves_n_by_rate_gamma_lambda,
        the_largest_bitlength_can_still_be_pushed_down, rounding_up_never_goes_below_one, NULL};
    const gtck_case cases[] = {{.suite = "Golden", .tests = golden},
                               {.suite = "Grid", .tests = grids},
                               {.suite = "Bitlength", .tests = bits}};
    return gtck_main(argc, argv, "model_quant", cases, sizeof cases / sizeof *cases);
}
