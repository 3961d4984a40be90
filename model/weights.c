/* weights.c: the quantizers of one layer's weights, group by group. */
#include "model/graph.h"
#include <math.h>

double pare_node_weight_n(const pare_node *n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n->n_qw; i++) sum += n->qw[i].n;
    return n->n_qw ? sum / n->n_qw : 0;
}

uint32_t pare_node_widest(const pare_node *n)
{
    uint32_t best = 0;
    for (uint32_t j = 1; j < n->n_qw; j++)
        if (n->qw[j].n > n->qw[best].n) best = j;
    return best;
}

void pare_weights_quantize(const pare_kernels *k, pare_node *n, bool is_learning)
{
    for (uint32_t i = 0; i < n->n_qw; i++) {
        const size_t at = i * n->w_inner;
        float lo = INFINITY, hi = -INFINITY;
        k->minmax(n->w.x + at, n->w_inner, &lo, &hi);
        pare_quant_set_blend(&n->qw[i], lo, hi, is_learning);
        k->quantize(n->w.x + at, 1, n->w_inner, &pare_affine_identity, &n->qw[i].blend, n->wq + at,
                    false);
    }
}

void pare_weights_backward(const pare_kernels *k, pare_node *n, bool is_learning)
{
    for (uint32_t i = 0; i < n->n_qw; i++) {
        double sums[PARE_N_SUMS] = {0};
        const size_t at = i * n->w_inner;
        const pare_reduce_args r = {.g = n->w.g + at,
                                    .x = n->w.x + at,
                                    .affine = &pare_affine_identity,
                                    .blend = &n->qw[i].blend,
                                    .wants = pare_quant_wants(&n->qw[i], is_learning),
                                    .sums = sums};
        if (r.wants) k->reduce(&r, 1, n->w_inner);
        pare_quant_take_sums(&n->qw[i], sums);
    }
}
