/* data.h (private): image sets, and batches made from them. */
#ifndef PARE_MODEL_DATA_H
#define PARE_MODEL_DATA_H
#include "traces/trace.h"

/* One split of an image set, NHWC bytes. */
typedef struct pare_images {
    size_t n;
    uint8_t *pixels; /* n * shape, channels innermost */
    uint16_t *labels;
} pare_images;

enum { PARE_CHANNELS_MAX = 16 };

typedef struct pare_dataset {
    const char *kind; /* "idx", "cifar10" */
    pare_shape shape;
    uint32_t n_classes;
    pare_images train, test;
    float mean[PARE_CHANNELS_MAX], inv_std[PARE_CHANNELS_MAX]; /* of the training pixels */
} pare_dataset;

/* "fashion-mnist" is where Debian's dataset-fashion-mnist lies; anything else is a folder with IDX
 * pairs (train-images..., t10k-images...; plain or .gz) or CIFAR-10's binary batches. At most
 * `limit` images of each split are kept (0: all). */
pare_status pare_dataset_load(const char *name, size_t limit, pare_dataset **out,
                              pare_err *e) PARE_MUST_CHECK;
void pare_dataset_free(pare_dataset *d); /* NULL allowed */

/* Append the records of one of CIFAR-10's binary files to `out`, up to `limit` images in all (0: no
 * limit); the caller frees pixels and labels. */
pare_status pare_cifar_parse(const char *file, const void *bytes, size_t n, size_t limit,
                             pare_images *out, pare_err *e) PARE_MUST_CHECK;

/* How training images are varied: moved by up to `pad` pixels over a border of zeros (after
 * normalisation), mirrored half of the time. */
typedef struct pare_augment {
    const char *name, *doc;
    uint32_t pad;
    bool flips;
} pare_augment;

extern const pare_augment pare_augments[];
extern const size_t pare_n_augments;

/* Images first..first+n-1 of an order. */
typedef struct pare_batch {
    const pare_dataset *data;
    const pare_images *images;
    const uint32_t *order; /* NULL: as they come */
    size_t first;
    const pare_augment *augment; /* NULL: none */
    uint64_t seed, epoch;        /* name the random numbers of the augmentation */
} pare_batch;

/* Write image `i` of the batch as normalised floats, NHWC, and its label. */
void pare_batch_image(const pare_batch *b, size_t i, float *x, uint16_t *label);

/* A permutation of 0..n-1 that depends on seed and epoch only. */
void pare_shuffle(uint32_t *order, size_t n, uint64_t seed, uint64_t epoch);
#endif
