/* net.h: a trained network's inference on the Verilated machine. Private to pare-cosim and its
 * tests. */
#ifndef PARE_RTL_NET_H
#define PARE_RTL_NET_H
#include "rtl/layer.h"
#include "sim/infer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A MAC layer, and what stands between it and the next one. */
typedef struct pare_net_stage {
    uint32_t layer; /* of the network */
    const char *name;
    pare_layer_job job; /* all but the activations */
    int32_t *weights;
    pare_accel_filter *filters;
    uint32_t pools[4], n_pools; /* max poolings behind it, on the host */
    /* over all images */
    uint64_t rtl_cycles, level2_cycles, setup_cycles, n_outputs, n_records, n_compared;
    uint64_t n_codes, n_codes_differ; /* of its input, from bit-true inference in float */
} pare_net_stage;

typedef struct pare_net_run {
    const pare_infer *f;
    pare_net_stage *stages;
    size_t n_stages;
} pare_net_run;

/* Plan a run folder's network as a chain of MAC layers whose outputs leave the machine as the codes
 * of the next one: batch norm, relu and rounding are the requantiser's; the host pools and flattens
 * codes and turns the last layer's sums into logits. PARE_EINPUT, naming the layer, for a network
 * that is no such chain. Free with pare_net_run_free. */
pare_status pare_net_run_new(const pare_infer *f, pare_net_run *out, pare_err *e) PARE_MUST_CHECK;
void pare_net_run_free(pare_net_run *r); /* zeroed allowed */

/* One stage's job with these input codes (h, w, c). */
pare_layer_job pare_net_stage_job(const pare_net_stage *s, const int32_t *acts);
/* The input codes of the first stage. */
void pare_net_input(const pare_net_run *r, const uint8_t *pixels, int32_t *codes);

typedef struct pare_net_image {
    uint32_t predicted;
    bool is_ok;
    pare_buf difference;
} pare_net_image;

/* An image through all stages on the machine, each verified as pare_layer_verify does. The logits
 * of the last layer go to `logits`. Free *out->difference. */
pare_status pare_net_run_image(pare_net_run *r, const pare_layer_check *check,
                               const uint8_t *pixels, float *logits, pare_net_image *out,
                               pare_err *e) PARE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
