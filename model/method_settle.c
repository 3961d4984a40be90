/* method_settle.c: thresholds from one batch and integers between layers (Settle et al. 2018;
 * arXiv 1805.07941; the parameter set of Xilinx' ml-suite). */
#include "model/export.h"
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

static pare_status export(pare_run *r, pare_err *e)
{
    return pare_export_requant(r, r->config->options.settle.scale_bits, e);
}

const pare_method_hooks pare_settle_hooks = {
    .has_no_steps = true, .start = start, .export = export};
