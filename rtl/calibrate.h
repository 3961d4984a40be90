/* calibrate.h: an energy base (traces/energy/base_*.csv) whose ratios are those of our own gates.
 * Private to pare-cosim and its tests. */
#ifndef PARE_RTL_CALIBRATE_H
#define PARE_RTL_CALIBRATE_H
#include "rtl/dut.h"
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The parts that sim/ prices a PE from, in the order of the base's rows. */
enum { PARE_PART_BIT2, PARE_PART_BIT, PARE_PART_ADDER, PARE_PART_REGISTER, PARE_N_PARTS };
extern const char *const pare_part_names[PARE_N_PARTS];

/* How many of each a PE has, as docs/energy.md counts them: of a cycle in which all lanes work. */
void pare_part_counts(const pare_dut_kind *kind, double counts[PARE_N_PARTS]);

/* x >= 0 with the least sum of squares of (counts . x - y) / y, exactly;
 * multiplier_bit is left at 0. False if no x but 0 is
 * better than nothing, or y is not positive. Returns the largest relative error in *worst. */
bool pare_fit_parts(double (*counts)[PARE_N_PARTS], const double *y, size_t n,
                    double x[PARE_N_PARTS], double *worst);

enum { PARE_QUANTITIES = 3 }; /* energy, area, leakage */

/* Energy in pJ, area in um2, leakage in uW of the parts and of a fusion unit of 8 bits. */
typedef struct pare_calibration {
    double part[PARE_QUANTITIES][PARE_N_PARTS], fusion[PARE_QUANTITIES];
    double worst[PARE_QUANTITIES]; /* relative error of the fit, of any temporal kind */
    double anchor_pj[PARE_N_PARTS], anchor_fusion_pj; /* the anchor's own energies */
} pare_calibration;

/* Fit the ratios of `table` (pare-cosim characterize) so that the bit-parallel PE costs what the
 * base `anchor` says. PARE_EINPUT if the table lacks a column, the kinds or the anchor. */
pare_status pare_calibrate(const pare_csv *table, const pare_csv *anchor, pare_calibration *out,
                           pare_err *e) PARE_MUST_CHECK;
/* The base as a CSV; the fit beside the measurement as a text. */
void pare_calibration_write(const pare_calibration *c, const char *anchor, const char *table,
                            pare_buf *out);
void pare_calibration_explain(const pare_calibration *c, const pare_csv *table, pare_buf *out);

#ifdef __cplusplus
}
#endif
#endif
