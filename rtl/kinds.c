/* The table of kinds and what only needs it: no Verilator here. */
#include "rtl/kinds.h"
#include "rtl/dut.h"

#include <string.h>

#define ROW(id, pe, lanes, act_digit, weight_digit, act_bits, weight_bits, acc_bits, recoding,     \
            first_stage_bits)                                                                      \
    {#id,      PARE_DUT_##pe, lanes,    act_digit, weight_digit,                                   \
     act_bits, weight_bits,   acc_bits, recoding,  first_stage_bits},
static const pare_dut_kind kinds[] = {PARE_RTL_KINDS(ROW)};
#undef ROW

const pare_dut_kind *pare_dut_kinds(size_t *n)
{
    *n = sizeof kinds / sizeof *kinds;
    return kinds;
}

const pare_dut_kind *pare_dut_kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, name)) return &kinds[i];
    return NULL;
}

uint32_t pare_dut_act_width(const pare_dut_kind *kind)
{
    return kind->pe == PARE_DUT_fusion ? PARE_DUT_UNIT_BITS : kind->act_digit;
}

uint32_t pare_dut_weight_width(const pare_dut_kind *kind)
{
    return kind->pe == PARE_DUT_fusion ? PARE_DUT_UNIT_BITS : kind->weight_digit;
}

uint32_t pare_dut_words(uint32_t lanes, uint32_t digit) { return (lanes * digit + 31) / 32; }
