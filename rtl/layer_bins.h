/* layer_bins.h: functional coverage of the machine: what the layers of a campaign have met, as sets
 * of bins (bins.h). Private to pare-cosim and its tests. */
#ifndef PARE_RTL_LAYER_BINS_H
#define PARE_RTL_LAYER_BINS_H
#include "rtl/bins.h"
#include "rtl/layer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PARE_LAYER_N_SETS = 17 };

struct pare_layer_coverage {
    const pare_accel_params *params;
    pare_bins sets[PARE_LAYER_N_SETS];
    uint64_t n_layers;
};

/* A layer that ran as it must. */
typedef struct pare_layer_seen {
    const pare_layer_job *job;
    const pare_layer_image *image;
    const pare_sim_pace *pace;         /* or NULL */
    const pare_layer_records *records; /* PARE_N_UNITS */
    pare_layer_before before;
    bool pauses; /* descriptor, status and request ports */
} pare_layer_seen;

/* Bins of a machine of these parameters, which must outlive them. Free with
 * pare_layer_coverage_free. */
void pare_layer_coverage_new(const pare_accel_params *params, pare_layer_coverage *c);
void pare_layer_coverage_free(pare_layer_coverage *c); /* zeroed allowed */
void pare_layer_cover(pare_layer_coverage *c, const pare_layer_seen *s);
/* Answers to random descriptors, PARE_ACCEL_N_STATUS of them. */
void pare_layer_cover_answers(pare_layer_coverage *c, const uint64_t *statuses);
pare_bins_tally pare_layer_tally(const pare_layer_coverage *c);
/* The table of all sets, with at most `n_holes` holes of each. */
void pare_layer_coverage_write(const pare_layer_coverage *c, size_t n_holes, pare_buf *out);

#ifdef __cplusplus
}
#endif
#endif
