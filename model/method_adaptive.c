/* method_adaptive.c: one network for several bitlengths: a batch norm and clips for each of them
 * (AdaBits, arXiv 1912.09666; Any-Precision, arXiv 1911.07346), teachers among them and swapped
 * blocks (Sun et al., arXiv 2103.01435; their rules are our choice). */
#include "model/method.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTHS_MAX = 8, ARRAYS = 8 };
static const uint64_t SWAP_STREAMS = (uint64_t)3 << 60, DRAW_STREAMS = (uint64_t)5 << 59;

typedef struct widths {
    uint32_t k[WIDTHS_MAX];
    size_t n;
} widths;

/* What comes first in the state; the banks follow, one a width, each with all nodes in order; then,
 * if a step trains one width, the classes' probabilities by the largest width for each training
 * image, negative before it was asked. */
typedef struct head {
    uint64_t is_exporting;
} head;

static pare_status read_widths(const pare_train_config *c, widths *w, pare_err *e)
{
    const char *text = c->options.adaptive.widths, *at = text;
    w->n = 0;
    while (*at) {
        char *end;
        const unsigned long v = strtoul(at, &end, 10);
        const bool is_next = w->n && v >= w->k[w->n - 1];
        if (end == at || v < 1 || v > 8 || is_next || w->n == WIDTHS_MAX || (*end && *end != ','))
            break;
        w->k[w->n++] = (uint32_t)v;
        at = *end ? end + 1 : end;
    }
    if (w->n && !*at) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                        "options.adaptive.widths is '%s'; falling bitlengths from 8 to 1 expected, "
                        "such as 8,4,2",
                        text);
}

static void rows(const pare_train_config *c, pare_quant_rows *out)
{
    static const pare_quant_grid grids[] = {PARE_GRID_CENTER, PARE_GRID_TRUNC, PARE_GRID_AFFINE};
    out->w.grid = grids[c->options.adaptive.weights];
    if (c->options.adaptive.range) out->w.range = PARE_RANGE_RMS;
}

/* ---- banks ------------------------------------------------------------------------------------
 */

/* What a node has for each width. */
typedef struct owned {
    float *arrays[ARRAYS]; /* then the gradients, which are summed */
    float *gradients[2];
    size_t n;
    double *numbers[4], *number_gradients[2];
} owned;

static owned owned_of(pare_node *n)
{
    owned o = {0};
    if (n->kind == PARE_NODE_MAC)
        return (owned){.numbers = {&n->qa.p[0], &n->qa.p[1], &n->qa.m_p[0], &n->qa.m_p[1]},
                       .number_gradients = {&n->qa.g_p[0], &n->qa.g_p[1]}};
    if (n->kind != PARE_NODE_EW || n->bn_layer == PARE_NONE) return o;
    return (owned){.arrays = {n->gamma.x, n->gamma.m, n->gamma.v, n->beta.x, n->beta.m, n->beta.v,
                              n->run_mean, n->run_var},
                   .gradients = {n->gamma.g, n->beta.g},
                   .n = n->gamma.n};
}

static size_t bytes_of(const owned *o)
{
    if (o->numbers[0]) return 6 * sizeof(double);
    return o->n * (ARRAYS + 2) * sizeof(float);
}

static size_t bank_bytes(const pare_graph *g)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const owned o = owned_of(&g->nodes[i]);
        sum += (bytes_of(&o) + 7) / 8 * 8;
    }
    return sum;
}

static char *bank_of(pare_run *r, size_t width, uint32_t node)
{
    char *at = (char *)r->method_state + sizeof(head) + width * bank_bytes(r->graph);
    for (uint32_t i = 0; i < node; i++) {
        const owned o = owned_of(&r->graph->nodes[i]);
        at += (bytes_of(&o) + 7) / 8 * 8;
    }
    return at;
}

static size_t state_bytes(const pare_run *r)
{
    widths w;
    if (read_widths(r->config, &w, NULL) != PARE_OK) w.n = 0;
    const size_t memory = (size_t)r->data->train.n * r->graph->n_classes * sizeof(float);
    return sizeof(head) + w.n * bank_bytes(r->graph) +
           (r->config->options.adaptive.passes == 1 ? memory : 0);
}

/* What the largest width said of a training image. */
static float *said_of(pare_run *r, const widths *w, uint32_t image)
{
    char *banks = (char *)r->method_state + sizeof(head);
    float *said = (float *)(void *)(banks + w->n * bank_bytes(r->graph));
    return said + (size_t)image * r->graph->n_classes;
}

typedef enum move { LOAD, STORE, ADD_GRADIENTS, LOAD_GRADIENTS, CLEAR_GRADIENTS } move;

static void move_floats(move m, float *own, float *bank, size_t n, bool is_gradient)
{
    if (m == LOAD && !is_gradient) memcpy(own, bank, n * sizeof *own);
    if (m == STORE && !is_gradient) memcpy(bank, own, n * sizeof *own);
    if (m == LOAD_GRADIENTS && is_gradient) memcpy(own, bank, n * sizeof *own);
    if (m == CLEAR_GRADIENTS && is_gradient) memset(bank, 0, n * sizeof *bank);
    for (size_t i = 0; m == ADD_GRADIENTS && is_gradient && i < n; i++) bank[i] += own[i];
}

static void move_number(move m, double *own, double *bank, bool is_gradient)
{
    if (m == LOAD && !is_gradient) *own = *bank;
    if (m == STORE && !is_gradient) *bank = *own;
    if (m == LOAD_GRADIENTS && is_gradient) *own = *bank;
    if (m == CLEAR_GRADIENTS && is_gradient) *bank = 0;
    if (m == ADD_GRADIENTS && is_gradient) *bank += *own;
}

static void move_node(pare_run *r, move m, size_t width, uint32_t node)
{
    const owned o = owned_of(&r->graph->nodes[node]);
    char *bank = bank_of(r, width, node);
    if (o.numbers[0]) {
        double *at = (double *)(void *)bank;
        for (int i = 0; i < 4; i++) move_number(m, o.numbers[i], at + i, false);
        for (int i = 0; i < 2; i++) move_number(m, o.number_gradients[i], at + 4 + i, true);
        return;
    }
    float *at = (float *)(void *)bank;
    for (int i = 0; i < ARRAYS && o.n; i++)
        move_floats(m, o.arrays[i], at + (size_t)i * o.n, o.n, false);
    for (int i = 0; i < 2 && o.n; i++)
        move_floats(m, o.gradients[i], at + (size_t)(ARRAYS + i) * o.n, o.n, true);
}

static void set_bits(pare_node *n, uint32_t k)
{
    if (n->kind != PARE_NODE_MAC || n->qa.is_fixed) return;
    for (uint32_t j = 0; j < n->n_qw; j++) n->qw[j].n = k;
    n->qa.n = k;
}

/* ---- blocks -----------------------------------------------------------------------------------
 */

/* Residual blocks, or single layers in a network without additions. */
static uint32_t block_of(const pare_graph *g, uint32_t node)
{
    bool has_add = false;
    uint32_t block = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) has_add |= g->nodes[i].z != PARE_NONE;
    for (uint32_t i = 0; i < node; i++)
        block += has_add ? g->nodes[i].z != PARE_NONE
                         : i + 1 < g->n_nodes && g->nodes[i + 1].kind == PARE_NODE_MAC;
    return block;
}

static bool is_swapped(const pare_run *r, size_t width, uint32_t block)
{
    const double n = (double)r->phases[r->phase].n_epochs * (double)r->steps_per_epoch;
    const double done = (double)r->epoch * (double)r->steps_per_epoch + (double)r->step;
    pare_rng rng =
        pare_rng_new(r->config->seed, SWAP_STREAMS + (r->n_steps << 20) + width * 65536 + block);
    return pare_rng_unit(&rng) < r->config->options.adaptive.swap * (1 - done / n);
}

/* ---- a step -----------------------------------------------------------------------------------
 */

/* Of one step: the classes' probabilities and the loss by the labels, for each width. */
typedef struct pass {
    bool is_on[WIDTHS_MAX]; /* is trained in this step */
    float *probability[WIDTHS_MAX];
    double loss[WIDTHS_MAX];
    size_t n_done;
    float **weight_g, **bias_g; /* sums, per node */
} pass;

static double take_probabilities(const pare_run *r, float *p)
{
    const pare_graph *g = r->graph;
    const float *x = g->values[g->out].data;
    const size_t n = g->n_classes;
    double loss = 0;
    for (size_t i = 0; i < g->batch; i++) {
        double top = (double)x[i * n], sum = 0;
        for (size_t j = 1; j < n; j++) top = fmax(top, (double)x[i * n + j]);
        for (size_t j = 0; j < n; j++) sum += exp((double)x[i * n + j] - top);
        for (size_t j = 0; j < n; j++)
            p[i * n + j] = (float)(exp((double)x[i * n + j] - top) / sum);
        loss += (log(fmax(sum, 1)) + top - (double)x[i * n + g->labels[i]]) / (double)g->batch;
    }
    return loss;
}

/* Of the larger widths that run; none: WIDTHS_MAX. */
static size_t teacher_of(const pare_run *r, const pass *p, size_t width)
{
    const int choice = r->config->options.adaptive.teacher;
    size_t best = WIDTHS_MAX;
    for (size_t j = width; j-- > 0 && choice != 2;) {
        if (!p->is_on[j]) continue;
        if (best == WIDTHS_MAX || (choice == 0 && p->loss[j] < p->loss[best])) best = j;
    }
    return best;
}

/* All, or the ends and others, or one. */
static void draw_widths(const pare_run *r, const widths *w, bool *is_on)
{
    const size_t n = r->config->options.adaptive.passes;
    pare_rng rng = pare_rng_new(r->config->seed, DRAW_STREAMS + r->n_steps);
    for (size_t k = 0; k < w->n; k++) is_on[k] = !n || n >= w->n;
    if (!n || n >= w->n) return;
    if (n > 1) is_on[0] = is_on[w->n - 1] = true;
    for (size_t left = n > 1 ? n - 2 : 1; left;) {
        const size_t k = pare_rng_below(&rng, (uint32_t)w->n);
        left -= !is_on[k];
        is_on[k] = true;
    }
}

/* Targets of a width that runs alone: what the largest said, or the label as long as it has not
 * been asked; the largest itself learns from the labels and is remembered. */
static void find_targets(pare_run *r, const pare_job *job, const widths *w, float *out)
{
    const size_t n = r->graph->n_classes;
    for (size_t i = 0; i < job->n_images; i++) {
        const uint32_t image = job->batch->order[job->batch->first + i];
        const float *said = said_of(r, w, image);
        for (size_t j = 0; j < n; j++)
            out[i * n + j] = said[0] < 0 ? (float)(j == r->data->train.labels[image]) : said[j];
    }
}

static void remember(pare_run *r, const pare_job *job, const widths *w, const float *p)
{
    const size_t n = r->graph->n_classes;
    for (size_t i = 0; i < job->n_images; i++)
        memcpy(said_of(r, w, job->batch->order[job->batch->first + i]), p + i * n, n * sizeof *p);
}

static void add(float *sum, const float *x, size_t n, bool is_first)
{
    for (size_t i = 0; i < n; i++) sum[i] = is_first ? x[i] : sum[i] + x[i];
}

static pare_status run_width(pare_run *r, pare_job *job, const widths *w, size_t width, pass *p,
                             pare_err *e)
{
    pare_graph *g = r->graph;
    const size_t teacher = teacher_of(r, p, width);
    size_t *of = pare_xalloc(g->n_nodes, sizeof *of);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const bool swaps = teacher < WIDTHS_MAX && is_swapped(r, width, block_of(g, i));
        of[i] = swaps ? teacher : width;
        move_node(r, LOAD, of[i], i);
        set_bits(&g->nodes[i], w->k[of[i]]);
    }
    const bool is_alone = r->config->options.adaptive.passes == 1;
    const bool is_first = !p->n_done++;
    job->soft = teacher < WIDTHS_MAX ? p->probability[teacher] : NULL;
    if (is_alone && width && r->config->options.adaptive.teacher != 2) {
        find_targets(r, job, w, p->probability[0]);
        job->soft = p->probability[0];
    }
    pare_status status = pare_graph_set_weights(g, true, e);
    if (status == PARE_OK) status = pare_graph_forward(job, e);
    if (status == PARE_OK) status = pare_run_check_loss(r, job, e);
    if (status == PARE_OK) p->loss[width] = take_probabilities(r, p->probability[width]);
    if (status == PARE_OK && is_alone && !width) remember(r, job, w, p->probability[0]);
    if (status == PARE_OK) status = pare_graph_backward(job, e);
    if (status == PARE_OK) status = pare_graph_reduce(g, e);
    for (uint32_t i = 0; i < g->n_nodes && status == PARE_OK; i++) {
        pare_node *n = &g->nodes[i];
        move_node(r, STORE, of[i], i);
        move_node(r, ADD_GRADIENTS, of[i], i);
        if (n->kind != PARE_NODE_MAC) continue;
        add(p->weight_g[i], n->w.g, n->w.n, is_first);
        if (n->bias.n) add(p->bias_g[i], n->bias.g, n->bias.n, is_first);
    }
    free(of);
    return status;
}

static void step_all(pare_run *r, const pare_update *u, const widths *w, const pass *p)
{
    pare_graph *g = r->graph;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *n = &g->nodes[i];
        if (n->kind == PARE_NODE_MAC) {
            memcpy(n->w.g, p->weight_g[i], n->w.n * sizeof *n->w.g);
            u->optimizer->step(&n->w, u);
            if (n->bias.n) memcpy(n->bias.g, p->bias_g[i], n->bias.n * sizeof *n->bias.g);
            if (n->bias.n) u->optimizer->step(&n->bias, u);
        }
        for (size_t k = w->n; k-- > 0;) { /* the largest width stays loaded */
            move_node(r, LOAD, k, i);
            if (!p->is_on[k]) continue;
            move_node(r, LOAD_GRADIENTS, k, i);
            if (n->kind == PARE_NODE_MAC)
                pare_quant_step_p(&n->qa, u->p_lr, u->momentum, u->p_decay);
            if (n->gamma.n) u->optimizer->step(&n->gamma, u);
            if (n->beta.n) u->optimizer->step(&n->beta, u);
            move_node(r, STORE, k, i);
        }
        set_bits(n, w->k[0]);
    }
}

static pass new_pass(const pare_graph *g)
{
    pass p = {.weight_g = pare_xalloc(g->n_nodes, sizeof(float *)),
              .bias_g = pare_xalloc(g->n_nodes, sizeof(float *))};
    for (int i = 0; i < WIDTHS_MAX; i++)
        p.probability[i] = pare_xalloc((size_t)g->batch * g->n_classes, sizeof(float));
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        p.weight_g[i] = pare_xalloc(g->nodes[i].w.n + 1, sizeof(float));
        p.bias_g[i] = pare_xalloc(g->nodes[i].bias.n + 1, sizeof(float));
    }
    return p;
}

static void free_pass(const pare_graph *g, pass *p)
{
    for (int i = 0; i < WIDTHS_MAX; i++) free(p->probability[i]);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        free(p->weight_g[i]);
        free(p->bias_g[i]);
    }
    free(p->weight_g);
    free(p->bias_g);
}

static pare_status step(pare_run *r, pare_job *job, pare_update *u, pare_err *e)
{
    widths w;
    PARE_TRY(read_widths(r->config, &w, e));
    pass p = new_pass(r->graph);
    pare_status status = PARE_OK;
    pare_job first = *job;
    for (size_t k = 0; k < w.n; k++)
        for (uint32_t i = 0; i < r->graph->n_nodes; i++) move_node(r, CLEAR_GRADIENTS, k, i);
    draw_widths(r, &w, p.is_on);
    for (size_t k = 0; k < w.n && status == PARE_OK; k++) {
        pare_job now = *job;
        if (!p.is_on[k]) continue;
        const bool is_first = !p.n_done;
        status = run_width(r, &now, &w, k, &p, e);
        if (is_first) first = now;
    }
    if (status == PARE_OK) step_all(r, u, &w, &p);
    free_pass(r->graph, &p);
    *job = first;
    job->soft = NULL;
    PARE_TRY(status);
    return pare_graph_set_weights(r->graph, true, e);
}

/* ---- a run ------------------------------------------------------------------------------------
 */

static void load_width(pare_run *r, const widths *w, size_t width)
{
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        move_node(r, LOAD, width, i);
        set_bits(&r->graph->nodes[i], w->k[width]);
    }
}

static pare_status open(pare_run *r, pare_err *e)
{
    widths w;
    PARE_TRY(read_widths(r->config, &w, e));
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) set_bits(&r->graph->nodes[i], w.k[0]);
    return PARE_OK;
}

static pare_status start(pare_run *r, pare_err *e)
{
    widths w;
    PARE_TRY(read_widths(r->config, &w, e));
    PARE_TRY(pare_start_clips(r, e));
    for (size_t k = 0; k < w.n; k++)
        for (uint32_t i = 0; i < r->graph->n_nodes; i++) move_node(r, STORE, k, i);
    for (size_t i = 0; r->config->options.adaptive.passes == 1 && i < r->data->train.n; i++)
        said_of(r, &w, (uint32_t)i)[0] = -1;
    return PARE_OK;
}

/* One run folder for each width below the run's own, and the accuracies in a table. */
static pare_status export(pare_run *r, pare_err *e)
{
    widths w;
    head *h = r->method_state;
    const char *folder = r->folder;
    const pare_train_result result = r->result;
    if (h->is_exporting) return PARE_OK;
    PARE_TRY(read_widths(r->config, &w, e));
    pare_buf table = {0}, path = {0}, sub = {0};
    pare_status status = PARE_OK;
    pare_buf_puts(&table, "width,test_accuracy_frac\n");
    h->is_exporting = 1;
    for (size_t k = 0; k < w.n && status == PARE_OK; k++) {
        sub.n = 0;
        pare_buf_printf(&sub, "%s/width%u", folder, w.k[k]);
        r->folder = sub.text;
        load_width(r, &w, k);
        status = pare_run_evaluate(r, &r->result.final_frac, e);
        pare_run_mean_n(r, &r->result.mean_weight_bits, &r->result.mean_act_bits);
        if (status == PARE_OK) status = pare_run_write_start(r, e);
        if (status == PARE_OK) status = pare_run_export(r, e);
        pare_buf_printf(&table, "%u,", w.k[k]);
        pare_buf_real(&table, r->result.final_frac);
        pare_buf_puts(&table, "\n");
    }
    h->is_exporting = 0;
    r->folder = folder;
    r->result = result;
    load_width(r, &w, 0);
    if (status == PARE_OK)
        status = pare_file_write(pare_run_path(r, "widths.csv", &path), table.text, table.n, e);
    pare_buf_free(&table);
    pare_buf_free(&path);
    pare_buf_free(&sub);
    return status;
}

const pare_method_hooks pare_adaptive_hooks = {.rows = rows,
                                               .state_bytes = state_bytes,
                                               .open = open,
                                               .start = start,
                                               .step = step,
                                               .export = export};
