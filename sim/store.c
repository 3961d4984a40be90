/* Reading a store: its header, its rows, its layers. */
#include "sim/store_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};

/* ---- messages ---- */

pare_status store_error(sqlite3 *db, const char *path, pare_err *e)
{
    const int code = sqlite3_errcode(db), why = sqlite3_system_errno(db);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return pare_err_set(e, PARE_EFAIL, path, NOWHERE,
                            "is locked by another program; a store that no other program holds "
                            "open for writing expected");
    case SQLITE_FULL:
        return pare_err_set(e, PARE_EFAIL, path, NOWHERE,
                            "the disk is full; what was stored before is safe: free some space and "
                            "run the same command again");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return pare_err_set(e, PARE_EFAIL, path, NOWHERE,
                            "cannot be opened or written (%s); a writable file in a writable "
                            "folder expected",
                            why ? strerror(why) : sqlite3_errstr(code));
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "is not a readable SQLite file; a store of pare-sim sweep expected");
    case SQLITE_IOERR:
        return pare_err_set(e, PARE_EFAIL, path, NOWHERE,
                            "cannot be read or written (%s); what was stored before is safe: run "
                            "the same command again once that is mended",
                            why ? strerror(why) : sqlite3_errstr(code));
    default:
        return pare_err_set(e, PARE_EFAIL, path, NOWHERE, "SQLite says '%s'", sqlite3_errmsg(db));
    }
}

pare_status store_exec(sqlite3 *db, const char *path, const char *sql, pare_err *e)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? PARE_OK
                                                                : store_error(db, path, e);
}

pare_status store_prepare(sqlite3 *db, const char *path, const char *sql, sqlite3_stmt **out,
                          pare_err *e)
{
    const int code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return code == SQLITE_OK ? PARE_OK : store_error(db, path, e);
}

static pare_status ask_number(sqlite3 *db, const char *path, const char *sql, int64_t *out,
                              pare_err *e)
{
    sqlite3_stmt *q = NULL;
    PARE_TRY(store_prepare(db, path, sql, &q, e));
    const int code = sqlite3_step(q);
    *out = code == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    const pare_status status =
        code == SQLITE_ROW || code == SQLITE_DONE ? PARE_OK : store_error(db, path, e);
    sqlite3_finalize(q);
    return status;
}

pare_status store_check(sqlite3 *db, const char *path, bool *is_empty, pare_err *e)
{
    int64_t n_tables = 0, id = 0, version = 0;
    PARE_TRY(ask_number(db, path, "SELECT count(*) FROM sqlite_master", &n_tables, e));
    PARE_TRY(ask_number(db, path, "PRAGMA application_id", &id, e));
    /* also what a process left that was killed before it made the tables */
    if (is_empty) *is_empty = n_tables == 0 && id == 0;
    if (is_empty && *is_empty) return PARE_OK;
    PARE_TRY(ask_number(db, path, "PRAGMA user_version", &version, e));
    if (id != STORE_APPLICATION_ID)
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "is a SQLite file of another program; a store of pare-sim sweep "
                            "expected");
    if (version != PARE_STORE_VERSION)
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "is a store of version %lld; version %d expected: export it with the "
                            "pare-sim that wrote it, or give another --store",
                            (long long)version, PARE_STORE_VERSION);
    return PARE_OK;
}

/* ---- the header ---- */

static const char *text_at(sqlite3_stmt *q, int column, pare_arena *a)
{
    const unsigned char *const t = sqlite3_column_text(q, column);
    return pare_arena_strdup(a, t ? (const char *)t : "");
}

static void take_meta(pare_store_info *i, sqlite3_stmt *q, pare_arena *a)
{
    const char *const key = (const char *)sqlite3_column_text(q, 0);
    const struct {
        const char *key;
        const char **text;
    } texts[] = {{"program", &i->program}, {"commit", &i->commit}, {"kind", &i->kind},
                 {"name", &i->name},       {"sweep", &i->sweep},   {"plan", &i->plan}};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        if (!strcmp(key, texts[t].key)) *texts[t].text = text_at(q, 1, a);
    const int64_t number = sqlite3_column_int64(q, 1);
    if (!strcmp(key, "points")) i->n_points = (uint64_t)number;
    if (!strcmp(key, "shard")) i->shard = (uint32_t)number;
    if (!strcmp(key, "shards")) i->n_shards = (uint32_t)number;
    if (!strcmp(key, "layers")) i->has_layers = number != 0;
    if (!strcmp(key, "complete")) i->is_complete = number != 0;
}

typedef void take_fn(pare_store_info *i, sqlite3_stmt *q, pare_arena *a);

static pare_status for_rows(sqlite3 *db, const char *sql, pare_arena *a, take_fn *take,
                            pare_store_info *i, pare_err *e)
{
    sqlite3_stmt *q = NULL;
    PARE_TRY(store_prepare(db, i->path, sql, &q, e));
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW) take(i, q, a);
    const pare_status status = code == SQLITE_DONE ? PARE_OK : store_error(db, i->path, e);
    sqlite3_finalize(q);
    return status;
}

static void take_axis(pare_store_info *i, sqlite3_stmt *q, pare_arena *a)
{
    pare_axis *const x = &i->axes[i->n_axes++];
    x->key = text_at(q, 0, a);
    x->n = (uint64_t)sqlite3_column_int64(q, 1);
    x->stride = (uint64_t)sqlite3_column_int64(q, 2);
    x->values = pare_arena_alloc(a, x->n, sizeof *x->values);
    x->numbers = pare_arena_alloc(a, x->n, sizeof *x->numbers);
    for (uint64_t d = 0; d < x->n; d++) {
        x->values[d] = "";
        x->numbers[d] = NAN;
    }
}

static void take_value(pare_store_info *i, sqlite3_stmt *q, pare_arena *a)
{
    const uint64_t at = (uint64_t)sqlite3_column_int64(q, 0);
    const uint64_t digit = (uint64_t)sqlite3_column_int64(q, 1);
    if (at >= i->n_axes || digit >= i->axes[at].n) return;
    pare_axis *const x = &i->axes[at];
    x->values[digit] = text_at(q, 2, a);
    char *end;
    const double number = strtod(x->values[digit], &end);
    if (*x->values[digit] && !*end) x->numbers[digit] = number;
}

static void take_column(pare_store_info *i, sqlite3_stmt *q, pare_arena *a)
{
    pare_column *const c = &i->columns[i->n_columns++];
    *c = (pare_column){.name = text_at(q, 0, a), .label = text_at(q, 1, a), .is_real = true};
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t s = 0; s < n; s++) {
        if (strcmp(table[s].name, c->name)) continue;
        c->is_stat = true;
        c->is_real = table[s].is_real;
    }
}

/* No list of a file is trusted to be short, but memory is only taken for what is there. */
static pare_status check_sizes(sqlite3 *db, pare_store_info *i, int64_t *n_axes, int64_t *n_columns,
                               pare_err *e)
{
    int64_t bad = 0;
    PARE_TRY(ask_number(db, i->path, "SELECT count(*) FROM axis", n_axes, e));
    PARE_TRY(ask_number(db, i->path, "SELECT count(*) FROM stat", n_columns, e));
    PARE_TRY(ask_number(db, i->path,
                        "SELECT count(*) FROM axis WHERE stride < 1 OR n != "
                        "(SELECT count(*) FROM axis_value v WHERE v.axis = axis.axis)",
                        &bad, e));
    if (!bad) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, i->path, NOWHERE,
                        "an axis has fewer values than it says; a store of pare-sim sweep "
                        "expected");
}

pare_status store_read_info(sqlite3 *db, const char *path, pare_arena *a, pare_store_info *out,
                            pare_err *e)
{
    int64_t n_axes = 0, n_columns = 0;
    *out = (pare_store_info){.path = pare_arena_strdup(a, path),
                             .program = "",
                             .commit = "",
                             .kind = "sweep",
                             .name = "",
                             .sweep = "",
                             .plan = "",
                             .n_shards = 1};
    PARE_TRY(check_sizes(db, out, &n_axes, &n_columns, e));
    out->axes = pare_arena_alloc(a, (size_t)n_axes + 1, sizeof *out->axes);
    out->columns = pare_arena_alloc(a, (size_t)n_columns + 1, sizeof *out->columns);
    PARE_TRY(for_rows(db, "SELECT key, value FROM meta", a, take_meta, out, e));
    PARE_TRY(for_rows(db, "SELECT key, n, stride FROM axis ORDER BY axis", a, take_axis, out, e));
    PARE_TRY(for_rows(db, "SELECT axis, digit, value FROM axis_value", a, take_value, out, e));
    return for_rows(db, "SELECT name, label FROM stat ORDER BY stat", a, take_column, out, e);
}

/* ---- opening ---- */

static pare_status prepare_rows(pare_store *s, pare_err *e)
{
    pare_buf rows = {0}, layers = {0};
    pare_buf_puts(&rows, "SELECT point, space, hash, error");
    pare_buf_puts(&layers, "SELECT n.name, l.weight_bits, l.act_bits");
    for (size_t i = 0; i < s->info.n_columns; i++) {
        const pare_column *const c = &s->info.columns[i];
        pare_buf_printf(&rows, ", \"%s\"", c->name);
        if (c->is_stat) pare_buf_printf(&layers, ", l.\"%s\"", c->name);
    }
    pare_buf_puts(&rows, " FROM point WHERE point BETWEEN ?1 AND ?2 ORDER BY point");
    pare_buf_printf(&layers,
                    " FROM layer l JOIN layer_name n ON n.layer = l.layer AND n.network = ?2 "
                    "WHERE l.point = ?1 ORDER BY l.layer");
    pare_status status = store_prepare(s->db, s->info.path, rows.text, &s->rows, e);
    if (status == PARE_OK && s->info.has_layers)
        status = store_prepare(s->db, s->info.path, layers.text, &s->layers, e);
    pare_buf_free(&rows);
    pare_buf_free(&layers);
    return status;
}

static pare_status open_at(pare_store *s, const char *path, pare_err *e)
{
    const int code = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READONLY, NULL);
    if (code == SQLITE_CANTOPEN)
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "cannot be opened; a store of pare-sim sweep expected");
    if (code != SQLITE_OK) return store_error(s->db, path, e);
    sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
    PARE_TRY(store_check(s->db, path, NULL, e));
    PARE_TRY(store_read_info(s->db, path, s->arena, &s->info, e));
    int64_t rows = 0, failed = 0;
    PARE_TRY(ask_number(s->db, path, "SELECT count(*) FROM point", &rows, e));
    PARE_TRY(ask_number(s->db, path, "SELECT count(error) FROM point", &failed, e));
    s->info.n_rows = (uint64_t)rows;
    s->info.n_failed = (uint64_t)failed;
    s->values = pare_arena_alloc(s->arena, s->info.n_columns + 1, sizeof *s->values);
    return prepare_rows(s, e);
}

pare_status pare_store_open(const char *path, pare_store **out, pare_err *e)
{
    *out = NULL;
    pare_arena *const a = pare_arena_new();
    pare_store *const s = pare_arena_alloc(a, 1, sizeof *s);
    s->arena = a;
    const pare_status status = open_at(s, path, e);
    if (status == PARE_OK)
        *out = s;
    else
        pare_store_close(s);
    return status;
}

void pare_store_close(pare_store *s)
{
    if (!s) return;
    sqlite3_finalize(s->rows);
    sqlite3_finalize(s->layers);
    sqlite3_close(s->db);
    pare_arena_free(s->arena); /* s lives in it */
}

const pare_store_info *pare_store_about(const pare_store *s) { return &s->info; }

int pare_store_column(const pare_store *s, const char *name)
{
    for (size_t i = 0; i < s->info.n_columns; i++)
        if (!strcmp(s->info.columns[i].name, name)) return (int)i;
    return -1;
}

int pare_store_axis(const pare_store *s, const char *key)
{
    for (size_t i = 0; i < s->info.n_axes; i++)
        if (!strcmp(s->info.axes[i].key, key)) return (int)i;
    return -1;
}

/* ---- rows ---- */

static double value_at(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ? NAN : sqlite3_column_double(q, column);
}

static pare_status one_row(pare_store *s, pare_row_fn *fn, void *context, pare_err *e)
{
    enum { FIRST_VALUE = 4 };
    sqlite3_stmt *const q = s->rows;
    pare_row row = {.point = (uint64_t)sqlite3_column_int64(q, 0),
                    .space = (uint64_t)sqlite3_column_int64(q, 1),
                    .error = (const char *)sqlite3_column_text(q, 3),
                    .values = s->values};
    const void *const hash = sqlite3_column_blob(q, 2);
    if (hash && sqlite3_column_bytes(q, 2) == STORE_HASH_BYTES)
        memcpy(row.hash, hash, STORE_HASH_BYTES);
    for (size_t i = 0; i < s->info.n_columns; i++) s->values[i] = value_at(q, FIRST_VALUE + (int)i);
    return fn(context, &row, e);
}

pare_status pare_store_range(pare_store *s, uint64_t first, uint64_t last, pare_row_fn *fn,
                             void *context, pare_err *e)
{
    sqlite3_reset(s->rows);
    sqlite3_bind_int64(s->rows, 1, (int64_t)first);
    sqlite3_bind_int64(s->rows, 2, (int64_t)(last > INT64_MAX ? INT64_MAX : last));
    int code = SQLITE_DONE;
    pare_status status = PARE_OK;
    while (status == PARE_OK && (code = sqlite3_step(s->rows)) == SQLITE_ROW)
        status = one_row(s, fn, context, e);
    if (status == PARE_OK && code != SQLITE_DONE) status = store_error(s->db, s->info.path, e);
    sqlite3_reset(s->rows);
    return status;
}

pare_status pare_store_each(pare_store *s, pare_row_fn *fn, void *context, pare_err *e)
{
    return pare_store_range(s, 0, UINT64_MAX, fn, context, e);
}

/* ---- layers ---- */

typedef struct network_of {
    const pare_axis *axis;
    uint64_t digit;
} network_of;

static pare_status find_network(void *context, const pare_row *row, pare_err *e)
{
    (void)e;
    network_of *const n = context;
    n->digit = n->axis ? pare_axis_digit(n->axis, row->space) : 0;
    return PARE_OK;
}

pare_status pare_store_layers(pare_store *s, uint64_t point, pare_layer_fn *fn, void *context,
                              pare_err *e)
{
    enum { FIRST_VALUE = 3 };
    if (!s->layers) return PARE_OK;
    const int at = pare_store_axis(s, "network");
    network_of network = {.axis = at < 0 ? NULL : &s->info.axes[at]};
    PARE_TRY(pare_store_range(s, point, point, find_network, &network, e));
    sqlite3_stmt *const q = s->layers;
    sqlite3_reset(q);
    sqlite3_bind_int64(q, 1, (int64_t)point);
    sqlite3_bind_int64(q, 2, (int64_t)network.digit);
    int code = SQLITE_DONE;
    pare_status status = PARE_OK;
    while (status == PARE_OK && (code = sqlite3_step(q)) == SQLITE_ROW) {
        const pare_layer_row row = {.layer = (const char *)sqlite3_column_text(q, 0),
                                    .weight_bits = (uint32_t)sqlite3_column_int(q, 1),
                                    .act_bits = (uint32_t)sqlite3_column_int(q, 2),
                                    .values = s->values};
        int column = FIRST_VALUE;
        for (size_t i = 0; i < s->info.n_columns; i++)
            s->values[i] = s->info.columns[i].is_stat ? value_at(q, column++) : NAN;
        status = fn(context, &row, e);
    }
    if (status == PARE_OK && code != SQLITE_DONE) status = store_error(s->db, s->info.path, e);
    sqlite3_reset(q);
    return status;
}
