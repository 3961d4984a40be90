/* infer.h: bit-true inference of a trained network on a machine, image by image. */
#ifndef PARE_SIM_INFER_H
#define PARE_SIM_INFER_H
#include "sim/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A trained network in a run folder of pare-train: integer codes, grids, parameters and what the
 * trainer's own quantized evaluation gave (docs/infer.md). Const for ever after loading. */
typedef struct pare_infer pare_infer;

/* Read and check a whole run folder. A missing file, a shape that is not the network's, a code out
 * of its bitlength or a layer that cannot be run is PARE_EINPUT, naming the file or the layer. */
pare_status pare_infer_load(const char *run_folder, pare_infer **out, pare_err *e) PARE_MUST_CHECK;
void pare_infer_free(pare_infer *f); /* NULL allowed */
/* From now on integers stand between the layers whose params/LAYER.requant.npy say how
 * (docs/infer.md); false if there are none. The codes of the sampled images must then be the
 * trainer's own integers; predictions need not be those of its float evaluation. */
bool pare_infer_use_requant(pare_infer *f);
/* Both live as long as `f`. */
const pare_net *pare_infer_net(const pare_infer *f);
const pare_bits *pare_infer_bits(const pare_infer *f);

/* Test images: bytes, row by row, channels innermost. */
typedef struct pare_infer_images {
    pare_shape shape;
    size_t n;
    uint8_t *pixels; /* n * c * h * w */
    uint8_t *labels; /* n */
} pare_infer_images;

/* The test split of "fashion-mnist" (where Debian's package puts it), of a folder with an IDX pair
 * (t10k-images-idx3-ubyte, plain or .gz) or of one with CIFAR-10's binary files; at most `limit`
 * images (0: all). Free with pare_infer_images_free. */
pare_status pare_infer_images_load(const char *data, size_t limit, pare_infer_images *out,
                                   pare_err *e) PARE_MUST_CHECK;
void pare_infer_images_free(pare_infer_images *t); /* zeroed and NULL allowed */

/* The logits (as many as the last layer has values) of one image of the network's input shape. */
void pare_infer_logits(const pare_infer *f, const uint8_t *pixels, float *logits);

/* value = scale * code + lo; code = clamp(rint((x - lo) * inv), 0, top). Two's complement codes are
 * kept as code + zero, zero = 2^(bits - 1), and lo is then what makes the values the same. */
typedef struct pare_infer_grid {
    uint32_t bits, zero;
    float scale, lo, inv, top;
} pare_infer_grid;

/* What a layer of a run computes with, for other machines than pare-sim's own. The pointers live as
 * long as the run. */
typedef struct pare_infer_params {
    bool is_mac;
    pare_dims dims; /* one image; fc: as a 1x1 convolution of its flattened input (h, w, c) */
    pare_infer_grid weight, act;    /* weight: the widest of its groups */
    const pare_infer_grid *filters; /* of the weights of each filter */
    const uint16_t *codes;          /* weights [K][R][S][C/groups] */
    const double *base;             /* [K]: what of an output does not depend on the image */
    const pare_requant *requant;    /* [K]: sums to the next MAC layer's codes; NULL: none */
    uint32_t zero_code;             /* what padding is filled with */
    const float *scale, *offset;    /* batch norm, [C] */
} pare_infer_params;
pare_infer_params pare_infer_layer_params(const pare_infer *f, uint32_t layer);
/* The code of a value, in float as the trainer does it. */
uint32_t pare_infer_code(const pare_infer_grid *g, float x);
/* The input codes (h, w, c) of a MAC layer for an image. */
void pare_infer_layer_codes(const pare_infer *f, const uint8_t *pixels, uint32_t layer,
                            uint16_t *codes);

/* What one MAC layer met. Sums are those of sum(weight code * activation code). */
typedef struct pare_infer_layer {
    const char *layer; /* lives as long as the pare_infer */
    const char *kernel;
    uint32_t weight_bits, act_bits;
    uint64_t acc_max;        /* the largest sum over all images */
    uint64_t acc_bound;      /* no image has a larger one with these weights */
    uint32_t acc_bits;       /* two's complement bits that hold acc_max */
    uint32_t acc_bound_bits; /* the same of acc_bound */
    const char *next; /* the layer whose codes are made of its sums in integers; NULL: none */
    /* sums of the first image that were computed again digit by digit, as the PE does */
    uint64_t n_pe_sums, pe_cycles;
    /* input codes of the sampled images against the trainer's, each layer from the trainer's own
     * codes: `rounding` of the different ones lie so close to a tie of the quantizer that the
     * trainer's float sums explain them; the others must be none */
    uint64_t n_codes, n_codes_differ, n_codes_rounding;
    double largest_tie_frac; /* distance of such a code from the tie, in steps of the grid */
    uint64_t cycles;         /* of the machine, one image */
} pare_infer_layer;

typedef struct pare_infer_options {
    unsigned threads; /* 0: all; the result does not depend on it */
} pare_infer_options;

typedef struct pare_infer_result {
    const char *run, *network, *machine; /* live as long as what they name */
    uint32_t machine_acc_bits;
    bool is_integer;          /* between layers */
    pare_infer_layer *layers; /* the MAC layers in the network's order */
    size_t n_layers;
    size_t n_images, n_correct;
    uint8_t *predictions; /* n_images */
    /* images that the trainer's predictions cover. Those that differ: the two classes' logits lie
     * within the trainer's rounding error of each other, or some code within it of a tie; the rest
     * must be none */
    size_t n_compared, n_agree, n_disagree_logit_tie, n_disagree_code_tie;
    size_t n_trainer_correct;
    /* logits of the sampled images */
    uint64_t n_logits, n_logits_differ, n_logits_rounding;
    double largest_logit_difference;
    uint64_t cycles; /* of the machine, one image */
    double clock_mhz;
    bool is_ok; /* agreement of at least 99.9 %, and every difference is one of rounding */
} pare_infer_result;

/* Run the images through the machine's arithmetic. The machine must be able to run every layer,
 * and its accumulator must hold every sum met: else PARE_EINPUT at the machine file's line, with
 * the layer and the smallest change. Images or labels that are not those that the trainer sampled
 * are PARE_EINPUT. A sum that differs from the PE's own is PARE_EFAIL. Free *out with
 * pare_infer_result_free. */
pare_status pare_infer_run(const pare_infer *f, const pare_machine *machine,
                           const pare_infer_images *images, const pare_infer_options *options,
                           pare_infer_result *out, pare_err *e) PARE_MUST_CHECK;
void pare_infer_result_free(pare_infer_result *r); /* zeroed and NULL allowed */
void pare_infer_write_table(const pare_infer_result *r, pare_buf *out);
/* One JSON object a line: the layers, then the whole with "total": true. */
void pare_infer_write_json(const pare_infer_result *r, pare_buf *out);

#ifdef __cplusplus
}
#endif
#endif
