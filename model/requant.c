/* requant.c: see requant.h. */
#include "model/requant.h"
#include <math.h>

pare_requant pare_requant_of(double multiplier, uint32_t scale_bits)
{
    enum { SHIFT_MAX = 46 };
    int exponent;
    pare_requant r = {0, 0, 0};
    if (!(multiplier > 0)) return r;
    const double mantissa = frexp(multiplier, &exponent);
    double scale = rint(ldexp(mantissa, (int)scale_bits));
    int shift = (int)scale_bits - exponent;
    if (scale >= ldexp(1, (int)scale_bits)) {
        scale /= 2;
        shift--;
    }
    for (; shift < 0; shift++) scale *= 2;
    if (shift > SHIFT_MAX) {
        r.prescale_shift = (uint32_t)(shift - SHIFT_MAX);
        shift = SHIFT_MAX;
    }
    r.scale = (uint32_t)fmin(scale, UINT32_MAX);
    r.postscale_shift = (uint32_t)shift;
    return r;
}

static int64_t shift_right(int64_t x, uint32_t n)
{
    return n ? (x + ((int64_t)1 << (n - 1))) >> n : x;
}

int64_t pare_requantize(int64_t acc, const pare_requant *r)
{
    return shift_right(shift_right(acc, r->prescale_shift) * (int64_t)r->scale, r->postscale_shift);
}
