/* train.c: phases, epochs, steps. */
#include "model/method.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};
static const double BN_SHARE = 0.1; /* of a batch in the running statistics, as PyTorch has it */
static const double RANGE_SHARE = 0.01; /* in the running ranges */
static const uint64_t DRAW_STREAMS = (uint64_t)1 << 62;

/* ---- steps ------------------------------------------------------------------------------------
 */

/* Names the order of the images. */
static uint64_t image_order_epoch(const pare_run *r) { return (uint64_t)r->phase << 32 | r->epoch; }

/* Of the step that `done` steps of this epoch have gone before. */
static double lr_factor(const pare_run *r, uint64_t done_steps)
{
    const double an_epoch = (double)r->steps_per_epoch;
    const double n = (double)r->phases[r->phase].n_epochs * an_epoch;
    const double done = (double)r->epoch * an_epoch + (double)done_steps;
    const double warmup = r->phase ? 0 : fmin(r->config->warmup_epochs * an_epoch, n);
    if (done < warmup) return (done + 1) / (warmup + 1);
    return pare_schedules[r->config->schedule].factor((done - warmup) / fmax(n - warmup, 1));
}

pare_status pare_run_check_loss(const pare_run *r, const pare_job *job, pare_err *e)
{
    if (isfinite(job->loss)) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, r->net->file, NOWHERE,
                        "the loss is not finite in step %llu of epoch %u (%s); a smaller "
                        "learning rate may help",
                        (unsigned long long)r->step + 1, r->epoch + 1, r->phases[r->phase].name);
}

/* Random choices of a step, each named by the seed, the step and the quantizer. */
static void draw(pare_run *r, uint64_t step)
{
    uint64_t i = 0;
    for (uint32_t k = 0; k < r->graph->n_nodes; k++) {
        pare_node *n = &r->graph->nodes[k];
        for (uint32_t j = 0; j <= n->n_qw && n->kind == PARE_NODE_MAC; j++) {
            pare_rng rng = pare_rng_new(r->config->seed, DRAW_STREAMS + (step << 20) + i++);
            (j < n->n_qw ? &n->qw[j] : &n->qa)->draw = pare_rng_unit(&rng);
        }
    }
}

static pare_status plain_step(pare_run *r, pare_job *job, pare_update *u, pare_err *e)
{
    PARE_TRY(pare_graph_forward(job, e));
    PARE_TRY(pare_run_check_loss(r, job, e));
    PARE_TRY(pare_graph_backward(job, e));
    draw(r, r->n_steps + 1);
    return pare_graph_update(r->graph, u, e);
}

static pare_status train_step(pare_run *r, pare_err *e)
{
    const pare_train_config *c = r->config;
    const pare_augment *augment = c->augment ? &pare_augments[c->augment] : NULL;
    const pare_batch b = {.data = r->data,
                          .images = &r->data->train,
                          .order = r->order,
                          .first = (size_t)r->step * c->batch + pare_run_part(r),
                          .augment = augment,
                          .seed = c->seed,
                          .epoch = image_order_epoch(r)};
    const double first_share = 1 / (double)(r->n_steps + 1);
    pare_job job = {.g = r->graph,
                    .is_training = true,
                    .wants_gradient = true,
                    .label_smoothing = c->label_smoothing,
                    .bn_share = *c->from ? BN_SHARE : fmax(BN_SHARE, first_share),
                    .range_share = fmax(RANGE_SHARE, first_share),
                    .batch = &b,
                    .n_images = r->graph->batch};
    const pare_method_hooks *hooks = r->graph->method->hooks;
    const double factor = lr_factor(r, r->step);
    const double n_steps = (double)r->phases[r->phase].n_epochs * (double)r->steps_per_epoch;
    const double done = (double)r->epoch * (double)r->steps_per_epoch + (double)r->step;
    if (r->graph->is_learning_n) {
        r->penalty_now = pare_run_set_lambdas(r);
        r->gamma_now =
            hooks && hooks->gamma ? hooks->gamma(r) : pare_run_gamma(r, done / n_steps, n_steps);
    }
    pare_update u = {
        .optimizer = &pare_optimizers[c->optimizer],
        .lr = r->phases[r->phase].lr * factor,
        .n_lr = c->n_lr * factor,
        .momentum = c->momentum,
        .weight_decay = c->weight_decay,
        .p_lr = r->phases[r->phase].lr * factor,
        .p_decay = c->options.pact.decay < 0 ? c->weight_decay : c->options.pact.decay,
        .gamma = r->gamma_now,
        .after_gradients = hooks ? hooks->after_gradients : NULL,
        .context = r,
        .t = (uint64_t)r->epoch * r->steps_per_epoch + r->step + 1,
    };
    r->has_predictions = false;
    if (hooks && hooks->before_step) PARE_TRY(hooks->before_step(r, &job, e));
    PARE_TRY(hooks && hooks->step ? hooks->step(r, &job, &u, e) : plain_step(r, &job, &u, e));
    if (hooks && hooks->after_step) PARE_TRY(hooks->after_step(r, &job, e));
    r->loss_sum += job.loss;
    r->n_correct += job.n_correct;
    r->step++;
    r->n_steps++;
    return PARE_OK;
}

static pare_status save(pare_run *r, pare_err *e)
{
    PARE_TRY(pare_checkpoint_save(r, PARE_CHECKPOINT, e));
    r->last_saved = r->n_steps;
    return PARE_OK;
}

/* Say in which step it was, and that the last checkpoint is as it was: a step that fails is never
 * written. */
static pare_status in_step(const pare_run *r, pare_status status, pare_err *e)
{
    if (status != PARE_EFAIL || !e) return status;
    pare_buf b = {0};
    pare_buf_printf(&b, "step %llu of epoch %u (%s): %s", (unsigned long long)r->step + 1,
                    r->epoch + 1, r->phases[r->phase].name, e->text);
    if (r->last_saved)
        pare_buf_printf(&b, "; %s of %llu steps is kept", PARE_CHECKPOINT,
                        (unsigned long long)r->last_saved);
    snprintf(e->text, sizeof e->text, "%s", b.text);
    pare_buf_free(&b);
    return status;
}

/* ---- epochs and phases ------------------------------------------------------------------------
 */

static void fill_progress(const pare_run *r, pare_train_progress *p)
{
    const pare_phase *phase = &r->phases[r->phase];
    const double steps = r->step ? (double)r->step : 1;
    *p = (pare_train_progress){.phase = phase->name,
                               .epoch = r->epoch + 1,
                               .n_epochs = phase->n_epochs,
                               .images = r->n_steps * r->config->batch,
                               .lr = phase->lr * lr_factor(r, r->step ? r->step - 1 : 0),
                               .loss = r->loss_sum / steps,
                               .accuracy_frac =
                                   (double)r->n_correct / steps / (double)r->config->batch};
    for (uint32_t i = 0; i < r->n_phases; i++)
        p->n_images += (uint64_t)r->phases[i].n_epochs * r->steps_per_epoch * r->config->batch;
    pare_run_mean_n(r, &p->mean_weight_n, &p->mean_act_n);
}

static void tell(const pare_train_hooks *h, const pare_train_progress *p)
{
    if (h && h->progress) h->progress(h->context, p);
}

static void reset_optimizer(pare_graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_param *const params[] = {&g->nodes[i].w, &g->nodes[i].bias, &g->nodes[i].gamma,
                                      &g->nodes[i].beta};
        for (size_t j = 0; j < sizeof params / sizeof *params; j++)
            for (size_t k = 0; k < params[j]->n; k++) params[j]->m[k] = params[j]->v[k] = 0;
    }
}

static void mean_bits(pare_run *r)
{
    pare_run_mean_n(r, &r->result.mean_weight_bits, &r->result.mean_act_bits);
}

static pare_status end_phase(pare_run *r, double accuracy_frac, pare_err *e)
{
    const pare_method_hooks *hooks = r->graph->method->hooks;
    if (hooks && hooks->end && r->phase + 1 == r->n_phases) {
        PARE_TRY(hooks->end(r, e));
        PARE_TRY(pare_run_evaluate(r, &accuracy_frac, e));
    }
    const bool was_learning = r->phases[r->phase].learns_n;
    if (was_learning) {
        r->result.real_frac = accuracy_frac;
        pare_run_mean_n(r, &r->result.mean_weight_n, &r->result.mean_act_n);
        PARE_TRY(pare_checkpoint_save(r, PARE_LEARNED, e));
        PARE_TRY(pare_run_ceil(r, e));
        PARE_TRY(pare_run_evaluate(r, &accuracy_frac, e));
        r->result.ceil_frac = accuracy_frac;
    }
    mean_bits(r);
    r->result.final_frac = accuracy_frac;
    r->phase++;
    r->epoch = 0;
    reset_optimizer(r->graph);
    return PARE_OK;
}

/* Processes that went different ways would train different networks without a sign. */
static pare_status check_processes(const pare_run *r, pare_err *e)
{
    enum { HASH_BITS = 24 }; /* exact in a float */
    uint64_t hash = PARE_HASH_SEED;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        const pare_param *w = &r->graph->nodes[i].w;
        hash = pare_hash_bytes(hash, w->x, w->n * sizeof *w->x);
    }
    const float mine = (float)(hash >> (64 - HASH_BITS));
    float ends[2] = {mine, -mine};
    pare_comm_max_f32(r->comm, ends, 2);
    if (ends[0] == -ends[1]) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, NULL, NOWHERE,
                        "the processes hold different weights; the same program on machines of one "
                        "type expected");
}

static pare_status end_epoch(pare_run *r, const pare_train_hooks *h, pare_err *e)
{
    pare_train_progress p;
    fill_progress(r, &p);
    if (r->comm) PARE_TRY(check_processes(r, e));
    PARE_TRY(pare_run_evaluate(r, &p.test_accuracy_frac, e));
    p.is_epoch_end = true;
    if (r->graph->is_learning_n) pare_run_end_balance(r);
    pare_run_add_metrics(r, p.lr, p.loss, p.accuracy_frac, p.test_accuracy_frac);
    tell(h, &p);
    r->epoch++;
    r->step = 0;
    r->loss_sum = 0;
    r->n_correct = 0;
    const pare_method_hooks *hooks = r->graph->method->hooks;
    if (hooks && hooks->end_epoch) PARE_TRY(hooks->end_epoch(r, e));
    if (r->epoch == r->phases[r->phase].n_epochs) PARE_TRY(end_phase(r, p.test_accuracy_frac, e));
    PARE_TRY(pare_run_write_metrics(r, e));
    PARE_TRY(save(r, e));
    if (r->phase == r->n_phases) return PARE_OK;
    draw(r, r->n_steps);
    return pare_graph_set_weights(r->graph, true, e);
}

/* All processes or none. */
static bool stops(const pare_run *r, const pare_train_hooks *h)
{
    double n = h && h->should_stop && h->should_stop(h->context) ? 1 : 0;
    pare_comm_sum_f64(r->comm, &n, 1);
    return n > 0;
}

static pare_status train_epoch(pare_run *r, const pare_train_hooks *h, bool *is_stopped,
                               pare_err *e)
{
    pare_shuffle(r->order, r->data->train.n, r->config->seed, image_order_epoch(r));
    while (r->step < r->steps_per_epoch) {
        if (stops(r, h)) {
            *is_stopped = true;
            return save(r, e);
        }
        PARE_TRY(in_step(r, train_step(r, e), e));
        pare_train_progress p;
        fill_progress(r, &p);
        tell(h, &p);
        if (r->step % r->config->checkpoint_steps == 0 && r->step < r->steps_per_epoch)
            PARE_TRY(save(r, e));
    }
    return end_epoch(r, h, e);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static void note_implementations(const pare_run *r, const pare_train_hooks *h)
{
    if (!h || !h->note) return;
    pare_buf line = {0};
    pare_buf_printf(&line, "element-wise passes: %s", r->graph->kernels->name);
    h->note(h->context, false, line.text);
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        const pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        for (int p = 0; p < PARE_N_PASSES; p++) {
            const char *impl = pare_mac_impl(n->mac, (pare_pass)p);
            if (!impl) continue;
            const bool is_slow = pare_mac_impl_is_slow(n->mac, (pare_pass)p);
            line.n = 0;
            pare_buf_printf(&line, "layer %s: %s runs as oneDNN's %s%s", n->l->name,
                            pare_pass_name((pare_pass)p), impl, is_slow ? ", a slow fallback" : "");
            h->note(h->context, is_slow, line.text);
        }
    }
    pare_buf_free(&line);
}

static pare_status train_all(pare_run *r, const pare_train_hooks *h, pare_err *e)
{
    bool found = false, is_stopped = false;
    PARE_TRY(pare_checkpoint_load(r, PARE_CHECKPOINT, &found, e));
    if (found) r->last_saved = r->n_steps;
    const pare_method_hooks *hooks = r->graph->method->hooks;
    if (!found && *r->config->from) PARE_TRY(pare_checkpoint_start_from(r, r->config->from, e));
    PARE_TRY(pare_run_write_start(r, e));
    if (!found) PARE_TRY(pare_run_write_metrics(r, e));
    if (!found && hooks && hooks->start) PARE_TRY(hooks->start(r, e));
    if (!found && hooks && hooks->has_no_steps) {
        PARE_TRY(pare_run_evaluate(r, &r->result.final_frac, e));
        mean_bits(r);
    }
    draw(r, r->n_steps);
    if (found && h && h->note && !r->is_done) {
        pare_buf line = {0};
        pare_buf_printf(&line, "continuing after %llu steps", (unsigned long long)r->n_steps);
        h->note(h->context, false, line.text);
        pare_buf_free(&line);
    }
    if (r->phase < r->n_phases)
        r->graph->is_learning_n = r->phases[r->phase].learns_n;
    else
        r->graph->is_learning_n = false;
    if (r->phase < r->n_phases) PARE_TRY(pare_graph_set_weights(r->graph, true, e));
    while (r->phase < r->n_phases && !is_stopped) PARE_TRY(train_epoch(r, h, &is_stopped, e));
    if (is_stopped || r->is_done) return PARE_OK;
    PARE_TRY(pare_run_write_metrics(r, e));
    PARE_TRY(pare_run_export(r, e));
    r->is_done = true;
    return save(r, e);
}

pare_status pare_train_run(const pare_train_config *config, const char *run, unsigned threads,
                           const pare_train_hooks *hooks, pare_train_result *result, pare_err *e)
{
    pare_run r;
    pare_status status = pare_run_open(config, run, threads, hooks ? hooks->comm : NULL, &r, e);
    if (status == PARE_OK) {
        note_implementations(&r, hooks);
        status = train_all(&r, hooks, e);
    }
    *result = r.result;
    result->is_complete = r.is_done != 0;
    pare_run_close(&r);
    return status;
}

static pare_status eval_all(pare_run *r, pare_err *e)
{
    bool found;
    pare_train_result *out = &r->result;
    PARE_TRY(pare_checkpoint_load(r, PARE_LEARNED, &found, e));
    if (found) {
        r->graph->is_learning_n = false;
        pare_run_mean_n(r, &out->mean_weight_n, &out->mean_act_n);
        PARE_TRY(pare_run_evaluate(r, &out->real_frac, e));
        PARE_TRY(pare_run_ceil(r, e));
        PARE_TRY(pare_run_evaluate(r, &out->ceil_frac, e));
    }
    const pare_train_result learned = *out;
    PARE_TRY(pare_checkpoint_load(r, PARE_CHECKPOINT, &found, e));
    if (!found)
        return pare_err_set(e, PARE_EINPUT, r->folder, NOWHERE,
                            "holds no checkpoint; a run folder of pare-train expected");
    *out = learned;
    r->graph->is_learning_n = false;
    mean_bits(r);
    return pare_run_evaluate(r, &out->final_frac, e);
}

pare_status pare_train_eval(const char *run, const char *data, unsigned threads,
                            pare_train_result *result, pare_err *e)
{
    pare_arena *a = pare_arena_new();
    pare_train_config c;
    pare_run r = {0};
    pare_buf net = {0};
    *result = PARE_NOT_MEASURED;
    pare_status status = pare_train_config_of(run, a, &c, e);
    if (status == PARE_OK) {
        pare_buf_printf(&net, "%s/network.net.yaml", run);
        c.network = net.text;
        if (data) c.data = data;
        status = pare_run_open(&c, run, threads, NULL, &r, e);
        if (status == PARE_OK) status = eval_all(&r, e);
        *result = r.result;
        result->is_complete = r.is_done != 0;
        pare_run_close(&r);
    }
    pare_buf_free(&net);
    pare_arena_free(a);
    return status;
}
