/* backward.c: the backward steps of one shard, and what follows from all shards together. */
#include "model/graph.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t rows_of(const pare_graph *g, const pare_value *v)
{
    return g->shard_images * (v->count / v->channels);
}

static size_t shard_count(const pare_job *job, uint32_t value)
{
    return job->g->values[value].count * job->g->shard_images;
}

/* The forward pass has written the gradient of the logits. */
pare_status pare_backward_loss(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                               pare_err *e)
{
    (void)job;
    (void)node;
    (void)shard;
    (void)worker;
    (void)e;
    return PARE_OK;
}

/* dL/dx of an element-wise node into `dx`. */
static void ew_gradient(pare_job *job, const pare_node *ew, size_t shard, void *dx, bool is_bf16)
{
    pare_graph *g = job->g;
    const pare_value *x = &g->values[ew->x];
    pare_affine f = ew->affine;
    if (ew->z != PARE_NONE) { /* masked when the sums were taken */
        f.lo = -INFINITY;
        f.hi = INFINITY;
    }
    const bool has_bn = ew->bn_layer != PARE_NONE;
    const pare_bn_coefs k = {has_bn ? ew->coef_a : NULL, ew->coef_p, ew->coef_q, ew->mean};
    g->kernels->bn_backward(pare_grad_shard(job->g, ew->y, shard),
                            pare_data_shard(job->g, ew->x, shard), rows_of(g, x), x->channels, &f,
                            &k, dx, is_bf16);
}

/* dL/dy of a MAC node as its primitives want it. */
static const void *mac_gradient(pare_job *job, const pare_node *node, size_t shard, unsigned worker)
{
    pare_graph *g = job->g;
    float *scratch = g->scratch[0][worker];
    if (node->ew != PARE_NONE) {
        ew_gradient(job, &g->nodes[node->ew], shard, scratch, g->is_bf16);
        return scratch;
    }
    const float *gy = pare_grad_shard(job->g, node->y, shard);
    if (!g->is_bf16) return gy;
    void *rounded = scratch;
    g->kernels->to_bf16(gy, shard_count(job, node->y), rounded);
    return rounded;
}

static const void *mac_input(const pare_job *job, const pare_node *node, size_t shard)
{
    const pare_graph *g = job->g;
    const size_t at = shard * g->shard_images * g->values[node->x].count;
    if (!node->xq) return pare_data_shard(job->g, node->x, shard);
    return (const char *)node->xq + at * (g->is_bf16 ? sizeof(uint16_t) : sizeof(float));
}

/* The gradients of the input's quantizer, and the sums of the batch norm that made the input. */
static void reduce_input(pare_job *job, pare_node *node, size_t shard, float *gx)
{
    pare_graph *g = job->g;
    const pare_value *x = &g->values[node->x];
    const pare_node *ew = x->is_virtual ? &g->nodes[x->producer] : NULL;
    const bool has_bn = ew && ew->bn_layer != PARE_NONE;
    double *sums = node->shard_sums[shard];
    const unsigned wants = pare_quant_wants(&node->qa, g->is_learning_n);
    memset(sums, 0, sizeof node->shard_sums[shard]);
    if (!wants && !has_bn) return;
    pare_reduce_args r = {.g = gx,
                          .x = pare_data_shard(job->g, ew ? ew->x : node->x, shard),
                          .affine = ew ? &ew->affine : &pare_affine_identity,
                          .blend = &node->qa.blend,
                          .wants = wants,
                          .sums = sums};
    if (has_bn) {
        r.mean = ew->mean;
        r.sum = ew->shard_sum[shard];
        r.sum_xm = ew->shard_sum_xm[shard];
        memset(r.sum, 0, x->channels * sizeof *r.sum);
        memset(r.sum_xm, 0, x->channels * sizeof *r.sum_xm);
    }
    g->kernels->reduce(&r, rows_of(g, x), x->channels);
}

/* The bitlength of the images: sum(dL/dx * d) with d the difference of the two grids. dL/dx would
 * cost a backward-data pass that nothing else needs; the same number is sum(w * dL/dw at x = d),
 * and that is a cheap pass. Leaves dL/dw in the shard's second slot. */
static pare_status probe_image(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                               const void *gy, pare_err *e)
{
    const pare_graph *g = job->g;
    void *d = g->scratch[1][worker];
    g->kernels->difference(pare_data_shard(g, node->x, shard), shard_count(job, node->x),
                           &node->qa.blend, d, g->is_bf16);
    return pare_mac_backward_weights(node->mac, worker, g->n_shards + shard, d, gy, e);
}

pare_status pare_backward_mac(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                              pare_err *e)
{
    pare_graph *g = job->g;
    const void *gy = mac_gradient(job, node, shard, worker);
    PARE_TRY(
        pare_mac_backward_weights(node->mac, worker, shard, mac_input(job, node, shard), gy, e));
    if (g->values[node->x].producer == PARE_NONE)
        return node->probe && g->is_learning_n ? probe_image(job, node, shard, worker, gy, e)
                                               : PARE_OK;
    float *gx = node->first_x ? pare_grad_shard(job->g, node->x, shard) : g->scratch[1][worker];
    PARE_TRY(pare_mac_backward_data(node->mac, worker, gy, gx, e));
    reduce_input(job, node, shard, gx);
    if (!node->first_x)
        g->kernels->add(pare_grad_shard(job->g, node->x, shard), gx, shard_count(job, node->x));
    return PARE_OK;
}

/* First pass of an element-wise node with a stored result: mask, gradient of z, sums. */
pare_status pare_backward_ew_sums(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                                  pare_err *e)
{
    (void)worker;
    (void)e;
    pare_graph *g = job->g;
    const pare_value *x = &g->values[node->x];
    float *gy = pare_grad_shard(job->g, node->y, shard);
    pare_reduce_args r = {
        .g = gy, .x = pare_data_shard(job->g, node->x, shard), .affine = &node->affine};
    if (node->z != PARE_NONE) r.y = pare_data_shard(job->g, node->y, shard);
    if (node->bn_layer != PARE_NONE) {
        r.mean = node->mean;
        r.sum = node->shard_sum[shard];
        r.sum_xm = node->shard_sum_xm[shard];
        memset(r.sum, 0, x->channels * sizeof *r.sum);
        memset(r.sum_xm, 0, x->channels * sizeof *r.sum_xm);
    }
    g->kernels->reduce(&r, rows_of(g, x), x->channels);
    if (node->z == PARE_NONE || node->z == 0 || node->aliases_z) return PARE_OK;
    float *gz = pare_grad_shard(job->g, node->z, shard);
    if (node->first_z)
        memcpy(gz, gy, shard_count(job, node->z) * sizeof *gz);
    else
        g->kernels->add(gz, gy, shard_count(job, node->z));
    return PARE_OK;
}

/* Second pass, where no MAC node does it. */
pare_status pare_backward_ew(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                             pare_err *e)
{
    (void)e;
    pare_graph *g = job->g;
    float *gx = node->first_x ? pare_grad_shard(job->g, node->x, shard) : g->scratch[0][worker];
    ew_gradient(job, node, shard, gx, false);
    if (!node->first_x)
        g->kernels->add(pare_grad_shard(job->g, node->x, shard), gx, shard_count(job, node->x));
    return PARE_OK;
}

pare_status pare_backward_pool(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                               pare_err *e)
{
    (void)worker;
    (void)e;
    pare_graph *g = job->g;
    const pare_pool_window w = pare_pool_window_of(node->l, g->shard_images);
    float *gx = pare_grad_shard(job->g, node->x, shard);
    if (node->first_x) memset(gx, 0, shard_count(job, node->x) * sizeof *gx);
    const float *gy = pare_grad_shard(job->g, node->y, shard);
    if (node->kind == PARE_NODE_MAXPOOL)
        pare_maxpool_backward(g->kernels, &w, gy, node->best + shard * shard_count(job, node->y),
                              gx);
    else
        pare_avgpool_backward(g->kernels, &w, gy, gx);
    return PARE_OK;
}

pare_status pare_backward_concat(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                                 pare_err *e)
{
    (void)worker;
    (void)e;
    const pare_graph *g = job->g;
    const pare_value *y = &g->values[node->y];
    const size_t rows = rows_of(g, y);
    size_t at = 0;
    for (uint32_t j = 0; j < node->n_xs; j++) {
        const size_t c = g->values[node->xs[j]].channels;
        const float *gy = pare_grad_shard(job->g, node->y, shard) + at;
        at += c;
        if (node->xs[j] == 0) continue;
        float *gx = pare_grad_shard(job->g, node->xs[j], shard);
        for (size_t i = 0; i < rows; i++)
            for (size_t k = 0; k < c; k++) {
                const float v = gy[i * y->channels + k];
                gx[i * c + k] = node->first_xs[j] ? v : gx[i * c + k] + v;
            }
    }
    return PARE_OK;
}

/* ---- the batch --------------------------------------------------------------------------------
 */

/* dx = scale * (dt - mean(dt) - xhat * mean(dt * xhat)), written as a * dt + p * (x - mean) + q. */
static void sum_bn(const pare_graph *g, pare_node *n, double *sums)
{
    const size_t c = g->values[n->x].channels;
    for (size_t j = 0; j < c; j++) {
        sums[j] = sums[c + j] = 0;
        for (size_t s = 0; s < g->n_shards; s++) {
            sums[j] += n->shard_sum[s][j];
            sums[c + j] += n->shard_sum_xm[s][j];
        }
    }
}

static void combine_bn(const pare_graph *g, pare_node *n, const double *sums)
{
    const pare_value *x = &g->values[n->x];
    const double count = (double)g->total_batch * (double)(x->count / x->channels);
    for (size_t j = 0; j < x->channels; j++) {
        const double sum = sums[j], sum_xm = sums[x->channels + j];
        const double inv = n->inv_std[j], scale = (double)n->scale[j];
        n->gamma.g[j] = (float)(sum_xm * inv);
        n->beta.g[j] = (float)sum;
        n->coef_a[j] = n->scale[j];
        n->coef_p[j] = (float)(-scale * inv * inv * sum_xm / count);
        n->coef_q[j] = (float)(-scale * sum / count);
    }
}

void pare_backward_combine(pare_job *job, const pare_segment *s)
{
    pare_graph *g = job->g;
    size_t count = 0, at = 0;
    for (size_t i = 0; i < s->n_nodes; i++)
        count += 2 * g->values[g->nodes[s->nodes[i]].x].channels;
    double *sums = pare_xalloc(count + 1, sizeof *sums);
    for (int is_back = 0; is_back < 2; is_back++) {
        at = 0;
        for (size_t i = 0; i < s->n_nodes; i++) {
            pare_node *n = &g->nodes[s->nodes[i]];
            if (n->bn_layer == PARE_NONE) continue;
            if (is_back)
                combine_bn(g, n, sums + at);
            else
                sum_bn(g, n, sums + at);
            at += 2 * g->values[n->x].channels;
        }
        if (!is_back && at) pare_comm_sum_f64(g->comm, sums, at);
    }
    free(sums);
}

static pare_status input_sums(pare_graph *g, const pare_node *n, double *sums, pare_err *e)
{
    if (n->probe && g->is_learning_n) {
        PARE_TRY(pare_mac_reduce(n->mac, 0, g->n_shards, g->n_shards, n->probe, NULL, e));
        for (size_t j = 0; j < n->w.n; j++)
            sums[PARE_SUM_PAIR] += (double)n->wq[j] * (double)n->probe[j];
    } else if (g->values[n->x].producer != PARE_NONE) {
        for (size_t s = 0; s < g->n_shards; s++)
            for (int u = 0; u < PARE_N_SUMS; u++) sums[u] += n->shard_sums[s][u];
    }
    return PARE_OK;
}

pare_status pare_graph_backward(pare_job *job, pare_err *e)
{
    pare_graph *g = job->g;
    PARE_TRY(pare_graph_run(job, &g->backward, true, e));
    double(*sums)[PARE_N_SUMS] = pare_xalloc(g->n_nodes, sizeof *sums);
    pare_status status = PARE_OK;
    for (uint32_t i = 0; i < g->n_nodes && status == PARE_OK; i++)
        if (g->nodes[i].kind == PARE_NODE_MAC) status = input_sums(g, &g->nodes[i], sums[i], e);
    pare_comm_sum_f64(g->comm, sums[0], (size_t)g->n_nodes * PARE_N_SUMS);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].kind == PARE_NODE_MAC) pare_quant_take_sums(&g->nodes[i].qa, sums[i]);
    free(sums);
    return status;
}
