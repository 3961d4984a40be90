/* What the kinds of PE differ in for pare-cosim: their reference, the products of a step. */
#include "rtl/cosim.h"

pare_pe pare_cosim_pe(const pare_dut_kind *kind)
{
    return (pare_pe){.style = kind->pe == PARE_DUT_fusion ? PARE_PE_SPATIAL : PARE_PE_TEMPORAL,
                     .lanes = kind->lanes,
                     .act_digit = kind->act_digit,
                     .weight_digit = kind->weight_digit,
                     .max_act_bits = kind->max_act_bits,
                     .max_weight_bits = kind->max_weight_bits,
                     .acc_bits = kind->acc_bits};
}

uint32_t pare_cosim_products(const pare_dut_kind *kind, uint32_t act_bits, uint32_t weight_bits)
{
    const pare_pe pe = pare_cosim_pe(kind);
    return kind->pe == PARE_DUT_fusion ? pare_pe_fusion_products(&pe, act_bits, weight_bits)
                                       : kind->lanes;
}

static void fill(uint32_t *step_cycles, uint32_t n_steps, uint32_t cycles)
{
    for (uint32_t s = 0; s < n_steps; s++) step_cycles[s] = cycles;
}

pare_pe_sum pare_cosim_dot_sum(const pare_dut_kind *kind, const pare_pe_work *work,
                               uint32_t *step_cycles)
{
    const pare_pe pe = pare_cosim_pe(kind);
    const pare_pe_shifter shifter = {(pare_pe_terms)kind->recoding, kind->first_stage_bits};
    switch (kind->pe) {
    case PARE_DUT_fusion: fill(step_cycles, work->n_steps, 1); return pare_pe_fusion_dot(&pe, work);
    case PARE_DUT_term: return pare_pe_term_dot(&pe, &shifter, work, step_cycles);
    case PARE_DUT_temporal: break;
    }
    fill(step_cycles, work->n_steps, pare_pe_step_cycles(&pe, work->act_bits, work->weight_bits));
    return pare_pe_dot(&pe, work);
}
