#define _DEFAULT_SOURCE /* DT_DIR, mkdtemp */
#include "gtck.h"
#include "model/naive.h"
#include "model_run_fixture.h"

#include <math.h>

/* ---- what a run leaves ------------------------------------------------------------------------
 */

START_TEST(evaluating_a_run_gives_its_summary_again)
{
    char *json;
    size_t n;
    pare_err e = {0};
    pare_train_result again;
    const pare_train_result r = run("", "one", 2);
    char path[128];
    snprintf(path, sizeof path, "%s/one", scratch);
    ck_assert_int_eq(pare_train_eval(path, NULL, 1, &again, &e), PARE_OK);
    read_bytes("one", "summary.json", &json, &n);
    ck_assert_double_eq(again.real_frac, r.real_frac);
    ck_assert_double_eq(again.ceil_frac, r.ceil_frac);
    ck_assert_double_eq(again.final_frac, r.final_frac);
    ck_assert_double_eq(number_of(json, "\"final_accuracy_frac\""), r.final_frac);
    ck_assert_double_eq(number_of(json, "\"mean_act_bits\""), r.mean_act_bits);
    ck_assert_double_eq(again.mean_weight_bits, r.mean_weight_bits);
    ck_assert_double_gt(r.final_frac, 0.6); /* chance is 0.25 */
    free(json);
}
END_TEST

/* What tensors.csv says of a tensor, with its codes. */
typedef struct coded {
    pare_tensor t;
    double scale, offset;
    uint32_t bits;
} coded;

static coded load_coded(const pare_csv *csv, const char *layer, const char *kind)
{
    coded c = {{0}, 0, 0, 0};
    pare_err e = {0};
    for (size_t i = 0; i < csv->n_rows; i++) {
        if (strcmp(pare_csv_cell(csv, i, 0), layer) || strcmp(pare_csv_cell(csv, i, 1), kind))
            continue;
        char path[256];
        c.bits = (uint32_t)strtoul(pare_csv_cell(csv, i, 2), NULL, 10);
        c.scale = strtod(pare_csv_cell(csv, i, 4), NULL);
        c.offset = strtod(pare_csv_cell(csv, i, 5), NULL);
        snprintf(path, sizeof path, "%s/one/%s", scratch, pare_csv_cell(csv, i, 6));
        ck_assert_int_eq(pare_npy_load(path, &c.t, &e), PARE_OK);
        for (size_t j = 0; j < c.t.count; j++)
            ck_assert_uint_lt(((uint8_t *)c.t.data)[j], 1u << c.bits);
    }
    ck_assert_ptr_nonnull(c.t.data);
    return c;
}

static float *values_of(coded *c)
{
    float *x = pare_xalloc(c->t.count, sizeof *x);
    for (size_t i = 0; i < c->t.count; i++) {
        const float product = (float)c->scale * (float)((uint8_t *)c->t.data)[i];
        x[i] = product + (float)c->offset;
    }
    pare_tensor_free(&c->t);
    return x;
}

static pare_tensor load_floats(const char *name)
{
    pare_tensor t;
    pare_err e = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/one/%s", scratch, name);
    ck_assert_int_eq(pare_npy_load(path, &t, &e), PARE_OK);
    return t;
}

static void to_nhwc(const float *x, size_t n, size_t c, size_t hw, float *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < c; j++)
            for (size_t p = 0; p < hw; p++) out[(i * hw + p) * c + j] = x[(i * c + j) * hw + p];
}

static void requantize(float *x, size_t n, const coded *c)
{
    const float top = (float)((1u << c->bits) - 1u);
    for (size_t i = 0; i < n; i++) {
        const float code = rintf((x[i] - (float)c->offset) / (float)c->scale);
        const float product = (float)c->scale * fminf(fmaxf(code, 0), top);
        x[i] = product + (float)c->offset;
    }
}

/* What the run folder holds of the little network. */
typedef struct exported {
    coded a[3];           /* of the layers' inputs, without data */
    float *fw[3], *fa[3]; /* values of weights and inputs */
    pare_tensor scale, offset, b2, b3, logits;
} exported;

static exported load_exported(void)
{
    static const char *const layers[] = {"conv1", "conv2", "fc"};
    exported x = {0};
    pare_csv *csv;
    pare_err e = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/one/tensors.csv", scratch);
    ck_assert_int_eq(pare_csv_load(path, &csv, &e), PARE_OK);
    for (int i = 0; i < 3; i++) {
        coded w = load_coded(csv, layers[i], "weight");
        x.fw[i] = values_of(&w);
        x.a[i] = load_coded(csv, layers[i], "activation");
        x.fa[i] = values_of(&x.a[i]);
    }
    pare_csv_free(csv);
    x.scale = load_floats("params/bn1.scale.npy");
    x.offset = load_floats("params/bn1.offset.npy");
    x.b2 = load_floats("params/conv2.bias.npy");
    x.b3 = load_floats("params/fc.bias.npy");
    x.logits = load_floats("acts/logits.npy");
    return x;
}

static void free_exported(exported *x)
{
    pare_tensor *const tensors[] = {&x->scale, &x->offset, &x->b2, &x->b3, &x->logits};
    for (int i = 0; i < 5; i++) pare_tensor_free(tensors[i]);
    for (int i = 0; i < 3; i++) {
        free(x->fw[i]);
        free(x->fa[i]);
    }
}

enum { N = 8, HW = SIDE * SIDE };

/* A sum in another order may cross a boundary between two codes, not more. */
static void check_within_a_step(const float *a, const float *b, size_t n, double scale)
{
    for (size_t i = 0; i < n; i++) ck_assert(fabs((double)a[i] - (double)b[i]) <= scale * 1.001);
}

/* conv1, batch norm, relu: gives the input of conv2 as the folder has it. */
static void check_first_layer(const exported *x, const pare_dims *d, float *conv2_in)
{
    static float in[N * HW], y[N * HW * 8];
    to_nhwc(x->fa[0], N, 1, HW, in);
    pare_naive_conv(d, in, x->fw[0], NULL, y);
    const float *scale = x->scale.data, *offset = x->offset.data;
    for (size_t i = 0; i < N * HW * 8; i++) y[i] = fmaxf(scale[i % 8] * y[i] + offset[i % 8], 0);
    requantize(y, N * HW * 8, &x->a[1]);
    to_nhwc(x->fa[1], N, 8, HW, conv2_in);
    check_within_a_step(y, conv2_in, N * HW * 8, x->a[1].scale);
}

/* conv2, relu, pooling, flattening. */
static void check_second_layer(const exported *x, const pare_dims *d, const float *in)
{
    static float y[N * HW * 12], p[N * HW * 3], f[N * HW * 3];
    pare_naive_conv(d, in, x->fw[1], x->b2.data, y);
    for (size_t i = 0; i < N * HW * 12; i++) y[i] = fmaxf(y[i], 0);
    const pare_pool_window k = {N, 12, SIDE, SIDE, SIDE / 2, SIDE / 2, {2, 2}, {2, 2}, {0, 0}};
    pare_naive_maxpool(&k, y, p);
    for (size_t i = 0; i < N; i++) /* files are in the order c, h, w */
        for (size_t j = 0; j < HW * 3; j++)
            f[i * HW * 3 + j % 12 * (HW / 4) + j / 12] = p[i * HW * 3 + j];
    requantize(f, N * HW * 3, &x->a[2]);
    check_within_a_step(f, x->fa[2], N * HW * 3, x->a[2].scale);
}

/* Plain loops over what the run folder holds give the logits that it holds. */
START_TEST(the_exported_codes_compute_the_logits)
{
    static float conv2_in[N * HW * 8], out[N * CLASSES];
    run("", "one", 1);
    exported x = load_exported();
    pare_dims d = {.n = N,
                   .c = 1,
                   .h = SIDE,
                   .w = SIDE,
                   .k = 8,
                   .r = 3,
                   .s = 3,
                   .p = SIDE,
                   .q = SIDE,
                   .groups = 1,
                   .stride = {1, 1},
                   .pad = {1, 1},
                   .dilation = {1, 1}};
    check_first_layer(&x, &d, conv2_in);
    d.c = 8;
    d.k = 12;
    check_second_layer(&x, &d, conv2_in);
    const pare_dims fc = {.n = N,
                          .c = HW * 3,
                          .h = 1,
                          .w = 1,
                          .k = CLASSES,
                          .r = 1,
                          .s = 1,
                          .p = 1,
                          .q = 1,
                          .groups = 1,
                          .stride = {1, 1},
                          .dilation = {1, 1}};
    pare_naive_conv(&fc, x.fa[2], x.fw[2], x.b3.data, out);
    for (size_t i = 0; i < N * CLASSES; i++)
        ck_assert_double_eq_tol((double)out[i], (double)((float *)x.logits.data)[i], 1e-3);
    free_exported(&x);
}
END_TEST

START_TEST(bitlengths_fall_with_gamma_and_their_file_loads)
{
    pare_err e = {0};
    pare_net *net;
    pare_bits *bits;
    char path[128];
    const pare_train_result low = run("gamma=0", "low", 2), high = run("gamma=4", "one", 2);
    ck_assert_double_gt(low.mean_weight_n, high.mean_weight_n + 1);
    ck_assert_double_gt(low.mean_act_n, high.mean_act_n + 1);
    snprintf(path, sizeof path, "%s/one/network.net.yaml", scratch);
    ck_assert_int_eq(pare_net_load(path, &net, &e), PARE_OK);
    snprintf(path, sizeof path, "%s/one/network.bits.yaml", scratch);
    ck_assert_int_eq(pare_bits_load(path, net, &bits, &e), PARE_OK);
    ck_assert_uint_eq(bits->n_layers, 3);
    for (size_t i = 0; i < 3; i++) {
        const pare_layer_bits *l = &bits->layers[i];
        ck_assert_double_eq(ceil(l->weight_n), l->weight_bits);
        ck_assert_double_eq(ceil(l->act_n), l->act_bits);
    }
    pare_bits_free(bits);
    pare_net_free(net);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const folders[] = {evaluating_a_run_gives_its_summary_again,
                                    the_exported_codes_compute_the_logits,
                                    bitlengths_fall_with_gamma_and_their_file_loads, NULL};
    const gtck_case cases[] = {{.suite = "Folder",
                                .tests = folders,
                                .setup = setup,
                                .teardown = teardown,
                                .timeout_s = 60}};
    return gtck_main(argc, argv, "model_export", cases, sizeof cases / sizeof *cases);
}
