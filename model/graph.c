/* graph.c: from the layers of a network to nodes, values and their memory. */
#include "model/graph.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHARD_IMAGES_MAX = 32, SHARDS_MIN = 4, ALIGN_BYTES = 64 };

uint32_t pare_shard_images(uint32_t batch)
{
    uint32_t most = batch / SHARDS_MIN;
    if (most > SHARD_IMAGES_MAX) most = SHARD_IMAGES_MAX;
    while (most > 1 && batch % most) most--;
    return most ? most : 1;
}

pare_status pare_graph_big(pare_graph *g, size_t count, size_t size, void *out_pointer, pare_err *e)
{
    size_t bytes;
    void *p = NULL;
    if (pare_mul_size(count, size, &bytes) && bytes < SIZE_MAX - 2 * ALIGN_BYTES) {
        bytes = (bytes + ALIGN_BYTES) / ALIGN_BYTES * ALIGN_BYTES;
        p = aligned_alloc(ALIGN_BYTES, bytes);
    }
    if (!p)
        return pare_err_set(e, PARE_EFAIL, g->net->file, (pare_pos){0, 0},
                            "needs %zu x %zu bytes more memory than there are; a smaller batch "
                            "may help",
                            count, size);
    memset(p, 0, bytes);
    g->big[g->n_big++] = p;
    memcpy(out_pointer, &p, sizeof p);
    return PARE_OK;
}

float *pare_data_shard(const pare_graph *g, uint32_t value, size_t shard)
{
    const pare_value *v = &g->values[value];
    return v->data + shard * g->shard_images * v->count;
}

float *pare_grad_shard(const pare_graph *g, uint32_t value, size_t shard)
{
    const pare_value *v = &g->values[value];
    return v->grad + shard * g->shard_images * v->grad_stride;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

typedef struct builder {
    pare_graph *g;
    const pare_net *net;
    uint32_t *value_of; /* per layer of the net */
    uint32_t *readers;  /* layers that read a layer */
    pare_err *e;
} builder;

static pare_status refuse(builder *b, const pare_layer *l, const char *what)
{
    return pare_err_set(b->e, PARE_EINPUT, b->net->file, l->pos, "layer %s: %s", l->name, what);
}

static uint32_t add_value(builder *b, uint32_t layer, pare_shape shape, uint32_t producer)
{
    pare_value *v = &b->g->values[b->g->n_values];
    v->layer = layer;
    v->count = (size_t)pare_shape_count(shape);
    v->channels = shape.c;
    v->producer = producer;
    return b->g->n_values++;
}

static pare_node *add_node(builder *b, pare_node_kind kind, uint32_t layer)
{
    pare_graph *g = b->g;
    pare_node *n = &g->nodes[g->n_nodes];
    const pare_layer *l = &b->net->layers[layer];
    *n = (pare_node){.kind = kind,
                     .layer = layer,
                     .l = l,
                     .x = b->value_of[l->inputs[0]],
                     .z = PARE_NONE,
                     .ew = PARE_NONE,
                     .mac_of_x = PARE_NONE,
                     .bn_layer = PARE_NONE,
                     .act_layer = PARE_NONE,
                     .affine = pare_affine_identity};
    n->y = add_value(b, layer, l->out, g->n_nodes++);
    b->value_of[layer] = n->y;
    return n;
}

/* The element-wise node that ends in this layer and may take one more operation, or NULL. */
static pare_node *open_ew(builder *b, uint32_t layer)
{
    const pare_value *v = &b->g->values[b->value_of[layer]];
    if (v->producer == PARE_NONE || b->readers[layer] != 1) return NULL;
    pare_node *n = &b->g->nodes[v->producer];
    return n->kind == PARE_NODE_EW && n->act_layer == PARE_NONE ? n : NULL;
}

static void build_act(builder *b, uint32_t layer, float top)
{
    const pare_layer *l = &b->net->layers[layer];
    pare_node *n = open_ew(b, l->inputs[0]);
    if (!n) n = add_node(b, PARE_NODE_EW, layer);
    n->act_layer = layer;
    n->affine.lo = 0;
    n->affine.hi = top;
    b->value_of[layer] = n->y;
}

/* A batch norm right before the addition takes it over; the other operand must exist by then. */
static void build_add(builder *b, uint32_t layer)
{
    const pare_layer *l = &b->net->layers[layer];
    uint32_t first = l->inputs[0], last = l->inputs[1];
    if (b->value_of[first] > b->value_of[last]) {
        const uint32_t t = first;
        first = last;
        last = t;
    }
    pare_node *n = open_ew(b, last);
    if (n && (n->z != PARE_NONE || n->bn_layer != last)) n = NULL;
    if (!n) {
        n = add_node(b, PARE_NODE_EW, layer);
        n->x = b->value_of[last];
    }
    n->z = b->value_of[first];
    b->value_of[layer] = n->y;
}

static pare_status build_pool(builder *b, uint32_t layer)
{
    const pare_layer *l = &b->net->layers[layer];
    if (l->op == PARE_OP_MAXPOOL && (uint64_t)l->kernel[0] * l->kernel[1] > PARE_TAPS_MAX)
        return refuse(b, l, "pools more than 255 inputs at once; a smaller kernel expected");
    if (l->dilation[0] > 1 || l->dilation[1] > 1)
        return refuse(b, l, "is a dilated pooling, which pare-train does not train");
    add_node(b, l->op == PARE_OP_MAXPOOL ? PARE_NODE_MAXPOOL : PARE_NODE_AVGPOOL, layer);
    return PARE_OK;
}

static void build_concat(builder *b, uint32_t layer)
{
    const pare_layer *l = &b->net->layers[layer];
    uint32_t *xs = pare_arena_alloc(b->g->arena, l->n_inputs, sizeof *xs);
    for (uint32_t i = 0; i < l->n_inputs; i++) xs[i] = b->value_of[l->inputs[i]];
    pare_node *n = add_node(b, PARE_NODE_CONCAT, layer);
    n->xs = xs;
    n->first_xs = pare_arena_alloc(b->g->arena, l->n_inputs, sizeof *n->first_xs);
    n->n_xs = l->n_inputs;
}

static pare_status build_layer(builder *b, uint32_t i)
{
    const pare_layer *l = &b->net->layers[i];
    switch (l->op) {
    case PARE_OP_INPUT: b->value_of[i] = add_value(b, i, l->out, PARE_NONE); break;
    case PARE_OP_FC:
        if ((uint64_t)l->in.h * l->in.w > 1)
            return refuse(b, l, "is an fc layer over positions; a flatten before it expected");
        add_node(b, PARE_NODE_MAC, i);
        break;
    case PARE_OP_CONV2D: add_node(b, PARE_NODE_MAC, i); break;
    case PARE_OP_BATCHNORM: add_node(b, PARE_NODE_EW, i)->bn_layer = i; break;
    case PARE_OP_RELU: build_act(b, i, INFINITY); break;
    case PARE_OP_RELU6: build_act(b, i, 6.0f); break;
    case PARE_OP_ADD: build_add(b, i); break;
    case PARE_OP_CONCAT: build_concat(b, i); break;
    case PARE_OP_MAXPOOL:
    case PARE_OP_AVGPOOL:
    case PARE_OP_GLOBAL_AVGPOOL: return build_pool(b, i);
    case PARE_OP_FLATTEN: b->value_of[i] = b->value_of[l->inputs[0]]; break;
    default:
        return pare_err_set(b->e, PARE_EINPUT, b->net->file, l->pos,
                            "layer %s is of type %s, which pare-train does not train; conv2d, fc, "
                            "batchnorm, relu, relu6, add, concat, pooling or flatten expected",
                            l->name, pare_op_name(l->op));
    }
    return PARE_OK;
}

/* ---- who reads what ---------------------------------------------------------------------------
 */

static void count_readers(pare_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const pare_node *n = &g->nodes[i];
        if (n->kind == PARE_NODE_CONCAT)
            for (uint32_t j = 0; j < n->n_xs; j++) g->values[n->xs[j]].n_readers++;
        else
            g->values[n->x].n_readers++;
        if (n->z != PARE_NONE) g->values[n->z].n_readers++;
    }
}

/* Where negative values occur. */
static void find_signs(pare_graph *g)
{
    g->values[0].is_signed = true;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const pare_node *n = &g->nodes[i];
        bool is_signed = n->kind == PARE_NODE_MAC || g->values[n->x].is_signed;
        if (n->kind == PARE_NODE_EW) is_signed = n->act_layer == PARE_NONE;
        for (uint32_t j = 0; n->kind == PARE_NODE_CONCAT && j < n->n_xs; j++)
            is_signed |= g->values[n->xs[j]].is_signed;
        g->values[n->y].is_signed = is_signed;
    }
}

/* An element-wise result that only one MAC layer reads is made while it is quantized. */
static void find_virtual(pare_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *n = &g->nodes[i];
        pare_value *x = &g->values[n->x];
        if (n->kind == PARE_NODE_MAC && x->producer != PARE_NONE && x->n_readers == 1) {
            const pare_node *p = &g->nodes[x->producer];
            x->is_virtual = p->kind == PARE_NODE_EW && p->z == PARE_NONE;
        }
        if (n->kind == PARE_NODE_EW && x->producer != PARE_NONE && x->n_readers == 1 &&
            g->nodes[x->producer].kind == PARE_NODE_MAC) {
            g->nodes[x->producer].ew = i;
            n->mac_of_x = x->producer;
        }
    }
}

static const pare_quant_row *row_of_input(const pare_graph *g, const pare_node *n)
{
    return g->values[n->x].producer == PARE_NONE ? &g->rows.image : &g->rows.a;
}

static void find_needs(pare_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const pare_node *n = &g->nodes[i];
        if (n->kind == PARE_NODE_EW && n->bn_layer != PARE_NONE) g->values[n->x].needs_stats = true;
        if (n->kind != PARE_NODE_MAC || !pare_range_is_observed(row_of_input(g, n)->range))
            continue;
        pare_value *x = &g->values[n->x];
        x->needs_range = true;
        if (!x->is_virtual) continue;
        const pare_node *ew = &g->nodes[x->producer];
        if (ew->bn_layer == PARE_NONE) g->values[ew->x].needs_range = true;
    }
}

/* ---- memory -----------------------------------------------------------------------------------
 */

static pare_status new_stats(pare_graph *g, size_t c, pare_col_stats *s, pare_err *e)
{
    PARE_TRY(pare_graph_big(g, c, sizeof *s->sum, &s->sum, e));
    PARE_TRY(pare_graph_big(g, c, sizeof *s->sum2, &s->sum2, e));
    PARE_TRY(pare_graph_big(g, c, sizeof *s->lo, &s->lo, e));
    return pare_graph_big(g, c, sizeof *s->hi, &s->hi, e);
}

static pare_status new_value(pare_graph *g, pare_value *v, pare_err *e)
{
    v->shard_lo = pare_arena_alloc(g->arena, g->n_shards, sizeof *v->shard_lo);
    v->shard_hi = pare_arena_alloc(g->arena, g->n_shards, sizeof *v->shard_hi);
    if (!v->is_virtual)
        PARE_TRY(pare_graph_big(g, v->count * g->batch, sizeof(float), &v->data, e));
    if (!v->needs_stats) return PARE_OK;
    v->shard_stats = pare_arena_alloc(g->arena, g->n_shards, sizeof *v->shard_stats);
    for (size_t i = 0; i < g->n_shards; i++)
        PARE_TRY(new_stats(g, v->channels, &v->shard_stats[i], e));
    return new_stats(g, v->channels, &v->stats, e);
}

static pare_status new_param(pare_graph *g, size_t n, bool decays, pare_param *p, pare_err *e)
{
    p->n = n;
    p->decays = decays;
    PARE_TRY(pare_graph_big(g, n, sizeof(float), &p->x, e));
    PARE_TRY(pare_graph_big(g, n, sizeof(float), &p->g, e));
    PARE_TRY(pare_graph_big(g, n, sizeof(float), &p->m, e));
    return pare_graph_big(g, n, sizeof(float), &p->v, e);
}

static pare_status new_ew(pare_graph *g, pare_node *n, pare_err *e)
{
    const size_t c = g->values[n->x].channels;
    float **const arrays[] = {&n->scale,  &n->offset, &n->mean,     &n->coef_a,
                              &n->coef_p, &n->coef_q, &n->run_mean, &n->run_var};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        PARE_TRY(pare_graph_big(g, c, sizeof(float), arrays[i], e));
    for (size_t j = 0; j < c; j++) n->coef_a[j] = n->run_var[j] = 1;
    if (n->bn_layer == PARE_NONE) return PARE_OK;
    n->affine.scale = n->scale;
    n->affine.offset = n->offset;
    PARE_TRY(new_param(g, c, false, &n->gamma, e));
    PARE_TRY(new_param(g, c, false, &n->beta, e));
    for (size_t j = 0; j < c; j++) n->gamma.x[j] = 1;
    PARE_TRY(pare_graph_big(g, c, sizeof(double), &n->inv_std, e));
    n->shard_sum = pare_arena_alloc(g->arena, g->n_shards, sizeof *n->shard_sum);
    n->shard_sum_xm = pare_arena_alloc(g->arena, g->n_shards, sizeof *n->shard_sum_xm);
    for (size_t i = 0; i < g->n_shards; i++) {
        PARE_TRY(pare_graph_big(g, c, sizeof(double), &n->shard_sum[i], e));
        PARE_TRY(pare_graph_big(g, c, sizeof(double), &n->shard_sum_xm[i], e));
    }
    return PARE_OK;
}

/* Normal weights of variance 1 / (3 fan-in), the variance that PyTorch starts its layers with; one
 * random stream a layer. */
static void draw_weights(pare_node *n, uint64_t seed)
{
    const pare_layer *l = n->l;
    const pare_dims d = pare_layer_dims(l, 1);
    const double fan_in = (double)(d.c / d.groups) * d.r * d.s;
    pare_rng r = pare_rng_new(seed, n->layer);
    for (size_t i = 0; i < n->w.n; i++) n->w.x[i] = (float)(pare_rng_normal(&r) / sqrt(3 * fan_in));
}

static pare_mac_spec mac_spec(const pare_graph *g, const pare_node *n)
{
    const bool is_image = g->values[n->x].producer == PARE_NONE;
    const bool has_probe = is_image && g->rows.image.ngrad == PARE_NGRAD_LERP;
    return (pare_mac_spec){.name = n->l->name,
                           .dims = pare_layer_dims(n->l, g->shard_images),
                           .is_fc = n->l->op == PARE_OP_FC,
                           .has_bias = n->l->has_bias,
                           .is_bf16 = g->is_bf16,
                           .is_winograd = g->is_winograd,
                           .wants_backward = true,
                           .wants_backward_data = !is_image,
                           .n_slots = g->n_shards * (has_probe ? 2 : 1)};
}

static void new_quants(pare_graph *g, pare_node *n, const pare_graph_spec *spec)
{
    const pare_dims d = pare_layer_dims(n->l, 1);
    uint32_t group = spec->group_channels;
    if (!group || group > d.k) group = d.k;
    while (d.k % group) group--;
    n->n_qw = d.k / group;
    n->w_inner = n->w.n / n->n_qw;
    if (spec->kernel_groups) { /* the rows or the positions of the kernel */
        n->n_qw = spec->kernel_groups == PARE_GROUPS_ROWS ? d.r : d.r * d.s;
        n->w_inner = spec->kernel_groups == PARE_GROUPS_ROWS ? d.s : 1;
    }
    n->qw = pare_arena_alloc(g->arena, n->n_qw, sizeof *n->qw);
    for (uint32_t i = 0; i < n->n_qw; i++)
        n->qw[i] = (pare_quant){.row = &g->rows.w,
                                .n = spec->max_bits,
                                .n_min = spec->min_bits,
                                .n_max = spec->max_bits,
                                .is_signed = true};
    n->qa = (pare_quant){.row = row_of_input(g, n),
                         .n = spec->max_bits,
                         .n_min = spec->min_bits,
                         .n_max = spec->max_bits,
                         .is_nudged = d.pad[0] || d.pad[1],
                         .is_signed = g->values[n->x].is_signed};
}

static pare_status new_mac(pare_graph *g, pare_node *n, const pare_graph_spec *spec, pare_err *e)
{
    pare_mac_spec m = mac_spec(g, n);
    const pare_dims *d = &m.dims;
    PARE_TRY(new_param(g, (size_t)pare_dims_weights(d), true, &n->w, e));
    if (m.has_bias) PARE_TRY(new_param(g, d->k, false, &n->bias, e));
    draw_weights(n, spec->seed);
    PARE_TRY(pare_graph_big(g, n->w.n, sizeof(float), &n->wq, e));
    if (m.n_slots > g->n_shards) PARE_TRY(pare_graph_big(g, n->w.n, sizeof(float), &n->probe, e));
    n->shard_sums = pare_arena_alloc(g->arena, g->n_shards, sizeof *n->shard_sums);
    new_quants(g, n, spec);
    if (n->w_inner * n->n_qw != n->w.n)
        PARE_TRY(pare_graph_big(g, 2 * pare_group_size(n), sizeof(float), &n->w_group, e));
    const pare_value *x = &g->values[n->x];
    const bool is_plain = n->qa.row->grid == PARE_GRID_REAL && !x->is_virtual && !g->is_bf16;
    if (!is_plain)
        PARE_TRY(pare_graph_big(g, x->count * g->batch,
                                g->is_bf16 ? sizeof(uint16_t) : sizeof(float), &n->xq, e));
    PARE_TRY(pare_mac_new(g->dnnl, &m, &n->mac, e));
    n->mac_eval = n->mac;
    if (!g->is_bf16 && !g->is_winograd) return PARE_OK;
    m.is_bf16 = m.is_winograd = m.wants_backward = m.wants_backward_data = false;
    m.n_slots = 0;
    return pare_mac_new(g->dnnl, &m, &n->mac_eval, e);
}

static pare_status new_scratch(pare_graph *g, pare_err *e)
{
    size_t most = 0;
    for (uint32_t i = 0; i < g->n_values; i++)
        if (g->values[i].count > most) most = g->values[i].count;
    const unsigned workers = pare_pool_threads(g->pool);
    for (int k = 0; k < 2; k++) {
        g->scratch[k] = pare_arena_alloc(g->arena, workers, sizeof *g->scratch[k]);
        for (unsigned i = 0; i < workers; i++)
            PARE_TRY(
                pare_graph_big(g, most * g->shard_images, sizeof(float), &g->scratch[k][i], e));
    }
    g->labels = pare_arena_alloc(g->arena, g->batch, sizeof *g->labels);
    g->shard_loss = pare_arena_alloc(g->arena, g->n_shards, sizeof *g->shard_loss);
    g->shard_correct = pare_arena_alloc(g->arena, g->n_shards, sizeof *g->shard_correct);
    return PARE_OK;
}

static pare_status new_memory(pare_graph *g, const pare_graph_spec *spec, pare_err *e)
{
    for (uint32_t i = 0; i < g->n_values; i++) PARE_TRY(new_value(g, &g->values[i], e));
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *n = &g->nodes[i];
        const size_t y_count = g->values[n->y].count * g->batch;
        if (n->kind == PARE_NODE_MAC) PARE_TRY(new_mac(g, n, spec, e));
        if (n->kind == PARE_NODE_EW) PARE_TRY(new_ew(g, n, e));
        if (n->kind == PARE_NODE_MAXPOOL) PARE_TRY(pare_graph_big(g, y_count, 1, &n->best, e));
    }
    PARE_TRY(new_scratch(g, e));
    return pare_dnnl_ready(g->dnnl, e);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static pare_status build(pare_graph *g, const pare_graph_spec *spec, pare_err *e)
{
    const pare_net *net = spec->net;
    builder b = {.g = g, .net = net, .e = e};
    b.value_of = pare_arena_alloc(g->arena, net->n_layers, sizeof *b.value_of);
    b.readers = pare_arena_alloc(g->arena, net->n_layers, sizeof *b.readers);
    for (uint32_t i = 0; i < net->n_layers; i++)
        for (uint32_t j = 0; j < net->layers[i].n_inputs; j++)
            b.readers[net->layers[i].inputs[j]]++;
    for (uint32_t i = 0; i < net->n_layers; i++) PARE_TRY(build_layer(&b, i));
    const pare_layer *last = &net->layers[net->n_layers - 1];
    if (pare_shape_count(last->out) != spec->n_classes)
        return pare_err_set(e, PARE_EINPUT, net->file, last->pos,
                            "layer %s gives %llu outputs; %u expected, the classes of the data",
                            last->name, (unsigned long long)pare_shape_count(last->out),
                            spec->n_classes);
    g->out = b.value_of[net->n_layers - 1];
    count_readers(g);
    find_virtual(g);
    find_signs(g);
    find_needs(g);
    return PARE_OK;
}

/* A node has at most 15 large allocations, plus 6 a shard; a value 6 and 4 a shard. */
static size_t count_big(const pare_graph *g, unsigned workers)
{
    return 64 + 3 * (size_t)workers + (size_t)g->net->n_layers * (48 + 12 * g->n_shards);
}

pare_status pare_graph_new(const pare_graph_spec *spec, pare_graph **out, pare_err *e)
{
    pare_graph *g = pare_xalloc(1, sizeof *g);
    *out = g;
    g->net = spec->net;
    g->method = spec->method;
    g->rows = spec->rows ? *spec->rows : spec->method->rows;
    g->kernels = spec->kernels ? spec->kernels : pare_kernels_best();
    g->is_bf16 = spec->is_bf16;
    g->is_winograd = spec->is_winograd;
    g->ties_w = spec->ties_w;
    g->ties_a = spec->ties_a;
    g->is_learning_n = pare_method_learns_n(spec->method);
    g->comm = spec->comm;
    g->total_batch = spec->batch;
    g->batch = spec->batch / pare_comm_size(spec->comm);
    g->shard_images = pare_shard_images(spec->batch); /* the same for any number of processes... */
    if (g->batch % g->shard_images) g->shard_images = pare_shard_images(g->batch); /* if it fits */
    g->n_shards = g->batch / g->shard_images;
    g->n_classes = spec->n_classes;
    g->arena = pare_arena_new();
    g->pool = pare_pool_new(spec->threads);
    g->big = pare_xalloc(count_big(g, pare_pool_threads(g->pool)), sizeof *g->big);
    g->values = pare_arena_alloc(g->arena, g->net->n_layers, sizeof *g->values);
    g->nodes = pare_arena_alloc(g->arena, g->net->n_layers, sizeof *g->nodes);
    PARE_TRY(pare_dnnl_new(pare_pool_threads(g->pool), &g->dnnl, e));
    PARE_TRY(build(g, spec, e));
    PARE_TRY(new_memory(g, spec, e));
    return pare_plan_make(g, e);
}

void pare_graph_free(pare_graph *g)
{
    if (!g) return;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].mac_eval != g->nodes[i].mac) pare_mac_free(g->nodes[i].mac_eval);
        pare_mac_free(g->nodes[i].mac);
    }
    pare_dnnl_free(g->dnnl);
    pare_pool_free(g->pool);
    for (size_t i = 0; i < g->n_big; i++) free(g->big[i]);
    free(g->big);
    pare_arena_free(g->arena);
    free(g);
}
