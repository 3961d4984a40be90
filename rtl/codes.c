/* The operands of a trained layer. */
#include "rtl/codes.h"

#include <string.h>

static const pare_pos NOWHERE = {0, 0};

/* ---- shapes ---- */

/* A layer as a convolution; an fc layer has one window. */
typedef struct shape {
    size_t k, group_c, r, s, n, c, h, w;
} shape;

static size_t dim(const pare_tensor *t, uint32_t i) { return i < t->n_dims ? t->dims[i] : 1; }

static shape shape_of(const pare_codes *c)
{
    const pare_tensor *const w = &c->weights, *const a = &c->acts;
    if (w->n_dims == 4)
        return (shape){dim(w, 0), dim(w, 1), dim(w, 2), dim(w, 3),
                       dim(a, 0), dim(a, 1), dim(a, 2), dim(a, 3)};
    const size_t depth = w->count / dim(w, 0), n = dim(a, 0);
    return (shape){dim(w, 0), depth, 1, 1, n, a->count / n, 1, 1};
}

static pare_status check_shape(const char *place, const pare_codes *c, pare_err *e)
{
    const shape s = shape_of(c);
    const bool is_right = s.group_c > 0 && s.c % s.group_c == 0 && s.k % (s.c / s.group_c) == 0 &&
                          s.r <= s.h && s.s <= s.w && c->acts.count == s.n * s.c * s.h * s.w &&
                          c->weights.count == s.k * s.group_c * s.r * s.s;
    if (is_right) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, place, NOWHERE,
                        "the filters of layer '%s' (%zux%zux%zux%zu) do not fit its inputs "
                        "(%zux%zux%zux%zu); a convolution or a fully connected layer expected",
                        c->layer, s.k, s.group_c, s.r, s.s, s.n, s.c, s.h, s.w);
}

static int64_t element(const pare_tensor *t, size_t i)
{
    switch (t->dtype) {
    case PARE_I8: return ((const int8_t *)t->data)[i];
    case PARE_U8: return ((const uint8_t *)t->data)[i];
    case PARE_I16: return ((const int16_t *)t->data)[i];
    case PARE_U16: return ((const uint16_t *)t->data)[i];
    case PARE_I32: return ((const int32_t *)t->data)[i];
    case PARE_F32: break;
    }
    return INT64_MAX; /* no code */
}

static pare_status check_codes(const char *path, const pare_tensor *t, uint32_t bits,
                               bool is_signed, pare_err *e)
{
    const int64_t lo = is_signed ? -((int64_t)1 << (bits - 1)) : 0;
    const int64_t hi = lo + ((int64_t)1 << bits) - 1;
    for (size_t i = 0; i < t->count; i++)
        if (element(t, i) < lo || element(t, i) > hi)
            return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                                "the value at index %zu is no code of %u bits; %lld to %lld "
                                "expected",
                                i, bits, (long long)lo, (long long)hi);
    return PARE_OK;
}

/* ---- files ---- */

static pare_status load_tensor(const pare_csv *csv, size_t row, const char *folder, pare_tensor *t,
                               uint32_t *bits, bool *is_signed, pare_err *e)
{
    double number;
    PARE_TRY(pare_csv_real(csv, row, pare_csv_column(csv, "bits"), 1, PARE_BITS_MAX, &number, e));
    *bits = (uint32_t)number;
    PARE_TRY(pare_csv_real(csv, row, pare_csv_column(csv, "signed"), 0, 1, &number, e));
    *is_signed = number > 0;
    pare_buf path = {0};
    pare_buf_printf(&path, "%s/%s", folder, pare_csv_cell(csv, row, pare_csv_column(csv, "file")));
    pare_status status = pare_npy_load(path.text, t, e);
    if (status == PARE_OK) status = check_codes(path.text, t, *bits, *is_signed, e);
    pare_buf_free(&path);
    return status;
}

static size_t find_row(const pare_csv *csv, const char *layer, const char *kind)
{
    const int layers = pare_csv_column(csv, "layer"), kinds = pare_csv_column(csv, "kind");
    size_t row = 0;
    while (row < csv->n_rows && (strcmp(pare_csv_cell(csv, row, layers), layer) ||
                                 strcmp(pare_csv_cell(csv, row, kinds), kind)))
        row++;
    return row;
}

static pare_status load_layers(const pare_csv *csv, const char *folder, pare_codes_run *out,
                               pare_err *e)
{
    static const char *const columns[] = {"layer", "kind", "bits", "signed", "file"};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (pare_csv_column(csv, columns[i]) < 0)
            return pare_err_set(e, PARE_EINPUT, csv->name, (pare_pos){csv->header_line, 1},
                                "no column '%s'; layer, kind, bits, signed and file expected",
                                columns[i]);
    out->layers = pare_arena_alloc(out->arena, csv->n_rows + 1, sizeof *out->layers);
    for (size_t row = 0; row < csv->n_rows; row++) {
        const char *const layer = pare_csv_cell(csv, row, pare_csv_column(csv, "layer"));
        const size_t acts = find_row(csv, layer, "activation");
        if (row != find_row(csv, layer, "weight") || acts == csv->n_rows) continue;
        pare_codes *const c = &out->layers[out->n_layers++];
        *c = (pare_codes){.layer = pare_arena_strdup(out->arena, layer)};
        PARE_TRY(load_tensor(csv, row, folder, &c->weights, &c->weight_bits, &c->weight_signed, e));
        PARE_TRY(load_tensor(csv, acts, folder, &c->acts, &c->act_bits, &c->act_signed, e));
        PARE_TRY(check_shape(csv->name, c, e));
    }
    if (out->n_layers) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, csv->name, NOWHERE,
                        "no layer has weights and activations; the folder of a run of pare-train "
                        "expected");
}

pare_status pare_codes_load(const char *folder, pare_codes_run *out, pare_err *e)
{
    *out = (pare_codes_run){.arena = pare_arena_new()};
    pare_buf path = {0};
    pare_buf_printf(&path, "%s/tensors.csv", folder);
    pare_csv *csv = NULL;
    pare_status status = pare_csv_load(path.text, &csv, e);
    if (status == PARE_OK) status = load_layers(csv, folder, out, e);
    pare_csv_free(csv);
    pare_buf_free(&path);
    if (status != PARE_OK) pare_codes_free(out);
    return status;
}

void pare_codes_free(pare_codes_run *r)
{
    for (size_t i = 0; i < r->n_layers; i++) {
        pare_tensor_free(&r->layers[i].acts);
        pare_tensor_free(&r->layers[i].weights);
    }
    pare_arena_free(r->arena);
    memset(r, 0, sizeof *r);
}

/* ---- a dot product ---- */

uint32_t pare_codes_take(const pare_codes *c, pare_rng *r, uint32_t lanes, uint32_t max_steps,
                         int32_t *act, int32_t *weight, uint64_t *n_products)
{
    const shape s = shape_of(c);
    const size_t depth = s.group_c * s.r * s.s, all = (depth + lanes - 1) / lanes;
    const uint32_t n_steps = all < max_steps ? (uint32_t)all : max_steps;
    const size_t first = pare_rng_below(r, (uint32_t)(all - n_steps) + 1) * (size_t)lanes;
    const size_t k = pare_rng_below(r, (uint32_t)s.k), n = pare_rng_below(r, (uint32_t)s.n);
    const size_t y = pare_rng_below(r, (uint32_t)(s.h - s.r) + 1);
    const size_t x = pare_rng_below(r, (uint32_t)(s.w - s.s) + 1);
    const size_t group = k / (s.k / (s.c / s.group_c));
    *n_products = 0;
    for (size_t i = 0; i < (size_t)n_steps * lanes; i++) {
        act[i] = weight[i] = 0;
        if (first + i >= depth) continue;
        const size_t ch = (first + i) % s.group_c, at = (first + i) / s.group_c;
        const size_t dy = at / s.s, dx = at % s.s;
        const size_t channel = group * s.group_c + ch;
        act[i] = (int32_t)element(&c->acts, ((n * s.c + channel) * s.h + y + dy) * s.w + x + dx);
        weight[i] = (int32_t)element(&c->weights, ((k * s.group_c + ch) * s.r + dy) * s.s + dx);
        ++*n_products;
    }
    return n_steps;
}
