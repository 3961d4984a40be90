#include "gtck.h"
#include "model/ptq.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Golden values T5-T17 and properties P6-P16, P18, P19 of the methods' specification, and each
 * learned parameter's gradient against its surrogate. */
enum { SEED = 23, N = 8, COUNT = 2000 };

static const float w[N] = {-1.23f, -0.52f, -0.11f, 0.07f, 0.31f, 0.74f, 1.08f, 2.05f};
static const float g0[N] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, -0.8f};

static pare_quant quant(const pare_quant_row *row, double n, double p0, double p1, bool is_signed)
{
    return (pare_quant){
        .row = row, .n = n, .n_max = 16, .k = (uint32_t)n, .p = {p0, p1}, .is_signed = is_signed};
}

static void check(pare_quant *q, const float *x, const double *want, double tol)
{
    float y[N];
    pare_group_quantize(q, &pare_kernels_c, x, N, false, y);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol((double)y[i], want[i], tol);
}

/* Gradients of the parameters; g is masked in place. */
static void back(pare_quant *q, const float *x, size_t n, float *g)
{
    float *memory = pare_xalloc(n, 2 * sizeof *memory);
    pare_group_quantize(q, &pare_kernels_c, x, n, false, memory);
    pare_group_backward(q, &pare_kernels_c, x, n, false, g, memory + n);
    free(memory);
}

static const pare_quant_row lsq = {PARE_RANGE_STEP, PARE_GRID_TC, 0, PARE_XGRAD_CLIP, 0,
                                   PARE_PGRAD_LSQ};
static const pare_quant_row pact = {PARE_RANGE_CLIP, PARE_GRID_AFFINE, 0, PARE_XGRAD_CLIP, 0,
                                    PARE_PGRAD_PACT};
static const pare_quant_row plus = {PARE_RANGE_CLIP,    PARE_GRID_AFFINE, 0, PARE_XGRAD_CLIP, 0,
                                    PARE_PGRAD_PACTPLUS};
static const pare_quant_row sawb = {PARE_RANGE_SAWB, PARE_GRID_MIDRISE, 0, PARE_XGRAD_CLIP, 0, 0};
static const pare_quant_row dq = {PARE_RANGE_STEP_CLIP, PARE_GRID_STEPS, 0, PARE_XGRAD_CLIP, 0,
                                  PARE_PGRAD_DQ};
static const pare_quant_row pow2 = {PARE_RANGE_CLIP, PARE_GRID_POW2, 0, PARE_XGRAD_CLIP, 0,
                                    PARE_PGRAD_SCALE};
static const pare_quant_row ternary = {PARE_RANGE_NONE, PARE_GRID_TERNARY, 0, 0, 0,
                                       PARE_PGRAD_SCALE};
static const pare_quant_row narrow = {PARE_RANGE_ENDS, PARE_GRID_NARROW, 0, 0, 0, 0};
static const pare_quant_row trunc_row = {PARE_RANGE_TANH, PARE_GRID_TRUNC, 0, 0, 0, 0};
static const pare_quant_row center_row = {PARE_RANGE_TANH, PARE_GRID_CENTER, 0, 0, 0, 0};
static const pare_quant_row dorefa_row = {PARE_RANGE_TANH, PARE_GRID_AFFINE, 0, 0, 0, 0};
static const pare_quant_row bits_row = {
    PARE_RANGE_MAXABS, PARE_GRID_NARROW, 0, 0, PARE_NGRAD_BITS, 0};

/* ---- golden values ----------------------------------------------------------------------------
 */

START_TEST(sawb_clips_and_levels)
{
    const pare_moments m = pare_moments_of(w, N);
    ck_assert_double_eq_tol(m.mean_abs, 0.76375, 1e-6);
    ck_assert_double_eq_tol(m.rms, 0.988237, 1e-6);
    const double clips[] = {1.506920, 2.156907, 2.754846};
    for (uint32_t k = 2; k <= 4; k++)
        ck_assert_double_eq_tol(pare_sawb_clip(m.mean_abs, m.rms, m.largest, k, false),
                                clips[k - 2], 2e-6);
    const double t7[N] = {-1.50692, -.502307, -.502307, .502307,
                          .502307,  .502307,  1.50692,  1.50692};
    pare_quant q = quant(&sawb, 2, 0, 0, true);
    check(&q, w, t7, 2e-6);
    /* bits without a pair, and fits below zero, give the largest */
    ck_assert_double_eq(pare_sawb_clip(0.5, 0.6, 2, 7, false), 2);
    ck_assert_double_eq(pare_sawb_clip(1, 1, 1, 8, false), 1);
}
END_TEST

START_TEST(lsq_levels_and_gradient)
{
    const double t10[N] = {-1.2, -.4, 0, 0, .4, .8, 1.2, 1.2};
    const double t11[N] = {.075, .3, .275, -.175, .225, .15, .3, 3};
    pare_quant q = quant(&lsq, 3, 0.4, 0, true);
    check(&q, w, t10, 2e-6);
    for (int i = 0; i < N; i++) { /* one element at a time */
        float g[1] = {1};
        back(&q, &w[i], 1, g);
        ck_assert_double_eq_tol(q.g_p[0], t11[i], 1e-5);
        ck_assert_float_eq(g[0], i == N - 1 ? 0 : 1); /* 0 outside */
    }
    float g[N];
    memcpy(g, g0, sizeof g);
    q.p_scale = 1 / sqrt(8.0 * 3);
    back(&q, w, N, g);
    ck_assert_double_eq_tol(q.p_scale, 0.204124, 1e-6);
    ck_assert_double_eq_tol(q.g_p[0], -0.422027, 1e-5);
}
END_TEST

START_TEST(pact_levels_and_both_gradients)
{
    const float x[N] = {-.3f, .1f, .27f, .55f, .81f, .97f, 1.4f, 2.2f};
    const double t12[N] = {0, 0, 1 / 3., 2 / 3., 2 / 3., 1, 1, 1};
    pare_quant q = quant(&pact, 2, 1, 0, false), p = quant(&plus, 2, 1, 0, false);
    float g[N], h[N];
    check(&q, x, t12, 1e-6);
    memcpy(g, g0, sizeof g);
    memcpy(h, g0, sizeof h);
    back(&q, x, N, g);
    back(&p, x, N, h);
    ck_assert_double_eq_tol(q.g_p[0], -0.1, 1e-6);
    ck_assert_double_eq_tol(p.g_p[0], -0.197333, 1e-6);
    for (int i = 0; i < N; i++) ck_assert_float_eq(g[i], i == 0 || i > 5 ? 0 : g0[i]);
    /* P7: as LSQ with s = alpha / (2^k - 1) */
    pare_quant l = quant(&lsq, 2, 1 / 3., 0, false);
    memcpy(g, g0, sizeof g);
    back(&l, x, N, g);
    ck_assert_double_eq_tol(p.g_p[0], l.g_p[0] / 3, 1e-5);
}
END_TEST

/* The transform scales tanh to the largest weight; divided by it these are DoReFa's levels. */
static void check_dorefa(const pare_quant_row *row, const double *want)
{
    float y[N];
    pare_quant q = quant(row, 2, 0, 0, true);
    pare_group_quantize(&q, &pare_kernels_c, w, N, false, y);
    for (int i = 0; i < N; i++)
        ck_assert_double_eq_tol((double)y[i] / 2.05, want[i], row == &dorefa_row ? 1e-6 : 1e-4);
}

START_TEST(dorefa_in_three_ways)
{
    const double original[N] = {-1, -1 / 3., -1 / 3., 1 / 3., 1 / 3., 1 / 3., 1, 1};
    const double modified[N] = {-1, -.5, -.5, 0, 0, .5, .5, .5};
    const double centered[N] = {-.75, -.25, -.25, .25, .25, .75, .75, .75};
    check_dorefa(&dorefa_row, original);
    check_dorefa(&trunc_row, modified);
    check_dorefa(&center_row, centered);
}
END_TEST

START_TEST(dq_and_powers_of_two)
{
    const double t14[N] = {-1, -.5, 0, 0, .25, .75, 1, 1};
    const double t15[N] = {-1, -.5, -.125, .125, .25, 1, 1, 1};
    pare_quant q = quant(&dq, 4, 0.25, 1, true), p = quant(&pow2, 3, 1, 0, true);
    check(&q, w, t14, 1e-9);
    ck_assert_double_eq(pare_dq_bits(0.25, 1, true), 4);
    ck_assert_double_eq(pare_dq_bits(0.25, 1, false), 3);
    check(&p, w, t15, 1e-9); /* 3 bits: qmin = qmax / 2^3 */
}
END_TEST

START_TEST(mmse_clip_and_bsq_magnitudes)
{
    const double clip = pare_ptq_mmse(w, N, PARE_PTQ_NARROW, 4);
    ck_assert_double_eq_tol(clip, 2.001, 2e-3);
    ck_assert_double_eq_tol(pare_ptq_error(w, N, PARE_PTQ_NARROW, clip, 4), .0060, 5e-5);
    ck_assert_double_eq_tol(pare_ptq_error(w, N, PARE_PTQ_NARROW, 2.05, 4), .006576, 1e-6);
    const int32_t t17[N] = {9, 4, 1, 1, 2, 5, 8, 15};
    const pare_grid grid = pare_grid_affine(0, 2.05f, 4, false);
    const pare_blend b = {.grid = {grid, grid}};
    float a[N], y[N];
    int32_t codes[N];
    for (int i = 0; i < N; i++) a[i] = fabsf(w[i]);
    pare_kernels_c.quantize(a, 1, N, &pare_affine_identity, &b, y, false);
    ck_assert(pare_grid_codes(&grid, y, N, codes));
    ck_assert_mem_eq(codes, t17, sizeof codes);
}
END_TEST

/* ---- properties -------------------------------------------------------------------------------
 */

static float *draw(size_t n, uint64_t stream)
{
    float *x = pare_xalloc(n, sizeof *x);
    pare_rng r = pare_rng_new(SEED, stream);
    for (size_t i = 0; i < n; i++) x[i] = (float)pare_rng_normal(&r);
    return x;
}

/* The surrogate of a learned scale: what is rounded away stays as it is at s0. */
static double lsq_surrogate(double x, double s0, double s, double qn, double qp)
{
    if (x / s0 <= -qn) return -qn * s;
    if (x / s0 >= qp) return qp * s;
    return x + s * (rint(x / s0) - x / s0);
}

START_TEST(lsq_gradient_is_that_of_the_frozen_residual)
{
    printf("seed %d\n", SEED);
    float *x = draw(COUNT, 1), *g = draw(COUNT, 2), *copy = draw(COUNT, 2);
    for (uint32_t k = 2; k <= 8; k++) {
        const double qn = exp2(k - 1), qp = qn - 1, s = 2.5 / qp, h = 1e-4;
        pare_quant q = quant(&lsq, k, s, 0, true);
        double fd = 0;
        const double s0 = (double)pare_grid_step(s, k, true).scale;
        for (int i = 0; i < COUNT; i++)
            fd += (double)copy[i] *
                  (lsq_surrogate((double)x[i], s0, s0 + h, qn, qp) -
                   lsq_surrogate((double)x[i], s0, s0 - h, qn, qp)) /
                  (2 * h);
        memcpy(g, copy, COUNT * sizeof *g);
        back(&q, x, COUNT, g);
        ck_assert_double_eq_tol(q.g_p[0], fd, 1e-3 * (fabs(fd) + 10));
        for (int i = 0; i < COUNT; i++) {
            const double z = (double)x[i] / s0;
            ck_assert_float_eq(g[i], z > -qn && z < qp ? copy[i] : 0);
        }
    }
    free(x);
    free(g);
    free(copy);
}
END_TEST

START_TEST(lsq_scales_with_its_input)
{
    float *x = draw(COUNT, 3), y[2][COUNT], g[COUNT];
    for (int i = 0; i < COUNT; i++) g[i] = 1;
    pare_quant a = quant(&lsq, 4, 0.3, 0, true), b = quant(&lsq, 4, 1.2, 0, true);
    pare_group_quantize(&a, &pare_kernels_c, x, COUNT, false, y[0]);
    back(&a, x, COUNT, g);
    for (int i = 0; i < COUNT; i++) {
        x[i] *= 4;
        g[i] = 1;
    }
    pare_group_quantize(&b, &pare_kernels_c, x, COUNT, false, y[1]);
    back(&b, x, COUNT, g);
    for (int i = 0; i < COUNT; i++) ck_assert_float_eq(y[1][i], 4 * y[0][i]);
    ck_assert_double_eq_tol(a.g_p[0], b.g_p[0], 1e-9 * fabs(a.g_p[0]) + 1e-9);
    free(x);
}
END_TEST

START_TEST(pact_gradient_counts_what_lies_beyond)
{
    float *x = draw(COUNT, 4), *g = draw(COUNT, 5), *copy = draw(COUNT, 5);
    double beyond = 0;
    for (int i = 0; i < COUNT; i++) beyond += x[i] >= 0.8f ? (double)copy[i] : 0;
    pare_quant q = quant(&pact, 3, 0.8, 0, false);
    back(&q, x, COUNT, g);
    ck_assert_double_eq_tol(q.g_p[0], beyond, 1e-3);
    for (int i = 0; i < COUNT; i++) ck_assert_float_eq(g[i], x[i] > 0 && x[i] < 0.8f ? copy[i] : 0);
    free(x);
    free(g);
    free(copy);
}
END_TEST

START_TEST(sawb_is_near_the_best_clip)
{
    float *x = draw(50000, 6);
    const double sd = pare_moments_of(x, 50000).rms;
    const double known[] = {1.473, 2.010, 2.467};
    for (uint32_t k = 2; k <= 4; k++) {
        const pare_moments m = pare_moments_of(x, 50000);
        const double clip = pare_sawb_clip(m.mean_abs, m.rms, m.largest, k, false);
        ck_assert_double_eq_tol(clip / sd, known[k - 2], 0.03);
    }
    free(x);
}
END_TEST

START_TEST(mmse_is_never_worse)
{
    for (uint64_t trial = 0; trial < 20; trial++) {
        float *x = draw(500, 100 + trial);
        const uint32_t k = 2 + (uint32_t)trial % 6;
        const double largest = pare_moments_of(x, 500).largest;
        const double clip = pare_ptq_mmse(x, 500, PARE_PTQ_NARROW, k);
        double error = pare_ptq_error(x, 500, PARE_PTQ_NARROW, clip, k);
        ck_assert(error <= pare_ptq_error(x, 500, PARE_PTQ_NARROW, largest, k) + 1e-15);
        double at = largest, before = pare_ptq_error(x, 500, PARE_PTQ_NARROW, at, k);
        for (int turn = 0; turn < 8; turn++) { /* codes and scale by turns */
            at = pare_ptq_refit(x, 500, PARE_PTQ_NARROW, at, k);
            const double now = pare_ptq_error(x, 500, PARE_PTQ_NARROW, at, k);
            ck_assert(now <= before * (1 + 1e-12));
            before = now;
        }
        pare_quant q = quant(&narrow, k, -clip, clip, true);
        float y[500];
        pare_group_quantize(&q, &pare_kernels_c, x, 500, false, y);
        for (int i = 0; i < 500; i++) x[i] -= y[i];
        const double second = pare_ptq_mmse(x, 500, PARE_PTQ_NARROW, k);
        ck_assert(pare_ptq_error(x, 500, PARE_PTQ_NARROW, second, k) <= error * (1 + 1e-6));
        free(x);
    }
}
END_TEST

START_TEST(a_bitlength_freezes_after_its_flips)
{
    int32_t direction = 0;
    uint32_t flips = 0, frozen = 0, k = 4;
    const uint32_t moves[] = {3, 4, 3, 4, 3};
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(frozen, i == 5);
        pare_adaqat_note(k, moves[i], 4, &direction, &flips, &frozen, &k);
        ck_assert_uint_eq(frozen, i == 4); /* the first move is no flip */
    }
    ck_assert_uint_eq(k, 4); /* the larger neighbour */
}
END_TEST

START_TEST(bit_gradients_sum_to_the_closed_form)
{
    float *x = draw(COUNT, 8), *g = draw(COUNT, 9), *copy = draw(COUNT, 9);
    for (uint32_t k = 2; k <= 8; k++) {
        memcpy(g, copy, COUNT * sizeof *g);
        pare_quant q = quant(&bits_row, k, 0, 0, true);
        back(&q, x, COUNT, g);
        double sum = 0;
        const double s = (double)q.blend.grid[0].scale;
        for (int i = 0; i < COUNT; i++)
            for (uint32_t b = 0; b < k; b++) sum += fabs((double)copy[i]) * s * exp2(b);
        ck_assert_double_eq_tol(q.g_n, sum / COUNT, 1e-9 * sum);
    }
    free(x);
    free(g);
    free(copy);
}
END_TEST

START_TEST(syq_scale_is_exactly_linear)
{
    float *x = draw(COUNT, 10), *g = draw(COUNT, 11), *copy = draw(COUNT, 11), y[2][COUNT];
    pare_quant q = quant(&ternary, 2, 0.7, 0, true);
    q.threshold = 0.05;
    for (int i = 0; i < COUNT; i++) q.top = fmaxf(q.top, fabsf(x[i]));
    back(&q, x, COUNT, g);
    double fd = 0;
    for (int s = 0; s < 2; s++) {
        pare_quant p = q;
        p.p[0] = s ? 1.2 : 0.2;
        pare_group_quantize(&p, &pare_kernels_c, x, COUNT, false, y[s]);
    }
    for (int i = 0; i < COUNT; i++) {
        fd += (double)copy[i] * ((double)y[1][i] - (double)y[0][i]);
        const bool is_zero = fabsf(x[i]) <= 0.05f * q.top;
        ck_assert_int_eq(y[0][i] == 0, is_zero);
        if (!is_zero) ck_assert(y[0][i] == (x[i] < 0 ? -0.2f : 0.2f));
        ck_assert_double_eq_tol((double)g[i], (double)copy[i] * (is_zero ? 1 : 0.7), 1e-6);
    }
    ck_assert_double_eq_tol(q.g_p[0], fd, 1e-4);
    free(x);
    free(g);
    free(copy);
}
END_TEST

START_TEST(dq_gradients_are_apart)
{
    for (int i = 0; i < N; i++) {
        float g[1] = {1};
        pare_quant q = quant(&dq, 4, 0.25, 1, true);
        back(&q, &w[i], 1, g);
        const bool is_inside = fabsf(w[i]) < 1;
        ck_assert(fabs(q.g_p[0]) <= 0.5);
        ck_assert(is_inside || q.g_p[0] == 0);
        ck_assert_double_eq(q.g_p[1], is_inside ? 0 : w[i] < 0 ? -1 : 1);
        ck_assert_float_eq(g[0], is_inside ? 1 : 0);
    }
    for (double d = 0.5; d > 0.01; d /= 2)
        ck_assert(pare_dq_bits(d / 2, 1, true) >= pare_dq_bits(d, 1, true));
}
END_TEST

START_TEST(powers_of_two_are_powers_of_two)
{
    float *x = draw(COUNT, 12), g[COUNT], y[COUNT];
    for (int option = 0; option < 2; option++) {
        pare_quant q = quant(&pow2, 4, 1.9, 0, true);
        q.option = option;
        for (int i = 0; i < COUNT; i++) g[i] = 1;
        pare_group_quantize(&q, &pare_kernels_c, x, COUNT, false, y);
        back(&q, x, COUNT, g);
        for (int i = 0; i < COUNT; i++) {
            int e;
            ck_assert_float_eq(fabsf(frexpf(y[i], &e)), 0.5f);
            ck_assert((y[i] < 0) == (x[i] < 0));
            const double a = fabs((double)x[i]), ratio = option ? 1.334 : sqrt(2) * 1.0001;
            if (a > 2.0 / 128 && a <= 2)
                ck_assert_msg((double)g[i] <= ratio && (double)g[i] >= 0.666, "%g", (double)g[i]);
            else
                ck_assert_float_eq(g[i], 0);
        }
    }
    free(x);
}
END_TEST

static void codes_of(const pare_quant_row *row, uint32_t k, const float *x, int32_t *codes)
{
    float y[COUNT];
    pare_quant q = quant(row, k, 0, 0, true);
    pare_group_quantize(&q, &pare_kernels_c, x, COUNT, false, y);
    ck_assert(pare_grid_codes(&q.blend.grid[0], y, COUNT, codes));
}

START_TEST(codes_of_fewer_bits_are_truncated_ones)
{
    float *x = draw(COUNT, 13);
    int32_t wide[COUNT], codes[COUNT];
    const pare_quant_row *const truncated[] = {&trunc_row, &center_row};
    for (int r = 0; r < 2; r++) {
        codes_of(truncated[r], 8, x, wide);
        for (uint32_t k = 1; k < 8; k++) {
            codes_of(truncated[r], k, x, codes);
            for (int i = 0; i < COUNT; i++) ck_assert_int_eq(codes[i], wide[i] >> (8 - k));
        }
    }
    int n_other = 0; /* DoReFa's are not */
    codes_of(&dorefa_row, 8, x, wide);
    codes_of(&dorefa_row, 3, x, codes);
    for (int i = 0; i < COUNT; i++) n_other += codes[i] != wide[i] >> 5;
    ck_assert_int_gt(n_other, 0);
    free(x);
}
END_TEST

START_TEST(samples_are_of_all_channels)
{
    static const size_t cases[][2] = {
        {128 * 64 * 64, 64}, {128 * 1024 * 16, 16}, {300, 3}, {99, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t count = cases[i][0], channels = cases[i][1], most = 32769;
        const size_t stride = pare_ptq_stride(count, most, channels);
        size_t seen[64] = {0}, n = 0;
        for (size_t at = 0; at < count; at += stride, n++) seen[at % channels]++;
        ck_assert_uint_le(n, most);
        for (size_t c = 0; c < channels; c++) /* alike, up to one */
            ck_assert(seen[c] + 1 >= n / channels && seen[c] <= n / channels + 1);
    }
}
END_TEST

START_TEST(requantization_is_within_one_of_the_real_product)
{
    pare_rng r = pare_rng_new(SEED, 14);
    uint32_t most = 0;
    for (int i = 0; i < 20000; i++) {
        const double m = exp2(-34 + 32 * pare_rng_unit(&r)) * (i & 1 ? 1 : -1);
        const double offset = ldexp(pare_rng_unit(&r) - 0.5, i % 16);
        const pare_requant p = pare_requant_of(m, offset, 16);
        const double sum = floor(fmin(255 / fabs(m), 0x1p31 - 1) * (2 * pare_rng_unit(&r) - 1));
        ck_assert(p.scale < 1 << 16 && p.scale > -(1 << 16));
        ck_assert(pare_requant_is_valid(&p));
        ck_assert(fabs((double)pare_requantize((int64_t)sum, &p) - (sum * m + offset)) <= 1);
        if (p.prescale_shift > most) most = p.prescale_shift;
    }
    ck_assert_uint_gt(most, 8); /* all parts were used */
    const pare_requant still = pare_requant_of(0, -7.4, 16);
    ck_assert_int_eq(pare_requantize(1 << 30, &still), -7);
    /* by hand: (2^8 * 3 + 128) * 1 / 2^8 = 3.5, and one sum more 4.5: ties to even */
    const pare_requant tie = {0, 8, 1, 128};
    ck_assert_int_eq(pare_requantize(3, &tie), 4);
    ck_assert_int_eq(pare_requantize(4, &tie), 4);
    /* ((2^8 * 5) >> 9 = 2.5 -> 2) + 1 = 3, times -3 / 4 = -2.25 */
    const pare_requant shifted = {9, 2, -3, 1};
    ck_assert_int_eq(pare_requantize(5, &shifted), -2);
}
END_TEST

static float rounded(const pare_grid *g, float x)
{
    const pare_blend b = {.grid = {*g, *g}};
    float y;
    pare_kernels_c.quantize(&x, 1, 1, &pare_affine_identity, &b, &y, false);
    return y;
}

/* Bayesian Bits: 2 bits, and residuals at steps 2^2 + 1 and 2^4 + 1 times finer, are 8 bits: as
 * 2^2k - 1 = (2^k - 1)(2^k + 1), every level of the coarse grid is one of the fine grid. */
START_TEST(residuals_sum_to_the_fine_grid)
{
    pare_rng r = pare_rng_new(SEED, 16);
    size_t n_compared = 0;
    for (int i = 0; i < COUNT; i++) {
        const double top = exp(pare_rng_normal(&r)), fine = top / 255;
        const float x = (float)(top * pare_rng_unit(&r));
        const double place = (double)x / fine;
        if (fabs(place - floor(place) - 0.5) < 0.02) continue;
        const pare_grid coarse = pare_grid_step(top / 3, 2, false);
        const pare_grid middle = pare_grid_step(top / 15, 4, true);
        const pare_grid last = pare_grid_step(fine, 8, true);
        const pare_grid whole = pare_grid_step(fine, 8, false);
        float sum = rounded(&coarse, x);
        sum += rounded(&middle, x - sum);
        sum += rounded(&last, x - sum);
        ck_assert_double_eq_tol((double)sum / fine, (double)rounded(&whole, x) / fine, 0.02);
        n_compared++;
    }
    ck_assert_uint_gt(n_compared, COUNT / 2);
}
END_TEST

START_TEST(zero_and_every_level_are_exact)
{
    pare_rng r = pare_rng_new(SEED, 15);
    for (int i = 0; i < 300; i++) {
        const uint32_t k = 2 + pare_rng_below(&r, 7);
        const double a = exp(4 * pare_rng_normal(&r));
        const pare_grid grids[] = {pare_grid_narrow(a, k), pare_grid_step(a, k, true),
                                   pare_grid_step(a, k, false)};
        for (int j = 0; j < 3; j++) {
            const pare_grid *g = &grids[j];
            uint32_t zero;
            ck_assert(pare_grid_zero(g, &zero));
            ck_assert_uint_eq(zero, j == 0 ? (1u << (k - 1)) - 1 : j == 1 ? 1u << (k - 1) : 0);
            for (uint32_t code = 0; code <= (uint32_t)g->top; code++) {
                const float product = g->scale * (float)code, value = product + g->lo;
                ck_assert_double_eq((double)value,
                                    (double)g->scale * ((double)code - (double)zero));
                const pare_blend b = {.grid = {*g, *g}};
                float again;
                pare_kernels_c.quantize(&value, 1, 1, &pare_affine_identity, &b, &again, false);
                ck_assert_float_eq(again, value);
            }
        }
    }
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const golden[] = {sawb_clips_and_levels,
                                   lsq_levels_and_gradient,
                                   pact_levels_and_both_gradients,
                                   dorefa_in_three_ways,
                                   dq_and_powers_of_two,
                                   mmse_clip_and_bsq_magnitudes,
                                   NULL};
    const TTest *const gradients[] = {lsq_gradient_is_that_of_the_frozen_residual,
                                      lsq_scales_with_its_input,
                                      pact_gradient_counts_what_lies_beyond,
                                      bit_gradients_sum_to_the_closed_form,
                                      syq_scale_is_exactly_linear,
                                      dq_gradients_are_apart,
                                      powers_of_two_are_powers_of_two,
                                      NULL};
    const TTest *const rules[] = {sawb_is_near_the_best_clip,
                                  mmse_is_never_worse,
                                  a_bitlength_freezes_after_its_flips,
                                  codes_of_fewer_bits_are_truncated_ones,
                                  samples_are_of_all_channels,
                                  requantization_is_within_one_of_the_real_product,
                                  residuals_sum_to_the_fine_grid,
                                  zero_and_every_level_are_exact,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Golden", .tests = golden},
                               {.suite = "Gradient", .tests = gradients},
                               {.suite = "Rule", .tests = rules}};
    return gtck_main(argc, argv, "model_methods", cases, sizeof cases / sizeof *cases);
}
