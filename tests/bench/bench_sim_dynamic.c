/* Speed of value-dependent machines: ResNet-18 and VGG-19 with a tensor for every operand, the
 * whole process, beside DNNsim's measured CPU time on ResNet-18's convolutions (the machines
 * reference, section 10) and the targets of 2 s and 500 MB. Then its scaling with threads. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 3 };
static const double TARGET_S = 2, TARGET_MB = 500;

typedef struct row {
    const char *machine, *peer;
    double peer_s; /* CPU seconds; 0: DNNsim has no such machine */
} row;

static const row rows[] = {
    {"dynamic_stripes", "Dynamic Stripes", 13.7},
    {"pragmatic", "Bit-Pragmatic", 14.3},
    {"laconic", "Laconic", 25.2},
    {"shapeshifter", NULL, 0},
    {"bitwave", NULL, 0},
};

typedef struct cost {
    double wall_s, cpu_s, mb;
    uint64_t cycles;
} cost;

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
    _exit((int)s);
}

/* In the child: load everything, run, print the cycles. */
static void run_all(const char *network, const char *machine, unsigned threads, int out)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_net *net = NULL;
    pare_bits *bits = NULL;
    pare_machine *m = NULL;
    pare_sim_result r;
    pare_data_find("networks", network, &path);
    must(pare_net_load(path.text, &net, &e), &e);
    must(pare_bits_uniform("8", net, &bits, &e), &e);
    pare_data_find("machines", machine, &path);
    must(pare_machine_load(path.text, NULL, 0, &m, &e), &e);
    const pare_sim_options options = {.threads = threads};
    must(pare_sim_run(net, m, bits, &options, &r, &e), &e);
    if (write(out, &r.total.cycles, sizeof r.total.cycles) < 0) _exit(1);
    _exit(0);
}

/* A process of its own, so that its peak memory is its own. */
static cost measure_once(const char *network, const char *machine, unsigned threads)
{
    int ends[2];
    cost c = {0};
    if (pipe(ends)) exit(1);
    struct rusage before, after;
    getrusage(RUSAGE_CHILDREN, &before);
    const double start = now_s();
    const pid_t child = fork();
    if (child == 0) run_all(network, machine, threads, ends[1]);
    int status = 1;
    if (read(ends[0], &c.cycles, sizeof c.cycles) < 0 || waitpid(child, &status, 0) < 0 || status)
        exit(1);
    c.wall_s = now_s() - start;
    getrusage(RUSAGE_CHILDREN, &after);
    const struct timeval a = before.ru_utime, b = after.ru_utime;
    c.cpu_s = (double)(b.tv_sec - a.tv_sec) + 1e-6 * (double)(b.tv_usec - a.tv_usec);
    c.mb = (double)after.ru_maxrss / 1024; /* of the largest child so far */
    close(ends[0]);
    close(ends[1]);
    return c;
}

/* Best of a few; memory of the largest process until now. */
static cost measure(const char *network, const char *machine, unsigned threads)
{
    cost best = measure_once(network, machine, threads);
    for (int i = 1; i < ROUNDS; i++) {
        const cost c = measure_once(network, machine, threads);
        if (c.wall_s < best.wall_s) best.wall_s = c.wall_s;
        if (c.cpu_s < best.cpu_s) best.cpu_s = c.cpu_s;
        best.mb = c.mb;
    }
    return best;
}

int main(void)
{
    bool holds = true;
    printf("ResNet-18, 8 b, all tensors drawn and all values timed, whole process, best of %d\n",
           ROUNDS);
    printf("%-16s %9s %9s %10s %14s   %s\n", "machine", "wall s", "CPU s", "peak MB", "cycles",
           "DNNsim, CPU s (ratio)");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const cost c = measure("resnet18", rows[i].machine, 0);
        printf("%-16s %9.3f %9.3f %10.1f %14llu   ", rows[i].machine, c.wall_s, c.cpu_s, c.mb,
               (unsigned long long)c.cycles);
        if (rows[i].peer)
            printf("%s %.1f (%.0fx)\n", rows[i].peer, rows[i].peer_s, rows[i].peer_s / c.cpu_s);
        else
            printf("-\n");
        holds = holds && c.wall_s <= TARGET_S && c.mb <= TARGET_MB;
    }
    printf("target %.0f s and %.0f MB each: %s; peak MB is that of the largest process so far\n\n",
           TARGET_S, TARGET_MB, holds ? "met" : "MISSED");
    printf("%-16s %-12s %9s %9s %9s %9s\n", "machine", "network", "1 thread", "2 threads", "ratio",
           "peak MB");
    static const char *const networks[] = {"resnet18", "vgg19"};
    for (size_t n = 0; n < 2; n++)
        for (size_t i = 0; i < 3; i++) {
            const cost one = measure(networks[n], rows[i].machine, 1);
            const cost two = measure(networks[n], rows[i].machine, 2);
            printf("%-16s %-12s %9.3f %9.3f %8.2fx %9.1f%s\n", rows[i].machine, networks[n],
                   one.wall_s, two.wall_s, one.wall_s / two.wall_s, two.mb,
                   one.cycles == two.cycles ? "" : "  CYCLES DIFFER");
        }
    return 0;
}
