/* requant.h (private): from an integer sum to the next layer's code, in integers. */
#ifndef PARE_MODEL_REQUANT_H
#define PARE_MODEL_REQUANT_H
#include <stdint.h>

/* y = round(round(acc >> prescale_shift) * scale >> postscale_shift) */
typedef struct pare_requant {
    uint32_t prescale_shift, scale, postscale_shift;
} pare_requant;

/* The triple for a positive real multiplier; scale has at most scale_bits bits. The sum is kept
 * whole (prescale_shift 0) unless the multiplier is below 2^-31. */
pare_requant pare_requant_of(double multiplier, uint32_t scale_bits);
/* Shifts round to the nearest, ties up. */
int64_t pare_requantize(int64_t acc, const pare_requant *r);
#endif
