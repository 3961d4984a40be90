/* blocked.c: moving channels in blocks: each block of a pixel is one cache line. */
#include "model/blocked.h"
#include <string.h>

enum { BLOCK_BYTES = PARE_BLOCK * sizeof(float) };

void pare_to_blocked(const float *nhwc, size_t n, size_t pixels, size_t c, float *blocked)
{
    for (size_t image = 0; image < n; image++, nhwc += pixels * c)
        for (size_t j = 0; j < c; j += PARE_BLOCK)
            for (size_t p = 0; p < pixels; p++, blocked += PARE_BLOCK)
                memcpy(blocked, nhwc + p * c + j, BLOCK_BYTES);
}

void pare_from_blocked(const float *blocked, size_t n, size_t pixels, size_t c, float *nhwc)
{
    for (size_t image = 0; image < n; image++, nhwc += pixels * c)
        for (size_t j = 0; j < c; j += PARE_BLOCK)
            for (size_t p = 0; p < pixels; p++, blocked += PARE_BLOCK)
                memcpy(nhwc + p * c + j, blocked, BLOCK_BYTES);
}
