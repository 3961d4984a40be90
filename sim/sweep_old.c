/* Results that a store has for other inputs, found by the hash of the row's own inputs. */
#include "sim/store_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct store_reader {
    sqlite3 *db;
    sqlite3_stmt *row, *layers;
    const store_plan *plan;
};

pare_status store_reader_open(const store_writer *w, store_reader **out, pare_err *e)
{
    store_reader *const r = pare_xalloc(1, sizeof *r);
    pare_buf row = {0}, layers = {0};
    r->plan = w->plan;
    *out = r;
    pare_status status = PARE_OK;
    if (sqlite3_open_v2(w->path, &r->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        status = store_error(r->db, w->path, e);
    sqlite3_busy_timeout(r->db, STORE_BUSY_MS);
    pare_buf_puts(&row, "SELECT point, error");
    pare_buf_puts(&layers, "SELECT weight_bits, act_bits");
    for (size_t c = 0; c < r->plan->n_columns; c++) {
        pare_buf_printf(&row, ", \"%s\"", r->plan->columns[c].name);
        if (r->plan->columns[c].is_stat)
            pare_buf_printf(&layers, ", \"%s\"", r->plan->columns[c].name);
    }
    pare_buf_puts(&row, " FROM old WHERE hash = ? LIMIT 1");
    pare_buf_puts(&layers, " FROM old_layer WHERE point = ? ORDER BY layer");
    if (status == PARE_OK) status = store_prepare(r->db, w->path, row.text, &r->row, e);
    if (status == PARE_OK) status = store_prepare(r->db, w->path, layers.text, &r->layers, e);
    pare_buf_free(&row);
    pare_buf_free(&layers);
    if (status == PARE_OK) return PARE_OK;
    store_reader_close(r);
    *out = NULL;
    return status;
}

void store_reader_close(store_reader *r)
{
    if (!r) return;
    sqlite3_finalize(r->row);
    sqlite3_finalize(r->layers);
    sqlite3_close(r->db);
    free(r);
}

static cell read_cell(sqlite3_stmt *q, int at, const pare_column *c)
{
    cell x;
    if (!c->is_real)
        x.count = (uint64_t)sqlite3_column_int64(q, at);
    else
        x.real = sqlite3_column_type(q, at) == SQLITE_NULL ? NAN : sqlite3_column_double(q, at);
    return x;
}

static void take_layers(store_reader *r, int64_t point, sweep_row *row)
{
    cell *out = row->layer_cells;
    sqlite3_bind_int64(r->layers, 1, point);
    for (row->n_layers = 0; sqlite3_step(r->layers) == SQLITE_ROW; row->n_layers++) {
        int at = 0;
        row->layer_bits[row->n_layers][0] = (uint32_t)sqlite3_column_int(r->layers, at++);
        row->layer_bits[row->n_layers][1] = (uint32_t)sqlite3_column_int(r->layers, at++);
        for (size_t c = 0; c < r->plan->n_columns; c++)
            if (r->plan->columns[c].is_stat)
                *out++ = read_cell(r->layers, at++, &r->plan->columns[c]);
    }
    sqlite3_reset(r->layers);
}

bool store_reader_find(store_reader *r, sweep_row *row)
{
    enum { FIRST_VALUE = 2 };
    unsigned char hash[STORE_HASH_BYTES];
    XXH128_canonicalFromHash((XXH128_canonical_t *)hash, row->hash);
    sqlite3_bind_blob(r->row, 1, hash, sizeof hash, SQLITE_STATIC);
    const bool is_found = sqlite3_step(r->row) == SQLITE_ROW;
    if (is_found) {
        const char *const error = (const char *)sqlite3_column_text(r->row, 1);
        row->is_reused = true;
        row->state = error ? ROW_FAILED : ROW_OK;
        row->error = error ? pare_xstrdup(error) : NULL;
        for (size_t c = 0; c < r->plan->n_columns; c++)
            row->cells[c] = read_cell(r->row, FIRST_VALUE + (int)c, &r->plan->columns[c]);
        if (r->plan->has_layers && !error) take_layers(r, sqlite3_column_int64(r->row, 0), row);
    }
    sqlite3_reset(r->row);
    return is_found;
}

bool sweep_take_old(sweep_worker *w, sweep_row *row) { return store_reader_find(w->old, row); }
