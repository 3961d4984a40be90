#include "gtck.h"
#include "model/optim.h"
#include "model_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 7, BATCH = 16, CLASSES = 5 };

/* every operation, every way of meeting: stored and unstored results, shared inputs, both kinds of
 * addition, concatenation, padding, groups, depthwise, dilation */
static const char plain_net[] = "version: 1\n"
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
    "  - {name: b3, type: batchnorm}\n"
    "  - {name: s1, type: add, inputs: [b3, r1]}\n"
    "  - {name: r3, type: relu}\n"
    "  - {name: c4, type: conv2d, out_channels: 20, kernel: 3, stride: 2, pad: 1}\n"
    "  - {name: b4, type: batchnorm}\n"
    "  - {name: d4, type: conv2d, out_channels: 20, stride: 2, inputs: [r3]}\n"
    "  - {name: bd4, type: batchnorm}\n"
    "  - {name: s2, type: add, inputs: [b4, bd4]}\n"
    "  - {name: r4, type: relu}\n"
    "  - {name: dw, type: conv2d, out_channels: 20, kernel: 3, pad: 1, groups: 20}\n"
    "  - {name: bdw, type: batchnorm}\n"
    "  - {name: rdw, type: relu6}\n"
    "  - {name: pw, type: conv2d, out_channels: 20}\n"
    "  - {name: bpw, type: batchnorm}\n"
    "  - {name: s3, type: add, inputs: [bpw, r4]}\n"
    "  - {name: g1, type: conv2d, out_channels: 8, kernel: 3, pad: 2, dilation: 2, groups: 2}\n"
    "  - {name: cc, type: concat, inputs: [g1, s3]}\n"
    "  - {name: bc, type: batchnorm}\n"
    "  - {name: rc, type: relu}\n"
    "  - {name: ga, type: global_avgpool}\n"
    "  - {name: fc, type: fc, out_channels: 5, bias: true}\n";

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
                            const pare_kernels *k, bool is_bf16)
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
                                  .is_bf16 = is_bf16,
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
                stop_on(&e, pare_mac_reduce(n->mac, 0, n->w.g, n->bias.g, &e));
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
    fixture f = open_fixture(text, "fp32", 1, NULL, false);
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

START_TEST(gradients_of_a_chain_equal_finite_differences)
{
    check_net(plain_net);
}
END_TEST

START_TEST(gradients_of_a_graph_equal_finite_differences)
{
    check_net(graph_net);
}
END_TEST

static TTest *const gradient_tests[] = {NULL};

int main(int argc, char **argv)
{
    (void)gradient_tests;
    const TTest *const gradients[] = {gradients_of_a_chain_equal_finite_differences,
                                      gradients_of_a_graph_equal_finite_differences, NULL};
    const gtck_case cases[] = {{.suite = "Gradients", .tests = gradients, .timeout_s = 30}};
    return gtck_main(argc, argv, "test_model_graph", cases, sizeof cases / sizeof *cases);
}
