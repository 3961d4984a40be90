/* method_pow2.c: weights that are powers of two, so that a product is a shift (Long et al. 2020;
 * the quantizer of Uhlich et al. 2020). */
#include "model/method.h"
#include <math.h>

static pare_status open(pare_run *r, pare_err *e)
{
    const bool is_discrete = r->config->options.pow2.update != 0;
    if (is_discrete && r->config->optimizer != 0)
        return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                            "options.pow2.update discrete works with --optimizer sgd; sgd "
                            "expected");
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        for (uint32_t j = 0; j < n->n_qw; j++) {
            n->qw[j].option = r->config->options.pow2.rounding;
            n->qw[j].p_scale = 1 / sqrt((double)pare_group_size(n));
        }
    }
    return PARE_OK;
}

/* Without a latent weight: what has been summed up since the last move counts until it reaches
 * another level; then the weight is that level. w.v, which sgd does not use, holds the levels. */
static pare_status after_step(pare_run *r, const pare_job *job, pare_err *e)
{
    (void)job;
    (void)e;
    if (!r->config->options.pow2.update) return PARE_OK;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        for (size_t j = 0; n->kind == PARE_NODE_MAC && j < n->w.n; j++) {
            if (n->wq[j] == n->w.v[j]) continue;
            n->w.x[j] = n->w.v[j] = n->wq[j];
        }
    }
    return PARE_OK;
}

static pare_status start(pare_run *r, pare_err *e)
{
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        for (uint32_t j = 0; j < n->n_qw; j++) {
            const float *x = pare_group_take(n, j, n->w.x, n->w_group);
            n->qw[j].p[0] = fmax(pare_moments_of(x, pare_group_size(n)).largest, 1e-4);
        }
    }
    return pare_start_clips(r, e);
}

const pare_method_hooks pare_pow2_hooks = {
    .is_shared = true, .open = open, .start = start, .after_step = after_step};
