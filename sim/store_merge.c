/* Joining the stores of all shards: every number is looked for, block by block, and the rows go in
 * order into a new store, as if one process had written it. */
#include "sim/store_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pare_pos NOWHERE = {0, 0};

typedef struct merger {
    size_t n;
    pare_store **parts; /* by shard */
    sqlite3_stmt **excluded, **layers;
    store_plan plan;
    store_writer *out;
    sweep_row row;
    size_t layers_max;
} merger;

/* ---- are they the parts of one sweep? ---- */

static pare_status check_part(merger *m, pare_store *part, pare_err *e)
{
    const pare_store_info *const i = &part->info;
    const pare_store_info *first = NULL;
    for (size_t k = 0; k < m->n && !first; k++)
        if (m->parts[k]) first = &m->parts[k]->info;
    if (strcmp(i->kind, "sweep") != 0)
        return pare_err_set(e, PARE_EINPUT, i->path, NOWHERE,
                            "holds a %s; the shards of a sweep expected", i->kind);
    if (first && (strcmp(i->plan, first->plan) != 0 || strcmp(i->commit, first->commit) != 0))
        return pare_err_set(e, PARE_EINPUT, i->path, NOWHERE,
                            "has other inputs, or is of another program, than %s; shards of one "
                            "sweep by one program expected",
                            first->path);
    if (i->n_shards != m->n)
        return pare_err_set(e, PARE_EINPUT, i->path, NOWHERE,
                            "is shard %u of %u, but %zu stores are given; all %u expected",
                            i->shard, i->n_shards, m->n, i->n_shards);
    if (!i->is_complete)
        return pare_err_set(e, PARE_EINPUT, i->path, NOWHERE,
                            "shard %u is not complete; run its command again, then merge",
                            i->shard);
    if (i->shard >= m->n || m->parts[i->shard])
        return pare_err_set(e, PARE_EINPUT, i->path, NOWHERE,
                            "shard %u is there twice; each of the %zu once expected", i->shard,
                            m->n);
    return PARE_OK;
}

static pare_status open_parts(merger *m, const char *const *paths, pare_err *e)
{
    for (size_t k = 0; k < m->n; k++) {
        pare_store *part = NULL;
        PARE_TRY(pare_store_open(paths[k], &part, e));
        const pare_status status = check_part(m, part, e);
        if (status != PARE_OK) {
            pare_store_close(part);
            return status;
        }
        m->parts[part->info.shard] = part;
    }
    return PARE_OK;
}

/* ---- what their plan was ---- */

static pare_status read_number(sqlite3 *db, const char *path, const char *sql, uint64_t *out,
                               pare_err *e)
{
    sqlite3_stmt *q = NULL;
    PARE_TRY(store_prepare(db, path, sql, &q, e));
    *out = sqlite3_step(q) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return PARE_OK;
}

static pare_status prepare_layers(merger *m, size_t shard, pare_err *e)
{
    const pare_store *const part = m->parts[shard];
    pare_buf sql = {0};
    pare_buf_puts(&sql, "SELECT weight_bits, act_bits");
    for (size_t c = 0; c < m->plan.n_columns; c++)
        if (m->plan.columns[c].is_stat) pare_buf_printf(&sql, ", \"%s\"", m->plan.columns[c].name);
    pare_buf_puts(&sql, " FROM layer WHERE point = ? ORDER BY layer");
    const pare_status status =
        store_prepare(part->db, part->info.path, sql.text, &m->layers[shard], e);
    pare_buf_free(&sql);
    return status;
}

static pare_status make_plan(merger *m, pare_err *e)
{
    const pare_store *const first = m->parts[0];
    const pare_store_info *const i = &first->info;
    uint64_t most = 0;
    m->plan = (store_plan){.kind = i->kind,
                           .name = i->name,
                           .text = i->sweep,
                           .n_points = i->n_points,
                           .n_shards = 1,
                           .axes = i->axes,
                           .n_axes = i->n_axes,
                           .columns = i->columns,
                           .n_columns = i->n_columns,
                           .has_layers = i->has_layers};
    snprintf(m->plan.hash, sizeof m->plan.hash, "%s", i->plan);
    PARE_TRY(read_number(first->db, i->path, "SELECT value FROM meta WHERE key = 'block'",
                         &m->plan.block_points, e));
    PARE_TRY(read_number(first->db, i->path, "SELECT max(layer) + 1 FROM layer_name", &most, e));
    m->layers_max = most;
    if (m->plan.block_points == 0)
        return pare_err_set(e, PARE_EINPUT, i->path, NOWHERE,
                            "has blocks of no points; a store of pare-sim sweep expected");
    for (size_t k = 0; k < m->n; k++) {
        PARE_TRY(store_prepare(m->parts[k]->db, m->parts[k]->info.path,
                               "SELECT points FROM excluded WHERE block = ?", &m->excluded[k], e));
        PARE_TRY(prepare_layers(m, k, e));
    }
    m->row.cells = pare_xalloc(m->plan.n_columns + 1, sizeof *m->row.cells);
    m->row.layer_cells =
        pare_xalloc(m->layers_max * m->plan.n_columns + 1, sizeof *m->row.layer_cells);
    m->row.layer_bits = pare_xalloc(m->layers_max + 1, sizeof *m->row.layer_bits);
    return PARE_OK;
}

/* ---- rows ---- */

static cell read_cell(sqlite3_stmt *q, int at, const pare_column *c)
{
    cell x;
    if (!c->is_real)
        x.count = (uint64_t)sqlite3_column_int64(q, at);
    else
        x.real = sqlite3_column_type(q, at) == SQLITE_NULL ? NAN : sqlite3_column_double(q, at);
    return x;
}

static void read_layers(merger *m, sqlite3_stmt *q)
{
    cell *out = m->row.layer_cells;
    m->row.n_layers = 0;
    if (!m->plan.has_layers) return;
    sqlite3_bind_int64(q, 1, (int64_t)m->row.point);
    while (m->row.n_layers < m->layers_max && sqlite3_step(q) == SQLITE_ROW) {
        uint32_t *const bits = m->row.layer_bits[m->row.n_layers++];
        int at = 0;
        bits[0] = (uint32_t)sqlite3_column_int(q, at++);
        bits[1] = (uint32_t)sqlite3_column_int(q, at++);
        for (size_t c = 0; c < m->plan.n_columns; c++)
            if (m->plan.columns[c].is_stat) *out++ = read_cell(q, at++, &m->plan.columns[c]);
    }
    sqlite3_reset(q);
}

static pare_status copy_row(merger *m, size_t shard, pare_err *e)
{
    enum { FIRST_VALUE = 4 };
    sqlite3_stmt *const q = m->parts[shard]->rows;
    sweep_row *const row = &m->row;
    row->point = (uint64_t)sqlite3_column_int64(q, 0);
    row->space = (uint64_t)sqlite3_column_int64(q, 1);
    const void *const hash = sqlite3_column_blob(q, 2);
    if (hash && sqlite3_column_bytes(q, 2) == STORE_HASH_BYTES)
        row->hash = XXH128_hashFromCanonical(hash);
    row->error = (char *)sqlite3_column_text(q, 3); /* only read, and before the next step */
    row->state = row->error ? ROW_FAILED : ROW_OK;
    for (size_t c = 0; c < m->plan.n_columns; c++)
        row->cells[c] = read_cell(q, FIRST_VALUE + (int)c, &m->plan.columns[c]);
    read_layers(m, m->layers[shard]);
    return store_put(m->out, row, e);
}

static uint64_t excluded_of(sqlite3_stmt *q, uint64_t block)
{
    sqlite3_bind_int64(q, 1, (int64_t)block);
    const uint64_t n = sqlite3_step(q) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    return n;
}

static pare_status copy_block(merger *m, uint64_t block, pare_err *e)
{
    const size_t shard = block % m->n;
    pare_store *const part = m->parts[shard];
    const uint64_t first = block * m->plan.block_points;
    uint64_t last = first + m->plan.block_points - 1, n_rows = 0;
    if (last >= m->plan.n_points) last = m->plan.n_points - 1;
    sqlite3_bind_int64(part->rows, 1, (int64_t)first);
    sqlite3_bind_int64(part->rows, 2, (int64_t)last);
    pare_status status = PARE_OK;
    int code = SQLITE_DONE;
    for (; status == PARE_OK && (code = sqlite3_step(part->rows)) == SQLITE_ROW; n_rows++)
        status = copy_row(m, shard, e);
    if (status == PARE_OK && code != SQLITE_DONE)
        status = store_error(part->db, part->info.path, e);
    sqlite3_reset(part->rows);
    PARE_TRY(status);
    const uint64_t n_excluded = excluded_of(m->excluded[shard], block);
    if (n_rows + n_excluded != last - first + 1)
        return pare_err_set(e, PARE_EINPUT, part->info.path, NOWHERE,
                            "points %llu to %llu: %llu of them have no row; remove the store and "
                            "run shard %zu again",
                            (unsigned long long)first, (unsigned long long)last,
                            (unsigned long long)(last - first + 1 - n_rows - n_excluded), shard);
    return store_put_excluded(m->out, block, n_excluded, e);
}

/* No store may have more rows than its own blocks say. */
static pare_status check_total(const merger *m, uint64_t n_rows, pare_err *e)
{
    uint64_t total = 0;
    for (size_t k = 0; k < m->n; k++) total += m->parts[k]->info.n_rows;
    if (total == n_rows) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, m->parts[0]->info.path, NOWHERE,
                        "%llu rows of the shards are of numbers that belong to another shard; each "
                        "number once expected",
                        (unsigned long long)(total - n_rows));
}

static pare_status copy_names(merger *m, pare_err *e)
{
    sqlite3_stmt *from = NULL, *to = NULL;
    const pare_store *const first = m->parts[0];
    PARE_TRY(store_prepare(first->db, first->info.path,
                           "SELECT network, layer, name FROM layer_name ORDER BY network, layer",
                           &from, e));
    pare_status status =
        store_prepare(m->out->db, m->out->path, "INSERT INTO layer_name VALUES(?, ?, ?)", &to, e);
    while (status == PARE_OK && sqlite3_step(from) == SQLITE_ROW) {
        for (int i = 0; i < 3; i++) sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
        if (sqlite3_step(to) != SQLITE_DONE) status = store_error(m->out->db, m->out->path, e);
        sqlite3_reset(to);
    }
    sqlite3_finalize(from);
    sqlite3_finalize(to);
    return status;
}

static pare_status copy_all(merger *m, pare_err *e)
{
    enum { COMMIT_BLOCKS = 256 };
    const uint64_t n_blocks = sim_ceil_div(m->plan.n_points, m->plan.block_points);
    uint64_t n_rows = 0;
    for (size_t k = 0; k < m->n; k++) sqlite3_reset(m->parts[k]->rows);
    PARE_TRY(copy_names(m, e));
    for (uint64_t b = 0; b < n_blocks; b++) {
        PARE_TRY(copy_block(m, b, e));
        if (b % COMMIT_BLOCKS == COMMIT_BLOCKS - 1) PARE_TRY(store_commit(m->out, b + 1, e));
    }
    PARE_TRY(store_commit(m->out, n_blocks, e));
    PARE_TRY(read_number(m->out->db, m->out->path, "SELECT count(*) FROM point", &n_rows, e));
    PARE_TRY(check_total(m, n_rows, e));
    return store_finish(m->out, e);
}

static pare_status merge(merger *m, const char *const *paths, const char *temporary, pare_err *e)
{
    PARE_TRY(open_parts(m, paths, e));
    PARE_TRY(make_plan(m, e));
    PARE_TRY(store_writer_open(temporary, &m->plan, &m->out, e));
    return copy_all(m, e);
}

static void remove_files(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        pare_buf b = {0};
        pare_buf_printf(&b, "%s%s", path, suffixes[i]);
        unlink(b.text);
        pare_buf_free(&b);
    }
}

pare_status pare_store_merge(const char *const *paths, size_t n, const char *out, pare_err *e)
{
    merger m = {.n = n};
    pare_buf temporary = {0};
    pare_buf_printf(&temporary, "%s.tmp%ld", out, (long)getpid());
    m.parts = pare_xalloc(n, sizeof(pare_store *));
    m.excluded = pare_xalloc(n, sizeof(sqlite3_stmt *));
    m.layers = pare_xalloc(n, sizeof(sqlite3_stmt *));
    pare_status status = merge(&m, paths, temporary.text, e);
    store_writer_close(m.out);
    for (size_t k = 0; k < n; k++) {
        sqlite3_finalize(m.excluded[k]);
        sqlite3_finalize(m.layers[k]);
        pare_store_close(m.parts[k]);
    }
    if (status == PARE_OK && rename(temporary.text, out) != 0)
        status = pare_err_set(e, PARE_EFAIL, out, NOWHERE, "cannot be written");
    if (status != PARE_OK) remove_files(temporary.text);
    free(m.parts);
    free(m.excluded);
    free(m.layers);
    free(m.row.cells);
    free(m.row.layer_cells);
    free(m.row.layer_bits);
    pare_buf_free(&temporary);
    return status;
}
