/* dnnl_prim.h (private): what the two files that know oneDNN share: dnnl_make.c makes the
 * primitives and memories of a layer, dnnl.c runs them. */
#ifndef PARE_MODEL_DNNL_PRIM_H
#define PARE_MODEL_DNNL_PRIM_H
#include "model/dnnl.h"
#include <oneapi/dnnl/dnnl.h>

enum { PARE_DNNL_ALIGN = 64 };

struct pare_dnnl {
    dnnl_engine_t engine;
    unsigned n_workers;
    dnnl_stream_t *streams; /* one a worker */
    void **scratch;         /* one a worker, scratch_bytes each */
    size_t scratch_bytes;
    void *(*blocked)[2];  /* one pair a worker: x and y of a pass that wants blocked channels */
    size_t blocked_bytes; /* of each */
};

/* One primitive; memories[worker][i] belong to args[i]. */
typedef struct pare_prim {
    dnnl_primitive_t prim;
    dnnl_memory_desc_t weights_md;
    dnnl_memory_desc_t x_md, y_md;
    dnnl_memory_desc_t scratch_md;
    char impl[64];   /* empty: there is no such pass */
    bool is_blocked; /* x and y are nChw16c, not NHWC */
} pare_prim;

typedef struct pare_worker_mem {
    dnnl_memory_t x[PARE_N_PASSES], y[PARE_N_PASSES], scratch[PARE_N_PASSES];
} pare_worker_mem;

struct pare_mac {
    pare_dnnl *d;
    pare_mac_spec spec;
    char *name;
    pare_prim prims[PARE_N_PASSES];
    bool is_made[PARE_N_PASSES];
    dnnl_memory_desc_t plain_md, bias_md;
    float *stem;         /* packed weights of a layer that stem.h computes; NULL: oneDNN does */
    dnnl_memory_t plain; /* moves over the caller's arrays */
    dnnl_memory_t weights[2]; /* forward, backward data */
    dnnl_memory_t bias;
    dnnl_memory_desc_t slot_md;  /* backward-weights' layout */
    dnnl_memory_t sum;           /* gradient of the batch in it */
    dnnl_memory_t *slot_weights; /* n_slots gradients */
    dnnl_memory_t *slot_bias;
    void **owned; /* buffers behind the memories above */
    size_t n_owned;
    pare_worker_mem *workers;
    dnnl_primitive_t pack[2], unpack; /* reorders; NULL where the layout is plain already */
};

/* The error of a status of oneDNN's. */
pare_status pare_dnnl_fail(pare_err *e, const char *name, const char *what, dnnl_status_t s);

#define DNNL_TRY(call, name, what)                                                                 \
    do {                                                                                           \
        const dnnl_status_t dnnl_status_ = (call);                                                 \
        if (dnnl_status_ != dnnl_success) return pare_dnnl_fail(e, name, what, dnnl_status_);      \
    } while (0)

#endif
