/* quant.h (private): quantizers, and the methods that are made of them.
 *
 * A quantizer is independent parts: where its range comes from, which levels it has, how a real
 * bitlength becomes integer ones, and three gradients: to x, to the bitlength, to its own
 * parameters. A method is two rows of choices, for weights and for input activations, and at most
 * a few hooks (method.h). The hot loops see a pare_blend and never a method.
 */
#ifndef PARE_MODEL_QUANT_H
#define PARE_MODEL_QUANT_H
#include "model/kernels.h"
#include "traces/trace.h"

typedef enum pare_quant_range {
    PARE_RANGE_NONE,
    PARE_RANGE_MINMAX, /* of the tensor, or of the batch and its running mean */
} pare_quant_range;

typedef enum pare_quant_grid {
    PARE_GRID_REAL,   /* not quantized */
    PARE_GRID_AFFINE, /* 2^k levels from lo to hi */
} pare_quant_grid;

typedef enum pare_quant_blend {
    PARE_BLEND_INT,  /* k = n */
    PARE_BLEND_LERP, /* between floor(n) and floor(n) + 1 */
} pare_quant_blend;

typedef enum pare_quant_xgrad {
    PARE_XGRAD_PASS, /* straight through */
    PARE_XGRAD_CLIP, /* straight through inside the range, 0 outside */
} pare_quant_xgrad;

typedef enum pare_quant_ngrad {
    PARE_NGRAD_NONE,
    PARE_NGRAD_LERP, /* exact: the blend is linear in n */
} pare_quant_ngrad;

typedef enum pare_quant_pgrad {
    PARE_PGRAD_NONE,
} pare_quant_pgrad;

/* What is chosen for the weights, or for the input activations, of a layer. */
typedef struct pare_quant_row {
    pare_quant_range range;
    pare_quant_grid grid;
    pare_quant_blend blend;
    pare_quant_xgrad xgrad;
    pare_quant_ngrad ngrad;
    pare_quant_pgrad pgrad;
} pare_quant_row;

typedef struct pare_method {
    const char *name, *doc;
    pare_quant_row w, a;
    pare_quant_row image; /* of the input that are the images */
} pare_method;

extern const pare_method pare_methods[];
extern const size_t pare_n_methods;

/* Do the bitlengths of this method move by gradients? */
bool pare_method_learns_n(const pare_method *m);

/* One quantizer: a group of a layer's weights, or its input activations. */
typedef struct pare_quant {
    const pare_quant_row *row;
    double n;         /* bitlength, real while it is learned */
    double learned_n; /* before it was rounded up; 0: not learned */
    uint32_t n_max;   /* 2..16 */
    bool is_nudged;   /* zero must be a level: the layer pads with zeros */
    bool is_fixed;    /* its bitlength is given and does not move */
    double g_n;       /* dL/dn of the last step, without the penalty */
    double lambda;    /* weight in the penalty gamma * sum(lambda * n); they sum to 1 */
    pare_blend blend; /* what it does in this pass */
} pare_quant;

/* k = min(floor(n), n_max - 1) and a = n - k in [0, 1]. */
void pare_quant_split(const pare_quant *q, uint32_t *k, double *a);

/* The grid of k bits over lo..hi; nudged, it is shifted so that zero is a level, and widened to
 * contain zero. A range below 1e-12 collapses to the single value lo. */
pare_grid pare_grid_affine(float lo, float hi, uint32_t k, bool is_nudged);

/* Set q->blend: what the quantizer does to a tensor of range lo..hi. A learning one always has two
 * grids, as its gradient is their difference; else an integer n has one. */
void pare_quant_set_blend(pare_quant *q, float lo, float hi, bool is_learning);

/* The sums of pare_kernels.reduce that the quantizer's gradients are made of, PARE_WANTS_... */
unsigned pare_quant_wants(const pare_quant *q, bool is_learning);

/* Its gradients g_n and g_p from these sums over the tensor. */
void pare_quant_take_sums(pare_quant *q, const double sums[PARE_N_SUMS]);

/* One plain gradient step n -= lr * (g_n + gamma * lambda), projected to 1..n_max. */
void pare_quant_step(pare_quant *q, double lr, double gamma);

/* Round the bitlength up, for ever. */
void pare_quant_ceil(pare_quant *q);

/* Integer codes of values that lie on the grid; false if one of them is not scale * code + lo. */
bool pare_grid_codes(const pare_grid *g, const float *xq, size_t n, uint16_t *codes);
#endif
