/* Makes a case from (seed, index) and works out what must happen. */
#include "rtl/cosim.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { READY_PERIOD = 64 };

/* of any kind: no more than digits of one bit take, or terms */
static uint32_t max_beats(const pare_pe *pe)
{
    return PARE_COSIM_MAX_STEPS * (pe->max_act_bits + 1) * pe->max_weight_bits;
}

pare_cosim_case *pare_cosim_case_new(const pare_dut_kind *kind)
{
    const pare_pe pe = pare_cosim_pe(kind);
    const uint32_t n_codes = PARE_COSIM_MAX_STEPS * pare_cosim_products(kind, 1, 1);
    pare_cosim_case *const c = pare_xalloc(1, sizeof *c);
    for (uint32_t i = 0; i < PARE_COSIM_CASE_DOTS; i++) {
        pare_cosim_dot *const d = &c->dots[i];
        d->act = pare_xalloc(n_codes, sizeof *d->act);
        d->weight = pare_xalloc(n_codes, sizeof *d->weight);
        d->gaps = pare_xalloc(max_beats(&pe), sizeof *d->gaps);
        d->ready = pare_xalloc(READY_PERIOD, sizeof *d->ready);
        d->act_pins = pare_xalloc((size_t)PARE_COSIM_MAX_STEPS * pe.max_act_bits *
                                      pare_dut_words(pe.lanes, pare_dut_act_width(kind)),
                                  sizeof *d->act_pins);
        d->weight_pins = pare_xalloc((size_t)PARE_COSIM_MAX_STEPS * pe.max_weight_bits *
                                         pare_dut_words(pe.lanes, pare_dut_weight_width(kind)),
                                     sizeof *d->weight_pins);
    }
    return c;
}

void pare_cosim_case_free(pare_cosim_case *c)
{
    if (!c) return;
    for (uint32_t i = 0; i < PARE_COSIM_CASE_DOTS; i++) {
        pare_cosim_dot *const d = &c->dots[i];
        free(d->act);
        free(d->weight);
        free(d->gaps);
        free(d->ready);
        free(d->act_pins);
        free(d->weight_pins);
    }
    free(c);
}

/* of a mean magnitude of an eighth of the largest one */
static int32_t laplace(pare_rng *r, int32_t low, int32_t high)
{
    const double size = -log(1 - pare_rng_unit(r)) * ((double)high + 1) / 8;
    const bool is_negative = low < 0 && pare_rng_below(r, 2);
    const double code = rint(is_negative ? -size : size);
    return code < low ? low : code > high ? high : (int32_t)code;
}

static void fill_codes(pare_rng *r, int32_t *codes, size_t n, uint32_t bits, bool is_signed,
                       pare_cosim_data data, bool is_zero)
{
    const int32_t low = is_signed ? -(int32_t)(1u << (bits - 1)) : 0;
    const int32_t high = low + (int32_t)((1u << bits) - 1);
    const int32_t corner = pare_rng_below(r, 2) ? high : low;
    for (size_t i = 0; i < n; i++) switch (data) {
        case PARE_DATA_EXTREME: codes[i] = pare_rng_below(r, 2) ? high : low; break;
        case PARE_DATA_CORNER: codes[i] = corner; break;
        case PARE_DATA_LAPLACE: codes[i] = laplace(r, low, high); break;
        case PARE_DATA_ZERO:
        case PARE_DATA_UNIFORM:
            codes[i] = is_zero ? 0 : low + (int32_t)pare_rng_below(r, 1u << bits);
            break;
        }
}

static void fill_gaps(pare_rng *r, uint8_t *gaps, uint64_t n, uint32_t stall)
{
    for (uint64_t i = 0; i < n; i++) {
        gaps[i] = 0;
        if (stall == PARE_STALL_SPARSE && !pare_rng_below(r, 8))
            gaps[i] = (uint8_t)(1 + pare_rng_below(r, 2));
        if (stall == PARE_STALL_BURST && !pare_rng_below(r, 16))
            gaps[i] = (uint8_t)(4 + pare_rng_below(r, 8));
    }
}

static void fill_ready(pare_rng *r, bool *ready, uint32_t stall)
{
    for (uint32_t i = 0; i < READY_PERIOD; i++)
        ready[i] = stall != PARE_STALL_SPARSE || pare_rng_below(r, 4) != 0;
    if (stall == PARE_STALL_BURST)
        for (uint32_t i = 0; i < READY_PERIOD;) {
            const uint32_t off = 4 + pare_rng_below(r, 9), on = 1 + pare_rng_below(r, 6);
            for (uint32_t k = 0; k < off && i < READY_PERIOD; k++) ready[i++] = false;
            for (uint32_t k = 0; k < on && i < READY_PERIOD; k++) ready[i++] = true;
        }
    ready[READY_PERIOD - 1] = true; /* it takes the result at last */
}

/* n bits of a value below 2^n, n <= 16, into cleared words; they may lie across two */
static void put_bits(uint32_t *words, uint32_t position, uint32_t n, uint32_t value)
{
    uint32_t *const word = words + position / 32;
    const uint32_t shift = position % 32;
    word[0] |= value << shift;
    if (shift + n > 32) word[1] |= value >> (32 - shift);
}

/* The digits of one operand as the pins take them, top digit first. Bits of a top digit above the
 * bitlength must not matter, so they are random; without a generator they continue the sign. */
static void fill_pins(pare_rng *r, uint32_t *pins, const int32_t *codes, uint32_t n_steps,
                      uint32_t lanes, uint32_t bits, uint32_t digit)
{
    const uint32_t n_digits = pare_pe_digits(bits, digit), n_words = pare_dut_words(lanes, digit);
    for (size_t i = 0; i < (size_t)n_steps * n_digits * n_words; i++) pins[i] = 0;
    for (uint32_t s = 0; s < n_steps; s++)
        for (uint32_t l = 0; l < lanes; l++) {
            const uint32_t any = r ? (uint32_t)pare_rng_u64(r) : codes[s * lanes + l] < 0 ? ~0u : 0;
            const uint32_t above = any << (bits - 1) << 1;
            const uint32_t own = (uint32_t)codes[s * lanes + l] & ((1u << bits) - 1);
            for (uint32_t d = 0; d < n_digits; d++)
                put_bits(pins + (s * n_digits + n_digits - 1 - d) * n_words, l * digit, digit,
                         (above | own) >> (d * digit) & ((1u << digit) - 1));
        }
}

/* The operands of a fusion unit, extended to whole bricks. Bits above the last operand must not
 * matter; without a generator they are 0. */
static void fill_unit_pins(pare_rng *r, uint32_t *pins, const int32_t *codes, uint32_t n_steps,
                           uint32_t units, uint32_t products, uint32_t bits)
{
    const uint32_t n = products / units, fused = pare_pe_fused_bits(bits, 2);
    for (uint32_t u = 0; u < n_steps * units; u++) {
        const uint32_t above = r ? (uint32_t)pare_rng_u64(r) : 0;
        pins[u] = n * fused < 32 ? above << (n * fused) : 0;
        for (uint32_t p = 0; p < n; p++)
            pins[u] |= ((uint32_t)codes[u * n + p] & ((1u << fused) - 1)) << (p * fused);
    }
}

static void fill_all_pins(pare_cosim_dot *d, const pare_dut_kind *kind, pare_rng *r)
{
    const pare_pe_work *const k = &d->work;
    d->n_act_digits = d->n_weight_digits = 1;
    if (kind->pe == PARE_DUT_fusion) {
        fill_unit_pins(r, d->act_pins, d->act, k->n_steps, kind->lanes, d->n_products, k->act_bits);
        fill_unit_pins(r, d->weight_pins, d->weight, k->n_steps, kind->lanes, d->n_products,
                       k->weight_bits);
        return;
    }
    if (kind->pe == PARE_DUT_temporal) {
        d->n_act_digits = pare_pe_digits(k->act_bits, kind->act_digit);
        d->n_weight_digits = pare_pe_digits(k->weight_bits, kind->weight_digit);
    }
    fill_pins(r, d->act_pins, d->act, k->n_steps, kind->lanes, k->act_bits, kind->act_digit);
    fill_pins(r, d->weight_pins, d->weight, k->n_steps, kind->lanes, k->weight_bits,
              kind->weight_digit);
}

const uint32_t *pare_cosim_act_pins(const pare_cosim_dot *d, const pare_dut_kind *k, uint32_t step,
                                    uint32_t in_step)
{
    const uint32_t at = step * d->n_act_digits + in_step % d->n_act_digits;
    return d->act_pins + at * pare_dut_words(k->lanes, pare_dut_act_width(k));
}

const uint32_t *pare_cosim_weight_pins(const pare_cosim_dot *d, const pare_dut_kind *k,
                                       uint32_t step, uint32_t in_step)
{
    const uint32_t at = step * d->n_weight_digits + in_step / d->n_act_digits % d->n_weight_digits;
    return d->weight_pins + at * pare_dut_words(k->lanes, pare_dut_weight_width(k));
}

void pare_cosim_dot_given(pare_cosim_dot *d, const pare_dut_kind *kind)
{
    d->n_products = pare_cosim_products(kind, d->work.act_bits, d->work.weight_bits);
    fill_all_pins(d, kind, NULL);
    d->sum = pare_cosim_dot_sum(kind, &d->work, d->step_beats);
}

void pare_cosim_dot_uniform(pare_cosim_dot *d, const pare_dut_kind *kind, uint32_t act_bits,
                            uint32_t weight_bits, pare_rng *r)
{
    d->work =
        (pare_pe_work){act_bits, weight_bits, true, true, PARE_COSIM_MAX_STEPS, d->act, d->weight};
    d->n_products = pare_cosim_products(kind, act_bits, weight_bits);
    const size_t n_codes = (size_t)d->work.n_steps * d->n_products;
    fill_codes(r, d->act, n_codes, act_bits, true, PARE_DATA_UNIFORM, false);
    fill_codes(r, d->weight, n_codes, weight_bits, true, PARE_DATA_UNIFORM, false);
    pare_cosim_dot_given(d, kind);
}

/* The source may pause before a beat, or, where it only offers whole steps, before a step. */
static void fill_dot_gaps(pare_cosim_dot *d, const pare_dut_kind *kind, pare_rng *r)
{
    fill_gaps(r, d->gaps, d->sum.cycles, d->bin.source);
    if (kind->pe != PARE_DUT_term) return;
    for (uint32_t s = 0, beat = 0; s < d->work.n_steps; beat += d->step_beats[s++])
        for (uint32_t i = 1; i < d->step_beats[s]; i++) d->gaps[beat + i] = 0;
}

/* Sums of uniform codes are far from the ends of the accumulator; where the largest ones go beyond,
 * half of the dot products try to. */
static pare_cosim_data draw_data(pare_rng *r, const pare_cosim_dot *d, const pare_dut_kind *kind,
                                 uint32_t n_steps)
{
    static const pare_cosim_data data[] = {PARE_DATA_UNIFORM, PARE_DATA_UNIFORM, PARE_DATA_UNIFORM,
                                           PARE_DATA_LAPLACE, PARE_DATA_EXTREME, PARE_DATA_EXTREME,
                                           PARE_DATA_CORNER,  PARE_DATA_ZERO};
    const uint32_t n_signed = (d->bin.signs & 1) + (d->bin.signs >> 1);
    const uint64_t n =
        (uint64_t)n_steps * pare_cosim_products(kind, d->bin.act_bits, d->bin.weight_bits);
    const uint64_t largest = n << (d->bin.act_bits + d->bin.weight_bits - n_signed);
    if (largest >> (kind->acc_bits - 1) && pare_rng_below(r, 2)) return PARE_DATA_CORNER;
    return data[pare_rng_below(r, sizeof data / sizeof *data)];
}

static void fill_dot(pare_cosim_dot *d, const pare_dut_kind *kind, pare_rng *r)
{
    const uint32_t n_steps = d->bin.depth == PARE_DEPTH_MORE
                                 ? 3 + pare_rng_below(r, PARE_COSIM_MAX_STEPS - 2)
                                 : d->bin.depth + 1;
    d->data = draw_data(r, d, kind, n_steps);
    d->work = (pare_pe_work){.act_bits = d->bin.act_bits,
                             .weight_bits = d->bin.weight_bits,
                             .act_signed = d->bin.signs & 1,
                             .weight_signed = d->bin.signs >> 1,
                             .n_steps = n_steps,
                             .act = d->act,
                             .weight = d->weight};
    d->acc_bits = kind->acc_bits;
    d->n_products = pare_cosim_products(kind, d->work.act_bits, d->work.weight_bits);
    const size_t n_codes = (size_t)n_steps * d->n_products;
    const bool is_act_zero = d->data == PARE_DATA_ZERO && pare_rng_below(r, 2);
    fill_codes(r, d->act, n_codes, d->work.act_bits, d->work.act_signed, d->data, is_act_zero);
    fill_codes(r, d->weight, n_codes, d->work.weight_bits, d->work.weight_signed, d->data,
               d->data == PARE_DATA_ZERO && !is_act_zero);
    fill_all_pins(d, kind, r);
    d->sum = pare_cosim_dot_sum(kind, &d->work, d->step_beats);
    fill_dot_gaps(d, kind, r);
    fill_ready(r, d->ready, d->bin.sink);
    d->pace = (pare_pe_pace){d->sum.cycles, d->gaps, READY_PERIOD, d->ready};
}

static size_t gcd(size_t a, size_t b)
{
    while (b) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Walks through all bins before it takes one again, in strides that change all of its parts. */
static pare_cosim_bin bin_of(const pare_cosim_coverage *bins, uint64_t seed, uint64_t number)
{
    const size_t n = bins->n_bins;
    pare_rng r = pare_rng_new(seed, UINT64_MAX);
    const size_t start = pare_rng_below(&r, (uint32_t)n);
    size_t stride = n * 5 / 8 | 1;
    while (gcd(stride, n) != 1) stride += 2;
    return pare_cosim_bin_at(bins, (start + number % n * stride) % n);
}

/* Every fourth dot product keeps some settings of the one before and draws the others. */
static pare_cosim_bin bin_after(const pare_cosim_coverage *bins, const pare_cosim_bin *before,
                                pare_rng *r)
{
    pare_cosim_bin b = pare_cosim_bin_at(bins, pare_rng_below(r, (uint32_t)bins->n_bins));
    if (pare_rng_below(r, 2)) b.act_bits = before->act_bits;
    if (pare_rng_below(r, 2)) b.weight_bits = before->weight_bits;
    if (pare_rng_below(r, 2)) b.signs = before->signs;
    return b;
}

void pare_cosim_case_fill(pare_cosim_case *c, const pare_dut_kind *kind,
                          const pare_cosim_coverage *bins, uint64_t seed, uint64_t index)
{
    pare_rng r = pare_rng_new(seed, index);
    c->index = index;
    c->n_dots = PARE_COSIM_CASE_DOTS;
    for (uint32_t i = 0; i < PARE_COSIM_NOISE_WORDS; i++) c->noise[i] = (uint32_t)pare_rng_u64(&r);
    for (uint32_t i = 0; i < c->n_dots; i++) {
        pare_cosim_dot *const d = &c->dots[i];
        const uint64_t walked = index * (PARE_COSIM_CASE_DOTS - PARE_COSIM_CASE_DOTS / 4);
        d->bin = i % 4 == 3 ? bin_after(bins, &c->dots[i - 1].bin, &r)
                            : bin_of(bins, seed, walked + i - i / 4);
        fill_dot(d, kind, &r);
        d->times = pare_pe_dot_times(&d->pace, i ? &c->dots[i - 1].times : NULL);
    }
}
