/* method_fracbits.c: interpolated bitlengths towards a given cost (Yang and Jin, AAAI 2021). */
#include "model/method.h"
#include <math.h>
#include <stdlib.h>

static double shifted(const pare_quant *q, double offset)
{
    return q->is_fixed ? q->n : fmin(fmax(rint(q->n + offset), q->n_min), q->n_max);
}

/* The criterion's cost with learned bitlengths rounded after `offset` is added; NAN: all at
 * target_bits. */
static double cost_at(const pare_run *r, double offset)
{
    const pare_graph *g = r->graph;
    const double target = r->config->options.fracbits.target_bits;
    double *w = pare_xalloc(2 * r->penalty.n_layers, sizeof *w), *a = w + r->penalty.n_layers;
    size_t at = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const pare_node *n = &g->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        for (uint32_t j = 0; j < n->n_qw; j++) {
            const double v = isnan(offset) ? target : shifted(&n->qw[j], offset);
            w[at] += v / n->n_qw;
        }
        a[at++] = isnan(offset) ? target : shifted(&n->qa, offset);
    }
    const double cost = pare_penalty_cost(&r->penalty, w, a, NULL, NULL);
    free(w);
    return cost;
}

/* kappa * |cost - target|: gamma is kappa with the sign of the distance. */
static double gamma_of(const pare_run *r)
{
    const double target = pare_penalty_of(&r->penalty, cost_at(r, NAN));
    return r->config->options.fracbits.kappa * (r->penalty_now > target ? 1 : -1);
}

static void round_n(pare_quant *q, double offset)
{
    q->learned_n = q->n;
    q->n = shifted(q, offset);
}

/* To the nearest integers, all shifted so that the cost is that of the target within 1 %. */
static void round_bits(pare_run *r)
{
    enum { STEPS = 10 };
    const double target = cost_at(r, NAN);
    double low = -1, high = 1, offset = 0;
    for (int i = 0; i < STEPS; i++) {
        const double cost = cost_at(r, offset);
        if (fabs(cost - target) <= 0.01 * target) break;
        if (cost > target)
            high = offset;
        else
            low = offset;
        offset = (low + high) / 2;
    }
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        for (uint32_t j = 0; j < n->n_qw; j++) round_n(&n->qw[j], offset);
        if (n->kind == PARE_NODE_MAC) round_n(&n->qa, offset);
    }
    r->result.rounding_offset = -offset;
}

/* Layers of fixed bitlengths may cost more than the whole target. */
static pare_status open(pare_run *r, pare_err *e)
{
    const double target = cost_at(r, NAN), least = cost_at(r, -PARE_BITS_MAX);
    if (least <= 1.01 * target) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                        "options.fracbits.target_bits %g is a cost of %.4g, but the fixed layers "
                        "alone and 1 bit elsewhere cost %.4g; a larger target, or other "
                        "first_last_bits, expected",
                        r->config->options.fracbits.target_bits, target, least);
}

const pare_method_hooks pare_fracbits_hooks = {.is_shared = true,
                                               .open = open,
                                               .start = pare_start_clips,
                                               .gamma = gamma_of,
                                               .round = round_bits};
