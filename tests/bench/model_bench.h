/* model_bench.h: one network, one synthetic batch, whole training steps; what the benchmarks of
 * model/ share. */
#ifndef MODEL_BENCH_H
#define MODEL_BENCH_H
#include "model/optim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void must(pare_status s, const pare_err *e)
{
    if (s == PARE_OK) return;
    pare_err_print(e, stderr);
    exit(s);
}

static inline int compare_times(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double median_of(double *v, size_t n)
{
    qsort(v, n, sizeof *v, compare_times);
    return v[n / 2];
}

/* ---- a network ---- */

typedef struct bench_setup {
    const char *network; /* a shipped one, or the text of one */
    const char *method;
    bool is_bf16, is_winograd;
    uint32_t batch;
    unsigned threads;
} bench_setup;

typedef struct ours {
    pare_net *net;
    pare_dataset data;
    pare_graph *g;
    uint32_t batch;
} ours;

static inline const pare_method *method_named(const char *name)
{
    for (size_t i = 0; i < pare_n_methods; i++)
        if (!strcmp(pare_methods[i].name, name)) return &pare_methods[i];
    return NULL;
}

static inline void load_network(const char *network, pare_net **net)
{
    pare_err e = {0};
    pare_buf path = {0};
    if (strchr(network, '\n')) {
        must(pare_net_parse("bench", network, strlen(network), net, &e), &e);
        return;
    }
    pare_data_find("networks", network, &path);
    must(pare_net_load(path.text, net, &e), &e);
    pare_buf_free(&path);
}

static inline void open_ours(ours *o, const bench_setup *s)
{
    pare_err e = {0};
    pare_rng r = pare_rng_new(1, 0);
    load_network(s->network, &o->net);
    o->batch = s->batch;
    const pare_shape shape = o->net->layers[0].out;
    const pare_layer *last = &o->net->layers[o->net->n_layers - 1];
    const size_t pixels = (size_t)pare_shape_count(shape);
    o->data = (pare_dataset){.shape = shape, .n_classes = last->out.c};
    for (size_t c = 0; c < shape.c; c++) {
        o->data.mean[c] = 127.5f;
        o->data.inv_std[c] = 0.0136f;
    }
    o->data.train.n = s->batch;
    o->data.train.pixels = pare_xalloc(s->batch, pixels);
    o->data.train.labels = pare_xalloc(s->batch, sizeof(uint16_t));
    for (size_t i = 0; i < s->batch * pixels; i++)
        o->data.train.pixels[i] = (uint8_t)pare_rng_below(&r, 256);
    for (size_t i = 0; i < s->batch; i++)
        o->data.train.labels[i] = (uint16_t)pare_rng_below(&r, o->data.n_classes);
    const pare_graph_spec spec = {.net = o->net,
                                  .method = method_named(s->method),
                                  .batch = s->batch,
                                  .n_classes = o->data.n_classes,
                                  .max_bits = 8,
                                  .is_bf16 = s->is_bf16,
                                  .is_winograd = s->is_winograd,
                                  .seed = 1,
                                  .threads = s->threads};
    must(pare_graph_new(&spec, &o->g, &e), &e);
    must(pare_graph_set_weights(o->g, true, &e), &e);
}

static inline void close_ours(ours *o)
{
    pare_graph_free(o->g);
    pare_net_free(o->net);
    free(o->data.train.pixels);
    free(o->data.train.labels);
}

/* Seconds a step. */
static inline double time_ours(ours *o, int steps)
{
    const double start = now_s();
    for (int i = 0; i < steps; i++) {
        pare_err e = {0};
        const pare_batch b = {.data = &o->data, .images = &o->data.train};
        pare_job job = {.g = o->g,
                        .is_training = true,
                        .wants_gradient = true,
                        .bn_share = 0.1,
                        .range_share = 0.01,
                        .batch = &b,
                        .n_images = o->batch};
        const pare_update u = {.optimizer = &pare_optimizers[0],
                               .lr = 0.01,
                               .n_lr = 0.1,
                               .momentum = 0.9,
                               .weight_decay = 1e-4,
                               .gamma = 1,
                               .t = 1};
        must(pare_graph_forward(&job, &e), &e);
        must(pare_graph_backward(&job, &e), &e);
        must(pare_graph_update(o->g, &u, &e), &e);
    }
    return (now_s() - start) / steps;
}

static inline double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of CPU a step: what else the machine does counts little. */
static inline double time_cpu(ours *o, int steps)
{
    const double start = cpu_s();
    time_ours(o, steps);
    return (cpu_s() - start) / steps;
}

/* Images a second over some rounds, median. */
static inline double rate_of(const bench_setup *s, int rounds, int steps)
{
    ours o = {0};
    double t[16];
    open_ours(&o, s);
    time_ours(&o, 1);
    for (int i = 0; i < rounds; i++) t[i] = time_ours(&o, steps);
    close_ours(&o);
    return s->batch / median_of(t, (size_t)rounds);
}

/* Peak memory of a process that trains some steps, MiB. */
static inline double memory_of(const bench_setup *s)
{
    struct rusage u;
    int status;
    const pid_t child = fork();
    if (child == 0) {
        ours o = {0};
        open_ours(&o, s);
        time_ours(&o, 2);
        _exit(0);
    }
    if (child < 0 || wait4(child, &status, 0, &u) != child) return 0;
    return (double)u.ru_maxrss / 1024;
}

/* Multiply-accumulates of one image in a step: forward, weights' gradients, and the input's
 * gradients of all layers but those on the images. */
static inline double step_macs(const pare_net *net)
{
    double macs = 0;
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const pare_layer *l = &net->layers[i];
        if (!pare_layer_is_mac(l)) continue;
        const bool is_first = net->layers[l->inputs[0]].op == PARE_OP_INPUT;
        macs += (is_first ? 2.0 : 3.0) * (double)l->macs;
    }
    return macs;
}
#endif
