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
static void copy_input(const pare_graph *g, const pare_node *n, size_t images, float *out)
{
    const pare_value *v = &g->values[n->x];
    const pare_affine *f = &pare_affine_identity;
    const float *in = v->data;
    if (v->is_virtual) {
        f = &g->nodes[v->producer].affine;
        in = g->values[g->nodes[v->producer].x].data;
    }
    g->kernels->quantize(in, images * (v->count / v->channels), v->channels, f, NULL, out, false);
}

/* Images first..first+n-1, which several processes each pass in parts of the batch, as they have
 * memory for; what is seen is the whole in any case. */
static pare_status see_batch(pare_run *r, size_t first, size_t n, float **inputs, pare_see_fn *see,
                             void *context, pare_err *e)
{
    pare_graph *g = r->graph;
    for (size_t done = 0; done < n; done += g->batch) {
        const pare_batch b = {.data = r->data, .images = &r->data->train, .first = first + done};
        pare_job job = {.g = g, .batch = &b};
        job.n_images = n - done < g->batch ? n - done : g->batch;
        PARE_TRY(pare_graph_forward(&job, e));
        for (uint32_t i = 0; i < g->n_nodes; i++) {
            pare_node *k = &g->nodes[i];
            if (k->kind != PARE_NODE_MAC) continue;
            const size_t count = g->values[k->x].count;
            copy_input(g, k, job.n_images, inputs[i] + done * count);
            if (done + job.n_images == n) see(context, r, k, inputs[i], n * count);
        }
    }
    return PARE_OK;
}

pare_status pare_see_inputs(pare_run *r, size_t n_images, pare_see_fn *see, void *context,
                            pare_err *e)
{
    pare_graph *g = r->graph;
    const size_t batch = r->config->batch;
    size_t most = 0;
    for (uint32_t i = 0; i < g->n_values; i++)
        if (g->values[i].count > most) most = g->values[i].count;
    if (n_images > r->data->train.n) n_images = r->data->train.n;
    /* one memory is enough where a batch is one pass */
    float **inputs = pare_xalloc(g->n_nodes, sizeof *inputs), *shared = NULL;
    if (g->batch == batch) shared = pare_xalloc(most * batch, sizeof *shared);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].kind == PARE_NODE_MAC)
            inputs[i] = shared
                            ? shared
                            : pare_xalloc(g->values[g->nodes[i].x].count * batch, sizeof **inputs);
    g->is_bypassed = true;
    pare_status status = pare_graph_set_weights(g, false, e);
    for (size_t first = 0; first < n_images && status == PARE_OK; first += batch)
        status = see_batch(r, first, n_images - first < batch ? n_images - first : batch, inputs,
                           see, context, e);
    g->is_bypassed = false;
    for (uint32_t i = 0; i < g->n_nodes && !shared; i++) free(inputs[i]);
    free(shared);
    free(inputs);
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
