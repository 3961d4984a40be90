/* Integers between layers: a layer's sums become the next one's codes by shifts and one integer
 * multiplication; batch norm and relu are in it, maximum pooling is of codes. */
#include "sim/infer_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pare_pos NOWHERE = {0, 0};
enum { PRESCALE, SCALE, POSTSCALE, BIAS, COLUMNS };

/* ---- loading ---- */

static pare_status wrong(const char *path, pare_err *e, const char *what)
{
    return pare_err_set(e, PARE_EINPUT, path, NOWHERE, "%s", what);
}

static void path_of(const pare_infer *f, const char *folder, const char *layer, pare_buf *b)
{
    b->n = 0;
    pare_buf_printf(b, "%s/%s/", f->folder, folder);
    const size_t first = b->n;
    pare_buf_printf(b, "%s.requant.npy", layer);
    for (size_t i = first; i < b->n; i++)
        if (b->text[i] == '/') b->text[i] = '_';
}

/* The layer that alone reads another's output; 0: none or several. */
static uint32_t reader_of(const pare_net *net, uint32_t layer)
{
    uint32_t reader = 0;
    for (uint32_t i = layer + 1; i < net->n_layers; i++)
        for (uint32_t j = 0; j < net->layers[i].n_inputs; j++) {
            if (net->layers[i].inputs[j] != layer) continue;
            if (reader) return 0;
            reader = i;
        }
    return reader;
}

/* The MAC layer that reads a layer's codes, and the layers between; false if one of them cannot be
 * in integers. What an activation cuts off is in `low` and `high`. */
static bool follow(pare_infer *f, uint32_t layer, uint32_t *next, double *low, double *high)
{
    bool has_norm = false, has_act = false, has_pool = false;
    *low = -INFINITY;
    *high = INFINITY;
    for (uint32_t i = reader_of(f->net, layer); i; i = reader_of(f->net, i)) {
        *next = i;
        if (f->layers[i].is_mac) return true;
        f->layers[i].is_coded = true;
        switch (f->net->layers[i].op) {
        case PARE_OP_BATCHNORM:
            if (has_norm || has_act || has_pool) return false;
            has_norm = true;
            break;
        case PARE_OP_RELU6:
        case PARE_OP_RELU:
            if (has_pool) return false;
            has_act = true;
            *low = 0;
            if (f->net->layers[i].op == PARE_OP_RELU6) *high = 6;
            break;
        case PARE_OP_MAXPOOL: has_pool = true; break;
        case PARE_OP_FLATTEN: break;
        default: return false;
        }
    }
    return false;
}

static pare_status take_triples(const pare_tensor *t, infer_layer *l, pare_arena *arena,
                                const char *path, pare_err *e)
{
    if (t->dtype != PARE_I32 || t->n_dims != 2 || t->dims[0] != l->dims.k || t->dims[1] != COLUMNS)
        return wrong(path, e,
                     "is no i4 of one row of 4 for each output channel: prescale shift, scale, "
                     "postscale shift, bias");
    pare_requant *const out = pare_arena_alloc(arena, l->dims.k, sizeof *out);
    for (size_t k = 0; k < l->dims.k; k++) {
        const int32_t *const row = (const int32_t *)t->data + k * COLUMNS;
        out[k] = (pare_requant){.prescale_shift = (uint32_t)row[PRESCALE],
                                .postscale_shift = (uint32_t)row[POSTSCALE],
                                .scale = row[SCALE],
                                .bias = row[BIAS]};
        if (!pare_requant_is_valid(&out[k]))
            return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                                "channel %zu has shifts %d and %d and scale %d; up to 48 and 62 "
                                "and a scale below 2^23 expected",
                                k, row[PRESCALE], row[POSTSCALE], row[SCALE]);
    }
    l->requant = out;
    return PARE_OK;
}

/* The trainer's own codes of the sampled images. */
static pare_status load_sample(const pare_infer *f, infer_layer *next, pare_buf *path, pare_err *e)
{
    pare_tensor *const t = &next->requant_sample;
    path_of(f, "acts", next->l->name, path);
    PARE_TRY(pare_npy_load(path->text, t, e));
    bool is_same = t->dtype == next->sample.dtype && t->n_dims == next->sample.n_dims;
    for (uint32_t i = 0; is_same && i < t->n_dims; i++)
        is_same = t->dims[i] == next->sample.dims[i];
    return is_same ? PARE_OK
                   : wrong(path->text, e, "is not of the type and shape of the layer's codes");
}

static pare_status load_layer(pare_infer *f, uint32_t layer, pare_buf *path, pare_err *e)
{
    infer_layer *const l = &f->layers[layer];
    double low, high;
    pare_tensor t = {0};
    path_of(f, "params", l->l->name, path);
    if (access(path->text, F_OK)) return PARE_OK;
    if (!follow(f, layer, &l->next, &low, &high) || l->more || !l->weight.zero)
        return pare_err_set(e, PARE_EINPUT, path->text, NOWHERE,
                            "is of layer '%s', which has weights of several parts or without a "
                            "zero, or whose output is not read by one layer alone, past one batch "
                            "norm, relu and maximum pooling",
                            l->l->name);
    if (l->acc_bound >= (uint64_t)PARE_REQUANT_SUM_END)
        return wrong(path->text, e, "is of a layer whose sums may exceed 31 bits");
    pare_status status = pare_npy_load(path->text, &t, e);
    if (status == PARE_OK) status = take_triples(&t, l, f->arena, path->text, e);
    pare_tensor_free(&t);
    PARE_TRY(status);
    infer_layer *const next = &f->layers[l->next];
    const infer_grid *const g = &next->act;
    l->code_zero = (int32_t)rint(-(double)g->lo / (double)g->scale);
    l->code_low = (int32_t)fmax(0, l->code_zero + low);
    l->code_high = (int32_t)fmin((double)g->top, l->code_zero + rint(high / (double)g->scale));
    l->is_coded = next->reads_codes = true;
    f->n_requant++;
    return load_sample(f, next, path, e);
}

pare_status infer_load_requant(pare_infer *f, pare_err *e)
{
    pare_buf path = {0};
    pare_status status = PARE_OK;
    for (uint32_t i = 0; i < f->net->n_layers && status == PARE_OK; i++)
        if (f->layers[i].is_mac) status = load_layer(f, i, &path, e);
    pare_buf_free(&path);
    return status;
}

/* ---- running ---- */

void infer_new_codes(const pare_infer *f, infer_worker *w)
{
    const uint32_t n = f->net->n_layers;
    if (!f->n_requant) return;
    w->coded = pare_arena_alloc(w->arena, n, sizeof *w->coded);
    for (uint32_t i = 0; i < n; i++) {
        const infer_layer *const l = &f->layers[i];
        const bool is_own = l->is_mac || l->l->op == PARE_OP_MAXPOOL;
        if (l->is_coded)
            w->coded[i] = is_own ? pare_arena_alloc(w->arena, (size_t)pare_shape_count(l->l->out),
                                                    sizeof *w->coded[i])
                                 : w->coded[l->l->inputs[0]];
    }
}

void infer_requantize(const infer_layer *l, uint32_t layer, uint32_t group, size_t first, size_t n,
                      infer_worker *w)
{
    const size_t k = l->dims.k / l->dims.groups, k_stride = l->matrices[0].k_stride;
    const int64_t zero = l->weight.zero;
    uint64_t most = w->acc_max[layer];
    for (size_t i = 0; i < n; i++) {
        const uint64_t *const acc = w->acc + i * k_stride;
        const int64_t zeros = zero * (int64_t)w->row_sums[0][i];
        uint16_t *const out = w->coded[layer] + (first + i) * l->dims.k + group * k;
        for (size_t j = 0; j < k; j++) {
            most = acc[j] > most ? acc[j] : most;
            const int64_t sum = (int64_t)acc[j] - zeros;
            int64_t code = pare_requantize(sum, &l->requant[group * k + j]) + l->code_zero;
            code = code > l->code_high ? l->code_high : code;
            out[j] = (uint16_t)(code < l->code_low ? l->code_low : code);
        }
    }
    w->acc_max[layer] = most;
}

/* The largest code of each window; padding never wins. */
void infer_pool_codes(const pare_layer *l, const uint16_t *x, uint16_t *y)
{
    const size_t c = l->in.c;
    for (size_t i = 0; i < (size_t)l->out.h * l->out.w; i++, y += c) {
        memset(y, 0, c * sizeof *y);
        for (size_t tap = 0; tap < (size_t)l->kernel[0] * l->kernel[1]; tap++) {
            const size_t h = i / l->out.w * l->stride[0] + tap / l->kernel[1] - l->pad[0];
            const size_t v = i % l->out.w * l->stride[1] + tap % l->kernel[1] - l->pad[1];
            if (h >= l->in.h || v >= l->in.w) continue; /* below 0 is very large */
            const uint16_t *const in = x + (h * l->in.w + v) * c;
            for (size_t j = 0; j < c; j++) y[j] = in[j] > y[j] ? in[j] : y[j];
        }
    }
}
