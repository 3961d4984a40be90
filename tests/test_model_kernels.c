#include "gtck.h"
#include "model/naive.h"
#include "model/quant.h"
#include "model/spatial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 21 };

static float *draw(size_t n, uint64_t stream)
{
    float *x = pare_xalloc(n, sizeof *x);
    pare_rng r = pare_rng_new(SEED, stream);
    for (size_t i = 0; i < n; i++) x[i] = (float)(2 * pare_rng_normal(&r));
    return x;
}

typedef struct shape {
    size_t rows, c;
} shape;

/* full and short rows, row blocks, lanes */
static const shape shapes[] = {{1, 1},  {3, 1},   {1000, 1}, {33, 3},  {64, 16}, {70, 16},
                               {31, 6}, {40, 20}, {65, 32},  {97, 64}, {5, 100}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* 1 if the machine has AVX-512, else the tests that compare it are skipped */
static int has_avx512(void) { return pare_kernels_best() == &pare_kernels_avx512; }

/* Arguments with and without batch norm and activation. */
typedef struct inputs {
    float *x, *z, *g, *scale, *offset, *mean;
    pare_affine affine[3];
    pare_blend blends[2];
} inputs;

static inputs make_inputs(shape s)
{
    const size_t n = s.rows * s.c;
    inputs in = {.x = draw(n, 1),
                 .z = draw(n, 2),
                 .g = draw(n, 3),
                 .scale = draw(s.c, 4),
                 .offset = draw(s.c, 5),
                 .mean = draw(s.c, 6)};
    in.affine[0] = pare_affine_identity;
    in.affine[1] = (pare_affine){in.scale, in.offset, 0, INFINITY};
    in.affine[2] = (pare_affine){NULL, NULL, 0, 6};
    for (int i = 0; i < 2; i++) {
        static const pare_quant_row row = {.grid = PARE_GRID_AFFINE, .ngrad = PARE_NGRAD_LERP};
        pare_quant q = {.row = &row, .n = 3.3 + i, .n_max = 8};
        pare_quant_set_blend(&q, i ? 0 : -4, 6.5f, true);
        in.blends[i] = q.blend;
        in.blends[i].is_pair = i == 0;
    }
    return in;
}

static void free_inputs(inputs *in)
{
    float *const all[] = {in->x, in->z, in->g, in->scale, in->offset, in->mean};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void compare_elementwise(shape s)
{
    inputs in = make_inputs(s);
    const size_t n = s.rows * s.c;
    float *a = pare_xalloc(n, 4), *b = pare_xalloc(n, 4);
    for (int f = 0; f < 3; f++) {
        for (int z = 0; z < 2; z++) {
            float lo[2] = {9, 9}, hi[2] = {-9, -9};
            pare_kernels_c.affine(in.x, z ? in.z : NULL, s.rows, s.c, &in.affine[f], a, &lo[0],
                                  &hi[0]);
            pare_kernels_avx512.affine(in.x, z ? in.z : NULL, s.rows, s.c, &in.affine[f], b, &lo[1],
                                       &hi[1]);
            ck_assert_mem_eq(a, b, n * 4);
            ck_assert(lo[0] == lo[1] && hi[0] == hi[1]);
        }
        for (int q = 0; q < 6; q++) {
            const pare_blend *blend = q < 4 ? &in.blends[q / 2] : NULL;
            const size_t bytes = n * (q % 2 ? 2 : 4);
            pare_kernels_c.quantize(in.x, s.rows, s.c, &in.affine[f], blend, a, q % 2);
            pare_kernels_avx512.quantize(in.x, s.rows, s.c, &in.affine[f], blend, b, q % 2);
            ck_assert_mem_eq(a, b, bytes);
        }
        const pare_bn_coefs whole = {in.scale, in.offset, in.mean, in.mean}, none = {0};
        for (int v = 0; v < 4; v++) {
            const int h = v & 1;
            const pare_bn_coefs k = v & 2 ? none : whole;
            if ((v & 2) && in.affine[f].scale) continue; /* a batch norm has its coefficients */
            pare_kernels_c.bn_backward(in.g, in.x, s.rows, s.c, &in.affine[f], &k, a, h);
            pare_kernels_avx512.bn_backward(in.g, in.x, s.rows, s.c, &in.affine[f], &k, b, h);
            ck_assert_mem_eq(a, b, n * (h ? 2 : 4));
        }
    }
    for (int q = 0; q < 2; q++) {
        pare_kernels_c.difference(in.x, n, &in.blends[0], a, q);
        pare_kernels_avx512.difference(in.x, n, &in.blends[0], b, q);
        ck_assert_mem_eq(a, b, n * (q ? 2 : 4));
    }
    free(a);
    free(b);
    free_inputs(&in);
}

/* It is that of what the two grids make alone. */
static void check_difference(shape s)
{
    inputs in = make_inputs(s);
    const size_t n = s.rows * s.c;
    float *d = pare_xalloc(n, 4), *q[2] = {pare_xalloc(n, 4), pare_xalloc(n, 4)};
    pare_kernels_c.difference(in.x, n, &in.blends[0], d, false);
    for (int i = 0; i < 2; i++) {
        const pare_blend one = {.grid = {in.blends[0].grid[i]}};
        pare_kernels_c.quantize(in.x, s.rows, s.c, &pare_affine_identity, &one, q[i], false);
    }
    for (size_t i = 0; i < n; i++) ck_assert(d[i] == q[1][i] - q[0][i]);
    free(d);
    free(q[0]);
    free(q[1]);
    free_inputs(&in);
}

START_TEST(a_difference_of_grids_is_that_of_their_values)
{
    for (int i = 0; i < N_SHAPES; i++) check_difference(shapes[i]);
}
END_TEST

START_TEST(element_wise_passes_are_equal_bit_by_bit)
{
    printf("seed %d\n", SEED);
    if (!has_avx512()) GTCK_SKIP("no AVX-512 here");
    for (int i = 0; i < N_SHAPES; i++) compare_elementwise(shapes[i]);
}
END_TEST

static void run_reduce(const pare_kernels *k, shape s, const inputs *in, int variant, float *g,
                       double *sums)
{
    static const unsigned wants[] = {
        0,
        PARE_WANTS_PAIR,
        PARE_WANTS_ENDS,
        PARE_WANTS_ENDS | PARE_WANTS_MASK,
        PARE_WANTS_PAIR | PARE_WANTS_ENDS,
        PARE_WANTS_PAIR | PARE_WANTS_ENDS | PARE_WANTS_MASK,
        0,
        PARE_WANTS_PAIR,
    };
    memcpy(g, in->g, s.rows * s.c * sizeof *g);
    memset(sums, 0, (2 * s.c + PARE_N_SUMS) * sizeof *sums);
    const pare_reduce_args r = {.g = g,
                                .x = in->x,
                                .y = variant & 1 ? in->z : NULL,
                                .affine = &in->affine[variant & 2 ? 1 : 2],
                                .blend = &in->blends[variant >> 7 & 1],
                                .wants = wants[variant >> 4 & 7],
                                .mean = variant & 8 ? in->mean : NULL,
                                .sum = sums,
                                .sum_xm = sums + s.c,
                                .sums = sums + 2 * s.c};
    k->reduce(&r, s.rows, s.c);
}

START_TEST(reductions_are_equal_bit_by_bit)
{
    if (!has_avx512()) GTCK_SKIP("no AVX-512 here");
    for (int i = 0; i < N_SHAPES; i++) {
        const shape s = shapes[i];
        inputs in = make_inputs(s);
        const size_t n = s.rows * s.c;
        float *a = pare_xalloc(n, 4), *b = pare_xalloc(n, 4);
        double *sa = pare_xalloc(2 * s.c + PARE_N_SUMS, 8),
               *sb = pare_xalloc(2 * s.c + PARE_N_SUMS, 8);
        for (int v = 0; v < 256; v++) {
            run_reduce(&pare_kernels_c, s, &in, v, a, sa);
            run_reduce(&pare_kernels_avx512, s, &in, v, b, sb);
            ck_assert_mem_eq(a, b, n * 4);
            ck_assert_mem_eq(sa, sb, (2 * s.c + PARE_N_SUMS) * 8);
        }
        free(a);
        free(b);
        free(sa);
        free(sb);
        free_inputs(&in);
    }
}
END_TEST

static pare_col_stats new_stats(size_t c)
{
    return (pare_col_stats){pare_xalloc(c, 8), pare_xalloc(c, 8), pare_xalloc(c, 4),
                            pare_xalloc(c, 4)};
}

static void free_stats(pare_col_stats *s)
{
    free(s->sum);
    free(s->sum2);
    free(s->lo);
    free(s->hi);
}

START_TEST(statistics_are_right_and_equal_bit_by_bit)
{
    for (int i = 0; i < N_SHAPES; i++) {
        const shape s = shapes[i];
        float *x = draw(s.rows * s.c, 1);
        pare_col_stats a = new_stats(s.c), b = new_stats(s.c);
        pare_kernels_c.col_stats(x, s.rows, s.c, &a);
        for (size_t j = 0; j < s.c; j++) {
            double sum = 0, sum2 = 0;
            for (size_t r = 0; r < s.rows; r++) {
                sum += (double)x[r * s.c + j];
                sum2 += (double)x[r * s.c + j] * (double)x[r * s.c + j];
                ck_assert(a.lo[j] <= x[r * s.c + j] && a.hi[j] >= x[r * s.c + j]);
            }
            ck_assert_double_eq_tol(a.sum[j], sum, 1e-4);
            ck_assert_double_eq_tol(a.sum2[j], sum2, 1e-5 * (1 + sum2));
        }
        if (has_avx512()) {
            float lo[2] = {INFINITY, INFINITY}, hi[2] = {-INFINITY, -INFINITY};
            pare_kernels_avx512.col_stats(x, s.rows, s.c, &b);
            ck_assert_mem_eq(a.sum, b.sum, s.c * 8);
            ck_assert_mem_eq(a.sum2, b.sum2, s.c * 8);
            ck_assert_mem_eq(a.lo, b.lo, s.c * 4);
            ck_assert_mem_eq(a.hi, b.hi, s.c * 4);
            pare_kernels_c.minmax(x, s.rows * s.c, &lo[0], &hi[0]);
            pare_kernels_avx512.minmax(x, s.rows * s.c, &lo[1], &hi[1]);
            ck_assert(lo[0] == lo[1] && hi[0] == hi[1]);
        }
        free_stats(&a);
        free_stats(&b);
        free(x);
    }
}
END_TEST

START_TEST(bfloat16_rounds_to_nearest_even)
{
    ck_assert_uint_eq(pare_bf16(1.0f), 0x3f80);
    ck_assert_uint_eq(pare_bf16(1.00390625f), 0x3f80); /* half way: to even */
    ck_assert_uint_eq(pare_bf16(1.01171875f), 0x3f82); /* half way: to even, up */
    ck_assert_uint_eq(pare_bf16(INFINITY), 0x7f80);
    ck_assert(isnan((double)pare_bf16_float(pare_bf16(NAN))));
    for (int i = 0; i <= 255; i++) /* codes of up to 8 bits are exact */
        ck_assert_float_eq(pare_bf16_float(pare_bf16((float)i)), (float)i);
    float x[40];
    uint16_t a[40], b[40];
    for (int i = 0; i < 40; i++) x[i] = i == 7 ? NAN : i == 8 ? 1e-41f : (float)i * 1.234567f;
    pare_kernels_c.to_bf16(x, 40, a);
    if (!has_avx512()) GTCK_SKIP("no AVX-512 here");
    pare_kernels_avx512.to_bf16(x, 40, b);
    ck_assert_mem_eq(a, b, sizeof a);
}
END_TEST

START_TEST(the_quantized_affine_of_a_shard_equals_two_passes)
{
    const shape s = {70, 20};
    inputs in = make_inputs(s);
    const size_t n = s.rows * s.c;
    float *once = pare_xalloc(n, 4), *y = pare_xalloc(n, 4), *twice = pare_xalloc(n, 4);
    float lo = INFINITY, hi = -INFINITY;
    const pare_kernels *k = pare_kernels_best();
    k->quantize(in.x, s.rows, s.c, &in.affine[1], &in.blends[0], once, false);
    k->affine(in.x, NULL, s.rows, s.c, &in.affine[1], y, &lo, &hi);
    k->quantize(y, s.rows, s.c, &pare_affine_identity, &in.blends[0], twice, false);
    ck_assert_mem_eq(once, twice, n * 4);
    free(once);
    free(twice);
    free(y);
    free_inputs(&in);
}
END_TEST

static void check_pool(pare_pool_window k, const pare_kernels *f)
{
    const size_t in = k.n * k.h * k.w * k.c, out = k.n * k.p * k.q * k.c;
    float *x = draw(in, 8), *gy = draw(out, 9);
    float *y = pare_xalloc(out, 4), *ey = pare_xalloc(out, 4);
    float *gx = pare_xalloc(in, 4), *egx = pare_xalloc(in, 4);
    uint8_t *best = pare_xalloc(out, 1);
    pare_maxpool(f, &k, x, y, best);
    pare_naive_maxpool(&k, x, ey);
    ck_assert_mem_eq(y, ey, out * 4);
    pare_maxpool_backward(f, &k, gy, best, gx);
    pare_naive_maxpool_backward(&k, x, gy, egx);
    for (size_t i = 0; i < in; i++) ck_assert_double_eq_tol((double)gx[i], (double)egx[i], 1e-5);
    pare_avgpool(f, &k, x, y);
    pare_naive_avgpool(&k, x, ey);
    for (size_t i = 0; i < out; i++) ck_assert_double_eq_tol((double)y[i], (double)ey[i], 1e-5);
    memset(gx, 0, in * 4);
    pare_avgpool_backward(f, &k, gy, gx);
    pare_naive_avgpool_backward(&k, gy, egx);
    for (size_t i = 0; i < in; i++) ck_assert_double_eq_tol((double)gx[i], (double)egx[i], 1e-5);
    void *const all[] = {x, gy, y, ey, gx, egx, best};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

START_TEST(pooling_equals_the_plain_loops)
{
    const pare_pool_window windows[] = {
        {2, 16, 8, 8, 4, 4, {2, 2}, {2, 2}, {0, 0}},   {2, 5, 9, 7, 5, 4, {3, 3}, {2, 2}, {1, 1}},
        {1, 20, 7, 7, 1, 1, {7, 7}, {1, 1}, {0, 0}},   {3, 3, 6, 5, 5, 5, {2, 1}, {1, 1}, {0, 0}},
        {1, 33, 11, 11, 5, 5, {3, 3}, {2, 2}, {0, 0}},
    };
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        check_pool(windows[i], &pare_kernels_c);
        check_pool(windows[i], pare_kernels_best());
    }
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const kernels[] = {element_wise_passes_are_equal_bit_by_bit,
                                    a_difference_of_grids_is_that_of_their_values,
                                    reductions_are_equal_bit_by_bit,
                                    statistics_are_right_and_equal_bit_by_bit,
                                    bfloat16_rounds_to_nearest_even,
                                    the_quantized_affine_of_a_shard_equals_two_passes,
                                    NULL};
    const TTest *const pools[] = {pooling_equals_the_plain_loops, NULL};
    const gtck_case cases[] = {{.suite = "Kernels", .tests = kernels},
                               {.suite = "Pooling", .tests = pools}};
    return gtck_main(argc, argv, "model_kernels", cases, sizeof cases / sizeof *cases);
}
