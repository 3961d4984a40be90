/* The trainer beside PyTorch: tests/data/torch/make_reference.py says what is stored and how. */
#include "gtck.h"
#include "model/optim.h"
#include "model_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16, CLASSES = 5, STEPS = 10, MAX_BITS = 8 };
static const double LR = 0.05, N_LR = 0.5, MOMENTUM = 0.9, DECAY = 5e-4, GAMMA = 0.3;
static const float MEAN = 118.0f, INV_STD = 1.0f / 64.0f;
static const double START_W = 3.4, START_A = 4.6;

/* The reference sums in double, the trainer in float: this much of a tensor's norm may differ... */
static const double TENSOR_TOLERANCE = 1e-4;
/* ... and this much of a loss after up to ten steps. */
static const double LOSS_TOLERANCE = 1e-4;

static void stop_on(const pare_err *e, pare_status s)
{
    if (s != PARE_OK) pare_err_print(e, stderr);
    ck_assert_int_eq(s, PARE_OK);
}

static char *path_of(const char *name, char *out, size_t size)
{
    const char *src = getenv("PARE_SRC");
    snprintf(out, size, "%s/tests/data/torch/%s", src ? src : ".", name);
    return out;
}

static pare_tensor load(const char *name, size_t count)
{
    pare_tensor t;
    pare_err e = {0};
    char file[96], path[512];
    snprintf(file, sizeof file, "%s.npy", name);
    stop_on(&e, pare_npy_load(path_of(file, path, sizeof path), &t, &e));
    ck_assert_msg(t.count == count, "%s holds %zu numbers; %zu expected", name, t.count, count);
    return t;
}

/* ---- the network with the reference's first weights --------------------------------------------
 */

typedef struct fixture {
    pare_net *net;
    pare_dataset *data;
    pare_graph *g;
} fixture;

static void fill(const char *layer, const char *what, pare_param *p)
{
    if (!p->n) return;
    char name[96];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    pare_tensor t = load(name, p->n);
    memcpy(p->x, t.data, p->n * sizeof *p->x);
    pare_tensor_free(&t);
}

static const char *norm_name(const fixture *f, const pare_node *n)
{
    return f->net->layers[n->bn_layer].name;
}

static void fill_node(const fixture *f, pare_node *n)
{
    if (n->kind == PARE_NODE_MAC) {
        fill(n->l->name, "weight", &n->w);
        fill(n->l->name, "bias", &n->bias);
        n->qw[0].n = START_W;
        n->qa.n = START_A;
        n->qw[0].lambda = n->qa.lambda = 1.0 / (2.0 * f->net->n_mac_layers);
    } else if (n->kind == PARE_NODE_EW && n->bn_layer != PARE_NONE) {
        fill(norm_name(f, n), "gamma", &n->gamma);
        fill(norm_name(f, n), "beta", &n->beta);
    }
}

static fixture open_fixture(const pare_kernels *k)
{
    fixture f;
    pare_err e = {0};
    char path[512];
    const pare_shape shape = {3, 8, 8};
    stop_on(&e, pare_net_load(path_of("reference.net.yaml", path, sizeof path), &f.net, &e));
    f.data = fixture_data(BATCH, shape, CLASSES, 1);
    for (size_t j = 0; j < shape.c; j++) {
        f.data->mean[j] = MEAN;
        f.data->inv_std[j] = INV_STD;
    }
    pare_tensor x = load("images", (size_t)BATCH * 3 * 8 * 8), t = load("labels", BATCH);
    memcpy(f.data->train.pixels, x.data, x.count);
    memcpy(f.data->train.labels, t.data, BATCH * sizeof(uint16_t));
    pare_tensor_free(&x);
    pare_tensor_free(&t);
    const pare_graph_spec spec = {.net = f.net,
                                  .method = fixture_method("bitpruning"),
                                  .batch = BATCH,
                                  .n_classes = CLASSES,
                                  .max_bits = MAX_BITS,
                                  .seed = 1,
                                  .threads = 2,
                                  .kernels = k};
    stop_on(&e, pare_graph_new(&spec, &f.g, &e));
    for (uint32_t i = 0; i < f.g->n_nodes; i++) fill_node(&f, &f.g->nodes[i]);
    stop_on(&e, pare_graph_set_weights(f.g, true, &e));
    return f;
}

static void close_fixture(fixture *f)
{
    pare_graph_free(f->g);
    pare_dataset_free(f->data);
    pare_net_free(f->net);
}

static double step(fixture *f)
{
    pare_err e = {0};
    const pare_batch b = {.data = f->data, .images = &f->data->train};
    pare_job job = {.g = f->g,
                    .is_training = true,
                    .wants_gradient = true,
                    .bn_share = 0.1,
                    .range_share = 0.01,
                    .batch = &b,
                    .n_images = BATCH};
    const pare_update u = {.optimizer = &pare_optimizers[0],
                           .lr = LR,
                           .n_lr = N_LR,
                           .momentum = MOMENTUM,
                           .weight_decay = DECAY,
                           .gamma = GAMMA,
                           .t = 1};
    stop_on(&e, pare_graph_forward(&job, &e));
    stop_on(&e, pare_graph_backward(&job, &e));
    stop_on(&e, pare_graph_update(f->g, &u, &e));
    return job.loss;
}

/* ---- comparison --------------------------------------------------------------------------------
 */

static void compare(const char *name, const float *x, size_t n)
{
    double error = 0, norm = 0;
    pare_tensor t = load(name, n);
    const float *r = t.data;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)x[i] - (double)r[i];
        error += d * d;
        norm += (double)r[i] * (double)r[i];
    }
    pare_tensor_free(&t);
    const double part = sqrt(error / norm);
    printf("%-20s %.2e of its norm\n", name, part);
    ck_assert_msg(part < TENSOR_TOLERANCE, "%s: %g of its norm differs", name, part);
}

static void compare_grad(const char *layer, const char *what, const float *x, size_t n)
{
    char name[96];
    if (!n) return;
    snprintf(name, sizeof name, "grad.%s.%s", layer, what);
    compare(name, x, n);
}

static void compare_gradients(const fixture *f)
{
    for (uint32_t i = 0; i < f->g->n_nodes; i++) {
        const pare_node *n = &f->g->nodes[i];
        if (n->kind == PARE_NODE_MAC) {
            const float bits[2] = {(float)n->qw[0].g_n, (float)n->qa.g_n};
            compare_grad(n->l->name, "weight", n->w.g, n->w.n);
            compare_grad(n->l->name, "bias", n->bias.g, n->bias.n);
            compare_grad(n->l->name, "weight_n", &bits[0], 1);
            compare_grad(n->l->name, "act_n", &bits[1], 1);
        } else if (n->kind == PARE_NODE_EW && n->bn_layer != PARE_NONE) {
            compare_grad(norm_name(f, n), "gamma", n->gamma.g, n->gamma.n);
            compare_grad(norm_name(f, n), "beta", n->beta.g, n->beta.n);
        }
    }
}

static void check(const pare_kernels *k)
{
    fixture f = open_fixture(k);
    pare_tensor losses = load("losses", STEPS), n = load("last_n", 2 * f.net->n_mac_layers);
    for (int i = 0; i < STEPS; i++) {
        const double expected = (double)((float *)losses.data)[i];
        const double loss = step(&f);
        printf("step %d: loss %.6f, PyTorch %.6f\n", i + 1, loss, expected);
        ck_assert_double_eq_tol(loss, expected, LOSS_TOLERANCE * expected);
        if (i) continue;
        compare("logits", f.g->values[f.g->out].data, (size_t)BATCH * CLASSES);
        compare_gradients(&f);
    }
    size_t at = 0;
    for (uint32_t i = 0; i < f.g->n_nodes; i++) {
        const pare_node *m = &f.g->nodes[i];
        if (m->kind != PARE_NODE_MAC) continue;
        const float *r = n.data;
        ck_assert_double_eq_tol(m->qw[0].n, (double)r[at], 1e-3);
        ck_assert_double_eq_tol(m->qa.n, (double)r[at + 1], 1e-3);
        at += 2;
    }
    pare_tensor_free(&losses);
    pare_tensor_free(&n);
    close_fixture(&f);
}

START_TEST(a_network_gives_the_tensors_and_losses_of_pytorch) { check(NULL); }
END_TEST

START_TEST(so_it_does_in_plain_c) { check(&pare_kernels_c); }
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {a_network_gives_the_tensors_and_losses_of_pytorch,
                                  so_it_does_in_plain_c, NULL};
    const gtck_case cases[] = {{.suite = "Torch", .tests = tests, .timeout_s = 60}};
    return gtck_main(argc, argv, "model_torch", cases, sizeof cases / sizeof *cases);
}
