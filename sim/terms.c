/* What a value costs a machine that skips: its terms, the schedule of a PE over them, its width. */
#include "sim/dynamic.h"

enum { TOP_BIT = 15, POSITIONS = 17 };

/* DNNsim's "Booth-like" recoding (core/src/Utils.cpp): runs of three ones and more become a term
 * above and one at their end; runs of two stay, which is where it differs from the NAF. */
static uint32_t dnnsim_terms(uint32_t x)
{
    uint32_t terms = 0;
    bool is_run = false;
    for (int k = TOP_BIT; k >= 0; k--) {
        const uint32_t window = (x << 2 >> k) & 7; /* bits k, k-1, k-2 */
        const uint32_t here = 1u << k;
        if (!is_run && window == 7) {
            terms |= here << 1;
            is_run = true;
        } else if (!is_run && window & 4) {
            terms |= here;
        } else if (is_run && window >> 1 == 1) {
            terms |= here;
        } else if (is_run && window == 4) {
            terms |= here;
            is_run = false;
        }
    }
    return terms;
}

uint32_t sim_terms(pare_recoding recoding, uint32_t magnitude)
{
    switch (recoding) {
    case PARE_RECODE_DNNSIM: return dnnsim_terms(magnitude);
    case PARE_RECODE_NAF: return (magnitude >> 1) ^ (magnitude + (magnitude >> 1));
    case PARE_RECODE_ONES: break;
    }
    return magnitude;
}

static uint32_t all_terms(const uint32_t *masks, size_t n)
{
    uint32_t all = 0;
    for (size_t i = 0; i < n; i++) all |= masks[i];
    return all;
}

static uint32_t most_terms(const uint32_t *masks, size_t n)
{
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t count = (uint32_t)__builtin_popcount(masks[i]);
        if (count > most) most = count;
    }
    return most;
}

uint32_t sim_two_stage_cycles(uint32_t *masks, size_t n, uint32_t first_stage_bits)
{
    uint32_t pending = all_terms(masks, n), cycles = 0;
    if (pending == 0) return 1;
    const uint32_t reach = 1u << first_stage_bits; /* positions that one cycle spans */
    if (reach == 1) return (uint32_t)__builtin_popcount(pending);
    if (reach >= POSITIONS) return most_terms(masks, n);
    for (; pending; cycles++) {
        const uint32_t window = ((1u << reach) - 1) << __builtin_ctz(pending);
        pending = 0;
        for (size_t i = 0; i < n; i++) {
            masks[i] ^= masks[i] & (0u - masks[i]) & window;
            pending |= masks[i];
        }
    }
    return cycles;
}

/* Above 16: the code, whose trailing zeros may be trimmed. Below: its bits under the sign, where a
 * negative value counts as its one's complement. */
uint32_t sim_width_pattern(uint16_t code, bool is_signed)
{
    const uint16_t under = is_signed && code >> TOP_BIT ? (uint16_t)~code : code;
    return (uint32_t)code << 16 | under;
}

uint32_t sim_width(uint32_t pattern, bool is_signed, bool trim_low_bits)
{
    const uint32_t under = pattern & 0xffff, codes = pattern >> 16;
    const uint32_t least = is_signed ? 2 : 1;
    if (codes == 0) return least;
    const uint32_t msb_bits = under ? 32 - (uint32_t)__builtin_clz(under) : 0;
    const uint32_t bits = msb_bits + (is_signed ? 1 : 0);
    if (trim_low_bits) return bits - (uint32_t)__builtin_ctz(codes);
    return bits < least ? least : bits;
}

uint32_t sim_magnitude(uint16_t code, bool is_signed)
{
    return is_signed && code >> TOP_BIT ? 0x10000u - code : code;
}
