/* dut_accel.h: a Verilated machine (of rtl/accels.h) behind C, as dut.h is for a PE. */
#ifndef PARE_RTL_DUT_ACCEL_H
#define PARE_RTL_DUT_ACCEL_H
#include "sim/accel.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All machines, in the order of accels.h. */
const pare_accel_params *pare_accels(size_t *n);
/* By name, or NULL. */
const pare_accel_params *pare_accel_find(const char *name);

typedef struct pare_dut_accel pare_dut_accel;

/* A machine after reset, in cycle 0. Never NULL. */
pare_dut_accel *pare_dut_accel_new(const pare_accel_params *params);
void pare_dut_accel_free(pare_dut_accel *d); /* NULL allowed; closes the waves */

/* One clock cycle: the pins take the inputs, the outputs are read, the clock rises. */
void pare_dut_accel_cycle(pare_dut_accel *d, const pare_accel_in *in, pare_accel_out *out);

/* Reset in the midst of whatever it does; its pins and cycles go on. */
void pare_dut_accel_reset(pare_dut_accel *d);

/* As pare_dut_trace. */
bool pare_dut_accel_trace(pare_dut_accel *d, const char *path);
/* An assertion of the RTL failed (it has been printed to stdout). */
bool pare_dut_accel_failed(const pare_dut_accel *d);

#ifdef __cplusplus
}
#endif
#endif
