/* What each type of layer takes and gives: one row of a table per type. */
#include "traces/net_internal.h"

typedef struct shape_job {
    const pare_net_draft *d;
    uint32_t i; /* in the file */
    pare_layer *l;
} shape_job;

#define FAIL(job, key, ...) pare_draft_fail((job)->d, (job)->i, key, __VA_ARGS__)

static const pare_layer *input_layer(const shape_job *job, uint32_t j)
{
    return &job->d->net->layers[job->l->inputs[j]];
}

/* "3x3", or "3" for two equal numbers of a pair that is no size */
static const char *pair_text(const uint32_t pair[2], char out[32])
{
    if (pair[0] == pair[1])
        snprintf(out, 32, "%u", pair[0]);
    else
        snprintf(out, 32, "%ux%u", pair[0], pair[1]);
    return out;
}

static pare_status set_out(const shape_job *job, uint64_t c, uint64_t h, uint64_t w)
{
    pare_layer *const l = job->l;
    const bool fits = c <= PARE_NET_DIM_MAX && h <= PARE_NET_DIM_MAX && w <= PARE_NET_DIM_MAX;
    uint64_t map = 0; /* h * w is below 2^62 if it fits */
    if (!fits || !pare_mul_u64(c, h * w, &map) || map > PARE_NET_MAP_MAX)
        return FAIL(job, NULL,
                    "gives %llu channels of %llux%llu; at most 2^48 elements and 2^31 - 1 in each "
                    "dimension expected",
                    (unsigned long long)c, (unsigned long long)h, (unsigned long long)w);
    l->out = (pare_shape){(uint32_t)c, (uint32_t)h, (uint32_t)w};
    return PARE_OK;
}

static pare_status count(const shape_job *job)
{
    if (pare_layer_count(job->l)) return PARE_OK;
    return FAIL(job, NULL, "has more than 2^53 MACs; fewer expected");
}

/* output size of a sliding window, both directions */
static pare_status slide(const shape_job *job, uint64_t out[2])
{
    const pare_layer *const l = job->l;
    const uint32_t in[2] = {l->in.h, l->in.w};
    uint64_t padded[2], largest[2];
    bool fits = true;
    for (int k = 0; k < 2; k++) {
        padded[k] = in[k] + 2 * (uint64_t)l->pad[k];
        largest[k] = (padded[k] - 1) / l->dilation[k] + 1;
        fits = fits && l->kernel[k] <= largest[k];
    }
    if (!fits) {
        char pad[32], dilation[32], and_dilation[64] = "";
        if (l->dilation[0] != 1 || l->dilation[1] != 1)
            snprintf(and_dilation, sizeof and_dilation, " and dilation %s",
                     pair_text(l->dilation, dilation));
        return FAIL(job, "kernel",
                    "is %ux%u on a %ux%u input with pad %s%s; at most %llux%llu expected",
                    l->kernel[0], l->kernel[1], in[0], in[1], pair_text(l->pad, pad), and_dilation,
                    (unsigned long long)largest[0], (unsigned long long)largest[1]);
    }
    for (int k = 0; k < 2; k++) {
        const uint64_t extent = (uint64_t)l->dilation[k] * (l->kernel[k] - 1) + 1;
        out[k] = (padded[k] - extent) / l->stride[k] + 1;
    }
    return PARE_OK;
}

/* ---- one function per kind of shape rule ---- */

static pare_status infer_conv2d(const shape_job *job)
{
    pare_layer *const l = job->l;
    const uint32_t k = job->d->layers[job->i].out_channels;
    uint64_t out[2];
    if (l->in.c % l->groups || k % l->groups)
        return FAIL(job, "groups",
                    "is %u with %u input and %u output channels; a divisor of both expected",
                    l->groups, l->in.c, k);
    PARE_TRY(slide(job, out));
    PARE_TRY(set_out(job, k, out[0], out[1]));
    return count(job);
}

static pare_status infer_fc(const shape_job *job)
{
    pare_layer *const l = job->l;
    if (l->in.h != 1 || l->in.w != 1)
        return FAIL(job, NULL, "(fc) reads a %ux%ux%u map; a flatten layer before it expected",
                    l->in.c, l->in.h, l->in.w);
    PARE_TRY(set_out(job, job->d->layers[job->i].out_channels, 1, 1));
    return count(job);
}

/* Positions of a feature map are tokens. Per head: Q K^T gives a column of scores over the tokens
 * of K, A V a weighted sum of the tokens of V. */
static pare_status infer_matmul(const shape_job *job)
{
    pare_layer *const l = job->l;
    const pare_shape a = l->in, b = input_layer(job, 1)->out;
    const uint64_t heads = l->groups, tokens_b = (uint64_t)b.h * b.w;
    if (b.c % heads)
        return FAIL(job, "heads", "is %u with %u channels; a divisor expected", l->groups, b.c);
    if (l->transpose_b) {
        if (a.c != b.c)
            return FAIL(job, "inputs", "have %u and %u channels; equal numbers expected", a.c, b.c);
        PARE_TRY(set_out(job, heads * tokens_b, a.h, a.w));
    } else {
        if (a.c != heads * tokens_b)
            return FAIL(job, "inputs",
                        "have %u channels and %llu positions with %u heads; channels of the first "
                        "= heads * positions of the second expected",
                        a.c, (unsigned long long)tokens_b, l->groups);
        PARE_TRY(set_out(job, b.c, a.h, a.w));
    }
    return count(job);
}

static pare_status infer_pool(const shape_job *job)
{
    const pare_layer *const l = job->l;
    uint64_t out[2];
    if (l->kernel[0] == 1 && l->kernel[1] == 1 && l->stride[0] == 1 && l->stride[1] == 1)
        return FAIL(job, NULL,
                    "pools 1x1 windows at stride 1, which does nothing; a kernel expected");
    for (int k = 0; k < 2; k++)
        if (l->pad[k] >= l->kernel[k])
            return FAIL(job, "pad", "is %u with a kernel of %u; less than the kernel expected",
                        l->pad[k], l->kernel[k]);
    PARE_TRY(slide(job, out));
    return set_out(job, l->in.c, out[0], out[1]);
}

static pare_status infer_global_avgpool(const shape_job *job)
{
    return set_out(job, job->l->in.c, 1, 1);
}

static pare_status infer_same(const shape_job *job)
{
    job->l->out = job->l->in;
    return PARE_OK;
}

/* scale and shift per channel */
static pare_status infer_norm(const shape_job *job)
{
    job->l->params = 2 * (uint64_t)job->l->in.c;
    return infer_same(job);
}

static pare_status infer_softmax(const shape_job *job)
{
    const pare_layer *const l = job->l;
    if (l->in.c % l->groups)
        return FAIL(job, "heads", "is %u with %u channels; a divisor expected", l->groups, l->in.c);
    return infer_same(job);
}

static pare_status infer_add(const shape_job *job)
{
    const pare_shape a = job->l->in, b = input_layer(job, 1)->out;
    if (a.c != b.c || a.h != b.h || a.w != b.w)
        return FAIL(job, "inputs", "are %ux%ux%u and %ux%ux%u maps; equal shapes expected", a.c,
                    a.h, a.w, b.c, b.h, b.w);
    return infer_same(job);
}

static pare_status infer_concat(const shape_job *job)
{
    const pare_shape a = job->l->in;
    uint64_t channels = a.c;
    for (uint32_t j = 1; j < job->l->n_inputs; j++) {
        const pare_shape b = input_layer(job, j)->out;
        if (a.h != b.h || a.w != b.w)
            return FAIL(job, "inputs", "are maps of %ux%u and %ux%u; equal sizes expected", a.h,
                        a.w, b.h, b.w);
        channels += b.c;
    }
    return set_out(job, channels, a.h, a.w);
}

static pare_status infer_flatten(const shape_job *job)
{
    return set_out(job, pare_shape_count(job->l->in), 1, 1);
}

/* positions and one class token, plus a position embedding for each of them */
static pare_status infer_tokens(const shape_job *job)
{
    pare_layer *const l = job->l;
    const uint64_t n_tokens = (uint64_t)l->in.h * l->in.w + 1;
    PARE_TRY(set_out(job, l->in.c, n_tokens, 1));
    l->params = pare_shape_count(l->out) + l->in.c;
    return PARE_OK;
}

/* ---- the table ---- */

#define CONV_KEYS                                                                                  \
    (PARE_BIT(PARE_LK_OUT_CHANNELS) | PARE_BIT(PARE_LK_KERNEL) | PARE_BIT(PARE_LK_STRIDE) |        \
     PARE_BIT(PARE_LK_PAD) | PARE_BIT(PARE_LK_DILATION) | PARE_BIT(PARE_LK_GROUPS) |               \
     PARE_BIT(PARE_LK_BIAS) | PARE_BIT(PARE_LK_INPUT))
#define POOL_KEYS (PARE_BIT(PARE_LK_KERNEL) | PARE_BIT(PARE_LK_STRIDE) | PARE_BIT(PARE_LK_PAD))
#define ANY_KEYS                                                                                   \
    (PARE_BIT(PARE_LK_NAME) | PARE_BIT(PARE_LK_TYPE) | PARE_BIT(PARE_LK_INPUTS)) /* of all types   \
                                                                                  */

static const struct op_row {
    uint64_t keys;     /* that mean something beside ANY_KEYS */
    uint64_t required; /* of them */
    pare_status (*infer)(const shape_job *job);
} op_rows[PARE_N_OPS] = {
    [PARE_OP_CONV2D] = {CONV_KEYS, PARE_BIT(PARE_LK_OUT_CHANNELS), infer_conv2d},
    [PARE_OP_FC] = {PARE_BIT(PARE_LK_OUT_CHANNELS) | PARE_BIT(PARE_LK_BIAS) |
                        PARE_BIT(PARE_LK_INPUT),
                    PARE_BIT(PARE_LK_OUT_CHANNELS), infer_fc},
    [PARE_OP_MATMUL] = {PARE_BIT(PARE_LK_HEADS) | PARE_BIT(PARE_LK_TRANSPOSE_B), 0, infer_matmul},
    [PARE_OP_MAXPOOL] = {POOL_KEYS, 0, infer_pool},
    [PARE_OP_AVGPOOL] = {POOL_KEYS, 0, infer_pool},
    [PARE_OP_GLOBAL_AVGPOOL] = {0, 0, infer_global_avgpool},
    [PARE_OP_BATCHNORM] = {0, 0, infer_norm},
    [PARE_OP_LAYERNORM] = {0, 0, infer_norm},
    [PARE_OP_RELU] = {0, 0, infer_same},
    [PARE_OP_RELU6] = {0, 0, infer_same},
    [PARE_OP_GELU] = {0, 0, infer_same},
    [PARE_OP_SOFTMAX] = {PARE_BIT(PARE_LK_HEADS), 0, infer_softmax},
    [PARE_OP_ADD] = {0, 0, infer_add},
    [PARE_OP_CONCAT] = {0, 0, infer_concat},
    [PARE_OP_FLATTEN] = {0, 0, infer_flatten},
    [PARE_OP_TOKENS] = {0, 0, infer_tokens},
    [PARE_OP_TAKE_TOKEN] = {0, 0, infer_global_avgpool},
};

static const uint32_t op_n_inputs[PARE_N_OPS] = {
#define X(id, name, n_inputs) n_inputs,
    PARE_OPS(X)
#undef X
};

static pare_status check_keys(const shape_job *job)
{
    const pare_layer_spec *const s = &job->d->layers[job->i];
    const struct op_row *const row = &op_rows[job->l->op];
    uint64_t allowed = row->keys | ANY_KEYS;
    if (!job->d->is_list) allowed &= ~PARE_BIT(PARE_LK_INPUT);
    for (uint32_t k = 0; k < PARE_N_LAYER_KEYS; k++) {
        const char *const key = pare_layer_schema.keys[k].name;
        if ((row->required & ~s->given) & PARE_BIT(k))
            return FAIL(job, NULL, "lacks '%s'; every %s has one", key, pare_op_name(job->l->op));
        if (!((s->given & ~allowed) & PARE_BIT(k))) continue;
        pare_buf names = {0};
        for (uint32_t j = 0; j < PARE_N_LAYER_KEYS; j++)
            if (allowed & PARE_BIT(j))
                pare_buf_printf(&names, "%s%s", names.n ? ", " : "",
                                pare_layer_schema.keys[j].name);
        const pare_status status =
            FAIL(job, key, "means nothing for a %s %s; only %s expected", pare_op_name(job->l->op),
                 job->d->is_list ? "in a list" : "layer", names.text);
        pare_buf_free(&names);
        return status;
    }
    return PARE_OK;
}

static pare_status check_n_inputs(const shape_job *job)
{
    const uint32_t n = job->l->n_inputs, expected = op_n_inputs[job->l->op];
    if (expected == 0 && n < 2)
        return FAIL(job, "inputs", "name %u layer%s; two or more expected for %s", n,
                    n == 1 ? "" : "s", pare_op_name(job->l->op));
    if (expected > 0 && n != expected)
        return FAIL(job, "inputs", "name %u layer%s; %u expected for %s", n, n == 1 ? "" : "s",
                    expected, pare_op_name(job->l->op));
    return PARE_OK;
}

pare_status pare_draft_infer(const pare_net_draft *d, uint32_t i, pare_layer *l)
{
    const shape_job job = {.d = d, .i = i, .l = l};
    PARE_TRY(check_keys(&job));
    if (!d->is_list) PARE_TRY(check_n_inputs(&job));
    return op_rows[l->op].infer(&job);
}
