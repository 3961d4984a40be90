/* How a run goes: its first weights, its rates, its bitlengths' granularity, its budget. */
#define _DEFAULT_SOURCE /* DT_DIR, mkdtemp */
#include "gtck.h"
#include "model/penalty.h"
#include "model_run_fixture.h"

#include <math.h>

/* ---- rates and losses --------------------------------------------------------------------------
 */

typedef struct watch {
    double lr[64], loss[64];
    int n;
} watch;

static void on_progress(void *context, const pare_train_progress *p)
{
    watch *w = context;
    if (p->is_epoch_end || w->n == 64) return;
    w->lr[w->n] = p->lr;
    w->loss[w->n++] = p->loss;
}

static watch run_watched(const char *assignments, const char *folder)
{
    watch w = {.n = 0};
    pare_err e = {0};
    pare_train_result r;
    const pare_train_hooks hooks = {.context = &w, .progress = on_progress};
    ck_assert_int_eq(run_with(assignments, folder, 1, &hooks, &r, &e), PARE_OK);
    return w;
}

/* 6 steps an epoch: 3 of warm-up, then half a cosine over the other 9 */
START_TEST(rates_rise_then_follow_the_schedule)
{
    const watch w =
        run_watched("method=fp32 epochs=2 warmup_epochs=0.5 lr=0.08 schedule=cosine", "one");
    ck_assert_int_eq(w.n, 12);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(w.lr[i], 0.08 * (i + 1) / 4, 1e-12);
    for (int i = 3; i < 12; i++)
        ck_assert_double_eq_tol(w.lr[i], 0.04 * (1 + cos(acos(-1.0) * (i - 3) / 9)), 1e-12);
}
END_TEST

/* With equal logits the loss is log(classes) at any smoothing; with rate 0 it stays the mixture of
 * the two extremes. */
START_TEST(smoothed_loss_is_the_mixture_of_its_ends)
{
    const watch plain = run_watched("method=fp32 lr=0 epochs=1", "one");
    const watch half = run_watched("method=fp32 lr=0 epochs=1 label_smoothing=0.5", "two");
    const watch tenth = run_watched("method=fp32 lr=0 epochs=1 label_smoothing=0.1", "three");
    for (int i = 0; i < plain.n; i++) {
        const double step = (half.loss[i] - plain.loss[i]) / 0.5;
        ck_assert_double_eq_tol(tenth.loss[i], plain.loss[i] + 0.1 * step, 1e-9);
        ck_assert(fabs(step) > 1e-3);
    }
}
END_TEST

/* ---- first weights -----------------------------------------------------------------------------
 */

static void compare_files(const char *a, const char *b, const char *name, bool are_equal)
{
    char *x, *y;
    size_t nx, ny;
    read_bytes(a, name, &x, &nx);
    read_bytes(b, name, &y, &ny);
    ck_assert_msg((nx == ny && !memcmp(x, y, nx)) == are_equal, "%s of %s and %s", name, a, b);
    free(x);
    free(y);
}

START_TEST(a_run_starts_from_the_weights_of_another)
{
    char start[160];
    run("method=fp32", "one", 1);
    snprintf(start, sizeof start, "method=fp32 lr=0 seed=9 from=%s/one", scratch);
    run(start, "two", 1);
    compare_files("one", "two", "weights/conv1.npy", true);
    compare_files("one", "two", "params/fc.bias.npy", true);
    run("method=fp32 lr=0 seed=9", "three", 1);
    compare_files("one", "three", "weights/conv1.npy", false);
    /* a file will do, and bitlengths are then learned as from scratch */
    snprintf(start, sizeof start, "from=%s/one/checkpoint.bin", scratch);
    const pare_train_result r = run(start, "four", 1);
    ck_assert_double_gt(r.final_frac, 0.6);
    run(start, "five", 2);
    compare_trees("four", "five", ".");
}
END_TEST

START_TEST(weights_that_do_not_fit_are_refused)
{
    static const char other[] = "version: 1\nname: other\n"
                                "input: {channels: 1, height: 8, width: 8}\nlayers:\n"
                                "  - {name: conv1, type: conv2d, out_channels: 9, kernel: 3}\n"
                                "  - {name: f, type: flatten}\n"
                                "  - {name: fc, type: fc, out_channels: 4}\n";
    char start[160];
    run("method=fp32", "one", 1);
    write_text("little.net.yaml", other, sizeof other - 1);
    snprintf(start, sizeof start, "from=%s/one", scratch);
    check_refused(start, "two", PARE_EINPUT, "has no 'conv1.weight' of the size that other needs");
    snprintf(start, sizeof start, "from=%s/none", scratch);
    check_refused(start, "two", PARE_EINPUT, "");
    write_text("text.bin", other, sizeof other - 1);
    snprintf(start, sizeof start, "from=%s/text.bin", scratch);
    check_refused(start, "two", PARE_EINPUT, "not a whole checkpoint");
}
END_TEST

/* ---- granularity -------------------------------------------------------------------------------
 */

static pare_tensor load_npy(const char *folder, const char *name)
{
    pare_tensor t = {0};
    pare_err e = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s", scratch, folder, name);
    ck_assert_int_eq(pare_npy_load(path, &t, &e), PARE_OK);
    return t;
}

static pare_bits *load_bits(const char *folder)
{
    pare_err e = {0};
    pare_net *net;
    pare_bits *bits;
    char path[160];
    snprintf(path, sizeof path, "%s/%s/network.net.yaml", scratch, folder);
    ck_assert_int_eq(pare_net_load(path, &net, &e), PARE_OK);
    snprintf(path, sizeof path, "%s/%s/network.bits.yaml", scratch, folder);
    ck_assert_int_eq(pare_bits_load(path, net, &bits, &e), PARE_OK);
    pare_net_free(net);
    return bits;
}

START_TEST(one_bitlength_for_the_network_is_one)
{
    run("granularity=network act_granularity=network", "one", 1);
    pare_bits *b = load_bits("one");
    for (size_t i = 1; i < b->n_layers; i++) {
        ck_assert_double_eq(b->layers[i].weight_n, b->layers[0].weight_n);
        ck_assert_double_eq(b->layers[i].act_n, b->layers[0].act_n);
    }
    ck_assert(b->layers[0].weight_n < 8 && b->layers[0].weight_n != b->layers[0].act_n);
    pare_bits_free(b);
}
END_TEST

/* bits, scale, offset, inverse scale of each group; a layer's bits are those of its widest */
START_TEST(channel_groups_have_bitlengths_and_ranges_of_their_own)
{
    run("granularity=channel group_channels=3 gamma=4 n_lr=6", "one", 1);
    run("granularity=channel group_channels=3 gamma=4 n_lr=6", "two", 2);
    compare_trees("one", "two", ".");
    pare_bits *b = load_bits("one");
    static const char *const files[] = {"weights/conv1.groups.npy", "weights/conv2.groups.npy",
                                        "weights/fc.groups.npy"};
    static const size_t groups[] = {4, 4, 2}; /* 8, 12 and 4 channels, by 2, 3 and 2 */
    bool differ = false;
    for (int i = 0; i < 3; i++) {
        pare_tensor t = load_npy("one", files[i]);
        ck_assert_uint_eq(t.dims[0], groups[i]);
        ck_assert_uint_eq(t.dims[1], 4);
        const float *g = t.data;
        float most = 0;
        for (size_t j = 0; j < groups[i]; j++) {
            most = fmaxf(most, g[4 * j]);
            differ = differ || g[4 * j + 1] != g[1];
        }
        ck_assert_uint_eq((uint32_t)most, b->layers[i].weight_bits);
        pare_tensor_free(&t);
    }
    ck_assert(differ);
    pare_bits_free(b);
}
END_TEST

/* The channels' ranges are their own, the bitlength is the layer's; it stops at min_bits. */
START_TEST(ranges_of_channels_can_share_the_layers_bitlength)
{
    run("granularity=channel_range gamma=0.5 n_lr=6", "one", 1);
    run("granularity=channel_range gamma=0.5 n_lr=6", "two", 2);
    compare_trees("one", "two", ".");
    pare_bits *b = load_bits("one");
    static const char *const files[] = {"weights/conv1.groups.npy", "weights/conv2.groups.npy",
                                        "weights/fc.groups.npy"};
    uint32_t least = PARE_BITS_MAX;
    for (int i = 0; i < 3; i++) {
        pare_tensor t = load_npy("one", files[i]);
        const float *g = t.data;
        bool differ = false;
        for (size_t j = 0; j < t.dims[0]; j++) {
            ck_assert_uint_eq((uint32_t)g[4 * j], b->layers[i].weight_bits);
            differ = differ || g[4 * j + 1] != g[1];
        }
        ck_assert(differ);
        pare_tensor_free(&t);
        if (b->layers[i].weight_bits < least) least = b->layers[i].weight_bits;
    }
    ck_assert_double_ne(b->layers[0].weight_n, b->layers[1].weight_n);
    pare_bits_free(b);
    ck_assert_uint_lt(least, 6);
    run("granularity=channel_range gamma=4 n_lr=6 min_bits=6", "three", 1);
    b = load_bits("three");
    for (size_t i = 0; i < b->n_layers; i++) {
        ck_assert_double_ge(b->layers[i].weight_n, 6);
        ck_assert_double_ge(b->layers[i].act_n, 6);
    }
    pare_bits_free(b);
}
END_TEST

START_TEST(the_first_and_the_last_layer_can_be_fixed)
{
    run("first_last_bits=7 gamma=4 n_lr=6", "one", 1);
    pare_bits *b = load_bits("one");
    ck_assert_uint_eq(b->layers[0].weight_bits, 7);
    ck_assert_uint_eq(b->layers[2].act_bits, 7);
    ck_assert_uint_lt(b->layers[1].weight_bits, 6);
    ck_assert_double_eq(b->layers[0].weight_n, 0); /* not learned */
    ck_assert_double_gt(b->layers[1].weight_n, 0);
    pare_bits_free(b);
    run("method=fixed bits=3 first_last_bits=8", "two", 1);
    b = load_bits("two");
    ck_assert_uint_eq(b->layers[0].weight_bits, 8);
    ck_assert_uint_eq(b->layers[1].weight_bits, 3);
    ck_assert_uint_eq(b->layers[2].act_bits, 8);
    pare_bits_free(b);
}
END_TEST

/* ---- what presses on the bitlengths ------------------------------------------------------------
 */

/* The biggest tensor falls first by memory, the layer of most multiply-accumulates by MACs. */
START_TEST(the_criterion_chooses_who_falls_first)
{
    run("criterion=memory gamma=6", "one", 1);
    run("criterion=macs gamma=6", "two", 1);
    pare_bits *m = load_bits("one"), *c = load_bits("two");
    /* weights: 72, 864, 768; multiply-accumulates: 4608, 55296, 768 */
    ck_assert_double_lt(m->layers[1].weight_n, m->layers[0].weight_n);
    ck_assert_double_lt(m->layers[2].weight_n, m->layers[0].weight_n);
    ck_assert_double_lt(c->layers[1].weight_n, c->layers[0].weight_n);
    ck_assert_double_lt(c->layers[0].weight_n, c->layers[2].weight_n);
    pare_bits_free(m);
    pare_bits_free(c);
}
END_TEST

/* A machine whose energy is all in one layer's weights. */
static void write_cost_table(const char *name)
{
    pare_err e = {0};
    pare_net *net;
    pare_buf b = {0};
    char path[160];
    snprintf(path, sizeof path, "%s/little.net.yaml", scratch);
    ck_assert_int_eq(pare_net_load(path, &net, &e), PARE_OK);
    pare_cost_table *t = pare_cost_new(net, 8, 8);
    t->machine = "toy";
    t->outputs = "none";
    t->batch = 1;
    t->clock_mhz = 1;
    for (size_t l = 0; l < 3; l++)
        for (uint32_t w = 1; w <= 8; w++)
            for (uint32_t a = 1; a <= 8; a++)
                *pare_cost_at(t, l, w, a) = (pare_cost){
                    .cycles = w * a, .dram_bits = w + a, .energy_pj = l == 1 ? 100.0 * w : 1};
    pare_cost_write(t, "test", NULL, 0, &b);
    write_text(name, b.text, b.n);
    pare_buf_free(&b);
    pare_cost_free(t);
    pare_net_free(net);
}

START_TEST(a_machine_presses_where_its_cost_is)
{
    char settings[200];
    write_cost_table("toy.csv");
    snprintf(settings, sizeof settings, "criterion=energy cost_table=%s/toy.csv gamma=1", scratch);
    run(settings, "one", 1);
    pare_bits *b = load_bits("one");
    ck_assert_double_lt(b->layers[1].weight_n, 5);
    ck_assert_double_gt(b->layers[0].weight_n, 7.5);
    ck_assert_double_gt(b->layers[1].act_n, 7.5);
    pare_bits_free(b);
    check_refused("criterion=latency", "two", PARE_EINPUT, "without a cost_table");
}
END_TEST

START_TEST(a_budget_is_met)
{
    static const char *const budgets[] = {"0.3x-bitops", "0.5x", "0.45x-memory", "0.2x-macs"};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        char settings[96], folder[16], *json;
        size_t n;
        double frac;
        int criterion = 0;
        pare_err e = {0};
        ck_assert_int_eq(pare_budget_parse(budgets[i], &frac, &criterion, &e), PARE_OK);
        snprintf(settings, sizeof settings, "epochs=10 n_lr=6 budget=%s", budgets[i]);
        snprintf(folder, sizeof folder, "b%zu", i);
        const pare_train_result r = run(settings, folder, 2);
        printf("%s: %.3f, offset %.2f\n", budgets[i], r.cost_frac, r.rounding_offset);
        ck_assert_double_le(r.cost_frac, frac);
        ck_assert_double_gt(r.cost_frac, 0.5 * frac); /* and not far below */
        read_bytes(folder, "summary.json", &json, &n);
        ck_assert_double_eq(number_of(json, "\"cost_frac\""), r.cost_frac);
        ck_assert_double_eq(number_of(json, "\"budget_frac\""), frac);
        free(json);
    }
    check_refused("budget=0.1x-memory", "low", PARE_EINPUT, "at least 0.125x expected");
    check_refused("budget=half", "low", PARE_EINPUT, "such as 0.5x");
}
END_TEST

static bool stop_at_once(void *context)
{
    int *left = context;
    return (*left)-- <= 0;
}

START_TEST(a_budget_continues_to_the_same_bytes)
{
    const char *settings = "budget=0.4x-bitops n_lr=6 granularity=channel group_channels=4";
    run(settings, "whole", 1);
    for (int steps = 1; steps < 12; steps += 5) {
        int left = steps;
        const pare_train_hooks hooks = {.context = &left, .should_stop = stop_at_once};
        pare_train_result r;
        pare_err e = {0};
        char path[160];
        ck_assert_int_eq(run_with(settings, "parts", 2, &hooks, &r, &e), PARE_OK);
        run(settings, "parts", 1);
        compare_trees("whole", "parts", ".");
        snprintf(path, sizeof path, "%s/parts", scratch);
        remove_tree(path);
    }
}
END_TEST

/* A strong task and a weak penalty: n rests. A penalty alone: n never does until it is at 1. */
START_TEST(rest_of_the_bitlengths_is_told)
{
    const pare_train_result moving = run("gamma=0.02 n_lr=0.1 epochs=3", "one", 1);
    ck_assert_uint_eq(moving.n_balanced_epoch, 0);
    ck_assert(fabs(moving.n_unbalanced_frac) > 0.1);
    const pare_train_result at_one = run("gamma=50 n_lr=20 epochs=4", "two", 1);
    ck_assert_uint_ge(at_one.n_balanced_epoch, 1);
    ck_assert_double_eq(at_one.mean_weight_n, 1);
    ck_assert_double_eq_tol(at_one.n_unbalanced_frac, 0, 0.1);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const rates[] = {rates_rise_then_follow_the_schedule,
                                  smoothed_loss_is_the_mixture_of_its_ends, NULL};
    const TTest *const starts[] = {a_run_starts_from_the_weights_of_another,
                                   weights_that_do_not_fit_are_refused, NULL};
    const TTest *const grains[] = {one_bitlength_for_the_network_is_one,
                                   channel_groups_have_bitlengths_and_ranges_of_their_own,
                                   ranges_of_channels_can_share_the_layers_bitlength,
                                   the_first_and_the_last_layer_can_be_fixed, NULL};
    const TTest *const pressure[] = {
        the_criterion_chooses_who_falls_first, a_machine_presses_where_its_cost_is, a_budget_is_met,
        a_budget_continues_to_the_same_bytes,  rest_of_the_bitlengths_is_told,      NULL};
#define CASE(name, list)                                                                           \
    {                                                                                              \
        .suite = name, .tests = list, .setup = setup, .teardown = teardown, .timeout_s = 60        \
    }
    const gtck_case cases[] = {CASE("Rates", rates), CASE("Start", starts),
                               CASE("Granularity", grains), CASE("Pressure", pressure)};
    return gtck_main(argc, argv, "model_schedule", cases, sizeof cases / sizeof *cases);
}
