/* method_mmse.c: weights and activations of least squared error, after training (Choukroun et al.,
 * ICCVW 2019; arXiv 1902.06822). */
#include "model/ptq.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void set_clip(pare_quant *q, double clip)
{
    q->p[0] = -clip;
    q->p[1] = clip;
}

/* Relative squared error of the layer's weights as they are quantized now. */
static double weight_error(pare_run *r, pare_node *n)
{
    double error = 0, power = 0;
    pare_weights_quantize(r->graph->kernels, n, false);
    for (size_t i = 0; i < n->w.n; i++) {
        const double d = (double)n->w.x[i] - (double)n->wq[i];
        error += d * d;
        power += (double)n->w.x[i] * (double)n->w.x[i];
    }
    return power > 0 ? error / power : 0;
}

pare_status pare_node_add_second(pare_graph *g, pare_node *n, pare_err *e)
{
    if (n->qw_second) return PARE_OK;
    n->qw_second = pare_arena_alloc(g->arena, n->n_qw, sizeof *n->qw_second);
    memcpy(n->qw_second, n->qw, n->n_qw * sizeof *n->qw);
    for (uint32_t j = 0; j < n->n_qw; j++) n->qw_second[j].refit = 0;
    return pare_graph_big(g, 2 * pare_group_size(n), sizeof(float), &n->w_group, e);
}

static void fit_weights(pare_node *n)
{
    const size_t size = pare_group_size(n);
    for (uint32_t j = 0; j < n->n_qw; j++)
        set_clip(&n->qw[j],
                 pare_ptq_mmse(n->w.x + j * size, size, PARE_PTQ_NARROW, (uint32_t)n->qw[j].n));
}

/* The residual of the first tensor gets one of its own. */
static void fit_second(pare_run *r, pare_node *n)
{
    const size_t size = pare_group_size(n);
    float *rest = pare_xalloc(size, sizeof *rest);
    for (uint32_t j = 0; j < n->n_qw; j++) {
        const float *x = n->w.x + j * size;
        pare_group_quantize(&n->qw[j], r->graph->kernels, x, size, false, rest);
        for (size_t i = 0; i < size; i++) rest[i] = x[i] - rest[i];
        set_clip(&n->qw_second[j],
                 pare_ptq_mmse(rest, size, PARE_PTQ_NARROW, (uint32_t)n->qw[j].n));
    }
    free(rest);
}

/* ---- scales by the layers' outputs ------------------------------------------------------------
 */

/* sum(y * yq) and sum(yq^2) of the output channels. */
typedef struct fit {
    double *yq, *qq;
} fit;

static void add_products(pare_run *r, const pare_node *n, const float *real, fit *f)
{
    const pare_value *y = &r->graph->values[n->y];
    const size_t rows = (size_t)r->config->batch * (y->count / y->channels);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < y->channels; j++) {
            const double bias = n->bias.n ? (double)n->bias.x[j] : 0;
            const double a = (double)real[i * y->channels + j] - bias;
            const double b = (double)y->data[i * y->channels + j] - bias;
            f->yq[j] += a * b;
            f->qq[j] += b * b;
        }
}

/* Codes stay; scales become those that bring the outputs nearest to the real ones. */
static void refit(pare_node *n, const fit *f, size_t channels)
{
    const size_t per_group = channels / n->n_qw;
    for (uint32_t j = 0; j < n->n_qw && !n->qw_second; j++) {
        double yq = 0, qq = 0;
        for (size_t c = j * per_group; c < (j + 1) * per_group; c++) {
            yq += f->yq[c];
            qq += f->qq[c];
        }
        const double ratio = qq > 0 ? yq / qq : 1;
        if (ratio > 0.5 && ratio < 2) n->qw[j].refit = ratio;
    }
}

/* Every layer's output without quantizers. */
static pare_status take_real(pare_run *r, pare_job *job, pare_node **nodes, size_t n_nodes,
                             float **out, pare_err *e)
{
    pare_graph *g = r->graph;
    g->is_bypassed = true;
    pare_status status = pare_graph_set_weights(g, false, e);
    if (status == PARE_OK) status = pare_graph_forward(job, e);
    g->is_bypassed = false;
    for (size_t i = 0; i < n_nodes && status == PARE_OK; i++) {
        const pare_value *y = &g->values[nodes[i]->y];
        out[i] = pare_xalloc(job->n_images * y->count, sizeof(float));
        memcpy(out[i], y->data, job->n_images * y->count * sizeof(float));
    }
    return status;
}

static pare_status refine_layer(pare_run *r, pare_job *job, size_t step, pare_node *n,
                                const float *real, pare_err *e)
{
    const size_t channels = r->graph->values[n->y].channels;
    fit f = {pare_xalloc(2 * channels, sizeof(double)), NULL};
    f.qq = f.yq + channels;
    add_products(r, n, real, &f);
    refit(n, &f, channels);
    free(f.yq);
    PARE_TRY(pare_node_set_weights(r->graph, n, 0, false, e));
    return pare_graph_run_steps(job, step, 1, e);
}

/* Layer by layer in one pass, as each one's input depends on those before: a layer runs, gets its
 * scales and runs again with them. */
static pare_status refine(pare_run *r, pare_err *e)
{
    size_t n_nodes, at = 0;
    pare_graph *g = r->graph;
    pare_node **nodes = pare_mac_nodes(r, &n_nodes);
    float **real = pare_xalloc(n_nodes, sizeof *real);
    const pare_batch b = {.data = r->data, .images = &r->data->train};
    pare_job job = {.g = g, .batch = &b, .n_images = r->config->batch};
    pare_status status = take_real(r, &job, nodes, n_nodes, real, e);
    if (status == PARE_OK) status = pare_graph_set_weights(g, false, e);
    pare_graph_use_running(g);
    for (size_t i = 0; i < g->forward.n_steps && status == PARE_OK; i++) {
        const pare_step *s = &g->forward.steps[i];
        status = pare_graph_run_steps(&job, i, 1, e);
        if (status == PARE_OK && s->fn == pare_forward_mac) {
            status = refine_layer(r, &job, i, &g->nodes[s->node], real[at], e);
            at++;
        }
    }
    for (size_t i = 0; i < n_nodes; i++) free(real[i]);
    free(real);
    free(nodes);
    return status;
}

static pare_status start(pare_run *r, pare_err *e)
{
    pare_samples *s;
    size_t n_nodes;
    pare_status status = pare_samples_take(r, r->config->calibration_images, &s, e);
    pare_node **nodes = pare_mac_nodes(r, &n_nodes);
    for (size_t i = 0; i < n_nodes && status == PARE_OK; i++) {
        pare_node *n = nodes[i];
        fit_weights(n);
        if (weight_error(r, n) > r->config->options.mmse.second_above) {
            status = pare_node_add_second(r->graph, n, e);
            if (status == PARE_OK) fit_second(r, n);
        }
        pare_ptq_set_input(
            r, n, &s[i],
            pare_ptq_mmse(s[i].v, s[i].n, pare_ptq_levels_of(&n->qa), (uint32_t)n->qa.n));
    }
    free(nodes);
    pare_samples_free(r, s);
    if (status != PARE_OK || !r->config->options.mmse.refine) return status;
    return refine(r, e);
}

const pare_method_hooks pare_mmse_hooks = {.has_no_steps = true, .start = start};
