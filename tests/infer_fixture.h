/* infer_fixture.h: run folders as the trainer would leave them, small enough to compute by hand. */
#ifndef PARE_INFER_FIXTURE_H
#define PARE_INFER_FIXTURE_H
#include "gtck.h"
#include "sim/infer_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void write_text(const char *folder, const char *name, const char *text)
{
    char path[512];
    pare_err e = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(pare_file_write(path, text, strlen(text), &e), PARE_OK);
}

static inline void write_npy(const char *folder, const char *name, pare_dtype type, uint32_t n_dims,
                             const size_t *dims, const void *data)
{
    char path[512];
    pare_err e = {0};
    pare_tensor t = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(pare_tensor_new(type, n_dims, dims, &t, &e), PARE_OK);
    if (data) memcpy(t.data, data, t.count * pare_dtype_bytes(type));
    ck_assert_int_eq(pare_npy_save(path, &t, &e), PARE_OK);
    pare_tensor_free(&t);
}

static inline void write_floats(const char *folder, const char *name, size_t n, const float *data)
{
    write_npy(folder, name, PARE_F32, 1, &n, data);
}

static inline void make_folders(char *folder)
{
    static const char *const sub[] = {"weights", "acts", "params"};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < 3; i++) {
        char path[512];
        pare_err e = {0};
        snprintf(path, sizeof path, "%s/%s", folder, sub[i]);
        ck_assert_int_eq(pare_dir_make(path, &e), PARE_OK);
    }
}

static inline void remove_folder(const char *folder)
{
    char command[600];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* The trainer's view of `n` images: one label each, as many logits as classes. */
static inline void write_evaluation(const char *folder, size_t n, size_t n_classes,
                                    const uint8_t *labels, const float *logits,
                                    const uint8_t *classes)
{
    const size_t dims[2] = {n, n_classes};
    write_npy(folder, "acts/labels.npy", PARE_U8, 1, &n, labels);
    write_npy(folder, "acts/logits.npy", PARE_F32, 2, dims, logits);
    write_npy(folder, "predictions.npy", PARE_U8, 1, &n, classes);
}

#define FC_TENSORS                                                                                 \
    "layer,kind,bits,signed,scale,offset,file,inverse_scale\n"                                     \
    "fc,weight,2,0,0.5,-1,weights/fc.npy,2\n"                                                      \
    "fc,activation,2,0,1,0,acts/fc.npy,1\n"

static const char FC_NET[] = "version: 1\n"
                             "name: by_hand\n"
                             "input: {channels: 1, height: 2, width: 2}\n"
                             "layers:\n"
                             "  - {name: flat, type: flatten}\n"
                             "  - {name: fc, type: fc, out_channels: 2, bias: true}\n";
static const char FC_BITS[] = "version: 1\n"
                              "layers:\n"
                              "  - {layer: fc, weight_bits: 2, act_bits: 2}\n";
static uint8_t fc_pixels[2][4] = {{0, 1, 2, 3}, {3, 3, 0, 1}};
static uint8_t fc_labels[2] = {0, 1};
/* weights -0.5 -1 0 0.5 and 0.5 -0.5 -1 -1, biases 0.25 and 1 */
static const float fc_logits[4] = {0.75f, -4.5f, -3.75f, 0.0f};

/* One fc layer of 2 x 4 weights, and two images. */
static inline void make_fc(char *folder)
{
    static const uint8_t weights[8] = {1, 0, 2, 3, 3, 1, 0, 0};
    static const uint8_t classes[2] = {0, 1};
    static const float zero = 0, one = 1, bias[2] = {0.25f, 1.0f};
    static const size_t fc[2] = {2, 4};
    strcpy(folder, "/tmp/pare_infer_XXXXXX");
    make_folders(folder);
    write_text(folder, "network.net.yaml", FC_NET);
    write_text(folder, "network.bits.yaml", FC_BITS);
    write_text(folder, "tensors.csv", FC_TENSORS);
    write_npy(folder, "weights/fc.npy", PARE_U8, 2, fc, weights);
    write_npy(folder, "acts/fc.npy", PARE_U8, 2, fc, fc_pixels);
    write_floats(folder, "params/fc.bias.npy", 2, bias);
    write_floats(folder, "params/input.mean.npy", 1, &zero);
    write_floats(folder, "params/input.inv_std.npy", 1, &one);
    write_evaluation(folder, 2, 2, fc_labels, fc_logits, classes);
}

static const pare_infer_images fc_images = {
    .shape = {1, 2, 2}, .n = 2, .pixels = fc_pixels[0], .labels = fc_labels};

static inline pare_infer *load(const char *folder)
{
    pare_err e = {0};
    pare_infer *f = NULL;
    const pare_status status = pare_infer_load(folder, &f, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    return f;
}

typedef struct conv {
    uint32_t c, h, w, k, r, s, groups, stride, pad, dilation, weight_bits, act_bits, zero;
    uint32_t n_codes;
    uint16_t *codes; /* [K][C/groups][R][S] */
} conv;

static inline void make_conv(char *folder, const conv *v, pare_shape *out)
{
    char text[1024];
    const uint32_t p = (v->h + 2 * v->pad - v->dilation * (v->r - 1) - 1) / v->stride + 1;
    const uint32_t q = (v->w + 2 * v->pad - v->dilation * (v->s - 1) - 1) / v->stride + 1;
    const size_t weights[4] = {v->k, v->c / v->groups, v->r, v->s}, acts[4] = {1, v->c, v->h, v->w};
    *out = (pare_shape){v->k, p, q};
    strcpy(folder, "/tmp/pare_infer_XXXXXX");
    make_folders(folder);
    snprintf(text, sizeof text,
             "version: 1\nname: one\ninput: {channels: %u, height: %u, width: %u}\nlayers:\n"
             "  - {name: a/b, type: conv2d, out_channels: %u, kernel: [%u, %u], stride: %u, pad: "
             "%u, dilation: %u, groups: %u}\n",
             v->c, v->h, v->w, v->k, v->r, v->s, v->stride, v->pad, v->dilation, v->groups);
    write_text(folder, "network.net.yaml", text);
    snprintf(text, sizeof text,
             "version: 1\nlayers:\n  - {layer: a/b, weight_bits: %u, act_bits: %u}\n",
             v->weight_bits, v->act_bits);
    write_text(folder, "network.bits.yaml", text);
    snprintf(text, sizeof text,
             "layer,kind,bits,signed,scale,offset,file,inverse_scale\n"
             "a/b,weight,%u,0,1,0,,1\na/b,activation,%u,0,1,-%u,,1\n",
             v->weight_bits, v->act_bits, v->zero);
    write_text(folder, "tensors.csv", text);
    write_npy(folder, "weights/a_b.npy", PARE_U16, 4, weights, v->codes);
    write_npy(folder, "acts/a_b.npy", PARE_U16, 4, acts, NULL);
    float *const ones = pare_xalloc(v->c, sizeof *ones);
    write_floats(folder, "params/input.mean.npy", v->c, ones);
    write_floats(folder, "params/input.inv_std.npy", v->c, ones);
    free(ones);
    write_evaluation(folder, 1, (size_t)pare_shape_count(*out), NULL, NULL, NULL);
}

#endif
