/* forward.c: the forward steps of one shard, and what follows from all shards together. */
#include "model/graph.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double BN_EPS = 1e-5;

static size_t rows_of(const pare_graph *g, const pare_value *v)
{
    return g->shard_images * (v->count / v->channels);
}

static bool is_real(const pare_graph *g, const pare_quant *q)
{
    return g->is_bypassed || q->row->grid == PARE_GRID_REAL;
}

/* What the batch needs of a value that has just been made. */
static void observe(pare_job *job, uint32_t value, size_t shard)
{
    pare_value *v = &job->g->values[value];
    const pare_kernels *k = job->g->kernels;
    if (!job->is_training) return;
    if (v->needs_stats)
        k->col_stats(pare_data_shard(job->g, value, shard), rows_of(job->g, v), v->channels,
                     &v->shard_stats[shard]);
    if (!v->needs_range) return;
    v->shard_lo[shard] = INFINITY;
    v->shard_hi[shard] = -INFINITY;
    k->minmax(pare_data_shard(job->g, value, shard), v->count * job->g->shard_images,
              &v->shard_lo[shard], &v->shard_hi[shard]);
}

pare_status pare_forward_input(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                               pare_err *e)
{
    (void)node;
    (void)worker;
    (void)e;
    pare_graph *g = job->g;
    const size_t count = g->values[0].count;
    float *x = pare_data_shard(job->g, 0, shard);
    const size_t first = shard * g->shard_images;
    for (size_t i = 0; i < g->shard_images; i++) {
        if (first + i < job->n_images)
            pare_batch_image(job->batch, first + i, x + i * count, &g->labels[first + i]);
        else
            memset(x + i * count, 0, count * sizeof *x);
    }
    observe(job, 0, shard);
    return PARE_OK;
}

pare_status pare_forward_mac(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                             pare_err *e)
{
    pare_graph *g = job->g;
    const pare_value *x = &g->values[node->x];
    const pare_affine *affine = &pare_affine_identity;
    uint32_t source = node->x;
    if (x->is_virtual) {
        const pare_node *ew = &g->nodes[x->producer];
        affine = &ew->affine;
        source = ew->x;
    }
    const bool is_bf16 = g->is_bf16 && job->is_training;
    const pare_blend *blend = is_real(g, &node->qa) ? NULL : &node->qa.blend;
    const void *in = pare_data_shard(job->g, source, shard);
    if (blend || x->is_virtual || is_bf16) {
        void *xq = g->scratch[0][worker];
        if (job->wants_gradient)
            xq = (char *)node->xq + shard * g->shard_images * x->count * (is_bf16 ? 2 : 4);
        g->kernels->quantize(in, rows_of(g, x), x->channels, affine, blend, xq, is_bf16);
        in = xq;
    }
    PARE_TRY(pare_mac_forward(job->is_training ? node->mac : node->mac_eval, worker, in,
                              pare_data_shard(job->g, node->y, shard), e));
    observe(job, node->y, shard);
    return PARE_OK;
}

pare_status pare_forward_ew(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                            pare_err *e)
{
    (void)worker;
    (void)e;
    pare_graph *g = job->g;
    pare_value *y = &g->values[node->y];
    y->shard_lo[shard] = INFINITY;
    y->shard_hi[shard] = -INFINITY;
    g->kernels->affine(pare_data_shard(job->g, node->x, shard),
                       node->z == PARE_NONE ? NULL : pare_data_shard(job->g, node->z, shard),
                       rows_of(g, y), y->channels, &node->affine,
                       pare_data_shard(job->g, node->y, shard), &y->shard_lo[shard],
                       &y->shard_hi[shard]);
    if (job->is_training && y->needs_stats)
        g->kernels->col_stats(pare_data_shard(job->g, node->y, shard), rows_of(g, y), y->channels,
                              &y->shard_stats[shard]);
    return PARE_OK;
}

pare_status pare_forward_pool(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                              pare_err *e)
{
    (void)worker;
    (void)e;
    pare_graph *g = job->g;
    const pare_pool_window w = pare_pool_window_of(node->l, g->shard_images);
    const float *x = pare_data_shard(job->g, node->x, shard);
    float *y = pare_data_shard(job->g, node->y, shard);
    if (node->kind == PARE_NODE_MAXPOOL)
        pare_maxpool(g->kernels, &w, x, y,
                     node->best + shard * g->shard_images * g->values[node->y].count);
    else
        pare_avgpool(g->kernels, &w, x, y);
    observe(job, node->y, shard);
    return PARE_OK;
}

pare_status pare_forward_concat(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                                pare_err *e)
{
    (void)worker;
    (void)e;
    pare_graph *g = job->g;
    const pare_value *y = &g->values[node->y];
    const size_t rows = rows_of(g, y);
    size_t at = 0;
    for (uint32_t j = 0; j < node->n_xs; j++) {
        const size_t c = g->values[node->xs[j]].channels;
        const float *x = pare_data_shard(job->g, node->xs[j], shard);
        float *out = pare_data_shard(job->g, node->y, shard) + at;
        for (size_t i = 0; i < rows; i++) memcpy(out + i * y->channels, x + i * c, c * sizeof *x);
        at += c;
    }
    observe(job, node->y, shard);
    return PARE_OK;
}

/* Softmax and cross entropy of one image against 1 - smoothing for its class plus smoothing / n for
 * every class; gx may be NULL. */
static double loss_of(const float *x, size_t n, uint16_t label, double smoothing, double share,
                      float *gx, bool *is_right)
{
    const double spread = smoothing / (double)n, own = 1 - smoothing;
    double top = (double)x[0], sum = 0, all = 0;
    size_t best = 0;
    for (size_t j = 1; j < n; j++)
        if ((double)x[j] > top) {
            top = (double)x[j];
            best = j;
        }
    for (size_t j = 0; j < n; j++) sum += exp((double)x[j] - top);
    for (size_t j = 0; gx && j < n; j++)
        gx[j] = (float)((exp((double)x[j] - top) / sum - own * (j == label) - spread) * share);
    *is_right = best == label;
    for (size_t j = 0; spread > 0 && j < n; j++) all += (double)x[j];
    return log(sum) + top - own * (double)x[label] - spread * all;
}

/* Cross entropy against given probabilities; the gradient is softmax(x) - target. */
static double soft_loss_of(const float *x, size_t n, const float *target, double share, float *gx,
                           size_t *best)
{
    double top = (double)x[0], sum = 0, loss = 0;
    *best = 0;
    for (size_t j = 1; j < n; j++)
        if ((double)x[j] > top) {
            top = (double)x[j];
            *best = j;
        }
    for (size_t j = 0; j < n; j++) sum += exp((double)x[j] - top);
    for (size_t j = 0; gx && j < n; j++)
        gx[j] = (float)((exp((double)x[j] - top) / sum - (double)target[j]) * share);
    for (size_t j = 0; j < n; j++) loss += (double)target[j] * (log(sum) + top - (double)x[j]);
    return loss;
}

pare_status pare_forward_loss(pare_job *job, pare_node *node, size_t shard, unsigned worker,
                              pare_err *e)
{
    (void)node;
    (void)worker;
    (void)e;
    pare_graph *g = job->g;
    const float *x = pare_data_shard(job->g, g->out, shard);
    float *gx = job->wants_gradient ? pare_grad_shard(g, g->out, shard) : NULL;
    const size_t first = shard * g->shard_images, n = g->n_classes;
    g->shard_loss[shard] = 0;
    g->shard_correct[shard] = 0;
    for (size_t i = 0; i < g->shard_images && first + i < job->n_images; i++) {
        bool is_right;
        if (job->soft) {
            size_t best;
            g->shard_loss[shard] +=
                soft_loss_of(x + i * n, n, job->soft + (first + i) * n, 1 / (double)job->n_images,
                             gx ? gx + i * n : NULL, &best);
            g->shard_correct[shard] += best == g->labels[first + i];
            continue;
        }
        g->shard_loss[shard] +=
            loss_of(x + i * n, n, g->labels[first + i], job->label_smoothing,
                    1 / (double)job->n_total, gx ? gx + i * n : NULL, &is_right);
        g->shard_correct[shard] += is_right;
    }
    return PARE_OK;
}

/* ---- the batch --------------------------------------------------------------------------------
 */

static float mix(double old, double new, double share)
{
    return (float)(old + share * (new - old));
}

static void combine_stats(const pare_graph *g, pare_value *v)
{
    for (size_t j = 0; j < v->channels; j++) {
        v->stats.sum[j] = v->stats.sum2[j] = 0;
        v->stats.lo[j] = INFINITY;
        v->stats.hi[j] = -INFINITY;
        for (size_t s = 0; s < g->n_shards; s++) {
            const pare_col_stats *p = &v->shard_stats[s];
            v->stats.sum[j] += p->sum[j];
            v->stats.sum2[j] += p->sum2[j];
            if (p->lo[j] < v->stats.lo[j]) v->stats.lo[j] = p->lo[j];
            if (p->hi[j] > v->stats.hi[j]) v->stats.hi[j] = p->hi[j];
        }
    }
}

static void set_bad(pare_job *job, const pare_value *v)
{
    if (job->bad_layer == PARE_NONE) job->bad_layer = v->layer;
}

static void set_range(pare_job *job, pare_value *v, float lo, float hi)
{
    if (!isfinite(hi - lo)) set_bad(job, v);
    v->lo = lo;
    v->hi = hi;
    v->run_lo = mix((double)v->run_lo, (double)lo, job->range_share);
    v->run_hi = mix((double)v->run_hi, (double)hi, job->range_share);
}

static void combine_range(const pare_graph *g, pare_value *v)
{
    v->lo = INFINITY;
    v->hi = -INFINITY;
    for (size_t s = 0; s < g->n_shards; s++) {
        if (v->shard_lo[s] < v->lo) v->lo = v->shard_lo[s];
        if (v->shard_hi[s] > v->hi) v->hi = v->shard_hi[s];
    }
}

/* Sums and extremes of all processes: one message of sums, one of extremes (-lo, hi). */
static void combine_processes(pare_graph *g, const pare_segment *s)
{
    size_t n_sums = 0, n_ends = 0, at = 0, end = 0;
    for (size_t i = 0; i < s->n_values; i++) {
        const size_t c = g->values[s->values[i]].channels;
        n_sums += 2 * c;
        n_ends += 2 * c + 2;
    }
    double *sums = pare_xalloc(n_sums + 1, sizeof *sums);
    float *ends = pare_xalloc(n_ends + 1, sizeof *ends);
    for (int is_back = 0; is_back < 2; is_back++) {
        at = end = 0;
        for (size_t i = 0; i < s->n_values; i++) {
            pare_value *v = &g->values[s->values[i]];
            for (size_t j = 0; v->needs_stats && j < v->channels; j++, at += 2, end += 2) {
                pare_col_stats *t = &v->stats;
                if (is_back) {
                    t->sum[j] = sums[at];
                    t->sum2[j] = sums[at + 1];
                    t->lo[j] = -ends[end];
                    t->hi[j] = ends[end + 1];
                } else {
                    sums[at] = t->sum[j];
                    sums[at + 1] = t->sum2[j];
                    ends[end] = -t->lo[j];
                    ends[end + 1] = t->hi[j];
                }
            }
            if (!v->needs_range) continue;
            if (is_back) {
                v->lo = -ends[end];
                v->hi = ends[end + 1];
            } else {
                ends[end] = -v->lo;
                ends[end + 1] = v->hi;
            }
            end += 2;
        }
        if (!is_back && at) pare_comm_sum_f64(g->comm, sums, at);
        if (!is_back && end) pare_comm_max_f32(g->comm, ends, end);
    }
    free(sums);
    free(ends);
}

/* Scale and offset of a batch norm. Ioffe and Szegedy 2015, algorithm 1; the running variance is
 * the unbiased one. */
static void fold_batch(pare_job *job, pare_node *n)
{
    const pare_value *x = &job->g->values[n->x];
    const double count = (double)job->g->total_batch * (double)(x->count / x->channels);
    for (size_t j = 0; j < x->channels; j++) {
        const double mean = x->stats.sum[j] / count;
        const double var = fmax(x->stats.sum2[j] / count - mean * mean, 0);
        const double inv = 1 / sqrt(var + BN_EPS);
        if (!isfinite(x->stats.sum2[j])) set_bad(job, x);
        n->inv_std[j] = inv;
        n->mean[j] = (float)mean;
        n->scale[j] = (float)((double)n->gamma.x[j] * inv);
        n->offset[j] = (float)((double)n->beta.x[j] - mean * (double)n->scale[j]);
        const double unbiased = count > 1 ? var * count / (count - 1) : var;
        n->run_mean[j] = mix((double)n->run_mean[j], mean, job->bn_share);
        n->run_var[j] = mix((double)n->run_var[j], unbiased, job->bn_share);
    }
}

static float clamp_act(const pare_node *n, float t)
{
    return fminf(fmaxf(t, n->affine.lo), n->affine.hi);
}

/* The range of a result that is never stored. Rounded multiplication and addition are monotone, so
 * the extremes of a channel stay its extremes: this is the exact range. */
static void range_of_virtual(pare_job *job, const pare_node *n)
{
    const pare_value *x = &job->g->values[n->x];
    float lo = INFINITY, hi = -INFINITY;
    if (n->bn_layer == PARE_NONE) {
        lo = x->lo;
        hi = x->hi;
    } else {
        for (size_t j = 0; j < x->channels; j++) {
            const float a = n->scale[j] * x->stats.lo[j], b = n->scale[j] * x->stats.hi[j];
            const float u = a + n->offset[j], v = b + n->offset[j];
            lo = fminf(lo, fminf(u, v));
            hi = fmaxf(hi, fmaxf(u, v));
        }
    }
    set_range(job, &job->g->values[n->y], clamp_act(n, lo) + 0.0f, clamp_act(n, hi) + 0.0f);
}

static void set_blends(pare_graph *g, uint32_t value)
{
    const pare_value *v = &g->values[value];
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *n = &g->nodes[i];
        if (n->kind == PARE_NODE_MAC && n->x == value && n->qa.row->grid != PARE_GRID_REAL)
            pare_quant_set_blend(&n->qa, v->lo, v->hi, g->is_learning_n);
    }
}

void pare_forward_combine(pare_job *job, const pare_segment *s)
{
    pare_graph *g = job->g;
    for (size_t i = 0; i < s->n_values; i++) {
        pare_value *v = &g->values[s->values[i]];
        if (v->needs_stats) combine_stats(g, v);
        if (v->needs_range) combine_range(g, v);
    }
    if (g->comm) combine_processes(g, s);
    for (size_t i = 0; i < s->n_values; i++) {
        pare_value *v = &g->values[s->values[i]];
        if (!v->needs_range) continue;
        set_range(job, v, v->lo, v->hi);
        set_blends(g, s->values[i]);
    }
    for (size_t i = 0; i < s->n_nodes; i++) {
        pare_node *n = &g->nodes[s->nodes[i]];
        if (n->bn_layer != PARE_NONE) fold_batch(job, n);
        const pare_value *y = &g->values[n->y];
        if (!y->is_virtual || !y->needs_range) continue;
        range_of_virtual(job, n);
        set_blends(g, n->y);
    }
}

/* ---- evaluation -------------------------------------------------------------------------------
 */

void pare_node_fold_running(pare_node *n)
{
    for (size_t j = 0; j < n->gamma.n; j++) {
        const double inv = 1 / sqrt((double)n->run_var[j] + BN_EPS);
        n->scale[j] = (float)((double)n->gamma.x[j] * inv);
        n->offset[j] = (float)((double)n->beta.x[j] - (double)n->run_mean[j] * (double)n->scale[j]);
    }
}

void pare_graph_use_running(pare_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *n = &g->nodes[i];
        pare_node_fold_running(n);
        const pare_value *x = &g->values[n->x];
        if (n->kind == PARE_NODE_MAC && n->qa.row->grid != PARE_GRID_REAL)
            pare_quant_set_blend(&n->qa, x->run_lo, x->run_hi, false);
    }
}

/* Quantizers of activations that need nothing of the batch. */
static void use_own(pare_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *n = &g->nodes[i];
        if (n->kind == PARE_NODE_MAC && n->qa.row->grid != PARE_GRID_REAL &&
            !pare_range_is_observed(n->qa.row->range))
            pare_quant_set_blend(&n->qa, 0, 0, g->is_learning_n);
    }
}

static pare_status report_not_finite(const pare_job *job, pare_err *e)
{
    const pare_net *net = job->g->net;
    const size_t image = pare_graph_find_bad_image(job->g, job->n_images);
    if (image < job->n_images)
        return pare_err_set(e, PARE_EFAIL, net->file, net->layers[0].pos,
                            "image %zu of the batch has a value that is not finite; finite ones "
                            "expected",
                            image + 1);
    uint32_t layer = pare_graph_find_not_finite(job->g, job->n_images);
    const char *what = layer == PARE_NONE ? "too large for float" : "not finite";
    if (layer == PARE_NONE) layer = job->bad_layer; /* squares, or the sums, overflowed */
    if (layer == PARE_NONE) layer = net->n_layers - 1;
    return pare_err_set(e, PARE_EFAIL, net->file, net->layers[layer].pos,
                        "the output of layer %s is %s; a smaller learning rate may help",
                        net->layers[layer].name, what);
}

pare_status pare_graph_forward(pare_job *job, pare_err *e)
{
    pare_graph *g = job->g;
    job->bad_layer = PARE_NONE;
    job->n_total = job->n_images * (job->is_training ? pare_comm_size(g->comm) : 1);
    if (job->is_training)
        use_own(g);
    else
        pare_graph_use_running(g);
    PARE_TRY(pare_graph_run(job, &g->forward, job->is_training, e));
    job->loss = 0;
    job->n_correct = 0;
    const size_t n = (job->n_images + g->shard_images - 1) / g->shard_images;
    for (size_t s = 0; s < n; s++) {
        job->loss += g->shard_loss[s] / (double)job->n_total;
        job->n_correct += g->shard_correct[s];
    }
    if (job->is_training && g->comm) {
        double both[2] = {job->loss, (double)job->n_correct};
        pare_comm_sum_f64(g->comm, both, 2);
        job->loss = both[0];
        job->n_correct = (uint32_t)both[1];
    }
    return isfinite(job->loss) && job->bad_layer == PARE_NONE ? PARE_OK : report_not_finite(job, e);
}

typedef struct weights_context {
    pare_graph *g;
    bool for_training;
    pare_err *errors;
} weights_context;

pare_status pare_node_set_weights(pare_graph *g, pare_node *n, unsigned worker, bool for_training,
                                  pare_err *e)
{
    if (n->kind != PARE_NODE_MAC) return PARE_OK;
    const float *w = n->w.x;
    if (!is_real(g, n->qw)) {
        pare_weights_quantize(g->kernels, n, for_training && g->is_learning_n);
        w = n->wq;
    }
    pare_mac *m = for_training ? n->mac : n->mac_eval;
    return pare_mac_set_weights(m, worker, w, n->bias.n ? n->bias.x : NULL, e);
}

static void set_weights_item(void *context, size_t i, unsigned worker)
{
    weights_context *c = context;
    pare_err *e = &c->errors[i];
    pare_dnnl_use_one_thread();
    e->status = pare_node_set_weights(c->g, &c->g->nodes[i], worker, c->for_training, e);
}

pare_status pare_graph_set_weights(pare_graph *g, bool for_training, pare_err *e)
{
    weights_context c = {g, for_training, pare_xalloc(g->n_nodes, sizeof *c.errors)};
    pare_pool_run(g->pool, g->n_nodes, set_weights_item, &c);
    pare_status status = PARE_OK;
    for (uint32_t i = 0; i < g->n_nodes && status == PARE_OK; i++) {
        status = c.errors[i].status;
        if (status != PARE_OK && e && e->status == PARE_OK) *e = c.errors[i];
    }
    free(c.errors);
    return status;
}
