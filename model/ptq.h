/* ptq.h (private): ranges of least squared error, and their friends, for quantizing without
 * training. */
#ifndef PARE_MODEL_PTQ_H
#define PARE_MODEL_PTQ_H
#include "model/method.h"

/* Which levels a search is about: 2^k - 1 around zero, or 2^k from 0 (or lo) up. */
typedef enum pare_ptq_levels { PARE_PTQ_NARROW, PARE_PTQ_UNSIGNED } pare_ptq_levels;

/* Mean squared error of x on the levels that end at `clip`. */
double pare_ptq_error(const float *x, size_t n, pare_ptq_levels levels, double clip, uint32_t k);
/* The clip of least error: 100 clips up to the largest magnitude, then golden section around the
 * best, then codes and scale by turns, which never raises the error. */
double pare_ptq_mmse(const float *x, size_t n, pare_ptq_levels levels, uint32_t k);
/* One turn: the clip whose scale fits the codes at `clip` best in the least-squares sense. */
double pare_ptq_refit(const float *x, size_t n, pare_ptq_levels levels, double clip, uint32_t k);
/* The magnitude that `percent` of x do not exceed. */
double pare_ptq_percentile(const float *x, size_t n, double percent);
/* The clip of least Kullback-Leibler divergence between a histogram of magnitudes and its version
 * in 2^k (2^(k-1) for NARROW) levels. */
double pare_ptq_kl(const float *x, size_t n, pare_ptq_levels levels, uint32_t k);
/* ACIQ's clips (Banner et al. 2019), from its code: of a Gauss or Laplace distribution. */
double pare_ptq_aciq(const float *x, size_t n, bool is_laplace, uint32_t k);

/* Samples of the real inputs of every MAC node. */
typedef struct pare_samples {
    float *v;
    size_t n, capacity;
    double lo, hi;
} pare_samples;

/* Every so many-th value is a sample, of `count` of which at most `most` are taken: prime to the
 * channels, which lie innermost, so that all of them are seen alike. */
size_t pare_ptq_stride(size_t count, size_t most, size_t channels);
/* One for each MAC node in the order of the network; free with pare_samples_free. */
pare_status pare_samples_take(pare_run *r, size_t n_images, pare_samples **out,
                              pare_err *e) PARE_MUST_CHECK;
void pare_samples_free(pare_run *r, pare_samples *s);

/* Ends of an activation quantizer: [0, clip] or [-clip, clip]; of one that is the images: lo..hi.
 */
void pare_ptq_set_input(pare_run *r, pare_node *n, const pare_samples *s, double clip);
static inline pare_ptq_levels pare_ptq_levels_of(const pare_quant *q)
{
    return q->is_signed ? PARE_PTQ_NARROW : PARE_PTQ_UNSIGNED;
}
#endif
