/* method_dq.c: learned steps and clips, the bits follow (Uhlich et al., ICLR 2020; arXiv
 * 1905.11452, parametrization U3). */
#include "model/method.h"
#include <math.h>

static const double BITS_OF_KB = 8 * 1000.0;

static void set_bits(void *context, pare_run *r, pare_node *n, pare_quant *q, bool is_weight)
{
    (void)context;
    (void)r;
    (void)n;
    (void)is_weight;
    if (q->row->grid != PARE_GRID_STEPS) return;
    const double d = exp2(rint(log2(q->p[0])));
    /* at most 8 bits: a step below qmax / 2^7 is not smaller */
    const double top = fmin(fmax(exp2(rint(log2(q->p[1]))) / d, 1), q->is_signed ? 64 : 128);
    q->p[0] = fmax(q->p[0], q->p[1] / (q->is_signed ? 90 : 180));
    q->p[1] = fmax(q->p[1], q->p[0]);
    q->n = pare_dq_bits(1, top, q->is_signed);
    q->n_max = PARE_BITS_MAX;
}

/* From the float network: d = 2^floor(log2(max / (2^(b-1) - 1))), b the given bits. */
static void start_from(pare_quant *q, double largest)
{
    if (q->row->grid != PARE_GRID_STEPS) return;
    const double codes = fmax(exp2(q->n - q->is_signed) - 1, 1);
    q->p[1] = fmax(largest, 1e-4);
    q->p[0] = exp2(floor(log2(q->p[1] / codes)));
}

static void see(void *context, pare_run *r, pare_node *n, const float *x, size_t count)
{
    (void)context;
    (void)r;
    start_from(&n->qa, pare_moments_of(x, count).largest);
}

/* Budgets are pressed for, not enforced; one below the least bits cannot be met. */
static pare_status open(pare_run *r, pare_err *e)
{
    const double weight_kb = r->config->options.dq.weight_kb, act_kb = r->config->options.dq.act_kb;
    double least = 0;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        const pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        least += pare_dq_bits(1, 1, true) * (double)n->w.n / BITS_OF_KB;
        const double kb =
            pare_dq_bits(1, 1, n->qa.is_signed) * (double)r->graph->values[n->x].count / BITS_OF_KB;
        if (n->qa.row->grid == PARE_GRID_STEPS && act_kb > 0 && kb > act_kb)
            return pare_err_set(e, PARE_EINPUT, r->net->file, n->l->pos,
                                "the input of layer %s takes %g kB at the least; "
                                "options.dq.act_kb of at least that expected, not %g",
                                n->l->name, kb, act_kb);
    }
    if (!(weight_kb > 0) || least <= weight_kb) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                        "options.dq.weight_kb is %g, but the weights take %g kB at 2 bits; at "
                        "least that expected",
                        weight_kb, least);
}

static pare_status start(pare_run *r, pare_err *e)
{
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        for (uint32_t j = 0; j < n->n_qw; j++) {
            const float *x = pare_group_take(n, j, n->w.x, n->w_group);
            start_from(&n->qw[j], pare_moments_of(x, pare_group_size(n)).largest);
        }
    }
    PARE_TRY(pare_see_inputs(r, r->config->batch, see, NULL, e));
    pare_each_quant(r, set_bits, NULL);
    return PARE_OK;
}

/* d of price * max(0, size / budget - 1)^2 for a quantizer of so many values, with the bits as a
 * smooth function of d and qmax. What has the least bits is left alone: a step that grew on would
 * leave nothing but zeros. */
static void press(pare_quant *q, double count, double size_kb, double budget_kb, double price)
{
    if (size_kb <= budget_kb || q->row->grid != PARE_GRID_STEPS) return;
    if (q->n <= pare_dq_bits(1, 1, q->is_signed)) return;
    const double d = q->p[0], top = q->p[1];
    const double slope = 2 * price * (size_kb / budget_kb - 1) * count / (budget_kb * BITS_OF_KB);
    q->g_p[0] -= slope * top / (d * log(2) * (top + d));
    q->g_p[1] += slope / (log(2) * (top + d));
}

static void after_gradients(void *context)
{
    pare_run *r = context;
    const double weight_kb = r->config->options.dq.weight_kb, act_kb = r->config->options.dq.act_kb;
    const double price = r->config->options.dq.price;
    double total = 0;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        const pare_node *n = &r->graph->nodes[i];
        for (uint32_t j = 0; j < n->n_qw; j++)
            total += n->qw[j].n * (double)pare_group_size(n) / BITS_OF_KB;
    }
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        for (uint32_t j = 0; weight_kb > 0 && j < n->n_qw; j++)
            press(&n->qw[j], (double)pare_group_size(n), total, weight_kb, price);
        const double count = (double)r->graph->values[n->x].count;
        const double kb = n->qa.n * count / BITS_OF_KB;
        if (act_kb > 0) press(&n->qa, count, kb, act_kb, price);
    }
}

static pare_status after_step(pare_run *r, const pare_job *job, pare_err *e)
{
    (void)job;
    (void)e;
    pare_each_quant(r, set_bits, NULL);
    return PARE_OK;
}

const pare_method_hooks pare_dq_hooks = {.is_shared = true,
                                         .open = open,
                                         .start = start,
                                         .after_gradients = after_gradients,
                                         .after_step = after_step};
