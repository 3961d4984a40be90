/* bench_model_train: images/s of ResNet-20 training at batch 128, beside PyTorch on this machine.
 *
 * Both sides train the same synthetic batch; runs alternate, so that what else the machine does
 * hits both. Prints medians and ratios. PyTorch (Debian's python3-torch) is optional.
 */
#include "model/optim.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 128, CLASSES = 10, ROUNDS = 7, STEPS = 2, SIDE = 32 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(pare_status s, const pare_err *e)
{
    if (s == PARE_OK) return;
    pare_err_print(e, stderr);
    exit(s);
}

/* ---- our side ---------------------------------------------------------------------------------
 */

typedef struct ours {
    pare_net *net;
    pare_dataset data;
    pare_graph *g;
} ours;

static const pare_method *find_method(const char *name)
{
    for (size_t i = 0; i < pare_n_methods; i++)
        if (!strcmp(pare_methods[i].name, name)) return &pare_methods[i];
    return NULL;
}

static void open_ours(ours *o, const char *method, bool is_bf16, unsigned threads)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_rng r = pare_rng_new(1, 0);
    pare_data_find("networks", "resnet20", &path);
    must(pare_net_load(path.text, &o->net, &e), &e);
    pare_buf_free(&path);
    const size_t pixels = (size_t)3 * SIDE * SIDE;
    o->data = (pare_dataset){.shape = {3, SIDE, SIDE},
                             .n_classes = CLASSES,
                             .mean = {127.5f, 127.5f, 127.5f},
                             .inv_std = {0.0136f, 0.0136f, 0.0136f}};
    o->data.train.n = BATCH;
    o->data.train.pixels = pare_xalloc(BATCH, pixels);
    o->data.train.labels = pare_xalloc(BATCH, sizeof(uint16_t));
    for (size_t i = 0; i < BATCH * pixels; i++)
        o->data.train.pixels[i] = (uint8_t)pare_rng_below(&r, 256);
    for (size_t i = 0; i < BATCH; i++)
        o->data.train.labels[i] = (uint16_t)pare_rng_below(&r, CLASSES);
    const pare_graph_spec spec = {.net = o->net,
                                  .method = find_method(method),
                                  .batch = BATCH,
                                  .n_classes = CLASSES,
                                  .max_bits = 8,
                                  .is_bf16 = is_bf16,
                                  .seed = 1,
                                  .threads = threads};
    must(pare_graph_new(&spec, &o->g, &e), &e);
    must(pare_graph_set_weights(o->g, true, &e), &e);
}

static void close_ours(ours *o)
{
    pare_graph_free(o->g);
    pare_net_free(o->net);
    free(o->data.train.pixels);
    free(o->data.train.labels);
}

static double time_ours(ours *o, int steps)
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
                        .n_images = BATCH};
        const pare_update u = {.optimizer = &pare_optimizers[0],
                               .lr = 0.1,
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

/* ---- the peer ---------------------------------------------------------------------------------
 */

typedef struct peer {
    pid_t pid;
    FILE *in, *out;
} peer;

static bool open_peer(peer *p, const char *script, const char *method, unsigned threads)
{
    int to[2], from[2];
    char text[2][16], line[256];
    snprintf(text[0], sizeof text[0], "%u", threads);
    snprintf(text[1], sizeof text[1], "%d", (int)BATCH);
    if (pipe(to) || pipe(from)) return false;
    p->pid = fork();
    if (p->pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        const int unused[] = {to[0], to[1], from[0], from[1]};
        for (int i = 0; i < 4; i++) close(unused[i]);
        execl("/usr/bin/python3", "python3", script, text[0], text[1], method, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    p->in = fdopen(to[1], "w");
    p->out = fdopen(from[0], "r");
    return p->pid > 0 && fgets(line, sizeof line, p->out) && !strncmp(line, "ready", 5);
}

static void close_peer(peer *p)
{
    fclose(p->in);
    fclose(p->out);
    if (p->pid > 0) waitpid(p->pid, NULL, 0);
}

static double time_peer(peer *p, int steps)
{
    char line[64];
    fprintf(p->in, "step %d\n", steps);
    fflush(p->in);
    if (!fgets(line, sizeof line, p->out)) return 0;
    return strtod(line, NULL) / steps;
}

/* ---- the comparison ---------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, compare);
    return v[ROUNDS / 2];
}

static void run(const char *script, const char *method, unsigned threads)
{
    double t[3][ROUNDS];
    ours o[2] = {{0}};
    peer p = {0};
    for (int i = 0; i < 2; i++) {
        open_ours(&o[i], method, i == 1, threads);
        time_ours(&o[i], 2);
    }
    const bool has_peer = open_peer(&p, script, method, threads);
    if (has_peer) time_peer(&p, 2);
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < 2; i++) t[i][r] = time_ours(&o[i], STEPS);
        t[2][r] = has_peer ? time_peer(&p, STEPS) : 0;
    }
    double rate[3];
    for (int i = 0; i < 3; i++) {
        const double s = median(t[i]);
        rate[i] = s > 0 ? BATCH / s : 0;
    }
    printf("resnet20 %-10s %u threads: f32 %5.0f  bf16 %5.0f  torch f32 %5.0f images/s", method,
           threads, rate[0], rate[1], rate[2]);
    if (rate[2] > 0) printf("   ratio f32 %.2f  bf16 %.2f", rate[0] / rate[2], rate[1] / rate[2]);
    printf("\n");
    fflush(stdout);
    close_peer(&p);
    for (int i = 0; i < 2; i++) close_ours(&o[i]);
}

int main(int argc, char **argv)
{
    const char *script = argc > 1 ? argv[1] : "tests/bench/torch_bitpruning.py";
    signal(SIGPIPE, SIG_IGN);
    printf("batch %d, median of %d alternating runs of %d steps; torch in channels_last\n",
           (int)BATCH, (int)ROUNDS, (int)STEPS);
    for (unsigned threads = 1; threads <= 2; threads++) {
        run(script, "bitpruning", threads);
        run(script, "fp32", threads);
    }
    return 0;
}
