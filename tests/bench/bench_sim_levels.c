/* Speed of levels 1 and 2. Level 1: whole-ResNet-18 evaluations a second on one core, mapping
 * search included. No evaluation repeats the one before: its bits are drawn anew, and in one column
 * the machine too. Nothing is kept from one evaluation to the next; within one, equal layers are
 * searched once. Level 2: every tile of ResNet-18 as events, and as a timeline. Rates are by CPU
 * time; then how they scale with layers, bits and threads. */
#include "sim/sim.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DRAWS = 64, PARTS = 5, THREADS_MAX = 64 };
static const double TARGET_PER_S = 20000, TARGET_S = 1, PART_S = 0.06;

/* What changes from one evaluation to the next. */
typedef enum change { ALL_LAYERS, EACH_LAYER, MACHINE } change;

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(pare_status status, const pare_err *e)
{
    if (status == PARE_OK) return;
    pare_err_print(e, stderr);
    exit((int)status);
}

static pare_net *load_net(const char *name)
{
    pare_buf path = {0};
    pare_err e = {0};
    pare_net *net = NULL;
    pare_data_find("networks", name, &path);
    must(pare_net_load(path.text, &net, &e), &e);
    pare_buf_free(&path);
    return net;
}

static pare_machine *load_machine(const char *name, const char *set)
{
    const char *const sets[] = {set, "compat.count_from_zero=false"};
    pare_buf path = {0};
    pare_err e = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    must(pare_machine_load(path.text, sets, set ? 2 : 0, &m, &e), &e);
    pare_buf_free(&path);
    return m;
}

static uint32_t pick(pare_rng *r, uint32_t low, uint32_t high)
{
    return low + (uint32_t)pare_rng_below(r, high - low + 1);
}

/* What is drawn before the clock starts. */
typedef struct draws {
    pare_bits bits[DRAWS];
    pare_machine machines[DRAWS];
} draws;

static draws *draw(const pare_net *net, const pare_machine *m, change what, uint32_t fixed_bits)
{
    pare_rng r = pare_rng_new(18, (uint64_t)what);
    pare_err e = {0};
    pare_bits *any = NULL;
    draws *const d = pare_xalloc(1, sizeof *d);
    must(pare_bits_uniform("8", net, &any, &e), &e);
    for (size_t i = 0; i < DRAWS; i++) {
        pare_bits *const b = &d->bits[i];
        pare_machine *const one = &d->machines[i];
        *b = *any;
        b->layers = pare_xalloc(b->n_layers + 1, sizeof *b->layers);
        memcpy(b->layers, any->layers, b->n_layers * sizeof *b->layers);
        for (size_t j = 0; j < b->n_layers; j++) {
            pare_layer_bits *const l = &b->layers[j];
            const bool is_new = !fixed_bits && (j == 0 || what == EACH_LAYER);
            l->weight_bits = is_new ? pick(&r, 2, 8) : fixed_bits ? fixed_bits : l[-1].weight_bits;
            l->act_bits = is_new ? pick(&r, 2, 8) : fixed_bits ? fixed_bits : l[-1].act_bits;
        }
        *one = *m;
        if (what != MACHINE) continue;
        one->array.rows = pick(&r, 8, 39);
        one->buffers.weight_bytes = 1024 * (uint64_t)pick(&r, 32, 231);
        one->buffers.act_bytes = 1024 * (uint64_t)pick(&r, 32, 231);
        one->buffers.out_bytes = 1024 * (uint64_t)pick(&r, 16, 115);
        one->dram.bits_per_cycle = pick(&r, 32, 231);
    }
    pare_bits_free(any);
    return d;
}

static void free_draws(draws *d)
{
    for (size_t i = 0; i < DRAWS; i++) free(d->bits[i].layers);
    free(d);
}

/* All draws once; the sum of their cycles, so that nothing can be left out. */
static uint64_t evaluate(const pare_net *net, const draws *d)
{
    uint64_t cycles = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        pare_sim_result r;
        pare_err e = {0};
        must(pare_sim_run(net, &d->machines[i], &d->bits[i], NULL, &r, &e), &e);
        cycles += r.total.cycles;
        pare_sim_result_free(&r);
    }
    return cycles;
}

/* Evaluations a second: the best of a few parts of the time. */
static double rate_of(const pare_net *net, const pare_machine *m, change what, uint32_t fixed_bits)
{
    draws *const d = draw(net, m, what, fixed_bits);
    double best = 0;
    const uint64_t cycles = evaluate(net, d);
    for (int part = 0; part < PARTS; part++) {
        const double start = now_s(CLOCK_THREAD_CPUTIME_ID);
        double seconds = 0;
        size_t n = 0;
        for (; seconds < PART_S; n += DRAWS) {
            if (evaluate(net, d) != cycles) exit(1);
            seconds = now_s(CLOCK_THREAD_CPUTIME_ID) - start;
        }
        if ((double)n / seconds > best) best = (double)n / seconds;
    }
    free_draws(d);
    return best;
}

/* ---- level 1 ---- */

typedef struct row {
    const char *machine, *set;
} row;

static void bench_level1(const pare_net *net)
{
    static const row rows[] = {
        {"stripes", NULL},
        {"loom1", NULL},
        {"bitfusion", NULL},
        {"bitparallel8", NULL},
        {"dadn", NULL},
        {"systolic_os", "memory.model=limited"},
        {"stripes", "mapping.objective=energy"},
        {"stripes", "mapping.objective=edp"},
        {"stripes", "mapping.objective=traffic"},
        {"loom1", "mapping.objective=energy"},
        {"loom1", "mapping.objective=edp"},
        {"loom1", "mapping.objective=traffic"},
    };
    printf("level 1, ResNet-18 (%u MAC layers, 12 of distinct shape), evaluations/s on one core; "
           "in brackets: of the target %.0f\n",
           net->n_mac_layers, TARGET_PER_S);
    printf("bits of 2..8 drawn for each evaluation: one pair for all layers, one pair a layer, one "
           "pair and a machine\n");
    printf("%-13s %-26s %16s %16s %16s\n", "machine", "", "all layers", "each layer",
           "machine too");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pare_machine *const m = load_machine(rows[i].machine, rows[i].set);
        printf("%-13s %-26s", rows[i].machine, rows[i].set ? rows[i].set : "");
        for (change what = ALL_LAYERS; what <= MACHINE; what++) {
            const double rate = rate_of(net, m, what, 0);
            printf(" %8.0f (%.2fx)", rate, rate / TARGET_PER_S);
        }
        printf("\n");
        pare_machine_free(m);
    }
}

/* ---- level 2 ---- */

static void count_event(void *context, const pare_event *event)
{
    (void)event;
    ++*(uint64_t *)context;
}

static void bench_level2(const pare_net *net)
{
    static const char *const machines[] = {"stripes", "loom1", "bitfusion", "bitparallel8",
                                           "systolic_os"};
    pare_err e = {0};
    pare_bits *bits = NULL;
    must(pare_bits_uniform("w4a6", net, &bits, &e), &e);
    printf("\nlevel 2, ResNet-18 at w4a6, every layer tile by tile, CPU s (target %g s)\n",
           TARGET_S);
    printf("%-13s %10s %10s %12s %12s %10s\n", "machine", "events", "events, s", "timeline, s",
           "timeline MB", "of target");
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        const bool is_systolic = !strcmp(machines[i], "systolic_os");
        pare_machine *const m =
            load_machine(machines[i], is_systolic ? "memory.model=limited" : NULL);
        pare_buf text = {0};
        pare_sim_result r;
        uint64_t n = 0;
        must(pare_sim_run(net, m, bits, NULL, &r, &e), &e);
        double start = now_s(CLOCK_THREAD_CPUTIME_ID);
        for (size_t j = 0; j < r.n_layers; j++) {
            const pare_sim_layer *const l = &r.layers[j];
            const pare_sim_job job = {.layer = l->layer,
                                      .type = l->type,
                                      .dims = l->dims,
                                      .weight_bits = l->weight_bits,
                                      .act_bits = l->act_bits,
                                      .out_bits = l->out_bits,
                                      .reads_input = j == 0};
            pare_sim_layer again;
            must(pare_sim_events(m, &job, count_event, &n, &again, &e), &e);
        }
        const double events_s = now_s(CLOCK_THREAD_CPUTIME_ID) - start;
        start = now_s(CLOCK_THREAD_CPUTIME_ID);
        must(pare_sim_timeline(net, m, bits, NULL, SIZE_MAX, &text, &e), &e);
        const double timeline_s = now_s(CLOCK_THREAD_CPUTIME_ID) - start;
        printf("%-13s %10llu %10.4f %12.4f %12.2f %9.1f%%\n", machines[i], (unsigned long long)n,
               events_s, timeline_s, (double)text.n / 1e6,
               100 * (events_s > timeline_s ? events_s : timeline_s) / TARGET_S);
        pare_sim_result_free(&r);
        pare_buf_free(&text);
        pare_machine_free(m);
    }
    pare_bits_free(bits);
}

/* ---- scaling ---- */

/* A chain of pointwise layers, all of one shape or all of different ones. */
static pare_net *chain(int n, bool is_distinct)
{
    pare_buf text = {0};
    pare_err e = {0};
    pare_net *net = NULL;
    pare_buf_puts(&text, "version: 1\nname: chain\n"
                         "input: {channels: 64, height: 28, width: 28}\nlayers:\n");
    for (int i = 0; i < n; i++)
        pare_buf_printf(&text,
                        "  - {name: l%d, type: conv2d, out_channels: %d, kernel: 3, pad: 1}\n", i,
                        is_distinct ? 64 + i % 512 : 64);
    must(pare_net_parse("chain", text.text, text.n, &net, &e), &e);
    pare_buf_free(&text);
    return net;
}

static void bench_layers(const pare_machine *m)
{
    printf("\nscaling with layers (stripes, 3x3 layers, one pair of bits): us a network\n");
    printf("%8s %16s %12s %16s %12s\n", "layers", "all of a shape", "us/layer", "all distinct",
           "us/layer");
    for (int n = 16; n <= 512; n *= 2) {
        printf("%8d", n);
        for (int is_distinct = 0; is_distinct < 2; is_distinct++) {
            pare_net *const net = chain(n, is_distinct);
            const double us = 1e6 / rate_of(net, m, ALL_LAYERS, 0);
            printf(" %16.1f %12.3f", us, us / n);
            pare_net_free(net);
        }
        printf("\n");
    }
}

static void bench_bits(const pare_net *net)
{
    static const char *const machines[] = {"stripes", "loom1", "bitfusion", "bitparallel8"};
    printf("\nscaling with bits (ResNet-18, weights and activations alike): evaluations/s\n");
    printf("%-13s %9s %9s %9s %9s\n", "machine", "1 b", "2 b", "4 b", "8 b");
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        pare_machine *const m = load_machine(machines[i], NULL);
        printf("%-13s", machines[i]);
        for (uint32_t bits = 1; bits <= 8; bits *= 2)
            printf(" %9.0f", rate_of(net, m, ALL_LAYERS, bits));
        printf("\n");
        pare_machine_free(m);
    }
}

typedef struct worker {
    const pare_net *net;
    const draws *d;
    size_t rounds;
    uint64_t cycles;
} worker;

static void *work(void *context)
{
    worker *const w = context;
    for (size_t i = 0; i < w->rounds; i++) w->cycles += evaluate(w->net, w->d);
    return NULL;
}

/* Evaluations share nothing that changes, so threads need no lock. */
static void bench_threads(const pare_net *net, const pare_machine *m)
{
    draws *const d = draw(net, m, ALL_LAYERS, 0);
    double one = 0;
    printf("\nscaling with threads (ResNet-18 on stripes, wall time): evaluations/s\n");
    printf("%8s %12s %8s\n", "threads", "all", "ratio");
    for (size_t n = 1; n <= 4; n *= 2) {
        pthread_t threads[THREADS_MAX];
        worker workers[THREADS_MAX];
        const double start = now_s(CLOCK_MONOTONIC);
        for (size_t i = 0; i < n; i++) {
            workers[i] = (worker){net, d, 64, 0};
            if (pthread_create(&threads[i], NULL, work, &workers[i])) exit(1);
        }
        for (size_t i = 0; i < n; i++) pthread_join(threads[i], NULL);
        for (size_t i = 1; i < n; i++)
            if (workers[i].cycles != workers[0].cycles) exit(1);
        const double rate = (double)(n * 64 * DRAWS) / (now_s(CLOCK_MONOTONIC) - start);
        if (n == 1) one = rate;
        printf("%8zu %12.0f %7.2fx\n", n, rate, rate / one);
    }
    free_draws(d);
}

int main(void)
{
    pare_net *const net = load_net("resnet18");
    pare_machine *const m = load_machine("stripes", NULL);
    bench_level1(net);
    bench_level2(net);
    bench_layers(m);
    bench_bits(net);
    bench_threads(net, m);
    pare_machine_free(m);
    pare_net_free(net);
    return 0;
}
