/* codes.h: dot products of real operands, out of the folder of a trainer's run. Private to
 * pare-cosim and its tests. */
#ifndef PARE_RTL_CODES_H
#define PARE_RTL_CODES_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The codes of one layer: filters [K][C/groups][R][S] or [K][D], inputs [N][C][H][W] or [N][D]. */
typedef struct pare_codes {
    const char *layer;
    uint32_t act_bits, weight_bits;
    bool act_signed, weight_signed;
    pare_tensor acts, weights;
} pare_codes;

typedef struct pare_codes_run {
    pare_arena *arena;
    pare_codes *layers; /* those that have both operands, in the order of tensors.csv */
    size_t n_layers;
} pare_codes_run;

/* Read folder/tensors.csv and its tensors. A shape that is no convolution, a code beyond its bits
 * or a file that is missing is PARE_EINPUT. Free with pare_codes_free. */
pare_status pare_codes_load(const char *folder, pare_codes_run *out, pare_err *e) PARE_MUST_CHECK;
void pare_codes_free(pare_codes_run *r); /* zeroed allowed */

/* At most max_steps steps of `lanes` products of one dot product (any filter, any window that needs
 * no padding, beginning at any step of it), kernel position by kernel position, channels innermost.
 * Lanes beyond the end get zeros. Returns the steps; *n_products are those that the layer has. */
uint32_t pare_codes_take(const pare_codes *c, pare_rng *r, uint32_t lanes, uint32_t max_steps,
                         int32_t *act, int32_t *weight, uint64_t *n_products);

#ifdef __cplusplus
}
#endif
#endif
