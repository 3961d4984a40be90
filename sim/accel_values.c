/* The machine in C: values. The buffers hold bit planes, as in the RTL; codes are read out of them,
 * and sums are those of integers. */
#include "sim/accel_internal.h"

#include "traces/trace.h"

#include <stdlib.h>
#include <string.h>

/* `bits` planes of `width` bits that follow each other from plane `first` on: the code at `at`. */
static int32_t code_at(const uint8_t *planes, uint64_t first, uint64_t width, uint64_t at,
                       uint32_t bits, bool is_signed)
{
    uint32_t code = 0;
    for (uint32_t b = 0; b < bits; b++) {
        const uint64_t bit = (first + b) * width + at;
        code |= (uint32_t)(planes[bit >> 3] >> (bit & 7) & 1) << b;
    }
    const bool is_negative = is_signed && code >> (bits - 1);
    return is_negative ? (int32_t)code - (2 << (bits - 1)) : (int32_t)code;
}

static int64_t wrap(int64_t x, uint32_t bits)
{
    return (int64_t)((uint64_t)x << (64 - bits)) >> (64 - bits);
}

/* A code of the descriptor. */
static int32_t pad_of(const pare_accel_descriptor *d)
{
    const uint32_t code = d->pad_code & ((2u << (d->act_bits - 1)) - 1);
    const bool is_negative = d->act_signed && code >> (d->act_bits - 1);
    return is_negative ? (int32_t)code - (2 << (d->act_bits - 1)) : (int32_t)code;
}

/* The activation codes under a window, tap by tap, channels padded to whole steps with zeros. */
static void read_window(const pare_accel_model *m, uint64_t window, int32_t *codes)
{
    const pare_accel_descriptor *const d = &m->d;
    const model_tile *const t = &m->compute;
    const uint32_t lanes = m->p.lanes;
    const uint8_t *const planes = m->acts[t->act_half];
    const int32_t pad = pad_of(d);
    const int64_t top = t->first_row + (int64_t)(window / d->out_width) * d->stride_height;
    const int64_t left = (int64_t)(window % d->out_width) * d->stride_width - d->pad_width;
    for (uint32_t r = 0; r < d->kernel_height; r++)
        for (uint32_t s = 0; s < d->kernel_width; s++) {
            const int64_t y = top + (int64_t)r * d->dilation_height;
            const int64_t x = left + (int64_t)s * d->dilation_width;
            const bool is_inside = y >= 0 && y < t->in_rows && x >= 0 && x < d->in_width;
            for (uint32_t c = 0; c < m->groups * lanes; c++) {
                const uint64_t pixel = is_inside ? (uint64_t)(y * d->in_width + x) : 0;
                const uint64_t plane = (pixel * m->groups + c / lanes) * d->act_bits;
                *codes++ =
                    is_inside ? code_at(planes, plane, lanes, c % lanes, d->act_bits, d->act_signed)
                    : c < d->channels ? pad
                                      : 0;
            }
        }
}

/* The weight codes of the tile's filters, in the same order. */
static void read_weights(const pare_accel_model *m, int32_t *codes)
{
    const pare_accel_descriptor *const d = &m->d;
    const model_tile *const t = &m->compute;
    const uint32_t lanes = m->p.lanes, rows = m->p.rows;
    const uint64_t groups = m->fold_planes / d->weight_bits;
    const uint8_t *const planes = m->weights[t->weight_half];
    for (uint32_t k = 0; k < t->folds * rows; k++)
        for (uint64_t group = 0; group < groups; group++)
            for (uint32_t l = 0; l < lanes; l++)
                *codes++ = code_at(planes, (k / rows * groups + group) * d->weight_bits,
                                   (uint64_t)rows * lanes, k % rows * lanes + l, d->weight_bits,
                                   d->weight_signed);
}

static void append(uint8_t **to, int32_t code, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) *(*to)++ = (uint8_t)((uint32_t)code >> 8 * i);
}

void model_compute(pare_accel_model *m)
{
    const model_tile *const t = &m->compute;
    const size_t depth = m->fold_planes / m->d.weight_bits * m->p.lanes;
    const uint32_t cols = m->p.cols, filters = t->folds * m->p.rows;
    const uint64_t windows = (uint64_t)t->rows * m->d.out_width;
    int32_t *const weights = pare_xalloc(filters * depth, sizeof *weights);
    int32_t *const acts = pare_xalloc(cols * depth, sizeof *acts);
    int64_t *const act_sums = pare_xalloc(cols, sizeof *act_sums);
    uint8_t *to = m->outs[t->out_half];
    static const pare_accel_filter none = {0};
    read_weights(m, weights);
    for (uint64_t first = 0; first < windows; first += cols) {
        const uint64_t n = windows - first < cols ? windows - first : cols;
        for (uint64_t c = 0; c < n; c++) {
            read_window(m, first + c, acts + c * depth);
            act_sums[c] = 0;
            for (size_t j = 0; j < depth; j++) act_sums[c] += acts[c * depth + j];
        }
        m->set_cycles[first / cols] =
            t->folds * pare_accel_fold_cycles(&m->p, m->d.act_bits, m->d.weight_bits, m->steps,
                                              acts, (uint32_t)n);
        for (uint32_t k = 0; k < filters; k++)
            for (uint64_t c = 0; c < n; c++) {
                int64_t sum = 0;
                for (size_t j = 0; j < depth; j++)
                    sum += (int64_t)weights[k * depth + j] * acts[c * depth + j];
                const uint32_t filter = t->first_fold * m->p.rows + k;
                const pare_accel_filter *const f = m->d.raw ? &none : &m->filters[filter];
                append(&to,
                       pare_accel_requantize(&m->d, f, wrap(sum, m->p.acc_bits),
                                             wrap(act_sums[c], m->p.acc_bits)),
                       pare_accel_out_bytes(&m->d));
            }
    }
    free(weights);
    free(acts);
    free(act_sums);
}
