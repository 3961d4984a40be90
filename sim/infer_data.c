/* Test images from IDX pairs and from CIFAR-10's binary file. */
#include "sim/infer.h"

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
};
static const size_t CIFAR_FILE_MAX_BYTES = (size_t)1 << 30;

static bool has_file(const char *dir, const char *name, pare_buf *path)
{
    path->n = 0;
    pare_buf_printf(path, "%s/%s", dir, name);
    return access(path->text, F_OK) == 0;
}

static pare_status no_memory(const char *dir, pare_err *e)
{
    return pare_err_set(e, PARE_EFAIL, dir, NOWHERE, "does not fit into memory; a limit expected");
}

/* ---- IDX ---- */

static pare_status load_idx(const char *dir, const char *name, uint32_t n_dims, pare_tensor *t,
                            pare_err *e)
{
    pare_status status = PARE_OK;
    pare_buf path = {0}, packed = {0};
    pare_buf_printf(&packed, "%s.gz", name);
    if (!has_file(dir, name, &path) && !has_file(dir, packed.text, &path))
        status = pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                              "%s (plain or .gz) is missing; an IDX test set has it", name);
    if (status == PARE_OK) status = pare_idx_load(path.text, t, e);
    if (status == PARE_OK && t->n_dims != n_dims)
        status = pare_err_set(e, PARE_EINPUT, path.text, NOWHERE, "has %u dimensions; %u expected",
                              t->n_dims, n_dims);
    pare_buf_free(&packed);
    pare_buf_free(&path);
    return status;
}

static pare_status take_idx(const char *dir, size_t limit, pare_tensor *x, const pare_tensor *t,
                            pare_infer_images *out, pare_err *e)
{
    if (x->dims[0] != t->dims[0])
        return pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                            "t10k has %zu images and %zu labels; as many of both expected",
                            x->dims[0], t->dims[0]);
    if (x->dims[1] > UINT16_MAX || x->dims[2] > UINT16_MAX)
        return pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                            "t10k has images of %zux%zu pixels; at most 65535 expected", x->dims[1],
                            x->dims[2]);
    out->shape = (pare_shape){1, (uint32_t)x->dims[1], (uint32_t)x->dims[2]};
    out->n = limit && limit < x->dims[0] ? limit : x->dims[0];
    out->labels = malloc(out->n);
    if (!out->labels) return no_memory(dir, e);
    memcpy(out->labels, t->data, out->n);
    out->pixels = x->data; /* one channel: rows of pixels already */
    x->data = NULL;
    return PARE_OK;
}

static pare_status load_idx_set(const char *dir, size_t limit, pare_infer_images *out, pare_err *e)
{
    pare_tensor x = {0}, t = {0};
    pare_status status = load_idx(dir, "t10k-images-idx3-ubyte", 3, &x, e);
    if (status == PARE_OK) status = load_idx(dir, "t10k-labels-idx1-ubyte", 1, &t, e);
    if (status == PARE_OK) status = take_idx(dir, limit, &x, &t, out, e);
    pare_tensor_free(&x);
    pare_tensor_free(&t);
    return status;
}

/* ---- CIFAR-10 ---- */

static void unpack_record(const uint8_t *record, uint8_t *pixels)
{
    for (size_t c = 0; c < CIFAR_CHANNELS; c++)
        for (size_t i = 0; i < CIFAR_PIXELS; i++)
            pixels[i * CIFAR_CHANNELS + c] = record[1 + c * CIFAR_PIXELS + i];
}

static pare_status take_cifar(const char *path, const char *bytes, size_t n, size_t limit,
                              pare_infer_images *out, pare_err *e)
{
    if (!n || n % CIFAR_RECORD)
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "is %zu bytes long; a multiple of %d expected, as CIFAR-10's binary "
                            "files are",
                            n, (int)CIFAR_RECORD);
    const size_t records = n / CIFAR_RECORD;
    out->n = limit && limit < records ? limit : records;
    out->shape = (pare_shape){CIFAR_CHANNELS, CIFAR_SIDE, CIFAR_SIDE};
    out->labels = malloc(out->n);
    out->pixels = malloc(out->n * (CIFAR_RECORD - 1));
    if (!out->labels || !out->pixels) return no_memory(path, e);
    for (size_t i = 0; i < out->n; i++) {
        const uint8_t *const record = (const uint8_t *)bytes + i * CIFAR_RECORD;
        out->labels[i] = record[0];
        unpack_record(record, out->pixels + i * (CIFAR_RECORD - 1));
    }
    return PARE_OK;
}

static pare_status load_cifar_set(const char *path, size_t limit, pare_infer_images *out,
                                  pare_err *e)
{
    char *bytes;
    size_t n;
    PARE_TRY(pare_file_read(path, CIFAR_FILE_MAX_BYTES, &bytes, &n, e));
    const pare_status status = take_cifar(path, bytes, n, limit, out, e);
    free(bytes);
    return status;
}

/* ---- any ---- */

static pare_status missing(const char *data, const char *dir, pare_err *e)
{
    if (data != dir)
        return pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                            "Fashion-MNIST is not installed; Debian's package "
                            "dataset-fashion-mnist expected (apt install dataset-fashion-mnist)");
    return pare_err_set(e, PARE_EINPUT, dir, NOWHERE,
                        "holds no test images; an IDX pair (t10k-images-idx3-ubyte, plain or .gz) "
                        "or CIFAR-10's test_batch.bin expected");
}

pare_status pare_infer_images_load(const char *data, size_t limit, pare_infer_images *out,
                                   pare_err *e)
{
    *out = (pare_infer_images){0};
    const char *const dir = strcmp(data, "fashion-mnist") ? data : FASHION_MNIST;
    pare_buf path = {0};
    pare_status status;
    if (has_file(dir, "test_batch.bin", &path))
        status = load_cifar_set(path.text, limit, out, e);
    else if (has_file(dir, "t10k-images-idx3-ubyte", &path) ||
             has_file(dir, "t10k-images-idx3-ubyte.gz", &path))
        status = load_idx_set(dir, limit, out, e);
    else
        status = missing(data, dir, e);
    pare_buf_free(&path);
    if (status != PARE_OK) pare_infer_images_free(out);
    return status;
}

void pare_infer_images_free(pare_infer_images *t)
{
    if (!t) return;
    free(t->pixels);
    free(t->labels);
    *t = (pare_infer_images){0};
}
