/* Where codes come from: declared distributions, folders of a run, and what is said of bad ones;
 * then whole networks on machines that skip. */
#include "gtck.h"
#include "sim/dynamic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pare_sim_job small = {.layer = "conv",
                                   .type = "conv2d",
                                   .dims = {.n = 2,
                                            .c = 2,
                                            .h = 2,
                                            .w = 3,
                                            .k = 2,
                                            .r = 1,
                                            .s = 1,
                                            .p = 2,
                                            .q = 3,
                                            .groups = 1,
                                            .stride = {1, 1},
                                            .dilation = {1, 1}},
                                   .weight_bits = 3,
                                   .act_bits = 4,
                                   .out_bits = 8};

static pare_machine *load(const char *name, const char *const *sets, size_t n)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    ck_assert_msg(pare_machine_load(path.text, sets, n, &m, &e) == PARE_OK, "%s: %s", name, e.text);
    pare_buf_free(&path);
    return m;
}

/* ---- distributions ---- */

static layer_values draw(const char *spec, const pare_sim_job *job, unsigned threads)
{
    pare_err e = {0};
    pare_values *source = NULL;
    layer_values v;
    pare_pool *const pool = pare_pool_new(threads);
    ck_assert_msg(pare_values_open(spec, &source, &e) == PARE_OK, "%s", e.text);
    ck_assert_int_eq(sim_values_load(source, job, VALUES_WEIGHTS | VALUES_ACTS, pool, &v, &e),
                     PARE_OK);
    pare_values_free(source);
    pare_pool_free(pool);
    return v;
}

enum { N_LARGE = 512 * 1024 };
static pare_sim_job large(void)
{
    pare_sim_job job = small;
    job.dims = (pare_dims){.n = 1,
                           .c = 512,
                           .h = 32,
                           .w = 32,
                           .k = 1024,
                           .r = 1,
                           .s = 1,
                           .p = 32,
                           .q = 32,
                           .groups = 1,
                           .stride = {1, 1},
                           .dilation = {1, 1}};
    job.weight_bits = job.act_bits = 8;
    return job;
}

typedef struct moments {
    double mean, deviation, zeros_frac;
    int lo, hi;
} moments;

static moments measure(const uint16_t *v, bool is_signed)
{
    moments m = {.lo = 65536, .hi = -65536};
    double squares = 0;
    for (size_t i = 0; i < N_LARGE; i++) {
        const int x = is_signed ? (int16_t)v[i] : v[i];
        m.mean += x;
        squares += (double)x * x;
        m.zeros_frac += x == 0;
        m.lo = x < m.lo ? x : m.lo;
        m.hi = x > m.hi ? x : m.hi;
    }
    m.mean /= N_LARGE;
    m.zeros_frac /= N_LARGE;
    m.deviation = sqrt(squares / N_LARGE - m.mean * m.mean);
    return m;
}

/* The sample is large: five standard errors of a deviation are below 1 %. */
START_TEST(distributions_have_their_moments)
{
    const pare_sim_job job = large();
    layer_values v = draw("normal,spread=0.1", &job, 2);
    const moments w = measure(v.weights, true), a = measure(v.acts, false);
    ck_assert_double_eq_tol(w.mean, 0, 0.1);
    ck_assert_double_eq_tol(w.deviation, sqrt(12.7 * 12.7 + 1 / 12.0), 0.13);
    ck_assert_double_eq_tol(a.mean, 25.5 * sqrt(2 / acos(-1)), 0.2); /* |x| of a normal */
    ck_assert_int_ge(a.lo, 0);
    sim_layer_values_free(&v);
    v = draw("laplace,spread=0.05,zeros=0.25", &job, 2);
    const moments lw = measure(v.weights, true), la = measure(v.acts, false);
    ck_assert_double_eq_tol(lw.deviation, sqrt(6.35 * 6.35 + 1 / 12.0), 0.13);
    /* those drawn as zero, and those of the others that round to it */
    const double rounds = 1 - exp(-0.5 / (12.75 / sqrt(2)));
    ck_assert_double_eq_tol(la.zeros_frac, 0.25 + 0.75 * rounds, 0.005);
    sim_layer_values_free(&v);
    v = draw("uniform,acts=signed", &job, 2);
    const moments uw = measure(v.weights, true), ua = measure(v.acts, true);
    ck_assert_int_eq(uw.lo, -128);
    ck_assert_int_eq(uw.hi, 127);
    ck_assert_double_eq_tol(uw.deviation, sqrt((65536 - 1) / 12.0), 0.3);
    ck_assert_double_eq_tol(ua.mean, -0.5, 0.6);
    sim_layer_values_free(&v);
    v = draw("largest", &job, 1);
    ck_assert_int_eq(measure(v.weights, true).hi, -128);
    ck_assert_int_eq(measure(v.acts, false).lo, 255);
    sim_layer_values_free(&v);
}
END_TEST

static bool same(const layer_values *a, const layer_values *b)
{
    return !memcmp(a->weights, b->weights, N_LARGE * sizeof *a->weights) &&
           !memcmp(a->acts, b->acts, N_LARGE * sizeof *a->acts);
}

START_TEST(seed_and_layer_name_decide_and_threads_do_not)
{
    pare_sim_job job = large();
    layer_values one = draw("relu,seed=4", &job, 1), three = draw("relu,seed=4", &job, 3);
    layer_values other = draw("relu,seed=5", &job, 1);
    job.layer = "another";
    layer_values another = draw("relu,seed=4", &job, 1);
    ck_assert(same(&one, &three));
    ck_assert(!same(&one, &other));
    ck_assert(!same(&one, &another));
    ck_assert(memcmp(one.weights, one.acts, N_LARGE));
    sim_layer_values_free(&one);
    sim_layer_values_free(&three);
    sim_layer_values_free(&other);
    sim_layer_values_free(&another);
}
END_TEST

START_TEST(bad_specifications_are_errors)
{
    static const struct {
        const char *spec, *text;
    } cases[] = {
        {"laplace,sed=1", "unknown key 'sed'; seed, spread, zeros, weights or acts expected"},
        {"laplace,", "unknown key ''; seed, spread, zeros, weights or acts expected"},
        {"laplace,seed=x", "seed is 'x'; a whole number below 2^64 expected"},
        {"laplace,seed", "seed is ''; a whole number below 2^64 expected"},
        {"laplace,seed=-1", "seed is '-1'; a whole number below 2^64 expected"},
        {"relu,zeros=1.5", "zeros is '1.5'; 0 to 1 expected"},
        {"relu,zeros=nan", "zeros is 'nan'; 0 to 1 expected"},
        {"normal,spread=0", "spread is '0'; 1e-06 to 1000000 expected"},
        {"normal,weights=maybe", "weights is 'maybe'; signed or unsigned expected"},
        {"gauss", "'gauss' has no tensors.csv; a trainer's run folder, or uniform, normal, "
                  "laplace, relu or largest expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pare_err e = {0};
        pare_values *v = NULL;
        ck_assert_int_eq(pare_values_open(cases[i].spec, &v, &e), PARE_EINPUT);
        ck_assert_str_eq(e.text, cases[i].text);
        ck_assert(strstr(e.file, cases[i].spec) != NULL); /* --values SPEC */
    }
}
END_TEST

/* ---- a run folder ---- */

static char folder[64];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/pare_values_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    pare_err e = {0};
    ck_assert_int_eq(pare_dir_make("run/weights", &e), PARE_OK);
    ck_assert_int_eq(pare_dir_make("run/acts", &e), PARE_OK);
}

static void remove_folder(void)
{
    static const char *const names[] = {"run/weights/conv.npy", "run/acts/conv.npy",
                                        "run/tensors.csv"};
    static const char *const folders[] = {"run/weights", "run/acts", "run"};
    for (int i = 0; i < 3; i++) (void)unlink(names[i]);
    for (int i = 0; i < 3; i++) (void)rmdir(folders[i]);
    (void)!chdir("/");
    (void)rmdir(folder);
}

static void write_tensor(const char *path, pare_dtype type, uint32_t n_dims, const size_t *dims,
                         const void *data)
{
    pare_err e = {0};
    pare_tensor t = {0};
    ck_assert_int_eq(pare_tensor_new(type, n_dims, dims, &t, &e), PARE_OK);
    memcpy(t.data, data, t.count * pare_dtype_bytes(type));
    ck_assert_int_eq(pare_npy_save(path, &t, &e), PARE_OK);
    pare_tensor_free(&t);
}

static void write_rows(const char *rows)
{
    pare_err e = {0};
    pare_buf b = {0};
    pare_buf_printf(&b, "layer,kind,bits,signed,scale,offset,file\n%s", rows);
    ck_assert_int_eq(pare_file_write("run/tensors.csv", b.text, b.n, &e), PARE_OK);
    pare_buf_free(&b);
}

static const char good_rows[] = "conv,weight,3,1,0.5,0,weights/conv.npy\n"
                                "conv,activation,4,0,0.1,-0.3,acts/conv.npy\n";
static const size_t weight_dims[] = {2, 2, 1, 1}, act_dims[] = {3, 2, 2, 3};
static const int8_t some_weights[] = {-4, 3, 0, 1};
static const uint8_t some_acts[36] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void write_run(void)
{
    write_rows(good_rows);
    write_tensor("run/weights/conv.npy", PARE_I8, 4, weight_dims, some_weights);
    write_tensor("run/acts/conv.npy", PARE_U8, 4, act_dims, some_acts);
}

START_TEST(a_run_folder_is_read)
{
    write_run();
    layer_values v = draw("run", &small, 1);
    for (int i = 0; i < 4; i++) ck_assert_int_eq((int16_t)v.weights[i], some_weights[i]);
    for (int i = 0; i < 24; i++) ck_assert_uint_eq(v.acts[i], some_acts[i]); /* 2 of 3 images */
    ck_assert(v.weight_signed && !v.act_signed);
    ck_assert_uint_eq(v.pad_code, 3); /* 0.1 * 3 - 0.3 is 0 */
    sim_layer_values_free(&v);
}
END_TEST

/* Padding holds the code of zero, here 3: a step all in it takes 2 bits, of code 0 it would take 1.
 * One pixel of code 15 with padding 1 and a kernel of 1: 9 windows, 8 of them padding. */
START_TEST(padding_holds_the_code_of_zero)
{
    pare_sim_job job = small;
    job.dims = (pare_dims){.n = 1,
                           .c = 1,
                           .h = 1,
                           .w = 1,
                           .k = 1,
                           .r = 1,
                           .s = 1,
                           .p = 3,
                           .q = 3,
                           .groups = 1,
                           .stride = {1, 1},
                           .pad = {1, 1},
                           .dilation = {1, 1}};
    const char *const sets[] = {"memory.model=ideal", "array.cols=1", "mapping.cols=windows"};
    const uint8_t fifteen = 15;
    const size_t one[] = {1, 1, 1, 1};
    write_run();
    write_tensor("run/acts/conv.npy", PARE_U8, 4, one, &fifteen);
    pare_machine *const m = load("dynamic_stripes", sets, 3);
    pare_err e = {0};
    mapping_result found;
    pare_values *source = NULL;
    ck_assert_int_eq(sim_search(m, &job, false, &found, &e), PARE_OK);
    ck_assert_int_eq(pare_values_open("run", &source, &e), PARE_OK);
    const pare_sim_options options = {.values = source};
    ck_assert_msg(sim_dynamic_mappings(m, &job, &options, &found, &e) == PARE_OK, "%s", e.text);
    ck_assert_uint_eq(found.best.time.cycles, 8 * 2 + 4);
    pare_values_free(source);
    pare_machine_free(m);
}
END_TEST

static void expect_bad_run(const char *file, const char *text)
{
    pare_err e = {0};
    pare_values *source = NULL;
    layer_values v;
    pare_pool *const pool = pare_pool_new(1);
    pare_status status = pare_values_open("run", &source, &e);
    if (status == PARE_OK) status = sim_values_load(source, &small, 3, pool, &v, &e);
    ck_assert_int_eq(status, PARE_EINPUT);
    ck_assert_str_eq(e.file, file);
    ck_assert_str_eq(e.text, text);
    pare_values_free(source);
    pare_pool_free(pool);
}

START_TEST(bad_tensors_are_errors)
{
    write_run();
    const int8_t wide[] = {-4, 4, 0, 0};
    write_tensor("run/weights/conv.npy", PARE_I8, 4, weight_dims, wide);
    expect_bad_run("run/weights/conv.npy", "code 4 at index 1 of layer 'conv'; -4 to 3 expected");
    const float reals[] = {1, 2, 3, 4};
    write_tensor("run/weights/conv.npy", PARE_F32, 4, weight_dims, reals);
    expect_bad_run("run/weights/conv.npy",
                   "the weights of layer 'conv' are floats; integer codes expected");
    const size_t fewer[] = {2, 1, 1, 1};
    write_tensor("run/weights/conv.npy", PARE_I8, 4, fewer, some_weights);
    expect_bad_run("run/weights/conv.npy",
                   "2 weights in 2 filters for layer 'conv'; 2x2x1x1 expected");
    write_tensor("run/weights/conv.npy", PARE_I8, 4, weight_dims, some_weights);
    const size_t one_image[] = {1, 2, 2, 3}, narrow[] = {2, 2, 2, 2};
    write_tensor("run/acts/conv.npy", PARE_U8, 4, one_image, some_acts);
    expect_bad_run("run/acts/conv.npy",
                   "images of layer 'conv': 1; at least the batch, 2, expected");
    write_tensor("run/acts/conv.npy", PARE_U8, 4, narrow, some_acts);
    expect_bad_run("run/acts/conv.npy", "16 activations in 2 images for layer 'conv'; images of "
                                        "2x2x3 expected");
    ck_assert_int_eq(unlink("run/acts/conv.npy"), 0);
    pare_err e = {0};
    pare_tensor t = {0};
    ck_assert_int_eq(pare_npy_load("run/acts/conv.npy", &t, &e), PARE_EINPUT);
    expect_bad_run("run/acts/conv.npy", e.text);
}
END_TEST

START_TEST(bad_tables_are_errors)
{
    write_run();
    write_rows("conv,weight,3,1,0.5,0,weights/conv.npy\n");
    expect_bad_run("run/tensors.csv",
                   "no activation of layer 'conv'; a row 'conv,activation' expected");
    write_rows("conv,weight,5,1,0.5,0,weights/conv.npy\n");
    expect_bad_run("run/tensors.csv", "layer 'conv' has 5-bit weights; at most 3 expected, as in "
                                      "the run's bits");
    pare_err e = {0};
    ck_assert_int_eq(pare_file_write("run/tensors.csv", "layer,kind\na,b\n", 15, &e), PARE_OK);
    expect_bad_run("run/tensors.csv",
                   "no column 'bits'; layer,kind,bits,signed,scale,offset,file expected");
}
END_TEST

/* ---- the whole ---- */

START_TEST(threads_do_not_change_results)
{
    static const char *const machines[] = {"dynamic_stripes", "shapeshifter", "pragmatic",
                                           "laconic", "bitwave"};
    pare_err e = {0};
    pare_buf path = {0};
    pare_net *net = NULL;
    pare_bits *bits = NULL;
    pare_data_find("networks", "resnet20", &path);
    ck_assert_int_eq(pare_net_load(path.text, &net, &e), PARE_OK);
    ck_assert_int_eq(pare_bits_uniform("w4a6", net, &bits, &e), PARE_OK);
    for (size_t i = 0; i < 5; i++) {
        pare_machine *const m = load(machines[i], NULL, 0);
        pare_buf text[2] = {{0}, {0}};
        for (unsigned t = 0; t < 2; t++) {
            const pare_sim_options options = {.batch = 2, .threads = 1 + 3 * t};
            pare_sim_result result;
            ck_assert_int_eq(pare_sim_run(net, m, bits, &options, &result, &e), PARE_OK);
            pare_sim_write_json(&result, 1, &text[t]);
            pare_sim_result_free(&result);
        }
        ck_assert_str_eq(text[0].text, text[1].text);
        pare_buf_free(&text[0]);
        pare_buf_free(&text[1]);
        pare_machine_free(m);
    }
    pare_bits_free(bits);
    pare_net_free(net);
    pare_buf_free(&path);
}
END_TEST

static void expect_error(const char *machine, const char *set, const char *text)
{
    const char *const sets[] = {set};
    pare_err e = {0};
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", machine, &path);
    ck_assert_int_eq(pare_machine_load(path.text, sets, 1, &m, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, text);
    pare_buf_free(&path);
}

START_TEST(what_a_machine_cannot_skip_is_said)
{
    expect_error("systolic_os", "pe.skips=precision",
                 "steps that differ in length need an output stationary array with broadcast "
                 "delivery; that expected, or pe.skips nothing");
    expect_error("bitfusion", "pe.skips=precision",
                 "a spatial PE takes every step in one cycle and skips nothing; pe.style temporal "
                 "expected");
    expect_error("laconic", "mapping.cols=best",
                 "columns may hold filters, but steps depend on weights; mapping.cols windows "
                 "expected");
    expect_error("laconic", "skip.column_registers=1",
                 "skip.column_registers is 1, but steps do not depend on the columns' windows "
                 "alone; 0 expected");
    expect_error("pragmatic", "pe.act_digit=2",
                 "pe.act_digit is 2, but the PE takes one term a cycle; 1 expected");
    expect_error("pragmatic", "values='lapalce'",
                 "values: unknown distribution 'lapalce'; uniform, normal, laplace, relu or "
                 "largest expected");
}
END_TEST

START_TEST(a_machine_without_values_is_an_error)
{
    const char *const sets[] = {"values=''"};
    pare_machine *const m = load("pragmatic", sets, 1);
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_int_eq(pare_sim_run_layer(m, &small, &l, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "pe.skips depends on values, and none are given; --values, or the key "
                             "values, expected");
    pare_machine_free(m);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const drawn[] = {distributions_have_their_moments,
                                  seed_and_layer_name_decide_and_threads_do_not,
                                  bad_specifications_are_errors, NULL};
    const TTest *const runs[] = {a_run_folder_is_read, padding_holds_the_code_of_zero,
                                 bad_tensors_are_errors, bad_tables_are_errors, NULL};
    const TTest *const wholes[] = {threads_do_not_change_results,
                                   what_a_machine_cannot_skip_is_said,
                                   a_machine_without_values_is_an_error, NULL};
    const gtck_case cases[] = {
        {.suite = "Distributions", .tests = drawn},
        {.suite = "Runs", .tests = runs, .setup = make_folder, .teardown = remove_folder},
        {.suite = "Networks", .tests = wholes, .timeout_s = 30}};
    return gtck_main(argc, argv, "sim_values", cases, sizeof cases / sizeof *cases);
}
