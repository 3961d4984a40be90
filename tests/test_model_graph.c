#include "gtck.h"
#include "model/optim.h"
#include "model_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 7, BATCH = 16, CLASSES = 5 };

/* every operation, every way of meeting: stored and unstored results, shared inputs, both kinds of
 * addition, concatenation, padding, groups, depthwise, dilation */
static const char plain_net[] =
    "version: 1\n"
    "name: plain\n"
    "input: {channels: 3, height: 9, width: 9}\n"
    "layers:\n"
    "  - {name: c1, type: conv2d, out_channels: 6, kernel: 3, pad: 1, bias: true}\n"
    "  - {name: r1, type: relu}\n"
    "  - {name: p1, type: maxpool, kernel: 3, stride: 2, pad: 1}\n"
    "  - {name: c2, type: conv2d, out_channels: 8, kernel: 3, bias: true}\n"
    "  - {name: r2, type: relu}\n"
    "  - {name: a2, type: avgpool, kernel: 2, stride: 1}\n"
    "  - {name: f, type: flatten}\n"
    "  - {name: fc1, type: fc, out_channels: 12, bias: true}\n"
    "  - {name: r3, type: relu6}\n"
    "  - {name: fc2, type: fc, out_channels: 5, bias: true}\n";

static const char graph_net[] =
    "version: 1\n"
    "name: graph\n"
    "input: {channels: 4, height: 8, width: 8}\n"
    "layers:\n"
    "  - {name: c1, type: conv2d, out_channels: 16, kernel: 3, pad: 1}\n"
    "  - {name: b1, type: batchnorm}\n"
    "  - {name: r1, type: relu}\n"
    "  - {name: c2, type: conv2d, out_channels: 16, kernel: 3, pad: 1}\n"
    "  - {name: b2, type: batchnorm}\n"
    "  - {name: r2, type: relu}\n"
    "  - {name: c3, type: conv2d, out_channels: 16, kernel: 3, pad: 1}\n"
    "  - {name: side, type: conv2d, out_channels: 4, stride: 2, inputs: [r1]}\n"
    "  - {name: b3, type: batchnorm, inputs: [c3]}\n"
    "  - {name: s1, type: add, inputs: [b3, r1]}\n"
    "  - {name: r3, type: relu}\n"
    "  - {name: c4, type: conv2d, out_channels: 20, kernel: 3, stride: 2, pad: 1}\n"
    "  - {name: b4, type: batchnorm}\n"
    "  - {name: d4, type: conv2d, out_channels: 20, stride: 2, inputs: [r3]}\n"
    "  - {name: bd4, type: batchnorm}\n"
    "  - {name: s2, type: add, inputs: [b4, bd4]}\n"
    "  - {name: r4, type: relu}\n"
    "  - {name: bq, type: batchnorm}\n"
    "  - {name: dw, type: conv2d, out_channels: 20, kernel: 3, pad: 1, groups: 20}\n"
    "  - {name: bdw, type: batchnorm}\n"
    "  - {name: rdw, type: relu6}\n"
    "  - {name: pw, type: conv2d, out_channels: 20}\n"
    "  - {name: bpw, type: batchnorm}\n"
    "  - {name: s3, type: add, inputs: [bpw, r4]}\n"
    "  - {name: g1, type: conv2d, out_channels: 8, kernel: 3, pad: 2, dilation: 2, groups: 2}\n"
    "  - {name: cc, type: concat, inputs: [g1, s3, side]}\n"
    "  - {name: bc, type: batchnorm}\n"
    "  - {name: rc, type: relu}\n"
    "  - {name: ga, type: global_avgpool}\n"
    "  - {name: fc, type: fc, out_channels: 5, bias: true}\n";

/* wide enough for minimal filtering in all passes */
static const char wide_net[] =
    "version: 1\n"
    "name: wide\n"
    "input: {channels: 3, height: 9, width: 9}\n"
    "layers:\n"
    "  - {name: c1, type: conv2d, out_channels: 32, kernel: 3, pad: 1}\n"
    "  - {name: b1, type: batchnorm}\n"
    "  - {name: r1, type: relu}\n"
    "  - {name: c2, type: conv2d, out_channels: 48, kernel: 3, pad: 1, bias: true}\n"
    "  - {name: r2, type: relu}\n"
    "  - {name: c3, type: conv2d, out_channels: 32, kernel: 3, pad: 1}\n"
    "  - {name: b3, type: batchnorm}\n"
    "  - {name: s3, type: add, inputs: [b3, r1]}\n"
    "  - {name: r3, type: relu}\n"
    "  - {name: g, type: global_avgpool}\n"
    "  - {name: fc, type: fc, out_channels: 5, bias: true}\n";

static const char image_net[] = "version: 1\n"
                                "name: image\n"
                                "input: {channels: 3, height: 6, width: 6}\n"
                                "layers:\n"
                                "  - {name: c, type: conv2d, out_channels: 5, kernel: 6}\n";

typedef struct fixture {
    pare_net *net;
    pare_dataset *data;
    pare_graph *g;
    pare_batch batch;
} fixture;

static void stop_on(const pare_err *e, pare_status s)
{
    if (s != PARE_OK) pare_err_print(e, stderr);
    ck_assert_int_eq(s, PARE_OK);
}

static fixture open_fixture(const char *text, const char *method, unsigned threads,
                            const pare_kernels *k, int compute)
{
    fixture f = {0};
    pare_err e = {0};
    stop_on(&e, pare_net_parse("test.net.yaml", text, strlen(text), &f.net, &e));
    f.data = fixture_data(64, f.net->layers[0].out, CLASSES, SEED);
    const pare_graph_spec spec = {.net = f.net,
                                  .method = fixture_method(method),
                                  .batch = BATCH,
                                  .n_classes = CLASSES,
                                  .max_bits = 8,
                                  .is_bf16 = compute == PARE_COMPUTE_BF16,
                                  .is_winograd = compute == PARE_COMPUTE_WINOGRAD,
                                  .seed = SEED,
                                  .threads = threads,
                                  .kernels = k};
    stop_on(&e, pare_graph_new(&spec, &f.g, &e));
    f.batch = (pare_batch){.data = f.data, .images = &f.data->train};
    return f;
}

static void close_fixture(fixture *f)
{
    pare_graph_free(f->g);
    pare_dataset_free(f->data);
    pare_net_free(f->net);
}

static double loss_of(fixture *f, bool wants_gradient)
{
    pare_err e = {0};
    pare_job job = {.g = f->g,
                    .is_training = true,
                    .wants_gradient = wants_gradient,
                    .bn_share = 0.1,
                    .range_share = 0.1,
                    .batch = &f->batch,
                    .n_images = BATCH};
    stop_on(&e, pare_graph_set_weights(f->g, true, &e));
    stop_on(&e, pare_graph_forward(&job, &e));
    if (wants_gradient) {
        stop_on(&e, pare_graph_backward(&job, &e));
        for (uint32_t i = 0; i < f->g->n_nodes; i++) {
            pare_node *n = &f->g->nodes[i];
            if (n->kind == PARE_NODE_MAC)
                stop_on(&e, pare_mac_reduce(n->mac, 0, 0, f->g->n_shards, n->w.g, n->bias.g, &e));
        }
    }
    return job.loss;
}

/* Along a random direction and along the gradient: the slope of the loss against g . d. */
static void check_param(fixture *f, const char *what, pare_param *p, uint64_t stream)
{
    if (!p->n) return;
    float *old = pare_xalloc(p->n, sizeof *old), *d = pare_xalloc(p->n, sizeof *d);
    memcpy(old, p->x, p->n * sizeof *old);
    for (int way = 0; way < 2; way++) {
        pare_rng r = pare_rng_new(SEED, stream);
        double norm = 0, slope = 0;
        for (size_t i = 0; i < p->n; i++) {
            d[i] = way ? p->g[i] : (float)pare_rng_normal(&r);
            norm += (double)d[i] * (double)d[i];
        }
        norm = sqrt(norm);
        if (norm < 1e-9) continue;
        double best = INFINITY, at = 0;
        for (size_t i = 0; i < p->n; i++) slope += (double)p->g[i] * (double)d[i] / norm;
        for (double h = 0.02; h > 0.0005; h /= 2) { /* kinks spoil single step sizes */
            double l[2];
            for (int s = 0; s < 2; s++) {
                for (size_t i = 0; i < p->n; i++)
                    p->x[i] = (float)((double)old[i] + (s ? h : -h) * (double)d[i] / norm);
                l[s] = loss_of(f, false);
            }
            const double fd = (l[1] - l[0]) / (2 * h);
            if (fabs(fd - slope) < best) {
                best = fabs(fd - slope);
                at = fd;
            }
        }
        memcpy(p->x, old, p->n * sizeof *old);
        ck_assert_msg(best < 2e-3 * fabs(slope) + 3e-4, "%s: slope %g, finite difference %g", what,
                      slope, at);
    }
    free(old);
    free(d);
}

static void check_net(const char *text)
{
    printf("seed %d\n", SEED);
    fixture f = open_fixture(text, "fp32", 1, NULL, PARE_COMPUTE_F32);
    loss_of(&f, true);
    for (uint32_t i = 0; i < f.g->n_nodes; i++) {
        pare_node *n = &f.g->nodes[i];
        check_param(&f, n->l->name, &n->w, i);
        check_param(&f, n->l->name, &n->bias, i);
        check_param(&f, n->l->name, &n->gamma, i);
        check_param(&f, n->l->name, &n->beta, i);
    }
    close_fixture(&f);
}

START_TEST(gradients_of_a_chain_equal_finite_differences) { check_net(plain_net); }
END_TEST

START_TEST(gradients_of_a_graph_equal_finite_differences) { check_net(graph_net); }
END_TEST

/* ---- bitlengths --------------------------------------------------------------------------------
 */

/* Behind the last layer nothing is rounded, so there the loss is a smooth function of n, and the
 * finite difference is that of the true loss. */
static void check_last_n(const char *text)
{
    fixture f = open_fixture(text, "bitpruning", 2, NULL, PARE_COMPUTE_F32);
    pare_node *last = &f.g->nodes[f.g->n_nodes - 1];
    ck_assert_int_eq(last->kind, PARE_NODE_MAC);
    pare_quant *const quants[] = {last->qw, &last->qa};
    for (int i = 0; i < 2; i++) quants[i]->n = 3.4;
    loss_of(&f, true);
    double sums[PARE_N_SUMS] = {0};
    const pare_reduce_args r = {.g = last->w.g,
                                .x = last->w.x,
                                .affine = &pare_affine_identity,
                                .blend = &last->qw->blend,
                                .wants = PARE_WANTS_PAIR,
                                .sums = sums};
    f.g->kernels->reduce(&r, 1, last->w.n);
    const double slopes[] = {sums[PARE_SUM_PAIR], last->qa.g_n};
    for (int i = 0; i < 2; i++) {
        double l[2];
        for (int s = 0; s < 2; s++) {
            quants[i]->n = s ? 3.45 : 3.35;
            l[s] = loss_of(&f, false);
        }
        quants[i]->n = 3.4;
        ck_assert_double_gt(fabs(slopes[i]), 1e-4);
        ck_assert_double_eq_tol((l[1] - l[0]) / 0.1, slopes[i], 0.01 * fabs(slopes[i]) + 1e-5);
    }
    close_fixture(&f);
}

START_TEST(gradients_of_bitlengths_equal_finite_differences)
{
    check_last_n(plain_net); /* the input is never stored */
    check_last_n(graph_net); /* the input is stored */
    check_last_n(image_net); /* the input are the images */
}
END_TEST

/* ---- the same bits -----------------------------------------------------------------------------
 */

static double step(fixture *f, double lr)
{
    pare_err e = {0};
    pare_job job = {.g = f->g,
                    .is_training = true,
                    .wants_gradient = true,
                    .bn_share = 0.1,
                    .range_share = 0.1,
                    .batch = &f->batch,
                    .n_images = f->g->batch};
    const pare_update u = {.optimizer = &pare_optimizers[0],
                           .lr = lr,
                           .n_lr = 0.1,
                           .momentum = 0.9,
                           .weight_decay = 1e-4,
                           .gamma = 0.1,
                           .t = 1};
    stop_on(&e, pare_graph_forward(&job, &e));
    stop_on(&e, pare_graph_backward(&job, &e));
    stop_on(&e, pare_graph_update(f->g, &u, &e));
    return job.loss;
}

static void check_same(const pare_graph *a, const pare_graph *b)
{
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        const pare_node *m = &a->nodes[i], *n = &b->nodes[i];
        const pare_param *const p[][2] = {
            {&m->w, &n->w}, {&m->bias, &n->bias}, {&m->gamma, &n->gamma}, {&m->beta, &n->beta}};
        for (int j = 0; j < 4; j++)
            for (size_t k = 0; k < p[j][0]->n; k++)
                ck_assert_msg(p[j][0]->x[k] == p[j][1]->x[k], "layer %s, parameter %d, index %zu",
                              m->l->name, j, k);
        if (m->kind == PARE_NODE_MAC) ck_assert_double_eq(m->qw->n, n->qw->n);
        ck_assert_double_eq(m->qa.n, n->qa.n);
    }
}

static void copy_state(const pare_graph *from, pare_graph *to)
{
    for (uint32_t i = 0; i < from->n_nodes; i++) {
        const pare_node *m = &from->nodes[i];
        pare_node *n = &to->nodes[i];
        const pare_param *const p[] = {&m->w, &m->bias, &m->gamma, &m->beta};
        pare_param *const q[] = {&n->w, &n->bias, &n->gamma, &n->beta};
        for (int j = 0; j < 4; j++)
            for (size_t k = 0; k < p[j]->n; k++) q[j]->x[k] = p[j]->x[k];
        for (size_t k = 0; k < m->gamma.n; k++) {
            n->run_mean[k] = m->run_mean[k];
            n->run_var[k] = m->run_var[k];
        }
    }
}

static void check_ways(const char *net, const char *method, int compute)
{
    pare_err e = {0};
    const unsigned threads[] = {1, 2, 3};
    fixture f[3];
    for (int i = 0; i < 3; i++) {
        f[i] = open_fixture(net, method, threads[i], i == 2 ? &pare_kernels_c : NULL, compute);
        stop_on(&e, pare_graph_set_weights(f[i].g, true, &e));
        for (int s = 0; s < 4; s++) step(&f[i], 0.05);
    }
    check_same(f[0].g, f[1].g);
    check_same(f[0].g, f[2].g);
    for (int i = 0; i < 3; i++) close_fixture(&f[i]);
}

START_TEST(threads_and_kernels_do_not_change_the_bits)
{
    check_ways(graph_net, "bitpruning", PARE_COMPUTE_F32);
    check_ways(graph_net, "fp32", PARE_COMPUTE_F32);
    if (pare_kernels_best() != &pare_kernels_avx512) return; /* oneDNN's others need it */
    check_ways(graph_net, "bitpruning", PARE_COMPUTE_BF16);
    check_ways(wide_net, "bitpruning", PARE_COMPUTE_WINOGRAD);
}
END_TEST

/* Minimal filtering is float arithmetic in another order: losses of some steps agree, evaluations
 * with the same weights are equal. */
START_TEST(winograd_trains_as_float_does)
{
    if (pare_kernels_best() != &pare_kernels_avx512) GTCK_SKIP("no AVX-512 here");
    pare_err e = {0};
    fixture f[2];
    double losses[2][4];
    for (int i = 0; i < 2; i++) {
        f[i] =
            open_fixture(wide_net, "fp32", 2, NULL, i ? PARE_COMPUTE_WINOGRAD : PARE_COMPUTE_F32);
        stop_on(&e, pare_graph_set_weights(f[i].g, true, &e));
        for (int s = 0; s < 4; s++) losses[i][s] = step(&f[i], 0.02);
    }
    for (int s = 0; s < 4; s++) {
        printf("step %d: %.7f, by minimal filtering %.7f\n", s + 1, losses[0][s], losses[1][s]);
        ck_assert_double_eq_tol(losses[0][s], losses[1][s], 1e-4 * losses[0][s]);
    }
    ck_assert_double_ne(losses[0][3], losses[1][3]); /* it was used */
    double evaluated[2];
    for (int i = 0; i < 2; i++) {
        pare_job job = {.g = f[i].g, .batch = &f[i].batch, .n_images = BATCH};
        if (i) copy_state(f[0].g, f[1].g);
        stop_on(&e, pare_graph_set_weights(f[i].g, false, &e));
        stop_on(&e, pare_graph_forward(&job, &e));
        evaluated[i] = job.loss;
    }
    ck_assert_double_eq(evaluated[0], evaluated[1]);
    for (int i = 0; i < 2; i++) close_fixture(&f[i]);
}
END_TEST

/* ---- numbers that are not finite ---------------------------------------------------------------
 */

static pare_node *node_of(pare_graph *g, const char *layer)
{
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (!strcmp(g->nodes[i].l->name, layer)) return &g->nodes[i];
    ck_abort_msg("no node %s", layer);
}

static void check_blame(float poison, const char *into, const char *expected)
{
    pare_err e = {0};
    fixture f = open_fixture(graph_net, "bitpruning", 2, NULL, PARE_COMPUTE_F32);
    pare_node *n = node_of(f.g, into);
    if (n->kind == PARE_NODE_MAC)
        n->w.x[3] = poison;
    else
        n->beta.x[3] = poison;
    stop_on(&e, pare_graph_set_weights(f.g, true, &e));
    pare_job job = {.g = f.g,
                    .is_training = true,
                    .wants_gradient = true,
                    .bn_share = 0.1,
                    .range_share = 0.1,
                    .batch = &f.batch,
                    .n_images = BATCH};
    ck_assert_int_eq(pare_graph_forward(&job, &e), PARE_EFAIL);
    ck_assert_msg(strstr(e.text, expected) != NULL, "%s: %s", into, e.text);
    ck_assert_uint_gt(e.line, 0);
    close_fixture(&f);
}

START_TEST(a_value_that_is_not_finite_is_blamed_on_its_layer)
{
    check_blame(NAN, "c4", "layer c4 is not finite");
    check_blame(INFINITY, "c1", "layer c1 is not finite");
    check_blame(NAN, "fc", "layer fc is not finite");
    check_blame(INFINITY, "b4", "layer b4 is not finite");
}
END_TEST

START_TEST(a_gradient_that_is_not_finite_is_blamed_on_its_layer)
{
    pare_err e = {0};
    fixture f = open_fixture(graph_net, "bitpruning", 2, NULL, PARE_COMPUTE_F32);
    stop_on(&e, pare_graph_set_weights(f.g, true, &e));
    step(&f, 0.01);
    node_of(f.g, "b3")->gamma.g[2] = NAN;
    const pare_update u = {.optimizer = &pare_optimizers[0], .lr = 0.1, .t = 1};
    ck_assert_int_eq(pare_graph_update(f.g, &u, &e), PARE_EFAIL);
    ck_assert_ptr_nonnull(strstr(e.text, "gradient of layer b3's scale is not finite"));
    e = (pare_err){0};
    node_of(f.g, "b3")->gamma.g[2] = 0;
    node_of(f.g, "c3")->qa.g_n = NAN;
    ck_assert_int_eq(pare_graph_update(f.g, &u, &e), PARE_EFAIL);
    ck_assert_ptr_nonnull(strstr(e.text, "layer c3's quantizers is not finite"));
    close_fixture(&f);
}
END_TEST

/* ---- shipped networks --------------------------------------------------------------------------
 */

static void check_learns(const char *name, uint32_t batch, int steps, double lr, int compute)
{
    pare_err e = {0};
    fixture f = {0};
    pare_buf path = {0};
    pare_data_find("networks", name, &path);
    stop_on(&e, pare_net_load(path.text, &f.net, &e));
    pare_buf_free(&path);
    const uint32_t classes = (uint32_t)pare_shape_count(f.net->layers[f.net->n_layers - 1].out);
    f.data = fixture_data(batch, f.net->layers[0].out, classes, SEED);
    const pare_graph_spec spec = {.net = f.net,
                                  .method = fixture_method("bitpruning"),
                                  .batch = batch,
                                  .n_classes = classes,
                                  .max_bits = 8,
                                  .is_bf16 = compute == PARE_COMPUTE_BF16,
                                  .is_winograd = compute == PARE_COMPUTE_WINOGRAD,
                                  .seed = SEED,
                                  .threads = 2};
    stop_on(&e, pare_graph_new(&spec, &f.g, &e));
    f.batch = (pare_batch){.data = f.data, .images = &f.data->train};
    stop_on(&e, pare_graph_set_weights(f.g, true, &e));
    double first = 0, last = 0;
    for (int s = 0; s < steps; s++) {
        last = step(&f, lr);
        if (s == 0) first = last;
    }
    ck_assert_msg(last < first, "%s: loss %g after %g", name, last, first);
    close_fixture(&f);
}

START_TEST(resnet20_learns_a_batch_by_heart)
{
    check_learns("resnet20", 16, 12, 0.02, PARE_COMPUTE_F32);
    if (pare_kernels_best() != &pare_kernels_avx512) return;
    check_learns("resnet20", 16, 12, 0.02, PARE_COMPUTE_BF16);
    check_learns("resnet20", 16, 6, 0.02, PARE_COMPUTE_WINOGRAD);
}
END_TEST

START_TEST(networks_for_cifar_learn_a_batch_by_heart)
{
    check_learns("resnet32", 8, 6, 0.02, PARE_COMPUTE_F32);
    check_learns("alexnet_cifar", 8, 14, 0.02, PARE_COMPUTE_F32);
    check_learns("vgg_small", 8, 4, 0.001, PARE_COMPUTE_F32);
    check_learns("mobilenet_v2_cifar", 8, 4, 0.02, PARE_COMPUTE_F32);
}
END_TEST

START_TEST(networks_for_fashion_mnist_learn_a_batch_by_heart)
{
    check_learns("lenet5", 16, 12, 0.02, PARE_COMPUTE_F32);
    check_learns("cnn_small", 16, 12, 0.02, PARE_COMPUTE_F32);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const gradients[] = {gradients_of_a_chain_equal_finite_differences,
                                      gradients_of_a_graph_equal_finite_differences,
                                      gradients_of_bitlengths_equal_finite_differences, NULL};
    const TTest *const bits[] = {threads_and_kernels_do_not_change_the_bits,
                                 winograd_trains_as_float_does, NULL};
    const TTest *const finite[] = {a_value_that_is_not_finite_is_blamed_on_its_layer,
                                   a_gradient_that_is_not_finite_is_blamed_on_its_layer, NULL};
    const TTest *const nets[] = {resnet20_learns_a_batch_by_heart,
                                 networks_for_cifar_learn_a_batch_by_heart,
                                 networks_for_fashion_mnist_learn_a_batch_by_heart, NULL};
    const gtck_case cases[] = {{.suite = "Gradients", .tests = gradients, .timeout_s = 60},
                               {.suite = "SameBits", .tests = bits, .timeout_s = 60},
                               {.suite = "Finite", .tests = finite, .timeout_s = 60},
                               {.suite = "Networks", .tests = nets, .timeout_s = 60}};
    return gtck_main(argc, argv, "model_graph", cases, sizeof cases / sizeof *cases);
}
