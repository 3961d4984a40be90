/* Speed of a sweep: a million ResNet-18 points into a store against the target, the share of
 * SQLite, two threads against one, memory against the number of points; and what an adaptive search
 * finds of the front of a whole space. Scratch files lie in $TMPDIR. */
#include "sim/sweep.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const double TARGET_S = 60, TARGET_RATIO = 1.8;
static const double DNNSIM_S = 14.8; /* CPU time of one such point, docs/machines.md */

static const char MACHINES[] =
    "version: 1\nname: bench\nnetworks: [resnet18]\n"
    "machines: [loom1, loom2, loom4, stripes, unpu]\naxes:\n"
    "  - {key: array.rows, from: 4, to: 64, factor: 2}\n"
    "  - {key: array.tiles, from: 1, to: 16, factor: 2}\n"
    "  - {key: dram.bits_per_cycle, from: 32, to: 512, factor: 2}\n"
    "  - {key: buffers.weight_bytes, from: 65536, to: 1048576, factor: 2}\n"
    "  - {key: buffers.act_bytes, from: 65536, to: 1048576, factor: 2}\n"
    "  - {key: bits.weight, from: 1, to: 8}\n"
    "  - {key: bits.act, from: 1, to: 8}\n";

/* what one process of its own did */
typedef struct figures {
    pare_sweep_summary m;
    double cpu_s, peak_mb;
    pare_status status;
} figures;

static pare_status sweep_text(const char *text, const char *store, unsigned threads,
                              uint64_t blocks, pare_sweep_summary *out, pare_err *e)
{
    pare_sweep *s = NULL;
    const pare_sweep_options o = {.store = store, .threads = threads, .block_limit = blocks};
    unlink(store);
    PARE_TRY(pare_sweep_parse("bench", text, strlen(text), &s, e));
    const pare_status status = pare_sweep_run(s, &o, out, e);
    pare_sweep_free(s);
    return status;
}

/* In a child, so that memory and processor time are its own. */
static figures measure(const char *text, const char *store, unsigned threads, uint64_t blocks)
{
    figures f = {.status = PARE_EFAIL};
    int ends[2];
    if (pipe(ends)) return f;
    const pid_t child = fork();
    if (child == 0) {
        pare_err e = {0};
        struct rusage u;
        f.status = sweep_text(text, store, threads, blocks, &f.m, &e);
        if (f.status != PARE_OK) pare_err_print(&e, stderr);
        getrusage(RUSAGE_SELF, &u);
        f.cpu_s = (double)u.ru_utime.tv_sec + 1e-6 * (double)u.ru_utime.tv_usec +
                  (double)u.ru_stime.tv_sec + 1e-6 * (double)u.ru_stime.tv_usec;
        f.peak_mb = (double)u.ru_maxrss / 1024;
        _exit(write(ends[1], &f, sizeof f) == (ssize_t)sizeof f ? 0 : 1);
    }
    if (child < 0 || read(ends[0], &f, sizeof f) != (ssize_t)sizeof f) f.status = PARE_EFAIL;
    if (child > 0) waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    return f;
}

static void print_points(const char *what, const figures *f)
{
    const double n = (double)(f->m.n_computed + f->m.n_excluded);
    printf("%s: %.0f points in %.1f s, %.0f points/s; %.1f us of CPU time a point\n", what, n,
           f->m.seconds, n / f->m.seconds, 1e6 * f->cpu_s / n);
    printf("  SQLite %.1f %% of the time; %.1f %% of the layers were known; peak memory %.1f MB\n",
           100 * f->m.write_seconds / f->m.seconds,
           100 * (double)f->m.n_layers_found / (double)f->m.n_layers, f->peak_mb);
}

static int bench_million(const char *store)
{
    enum { FEW_BLOCKS = 400 };
    const figures one = measure(MACHINES, store, 1, FEW_BLOCKS);
    const figures two = measure(MACHINES, store, 2, FEW_BLOCKS);
    const figures all = measure(MACHINES, store, 2, 0);
    if (one.status != PARE_OK || two.status != PARE_OK || all.status != PARE_OK) return 1;
    print_points("a million machines and bits, no two alike, two threads", &all);
    printf("  %.1f s (target %g s); %.0f times less CPU time a point than DNNsim's %.1f s\n",
           all.m.seconds, TARGET_S, DNNSIM_S / (all.cpu_s / (double)all.m.n_computed), DNNSIM_S);
    printf("  two threads against one, on %llu points: %.2f (target %g; idle cores needed)\n",
           (unsigned long long)one.m.n_computed, one.m.seconds / two.m.seconds, TARGET_RATIO);
    printf("  memory of the first %llu points %.1f MB, of all %.1f MB\n",
           (unsigned long long)two.m.n_computed, two.peak_mb, all.peak_mb);
    return 0;
}

/* ---- an adaptive search against everything ---- */

typedef struct front {
    double (*v)[2];
    size_t n, capacity;
} front;

static pare_status add_point(void *context, const pare_row *row, pare_err *e)
{
    (void)e;
    front *const f = context;
    if (row->error || f->n == f->capacity) return PARE_OK;
    f->v[f->n][0] = row->values[0];
    f->v[f->n++][1] = row->values[1];
    return PARE_OK;
}

static int by_first(const void *a, const void *b)
{
    const double *const x = a, *const y = b;
    return x[0] != y[0] ? (x[0] > y[0]) - (x[0] < y[0]) : (x[1] > y[1]) - (x[1] < y[1]);
}

/* Area between the points and a corner. */
static double hypervolume(front *f, const double corner[2])
{
    double sum = 0, low = corner[1];
    qsort(f->v, f->n, sizeof *f->v, by_first);
    for (size_t i = 0; i < f->n && f->v[i][0] < corner[0]; i++) {
        if (f->v[i][1] >= low) continue;
        sum += (corner[0] - f->v[i][0]) * (low - f->v[i][1]);
        low = f->v[i][1];
    }
    return sum;
}

static pare_status read_front(const char *store, front *out, pare_err *e)
{
    pare_store *s = NULL;
    PARE_TRY(pare_store_open(store, &s, e));
    out->capacity = pare_store_about(s)->n_rows;
    out->v = pare_xalloc(out->capacity + 1, sizeof *out->v);
    const pare_status status = pare_store_each(s, add_point, out, e);
    pare_store_close(s);
    return status;
}

static int bench_search(const char *store)
{
    static const char space[] =
        "version: 1\nname: bench\nnetworks: [resnet18]\n"
        "machines: [loom1, loom2, stripes]\nbits: [w4a6]\n"
        "columns: [cycles, energy_pj]\naxes:\n"
        "  - {key: array.rows, from: 4, to: 64, factor: 2}\n"
        "  - {key: array.tiles, from: 1, to: 16, factor: 2}\n"
        "  - {key: array.cols, from: 1, to: 16, factor: 2}\n"
        "  - {key: dram.bits_per_cycle, from: 32, to: 512, factor: 2}\n"
        "  - {key: buffers.weight_bytes, from: 65536, to: 1048576, factor: 2}\n"
        "  - {key: buffers.act_bytes, from: 65536, to: 1048576, factor: 2}\n"
        "constraints:\n  - require: area_um2 <= 4e6\n";
    static const char *const ways[][2] = {
        {"all points", ""},
        {"NSGA-II", "search: {method: nsga2, objectives: [cycles, energy_pj], population: 50, "
                    "generations: 20}\n"},
        {"random points", "sample: {method: random, points: 1000}\n"}};
    double corner[2] = {0, 0}, whole = 0;
    for (size_t k = 0; k < 3; k++) {
        char text[2048];
        pare_sweep_summary m;
        pare_err e = {0};
        front f = {0};
        snprintf(text, sizeof text, "%s%s", space, ways[k][1]);
        if (sweep_text(text, store, 0, 0, &m, &e) != PARE_OK ||
            read_front(store, &f, &e) != PARE_OK) {
            pare_err_print(&e, stderr);
            free(f.v);
            return 1;
        }
        for (size_t i = 0; k == 0 && i < f.n; i++)
            for (int j = 0; j < 2; j++) corner[j] = fmax(corner[j], f.v[i][j]);
        const double volume = hypervolume(&f, corner);
        if (k == 0) whole = volume;
        printf("  %-14s %6llu evaluations, hypervolume %.4f of the whole front's\n", ways[k][0],
               (unsigned long long)m.n_computed, volume / whole);
        free(f.v);
    }
    return 0;
}

int main(void)
{
    const char *const tmp = getenv("TMPDIR");
    char store[PATH_MAX];
    snprintf(store, sizeof store, "%s/pare-bench-%ld.sqlite", tmp ? tmp : "/tmp", (long)getpid());
    int failed = bench_million(store);
    printf("front of cycles and energy within 4 mm2, five axes of sizes:\n");
    failed |= bench_search(store);
    unlink(store);
    return failed;
}
