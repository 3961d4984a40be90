/* Writing a store: its tables, rows in order, what happens when inputs change. */
#include "sim/store_write.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const pare_pos NOWHERE = {0, 0};

store_plan store_plan_of(const pare_sweep *s)
{
    const XXH128_hash_t h = sweep_hash_plan(s);
    store_plan p = {.kind = s->info.is_search ? "search" : "sweep",
                    .name = s->info.name,
                    .text = s->text,
                    .n_points = s->info.n_points,
                    .block_points = s->info.block_points,
                    .n_shards = 1,
                    .axes = s->axes,
                    .n_axes = s->info.n_axes,
                    .columns = s->columns,
                    .n_columns = s->info.n_columns,
                    .has_layers = s->info.has_layers,
                    .nets = s->nets,
                    .n_nets = s->axes[s->at[AXIS_NETWORK]].n};
    snprintf(p.hash, sizeof p.hash, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    return p;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- one writer ---- */

static pare_status take_lock(store_writer *w, pare_err *e)
{
    w->lock = open(w->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (w->lock < 0)
        return pare_err_set(e, PARE_EFAIL, w->path, NOWHERE,
                            "cannot be opened for writing (%s); a writable file in a writable "
                            "folder expected",
                            strerror(errno));
    if (store_lock(w->lock)) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, w->path, NOWHERE,
                        "is being written by another process; one writer a store expected: wait "
                        "for it, or give another --store");
}

/* ---- tables ---- */

static void columns_of(const store_plan *p, bool only_stats, const char *form, pare_buf *b)
{
    for (size_t i = 0; i < p->n_columns; i++) {
        if (only_stats && !p->columns[i].is_stat) continue;
        if (*form == 't')
            pare_buf_printf(b, ", \"%s\" %s", p->columns[i].name,
                            p->columns[i].is_real ? "REAL" : "INTEGER");
        else if (*form == '?')
            pare_buf_puts(b, ", ?");
        else
            pare_buf_printf(b, ", \"%s\"", p->columns[i].name);
    }
}

/* The view with the values of the axes beside the results. */
static void view_of(const store_plan *p, pare_buf *b)
{
    pare_buf_puts(b, "CREATE VIEW points AS SELECT point");
    for (size_t i = 0; i < p->n_axes; i++)
        pare_buf_printf(b,
                        ", (SELECT value FROM axis_value WHERE axis = %zu AND digit = space / %llu "
                        "%% %llu) AS \"%s\"",
                        i, (unsigned long long)p->axes[i].stride, (unsigned long long)p->axes[i].n,
                        p->axes[i].key);
    columns_of(p, false, "n", b);
    pare_buf_puts(b, ", error FROM point;");
}

static void tables_of(const store_plan *p, pare_buf *b)
{
    pare_buf_puts(b, "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
                     "CREATE TABLE axis(axis INTEGER PRIMARY KEY, key TEXT, n INTEGER, "
                     "stride INTEGER);"
                     "CREATE TABLE axis_value(axis INTEGER, digit INTEGER, value TEXT, "
                     "PRIMARY KEY(axis, digit)) WITHOUT ROWID;"
                     "CREATE TABLE stat(stat INTEGER PRIMARY KEY, name TEXT, label TEXT);"
                     "CREATE TABLE layer_name(network INTEGER, layer INTEGER, name TEXT, "
                     "PRIMARY KEY(network, layer)) WITHOUT ROWID;"
                     "CREATE TABLE excluded(block INTEGER PRIMARY KEY, points INTEGER);"
                     "CREATE TABLE point(point INTEGER PRIMARY KEY, space INTEGER NOT NULL, "
                     "hash BLOB NOT NULL, error TEXT");
    columns_of(p, false, "t", b);
    pare_buf_puts(b, ");CREATE TABLE layer(point INTEGER, layer INTEGER, weight_bits INTEGER, "
                     "act_bits INTEGER");
    columns_of(p, true, "t", b);
    pare_buf_puts(b, ", PRIMARY KEY(point, layer)) WITHOUT ROWID;");
    view_of(p, b);
    pare_buf_printf(b, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                    STORE_APPLICATION_ID, PARE_STORE_VERSION);
}

/* One statement with its parameters: 't' a text, 'i' an integer. */
static pare_status insert(store_writer *w, const char *sql, const char *kinds,
                          const void *const *values, pare_err *e)
{
    sqlite3_stmt *q = NULL;
    PARE_TRY(store_prepare(w->db, w->path, sql, &q, e));
    for (int i = 0; kinds[i]; i++) {
        if (kinds[i] == 't')
            sqlite3_bind_text(q, i + 1, values[i], -1, SQLITE_TRANSIENT);
        else
            sqlite3_bind_int64(q, i + 1, (int64_t) * (const uint64_t *)values[i]);
    }
    const bool ok = sqlite3_step(q) == SQLITE_DONE;
    const pare_status status = ok ? PARE_OK : store_error(w->db, w->path, e);
    sqlite3_finalize(q);
    return status;
}

static pare_status put_meta(store_writer *w, const char *key, const char *text, uint64_t number,
                            pare_err *e)
{
    const void *const values[2] = {key, text ? (const void *)text : (const void *)&number};
    return insert(w, "INSERT OR REPLACE INTO meta VALUES(?, ?)", text ? "tt" : "ti", values, e);
}

static pare_status put_axes(store_writer *w, pare_err *e)
{
    const store_plan *const p = w->plan;
    for (uint64_t i = 0; i < p->n_axes; i++) {
        const pare_axis *const a = &p->axes[i];
        const void *const axis[4] = {&i, a->key, &a->n, &a->stride};
        PARE_TRY(insert(w, "INSERT INTO axis VALUES(?, ?, ?, ?)", "itii", axis, e));
        for (uint64_t d = 0; d < a->n; d++) {
            const void *const value[3] = {&i, &d, a->values[d]};
            PARE_TRY(insert(w, "INSERT INTO axis_value VALUES(?, ?, ?)", "iit", value, e));
        }
    }
    for (uint64_t i = 0; i < p->n_columns; i++) {
        const void *const stat[3] = {&i, p->columns[i].name, p->columns[i].label};
        PARE_TRY(insert(w, "INSERT INTO stat VALUES(?, ?, ?)", "itt", stat, e));
    }
    return PARE_OK;
}

static pare_status put_layer_names(store_writer *w, pare_err *e)
{
    for (uint64_t n = 0; w->plan->has_layers && n < w->plan->n_nets; n++) {
        const pare_net *const net = w->plan->nets[n];
        uint64_t at = 0;
        for (uint32_t i = 0; i < net->n_layers; i++) {
            if (!pare_layer_is_mac(&net->layers[i])) continue;
            const void *const name[3] = {&n, &at, net->layers[i].name};
            PARE_TRY(insert(w, "INSERT INTO layer_name VALUES(?, ?, ?)", "iit", name, e));
            at++;
        }
    }
    return PARE_OK;
}

/* "# pare-sim 0.1.0, commit abc" in its parts */
static pare_status put_program(store_writer *w, pare_err *e)
{
    static const char mark[] = ", commit ";
    pare_buf b = {0};
    pare_provenance(&b, "pare-sim", NULL, 0);
    b.text[strcspn(b.text, "\n")] = 0;
    char *const commit = strstr(b.text, mark);
    pare_status status = put_meta(w, "commit", commit ? commit + sizeof mark - 1 : "", 0, e);
    if (commit) *commit = 0;
    if (status == PARE_OK) status = put_meta(w, "program", b.text + 2, 0, e);
    pare_buf_free(&b);
    return status;
}

static pare_status make_tables(store_writer *w, pare_err *e)
{
    const store_plan *const p = w->plan;
    pare_buf sql = {0};
    tables_of(p, &sql);
    const pare_status status = store_exec(w->db, w->path, sql.text, e);
    pare_buf_free(&sql);
    PARE_TRY(status);
    PARE_TRY(put_program(w, e));
    PARE_TRY(put_meta(w, "kind", p->kind, 0, e));
    PARE_TRY(put_meta(w, "name", p->name, 0, e));
    PARE_TRY(put_meta(w, "sweep", p->text, 0, e));
    PARE_TRY(put_meta(w, "plan", p->hash, 0, e));
    PARE_TRY(put_meta(w, "points", NULL, p->n_points, e));
    PARE_TRY(put_meta(w, "shard", NULL, p->shard, e));
    PARE_TRY(put_meta(w, "shards", NULL, p->n_shards, e));
    PARE_TRY(put_meta(w, "block", NULL, p->block_points, e));
    PARE_TRY(put_meta(w, "next", NULL, 0, e));
    PARE_TRY(put_meta(w, "layers", NULL, p->has_layers, e));
    PARE_TRY(put_meta(w, "complete", NULL, 0, e));
    PARE_TRY(put_axes(w, e));
    return put_layer_names(w, e);
}

/* ---- a store that is there ---- */

static bool has_table(store_writer *w, const char *name)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(w->db, "SELECT 1 FROM sqlite_master WHERE name = ?", -1, &q, NULL) !=
        SQLITE_OK)
        return false;
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    const bool is_there = sqlite3_step(q) == SQLITE_ROW;
    sqlite3_finalize(q);
    return is_there;
}

static bool same_columns(const store_plan *p, const pare_store_info *i)
{
    bool same = i->n_columns == p->n_columns && i->has_layers == p->has_layers;
    for (size_t k = 0; same && k < p->n_columns; k++)
        same = !strcmp(i->columns[k].name, p->columns[k].name);
    return same;
}

/* Set the rows aside, to be found by their hash, and make new tables: one transaction. */
static pare_status set_aside(store_writer *w, const pare_store_info *i, pare_err *e)
{
    pare_buf sql = {0};
    pare_buf_puts(&sql, "DROP VIEW points; DROP TABLE meta; DROP TABLE axis; DROP TABLE "
                        "axis_value; DROP TABLE stat; DROP TABLE layer_name; "
                        "DROP TABLE excluded;");
    const bool has_old = has_table(w, "old");
    if (!same_columns(w->plan, i)) {
        if (has_old) pare_buf_puts(&sql, "DROP TABLE old; DROP TABLE old_layer;");
        pare_buf_puts(&sql, "DROP TABLE point; DROP TABLE layer;");
    } else if (has_old) {
        /* changed again before the last change was finished: numbers are moved out of the way */
        pare_buf_puts(&sql,
                      "CREATE TABLE move AS SELECT coalesce(max(point), 0) + 1 AS by FROM old;"
                      "UPDATE point SET point = -1 - point; UPDATE layer SET point = -1 - point;"
                      "UPDATE point SET point = (SELECT by FROM move) - 1 - point;"
                      "UPDATE layer SET point = (SELECT by FROM move) - 1 - point;"
                      "INSERT INTO old SELECT * FROM point;"
                      "INSERT INTO old_layer SELECT * FROM layer;"
                      "DROP TABLE move; DROP TABLE point; DROP TABLE layer;");
    } else {
        pare_buf_puts(&sql, "ALTER TABLE point RENAME TO old; ALTER TABLE layer RENAME TO "
                            "old_layer; CREATE INDEX old_hash ON old(hash);");
    }
    const pare_status status = store_exec(w->db, w->path, sql.text, e);
    pare_buf_free(&sql);
    PARE_TRY(status);
    return make_tables(w, e);
}

static pare_status in_transaction(store_writer *w, const pare_store_info *i, pare_err *e)
{
    PARE_TRY(store_exec(w->db, w->path, "BEGIN IMMEDIATE", e));
    pare_status status = i ? set_aside(w, i, e) : make_tables(w, e);
    if (status == PARE_OK) status = store_exec(w->db, w->path, "COMMIT", e);
    if (status != PARE_OK) (void)sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

static pare_status check_owner(const store_writer *w, const pare_store_info *i, pare_err *e)
{
    const store_plan *const p = w->plan;
    if (strcmp(i->name, p->name) != 0)
        return pare_err_set(e, PARE_EINPUT, w->path, NOWHERE,
                            "holds the sweep '%s'; '%s' expected: give another --store", i->name,
                            p->name);
    if (strcmp(i->kind, p->kind) != 0)
        return pare_err_set(e, PARE_EINPUT, w->path, NOWHERE,
                            "holds a %s; a %s expected: give another --store", i->kind, p->kind);
    if (i->shard != p->shard || i->n_shards != p->n_shards)
        return pare_err_set(e, PARE_EINPUT, w->path, NOWHERE,
                            "holds shard %u of %u; %u of %u expected: give another --store",
                            i->shard, i->n_shards, p->shard, p->n_shards);
    return PARE_OK;
}

static uint64_t read_next(store_writer *w)
{
    sqlite3_stmt *q = NULL;
    uint64_t next = 0;
    if (sqlite3_prepare_v2(w->db, "SELECT value FROM meta WHERE key = 'next'", -1, &q, NULL) ==
            SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        next = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return next;
}

static pare_status continue_store(store_writer *w, pare_err *e)
{
    pare_arena *const a = pare_arena_new();
    pare_store_info info;
    pare_status status = store_read_info(w->db, w->path, a, &info, e);
    if (status == PARE_OK) status = check_owner(w, &info, e);
    if (status == PARE_OK && strcmp(info.plan, w->plan->hash) != 0) {
        status = store_exec(w->db, w->path, "PRAGMA journal_mode = WAL", e);
        if (status == PARE_OK) status = in_transaction(w, &info, e);
    } else if (status == PARE_OK) {
        w->is_complete = info.is_complete;
        w->next_block = read_next(w);
    }
    pare_arena_free(a);
    return status;
}

static pare_status prepare(store_writer *w, pare_err *e)
{
    pare_buf sql = {0};
    pare_buf_puts(&sql, "INSERT INTO point VALUES(?, ?, ?, ?");
    columns_of(w->plan, false, "?", &sql);
    pare_buf_puts(&sql, ")");
    pare_status status = store_prepare(w->db, w->path, sql.text, &w->put, e);
    sql.n = 0;
    pare_buf_puts(&sql, "INSERT INTO layer VALUES(?, ?, ?, ?");
    columns_of(w->plan, true, "?", &sql);
    pare_buf_puts(&sql, ")");
    if (status == PARE_OK) status = store_prepare(w->db, w->path, sql.text, &w->put_layer, e);
    if (status == PARE_OK)
        status =
            store_prepare(w->db, w->path, "INSERT INTO excluded VALUES(?, ?)", &w->put_excluded, e);
    if (status == PARE_OK)
        status = store_prepare(w->db, w->path, "UPDATE meta SET value = ? WHERE key = 'next'",
                               &w->set_next, e);
    pare_buf_free(&sql);
    return status;
}

/* One file without a log; nothing to do if it is that already. */
static pare_status make_plain(store_writer *w, pare_err *e)
{
    sqlite3_stmt *q = NULL;
    PARE_TRY(store_prepare(w->db, w->path, "PRAGMA journal_mode", &q, e));
    const bool is_wal =
        sqlite3_step(q) == SQLITE_ROW && !strcmp((const char *)sqlite3_column_text(q, 0), "wal");
    sqlite3_finalize(q);
    if (!is_wal) return PARE_OK;
    return store_exec(w->db, w->path,
                      "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE", e);
}

static pare_status open_at(store_writer *w, pare_err *e)
{
    enum { CHECKPOINT_PAGES = 16384 }; /* 64 MiB of log */
    char pragma[64];
    bool is_empty = false;
    if (strcmp(w->path, ":memory:") != 0) PARE_TRY(take_lock(w, e));
    if (sqlite3_open_v2(w->path, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
        SQLITE_OK)
        return store_error(w->db, w->path, e);
    sqlite3_busy_timeout(w->db, STORE_BUSY_MS);
    PARE_TRY(store_check(w->db, w->path, &is_empty, e));
    if (is_empty) {
        PARE_TRY(store_exec(w->db, w->path, "PRAGMA journal_mode = WAL", e));
        PARE_TRY(in_transaction(w, NULL, e));
    } else {
        PARE_TRY(continue_store(w, e));
    }
    w->has_old = !w->is_complete && has_table(w, "old");
    if (w->is_complete) return make_plain(w, e);
    snprintf(pragma, sizeof pragma, "PRAGMA wal_autocheckpoint = %d", CHECKPOINT_PAGES);
    PARE_TRY(store_exec(w->db, w->path, "PRAGMA journal_mode = WAL", e));
    PARE_TRY(store_exec(w->db, w->path, "PRAGMA synchronous = NORMAL", e));
    PARE_TRY(store_exec(w->db, w->path, pragma, e));
    return prepare(w, e);
}

pare_status store_writer_open(const char *path, const store_plan *plan, store_writer **out,
                              pare_err *e)
{
    store_writer *const w = pare_xalloc(1, sizeof *w);
    w->lock = -1;
    w->path = pare_xstrdup(path);
    w->plan = plan;
    const pare_status status = open_at(w, e);
    *out = NULL;
    if (status == PARE_OK)
        *out = w;
    else
        store_writer_close(w);
    return status;
}

static void drop_statements(store_writer *w)
{
    sqlite3_stmt **const all[] = {&w->put, &w->put_layer, &w->put_excluded, &w->set_next};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sqlite3_finalize(*all[i]);
        *all[i] = NULL;
    }
}

void store_writer_close(store_writer *w)
{
    if (!w) return;
    drop_statements(w);
    sqlite3_close(w->db);
    if (w->lock >= 0) close(w->lock); /* last: it would take SQLite's own locks with it */
    free(w->path);
    free(w);
}

/* ---- rows ---- */

static pare_status begin(store_writer *w, pare_err *e)
{
    if (w->is_open) return PARE_OK;
    PARE_TRY(store_exec(w->db, w->path, "BEGIN IMMEDIATE", e));
    w->is_open = true;
    return PARE_OK;
}

static void bind_cell(sqlite3_stmt *q, int at, const pare_column *c, cell x)
{
    if (!c->is_real)
        sqlite3_bind_int64(q, at, (int64_t)x.count);
    else if (isnan(x.real))
        sqlite3_bind_null(q, at);
    else
        sqlite3_bind_double(q, at, x.real);
}

static pare_status step(store_writer *w, sqlite3_stmt *q, pare_err *e)
{
    const bool ok = sqlite3_step(q) == SQLITE_DONE;
    const pare_status status = ok ? PARE_OK : store_error(w->db, w->path, e);
    sqlite3_reset(q);
    return status;
}

static pare_status put_layers(store_writer *w, const sweep_row *row, pare_err *e)
{
    const cell *x = row->layer_cells;
    for (uint32_t i = 0; i < row->n_layers; i++) {
        int at = 1;
        sqlite3_bind_int64(w->put_layer, at++, (int64_t)row->point);
        sqlite3_bind_int64(w->put_layer, at++, i);
        sqlite3_bind_int64(w->put_layer, at++, row->layer_bits[i][0]);
        sqlite3_bind_int64(w->put_layer, at++, row->layer_bits[i][1]);
        for (size_t c = 0; c < w->plan->n_columns; c++)
            if (w->plan->columns[c].is_stat)
                bind_cell(w->put_layer, at++, &w->plan->columns[c], *x++);
        PARE_TRY(step(w, w->put_layer, e));
    }
    return PARE_OK;
}

static pare_status put_row(store_writer *w, const sweep_row *row, pare_err *e)
{
    enum { FIRST_VALUE = 5 };
    unsigned char hash[STORE_HASH_BYTES];
    XXH128_canonicalFromHash((XXH128_canonical_t *)hash, row->hash);
    PARE_TRY(begin(w, e));
    sqlite3_bind_int64(w->put, 1, (int64_t)row->point);
    sqlite3_bind_int64(w->put, 2, (int64_t)row->space);
    sqlite3_bind_blob(w->put, 3, hash, sizeof hash, SQLITE_STATIC);
    if (row->error)
        sqlite3_bind_text(w->put, 4, row->error, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(w->put, 4);
    for (size_t c = 0; c < w->plan->n_columns; c++) {
        if (row->state == ROW_OK)
            bind_cell(w->put, FIRST_VALUE + (int)c, &w->plan->columns[c], row->cells[c]);
        else
            sqlite3_bind_null(w->put, FIRST_VALUE + (int)c);
    }
    PARE_TRY(step(w, w->put, e));
    return row->n_layers ? put_layers(w, row, e) : PARE_OK;
}

pare_status store_put(store_writer *w, const sweep_row *row, pare_err *e)
{
    return row->state == ROW_EXCLUDED ? PARE_OK : put_row(w, row, e);
}

pare_status store_put_excluded(store_writer *w, uint64_t block, uint64_t n, pare_err *e)
{
    if (n == 0) return PARE_OK;
    PARE_TRY(begin(w, e));
    sqlite3_bind_int64(w->put_excluded, 1, (int64_t)block);
    sqlite3_bind_int64(w->put_excluded, 2, (int64_t)n);
    return step(w, w->put_excluded, e);
}

pare_status store_commit(store_writer *w, uint64_t next_block, pare_err *e)
{
    PARE_TRY(begin(w, e));
    sqlite3_bind_int64(w->set_next, 1, (int64_t)next_block);
    PARE_TRY(step(w, w->set_next, e));
    PARE_TRY(store_exec(w->db, w->path, "COMMIT", e));
    w->is_open = false;
    w->next_block = next_block;
    return PARE_OK;
}

pare_status store_finish(store_writer *w, pare_err *e)
{
    const double start = now_s();
    PARE_TRY(begin(w, e));
    if (w->has_old) PARE_TRY(store_exec(w->db, w->path, "DROP TABLE old; DROP TABLE old_layer", e));
    PARE_TRY(put_meta(w, "complete", NULL, 1, e));
    PARE_TRY(store_exec(w->db, w->path, "COMMIT", e));
    w->is_open = false;
    if (w->has_old) PARE_TRY(store_exec(w->db, w->path, "VACUUM", e));
    /* prepared statements would keep the journal mode from changing */
    drop_statements(w);
    PARE_TRY(make_plain(w, e));
    w->is_complete = true;
    w->seconds += now_s() - start;
    return PARE_OK;
}
