/* method_options.c: the keys of single methods (config.yaml: options). */
#include "model/method_options.h"
#include <stddef.h>

#define AT(member) offsetof(pare_method_options, member)

static const char *const lsq_step[] = {"mean", "mmse", NULL};

static const pare_key lsq_keys[] = {
    {.name = "step",
     .type = PARE_KEY_ENUM,
     .offset = AT(lsq.step) - AT(lsq),
     .def = "mean",
     .choices = lsq_step,
     .doc = "first step: from the mean magnitude (LSQ's own), or the one of least squared error, "
            "which a short training needs at few bits"},
};

static const pare_schema lsq_schema = {
    .name = "options.lsq",
    .doc = "Learned steps.",
    .keys = lsq_keys,
    .n_keys = sizeof lsq_keys / sizeof *lsq_keys,
    .size = sizeof(((pare_method_options *)0)->lsq),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const char *const pact_grid[] = {"midrise", "zero", NULL};

static const pare_key pact_keys[] = {
    {.name = "plus",
     .type = PARE_KEY_BOOL,
     .offset = AT(pact.plus) - AT(pact),
     .def = "true",
     .doc = "the gradient of a clip has what is rounded below it too (PACT+); false: PACT's own"},
    {.name = "clip",
     .type = PARE_KEY_REAL,
     .offset = AT(pact.clip) - AT(pact),
     .min = 1e-06,
     .max = 1e+06,
     .def = "8",
     .doc = "first clip; smaller where a batch of a trained network has nothing as large"},
    {.name = "decay",
     .type = PARE_KEY_REAL,
     .offset = AT(pact.decay) - AT(pact),
     .min = -1,
     .max = 1,
     .def = "-1",
     .doc = "weight decay of clips; negative: that of the weights"},
    {.name = "grid",
     .type = PARE_KEY_ENUM,
     .offset = AT(pact.grid) - AT(pact),
     .def = "midrise",
     .choices = pact_grid,
     .doc = "weight levels: 2^k without zero, or 2^k - 1 with it"},
    {.name = "passes",
     .type = PARE_KEY_BOOL,
     .offset = AT(pact.passes) - AT(pact),
     .def = "false",
     .doc = "weights beyond the clip get a gradient too (SAWB+)"},
    {.name = "shortcut_bits",
     .type = PARE_KEY_U32,
     .offset = AT(pact.shortcut_bits) - AT(pact),
     .min = 0,
     .max = 16,
     .def = "0",
     .doc = "bitlength of 1x1 convolutions on shortcuts, 16 for as good as full precision; 0: as "
            "the rest"},
};

static const pare_schema pact_schema = {
    .name = "options.pact",
    .doc = "PACT clips of activations, SAWB clips of weights.",
    .keys = pact_keys,
    .n_keys = sizeof pact_keys / sizeof *pact_keys,
    .size = sizeof(((pare_method_options *)0)->pact),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const char *const adaqat_rounding[] = {"up", "nearest", NULL};

static const pare_key adaqat_keys[] = {
    {.name = "every",
     .type = PARE_KEY_U32,
     .offset = AT(adaqat.every) - AT(adaqat),
     .min = 1,
     .max = 1e+06,
     .def = "4",
     .doc = "steps between two looks at the neighbouring bitlengths (our choice)"},
    {.name = "flips",
     .type = PARE_KEY_U32,
     .offset = AT(adaqat.flips) - AT(adaqat),
     .min = 1,
     .max = 1e+06,
     .def = "10",
     .doc =
         "changes of direction between two integers after which the larger is kept (our choice)"},
    {.name = "rounding",
     .type = PARE_KEY_ENUM,
     .offset = AT(adaqat.rounding) - AT(adaqat),
     .def = "up",
     .choices = adaqat_rounding,
     .doc = "integer that a real bitlength stands for"},
    {.name = "lr",
     .type = PARE_KEY_REAL,
     .offset = AT(adaqat.lr) - AT(adaqat),
     .min = 0,
     .max = 1e+06,
     .def = "0.5",
     .doc = "rate of the bitlengths (our choice)"},
    {.name = "price",
     .type = PARE_KEY_REAL,
     .offset = AT(adaqat.price) - AT(adaqat),
     .min = 0,
     .max = 1e+06,
     .def = "0.15",
     .doc = "weight of weight bits times activation bits, as a share of 8 times 8, in the loss "
            "(our choice)"},
};

static const pare_schema adaqat_schema = {
    .name = "options.adaqat",
    .doc = "Network-wide real bitlengths, by finite differences.",
    .keys = adaqat_keys,
    .n_keys = sizeof adaqat_keys / sizeof *adaqat_keys,
    .size = sizeof(((pare_method_options *)0)->adaqat),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const pare_key bmpq_keys[] = {
    {.name = "mean_bits",
     .type = PARE_KEY_REAL,
     .offset = AT(bmpq.mean_bits) - AT(bmpq),
     .min = 1,
     .max = 16,
     .def = "4",
     .doc = "mean bitlength of a weight that the assignment keeps to"},
    {.name = "choices",
     .type = PARE_KEY_STR,
     .offset = AT(bmpq.choices) - AT(bmpq),
     .def = "2,4,8",
     .doc = "bitlengths that a layer may have"},
    {.name = "every",
     .type = PARE_KEY_U32,
     .offset = AT(bmpq.every) - AT(bmpq),
     .min = 1,
     .max = 1e+06,
     .def = "1",
     .doc = "epochs between two assignments (our choice)"},
};

static const pare_schema bmpq_schema = {
    .name = "options.bmpq",
    .doc = "Weight bits by the sensitivity of bits, re-assigned during training.",
    .keys = bmpq_keys,
    .n_keys = sizeof bmpq_keys / sizeof *bmpq_keys,
    .size = sizeof(((pare_method_options *)0)->bmpq),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const char *const syq_codebook[] = {"ternary", "binary", NULL};
static const char *const syq_scales[] = {"layer", "row", "pixel", NULL};

static const pare_key syq_keys[] = {
    {.name = "codebook",
     .type = PARE_KEY_ENUM,
     .offset = AT(syq.codebook) - AT(syq),
     .def = "ternary",
     .choices = syq_codebook,
     .doc = "weight levels"},
    {.name = "scales",
     .type = PARE_KEY_ENUM,
     .offset = AT(syq.scales) - AT(syq),
     .def = "pixel",
     .choices = syq_scales,
     .doc = "one scale a layer, a row of its kernels, a position in them; fc layers: one"},
    {.name = "threshold",
     .type = PARE_KEY_REAL,
     .offset = AT(syq.threshold) - AT(syq),
     .min = 0,
     .max = 1,
     .def = "0.05",
     .doc = "ternary: share of the layer's largest weight up to which a weight is 0"},
    {.name = "fraction_bits",
     .type = PARE_KEY_REAL,
     .offset = AT(syq.fraction_bits) - AT(syq),
     .min = -64,
     .max = 64,
     .def = "-64",
     .doc = "fraction bits of activations; -64: as many as the largest value of a batch leaves"},
};

static const pare_schema syq_schema = {
    .name = "options.syq",
    .doc = "Ternary or binary weights with learned scales.",
    .keys = syq_keys,
    .n_keys = sizeof syq_keys / sizeof *syq_keys,
    .size = sizeof(((pare_method_options *)0)->syq),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const char *const mmse_refine[] = {"none", "output", NULL};

static const pare_key mmse_keys[] = {
    {.name = "second_above",
     .type = PARE_KEY_REAL,
     .offset = AT(mmse.second_above) - AT(mmse),
     .min = 0,
     .max = 1e+06,
     .def = "0.02",
     .doc = "relative squared error above which a layer's weights become the sum of two tensors "
            "(our choice); 1 or more: never"},
    {.name = "refine",
     .type = PARE_KEY_ENUM,
     .offset = AT(mmse.refine) - AT(mmse),
     .def = "output",
     .choices = mmse_refine,
     .doc = "fit the scales of weights to the layer's outputs on the calibration images"},
};

static const pare_schema mmse_schema = {
    .name = "options.mmse",
    .doc = "Scales of least squared error, after training.",
    .keys = mmse_keys,
    .n_keys = sizeof mmse_keys / sizeof *mmse_keys,
    .size = sizeof(((pare_method_options *)0)->mmse),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const char *const datafree_scheme[] = {"best",   "minmax", "maxabs",     "sigma",
                                              "sawb",   "mmse",   "aciq_gauss", "aciq_laplace",
                                              "kmeans", "pow2",   NULL};

static const pare_key datafree_keys[] = {
    {.name = "scheme",
     .type = PARE_KEY_ENUM,
     .offset = AT(datafree.scheme) - AT(datafree),
     .def = "best",
     .choices = datafree_scheme,
     .doc = "how a layer's levels are found; best: the one of least error"},
    {.name = "drop",
     .type = PARE_KEY_REAL,
     .offset = AT(datafree.drop) - AT(datafree),
     .min = -1,
     .max = 1,
     .def = "0.01",
     .doc = "loss of accuracy that is allowed; negative: a gain that is asked for"},
    {.name = "classes",
     .type = PARE_KEY_STR,
     .offset = AT(datafree.classes) - AT(datafree),
     .def = "",
     .doc = "classes that count, such as 0,3,7; empty: all"},
};

static const pare_schema datafree_schema = {
    .name = "options.datafree",
    .doc = "Weights after training, without data.",
    .keys = datafree_keys,
    .n_keys = sizeof datafree_keys / sizeof *datafree_keys,
    .size = sizeof(((pare_method_options *)0)->datafree),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const char *const adaptive_teacher[] = {"best", "next", "none", NULL};
static const char *const adaptive_weights[] = {"centered", "truncated", "rounded", NULL};
static const char *const adaptive_range[] = {"tanh", "rms", NULL};

static const pare_key adaptive_keys[] = {
    {.name = "widths",
     .type = PARE_KEY_STR,
     .offset = AT(adaptive.widths) - AT(adaptive),
     .def = "8,4,2",
     .doc = "bitlengths, from the largest down"},
    {.name = "teacher",
     .type = PARE_KEY_ENUM,
     .offset = AT(adaptive.teacher) - AT(adaptive),
     .def = "best",
     .choices = adaptive_teacher,
     .doc = "which larger width a width learns from: that of least loss on the batch (our choice), "
            "the next, or none but the labels; with passes 1 the largest, or none"},
    {.name = "swap",
     .type = PARE_KEY_REAL,
     .offset = AT(adaptive.swap) - AT(adaptive),
     .min = 0,
     .max = 1,
     .def = "0.5",
     .doc = "first probability that a block runs at its teacher's width; it falls to 0 over "
            "training (our choice); passes 1 swaps none"},
    {.name = "weights",
     .type = PARE_KEY_ENUM,
     .offset = AT(adaptive.weights) - AT(adaptive),
     .def = "centered",
     .choices = adaptive_weights,
     .doc =
         "levels: the codes of fewer bits are the upper bits of longer ones, half a step added to "
         "the value or not; or DoReFa's"},
    {.name = "range",
     .type = PARE_KEY_ENUM,
     .offset = AT(adaptive.range) - AT(adaptive),
     .def = "tanh",
     .choices = adaptive_range,
     .doc = "of weights: the largest tanh(w), as published, or 2.5 times their root mean square, "
            "which keeps more apart at few bits (our choice)"},
    {.name = "passes",
     .type = PARE_KEY_U32,
     .offset = AT(adaptive.passes) - AT(adaptive),
     .min = 0,
     .max = 8,
     .def = "1",
     .doc =
         "widths that a step trains: 0 all, as published; 2 or more the largest, the smallest and "
         "others drawn at random; 1 one drawn at random, which learns from what the largest last "
         "said of the same images (our choice)"},
};

static const pare_schema adaptive_schema = {
    .name = "options.adaptive",
    .doc = "One network for several bitlengths.",
    .keys = adaptive_keys,
    .n_keys = sizeof adaptive_keys / sizeof *adaptive_keys,
    .size = sizeof(((pare_method_options *)0)->adaptive),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const char *const pow2_rounding[] = {"geometric", "nearest", NULL};
static const char *const pow2_update[] = {"latent", "discrete", NULL};

static const pare_key pow2_keys[] = {
    {.name = "rounding",
     .type = PARE_KEY_ENUM,
     .offset = AT(pow2.rounding) - AT(pow2),
     .def = "geometric",
     .choices = pow2_rounding,
     .doc = "nearest power of two by ratio, or by difference"},
    {.name = "update",
     .type = PARE_KEY_ENUM,
     .offset = AT(pow2.update) - AT(pow2),
     .def = "latent",
     .choices = pow2_update,
     .doc = "weights learn as floats behind the levels, or move one level when their summed steps "
            "are large enough"},
};

static const pare_schema pow2_schema = {
    .name = "options.pow2",
    .doc = "Weights that are powers of two.",
    .keys = pow2_keys,
    .n_keys = sizeof pow2_keys / sizeof *pow2_keys,
    .size = sizeof(((pare_method_options *)0)->pow2),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const char *const settle_threshold[] = {"maxabs", "percentile", "mmse", "kl", NULL};

static const pare_key settle_keys[] = {
    {.name = "threshold",
     .type = PARE_KEY_ENUM,
     .offset = AT(settle.threshold) - AT(settle),
     .def = "mmse",
     .choices = settle_threshold,
     .doc = "how a threshold is found (our choice)"},
    {.name = "percentile",
     .type = PARE_KEY_REAL,
     .offset = AT(settle.percentile) - AT(settle),
     .min = 50,
     .max = 100,
     .def = "99.9",
     .doc = "of the magnitudes, for threshold percentile"},
    {.name = "scale_bits",
     .type = PARE_KEY_U32,
     .offset = AT(settle.scale_bits) - AT(settle),
     .min = 2,
     .max = 23,
     .def = "16",
     .doc = "bits of the integer scale of a requantization (our choice)"},
};

static const pare_schema settle_schema = {
    .name = "options.settle",
    .doc = "Thresholds from one batch, integers between layers.",
    .keys = settle_keys,
    .n_keys = sizeof settle_keys / sizeof *settle_keys,
    .size = sizeof(((pare_method_options *)0)->settle),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const pare_key fracbits_keys[] = {
    {.name = "target_bits",
     .type = PARE_KEY_REAL,
     .offset = AT(fracbits.target_bits) - AT(fracbits),
     .min = 1,
     .max = 16,
     .def = "4",
     .doc = "the bit operations to reach are those of this bitlength everywhere"},
    {.name = "kappa",
     .type = PARE_KEY_REAL,
     .offset = AT(fracbits.kappa) - AT(fracbits),
     .min = 0,
     .max = 1e+06,
     .def = "1",
     .doc = "weight of the distance from it, in units of the operations at 8 bits (our choice)"},
};

static const pare_schema fracbits_schema = {
    .name = "options.fracbits",
    .doc = "Bitlengths by interpolation towards a cost.",
    .keys = fracbits_keys,
    .n_keys = sizeof fracbits_keys / sizeof *fracbits_keys,
    .size = sizeof(((pare_method_options *)0)->fracbits),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const pare_key dq_keys[] = {
    {.name = "weight_kb",
     .type = PARE_KEY_REAL,
     .offset = AT(dq.weight_kb) - AT(dq),
     .min = 0,
     .max = 1e+09,
     .def = "0",
     .doc = "kB that the weights may take; 0: any"},
    {.name = "act_kb",
     .type = PARE_KEY_REAL,
     .offset = AT(dq.act_kb) - AT(dq),
     .min = 0,
     .max = 1e+09,
     .def = "0",
     .doc = "kB that the largest input of a layer may take; 0: any"},
    {.name = "price",
     .type = PARE_KEY_REAL,
     .offset = AT(dq.price) - AT(dq),
     .min = 0,
     .max = 1e+09,
     .def = "5",
     .doc = "weight of the squared excess over a budget, as a share of it (our choice)"},
};

static const pare_schema dq_schema = {
    .name = "options.dq",
    .doc = "Learned steps and clips.",
    .keys = dq_keys,
    .n_keys = sizeof dq_keys / sizeof *dq_keys,
    .size = sizeof(((pare_method_options *)0)->dq),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const pare_key method_keys[] = {
    {.name = "lsq",
     .type = PARE_KEY_MAP,
     .offset = AT(lsq),
     .def = "",
     .sub = &lsq_schema,
     .doc = "Learned steps."},
    {.name = "pact",
     .type = PARE_KEY_MAP,
     .offset = AT(pact),
     .def = "",
     .sub = &pact_schema,
     .doc = "PACT clips of activations, SAWB clips of weights."},
    {.name = "adaqat",
     .type = PARE_KEY_MAP,
     .offset = AT(adaqat),
     .def = "",
     .sub = &adaqat_schema,
     .doc = "Network-wide real bitlengths, by finite differences."},
    {.name = "bmpq",
     .type = PARE_KEY_MAP,
     .offset = AT(bmpq),
     .def = "",
     .sub = &bmpq_schema,
     .doc = "Weight bits by the sensitivity of bits, re-assigned during training."},
    {.name = "syq",
     .type = PARE_KEY_MAP,
     .offset = AT(syq),
     .def = "",
     .sub = &syq_schema,
     .doc = "Ternary or binary weights with learned scales."},
    {.name = "mmse",
     .type = PARE_KEY_MAP,
     .offset = AT(mmse),
     .def = "",
     .sub = &mmse_schema,
     .doc = "Scales of least squared error, after training."},
    {.name = "datafree",
     .type = PARE_KEY_MAP,
     .offset = AT(datafree),
     .def = "",
     .sub = &datafree_schema,
     .doc = "Weights after training, without data."},
    {.name = "adaptive",
     .type = PARE_KEY_MAP,
     .offset = AT(adaptive),
     .def = "",
     .sub = &adaptive_schema,
     .doc = "One network for several bitlengths."},
    {.name = "pow2",
     .type = PARE_KEY_MAP,
     .offset = AT(pow2),
     .def = "",
     .sub = &pow2_schema,
     .doc = "Weights that are powers of two."},
    {.name = "settle",
     .type = PARE_KEY_MAP,
     .offset = AT(settle),
     .def = "",
     .sub = &settle_schema,
     .doc = "Thresholds from one batch, integers between layers."},
    {.name = "fracbits",
     .type = PARE_KEY_MAP,
     .offset = AT(fracbits),
     .def = "",
     .sub = &fracbits_schema,
     .doc = "Bitlengths by interpolation towards a cost."},
    {.name = "dq",
     .type = PARE_KEY_MAP,
     .offset = AT(dq),
     .def = "",
     .sub = &dq_schema,
     .doc = "Learned steps and clips."},
};

const pare_schema pare_method_options_schema = {
    .name = "options",
    .doc = "Options of single methods (docs/methods.md).",
    .keys = method_keys,
    .n_keys = sizeof method_keys / sizeof *method_keys,
    .size = sizeof(pare_method_options),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};
