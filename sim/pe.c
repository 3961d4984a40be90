/* The styles of processing elements: how fast they are at given bits. A style is a table row. */
#include "sim/core.h"

/* the narrowest power of two that holds x, so that bricks combine whole */
static uint32_t round_up_to_power_of_two(uint32_t x)
{
    uint32_t p = 1;
    while (p < x) p *= 2;
    return p;
}

static pe_rate temporal_rate(const pare_pe *pe, uint32_t weight_bits, uint32_t act_bits)
{
    return (pe_rate){.lane_factor = 1,
                     .act_steps = pare_pe_digits(act_bits, pe->act_digit),
                     .weight_steps = pare_pe_digits(weight_bits, pe->weight_digit)};
}

/* A fusion unit of max x max bits falls into independent products of whole bricks (Sharma et al.,
 * ISCA 2018; the throughput clamp is that of its simulator, docs/machines.md). Bits are rounded to
 * powers of two first: 3 bits run as 4. */
static pe_rate spatial_rate(const pare_pe *pe, uint32_t weight_bits, uint32_t act_bits)
{
    const uint32_t w = round_up_to_power_of_two(weight_bits),
                   a = round_up_to_power_of_two(act_bits);
    const uint32_t ways_w = pe->max_weight_bits / (w < pe->weight_digit ? pe->weight_digit : w);
    const uint32_t ways_a = pe->max_act_bits / (a < pe->act_digit ? pe->act_digit : a);
    return (pe_rate){.lane_factor = (uint64_t)ways_w * ways_a, .act_steps = 1, .weight_steps = 1};
}

typedef struct pe_style_row {
    pe_rate (*rate)(const pare_pe *pe, uint32_t weight_bits, uint32_t act_bits);
    bool is_digit_port; /* a lane's ports are one digit wide, else a whole operand */
} pe_style_row;

static const pe_style_row pe_styles[] = {
    [PARE_PE_TEMPORAL] = {temporal_rate, true},
    [PARE_PE_SPATIAL] = {spatial_rate, false},
};

bool sim_pe_rate(const pare_pe *pe, uint32_t weight_bits, uint32_t act_bits, pe_rate *out)
{
    if (weight_bits > pe->max_weight_bits || act_bits > pe->max_act_bits) return false;
    *out = pe_styles[pe->style].rate(pe, weight_bits, act_bits);
    return true;
}

uint32_t sim_pe_weight_port_bits(const pare_pe *pe)
{
    return pe_styles[pe->style].is_digit_port ? pe->weight_digit : pe->max_weight_bits;
}

uint32_t sim_pe_act_port_bits(const pare_pe *pe)
{
    return pe_styles[pe->style].is_digit_port ? pe->act_digit : pe->max_act_bits;
}

uint64_t sim_pe_lane_bit_products(const pare_pe *pe)
{
    return (uint64_t)sim_pe_weight_port_bits(pe) * sim_pe_act_port_bits(pe);
}
