/* dnnl.h (private): convolutions and fully connected layers of one shard of images.
 *
 * Only dnnl.c and dnnl_make.c know oneDNN (2.6, C API). Activations are NHWC float, weights come
 * and gradients go as plain [K][C/groups][R][S]; the layouts in between are oneDNN's choice. Every
 * primitive runs on the calling thread alone, so that a result depends on the shard and never on
 * the number of threads (oneDNN splits the batch sum of backward-weights by threads).
 */
#ifndef PARE_MODEL_DNNL_H
#define PARE_MODEL_DNNL_H
#include "traces/trace.h"

typedef struct pare_dnnl pare_dnnl; /* the engine, one stream and one scratchpad a worker */
typedef struct pare_mac pare_mac;   /* one conv2d or fc layer at a fixed shard size */

pare_status pare_dnnl_new(unsigned n_workers, pare_dnnl **out, pare_err *e) PARE_MUST_CHECK;
void pare_dnnl_free(pare_dnnl *d); /* NULL allowed; free the layers first */

/* Make OpenMP use one thread for what the calling thread starts. The setting belongs to a thread,
 * so each item of a pool calls it. */
void pare_dnnl_use_one_thread(void);

typedef struct pare_mac_spec {
    const char *name; /* for messages */
    pare_dims dims;   /* dims.n = images a shard */
    bool is_fc;
    bool has_bias;
    bool is_bf16;             /* x and dL/dy come as bfloat16, weights are rounded to it */
    bool is_winograd;         /* float 3x3 convolutions by minimal filtering, where it is faster */
    bool wants_backward;      /* backward-weights */
    bool wants_backward_data; /* not for the first layer: it costs more than its forward pass */
    size_t n_slots; /* weight gradients kept at a time: one a shard of the batch, or more */
} pare_mac_spec;

pare_status pare_mac_new(pare_dnnl *d, const pare_mac_spec *spec, pare_mac **out,
                         pare_err *e) PARE_MUST_CHECK;
void pare_mac_free(pare_mac *m); /* NULL allowed */

/* After all layers are made: allocate the workers' scratchpads. */
pare_status pare_dnnl_ready(pare_dnnl *d, pare_err *e) PARE_MUST_CHECK;

/* Take plain weights (and bias, NULL without one) into the layouts that the primitives want. */
pare_status pare_mac_set_weights(pare_mac *m, unsigned worker, const float *weights,
                                 const float *bias, pare_err *e) PARE_MUST_CHECK;
/* y = conv(x, w) + bias */
pare_status pare_mac_forward(pare_mac *m, unsigned worker, const void *x, float *y,
                             pare_err *e) PARE_MUST_CHECK;
/* gx = dL/dx, overwritten */
pare_status pare_mac_backward_data(pare_mac *m, unsigned worker, const void *gy, float *gx,
                                   pare_err *e) PARE_MUST_CHECK;
/* Keep dL/dw and dL/dbias of one shard in a slot of the layer. */
pare_status pare_mac_backward_weights(pare_mac *m, unsigned worker, size_t slot, const void *x,
                                      const void *gy, pare_err *e) PARE_MUST_CHECK;
/* Add the gradients in n slots from `first` on, in their order, and write the sum plain;
 * overwrites. gbias may be NULL. */
pare_status pare_mac_reduce(pare_mac *m, unsigned worker, size_t first, size_t n, float *gw,
                            float *gbias, pare_err *e) PARE_MUST_CHECK;

typedef enum pare_pass {
    PARE_PASS_FORWARD,
    PARE_PASS_BACKWARD_DATA,
    PARE_PASS_BACKWARD_WEIGHTS,
    PARE_N_PASSES
} pare_pass;

const char *pare_pass_name(pare_pass p);
/* oneDNN's name of the implementation, such as "brgconv:avx512_core"; NULL if not made. */
const char *pare_mac_impl(const pare_mac *m, pare_pass p);
/* True if the implementation is one of oneDNN's slow fallbacks (reference loops; im2col + gemm). */
bool pare_mac_impl_is_slow(const pare_mac *m, pare_pass p);
#endif
