/* bins.h: functional coverage in C. A set of bins is a cross of axes; a bin that nothing can reach
 * has a reason, and a hit in it is a mistake. Any part of rtl/ makes its own sets. Private to
 * pare-cosim and its tests.
 */
#ifndef PARE_RTL_BINS_H
#define PARE_RTL_BINS_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PARE_BINS_AXES_MAX = 6 };

typedef struct pare_bins_axis {
    const char *name;
    uint32_t n;
    const char *const *labels; /* n of them */
} pare_bins_axis;

/* Why a bin (an index on each axis) cannot be met, or NULL. */
typedef const char *pare_bins_why(const void *context, const uint32_t *values);

typedef struct pare_bins {
    const char *name;
    pare_bins_axis axes[PARE_BINS_AXES_MAX];
    size_t n_axes, n;
    uint64_t *hits;   /* n, the last axis innermost */
    const char **why; /* n, NULL where the bin can be met */
} pare_bins;

/* Axes end at the first without a name. `why` may be NULL. Free with pare_bins_free. */
void pare_bins_new(pare_bins *b, const char *name, const pare_bins_axis *axes, pare_bins_why *why,
                   const void *context);
void pare_bins_free(pare_bins *b); /* zeroed allowed */
void pare_bins_hit(pare_bins *b, const uint32_t *values);

typedef struct pare_bins_tally {
    size_t n_reachable, n_hit, n_unreachable;
    size_t n_wrong;  /* unreachable ones that were hit: the reason is wrong */
    uint64_t fewest; /* hits of any reachable bin */
} pare_bins_tally;
/* Adds to *t (fewest: UINT64_MAX at first). */
void pare_bins_count(const pare_bins *b, pare_bins_tally *t);

/* One line, then at most `n_holes` lines of holes, and one of each reason. */
void pare_bins_write(const pare_bins *b, size_t n_holes, pare_buf *out);

#ifdef __cplusplus
}
#endif
#endif
