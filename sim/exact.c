#include "sim/sim.h"

#include <assert.h>
#include <stdlib.h>

uint32_t pare_pe_digits(uint32_t bits, uint32_t digit) { return (bits + digit - 1) / digit; }

int32_t pare_pe_digit(int32_t code, uint32_t bits, bool is_signed, uint32_t digit, uint32_t index)
{
    const uint32_t low = index * digit;
    assert(low < bits);
    const uint32_t own = bits - low < digit ? bits - low : digit; /* the top digit may be short */
    const int32_t value = (int32_t)(((uint32_t)code >> low) & ((1u << own) - 1));
    const bool is_top = low + own == bits;
    return is_top && is_signed && (value >> (own - 1)) ? value - (int32_t)(1u << own) : value;
}

uint32_t pare_pe_step_cycles(const pare_pe *pe, uint32_t act_bits, uint32_t weight_bits)
{
    return pare_pe_digits(act_bits, pe->act_digit) * pare_pe_digits(weight_bits, pe->weight_digit);
}

uint32_t pare_pe_min_acc_bits(const pare_pe *pe)
{
    uint32_t lanes_bits = 0;
    while (1u << lanes_bits < pe->lanes) lanes_bits++;
    return pe->max_act_bits + pe->max_weight_bits + 1 + lanes_bits;
}

/* the lower acc_bits of a number as two's complement */
static int64_t wrap(int64_t x, uint32_t acc_bits)
{
    const uint32_t above = 64 - acc_bits;
    return (int64_t)((uint64_t)x << above) >> above;
}

/* one beat: the products of one digit pair, over the lanes */
static int64_t beat_sum(const pare_pe *pe, const pare_pe_work *k, size_t first, uint32_t act_index,
                        uint32_t weight_index)
{
    int64_t sum = 0;
    for (size_t i = first; i < first + pe->lanes; i++)
        sum += (int64_t)pare_pe_digit(k->act[i], k->act_bits, k->act_signed, pe->act_digit,
                                      act_index) *
               pare_pe_digit(k->weight[i], k->weight_bits, k->weight_signed, pe->weight_digit,
                             weight_index);
    return sum;
}

/* Horner's rule over both operands' digits, top digits first */
static int64_t step_sum(const pare_pe *pe, const pare_pe_work *k, size_t first, uint64_t *cycles)
{
    const int64_t act_base = (int64_t)1 << pe->act_digit;
    const int64_t weight_base = (int64_t)1 << pe->weight_digit;
    int64_t step = 0;
    for (uint32_t w = pare_pe_digits(k->weight_bits, pe->weight_digit); w-- > 0;) {
        int64_t act = 0;
        for (uint32_t a = pare_pe_digits(k->act_bits, pe->act_digit); a-- > 0; ++*cycles)
            act = act * act_base + beat_sum(pe, k, first, a, w);
        step = step * weight_base + act;
    }
    return step;
}

static void accumulate(pare_pe_sum *sum, int64_t addend, uint32_t acc_bits)
{
    int64_t exact = 0;
    /* acc_bits may be 64 */
    const bool is_beyond_64 = __builtin_add_overflow(sum->value, addend, &exact);
    sum->value = wrap(exact, acc_bits);
    sum->overflowed |= is_beyond_64 || sum->value != exact;
}

pare_pe_sum pare_pe_dot(const pare_pe *pe, const pare_pe_work *work)
{
    assert(pe->style == PARE_PE_TEMPORAL && pe->acc_bits >= pare_pe_min_acc_bits(pe));
    assert(work->act_bits >= 1 && work->act_bits <= pe->max_act_bits);
    assert(work->weight_bits >= 1 && work->weight_bits <= pe->max_weight_bits);
    pare_pe_sum sum = {0};
    for (uint32_t s = 0; s < work->n_steps; s++) {
        const int64_t step = step_sum(pe, work, (size_t)s * pe->lanes, &sum.cycles);
        accumulate(&sum, step, pe->acc_bits);
    }
    return sum;
}

/* ---- spatial ---- */

uint32_t pare_pe_fused_bits(uint32_t bits, uint32_t digit)
{
    uint32_t fused = digit;
    while (fused < bits) fused *= 2;
    return fused;
}

uint32_t pare_pe_fusion_products(const pare_pe *pe, uint32_t act_bits, uint32_t weight_bits)
{
    return pe->lanes * (pe->max_act_bits / pare_pe_fused_bits(act_bits, pe->act_digit)) *
           (pe->max_weight_bits / pare_pe_fused_bits(weight_bits, pe->weight_digit));
}

/* one product as its bricks make it: each pair of digits, shifted to its place */
static int64_t fused_product(const pare_pe *pe, const pare_pe_work *k, size_t i)
{
    const uint32_t act_digits = pare_pe_digits(k->act_bits, pe->act_digit);
    const uint32_t weight_digits = pare_pe_digits(k->weight_bits, pe->weight_digit);
    int64_t product = 0;
    for (uint32_t a = 0; a < act_digits; a++)
        for (uint32_t w = 0; w < weight_digits; w++) {
            const int64_t brick =
                (int64_t)pare_pe_digit(k->act[i], k->act_bits, k->act_signed, pe->act_digit, a) *
                pare_pe_digit(k->weight[i], k->weight_bits, k->weight_signed, pe->weight_digit, w);
            product += brick * ((int64_t)1 << (a * pe->act_digit + w * pe->weight_digit));
        }
    return product;
}

pare_pe_sum pare_pe_fusion_dot(const pare_pe *pe, const pare_pe_work *work)
{
    assert(pe->style == PARE_PE_SPATIAL);
    const uint32_t n = pare_pe_fusion_products(pe, work->act_bits, work->weight_bits);
    pare_pe_sum sum = {.cycles = work->n_steps};
    for (uint32_t s = 0; s < work->n_steps; s++) {
        int64_t step = 0;
        for (uint32_t i = 0; i < n; i++) step += fused_product(pe, work, (size_t)s * n + i);
        accumulate(&sum, step, pe->acc_bits);
    }
    return sum;
}

/* ---- terms ---- */

/* DNNsim's recoding, from the top: a term above a run of three ones or more, then a negative one
 * for each lone zero in it and at its end. */
static void recode_runs(uint32_t x, int8_t *sign)
{
    bool is_run = false;
    for (int k = PARE_PE_TERM_POSITIONS - 2; k >= 0; k--) {
        const uint32_t window = (uint32_t)((uint64_t)x << 2 >> k) & 7; /* bits k, k-1, k-2 */
        if (!is_run && window == 7) {
            sign[k + 1] = 1;
            is_run = true;
        } else if (!is_run && window & 4) {
            sign[k] = 1;
        } else if (is_run && (window >> 1 == 1 || window == 4)) {
            sign[k] = -1;
            is_run = window != 4;
        }
    }
}

void pare_pe_recode(pare_pe_terms terms, uint32_t magnitude, int8_t sign[PARE_PE_TERM_POSITIONS])
{
    assert(magnitude < 1u << (PARE_PE_TERM_POSITIONS - 1));
    for (int p = 0; p < PARE_PE_TERM_POSITIONS; p++) sign[p] = 0;
    if (terms == PARE_PE_TERMS_RUNS) {
        recode_runs(magnitude, sign);
        return;
    }
    for (int p = 0; magnitude; p++, magnitude >>= 1) {
        if (!(magnitude & 1)) continue;
        /* the non-adjacent form makes the next bit a zero */
        sign[p] = terms == PARE_PE_TERMS_NAF && magnitude & 2 ? -1 : 1;
        if (sign[p] < 0) magnitude++;
    }
}

/* the lowest pending position, PARE_PE_TERM_POSITIONS if there is none */
static uint32_t lowest_term(const int8_t *sign)
{
    uint32_t p = 0;
    while (p < PARE_PE_TERM_POSITIONS && sign[p] == 0) p++;
    return p;
}

/* One cycle of a step. Returns its sum; *pends: a term is left. */
static int64_t drop_terms(int8_t (*signs)[PARE_PE_TERM_POSITIONS], const int32_t *weight,
                          uint32_t lanes, uint32_t first_stage_bits, bool *pends)
{
    uint32_t lowest = PARE_PE_TERM_POSITIONS;
    for (uint32_t l = 0; l < lanes; l++) {
        const uint32_t p = lowest_term(signs[l]);
        if (p < lowest) lowest = p;
    }
    int64_t sum = 0;
    *pends = false;
    for (uint32_t l = 0; l < lanes; l++) {
        const uint32_t p = lowest_term(signs[l]);
        if (p < PARE_PE_TERM_POSITIONS && p - lowest < 1u << first_stage_bits) {
            sum += (int64_t)signs[l][p] * weight[l] * ((int64_t)1 << p);
            signs[l][p] = 0;
        }
        *pends |= lowest_term(signs[l]) < PARE_PE_TERM_POSITIONS;
    }
    return sum;
}

pare_pe_sum pare_pe_term_dot(const pare_pe *pe, const pare_pe_shifter *shifter,
                             const pare_pe_work *work, uint32_t *step_cycles)
{
    assert(pe->acc_bits >= pare_pe_min_acc_bits(pe));
    int8_t(*const signs)[PARE_PE_TERM_POSITIONS] = pare_xalloc(pe->lanes, sizeof *signs);
    pare_pe_sum sum = {0};
    for (uint32_t s = 0; s < work->n_steps; s++) {
        const int32_t *const act = work->act + (size_t)s * pe->lanes;
        for (uint32_t l = 0; l < pe->lanes; l++) {
            pare_pe_recode(shifter->terms, (uint32_t)(act[l] < 0 ? -act[l] : act[l]), signs[l]);
            if (act[l] < 0)
                for (int p = 0; p < PARE_PE_TERM_POSITIONS; p++) signs[l][p] = (int8_t)-signs[l][p];
        }
        const uint64_t before = sum.cycles;
        bool pends = true;
        for (; pends; sum.cycles++)
            accumulate(&sum,
                       drop_terms(signs, work->weight + (size_t)s * pe->lanes, pe->lanes,
                                  shifter->first_stage_bits, &pends),
                       pe->acc_bits);
        if (step_cycles) step_cycles[s] = (uint32_t)(sum.cycles - before);
    }
    free(signs); /* cppcheck-suppress autovarInvalidDeallocation ; it is on the heap */
    return sum;
}

pare_pe_times pare_pe_dot_times(const pare_pe_pace *pace, const pare_pe_times *before)
{
    assert(pace->n_beats > 0 && pace->n_ready > 0);
    pare_pe_times t = {0};
    const uint64_t offered = (before ? before->last_beat + 1 : 0) + pace->gaps[0];
    /* a waiting result holds the beats back up to the cycle in which it is taken */
    t.first_beat = before && before->taken > offered ? before->taken : offered;
    t.last_beat = t.first_beat + pace->n_beats - 1;
    for (uint64_t i = 1; i < pace->n_beats; i++) t.last_beat += pace->gaps[i];
    t.valid = t.last_beat + 1;
    const uint64_t base = before ? before->taken + 1 : 0;
    uint32_t k = (uint32_t)((t.valid - base) % pace->n_ready);
    t.taken = t.valid;
    for (uint32_t tried = 0; !pace->ready[k]; tried++) {
        assert(tried < pace->n_ready);
        k = k + 1 < pace->n_ready ? k + 1 : 0;
        t.taken++;
    }
    return t;
}
