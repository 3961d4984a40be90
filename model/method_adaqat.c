/* method_adaqat.c: network-wide bitlengths by finite differences of the loss (Gernigon et al.,
 * arXiv 2404.16876). The rules marked so in docs/methods.md are our choice. */
#include "model/method.h"
#include <math.h>

/* One relaxed bitlength: of all weights, or of all activations. */
typedef struct relaxed {
    double n, loss_below; /* loss with one bit less, of the last look */
    uint32_t k, n_flips;
    int32_t direction;
    uint32_t is_frozen;
} relaxed;

typedef struct state {
    relaxed of[2]; /* weights, activations */
    double loss_at;
} state;

static uint32_t integer_of(const pare_run *r, double n)
{
    const double k = r->config->options.adaqat.rounding ? rint(n) : ceil(n);
    return (uint32_t)fmin(fmax(k, r->config->min_bits), r->config->max_bits);
}

static void set_one(pare_quant *q, double n, uint32_t k)
{
    if (q->is_fixed) return;
    q->n = n;
    q->k = k;
}

static void set_k(pare_run *r, uint32_t weight_k, uint32_t act_k)
{
    const state *s = r->method_state;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        for (uint32_t j = 0; j < n->n_qw; j++) set_one(&n->qw[j], s->of[0].n, weight_k);
        set_one(&n->qa, s->of[1].n, act_k);
    }
}

static void fix_k(void *context, pare_run *r, pare_node *n, pare_quant *q, bool is_weight)
{
    (void)context;
    (void)r;
    (void)n;
    (void)is_weight;
    q->k = (uint32_t)q->n;
    q->n_max = r->config->max_bits > q->k ? r->config->max_bits : q->k;
}

static pare_status open(pare_run *r, pare_err *e)
{
    (void)e;
    state *s = r->method_state;
    const double n = fmin(r->config->init_bits, r->config->max_bits);
    for (int i = 0; i < 2; i++) s->of[i] = (relaxed){.n = n, .k = integer_of(r, n)};
    pare_each_quant(r, fix_k, NULL);
    set_k(r, s->of[0].k, s->of[1].k);
    return PARE_OK;
}

/* After a checkpoint was read. */
static pare_status resume(pare_run *r, pare_err *e)
{
    (void)e;
    const state *s = r->method_state;
    if (r->phase == r->n_phases)
        pare_each_quant(r, fix_k, NULL); /* integers by now */
    else
        set_k(r, s->of[0].k, s->of[1].k);
    return PARE_OK;
}

static pare_status loss_with(pare_run *r, const pare_job *step, uint32_t wk, uint32_t ak,
                             double *loss, pare_err *e)
{
    pare_job job = *step;
    job.wants_gradient = false;
    job.bn_share = job.range_share = 0;
    set_k(r, wk, ak);
    PARE_TRY(pare_graph_set_weights(r->graph, true, e));
    PARE_TRY(pare_graph_forward(&job, e));
    *loss = job.loss;
    return PARE_OK;
}

static bool is_due(const pare_run *r)
{
    const state *s = r->method_state;
    return r->n_steps % r->config->options.adaqat.every == 0 &&
           !(s->of[0].is_frozen && s->of[1].is_frozen);
}

static pare_status before_step(pare_run *r, const pare_job *job, pare_err *e)
{
    state *s = r->method_state;
    const uint32_t wk = s->of[0].k, ak = s->of[1].k;
    if (!is_due(r)) return PARE_OK;
    /* at one bit there is none less: the pair is (1, 2) */
    s->of[0].loss_below = s->of[1].loss_below = INFINITY;
    if (!s->of[0].is_frozen && wk > 1)
        PARE_TRY(loss_with(r, job, wk - 1, ak, &s->of[0].loss_below, e));
    if (!s->of[1].is_frozen && ak > 1)
        PARE_TRY(loss_with(r, job, wk, ak - 1, &s->of[1].loss_below, e));
    set_k(r, wk, ak);
    return pare_graph_set_weights(r->graph, true, e);
}

/* A change of direction is a flip; enough of them, and the larger neighbour stays for good. */
void pare_adaqat_note(uint32_t old_k, uint32_t new_k, uint32_t flips, int32_t *direction,
                      uint32_t *n_flips, uint32_t *is_frozen, uint32_t *k)
{
    *k = new_k;
    if (new_k == old_k) return;
    const int32_t now = new_k > old_k ? 1 : -1;
    if (*direction && now != *direction) ++*n_flips;
    *direction = now;
    if (*n_flips < flips) return;
    *is_frozen = 1;
    *k = new_k > old_k ? new_k : old_k;
}

static void move(pare_run *r, relaxed *own, const relaxed *other, double loss)
{
    const double lr = r->config->options.adaqat.lr, price = r->config->options.adaqat.price;
    if (own->is_frozen) return;
    const double slope = isfinite(own->loss_below) ? loss - own->loss_below : 0;
    const double pull = price * other->n / 64; /* of w * a / (8 * 8) */
    own->n = fmin(fmax(own->n - lr * (slope + pull), r->config->min_bits), r->config->max_bits);
    pare_adaqat_note(own->k, integer_of(r, own->n), r->config->options.adaqat.flips,
                     &own->direction, &own->n_flips, &own->is_frozen, &own->k);
    if (own->is_frozen) own->n = own->k;
}

static pare_status after_step(pare_run *r, const pare_job *job, pare_err *e)
{
    state *s = r->method_state;
    if (!is_due(r)) return PARE_OK;
    const state before = *s;
    move(r, &s->of[0], &before.of[1], job->loss);
    move(r, &s->of[1], &before.of[0], job->loss);
    set_k(r, s->of[0].k, s->of[1].k);
    if (s->of[0].k == before.of[0].k) return PARE_OK;
    return pare_graph_set_weights(r->graph, true, e);
}

static void end_one(void *context, pare_run *r, pare_node *n, pare_quant *q, bool is_weight)
{
    (void)context;
    (void)r;
    (void)n;
    (void)is_weight;
    if (!q->is_fixed) q->learned_n = q->n;
    q->n = q->k;
}

static pare_status end(pare_run *r, pare_err *e)
{
    (void)e;
    pare_run_mean_n(r, &r->result.mean_weight_n, &r->result.mean_act_n);
    pare_each_quant(r, end_one, NULL);
    return PARE_OK;
}

const pare_method_hooks pare_adaqat_hooks = {.state_size = sizeof(state),
                                             .open = open,
                                             .start = pare_start_clips,
                                             .resume = resume,
                                             .before_step = before_step,
                                             .after_step = after_step,
                                             .end = end};
