/* pare-sim diff, pareto: points of a sweep, or two that the command line names. */
#include "sim/main.h"
#include "sim/questions.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- diff ---- */

typedef struct diff_args {
    main_choice from, to;
    pare_strs to_sets;
    const char *points, *out;
    uint32_t batch;
    bool is_json;
} diff_args;

static void point_name(const main_choice *c, const main_inputs *in, pare_buf *out)
{
    pare_buf_printf(out, "%s on %s, bits '%s'", in->net->name, in->machines[0]->name,
                    in->bits->method);
    for (size_t i = 0; i < c->sets.n; i++) pare_buf_printf(out, ", %s", c->sets.v[i]);
}

/* Two points of the command line. */
static pare_status diff_runs(const diff_args *a, pare_buf *text, pare_err *e)
{
    const main_choice *const choices[2] = {&a->from, &a->to};
    main_inputs in[2] = {{0}};
    pare_sim_result results[2] = {{0}};
    pare_diff_point points[2] = {{0}};
    pare_buf names[2] = {{0}};
    const pare_sim_options options = {.batch = a->batch};
    pare_status status = PARE_OK;
    for (int i = 0; i < 2; i++) {
        PARE_TRY_DONE(main_inputs_load(choices[i], &in[i], e));
        PARE_TRY_DONE(
            pare_sim_run(in[i].net, in[i].machines[0], in[i].bits, &options, &results[i], e));
        point_name(choices[i], &in[i], &names[i]);
        points[i] = pare_diff_point_of(names[i].text, &results[i]);
    }
    status = (a->is_json ? pare_sim_write_diff_json : pare_sim_write_diff)(&points[0], &points[1],
                                                                           text, e);
done:
    for (int i = 0; i < 2; i++) {
        free(points[i].layers);
        pare_buf_free(&names[i]);
        pare_sim_result_free(&results[i]);
        main_inputs_free(&in[i]);
    }
    return status;
}

/* A point as a store holds it. */
typedef struct stored_point {
    const pare_store_info *info;
    pare_diff_point point;
    pare_arena *arena;
    size_t capacity;
    pare_buf name;
    uint64_t number;
    bool is_found;
} stored_point;

static void take_stats(const pare_store_info *info, const double *values, pare_sim_stats *out)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < info->n_columns; i++)
        for (size_t k = 0; k < n; k++) {
            if (strcmp(info->columns[i].name, table[k].name) || isnan(values[i])) continue;
            void *const at = (char *)out + table[k].offset;
            if (table[k].is_real)
                *(double *)at = values[i];
            else
                *(uint64_t *)at = (uint64_t)values[i];
        }
}

static pare_status take_point(void *context, const pare_row *row, pare_err *e)
{
    stored_point *const p = context;
    if (row->error)
        return pare_err_set(e, PARE_EINPUT, p->info->path, (pare_pos){0, 0},
                            "point %llu has no result (%s); one with a result expected",
                            (unsigned long long)row->point, row->error);
    p->is_found = true;
    pare_buf_printf(&p->name, "point %llu:", (unsigned long long)row->point);
    for (size_t i = 0; i < p->info->n_axes; i++) {
        const pare_axis *const axis = &p->info->axes[i];
        pare_buf_printf(&p->name, "%s %s=%s", i ? "," : "", axis->key,
                        axis->values[pare_axis_digit(axis, row->space)]);
    }
    p->point.name = p->name.text;
    p->point.total.layer = "total";
    take_stats(p->info, row->values, &p->point.total.stats);
    return PARE_OK;
}

static pare_status take_layer(void *context, const pare_layer_row *row, pare_err *e)
{
    (void)e;
    stored_point *const p = context;
    pare_diff_point *const d = &p->point;
    if (d->n_layers == p->capacity) {
        p->capacity = p->capacity ? 2 * p->capacity : 32;
        pare_diff_layer *const layers = pare_arena_alloc(p->arena, p->capacity, sizeof *layers);
        if (d->n_layers) memcpy(layers, d->layers, d->n_layers * sizeof *layers);
        d->layers = layers;
    }
    pare_diff_layer *const l = &d->layers[d->n_layers++];
    l->layer = pare_arena_strdup(p->arena, row->layer);
    l->weight_bits = row->weight_bits;
    l->act_bits = row->act_bits;
    take_stats(p->info, row->values, &l->stats);
    return PARE_OK;
}

static pare_status load_point(pare_store *s, stored_point *p, pare_err *e)
{
    PARE_TRY(pare_store_range(s, p->number, p->number, take_point, p, e));
    if (!p->is_found)
        return pare_err_set(e, PARE_EINPUT, p->info->path, (pare_pos){0, 0},
                            "no point %llu; one of %llu from 0 on that no constraint excludes "
                            "expected",
                            (unsigned long long)p->number, (unsigned long long)p->info->n_points);
    return pare_store_layers(s, p->number, take_layer, p, e);
}

/* "3,17" */
static bool take_numbers(const char *text, uint64_t out[2])
{
    char *end;
    for (int i = 0; i < 2; i++) {
        errno = 0;
        if (*text < '0' || *text > '9') return false;
        out[i] = strtoull(text, &end, 10);
        if (errno || *end != (i ? 0 : ',')) return false;
        text = end + 1;
    }
    return true;
}

static pare_status diff_stored(const diff_args *a, pare_buf *text, pare_err *e)
{
    pare_store *s = NULL;
    uint64_t numbers[2] = {0, 0};
    (void)take_numbers(a->points, numbers); /* checked with the options */
    PARE_TRY(pare_store_open(a->from.network, &s, e));
    pare_arena *const arena = pare_arena_new();
    stored_point p[2] = {{0}};
    pare_status status = PARE_OK;
    for (int i = 0; i < 2 && status == PARE_OK; i++) {
        p[i].info = pare_store_about(s);
        p[i].arena = arena;
        p[i].number = numbers[i];
        status = load_point(s, &p[i], e);
    }
    if (status == PARE_OK)
        status = (a->is_json ? pare_sim_write_diff_json
                             : pare_sim_write_diff)(&p[0].point, &p[1].point, text, e);
    for (int i = 0; i < 2; i++) pare_buf_free(&p[i].name);
    pare_arena_free(arena);
    pare_store_close(s);
    return status;
}

/* What --to-* leaves out is as in the first point; its --to-set come after the first one's. */
static void complete_to(diff_args *a)
{
    const char **const sets = pare_xalloc(a->from.sets.n + a->to_sets.n + 1, sizeof *sets);
    if (a->from.sets.n) memcpy(sets, a->from.sets.v, a->from.sets.n * sizeof *sets);
    if (a->to_sets.n) memcpy(sets + a->from.sets.n, a->to_sets.v, a->to_sets.n * sizeof *sets);
    a->to.sets = (pare_strs){sets, a->from.sets.n + a->to_sets.n};
    a->to.network = a->from.network;
    if (!a->to.bits) a->to.bits = a->from.bits;
    if (!a->to.machines.n && a->from.machines.n) {
        a->to.machines.v = pare_xalloc(1, sizeof *a->to.machines.v);
        a->to.machines.v[0] = a->from.machines.v[0];
        a->to.machines.n = 1;
    }
}

static int diff(diff_args *a)
{
    pare_err e = {0};
    pare_buf text = {0};
    complete_to(a);
    pare_status status = a->points ? diff_stored(a, &text, &e) : diff_runs(a, &text, &e);
    if (status == PARE_OK) status = pare_file_write(a->out, text.text, text.n, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_buf_free(&text);
    return (int)status;
}

int pare_main_diff(int argc, char **argv)
{
    diff_args a = {.out = "-", .batch = 1};
    const pare_opt opts[] = {
        MAIN_OPT_MACHINE(a.from),
        MAIN_OPT_BITS(a.from),
        MAIN_OPT_SETS(a.from),
        {"to-machine", 0, PARE_OPT_LIST, "MACHINE", "of the second point (as the first)",
         &a.to.machines, 0, 0},
        {"to-bits", 0, PARE_OPT_STRING, "BITS", "of the second point (as the first)", &a.to.bits, 0,
         0},
        {"to-set", 0, PARE_OPT_LIST, "KEY=VALUE", "of the second point, beside those of --set",
         &a.to_sets, 0, 0},
        {"points", 0, PARE_OPT_STRING, "I,J", "two points of a sweep's store instead", &a.points, 0,
         0},
        {"batch", 'n', PARE_OPT_U32, "N", "images at once (1)", &a.batch, 1, 65536},
        {"json", 'j', PARE_OPT_FLAG, NULL, "one JSON object a line instead of the tables",
         &a.is_json, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &a.out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    uint64_t numbers[2];
    if (pare_opts_parse(opts, sizeof opts / sizeof *opts,
                        "pare-sim diff NETWORK|RUN|STORE [options]",
                        "What changes between two points and why: by layer and part.", argc, argv,
                        &n_operands, &status)) {
        if (a.points && !take_numbers(a.points, numbers)) {
            fprintf(stderr, "--points is '%s'; two numbers such as 3,17 expected\n", a.points);
            status = PARE_EUSAGE;
        } else if (!main_one_operand(&a.from, "pare-sim diff", n_operands, argv, true)) {
            status = PARE_EUSAGE;
        } else {
            status = diff(&a);
        }
    }
    free(a.from.machines.v);
    free(a.from.sets.v);
    free(a.to.machines.v);
    free(a.to.sets.v);
    free(a.to_sets.v);
    return status;
}

/* ---- pareto ---- */

typedef struct pareto_args {
    const char *store, *by, *out;
    bool is_json, is_csv;
} pareto_args;

/* a column to be made small, or large if `sign` is -1 */
typedef struct criterion {
    int column;
    double sign;
} criterion;

typedef struct pareto_job {
    const pare_store_info *info;
    criterion by[PARE_PARETO_MAX];
    size_t n_by;
    double *values; /* [row][n_by] */
    size_t n, capacity;
    bool *is_on;
    size_t at; /* second pass */
    pare_buf *text;
    const pareto_args *args;
} pareto_job;

static const char DEFAULT_BY[] = "latency_ns,energy_pj,area_um2,-accuracy_frac";

static pare_status take_criteria(const pareto_args *a, pare_store *s, pareto_job *j, pare_err *e)
{
    const char *at = a->by ? a->by : DEFAULT_BY;
    while (*at) {
        const size_t length = strcspn(at, ",");
        const bool is_large = *at == '-';
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(length - is_large), at + is_large);
        const int column = pare_store_column(s, name);
        if (column < 0 && a->by) {
            pare_buf names = {0};
            for (size_t i = 0; i < j->info->n_columns; i++)
                pare_buf_printf(&names, "%s%s", i ? ", " : "", j->info->columns[i].name);
            const pare_status status =
                pare_err_set(e, PARE_EINPUT, a->store, (pare_pos){0, 0},
                             "no column '%s'; one of %s expected", name, names.text);
            pare_buf_free(&names);
            return status;
        }
        if (j->n_by == PARE_PARETO_MAX)
            return pare_err_set(e, PARE_EUSAGE, NULL, (pare_pos){0, 0},
                                "--by has more than %d columns; fewer expected", PARE_PARETO_MAX);
        if (column >= 0) j->by[j->n_by++] = (criterion){column, is_large ? -1 : 1};
        at += length;
        at += *at == ',';
    }
    if (j->n_by) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, a->store, (pare_pos){0, 0},
                        "none of the columns %s; --by with some of the store's expected",
                        a->by ? a->by : DEFAULT_BY);
}

static pare_status collect_row(void *context, const pare_row *row, pare_err *e)
{
    (void)e;
    pareto_job *const j = context;
    if (j->n == j->capacity) {
        j->capacity = j->capacity ? 2 * j->capacity : 1024;
        double *const values = pare_xalloc(j->capacity * j->n_by, sizeof *values);
        if (j->n) memcpy(values, j->values, j->n * j->n_by * sizeof *values);
        free(j->values);
        j->values = values;
    }
    for (size_t i = 0; i < j->n_by; i++)
        j->values[j->n * j->n_by + i] =
            row->error ? NAN : j->by[i].sign * row->values[j->by[i].column];
    j->n++;
    return PARE_OK;
}

/* Criteria that no point has a value of (accuracy, mostly) would leave no front: they go, unless
 * they were asked for. */
static pare_status drop_unknown(pareto_job *j, pare_err *e)
{
    size_t kept = 0;
    const size_t n_by = j->n_by;
    size_t keep[PARE_PARETO_MAX];
    for (size_t i = 0; i < n_by; i++) {
        bool is_known = j->n == 0;
        for (size_t r = 0; r < j->n && !is_known; r++) is_known = !isnan(j->values[r * n_by + i]);
        if (is_known)
            keep[kept++] = i;
        else if (j->args->by)
            return pare_err_set(e, PARE_EINPUT, j->args->store, (pare_pos){0, 0},
                                "no point has a value of '%s'; another column expected",
                                j->info->columns[j->by[i].column].name);
    }
    for (size_t r = 0; r < j->n; r++)
        for (size_t i = 0; i < kept; i++) j->values[r * kept + i] = j->values[r * n_by + keep[i]];
    for (size_t i = 0; i < kept; i++) j->by[i] = j->by[keep[i]];
    j->n_by = kept;
    return PARE_OK;
}

static void put_cell(const pareto_job *j, const pare_column *c, double x)
{
    pare_buf *const b = j->text;
    if (isnan(x))
        pare_buf_puts(b, j->args->is_json ? "null" : "");
    else if (j->args->is_json || j->args->is_csv)
        pare_buf_real(b, x);
    else
        pare_buf_printf(b, c->is_real ? "%.6g" : "%.0f", x);
}

static void json_front_row(const pareto_job *j, const pare_row *row)
{
    pare_buf *const b = j->text;
    pare_buf_printf(b, "{\"point\":%llu", (unsigned long long)row->point);
    for (size_t i = 0; i < j->info->n_axes; i++) {
        const pare_axis *const a = &j->info->axes[i];
        pare_buf_puts(b, ",");
        pare_buf_json_string(b, a->key);
        pare_buf_puts(b, ":");
        pare_buf_json_string(b, a->values[pare_axis_digit(a, row->space)]);
    }
    for (size_t i = 0; i < j->info->n_columns; i++) {
        pare_buf_printf(b, ",\"%s\":", j->info->columns[i].name);
        put_cell(j, &j->info->columns[i], row->values[i]);
    }
    pare_buf_puts(b, "}\n");
}

/* people see the criteria and the axes that vary; CSV has all columns */
static bool is_shown(const pareto_job *j, size_t column)
{
    for (size_t i = 0; i < j->n_by; i++)
        if (j->by[i].column == (int)column) return true;
    return j->args->is_csv;
}

enum { CELL_WIDTH = 14 };

static void put_padded(pare_buf *b, size_t start, bool is_csv)
{
    if (is_csv) {
        pare_buf_puts(b, ",");
        return;
    }
    while (b->n - start < CELL_WIDTH) pare_buf_puts(b, " ");
    pare_buf_puts(b, " ");
}

static pare_status front_row(void *context, const pare_row *row, pare_err *e)
{
    (void)e;
    pareto_job *const j = context;
    const bool is_csv = j->args->is_csv;
    if (j->at >= j->n || !j->is_on[j->at++]) return PARE_OK;
    if (j->args->is_json) {
        json_front_row(j, row);
        return PARE_OK;
    }
    size_t start = j->text->n;
    pare_buf_printf(j->text, "%llu", (unsigned long long)row->point);
    for (size_t i = 0; i < j->info->n_columns; i++) {
        if (!is_shown(j, i)) continue;
        put_padded(j->text, start, is_csv);
        start = j->text->n;
        put_cell(j, &j->info->columns[i], row->values[i]);
    }
    for (size_t i = 0; i < j->info->n_axes; i++) {
        const pare_axis *const a = &j->info->axes[i];
        if (a->n < 2 && !is_csv) continue;
        put_padded(j->text, start, is_csv);
        start = j->text->n;
        pare_buf_puts(j->text, a->values[pare_axis_digit(a, row->space)]);
    }
    pare_buf_puts(j->text, "\n");
    return PARE_OK;
}

static void front_head(const pareto_job *j)
{
    pare_buf *const b = j->text;
    const bool is_csv = j->args->is_csv;
    size_t n_on = 0, start = b->n;
    if (j->args->is_json) return;
    for (size_t i = 0; i < j->n; i++) n_on += j->is_on[i];
    pare_buf_printf(b, "%s%zu of %zu points of %s are on the front of", is_csv ? "# " : "", n_on,
                    j->n, j->info->name);
    for (size_t i = 0; i < j->n_by; i++)
        pare_buf_printf(b, "%s %s%s", i ? "," : "", j->info->columns[j->by[i].column].name,
                        j->by[i].sign < 0 ? " (more is better)" : "");
    pare_buf_puts(b, "\n");
    start = b->n;
    pare_buf_puts(b, "point");
    for (size_t i = 0; i < j->info->n_columns; i++) {
        if (!is_shown(j, i)) continue;
        put_padded(b, start, is_csv);
        start = b->n;
        pare_buf_puts(b, j->info->columns[i].name);
    }
    for (size_t i = 0; i < j->info->n_axes; i++) {
        if (j->info->axes[i].n < 2 && !is_csv) continue;
        put_padded(b, start, is_csv);
        start = b->n;
        pare_buf_puts(b, j->info->axes[i].key);
    }
    pare_buf_puts(b, "\n");
}

static pare_status pareto(const pareto_args *a, pare_buf *text, pare_err *e)
{
    pare_store *s = NULL;
    PARE_TRY(pare_store_open(a->store, &s, e));
    pareto_job j = {.info = pare_store_about(s), .text = text, .args = a};
    pare_status status = take_criteria(a, s, &j, e);
    if (status == PARE_OK) status = pare_store_each(s, collect_row, &j, e);
    if (status == PARE_OK) status = drop_unknown(&j, e);
    if (status == PARE_OK) {
        /* a store that is still written may have more rows the second time */
        j.is_on = pare_xalloc(j.n + 1, sizeof *j.is_on);
        pare_pareto(j.values, j.n, j.n_by, j.is_on);
        front_head(&j);
        if (j.n) status = pare_store_each(s, front_row, &j, e);
    }
    free(j.is_on);
    free(j.values);
    pare_store_close(s);
    return status;
}

int pare_main_pareto(int argc, char **argv)
{
    pareto_args a = {.out = "-"};
    const pare_opt opts[] = {
        {"by", 0, PARE_OPT_STRING, "COLUMNS",
         "what is to be small, with - before it large "
         "(latency_ns,energy_pj,area_um2,-accuracy_frac, those that the store has)",
         &a.by, 0, 0},
        {"csv", 0, PARE_OPT_FLAG, NULL, "all columns as CSV instead of the table", &a.is_csv, 0, 0},
        {"json", 'j', PARE_OPT_FLAG, NULL, "one JSON object a line instead of the table",
         &a.is_json, 0, 0},
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &a.out, 0, 0},
    };
    int n_operands, status = PARE_OK;
    if (!pare_opts_parse(opts, sizeof opts / sizeof *opts, "pare-sim pareto STORE [options]",
                         "The points of a sweep that no other one beats in everything.", argc, argv,
                         &n_operands, &status))
        return status;
    if (n_operands != 1) {
        fprintf(stderr, "one store expected; see pare-sim pareto --help\n");
        return PARE_EUSAGE;
    }
    a.store = argv[1];
    pare_err e = {0};
    pare_buf text = {0};
    pare_status done = pareto(&a, &text, &e);
    if (done == PARE_OK) done = pare_file_write(a.out, text.text ? text.text : "", text.n, &e);
    if (done != PARE_OK) pare_err_print(&e, stderr);
    pare_buf_free(&text);
    return (int)done;
}
