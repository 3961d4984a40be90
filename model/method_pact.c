/* method_pact.c: PACT activations (Choi et al., arXiv 1805.06085) with SAWB weights (arXiv
 * 1807.06964). */
#include "model/method.h"

static void rows(const pare_train_config *c, pare_quant_rows *out)
{
    if (!c->options.pact.plus) out->a.pgrad = PARE_PGRAD_PACT;
    if (c->options.pact.grid) out->w.grid = PARE_GRID_NARROW;
    if (c->options.pact.passes) out->w.xgrad = PARE_XGRAD_PASS;
}

/* A 1x1 convolution whose result, past a batch norm at most, is added to what came another way. */
static bool is_shortcut(const pare_graph *g, const pare_node *n)
{
    if (n->l->op != PARE_OP_CONV2D || n->l->kernel[0] > 1 || n->l->kernel[1] > 1) return false;
    uint32_t value = n->y;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const pare_node *o = &g->nodes[i];
        if (o->kind != PARE_NODE_EW || (o->x != value && o->z != value)) continue;
        if (o->z != PARE_NONE) return true;
        if (o->act_layer == PARE_NONE) value = o->y;
    }
    return false;
}

static pare_status open(pare_run *r, pare_err *e)
{
    (void)e;
    const uint32_t bits = r->config->options.pact.shortcut_bits;
    for (uint32_t i = 0; bits && i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC || !is_shortcut(r->graph, n)) continue;
        for (uint32_t j = 0; j < n->n_qw; j++) n->qw[j].n = bits;
        n->qa.n = bits;
    }
    return PARE_OK;
}

const pare_method_hooks pare_pact_hooks = {
    .is_shared = true, .rows = rows, .open = open, .start = pare_start_clips};
