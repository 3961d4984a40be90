/* One layer at four levels of detail: array cycles a second of the Verilated machine alone, of the
 * SystemC platform around it, of level 2 and of level 1, on one thread. The peer is a hand-written
 * array of 16 x 16 PEs, Verilated: 26.1 thousand array cycles a second on a 2-core AVX-512 machine.
 */
#include "rtl/layer.h"
#include "rtl/platform.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const double MIN_SECONDS = 0.4, PEER_PE_CYCLES_PER_S = 26.1e3 * 256;
enum { LATENCY = 60 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void no_event(void *context, const pare_event *event) { (void)context, (void)event; }

typedef struct subject {
    pare_machine *machine;
    const pare_accel_params *params;
    pare_layer_job job;
    pare_sim_job sim_job;
    pare_sim_pace pace;
    pare_layer_image image;
    uint64_t cycles; /* of level 2 */
} subject;

static int32_t *codes(size_t n, uint32_t bits, uint64_t stream)
{
    pare_rng r = pare_rng_new(1, stream);
    int32_t *const v = pare_xalloc(n, sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = (int32_t)pare_rng_below(&r, 1u << bits);
    return v;
}

static double level2(const subject *s, pare_sim_layer *out)
{
    uint64_t n = 0;
    const double start = now_s();
    double t;
    do {
        pare_err e = {0};
        if (pare_sim_events_at(s->machine, &s->sim_job, &s->pace, no_event, NULL, out, &e) !=
            PARE_OK) {
            pare_err_print(&e, stderr);
            exit(1);
        }
        n += out->stats.cycles;
        t = now_s() - start;
    } while (t < MIN_SECONDS);
    return (double)n / t;
}

static double level1(const subject *s)
{
    uint64_t n = 0;
    const double start = now_s();
    double t;
    do {
        pare_sim_layer out;
        if (pare_sim_run_layer(s->machine, &s->sim_job, &out, NULL) != PARE_OK) exit(1);
        n += out.stats.cycles;
        t = now_s() - start;
    } while (t < MIN_SECONDS);
    return (double)n / t;
}

static double rtl_alone(const subject *s)
{
    const pare_layer_run run = {
        .image = &s->image, .latency_cycles = LATENCY, .limit_cycles = 4 * s->cycles};
    uint64_t n = 0;
    const double start = now_s();
    double t;
    do {
        pare_layer_outcome o;
        if (pare_layer_run_rtl(&run, &o, NULL) != PARE_OK || !o.is_ok || o.cycles != s->cycles)
            exit(1);
        n += o.setup_cycles + o.cycles;
        pare_layer_outcome_free(&o);
        t = now_s() - start;
    } while (t < MIN_SECONDS);
    return (double)n / t;
}

/* one simulation a process, so this one tells its speed through a pipe */
static double platform(const subject *s)
{
    int ends[2];
    double speed = 0;
    if (pipe(ends)) exit(1);
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        uint32_t words[PARE_ACCEL_WORDS];
        pare_accel_pack(&s->image.desc, words);
        const pare_platform_job job = {.machine = s->params,
                                       .commands = words,
                                       .n_commands = PARE_ACCEL_WORDS,
                                       .memory = s->image.memory,
                                       .memory_bytes = s->image.words * (s->params->mem_bits / 8),
                                       .latency_cycles = LATENCY,
                                       .cycles_per_word = 1,
                                       .limit_cycles = 4 * s->cycles};
        pare_platform_result r;
        const double start = now_s();
        pare_platform_run(&job, &r);
        speed = (double)r.total_ns / (now_s() - start);
        if (!r.has_ended || r.status || r.cycles != s->cycles) speed = 0;
        _exit(write(ends[1], &speed, sizeof speed) == sizeof speed ? 0 : 1);
    }
    if (read(ends[0], &speed, sizeof speed) != sizeof speed || speed <= 0) exit(1);
    waitpid(pid, NULL, 0);
    return speed;
}

static void print(const char *what, double speed, double rtl, uint32_t n_pes)
{
    printf("%-26s %14.1f %14.2f %12.2f %12.2f\n", what, 1e-3 * speed, 1e-6 * speed * n_pes,
           speed / rtl, speed * n_pes / PEER_PE_CYCLES_PER_S);
}

int main(void)
{
    const char *const root = getenv("PARE_DATA") ? getenv("PARE_DATA") : ".";
    /* 16 x 16 PEs take long to compile: make RTL_LARGE=1 */
    const pare_accel_params *const large = pare_accel_find("pare16");
    subject s = {.params = large ? large : pare_accel_find("pare4"),
                 .pace = {.latency_cycles = {LATENCY, LATENCY}}};
    pare_buf path = {0};
    pare_buf_printf(&path, "%s/sim/machines/%s.machine.yaml", root, s.params->name);
    pare_err e = {0};
    if (pare_machine_load(path.text, NULL, 0, &s.machine, &e) != PARE_OK) {
        pare_err_print(&e, stderr);
        return 1;
    }
    s.machine->memory.out_bits = 32; /* the sums themselves */
    const pare_dims dims = {.n = 1,
                            .c = 32,
                            .h = 18,
                            .w = 18,
                            .k = 32,
                            .r = 3,
                            .s = 3,
                            .p = 16,
                            .q = 16,
                            .groups = 1,
                            .stride = {1, 1},
                            .pad = {0, 0},
                            .dilation = {1, 1}};
    s.job = (pare_layer_job){.name = "bench",
                             .dims = dims,
                             .weight_bits = 4,
                             .act_bits = 4,
                             .out_bits = 8,
                             .raw = true,
                             .weights = codes((size_t)32 * 9 * 32, 4, 1),
                             .acts = codes((size_t)18 * 18 * 32, 4, 2)};
    s.sim_job = (pare_sim_job){.layer = "bench",
                               .type = "conv2d",
                               .dims = dims,
                               .weight_bits = 4,
                               .act_bits = 4,
                               .out_bits = 8};
    pare_sim_layer l2;
    const double event = level2(&s, &l2), analytic = level1(&s);
    s.cycles = l2.stats.cycles;
    if (pare_layer_image_new(s.params, &s.job, &l2.map, &s.image, &e) != PARE_OK) {
        pare_err_print(&e, stderr);
        return 1;
    }
    const double rtl = rtl_alone(&s), systemc = platform(&s);
    const uint32_t n_pes = s.params->rows * s.params->cols;
    printf("%s: 16 x 16 windows, 32 to 32 channels, 3 x 3, 4 x 4 bits: %llu cycles\n",
           s.params->name, (unsigned long long)s.cycles);
    printf("%-26s %14s %14s %12s %12s\n", "", "1000 cycles/s", "M PE-cycles/s", "RTL = 1",
           "peer = 1");
    print("RTL, Verilated (--cc)", rtl, rtl, n_pes);
    print("in the SystemC platform", systemc, rtl, n_pes);
    print("level 2", event, rtl, n_pes);
    print("level 1", analytic, rtl, n_pes);
    printf("peer: %.1f million PE-cycles, a hand-written Verilated 16 x 16 array\n",
           1e-6 * PEER_PE_CYCLES_PER_S);
    pare_layer_image_free(&s.image);
    free((void *)(uintptr_t)s.job.weights);
    free((void *)(uintptr_t)s.job.acts);
    pare_machine_free(s.machine);
    pare_buf_free(&path);
    return 0;
}
