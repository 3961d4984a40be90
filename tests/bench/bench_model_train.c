/* bench_model_train: images/s of training, beside PyTorch and beside what the machine can do.
 *
 * Both sides train the same synthetic batch with the same quantizer; runs alternate, so that what
 * else the machine does hits both, and one thread is timed by its CPU time, two by the clock.
 * PyTorch (Debian's python3-torch) tries channels_last and the default layout and keeps the faster.
 * Prints medians, ratios, the share of the FMA peak (measured here, float) and the peak memory of
 * both, then the cost of quantization over our own fp32 in CPU time.
 * Arguments: networks (resnet20 cnn_small lenet5).
 */
#define _DEFAULT_SOURCE /* wait4 */
#include "model_bench.h"
#include <signal.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { BATCH = 128, ROUNDS = 7, SHORT_ROUNDS = 25, PEAK_LANES = 8, PEAK_CHAINS = 10 };

static const char SCRIPT[] = "tests/bench/torch_bitpruning.py";

/* ---- the machine's peak: independent chains of fused multiply-adds ------------------------------
 */

#if defined(__x86_64__)
/* Ten chains hide the latency of two units of four cycles each. */
#define CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)

__attribute__((target("avx512f"))) static double run_avx512(size_t n, float *sink)
{
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
#define START(i) __m512 x##i = _mm512_set1_ps((float)i);
#define STEP(i)  x##i = _mm512_fmadd_ps(x##i, a, b);
#define DROP(i)  *sink += _mm512_reduce_add_ps(x##i);
    CHAINS(START)
    const double start = now_s();
    for (size_t k = 0; k < n; k++) {
        CHAINS(STEP)
    }
    const double s = now_s() - start;
    CHAINS(DROP)
    return s / 2; /* counted as eight lanes below */
}

__attribute__((target("avx2,fma"))) static double run_avx2(size_t n, float *sink)
{
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
#define START8(i) __m256 x##i = _mm256_set1_ps((float)i);
#define STEP8(i)  x##i = _mm256_fmadd_ps(x##i, a, b);
#define DROP8(i)  *sink += _mm256_cvtss_f32(x##i);
    CHAINS(START8)
    const double start = now_s();
    for (size_t k = 0; k < n; k++) {
        CHAINS(STEP8)
    }
    const double s = now_s() - start;
    CHAINS(DROP8)
    return s;
}

/* Seconds of n rounds of PEAK_CHAINS * PEAK_LANES multiply-adds. */
static double run_fmas(size_t n, float *sink)
{
    return __builtin_cpu_supports("avx512f") ? run_avx512(n, sink) : run_avx2(n, sink);
}
#else
static double run_fmas(size_t n, float *sink)
{
    const double start = now_s();
    for (size_t i = 0; i < n * PEAK_CHAINS * PEAK_LANES; i++) *sink = *sink * 0.999f + 0.001f;
    return now_s() - start;
}
#endif

/* Multiply-accumulates a second of one core. */
static double peak_macs_per_s(void)
{
    const size_t n =
        100000; /* short, and the best of many: other work on the machine is no limit */
    double best = 0;
    float sink = 0;
    for (int i = 0; i < 300; i++) {
        const double rate = (double)n * PEAK_CHAINS * PEAK_LANES / run_fmas(n, &sink);
        if (rate > best) best = rate;
    }
    return sink == 12345.0f ? 0 : best;
}

/* ---- the peer ---------------------------------------------------------------------------------
 */

typedef struct peer {
    pid_t pid;
    FILE *in, *out;
    char layout[32];
} peer;

static bool open_peer(peer *p, const bench_setup *s)
{
    int to[2], from[2];
    char text[2][16], line[256];
    snprintf(text[0], sizeof text[0], "%u", s->threads);
    snprintf(text[1], sizeof text[1], "%u", s->batch);
    if (pipe(to) || pipe(from)) return false;
    p->pid = fork();
    if (p->pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        const int unused[] = {to[0], to[1], from[0], from[1]};
        for (int i = 0; i < 4; i++) close(unused[i]);
        execl("/usr/bin/python3", "python3", SCRIPT, text[0], text[1], s->method, s->network,
              (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    p->in = fdopen(to[1], "w");
    p->out = fdopen(from[0], "r");
    return p->pid > 0 && fgets(line, sizeof line, p->out) &&
           sscanf(line, "ready %*s %31s", p->layout) == 1;
}

/* Its peak memory, MiB. */
static double close_peer(peer *p)
{
    struct rusage u = {0};
    int status;
    fclose(p->in);
    fclose(p->out);
    if (p->pid > 0) wait4(p->pid, &status, 0, &u);
    return (double)u.ru_maxrss / 1024;
}

/* Seconds a step, of CPU time or of wall time. */
static double time_peer(peer *p, int steps, bool is_cpu)
{
    char line[64], *end;
    fprintf(p->in, "step %d\n", steps);
    fflush(p->in);
    if (!fgets(line, sizeof line, p->out)) return 0;
    const double wall = strtod(line, &end), cpu = strtod(end, NULL);
    return (is_cpu ? cpu : wall) / steps;
}

/* ---- the comparison ---------------------------------------------------------------------------
 */

enum { F32, WINOGRAD, BF16, TORCH, N_SIDES };

static double rate(double *t, uint32_t batch)
{
    const double s = median_of(t, ROUNDS);
    return s > 0 ? batch / s : 0;
}

static double time_any(ours *o, int steps, bool is_cpu)
{
    return is_cpu ? time_cpu(o, steps) : time_ours(o, steps);
}

static void run(const bench_setup *setup, double peak)
{
    const bool is_cpu = setup->threads == 1;
    double t[N_SIDES][ROUNDS], rates[N_SIDES];
    ours o[TORCH] = {{0}};
    peer p = {0};
    const bool has_others = pare_kernels_best() == &pare_kernels_avx512;
    for (int i = 0; i < (has_others ? TORCH : 1); i++) {
        bench_setup s = *setup;
        s.is_bf16 = i == BF16;
        s.is_winograd = i == WINOGRAD;
        open_ours(&o[i], &s);
        time_ours(&o[i], 2);
    }
    /* rounds of about a fifth of a second */
    const int steps = 1 + (int)(0.2 / time_ours(&o[0], 1));
    const bool has_peer = open_peer(&p, setup);
    if (has_peer) time_peer(&p, 2, false);
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < TORCH; i++) t[i][r] = o[i].g ? time_any(&o[i], steps, is_cpu) : 0;
        t[TORCH][r] = has_peer ? time_peer(&p, steps, is_cpu) : 0;
    }
    for (int i = 0; i < N_SIDES; i++) rates[i] = rate(t[i], setup->batch);
    const double share = rates[F32] * step_macs(o[0].net) / (peak * setup->threads);
    for (int i = 0; i < TORCH; i++)
        if (o[i].g) close_ours(&o[i]);
    const double peer_mib = close_peer(&p);
    printf("%-10s %-10s %u threads", setup->network, setup->method, setup->threads);
    for (int i = 0; i < N_SIDES; i++) printf("  %8.0f", rates[i]);
    printf(" %-13s", p.layout);
    for (int i = 0; i < TORCH && rates[TORCH] > 0; i++) printf("  %8.2f", rates[i] / rates[TORCH]);
    printf("  %5.1f %%  %5.0f  %5.0f\n", 100 * share, memory_of(setup), peer_mib);
    fflush(stdout);
}

/* Our own fp32 and BitPruning in turn, CPU time of one thread; a difference of some percent wants
 * many rounds. */
static void print_overhead(const char *network)
{
    ours o[2] = {{0}};
    double t[2][SHORT_ROUNDS];
    for (int i = 0; i < 2; i++) {
        const bench_setup s = {
            .network = network, .method = i ? "bitpruning" : "fp32", .batch = BATCH, .threads = 1};
        open_ours(&o[i], &s);
        time_ours(&o[i], 2);
    }
    const int steps = 1 + (int)(0.05 / time_ours(&o[0], 1));
    for (int r = 0; r < SHORT_ROUNDS; r++)
        for (int i = 0; i < 2; i++) t[i][r] = time_cpu(&o[i], steps);
    const double real = median_of(t[0], SHORT_ROUNDS), quantized = median_of(t[1], SHORT_ROUNDS);
    printf("%-10s quantization costs %.1f %% over our own fp32: %.2f and %.2f ms of CPU a step\n",
           network, 100 * (quantized / real - 1), 1e3 * quantized, 1e3 * real);
    for (int i = 0; i < 2; i++) close_ours(&o[i]);
}

int main(int argc, char **argv)
{
    static const char *const all[] = {"resnet20", "cnn_small", "lenet5"};
    static const char *const methods[] = {"fp32", "bitpruning"};
    const int n = argc > 1 ? argc - 1 : 3;
    signal(SIGPIPE, SIG_IGN);
    const double peak = peak_macs_per_s();
    printf("batch %d, median of %d alternating rounds; FMA peak %.1f G multiply-adds/s a core\n",
           (int)BATCH, (int)ROUNDS, peak / 1e9);
    printf("%-30s  %8s  %8s  %8s  %8s %-13s  %8s  %8s  %8s  %7s  %5s  %5s\n",
           "images/s; ours beside torch", "f32", "winograd", "bf16", "torch", "layout", "f32",
           "winograd", "bf16", "of peak", "MiB", "torch");
    for (int i = 0; i < n; i++) {
        const char *network = argc > 1 ? argv[i + 1] : all[i];
        for (unsigned threads = 1; threads <= 2; threads++)
            for (int m = 0; m < 2; m++) {
                const bench_setup s = {
                    .network = network, .method = methods[m], .batch = BATCH, .threads = threads};
                run(&s, peak);
            }
        print_overhead(network);
    }
    return 0;
}
