/* method_settle.c: thresholds from one batch and integers between layers (Settle et al. 2018;
 * arXiv 1805.07941; the parameter set of Xilinx' ml-suite). */
#include "model/requant.h"
#include "model/ptq.h"
#include <math.h>
#include <stdlib.h>

static double threshold(const pare_run *r, const float *x, size_t n, pare_ptq_levels levels,
                        uint32_t k)
{
    switch (r->config->options.settle.threshold) {
    case 0: return fmax(pare_moments_of(x, n).largest, 1e-8);
    case 1: return pare_ptq_percentile(x, n, r->config->options.settle.percentile);
    case 2: return pare_ptq_mmse(x, n, levels, k);
    default: return pare_ptq_kl(x, n, levels, k);
    }
}

static pare_status start(pare_run *r, pare_err *e)
{
    pare_samples *s;
    pare_status status = pare_samples_take(r, r->config->batch, &s, e); /* one batch */
    size_t at = 0;
    for (uint32_t i = 0; i < r->graph->n_nodes && status == PARE_OK; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        const size_t size = pare_group_size(n);
        for (uint32_t j = 0; j < n->n_qw; j++) {
            const double t =
                threshold(r, n->w.x + j * size, size, PARE_PTQ_NARROW, (uint32_t)n->qw[j].n);
            n->qw[j].p[0] = -t;
            n->qw[j].p[1] = t;
        }
        const pare_samples *in = &s[at++];
        pare_ptq_set_input(
            r, n, in, threshold(r, in->v, in->n, pare_ptq_levels_of(&n->qa), (uint32_t)n->qa.n));
    }
    pare_samples_free(r, s);
    return status;
}

/* The layer that alone reads this one's result, past batch norm and relu; NULL if there is none. */
static const pare_node *reader_of(const pare_graph *g, const pare_node *n)
{
    const pare_node *found = NULL;
    const pare_node *ew = n->ew == PARE_NONE ? NULL : &g->nodes[n->ew];
    if (!ew || ew->z != PARE_NONE || g->values[ew->y].n_readers != 1) return NULL;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].kind == PARE_NODE_MAC && g->nodes[i].x == ew->y) found = &g->nodes[i];
    return found;
}

/* acc * M, M = weight scale * input scale * batch norm scale / output scale, per output channel. */
static pare_status write_requant(pare_run *r, pare_node *n, const pare_node *next, pare_err *e)
{
    enum { COLUMNS = 3 };
    pare_node *ew = &r->graph->nodes[n->ew];
    const size_t k = r->graph->values[n->y].channels, dims[2] = {k, COLUMNS};
    pare_tensor t = {0};
    PARE_TRY(pare_tensor_new(PARE_I32, 2, dims, &t, e));
    pare_node_fold_running(ew);
    for (size_t c = 0; c < k; c++) {
        const pare_quant *q = &n->qw[c * n->n_qw / k];
        const double bn = ew->bn_layer == PARE_NONE ? 1 : fabs((double)ew->scale[c]);
        const double m = (double)q->blend.grid[0].scale * (double)n->qa.blend.grid[0].scale * bn /
                         (double)next->qa.blend.grid[0].scale;
        const pare_requant p = pare_requant_of(m, r->config->options.settle.scale_bits);
        int32_t *row = (int32_t *)t.data + c * COLUMNS;
        row[0] = (int32_t)p.prescale_shift;
        row[1] = (int32_t)p.scale;
        row[2] = (int32_t)p.postscale_shift;
    }
    pare_buf name = {0}, path = {0};
    pare_buf_printf(&name, "params/%s.requant.npy", n->l->name);
    for (size_t i = 7; i < name.n; i++)
        if (name.text[i] == '/') name.text[i] = '_';
    const pare_status status = pare_npy_save(pare_run_path(r, name.text, &path), &t, e);
    pare_buf_free(&name);
    pare_buf_free(&path);
    pare_tensor_free(&t);
    return status;
}

static pare_status export(pare_run *r, pare_err *e)
{
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        const pare_node *next = n->kind == PARE_NODE_MAC ? reader_of(r->graph, n) : NULL;
        if (next) PARE_TRY(write_requant(r, n, next, e));
    }
    return PARE_OK;
}

const pare_method_hooks pare_settle_hooks = {
    .has_no_steps = true, .start = start, .export = export};
