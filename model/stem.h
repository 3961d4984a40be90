/* stem.h (private): convolutions of images with one channel, which oneDNN's blocks of channels
 * leave mostly idle: first layers on gray images.
 *
 * Eight output channels are a vector, a tap is a broadcast pixel; an image is copied into a frame
 * of zeros first, so that the loops know no border. Sums run over the taps row by row (forward,
 * from the bias on) and over the pixels row by row, image by image (weights' gradients), fused.
 */
#ifndef PARE_MODEL_STEM_H
#define PARE_MODEL_STEM_H
#include "traces/trace.h"

enum { PARE_STEM_LANES = 8, PARE_STEM_CHANNELS_MAX = 64 };

/* Loops over one image and eight output channels from k on, one pair for each kernel size so that
 * the taps are registers. `frame` is the image with its padding; packed weights and sums are
 * [tap, then bias][lane]; `backward` adds to the sums. */
typedef struct pare_stem_size {
    uint32_t r, s;
    void (*forward)(const pare_dims *d, const float *frame, const float *w, float *y, size_t k);
    void (*backward)(const pare_dims *d, const float *frame, const float *gy, float *sum, size_t k);
} pare_stem_size;

extern const pare_stem_size pare_stem_sizes[];
extern const size_t pare_n_stem_sizes;

static inline size_t pare_stem_frame_width(const pare_dims *d)
{
    return d->w + 2 * (size_t)d->pad[1];
}

/* Does this machine compute such layers here? */
bool pare_stem_fits(const pare_dims *d);

/* Floats of memory that a pass needs, and of packed weights and bias. */
size_t pare_stem_memory(const pare_dims *d);
size_t pare_stem_packed(const pare_dims *d);

/* weights: [K][R][S]; bias: K or NULL. */
void pare_stem_pack(const pare_dims *d, const float *weights, const float *bias, float *packed);

/* x: n images of h x w; y: n images of p x q pixels of K channels, overwritten. */
void pare_stem_forward(const pare_dims *d, const float *packed, const float *x, float *y,
                       float *memory);

/* gw: [K][R][S], gbias: K or NULL; both overwritten. */
void pare_stem_backward_weights(const pare_dims *d, const float *x, const float *gy, float *gw,
                                float *gbias, float *memory);
#endif
