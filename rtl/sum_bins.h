/* sum_bins.h: the bins of a dot product's sum, for PEs and for the machine. Private to pare-cosim
 * and its tests. */
#ifndef PARE_RTL_SUM_BINS_H
#define PARE_RTL_SUM_BINS_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Lowest and highest product of the operands; signs: bit 0 activations, bit 1 weights. */
void pare_product_range(uint32_t act_bits, uint32_t weight_bits, uint32_t signs, int64_t *low,
                        int64_t *high);

/* The largest and the smallest that there are, and others. */
enum {
    PARE_SUM_LARGEST,
    PARE_SUM_SMALLEST,
    PARE_SUM_ZERO,
    PARE_SUM_MINUS_ONE,
    PARE_SUM_OTHER,
    PARE_N_SUMS
};
extern const char *const pare_sum_names[PARE_N_SUMS];

/* Which of them `sum` is, of n products. */
uint32_t pare_sum_bin(int64_t sum, int64_t n, uint32_t act_bits, uint32_t weight_bits,
                      uint32_t signs);

/* A pare_bins_why of values {sum, signs, ...}. */
const char *pare_sum_why(const void *context, const uint32_t *values);

/* Does a sum fit a signed accumulator of so many bits? */
enum { PARE_SUM_FITS, PARE_SUM_ABOVE, PARE_SUM_BELOW, PARE_N_SUM_FITS };
extern const char *const pare_sum_fit_names[PARE_N_SUM_FITS];
uint32_t pare_sum_fit(int64_t sum, uint32_t acc_bits);

#ifdef __cplusplus
}
#endif
#endif
