#include "gtck.h"
#include "sim/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t SEED = 31;

/* ---- run folders made here ---- */

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[512];
    pare_err e = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(pare_file_write(path, text, strlen(text), &e), PARE_OK);
}

static void write_npy(const char *folder, const char *name, pare_dtype type, uint32_t n_dims,
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

static void write_floats(const char *folder, const char *name, size_t n, const float *data)
{
    write_npy(folder, name, PARE_F32, 1, &n, data);
}

static void make_folders(char *folder)
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

static void remove_folder(const char *folder)
{
    char command[600];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* The trainer's view of `n` images: one label each, as many logits as classes. */
static void write_evaluation(const char *folder, size_t n, size_t n_classes, const uint8_t *labels,
                             const float *logits, const uint8_t *classes)
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
static void make_fc(char *folder)
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

static pare_infer *load(const char *folder)
{
    pare_err e = {0};
    pare_infer *f = NULL;
    const pare_status status = pare_infer_load(folder, &f, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    return f;
}

static pare_machine *machine(const char *name, const char *set)
{
    pare_err e = {0};
    pare_machine *m = NULL;
    pare_buf path = {0};
    pare_data_find("machines", name, &path);
    const pare_status status = pare_machine_load(path.text, &set, set ? 1 : 0, &m, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    pare_buf_free(&path);
    return m;
}

static pare_infer_result run_fc(const char *folder, const char *machine_name)
{
    pare_err e = {0};
    pare_infer_result r;
    pare_infer *const f = load(folder);
    pare_machine *const m = machine(machine_name, NULL);
    const pare_status status = pare_infer_run(f, m, &fc_images, NULL, &r, &e);
    if (status != PARE_OK) pare_err_print(&e, stderr);
    ck_assert_int_eq(status, PARE_OK);
    /* names do not outlive the run */
    pare_machine_free(m);
    pare_infer_free(f);
    return r;
}

/* ---- kernels ---- */

typedef struct operands {
    uint32_t k, depth, n, weight_bits, act_bits, shift;
    uint8_t *w, *a; /* k * depth; n * stride */
    uint64_t *sums, *scratch;
} operands;

static uint8_t random_byte(pare_rng *r, uint32_t bits)
{
    /* the largest code often, as it is what overflows */
    return (uint8_t)(pare_rng_below(r, 3) ? pare_rng_below(r, 1u << bits) : (1u << bits) - 1);
}

static operands random_operands(pare_rng *r, uint32_t depth)
{
    operands o = {.k = 1 + pare_rng_below(r, 40),
                  .depth = depth,
                  .n = 1 + pare_rng_below(r, 9),
                  .weight_bits = 1 + pare_rng_below(r, 8),
                  .act_bits = 1 + pare_rng_below(r, 8),
                  .shift = pare_rng_below(r, 3) * 8};
    const size_t stride = infer_row_stride(depth);
    o.w = pare_xalloc((size_t)o.k * depth, 1);
    o.a = pare_xalloc(o.n * stride, 1);
    o.sums = pare_xalloc(o.n, sizeof *o.sums);
    o.scratch = pare_xalloc(stride, sizeof *o.scratch);
    for (size_t i = 0; i < (size_t)o.k * depth; i++) o.w[i] = random_byte(r, o.weight_bits);
    for (size_t i = 0; i < o.n; i++)
        for (size_t j = 0; j < depth; j++)
            o.sums[i] += o.a[i * stride + j] = random_byte(r, o.act_bits);
    return o;
}

static void free_operands(operands *o)
{
    free(o->w);
    free(o->a);
    free(o->sums);
    free(o->scratch);
}

static void check_kernel(const infer_kernel *kernel, const operands *o)
{
    infer_matrix m = {.k = o->k, .depth = o->depth, .bits = o->weight_bits};
    const size_t stride = infer_row_stride(o->depth);
    const infer_rows rows = {o->a, o->n, stride, o->act_bits, o->sums, o->scratch};
    kernel->pack(o->w, &m);
    uint64_t *const acc = pare_xalloc(o->n * m.k_stride, sizeof *acc);
    for (size_t i = 0; i < o->n * m.k_stride; i++) acc[i] = 1000;
    kernel->dot(&m, &rows, o->shift, acc);
    for (size_t i = 0; i < o->n; i++)
        for (size_t k = 0; k < o->k; k++) {
            uint64_t dot = 0;
            for (size_t j = 0; j < o->depth; j++)
                dot += (uint64_t)o->w[k * o->depth + j] * o->a[i * stride + j];
            ck_assert_msg(acc[i * m.k_stride + k] == 1000 + (dot << o->shift),
                          "kernel %s, depth %u, %u x %u bits: %llu, %llu expected", kernel->name,
                          o->depth, o->weight_bits, o->act_bits,
                          (unsigned long long)acc[i * m.k_stride + k],
                          (unsigned long long)(1000 + (dot << o->shift)));
        }
    free(acc);
    free(m.data);
}

START_TEST(every_kernel_equals_the_plain_sum)
{
    printf("seed %llu\n", (unsigned long long)SEED);
    pare_rng r = pare_rng_new(SEED, 0);
    for (int t = 0; t < 200; t++) {
        /* some depths beyond what 32 bits of sums hold */
        const uint32_t depth =
            t % 40 ? 1 + pare_rng_below(&r, 300) : 60000 + pare_rng_below(&r, 20000);
        operands o = random_operands(&r, depth);
        for (size_t i = 0; i < infer_n_kernels; i++)
            if (infer_kernels[i]->is_supported()) check_kernel(infer_kernels[i], &o);
        free_operands(&o);
    }
}
END_TEST

START_TEST(no_kernel_overflows_at_the_largest_codes)
{
    operands o = {.k = 3, .depth = 140000, .n = 5, .weight_bits = 8, .act_bits = 8};
    const size_t stride = infer_row_stride(o.depth);
    o.w = pare_xalloc((size_t)o.k * o.depth, 1);
    o.a = pare_xalloc(o.n * stride, 1);
    o.sums = pare_xalloc(o.n, sizeof *o.sums);
    o.scratch = pare_xalloc(stride, sizeof *o.scratch);
    memset(o.w, 255, (size_t)o.k * o.depth);
    for (size_t i = 0; i < o.n; i++) {
        memset(o.a + i * stride, 255, o.depth);
        o.sums[i] = 255ull * o.depth;
    }
    for (size_t i = 0; i < infer_n_kernels; i++)
        if (infer_kernels[i]->is_supported()) check_kernel(infer_kernels[i], &o);
    free_operands(&o);
}
END_TEST

/* ---- a layer's sums: file order, padding, groups, digits ---- */

typedef struct conv {
    uint32_t c, h, w, k, r, s, groups, stride, pad, dilation, weight_bits, act_bits, zero;
    uint32_t n_codes;
    uint16_t *codes; /* [K][C/groups][R][S] */
} conv;

static conv random_conv(pare_rng *r)
{
    conv v = {.groups = 1 + pare_rng_below(r, 3),
              .r = 1 + pare_rng_below(r, 3),
              .s = 1 + pare_rng_below(r, 3),
              .stride = 1 + pare_rng_below(r, 2),
              .pad = pare_rng_below(r, 3),
              .dilation = 1 + pare_rng_below(r, 2),
              .weight_bits = 1 + pare_rng_below(r, 16),
              .act_bits = 1 + pare_rng_below(r, 16)};
    v.c = v.groups * (1 + pare_rng_below(r, 20));
    v.k = v.groups * (1 + pare_rng_below(r, 10));
    v.h = 5 + pare_rng_below(r, 5);
    v.w = 5 + pare_rng_below(r, 5);
    v.zero = pare_rng_below(r, 1u << v.act_bits);
    v.n_codes = v.k * (v.c / v.groups) * v.r * v.s;
    v.codes = pare_xalloc(v.n_codes, sizeof *v.codes);
    for (uint32_t i = 0; i < v.n_codes; i++)
        v.codes[i] = (uint16_t)pare_rng_below(r, 1u << v.weight_bits);
    return v;
}

static void make_conv(char *folder, const conv *v, pare_shape *out)
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

/* The definition of a convolution, from the weights in the order of the file. */
static uint64_t plain_conv(const conv *v, const uint16_t *image, uint32_t k, uint32_t p, uint32_t q)
{
    const uint32_t channels = v->c / v->groups, group = k / (v->k / v->groups);
    uint64_t sum = 0;
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t r = 0; r < v->r; r++)
            for (uint32_t s = 0; s < v->s; s++) {
                const int64_t h = (int64_t)p * v->stride + r * v->dilation - v->pad;
                const int64_t w = (int64_t)q * v->stride + s * v->dilation - v->pad;
                const bool is_inside = h >= 0 && w >= 0 && h < v->h && w < v->w;
                const size_t at = ((size_t)h * v->w + (size_t)w) * v->c + group * channels + c;
                const uint64_t a = is_inside ? image[at] : v->zero;
                sum += a * v->codes[((k * channels + c) * v->r + r) * v->s + s];
            }
    return sum;
}

/* The same from the PE of a machine with random digits, lane by lane. */
static uint64_t pe_conv(pare_rng *r, const infer_layer *l, const uint16_t *image, uint32_t k,
                        size_t row)
{
    const pare_pe pe = {.style = PARE_PE_TEMPORAL,
                        .lanes = 1 + pare_rng_below(r, 16),
                        .act_digit = 1 + pare_rng_below(r, 16),
                        .weight_digit = 1 + pare_rng_below(r, 16),
                        .max_act_bits = 16,
                        .max_weight_bits = 16,
                        .acc_bits = 56};
    const uint32_t n_steps = (l->depth + pe.lanes - 1) / pe.lanes;
    int32_t *const act = pare_xalloc((size_t)n_steps * pe.lanes, sizeof *act);
    int32_t *const weight = pare_xalloc((size_t)n_steps * pe.lanes, sizeof *weight);
    infer_window(l, image, k / (l->dims.k / l->dims.groups), row, act);
    for (size_t i = 0; i < l->depth; i++) weight[i] = l->codes[(size_t)k * l->depth + i];
    const pare_pe_sum sum = pare_pe_dot(&pe, &(pare_pe_work){.act_bits = l->act.bits,
                                                             .weight_bits = l->weight.bits,
                                                             .n_steps = n_steps,
                                                             .act = act,
                                                             .weight = weight});
    free(act);
    free(weight);
    ck_assert(!sum.overflowed);
    return (uint64_t)sum.value;
}

static void check_conv(pare_rng *r, const conv *v, const infer_layer *l, pare_shape out,
                       infer_worker *w)
{
    const uint32_t per_group = v->k / v->groups;
    for (uint32_t i = 0; i < v->c * v->h * v->w; i++)
        w->image_codes[i] = (uint16_t)pare_rng_below(r, 1u << v->act_bits);
    infer_split(l, w);
    for (int t = 0; t < 8; t++) {
        const uint32_t k = pare_rng_below(r, v->k), windows = out.h * out.w;
        const uint32_t row = pare_rng_below(r, windows);
        const uint32_t n = windows - row < 5 ? windows - row : 5, last = row + n - 1;
        infer_sums(l, k / per_group, row, n, w);
        const uint64_t sum = w->acc[(n - 1) * l->matrices->k_stride + k % per_group];
        ck_assert_msg(sum == plain_conv(v, w->image_codes, k, last / out.w, last % out.w),
                      "kernel %s: %llu", l->kernel->name, (unsigned long long)sum);
        ck_assert_uint_eq(sum, pe_conv(r, l, w->image_codes, k, last));
        int32_t *const window = pare_xalloc(l->depth, sizeof *window);
        uint64_t codes = 0;
        infer_window(l, w->image_codes, k / per_group, last, window);
        for (uint32_t i = 0; i < l->depth; i++) codes += (uint32_t)window[i];
        ck_assert_uint_eq(w->row_sums[0][n - 1], codes);
        free(window);
    }
}

START_TEST(sums_equal_the_convolution_and_the_digit_order_of_a_pe)
{
    printf("seed %llu\n", (unsigned long long)SEED);
    pare_rng r = pare_rng_new(SEED, 1);
    for (int t = 0; t < 60; t++) {
        char folder[64];
        conv v = random_conv(&r);
        pare_shape out;
        make_conv(folder, &v, &out);
        pare_infer *const f = load(folder);
        infer_worker *const w = infer_worker_new(f, false);
        for (size_t i = 0; i < infer_n_kernels; i++) {
            if (!infer_kernels[i]->is_supported()) continue;
            infer_use_kernel(f, infer_kernels[i]);
            check_conv(&r, &v, &f->layers[1], out, w);
        }
        infer_worker_free(w);
        pare_infer_free(f);
        remove_folder(folder);
        free(v.codes);
    }
}
END_TEST

/* ---- by hand ---- */

START_TEST(logits_of_an_fc_layer_by_hand)
{
    char folder[64];
    float y[2];
    make_fc(folder);
    pare_infer *const f = load(folder);
    for (size_t i = 0; i < 2; i++) {
        pare_infer_logits(f, fc_pixels[i], y);
        ck_assert(y[0] == fc_logits[2 * i] && y[1] == fc_logits[2 * i + 1]);
    }
    pare_infer_free(f);
    remove_folder(folder);
}
END_TEST

START_TEST(logits_of_a_padded_convolution_by_hand)
{
    /* pixels less 1 are -1 0 1 2 with zero at code 1, weights -4 .. 4 */
    uint16_t weights[9];
    uint8_t pixels[4] = {1, 2, 3, 4};
    for (uint16_t i = 0; i < 9; i++) weights[i] = i;
    const conv v = {.c = 1,
                    .h = 2,
                    .w = 2,
                    .k = 1,
                    .r = 3,
                    .s = 3,
                    .groups = 1,
                    .stride = 1,
                    .pad = 1,
                    .dilation = 1,
                    .weight_bits = 4,
                    .act_bits = 2,
                    .zero = 1,
                    .codes = weights};
    char folder[64];
    pare_shape out;
    float y[4];
    const float two = 2, one = 1;
    make_conv(folder, &v, &out);
    write_floats(folder, "params/input.mean.npy", 1, &two);
    write_floats(folder, "params/input.inv_std.npy", 1, &one);
    write_text(folder, "tensors.csv",
               "layer,kind,bits,signed,scale,offset,file,inverse_scale\n"
               "a/b,weight,4,0,1,-4,,1\na/b,activation,2,0,1,-1,,1\n");
    pare_infer *const f = load(folder);
    pare_infer_logits(f, pixels, y);
    ck_assert(y[0] == 11 && y[1] == 9 && y[2] == 5 && y[3] == 3);
    pare_infer_free(f);
    remove_folder(folder);
}
END_TEST

START_TEST(a_code_is_rounded_to_even_and_clamped)
{
    const infer_grid g = {.bits = 3, .scale = 0.5f, .lo = -1, .inv = 2, .top = 7};
    ck_assert_uint_eq(infer_code(&g, -1.0f), 0);
    ck_assert_uint_eq(infer_code(&g, -0.75f), 0); /* 0.5 */
    ck_assert_uint_eq(infer_code(&g, -0.25f), 2); /* 1.5 */
    ck_assert_uint_eq(infer_code(&g, 0.25f), 2);  /* 2.5 */
    ck_assert_uint_eq(infer_code(&g, -5.0f), 0);
    ck_assert_uint_eq(infer_code(&g, 99.0f), 7);
}
END_TEST

/* ---- what a run says ---- */

START_TEST(a_run_reports_sums_widths_accuracy_and_agreement)
{
    static const char *const machines[] = {"loom1", "loom2", "stripes", "bitparallel8",
                                           "bitfusion"};
    char folder[64];
    make_fc(folder);
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        pare_infer_result r = run_fc(folder, machines[i]);
        ck_assert(r.is_ok);
        ck_assert_uint_eq(r.n_layers, 1);
        const pare_infer_layer *const l = &r.layers[0];
        /* codes 0 1 2 3 by 1 0 2 3, and 3 3 0 1 by 3 1 0 0 */
        ck_assert_uint_eq(l->acc_max, 13);
        ck_assert_uint_eq(l->acc_bits, 5);
        ck_assert_uint_eq(l->acc_bound, 18); /* 3 * (1 + 0 + 2 + 3) */
        ck_assert_uint_eq(l->acc_bound_bits, 6);
        ck_assert_uint_eq(l->n_pe_sums, 2);
        ck_assert_uint_eq(l->n_codes, 8);
        ck_assert_uint_eq(l->n_codes_differ, 0);
        ck_assert_uint_eq(r.n_logits, 4);
        ck_assert_uint_eq(r.n_logits_differ, 0);
        ck_assert_uint_eq(r.n_correct, 2);
        ck_assert_uint_eq(r.n_agree, 2);
        ck_assert_uint_eq(r.cycles, l->cycles);
        pare_infer_result_free(&r);
    }
    remove_folder(folder);
}
END_TEST

START_TEST(a_wrong_code_of_the_trainer_is_unexplained)
{
    static const size_t fc[2] = {2, 4};
    static const uint8_t codes[8] = {0, 1, 2, 2, 3, 3, 0, 1};
    char folder[64];
    make_fc(folder);
    write_npy(folder, "acts/fc.npy", PARE_U8, 2, fc, codes);
    pare_infer_result r = run_fc(folder, "loom1");
    ck_assert_uint_eq(r.layers[0].n_codes_differ, 1);
    ck_assert_uint_eq(r.layers[0].n_codes_rounding, 0);
    ck_assert(!r.is_ok);
    pare_infer_result_free(&r);
    remove_folder(folder);
}
END_TEST

START_TEST(a_logit_one_rounding_off_is_explained_and_a_larger_one_is_not)
{
    static const uint8_t classes[2] = {0, 1};
    for (int step = 0; step < 2; step++) {
        char folder[64];
        float logits[4];
        make_fc(folder);
        memcpy(logits, fc_logits, sizeof logits);
        logits[0] = step ? 0.7501f : nextafterf(0.75f, 1);
        write_evaluation(folder, 2, 2, fc_labels, logits, classes);
        pare_infer_result r = run_fc(folder, "loom1");
        ck_assert_uint_eq(r.n_logits_differ, 1);
        ck_assert_uint_eq(r.n_logits_rounding, step ? 0 : 1);
        ck_assert_int_eq(r.is_ok, !step);
        pare_infer_result_free(&r);
        remove_folder(folder);
    }
}
END_TEST

START_TEST(another_prediction_without_a_tie_fails)
{
    static const uint8_t classes[2] = {0, 0};
    char folder[64];
    make_fc(folder);
    write_evaluation(folder, 2, 2, fc_labels, fc_logits, classes);
    pare_infer_result r = run_fc(folder, "loom1");
    ck_assert_uint_eq(r.n_agree, 1);
    ck_assert_uint_eq(r.n_disagree_logit_tie + r.n_disagree_code_tie, 0);
    ck_assert_uint_eq(r.n_trainer_correct, 1);
    ck_assert_uint_eq(r.n_correct, 2);
    ck_assert(!r.is_ok);
    pare_infer_result_free(&r);
    remove_folder(folder);
}
END_TEST

START_TEST(another_prediction_at_a_tie_is_explained)
{
    /* equal weights and biases: both logits of an image are the same number */
    static const size_t fc[2] = {2, 4};
    static const uint8_t weights[8] = {1, 0, 2, 3, 1, 0, 2, 3}, classes[2] = {0, 1};
    static const float bias[2] = {0.25f, 0.25f}, logits[4] = {0.75f, 0.75f, -3.75f, -3.75f};
    char folder[64];
    make_fc(folder);
    write_npy(folder, "weights/fc.npy", PARE_U8, 2, fc, weights);
    write_floats(folder, "params/fc.bias.npy", 2, bias);
    write_evaluation(folder, 2, 2, fc_labels, logits, classes);
    pare_infer_result r = run_fc(folder, "loom1");
    ck_assert_uint_eq(r.n_logits_differ, 0);
    ck_assert_uint_eq(r.n_agree, 1);
    ck_assert_uint_eq(r.n_disagree_logit_tie, 1);
    ck_assert_uint_eq(r.n_disagree_code_tie, 0);
    ck_assert(!r.is_ok); /* half of the predictions agree */
    pare_infer_result_free(&r);
    remove_folder(folder);
}
END_TEST

START_TEST(threads_do_not_change_the_result)
{
    char folder[64];
    make_fc(folder);
    pare_infer *const f = load(folder);
    pare_machine *const m = machine("stripes", NULL);
    enum { N = 500 };
    uint8_t *const pixels = pare_xalloc(N, 4), *const labels = pare_xalloc(N, 1);
    pare_rng r = pare_rng_new(SEED, 2);
    memcpy(pixels, fc_pixels, sizeof fc_pixels);
    memcpy(labels, fc_labels, sizeof fc_labels);
    for (size_t i = 8; i < 4 * N; i++) pixels[i] = (uint8_t)pare_rng_below(&r, 5);
    const pare_infer_images images = {{1, 2, 2}, N, pixels, labels};
    pare_buf text[3] = {{0}};
    uint8_t *predictions[3];
    for (unsigned i = 0; i < 3; i++) {
        pare_err e = {0};
        pare_infer_result out;
        const pare_infer_options options = {.threads = 1 + 2 * i};
        ck_assert_int_eq(pare_infer_run(f, m, &images, &options, &out, &e), PARE_OK);
        pare_infer_write_json(&out, &text[i]);
        predictions[i] = out.predictions;
        out.predictions = NULL;
        pare_infer_result_free(&out);
        ck_assert_str_eq(text[i].text, text[0].text);
        ck_assert_mem_eq(predictions[i], predictions[0], N);
    }
    for (int i = 0; i < 3; i++) {
        pare_buf_free(&text[i]);
        free(predictions[i]);
    }
    free(pixels);
    free(labels);
    pare_machine_free(m);
    pare_infer_free(f);
    remove_folder(folder);
}
END_TEST

START_TEST(an_accumulator_too_narrow_is_refused_at_its_line)
{
    /* 64 products of 3 by 3: 576 needs 11 bits */
    char folder[64];
    uint16_t weights[64];
    for (int i = 0; i < 64; i++) weights[i] = 3;
    const conv v = {.c = 64,
                    .h = 1,
                    .w = 1,
                    .k = 1,
                    .r = 1,
                    .s = 1,
                    .groups = 1,
                    .stride = 1,
                    .dilation = 1,
                    .weight_bits = 2,
                    .act_bits = 2,
                    .codes = weights};
    pare_shape out;
    uint8_t pixels[64], label = 0;
    float ones[64], zeros[64] = {0};
    memset(pixels, 3, sizeof pixels);
    for (int i = 0; i < 64; i++) ones[i] = 1;
    make_conv(folder, &v, &out);
    write_floats(folder, "params/input.mean.npy", 64, zeros);
    write_floats(folder, "params/input.inv_std.npy", 64, ones);
    pare_infer *const f = load(folder);
    const pare_infer_images images = {{64, 1, 1}, 1, pixels, &label};
    for (uint32_t bits = 10; bits <= 11; bits++) {
        char set[32];
        pare_err e = {0};
        pare_infer_result r;
        snprintf(set, sizeof set, "pe.acc_bits=%u", bits);
        pare_machine *const m = machine("loom1", set);
        const pare_status status = pare_infer_run(f, m, &images, NULL, &r, &e);
        if (bits == 10) {
            ck_assert_int_eq(status, PARE_EINPUT);
            ck_assert_str_eq(e.text, "pe.acc_bits is 10, but layer 'a/b' reaches a sum of 576; at "
                                     "least 11 expected");
        } else {
            ck_assert_int_eq(status, PARE_OK);
            ck_assert_uint_eq(r.layers[0].acc_bits, 11);
            pare_infer_result_free(&r);
        }
        pare_machine_free(m);
    }
    pare_infer_free(f);
    remove_folder(folder);
}
END_TEST

/* ---- bad run folders ---- */

static void expect_error(const char *folder, const char *file, const char *place, const char *text)
{
    char want[900], got[900];
    pare_err e = {0};
    pare_infer *f = NULL;
    ck_assert_int_eq(pare_infer_load(folder, &f, &e), PARE_EINPUT);
    ck_assert_ptr_null(f);
    snprintf(want, sizeof want, "%s/%s%s: %s", folder, file, place, text);
    char at[64] = "";
    if (e.line) snprintf(at, sizeof at, ":%u:%u", e.line, e.column);
    snprintf(got, sizeof got, "%s%s: %s", e.file, at, e.text);
    ck_assert_str_eq(got, want);
}

START_TEST(a_missing_file_is_named)
{
    static const char *const files[] = {
        "network.net.yaml",         "network.bits.yaml",  "tensors.csv",
        "weights/fc.npy",           "acts/fc.npy",        "acts/labels.npy",
        "acts/logits.npy",          "params/fc.bias.npy", "params/input.mean.npy",
        "params/input.inv_std.npy", "predictions.npy"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char folder[64], path[256];
        make_fc(folder);
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        ck_assert_int_eq(unlink(path), 0);
        pare_err e = {0};
        pare_infer *f = NULL;
        ck_assert_int_eq(pare_infer_load(folder, &f, &e), PARE_EINPUT);
        ck_assert_str_eq(e.file, path);
        remove_folder(folder);
    }
}
END_TEST

START_TEST(wrong_shapes_codes_and_grids_are_refused)
{
    static const struct {
        const char *csv, *place, *text;
    } tables[] = {
        {"layer,kind,bits,signed,scale,offset,file\nfc,weight,2,0,0.5,-1,w\n", ":1:1",
         "has no column 'inverse_scale'; a run folder of this version of pare-train expected"},
        {"layer,kind,bits,signed,scale,offset,file,inverse_scale\nfc,weight,2,0,0.5,-1,w,2\n", "",
         "has no activation of layer 'fc'; a run with quantized weights and activations expected"},
        {"layer,kind,bits,signed,scale,offset,file,inverse_scale\nfc,weight,3,0,0.5,-1,w,2\n",
         ":2:11", "layer 'fc': bits are not those of network.bits.yaml"},
        {"layer,kind,bits,signed,scale,offset,file,inverse_scale\nfc,weight,2,1,0.5,-1,w,2\n",
         ":2:13", "layer 'fc': codes are signed; unsigned affine codes expected"},
    };
    static const size_t square[2] = {2, 2}, fc[2] = {2, 4}, two = 2;
    static const uint8_t codes[8] = {0, 1, 2, 4, 0, 0, 0, 0};
    char folder[64];
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        make_fc(folder);
        write_text(folder, "tensors.csv", tables[i].csv);
        expect_error(folder, "tensors.csv", tables[i].place, tables[i].text);
        remove_folder(folder);
    }
    make_fc(folder);
    write_npy(folder, "weights/fc.npy", PARE_U8, 2, square, NULL);
    expect_error(folder, "weights/fc.npy", "", "is 2x2; 2x4 expected, as in network.net.yaml");
    write_npy(folder, "weights/fc.npy", PARE_U8, 2, fc, codes);
    expect_error(folder, "weights/fc.npy", "",
                 "element 3 is code 4; at most 3 expected, as the layer has 2 bits");
    write_npy(folder, "weights/fc.npy", PARE_I8, 2, fc, NULL);
    expect_error(folder, "weights/fc.npy", "", "holds no unsigned codes; u1 or u2 expected");
    write_npy(folder, "weights/fc.npy", PARE_U8, 2, fc, NULL);
    write_npy(folder, "acts/fc.npy", PARE_U8, 1, &two, NULL);
    expect_error(folder, "acts/fc.npy", "", "is 2; 2x4 expected, as in network.net.yaml");
    write_npy(folder, "predictions.npy", PARE_U8, 2, fc, NULL);
    expect_error(folder, "predictions.npy", "", "is 2x4; N expected, as in network.net.yaml");
    remove_folder(folder);
}
END_TEST

START_TEST(padding_without_a_zero_level_is_refused)
{
    char folder[64];
    uint16_t weight = 1;
    const conv v = {.c = 1,
                    .h = 2,
                    .w = 2,
                    .k = 1,
                    .r = 1,
                    .s = 1,
                    .groups = 1,
                    .stride = 1,
                    .pad = 1,
                    .dilation = 1,
                    .weight_bits = 1,
                    .act_bits = 2,
                    .codes = &weight};
    pare_shape out;
    make_conv(folder, &v, &out);
    write_text(folder, "tensors.csv",
               "layer,kind,bits,signed,scale,offset,file,inverse_scale\n"
               "a/b,weight,1,0,1,0,,1\na/b,activation,2,0,1,0.25,,1\n");
    expect_error(folder, "tensors.csv", ":3:22",
                 "layer 'a/b': zero is not a level of its activations, but it pads with zeros");
    remove_folder(folder);
}
END_TEST

START_TEST(images_of_another_set_are_refused)
{
    char folder[64], text[300];
    make_fc(folder);
    pare_infer *const f = load(folder);
    pare_machine *const m = machine("loom1", NULL);
    uint8_t labels[2] = {0, 0};
    pare_infer_images images = {{1, 2, 2}, 2, fc_pixels[0], labels};
    pare_infer_result r;
    pare_err e = {0};
    ck_assert_int_eq(pare_infer_run(f, m, &images, NULL, &r, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "acts/labels.npy has 1 for image 1, the data 0; the test set that the "
                             "network was trained with expected (--data)");
    images.shape = (pare_shape){1, 4, 1};
    e = (pare_err){0};
    ck_assert_int_eq(pare_infer_run(f, m, &images, NULL, &r, &e), PARE_EINPUT);
    snprintf(text, sizeof text, "%s/network.net.yaml", folder);
    ck_assert_str_eq(e.file, text);
    ck_assert_str_eq(e.text,
                     "takes images of 1x2x2 (channels, height, width), the data has 1x4x1; the "
                     "test set that it was trained with expected (--data)");
    pare_machine_free(m);
    pare_infer_free(f);
    remove_folder(folder);
}
END_TEST

START_TEST(test_images_of_both_formats_are_read)
{
    char folder[] = "/tmp/pare_infer_XXXXXX", path[128];
    static uint8_t record[2 * 3073];
    pare_infer_images t;
    pare_err e = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(pare_infer_images_load(folder, 0, &t, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "holds no test images; an IDX pair (t10k-images-idx3-ubyte, plain or "
                             ".gz) or CIFAR-10's test_batch.bin expected");
    static const uint8_t x[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    static const uint8_t y[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
    snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte", folder);
    ck_assert_int_eq(pare_file_write(path, x, sizeof x, &e), PARE_OK);
    snprintf(path, sizeof path, "%s/t10k-labels-idx1-ubyte", folder);
    ck_assert_int_eq(pare_file_write(path, y, sizeof y, &e), PARE_OK);
    ck_assert_int_eq(pare_infer_images_load(folder, 0, &t, &e), PARE_OK);
    ck_assert(t.n == 2 && t.shape.c == 1 && t.shape.h == 1 && t.shape.w == 3);
    ck_assert(t.pixels[5] == 6 && t.labels[0] == 7 && t.labels[1] == 9);
    pare_infer_images_free(&t);
    ck_assert_int_eq(pare_infer_images_load(folder, 1, &t, &e), PARE_OK);
    ck_assert_uint_eq(t.n, 1);
    pare_infer_images_free(&t);
    record[0] = 4;
    record[1 + 1024 + 5] = 77; /* green, pixel 5 of the first image */
    record[3073] = 3;
    snprintf(path, sizeof path, "%s/test_batch.bin", folder);
    ck_assert_int_eq(pare_file_write(path, record, sizeof record, &e), PARE_OK);
    ck_assert_int_eq(pare_infer_images_load(folder, 0, &t, &e), PARE_OK);
    ck_assert(t.n == 2 && t.shape.c == 3 && t.labels[0] == 4 && t.labels[1] == 3);
    ck_assert_uint_eq(t.pixels[5 * 3 + 1], 77);
    pare_infer_images_free(&t);
    remove_folder(folder);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const sums[] = {every_kernel_equals_the_plain_sum,
                                 no_kernel_overflows_at_the_largest_codes,
                                 sums_equal_the_convolution_and_the_digit_order_of_a_pe, NULL};
    const TTest *const by_hand[] = {logits_of_an_fc_layer_by_hand,
                                    logits_of_a_padded_convolution_by_hand,
                                    a_code_is_rounded_to_even_and_clamped, NULL};
    const TTest *const run[] = {a_run_reports_sums_widths_accuracy_and_agreement,
                                a_wrong_code_of_the_trainer_is_unexplained,
                                a_logit_one_rounding_off_is_explained_and_a_larger_one_is_not,
                                another_prediction_without_a_tie_fails,
                                another_prediction_at_a_tie_is_explained,
                                threads_do_not_change_the_result,
                                an_accumulator_too_narrow_is_refused_at_its_line,
                                NULL};
    const TTest *const bad[] = {a_missing_file_is_named,
                                wrong_shapes_codes_and_grids_are_refused,
                                padding_without_a_zero_level_is_refused,
                                images_of_another_set_are_refused,
                                test_images_of_both_formats_are_read,
                                NULL};
    const gtck_case cases[] = {
        {"sums", sums, NULL, NULL, 30, NULL},
        {"by_hand", by_hand, NULL, NULL, 0, NULL},
        {"run", run, NULL, NULL, 0, NULL},
        {"files", bad, NULL, NULL, 0, NULL},
    };
    return gtck_main(argc, argv, "sim_infer", cases, sizeof cases / sizeof *cases);
}
