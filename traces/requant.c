/* From an integer sum to the next layer's code, in integers. */
#include "traces/trace.h"

#include <math.h>

enum { FRACTION_BITS = 8, POSTSCALE_MAX = 62, NOTHING_LEFT = 48, SCALE_MAX = (1 << 23) - 1 };

/* scale / 2^shift nearest to a positive multiplier, the scale of so many bits. */
static int mantissa_of(double multiplier, uint32_t scale_bits, double *scale)
{
    int exponent;
    const double mantissa = frexp(multiplier, &exponent);
    int shift = (int)scale_bits - exponent;
    *scale = rint(ldexp(mantissa, (int)scale_bits));
    if (*scale >= ldexp(1, (int)scale_bits)) {
        *scale /= 2;
        shift--;
    }
    for (; shift < 0; shift++) *scale *= 2;
    *scale = fmin(*scale, SCALE_MAX);
    return shift;
}

pare_requant pare_requant_of(double multiplier, double offset, uint32_t scale_bits)
{
    double scale = 1;
    int shift = 0, prescale = NOTHING_LEFT; /* of a channel that does not depend on its sum */
    if (multiplier != 0) {
        shift = mantissa_of(ldexp(fabs(multiplier), -FRACTION_BITS), scale_bits, &scale);
        prescale = shift > POSTSCALE_MAX ? shift - POSTSCALE_MAX : 0;
        shift -= prescale;
    }
    if (multiplier < 0) scale = -scale;
    double bias = rint(ldexp(offset / scale, shift));
    for (; fabs(bias) > INT32_MAX && shift > 0; shift--) {
        prescale++;
        bias = rint(ldexp(offset / scale, shift - 1));
    }
    prescale = prescale < NOTHING_LEFT ? prescale : NOTHING_LEFT;
    return (pare_requant){.prescale_shift = (uint32_t)prescale,
                          .postscale_shift = (uint32_t)shift,
                          .scale = (int32_t)scale,
                          .bias = (int32_t)fmax(fmin(bias, INT32_MAX), -INT32_MAX)};
}

/* rint(x / 2^n) */
static int64_t shift_right(int64_t x, uint32_t n)
{
    if (!n) return x;
    const int64_t floor = x >> n;
    const uint64_t left = (uint64_t)x & (((uint64_t)1 << n) - 1), half = (uint64_t)1 << (n - 1);
    return floor + (left > half || (left == half && (floor & 1)));
}

int64_t pare_requantize(int64_t sum, const pare_requant *r)
{
    const int64_t t = shift_right(sum * (1 << FRACTION_BITS), r->prescale_shift) + r->bias;
    return shift_right(t * r->scale, r->postscale_shift);
}

bool pare_requant_is_valid(const pare_requant *r)
{
    return r->prescale_shift <= NOTHING_LEFT && r->postscale_shift <= POSTSCALE_MAX &&
           r->scale <= SCALE_MAX && r->scale >= -SCALE_MAX;
}
