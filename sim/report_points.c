/* The points of a store for the report: axes as digits, columns as numbers, both in base64, so that
 * 10^5 points stay small and open fast; layers of the points that people look at first. */
#include "sim/report_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERED_POINTS_MAX = 2000, ERRORS_SHOWN = 20 };

typedef struct columns_job {
    const pare_store_info *info;
    size_t n, capacity; /* points with results */
    double *values;     /* [point][column] */
    uint64_t *numbers, *spaces;
    pare_strs errors; /* the first ones, in `arena` */
    size_t n_errors;
    pare_arena *arena;
} columns_job;

static void *grown(void *old, size_t n, size_t capacity, size_t size)
{
    void *const larger = pare_xalloc(capacity, size);
    if (n) memcpy(larger, old, n * size);
    free(old);
    return larger;
}

static pare_status take_row(void *context, const pare_row *row, pare_err *e)
{
    (void)e;
    columns_job *const j = context;
    const size_t n_columns = j->info->n_columns;
    if (row->error) {
        if (j->n_errors++ < ERRORS_SHOWN)
            j->errors.v[j->errors.n++] =
                pare_arena_printf(j->arena, "%llu: %s", (unsigned long long)row->point, row->error);
        return PARE_OK;
    }
    if (j->n == j->capacity) {
        j->capacity = j->capacity ? 2 * j->capacity : 1024;
        j->values = grown(j->values, j->n * n_columns, j->capacity * n_columns, sizeof(double));
        j->numbers = grown(j->numbers, j->n, j->capacity, sizeof(uint64_t));
        j->spaces = grown(j->spaces, j->n, j->capacity, sizeof(uint64_t));
    }
    if (n_columns) memcpy(&j->values[j->n * n_columns], row->values, n_columns * sizeof(double));
    j->numbers[j->n] = row->point;
    j->spaces[j->n++] = row->space;
    return PARE_OK;
}

/* ---- columns ---- */

static const pare_stat_info *stat_of(const char *name)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(table[i].name, name)) return &table[i];
    return NULL;
}

static bool is_known(const columns_job *j, size_t column)
{
    for (size_t i = 0; i < j->n; i++)
        if (!isnan(j->values[i * j->info->n_columns + column])) return true;
    return false;
}

/* Totals are exact; parts, of which there are many, in single precision. */
static void add_column(pare_buf *b, const columns_job *j, size_t column)
{
    const pare_column *const c = &j->info->columns[column];
    const pare_stat_info *const s = c->is_stat ? stat_of(c->name) : NULL;
    const bool is_exact = !s || s->role == PARE_STAT_TOTAL;
    double *const exact = pare_xalloc(j->n + 1, sizeof *exact);
    float *const single = pare_xalloc(j->n + 1, sizeof *single);
    for (size_t i = 0; i < j->n; i++) {
        exact[i] = j->values[i * j->info->n_columns + column];
        single[i] = (float)exact[i];
    }
    pare_buf_puts(b, b->text[b->n - 1] == '[' ? "{" : ",{");
    sim_json_text(b, "name", c->name);
    sim_json_text(b, "label", c->label);
    sim_json_text(b, "type", is_exact ? "f64" : "f32");
    sim_json_bytes(b, "data", is_exact ? (const void *)exact : single,
                   j->n * (is_exact ? sizeof *exact : sizeof *single));
    pare_buf_puts(b, "}");
    free(exact);
    free(single);
}

static void add_axis(pare_buf *b, const columns_job *j, size_t axis)
{
    const pare_axis *const a = &j->info->axes[axis];
    const size_t size = a->n <= 256 ? 1 : a->n <= 65536 ? 2 : 4;
    unsigned char *const digits = pare_xalloc(j->n * size + 1, 1);
    for (size_t i = 0; i < j->n; i++) {
        const uint64_t digit = pare_axis_digit(a, j->spaces[i]);
        for (size_t k = 0; k < size; k++) digits[i * size + k] = (unsigned char)(digit >> 8 * k);
    }
    pare_buf_puts(b, axis ? ",{" : "{");
    sim_json_text(b, "key", a->key);
    sim_json_key(b, "values");
    for (uint64_t i = 0; i < a->n; i++) {
        pare_buf_puts(b, i ? "," : "[");
        pare_buf_json_string(b, a->values[i]);
    }
    pare_buf_puts(b, "]");
    sim_json_text(b, "type", size == 1 ? "u8" : size == 2 ? "u16" : "u32");
    if (a->n > 1) sim_json_bytes(b, "digits", digits, j->n * size);
    pare_buf_puts(b, "}");
    free(digits);
}

/* ---- layers ---- */

typedef struct layers_job {
    pare_buf names;  /* of the point at hand, as JSON */
    pare_buf bits;   /* two bytes a layer */
    pare_buf values; /* floats */
    const size_t *columns;
    size_t n_columns, n_layers;
} layers_job;

static pare_status take_layer(void *context, const pare_layer_row *row, pare_err *e)
{
    (void)e;
    layers_job *const j = context;
    const unsigned char bits[2] = {(unsigned char)row->weight_bits, (unsigned char)row->act_bits};
    pare_buf_puts(&j->names, j->n_layers ? "," : "");
    pare_buf_json_string(&j->names, row->layer);
    pare_buf_add(&j->bits, bits, 2);
    for (size_t i = 0; i < j->n_columns; i++) {
        const float x = (float)row->values[j->columns[i]];
        pare_buf_add(&j->values, &x, sizeof x);
    }
    j->n_layers++;
    return PARE_OK;
}

/* The front of what the store has of latency, energy, area and accuracy, then others at equal
 * distances. */
static size_t choose_points(const columns_job *j, pare_store *s, uint32_t *chosen)
{
    static const char *const names[] = {"latency_ns", "energy_pj", "area_um2", "accuracy_frac"};
    int columns[4];
    size_t k = 0, n = 0;
    for (size_t i = 0; i < 4; i++) {
        columns[k] = pare_store_column(s, names[i]);
        k += columns[k] >= 0 && is_known(j, (size_t)columns[k]);
    }
    double *const values = pare_xalloc(j->n * k + 1, sizeof *values);
    bool *const is_on = pare_xalloc(j->n + 1, sizeof *is_on);
    for (size_t i = 0; i < j->n; i++)
        for (size_t c = 0; c < k; c++) {
            const double x = j->values[i * j->info->n_columns + (size_t)columns[c]];
            const bool is_accuracy = !strcmp(j->info->columns[columns[c]].name, "accuracy_frac");
            values[i * k + c] = is_accuracy ? -x : x;
        }
    if (k) pare_pareto(values, j->n, k, is_on);
    size_t n_front = 0;
    for (size_t i = 0; i < j->n; i++) n_front += is_on[i];
    const size_t step_front = n_front / LAYERED_POINTS_MAX + 1;
    const size_t rest = n_front < LAYERED_POINTS_MAX ? LAYERED_POINTS_MAX - n_front : 1;
    const size_t step = j->n / rest + 1;
    for (size_t i = 0, at = 0; i < j->n && n < LAYERED_POINTS_MAX; i++) {
        const bool is_wanted = is_on[i] ? at++ % step_front == 0 : i % step == 0;
        if (is_wanted) chosen[n++] = (uint32_t)i;
    }
    free(values);
    free(is_on);
    return n;
}

static pare_status add_layers(pare_buf *b, const columns_job *j, pare_store *s, pare_err *e)
{
    uint32_t *const chosen = pare_xalloc(LAYERED_POINTS_MAX, sizeof *chosen);
    size_t *const columns = pare_xalloc(j->info->n_columns + 1, sizeof *columns);
    layers_job l = {.columns = columns};
    pare_buf networks = {0}, indices = {0}, last = {0};
    pare_status status = PARE_OK;
    uint16_t n_networks = 0;
    for (size_t i = 0; i < j->info->n_columns; i++)
        if (j->info->columns[i].is_stat) columns[l.n_columns++] = i;
    const size_t n = choose_points(j, s, chosen);
    for (size_t i = 0; i < n; i++) {
        l.names.n = l.n_layers = 0;
        PARE_TRY_DONE(pare_store_layers(s, j->numbers[chosen[i]], take_layer, &l, e));
        if (l.names.n && (last.n != l.names.n || memcmp(last.text, l.names.text, last.n))) {
            pare_buf_printf(&networks, "%s[%s]", n_networks++ ? "," : "", l.names.text);
            last.n = 0;
            pare_buf_add(&last, l.names.text, l.names.n);
        }
        const uint16_t network = n_networks ? (uint16_t)(n_networks - 1) : 0;
        pare_buf_add(&indices, &network, sizeof network);
    }
    sim_json_key(b, "layers");
    pare_buf_puts(b, "{");
    sim_json_key(b, "columns");
    for (size_t i = 0; i < l.n_columns; i++) {
        pare_buf_puts(b, i ? "," : "[");
        pare_buf_json_string(b, j->info->columns[columns[i]].name);
    }
    pare_buf_printf(b, "%s],\"names\":[%s]", l.n_columns ? "" : "[",
                    networks.text ? networks.text : "");
    sim_json_bytes(b, "points", chosen, n * sizeof *chosen);
    sim_json_bytes(b, "network", indices.text, indices.n);
    sim_json_bytes(b, "bits", l.bits.text, l.bits.n);
    sim_json_bytes(b, "values", l.values.text, l.values.n);
    pare_buf_puts(b, "}");
done:
    pare_buf_free(&networks);
    pare_buf_free(&indices);
    pare_buf_free(&last);
    pare_buf_free(&l.names);
    pare_buf_free(&l.bits);
    pare_buf_free(&l.values);
    free(columns);
    free(chosen);
    return status;
}

/* ---- all ---- */

static void add_head(pare_buf *b, const columns_job *j)
{
    sim_json_text(b, "name", j->info->name);
    sim_json_text(b, "kind", j->info->kind);
    sim_json_real(b, "n", (double)j->n);
    sim_json_real(b, "n_all", (double)j->info->n_points);
    sim_json_real(b, "n_failed", (double)j->n_errors);
    sim_json_key(b, "errors");
    pare_buf_puts(b, "[");
    for (size_t i = 0; i < j->errors.n; i++) {
        pare_buf_puts(b, i ? "," : "");
        pare_buf_json_string(b, j->errors.v[i]);
    }
    pare_buf_puts(b, "]");
}

pare_status sim_report_points(pare_store *store, pare_buf *b, pare_err *e)
{
    columns_job j = {.info = pare_store_about(store), .arena = pare_arena_new()};
    j.errors.v = pare_arena_alloc(j.arena, ERRORS_SHOWN, sizeof *j.errors.v);
    pare_status status = pare_store_each(store, take_row, &j, e);
    if (status == PARE_OK) {
        sim_json_key(b, "points");
        pare_buf_puts(b, "{");
        add_head(b, &j);
        double *const numbers = pare_xalloc(j.n + 1, sizeof *numbers);
        for (size_t i = 0; i < j.n; i++) numbers[i] = (double)j.numbers[i];
        sim_json_bytes(b, "numbers", numbers, j.n * sizeof *numbers);
        free(numbers);
        sim_json_key(b, "axes");
        pare_buf_puts(b, "[");
        for (size_t i = 0; i < j.info->n_axes; i++) add_axis(b, &j, i);
        pare_buf_puts(b, "]");
        sim_json_key(b, "columns");
        pare_buf_puts(b, "[");
        for (size_t i = 0; i < j.info->n_columns; i++)
            if (is_known(&j, i)) add_column(b, &j, i);
        pare_buf_puts(b, "]");
        if (j.info->has_layers && j.n) status = add_layers(b, &j, store, e);
        pare_buf_puts(b, "}");
    }
    free(j.values);
    free(j.numbers);
    free(j.spaces);
    pare_arena_free(j.arena);
    return status;
}
