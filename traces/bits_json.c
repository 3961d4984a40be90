/* Bitlengths in the forms that other tools write: JSON by layer, and CSV. */
#include "traces/bits_internal.h"
#include "traces/yaml_tree.h"

#include <math.h>
#include <string.h>

void pare_bits_set_real(pare_layer_bits *l, double weight_bits, double act_bits)
{
    l->weight_bits = (uint32_t)ceil(weight_bits);
    l->act_bits = (uint32_t)ceil(act_bits);
    l->weight_n = weight_bits < l->weight_bits ? weight_bits : 0;
    l->act_n = act_bits < l->act_bits ? act_bits : 0;
}

/* ---- JSON: {"layer": {"w_bits": 3.4, "a_bits": 5.1}}; JSON is YAML in flow style ---- */

typedef struct json_bits {
    double w_bits, a_bits;
} json_bits;

static const pare_key json_keys[] = {
    {.name = "w_bits",
     .type = PARE_KEY_REAL,
     .offset = offsetof(json_bits, w_bits),
     .min = 1,
     .max = PARE_BITS_MAX,
     .doc = "Bits of a weight; rounded up."},
    {.name = "a_bits",
     .type = PARE_KEY_REAL,
     .offset = offsetof(json_bits, a_bits),
     .min = 1,
     .max = PARE_BITS_MAX,
     .doc = "Bits of an input activation; rounded up."},
};

static const pare_schema json_schema = {
    .name = "bits",
    .doc = "Bitlengths of one layer.",
    .keys = json_keys,
    .n_keys = sizeof json_keys / sizeof *json_keys,
    .size = sizeof(json_bits),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

pare_status pare_bits_from_json(const pare_yaml *y, pare_bits *b, pare_err *e)
{
    const pare_node *const root = y->root;
    if (root->kind != PARE_NODE_MAP)
        return pare_err_set(e, PARE_EINPUT, y->name, root->pos,
                            "no JSON object; {\"layer\": {\"w_bits\": 3.4, \"a_bits\": 5.1}} "
                            "expected");
    b->n_layers = root->n;
    b->layers = pare_arena_alloc(b->arena, root->n, sizeof *b->layers);
    for (size_t i = 0; i < root->n; i++) {
        json_bits bits;
        PARE_TRY(pare_node_read(root->items[i], root->keys[i], &json_schema, b->arena, &bits, e));
        b->layers[i].layer = pare_arena_strdup(b->arena, root->keys[i]);
        b->layers[i].pos = root->key_pos[i];
        pare_bits_set_real(&b->layers[i], bits.w_bits, bits.a_bits);
    }
    return PARE_OK;
}

void pare_bits_write_json(const pare_bits *b, pare_buf *out)
{
    pare_buf_puts(out, "{\n");
    for (size_t i = 0; i < b->n_layers; i++) {
        const pare_layer_bits *const l = &b->layers[i];
        pare_buf_puts(out, "  ");
        pare_buf_json_string(out, l->layer);
        pare_buf_puts(out, ": {\"w_bits\": ");
        pare_buf_real(out, l->weight_n > 0 ? l->weight_n : l->weight_bits);
        pare_buf_puts(out, ", \"a_bits\": ");
        pare_buf_real(out, l->act_n > 0 ? l->act_n : l->act_bits);
        pare_buf_puts(out, i + 1 < b->n_layers ? "},\n" : "}\n");
    }
    pare_buf_puts(out, "}\n");
}

/* ---- CSV ---- */

static pare_status needed_column(const pare_csv *c, const char *name, int *out, pare_err *e)
{
    *out = pare_csv_column(c, name);
    if (*out >= 0) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, c->name, (pare_pos){c->header_line, 1},
                        "no column '%s'; layer, weight_bits and act_bits expected", name);
}

/* optional column: 0 where it is missing */
static pare_status optional_real(const pare_csv *c, size_t row, int column, double max, double *out,
                                 pare_err *e)
{
    *out = 0;
    if (column < 0) return PARE_OK;
    return pare_csv_real(c, row, column, 0, max, out, e);
}

static pare_status read_row(const pare_csv *c, size_t row, const int columns[3], pare_layer_bits *l,
                            pare_err *e)
{
    double weight_bits, act_bits, weight_n, act_n, weight_signed, act_signed;
    PARE_TRY(pare_csv_real(c, row, columns[1], 1, PARE_BITS_MAX, &weight_bits, e));
    PARE_TRY(pare_csv_real(c, row, columns[2], 1, PARE_BITS_MAX, &act_bits, e));
    PARE_TRY(optional_real(c, row, pare_csv_column(c, "weight_n"), PARE_BITS_MAX, &weight_n, e));
    PARE_TRY(optional_real(c, row, pare_csv_column(c, "act_n"), PARE_BITS_MAX, &act_n, e));
    PARE_TRY(optional_real(c, row, pare_csv_column(c, "weight_signed"), 1, &weight_signed, e));
    PARE_TRY(optional_real(c, row, pare_csv_column(c, "act_signed"), 1, &act_signed, e));
    pare_bits_set_real(l, weight_bits, act_bits);
    if (weight_n > 0) l->weight_n = weight_n;
    if (act_n > 0) l->act_n = act_n;
    l->weight_signed = weight_signed > 0;
    l->act_signed = act_signed > 0;
    l->pos = pare_csv_pos(c, row, columns[0]);
    return PARE_OK;
}

pare_status pare_bits_from_csv(const pare_csv *c, pare_bits *b, pare_err *e)
{
    static const char *const names[] = {"layer", "weight_bits", "act_bits"};
    int columns[3];
    for (int k = 0; k < 3; k++) PARE_TRY(needed_column(c, names[k], &columns[k], e));
    b->n_layers = c->n_rows;
    b->layers = pare_arena_alloc(b->arena, c->n_rows, sizeof *b->layers);
    for (size_t i = 0; i < c->n_rows; i++) {
        PARE_TRY(read_row(c, i, columns, &b->layers[i], e));
        b->layers[i].layer = pare_arena_strdup(b->arena, pare_csv_cell(c, i, columns[0]));
    }
    return PARE_OK;
}

void pare_bits_write_csv(const pare_bits *b, pare_buf *out)
{
    pare_buf_puts(out, "layer,weight_bits,act_bits,weight_n,act_n,weight_signed,act_signed\n");
    for (size_t i = 0; i < b->n_layers; i++) {
        const pare_layer_bits *const l = &b->layers[i];
        pare_buf_printf(out, "%s,%u,%u,", l->layer, l->weight_bits, l->act_bits);
        pare_buf_real(out, l->weight_n);
        pare_buf_puts(out, ",");
        pare_buf_real(out, l->act_n);
        pare_buf_printf(out, ",%d,%d\n", l->weight_signed, l->act_signed);
    }
}
