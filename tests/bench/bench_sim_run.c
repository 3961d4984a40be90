/* Speed of pare-sim: the whole process on ResNet-18 against its targets. */
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { RUNS = 30 };
static const double TARGET_MS = 10, TARGET_MB = 10;
static const double DNNSIM_S =
    14.8; /* CPU time of DNNsim's Stripes on this network, docs/machines.md */

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool spawn_once(char *const argv[])
{
    pid_t pid;
    int status;
    return posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) == 0 &&
           waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* build/bench/bench_sim_run -> build/bin/pare-sim */
static bool find_program(char path[4096])
{
    const ssize_t n = readlink("/proc/self/exe", path, 4000);
    if (n <= 0) return false;
    path[n] = 0;
    for (int i = 0; i < 2; i++) {
        char *const slash = strrchr(path, '/');
        if (!slash) return false;
        *slash = 0;
    }
    strcat(path, "/bin/pare-sim");
    return access(path, X_OK) == 0;
}

static int bench_process(void)
{
    char program[4096];
    char *const argv[] = {program,
                          (char *)"run",
                          (char *)"resnet18",
                          (char *)"--machine",
                          (char *)"stripes",
                          (char *)"--bits",
                          (char *)"w4a6",
                          (char *)"--out",
                          (char *)"/dev/null",
                          NULL};
    double wall_ms[RUNS];
    if (!find_program(program)) {
        fprintf(stderr, "no pare-sim beside this program; make all first\n");
        return 1;
    }
    for (int i = 0; i < RUNS; i++) {
        const double start = now_s(CLOCK_MONOTONIC);
        if (!spawn_once(argv)) return 1;
        wall_ms[i] = 1e3 * (now_s(CLOCK_MONOTONIC) - start);
    }
    qsort(wall_ms, RUNS, sizeof *wall_ms, by_value);
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    const double cpu_s = ((double)u.ru_utime.tv_sec + 1e-6 * (double)u.ru_utime.tv_usec +
                          (double)u.ru_stime.tv_sec + 1e-6 * (double)u.ru_stime.tv_usec) /
                         RUNS;
    printf(
        "pare-sim run resnet18, whole process: %.2f ms median, %.2f ms best of %d (target %g ms)\n",
        wall_ms[RUNS / 2], wall_ms[0], RUNS, TARGET_MS);
    printf("  %.2f ms of CPU time, %.0f times less than DNNsim's %.1f s\n", 1e3 * cpu_s,
           DNNSIM_S / cpu_s, DNNSIM_S);
    printf("  peak memory %.1f MB (target %g MB)\n", (double)u.ru_maxrss / 1024, TARGET_MB);
    return 0;
}

int main(void) { return bench_process(); }
