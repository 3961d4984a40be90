/* method.c: the table of training methods. A method is a row; what a row cannot say is a hook. */
#include "model/quant.h"

#define REAL                                                                                       \
    {                                                                                              \
        PARE_RANGE_NONE, PARE_GRID_REAL, PARE_BLEND_INT, PARE_XGRAD_PASS, 0, 0                     \
    }
#define MINMAX                                                                                     \
    {                                                                                              \
        PARE_RANGE_MINMAX, PARE_GRID_AFFINE, PARE_BLEND_INT, PARE_XGRAD_PASS, PARE_NGRAD_NONE, 0   \
    }
#define LEARNED_N                                                                                  \
    {                                                                                              \
        PARE_RANGE_MINMAX, PARE_GRID_AFFINE, PARE_BLEND_LERP, PARE_XGRAD_PASS, PARE_NGRAD_LERP, 0  \
    }

const pare_method pare_methods[] = {
    {.name = "fp32",
     .doc = "plain float training, the baseline",
     .w = REAL,
     .a = REAL,
     .image = REAL},
    {.name = "fixed",
     .doc = "given integer bitlengths (--bits)",
     .w = MINMAX,
     .a = MINMAX,
     .image = MINMAX},
    {.name = "bitpruning",
     .doc = "learned bitlengths, rounded up and fine-tuned",
     .w = LEARNED_N,
     .a = LEARNED_N,
     .image = LEARNED_N},
};
const size_t pare_n_methods = sizeof pare_methods / sizeof *pare_methods;

bool pare_method_learns_n(const pare_method *m) { return m->w.ngrad == PARE_NGRAD_LERP; }
