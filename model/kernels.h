/* kernels.h (private): the element-wise passes of training, in plain C and in AVX-512.
 *
 * A tensor is `rows` x `c` floats, channels innermost (NHWC). Both variants give the same bits:
 * every sum runs over blocks of PARE_ROW_BLOCK rows in float, one sum a channel (or lane), and the
 * blocks are added in double. Multiplication and addition are rounded one by one.
 */
#ifndef PARE_MODEL_KERNELS_H
#define PARE_MODEL_KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARE_ROW_BLOCK = 32, PARE_LANES = 16 };

/* One uniform grid: code = clamp(rint((x - lo) * inv), 0, top), value = scale * code + lo. */
typedef struct pare_grid {
    float lo, scale, inv, top;
} pare_grid;

/* What a quantizer does to a tensor: (1 - a) * grid[0] + a * grid[1], or grid[0] alone. Both grids
 * have the ends lo and hi. */
typedef struct pare_blend {
    pare_grid grid[2];
    float a;
    bool is_pair;
    float lo, hi;
} pare_blend;

/* Sums over a tensor that the gradients of a quantizer's own parameters are linear in, with v the
 * real value, q its quantized one and g = dL/dq. */
typedef enum pare_quant_sum {
    PARE_SUM_PAIR, /* g * (grid[1] - grid[0]) */
    PARE_SUM_IN,   /* g * (q - v) of lo < v < hi */
    PARE_SUM_LOW,  /* g of v <= lo */
    PARE_SUM_HIGH, /* g of v >= hi */
    PARE_N_SUMS
} pare_quant_sum;

enum {
    PARE_WANTS_PAIR = 1,
    PARE_WANTS_ENDS = 2, /* the other three sums */
    PARE_WANTS_MASK = 4, /* g is set to 0 in place outside lo < v < hi; comes with the ends */
};

/* t = clamp(scale[c] * x + offset[c], lo, hi): a folded batch norm with its activation. */
typedef struct pare_affine {
    const float *scale, *offset; /* per channel, both or none */
    float lo, hi;                /* of the activation: 0 and infinity for relu */
} pare_affine;

/* Per channel of a shard, and of the batch. */
typedef struct pare_col_stats {
    double *sum, *sum2; /* of x, of x^2 */
    float *lo, *hi;
} pare_col_stats;

enum { PARE_TAPS_MAX = 255 };

/* The inputs of one pooling window that lie in the map: each a vector of all channels at base +
 * at[i]; id[i] is the tap's place in the window. */
typedef struct pare_taps {
    size_t n;
    size_t at[PARE_TAPS_MAX];
    uint8_t id[PARE_TAPS_MAX];
} pare_taps;

/* Part of a map: rows of pixels that lie `stride` floats apart, from `at` on. */
typedef struct pare_rect {
    size_t at, rows, columns, stride;
} pare_rect;

/* Arguments of the first backward pass through t = affine(x), xq = blend(t). */
typedef struct pare_reduce_args {
    float *g;       /* dL/dxq (or dL/dt); masked in place where `y` is given */
    const float *x; /* input of the affine */
    const float *y; /* output, if the mask must come from it; else NULL */
    const pare_affine *affine;
    const pare_blend *blend; /* may be NULL if nothing is wanted of it */
    unsigned wants;          /* PARE_WANTS_..., 0: no gradient of a quantizer */
    const float *mean;       /* per channel; NULL: no channel sums wanted */
    double *sum, *sum_xm;    /* += dt, += dt * (x - mean), per channel */
    double *sums;            /* PARE_N_SUMS, += */
} pare_reduce_args;

/* dx = a * dt + p * (x - mean) + q, per channel: the second backward pass of a batch norm; dx = dt
 * if `a` is NULL, where the affine has no scale. */
typedef struct pare_bn_coefs {
    const float *a, *p, *q, *mean;
} pare_bn_coefs;

typedef struct pare_kernels {
    const char *name;
    /* Widen *lo and *hi to the values of x. */
    void (*minmax)(const float *x, size_t n, float *lo, float *hi);
    /* Overwrite the statistics of a shard. */
    void (*col_stats)(const float *x, size_t rows, size_t c, const pare_col_stats *out);
    /* y = clamp(affine without clamp + z); z may be NULL. Widens *lo and *hi to the values of y. */
    void (*affine)(const float *x, const float *z, size_t rows, size_t c, const pare_affine *f,
                   float *y, float *lo, float *hi);
    /* xq = blend(affine(x)), as float or as bfloat16. */
    void (*quantize)(const float *x, size_t rows, size_t c, const pare_affine *f,
                     const pare_blend *b, void *xq, bool is_bf16);
    /* d = grid[1] - grid[0] of n values, as float or as bfloat16. */
    void (*difference)(const float *x, size_t n, const pare_blend *b, void *d, bool is_bf16);
    void (*reduce)(const pare_reduce_args *r, size_t rows, size_t c);
    void (*bn_backward)(const float *g, const float *x, size_t rows, size_t c, const pare_affine *f,
                        const pare_bn_coefs *k, void *dx, bool is_bf16);
    /* y[j] = largest x of the taps, best[j] = id of the first that has it. */
    void (*max_taps)(const float *x, const pare_taps *t, size_t c, float *y, uint8_t *best);
    /* Add g[j] to gx at the tap that best[j] names. */
    void (*scatter_taps)(const float *g, const uint8_t *best, const pare_taps *t, size_t c,
                         float *gx);
    /* y = share * the sum over the pixels of a window, row by row; a pixel is c floats. */
    void (*sum_window)(const float *x, const pare_rect *r, size_t c, float share, float *y);
    /* Add share * g to all of its pixels. */
    void (*spread_window)(const float *g, const pare_rect *r, size_t c, float share, float *gx);
    void (*add)(float *sum, const float *x, size_t n);
    void (*to_bf16)(const float *x, size_t n, uint16_t *out);
} pare_kernels;

/* The fastest variant that this machine runs. */
const pare_kernels *pare_kernels_best(void);
extern const pare_kernels pare_kernels_c;
extern const pare_kernels pare_kernels_avx512;

/* Round to nearest even; NaN stays NaN. */
uint16_t pare_bf16(float x);
float pare_bf16_float(uint16_t x);

extern const pare_affine pare_affine_identity;
#endif
