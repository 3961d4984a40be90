/* sim.h: what a network costs on a machine. The one public header of sim/. */
#ifndef PARE_SIM_H
#define PARE_SIM_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the processing element ------------------------------------------------------------------ */

typedef enum pare_pe_style { PARE_PE_TEMPORAL, PARE_PE_SPATIAL } pare_pe_style;

/* A PE reduces `lanes` products per step. A temporal PE consumes act_digit bits of the activations
 * and weight_digit bits of the weights each cycle; a digit of max_*_bits is the whole operand. */
typedef struct pare_pe {
    pare_pe_style style;
    uint32_t lanes;
    uint32_t act_digit, weight_digit;
    uint32_t max_act_bits, max_weight_bits;
    uint32_t acc_bits;
} pare_pe;

#ifdef __cplusplus
}
#endif
#endif
