/* method_lsq.c: learned step size quantization (Esser et al., ICLR 2020; arXiv 1902.08153). */
#include "model/method.h"
#include <math.h>

static double top_code(const pare_quant *q)
{
    return q->is_signed ? fmax((double)((1u << ((uint32_t)q->n - 1)) - 1u), 1)
                        : (double)((1u << (uint32_t)q->n) - 1u);
}

/* s = 2 mean|v| / sqrt(Qp) */
static void set_step(pare_quant *q, double mean_abs)
{
    if (q->row->range != PARE_RANGE_STEP) return;
    q->p[0] = mean_abs > 0 ? 2 * mean_abs / sqrt(top_code(q)) : 1;
}

/* gradients are scaled by 1 / sqrt(N Qp), N = weights of the group, or features of an image */
static void set_scale(void *context, pare_run *r, pare_node *n, pare_quant *q, bool is_weight)
{
    (void)context;
    const size_t count = is_weight ? pare_group_size(n) : r->graph->values[n->x].count;
    q->p_scale = 1 / sqrt((double)count * top_code(q));
}

static pare_status open(pare_run *r, pare_err *e)
{
    (void)e;
    pare_each_quant(r, set_scale, NULL);
    return PARE_OK;
}

static void see(void *context, pare_run *r, pare_node *n, const float *x, size_t count)
{
    (void)context;
    (void)r;
    set_step(&n->qa, pare_moments_of(x, count).mean_abs);
}

static pare_status start(pare_run *r, pare_err *e)
{
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        for (uint32_t j = 0; j < n->n_qw; j++) {
            const float *x = pare_group_take(n, j, n->w.x, n->w_group);
            set_step(&n->qw[j], pare_moments_of(x, pare_group_size(n)).mean_abs);
        }
    }
    return pare_see_inputs(r, r->config->batch, see, NULL, e);
}

const pare_method_hooks pare_lsq_hooks = {.is_shared = true, .open = open, .start = start};
