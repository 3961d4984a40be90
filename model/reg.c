/* reg.c: how the penalty presses on the bitlengths of a run: their shares of it, the budget, the
 * rounding, and whether they have come to rest. */
#include "model/train.h"
#include <math.h>
#include <stdlib.h>

static const pare_pos NOWHERE = {0, 0};

/* An epoch in which the bitlengths make less than this share of the way that the penalty alone
 * would have taken them is one of balance. */
static const double BALANCE_FRAC = 0.1;

/* ---- the layers' bitlengths -------------------------------------------------------------------
 */

/* Which of a layer's groups a criterion sees: the widest, or all in equal parts. */
static bool sees_widest(const pare_run *r) { return r->penalty.criterion->needs_table; }

static double map_n(const pare_quant *q, double learned, double (*map)(double))
{
    if (learned > 0 && !q->is_fixed) return learned;
    return map ? map(q->n) : q->n;
}

static double weight_n(const pare_run *r, const pare_node *n, double learned, double (*map)(double))
{
    double sum = 0, most = 0;
    for (uint32_t j = 0; j < n->n_qw; j++) {
        const double v = map_n(&n->qw[j], learned, map);
        sum += v;
        most = fmax(most, v);
    }
    return sees_widest(r) ? most : sum / n->n_qw;
}

/* The cost with the bitlengths mapped (NULL: as they are), or with those that are learned all at
 * `learned` (0: not so). */
static double cost_at(const pare_run *r, double learned, double (*map)(double), double *dw,
                      double *da)
{
    const pare_graph *g = r->graph;
    double *w = pare_xalloc(2 * r->penalty.n_layers, sizeof *w), *a = w + r->penalty.n_layers;
    size_t at = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const pare_node *n = &g->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        w[at] = weight_n(r, n, learned, map);
        a[at++] = map_n(&n->qa, learned, map);
    }
    const double cost = pare_penalty_cost(&r->penalty, w, a, dw, da);
    free(w);
    return cost;
}

double pare_run_set_lambdas(pare_run *r)
{
    pare_graph *g = r->graph;
    const pare_penalty *p = &r->penalty;
    if (!p->criterion) return 0;
    double *dw = pare_xalloc(2 * p->n_layers, sizeof *dw), *da = dw + p->n_layers;
    const double cost = cost_at(r, 0, NULL, dw, da), scale = pare_penalty_scale(p);
    size_t at = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *n = &g->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        const uint32_t top = pare_node_widest(n);
        for (uint32_t j = 0; j < n->n_qw; j++) {
            const double part = sees_widest(r) ? (j == top ? 1 : 0) : 1.0 / n->n_qw;
            n->qw[j].lambda = n->qw[j].is_fixed ? 0 : scale * dw[at] * part;
        }
        n->qa.lambda = n->qa.is_fixed ? 0 : scale * da[at];
        at++;
    }
    free(dw);
    return pare_penalty_of(p, cost);
}

double pare_run_cost_frac(const pare_run *r)
{
    return cost_at(r, 0, ceil, NULL, NULL) / r->penalty.at_uniform;
}

static pare_status open_budget(pare_run *r, pare_err *e)
{
    const uint32_t bits = r->config->min_bits;
    const double least = cost_at(r, bits, NULL, NULL, NULL) / r->penalty.at_uniform;
    r->budget.log_gamma = log(fmax(r->config->gamma, 1e-6));
    if (!(r->budget.frac > 0) || r->budget.frac >= least) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, NULL, NOWHERE,
                        "budget is '%s'; at least %.3gx expected, the %s at %u bit%s everywhere",
                        r->config->budget, least, r->penalty.criterion->name, bits,
                        bits > 1 ? "s" : "");
}

pare_status pare_run_open_penalty(pare_run *r, pare_err *e)
{
    const pare_train_config *c = r->config;
    int criterion = c->criterion;
    pare_cost_table *table = NULL;
    if (*c->budget) PARE_TRY(pare_budget_parse(c->budget, &r->budget.frac, &criterion, e));
    if (*c->cost_table) PARE_TRY(pare_cost_load(c->cost_table, r->net, &table, e));
    PARE_TRY(pare_penalty_new(&pare_criteria[criterion], r->net, table, &r->penalty, e));
    /* layers of fixed bitlengths cost, but the penalty's ends are those of the learned ones */
    r->penalty.at_one = cost_at(r, 1, NULL, NULL, NULL);
    r->penalty.at_full = cost_at(r, r->penalty.full_bits, NULL, NULL, NULL);
    return open_budget(r, e);
}

double pare_run_gamma(pare_run *r, double done_frac, double n_steps)
{
    if (!(r->budget.frac > 0)) return r->config->gamma;
    return pare_budget_step(&r->budget, pare_run_cost_frac(r), done_frac, n_steps);
}

/* ---- rounding ---------------------------------------------------------------------------------
 */

static void round_one(pare_quant *q, double n, double offset)
{
    if (!q->is_fixed) q->n = fmax(ceil(n - offset), q->n_min);
}

static void round_all(pare_graph *g, const double *n, double offset)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *k = &g->nodes[i];
        if (k->kind != PARE_NODE_MAC) continue;
        for (uint32_t j = 0; j < k->n_qw; j++) round_one(&k->qw[j], *n++, offset);
        round_one(&k->qa, *n++, offset);
    }
}

static size_t list_n(pare_graph *g, double *n)
{
    size_t count = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *k = &g->nodes[i];
        if (k->kind != PARE_NODE_MAC) continue;
        for (uint32_t j = 0; j < k->n_qw; j++, count++) {
            if (!k->qw[j].is_fixed) k->qw[j].learned_n = k->qw[j].n;
            if (n) n[count] = k->qw[j].n;
        }
        if (!k->qa.is_fixed) k->qa.learned_n = k->qa.n;
        if (n) n[count] = k->qa.n;
        count++;
    }
    return count;
}

/* Rounding up may pass a budget that the real bitlengths kept: then the least offset is taken off
 * all of them first with which it is kept. */
void pare_run_round(pare_run *r)
{
    enum { HALVINGS = 50 };
    pare_graph *g = r->graph;
    double *n = pare_xalloc(list_n(g, NULL), sizeof *n);
    list_n(g, n);
    double low = 0, high = PARE_BITS_MAX;
    round_all(g, n, 0);
    if (r->budget.frac > 0 && pare_run_cost_frac(r) > r->budget.frac) {
        for (int i = 0; i < HALVINGS; i++) {
            const double middle = (low + high) / 2;
            round_all(g, n, middle);
            if (pare_run_cost_frac(r) > r->budget.frac)
                low = middle;
            else
                high = middle;
        }
        round_all(g, n, high);
        r->result.rounding_offset = high;
    }
    if (r->penalty.criterion) r->result.cost_frac = pare_run_cost_frac(r);
    free(n);
}

/* ---- rest -------------------------------------------------------------------------------------
 */

void pare_run_end_balance(pare_run *r)
{
    pare_graph *g = r->graph;
    const double frac = g->n_pulled > 0 ? g->n_moved / g->n_pulled : 0;
    r->result.n_unbalanced_frac = frac;
    if (fabs(frac) >= BALANCE_FRAC)
        r->result.n_balanced_epoch = 0;
    else if (!r->result.n_balanced_epoch)
        r->result.n_balanced_epoch = r->epoch + 1;
    g->n_moved = g->n_pulled = 0;
}
