#include "gtck.h"
#include "traces/trace.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 512 };

static pare_net *parse(const char *text)
{
    pare_net *net;
    pare_err e = {0};
    ck_assert_msg(pare_net_parse("t.net.yaml", text, strlen(text), &net, &e) == PARE_OK, "%u: %s",
                  e.line, e.text);
    return net;
}

static pare_net *load_shipped(const char *name)
{
    char path[PATH_BYTES];
    pare_net *net;
    pare_err e = {0};
    const char *const src = getenv("PARE_SRC");
    snprintf(path, sizeof path, "%s/traces/networks/%s.net.yaml", src ? src : ".", name);
    ck_assert_msg(pare_net_load(path, &net, &e) == PARE_OK, "%s:%u: %s", e.file, e.line, e.text);
    return net;
}

static const pare_layer *layer(const pare_net *net, const char *name)
{
    const int64_t i = pare_net_find(net, name);
    ck_assert_msg(i >= 0, "no layer %s", name);
    return &net->layers[i];
}

static void assert_shape(pare_shape s, uint32_t c, uint32_t h, uint32_t w)
{
    ck_assert_msg(s.c == c && s.h == h && s.w == w, "%ux%ux%u, %ux%ux%u expected", s.c, s.h, s.w, c,
                  h, w);
}

/* ---- shipped networks ---- */

/* Where the numbers come from:
 * resnet18, resnet50, vgg19, mobilenet_v2: num_params and _ops (in G) of torchvision's weights
 *   (torchvision/models/{resnet,vgg,mobilenetv2}.py: 11689512 and 1.814, 25557032 and 4.089,
 *   143667240 and 19.632, 3504872 and 0.301). Read there, but for the two _ops of ResNet and that
 *   of MobileNetV2, which are recalled.
 * mobilenet_v1: 4231976 parameters in the tests of osmr/imgclsmob (mobilenet_w1); 569 M
 *   multiply-adds from Howard et al. 2017, recalled.
 * alexnet: 60965224 weights and biases in doonny/PipeCNN's configuration; hand computation
 *   (weights 34848 + 307200 + 884736 + 663552 + 442368 + 37748736 + 16777216 + 4096000, biases
 *   10568; MACs 55*55*34848 + 27*27*307200 + 13*13*(884736 + 663552 + 442368) + the last three).
 * vit_s: timm's model card of deit_small_patch16_224: 22.1 M parameters, 4.6 GMACs; hand
 *   computation (12 blocks of 1774464 parameters and 197*1769472 + 2*197*197*384 MACs).
 * resnet20: hand computation: 269722 parameters with option A, and 16*32 + 2*32 + 32*64 + 2*64 for
 *   the two shortcuts of option B (He et al. 2016 print 0.27 M for option A, recalled).
 * resnet32: the same with five blocks a stage (464154 parameters with option A, recalled).
 * vgg_small, alexnet_cifar: hand computation (weights 4574592 and 2450112 of the convolutions,
 *   batch norms 3584 and 2304, the rest fully connected).
 * mobilenet_v2_cifar: mobilenet_v2 less 1281 * 990 for the classes; MACs as our reader counts them.
 * lenet5, cnn_small: hand computation (lenet5_by_hand). */
static const struct published {
    const char *name;
    uint64_t params, macs;
    uint32_t n_mac_layers;
    double published_gmac, half_digit; /* as printed there, and half its last digit; 0: none */
} published[] = {
    {"lenet5", 61706, 416520, 5, 0, 0},
    {"cnn_small", 105914, 1117056, 4, 0, 0},
    {"resnet20", 272474, 40813184, 22, 0, 0},
    {"resnet32", 272474 + 194432, 69124736, 34, 0, 0},
    {"vgg_small", 4574592 + 3584 + 81930, 607600640, 7, 0, 0},
    {"alexnet_cifar", 2450112 + 2304 + 2365450, 222761984, 8, 0, 0},
    {"mobilenet_v2_cifar", 3504872 - 1281 * 990, 87976448, 53, 0, 0},
    {"alexnet", 60965224, 724406816, 8, 0, 0},
    {"vgg19", 143667240, 19632062464, 19, 19.632, 0.0005},
    {"resnet18", 11689512, 1814073344, 21, 1.814, 0.0005},
    {"resnet50", 25557032, 4089184256, 54, 4.089, 0.0005},
    {"mobilenet_v1", 4231976, 568740352, 28, 0.569, 0.0005},
    {"mobilenet_v2", 3504872, 300774272, 53, 0.301, 0.0005},
    {"vit_s", 22050664, 4598882304, 98, 4.6, 0.05},
};
enum { N_PUBLISHED = sizeof published / sizeof *published };

START_TEST(shipped_networks_have_the_published_counts)
{
    for (size_t i = 0; i < N_PUBLISHED; i++) {
        const struct published *const p = &published[i];
        pare_net *const net = load_shipped(p->name);
        ck_assert_str_eq(net->name, p->name);
        ck_assert_msg(net->params == p->params, "%s: %llu parameters", p->name,
                      (unsigned long long)net->params);
        ck_assert_msg(net->macs == p->macs, "%s: %llu MACs", p->name,
                      (unsigned long long)net->macs);
        ck_assert_uint_eq(net->n_mac_layers, p->n_mac_layers);
        if (p->published_gmac > 0)
            ck_assert_double_eq_tol((double)net->macs / 1e9, p->published_gmac, p->half_digit);
        pare_net_free(net);
    }
}
END_TEST

START_TEST(lenet5_by_hand)
{
    pare_net *const net = load_shipped("lenet5");
    assert_shape(layer(net, "conv1")->out, 6, 28, 28);
    ck_assert_uint_eq(layer(net, "conv1")->params, 6 * 25 + 6);
    ck_assert_uint_eq(layer(net, "conv1")->macs, 28 * 28 * 6 * 25);
    assert_shape(layer(net, "conv2")->out, 16, 10, 10);
    ck_assert_uint_eq(layer(net, "conv2")->macs, 10 * 10 * 16 * 6 * 25);
    assert_shape(layer(net, "flatten")->out, 400, 1, 1);
    ck_assert_uint_eq(layer(net, "fc1")->params, 400 * 120 + 120);
    ck_assert_uint_eq(layer(net, "fc3")->macs, 84 * 10);
    pare_net_free(net);
}
END_TEST

/* the layer names and dimensions of the DNNsim oracle, so that its bits apply */
START_TEST(resnet18_has_the_shapes_of_the_paper)
{
    pare_net *const net = load_shipped("resnet18");
    assert_shape(layer(net, "conv1")->out, 64, 112, 112);
    assert_shape(layer(net, "pool1")->out, 64, 56, 56);
    assert_shape(layer(net, "l2_0_down")->in, 64, 56, 56);
    assert_shape(layer(net, "l2_0_down")->out, 128, 28, 28);
    assert_shape(layer(net, "l4_1_relu2")->out, 512, 7, 7);
    assert_shape(layer(net, "fc")->out, 1000, 1, 1);
    const pare_layer *const add = layer(net, "l2_0_add");
    ck_assert_uint_eq(add->n_inputs, 2);
    ck_assert_str_eq(net->layers[add->inputs[1]].name, "l2_0_bn_down");
    ck_assert_str_eq(net->layers[net->n_layers - 1].name, "fc");
    pare_net_free(net);
}
END_TEST

START_TEST(attention_products_are_matmuls)
{
    pare_net *const net = load_shipped("vit_s");
    const pare_layer *const qk = layer(net, "b0_qk"), *const av = layer(net, "b0_av");
    assert_shape(layer(net, "tokens")->out, 384, 197, 1);
    ck_assert_uint_eq(layer(net, "tokens")->params, 384 * 197 + 384);
    assert_shape(qk->out, 6 * 197, 197, 1);
    ck_assert_uint_eq(qk->macs, 197 * 197 * 384);
    ck_assert_uint_eq(qk->params, 0);
    assert_shape(av->out, 384, 197, 1);
    ck_assert_uint_eq(av->macs, 197 * 197 * 384);
    const pare_dims d = pare_layer_dims(qk, 2), v = pare_layer_dims(av, 1);
    ck_assert_uint_eq(d.groups, 6);
    ck_assert_uint_eq(d.c / d.groups, 64);
    ck_assert_uint_eq(pare_dims_macs(&d), 2 * qk->macs);
    ck_assert_uint_eq(pare_dims_weights(&d), 197 * 384); /* K of one image */
    ck_assert_uint_eq(v.c / v.groups, 197);
    ck_assert_uint_eq(pare_dims_weights(&v), 197 * 384); /* V of one image */
    pare_net_free(net);
}
END_TEST

/* ---- rules ---- */

START_TEST(convolutions_follow_the_output_size_formula)
{
    pare_net *const net = parse("version: 1\nname: n\ninput: {channels: 8, height: 20, width: 31}\n"
                                "layers:\n"
                                "  - {name: a, type: conv2d, out_channels: 12, kernel: [3, 5], "
                                "stride: [2, 3], pad: [1, 0], dilation: [2, 1], groups: 4, "
                                "bias: true}\n");
    const pare_layer *const a = layer(net, "a");
    /* (20 + 2 - (2*2 + 1)) / 2 + 1 and (31 - 5) / 3 + 1 */
    assert_shape(a->out, 12, 9, 9);
    ck_assert_uint_eq(a->params, 12 * 2 * 15 + 12);
    ck_assert_uint_eq(a->macs, 81 * 12 * 2 * 15);
    const pare_dims d = pare_layer_dims(a, 3);
    ck_assert_uint_eq(pare_dims_macs(&d), 3 * a->macs);
    ck_assert_uint_eq(pare_dims_weights(&d), 12 * 2 * 15);
    ck_assert_uint_eq(pare_dims_activations(&d), 3 * 8 * 20 * 31);
    ck_assert_uint_eq(pare_dims_outputs(&d), 3 * 12 * 81);
    pare_net_free(net);
}
END_TEST

START_TEST(a_kernel_fits_up_to_the_padded_input_and_no_further)
{
    for (unsigned kernel = 1; kernel <= 10; kernel++) {
        char text[256];
        pare_net *net;
        pare_err e = {0};
        snprintf(text, sizeof text,
                 "version: 1\nname: n\ninput: {channels: 1, height: 5, width: 5}\nlayers:\n"
                 "  - {name: a, type: conv2d, out_channels: 1, kernel: %u, pad: 2}\n",
                 kernel);
        const pare_status status = pare_net_parse("t", text, strlen(text), &net, &e);
        ck_assert_int_eq(status, kernel <= 9 ? PARE_OK : PARE_EINPUT);
        if (status == PARE_OK) assert_shape(layer(net, "a")->out, 1, 10 - kernel, 10 - kernel);
        pare_net_free(net);
    }
}
END_TEST

START_TEST(concat_adds_channels)
{
    pare_net *const net =
        parse("version: 1\nname: n\ninput: {channels: 3, height: 8, width: 8}\nlayers:\n"
              "  - {name: a, type: conv2d, out_channels: 4}\n"
              "  - {name: b, type: conv2d, out_channels: 5, inputs: input}\n"
              "  - {name: p, type: maxpool, kernel: 3, pad: 1, inputs: [input]}\n"
              "  - {name: c, type: concat, inputs: [a, b, p]}\n");
    assert_shape(layer(net, "c")->out, 4 + 5 + 3, 8, 8);
    ck_assert_uint_eq(layer(net, "c")->n_inputs, 3);
    pare_net_free(net);
}
END_TEST

START_TEST(layers_may_stand_in_any_order)
{
    pare_net *const net =
        parse("version: 1\nname: n\ninput: {channels: 3, height: 8, width: 8}\nlayers:\n"
              "  - {name: out, type: relu, inputs: [sum]}\n"
              "  - {name: sum, type: add, inputs: [right, left]}\n"
              "  - {name: left, type: conv2d, out_channels: 4, inputs: [input]}\n"
              "  - {name: right, type: conv2d, out_channels: 4, inputs: [left]}\n");
    const char *const order[] = {"input", "left", "right", "sum", "out"};
    ck_assert_uint_eq(net->n_layers, 5);
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_str_eq(net->layers[i].name, order[i]);
        for (uint32_t j = 0; j < net->layers[i].n_inputs; j++)
            ck_assert_uint_lt(net->layers[i].inputs[j], i);
    }
    ck_assert_uint_eq(layer(net, "out")->pos.line, 5);
    ck_assert_int_eq(pare_net_find(net, "nowhere"), -1);
    pare_net_free(net);
}
END_TEST

/* the walk has no recursion and the look-up of names is no search */
START_TEST(a_chain_of_fifty_thousand_layers_in_reverse_order_loads)
{
    enum { N = 50000 };
    pare_buf b = {0};
    pare_buf_puts(&b, "version: 1\nname: n\ninput: {channels: 3}\nlayers:\n");
    for (int i = N; i > 0; i--)
        pare_buf_printf(&b, "  - {name: l%d, type: relu, inputs: [l%d]}\n", i, i - 1);
    pare_buf_puts(&b, "  - {name: l0, type: fc, out_channels: 2, inputs: [input]}\n");
    pare_net *const net = parse(b.text);
    ck_assert_uint_eq(net->n_layers, N + 2);
    ck_assert_str_eq(net->layers[1].name, "l0");
    ck_assert_str_eq(net->layers[N + 1].name, "l50000");
    pare_net_free(net);
    pare_buf_free(&b);
}
END_TEST

START_TEST(independent_layers_have_inputs_of_their_own)
{
    pare_net *const net =
        parse("version: 1\nname: n\nlayers:\n"
              "  - {name: a, type: conv2d, out_channels: 4, kernel: 3, input: {channels: 3, "
              "height: 8, width: 6}}\n"
              "  - {name: b, type: fc, out_channels: 7, input: {channels: 100}}\n");
    ck_assert_uint_eq(net->n_layers, 2);
    ck_assert_uint_eq(net->n_mac_layers, 2);
    ck_assert_uint_eq(layer(net, "a")->n_inputs, 0);
    assert_shape(layer(net, "a")->out, 4, 6, 4);
    ck_assert_uint_eq(layer(net, "b")->macs, 700);
    pare_net_free(net);
}
END_TEST

/* ---- round trips ---- */

static void assert_equal(const pare_net *a, const pare_net *b)
{
    ck_assert_str_eq(a->name, b->name);
    ck_assert_uint_eq(a->n_layers, b->n_layers);
    ck_assert_uint_eq(a->n_mac_layers, b->n_mac_layers);
    ck_assert_uint_eq(a->params, b->params);
    ck_assert_uint_eq(a->macs, b->macs);
    for (uint32_t i = 0; i < a->n_layers; i++) {
        const pare_layer *const x = &a->layers[i], *const y = &b->layers[i];
        ck_assert_str_eq(x->name, y->name);
        ck_assert_int_eq(x->op, y->op);
        ck_assert_uint_eq(x->n_inputs, y->n_inputs);
        for (uint32_t j = 0; j < x->n_inputs; j++) ck_assert_uint_eq(x->inputs[j], y->inputs[j]);
        assert_shape(x->in, y->in.c, y->in.h, y->in.w);
        assert_shape(x->out, y->out.c, y->out.h, y->out.w);
        ck_assert_mem_eq(x->kernel, y->kernel, sizeof x->kernel);
        ck_assert_mem_eq(x->stride, y->stride, sizeof x->stride);
        ck_assert_mem_eq(x->pad, y->pad, sizeof x->pad);
        ck_assert_mem_eq(x->dilation, y->dilation, sizeof x->dilation);
        ck_assert_uint_eq(x->groups, y->groups);
        ck_assert_int_eq(x->has_bias, y->has_bias);
        ck_assert_int_eq(x->transpose_b, y->transpose_b);
        ck_assert_uint_eq(x->params, y->params);
        ck_assert_uint_eq(x->macs, y->macs);
    }
}

static void assert_round_trip(const pare_net *net)
{
    pare_buf b = {0};
    pare_net_write(net, &b);
    pare_net *const again = parse(b.text);
    assert_equal(net, again);
    pare_net_free(again);
    pare_buf_free(&b);
}

START_TEST(shipped_networks_survive_writing)
{
    for (size_t i = 0; i < N_PUBLISHED; i++) {
        pare_net *const net = load_shipped(published[i].name);
        assert_round_trip(net);
        pare_net_free(net);
    }
}
END_TEST

/* keys at their default are left out; a pool may have the default kernel (found by fuzzing) */
START_TEST(a_pool_that_only_strides_survives_writing)
{
    pare_net *const net =
        parse("version: 1\nname: n\ninput: {channels: 3, height: 8, width: 8}\nlayers:\n"
              "  - {name: p, type: maxpool, kernel: 1, stride: 2}\n"
              "  - {name: a, type: conv2d, out_channels: 4}\n");
    assert_shape(layer(net, "p")->out, 3, 4, 4);
    assert_round_trip(net);
    pare_net_free(net);
}
END_TEST

/* a layer of a random kind on a random earlier one, in a graph that ends in a flatten and an fc */
static void add_random_layer(pare_rng *r, unsigned i, pare_buf *b)
{
    const unsigned from = pare_rng_below(r, i + 1);
    char read[32] = "input";
    if (from > 0) snprintf(read, sizeof read, "l%u", from - 1);
    switch (pare_rng_below(r, 5)) {
    case 0:
        pare_buf_printf(b,
                        "  - {name: l%u, type: conv2d, out_channels: 4, kernel: [%u, 3], "
                        "pad: [%u, 1], groups: %u, bias: %s, inputs: [%s]}\n",
                        i, 1 + 2 * (i % 3), i % 3, 1u << pare_rng_below(r, 3),
                        pare_rng_below(r, 2) ? "true" : "false", read);
        break;
    case 1:
        pare_buf_printf(b, "  - {name: l%u, type: maxpool, kernel: 3, pad: 1, inputs: [%s]}\n", i,
                        read);
        break;
    case 2: pare_buf_printf(b, "  - {name: l%u, type: batchnorm, inputs: [%s]}\n", i, read); break;
    case 3:
        pare_buf_printf(b, "  - {name: l%u, type: add, inputs: [%s, %s]}\n", i, read,
                        i ? "l0" : "input");
        break;
    default: pare_buf_printf(b, "  - {name: l%u, type: relu, inputs: [%s]}\n", i, read);
    }
}

START_TEST(random_networks_survive_writing)
{
    const uint64_t seed = 20261121;
    printf("seed %llu\n", (unsigned long long)seed);
    for (unsigned trial = 0; trial < 200; trial++) {
        pare_rng r = pare_rng_new(seed, trial);
        const unsigned n = 1 + pare_rng_below(&r, 20);
        pare_buf b = {0};
        pare_buf_puts(&b, "version: 1\nname: r\ninput: {channels: 4, height: 9, width: 7}\n"
                          "layers:\n");
        /* what nobody reads goes into the last concat, so that one output is left */
        for (unsigned i = 0; i < n; i++) add_random_layer(&r, i, &b);
        pare_buf_puts(&b, "  - {name: all, type: concat, inputs: [input");
        for (unsigned i = 0; i < n; i++) pare_buf_printf(&b, ", l%u", i);
        pare_buf_puts(&b, "]}\n  - {name: flat, type: flatten}\n"
                          "  - {name: fc, type: fc, out_channels: 3, bias: true}\n");
        pare_net *const net = parse(b.text);
        assert_shape(layer(net, "all")->out, 4 * (n + 1), 9, 7);
        assert_round_trip(net);
        pare_net_free(net);
        pare_buf_free(&b);
    }
}
END_TEST

/* ---- types ---- */

START_TEST(the_reference_page_names_every_type_and_key)
{
    pare_buf b = {0};
    pare_schema_doc(&pare_net_schema, &b);
    for (int op = PARE_OP_INPUT + 1; op < PARE_N_OPS; op++)
        ck_assert_ptr_nonnull(strstr(b.text, pare_op_name((pare_op)op)));
    ck_assert_ptr_nonnull(strstr(b.text, "| `transpose_b` |"));
    pare_buf_free(&b);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const shipped[] = {shipped_networks_have_the_published_counts, lenet5_by_hand,
                                    resnet18_has_the_shapes_of_the_paper,
                                    attention_products_are_matmuls, NULL};
    const TTest *const rules[] = {convolutions_follow_the_output_size_formula,
                                  a_kernel_fits_up_to_the_padded_input_and_no_further,
                                  concat_adds_channels,
                                  layers_may_stand_in_any_order,
                                  a_chain_of_fifty_thousand_layers_in_reverse_order_loads,
                                  independent_layers_have_inputs_of_their_own,
                                  the_reference_page_names_every_type_and_key,
                                  NULL};
    const TTest *const writing[] = {shipped_networks_survive_writing,
                                    a_pool_that_only_strides_survives_writing,
                                    random_networks_survive_writing, NULL};
    const gtck_case cases[] = {{.suite = "Shipped", .tests = shipped},
                               {.suite = "Rules", .tests = rules},
                               {.suite = "Writing", .tests = writing}};
    return gtck_main(argc, argv, "traces_net", cases, sizeof cases / sizeof *cases);
}
