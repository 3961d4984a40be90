/* What a sweep would take: some of its points, computed and stored in memory. */
#include "sim/store_write.h"

#include <stdlib.h>
#include <time.h>

enum { RUN_POINTS = 64, RUNS_MAX = 64, RUNS_MIN = 4 };
static const double ENOUGH_S = 0.5;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Bytes of the tables so far. */
static double bytes_of(sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    double bytes = 0;
    static const char sql[] =
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        bytes = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    return bytes;
}

typedef struct measure {
    sweep_worker *w;
    store_writer *store;
    sweep_row row;
    uint64_t n_stored;
} measure;

/* Neighbouring points from some place on, as a thread meets them. */
static pare_status measure_run(measure *m, uint64_t first, pare_sweep_estimate *out, pare_err *e)
{
    const pare_sweep *const s = m->w->s;
    for (uint64_t i = 0; i < RUN_POINTS && first + i < s->info.n_points; i++) {
        uint64_t space = first + i;
        bool is_there = true, is_excluded = false;
        if (s->info.is_search) {
            space = sweep_permute(first + i, s->info.n_space, 1, 1);
            PARE_TRY(sweep_is_excluded(m->w, space, &is_excluded, e));
            is_there = !is_excluded;
        } else {
            PARE_TRY(sweep_place(m->w, first + i, &space, &is_there, e));
        }
        out->n_measured++;
        out->n_excluded += !is_there;
        if (!is_there) continue;
        sweep_eval(m->w, first + i, space, &m->row);
        out->n_failed += m->row.state == ROW_FAILED;
        m->row.point = m->n_stored++;
        const pare_status status = store_put(m->store, &m->row, e);
        free(m->row.error);
        m->row.error = NULL;
        PARE_TRY(status);
    }
    return PARE_OK;
}

static pare_status measure_all(measure *m, pare_sweep_estimate *out, pare_err *e)
{
    const pare_sweep *const s = m->w->s;
    const uint64_t runs = sim_ceil_div(s->info.n_points, RUN_POINTS);
    const double empty = bytes_of(m->store->db), begun = now_s();
    for (uint64_t i = 0; i < runs && i < RUNS_MAX; i++) {
        if (i >= RUNS_MIN && now_s() - begun > ENOUGH_S) break;
        PARE_TRY(measure_run(m, sweep_permute(i, runs, 1, 0) * RUN_POINTS, out, e));
    }
    PARE_TRY(store_commit(m->store, 0, e));
    out->seconds_per_point = (now_s() - begun) / (double)out->n_measured;
    out->bytes_per_point = (bytes_of(m->store->db) - empty) / (double)out->n_measured;
    out->included_frac = 1 - (double)out->n_excluded / (double)out->n_measured;
    return PARE_OK;
}

pare_status pare_sweep_measure(const pare_sweep *s, pare_sweep_estimate *out, pare_err *e)
{
    const store_plan plan = store_plan_of(s);
    measure m = {.w = sweep_worker_new(s)};
    size_t most = 1;
    for (size_t i = 0; i < plan.n_nets; i++)
        if (s->nets[i]->n_mac_layers > most) most = s->nets[i]->n_mac_layers;
    *out = (pare_sweep_estimate){0};
    m.row.cells = pare_xalloc(s->info.n_columns, sizeof *m.row.cells);
    m.row.layer_cells = pare_xalloc(most * s->info.n_columns, sizeof *m.row.layer_cells);
    m.row.layer_bits = pare_xalloc(most, sizeof *m.row.layer_bits);
    pare_status status = store_writer_open(":memory:", &plan, &m.store, e);
    if (status == PARE_OK) status = measure_all(&m, out, e);
    store_writer_close(m.store);
    sweep_worker_free(m.w);
    free(m.row.cells);
    free(m.row.layer_cells);
    free(m.row.layer_bits);
    return status;
}
