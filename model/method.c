/* method.c: the table of training methods. A method is a row; what a row cannot say is a hook.
 * docs/methods.md names the source of each. */
#include "model/method.h"

#define REAL                                                                                       \
    {                                                                                              \
        PARE_RANGE_NONE, PARE_GRID_REAL, PARE_BLEND_INT, PARE_XGRAD_PASS, 0, 0                     \
    }
#define MINMAX                                                                                     \
    {                                                                                              \
        PARE_RANGE_MINMAX, PARE_GRID_AFFINE, PARE_BLEND_INT, PARE_XGRAD_PASS, 0, 0                 \
    }
#define LEARNED_N(blend)                                                                           \
    {                                                                                              \
        PARE_RANGE_MINMAX, PARE_GRID_AFFINE, blend, PARE_XGRAD_PASS, PARE_NGRAD_LERP, 0            \
    }
#define STEP                                                                                       \
    {                                                                                              \
        PARE_RANGE_STEP, PARE_GRID_TC, PARE_BLEND_INT, PARE_XGRAD_CLIP, 0, PARE_PGRAD_LSQ          \
    }
#define CLIP(blend, ngrad, pgrad)                                                                  \
    {                                                                                              \
        PARE_RANGE_CLIP, PARE_GRID_AFFINE, blend, PARE_XGRAD_CLIP, ngrad, pgrad                    \
    }
#define PACT CLIP(PARE_BLEND_INT, 0, PARE_PGRAD_PACTPLUS)
#define STEPCLIP                                                                                   \
    {                                                                                              \
        PARE_RANGE_STEP_CLIP, PARE_GRID_STEPS, PARE_BLEND_INT, PARE_XGRAD_CLIP, 0, PARE_PGRAD_DQ   \
    }
#define TANH(blend, ngrad)                                                                         \
    {                                                                                              \
        PARE_RANGE_TANH, PARE_GRID_AFFINE, blend, PARE_XGRAD_PASS, ngrad, 0                        \
    }
#define FOUND(grid)                                                                                \
    {                                                                                              \
        PARE_RANGE_ENDS, grid, PARE_BLEND_INT, PARE_XGRAD_PASS, 0, 0                               \
    }
#define ANY_BITS .min_bits = {1, 1}, .max_bits = {16, 16}

const pare_method pare_methods[] = {
    {.name = "fp32", .doc = "plain float training, the baseline", .rows = {REAL, REAL, REAL}},
    {.name = "fixed",
     .doc = "given integer bitlengths (--bits)",
     .rows = {MINMAX, MINMAX, MINMAX},
     .bits = PARE_BITS_GIVEN,
     ANY_BITS},
    {.name = "bitpruning",
     .doc = "learned bitlengths, rounded up and fine-tuned",
     .rows = {LEARNED_N(PARE_BLEND_LERP), LEARNED_N(PARE_BLEND_LERP), LEARNED_N(PARE_BLEND_LERP)},
     .bits = PARE_BITS_LEARNED,
     ANY_BITS},
    {.name = "stochastic",
     .doc =
         "as bitpruning, but one of the two neighbouring bitlengths at random (Quantum Mantissa)",
     .rows = {LEARNED_N(PARE_BLEND_STOCH), LEARNED_N(PARE_BLEND_STOCH),
              LEARNED_N(PARE_BLEND_STOCH)},
     .bits = PARE_BITS_LEARNED,
     ANY_BITS},
    {.name = "lsq",
     .doc = "learned steps (LSQ)",
     .rows = {STEP, STEP, MINMAX},
     .bits = PARE_BITS_GIVEN,
     .min_bits = {2, 1},
     .max_bits = {8, 8},
     .hooks = &pare_lsq_hooks},
    {.name = "pact",
     .doc = "learned clips of activations, clips of weights by their moments (PACT, SAWB)",
     .rows = {{PARE_RANGE_SAWB, PARE_GRID_MIDRISE, PARE_BLEND_INT, PARE_XGRAD_CLIP, 0, 0},
              PACT,
              MINMAX},
     .bits = PARE_BITS_GIVEN,
     .min_bits = {2, 1},
     .max_bits = {16, 16},
     .hooks = &pare_pact_hooks},
    {.name = "fracbits",
     .doc = "interpolated bitlengths towards a target cost (FracBits)",
     .rows = {TANH(PARE_BLEND_LERP, PARE_NGRAD_LERP),
              CLIP(PARE_BLEND_LERP, PARE_NGRAD_LERP, PARE_PGRAD_PACT), LEARNED_N(PARE_BLEND_LERP)},
     .bits = PARE_BITS_LEARNED,
     ANY_BITS,
     .hooks = &pare_fracbits_hooks},
    {.name = "adaqat",
     .doc = "one real bitlength for all weights, one for all activations, by finite differences",
     .rows = {TANH(PARE_BLEND_ROUND, PARE_NGRAD_FD),
              CLIP(PARE_BLEND_ROUND, PARE_NGRAD_FD, PARE_PGRAD_PACTPLUS),
              {PARE_RANGE_MINMAX, PARE_GRID_AFFINE, PARE_BLEND_ROUND, PARE_XGRAD_PASS, 0, 0}},
     .bits = PARE_BITS_OWN,
     ANY_BITS,
     .hooks = &pare_adaqat_hooks},
    {.name = "bmpq",
     .doc = "weight bits by the gradients of bits, re-assigned under a budget (BMPQ)",
     .rows = {{PARE_RANGE_SAWB, PARE_GRID_NARROW, PARE_BLEND_INT, PARE_XGRAD_PASS, PARE_NGRAD_BITS,
               0},
              PACT,
              MINMAX},
     .bits = PARE_BITS_OWN,
     .min_bits = {2, 1},
     .max_bits = {16, 16},
     .hooks = &pare_bmpq_hooks},
    {.name = "syq",
     .doc = "ternary or binary weights with learned scales of kernel positions (SYQ)",
     .rows = {{PARE_RANGE_NONE, PARE_GRID_TERNARY, PARE_BLEND_INT, PARE_XGRAD_PASS, 0,
               PARE_PGRAD_SCALE},
              {PARE_RANGE_ENDS, PARE_GRID_AFFINE, PARE_BLEND_INT, PARE_XGRAD_CLIP, 0, 0},
              MINMAX},
     .bits = PARE_BITS_OWN,
     ANY_BITS,
     .hooks = &pare_syq_hooks},
    {.name = "pow2",
     .doc = "weights that are powers of two",
     .rows = {{PARE_RANGE_CLIP, PARE_GRID_POW2, PARE_BLEND_INT, PARE_XGRAD_CLIP, 0,
               PARE_PGRAD_SCALE},
              PACT,
              MINMAX},
     .bits = PARE_BITS_GIVEN,
     .min_bits = {2, 1},
     .max_bits = {4, 16},
     .hooks = &pare_pow2_hooks},
    {.name = "dq",
     .doc = "learned steps and clips, the bits follow (Differentiable Quantization)",
     .rows = {STEPCLIP, STEPCLIP, MINMAX},
     .bits = PARE_BITS_GIVEN,
     .min_bits = {2, 1},
     .max_bits = {8, 8},
     .hooks = &pare_dq_hooks},
    {.name = "mmse",
     .doc = "least squared error, after training (MMSE)",
     .rows = {FOUND(PARE_GRID_NARROW), FOUND(PARE_GRID_NARROW), FOUND(PARE_GRID_AFFINE)},
     .bits = PARE_BITS_GIVEN,
     .min_bits = {2, 2},
     .max_bits = {16, 16},
     .hooks = &pare_mmse_hooks},
    {.name = "settle",
     .doc = "thresholds from one batch, after training",
     .rows = {FOUND(PARE_GRID_NARROW), FOUND(PARE_GRID_NARROW), FOUND(PARE_GRID_AFFINE)},
     .bits = PARE_BITS_GIVEN,
     .min_bits = {2, 2},
     .max_bits = {16, 16},
     .hooks = &pare_settle_hooks},
    {.name = "datafree",
     .doc = "weights after training, without data: schemes, bitlengths, layers (Nayak)",
     .rows = {FOUND(PARE_GRID_NARROW), FOUND(PARE_GRID_NARROW), FOUND(PARE_GRID_AFFINE)},
     .bits = PARE_BITS_GIVEN,
     .min_bits = {2, 2},
     .max_bits = {16, 16},
     .hooks = &pare_datafree_hooks},
    {.name = "adaptive",
     .doc = "one network for several bitlengths, a batch norm for each (AdaBits, CoQuant)",
     .rows = {{PARE_RANGE_TANH, PARE_GRID_TRUNC, PARE_BLEND_INT, PARE_XGRAD_PASS, 0, 0},
              PACT,
              MINMAX},
     .bits = PARE_BITS_OWN,
     ANY_BITS,
     .hooks = &pare_adaptive_hooks},
};
const size_t pare_n_methods = sizeof pare_methods / sizeof *pare_methods;

bool pare_method_learns_n(const pare_method *m) { return m->bits == PARE_BITS_LEARNED; }
