/* The part of a Liberty file that area and energy need. */
#include "rtl/gates.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 128, DEPTH_MAX = 16, TABLE_MAX = 256 };

/* Groups that matter; all others are read over. */
typedef enum group { OTHER, LIBRARY, CELL, PIN, POWER, POWER_TABLE } group;

typedef struct parser {
    const char *name, *at, *end;
    uint32_t line;
    pare_cells *out;
    group groups[DEPTH_MAX];
    int depth;
    size_t cell_capacity, pin_capacity;
} parser;

static pare_status fail(const parser *p, pare_err *e, const char *what)
{
    return pare_err_set(e, PARE_EINPUT, p->name, (pare_pos){p->line, 0}, "%s", what);
}

static void skip_blank(parser *p)
{
    while (p->at < p->end) {
        if (*p->at == '\n') p->line++;
        if (isspace((unsigned char)*p->at) || *p->at == '\\') {
            p->at++;
        } else if (p->end - p->at > 1 && p->at[0] == '/' && p->at[1] == '*') {
            while (p->at < p->end && !(p->end - p->at > 1 && p->at[0] == '*' && p->at[1] == '/'))
                if (*p->at++ == '\n') p->line++;
            p->at += p->end - p->at > 1 ? 2 : 0;
        } else {
            return;
        }
    }
}

/* The text up to a character of `until` at the top level, quotes and blanks dropped. */
static void take_text(parser *p, const char *until, char *out, size_t size)
{
    size_t n = 0;
    bool is_quoted = false;
    for (; p->at < p->end && (is_quoted || !strchr(until, *p->at)); p->at++) {
        if (*p->at == '\n') p->line++;
        if (*p->at == '"')
            is_quoted = !is_quoted;
        else if (!isspace((unsigned char)*p->at) && *p->at != '\\' && n + 1 < size)
            out[n++] = *p->at;
        else if (is_quoted && *p->at == ' ' && n + 1 < size)
            out[n++] = ' ';
    }
    out[n] = 0;
}

static pare_cell *last_cell(parser *p) { return &p->out->cells[p->out->n_cells - 1]; }
static pare_cell_pin *last_pin(parser *p)
{
    pare_cell *const c = last_cell(p);
    return &c->pins[c->n_pins - 1];
}

static void *grown(pare_arena *a, const void *old, size_t n, size_t *capacity, size_t size)
{
    *capacity = n ? 2 * *capacity : 16;
    void *const bigger = pare_arena_alloc(a, *capacity, size);
    if (n) memcpy(bigger, old, n * size);
    return bigger;
}

static group enter(parser *p, const char *word, const char *argument)
{
    const group outer = p->depth ? p->groups[p->depth - 1] : OTHER;
    pare_cells *const c = p->out;
    if (p->depth == 0 && !strcmp(word, "library")) return LIBRARY;
    if (outer == LIBRARY && !strcmp(word, "cell")) {
        if (c->n_cells == 0 || c->n_cells == p->cell_capacity)
            c->cells = grown(c->arena, c->cells, c->n_cells, &p->cell_capacity, sizeof *c->cells);
        c->cells[c->n_cells++] = (pare_cell){.name = pare_arena_strdup(c->arena, argument)};
        return CELL;
    }
    if (outer == CELL && !strcmp(word, "pin")) {
        pare_cell *const cell = last_cell(p);
        if (cell->n_pins == 0 || cell->n_pins == p->pin_capacity)
            cell->pins =
                grown(c->arena, cell->pins, cell->n_pins, &p->pin_capacity, sizeof *cell->pins);
        cell->pins[cell->n_pins++] = (pare_cell_pin){.name = pare_arena_strdup(c->arena, argument)};
        return PIN;
    }
    if (outer == CELL && (!strcmp(word, "ff") || !strcmp(word, "latch")))
        last_cell(p)->is_register = true;
    if (outer == PIN && !strcmp(word, "internal_power")) return POWER;
    if (outer == POWER && (!strcmp(word, "rise_power") || !strcmp(word, "fall_power")))
        return POWER_TABLE;
    return OTHER;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* the median of a table joins the pin's mean of medians */
static pare_status add_table(parser *p, const char *values, pare_err *e)
{
    double x[TABLE_MAX];
    size_t n = 0;
    for (const char *at = values; *at && n < TABLE_MAX;) {
        char *end;
        x[n] = strtod(at, &end);
        if (end == at) return fail(p, e, "values is not a list of numbers");
        n++;
        at = end + strspn(end, ", ");
    }
    if (n == 0) return fail(p, e, "values holds no number");
    qsort(x, n, sizeof *x, by_value);
    pare_cell_pin *const pin = last_pin(p);
    const double sum = pin->internal_pj * pin->n_tables + (x[(n - 1) / 2] + x[n / 2]) / 2;
    pin->internal_pj = sum / ++pin->n_tables;
    return PARE_OK;
}

static pare_status attribute(parser *p, const char *word, const char *value, pare_err *e)
{
    const group in = p->groups[p->depth - 1];
    char *end;
    const double x = strtod(value, &end);
    const bool is_number = end != value && !*end;
    double *number = NULL;
    if (in == LIBRARY && !strcmp(word, "nom_voltage")) number = &p->out->voltage_v;
    if (in == CELL && !strcmp(word, "area")) number = &last_cell(p)->area_um2;
    if (in == CELL && !strcmp(word, "cell_leakage_power")) number = &last_cell(p)->leakage_nw;
    if (in == PIN && !strcmp(word, "capacitance")) number = &last_pin(p)->capacitance_pf;
    if (in == PIN && !strcmp(word, "direction")) last_pin(p)->is_output = !strcmp(value, "output");
    if (number && !is_number) return fail(p, e, "a number expected");
    if (number) *number = x;
    return PARE_OK;
}

/* word (arguments) { | word (arguments) ; | word : value ; | } */
static pare_status statement(parser *p, pare_err *e)
{
    char word[WORD_MAX], argument[16 * TABLE_MAX];
    if (*p->at == '}' || *p->at == ';') {
        if (*p->at++ == '}' && p->depth-- == 0) return fail(p, e, "a } too many");
        return PARE_OK;
    }
    take_text(p, "(:;{}", word, sizeof word);
    const char mark = p->at < p->end ? *p->at++ : 0;
    if (mark != '(' && mark != ':') return fail(p, e, "a group or an attribute expected");
    skip_blank(p);
    take_text(p, mark == '(' ? ")" : ";}\n", argument, sizeof argument);
    if (p->at < p->end && *p->at != '}') {
        if (*p->at == '\n') p->line++;
        p->at++;
    }
    if (mark == ':') return p->depth ? attribute(p, word, argument, e) : PARE_OK;
    skip_blank(p);
    if (p->at < p->end && *p->at == '{') {
        p->at++;
        if (p->depth == DEPTH_MAX) return fail(p, e, "groups too deep");
        const group g = enter(p, word, argument);
        p->groups[p->depth++] = g;
    } else if (p->depth && p->groups[p->depth - 1] == POWER_TABLE && !strcmp(word, "values")) {
        return add_table(p, argument, e);
    }
    return PARE_OK;
}

pare_status pare_liberty_parse(const char *name, const char *text, size_t n, pare_cells *out,
                               pare_err *e)
{
    *out = (pare_cells){.arena = pare_arena_new()};
    parser p = {.name = name, .at = text, .end = text + n, .line = 1, .out = out};
    pare_status status = PARE_OK;
    for (skip_blank(&p); p.at < p.end && status == PARE_OK; skip_blank(&p))
        status = statement(&p, e);
    if (status == PARE_OK && (p.depth || out->n_cells == 0 || out->voltage_v <= 0))
        status = fail(&p, e, "a library with nom_voltage and cells expected, closed by a }");
    if (status != PARE_OK) pare_cells_free(out);
    return status;
}

void pare_cells_free(pare_cells *c)
{
    pare_arena_free(c->arena);
    memset(c, 0, sizeof *c);
}
