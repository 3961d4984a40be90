/* The keys of a network file, and the way back from a network to its file. */
#include "traces/net_internal.h"

#include <string.h>

/* all op names; files name all but the first ("input"), which is no layer of theirs */
static const char *const op_names[] = {
#define X(id, name, n_inputs) name,
    PARE_OPS(X)
#undef X
        NULL};

const char *pare_op_name(pare_op op) { return op < PARE_N_OPS ? op_names[op] : "?"; }

pare_op pare_layer_spec_op(const pare_layer_spec *s) { return (pare_op)(s->type + 1); }

static const pare_key shape_keys[] = {
    {.name = "channels",
     .type = PARE_KEY_U32,
     .offset = offsetof(pare_shape_spec, channels),
     .min = 1,
     .max = PARE_NET_KEY_MAX,
     .def = "0",
     .doc = "Channels; must be given."},
    {.name = "height",
     .type = PARE_KEY_U32,
     .offset = offsetof(pare_shape_spec, height),
     .min = 1,
     .max = PARE_NET_KEY_MAX,
     .def = "1",
     .doc = "Rows."},
    {.name = "width",
     .type = PARE_KEY_U32,
     .offset = offsetof(pare_shape_spec, width),
     .min = 1,
     .max = PARE_NET_KEY_MAX,
     .def = "1",
     .doc = "Columns."},
};

static const pare_schema shape_schema = {
    .name = "network.input",
    .doc = "The shape of one image.",
    .keys = shape_keys,
    .n_keys = sizeof shape_keys / sizeof *shape_keys,
    .size = sizeof(pare_shape_spec),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET,
};

static const pare_key layer_keys[PARE_N_LAYER_KEYS] = {
    [PARE_LK_NAME] = {.name = "name",
                      .type = PARE_KEY_NAME,
                      .offset = offsetof(pare_layer_spec, name),
                      .doc = "Its name, used once; bits files and results refer to it."},
    [PARE_LK_TYPE] = {.name = "type",
                      .type = PARE_KEY_ENUM,
                      .offset = offsetof(pare_layer_spec, type),
                      .choices = op_names + 1,
                      .doc = "What it computes."},
    [PARE_LK_OUT_CHANNELS] = {.name = "out_channels",
                              .type = PARE_KEY_U32,
                              .offset = offsetof(pare_layer_spec, out_channels),
                              .min = 1,
                              .max = PARE_NET_KEY_MAX,
                              .def = "0",
                              .doc = "Output channels of a conv2d or fc; must be given there."},
    [PARE_LK_KERNEL] = {.name = "kernel",
                        .type = PARE_KEY_PAIR,
                        .offset = offsetof(pare_layer_spec, kernel),
                        .min = 1,
                        .max = PARE_NET_KERNEL_MAX,
                        .def = "1",
                        .doc = "Kernel of a conv2d, maxpool or avgpool: N or [rows, columns]."},
    [PARE_LK_STRIDE] = {.name = "stride",
                        .type = PARE_KEY_PAIR,
                        .offset = offsetof(pare_layer_spec, stride),
                        .min = 1,
                        .max = PARE_NET_KERNEL_MAX,
                        .def = "1",
                        .doc = "Step of the kernel; 1 by default, of a pool too."},
    [PARE_LK_PAD] = {.name = "pad",
                     .type = PARE_KEY_PAIR,
                     .offset = offsetof(pare_layer_spec, pad),
                     .min = 0,
                     .max = PARE_NET_KERNEL_MAX,
                     .def = "0",
                     .doc = "Rows and columns added on each side (zeros; nothing for a maxpool)."},
    [PARE_LK_DILATION] = {.name = "dilation",
                          .type = PARE_KEY_PAIR,
                          .offset = offsetof(pare_layer_spec, dilation),
                          .min = 1,
                          .max = PARE_NET_KERNEL_MAX,
                          .def = "1",
                          .doc = "Distance of the kernel elements of a conv2d."},
    [PARE_LK_GROUPS] = {.name = "groups",
                        .type = PARE_KEY_U32,
                        .offset = offsetof(pare_layer_spec, groups),
                        .min = 1,
                        .max = PARE_NET_KEY_MAX,
                        .def = "1",
                        .doc = "Groups of a conv2d; as many as channels: depthwise."},
    [PARE_LK_HEADS] = {.name = "heads",
                       .type = PARE_KEY_U32,
                       .offset = offsetof(pare_layer_spec, heads),
                       .min = 1,
                       .max = PARE_NET_KEY_MAX,
                       .def = "1",
                       .doc = "Groups of channels that a matmul or softmax treats apart."},
    [PARE_LK_BIAS] = {.name = "bias",
                      .type = PARE_KEY_BOOL,
                      .offset = offsetof(pare_layer_spec, bias),
                      .def = "false",
                      .doc = "Whether a conv2d or fc adds a bias to each output channel."},
    [PARE_LK_TRANSPOSE_B] = {.name = "transpose_b",
                             .type = PARE_KEY_BOOL,
                             .offset = offsetof(pare_layer_spec, transpose_b),
                             .def = "false",
                             .doc =
                                 "Of a matmul a, b: true reduces over the channels of b (Q K^T), "
                                 "false over its positions (A V)."},
    [PARE_LK_INPUTS] = {.name = "inputs",
                        .type = PARE_KEY_NAMES,
                        .offset = offsetof(pare_layer_spec, inputs),
                        .def = "",
                        .doc = "Layers it reads, `input` for the network's input; by default the "
                               "layer before it in the file."},
    [PARE_LK_INPUT] = {.name = "input",
                       .type = PARE_KEY_MAP,
                       .offset = offsetof(pare_layer_spec, input),
                       .def = "{}",
                       .sub = &shape_schema,
                       .doc =
                           "Of a conv2d or fc in a list of independent layers (no `input` at the "
                           "top, no `inputs`): the shape that it reads."},
};

const pare_schema pare_layer_schema = {
    .name = "network.layers",
    .doc = "One layer. Keys that mean nothing for its type are refused.",
    .keys = layer_keys,
    .n_keys = PARE_N_LAYER_KEYS,
    .size = sizeof(pare_layer_spec),
    .pos_offset = offsetof(pare_layer_spec, pos),
    .given_offset = offsetof(pare_layer_spec, given),
};

#define VERSION_KEY                                                                                \
    {                                                                                              \
        .name = "version", .type = PARE_KEY_U32, .offset = offsetof(pare_net_spec, version),       \
        .min = 1, .max = 1, .doc = "Version of this format."                                       \
    }
#define NAME_KEY                                                                                   \
    {                                                                                              \
        .name = "name", .type = PARE_KEY_NAME, .offset = offsetof(pare_net_spec, name),            \
        .doc = "The network's name."                                                               \
    }
#define LAYERS_KEY                                                                                 \
    {                                                                                              \
        .name = "layers", .type = PARE_KEY_MAPS, .offset = offsetof(pare_net_spec, layers),        \
        .sub = &pare_layer_schema, .doc = "The layers, in any order."                              \
    }

static const pare_key net_keys[PARE_N_NET_KEYS] = {
    [PARE_NK_VERSION] = VERSION_KEY,
    [PARE_NK_NAME] = NAME_KEY,
    [PARE_NK_INPUT] = {.name = "input",
                       .type = PARE_KEY_MAP,
                       .offset = offsetof(pare_net_spec, input),
                       .def = "{}",
                       .sub = &shape_schema,
                       .doc = "The shape of one image; left out in a list of independent layers."},
    [PARE_NK_LAYERS] = LAYERS_KEY,
};

static const pare_key list_keys[] = {VERSION_KEY, NAME_KEY, LAYERS_KEY};

const pare_schema pare_net_schema = {
    .name = "network",
    .doc = "A network as a graph of layers (`*.net.yaml`).",
    .keys = net_keys,
    .n_keys = sizeof net_keys / sizeof *net_keys,
    .size = sizeof(pare_net_spec),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = offsetof(pare_net_spec, given),
};

const pare_schema pare_net_list_schema = {
    .name = "network",
    .doc = "A list of independent layers (`*.net.yaml`).",
    .keys = list_keys,
    .n_keys = sizeof list_keys / sizeof *list_keys,
    .size = sizeof(pare_net_spec),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = offsetof(pare_net_spec, given),
};

/* ---- writing ---- */

static pare_shape_spec to_shape_spec(pare_shape s)
{
    return (pare_shape_spec){.channels = s.c, .height = s.h, .width = s.w};
}

/* the struct that reading the written line gives: defaults wherever the type has no such key */
static pare_layer_spec to_spec(const pare_net *net, uint32_t i, bool is_list, pare_arena *a)
{
    const pare_layer *const l = &net->layers[i];
    pare_layer_spec s = {.name = l->name,
                         .type = (int)l->op - 1,
                         .heads = 1,
                         .groups = l->groups,
                         .bias = l->has_bias,
                         .transpose_b = l->transpose_b,
                         .input = {.height = 1, .width = 1}};
    memcpy(s.kernel, l->kernel, sizeof s.kernel);
    memcpy(s.stride, l->stride, sizeof s.stride);
    memcpy(s.pad, l->pad, sizeof s.pad);
    memcpy(s.dilation, l->dilation, sizeof s.dilation);
    if (l->op == PARE_OP_CONV2D || l->op == PARE_OP_FC) s.out_channels = l->out.c;
    if (l->op == PARE_OP_MATMUL || l->op == PARE_OP_SOFTMAX) {
        s.heads = l->groups;
        s.groups = 1;
    }
    if (is_list) {
        s.input = to_shape_spec(l->in);
    } else if (l->n_inputs != 1 || l->inputs[0] != i - 1) {
        s.inputs.n = l->n_inputs;
        s.inputs.v = pare_arena_alloc(a, l->n_inputs, sizeof *s.inputs.v);
        for (uint32_t j = 0; j < l->n_inputs; j++) s.inputs.v[j] = net->layers[l->inputs[j]].name;
    }
    return s;
}

void pare_net_write(const pare_net *net, pare_buf *out)
{
    pare_arena *const a = pare_arena_new();
    const bool is_list = net->n_layers == 0 || net->layers[0].op != PARE_OP_INPUT;
    const uint32_t first = is_list ? 0 : 1;
    pare_net_spec spec = {.version = 1, .name = net->name};
    pare_layer_spec *const layers = pare_arena_alloc(a, net->n_layers, sizeof *layers);
    for (uint32_t i = first; i < net->n_layers; i++)
        layers[i - first] = to_spec(net, i, is_list, a);
    spec.layers = (pare_maps){.v = layers, .n = net->n_layers - first};
    if (!is_list) spec.input = to_shape_spec(net->layers[0].in);
    pare_schema_write(is_list ? &pare_net_list_schema : &pare_net_schema, &spec, out);
    pare_arena_free(a);
}
