#include "sim/sim.h"

#include <assert.h>

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

pare_pe_sum pare_pe_dot(const pare_pe *pe, const pare_pe_work *work)
{
    assert(pe->style == PARE_PE_TEMPORAL && pe->acc_bits >= pare_pe_min_acc_bits(pe));
    assert(work->act_bits >= 1 && work->act_bits <= pe->max_act_bits);
    assert(work->weight_bits >= 1 && work->weight_bits <= pe->max_weight_bits);
    pare_pe_sum sum = {0};
    for (uint32_t s = 0; s < work->n_steps; s++) {
        const int64_t step = step_sum(pe, work, (size_t)s * pe->lanes, &sum.cycles);
        int64_t exact = 0;
        /* acc_bits may be 64 */
        const bool is_beyond_64 = __builtin_add_overflow(sum.value, step, &exact);
        sum.value = wrap(exact, pe->acc_bits);
        sum.overflowed |= is_beyond_64 || sum.value != exact;
    }
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
