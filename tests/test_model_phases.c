/* What lies between the phases of a run, and what ends one early: statistics measured again,
 * bitlengths frozen, bitlengths at rest, numbers that are not finite. */
#define _DEFAULT_SOURCE /* DT_DIR, mkdtemp */
#include "gtck.h"
#include "model/train.h"
#include "model_run_fixture.h"

#include <math.h>

enum { STEPS = TRAIN / 16 }; /* an epoch of the fixture's batch */

static void stop_on(const pare_err *e, pare_status status)
{
    if (status != PARE_OK) pare_err_print(e, stderr);
    ck_assert_int_eq(status, PARE_OK);
}

/* ---- a run's inside ----------------------------------------------------------------------------
 */

typedef struct opened {
    pare_arena *arena;
    pare_train_config config;
    const char *folder;
    pare_run r;
} opened;

static void open_inside(opened *o, const char *assignments, const char *folder)
{
    pare_err e = {0};
    o->arena = pare_arena_new();
    o->config = config_of(o->arena, assignments);
    o->folder = pare_arena_printf(o->arena, "%s/%s", scratch, folder);
    stop_on(&e, pare_run_open(&o->config, o->folder, 1, NULL, &o->r, &e));
}

static void load_inside(opened *o, const char *checkpoint)
{
    pare_err e = {0};
    bool found;
    stop_on(&e, pare_checkpoint_load(&o->r, checkpoint, &found, &e));
    ck_assert(found);
}

static void close_inside(opened *o)
{
    pare_run_close(&o->r);
    pare_arena_free(o->arena);
}

static pare_node *node_of(const pare_graph *g, const char *layer)
{
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (!strcmp(g->nodes[i].l->name, layer)) return &g->nodes[i];
    ck_abort_msg("no node %s", layer);
}

/* ---- statistics --------------------------------------------------------------------------------
 */

enum { STATS_MAX = 256 };

/* Everything that evaluation takes from batches: running means, variances, ranges. */
static size_t take_stats(const pare_graph *g, double *out)
{
    size_t n = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const pare_node *k = &g->nodes[i];
        for (size_t j = 0; j < k->gamma.n; j++) {
            out[n++] = (double)k->run_mean[j];
            out[n++] = (double)k->run_var[j];
        }
        if (k->kind != PARE_NODE_MAC) continue;
        out[n++] = (double)g->values[k->x].run_lo;
        out[n++] = (double)g->values[k->x].run_hi;
    }
    ck_assert_uint_lt(n, STATS_MAX);
    return n;
}

/* One pass over a batch of the training images in their own order, whose statistics become all. */
static void pass_batch(pare_run *r, size_t batch)
{
    pare_err e = {0};
    const pare_batch b = {.data = r->data, .images = &r->data->train, .first = batch * 16};
    pare_job job = {.g = r->graph,
                    .is_training = true,
                    .bn_share = 1,
                    .range_share = 1,
                    .batch = &b,
                    .n_images = 16};
    stop_on(&e, pare_graph_forward(&job, &e));
}

/* After rounding up, each running statistic is the mean over training batches without augmentation,
 * at the rounded bitlengths, whatever it was before. */
START_TEST(statistics_are_measured_again_at_rounded_bitlengths)
{
    static double before[STATS_MAX], after[STATS_MAX], batch[STATS_MAX], mean[STATS_MAX];
    pare_err e = {0};
    opened o;
    const char *settings = "augment=crop gamma=4 n_lr=6";
    run(settings, "one", 1);
    open_inside(&o, settings, "one");
    load_inside(&o, PARE_LEARNED);
    const size_t n = take_stats(o.r.graph, before);
    stop_on(&e, pare_run_ceil(&o.r, &e));
    take_stats(o.r.graph, after);
    for (size_t b = 0; b < STEPS; b++) {
        pass_batch(&o.r, b);
        take_stats(o.r.graph, batch);
        for (size_t i = 0; i < n; i++) mean[i] += batch[i] / STEPS;
    }
    size_t n_moved = 0;
    for (size_t i = 0; i < n; i++) {
        ck_assert_double_eq_tol(after[i], mean[i], 1e-5 * (1 + fabs(mean[i])));
        n_moved += fabs(after[i] - before[i]) > 1e-3 * fabs(before[i]);
    }
    printf("%zu statistics, %zu of them elsewhere than at the end of learning\n", n, n_moved);
    ck_assert_uint_gt(n_moved, n / 2);
    close_inside(&o);
}
END_TEST

/* The rows of bits_per_epoch.csv in order: phase, epoch, layer, n of weights, n of activations. */
typedef struct bits_row {
    char phase[16], layer[16];
    unsigned epoch;
    double n[2];
} bits_row;

static size_t read_bits_rows(const char *folder, bits_row *rows, size_t most)
{
    char *text;
    size_t size, n = 0;
    read_bytes(folder, "bits_per_epoch.csv", &text, &size);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        bits_row r;
        if (sscanf(line, "%15[a-z],%u,%15[^,],%lf,%lf", r.phase, &r.epoch, r.layer, &r.n[0],
                   &r.n[1]) != 5)
            continue;
        ck_assert_uint_lt(n, most);
        rows[n++] = r;
    }
    free(text);
    return n;
}

START_TEST(bitlengths_are_rounded_up_and_stay_while_tuning)
{
    enum { LAYERS = 3, LEARN = 3, TUNE = 4, MOST = 64 };
    static bits_row rows[MOST];
    /* strong enough to move them in every step of learning */
    run("gamma=1 n_lr=3 epochs=3 tune_epochs=4", "one", 1);
    ck_assert_uint_eq(read_bits_rows("one", rows, MOST), LAYERS * (LEARN + TUNE));
    const bits_row *last = rows + LAYERS * (LEARN - 1), *first = rows;
    for (int i = 0; i < LAYERS; i++) {
        ck_assert_str_eq(last[i].phase, "learn");
        for (int k = 0; k < 2; k++) {
            ck_assert_double_lt(last[i].n[k], first[i].n[k]);
            ck_assert_double_ne(last[i].n[k], ceil(last[i].n[k]));
        }
        for (int epoch = 1; epoch <= TUNE; epoch++) {
            const bits_row *tuned = &last[epoch * LAYERS + i];
            ck_assert_str_eq(tuned->phase, "tune");
            for (int k = 0; k < 2; k++) ck_assert_double_eq(tuned->n[k], ceil(last[i].n[k]));
        }
    }
}
END_TEST

/* Tuning moves the weights, and starts from those that were learned. */
START_TEST(tuning_moves_the_weights_only)
{
    opened learned, tuned;
    run("tune_epochs=2", "one", 1);
    open_inside(&learned, "tune_epochs=2", "one");
    open_inside(&tuned, "tune_epochs=2", "one");
    load_inside(&learned, PARE_LEARNED);
    load_inside(&tuned, PARE_CHECKPOINT);
    static const char *const layers[] = {"conv1", "conv2", "fc"};
    for (int l = 0; l < 3; l++) {
        const pare_node *a = node_of(learned.r.graph, layers[l]);
        const pare_node *b = node_of(tuned.r.graph, layers[l]);
        double way = 0, size = 0;
        for (size_t i = 0; i < a->w.n; i++) {
            way += fabs((double)a->w.x[i] - (double)b->w.x[i]);
            size += fabs((double)a->w.x[i]);
        }
        ck_assert_double_gt(way, 0);
        ck_assert_double_lt(way, size);
        ck_assert_double_eq(b->qw[0].n, ceil(a->qw[0].n));
        ck_assert_double_eq(b->qa.n, ceil(a->qa.n));
        ck_assert_double_eq(b->qa.learned_n, a->qa.n);
    }
    close_inside(&learned);
    close_inside(&tuned);
}
END_TEST

/* ---- rest --------------------------------------------------------------------------------------
 */

/* The share that is told is the way of the bitlengths in the table, by their weights in the
 * penalty, beside that of the penalty alone: 1 where nothing resists. */
START_TEST(the_share_of_the_pull_is_that_of_the_table)
{
    enum { LAYERS = 3, EPOCHS = 3, MOST = 64 };
    static bits_row rows[MOST];
    char *json;
    size_t size;
    const double gamma = 0.0005, n_lr = 1000;
    const pare_train_result r =
        run("gamma=0.0005 n_lr=1000 epochs=3 tune_epochs=1 schedule=constant", "one", 1);
    read_bits_rows("one", rows, MOST);
    double way = 0;
    for (int i = 0; i < LAYERS; i++)
        for (int k = 0; k < 2; k++)
            way += rows[LAYERS * (EPOCHS - 2) + i].n[k] - rows[LAYERS * (EPOCHS - 1) + i].n[k];
    /* equal weights, lambda = 1/6: each would go n_lr * gamma / 6 a step */
    const double alone = STEPS * n_lr * gamma;
    printf("share %.4f, of the table %.4f\n", r.n_unbalanced_frac, way / alone);
    ck_assert_double_eq_tol(r.n_unbalanced_frac, way / alone, 1e-9);
    ck_assert_uint_eq(r.n_balanced_epoch, 0);
    read_bytes("one", "summary.json", &json, &size);
    ck_assert_double_eq(number_of(json, "\"n_unbalanced_frac\""), r.n_unbalanced_frac);
    ck_assert_double_eq(number_of(json, "\"n_balanced_epoch\""), 0);
    free(json);
}
END_TEST

/* All at one bit after some epochs of five: told with the first of the epochs at rest. */
START_TEST(the_epoch_from_which_on_they_rest_is_told)
{
    enum { LAYERS = 3, EPOCHS = 5, MOST = 64 };
    static bits_row rows[MOST];
    char *json;
    size_t size;
    const pare_train_result r =
        run("lr=0.001 gamma=5000 n_lr=0.001 epochs=5 tune_epochs=1 schedule=constant", "one", 1);
    read_bits_rows("one", rows, MOST);
    uint32_t first = EPOCHS + 1;
    for (uint32_t epoch = EPOCHS; epoch > 1; epoch--) {
        double sum = 0;
        for (uint32_t i = 0; i < LAYERS; i++)
            sum += rows[LAYERS * (epoch - 2) + i].n[0] + rows[LAYERS * (epoch - 2) + i].n[1];
        if (sum > 2 * LAYERS) break; /* somebody went on from there */
        first = epoch;
    }
    printf("all at one bit before epoch %u, at rest from %u on\n", first, r.n_balanced_epoch);
    ck_assert_uint_gt(first, 2);
    ck_assert_uint_le(first, EPOCHS);
    ck_assert_uint_eq(r.n_balanced_epoch, first);
    read_bytes("one", "summary.json", &json, &size);
    ck_assert_double_eq(number_of(json, "\"n_balanced_epoch\""), first);
    free(json);
}
END_TEST

/* ---- numbers that are not finite ---------------------------------------------------------------
 */

typedef struct stopper {
    int left;
} stopper;

static bool stop_after(void *context) { return ((stopper *)context)->left-- <= 0; }

/* Let a run stop after some steps, change its checkpoint, and go on to the step that fails: the
 * message names it, and the checkpoint stays byte by byte. */
static void check_stop(const char *settings, int steps, void (*poison)(pare_graph *),
                       const char *place, const char *expected)
{
    pare_err e = {0};
    pare_train_result r;
    opened o;
    stopper s = {steps};
    char kept[64], *before, *after;
    size_t n_before, n_after;
    const pare_train_hooks hooks = {.context = &s, .should_stop = stop_after};
    stop_on(&e, run_with(settings, "one", 1, &hooks, &r, &e));
    open_inside(&o, settings, "one");
    load_inside(&o, PARE_CHECKPOINT);
    poison(o.r.graph);
    stop_on(&e, pare_checkpoint_save(&o.r, PARE_CHECKPOINT, &e));
    close_inside(&o);
    read_bytes("one", "checkpoint.bin", &before, &n_before);
    ck_assert_int_eq(run_with(settings, "one", 1, NULL, &r, &e), PARE_EFAIL);
    printf("%u: %s\n", e.line, e.text);
    ck_assert_uint_gt(e.line, 0);
    ck_assert_msg(!strncmp(e.text, place, strlen(place)), "%s", e.text);
    ck_assert_msg(strstr(e.text, expected) != NULL, "%s", e.text);
    snprintf(kept, sizeof kept, "checkpoint.bin of %d steps is kept", steps);
    ck_assert_msg(strstr(e.text, kept) != NULL, "%s", e.text);
    read_bytes("one", "checkpoint.bin", &after, &n_after);
    ck_assert(n_before == n_after && !memcmp(before, after, n_before));
    free(before);
    free(after);
}

static void fill(pare_param *p, float x)
{
    for (size_t i = 0; i < p->n; i++) p->x[i] = x;
}

/* Tiny maps and huge last weights: logits of some hundreds, but gradients beyond float. */
static void make_gradients_huge(pare_graph *g)
{
    pare_node *conv2 = node_of(g, "conv2"), *fc = node_of(g, "fc");
    fill(&conv2->w, 3e-38f);
    fill(&conv2->bias, 0);
    for (size_t i = 0; i < fc->w.n; i++)
        fc->w.x[i] = i < fc->w.n / CLASSES ? 3e38f : 1e38f; /* of one class more */
}

START_TEST(a_gradient_beyond_float_stops_the_run)
{
    check_stop("method=fp32", 4, make_gradients_huge, "step 5 of epoch 1 (train): ",
               "the gradient of layer conv2's weights is not finite");
}
END_TEST

static void poison_weights(pare_graph *g) { node_of(g, "conv2")->w.x[5] = NAN; }

START_TEST(a_loss_that_is_not_finite_stops_the_run)
{
    check_stop("", 8, poison_weights,
               "step 3 of epoch 2 (learn): ", "the output of layer conv2 is not finite");
}
END_TEST

/* Momentum that throws the weights out of float's range, after gradients that were finite. */
static void make_momentum_huge(pare_graph *g)
{
    pare_param *w = &node_of(g, "fc")->w;
    for (size_t i = 0; i < w->n; i++) w->m[i] = 3e38f;
}

START_TEST(a_step_beyond_float_stops_the_run)
{
    check_stop("method=fp32 lr=3 schedule=constant", 2, make_momentum_huge,
               "step 3 of epoch 1 (train): ", "the step of layer fc's parameters is not finite");
}
END_TEST

/* The images themselves, as a reader of floats could hand them over. */
START_TEST(data_that_is_not_finite_is_blamed_on_its_image)
{
    static const float wrong[] = {NAN, INFINITY};
    for (int i = 0; i < 2; i++) {
        pare_err e = {0};
        opened o;
        open_inside(&o, "method=fp32", "one");
        stop_on(&e, pare_graph_set_weights(o.r.graph, true, &e));
        o.r.data->inv_std[0] = wrong[i];
        const pare_batch b = {.data = o.r.data, .images = &o.r.data->train};
        pare_job job = {
            .g = o.r.graph, .is_training = true, .batch = &b, .n_images = 16, .bn_share = 1};
        ck_assert_int_eq(pare_graph_forward(&job, &e), PARE_EFAIL);
        printf("%u: %s\n", e.line, e.text);
        ck_assert_ptr_nonnull(strstr(e.text, "image 1 of the batch has a value that is not"));
        close_inside(&o);
    }
}
END_TEST

START_TEST(first_weights_that_are_not_finite_are_refused)
{
    pare_err e = {0};
    opened o;
    char start[160];
    run("", "one", 1);
    open_inside(&o, "", "one");
    load_inside(&o, PARE_CHECKPOINT);
    poison_weights(o.r.graph);
    stop_on(&e, pare_checkpoint_save(&o.r, PARE_CHECKPOINT, &e));
    close_inside(&o);
    snprintf(start, sizeof start, "from=%s/one", scratch);
    check_refused(start, "two", PARE_EINPUT, "layer conv2 has a weight that is not finite");
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const between[] = {statistics_are_measured_again_at_rounded_bitlengths,
                                    bitlengths_are_rounded_up_and_stay_while_tuning,
                                    tuning_moves_the_weights_only, NULL};
    const TTest *const rest[] = {the_share_of_the_pull_is_that_of_the_table,
                                 the_epoch_from_which_on_they_rest_is_told, NULL};
    const TTest *const stops[] = {a_gradient_beyond_float_stops_the_run,
                                  a_loss_that_is_not_finite_stops_the_run,
                                  a_step_beyond_float_stops_the_run,
                                  data_that_is_not_finite_is_blamed_on_its_image,
                                  first_weights_that_are_not_finite_are_refused,
                                  NULL};
#define CASE(name, list)                                                                           \
    {                                                                                              \
        .suite = name, .tests = list, .setup = setup, .teardown = teardown, .timeout_s = 60        \
    }
    const gtck_case cases[] = {CASE("Between", between), CASE("Rest", rest),
                               CASE("NotFinite", stops)};
    return gtck_main(argc, argv, "model_phases", cases, sizeof cases / sizeof *cases);
}
