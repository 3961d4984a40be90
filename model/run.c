/* run.c: opening a run, and what is measured of its network. */
#include "model/method.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};
enum { CALIBRATION_BATCHES = 64, TUNE_LR_DIVISOR = 5 };

/* ---- opening ----------------------------------------------------------------------------------
 */

static pare_status check_bits(const pare_run *r, const char *layer, const char *what, bool is_act,
                              uint32_t bits, pare_pos pos, pare_err *e)
{
    const pare_method *m = r->graph->method;
    if (bits >= m->min_bits[is_act] && bits <= m->max_bits[is_act]) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, pos.line ? r->config->bits : NULL, pos,
                        "layer %s has %u %s bits, which method %s cannot do; %u to %u expected",
                        layer, bits, what, m->name, m->min_bits[is_act], m->max_bits[is_act]);
}

/* Those of a first or last layer are fixed: no method moves them. */
static void give_bits(pare_node *n, uint32_t weight_bits, uint32_t act_bits, bool is_fixed)
{
    for (uint32_t j = 0; j < n->n_qw; j++) {
        n->qw[j].n = weight_bits;
        n->qw[j].n_max = PARE_BITS_MAX;
        n->qw[j].is_fixed = is_fixed;
    }
    n->qa.n = act_bits;
    n->qa.n_max = PARE_BITS_MAX;
    n->qa.is_fixed = is_fixed;
}

static pare_status set_layer_bits(pare_run *r, pare_node *n, const pare_layer_bits *l, bool is_edge,
                                  pare_err *e)
{
    const uint32_t edge = is_edge ? r->config->first_last_bits : 0;
    const uint32_t w = edge ? edge : l->weight_bits, a = edge ? edge : l->act_bits;
    PARE_TRY(check_bits(r, n->l->name, "weight", false, w, l->pos, e));
    PARE_TRY(check_bits(r, n->l->name, "activation", true, a, l->pos, e));
    if (a < 2 && n->qa.is_signed && n->qa.row->range != PARE_RANGE_MINMAX)
        return pare_err_set(e, PARE_EINPUT, r->net->file, n->l->pos,
                            "layer %s has negative inputs, for which method %s has no grid of 1 "
                            "bit; a relu before it, or 2 bits, expected",
                            n->l->name, r->graph->method->name);
    give_bits(n, w, a, edge > 0);
    return PARE_OK;
}

static pare_status set_fixed_bits(pare_run *r, pare_err *e)
{
    pare_bits *b;
    PARE_TRY(pare_bits_get(r->config->bits, r->net, &b, e));
    size_t at = 0;
    pare_status status = PARE_OK;
    for (uint32_t i = 0; i < r->graph->n_nodes && status == PARE_OK; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        const pare_layer_bits *l = &b->layers[at++];
        if (l->weight_signed || l->act_signed)
            status =
                pare_err_set(e, PARE_EINPUT, r->config->bits, l->pos,
                             "layer %s has signed codes; unsigned affine ones expected", l->layer);
        if (status == PARE_OK) status = set_layer_bits(r, n, l, at == 1 || at == b->n_layers, e);
    }
    pare_bits_free(b);
    return status;
}

static void fix_first_and_last(const pare_run *r)
{
    pare_node *first = NULL, *last = NULL;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        if (!first) first = n;
        last = n;
    }
    const uint32_t bits = r->config->first_last_bits;
    if (!bits || !first) return;
    give_bits(first, bits, bits, true);
    give_bits(last, bits, bits, true);
}

static pare_status set_bits(pare_run *r, pare_err *e)
{
    const pare_method *m = &pare_methods[r->config->method];
    if (pare_method_learns_n(m)) {
        const double init = r->config->init_bits;
        if (init > r->config->max_bits || init < r->config->min_bits)
            return pare_err_set(e, PARE_EINPUT, NULL, NOWHERE,
                                "init_bits is %g; min_bits..max_bits expected, %u..%u", init,
                                r->config->min_bits, r->config->max_bits);
        for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
            pare_node *n = &r->graph->nodes[i];
            for (uint32_t j = 0; j < n->n_qw; j++) n->qw[j].n = r->config->init_bits;
            n->qa.n = r->config->init_bits;
        }
        fix_first_and_last(r);
        return pare_run_open_penalty(r, e);
    }
    return m->bits == PARE_BITS_GIVEN || m->bits == PARE_BITS_OWN ? set_fixed_bits(r, e) : PARE_OK;
}

static void set_phases(pare_run *r)
{
    const pare_train_config *c = r->config;
    const pare_method *m = &pare_methods[c->method];
    const bool learns = pare_method_learns_n(m);
    if (m->hooks && m->hooks->has_no_steps) return;
    r->phases[0] = (pare_phase){learns ? "learn" : "train", c->epochs, c->lr, learns};
    r->n_phases = 1;
    if (!learns || !c->tune_epochs) return;
    const double lr = c->tune_lr > 0 ? c->tune_lr : c->lr / TUNE_LR_DIVISOR;
    r->phases[r->n_phases++] = (pare_phase){"tune", c->tune_epochs, lr, false};
}

static pare_status check_data(const pare_run *r, pare_err *e)
{
    const pare_shape a = r->net->layers[0].out, b = r->data->shape;
    if (a.c != b.c || a.h != b.h || a.w != b.w)
        return pare_err_set(e, PARE_EINPUT, r->net->file, r->net->layers[0].pos,
                            "the network takes %ux%ux%u images (channels, height, width); "
                            "%ux%ux%u expected, as %s has",
                            a.c, a.h, a.w, b.c, b.h, b.w, r->config->data);
    if (r->data->train.n < r->config->batch)
        return pare_err_set(e, PARE_EINPUT, NULL, NOWHERE,
                            "batch is %u with %zu training images; at most as many expected",
                            r->config->batch, r->data->train.n);
    return PARE_OK;
}

static pare_status check_processes(const pare_run *r, pare_err *e)
{
    const unsigned n = pare_comm_size(r->comm);
    if (r->config->batch % n)
        return pare_err_set(e, PARE_EINPUT, NULL, NOWHERE,
                            "batch is %u for %u processes; a multiple of %u expected",
                            r->config->batch, n, n);
    const pare_method_hooks *hooks = pare_methods[r->config->method].hooks;
    if (n > 1 && hooks && !hooks->is_shared)
        return pare_err_set(e, PARE_EINPUT, NULL, NOWHERE,
                            "method %s is of one process; any other than adaqat, adaptive and "
                            "those after training expected with several",
                            pare_methods[r->config->method].name);
    return PARE_OK;
}

static uint64_t hash_data(const pare_dataset *d)
{
    const pare_images *const splits[] = {&d->train, &d->test};
    uint64_t h = PARE_HASH_SEED;
    for (int i = 0; i < 2; i++) {
        const pare_images *s = splits[i];
        h = pare_hash_bytes(h, s->pixels, s->n * (size_t)pare_shape_count(d->shape));
        h = pare_hash_bytes(h, s->labels, s->n * sizeof *s->labels);
    }
    return h;
}

pare_status pare_run_open(const pare_train_config *config, const char *folder, unsigned threads,
                          const pare_comm *comm, pare_run *r, pare_err *e)
{
    *r = (pare_run){.config = config, .folder = folder, .comm = comm, .result = PARE_NOT_MEASURED};
    pare_buf path = {0};
    pare_data_find("networks", config->network, &path);
    const pare_status status = pare_net_load(path.text, &r->net, e);
    pare_buf_free(&path);
    PARE_TRY(status);
    PARE_TRY(pare_dataset_load(config->data, config->limit, &r->data, e));
    PARE_TRY(check_data(r, e));
    PARE_TRY(check_processes(r, e));
    r->data_hash = hash_data(r->data);
    const pare_method *method = &pare_methods[config->method];
    const pare_method_hooks *hooks = method->hooks;
    pare_quant_rows rows = method->rows;
    if (hooks && hooks->rows) hooks->rows(config, &rows);
    if (hooks && hooks->has_no_steps && !*config->from)
        return pare_err_set(e, PARE_EINPUT, NULL, NOWHERE,
                            "method %s starts from a trained network; --from RUN expected",
                            method->name);
    if (config->granularity == PARE_GRANULARITY_CHANNEL_RANGE && rows.w.grid == PARE_GRID_STEPS)
        return pare_err_set(e, PARE_EINPUT, NULL, NOWHERE,
                            "granularity is channel_range, but with method %s each range has bits "
                            "of its own; layer or channel expected",
                            method->name);
    const pare_graph_spec spec = {
        .net = r->net,
        .method = method,
        .rows = &rows,
        .group_channels =
            config->granularity >= PARE_GRANULARITY_CHANNEL ? config->group_channels : 0,
        .kernel_groups = hooks && hooks->groups ? hooks->groups(config) : PARE_GROUPS_NONE,
        .ties_w = config->granularity == PARE_GRANULARITY_NETWORK         ? PARE_TIES_NETWORK
                  : config->granularity == PARE_GRANULARITY_CHANNEL_RANGE ? PARE_TIES_LAYER
                                                                          : PARE_TIES_NONE,
        .ties_a = config->act_granularity == 0,
        .batch = config->batch,
        .comm = comm,
        .n_classes = r->data->n_classes,
        .min_bits = config->min_bits,
        .max_bits = config->max_bits,
        .is_bf16 = config->compute == PARE_COMPUTE_BF16,
        .is_winograd = config->compute == PARE_COMPUTE_WINOGRAD,
        .seed = config->seed,
        .threads = threads};
    PARE_TRY(pare_graph_new(&spec, &r->graph, e));
    PARE_TRY(set_bits(r, e));
    if (pare_method_state_bytes(r)) r->method_state = pare_xalloc(1, pare_method_state_bytes(r));
    if (hooks && hooks->open) PARE_TRY(hooks->open(r, e));
    set_phases(r);
    r->steps_per_epoch = r->data->train.n / config->batch;
    r->order = pare_xalloc(r->data->train.n, sizeof *r->order);
    return PARE_OK;
}

void pare_run_close(pare_run *r)
{
    pare_graph_free(r->graph);
    pare_penalty_free(&r->penalty);
    pare_dataset_free(r->data);
    pare_net_free(r->net);
    free(r->order);
    free(r->method_state);
    free(r->predictions);
    pare_buf_free(&r->metrics);
    pare_buf_free(&r->bits_rows);
}

/* ---- measuring --------------------------------------------------------------------------------
 */

void pare_run_mean_n(const pare_run *r, double *weight_n, double *act_n)
{
    size_t n = 0;
    *weight_n = *act_n = 0;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        const pare_node *k = &r->graph->nodes[i];
        if (k->kind != PARE_NODE_MAC) continue;
        *weight_n += pare_node_weight_n(k);
        *act_n += k->qa.n;
        n++;
    }
    const bool is_real = r->graph->method->rows.w.grid == PARE_GRID_REAL;
    *weight_n = is_real || !n ? 0 : *weight_n / (double)n;
    *act_n = is_real || !n ? 0 : *act_n / (double)n;
}

size_t pare_run_part(const pare_run *r)
{
    return (size_t)pare_comm_rank(r->comm) * r->graph->batch;
}

/* The classes of a batch; the first of equal logits wins. */
static void take_predictions(pare_run *r, size_t first, size_t n)
{
    const size_t n_classes = r->graph->n_classes;
    const float *row = r->graph->values[r->graph->out].data;
    for (size_t i = first; i < first + n; i++, row += n_classes) {
        size_t best = 0;
        for (size_t j = 1; j < n_classes; j++)
            if (row[j] > row[best]) best = j;
        r->predictions[i] = (uint8_t)best;
    }
}

/* Every stride-th batch of the test images. */
static pare_status evaluate_part(pare_run *r, size_t first, size_t stride, double *n_correct,
                                 pare_err *e)
{
    const size_t n = r->data->test.n, batch = r->graph->batch;
    PARE_TRY(pare_graph_set_weights(r->graph, false, e));
    if (!r->predictions) r->predictions = pare_xalloc(n, sizeof *r->predictions);
    for (first *= batch; first < n; first += stride * batch) {
        const pare_batch b = {.data = r->data, .images = &r->data->test, .first = first};
        pare_job job = {.g = r->graph, .batch = &b};
        job.n_images = n - first < batch ? n - first : batch;
        PARE_TRY(pare_graph_forward(&job, e));
        take_predictions(r, first, job.n_images);
        *n_correct += job.n_correct;
    }
    return PARE_OK;
}

pare_status pare_run_evaluate(pare_run *r, double *accuracy_frac, pare_err *e)
{
    double n_correct = 0;
    const unsigned size = pare_comm_size(r->comm);
    r->has_predictions = false;
    PARE_TRY(evaluate_part(r, pare_comm_rank(r->comm), size, &n_correct, e));
    r->has_predictions = size == 1;
    pare_comm_sum_f64(r->comm, &n_correct, 1);
    *accuracy_frac = n_correct / (double)r->data->test.n;
    return PARE_OK;
}

pare_status pare_run_predict(pare_run *r, pare_err *e)
{
    double n_correct = 0;
    return r->has_predictions ? PARE_OK : evaluate_part(r, 0, 1, &n_correct, e);
}

/* The mean of the batch statistics over the first training images, without augmentation. */
pare_status pare_run_calibrate(pare_run *r, pare_err *e)
{
    r->has_predictions = false;
    PARE_TRY(pare_graph_set_weights(r->graph, true, e));
    const size_t n =
        r->steps_per_epoch < CALIBRATION_BATCHES ? r->steps_per_epoch : CALIBRATION_BATCHES;
    for (size_t i = 0; i < n; i++) {
        const pare_batch b = {.data = r->data,
                              .images = &r->data->train,
                              .first = i * r->config->batch + pare_run_part(r)};
        const double share = 1 / (double)(i + 1);
        pare_job job = {.g = r->graph,
                        .is_training = true,
                        .bn_share = share,
                        .range_share = share,
                        .batch = &b,
                        .n_images = r->graph->batch};
        PARE_TRY(pare_graph_forward(&job, e));
    }
    return PARE_OK;
}

pare_status pare_run_ceil(pare_run *r, pare_err *e)
{
    pare_graph *g = r->graph;
    g->is_learning_n = false;
    const pare_method_hooks *hooks = g->method->hooks;
    if (hooks && hooks->round)
        hooks->round(r);
    else
        pare_run_round(r);
    return pare_run_calibrate(r, e);
}
