/* Running a sweep: threads take blocks of points, the calling thread writes them in order. */
#include "sim/store_write.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS_PER_THREAD = 4, THREADS_MAX = 256 };
static const double COMMIT_S = 0.25, PROGRESS_S = 0.2;

/* The rows of a block, computed or being so. */
typedef struct slot {
    sweep_row *rows;
    size_t n;
    cell *cells, *layer_cells;
    uint32_t (*layer_bits)[2];
    bool is_ready;
} slot;

typedef struct run {
    const pare_sweep *s;
    const pare_sweep_options *options;
    store_plan plan;
    uint64_t n_blocks; /* of the shard */
    uint64_t next;     /* block that a thread takes next */
    uint64_t written;  /* blocks that are written: their slots are free */
    uint64_t last;     /* block that ends this call */
    bool stops;
    size_t n_slots;
    slot *slots;
    size_t n_threads, n_started;
    pthread_t *threads;
    sweep_worker **workers;
    size_t n_running;
    pthread_mutex_t lock;
    pthread_cond_t ready, free;
} run;

typedef struct thread_arg {
    run *r;
    size_t number;
} thread_arg;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- blocks ---- */

static void shape_of(const pare_sweep *s, size_t *n_layers, size_t *n_stats)
{
    *n_layers = *n_stats = 0;
    if (!s->info.has_layers) return;
    for (uint64_t i = 0; i < s->axes[s->at[AXIS_NETWORK]].n; i++)
        if (s->nets[i]->n_mac_layers > *n_layers) *n_layers = s->nets[i]->n_mac_layers;
    for (size_t i = 0; i < s->info.n_columns; i++) *n_stats += s->columns[i].is_stat;
}

static void slot_new(const pare_sweep *s, slot *out)
{
    size_t n_layers, n_stats;
    const size_t n = s->info.block_points, n_columns = s->info.n_columns;
    shape_of(s, &n_layers, &n_stats);
    out->rows = pare_xalloc(n, sizeof *out->rows);
    out->cells = pare_xalloc(n * n_columns, sizeof *out->cells);
    out->layer_cells = pare_xalloc(n * n_layers * n_stats + 1, sizeof *out->layer_cells);
    out->layer_bits = pare_xalloc(n * n_layers + 1, sizeof *out->layer_bits);
    for (size_t i = 0; i < n; i++) {
        out->rows[i].cells = out->cells + i * n_columns;
        out->rows[i].layer_cells = out->layer_cells + i * n_layers * n_stats;
        out->rows[i].layer_bits = out->layer_bits + i * n_layers;
    }
}

static void slot_clear(slot *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->rows[i].error);
        s->rows[i].error = NULL;
    }
    s->n = 0;
    s->is_ready = false;
}

static void slot_free(slot *s)
{
    slot_clear(s);
    free(s->rows);
    free(s->cells);
    free(s->layer_cells);
    free(s->layer_bits);
}

/* A constraint that cannot be evaluated there makes a row of its own, not the end of the sweep. */
static void compute_point(sweep_worker *w, uint64_t point, sweep_row *row)
{
    uint64_t space = 0;
    bool is_there = false;
    pare_err e = {0};
    row->is_reused = false;
    if (sweep_place(w, point, &space, &is_there, &e) != PARE_OK) {
        *row = (sweep_row){.point = point,
                           .space = space,
                           .hash = XXH3_128bits(e.text, strlen(e.text)),
                           .state = ROW_FAILED,
                           .error = pare_xstrdup(e.text),
                           .cells = row->cells,
                           .layer_bits = row->layer_bits,
                           .layer_cells = row->layer_cells};
        return;
    }
    row->point = point;
    row->space = space;
    row->n_layers = 0;
    row->state = ROW_EXCLUDED;
    if (is_there) sweep_eval(w, point, space, row);
}

static void compute_block(const run *r, sweep_worker *w, uint64_t block, slot *out)
{
    const uint64_t number = r->plan.shard + block * r->plan.n_shards;
    const uint64_t first = number * r->plan.block_points;
    uint64_t end = first + r->plan.block_points;
    if (end > r->plan.n_points) end = r->plan.n_points;
    out->n = 0;
    for (uint64_t p = first; p < end; p++) compute_point(w, p, &out->rows[out->n++]);
}

/* ---- threads ---- */

static void *work(void *context)
{
    thread_arg *const a = context;
    run *const r = a->r;
    sweep_worker *const w = r->workers[a->number];
    free(a);
    pthread_mutex_lock(&r->lock);
    while (!r->stops && r->next < r->last) {
        if (r->next >= r->written + r->n_slots) {
            pthread_cond_wait(&r->free, &r->lock);
            continue;
        }
        const uint64_t block = r->next++;
        slot *const s = &r->slots[block % r->n_slots];
        pthread_mutex_unlock(&r->lock);
        compute_block(r, w, block, s);
        pthread_mutex_lock(&r->lock);
        s->is_ready = true;
        pthread_cond_signal(&r->ready);
    }
    r->n_running--;
    pthread_cond_signal(&r->ready);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static pare_status start(run *r, const store_writer *store, pare_err *e)
{
    for (size_t i = 0; i < r->n_threads; i++) {
        r->workers[i] = sweep_worker_new(r->s);
        if (store->has_old) PARE_TRY(store_reader_open(store, &r->workers[i]->old, e));
    }
    for (; r->n_started < r->n_threads; r->n_started++) {
        thread_arg *const a = pare_xalloc(1, sizeof *a);
        *a = (thread_arg){r, r->n_started};
        pthread_mutex_lock(&r->lock);
        r->n_running++;
        pthread_mutex_unlock(&r->lock);
        if (!pthread_create(&r->threads[r->n_started], NULL, work, a)) continue;
        free(a);
        pthread_mutex_lock(&r->lock);
        r->n_running--;
        pthread_mutex_unlock(&r->lock);
        if (r->n_started) break; /* fewer threads will do */
        return pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0}, "no thread can be started");
    }
    return PARE_OK;
}

static void stop(run *r)
{
    pthread_mutex_lock(&r->lock);
    r->stops = true;
    pthread_cond_broadcast(&r->free);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->n_started; i++) pthread_join(r->threads[i], NULL);
}

/* ---- the writing side ---- */

/* The next block, or NULL if there will be none. */
static slot *wait_for(run *r, uint64_t block)
{
    slot *const s = &r->slots[block % r->n_slots];
    pthread_mutex_lock(&r->lock);
    while (!s->is_ready && r->n_running && !(r->options->stop && *r->options->stop)) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += 100 * 1000 * 1000; /* a signal sets `stop` without waking anyone */
        if (t.tv_nsec >= 1000 * 1000 * 1000) {
            t.tv_nsec -= 1000 * 1000 * 1000;
            t.tv_sec++;
        }
        (void)pthread_cond_timedwait(&r->ready, &r->lock, &t);
    }
    const bool is_ready = s->is_ready;
    pthread_mutex_unlock(&r->lock);
    return is_ready ? s : NULL;
}

static void release(run *r, slot *s)
{
    slot_clear(s);
    pthread_mutex_lock(&r->lock);
    r->written++;
    pthread_cond_broadcast(&r->free);
    pthread_mutex_unlock(&r->lock);
}

static pare_status write_block(const run *r, store_writer *store, uint64_t block, const slot *s,
                               pare_sweep_summary *out, pare_err *e)
{
    uint64_t n_excluded = 0;
    for (size_t i = 0; i < s->n; i++) {
        const sweep_row *const row = &s->rows[i];
        PARE_TRY(store_put(store, row, e));
        n_excluded += row->state == ROW_EXCLUDED;
        out->n_failed += row->state == ROW_FAILED;
        out->n_reused += row->is_reused;
        out->n_computed += row->state != ROW_EXCLUDED && !row->is_reused;
    }
    out->n_excluded += n_excluded;
    return store_put_excluded(store, r->plan.shard + block * r->plan.n_shards, n_excluded, e);
}

static void report(const run *r, uint64_t first, uint64_t done, double seconds)
{
    if (!r->options->progress) return;
    const uint64_t points = r->plan.block_points;
    const pare_sweep_progress p = {.done = done * points,
                                   .total = r->n_blocks * points,
                                   .seconds = seconds,
                                   .done_before = first * points};
    r->options->progress(r->options->context, &p);
}

static pare_status write_all(run *r, store_writer *store, pare_sweep_summary *out, pare_err *e)
{
    const uint64_t first = store->next_block;
    const double begun = now_s();
    double committed = begun, told = begun;
    uint64_t block = first;
    pare_status status = PARE_OK;
    for (; block < r->last && status == PARE_OK; block++) {
        slot *const s = wait_for(r, block);
        if (!s) break;
        const double start_s = now_s();
        status = write_block(r, store, block, s, out, e);
        release(r, s);
        double now = now_s();
        if (status == PARE_OK && now - committed > COMMIT_S) {
            status = store_commit(store, block + 1, e);
            committed = now = now_s();
        }
        store->seconds += now - start_s;
        if (now - told < PROGRESS_S) continue;
        report(r, first, block + 1, now - begun);
        told = now;
    }
    PARE_TRY(status);
    const double start_s = now_s();
    PARE_TRY(store_commit(store, block, e));
    store->seconds += now_s() - start_s;
    report(r, first, block, now_s() - begun);
    return PARE_OK;
}

static pare_status run_blocks(run *r, store_writer *store, pare_sweep_summary *out, pare_err *e)
{
    pare_status status = start(r, store, e);
    if (status == PARE_OK) status = write_all(r, store, out, e);
    stop(r);
    for (size_t i = 0; i < r->n_threads; i++) {
        if (!r->workers[i]) continue;
        out->n_layers += r->workers[i]->n_layers;
        out->n_layers_found += r->workers[i]->n_layers_found;
        store_reader_close(r->workers[i]->old);
        sweep_worker_free(r->workers[i]);
    }
    return status;
}

static void run_init(run *r, const pare_sweep *s, const pare_sweep_options *o)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    r->s = s;
    r->options = o;
    r->plan = store_plan_of(s);
    r->plan.shard = o->n_shards ? o->shard : 0;
    r->plan.n_shards = o->n_shards ? o->n_shards : 1;
    const uint64_t blocks = sim_ceil_div(r->plan.n_points, r->plan.block_points);
    r->n_blocks = blocks / r->plan.n_shards + (blocks % r->plan.n_shards > r->plan.shard);
    r->n_threads = o->threads ? o->threads : cores > 0 ? (size_t)cores : 1;
    if (r->n_threads > THREADS_MAX) r->n_threads = THREADS_MAX;
    r->n_slots = SLOTS_PER_THREAD * r->n_threads;
    r->slots = pare_xalloc(r->n_slots, sizeof *r->slots);
    r->threads = pare_xalloc(r->n_threads, sizeof *r->threads);
    r->workers = pare_xalloc(r->n_threads, sizeof(sweep_worker *));
    for (size_t i = 0; i < r->n_slots; i++) slot_new(s, &r->slots[i]);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->ready, NULL);
    pthread_cond_init(&r->free, NULL);
}

static void run_clear(run *r)
{
    for (size_t i = 0; i < r->n_slots; i++) slot_free(&r->slots[i]);
    pthread_cond_destroy(&r->free);
    pthread_cond_destroy(&r->ready);
    pthread_mutex_destroy(&r->lock);
    free(r->slots);
    free(r->threads);
    free(r->workers);
}

/* What the store lacks, in blocks; a search finds its points itself. */
static pare_status fill(run *r, store_writer *store, pare_sweep_summary *out, pare_err *e)
{
    r->next = r->written = store->next_block;
    r->last = r->n_blocks;
    if (r->options->block_limit && r->last - r->next > r->options->block_limit)
        r->last = r->next + r->options->block_limit;
    if (r->next < r->last) PARE_TRY(run_blocks(r, store, out, e));
    return store->next_block == r->n_blocks ? store_finish(store, e) : PARE_OK;
}

pare_status pare_sweep_run(const pare_sweep *s, const pare_sweep_options *options,
                           pare_sweep_summary *out, pare_err *e)
{
    run r = {0};
    store_writer *store = NULL;
    const double begun = now_s();
    *out = (pare_sweep_summary){0};
    run_init(&r, s, options);
    pare_status status = store_writer_open(options->store, &r.plan, &store, e);
    if (status == PARE_OK && !store->is_complete)
        status =
            s->info.is_search ? sweep_search(s, store, options, out, e) : fill(&r, store, out, e);
    if (store) {
        out->is_complete = store->is_complete;
        out->write_seconds = store->seconds;
    }
    out->seconds = now_s() - begun;
    store_writer_close(store);
    run_clear(&r);
    return status;
}
