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
    PARE_RANGE_MINMAX,    /* of the tensor, or of the batch and its running mean */
    PARE_RANGE_MAXABS,    /* the same, symmetric */
    PARE_RANGE_SAWB,      /* from the first two moments of the tensor (weights) */
    PARE_RANGE_TANH,      /* of tanh(w), scaled to the largest weight (weights) */
    PARE_RANGE_RMS,       /* 2.5 times the root mean square (weights) */
    PARE_RANGE_STEP,      /* p[0] is the step */
    PARE_RANGE_CLIP,      /* p[0] is the largest value */
    PARE_RANGE_STEP_CLIP, /* both, each the nearest power of two */
    PARE_RANGE_ENDS,      /* p[0]..p[1], found once */
} pare_quant_range;

typedef enum pare_quant_grid {
    PARE_GRID_REAL,    /* not quantized */
    PARE_GRID_AFFINE,  /* 2^k levels from lo to hi; signed ones of a symmetric range: NARROW */
    PARE_GRID_MIDRISE, /* 2^k levels from lo to hi without zero */
    PARE_GRID_NARROW,  /* 2^k - 1 levels, zero in the middle; without negative values AFFINE */
    PARE_GRID_TC,      /* step * -2^(k-1) .. 2^(k-1)-1; without negative values 0 .. 2^k-1 */
    PARE_GRID_STEPS,   /* as many steps as the clip has */
    PARE_GRID_POW2,    /* plus or minus 2^(2^(k-1)) powers of two (weights) */
    PARE_GRID_TERNARY, /* -s, 0, s (weights) */
    PARE_GRID_BINARY,  /* -s, s (weights) */
    PARE_GRID_TRUNC,  /* 2^k levels; the codes of k bits are the upper bits of longer ones (weights)
                       */
    PARE_GRID_CENTER, /* the same, half a step higher (weights) */
} pare_quant_grid;

typedef enum pare_quant_blend {
    PARE_BLEND_INT,   /* k = n */
    PARE_BLEND_LERP,  /* between floor(n) and floor(n) + 1 */
    PARE_BLEND_STOCH, /* one of the two, the larger with probability n - floor(n) */
    PARE_BLEND_ROUND, /* the integer k that the method has chosen for n */
} pare_quant_blend;

typedef enum pare_quant_xgrad {
    PARE_XGRAD_PASS, /* straight through */
    PARE_XGRAD_CLIP, /* straight through inside the range, 0 outside */
} pare_quant_xgrad;

typedef enum pare_quant_ngrad {
    PARE_NGRAD_NONE,
    PARE_NGRAD_LERP, /* exact: the blend, or its mean, is linear in n */
    PARE_NGRAD_FD,   /* the method's own: a finite difference of the loss */
    PARE_NGRAD_BITS, /* g_n = mean over the weights of sum_i |dL/db_i|, for the method's own use */
} pare_quant_ngrad;

typedef enum pare_quant_pgrad {
    PARE_PGRAD_NONE,
    PARE_PGRAD_LSQ,      /* of a step */
    PARE_PGRAD_PACT,     /* of a clip: what lies beyond it */
    PARE_PGRAD_PACTPLUS, /* and what is rounded below it */
    PARE_PGRAD_DQ,       /* of a step and a clip */
    PARE_PGRAD_SCALE,    /* of a scale that the levels are multiplied with */
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

typedef struct pare_quant_rows {
    pare_quant_row w, a, image; /* image: the input that are the images */
} pare_quant_rows;

/* Where a method's bitlengths come from. */
typedef enum pare_bits_source {
    PARE_BITS_NONE,
    PARE_BITS_GIVEN,   /* --bits */
    PARE_BITS_LEARNED, /* from --init-bits down by gradients, then rounded up */
    PARE_BITS_OWN,     /* set by the method's hooks */
} pare_bits_source;

typedef struct pare_method_hooks pare_method_hooks; /* method.h */

typedef struct pare_method {
    const char *name, *doc;
    pare_quant_rows rows;
    pare_bits_source bits;
    uint32_t min_bits[2], max_bits[2]; /* of weights, of activations */
    const pare_method_hooks *hooks;    /* NULL: none */
} pare_method;

extern const pare_method pare_methods[];
extern const size_t pare_n_methods;

/* Does the range come from the extremes of the tensor or of the batch? */
bool pare_range_is_observed(pare_quant_range r);

/* Do the bitlengths of this method move by gradients? */
bool pare_method_learns_n(const pare_method *m);

/* One quantizer: a group of a layer's weights, or its input activations. */
typedef struct pare_quant {
    const pare_quant_row *row;
    double n;                    /* bitlength, real while it is learned */
    double learned_n;            /* before it was rounded up; 0: not learned */
    uint32_t n_min, n_max;       /* 1..16 (0 is 1), 2..16 */
    bool is_nudged;              /* zero must be a level: the layer pads with zeros */
    bool is_fixed;               /* its bitlength is given and does not move */
    double g_n;                  /* dL/dn of the last step, without the penalty */
    double lambda;               /* weight in the penalty gamma * sum(lambda * n); they sum to 1 */
    pare_blend blend;            /* what it does in this pass */
    bool is_signed;              /* negative values occur */
    uint32_t k;                  /* bits in use if the blend is ROUND */
    double draw;                 /* of this step, in [0, 1), if the blend is STOCH */
    double p[2], g_p[2], m_p[2]; /* its own parameters, their gradients, the optimizer's memory */
    double refit;                /* ENDS: of the scale, codes as without it; 0 is taken as 1 */
    double nbg;                  /* BITS: sum of g_n since the last assignment */
    double p_scale;              /* of the gradients of p; 0 is taken as 1 */
    int option;                  /* of the grid: POW2 0 geometric, 1 nearest; TERNARY: none */
    double threshold;            /* TERNARY: share of the largest weight below which there is 0 */
    float top;                   /* TANH: largest |w|, what tanh is scaled to */
    float top_tanh;              /* TANH: largest |tanh(w)| */
} pare_quant;

/* k = min(floor(n), n_max - 1) and a = n - k in [0, 1]. */
void pare_quant_split(const pare_quant *q, uint32_t *k, double *a);

/* The grid of k bits over lo..hi; nudged, it is shifted so that zero is a level, and widened to
 * contain zero. A range below 1e-12 collapses to the single value lo. */
pare_grid pare_grid_affine(float lo, float hi, uint32_t k, bool is_nudged);

/* Set q->blend: what the quantizer does to a tensor of which lo..hi was observed (or, for weights,
 * derived). A learning one always has two grids, as its gradient is their difference; else an
 * integer n has one. */
void pare_quant_set_blend(pare_quant *q, float lo, float hi, bool is_learning);

/* The sums of pare_kernels.reduce that the quantizer's gradients are made of, PARE_WANTS_... */
unsigned pare_quant_wants(const pare_quant *q, bool is_learning);

/* Its gradients g_n and g_p from these sums over the tensor. */
void pare_quant_take_sums(pare_quant *q, const double sums[PARE_N_SUMS]);

/* A grid of 2^k - 1 levels -a..a, or of 2^k levels of a step s, with zero exactly a level: the
 * scale is rounded so that every level is scale * (code - zero) to the last bit. */
pare_grid pare_grid_narrow(double a, uint32_t k);
pare_grid pare_grid_step(double s, uint32_t k, bool is_signed);

/* Code of zero on a grid whose levels are multiples of its scale, as all but MINMAX ones are; false
 * if they are not. */
bool pare_grid_zero(const pare_grid *g, uint32_t *zero);

/* The same codes with another scale. */
pare_grid pare_grid_rescaled(const pare_grid *g, double ratio);

/* SAWB's clip from the first two moments, for a mid-rise grid or one with zero; bits without a
 * fitted pair, and negative values of the fit, give the largest magnitude. */
double pare_sawb_clip(double mean_abs, double rms, double largest, uint32_t k, bool has_zero);

/* Bits that hold the levels -qmax..qmax (0..qmax) in steps of d. */
double pare_dq_bits(double d, double qmax, bool is_signed);

/* Gradient steps of p[0], p[1] with momentum; they stay positive. */
void pare_quant_step_p(pare_quant *q, double lr, double momentum, double decay);

/* One plain gradient step n -= lr * (g_n + gamma * lambda), projected to n_min..n_max. */
void pare_quant_step(pare_quant *q, double lr, double gamma);

/* Round the bitlength up, for ever. */
void pare_quant_ceil(pare_quant *q);

/* Integer codes of values that lie on the grid; false if one of them is not scale * code + lo. */
bool pare_grid_codes(const pare_grid *g, const float *xq, size_t n, int32_t *codes);

/* Bits that its codes take: more than n where a code is not a place in the list of levels. */
uint32_t pare_quant_code_bits(const pare_quant *q);
#endif
