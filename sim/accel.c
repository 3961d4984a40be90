/* The accelerator's descriptor, status codes and requantiser, as software sees them. */
#include "sim/accel.h"

#include "sim/dynamic.h"

#include <string.h>

static uint32_t low_bits(uint32_t n) { return n < 32 ? (1u << n) - 1 : UINT32_MAX; }

void pare_accel_pack(const pare_accel_descriptor *d, uint32_t words[PARE_ACCEL_WORDS])
{
    memset(words, 0, PARE_ACCEL_WORDS * sizeof *words);
#define X(member, word, bit, bits, doc) words[word] |= (d->member & low_bits(bits)) << (bit);
    PARE_ACCEL_FIELDS(X)
#undef X
}

bool pare_accel_unpack(const uint32_t words[PARE_ACCEL_WORDS], pare_accel_descriptor *d)
{
    uint32_t back[PARE_ACCEL_WORDS];
#define X(member, word, bit, bits, doc) d->member = words[word] >> (bit)&low_bits(bits);
    PARE_ACCEL_FIELDS(X)
#undef X
    pare_accel_pack(d, back);
    return !memcmp(words, back, sizeof back);
}

const char *pare_accel_too_wide(const pare_accel_descriptor *d)
{
#define X(member, word, bit, bits, doc)                                                            \
    if (d->member & ~low_bits(bits)) return #member;
    PARE_ACCEL_FIELDS(X)
#undef X
    return NULL;
}

void pare_accel_pack_filter(const pare_accel_filter *f, uint32_t words[PARE_ACCEL_FILTER_WORDS])
{
    const uint64_t bias = (uint64_t)f->bias;
    words[0] = (uint32_t)bias;
    words[1] = (uint32_t)(bias >> 32 & 0xff) | (uint32_t)f->multiplier << 8;
    words[2] = f->shift & 63;
}

void pare_accel_unpack_filter(const uint32_t words[PARE_ACCEL_FILTER_WORDS], pare_accel_filter *f)
{
    const uint64_t bias = words[0] | (uint64_t)(words[1] & 0xff) << 32;
    f->bias = (int64_t)(bias << 24) >> 24;
    f->multiplier = (int32_t)words[1] >> 8;
    f->shift = words[2] & 63;
}

/* ---- status ---- */

static const struct {
    const char *name, *field, *doc;
} statuses[] = {
#define X(code, id, field, doc) [code] = {#id, field, doc},
    PARE_ACCEL_STATUS(X)
#undef X
};

const char *pare_accel_status_name(uint32_t code)
{
    return code < PARE_ACCEL_N_STATUS ? statuses[code].name : "UNKNOWN";
}

const char *pare_accel_status_field(uint32_t code)
{
    return code < PARE_ACCEL_N_STATUS ? statuses[code].field : "";
}

const char *pare_accel_status_doc(uint32_t code)
{
    return code < PARE_ACCEL_N_STATUS ? statuses[code].doc : "no code of this machine";
}

/* ---- steps ---- */

/* As the PE that pe.h describes. */
static pare_pe fusion_pe(const pare_accel_params *p)
{
    return (pare_pe){.style = PARE_PE_SPATIAL,
                     .lanes = p->lanes,
                     .act_digit = p->act_digit,
                     .weight_digit = p->weight_digit,
                     .max_act_bits = p->max_act_bits,
                     .max_weight_bits = p->max_weight_bits};
}

uint32_t pare_accel_step_channels(const pare_accel_params *p, uint32_t act_bits,
                                  uint32_t weight_bits)
{
    const pare_pe pe = fusion_pe(p);
    return p->pe == PARE_ACCEL_FUSION ? pare_pe_fusion_products(&pe, act_bits, weight_bits)
                                      : p->lanes;
}

/* ---- time ---- */

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

uint32_t pare_accel_interval(const pare_accel_params *p) { return larger(p->rows, p->cols + 2); }

uint32_t pare_accel_skew_cycles(const pare_accel_params *p)
{
    return p->is_skewed ? p->rows + p->cols - 2 : 0;
}

uint32_t pare_accel_latency_min(const pare_accel_params *p)
{
    /* the drain, the next windows, the next tile */
    return larger(p->rows + 6 + pare_accel_skew_cycles(p), larger(p->cols + 3, 10));
}

static uint64_t beats_of(const pare_accel_params *p, uint32_t act_bits, uint32_t weight_bits,
                         uint64_t steps)
{
    if (p->pe == PARE_ACCEL_FUSION) return steps;
    return steps * pare_pe_digits(act_bits, p->act_digit) *
           pare_pe_digits(weight_bits, p->weight_digit);
}

/* All columns take a step together: as many cycles as the slowest one needs. */
static uint64_t term_cycles(const pare_accel_params *p, uint64_t steps, const int32_t *acts,
                            uint32_t n_windows)
{
    uint32_t masks[PARE_ACCEL_LANES_MAX];
    uint64_t cycles = 0;
    for (uint64_t s = 0; s < steps; s++) {
        uint32_t slowest = 1;
        for (uint32_t w = 0; w < n_windows; w++) {
            const int32_t *const codes = acts + (w * steps + s) * p->lanes;
            for (uint32_t l = 0; l < p->lanes; l++)
                masks[l] = sim_terms((pare_recoding)p->recoding,
                                     (uint32_t)(codes[l] < 0 ? -codes[l] : codes[l]));
            const uint32_t own = sim_two_stage_cycles(masks, p->lanes, p->first_stage_bits);
            if (own > slowest) slowest = own;
        }
        cycles += slowest;
    }
    return cycles;
}

uint64_t pare_accel_fold_cycles(const pare_accel_params *p, uint32_t act_bits, uint32_t weight_bits,
                                uint64_t steps, const int32_t *acts, uint32_t n_windows)
{
    /* the first step of a term-serial fold is read before the array works on it */
    const uint64_t busy = p->pe == PARE_ACCEL_TERM ? 1 + term_cycles(p, steps, acts, n_windows)
                                                   : beats_of(p, act_bits, weight_bits, steps) +
                                                         pare_accel_skew_cycles(p);
    const uint64_t least = pare_accel_interval(p);
    return busy > least ? busy : least;
}

uint64_t pare_accel_work_cycles(const pare_accel_params *p, uint32_t act_bits, uint32_t weight_bits,
                                uint64_t steps, uint64_t fold_cycles)
{
    return p->pe == PARE_ACCEL_TERM ? fold_cycles : beats_of(p, act_bits, weight_bits, steps);
}

/* ---- the requantiser ---- */

static int64_t wrap(int64_t x, uint32_t bits)
{
    return (int64_t)((uint64_t)x << (64 - bits)) >> (64 - bits);
}

/* rint(x / 2^shift) */
static int64_t round_shift(int64_t x, uint32_t shift)
{
    if (!shift) return x;
    const int64_t floor = x >> shift;
    const uint64_t left = (uint64_t)x & (((uint64_t)1 << shift) - 1);
    const uint64_t half = (uint64_t)1 << (shift - 1);
    return floor + (left > half || (left == half && (floor & 1)));
}

int32_t pare_accel_requantize(const pare_accel_descriptor *d, const pare_accel_filter *f,
                              int64_t sum, int64_t act_sum)
{
    if (d->raw) return (int32_t)sum;
    /* act_sum has at most 32 bits, weight_zero too */
    const int64_t correction = act_sum * (int32_t)d->weight_zero >> 8;
    const int64_t t = wrap((int64_t)((uint64_t)sum << 8) + wrap(correction, 40) + f->bias, 40);
    const int64_t zero = (int16_t)d->out_zero;
    const int64_t code = round_shift(t * f->multiplier, f->shift) + zero;
    const int64_t high = ((int64_t)1 << (d->out_bits - d->out_signed)) - 1;
    int64_t low = d->out_signed ? ~high : 0;
    if (d->relu && zero > low) low = zero;
    const int64_t capped = code > high ? high : code;
    return (int32_t)(capped < low ? low : capped);
}

uint32_t pare_accel_out_bytes(const pare_accel_descriptor *d)
{
    return d->raw ? 4 : d->out_bits > 8 ? 2 : 1;
}
