/* export.c: what a finished run leaves for the simulator and the reader. */
#include "model/export.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};
enum { BITS_OF_U8 = 8 };

/* A path for a layer's file: layer names may hold slashes. */
const char *pare_export_path(const char *folder, const char *layer, const char *suffix,
                             pare_buf *name)
{
    name->n = 0;
    pare_buf_printf(name, "%s/", folder);
    const size_t first = name->n;
    pare_buf_printf(name, "%s%s.npy", layer, suffix);
    for (size_t i = first; i < name->n; i++)
        if (name->text[i] == '/') name->text[i] = '_';
    return name->text;
}

static pare_status save(const exporter *x, const char *name, pare_tensor *t, pare_err *e)
{
    pare_buf path = {0};
    const pare_status status = pare_npy_save(pare_run_path(x->r, name, &path), t, e);
    pare_buf_free(&path);
    return status;
}

/* Write codes as the smallest type that holds them: unsigned, or two's complement. */
static pare_status save_codes(const exporter *x, const char *name, const int32_t *codes,
                              bool is_signed, uint32_t bits, uint32_t n_dims, const size_t *dims,
                              pare_err *e)
{
    pare_tensor t = {0};
    const bool is_small = bits <= BITS_OF_U8;
    const pare_dtype small = is_signed ? PARE_I8 : PARE_U8, large = is_signed ? PARE_I16 : PARE_U16;
    pare_status status = pare_tensor_new(is_small ? small : large, n_dims, dims, &t, e);
    for (size_t i = 0; i < t.count; i++) {
        if (is_small)
            ((uint8_t *)t.data)[i] = (uint8_t)codes[i];
        else
            ((uint16_t *)t.data)[i] = (uint16_t)codes[i];
    }
    if (status == PARE_OK) status = save(x, name, &t, e);
    pare_tensor_free(&t);
    return status;
}

static pare_status save_floats(const exporter *x, const char *name, const float *v, uint32_t n_dims,
                               const size_t *dims, pare_err *e)
{
    pare_tensor t = {0};
    pare_status status = pare_tensor_new(PARE_F32, n_dims, dims, &t, e);
    if (status == PARE_OK) {
        memcpy(t.data, v, t.count * sizeof *v);
        status = save(x, name, &t, e);
    }
    pare_tensor_free(&t);
    return status;
}

/* One tensor of tensors.csv. */
typedef struct tensor_row {
    const char *kind, *file, *groups, *groups_of;
    uint32_t bits, levels;
    bool is_signed;
    float scale, offset, inverse;
} tensor_row;

static void add_row(exporter *x, const pare_node *n, const tensor_row *r)
{
    pare_buf *b = &x->tensors;
    pare_buf_printf(b, "%s,%s,%u,%d,", n->l->name, r->kind, r->bits, r->is_signed);
    pare_buf_real(b, (double)r->scale);
    pare_buf_puts(b, ",");
    pare_buf_real(b, (double)r->offset);
    pare_buf_printf(b, ",%s,", r->file);
    pare_buf_real(b, (double)r->inverse);
    pare_buf_printf(b, ",%s,%s,%u\n", r->groups, r->groups_of, r->levels);
}

static pare_status to_codes(const pare_node *n, const char *what, const pare_grid *g,
                            const float *xq, size_t count, int32_t *codes, pare_err *e)
{
    if (pare_grid_codes(g, xq, count, codes)) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, NULL, NOWHERE,
                        "layer %s: %s is not scale * code + offset; this is a bug in pare-train",
                        n->l->name, what);
}

/* ---- weights ----------------------------------------------------------------------------------
 */

/* The shape of the map that a flatten before an fc layer has unrolled; c x 1 x 1 without. */
static pare_shape unrolled(const exporter *x, const pare_node *n)
{
    const pare_net *net = x->r->net;
    uint32_t i = n->l->inputs[0];
    while (net->layers[i].op == PARE_OP_FLATTEN) i = net->layers[i].inputs[0];
    return net->layers[i].out;
}

/* Inside, a flattened map is in the order h, w, c; files have c, h, w. */
static size_t file_index(pare_shape s, size_t i)
{
    const size_t c = i % s.c, hw = i / s.c;
    return c * ((size_t)s.h * s.w) + hw;
}

static void reorder_columns(const exporter *x, const pare_node *n, const int32_t *in, int32_t *out)
{
    const pare_shape s = unrolled(x, n);
    const size_t c = (size_t)pare_shape_count(s);
    for (size_t k = 0; k < n->w.n / c; k++)
        for (size_t i = 0; i < c; i++) out[k * c + file_index(s, i)] = in[k * c + i];
}

/* Bits, scale, offset and inverse scale of each group. */
static pare_status export_groups(const exporter *x, const pare_node *n, const pare_quant *q,
                                 const char *suffix, bool is_signed, pare_buf *name, pare_err *e)
{
    enum { COLUMNS = 4 };
    if (n->n_qw < 2) return PARE_OK;
    const size_t dims[2] = {n->n_qw, COLUMNS};
    float *rows = pare_xalloc(n->n_qw, COLUMNS * sizeof *rows);
    for (uint32_t i = 0; i < n->n_qw; i++) {
        const pare_grid *g = &q[i].blend.grid[0];
        const float row[COLUMNS] = {(float)pare_quant_code_bits(&q[i]), g->scale,
                                    is_signed ? 0 : g->lo, g->inv};
        memcpy(rows + (size_t)i * COLUMNS, row, sizeof row);
    }
    pare_export_path("weights", n->l->name, suffix, name);
    const pare_status status = save_floats(x, name->text, rows, 2, dims, e);
    free(rows);
    return status;
}

pare_status pare_export_weight_codes(const pare_node *n, const pare_quant *q, float *wq,
                                     bool is_signed, int32_t *codes, pare_err *e)
{
    const size_t size = pare_group_size(n);
    float *memory = pare_xalloc(size, sizeof *memory), *back = pare_xalloc(n->w.n, sizeof *back);
    int32_t *group = pare_xalloc(size, sizeof *group);
    pare_status status = PARE_OK;
    for (uint32_t i = 0; i < n->n_qw && status == PARE_OK; i++) {
        uint32_t zero = 0;
        const float *x = pare_group_take(n, i, wq, memory);
        status = to_codes(n, "a weight", &q[i].blend.grid[0], x, size, group, e);
        if (is_signed) pare_grid_zero(&q[i].blend.grid[0], &zero);
        for (size_t j = 0; j < size; j++) memory[j] = (float)(group[j] - (int32_t)zero);
        pare_group_set(n, i, memory, back);
    }
    for (size_t j = 0; j < n->w.n; j++) codes[j] = (int32_t)back[j];
    free(memory);
    free(back);
    free(group);
    return status;
}

static bool has_zeros(const pare_node *n, const pare_quant *q)
{
    uint32_t zero;
    for (uint32_t i = 0; i < n->n_qw; i++)
        if (q[i].row->range == PARE_RANGE_MINMAX || !pare_grid_zero(&q[i].blend.grid[0], &zero) ||
            !zero)
            return false;
    return true;
}

static pare_status export_tensor(exporter *x, pare_node *n, pare_quant *q, float *wq,
                                 const char *kind, const char *suffix, pare_err *e)
{
    static const char *const groups_of[] = {"", "filters", "rows", "positions"};
    const pare_dims d = pare_layer_dims(n->l, 1);
    const size_t dims[4] = {d.k, d.c / d.groups, d.r, d.s};
    const uint32_t n_dims = n->l->op == PARE_OP_FC ? 2 : 4, widest = pare_node_widest(n);
    const pare_grid *g = &q[widest].blend.grid[0];
    const bool is_signed = has_zeros(n, q);
    n->is_w_signed = is_signed;
    const uint32_t bits = pare_quant_code_bits(&q[widest]);
    const int of = n->n_qw < 2 ? 0 : n->w_inner * n->n_qw == n->w.n ? 1 : n->w_inner > 1 ? 2 : 3;
    int32_t *codes = pare_xalloc(2 * n->w.n, sizeof *codes), *ordered = codes;
    pare_status status = pare_export_weight_codes(n, q, wq, is_signed, codes, e);
    if (n->l->op == PARE_OP_FC) reorder_columns(x, n, codes, ordered = codes + n->w.n);
    pare_buf name = {0}, groups = {0}, group_suffix = {0};
    pare_buf_puts(&groups, "");
    pare_buf_printf(&group_suffix, "%s.groups", suffix);
    pare_export_path("weights", n->l->name, suffix, &name);
    if (status == PARE_OK)
        status = save_codes(x, name.text, ordered, is_signed, bits, n_dims, dims, e);
    if (status == PARE_OK)
        status = export_groups(x, n, q, group_suffix.text, is_signed, &groups, e);
    const tensor_row row = {
        kind,      name.text, groups.text,           groups_of[of], bits, (uint32_t)g->top + 1,
        is_signed, g->scale,  is_signed ? 0 : g->lo, g->inv};
    if (status == PARE_OK) add_row(x, n, &row);
    pare_buf_free(&name);
    pare_buf_free(&groups);
    pare_buf_free(&group_suffix);
    free(codes);
    return status;
}

/* The weights, and where they are the sum of two tensors the second. */
static pare_status export_weights(exporter *x, pare_node *n, pare_err *e)
{
    if (!n->qw_second) return export_tensor(x, n, n->qw, n->wq, "weight", "", e);
    float *wq = pare_xalloc(2 * n->w.n, sizeof *wq), *second = wq + n->w.n;
    const pare_kernels *k = x->r->graph->kernels;
    const size_t size = pare_group_size(n);
    for (uint32_t i = 0; i < n->n_qw; i++) {
        const size_t at = i * n->w_inner;
        pare_group_quantize(&n->qw[i], k, n->w.x + at, size, false, wq + at);
        for (size_t j = 0; j < size; j++) second[at + j] = n->w.x[at + j] - wq[at + j];
        pare_group_quantize(&n->qw_second[i], k, second + at, size, false, second + at);
    }
    pare_status status = export_tensor(x, n, n->qw, wq, "weight", "", e);
    if (status == PARE_OK)
        status = export_tensor(x, n, n->qw_second, second, "weight2", ".second", e);
    free(wq);
    return status;
}

/* ---- activations ------------------------------------------------------------------------------
 */

/* The quantized inputs of a MAC node for the images of the last evaluation pass. */
static void quantized_input(const pare_graph *g, const pare_node *n, size_t images, float *xq)
{
    const pare_value *v = &g->values[n->x];
    const pare_affine *f = &pare_affine_identity;
    const float *in = v->data;
    if (v->is_virtual) {
        f = &g->nodes[v->producer].affine;
        in = g->values[g->nodes[v->producer].x].data;
    }
    g->kernels->quantize(in, images * (v->count / v->channels), v->channels, f, &n->qa.blend, xq,
                         false);
}

pare_status pare_export_input_codes(const pare_run *r, const pare_node *n, size_t n_images,
                                    int32_t *codes, pare_err *e)
{
    const size_t total = r->graph->values[n->x].count * n_images;
    float *xq = pare_xalloc(total, sizeof *xq);
    quantized_input(r->graph, n, n_images, xq);
    const pare_status status =
        to_codes(n, "an activation", &n->qa.blend.grid[0], xq, total, codes, e);
    free(xq);
    return status;
}

pare_status pare_export_save_input(const exporter *x, const pare_node *n, const char *name,
                                   const int32_t *codes, pare_err *e)
{
    const size_t count = x->r->graph->values[n->x].count, total = count * x->n_images;
    const bool is_fc = n->l->op == PARE_OP_FC;
    const pare_shape s = is_fc ? unrolled(x, n) : n->l->in;
    int32_t *ordered = pare_xalloc(total, sizeof *ordered);
    for (size_t i = 0; i < total; i++)
        ordered[i / count * count + file_index(s, i % count)] = codes[i];
    const size_t map[4] = {x->n_images, s.c, s.h, s.w}, row[2] = {x->n_images, count};
    const pare_status status =
        save_codes(x, name, ordered, false, (uint32_t)n->qa.n, is_fc ? 2 : 4, is_fc ? row : map, e);
    free(ordered);
    return status;
}

static pare_status export_acts(exporter *x, pare_node *n, pare_err *e)
{
    const pare_grid *g = &n->qa.blend.grid[0];
    const size_t total = x->r->graph->values[n->x].count * x->n_images;
    int32_t *codes = pare_xalloc(total, sizeof *codes);
    pare_buf name = {0};
    pare_export_path("acts", n->l->name, "", &name);
    pare_status status = pare_export_input_codes(x->r, n, x->n_images, codes, e);
    if (status == PARE_OK) status = pare_export_save_input(x, n, name.text, codes, e);
    const tensor_row line = {"activation",         name.text, "",       "",    (uint32_t)n->qa.n,
                             (uint32_t)g->top + 1, false,     g->scale, g->lo, g->inv};
    if (status == PARE_OK) add_row(x, n, &line);
    pare_buf_free(&name);
    free(codes);
    return status;
}

/* The classes of all test images as this evaluation sees them: what a bit-true run is held
 * against. */
static pare_status export_predictions(exporter *x, pare_err *e)
{
    pare_run *r = x->r;
    pare_tensor t = {0};
    PARE_TRY(pare_run_predict(r, e));
    PARE_TRY(pare_tensor_new(PARE_U8, 1, &r->data->test.n, &t, e));
    memcpy(t.data, r->predictions, t.count);
    const pare_status status = save(x, "predictions.npy", &t, e);
    pare_tensor_free(&t);
    return status;
}

size_t pare_export_n_images(const pare_run *r)
{
    size_t n = r->config->sample_images;
    if (n > r->data->test.n) n = r->data->test.n;
    return n > r->graph->batch ? r->graph->batch : n;
}

static pare_status run_samples(exporter *x, pare_err *e)
{
    pare_run *r = x->r;
    x->n_images = pare_export_n_images(r);
    const pare_batch b = {.data = r->data, .images = &r->data->test};
    pare_job job = {.g = r->graph, .batch = &b, .n_images = x->n_images};
    PARE_TRY(pare_graph_set_weights(r->graph, false, e));
    PARE_TRY(export_predictions(x, e));
    PARE_TRY(pare_graph_forward(&job, e));
    size_t dims[1] = {x->n_images};
    pare_tensor t = {0};
    pare_status status = pare_tensor_new(PARE_U16, 1, dims, &t, e);
    if (status == PARE_OK) {
        memcpy(t.data, r->data->test.labels, x->n_images * sizeof(uint16_t));
        status = save(x, "acts/labels.npy", &t, e);
    }
    pare_tensor_free(&t);
    PARE_TRY(status);
    const size_t logits[2] = {x->n_images, r->graph->n_classes};
    return save_floats(x, "acts/logits.npy", r->graph->values[r->graph->out].data, 2, logits, e);
}

/* ---- parameters -------------------------------------------------------------------------------
 */

static pare_status export_param(const exporter *x, uint32_t layer, const char *what, const float *v,
                                size_t n, pare_err *e)
{
    pare_buf name = {0};
    const pare_status status = save_floats(
        x, pare_export_path("params", x->r->net->layers[layer].name, what, &name), v, 1, &n, e);
    pare_buf_free(&name);
    return status;
}

/* What an image's bytes are normalised with: x = (byte - mean) * inv_std, per channel. */
static pare_status export_input(const exporter *x, pare_err *e)
{
    const pare_dataset *d = x->r->data;
    PARE_TRY(export_param(x, 0, ".mean", d->mean, d->shape.c, e));
    return export_param(x, 0, ".inv_std", d->inv_std, d->shape.c, e);
}

static pare_status export_params(const exporter *x, pare_node *n, pare_err *e)
{
    if (n->bias.n) PARE_TRY(export_param(x, n->layer, ".bias", n->bias.x, n->bias.n, e));
    if (n->kind != PARE_NODE_EW || n->bn_layer == PARE_NONE) return PARE_OK;
    pare_node_fold_running(n);
    PARE_TRY(export_param(x, n->bn_layer, ".scale", n->scale, n->gamma.n, e));
    return export_param(x, n->bn_layer, ".offset", n->offset, n->gamma.n, e);
}

static pare_status export_fp32(const exporter *x, const pare_node *n, pare_err *e)
{
    const pare_dims d = pare_layer_dims(n->l, 1);
    const size_t dims[4] = {d.k, d.c / d.groups, d.r, d.s};
    float *w = pare_xalloc(n->w.n, sizeof *w);
    const bool is_fc = n->l->op == PARE_OP_FC;
    const pare_shape s = is_fc ? unrolled(x, n) : (pare_shape){1, 1, 1};
    const size_t c = (size_t)pare_shape_count(s);
    for (size_t i = 0; i < n->w.n; i++) w[i / c * c + file_index(s, i % c)] = n->w.x[i];
    pare_buf name = {0};
    const pare_status status = save_floats(x, pare_export_path("weights", n->l->name, "", &name), w,
                                           is_fc ? 2 : 4, dims, e);
    pare_buf_free(&name);
    free(w);
    return status;
}

pare_status pare_export_tensors(exporter *x, pare_err *e)
{
    static const char *const folders[] = {"weights", "acts", "params"};
    pare_graph *g = x->r->graph;
    pare_buf path = {0};
    pare_status status = PARE_OK;
    for (int i = 0; i < 3 && status == PARE_OK; i++)
        status = pare_dir_make(pare_run_path(x->r, folders[i], &path), e);
    pare_buf_free(&path);
    if (status == PARE_OK) status = run_samples(x, e);
    if (status == PARE_OK) status = export_input(x, e);
    pare_buf_puts(
        &x->tensors,
        "layer,kind,bits,signed,scale,offset,file,inverse_scale,groups,groups_of,levels\n");
    for (uint32_t i = 0; i < g->n_nodes && status == PARE_OK; i++) {
        pare_node *n = &g->nodes[i];
        status = export_params(x, n, e);
        if (status != PARE_OK || n->kind != PARE_NODE_MAC) continue;
        if (g->method->rows.w.grid == PARE_GRID_REAL) {
            status = export_fp32(x, n, e);
        } else {
            status = export_weights(x, n, e);
            if (status == PARE_OK) status = export_acts(x, n, e);
        }
    }
    return status;
}
