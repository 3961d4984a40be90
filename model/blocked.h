/* blocked.h (private): images between NHWC and channels in blocks of 16 (oneDNN's nChw16c), which
 * its Winograd convolutions want. The channels must be a multiple of 16. */
#ifndef PARE_MODEL_BLOCKED_H
#define PARE_MODEL_BLOCKED_H
#include <stddef.h>

enum { PARE_BLOCK = 16 };

/* pixels: height * width of an image. Both sides hold n * pixels * c floats. */
void pare_to_blocked(const float *nhwc, size_t n, size_t pixels, size_t c, float *blocked);
void pare_from_blocked(const float *blocked, size_t n, size_t pixels, size_t c, float *nhwc);
#endif
