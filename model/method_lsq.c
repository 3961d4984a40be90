/* method_lsq.c: learned step size quantization (Esser et al., ICLR 2020; arXiv 1902.08153). */
#include "model/ptq.h"
#include <math.h>
#include <stdlib.h>

enum { SAMPLES_MAX = 1 << 16 }; /* of a layer's inputs */

static double top_code(const pare_quant *q)
{
    return q->is_signed ? fmax((double)((1u << ((uint32_t)q->n - 1)) - 1u), 1)
                        : (double)((1u << (uint32_t)q->n) - 1u);
}

/* The first step of a quantizer that sees these values: 2 mean|v| / sqrt(Qp), or that of least
 * squared error, which does not depend on how many of the values are 0. */
static void set_step(const pare_run *r, pare_quant *q, const float *x, size_t n)
{
    if (q->row->range != PARE_RANGE_STEP) return;
    const double top = top_code(q), mean = pare_moments_of(x, n).mean_abs;
    q->p[0] = !(mean > 0) ? 1
              : r->config->options.lsq.step
                  ? pare_ptq_mmse(x, n, pare_ptq_levels_of(q), (uint32_t)q->n) / top
                  : 2 * mean / sqrt(top);
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
    if (!r->config->options.lsq.step) {
        set_step(r, &n->qa, x, count);
        return;
    }
    const size_t stride = pare_ptq_stride(count, SAMPLES_MAX, r->graph->values[n->x].channels);
    float *sample = pare_xalloc(count / stride + 1, sizeof *sample);
    size_t m = 0;
    for (size_t i = 0; i < count; i += stride) sample[m++] = x[i];
    set_step(r, &n->qa, sample, m);
    free(sample);
}

static pare_status start(pare_run *r, pare_err *e)
{
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        for (uint32_t j = 0; j < n->n_qw; j++)
            set_step(r, &n->qw[j], pare_group_take(n, j, n->w.x, n->w_group), pare_group_size(n));
    }
    return pare_see_inputs(r, r->config->batch, see, NULL, e);
}

const pare_method_hooks pare_lsq_hooks = {.is_shared = true, .open = open, .start = start};
