/* A layer in the machine's memory: descriptor, tiles of bit planes, and the outputs back. */
#include "rtl/layer.h"

#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint64_t divide_up(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

/* ---- the input that windows read ---- */

static pare_status cut_axis(const pare_layer_job *job, int axis, pare_layer_axis *out, pare_err *e)
{
    const pare_dims *const d = &job->dims;
    const uint32_t size = axis ? d->w : d->h, windows = axis ? d->q : d->p;
    const uint32_t reach = ((axis ? d->s : d->r) - 1) * d->dilation[axis] + 1;
    const uint32_t stride = d->stride[axis], pad = d->pad[axis];
    *out = (pare_layer_axis){.stride = stride, .pad = pad};
    if (reach >= stride) {
        const uint64_t end = (uint64_t)(windows - 1) * stride + reach;
        out->n = end > pad ? smaller(size, (uint32_t)(end - pad)) : 0;
        out->at = pare_xalloc((size_t)out->n + 1, sizeof *out->at);
        for (uint32_t i = 0; i < out->n; i++) out->at[i] = i;
        return PARE_OK;
    }
    if (pad || (windows - 1) * stride + reach > size)
        return pare_err_set(e, PARE_EINPUT, job->name, NOWHERE,
                            "has a stride of %u beyond its kernel's reach of %u, and padding; the "
                            "machine runs the one or the other",
                            stride, reach);
    out->n = windows * reach;
    out->stride = reach;
    out->at = pare_xalloc(out->n, sizeof *out->at);
    for (uint32_t i = 0; i < out->n; i++) out->at[i] = i / reach * stride + i % reach;
    return PARE_OK;
}

/* Rows of the machine's input that a tile of window rows has in memory. */
typedef struct row_range {
    uint32_t from, to;
} row_range;

static row_range rows_of(const pare_layer_image *m, uint32_t tile)
{
    const pare_accel_descriptor *const d = &m->desc;
    const uint32_t first = tile * d->tile_rows, rows = smaller(d->tile_rows, d->out_height - first);
    const int64_t reach = (int64_t)(d->kernel_height - 1) * d->dilation_height + 1;
    const int64_t begin = (int64_t)first * d->stride_height - d->pad_height;
    const int64_t end = begin + (int64_t)(rows - 1) * d->stride_height + reach;
    return (row_range){begin > 0 ? (uint32_t)begin : 0,
                       end < (int64_t)d->in_height ? (uint32_t)end : d->in_height};
}

/* Channels as they lie in memory: whole steps. */
static uint32_t padded_channels(const pare_layer_image *m)
{
    const pare_accel_descriptor *const d = &m->desc;
    const uint32_t step = pare_accel_step_channels(m->params, d->act_bits, d->weight_bits);
    return (uint32_t)divide_up(d->channels, step) * step;
}

/* ---- bits in memory ---- */

typedef struct writer {
    uint8_t *memory;
    uint64_t bit;
} writer;

static void put_bit(writer *w, uint32_t bit)
{
    w->memory[w->bit >> 3] |= (uint8_t)((bit & 1) << (w->bit & 7));
    w->bit++;
}

static void put_weights(const pare_layer_image *m, const pare_layer_job *job, uint32_t tile)
{
    const pare_accel_descriptor *const d = &m->desc;
    const uint32_t rows = m->params->rows, lanes = m->params->lanes, all = padded_channels(m);
    const uint32_t first = tile * d->tile_filters;
    const uint32_t end = smaller(first + d->tile_filters, m->n_filters);
    const uint32_t taps = d->kernel_height * d->kernel_width;
    writer w = {m->memory,
                (d->weight_base + (uint64_t)tile * d->weight_stride) * m->params->mem_bits};
    for (uint32_t fold = first; fold < end; fold += rows)
        for (uint32_t tap = 0; tap < taps; tap++)
            for (uint32_t c = 0; c < all; c += lanes)
                for (uint32_t bit = 0; bit < d->weight_bits; bit++)
                    for (uint32_t i = 0; i < rows * lanes; i++) {
                        const uint32_t k = fold + i / lanes, channel = c + i % lanes;
                        const bool is_real = k < d->filters && channel < d->channels;
                        const size_t at = ((size_t)k * taps + tap) * d->channels + channel;
                        put_bit(&w, is_real ? (uint32_t)job->weights[at] >> bit : 0);
                    }
}

static void put_acts(const pare_layer_image *m, const pare_layer_job *job, uint32_t tile)
{
    const pare_accel_descriptor *const d = &m->desc;
    const uint32_t lanes = m->params->lanes, all = padded_channels(m);
    const row_range rows = rows_of(m, tile);
    writer w = {m->memory, (d->act_base + (uint64_t)tile * d->act_stride) * m->params->mem_bits};
    for (uint32_t y = rows.from; y < rows.to; y++)
        for (uint32_t x = 0; x < d->in_width; x++) {
            const size_t pixel = (size_t)m->axes[0].at[y] * job->dims.w + m->axes[1].at[x];
            const int32_t *const codes = job->acts + pixel * d->channels;
            for (uint32_t c = 0; c < all; c += lanes)
                for (uint32_t bit = 0; bit < d->act_bits; bit++)
                    for (uint32_t l = 0; l < lanes; l++)
                        put_bit(&w, c + l < d->channels ? (uint32_t)codes[c + l] >> bit : 0);
        }
}

/* ---- the descriptor ---- */

static void fill_descriptor(const pare_layer_job *job, const pare_sim_map *map, pare_layer_image *m)
{
    const pare_dims *const d = &job->dims;
    m->desc = (pare_accel_descriptor){
        .version = PARE_ACCEL_VERSION,
        .act_signed = job->act_signed,
        .weight_signed = job->weight_signed,
        .out_signed = job->out_signed,
        .raw = job->raw,
        .relu = job->relu,
        .windows_outer = map->order[0] == 'w',
        .act_bits = job->act_bits,
        .weight_bits = job->weight_bits,
        .out_bits = job->raw ? 16 : job->out_bits,
        .in_height = m->axes[0].n,
        .in_width = m->axes[1].n,
        .channels = d->c,
        .filters = d->k,
        .kernel_height = d->r,
        .kernel_width = d->s,
        .dilation_height = d->dilation[0],
        .dilation_width = d->dilation[1],
        .stride_height = m->axes[0].stride,
        .stride_width = m->axes[1].stride,
        .pad_height = m->axes[0].pad,
        .pad_width = m->axes[1].pad,
        .out_height = d->p,
        .out_width = d->q,
        .tile_filters = map->tile_filters,
        .tile_rows = map->tile_out_rows,
        .pad_code = job->pad_code & 0xffff,
        .out_zero = (uint32_t)job->out_zero & 0xffff,
        .weight_zero = (uint32_t)job->weight_zero,
    };
}

/* Bases and strides: weights, activations, outputs one after the other. */
static void place(pare_layer_image *m)
{
    pare_accel_descriptor *const d = &m->desc;
    const pare_accel_params *const p = m->params;
    const uint64_t channels = padded_channels(m);
    const uint64_t depth = channels * d->kernel_height * d->kernel_width;
    const uint32_t filters = smaller(d->tile_filters, m->n_filters);
    const uint32_t n_k = (uint32_t)divide_up(m->n_filters, filters);
    const uint32_t n_w = (uint32_t)divide_up(d->out_height, d->tile_rows);
    uint32_t most = 0;
    for (uint32_t i = 0; i < n_w; i++) {
        const row_range r = rows_of(m, i);
        if (r.to - r.from > most) most = r.to - r.from;
    }
    const uint64_t outputs = (uint64_t)filters * d->tile_rows * d->out_width;
    d->weight_stride = (uint32_t)divide_up(filters * depth * d->weight_bits, p->mem_bits);
    d->act_stride =
        (uint32_t)divide_up((uint64_t)most * d->in_width * channels * d->act_bits, p->mem_bits);
    d->out_stride = (uint32_t)divide_up(outputs * pare_accel_out_bytes(d) * 8, p->mem_bits);
    d->act_base = d->weight_base + n_k * d->weight_stride;
    d->out_base = d->act_base + n_w * d->act_stride;
    m->words = (uint64_t)d->out_base + (uint64_t)n_k * n_w * d->out_stride;
}

pare_status pare_layer_image_new(const pare_accel_params *params, const pare_layer_job *job,
                                 const pare_sim_map *map, pare_layer_image *out, pare_err *e)
{
    pare_layer_image *const m = out;
    *m = (pare_layer_image){.params = params};
    pare_status status = cut_axis(job, 0, &m->axes[0], e);
    if (status == PARE_OK) status = cut_axis(job, 1, &m->axes[1], e);
    if (status == PARE_OK) {
        fill_descriptor(job, map, m);
        m->n_filters = (uint32_t)divide_up(job->dims.k, params->rows) * params->rows;
        const char *const field = pare_accel_too_wide(&m->desc);
        if (field)
            status = pare_err_set(e, PARE_EINPUT, job->name, NOWHERE,
                                  "has a %s that the descriptor does not hold; a smaller one "
                                  "expected",
                                  field);
    }
    if (status != PARE_OK) {
        pare_layer_image_free(m);
        return status;
    }
    place(m);
    m->memory = pare_xalloc(m->words * params->mem_bits / 8 + 1, 1);
    for (uint32_t i = 0; i * m->desc.tile_filters < m->n_filters; i++) put_weights(m, job, i);
    for (uint32_t i = 0; i * m->desc.tile_rows < m->desc.out_height; i++) put_acts(m, job, i);
    return PARE_OK;
}

void pare_layer_image_free(pare_layer_image *m)
{
    for (int i = 0; i < 2; i++) free(m->axes[i].at);
    free(m->memory);
    *m = (pare_layer_image){0};
}

/* ---- outputs ---- */

static int32_t output_at(const pare_layer_image *m, const uint8_t *bytes)
{
    const pare_accel_descriptor *const d = &m->desc;
    const uint32_t n = pare_accel_out_bytes(d);
    uint32_t x = 0;
    for (uint32_t i = 0; i < n; i++) x |= (uint32_t)bytes[i] << 8 * i;
    if (n == 4) return (int32_t)x;
    return d->out_signed ? (int32_t)(x << (32 - 8 * n)) >> (32 - 8 * n) : (int32_t)x;
}

void pare_layer_image_outputs(const pare_layer_image *m, const pare_layer_job *job, int32_t *out)
{
    const pare_accel_descriptor *const d = &m->desc;
    const uint32_t cols = m->params->cols, windows = d->out_height * d->out_width;
    const uint32_t filters = smaller(d->tile_filters, m->n_filters);
    const uint32_t n_k = (uint32_t)divide_up(m->n_filters, filters);
    const uint32_t n_w = (uint32_t)divide_up(d->out_height, d->tile_rows);
    for (uint32_t i = 0; i < n_k * n_w; i++) {
        const uint32_t k = d->windows_outer ? i % n_k : i / n_w;
        const uint32_t w = d->windows_outer ? i / n_k : i % n_w;
        const uint32_t first = w * d->tile_rows * d->out_width;
        const uint32_t end = smaller(first + d->tile_rows * d->out_width, windows);
        const uint32_t k_end = smaller((k + 1) * filters, m->n_filters);
        const uint8_t *at =
            m->memory + (d->out_base + (uint64_t)i * d->out_stride) * (m->params->mem_bits / 8);
        for (uint32_t set = first; set < end; set += cols)
            for (uint32_t filter = k * filters; filter < k_end; filter++)
                for (uint32_t c = set; c < set + cols && c < end; c++) {
                    if (filter < job->dims.k) out[(size_t)filter * windows + c] = output_at(m, at);
                    at += pare_accel_out_bytes(d);
                }
    }
}

static int64_t wrap(int64_t x, uint32_t bits)
{
    return (int64_t)((uint64_t)x << (64 - bits)) >> (64 - bits);
}

void pare_layer_window(const pare_layer_job *job, uint32_t window, uint32_t channels,
                       int32_t *codes)
{
    const pare_dims *const d = &job->dims;
    const uint32_t top = job->act_bits - 1;
    const int32_t pad = job->act_signed && job->pad_code >> top & 1
                            ? (int32_t)job->pad_code - (2 << top)
                            : (int32_t)job->pad_code;
    for (uint32_t tap = 0; tap < d->r * d->s; tap++) {
        const int64_t y = (int64_t)(window / d->q) * d->stride[0] - d->pad[0] +
                          (int64_t)(tap / d->s) * d->dilation[0];
        const int64_t x = (int64_t)(window % d->q) * d->stride[1] - d->pad[1] +
                          (int64_t)(tap % d->s) * d->dilation[1];
        const bool is_inside = y >= 0 && y < (int64_t)d->h && x >= 0 && x < (int64_t)d->w;
        const size_t pixel = is_inside ? (size_t)y * d->w + (size_t)x : 0;
        for (uint32_t c = 0; c < channels; c++)
            *codes++ = c >= d->c ? 0 : is_inside ? job->acts[pixel * d->c + c] : pad;
    }
}

void pare_layer_reference(const pare_accel_params *params, const pare_layer_job *job, int32_t *out)
{
    const pare_dims *const d = &job->dims;
    const pare_accel_descriptor desc = {.raw = job->raw,
                                        .relu = job->relu,
                                        .out_bits = job->out_bits,
                                        .out_signed = job->out_signed,
                                        .out_zero = (uint32_t)job->out_zero & 0xffff,
                                        .weight_zero = (uint32_t)job->weight_zero};
    const size_t depth = (size_t)d->r * d->s * d->c;
    int32_t *const window = pare_xalloc(depth, sizeof *window);
    for (uint32_t i = 0; i < d->p * d->q; i++) {
        int64_t act_sum = 0;
        pare_layer_window(job, i, d->c, window);
        for (size_t j = 0; j < depth; j++) act_sum += window[j];
        for (uint32_t k = 0; k < d->k; k++) {
            int64_t sum = 0;
            for (size_t j = 0; j < depth; j++)
                sum += (int64_t)job->weights[k * depth + j] * window[j];
            static const pare_accel_filter none = {0};
            out[(size_t)k * d->p * d->q + i] =
                pare_accel_requantize(&desc, job->filters ? &job->filters[k] : &none,
                                      wrap(sum, params->acc_bits), wrap(act_sum, params->acc_bits));
        }
    }
    free(window);
}
