/* One image through all layers. Everything but the sums of the MAC layers is float, operation by
 * operation as in the trainer's evaluation, so that equal sums give equal predictions. */
#include "sim/infer_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static size_t count_of(const pare_layer *l) { return (size_t)pare_shape_count(l->out); }

static void new_mac_memory(const pare_infer *f, infer_worker *w)
{
    size_t most_codes = 0, most_stride = 0, most_k = 0;
    for (uint32_t i = 0; i < f->net->n_layers; i++) {
        const infer_layer *const l = &f->layers[i];
        if (!l->is_mac) continue;
        const size_t codes = (size_t)pare_shape_count(l->l->in),
                     stride = infer_row_stride(l->depth);
        if (codes > most_codes) most_codes = codes;
        if (stride > most_stride) most_stride = stride;
        if (l->dims.k > most_k) most_k = l->dims.k;
    }
    w->image_codes = pare_arena_alloc(w->arena, most_codes, sizeof *w->image_codes);
    for (int j = 0; j < INFER_DIGITS_MAX; j++) {
        w->codes[j] = pare_arena_alloc(w->arena, most_codes, 1);
        w->rows[j] = pare_arena_alloc(w->arena, INFER_BLOCK_ROWS * most_stride, 1);
    }
    w->scratch = pare_arena_alloc(w->arena, most_stride, sizeof *w->scratch);
    const size_t k_stride = most_k + INFER_ROW_ALIGN;
    w->acc = pare_arena_alloc(w->arena, INFER_BLOCK_ROWS * k_stride, sizeof *w->acc);
    w->real = pare_arena_alloc(w->arena, INFER_BLOCK_ROWS * k_stride, sizeof *w->real);
}

infer_worker *infer_worker_new(const pare_infer *f, bool has_bounds)
{
    pare_arena *const arena = pare_arena_new();
    infer_worker *const w = pare_arena_alloc(arena, 1, sizeof *w);
    const uint32_t n = f->net->n_layers;
    w->arena = arena;
    w->n_values = has_bounds ? INFER_N_VALUES : 1;
    w->acc_max = pare_arena_alloc(arena, n, sizeof *w->acc_max);
    for (uint32_t v = 0; v < w->n_values; v++) {
        w->value[v] = pare_arena_alloc(arena, n, sizeof *w->value[v]);
        for (uint32_t i = 0; i < n; i++) {
            const pare_layer *const l = &f->net->layers[i];
            w->value[v][i] = l->op == PARE_OP_FLATTEN
                                 ? w->value[v][l->inputs[0]]
                                 : pare_arena_alloc(arena, count_of(l), sizeof(float));
        }
    }
    new_mac_memory(f, w);
    infer_new_codes(f, w);
    return w;
}

void infer_worker_free(infer_worker *w)
{
    if (w) pare_arena_free(w->arena);
}

/* ---- codes ---- */

uint32_t infer_code(const infer_grid *g, float x)
{
    static const float MAGIC = 8388608.0f; /* 2^23: adding it rounds to the nearest even integer */
    float u = (x - g->lo) * g->inv;
    u = 0.0f > u ? 0.0f : u;
    u = g->top < u ? g->top : u;
    const float rounded = u + MAGIC;
    return (uint32_t)(rounded - MAGIC);
}

static void quantize(const infer_layer *l, infer_worker *w)
{
    const float *const x = w->value[INFER_VALUE][l->l->inputs[0]];
    const size_t n = (size_t)pare_shape_count(l->l->in);
    const infer_grid g = l->act;
    for (size_t i = 0; i < n; i++) w->image_codes[i] = (uint16_t)infer_code(&g, x[i]);
}

void infer_split(const infer_layer *l, infer_worker *w)
{
    const size_t n = (size_t)pare_shape_count(l->l->in);
    for (uint32_t j = 0; j < l->n_act_digits; j++) {
        uint8_t *const out = w->codes[j];
        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)(w->image_codes[i] >> j * INFER_DIGIT_BITS & 0xff);
    }
}

/* ---- sums ---- */

/* Where tap (r, s) of a window lies in the input: false if in the padding. */
static bool find_tap(const pare_dims *d, size_t row, size_t r, size_t s, size_t *position)
{
    const size_t h = row / d->q * d->stride[0] + r * d->dilation[0];
    const size_t w = row % d->q * d->stride[1] + s * d->dilation[1];
    if (h < d->pad[0] || w < d->pad[1]) return false;
    if (h - d->pad[0] >= d->h || w - d->pad[1] >= d->w) return false;
    *position = (h - d->pad[0]) * d->w + w - d->pad[1];
    return true;
}

void infer_window(const infer_layer *l, const uint16_t *image_codes, uint32_t group, size_t row,
                  int32_t *out)
{
    const pare_dims *const d = &l->dims;
    const size_t channels = d->c / d->groups;
    for (size_t tap = 0; tap < (size_t)d->r * d->s; tap++) {
        size_t at;
        const bool is_inside = find_tap(d, row, tap / d->s, tap % d->s, &at);
        for (size_t c = 0; c < channels; c++)
            *out++ =
                is_inside ? image_codes[at * d->c + group * channels + c] : (int32_t)l->zero_code;
    }
}

/* One digit of one window; the padding's code is what zero is there. */
static void gather(const infer_layer *l, const uint8_t *codes, uint8_t zero, uint32_t group,
                   size_t row, uint8_t *out)
{
    const pare_dims *const d = &l->dims;
    const size_t channels = d->c / d->groups;
    for (size_t r = 0; r < d->r; r++)
        for (size_t s = 0; s < d->s; s++, out += channels) {
            size_t at;
            if (!find_tap(d, row, r, s, &at))
                memset(out, zero, channels);
            else if (channels == 1)
                *out = codes[at * d->c + group];
            else
                memcpy(out, codes + at * d->c + group * channels, channels);
        }
}

static void gather_rows(const infer_layer *l, uint32_t digit, uint32_t group, size_t first,
                        size_t n, infer_worker *w)
{
    const size_t stride = infer_row_stride(l->depth);
    const uint8_t zero = (uint8_t)(l->zero_code >> digit * INFER_DIGIT_BITS & 0xff);
    for (size_t i = 0; i < n; i++) {
        uint8_t *const row = w->rows[digit] + i * stride;
        gather(l, w->codes[digit], zero, group, first + i, row);
        memset(row + l->depth, 0, stride - l->depth);
        uint64_t sum = 0;
        for (size_t j = 0; j < l->depth; j++) sum += row[j];
        w->row_sums[digit][i] = sum;
    }
}

void infer_sums(const infer_layer *l, uint32_t group, size_t first, size_t n, infer_worker *w)
{
    const infer_matrix *const matrices = &l->matrices[group * l->n_weight_digits];
    memset(w->acc, 0, n * matrices->k_stride * sizeof *w->acc);
    for (uint32_t a = 0; a < l->n_act_digits; a++) {
        gather_rows(l, a, group, first, n, w);
        const uint32_t left = l->act.bits - a * INFER_DIGIT_BITS;
        const infer_rows rows = {.codes = w->rows[a],
                                 .n = n,
                                 .stride = infer_row_stride(l->depth),
                                 .bits = left < INFER_DIGIT_BITS ? left : INFER_DIGIT_BITS,
                                 .sums = w->row_sums[a],
                                 .scratch = w->scratch};
        for (uint32_t b = 0; b < l->n_weight_digits; b++)
            l->kernel->dot(&matrices[b], &rows, (a + b) * INFER_DIGIT_BITS, w->acc);
    }
    for (uint32_t a = 1; a < l->n_act_digits; a++)
        for (size_t i = 0; i < n; i++)
            w->row_sums[0][i] += w->row_sums[a][i] << a * INFER_DIGIT_BITS;
}

/* ---- MAC layers ---- */

static double real_of(const infer_grid *g, uint32_t code)
{
    return (double)g->scale * code + (double)g->lo;
}

/* How far the trainer's float sum of one window and filter may lie from the exact one: each of its
 * n + 1 additions and products, in whatever order, rounds by at most u relative to the sum of the
 * absolute products (Higham 2002, section 3.1), and scale * code + offset is itself rounded
 * twice. */
static double sum_bound(const infer_layer *l, size_t filter, const int32_t *window)
{
    static const double U = 0x1p-24;
    double products = 0, parts = 0;
    const uint16_t *const codes = l->codes + filter * l->depth;
    const infer_grid *const weight = &l->filters[filter];
    for (size_t i = 0; i < l->depth; i++) {
        const uint32_t a = (uint32_t)window[i];
        products += fabs(real_of(weight, codes[i])) * fabs(real_of(&l->act, a));
        const double w = (double)weight->scale * codes[i] + fabs((double)weight->lo);
        const double act = (double)l->act.scale * a + fabs((double)l->act.lo);
        parts += w * act;
    }
    const double n = (double)l->depth + 2, gamma = n * U / (1 - n * U);
    const double bias = l->bias ? fabs((double)l->bias[filter]) : 0;
    /* 5: two roundings of either operand, one of a sum of weights; a little more for the products
     * of errors */
    return gamma * (products + bias) + 5.01 * U * parts;
}

static void bound_outputs(const infer_layer *l, uint32_t layer, uint32_t group, size_t row,
                          infer_worker *w)
{
    const size_t k = l->dims.k / l->dims.groups;
    int32_t *const window = pare_xalloc(l->depth, sizeof *window);
    infer_window(l, w->image_codes, group, row, window);
    for (size_t i = group * k; i < (group + 1) * k; i++) {
        const size_t at = row * l->dims.k + i;
        const double y = (double)w->value[INFER_VALUE][layer][at];
        /* our own rounding to float is in nextafter */
        double bound = 0;
        for (const infer_layer *part = l; part; part = part->more)
            bound += sum_bound(part, i, window);
        const float low = nextafterf((float)(y - bound), -INFINITY);
        const float high = nextafterf((float)(y + bound), INFINITY);
        w->value[INFER_LOW][layer][at] = nextafterf(low, -INFINITY);
        w->value[INFER_HIGH][layer][at] = nextafterf(high, INFINITY);
    }
    free(window);
}

/* Add what one part gives to the outputs of a block. */
static void add_outputs(const infer_layer *l, uint32_t layer, uint32_t group, size_t n,
                        infer_worker *w)
{
    const size_t k = l->dims.k / l->dims.groups, k_stride = l->matrices[0].k_stride;
    const infer_grid *const grids = l->filters + group * k;
    const double act_scale = (double)l->act.scale;
    const double *const base = l->base + group * k;
    uint64_t most = w->acc_max[layer];
    for (size_t i = 0; i < n; i++) {
        const uint64_t *const acc = w->acc + i * k_stride;
        const double row_sum = (double)w->row_sums[0][i];
        double *const y = w->real + i * k;
        for (size_t j = 0; j < k; j++) {
            most = acc[j] > most ? acc[j] : most;
            const double product = (double)grids[j].scale * act_scale * (double)acc[j];
            const double acts = act_scale * (double)grids[j].lo * row_sum;
            y[j] += product + acts + base[j];
        }
    }
    w->acc_max[layer] = most;
}

static void write_outputs(const infer_layer *l, uint32_t layer, uint32_t group, size_t first,
                          size_t n, infer_worker *w)
{
    const size_t k = l->dims.k / l->dims.groups;
    for (size_t i = 0; i < n; i++) {
        float *const y = w->value[INFER_VALUE][layer] + (first + i) * l->dims.k + group * k;
        for (size_t j = 0; j < k; j++) y[j] = (float)w->real[i * k + j];
    }
    for (size_t i = 0; w->n_values > 1 && i < n; i++) bound_outputs(l, layer, group, first + i, w);
}

static void run_mac(const pare_infer *f, uint32_t layer, infer_worker *w, infer_codes_fn *fn,
                    void *context)
{
    const infer_layer *const l = &f->layers[layer];
    const size_t windows = (size_t)l->dims.p * l->dims.q, k = l->dims.k / l->dims.groups;
    const bool has_codes = f->is_integer && l->reads_codes;
    const bool makes_codes = f->is_integer && l->requant;
    if (has_codes)
        memcpy(w->image_codes, w->coded[l->l->inputs[0]],
               (size_t)pare_shape_count(l->l->in) * sizeof *w->image_codes);
    else
        quantize(l, w);
    if (fn) fn(context, layer, w);
    infer_split(l, w);
    for (uint32_t g = 0; g < l->dims.groups; g++)
        for (size_t first = 0; first < windows; first += INFER_BLOCK_ROWS) {
            const size_t left = windows - first;
            const size_t n = left < INFER_BLOCK_ROWS ? left : INFER_BLOCK_ROWS;
            if (makes_codes) {
                infer_sums(l, g, first, n, w);
                infer_requantize(l, layer, g, first, n, w);
                continue;
            }
            memset(w->real, 0, n * k * sizeof *w->real);
            for (const infer_layer *part = l; part; part = part->more) {
                infer_sums(part, g, first, n, w);
                add_outputs(part, layer, g, n, w);
            }
            write_outputs(l, layer, g, first, n, w);
        }
}

/* ---- the other layers, on one of the worker's values ---- */

static float clamp(float x, float lo, float hi)
{
    x = lo > x ? lo : x;
    return hi < x ? hi : x;
}

static void run_clamp(const float *x, size_t n, float hi, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = clamp(x[i], 0.0f, hi);
}

static void run_batchnorm(const infer_layer *l, const float *x, float *y)
{
    const size_t c = l->l->in.c, rows = count_of(l->l) / c;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < c; j++) {
            const float product = l->scale[j] * x[i * c + j];
            y[i * c + j] = product + l->offset[j];
        }
}

/* A negative scale turns an interval round. */
static void order_ends(const infer_layer *l, float *low, float *high)
{
    const size_t c = l->l->in.c, n = count_of(l->l);
    for (size_t i = 0; i < n; i++) {
        if (l->scale[i % c] >= 0) continue;
        const float t = low[i];
        low[i] = high[i];
        high[i] = t;
    }
}

typedef struct window {
    uint32_t kernel[2], stride[2], pad[2];
} window;

static window window_of(const pare_layer *l)
{
    window k = {{l->in.h, l->in.w}, {1, 1}, {0, 0}};
    for (int i = 0; i < 2 && l->op != PARE_OP_GLOBAL_AVGPOOL; i++) {
        k.kernel[i] = l->kernel[i];
        k.stride[i] = l->stride[i];
        k.pad[i] = l->pad[i];
    }
    return k;
}

/* Average pooling counts the padding, as the trainer does. */
static void pool_window(const pare_layer *l, const window *k, size_t p, size_t q, const float *x,
                        float *y)
{
    const size_t c = l->in.c;
    const bool is_max = l->op == PARE_OP_MAXPOOL;
    bool is_first = is_max;
    for (size_t j = 0; j < c; j++) y[j] = 0;
    for (size_t r = 0; r < k->kernel[0]; r++)
        for (size_t s = 0; s < k->kernel[1]; s++) {
            const size_t h = p * k->stride[0] + r, v = q * k->stride[1] + s;
            if (h < k->pad[0] || v < k->pad[1]) continue;
            if (h - k->pad[0] >= l->in.h || v - k->pad[1] >= l->in.w) continue;
            const float *const in = x + ((h - k->pad[0]) * l->in.w + v - k->pad[1]) * c;
            for (size_t j = 0; j < c; j++) {
                if (is_max)
                    y[j] = is_first || in[j] > y[j] ? in[j] : y[j];
                else
                    y[j] += in[j];
            }
            is_first = false;
        }
    const float share = 1.0f / (float)(k->kernel[0] * k->kernel[1]);
    for (size_t j = 0; !is_max && j < c; j++) y[j] *= share;
}

static void run_pool(const pare_layer *l, const float *x, float *y)
{
    const window k = window_of(l);
    for (size_t p = 0; p < l->out.h; p++)
        for (size_t q = 0; q < l->out.w; q++)
            pool_window(l, &k, p, q, x, y + (p * l->out.w + q) * l->in.c);
}

static void run_concat(const pare_net *net, const pare_layer *l, float *const *value, float *y)
{
    const size_t positions = (size_t)l->out.h * l->out.w;
    size_t at = 0;
    for (uint32_t j = 0; j < l->n_inputs; j++) {
        const size_t c = net->layers[l->inputs[j]].out.c;
        const float *const x = value[l->inputs[j]];
        for (size_t i = 0; i < positions; i++)
            memcpy(y + i * l->out.c + at, x + i * c, c * sizeof *x);
        at += c;
    }
}

static void run_simple(const pare_infer *f, uint32_t layer, float *const *value)
{
    const pare_layer *const l = f->layers[layer].l;
    const float *const x = value[l->inputs[0]];
    float *const y = value[layer];
    const size_t n = count_of(l);
    switch (l->op) {
    case PARE_OP_BATCHNORM: run_batchnorm(&f->layers[layer], x, y); break;
    case PARE_OP_RELU: run_clamp(x, n, INFINITY, y); break;
    case PARE_OP_RELU6: run_clamp(x, n, 6.0f, y); break;
    case PARE_OP_ADD:
        for (size_t i = 0; i < n; i++) y[i] = x[i] + value[l->inputs[1]][i];
        break;
    case PARE_OP_CONCAT: run_concat(f->net, l, value, y); break;
    case PARE_OP_MAXPOOL:
    case PARE_OP_AVGPOOL:
    case PARE_OP_GLOBAL_AVGPOOL: run_pool(l, x, y); break;
    default: break; /* a flatten's values are its input's */
    }
}

/* ---- an image ---- */

void infer_image(const pare_infer *f, const uint8_t *pixels, infer_worker *w, infer_codes_fn *fn,
                 void *context)
{
    const size_t n = count_of(&f->net->layers[0]), c = f->net->layers[0].out.c;
    for (uint32_t v = 0; v < w->n_values; v++)
        for (size_t i = 0; i < n; i++)
            w->value[v][0][i] = ((float)pixels[i] - f->mean[i % c]) * f->inv_std[i % c];
    for (uint32_t i = 1; i < f->net->n_layers; i++) {
        const infer_layer *const l = &f->layers[i];
        if (l->is_mac) {
            run_mac(f, i, w, fn, context);
            continue;
        }
        if (f->is_integer && l->is_coded) {
            if (l->l->op == PARE_OP_MAXPOOL)
                infer_pool_codes(l->l, w->coded[l->l->inputs[0]], w->coded[i]);
            continue;
        }
        for (uint32_t v = 0; v < w->n_values; v++) run_simple(f, i, w->value[v]);
        if (l->l->op == PARE_OP_BATCHNORM && w->n_values > 1)
            order_ends(l, w->value[INFER_LOW][i], w->value[INFER_HIGH][i]);
    }
}

uint32_t infer_class(const pare_infer *f, const infer_worker *w)
{
    const uint32_t last = f->net->n_layers - 1;
    const float *const y = w->value[INFER_VALUE][last];
    uint32_t best = 0;
    for (uint32_t j = 1; j < count_of(&f->net->layers[last]); j++)
        if (y[j] > y[best]) best = j;
    return best;
}
