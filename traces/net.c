/* Networks: from a file to layers in topological order with shapes, parameters and MACs. */
#include "traces/net_internal.h"

#include <stdarg.h>
#include <string.h>

pare_status pare_draft_fail(const pare_net_draft *d, uint32_t i, const char *key, const char *fmt,
                            ...)
{
    char path[64], text[PARE_ERR_TEXT_MAX - 64];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(path, sizeof path, "layers[%u]%s%s", i, key ? "." : "", key ? key : "");
    return pare_yaml_error(d->yaml, path, d->e, PARE_EINPUT, "%s %s", path, text);
}

/* ---- layers ---- */

bool pare_layer_is_mac(const pare_layer *l)
{
    return l->op == PARE_OP_CONV2D || l->op == PARE_OP_FC || l->op == PARE_OP_MATMUL;
}

uint64_t pare_shape_count(pare_shape s) { return (uint64_t)s.c * s.h * s.w; }

static void copy_spec(const pare_layer_spec *s, pare_layer *l)
{
    l->name = s->name;
    l->op = pare_layer_spec_op(s);
    l->pos = s->pos;
    memcpy(l->kernel, s->kernel, sizeof l->kernel);
    memcpy(l->stride, s->stride, sizeof l->stride);
    memcpy(l->pad, s->pad, sizeof l->pad);
    memcpy(l->dilation, s->dilation, sizeof l->dilation);
    l->groups = l->op == PARE_OP_MATMUL || l->op == PARE_OP_SOFTMAX ? s->heads : s->groups;
    l->has_bias = s->bias;
    l->transpose_b = s->transpose_b;
}

static pare_shape to_shape(pare_shape_spec s)
{
    return (pare_shape){s.channels, s.height, s.width};
}

bool pare_layer_count(pare_layer *l)
{
    const pare_dims d = pare_layer_dims(l, 1);
    uint64_t weights;
    if (!pare_mul_u64((uint64_t)d.k * (d.c / d.groups), (uint64_t)d.r * d.s, &weights) ||
        !pare_mul_u64(weights, (uint64_t)d.p * d.q, &l->macs) || l->macs > PARE_NET_COUNT_MAX)
        return false;
    l->params = l->op == PARE_OP_MATMUL ? 0 : weights; /* at most as many as MACs */
    if (l->has_bias) l->params += l->out.c;
    return true;
}

bool pare_net_sum(pare_net *net)
{
    net->params = net->macs = 0;
    net->n_mac_layers = 0;
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const pare_layer *const l = &net->layers[i];
        net->params += l->params; /* each is at most 2^53, and the sum is checked each time */
        net->macs += l->macs;
        net->n_mac_layers += pare_layer_is_mac(l);
        if (net->params > PARE_NET_COUNT_MAX || net->macs > PARE_NET_COUNT_MAX) return false;
    }
    return true;
}

/* ---- from draft to network ---- */

/* `path` is that of the mapping that holds the shape */
static pare_status check_input(const pare_net_draft *d, const char *path, pare_shape_spec in)
{
    if (in.channels == 0)
        return pare_yaml_error(d->yaml, path, d->e, PARE_EINPUT,
                               "%s lacks 'channels'; an integer from 1 to %u expected", path,
                               PARE_NET_KEY_MAX);
    if (((uint64_t)in.height * in.width) > PARE_NET_MAP_MAX / in.channels)
        return pare_yaml_error(d->yaml, path, d->e, PARE_EINPUT,
                               "%s is %ux%ux%u; at most 2^48 elements expected", path, in.channels,
                               in.height, in.width);
    return PARE_OK;
}

static pare_status find_input(const pare_net_draft *d, uint32_t i, pare_layer *l)
{
    char path[64];
    if (!d->is_list) { /* how many inputs there must be, the type says later */
        if (l->n_inputs > 0) l->in = d->net->layers[l->inputs[0]].out;
        return PARE_OK;
    }
    snprintf(path, sizeof path, "layers[%u].input", i);
    PARE_TRY(check_input(d, path, d->layers[i].input));
    l->in = to_shape(d->layers[i].input);
    return PARE_OK;
}

static pare_status add_layer(pare_net_draft *d, uint32_t i, const uint32_t *place, uint32_t at)
{
    pare_net *const net = d->net;
    pare_layer *const l = &net->layers[at];
    copy_spec(&d->layers[i], l);
    l->n_inputs = d->first_read[i + 1] - d->first_read[i];
    uint32_t *const inputs = pare_arena_alloc(net->arena, l->n_inputs, sizeof *inputs);
    for (uint32_t j = 0; j < l->n_inputs; j++) {
        const uint32_t read = d->reads[d->first_read[i] + j];
        inputs[j] = read == PARE_READS_INPUT ? 0 : place[read];
    }
    l->inputs = inputs;
    PARE_TRY(find_input(d, i, l));
    return pare_draft_infer(d, i, l);
}

static pare_status add_layers(pare_net_draft *d, pare_arena *scratch)
{
    pare_net *const net = d->net;
    const uint32_t first = d->is_list ? 0 : 1;
    uint32_t *const place = pare_arena_alloc(scratch, d->n_layers, sizeof *place);
    net->n_layers = d->n_layers + first;
    net->layers = pare_arena_alloc(net->arena, net->n_layers, sizeof *net->layers);
    if (!d->is_list) {
        PARE_TRY(check_input(d, "input", d->spec.input));
        const pare_shape in = to_shape(d->spec.input);
        net->layers[0] = (pare_layer){.name = "input",
                                      .op = PARE_OP_INPUT,
                                      .in = in,
                                      .out = in,
                                      .kernel = {1, 1},
                                      .stride = {1, 1},
                                      .dilation = {1, 1},
                                      .groups = 1};
    }
    for (uint32_t i = 0; i < d->n_layers; i++) place[d->order[i]] = i + first;
    for (uint32_t i = 0; i < d->n_layers; i++)
        PARE_TRY(add_layer(d, d->order[i], place, i + first));
    if (!pare_net_sum(net))
        return pare_yaml_error(d->yaml, "layers", d->e, PARE_EINPUT,
                               "the network has more than 2^53 parameters or MACs; fewer expected");
    if (net->n_mac_layers == 0)
        return pare_yaml_error(d->yaml, "layers", d->e, PARE_EINPUT,
                               "no layer multiplies; at least one conv2d, fc or matmul expected");
    return PARE_OK;
}

static pare_status build(const pare_yaml *y, pare_net *net, pare_err *e)
{
    pare_net_draft d = {.yaml = y, .net = net, .e = e};
    pare_arena *const scratch = pare_arena_new();
    pare_status status;
    net->file = pare_arena_strdup(net->arena, pare_yaml_name(y));
    net->hash = pare_yaml_hash(y);
    PARE_TRY_DONE(pare_yaml_read(y, &pare_net_schema, net->arena, &d.spec, e));
    net->name = d.spec.name;
    d.layers = d.spec.layers.v;
    d.n_layers = (uint32_t)d.spec.layers.n; /* the parser stops at a million values */
    PARE_TRY_DONE(pare_draft_link(&d, scratch));
    PARE_TRY_DONE(add_layers(&d, scratch));
done:
    pare_arena_free(scratch);
    return status;
}

static pare_status from_yaml(const pare_yaml *y, pare_net **out, pare_err *e)
{
    pare_arena *const arena = pare_arena_new();
    pare_net *const net = pare_arena_alloc(arena, 1, sizeof *net);
    net->arena = arena;
    const pare_status status = build(y, net, e);
    if (status == PARE_OK)
        *out = net;
    else
        pare_net_free(net);
    return status;
}

pare_status pare_net_load(const char *path, pare_net **out, pare_err *e)
{
    pare_yaml *y;
    *out = NULL;
    PARE_TRY(pare_yaml_load(path, &y, e));
    const pare_status status = from_yaml(y, out, e);
    pare_yaml_free(y);
    return status;
}

pare_status pare_net_parse(const char *name, const char *text, size_t n, pare_net **out,
                           pare_err *e)
{
    pare_yaml *y;
    *out = NULL;
    PARE_TRY(pare_yaml_parse(name, text, n, &y, e));
    const pare_status status = from_yaml(y, out, e);
    pare_yaml_free(y);
    return status;
}

void pare_net_free(pare_net *net)
{
    if (net) pare_arena_free(net->arena);
}

int64_t pare_net_find(const pare_net *net, const char *name)
{
    for (uint32_t i = 0; i < net->n_layers; i++)
        if (!strcmp(net->layers[i].name, name)) return i;
    return -1;
}

/* ---- loop nests ---- */

pare_dims pare_layer_dims(const pare_layer *l, uint32_t batch)
{
    pare_dims d = {.n = batch,
                   .c = l->in.c,
                   .h = l->in.h,
                   .w = l->in.w,
                   .k = l->out.c,
                   .r = l->kernel[0],
                   .s = l->kernel[1],
                   .p = l->out.h,
                   .q = l->out.w,
                   .groups = l->groups};
    memcpy(d.stride, l->stride, sizeof d.stride);
    memcpy(d.pad, l->pad, sizeof d.pad);
    memcpy(d.dilation, l->dilation, sizeof d.dilation);
    return d;
}

uint64_t pare_dims_weights(const pare_dims *d)
{
    return (uint64_t)d->k * (d->c / d->groups) * pare_dims_positions(d);
}

uint64_t pare_dims_macs(const pare_dims *d) { return pare_dims_weights(d) * d->n * d->p * d->q; }

uint64_t pare_dims_activations(const pare_dims *d) { return (uint64_t)d->n * d->c * d->h * d->w; }

uint64_t pare_dims_outputs(const pare_dims *d) { return (uint64_t)d->n * d->k * d->p * d->q; }
