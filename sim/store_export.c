/* A store as CSV or NDJSON. The text goes to a temporary file beside the target, piece by piece. */
#include "sim/store_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pare_pos NOWHERE = {0, 0};

typedef struct exporter {
    pare_store *store;
    sqlite3_stmt *q;
    FILE *file;
    pare_buf line;
    bool is_json;
} exporter;

static void csv_text(pare_buf *b, const char *s)
{
    if (!s[strcspn(s, ",\"\n#")]) {
        pare_buf_puts(b, s);
        return;
    }
    pare_buf_puts(b, "\"");
    for (; *s; s++) {
        if (*s == '"') pare_buf_puts(b, "\"");
        pare_buf_add(b, s, 1);
    }
    pare_buf_puts(b, "\"");
}

/* A number is written as such in JSON; "loom1" is a string. */
static void put_value(exporter *x, const pare_axis *a, uint64_t digit)
{
    if (x->is_json && !(a->numbers[digit] == a->numbers[digit]))
        pare_buf_json_string(&x->line, a->values[digit]);
    else if (x->is_json)
        pare_buf_real(&x->line, a->numbers[digit]);
    else
        csv_text(&x->line, a->values[digit]);
}

static void put_number(exporter *x, int column)
{
    switch (sqlite3_column_type(x->q, column)) {
    case SQLITE_INTEGER:
        pare_buf_printf(&x->line, "%lld", (long long)sqlite3_column_int64(x->q, column));
        break;
    case SQLITE_FLOAT: pare_buf_real(&x->line, sqlite3_column_double(x->q, column)); break;
    default:
        if (x->is_json) pare_buf_puts(&x->line, "null");
    }
}

static void put_key(exporter *x, const char *key)
{
    pare_buf_puts(&x->line, x->line.n ? "," : x->is_json ? "{" : "");
    if (!x->is_json) return;
    pare_buf_json_string(&x->line, key);
    pare_buf_puts(&x->line, ":");
}

static void put_row(exporter *x)
{
    const pare_store_info *const i = &x->store->info;
    x->line.n = 0;
    put_key(x, "point");
    put_number(x, 0);
    const uint64_t space = (uint64_t)sqlite3_column_int64(x->q, 1);
    for (size_t a = 0; a < i->n_axes; a++) {
        put_key(x, i->axes[a].key);
        put_value(x, &i->axes[a], pare_axis_digit(&i->axes[a], space));
    }
    for (size_t c = 0; c < i->n_columns; c++) {
        put_key(x, i->columns[c].name);
        put_number(x, (int)c + 3);
    }
    put_key(x, "error");
    const char *const error = (const char *)sqlite3_column_text(x->q, 2);
    if (x->is_json && error)
        pare_buf_json_string(&x->line, error);
    else if (x->is_json)
        pare_buf_puts(&x->line, "null");
    else if (error)
        csv_text(&x->line, error);
    pare_buf_puts(&x->line, x->is_json ? "}\n" : "\n");
}

static void put_header(exporter *x)
{
    const pare_store_info *const i = &x->store->info;
    if (x->is_json) return;
    pare_buf_printf(&x->line, "# %s, commit %s\n# sweep: %s, plan %s\npoint", i->program, i->commit,
                    i->name, i->plan);
    for (size_t a = 0; a < i->n_axes; a++) pare_buf_printf(&x->line, ",%s", i->axes[a].key);
    for (size_t c = 0; c < i->n_columns; c++) pare_buf_printf(&x->line, ",%s", i->columns[c].name);
    pare_buf_puts(&x->line, ",error\n");
    fwrite(x->line.text, 1, x->line.n, x->file);
}

static pare_status put_all(exporter *x, pare_err *e)
{
    pare_buf sql = {0};
    const pare_store_info *const i = &x->store->info;
    pare_buf_puts(&sql, "SELECT point, space, error");
    for (size_t c = 0; c < i->n_columns; c++) pare_buf_printf(&sql, ", \"%s\"", i->columns[c].name);
    pare_buf_puts(&sql, " FROM point ORDER BY point");
    pare_status status = store_prepare(x->store->db, i->path, sql.text, &x->q, e);
    pare_buf_free(&sql);
    PARE_TRY(status);
    put_header(x);
    int code;
    while ((code = sqlite3_step(x->q)) == SQLITE_ROW && !ferror(x->file)) {
        put_row(x);
        fwrite(x->line.text, 1, x->line.n, x->file);
    }
    if (code != SQLITE_DONE && code != SQLITE_ROW) status = store_error(x->store->db, i->path, e);
    sqlite3_finalize(x->q);
    return status;
}

pare_status pare_store_export(pare_store *s, bool is_json, const char *path, pare_err *e)
{
    exporter x = {.store = s, .is_json = is_json};
    const bool is_stdout = !strcmp(path, "-");
    pare_buf temporary = {0};
    pare_buf_printf(&temporary, "%s.tmp%ld", path, (long)getpid());
    x.file = is_stdout ? stdout : fopen(temporary.text, "wb");
    pare_status status = PARE_OK;
    bool ok = x.file != NULL;
    if (ok) status = put_all(&x, e);
    if (ok) ok = fflush(x.file) == 0 && !ferror(x.file);
    if (ok && !is_stdout) ok = fsync(fileno(x.file)) == 0;
    if (x.file && !is_stdout) ok = fclose(x.file) == 0 && ok;
    if (ok && status == PARE_OK && !is_stdout) ok = rename(temporary.text, path) == 0;
    if (!ok && status == PARE_OK)
        status = pare_err_set(e, PARE_EFAIL, is_stdout ? "stdout" : path, NOWHERE,
                              "cannot be written (%s)", strerror(errno));
    if (status != PARE_OK && !is_stdout) unlink(temporary.text);
    pare_buf_free(&x.line);
    pare_buf_free(&temporary);
    return status;
}
