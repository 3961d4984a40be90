#define _DEFAULT_SOURCE /* DT_DIR, mkdtemp */
#include "gtck.h"
#include "model/method.h"
#include "model_run_fixture.h"
#include <math.h>

/* Every method as a whole: the same bytes on any number of threads and after any stop; its run
 * evaluates to its summary again; what it cannot do is refused. */

/* Training methods; two steps between the looks and assignments that have intervals. */
static const char *const ways[] = {
    "method=stochastic gamma=4",
    "method=fracbits criterion=bitops init_bits=6",
    "method=lsq bits=w4a3 first_last_bits=8",
    "method=lsq bits=w3a4 granularity=channel compute=bf16",
    "method=lsq bits=w2a2 options.lsq.step=mmse",
    "method=pact bits=w3a3 options.pact.plus=false",
    "method=pact bits=w4a4 options.pact.grid=zero options.pact.passes=true",
    "method=adaqat init_bits=4 options.adaqat.every=2 options.adaqat.lr=8",
    "method=bmpq bits=w4a4 options.bmpq.mean_bits=5",
    "method=syq bits=w8a4",
    "method=syq bits=w8a4 options.syq.codebook=binary options.syq.scales=layer",
    "method=pow2 bits=w4a4",
    "method=pow2 bits=w3a4 options.pow2.update=discrete options.pow2.rounding=nearest",
    "method=dq bits=w4a4 options.dq.weight_kb=0.5 options.dq.act_kb=0.3",
    "method=adaptive options.adaptive.widths=8,4,2",
    "method=adaptive options.adaptive.widths=6,3 options.adaptive.teacher=next",
    "method=adaptive options.adaptive.widths=8,6,4,2 options.adaptive.passes=3",
    "method=adaptive options.adaptive.widths=8,4,2 options.adaptive.passes=1",
    "method=adaptive options.adaptive.widths=6,2 options.adaptive.range=rms first_last_bits=7",
    "method=adaptive options.adaptive.widths=4,2 options.adaptive.range=rms "
    "options.adaptive.weights=rounded",
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static void forget(const char *folder)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", scratch, folder);
    remove_tree(path);
}

static bool runs_here(const char *way)
{
    return !strstr(way, "bf16") || pare_kernels_best() == &pare_kernels_avx512;
}

START_TEST(every_method_leaves_the_same_bytes_on_any_number_of_threads)
{
    for (int i = 0; i < N_WAYS; i++) {
        if (!runs_here(ways[i])) continue;
        run(ways[i], "one", 1);
        run(ways[i], "two", 2);
        ck_assert_int_ge(compare_trees("one", "two", "."), 8);
        forget("one");
        forget("two");
    }
}
END_TEST

typedef struct stopper {
    int left;
} stopper;

static bool stop_after(void *context)
{
    stopper *s = context;
    return s->left-- <= 0;
}

START_TEST(every_method_continues_to_the_same_bytes)
{
    for (int i = 0; i < N_WAYS; i++) {
        if (!runs_here(ways[i])) continue;
        run(ways[i], "whole", 1);
        stopper s = {i % 7};
        const pare_train_hooks hooks = {.context = &s, .should_stop = stop_after};
        pare_train_result r;
        pare_err e = {0};
        ck_assert_int_eq(run_with(ways[i], "parts", 1, &hooks, &r, &e), PARE_OK);
        ck_assert(!r.is_complete);
        run(ways[i], "parts", 2);
        compare_trees("whole", "parts", ".");
        forget("whole");
        forget("parts");
    }
}
END_TEST

static void check_eval(const char *way)
{
    pare_err e = {0};
    pare_train_result again;
    const pare_train_result r = run(way, "one", 2);
    char path[128];
    snprintf(path, sizeof path, "%s/one", scratch);
    const pare_status status = pare_train_eval(path, NULL, 1, &again, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    ck_assert_msg(again.final_frac == r.final_frac, "%s: %g, then %g", way, r.final_frac,
                  again.final_frac);
    ck_assert_double_eq(again.mean_weight_bits, r.mean_weight_bits);
    forget("one");
}

/* From a trained network, whose folder is `fp`. */
static char *from_trained(pare_arena *a, const char *way)
{
    return pare_arena_printf(a, "%s from=%s/fp", way, scratch);
}

START_TEST(every_run_evaluates_to_its_summary)
{
    static const char *const after[] = {
        "method=mmse bits=w8a8 options.mmse.second_above=1e6",
        "method=mmse bits=w3a4 options.mmse.second_above=0",
        "method=mmse bits=w4a4 granularity=channel",
        "method=settle bits=w6a6",
        "method=settle bits=w4a4 granularity=channel options.settle.threshold=kl",
        "method=settle bits=w4a4 options.settle.threshold=percentile",
        "method=datafree bits=w8a8 options.datafree.drop=0.2",
        "method=datafree bits=w8a8 options.datafree.scheme=mmse options.datafree.classes=0,2",
    };
    pare_arena *a = pare_arena_new();
    for (int i = 0; i < N_WAYS; i++)
        if (runs_here(ways[i])) check_eval(ways[i]);
    run("method=fp32 epochs=6", "fp", 2);
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) check_eval(from_trained(a, after[i]));
    pare_arena_free(a);
}
END_TEST

/* At enough bits a network that is not trained again is what it was. */
START_TEST(many_bits_change_nothing)
{
    pare_arena *a = pare_arena_new();
    const double real = run("method=fp32 epochs=6", "fp", 2).final_frac;
    static const char *const after[] = {"method=mmse bits=w8a8", "method=settle bits=w8a8",
                                        "method=datafree bits=w8a8 options.datafree.drop=0.03"};
    ck_assert_double_gt(real, 0.8);
    for (int i = 0; i < 3; i++) {
        const pare_train_result r = run(from_trained(a, after[i]), "one", 1);
        ck_assert_double_gt(r.final_frac, real - 0.06);
        forget("one");
    }
    pare_arena_free(a);
}
END_TEST

/* Nothing is chosen by the test images: with others the same bits come out. */
START_TEST(a_harness_does_not_look_at_the_test_images)
{
    static const char *const files[] = {"datafree.csv", "network.bits.yaml"};
    pare_arena *a = pare_arena_new();
    const char *way = from_trained(a, "method=datafree bits=w8a4 options.datafree.drop=0.1");
    run("method=fp32 epochs=6", "fp", 2);
    run(way, "one", 1);
    write_split("t10k", TEST, 9);
    run(way, "two", 2);
    for (int i = 0; i < 2; i++) {
        char *bytes[2];
        size_t n[2];
        read_bytes("one", files[i], &bytes[0], &n[0]);
        read_bytes("two", files[i], &bytes[1], &n[1]);
        ck_assert_uint_eq(n[0], n[1]);
        ck_assert_mem_eq(bytes[0], bytes[1], n[0]);
        free(bytes[0]);
        free(bytes[1]);
    }
    pare_arena_free(a);
}
END_TEST

START_TEST(a_budget_is_kept)
{
    const pare_train_result low =
        run("method=bmpq bits=w4a4 options.bmpq.mean_bits=2.5 epochs=3", "one", 2);
    ck_assert_double_le(low.mean_weight_bits, 8);
    forget("one");
    check_refused("method=bmpq bits=w4a4 options.bmpq.mean_bits=1.5", "one", PARE_EINPUT,
                  "at least 2 expected");
}
END_TEST

/* What tensors.csv of a run says of a tensor, in a column. */
static double number_in(const char *folder, const char *layer, const char *kind, int column)
{
    char path[128];
    pare_csv *csv;
    pare_err e = {0};
    double x = 0;
    snprintf(path, sizeof path, "%s/%s/tensors.csv", scratch, folder);
    ck_assert_int_eq(pare_csv_load(path, &csv, &e), PARE_OK);
    for (size_t i = 0; i < csv->n_rows; i++)
        if (!strcmp(pare_csv_cell(csv, i, 0), layer) && !strcmp(pare_csv_cell(csv, i, 1), kind))
            x = strtod(pare_csv_cell(csv, i, column), NULL);
    pare_csv_free(csv);
    ck_assert_double_gt(x, 0);
    return x;
}

static double step_of(const char *folder, const char *layer, const char *kind)
{
    return number_in(folder, layer, kind, 4);
}

static pare_tensor weights_of(const char *folder, const char *layer)
{
    char path[128];
    pare_tensor w;
    pare_err e = {0};
    snprintf(path, sizeof path, "%s/%s/weights/%s.npy", scratch, folder, layer);
    ck_assert_int_eq(pare_npy_load(path, &w, &e), PARE_OK);
    return w;
}

/* Whatever a method does with bitlengths, those given to the first and the last layer stay. */
START_TEST(first_and_last_layers_keep_their_bits)
{
    static const char *const own[] = {
        "method=adaptive options.adaptive.widths=6,2 first_last_bits=7",
        "method=adaqat init_bits=4 options.adaqat.every=2 options.adaqat.lr=8 first_last_bits=7",
        "method=bmpq bits=w4a4 options.bmpq.mean_bits=4 first_last_bits=7",
        "method=lsq bits=w4a4 first_last_bits=7",
    };
    static const char *const layers[] = {"conv1", "fc"}, *const kinds[] = {"weight", "activation"};
    for (int i = 0; i < 4; i++) {
        run(own[i], "one", 1);
        const char *folder = i ? "one" : "one/width2";
        for (int j = 0; j < 4; j++)
            ck_assert_double_eq(number_in(folder, layers[j / 2], kinds[j % 2], 2), 7);
        ck_assert_double_lt(number_in(folder, "conv2", "weight", 2), 7);
        forget("one");
    }
}
END_TEST

START_TEST(a_budget_presses_bits_down)
{
    pare_arena *a = pare_arena_new();
    run("method=fp32 epochs=6", "fp", 2);
    const double real = run(from_trained(a, "method=dq bits=w4a4 epochs=8"), "one", 2).final_frac;
    const char *pressed =
        "method=dq bits=w4a4 epochs=8 options.dq.weight_kb=0.5 options.dq.price=30";
    const pare_train_result r = run(from_trained(a, pressed), "two", 2);
    ck_assert_double_lt(number_in("two", "fc", "weight", 2), 4);
    ck_assert_double_lt(number_in("two", "conv2", "weight", 2), 4);
    ck_assert_double_gt(r.final_frac, real - 0.3);
    pare_arena_free(a);
}
END_TEST

/* Squared error of values on the levels -s, 0, s. */
static double ternary_error(const pare_tensor *t, double s)
{
    const float *x = t->data;
    double sum = 0;
    for (size_t i = 0; i < t->count; i++) {
        const double d = (double)x[i] - s * fmin(fmax(rint((double)x[i] / s), -1), 1);
        sum += d * d;
    }
    return sum;
}

/* LSQ's own first step is 2 mean|v| (Qp is 1); the other one is the best for the weights. */
START_TEST(the_first_step_is_the_one_asked_for)
{
    pare_arena *a = pare_arena_new();
    run("method=fp32 epochs=6", "fp", 2);
    run(from_trained(a, "method=lsq bits=w2a2 lr=1e-12 epochs=1"), "mean", 1);
    run(from_trained(a, "method=lsq bits=w2a2 lr=1e-12 epochs=1 options.lsq.step=mmse"), "mmse", 1);
    static const char *const layers[] = {"conv1", "conv2", "fc"};
    for (int i = 0; i < 3; i++) {
        pare_tensor w = weights_of("fp", layers[i]);
        double sum = 0;
        for (size_t j = 0; j < w.count; j++) sum += fabs((double)((float *)w.data)[j]);
        const double mean = step_of("mean", layers[i], "weight"),
                     best = step_of("mmse", layers[i], "weight"), least = ternary_error(&w, best);
        ck_assert_double_eq_tol(mean, 2 * sum / (double)w.count, 1e-6 * mean);
        ck_assert_double_lt(least, ternary_error(&w, mean));
        ck_assert_double_le(least, ternary_error(&w, 0.9 * best));
        ck_assert_double_le(least, ternary_error(&w, 1.1 * best));
        if (i > 0) /* the images have a range of their own */
            ck_assert(step_of("mean", layers[i], "activation") !=
                      step_of("mmse", layers[i], "activation"));
        pare_tensor_free(&w);
    }
    pare_arena_free(a);
}
END_TEST

START_TEST(what_a_method_cannot_do_is_refused)
{
    check_refused("method=lsq bits=w1a4", "one", PARE_EINPUT,
                  "layer conv1 has 1 weight bits, which method lsq cannot do; 2 to 8 expected");
    check_refused("method=pow2 bits=w5a4", "one", PARE_EINPUT, "2 to 4 expected");
    check_refused("method=lsq bits=w4a9", "one", PARE_EINPUT, "9 activation bits");
    check_refused("method=mmse bits=w4a4", "one", PARE_EINPUT, "--from RUN expected");
    check_refused("method=bmpq options.bmpq.choices=4,2", "one", PARE_EINPUT, "rising bitlengths");
    check_refused("method=adaptive options.adaptive.widths=2,4", "one", PARE_EINPUT,
                  "falling bitlengths");
    check_refused("method=pow2 bits=w4a4 options.pow2.update=discrete optimizer=adam", "one",
                  PARE_EINPUT, "sgd expected");
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const same[] = {every_method_leaves_the_same_bytes_on_any_number_of_threads,
                                 every_method_continues_to_the_same_bytes, NULL};
    const TTest *const results[] = {every_run_evaluates_to_its_summary,
                                    many_bits_change_nothing,
                                    a_harness_does_not_look_at_the_test_images,
                                    a_budget_is_kept,
                                    the_first_step_is_the_one_asked_for,
                                    first_and_last_layers_keep_their_bits,
                                    a_budget_presses_bits_down,
                                    NULL};
    const TTest *const refusals[] = {what_a_method_cannot_do_is_refused, NULL};
    const gtck_case cases[] = {
        {.suite = "Same", .tests = same, .setup = setup, .teardown = teardown, .timeout_s = 240},
        {.suite = "Result",
         .tests = results,
         .setup = setup,
         .teardown = teardown,
         .timeout_s = 240},
        {.suite = "Refusal",
         .tests = refusals,
         .setup = setup,
         .teardown = teardown,
         .timeout_s = 240},
    };
    return gtck_main(argc, argv, "model_methods_run", cases, sizeof cases / sizeof *cases);
}
