/* CSV after RFC 4180, with `#` comment lines and blanks trimmed from unquoted fields. Places are
 * kept for messages. */
#include "traces/trace.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SHOWN = 40, COLUMNS_MAX = 1024 };
static const size_t FILE_MAX_BYTES = (size_t)256 << 20;

typedef struct csv_reader {
    const char *at, *end;
    const char *line_start;
    uint32_t line;
    pare_csv *csv;
    const char **fields; /* of all rows, the header's first */
    uint32_t *columns;
    size_t n_fields, capacity;
    pare_err *e;
} csv_reader;

static pare_pos place(const csv_reader *r, const char *at)
{
    return (pare_pos){r->line, (uint32_t)(at - r->line_start) + 1};
}

static pare_status fail(const csv_reader *r, pare_pos pos, const char *text)
{
    return pare_err_set(r->e, PARE_EINPUT, r->csv->name, pos, "%s", text);
}

static bool at_line_end(const csv_reader *r) { return r->at == r->end || *r->at == '\n'; }

static void next_line(csv_reader *r)
{
    if (r->at < r->end) r->at++;
    r->line_start = r->at;
    r->line++;
}

static void skip_blanks(csv_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')) r->at++;
}

static void add_field(csv_reader *r, const char *text, uint32_t column)
{
    if (r->n_fields == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 256;
        const char **const fields = pare_xalloc(r->capacity, sizeof *fields);
        uint32_t *const columns = pare_xalloc(r->capacity, sizeof *columns);
        if (r->n_fields) {
            memcpy(fields, r->fields, r->n_fields * sizeof *fields);
            memcpy(columns, r->columns, r->n_fields * sizeof *columns);
        }
        free(r->fields);
        free(r->columns);
        r->fields = fields;
        r->columns = columns;
    }
    r->fields[r->n_fields] = text;
    r->columns[r->n_fields++] = column;
}

/* "a ""quoted"" text"; line breaks inside are not taken, so that a row is a line */
static pare_status quoted_field(csv_reader *r)
{
    const char *const start = r->at++;
    pare_buf text = {0};
    pare_buf_puts(&text, "");
    for (;;) {
        if (at_line_end(r)) {
            pare_buf_free(&text);
            return fail(r, place(r, start), "an unclosed quote; a closing \" expected");
        }
        if (*r->at == '"') {
            if (r->at + 1 == r->end || r->at[1] != '"') break;
            r->at++;
        }
        pare_buf_add(&text, r->at++, 1);
    }
    r->at++;
    add_field(r, pare_arena_strndup(r->csv->arena, text.text, text.n), place(r, start).column);
    pare_buf_free(&text);
    skip_blanks(r);
    if (!at_line_end(r) && *r->at != ',')
        return fail(r, place(r, r->at), "text after a closing quote; a comma expected");
    return PARE_OK;
}

static void plain_field(csv_reader *r)
{
    const char *const start = r->at;
    while (!at_line_end(r) && *r->at != ',') r->at++;
    const char *last = r->at;
    while (last > start && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == '\r')) last--;
    add_field(r, pare_arena_strndup(r->csv->arena, start, (size_t)(last - start)),
              place(r, start).column);
}

/* the fields of one line; *n is 0 for a comment and for an empty line */
static pare_status read_line(csv_reader *r, size_t *n)
{
    const size_t before = r->n_fields;
    *n = 0;
    skip_blanks(r);
    if (!at_line_end(r) && *r->at == '#')
        while (!at_line_end(r)) r->at++;
    if (at_line_end(r)) return PARE_OK;
    for (;;) {
        skip_blanks(r);
        if (r->at < r->end && *r->at == '"')
            PARE_TRY(quoted_field(r));
        else
            plain_field(r);
        if (r->n_fields - before > COLUMNS_MAX)
            return fail(r, place(r, r->at), "more than 1024 fields in a line; fewer expected");
        if (at_line_end(r)) break;
        r->at++;
    }
    *n = r->n_fields - before;
    return PARE_OK;
}

static pare_status check_header(const csv_reader *r)
{
    for (size_t i = 0; i < r->n_fields; i++) {
        const pare_pos pos = {r->line, r->columns[i]};
        if (!*r->fields[i]) return fail(r, pos, "a column without a name; a name expected");
        for (size_t j = 0; j < i; j++)
            if (!strcmp(r->fields[i], r->fields[j]))
                return pare_err_set(r->e, PARE_EINPUT, r->csv->name, pos,
                                    "column '%.*s' appears twice; each name once expected",
                                    TEXT_SHOWN, r->fields[i]);
    }
    return PARE_OK;
}

static void add_row(csv_reader *r, size_t *capacity)
{
    pare_csv *const c = r->csv;
    if (c->n_rows == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 64;
        uint32_t *const lines = pare_arena_alloc(c->arena, *capacity, sizeof *lines);
        if (c->n_rows) memcpy(lines, c->lines, c->n_rows * sizeof *lines);
        c->lines = lines;
    }
    c->lines[c->n_rows++] = r->line;
}

static pare_status read_rows(csv_reader *r)
{
    size_t n, n_columns = 0, capacity = 0;
    for (; r->at < r->end; next_line(r)) {
        PARE_TRY(read_line(r, &n));
        if (n == 0) continue;
        if (n_columns == 0) {
            n_columns = n;
            r->csv->header_line = r->line;
            PARE_TRY(check_header(r));
            continue;
        }
        if (n != n_columns)
            return pare_err_set(r->e, PARE_EINPUT, r->csv->name, (pare_pos){r->line, 1},
                                "a row of %zu fields; %zu expected, as in the header", n,
                                n_columns);
        add_row(r, &capacity);
    }
    r->csv->columns.n = n_columns;
    if (n_columns == 0)
        return fail(r, (pare_pos){1, 1}, "no header line; a line of column names expected");
    return PARE_OK;
}

static void keep_fields(csv_reader *r)
{
    pare_csv *const c = r->csv;
    const char **const fields = pare_arena_alloc(c->arena, r->n_fields, sizeof *fields);
    uint32_t *const columns = pare_arena_alloc(c->arena, r->n_fields, sizeof *columns);
    memcpy(fields, r->fields, r->n_fields * sizeof *fields);
    memcpy(columns, r->columns, r->n_fields * sizeof *columns);
    c->columns.v = fields;
    c->cells = fields + c->columns.n;
    c->cell_columns = columns + c->columns.n;
}

pare_status pare_csv_parse(const char *name, const char *text, size_t n, pare_csv **out,
                           pare_err *e)
{
    *out = NULL;
    pare_arena *const arena = pare_arena_new();
    pare_csv *const c = pare_arena_alloc(arena, 1, sizeof *c);
    csv_reader r = {.at = text, .end = text + n, .line_start = text, .line = 1, .csv = c, .e = e};
    c->arena = arena;
    c->name = pare_arena_strdup(arena, name);
    pare_status status = PARE_OK;
    if (n > 0 && memchr(text, 0, n))
        status = fail(&r, (pare_pos){0, 0}, "holds a NUL byte; a text file expected");
    if (status == PARE_OK) status = read_rows(&r);
    if (status == PARE_OK) {
        keep_fields(&r);
        *out = c;
    }
    free(r.fields);
    free(r.columns);
    if (status != PARE_OK) pare_arena_free(arena);
    return status;
}

pare_status pare_csv_load(const char *path, pare_csv **out, pare_err *e)
{
    char *text;
    size_t n;
    *out = NULL;
    PARE_TRY(pare_file_read(path, FILE_MAX_BYTES, &text, &n, e));
    const pare_status status = pare_csv_parse(path, text, n, out, e);
    free(text);
    return status;
}

void pare_csv_free(pare_csv *c)
{
    if (c) pare_arena_free(c->arena);
}

int pare_csv_column(const pare_csv *c, const char *name)
{
    for (size_t i = 0; i < c->columns.n; i++)
        if (!strcmp(c->columns.v[i], name)) return (int)i;
    return -1;
}

const char *pare_csv_cell(const pare_csv *c, size_t row, int column)
{
    return c->cells[row * c->columns.n + (size_t)column];
}

pare_pos pare_csv_pos(const pare_csv *c, size_t row, int column)
{
    return (pare_pos){c->lines[row], c->cell_columns[row * c->columns.n + (size_t)column]};
}

pare_status pare_csv_real(const pare_csv *c, size_t row, int column, double min, double max,
                          double *out, pare_err *e)
{
    const char *const text = pare_csv_cell(c, row, column);
    char *end;
    const bool is_decimal = *text && strspn(text, "0123456789+-.eE") == strlen(text);
    *out = strtod(text, &end);
    if (is_decimal && !*end && isfinite(*out) && *out >= min && *out <= max) return PARE_OK;
    char range[80] = "a number";
    if (isfinite(min) && isfinite(max))
        snprintf(range, sizeof range, "a number from %.15g to %.15g", min, max);
    else if (isfinite(min))
        snprintf(range, sizeof range, "a number of at least %.15g", min);
    return pare_err_set(e, PARE_EINPUT, c->name, pare_csv_pos(c, row, column),
                        "%s is '%.*s'; %s expected", c->columns.v[column], TEXT_SHOWN, text, range);
}
