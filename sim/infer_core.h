/* infer_core.h: what the files of bit-true inference share; not for anyone else but its own test.
 *
 * A MAC layer computes sum(qw * qa) of unsigned codes exactly. Codes wider than a byte are cut
 * into byte digits, so that every kernel multiplies bytes: sum(qw * qa) is the sum over pairs of
 * digits, shifted by their places, as in the machine.
 */
#ifndef PARE_SIM_INFER_CORE_H
#define PARE_SIM_INFER_CORE_H
#include "sim/infer.h"

/* ---- dot products (infer_dot.c, infer_avx512.c) ---- */

enum {
    INFER_ROW_ALIGN = 64,  /* a row of codes is padded with zeros to so many bytes */
    INFER_BLOCK_ROWS = 64, /* rows that a kernel takes at most */
    INFER_DIGIT_BITS = 8,
    INFER_DIGITS_MAX = PARE_BITS_MAX / INFER_DIGIT_BITS,
};

/* One digit of the weights of one group, laid out for a kernel. */
typedef struct infer_matrix {
    uint32_t k, depth, bits;
    size_t k_stride; /* of a row of sums */
    void *data;
} infer_matrix;

/* One digit of `n` windows: n * stride bytes, zero from `depth` on. */
typedef struct infer_rows {
    const uint8_t *codes;
    size_t n, stride;
    uint32_t bits;
    const uint64_t *sums; /* of each row */
    uint64_t *scratch;    /* stride / 64 * 8 words */
} infer_rows;

typedef struct infer_kernel {
    const char *name;
    bool (*is_supported)(void);
    /* `w` is k * depth bytes; fills m->k_stride and m->data. */
    void (*pack)(const uint8_t *w, infer_matrix *m);
    /* acc[i * k_stride + k] += dot(row i, weights k) << shift */
    void (*dot)(const infer_matrix *m, const infer_rows *r, uint32_t shift, uint64_t *acc);
} infer_kernel;

extern const infer_kernel infer_kernel_bytes, infer_kernel_planes;
extern const infer_kernel infer_kernel_bytes_vnni, infer_kernel_planes_avx512;
/* All of them; the supported ones are not the same everywhere. */
extern const infer_kernel *const infer_kernels[];
extern const size_t infer_n_kernels;
/* The fastest on this machine at these bits, by `make bench` (docs/infer.md). */
const infer_kernel *infer_kernel_best(uint32_t weight_bits, uint32_t act_bits);

static inline size_t infer_row_stride(size_t depth)
{
    return (depth + INFER_ROW_ALIGN - 1) / INFER_ROW_ALIGN * INFER_ROW_ALIGN;
}

/* ---- a loaded run (infer_load.c) ---- */

typedef pare_infer_grid infer_grid;

/* What a layer of the network needs; zeroed for those without parameters. */
typedef struct infer_layer infer_layer;
struct infer_layer {
    const pare_layer *l;
    bool is_mac;
    uint32_t mac;                 /* which of the MAC layers */
    pare_dims dims;               /* one image; fc: as a 1x1 convolution */
    uint32_t depth;               /* products of one sum */
    infer_grid weight, act;       /* weight: the widest of its groups */
    infer_grid *filters;          /* of the weights of each filter */
    uint16_t *codes;              /* [K][R][S][C/groups]; fc in the order h, w, c of its input */
    uint64_t *weight_sums;        /* per filter */
    uint64_t acc_bound;           /* no input has a larger sum(qw * qa) */
    double *base;                 /* per filter: what does not depend on the image */
    float *bias, *scale, *offset; /* fc, conv2d; batch norm */
    const infer_kernel *kernel;
    infer_matrix *matrices; /* [group][digit] */
    uint32_t n_weight_digits, n_act_digits;
    uint32_t zero_code; /* what padding is filled with */
    pare_tensor sample; /* the trainer's codes of its input; count 0: none */
    /* integers between layers (infer_requant.c): from this one's sums to the codes that `next`
     * reads, per filter; NULL: none */
    const pare_requant *requant;
    uint32_t next;
    int32_t code_zero, code_low, code_high; /* of the codes of `next` */
    bool is_coded, reads_codes;             /* its output is such codes, or stays; its input is */
    pare_tensor requant_sample; /* of its input, in integers from the trainer's codes before */
    /* Weights may be a sum: of two tensors, or of the positions or rows of a kernel, each with a
     * scale of its own. Each part is a layer of its own whose sums are added; NULL: the last. */
    infer_layer *more;
};

struct pare_infer {
    const char *folder;
    pare_net *net;
    pare_bits *bits;
    infer_layer *layers; /* net->n_layers */
    float *mean, *inv_std;
    pare_tensor labels, logits, predictions; /* the trainer's; predictions.count 0: none */
    size_t n_samples;
    uint32_t n_requant; /* layers with triples */
    bool is_integer;    /* they are used */
    pare_arena *arena;
};

/* Lay the weights of all layers out for another kernel. */
void infer_use_kernel(pare_infer *f, const infer_kernel *kernel);
/* Of the layer and its parts. */
void infer_free_matrices(infer_layer *l);

/* ---- layers (infer_layers.c) ---- */

/* A worker that also bounds the trainer's float values runs three images in one: its own values,
 * and an interval that holds the trainer's. Every operation between two layers is monotone in
 * float too, so it is applied to the ends as it is to the value. */
enum { INFER_VALUE, INFER_LOW, INFER_HIGH, INFER_N_VALUES };

/* The memory of one worker: the values of one image, and what it has met. */
typedef struct infer_worker {
    uint32_t n_values;             /* 1, or all three */
    float **value[INFER_N_VALUES]; /* per layer, h, w, c; a flatten points to its input's */
    uint16_t *image_codes;         /* of the current layer's input, h, w, c */
    uint8_t *codes[INFER_DIGITS_MAX], *rows[INFER_DIGITS_MAX];
    uint64_t row_sums[INFER_DIGITS_MAX][INFER_BLOCK_ROWS];
    uint64_t *scratch, *acc;
    double *real;      /* outputs of a block of windows, over the parts of a layer */
    uint64_t *acc_max; /* per layer */
    uint16_t **coded;  /* per layer, h, w, c: codes of those that are coded */
    pare_arena *arena;
} infer_worker;

infer_worker *infer_worker_new(const pare_infer *f, bool has_bounds);
void infer_worker_free(infer_worker *w); /* NULL allowed */

/* Called for each MAC layer before it computes, with w->image_codes made; it may change them. */
typedef void infer_codes_fn(void *context, uint32_t layer, infer_worker *w);
/* From bytes (h, w, c) to the values of all layers; `fn` may be NULL. */
void infer_image(const pare_infer *f, const uint8_t *pixels, infer_worker *w, infer_codes_fn *fn,
                 void *context);
/* The class of the last layer's values; the first of equals. */
uint32_t infer_class(const pare_infer *f, const infer_worker *w);

/* Values of one layer for an image. */
static inline const float *infer_values(const infer_worker *w, int which, uint32_t layer)
{
    return w->value[which][layer];
}

/* Split w->image_codes into byte digits. */
void infer_split(const infer_layer *l, infer_worker *w);
/* sum(qw * qa) of windows first..first+n-1 (n <= INFER_BLOCK_ROWS) of a group, into
 * w->acc[window * k_stride + filter]; w->row_sums[0][window] is sum(qa). */
void infer_sums(const infer_layer *l, uint32_t group, size_t first, size_t n, infer_worker *w);
/* The codes of one window of a group, `depth` of them, in the order of the weights. */
void infer_window(const infer_layer *l, const uint16_t *image_codes, uint32_t group, size_t row,
                  int32_t *out);
/* clamp(rint((x - lo) * inv), 0, top), in float as the trainer does it. */
uint32_t infer_code(const infer_grid *g, float x);

/* ---- integers between layers (infer_requant.c) ---- */

/* Triples of the layers that have them. */
pare_status infer_load_requant(pare_infer *f, pare_err *e) PARE_MUST_CHECK;
/* A worker's memory. */
void infer_new_codes(const pare_infer *f, infer_worker *w);
/* Sums of windows first..first+n-1 in w->acc to codes of the next layer in w->coded[layer]. */
void infer_requantize(const infer_layer *l, uint32_t layer, uint32_t group, size_t first, size_t n,
                      infer_worker *w);
void infer_pool_codes(const pare_layer *l, const uint16_t *x, uint16_t *y);

/* ---- checks (infer_check.c) ---- */

/* Some sums of the first image again, digit by digit, as the machine's PE computes them. */
pare_status infer_check_pe(const pare_infer *f, const pare_machine *m, const uint8_t *pixels,
                           pare_infer_result *out, pare_err *e) PARE_MUST_CHECK;
/* Codes and logits of the sampled images against the trainer's; those that integers make must be
 * the trainer's own integers. */
pare_status infer_check_samples(const pare_infer *f, const pare_infer_images *images,
                                pare_infer_result *out, pare_err *e) PARE_MUST_CHECK;
/* Why the trainer may have seen another class in an image: the two logits lie within its rounding
 * error of each other, as they often do if they are the same number; a code on the way lies within
 * it of a tie of its quantizer; neither. */
typedef enum infer_reason {
    INFER_UNEXPLAINED,
    INFER_LOGIT_TIE,
    INFER_CODE_TIE,
} infer_reason;
infer_reason infer_why(const pare_infer *f, const uint8_t *pixels, uint32_t trainer_class);

#endif
