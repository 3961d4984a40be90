/* Reading and checking a run folder. */
#include "sim/infer_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};

typedef struct loader {
    pare_infer *f;
    pare_csv *tensors;
    pare_buf path; /* of the file that is read */
    pare_err *e;
} loader;

static const char *path_of(loader *d, const char *name)
{
    d->path.n = 0;
    pare_buf_printf(&d->path, "%s/%s", d->f->folder, name);
    return d->path.text;
}

/* Layer names may hold slashes, their files do not. */
static const char *layer_path(loader *d, const char *folder, const char *layer, const char *suffix)
{
    pare_buf *const b = &d->path;
    b->n = 0;
    pare_buf_printf(b, "%s/%s/", d->f->folder, folder);
    const size_t first = b->n;
    pare_buf_printf(b, "%s%s.npy", layer, suffix);
    for (size_t i = first; i < b->n; i++)
        if (b->text[i] == '/') b->text[i] = '_';
    return b->text;
}

static pare_status wrong(loader *d, const char *what)
{
    return pare_err_set(d->e, PARE_EINPUT, d->path.text, NOWHERE, "%s", what);
}

/* ---- tensors ---- */

static void add_dims(pare_buf *b, uint32_t n, const size_t *dims)
{
    for (uint32_t i = 0; i < n; i++) pare_buf_printf(b, "%s%zu", i ? "x" : "", dims[i]);
}

/* `dims[0]` may be 0: any. */
static pare_status check_shape(loader *d, const pare_tensor *t, uint32_t n_dims, const size_t *dims)
{
    bool is_same = t->n_dims == n_dims;
    for (uint32_t i = 0; is_same && i < n_dims; i++)
        is_same = t->dims[i] == dims[i] || (i == 0 && !dims[0]);
    if (is_same) return PARE_OK;
    pare_buf b = {0};
    pare_buf_puts(&b, "is ");
    add_dims(&b, t->n_dims, t->dims);
    pare_buf_puts(&b, "; ");
    if (dims[0])
        add_dims(&b, n_dims, dims);
    else {
        pare_buf_puts(&b, n_dims > 1 ? "Nx" : "N");
        add_dims(&b, n_dims - 1, dims + 1);
    }
    pare_buf_puts(&b, " expected, as in network.net.yaml");
    const pare_status status = wrong(d, b.text);
    pare_buf_free(&b);
    return status;
}

/* Floats of one dimension at d->path; they live in the arena. */
static pare_status load_floats(loader *d, size_t n, float **out)
{
    pare_tensor t = {0};
    pare_status status = pare_npy_load(d->path.text, &t, d->e);
    if (status == PARE_OK && t.dtype != PARE_F32) status = wrong(d, "holds no f32; f32 expected");
    if (status == PARE_OK) status = check_shape(d, &t, 1, &n);
    if (status == PARE_OK) status = pare_tensor_check_finite(d->path.text, &t, d->e);
    if (status == PARE_OK) {
        *out = pare_arena_alloc(d->f->arena, n, sizeof **out);
        memcpy(*out, t.data, n * sizeof **out);
    }
    pare_tensor_free(&t);
    return status;
}

static uint32_t code_at(const pare_tensor *t, size_t i)
{
    return t->dtype == PARE_U8 ? ((const uint8_t *)t->data)[i] : ((const uint16_t *)t->data)[i];
}

/* Two's complement codes of a bitlength at d->path, as codes + 2^(bits - 1). */
static pare_status load_signed_codes(loader *d, uint32_t bits, uint32_t n_dims, const size_t *dims,
                                     pare_tensor *t)
{
    pare_tensor in = {0};
    pare_status status = pare_npy_load(d->path.text, &in, d->e);
    const int32_t half = 1 << (bits - 1);
    if (status == PARE_OK && in.dtype != PARE_I8 && in.dtype != PARE_I16)
        status = wrong(d, "holds no two's complement codes; i1 or i2 expected");
    if (status == PARE_OK) status = check_shape(d, &in, n_dims, dims);
    if (status == PARE_OK) status = pare_tensor_new(PARE_U16, n_dims, in.dims, t, d->e);
    for (size_t i = 0; i < in.count && status == PARE_OK; i++) {
        const int32_t code =
            in.dtype == PARE_I8 ? ((const int8_t *)in.data)[i] : ((const int16_t *)in.data)[i];
        if (code < -half || code >= half)
            status = pare_err_set(d->e, PARE_EINPUT, d->path.text, NOWHERE,
                                  "element %zu is code %d; %d to %d expected, as the layer has %u "
                                  "bits",
                                  i, code, -half, half - 1, bits);
        ((uint16_t *)t->data)[i] = (uint16_t)(code + half);
    }
    pare_tensor_free(&in);
    return status;
}

/* Unsigned codes of a bitlength at d->path. */
static pare_status load_codes(loader *d, uint32_t bits, uint32_t n_dims, const size_t *dims,
                              pare_tensor *t)
{
    PARE_TRY(pare_npy_load(d->path.text, t, d->e));
    if (t->dtype != PARE_U8 && t->dtype != PARE_U16)
        return wrong(d, "holds no unsigned codes; u1 or u2 expected");
    PARE_TRY(check_shape(d, t, n_dims, dims));
    for (size_t i = 0; i < t->count; i++)
        if (code_at(t, i) >> bits)
            return pare_err_set(d->e, PARE_EINPUT, d->path.text, NOWHERE,
                                "element %zu is code %u; at most %u expected, as the layer has %u "
                                "bits",
                                i, code_at(t, i), (1u << bits) - 1, bits);
    return PARE_OK;
}

/* ---- tensors.csv ---- */

static const char *const columns[] = {"layer", "kind",   "bits",         "signed",
                                      "scale", "offset", "inverse_scale"};
enum { LAYER, KIND, BITS, SIGNED, SCALE, OFFSET, INVERSE, N_COLUMNS };

static pare_status open_tensors(loader *d)
{
    PARE_TRY(pare_csv_load(path_of(d, "tensors.csv"), &d->tensors, d->e));
    for (int i = 0; i < N_COLUMNS; i++)
        if (pare_csv_column(d->tensors, columns[i]) < 0)
            return pare_err_set(d->e, PARE_EINPUT, d->path.text,
                                (pare_pos){d->tensors->header_line, 1},
                                "has no column '%s'; a run folder of this version of pare-train "
                                "expected",
                                columns[i]);
    return PARE_OK;
}

static pare_status csv_error(loader *d, size_t row, int column, const char *layer, const char *what)
{
    const pare_csv *const c = d->tensors;
    return pare_err_set(d->e, PARE_EINPUT, c->name,
                        pare_csv_pos(c, row, pare_csv_column(c, columns[column])), "layer '%s': %s",
                        layer, what);
}

static pare_status csv_number(loader *d, size_t row, int column, double min, double max,
                              double *out)
{
    return pare_csv_real(d->tensors, row, pare_csv_column(d->tensors, columns[column]), min, max,
                         out, d->e);
}

/* Row of a tensor, or PARE_EINPUT. */
static pare_status find_row(loader *d, const char *layer, const char *kind, size_t *row)
{
    const pare_csv *const c = d->tensors;
    const int l = pare_csv_column(c, columns[LAYER]), k = pare_csv_column(c, columns[KIND]);
    for (*row = 0; *row < c->n_rows; ++*row)
        if (!strcmp(pare_csv_cell(c, *row, l), layer) && !strcmp(pare_csv_cell(c, *row, k), kind))
            return PARE_OK;
    return pare_err_set(d->e, PARE_EINPUT, c->name, NOWHERE,
                        "has no %s of layer '%s'; a run with quantized weights and activations "
                        "expected",
                        kind, layer);
}

static pare_status load_grid(loader *d, const char *layer, const char *kind, uint32_t bits,
                             infer_grid *g)
{
    static const double FLOAT_MAX = 3.4e38;
    size_t row;
    double given_bits, is_signed, scale, lo, inv;
    PARE_TRY(find_row(d, layer, kind, &row));
    PARE_TRY(csv_number(d, row, BITS, 1, PARE_BITS_MAX, &given_bits));
    PARE_TRY(csv_number(d, row, SIGNED, 0, 1, &is_signed));
    PARE_TRY(csv_number(d, row, SCALE, 0, FLOAT_MAX, &scale));
    PARE_TRY(csv_number(d, row, OFFSET, -FLOAT_MAX, FLOAT_MAX, &lo));
    PARE_TRY(csv_number(d, row, INVERSE, 0, FLOAT_MAX, &inv));
    if (given_bits != (double)bits)
        return csv_error(d, row, BITS, layer, "bits are not those of network.bits.yaml");
    if (is_signed != 0 && !strcmp(kind, "activation"))
        return csv_error(d, row, SIGNED, layer,
                         "activation codes are signed; unsigned affine codes expected");
    const uint32_t zero = is_signed != 0 ? 1u << (bits - 1) : 0;
    *g = (infer_grid){.bits = bits,
                      .zero = zero,
                      .scale = (float)scale,
                      .lo = (float)(lo - scale * zero),
                      .inv = (float)inv,
                      .top = (float)((1u << bits) - 1u)};
    const int levels = pare_csv_column(d->tensors, "levels");
    if (levels < 0) return PARE_OK;
    double n;
    PARE_TRY(pare_csv_real(d->tensors, row, levels, 1, (double)(1u << bits), &n, d->e));
    g->top = (float)(n - 1);
    return PARE_OK;
}

/* Are a tensor's groups of output channels? Else they are of kernel positions or rows. */
static bool is_of_filters(const loader *d, size_t row)
{
    const int column = pare_csv_column(d->tensors, "groups_of");
    return column < 0 || !strcmp(pare_csv_cell(d->tensors, row, column), "filters");
}

/* The grids of the filters: the layer's own, or those of the groups that its row names a file of:
 * bits, scale, offset, inverse scale of each, in the order of the filters. */
static pare_status load_filters(loader *d, infer_layer *l, const char *kind)
{
    enum { GROUP_BITS, GROUP_SCALE, GROUP_OFFSET, GROUP_INVERSE, GROUP_COLUMNS };
    const uint32_t k = l->dims.k;
    const int column = pare_csv_column(d->tensors, "groups");
    size_t row;
    l->filters = pare_arena_alloc(d->f->arena, k, sizeof *l->filters);
    for (uint32_t i = 0; i < k; i++) l->filters[i] = l->weight;
    PARE_TRY(find_row(d, l->l->name, kind, &row));
    const char *const file = column < 0 ? "" : pare_csv_cell(d->tensors, row, column);
    if (!*file || !is_of_filters(d, row)) return PARE_OK;
    pare_tensor t = {0};
    PARE_TRY(pare_npy_load(path_of(d, file), &t, d->e));
    const bool is_right =
        t.dtype == PARE_F32 && t.n_dims == 2 && t.dims[1] == GROUP_COLUMNS && k % t.dims[0] == 0;
    pare_status status = is_right ? pare_tensor_check_finite(d->path.text, &t, d->e)
                                  : wrong(d, "is no f32 of one row of 4 for each group of filters");
    for (uint32_t i = 0; i < k && status == PARE_OK; i++) {
        const float *const g = (const float *)t.data + i / (k / t.dims[0]) * GROUP_COLUMNS;
        if (!(g[GROUP_BITS] >= 1 && g[GROUP_BITS] <= (float)l->weight.bits) ||
            g[GROUP_BITS] != rintf(g[GROUP_BITS]) || g[GROUP_SCALE] < 0 || g[GROUP_INVERSE] < 0)
            status = wrong(d, "has a group of other bits than 1 to the layer's, or a negative "
                              "scale");
        else
            l->filters[i] = (infer_grid){
                .bits = (uint32_t)g[GROUP_BITS],
                .zero = l->weight.zero,
                .scale = g[GROUP_SCALE],
                .lo = (float)((double)g[GROUP_OFFSET] - (double)g[GROUP_SCALE] * l->weight.zero),
                .inv = g[GROUP_INVERSE],
                .top = (float)((1u << (uint32_t)g[GROUP_BITS]) - 1u)};
    }
    pare_tensor_free(&t);
    return status;
}

static pare_status check_filter_codes(loader *d, const infer_layer *l)
{
    for (size_t i = 0; i < (size_t)l->dims.k * l->depth && !l->weight.zero; i++)
        if (l->codes[i] >> l->filters[i / l->depth].bits)
            return pare_err_set(d->e, PARE_EINPUT, d->path.text, NOWHERE,
                                "filter %zu has code %u; at most %u expected, as its group has %u "
                                "bits",
                                i / l->depth, l->codes[i],
                                (1u << l->filters[i / l->depth].bits) - 1,
                                l->filters[i / l->depth].bits);
    return PARE_OK;
}

/* A padded position must be a code: exactly zero, or as good as zero where the range is a point. */
static pare_status find_zero(loader *d, infer_layer *l)
{
    const infer_grid *const g = &l->act;
    l->zero_code = infer_code(g, 0.0f);
    const float product = g->scale * (float)l->zero_code, zero = product + g->lo;
    if ((!l->dims.pad[0] && !l->dims.pad[1]) || zero == 0 || g->scale == 0) return PARE_OK;
    size_t row;
    PARE_TRY(find_row(d, l->l->name, "activation", &row));
    return csv_error(d, row, OFFSET, l->l->name,
                     "zero is not a level of its activations, but it pads with zeros");
}

/* ---- layers ---- */

/* The map that a flatten before an fc layer has unrolled: files have its columns in the order
 * c, h, w; values here lie in the order h, w, c. */
static pare_shape unrolled(const pare_net *net, const pare_layer *l)
{
    uint32_t i = l->inputs[0];
    while (net->layers[i].op == PARE_OP_FLATTEN) i = net->layers[i].inputs[0];
    return l->op == PARE_OP_FC ? net->layers[i].out : l->in;
}

static void order_weights(const loader *d, infer_layer *l, const pare_tensor *t)
{
    const pare_dims *const m = &l->dims;
    const bool is_fc = l->l->op == PARE_OP_FC;
    const pare_shape s = unrolled(d->f->net, l->l);
    const size_t channels = is_fc ? s.c : m->c / m->groups, positions = l->depth / channels;
    l->codes = pare_arena_alloc(d->f->arena, t->count, sizeof *l->codes);
    l->weight_sums = pare_arena_alloc(d->f->arena, m->k, sizeof *l->weight_sums);
    for (size_t k = 0; k < m->k; k++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < positions; p++) {
                const uint32_t code = code_at(t, k * l->depth + c * positions + p);
                l->codes[k * l->depth + p * channels + c] = (uint16_t)code;
                l->weight_sums[k] += code;
            }
}

static uint32_t n_digits(uint32_t bits) { return (bits + INFER_DIGIT_BITS - 1) / INFER_DIGIT_BITS; }

/* Hand the weights to the kernel, group by group, digit by digit. */
static void pack(infer_layer *l, const infer_kernel *kernel)
{
    const size_t k = l->dims.k / l->dims.groups, n = k * l->depth;
    uint8_t *const digit = pare_xalloc(n, 1);
    l->kernel = kernel;
    l->n_weight_digits = n_digits(l->weight.bits);
    l->n_act_digits = n_digits(l->act.bits);
    l->matrices = pare_xalloc((size_t)l->dims.groups * l->n_weight_digits, sizeof *l->matrices);
    for (uint32_t g = 0; g < l->dims.groups; g++)
        for (uint32_t j = 0; j < l->n_weight_digits; j++) {
            infer_matrix *const m = &l->matrices[g * l->n_weight_digits + j];
            const uint32_t below = j * INFER_DIGIT_BITS, left = l->weight.bits - below;
            for (size_t i = 0; i < n; i++)
                digit[i] = (uint8_t)(l->codes[g * n + i] >> below & 0xff);
            *m = (infer_matrix){.k = (uint32_t)k,
                                .depth = l->depth,
                                .bits = left < INFER_DIGIT_BITS ? left : INFER_DIGIT_BITS};
            kernel->pack(digit, m);
        }
    free(digit);
}

/* sum((sw qw + lo_w) (sa qa + lo_a)) = sw sa sum(qw qa) + sa lo_w sum(qa) + base */
static void find_base(const loader *d, infer_layer *l)
{
    l->base = pare_arena_alloc(d->f->arena, l->dims.k, sizeof *l->base);
    for (size_t k = 0; k < l->dims.k; k++) {
        const double scale = (double)l->filters[k].scale, lo = (double)l->filters[k].lo;
        const double weights = scale * (double)l->weight_sums[k] + lo * l->depth;
        l->base[k] = weights * (double)l->act.lo + (l->bias ? (double)l->bias[k] : 0);
    }
}

/* Codes and grids of one weight tensor of the layer. */
static pare_status load_weights(loader *d, infer_layer *l, const pare_layer_bits *b,
                                const char *kind, const char *suffix)
{
    const pare_dims *const m = &l->dims;
    const bool is_fc = l->l->op == PARE_OP_FC;
    const size_t dims[4] = {m->k, m->c / m->groups, m->r, m->s};
    PARE_TRY(load_grid(d, l->l->name, kind, b->weight_bits, &l->weight));
    PARE_TRY(load_filters(d, l, kind));
    pare_tensor t = {0};
    layer_path(d, "weights", l->l->name, suffix);
    pare_status status = l->weight.zero
                             ? load_signed_codes(d, b->weight_bits, is_fc ? 2 : 4, dims, &t)
                             : load_codes(d, b->weight_bits, is_fc ? 2 : 4, dims, &t);
    if (status == PARE_OK) order_weights(d, l, &t);
    pare_tensor_free(&t);
    return status == PARE_OK ? check_filter_codes(d, l) : status;
}

static infer_layer *add_part(const loader *d, infer_layer *l)
{
    infer_layer *last = l;
    while (last->more) last = last->more;
    last->more = pare_arena_alloc(d->f->arena, 1, sizeof *last->more);
    *last->more = *l;
    last->more->more = NULL;
    last->more->bias = NULL;
    last->more->sample = (pare_tensor){0};
    last->more->matrices = NULL;
    return last->more;
}

/* One part for each scale of kernel positions or rows: its codes elsewhere are those of 0. */
static pare_status split_kernel(loader *d, infer_layer *l)
{
    enum { SCALE_COLUMN = 1, COLUMNS = 4 };
    size_t row;
    PARE_TRY(find_row(d, l->l->name, "weight", &row));
    const int column = pare_csv_column(d->tensors, "groups");
    const char *const file = column < 0 ? "" : pare_csv_cell(d->tensors, row, column);
    if (!*file || is_of_filters(d, row)) return PARE_OK;
    pare_tensor t = {0};
    PARE_TRY(pare_npy_load(path_of(d, file), &t, d->e));
    const uint32_t positions = l->dims.r * l->dims.s;
    pare_status status = PARE_OK;
    if (t.dtype != PARE_F32 || t.n_dims != 2 || t.dims[1] != COLUMNS || !l->weight.zero ||
        (t.dims[0] != positions && t.dims[0] != l->dims.r))
        status = wrong(d, "is no f32 of one row of 4 for each position or row of the kernel, with "
                          "two's complement codes");
    const size_t n = status == PARE_OK ? t.dims[0] : 0, taps = n ? positions / n : 1;
    const size_t total = (size_t)l->dims.k * l->depth, channels = l->depth / positions;
    const uint16_t *const all = l->codes;
    for (size_t g = 0; g < n; g++) {
        infer_layer *const part = g ? add_part(d, l) : l;
        const float scale = ((const float *)t.data)[g * COLUMNS + SCALE_COLUMN];
        part->codes = pare_arena_alloc(d->f->arena, total, sizeof *part->codes);
        part->weight_sums = pare_arena_alloc(d->f->arena, l->dims.k, sizeof *part->weight_sums);
        part->filters = pare_arena_alloc(d->f->arena, l->dims.k, sizeof *part->filters);
        for (size_t i = 0; i < total; i++) {
            const size_t position = i % l->depth / channels;
            part->codes[i] = position / taps == g ? all[i] : (uint16_t)l->weight.zero;
            part->weight_sums[i / l->depth] += part->codes[i];
        }
        for (uint32_t k = 0; k < l->dims.k; k++) {
            part->filters[k] = l->weight;
            part->filters[k].scale = scale;
            part->filters[k].lo = (float)(-(double)scale * l->weight.zero);
        }
    }
    pare_tensor_free(&t);
    return status;
}

static void finish_part(loader *d, infer_layer *l, const pare_layer_bits *b)
{
    pack(l, infer_kernel_best(b->weight_bits, b->act_bits));
    l->acc_bound = 0;
    for (size_t k = 0; k < l->dims.k; k++)
        if (l->weight_sums[k] > l->acc_bound) l->acc_bound = l->weight_sums[k];
    l->acc_bound *= (1u << b->act_bits) - 1u;
    find_base(d, l);
}

static pare_status load_mac(loader *d, infer_layer *l, const pare_layer_bits *b)
{
    const pare_layer *const p = l->l;
    const bool is_fc = p->op == PARE_OP_FC;
    l->is_mac = true;
    l->dims = pare_layer_dims(p, 1);
    const pare_dims *const m = &l->dims;
    l->depth = m->c / m->groups * m->r * m->s;
    PARE_TRY(load_grid(d, p->name, "weight", b->weight_bits, &l->weight));
    PARE_TRY(load_grid(d, p->name, "activation", b->act_bits, &l->act));
    PARE_TRY(find_zero(d, l));
    PARE_TRY(load_weights(d, l, b, "weight", ""));
    if (p->has_bias) {
        layer_path(d, "params", p->name, ".bias");
        PARE_TRY(load_floats(d, m->k, &l->bias));
    }
    if (b->weight_tensors > 1) PARE_TRY(load_weights(d, add_part(d, l), b, "weight2", ".second"));
    PARE_TRY(split_kernel(d, l));
    for (infer_layer *part = l; part; part = part->more) finish_part(d, part, b);
    const pare_shape s = unrolled(d->f->net, p);
    const size_t map[4] = {d->f->n_samples, s.c, s.h, s.w};
    const size_t row[2] = {d->f->n_samples, (size_t)pare_shape_count(s)};
    layer_path(d, "acts", p->name, "");
    return load_codes(d, b->act_bits, is_fc ? 2 : 4, is_fc ? row : map, &l->sample);
}

static pare_status refuse(loader *d, const pare_layer *l, const char *what)
{
    return pare_err_set(d->e, PARE_EINPUT, d->f->net->file, l->pos, "layer '%s' %s", l->name, what);
}

static pare_status load_layer(loader *d, infer_layer *l, const pare_layer_bits *b)
{
    const pare_layer *const p = l->l;
    switch (p->op) {
    case PARE_OP_FC:
        if ((uint64_t)p->in.h * p->in.w > 1)
            return refuse(d, p, "is an fc layer over positions; a flatten before it expected");
        return load_mac(d, l, b);
    case PARE_OP_CONV2D: return load_mac(d, l, b);
    case PARE_OP_BATCHNORM:
        layer_path(d, "params", p->name, ".scale");
        PARE_TRY(load_floats(d, p->in.c, &l->scale));
        layer_path(d, "params", p->name, ".offset");
        return load_floats(d, p->in.c, &l->offset);
    case PARE_OP_MAXPOOL:
    case PARE_OP_AVGPOOL:
        if (p->dilation[0] > 1 || p->dilation[1] > 1)
            return refuse(d, p, "is a dilated pooling; one without dilation expected");
        return PARE_OK;
    case PARE_OP_INPUT:
    case PARE_OP_RELU:
    case PARE_OP_RELU6:
    case PARE_OP_GLOBAL_AVGPOOL:
    case PARE_OP_ADD:
    case PARE_OP_CONCAT:
    case PARE_OP_FLATTEN: return PARE_OK;
    default:
        return pare_err_set(d->e, PARE_EINPUT, d->f->net->file, p->pos,
                            "layer '%s' is of type %s, which pare-sim infer does not run; conv2d, "
                            "fc, batchnorm, relu, relu6, add, concat, pooling or flatten expected",
                            p->name, pare_op_name(p->op));
    }
}

/* ---- the folder ---- */

static pare_status load_evaluation(loader *d)
{
    pare_infer *const f = d->f;
    const pare_layer *const last = &f->net->layers[f->net->n_layers - 1];
    const size_t any[1] = {0}, logits[2] = {0, (size_t)pare_shape_count(last->out)};
    PARE_TRY(pare_npy_load(path_of(d, "acts/labels.npy"), &f->labels, d->e));
    if (f->labels.dtype != PARE_U8 && f->labels.dtype != PARE_U16)
        return wrong(d, "holds no labels; u1 or u2 expected");
    PARE_TRY(check_shape(d, &f->labels, 1, any));
    f->n_samples = f->labels.count;
    PARE_TRY(pare_npy_load(path_of(d, "acts/logits.npy"), &f->logits, d->e));
    if (f->logits.dtype != PARE_F32) return wrong(d, "holds no f32; f32 expected");
    const size_t dims[2] = {f->n_samples, logits[1]};
    PARE_TRY(check_shape(d, &f->logits, 2, dims));
    PARE_TRY(pare_tensor_check_finite(d->path.text, &f->logits, d->e));
    PARE_TRY(pare_npy_load(path_of(d, "predictions.npy"), &f->predictions, d->e));
    if (f->predictions.dtype != PARE_U8) return wrong(d, "holds no classes; u1 expected");
    return check_shape(d, &f->predictions, 1, any);
}

static pare_status load_all(loader *d)
{
    pare_infer *const f = d->f;
    PARE_TRY(pare_net_load(path_of(d, "network.net.yaml"), &f->net, d->e));
    f->layers = pare_arena_alloc(f->arena, f->net->n_layers, sizeof *f->layers);
    for (uint32_t i = 0; i < f->net->n_layers; i++) f->layers[i].l = &f->net->layers[i];
    PARE_TRY(pare_bits_load(path_of(d, "network.bits.yaml"), f->net, &f->bits, d->e));
    PARE_TRY(open_tensors(d));
    const size_t channels = f->net->layers[0].out.c;
    layer_path(d, "params", f->net->layers[0].name, ".mean");
    PARE_TRY(load_floats(d, channels, &f->mean));
    layer_path(d, "params", f->net->layers[0].name, ".inv_std");
    PARE_TRY(load_floats(d, channels, &f->inv_std));
    PARE_TRY(load_evaluation(d));
    const pare_layer_bits *b = f->bits->layers;
    for (uint32_t i = 0; i < f->net->n_layers; i++) {
        PARE_TRY(load_layer(d, &f->layers[i], b));
        if (!f->layers[i].is_mac) continue;
        f->layers[i].mac = (uint32_t)(b++ - f->bits->layers);
    }
    return infer_load_requant(f, d->e);
}

pare_status pare_infer_load(const char *run_folder, pare_infer **out, pare_err *e)
{
    pare_arena *const arena = pare_arena_new();
    pare_infer *const f = pare_arena_alloc(arena, 1, sizeof *f);
    f->arena = arena;
    f->folder = pare_arena_strdup(arena, run_folder);
    loader d = {.f = f, .e = e};
    const pare_status status = load_all(&d);
    pare_csv_free(d.tensors);
    pare_buf_free(&d.path);
    *out = f;
    if (status == PARE_OK) return PARE_OK;
    pare_infer_free(f);
    *out = NULL;
    return status;
}

void infer_use_kernel(pare_infer *f, const infer_kernel *kernel)
{
    for (uint32_t i = 0; i < f->net->n_layers; i++) {
        infer_layer *const l = &f->layers[i];
        if (!l->is_mac) continue;
        infer_free_matrices(l);
        for (infer_layer *part = l; part; part = part->more) pack(part, kernel);
    }
}

void infer_free_matrices(infer_layer *l)
{
    for (; l; l = l->more) {
        for (size_t i = 0; l->matrices && i < (size_t)l->dims.groups * l->n_weight_digits; i++)
            free(l->matrices[i].data);
        free(l->matrices);
        l->matrices = NULL;
    }
}

void pare_infer_free(pare_infer *f)
{
    if (!f) return;
    for (uint32_t i = 0; f->net && f->layers && i < f->net->n_layers; i++) {
        infer_free_matrices(&f->layers[i]);
        pare_tensor_free(&f->layers[i].sample);
        pare_tensor_free(&f->layers[i].requant_sample);
    }
    pare_tensor_free(&f->labels);
    pare_tensor_free(&f->logits);
    pare_tensor_free(&f->predictions);
    pare_bits_free(f->bits);
    pare_net_free(f->net);
    pare_arena_free(f->arena);
}

const pare_net *pare_infer_net(const pare_infer *f) { return f->net; }

const pare_bits *pare_infer_bits(const pare_infer *f) { return f->bits; }
