/* data.c: image sets from IDX pairs and from CIFAR-10's binary batches; batches made from them. */
#include "model/data.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char FASHION_MNIST[] = "/usr/share/datasets/fashion-mnist";
static const pare_pos NOWHERE = {0, 0};

enum {
    CIFAR_SIDE = 32,
    CIFAR_CHANNELS = 3,
    CIFAR_PIXELS = CIFAR_SIDE * CIFAR_SIDE,
    CIFAR_RECORD = 1 + CIFAR_CHANNELS * CIFAR_PIXELS, /* a label byte, then three planes */
    CIFAR_CLASSES = 10,
    CLASSES_MAX = 256,
};
static const size_t CIFAR_FILE_MAX = (size_t)1 << 30;

const pare_augment pare_augments[] = {
    {"none", "images as they are", 0, false},
    {"crop", "moved by up to 4 pixels over a border of zeros", 4, false},
    {"flip", "mirrored half of the time", 0, true},
    {"crop_flip", "both", 4, true},
};
const size_t pare_n_augments = sizeof pare_augments / sizeof *pare_augments;

/* ---- IDX pairs --------------------------------------------------------------------------------
 */

static bool has_file(const char *dir, const char *name, pare_buf *path)
{
    path->n = 0;
    pare_buf_printf(path, "%s/%s", dir, name);
    return access(path->text, F_OK) == 0;
}

/* The file of this name, plain or gzip. */
static bool find_idx(const char *dir, const char *name, pare_buf *path)
{
    if (has_file(dir, name, path)) return true;
    pare_buf packed = {0};
    pare_buf_printf(&packed, "%s.gz", name);
    const bool found = has_file(dir, packed.text, path);
    pare_buf_free(&packed);
    return found;
}

static bool is_idx(const char *dir)
{
    pare_buf path = {0};
    const bool found = find_idx(dir, "train-images-idx3-ubyte", &path) ||
                       find_idx(dir, "train-labels-idx1-ubyte", &path);
    pare_buf_free(&path);
    return found;
}

static pare_status load_idx(const char *dir, const char *name, uint32_t n_dims, pare_tensor *t,
                            pare_err *e)
{
    pare_buf path = {0};
    pare_status status;
    if (!find_idx(dir, name, &path)) {
        status = pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                              "%s (plain or .gz) is missing; an IDX set has it", name);
    } else {
        status = pare_idx_load(path.text, t, e);
        if (status == PARE_OK && t->n_dims != n_dims)
            status = pare_err_set(e, PARE_EINPUT, path.text, NOWHERE,
                                  "has %u dimensions; %u expected", t->n_dims, n_dims);
    }
    pare_buf_free(&path);
    return status;
}

static pare_status fill_split(const char *dir, const char *split, const pare_tensor *x,
                              const pare_tensor *t, size_t limit, pare_dataset *d, pare_images *out,
                              pare_err *e)
{
    if (x->dims[0] != t->dims[0] || !x->count)
        return pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                            "%s has %zu images and %zu labels; as many of both expected", split,
                            x->dims[0], t->dims[0]);
    if (x->dims[1] > UINT16_MAX || x->dims[2] > UINT16_MAX)
        return pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                            "%s has images of %zux%zu pixels; at "
                            "most 65535 expected",
                            split, x->dims[1], x->dims[2]);
    const pare_shape shape = {1, (uint32_t)x->dims[1], (uint32_t)x->dims[2]};
    if (d->shape.c && (d->shape.h != shape.h || d->shape.w != shape.w))
        return pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                            "test images are %ux%u, training images %ux%u; equal sizes expected",
                            shape.h, shape.w, d->shape.h, d->shape.w);
    d->shape = shape;
    out->n = limit && limit < x->dims[0] ? limit : x->dims[0];
    const size_t bytes = out->n * (size_t)pare_shape_count(shape);
    out->pixels = pare_xalloc(bytes, 1);
    out->labels = pare_xalloc(out->n, sizeof *out->labels);
    memcpy(out->pixels, x->data, bytes);
    for (size_t i = 0; i < out->n; i++) out->labels[i] = ((const uint8_t *)t->data)[i];
    return PARE_OK;
}

static pare_status load_idx_set(const char *dir, size_t limit, pare_dataset *d, pare_err *e)
{
    static const char *const splits[] = {"train", "t10k"};
    pare_images *const out[] = {&d->train, &d->test};
    pare_status status = PARE_OK;
    for (int i = 0; i < 2 && status == PARE_OK; i++) {
        pare_tensor x = {0}, t = {0};
        char name[40];
        snprintf(name, sizeof name, "%s-images-idx3-ubyte", splits[i]);
        status = load_idx(dir, name, 3, &x, e);
        snprintf(name, sizeof name, "%s-labels-idx1-ubyte", splits[i]);
        if (status == PARE_OK) status = load_idx(dir, name, 1, &t, e);
        if (status == PARE_OK) status = fill_split(dir, splits[i], &x, &t, limit, d, out[i], e);
        pare_tensor_free(&x);
        pare_tensor_free(&t);
    }
    return status;
}

/* ---- CIFAR-10 ---------------------------------------------------------------------------------
 */

static bool is_cifar(const char *dir)
{
    pare_buf path = {0};
    const bool found =
        has_file(dir, "data_batch_1.bin", &path) || has_file(dir, "test_batch.bin", &path);
    pare_buf_free(&path);
    return found;
}

static void unpack_record(const uint8_t *record, uint8_t *pixels)
{
    for (size_t c = 0; c < CIFAR_CHANNELS; c++)
        for (size_t i = 0; i < CIFAR_PIXELS; i++)
            pixels[i * CIFAR_CHANNELS + c] = record[1 + c * CIFAR_PIXELS + i];
}

/* Append the records of one file, up to `limit` images in all (0: no limit). */
pare_status pare_cifar_parse(const char *file, const void *bytes, size_t n, size_t limit,
                             pare_images *out, pare_err *e)
{
    size_t records = n / CIFAR_RECORD;
    if (!n || n % CIFAR_RECORD)
        return pare_err_set(e, PARE_EINPUT, file, NOWHERE,
                            "is %zu bytes long; a multiple of %d expected, as CIFAR-10's binary "
                            "files are",
                            n, (int)CIFAR_RECORD);
    if (limit && records > limit - out->n) records = limit - out->n;
    const size_t image = CIFAR_CHANNELS * CIFAR_PIXELS, total = out->n + records;
    uint8_t *pixels = pare_xalloc(total + 1, image);
    uint16_t *labels = pare_xalloc(total + 1, sizeof *labels);
    if (out->n) memcpy(pixels, out->pixels, out->n * image);
    if (out->n) memcpy(labels, out->labels, out->n * sizeof *labels);
    free(out->pixels);
    free(out->labels);
    out->pixels = pixels;
    out->labels = labels;
    for (size_t i = 0; i < records; i++) {
        const uint8_t *record = (const uint8_t *)bytes + i * CIFAR_RECORD;
        if (record[0] >= CIFAR_CLASSES)
            return pare_err_set(e, PARE_EINPUT, file, NOWHERE,
                                "record %zu has label %u; 0 to 9 expected", i, record[0]);
        out->labels[out->n] = record[0];
        unpack_record(record, out->pixels + out->n++ * image);
    }
    return PARE_OK;
}

static pare_status add_cifar_file(const char *path, size_t limit, pare_images *out, pare_err *e)
{
    char *bytes;
    size_t n;
    PARE_TRY(pare_file_read(path, CIFAR_FILE_MAX, &bytes, &n, e));
    const pare_status status = pare_cifar_parse(path, bytes, n, limit, out, e);
    free(bytes);
    return status;
}

static pare_status load_cifar_set(const char *dir, size_t limit, pare_dataset *d, pare_err *e)
{
    pare_buf path = {0};
    pare_status status = PARE_OK;
    d->shape = (pare_shape){CIFAR_CHANNELS, CIFAR_SIDE, CIFAR_SIDE};
    for (int i = 1; i <= 5 && status == PARE_OK; i++) {
        if (limit && d->train.n >= limit) break;
        path.n = 0;
        pare_buf_printf(&path, "%s/data_batch_%d.bin", dir, i);
        status = add_cifar_file(path.text, limit, &d->train, e);
    }
    path.n = 0;
    pare_buf_printf(&path, "%s/test_batch.bin", dir);
    if (status == PARE_OK) status = add_cifar_file(path.text, limit, &d->test, e);
    pare_buf_free(&path);
    return status;
}

/* ---- any set ----------------------------------------------------------------------------------
 */

static const struct kind {
    const char *name;
    bool (*is_in)(const char *dir);
    pare_status (*load)(const char *dir, size_t limit, pare_dataset *d, pare_err *e);
} kinds[] = {
    {"idx", is_idx, load_idx_set},
    {"cifar10", is_cifar, load_cifar_set},
};

/* Mean and deviation of each channel over the training pixels, from exact integer sums. */
static void measure(pare_dataset *d)
{
    uint64_t sum[PARE_CHANNELS_MAX] = {0}, sum2[PARE_CHANNELS_MAX] = {0};
    const size_t c = d->shape.c, n = d->train.n * (size_t)pare_shape_count(d->shape);
    for (size_t i = 0; i < n; i++) {
        const uint64_t x = d->train.pixels[i];
        sum[i % c] += x;
        sum2[i % c] += x * x;
    }
    for (size_t j = 0; j < c; j++) {
        const double count = (double)(n / c), mean = (double)sum[j] / count;
        const double var = (double)sum2[j] / count - mean * mean;
        d->mean[j] = (float)mean;
        d->inv_std[j] = (float)(1 / sqrt(fmax(var, 1)));
    }
}

static void count_classes(pare_dataset *d)
{
    const pare_images *const splits[] = {&d->train, &d->test};
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < splits[s]->n; i++)
            if (splits[s]->labels[i] >= d->n_classes) d->n_classes = splits[s]->labels[i] + 1u;
}

static pare_status missing(const char *name, const char *dir, pare_err *e)
{
    if (!strcmp(name, "fashion-mnist"))
        return pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                            "Fashion-MNIST is not installed; Debian's package "
                            "dataset-fashion-mnist expected (apt install dataset-fashion-mnist)");
    return pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                        "holds no image set; an IDX pair (train-images-idx3-ubyte, plain or .gz) "
                        "or CIFAR-10's binary files (data_batch_1.bin) expected");
}

pare_status pare_dataset_load(const char *name, size_t limit, pare_dataset **out, pare_err *e)
{
    const char *dir = strcmp(name, "fashion-mnist") ? name : FASHION_MNIST;
    *out = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!kinds[i].is_in(dir)) continue;
        pare_dataset *d = pare_xalloc(1, sizeof *d);
        d->kind = kinds[i].name;
        const pare_status status = kinds[i].load(dir, limit, d, e);
        if (status != PARE_OK) {
            pare_dataset_free(d);
            return status;
        }
        measure(d);
        count_classes(d);
        *out = d;
        return PARE_OK;
    }
    return missing(name, dir, e);
}

void pare_dataset_free(pare_dataset *d)
{
    if (!d) return;
    free(d->train.pixels);
    free(d->train.labels);
    free(d->test.pixels);
    free(d->test.labels);
    free(d);
}

/* ---- batches ----------------------------------------------------------------------------------
 */

typedef struct variation {
    int64_t dy, dx;
    bool is_mirrored;
} variation;

static variation draw(const pare_batch *b, size_t at)
{
    if (!b->augment) return (variation){0, 0, false};
    /* one stream an image: which thread prepares it does not matter */
    pare_rng r = pare_rng_new(b->seed + 0x9e3779b97f4a7c15ull * (b->epoch + 1), at);
    const uint32_t pad = b->augment->pad;
    variation v;
    v.dy = (int64_t)pare_rng_below(&r, 2 * pad + 1) - pad;
    v.dx = (int64_t)pare_rng_below(&r, 2 * pad + 1) - pad;
    v.is_mirrored = b->augment->flips && (pare_rng_u64(&r) >> 63);
    return v;
}

static void write_row(const pare_dataset *d, const uint8_t *row, variation v, float *x)
{
    const int64_t width = d->shape.w;
    const size_t c = d->shape.c;
    for (int64_t i = 0; i < width; i++) {
        int64_t from = i + v.dx;
        if (v.is_mirrored) from = width - 1 - from;
        for (size_t j = 0; j < c; j++) {
            float *out = x + (size_t)i * c + j;
            if (from < 0 || from >= width)
                *out = 0;
            else
                *out = ((float)row[(size_t)from * c + j] - d->mean[j]) * d->inv_std[j];
        }
    }
}

void pare_batch_image(const pare_batch *b, size_t i, float *x, uint16_t *label)
{
    const pare_dataset *d = b->data;
    const size_t at = b->order ? b->order[b->first + i] : b->first + i;
    const size_t row = (size_t)d->shape.w * d->shape.c;
    const uint8_t *pixels = b->images->pixels + at * (size_t)pare_shape_count(d->shape);
    const variation v = draw(b, at);
    for (int64_t h = 0; h < d->shape.h; h++) {
        const int64_t from = h + v.dy;
        float *out = x + (size_t)h * row;
        if (from < 0 || from >= d->shape.h)
            memset(out, 0, row * sizeof *out);
        else
            write_row(d, pixels + (size_t)from * row, v, out);
    }
    *label = b->images->labels[at];
}

void pare_shuffle(uint32_t *order, size_t n, uint64_t seed, uint64_t epoch)
{
    pare_rng r = pare_rng_new(seed, UINT64_MAX - epoch);
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        const size_t j = pare_rng_below(&r, (uint32_t)i);
        const uint32_t t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
}
