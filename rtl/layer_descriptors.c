/* Random descriptors: what the machine refuses, and what it only just takes. */
#include "rtl/layer.h"

#include "sim/accel_model.h"

#include <inttypes.h>
#include <string.h>

static uint32_t power(pare_rng *r, uint32_t most) { return 1u << pare_rng_below(r, most + 1); }

/* Sizes that are powers of two or next to one, since the buffers are powers of two. */
static uint32_t near(pare_rng *r, uint32_t most)
{
    const uint32_t x = power(r, most), by = pare_rng_below(r, 8);
    return by == 0 ? x + 1 : by == 1 && x > 1 ? x - 1 : x;
}

/* One axis: windows that fit the input, or just do not. */
static void random_axis(pare_rng *r, uint32_t most, uint32_t *in, uint32_t *out, uint32_t *kernel,
                        uint32_t *dilation, uint32_t *stride, uint32_t *pad)
{
    *kernel = pare_rng_below(r, 2) ? 1 : near(r, 3);
    *dilation = pare_rng_below(r, 4) ? 1 : near(r, 2);
    *stride = pare_rng_below(r, 2) ? 1 : near(r, 2);
    *out = near(r, most);
    const uint32_t reach = (*kernel - 1) * *dilation + 1, end = (*out - 1) * *stride + reach;
    *pad = pare_rng_below(r, 2) ? 0 : pare_rng_below(r, reach + (pare_rng_below(r, 8) == 0));
    *in = end > 2 * *pad ? end - 2 * *pad : 1;
    if (pare_rng_below(r, 4) == 0) *in += pare_rng_below(r, 3);
    if (pare_rng_below(r, 16) == 0 && *in > 1) --*in;
}

static void random_descriptor(const pare_accel_params *p, pare_rng *r, pare_accel_descriptor *d)
{
    *d = (pare_accel_descriptor){.version = PARE_ACCEL_VERSION,
                                 .raw = pare_rng_below(r, 2),
                                 .relu = pare_rng_below(r, 2),
                                 .windows_outer = pare_rng_below(r, 2),
                                 .out_bits = 1 + pare_rng_below(r, 16)};
    d->act_bits = 1 + pare_rng_below(r, p->max_act_bits);
    d->weight_bits = 1 + pare_rng_below(r, p->max_weight_bits);
    if (pare_rng_below(r, 2)) d->act_bits = power(r, 2);
    if (pare_rng_below(r, 2)) d->weight_bits = power(r, 2);
    uint32_t planes = 0;
    while (2u << planes <= p->act_planes) planes++;
    const uint32_t large = pare_rng_below(r, 3); /* which of the sizes is */
    const uint32_t most = large == 0 ? planes / 2 : planes < 10 ? 2 : 3;
    random_axis(r, most, &d->in_height, &d->out_height, &d->kernel_height, &d->dilation_height,
                &d->stride_height, &d->pad_height);
    random_axis(r, most, &d->in_width, &d->out_width, &d->kernel_width, &d->dilation_width,
                &d->stride_width, &d->pad_width);
    d->channels = p->lanes * power(r, large == 1 ? planes - 2 : most);
    if (pare_rng_below(r, 4) == 0) d->channels += pare_rng_below(r, 3) - 1;
    d->filters = p->rows * near(r, large == 2 ? 6 : 3);
    if (pare_rng_below(r, 4) == 0) d->filters += pare_rng_below(r, 3) - 1;
    if (d->filters > p->max_filters) d->filters = 1 + d->filters % p->max_filters;
    if (pare_rng_below(r, 16) == 0)
        d->filters = p->max_filters - pare_rng_below(r, p->rows + 1) + 1;
    d->tile_filters = p->rows * near(r, 3);
    d->tile_rows = pare_rng_below(r, 3) ? near(r, 3) : d->out_height;
    if (pare_rng_below(r, 3) == 0) d->tile_rows = (d->out_height + 1) / 2;
}

static uint32_t exponent(uint32_t x)
{
    uint32_t e = 0;
    while (2u << e <= x) e++;
    return e;
}

/* At a limit of a buffer, half of it or twice as much: 1 x 1, all powers of two. */
static void limit_of_outputs(const pare_accel_params *p, pare_rng *r, pare_accel_descriptor *d)
{
    const uint32_t most = exponent(p->out_bytes) + 1;
    const uint32_t less = pare_rng_below(r, exponent(p->rows) + 5);
    const uint32_t windows = less < most ? most - less : 0;
    const uint32_t rows = pare_rng_below(r, windows + 1);
    d->in_height = d->out_height = d->tile_rows = 1u << rows;
    d->in_width = d->out_width = 1u << (windows - rows);
    d->act_bits = 1;
    d->channels = p->lanes;
    d->filters = d->tile_filters = p->rows << pare_rng_below(r, 2);
}

static void limit_of_weights(const pare_accel_params *p, pare_rng *r, pare_accel_descriptor *d)
{
    uint32_t left = exponent(p->weight_planes) + pare_rng_below(r, 3) - 1;
    const uint32_t bits = pare_rng_below(r, 3), height = pare_rng_below(r, 4);
    const uint32_t width = pare_rng_below(r, 4), folds = pare_rng_below(r, 3);
    d->weight_bits = 1u << bits;
    d->in_height = d->kernel_height = 1u << height;
    d->in_width = d->kernel_width = 1u << width;
    d->out_height = d->out_width = d->tile_rows = 1;
    d->filters = d->tile_filters = p->rows << folds;
    left -= bits + height + width + folds < left ? bits + height + width + folds : left;
    d->channels = p->lanes << (left < 8 ? left : 8);
    d->act_bits = 1;
}

/* Tiles of about as many input rows as the buffer holds, with padding above or not. */
static void limit_of_rows(const pare_accel_params *p, pare_rng *r, pare_accel_descriptor *d)
{
    const uint32_t rows = 1u << (2 + pare_rng_below(r, 3)); /* that fit */
    const uint32_t row = exponent(p->act_planes / rows), bits = pare_rng_below(r, 3);
    const uint32_t width = row > bits ? pare_rng_below(r, row - bits + 1) : 0;
    d->act_bits = 1u << bits;
    d->in_width = d->out_width = 1u << width;
    d->channels = p->lanes << (row - bits - width < 8 ? row - bits - width : 0);
    d->kernel_height = 1 + pare_rng_below(r, 3);
    d->stride_height = 1 + pare_rng_below(r, 2);
    d->pad_height = pare_rng_below(r, d->kernel_height);
    d->tile_rows = 1 + (rows - 1) / d->stride_height + pare_rng_below(r, 3);
    d->tile_rows -= d->tile_rows > 2 ? pare_rng_below(r, 3) : 0;
    const uint32_t tiles = pare_rng_below(r, 4); /* one, two, more or less than two, more */
    d->out_height = tiles == 0   ? d->tile_rows
                    : tiles == 1 ? 2 * d->tile_rows
                    : tiles == 2 ? 2 * d->tile_rows - 1 + pare_rng_below(r, 3)
                                 : d->tile_rows + pare_rng_below(r, 2 * d->tile_rows + 1);
    const uint32_t end = (d->out_height - 1) * d->stride_height + d->kernel_height;
    d->in_height = (end > 2 * d->pad_height ? end - 2 * d->pad_height : 1) + pare_rng_below(r, 3);
    if (pare_rng_below(r, 8) == 0) d->in_height += pare_rng_below(r, 2 * end);
    d->filters = d->tile_filters = p->rows;
}

static void limit_descriptor(const pare_accel_params *p, pare_rng *r, pare_accel_descriptor *d)
{
    const uint32_t kind = pare_rng_below(r, 3);
    random_descriptor(p, r, d);
    d->kernel_height = d->kernel_width = d->stride_height = d->stride_width = 1;
    d->dilation_height = d->dilation_width = 1;
    d->pad_height = d->pad_width = 0;
    if (kind == 0) limit_of_outputs(p, r, d);
    if (kind == 1) limit_of_weights(p, r, d);
    if (kind == 2) limit_of_rows(p, r, d);
}

/* Some bit or some whole field becomes another one. */
static void spoil(pare_rng *r, pare_accel_descriptor *d, uint32_t words[PARE_ACCEL_WORDS])
{
    uint32_t *const fields[] = {
#define X(member, word, bit, bits, doc) &d->member,
        PARE_ACCEL_FIELDS(X)
#undef X
    };
    static const uint32_t widths[] = {
#define X(member, word, bit, bits, doc) bits,
        PARE_ACCEL_FIELDS(X)
#undef X
    };
    enum { SHAPE_FIELDS = 26, WORDS_WITH_RESERVED = 2 };
    const uint32_t which = pare_rng_below(r, SHAPE_FIELDS), kind = pare_rng_below(r, 6);
    const uint32_t top = (uint32_t)((1ull << widths[which]) - 1);
    if (kind < 3) *fields[which] = 0;
    if (kind == 3) *fields[which] = top;
    if (kind == 4) *fields[which] = (*fields[which] + pare_rng_below(r, 3) - 1) & top;
    pare_accel_pack(d, words);
    if (kind == 5) words[pare_rng_below(r, WORDS_WITH_RESERVED)] ^= 1u << pare_rng_below(r, 32);
}

/* ---- what is answered ---- */

/* Words of a descriptor on their way into one side. */
typedef struct sender {
    uint32_t n;
    bool is_busy;
} sender;

/* The descriptor is decided: refused, wanting records, or run. */
static bool is_decided(sender *s, const pare_accel_in *in, const pare_accel_out *out)
{
    const bool wants_more = s->is_busy && out->desc_ready;
    s->is_busy |= !out->desc_ready;
    s->n += in->desc_valid && out->desc_ready;
    return out->status_valid || out->run || wants_more;
}

uint32_t pare_layer_model_status(const pare_accel_params *params, const pare_accel_descriptor *d)
{
    uint32_t words[PARE_ACCEL_WORDS];
    pare_accel_model *const model = pare_accel_model_new(params);
    pare_accel_out out = {0};
    pare_accel_in in = {0};
    sender s = {0};
    pare_accel_pack(d, words);
    do {
        in.desc_valid = s.n < PARE_ACCEL_WORDS;
        in.desc = words[s.n % PARE_ACCEL_WORDS];
        pare_accel_model_cycle(model, &in, &out);
    } while (!is_decided(&s, &in, &out));
    pare_accel_model_free(model);
    return out.status_valid ? out.status : PARE_ACCEL_STATUS_OK;
}

typedef struct sides {
    pare_dut_accel *dut;
    pare_accel_model *model;
} sides;

static void put_words(pare_buf *b, const uint32_t words[PARE_ACCEL_WORDS])
{
    for (int i = 0; i < PARE_ACCEL_WORDS; i++) pare_buf_printf(b, " %08" PRIx32, words[i]);
}

/* One descriptor to both sides; false if a pin differs. A refused one is released. */
static bool answer(sides *x, pare_rng *r, const uint32_t words[PARE_ACCEL_WORDS], uint32_t *status,
                   pare_buf *difference)
{
    enum { LIMIT_CYCLES = 200000 };
    sender s = {0};
    for (uint32_t cycle = 0; cycle < LIMIT_CYCLES; cycle++) {
        pare_accel_in in = {.status_ready = pare_rng_below(r, 2)};
        pare_accel_out rtl, own;
        in.desc_valid = s.n < PARE_ACCEL_WORDS && pare_rng_below(r, 4);
        in.desc = words[s.n % PARE_ACCEL_WORDS];
        pare_dut_accel_cycle(x->dut, &in, &rtl);
        pare_accel_model_cycle(x->model, &in, &own);
        const char *const pin = pare_accel_model_difference(x->model, &rtl, &own);
        if (pin || pare_dut_accel_failed(x->dut)) {
            pare_buf_printf(difference,
                            "%s differs in cycle %" PRIu32
                            " of a descriptor (RTL status %d:%" PRIu32 ", C model %d:%" PRIu32 "):",
                            pin ? pin : "an assertion", cycle, rtl.status_valid, rtl.status,
                            own.status_valid, own.status);
            put_words(difference, words);
            pare_buf_puts(difference, "\n");
            return false;
        }
        *status = own.status_valid ? own.status : PARE_ACCEL_STATUS_OK;
        if (is_decided(&s, &in, &own) && (!own.status_valid || in.status_ready)) return true;
    }
    pare_buf_puts(difference, "no answer to a descriptor:");
    put_words(difference, words);
    pare_buf_puts(difference, "\n");
    return false;
}

bool pare_layer_check_descriptors(const pare_accel_params *params, uint64_t seed, uint64_t index,
                                  uint32_t n, uint64_t *statuses, pare_buf *difference)
{
    pare_rng r = pare_rng_new(seed ^ 0x64657363, index);
    sides x = {pare_dut_accel_new(params), pare_accel_model_new(params)};
    bool is_ok = true;
    for (uint32_t i = 0; i < n && is_ok; i++) {
        pare_accel_descriptor d = {0};
        uint32_t words[PARE_ACCEL_WORDS], status;
        (pare_rng_below(&r, 2) ? random_descriptor : limit_descriptor)(params, &r, &d);
        pare_accel_pack(&d, words);
        if (pare_rng_below(&r, 2)) spoil(&r, &d, words);
        is_ok = answer(&x, &r, words, &status, difference);
        if (!is_ok) break;
        if (statuses) statuses[status]++;
        if (status) continue;
        pare_dut_accel_reset(x.dut); /* it is taken: no more is wanted of it */
        pare_accel_model_free(x.model);
        x.model = pare_accel_model_new(params);
    }
    pare_accel_model_free(x.model);
    pare_dut_accel_free(x.dut);
    return is_ok;
}
