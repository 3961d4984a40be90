/* layer_bins_core.h: for layer_bins.c and layer_bins_values.c. */
#ifndef PARE_RTL_LAYER_BINS_CORE_H
#define PARE_RTL_LAYER_BINS_CORE_H
#include "rtl/layer_bins.h"

/* A layer as the sets see it. */
typedef struct layer_view {
    const pare_layer_seen *seen;
    const pare_accel_params *p;
    const pare_accel_descriptor *d;
    uint32_t n_k, n_w;              /* tiles of filters, of windows */
    uint32_t first_k, first_w;      /* filters and rows of the first tile, the largest one */
    uint32_t last_k, last_w;        /* and of the last one */
    const int32_t *sums, *act_sums; /* [K][P][Q], [P][Q], as 32 bits hold them */
} layer_view;

typedef struct layer_set {
    const char *name;
    pare_bins_axis axes[PARE_BINS_AXES_MAX];
    pare_bins_why *why; /* its context is the pare_layer_coverage */
    void (*hit)(const layer_view *v, pare_bins *b);
} layer_set;

#define AXIS(name, labels)                                                                         \
    {                                                                                              \
        name, sizeof(labels) / sizeof *(labels), labels                                            \
    }

/* The sets of values: what the array sums up and the requantiser makes of it. */
enum { LAYER_VALUE_SETS = 4 };
extern const layer_set layer_value_sets[LAYER_VALUE_SETS];

#endif
