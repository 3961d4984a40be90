/* optim.c: one update of all parameters; nodes are independent of each other, so threads take
 * nodes. */
#include "model/optim.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void step_sgd(pare_param *p, const pare_update *u)
{
    const float lr = (float)u->lr, mu = (float)u->momentum;
    const float decay = p->decays ? (float)u->weight_decay : 0.0f;
    float *restrict x = p->x, *restrict m = p->m;
    const float *restrict g = p->g;
    for (size_t i = 0; i < p->n; i++) {
        m[i] = mu * m[i] + (g[i] + decay * x[i]);
        x[i] -= lr * m[i];
    }
}

/* Kingma and Ba 2015, algorithm 1, with its beta2 and epsilon; momentum is beta1. */
static void step_adam(pare_param *p, const pare_update *u)
{
    const double beta1 = u->momentum, beta2 = 0.999, eps = 1e-8;
    const double c1 = 1 - pow(beta1, (double)u->t), c2 = 1 - pow(beta2, (double)u->t);
    const double decay = p->decays ? u->weight_decay : 0;
    for (size_t i = 0; i < p->n; i++) {
        const double g = (double)p->g[i] + decay * (double)p->x[i];
        p->m[i] = (float)(beta1 * (double)p->m[i] + (1 - beta1) * g);
        p->v[i] = (float)(beta2 * (double)p->v[i] + (1 - beta2) * g * g);
        const double step = (double)p->m[i] / c1 / (sqrt((double)p->v[i] / c2) + eps);
        p->x[i] = (float)((double)p->x[i] - u->lr * step);
    }
}

const pare_optimizer pare_optimizers[] = {
    {"sgd", "stochastic gradient descent with momentum", step_sgd},
    {"adam", "Adam; momentum is its beta1", step_adam},
};
const size_t pare_n_optimizers = sizeof pare_optimizers / sizeof *pare_optimizers;

static double factor_cosine(double done_frac)
{
    return 0.5 * (1 + cos(3.14159265358979323846 * done_frac));
}

static double factor_step(double done_frac)
{
    return done_frac < 0.5 ? 1.0 : done_frac < 0.75 ? 0.1 : 0.01;
}

static double factor_constant(double done_frac)
{
    (void)done_frac;
    return 1.0;
}

const pare_schedule pare_schedules[] = {
    {"cosine", "half a cosine from the first rate to 0 over the phase", factor_cosine},
    {"step", "divided by 10 after half and after three quarters of the phase", factor_step},
    {"constant", "does not change", factor_constant},
};
const size_t pare_n_schedules = sizeof pare_schedules / sizeof *pare_schedules;

typedef struct update_context {
    pare_graph *g;
    const pare_update *u;
    pare_err *errors;
} update_context;

static pare_status check_finite(const pare_graph *g, uint32_t layer, const char *what,
                                const pare_param *p, pare_err *e)
{
    if (pare_param_is_finite(p, p->g)) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, g->net->file, g->net->layers[layer].pos,
                        "the gradient of layer %s's %s is not finite; a smaller learning rate may "
                        "help",
                        g->net->layers[layer].name, what);
}

static pare_status check_n(const pare_graph *g, const pare_node *n, const pare_quant *q,
                           pare_err *e)
{
    if (isfinite(q->g_n) && isfinite(q->g_p[0]) && isfinite(q->g_p[1])) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, g->net->file, n->l->pos,
                        "the gradient of layer %s's quantizers is not finite; a smaller "
                        "learning rate may help",
                        n->l->name);
}

/* ---- gradients of the batch -------------------------------------------------------------------
 */

static pare_status reduce_node(update_context *c, pare_node *n, unsigned worker, pare_err *e)
{
    if (n->kind != PARE_NODE_MAC) return PARE_OK;
    return pare_mac_reduce(n->mac, worker, 0, c->g->n_shards, n->w.g, n->bias.g, e);
}

static pare_status check_node(update_context *c, pare_node *n, pare_err *e)
{
    pare_graph *g = c->g;
    if (n->kind == PARE_NODE_EW && n->bn_layer != PARE_NONE) {
        PARE_TRY(check_finite(g, n->bn_layer, "scale", &n->gamma, e));
        return check_finite(g, n->bn_layer, "offset", &n->beta, e);
    }
    if (n->kind != PARE_NODE_MAC) return PARE_OK;
    PARE_TRY(check_finite(g, n->layer, "weights", &n->w, e));
    PARE_TRY(check_finite(g, n->layer, "bias", &n->bias, e));
    pare_weights_backward(g->kernels, n, g->is_learning_n);
    PARE_TRY(check_n(g, n, &n->qa, e));
    for (uint32_t i = 0; i < n->n_qw; i++) PARE_TRY(check_n(g, n, &n->qw[i], e));
    return PARE_OK;
}

static void reduce_item(void *context, size_t i, unsigned worker)
{
    update_context *c = context;
    pare_dnnl_use_one_thread();
    c->errors[i].status = reduce_node(c, &c->g->nodes[i], worker, &c->errors[i]);
}

static void check_item(void *context, size_t i, unsigned worker)
{
    (void)worker;
    update_context *c = context;
    c->errors[i].status = check_node(c, &c->g->nodes[i], &c->errors[i]);
}

/* The sums of all processes, in one message. */
static void sum_processes(pare_graph *g)
{
    size_t n = 0, at = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) n += g->nodes[i].w.n + g->nodes[i].bias.n;
    float *all = pare_xalloc(n + 1, sizeof *all);
    for (int is_back = 0; is_back < 2; is_back++) {
        at = 0;
        for (uint32_t i = 0; i < g->n_nodes; i++) {
            pare_param *const params[] = {&g->nodes[i].w, &g->nodes[i].bias};
            for (int j = 0; j < 2; j++) {
                if (!params[j]->n) continue;
                float *to = is_back ? params[j]->g : all + at;
                memcpy(to, is_back ? all + at : params[j]->g, params[j]->n * sizeof *to);
                at += params[j]->n;
            }
        }
        if (!is_back) pare_comm_sum_f32(g->comm, all, n);
    }
    free(all);
}

/* ---- bitlengths -------------------------------------------------------------------------------
 */

/* Of all bitlengths that are one: every gradient and every share is the sum. */
typedef struct tie {
    double g_n, lambda;
} tie;

static tie tie_of(const pare_node *nodes, uint32_t n_nodes, bool is_acts)
{
    tie t = {0, 0};
    for (const pare_node *n = nodes; n < nodes + n_nodes; n++) {
        if (n->kind != PARE_NODE_MAC) continue;
        const pare_quant *const q = is_acts ? &n->qa : n->qw;
        for (uint32_t j = 0; j < (is_acts ? 1 : n->n_qw); j++) {
            if (q[j].is_fixed) continue;
            t.g_n += q[j].g_n;
            t.lambda += q[j].lambda;
        }
    }
    return t;
}

/* The way counts by the quantizer's own share, however many move with it. */
static void step_n(pare_graph *g, pare_quant *q, const tie *t, const pare_update *u)
{
    const tie own = {q->g_n, q->lambda};
    const double before = q->n;
    if (q->is_fixed || !g->is_learning_n || q->row->ngrad != PARE_NGRAD_LERP) return;
    if (!t) t = &own;
    q->g_n = t->g_n;
    q->lambda = t->lambda;
    pare_quant_step(q, u->n_lr, u->gamma);
    q->g_n = own.g_n;
    q->lambda = own.lambda;
    g->n_moved += own.lambda * (before - q->n);
    g->n_pulled += own.lambda * t->lambda * u->n_lr * u->gamma;
}

/* A clip decays as weights do, unless its levels are powers of two. */
static void step_own(pare_quant *q, const pare_update *u)
{
    const bool decays = q->row->range == PARE_RANGE_CLIP && q->row->grid != PARE_GRID_POW2;
    pare_quant_step_p(q, u->p_lr, u->momentum, decays ? u->p_decay : 0);
}

static void step_quants(pare_graph *g, const pare_update *u)
{
    const tie all_w = tie_of(g->nodes, g->n_nodes, false),
              all_a = tie_of(g->nodes, g->n_nodes, true);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *n = &g->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        const tie layer = tie_of(n, 1, false);
        const tie *const of_w[] = {
            [PARE_TIES_NONE] = NULL, [PARE_TIES_LAYER] = &layer, [PARE_TIES_NETWORK] = &all_w};
        for (uint32_t j = 0; j < n->n_qw; j++) {
            step_n(g, &n->qw[j], of_w[g->ties_w], u);
            step_own(&n->qw[j], u);
        }
        step_n(g, &n->qa, g->ties_a ? &all_a : NULL, u);
        step_own(&n->qa, u);
    }
}

/* ---- weights ----------------------------------------------------------------------------------
 */

static void step_item(void *context, size_t i, unsigned worker)
{
    update_context *c = context;
    pare_node *n = &c->g->nodes[i];
    pare_param *const params[] = {&n->w, &n->bias, &n->gamma, &n->beta};
    pare_dnnl_use_one_thread();
    for (size_t j = 0; j < sizeof params / sizeof *params; j++) {
        if (params[j]->n) c->u->optimizer->step(params[j], c->u);
        if (pare_param_is_finite(params[j], params[j]->x)) continue;
        const pare_layer *l = &c->g->net->layers[n->layer];
        c->errors[i].status = pare_err_set(&c->errors[i], PARE_EFAIL, c->g->net->file, l->pos,
                                           "the step of layer %s's parameters is not finite; a "
                                           "smaller learning rate may help",
                                           l->name);
        return;
    }
    c->errors[i].status = pare_node_set_weights(c->g, n, worker, true, &c->errors[i]);
}

static pare_status run_items(update_context *c, pare_pool_fn *fn, pare_err *e)
{
    pare_graph *g = c->g;
    pare_pool_run(g->pool, g->n_nodes, fn, c);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (c->errors[i].status != PARE_OK) {
            if (e && e->status == PARE_OK) *e = c->errors[i];
            return c->errors[i].status;
        }
    return PARE_OK;
}

pare_status pare_graph_reduce(pare_graph *g, pare_err *e)
{
    update_context c = {g, NULL, pare_xalloc(g->n_nodes, sizeof *c.errors)};
    const pare_status status = run_items(&c, reduce_item, e);
    free(c.errors);
    return status;
}

pare_status pare_graph_update(pare_graph *g, const pare_update *u, pare_err *e)
{
    update_context c = {g, u, pare_xalloc(g->n_nodes, sizeof *c.errors)};
    pare_status status = run_items(&c, reduce_item, e);
    if (status == PARE_OK && g->comm) sum_processes(g);
    if (status == PARE_OK) status = run_items(&c, check_item, e);
    if (status == PARE_OK && u->after_gradients) u->after_gradients(u->context);
    if (status == PARE_OK) step_quants(g, u);
    if (status == PARE_OK) status = run_items(&c, step_item, e);
    free(c.errors);
    return status;
}
