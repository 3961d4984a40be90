/* method_syq.c: ternary and binary weights with learned scales of kernel positions, rows or layers
 * (Faraone et al., CVPR 2018; arXiv 1807.00301). */
#include "model/method.h"
#include <math.h>

static void rows(const pare_train_config *c, pare_quant_rows *out)
{
    if (c->options.syq.codebook) out->w.grid = PARE_GRID_BINARY;
}

static pare_kernel_groups groups(const pare_train_config *c)
{
    static const pare_kernel_groups of[] = {PARE_GROUPS_NONE, PARE_GROUPS_ROWS,
                                            PARE_GROUPS_POSITIONS};
    return of[c->options.syq.scales];
}

static pare_status open(pare_run *r, pare_err *e)
{
    (void)e;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        for (uint32_t j = 0; j < n->n_qw; j++) {
            n->qw[j].n = r->config->options.syq.codebook ? 1 : 2;
            n->qw[j].threshold = r->config->options.syq.threshold;
            n->qw[j].p_scale = 1 / sqrt((double)pare_group_size(n)); /* our choice, as LSQ has it */
        }
    }
    return PARE_OK;
}

/* Fixed point: multiples of 2^-f, the codes of k bits. */
static void set_fixed_point(pare_quant *q, int f)
{
    const double unit = ldexp(1, -f);
    const double codes = exp2(q->n), below = q->is_signed ? codes / 2 : 0;
    q->p[0] = -below * unit;
    q->p[1] = (codes - 1 - below) * unit;
}

static void see(void *context, pare_run *r, pare_node *n, const float *x, size_t count)
{
    (void)context;
    const double f = r->config->options.syq.fraction_bits;
    if (n->qa.row->range != PARE_RANGE_ENDS) return;
    const double most = pare_moments_of(x, count).largest;
    const double codes = exp2(n->qa.n - n->qa.is_signed) - 1;
    const int widest = most > 0 ? (int)floor(log2(fmax(codes, 1) / most)) : 0;
    set_fixed_point(&n->qa,
                    f > -64 ? (int)f : widest + 1); /* clips the largest half (our choice) */
}

static pare_status start(pare_run *r, pare_err *e)
{
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        for (uint32_t j = 0; j < n->n_qw; j++) {
            const float *x = pare_group_take(n, j, n->w.x, n->w_group);
            n->qw[j].p[0] = fmax(pare_moments_of(x, pare_group_size(n)).mean_abs, 1e-4);
        }
    }
    return pare_see_inputs(r, r->config->batch, see, NULL, e);
}

const pare_method_hooks pare_syq_hooks = {
    .is_shared = true, .rows = rows, .groups = groups, .open = open, .start = start};
