/* method_bmpq.c: weight bits by the gradients of bits (Kundu et al., DATE 2022; arXiv 2112.13843).
 * The assignment is a multiple-choice knapsack, solved exactly. */
#include "model/knapsack.h"
#include "model/method.h"
#include <math.h>
#include <stdlib.h>

enum { CHOICES_MAX = 16 };

static pare_status read_choices(const pare_run *r, uint32_t *k, size_t *n, pare_err *e)
{
    const char *text = r->config->options.bmpq.choices, *at = text;
    *n = 0;
    while (*at) {
        char *end;
        const unsigned long v = strtoul(at, &end, 10);
        const bool is_next = *n && v <= k[*n - 1];
        if (end == at || v < 2 || v > PARE_BITS_MAX || is_next || *n == CHOICES_MAX ||
            (*end && *end != ','))
            return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                                "options.bmpq.choices is '%s'; rising bitlengths from 2 to 16 "
                                "expected, such as 2,4,8",
                                text);
        k[(*n)++] = (uint32_t)v;
        at = *end ? end + 1 : end;
    }
    if (*n) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                        "options.bmpq.choices is empty; bitlengths expected, such as 2,4,8");
}

static void set_weight_bits(pare_node *n, uint32_t k)
{
    for (uint32_t j = 0; j < n->n_qw; j++) n->qw[j].n = k;
}

/* The layers whose bits are not fixed. */
static size_t free_layers(const pare_run *r, pare_node **out, double *n_weights)
{
    size_t n = 0;
    *n_weights = 0;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *k = &r->graph->nodes[i];
        if (k->kind != PARE_NODE_MAC || k->qw->is_fixed) continue;
        *n_weights += (double)k->w.n;
        out[n++] = k;
    }
    return n;
}

/* Bits by sensitivity: max sum(nbg * k) under sum(weights * k) <= mean_bits * sum(weights). */
static pare_status assign(pare_run *r, pare_err *e)
{
    uint32_t k[CHOICES_MAX];
    size_t n_choices;
    double n_weights;
    PARE_TRY(read_choices(r, k, &n_choices, e));
    pare_node **nodes = pare_xalloc(r->graph->n_nodes, sizeof *nodes);
    const size_t n = free_layers(r, nodes, &n_weights);
    pare_knapsack_item *items = pare_xalloc(n, sizeof *items);
    uint32_t *chosen = pare_xalloc(n, sizeof *chosen);
    const double budget = floor(r->config->options.bmpq.mean_bits * n_weights + 1e-6);
    for (size_t i = 0; i < n; i++) {
        items[i].weight = nodes[i]->w.n;
        for (uint32_t j = 0; j < nodes[i]->n_qw; j++) {
            items[i].value += nodes[i]->qw[j].nbg / nodes[i]->n_qw;
            nodes[i]->qw[j].nbg = 0;
        }
    }
    const bool is_met = pare_knapsack(items, n, k, n_choices, (uint64_t)budget, chosen);
    pare_status status = PARE_OK;
    if (!is_met)
        status = pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                              "options.bmpq.mean_bits is %g, but every weight has %u bits or more; "
                              "at least %u expected",
                              r->config->options.bmpq.mean_bits, k[0], k[0]);
    for (size_t i = 0; i < n && is_met; i++) set_weight_bits(nodes[i], chosen[i]);
    free(nodes);
    free(items);
    free(chosen);
    return status;
}

/* Before anything is known all layers have the same bits. */
static pare_status open(pare_run *r, pare_err *e)
{
    uint32_t k[CHOICES_MAX];
    size_t n;
    PARE_TRY(assign(r, e));
    PARE_TRY(read_choices(r, k, &n, e));
    size_t best = 0;
    while (best + 1 < n && k[best + 1] <= r->config->options.bmpq.mean_bits) best++;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *node = &r->graph->nodes[i];
        if (node->kind == PARE_NODE_MAC && !node->qw->is_fixed) set_weight_bits(node, k[best]);
    }
    return PARE_OK;
}

static void add_one(void *context, pare_run *r, pare_node *n, pare_quant *q, bool is_weight)
{
    (void)context;
    (void)r;
    (void)n;
    if (is_weight) q->nbg += q->g_n;
}

static pare_status after_step(pare_run *r, const pare_job *job, pare_err *e)
{
    (void)job;
    (void)e;
    pare_each_quant(r, add_one, NULL);
    return PARE_OK;
}

/* Not after the last epoch: the weights must still learn to live with their bits. */
static pare_status end_epoch(pare_run *r, pare_err *e)
{
    const bool is_last = r->epoch == r->phases[r->phase].n_epochs;
    return is_last || r->epoch % r->config->options.bmpq.every ? PARE_OK : assign(r, e);
}

const pare_method_hooks pare_bmpq_hooks = {.is_shared = true,
                                           .open = open,
                                           .start = pare_start_clips,
                                           .after_step = after_step,
                                           .end_epoch = end_epoch};
