#include "infer_fixture.h"

static const uint64_t SEED = 31;

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

START_TEST(layers_without_weights_by_hand)
{
    /* 0 1 2 3 become 7 5 3 1, at most 6; their mean */
    uint16_t weight = 1;
    uint8_t pixels[4] = {0, 1, 2, 3};
    const float mean = 0, one = 1, scale = -2, offset = 7;
    const conv v = {.c = 1,
                    .h = 2,
                    .w = 2,
                    .k = 1,
                    .r = 1,
                    .s = 1,
                    .groups = 1,
                    .stride = 1,
                    .dilation = 1,
                    .weight_bits = 1,
                    .act_bits = 2,
                    .codes = &weight};
    char folder[64];
    pare_shape out;
    make_conv(folder, &v, &out);
    write_text(folder, "network.net.yaml",
               "version: 1\nname: one\ninput: {channels: 1, height: 2, width: 2}\nlayers:\n"
               "  - {name: a/b, type: conv2d, out_channels: 1, kernel: 1}\n"
               "  - {name: bn, type: batchnorm}\n"
               "  - {name: act, type: relu6}\n"
               "  - {name: avg, type: avgpool, kernel: 2, stride: 2}\n"
               "  - {name: twice, type: add, inputs: [avg, avg]}\n");
    write_floats(folder, "params/input.mean.npy", 1, &mean);
    write_floats(folder, "params/input.inv_std.npy", 1, &one);
    write_floats(folder, "params/bn.scale.npy", 1, &scale);
    write_floats(folder, "params/bn.offset.npy", 1, &offset);
    write_evaluation(folder, 1, 1, NULL, NULL, NULL);
    pare_infer *const f = load(folder);
    infer_worker *const w = infer_worker_new(f, true);
    infer_image(f, pixels, w, NULL, NULL);
    ck_assert(infer_values(w, INFER_VALUE, 4)[0] == 3.75f);
    ck_assert(infer_values(w, INFER_VALUE, 5)[0] == 7.5f);
    for (uint32_t i = 1; i < f->net->n_layers; i++)
        for (size_t j = 0; j < pare_shape_count(f->net->layers[i].out); j++) {
            const float x = infer_values(w, INFER_VALUE, i)[j];
            ck_assert(infer_values(w, INFER_LOW, i)[j] <= x);
            ck_assert(infer_values(w, INFER_HIGH, i)[j] >= x);
            ck_assert(infer_values(w, INFER_HIGH, i)[j] - infer_values(w, INFER_LOW, i)[j] < 1e-5f);
        }
    infer_worker_free(w);
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

int main(int argc, char **argv)
{
    const TTest *const sums[] = {every_kernel_equals_the_plain_sum,
                                 no_kernel_overflows_at_the_largest_codes,
                                 sums_equal_the_convolution_and_the_digit_order_of_a_pe, NULL};
    const TTest *const by_hand[] = {
        logits_of_an_fc_layer_by_hand, logits_of_a_padded_convolution_by_hand,
        layers_without_weights_by_hand, a_code_is_rounded_to_even_and_clamped, NULL};
    const gtck_case cases[] = {
        {"sums", sums, NULL, NULL, 30, NULL},
        {"by_hand", by_hand, NULL, NULL, 0, NULL},
    };
    return gtck_main(argc, argv, "sim_infer", cases, sizeof cases / sizeof *cases);
}
