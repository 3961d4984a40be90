/* pare-sim sweep: the points of a space into a store. */
#include "sim/main.h"
#include "sim/sweep.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) { stop_signal = number; }

typedef struct sweep_args {
    const char *file, *store, *shard, *csv, *ndjson;
    uint32_t n_shards, threads;
    uint64_t block_limit;
    bool is_dry, is_json, is_quiet, is_strict;
} sweep_args;

typedef struct talk {
    pare_progress progress;
    const char *name;
} talk;

static void on_progress(void *context, const pare_sweep_progress *p)
{
    talk *const t = context;
    const bool is_end = p->done >= p->total;
    pare_buf line = {0};
    if (!pare_progress_is_due(&t->progress, p->seconds, is_end)) return;
    pare_progress_text(t->name, "points", p->seconds, p->done_before, p->done, p->total, &line);
    pare_progress_say(&t->progress, line.text, is_end);
    pare_buf_free(&line);
}

/* ---- --dry-run ---- */

static void print_bytes(double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t u = 0;
    for (; bytes >= 1000 && u + 1 < sizeof units / sizeof *units; u++) bytes /= 1000;
    printf("%.3g %s", bytes, units[u]);
}

static pare_status dry_run(const pare_sweep *s, uint32_t n_shards, uint32_t threads, pare_err *e)
{
    enum { SHOWN_MAX = 6 };
    const pare_sweep_info *const i = pare_sweep_about(s);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const double n_threads = threads ? threads : cores > 0 ? (double)cores : 1;
    pare_sweep_estimate m;
    PARE_TRY(pare_sweep_measure(s, &m, e));
    printf("sweep %s\n", i->name);
    for (size_t a = 0; a < i->n_axes; a++) {
        printf("  %-22s %6llu  ", i->axes[a].key, (unsigned long long)i->axes[a].n);
        for (uint64_t d = 0; d < i->axes[a].n && d < SHOWN_MAX; d++)
            printf("%s%s", d ? ", " : "", i->axes[a].values[d]);
        printf("%s%s\n", i->axes[a].n > SHOWN_MAX ? ", ... " : "",
               i->axes[a].n > SHOWN_MAX ? i->axes[a].values[i->axes[a].n - 1] : "");
    }
    const double points = (double)i->n_points;
    printf("places    %llu\n", (unsigned long long)i->n_space);
    printf("points    %llu%s, about %.3g after constraints\n", (unsigned long long)i->n_points,
           i->is_search ? " at most, chosen while it runs" : "", points * m.included_frac);
    printf("measured  %llu points: %.3g us and %.3g bytes a point, %llu failed\n",
           (unsigned long long)m.n_measured, 1e6 * m.seconds_per_point, m.bytes_per_point,
           (unsigned long long)m.n_failed);
    pare_buf time = {0};
    pare_buf_duration(&time, points * m.seconds_per_point / n_threads / (n_shards ? n_shards : 1));
    printf("time      about %s on %.0f threads%s\n", time.text, n_threads,
           n_shards > 1 ? " of each shard" : "");
    pare_buf_free(&time);
    printf("disk      about ");
    print_bytes(points * m.bytes_per_point);
    printf("\n");
    return PARE_OK;
}

/* ---- running ---- */

static void store_name(const pare_sweep *s, uint32_t shard, uint32_t n_shards, pare_buf *out)
{
    pare_buf_puts(out, pare_sweep_about(s)->name);
    if (n_shards > 1) pare_buf_printf(out, ".%04u-of-%04u", shard, n_shards);
    pare_buf_puts(out, ".sqlite");
}

static void print_summary(const sweep_args *a, const pare_sweep *s, const char *store,
                          const pare_sweep_summary *m)
{
    const double points = (double)(m->n_computed + m->n_reused + m->n_excluded);
    if (a->is_json) {
        pare_buf b = {0};
        pare_buf_puts(&b, "{\"sweep\":");
        pare_buf_json_string(&b, pare_sweep_about(s)->name);
        pare_buf_puts(&b, ",\"store\":");
        pare_buf_json_string(&b, store);
        pare_buf_printf(&b,
                        ",\"computed\":%llu,\"reused\":%llu,\"excluded\":%llu,\"failed\":%llu,"
                        "\"complete\":%s,\"seconds\":",
                        (unsigned long long)m->n_computed, (unsigned long long)m->n_reused,
                        (unsigned long long)m->n_excluded, (unsigned long long)m->n_failed,
                        m->is_complete ? "true" : "false");
        pare_buf_real(&b, m->seconds);
        pare_buf_puts(&b, ",\"write_seconds\":");
        pare_buf_real(&b, m->write_seconds);
        puts(strcat(b.text, "}"));
        pare_buf_free(&b);
        return;
    }
    printf("%s: %llu computed, %llu taken over, %llu excluded, %llu failed; %s\n", store,
           (unsigned long long)m->n_computed, (unsigned long long)m->n_reused,
           (unsigned long long)m->n_excluded, (unsigned long long)m->n_failed,
           m->is_complete ? "complete" : "not complete: run the same command again");
    if (a->is_quiet || points == 0 || m->seconds <= 0) return;
    fprintf(stderr,
            "%.3g s, %.4g points/s; SQLite took %.1f %% of the time; %.1f %% of %llu layers "
            "were known\n",
            m->seconds, points / m->seconds, 100 * m->write_seconds / m->seconds,
            m->n_layers ? 100 * (double)m->n_layers_found / (double)m->n_layers : 0,
            (unsigned long long)m->n_layers);
}

static pare_status export_all(const sweep_args *a, const char *path, pare_err *e)
{
    pare_store *store = NULL;
    if (!a->csv && !a->ndjson) return PARE_OK;
    PARE_TRY(pare_store_open(path, &store, e));
    pare_status status = PARE_OK;
    if (a->csv) status = pare_store_export(store, false, a->csv, e);
    if (status == PARE_OK && a->ndjson) status = pare_store_export(store, true, a->ndjson, e);
    pare_store_close(store);
    return status;
}

static pare_status run_store(const sweep_args *a, const pare_sweep *s, uint32_t shard,
                             uint32_t n_shards, const char *path, bool *has_failed, pare_err *e)
{
    talk t = {.progress = pare_progress_new(a->is_quiet), .name = pare_sweep_about(s)->name};
    const pare_sweep_options options = {.store = path,
                                        .shard = shard,
                                        .n_shards = n_shards,
                                        .threads = a->threads,
                                        .block_limit = a->block_limit,
                                        .progress = on_progress,
                                        .context = &t,
                                        .stop = &stop_signal};
    pare_sweep_summary m;
    PARE_TRY(pare_sweep_run(s, &options, &m, e));
    print_summary(a, s, path, &m);
    *has_failed = m.n_failed > 0;
    return export_all(a, path, e);
}

static int run(const sweep_args *a)
{
    enum { FAILED_POINTS = 4 };
    pare_err e = {0};
    pare_sweep *s = NULL;
    pare_buf path = {0};
    uint32_t shard, n_shards;
    const char *origin;
    bool has_failed = false;
    pare_status status = pare_shard_find(a->shard, a->n_shards, &shard, &n_shards, &origin, &e);
    if (status == PARE_OK) status = pare_sweep_load(a->file, &s, &e);
    if (status == PARE_OK && a->is_dry) {
        status = dry_run(s, n_shards, a->threads, &e);
    } else if (status == PARE_OK) {
        if (a->store)
            pare_buf_puts(&path, a->store);
        else
            store_name(s, shard, n_shards, &path);
        if (n_shards > 1 && !a->is_quiet && strcmp(origin, "--shard") != 0)
            fprintf(stderr, "shard %u of %u (%s)\n", shard, n_shards, origin);
        status = run_store(a, s, shard, n_shards, path.text, &has_failed, &e);
    }
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_sweep_free(s);
    pare_buf_free(&path);
    if (stop_signal) return 128 + stop_signal;
    return status == PARE_OK && a->is_strict && has_failed ? FAILED_POINTS : (int)status;
}

/* An interrupted sweep commits what it has; a full file is an error, not a death. */
static void catch_signals(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    act.sa_handler = SIG_IGN;
    sigaction(SIGXFSZ, &act, NULL);
}

int pare_main_sweep(int argc, char **argv)
{
    sweep_args a = {0};
    const pare_opt opts[] = {
        {"store", 'o', PARE_OPT_STRING, "FILE",
         "where results go (NAME.sqlite, of a shard NAME.0003-of-0064.sqlite)", &a.store, 0, 0},
        {"dry-run", 'n', PARE_OPT_FLAG, NULL,
         "say how many points, how long and how much disk, measured on some of them", &a.is_dry, 0,
         0},
        {"threads", 'j', PARE_OPT_U32, "N", "threads; results are the same; 0: all (0)", &a.threads,
         0, 256},
        {"shard", 0, PARE_OPT_STRING, "I/N",
         "only this part, counted from 0 (what Slurm, Open MPI or PMI say)", &a.shard, 0, 0},
        {"shards", 0, PARE_OPT_U32, "N", "how many parts, under GNU parallel", &a.n_shards, 1,
         1000000},
        {"csv", 0, PARE_OPT_STRING, "FILE", "also export as CSV (- for standard output)", &a.csv, 0,
         0},
        {"ndjson", 0, PARE_OPT_STRING, "FILE", "also export as one JSON object a line", &a.ndjson,
         0, 0},
        {"blocks", 0, PARE_OPT_U64, "N", "end after so many blocks of points; go on another time",
         &a.block_limit, 1, 1e15},
        {"strict", 0, PARE_OPT_FLAG, NULL, "exit status 4 if points failed", &a.is_strict, 0, 0},
        {"json", 0, PARE_OPT_FLAG, NULL, "the summary as one JSON object", &a.is_json, 0, 0},
        {"quiet", 'q', PARE_OPT_FLAG, NULL, "no progress", &a.is_quiet, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim sweep SWEEP.yaml [options]",
                         "The points of a space of machines, bits and networks. Interrupted or "
                         "killed, it goes on with the same command.",
                         argc, argv, &n_operands, &status))
        return status;
    if (n_operands != 1) {
        fprintf(stderr, "one sweep file expected; see pare-sim sweep --help\n");
        return PARE_EUSAGE;
    }
    a.file = argv[1];
    catch_signals();
    return run(&a);
}
