/* layer_run.h: the bench of a layer run; for layer_run.c and layer_vcd.c. */
#ifndef PARE_RTL_LAYER_RUN_H
#define PARE_RTL_LAYER_RUN_H
#include "rtl/layer.h"

/* A VCD of the C model's pins, under the names that the RTL's waves have. */
typedef struct layer_vcd layer_vcd;
layer_vcd *layer_vcd_new(const pare_accel_params *params);
void layer_vcd_cycle(layer_vcd *v, uint64_t cycle, const pare_accel_in *in,
                     const pare_accel_out *out);
pare_status layer_vcd_save(const layer_vcd *v, const char *path, pare_err *e) PARE_MUST_CHECK;
void layer_vcd_free(layer_vcd *v); /* NULL allowed */

typedef struct layer_request {
    bool is_write;
    uint32_t kind, addr, words, done;
} layer_request;

typedef struct layer_watch {
    uint32_t code, stage;
    pare_layer_record record;
} layer_watch;

/* Makes the records of a descriptor, from its first cycle on (layer_records.c). */
typedef struct layer_watcher {
    pare_layer_records *records; /* PARE_N_UNITS */
    uint64_t cycle;              /* of the descriptor */
    bool has_run, has_ended;
    uint64_t run_cycle, cycles; /* of the first stage's begin; of all stages */
    layer_watch units[PARE_N_UNITS];
} layer_watcher;
/* The pins of the next cycle. */
void layer_watch_cycle(layer_watcher *w, const pare_accel_in *in, const pare_accel_out *out);

enum { LAYER_QUEUE = 4, LAYER_CONTEXT = 8 };

struct pare_accel_model;

typedef struct layer_bench {
    const pare_layer_run *run;
    pare_layer_outcome *out;
    pare_dut_accel *dut;
    struct pare_accel_model *model; /* NULL: none */
    layer_vcd *vcd;                 /* or NULL */
    uint64_t cycle;
    pare_accel_in in;
    pare_accel_out history[LAYER_CONTEXT];
    uint32_t *words; /* for the descriptor port */
    size_t n_words, next_word;
    layer_request queue[LAYER_QUEUE];
    size_t n_queue;
    bool has_stage, has_offer, is_asked; /* is_asked: a request is waiting to be taken */
    uint64_t begin_cycle;                /* of this descriptor */
    uint32_t stage, offer_stage;
    uint64_t offer_cycle; /* of the stage's first request */
    uint64_t next_at;     /* cycle of the next word */
    uint64_t n_moved;     /* words */
    layer_watcher watch;
} layer_bench;

#endif
