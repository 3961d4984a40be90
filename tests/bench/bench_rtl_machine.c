/* One layer at all levels of detail, for each machine whose buffers hold it: array cycles a second
 * of the Verilated machine alone, in lockstep with the C model, in the SystemC platform, of level 2
 * and of level 1. CPU time of one thread, children included. The peer is a hand-written array of 16
 * x 16 PEs, Verilated: 26.1 thousand array cycles a second on a 2-core AVX-512 machine.
 */
#include "rtl/layer.h"

#include <stdlib.h>
#include <sys/resource.h>

static const double MIN_SECONDS = 0.4, PEER_PE_CYCLES_PER_S = 26.1e3 * 256;

static double of(const struct timeval *t) { return (double)t->tv_sec + 1e-6 * (double)t->tv_usec; }

static double now_s(void)
{
    struct rusage own, children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    return of(&own.ru_utime) + of(&own.ru_stime) + of(&children.ru_utime) + of(&children.ru_stime);
}

typedef struct subject {
    pare_layer_check check;
    pare_layer_job job;
} subject;

static int32_t *codes(size_t n, uint32_t bits, uint64_t stream)
{
    pare_rng r = pare_rng_new(1, stream);
    int32_t *const v = pare_xalloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = (int32_t)pare_rng_below(&r, 1u << bits);
    return v;
}

static void no_event(void *context, const pare_event *event) { (void)context, (void)event; }

/* Cycles of the layer once. */
typedef uint64_t level_fn(const subject *s);

static uint64_t level1(const subject *s)
{
    const pare_machine m = pare_layer_machine(&s->check, &s->job);
    const pare_sim_job job = pare_layer_sim_job(&s->job);
    pare_sim_layer out;
    if (pare_sim_run_layer(&m, &job, &out, NULL) != PARE_OK) exit(1);
    return out.stats.cycles;
}

static uint64_t level2(const subject *s)
{
    const pare_machine m = pare_layer_machine(&s->check, &s->job);
    const pare_sim_job job = pare_layer_sim_job(&s->job);
    pare_sim_layer out;
    pare_err e = {0};
    if (pare_sim_events_at(&m, &job, NULL, no_event, NULL, &out, &e) != PARE_OK) {
        pare_err_print(&e, stderr);
        exit(1);
    }
    return out.stats.cycles;
}

static uint64_t verified(const subject *s, pare_layer_engine *engine, bool has_model)
{
    pare_layer_check check = s->check;
    pare_layer_result r;
    pare_err e = {0};
    check.engine = engine;
    check.has_model = has_model;
    if (pare_layer_verify(&check, &s->job, &r, &e) != PARE_OK || !r.is_ok) exit(1);
    const uint64_t cycles = r.rtl_cycles;
    pare_layer_result_free(&r);
    return cycles;
}

static uint64_t alone(const subject *s) { return verified(s, NULL, false); }
static uint64_t lockstep(const subject *s) { return verified(s, NULL, true); }
static uint64_t platform(const subject *s) { return verified(s, pare_layer_run_platform, false); }

static double speed(const subject *s, level_fn *level)
{
    uint64_t n = 0;
    double t;
    const double start = now_s();
    do {
        n += level(s);
        t = now_s() - start;
    } while (t < MIN_SECONDS);
    return (double)n / t;
}

/* 3 x 3, 32 channels of 18 x 18 to 32 of 16 x 16, 4 x 4 bits, the sums themselves. */
static void bench(const pare_accel_params *p)
{
    static const struct {
        const char *name;
        level_fn *level;
    } levels[] = {{"RTL, Verilated (--cc)", alone},
                  {"in lockstep with C model", lockstep},
                  {"in the SystemC platform", platform},
                  {"level 2", level2},
                  {"level 1", level1}};
    pare_machine *m = NULL;
    pare_buf path = {0};
    pare_err e = {0};
    pare_data_find("machines", p->name, &path);
    if (pare_machine_load(path.text, NULL, 0, &m, &e) != PARE_OK) {
        pare_err_print(&e, stderr);
        exit(1);
    }
    int32_t *const weights = codes((size_t)32 * 9 * 32, 4, 1);
    int32_t *const acts = codes((size_t)18 * 18 * 32, 4, 2);
    const subject s = {.check = {.machine = m, .params = p},
                       .job = {.name = "bench",
                               .dims = {1, 32, 18, 18, 32, 3, 3, 16, 16, 1, {1, 1}, {0, 0}, {1, 1}},
                               .weight_bits = 4,
                               .act_bits = 4,
                               .out_bits = 8,
                               .raw = true,
                               .weights = weights,
                               .acts = acts}};
    const double n_pes = (double)p->rows * p->cols;
    double rtl = 0;
    printf("%s: 16 x 16 windows, 32 to 32 channels, 3 x 3, 4 x 4 bits: %llu cycles\n", p->name,
           (unsigned long long)level2(&s));
    printf("  %-26s %14s %14s %12s %12s\n", "", "1000 cycles/s", "M PE-cycles/s", "RTL = 1",
           "peer = 1");
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        const double x = speed(&s, levels[i].level);
        if (!i) rtl = x;
        printf("  %-26s %14.1f %14.2f %12.2f %12.2f\n", levels[i].name, 1e-3 * x, 1e-6 * x * n_pes,
               x / rtl, x * n_pes / PEER_PE_CYCLES_PER_S);
    }
    free(weights);
    free(acts);
    pare_buf_free(&path);
    pare_machine_free(m);
}

int main(void)
{
    size_t n;
    const pare_accel_params *const all = pare_accels(&n);
    /* 16 x 16 PEs take long to compile: make RTL_LARGE=1 */
    for (size_t i = 0; i < n; i++)
        if (all[i].max_filters >= 1024) bench(&all[i]);
    printf("peer: %.1f million PE-cycles, a hand-written Verilated 16 x 16 array\n",
           1e-6 * PEER_PE_CYCLES_PER_S);
    return 0;
}
