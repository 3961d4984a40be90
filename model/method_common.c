/* method_common.c: what several methods need. */
#include "model/method.h"
#include <math.h>
#include <stdlib.h>

size_t pare_method_state_bytes(const pare_run *r)
{
    const pare_method_hooks *h = r->graph->method->hooks;
    return !h ? 0 : h->state_bytes ? h->state_bytes(r) : h->state_size;
}

void pare_each_quant(pare_run *r, pare_quant_fn *fn, void *context)
{
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        for (uint32_t j = 0; j < n->n_qw; j++) fn(context, r, n, &n->qw[j], true);
        fn(context, r, n, &n->qa, false);
    }
}

pare_node **pare_mac_nodes(pare_run *r, size_t *n)
{
    pare_node **out = pare_xalloc(r->graph->n_nodes, sizeof *out);
    *n = 0;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++)
        if (r->graph->nodes[i].kind == PARE_NODE_MAC) out[(*n)++] = &r->graph->nodes[i];
    return out;
}

/* The real input of a MAC node for the images of the last pass. */
static void see_input(pare_run *r, pare_node *n, size_t images, float *memory, pare_see_fn *see,
                      void *context)
{
    const pare_graph *g = r->graph;
    const pare_value *v = &g->values[n->x];
    const pare_affine *f = &pare_affine_identity;
    const float *in = v->data;
    if (v->is_virtual) {
        f = &g->nodes[v->producer].affine;
        in = g->values[g->nodes[v->producer].x].data;
    }
    g->kernels->quantize(in, images * (v->count / v->channels), v->channels, f, NULL, memory,
                         false);
    see(context, r, n, memory, images * v->count);
}

pare_status pare_see_inputs(pare_run *r, size_t n_images, pare_see_fn *see, void *context,
                            pare_err *e)
{
    pare_graph *g = r->graph;
    size_t most = 0;
    for (uint32_t i = 0; i < g->n_values; i++)
        if (g->values[i].count > most) most = g->values[i].count;
    if (n_images > r->data->train.n) n_images = r->data->train.n;
    float *memory = pare_xalloc(most * g->batch, sizeof *memory);
    g->is_bypassed = true;
    pare_status status = pare_graph_set_weights(g, false, e);
    for (size_t first = 0; first < n_images && status == PARE_OK; first += g->batch) {
        const pare_batch b = {.data = r->data, .images = &r->data->train, .first = first};
        pare_job job = {.g = g, .batch = &b};
        job.n_images = n_images - first < g->batch ? n_images - first : g->batch;
        status = pare_graph_forward(&job, e);
        for (uint32_t i = 0; i < g->n_nodes && status == PARE_OK; i++)
            if (g->nodes[i].kind == PARE_NODE_MAC)
                see_input(r, &g->nodes[i], job.n_images, memory, see, context);
    }
    g->is_bypassed = false;
    free(memory);
    return status;
}

static void see_largest(void *context, pare_run *r, pare_node *n, const float *x, size_t count)
{
    (void)r;
    (void)context;
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)x[i]));
    if (n->qa.row->range == PARE_RANGE_CLIP) n->qa.p[0] = fmin(n->qa.p[0], fmax(largest, 1e-3));
}

static void set_clip(void *context, pare_run *r, pare_node *n, pare_quant *q, bool is_weight)
{
    (void)context;
    (void)n;
    if (!is_weight && q->row->range == PARE_RANGE_CLIP) q->p[0] = r->config->options.pact.clip;
}

pare_status pare_start_clips(pare_run *r, pare_err *e)
{
    pare_each_quant(r, set_clip, NULL);
    if (!*r->config->from) return PARE_OK;
    return pare_see_inputs(r, r->config->batch, see_largest, NULL, e);
}
