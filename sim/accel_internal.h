/* accel_internal.h: the state of the machine in C; for accel_model.c and accel_values.c. */
#ifndef PARE_SIM_ACCEL_INTERNAL_H
#define PARE_SIM_ACCEL_INTERNAL_H
#include "sim/accel_model.h"

/* What a tile computes and moves. */
typedef struct model_tile {
    bool exists, loads_weights, loads_acts;
    uint32_t weight_half, act_half, out_half;
    uint32_t first_fold, folds, rows; /* rows of windows */
    uint32_t in_rows;                 /* of the input */
    int64_t first_row;                /* minus the rows of padding above */
    uint32_t weight_addr, weight_words, act_addr, act_words, out_addr, out_words, out_bytes;
} model_tile;

typedef enum model_phase {
    MODEL_WORDS,   /* takes a descriptor */
    MODEL_SETUP,   /* checks it */
    MODEL_RECORDS, /* takes the filters' records */
    MODEL_LAYER,   /* runs, or has run */
    MODEL_REFUSED
} model_phase;

struct pare_accel_model {
    pare_accel_params p;
    uint64_t cycle;
    model_phase phase;
    uint32_t words[PARE_ACCEL_WORDS], n_words;
    uint64_t wait; /* cycles of setup that are left */
    uint32_t status;
    /* the layer */
    pare_accel_descriptor d;
    pare_accel_filter *filters; /* max_filters */
    uint32_t n_filters, folds, tile_folds, tile_rows, reach;
    uint32_t groups; /* of `lanes` channels in memory: all of the steps of a kernel position */
    uint64_t steps, fold_planes, row_planes;
    /* stages */
    bool runs, has_ended;
    uint32_t age, stage;
    uint64_t tiler_wait, windows_wait;
    model_tile next, load, compute, store;
    uint32_t weight_half, act_half; /* of the tile that is loaded */
    /* the array: cycles of each set of the tile's windows; of this one, of the tile that are left
     */
    uint64_t *set_cycles, n_sets, set, set_left, array_left;
    uint64_t complete_at[2]; /* a half of the output buffer holds its tile from this cycle on */
    /* DMA: transfers that are not asked for, not done, as bits of pare_accel_kind */
    uint32_t asks, moves;
    uint64_t word, read; /* of the transfer; of the output buffer */
    bool has_begun, store_valid;
    uint64_t store_word, store_half, shown_word, shown_bytes;
    /* buffers, halves */
    uint8_t *weights[2], *acts[2], *outs[2];
};

/* Fill the output buffer of the tile m->compute from its weights and activations, and
 * m->set_cycles. */
void model_compute(pare_accel_model *m);

#endif
