/* Random layers for the machine: shapes with 1 and non-multiples, bits, signs, data, memory. */
#include "rtl/layer.h"

#include <math.h>
#include <stdlib.h>

static uint32_t between(pare_rng *r, uint32_t low, uint32_t high)
{
    return low + pare_rng_below(r, high - low + 1);
}

/* Often 1, often near a multiple of the array's side. */
static uint32_t extent(pare_rng *r, uint32_t side, uint32_t most)
{
    const uint32_t kind = pare_rng_below(r, 4);
    if (kind == 0) return 1;
    const uint32_t near = side * between(r, 1, 2) + pare_rng_below(r, 3) - 1;
    const uint32_t x = kind == 1 && near > 0 ? near : between(r, 1, most);
    return x < most ? x : most;
}

static void random_dims(const pare_accel_params *p, pare_rng *r, pare_dims *d)
{
    *d = (pare_dims){.n = 1, .groups = 1};
    d->k = extent(r, p->rows, 3 * p->rows);
    /* steps of a fusion PE hold 1 to 16 channels a lane: from many steps to few */
    const uint32_t side = p->pe == PARE_ACCEL_FUSION ? 8 * p->lanes : p->lanes;
    d->c = extent(r, side, 2 * side + 1);
    d->r = between(r, 1, 3);
    d->s = between(r, 1, 3);
    uint32_t *const out[2] = {&d->p, &d->q}, *const in[2] = {&d->h, &d->w};
    for (int i = 0; i < 2; i++) {
        const uint32_t kernel = i ? d->s : d->r;
        d->dilation[i] = between(r, 1, 2);
        d->stride[i] = between(r, 1, 3);
        const uint32_t reach = (kernel - 1) * d->dilation[i] + 1;
        d->pad[i] = d->stride[i] > reach ? 0 : pare_rng_below(r, reach);
        *out[i] = extent(r, p->cols, 7);
        const uint32_t end = (*out[i] - 1) * d->stride[i] + reach, pads = 2 * d->pad[i];
        /* all of the padding below, or less, or input that no window reads */
        const int64_t size = (int64_t)end - pads + between(r, 0, d->pad[i] + 1);
        *in[i] = size < 1 ? 1 : (uint32_t)size;
        while (*in[i] + pads < end) ++*in[i];
    }
}

enum { UNIFORM, EXTREME, CORNER, ZERO, LAPLACE, N_DATA };

static int32_t code(pare_rng *r, uint32_t bits, bool is_signed, uint32_t data, bool corner)
{
    const int32_t low = is_signed ? -(1 << (bits - 1)) : 0;
    const int32_t high = (1 << (bits - is_signed)) - 1;
    switch (data) {
    case EXTREME: return pare_rng_below(r, 2) ? high : low;
    case CORNER: return corner ? high : low;
    case ZERO: return pare_rng_below(r, 4) ? 0 : high;
    case LAPLACE: {
        const double x = -log(1 - pare_rng_unit(r)) * (1 << bits) / 8;
        const int64_t c = (pare_rng_below(r, 2) && is_signed ? -1 : 1) * (int64_t)x;
        return c < low ? low : c > high ? high : (int32_t)c;
    }
    default: return low + (int32_t)pare_rng_below(r, (uint32_t)(high - low) + 1);
    }
}

static int32_t *codes(pare_rng *r, size_t n, uint32_t bits, bool is_signed, uint32_t data)
{
    int32_t *const v = pare_xalloc(n, sizeof *v);
    const bool corner = pare_rng_below(r, 2);
    for (size_t i = 0; i < n; i++) v[i] = code(r, bits, is_signed, data, corner);
    return v;
}

/* Records that bring sums into the range of codes, and some that do not. */
static void random_filters(const pare_accel_params *p, pare_rng *r, pare_layer_random *x)
{
    const pare_layer_job *const j = &x->job;
    x->filters = pare_xalloc(j->dims.k, sizeof *x->filters);
    const double depth = (double)j->dims.c * j->dims.r * j->dims.s;
    const double top = depth * pow(2, j->act_bits + j->weight_bits) * 256;
    (void)p;
    for (uint32_t k = 0; k < j->dims.k; k++) {
        pare_accel_filter *const f = &x->filters[k];
        const double scale = pow(2, j->out_bits + 2 * pare_rng_unit(r)) / top;
        int exponent;
        const double m = frexp(scale, &exponent); /* m * 2^exponent, m in [0.5, 1) */
        int64_t shift = 23 - exponent;
        f->multiplier = (int32_t)(m * 8388607) * (pare_rng_below(r, 8) ? 1 : -1);
        if (pare_rng_below(r, 8) == 0) shift = pare_rng_below(r, 64);
        if (pare_rng_below(r, 8) == 0) f->multiplier = 1 << pare_rng_below(r, 20); /* ties */
        f->shift = shift < 0 ? 0 : shift > 63 ? 63 : (uint32_t)shift;
        f->bias = (int64_t)((pare_rng_unit(r) - 0.5) * top);
        const int64_t most = ((int64_t)1 << 39) - 1;
        if (f->bias > most) f->bias = most;
        if (f->bias < -most) f->bias = -most;
        if (pare_rng_below(r, 4) == 0) f->bias &= ~(int64_t)255;
    }
    x->job.filters = x->filters;
}

static void random_memory(const pare_accel_params *p, pare_rng *r, pare_layer_random *x)
{
    const uint32_t kind = pare_rng_below(r, 3);
    x->has_pace = kind > 0;
    const uint32_t least = pare_accel_latency_min(p);
    x->pace = (pare_sim_pace){.seed = pare_rng_u64(r),
                              .latency_cycles = {least, least + pare_rng_below(r, 60)},
                              .gap_percent = kind == 1 ? 10 : 40,
                              .gap_cycles_max = kind == 1 ? 2 : 20};
    x->desc_seed = pare_rng_below(r, 2) ? pare_rng_u64(r) | 1 : 0;
}

void pare_layer_random_new(const pare_accel_params *params, uint64_t seed, uint64_t index,
                           pare_layer_random *out)
{
    static const char *const names[N_DATA] = {"uniform", "extreme", "corner", "zero", "laplace"};
    pare_rng r = pare_rng_new(seed, index);
    pare_layer_job *const j = &out->job;
    *out = (pare_layer_random){.job = {.name = "random"}};
    random_dims(params, &r, &j->dims);
    j->act_bits = between(&r, 1, params->max_act_bits);
    j->weight_bits = between(&r, 1, params->max_weight_bits);
    j->act_signed = pare_rng_below(&r, 2);
    j->weight_signed = pare_rng_below(&r, 2);
    j->raw = pare_rng_below(&r, 3) == 0;
    j->out_bits = pare_rng_below(&r, 3) ? between(&r, 1, 8) : between(&r, 9, 16);
    j->out_signed = pare_rng_below(&r, 2);
    j->relu = pare_rng_below(&r, 2);
    j->pad_code = pare_rng_below(&r, 1u << j->act_bits);
    j->out_zero = (int32_t)pare_rng_below(&r, 1u << j->out_bits) - (1 << (j->out_bits - 1));
    if (!j->out_signed && j->out_zero < 0) j->out_zero = -j->out_zero - 1;
    j->weight_zero = (int32_t)pare_rng_below(&r, 1u << 24) - (1 << 23);
    if (pare_rng_below(&r, 4) == 0) j->weight_zero = (int32_t)pare_rng_u64(&r);
    const pare_dims *const d = &j->dims;
    const uint32_t data = pare_rng_below(&r, N_DATA);
    out->data = names[data];
    out->weights =
        codes(&r, (size_t)d->k * d->r * d->s * d->c, j->weight_bits, j->weight_signed, data);
    out->acts = codes(&r, (size_t)d->h * d->w * d->c, j->act_bits, j->act_signed,
                      data == CORNER ? CORNER : pare_rng_below(&r, N_DATA));
    j->weights = out->weights;
    j->acts = out->acts;
    if (!j->raw) random_filters(params, &r, out);
    random_memory(params, &r, out);
}

void pare_layer_random_free(pare_layer_random *r)
{
    free(r->weights);
    free(r->acts);
    free(r->filters);
    *r = (pare_layer_random){0};
}
