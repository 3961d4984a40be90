/* Cost tables: cycles, energy and DRAM traffic of each layer at each pair of bitlengths, as CSV. */
#include "traces/cost.h"

#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "pare-cost 1";
static const size_t FILE_MAX_BYTES = (size_t)64 << 20;
enum { LAYERS_MAX = 4096 };

static pare_cost_table *new_table(pare_arena *arena, size_t n_layers, uint32_t weight_bits_max,
                                  uint32_t act_bits_max)
{
    pare_cost_table *const t = pare_arena_alloc(arena, 1, sizeof *t);
    t->arena = arena;
    t->network = t->machine = t->outputs = "";
    t->weight_bits_max = weight_bits_max;
    t->act_bits_max = act_bits_max;
    t->layers.v = pare_arena_alloc(arena, n_layers, sizeof *t->layers.v);
    t->layers.n = n_layers;
    t->costs = pare_arena_alloc(arena, n_layers * weight_bits_max * act_bits_max, sizeof *t->costs);
    return t;
}

pare_cost_table *pare_cost_new(const pare_net *net, uint32_t weight_bits_max, uint32_t act_bits_max)
{
    pare_cost_table *const t =
        new_table(pare_arena_new(), net->n_mac_layers, weight_bits_max, act_bits_max);
    t->network = pare_arena_strdup(t->arena, net->name);
    for (uint32_t i = 0, n = 0; i < net->n_layers; i++)
        if (pare_layer_is_mac(&net->layers[i]))
            t->layers.v[n++] = pare_arena_strdup(t->arena, net->layers[i].name);
    return t;
}

void pare_cost_free(pare_cost_table *t)
{
    if (t) pare_arena_free(t->arena);
}

pare_cost *pare_cost_at(const pare_cost_table *t, size_t layer, uint32_t weight_bits,
                        uint32_t act_bits)
{
    return &t->costs[(layer * t->weight_bits_max + weight_bits - 1) * t->act_bits_max + act_bits -
                     1];
}

/* ---- writing ---- */

void pare_cost_write(const pare_cost_table *t, const char *program, const char *const *keys_values,
                     size_t n_pairs, pare_buf *out)
{
    pare_buf batch = {0}, clock = {0};
    pare_buf_printf(&batch, "%u", t->batch);
    pare_buf_real(&clock, t->clock_mhz);
    const char *const pairs[] = {"format",    FORMAT,     "network", t->network,
                                 "machine",   t->machine, "batch",   batch.text,
                                 "clock_mhz", clock.text, "outputs", t->outputs};
    pare_provenance(out, program, pairs, sizeof pairs / sizeof *pairs / 2);
    for (size_t i = 0; i < n_pairs; i++)
        pare_buf_printf(out, "# %s: %s\n", keys_values[2 * i], keys_values[2 * i + 1]);
    pare_buf_puts(out, "layer,weight_bits,act_bits,cycles,energy_pj,dram_bits\n");
    for (size_t i = 0; i < t->layers.n; i++)
        for (uint32_t w = 1; w <= t->weight_bits_max; w++)
            for (uint32_t a = 1; a <= t->act_bits_max; a++) {
                const pare_cost *const c = pare_cost_at(t, i, w, a);
                pare_buf_printf(out, "%s,%u,%u,%llu,", t->layers.v[i], w, a,
                                (unsigned long long)c->cycles);
                pare_buf_real(out, c->energy_pj);
                pare_buf_printf(out, ",%llu\n", (unsigned long long)c->dram_bits);
            }
    pare_buf_free(&batch);
    pare_buf_free(&clock);
}

/* ---- reading ---- */

enum { C_LAYER, C_WEIGHT, C_ACT, C_CYCLES, C_ENERGY, C_DRAM, N_COLUMNS };

typedef struct cost_reader {
    const pare_csv *csv;
    const pare_net *net;
    int columns[N_COLUMNS];
    pare_cost_table *table;
    bool *is_seen;
    pare_err *e;
} cost_reader;

/* The value of a "# key: value" line before the header, in `a`; NULL if there is none. */
static const char *head_value(const char *text, size_t n, const char *key, pare_arena *a)
{
    const char *const end = text + n;
    const size_t length = strlen(key);
    while (text < end && *text == '#') {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (!stop) stop = end;
        const char *at = text + 1;
        while (at < stop && *at == ' ') at++;
        if ((size_t)(stop - at) > length && !memcmp(at, key, length) && at[length] == ':') {
            at += length + 1;
            while (at < stop && *at == ' ') at++;
            while (stop > at && (stop[-1] == '\r' || stop[-1] == ' ')) stop--;
            return pare_arena_strndup(a, at, (size_t)(stop - at));
        }
        text = stop < end ? stop + 1 : end;
    }
    return NULL;
}

static pare_status find_columns(cost_reader *r)
{
    static const char *const names[N_COLUMNS] = {"layer",  "weight_bits", "act_bits",
                                                 "cycles", "energy_pj",   "dram_bits"};
    for (int i = 0; i < N_COLUMNS; i++) {
        r->columns[i] = pare_csv_column(r->csv, names[i]);
        if (r->columns[i] < 0)
            return pare_err_set(r->e, PARE_EINPUT, r->csv->name, (pare_pos){r->csv->header_line, 1},
                                "column '%s' is missing; layer,weight_bits,act_bits,cycles,"
                                "energy_pj,dram_bits expected",
                                names[i]);
    }
    return PARE_OK;
}

/* Layers in the order of the rows (or of the network), and the largest bitlengths. */
static pare_status find_shape(cost_reader *r, pare_arena *arena)
{
    double max[2] = {1, 1}, bits;
    const pare_csv *const c = r->csv;
    pare_strs names = {.v = pare_arena_alloc(arena, c->n_rows + 1, sizeof(char *))};
    for (size_t row = 0; row < c->n_rows; row++) {
        for (int i = 0; i < 2; i++) {
            PARE_TRY(
                pare_csv_real(c, row, r->columns[C_WEIGHT + i], 1, PARE_BITS_MAX, &bits, r->e));
            if (bits > max[i]) max[i] = bits;
        }
        if (r->net) continue;
        const char *const name = pare_csv_cell(c, row, r->columns[C_LAYER]);
        size_t i = names.n;
        while (i > 0 && strcmp(names.v[i - 1], name)) i--; /* the last one is the likeliest */
        if (i > 0) continue;
        if (names.n == LAYERS_MAX)
            return pare_err_set(r->e, PARE_EINPUT, c->name,
                                pare_csv_pos(c, row, r->columns[C_LAYER]),
                                "more than %d layers; a table of one network expected", LAYERS_MAX);
        names.v[names.n++] = pare_arena_strdup(arena, name);
    }
    if (r->net) {
        names.n = 0;
        names.v = pare_arena_alloc(arena, r->net->n_mac_layers + 1, sizeof(char *));
        for (uint32_t i = 0; i < r->net->n_layers; i++)
            if (pare_layer_is_mac(&r->net->layers[i]))
                names.v[names.n++] = pare_arena_strdup(arena, r->net->layers[i].name);
    }
    r->table = new_table(arena, names.n, (uint32_t)max[0], (uint32_t)max[1]);
    if (names.n) memcpy(r->table->layers.v, names.v, names.n * sizeof *names.v);
    return PARE_OK;
}

static pare_status whole_number(const cost_reader *r, size_t row, int column, double max,
                                uint64_t *out)
{
    double x;
    PARE_TRY(pare_csv_real(r->csv, row, r->columns[column], 0, max, &x, r->e));
    *out = (uint64_t)x;
    if ((double)*out < x)
        return pare_err_set(
            r->e, PARE_EINPUT, r->csv->name, pare_csv_pos(r->csv, row, r->columns[column]),
            "%s is '%s'; a whole number expected", r->csv->columns.v[r->columns[column]],
            pare_csv_cell(r->csv, row, r->columns[column]));
    return PARE_OK;
}

static pare_status read_row(cost_reader *r, size_t row, size_t *near)
{
    static const double EXACT_MAX = 9007199254740992.0; /* 2^53: whole numbers in a double */
    pare_cost_table *const t = r->table;
    const pare_pos pos = pare_csv_pos(r->csv, row, r->columns[C_LAYER]);
    const char *const name = pare_csv_cell(r->csv, row, r->columns[C_LAYER]);
    size_t i = 0;
    if (*near < t->layers.n && !strcmp(t->layers.v[*near], name)) i = *near;
    while (i < t->layers.n && strcmp(t->layers.v[i], name)) i++;
    if (i == t->layers.n)
        return pare_err_set(r->e, PARE_EINPUT, r->csv->name, pos,
                            "'%s' is no conv2d, fc or matmul layer of network '%s'; a table of "
                            "that network expected",
                            name, r->net ? r->net->name : "");
    *near = i;
    uint64_t bits[2];
    PARE_TRY(whole_number(r, row, C_WEIGHT, PARE_BITS_MAX, &bits[0]));
    PARE_TRY(whole_number(r, row, C_ACT, PARE_BITS_MAX, &bits[1]));
    pare_cost *const c = pare_cost_at(t, i, (uint32_t)bits[0], (uint32_t)bits[1]);
    PARE_TRY(whole_number(r, row, C_CYCLES, EXACT_MAX, &c->cycles));
    PARE_TRY(whole_number(r, row, C_DRAM, EXACT_MAX, &c->dram_bits));
    PARE_TRY(pare_csv_real(r->csv, row, r->columns[C_ENERGY], 0, 1e300, &c->energy_pj, r->e));
    bool *const is_seen = &r->is_seen[c - t->costs];
    if (*is_seen)
        return pare_err_set(r->e, PARE_EINPUT, r->csv->name, pos,
                            "layer '%s' at %u and %u bits stands twice; each pair once expected",
                            name, (unsigned)bits[0], (unsigned)bits[1]);
    *is_seen = true;
    return PARE_OK;
}

static pare_status read_rows(cost_reader *r)
{
    const pare_cost_table *const t = r->table;
    size_t near = 0, at = 0;
    for (size_t row = 0; row < r->csv->n_rows; row++) PARE_TRY(read_row(r, row, &near));
    for (size_t i = 0; i < t->layers.n; i++)
        for (uint32_t w = 1; w <= t->weight_bits_max; w++)
            for (uint32_t a = 1; a <= t->act_bits_max; a++)
                if (!r->is_seen[at++])
                    return pare_err_set(r->e, PARE_EINPUT, r->csv->name, (pare_pos){0, 0},
                                        "layer '%s' lacks the cost at %u weight and %u activation "
                                        "bits; every pair from 1 to %u and %u expected",
                                        t->layers.v[i], w, a, t->weight_bits_max, t->act_bits_max);
    return PARE_OK;
}

static pare_status read_head(cost_reader *r, const char *text, size_t n)
{
    pare_cost_table *const t = r->table;
    const char *const network = head_value(text, n, "network", t->arena);
    const char *const machine = head_value(text, n, "machine", t->arena);
    const char *const outputs = head_value(text, n, "outputs", t->arena);
    const char *const batch = head_value(text, n, "batch", t->arena);
    const char *const clock = head_value(text, n, "clock_mhz", t->arena);
    if (network) t->network = network;
    if (machine) t->machine = machine;
    if (outputs) t->outputs = outputs;
    t->batch = batch ? (uint32_t)strtoul(batch, NULL, 10) : 1;
    t->clock_mhz = clock ? strtod(clock, NULL) : 0;
    t->hash = pare_hash_bytes(PARE_HASH_SEED, text, n);
    return PARE_OK;
}

static pare_status check_format(const char *name, const char *text, size_t n, pare_arena *a,
                                pare_err *e)
{
    const char *const format = head_value(text, n, "format", a);
    if (format && !strcmp(format, FORMAT)) return PARE_OK;
    if (format)
        return pare_err_set(e, PARE_EINPUT, name, (pare_pos){1, 1},
                            "the format is '%.40s'; '%s' expected, as pare-sim cost writes it",
                            format, FORMAT);
    return pare_err_set(e, PARE_EINPUT, name, (pare_pos){1, 1},
                        "no line '# format: %s'; a table written by pare-sim cost expected",
                        FORMAT);
}

pare_status pare_cost_parse(const char *name, const char *text, size_t n, const pare_net *net,
                            pare_cost_table **out, pare_err *e)
{
    pare_csv *csv = NULL;
    pare_status status;
    cost_reader r = {.net = net, .e = e};
    pare_arena *const arena = pare_arena_new();
    *out = NULL;
    PARE_TRY_DONE(check_format(name, text, n, arena, e));
    PARE_TRY_DONE(pare_csv_parse(name, text, n, &csv, e));
    r.csv = csv;
    PARE_TRY_DONE(find_columns(&r));
    PARE_TRY_DONE(find_shape(&r, arena));
    r.is_seen = pare_xalloc(
        r.table->layers.n * r.table->weight_bits_max * r.table->act_bits_max + 1, sizeof(bool));
    PARE_TRY_DONE(read_rows(&r));
    PARE_TRY_DONE(read_head(&r, text, n));
    *out = r.table;
done:
    free(r.is_seen);
    pare_csv_free(csv);
    if (status != PARE_OK) pare_arena_free(arena);
    return status;
}

pare_status pare_cost_load(const char *path, const pare_net *net, pare_cost_table **out,
                           pare_err *e)
{
    char *text;
    size_t n;
    *out = NULL;
    PARE_TRY(pare_file_read(path, FILE_MAX_BYTES, &text, &n, e));
    const pare_status status = pare_cost_parse(path, text, n, net, out, e);
    free(text);
    return status;
}
