/* accel_model.h: the machine of rtl/pare_accel.sv in C, bit by bit and cycle by cycle: the same
 * pins from the same inputs. What the RTL keeps in flip-flops it keeps in counters; what the RTL
 * multiplies digit by digit it multiplies at once. Public. */
#ifndef PARE_SIM_ACCEL_MODEL_H
#define PARE_SIM_ACCEL_MODEL_H
#include "sim/accel.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pare_accel_model pare_accel_model;

/* A machine after reset, in cycle 0. */
pare_accel_model *pare_accel_model_new(const pare_accel_params *params);
void pare_accel_model_free(pare_accel_model *m); /* NULL allowed */
/* One clock cycle: outputs for these inputs, then the clock edge. */
void pare_accel_model_cycle(pare_accel_model *m, const pare_accel_in *in, pare_accel_out *out);
/* The first pin in which other outputs differ from this cycle's, or NULL: pins without meaning (a
 * request's address while there is none, bytes behind the last output) are not compared. */
const char *pare_accel_model_difference(const pare_accel_model *m, const pare_accel_out *other,
                                        const pare_accel_out *own);

#ifdef __cplusplus
}
#endif
#endif
