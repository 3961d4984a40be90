/* checkpoint.c: the state between two steps as one file, written whole; weights from another one.
 */
#include "model/archive.h"
#include "model/method.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t FILE_MAX = (size_t)16 << 30;
static const pare_pos NOWHERE = {0, 0};

/* Goes over the state once for writing and once for reading, so that both have the same names. */
typedef struct walk {
    pare_buf *out;          /* writing */
    const pare_archive *in; /* reading */
    const char *missing;    /* reading: name of the first record that is not there or of another
                               size; points into `name` */
    char name[PARE_ARCHIVE_NAME_MAX];
} walk;

static void pass(walk *w, const char *owner, const char *what, pare_archive_type type, void *v,
                 size_t count)
{
    if (w->missing) return;
    snprintf(w->name, sizeof w->name, "%s%s%s", owner, *owner ? "." : "", what);
    if (w->out)
        pare_archive_add(w->out, w->name, type, v, count);
    else if (!pare_archive_get(w->in, w->name, type, v, count))
        w->missing = w->name;
}

static void pass_f32(walk *w, const char *owner, const char *what, float *v, size_t n)
{
    pass(w, owner, what, PARE_ARCHIVE_F32, v, n);
}

static void pass_f64(walk *w, const char *owner, const char *what, double *v)
{
    pass(w, owner, what, PARE_ARCHIVE_F64, v, 1);
}

static void pass_u64(walk *w, const char *what, uint64_t *v)
{
    pass(w, "", what, PARE_ARCHIVE_U64, v, 1);
}

static void pass_u32(walk *w, const char *what, uint32_t *v)
{
    uint64_t wide = *v;
    pass_u64(w, what, &wide);
    *v = (uint32_t)wide;
}

static void pass_text(walk *w, const char *what, pare_buf *b)
{
    size_t n = b->n;
    if (w->out) {
        pass(w, "", what, PARE_ARCHIVE_BYTES, b->text, b->n);
        return;
    }
    if (w->missing) return;
    if (!pare_archive_find(w->in, what, PARE_ARCHIVE_BYTES, &n)) {
        w->missing = what;
        return;
    }
    char *text = pare_xalloc(n + 1, 1);
    pass(w, "", what, PARE_ARCHIVE_BYTES, text, n);
    b->n = 0;
    pare_buf_add(b, text, n);
    free(text);
}

/* What a trained network is, without the optimizer's state. */
static void pass_weights(walk *w, pare_graph *g, pare_node *n)
{
    if (n->kind == PARE_NODE_MAC) {
        pass_f32(w, n->l->name, "weight", n->w.x, n->w.n);
        if (n->bias.n) pass_f32(w, n->l->name, "bias", n->bias.x, n->bias.n);
    }
    if (n->kind != PARE_NODE_EW || n->bn_layer == PARE_NONE) return;
    const char *name = g->net->layers[n->bn_layer].name;
    pass_f32(w, name, "gamma", n->gamma.x, n->gamma.n);
    pass_f32(w, name, "beta", n->beta.x, n->beta.n);
    pass_f32(w, name, "mean", n->run_mean, n->gamma.n);
    pass_f32(w, name, "variance", n->run_var, n->gamma.n);
}

static void pass_moments(walk *w, const char *layer, const char *what, pare_param *p)
{
    char text[64];
    if (!p->n) return;
    snprintf(text, sizeof text, "%s.m", what);
    pass_f32(w, layer, text, p->m, p->n);
    snprintf(text, sizeof text, "%s.v", what);
    pass_f32(w, layer, text, p->v, p->n);
}

/* One array of each of their numbers. */
static void pass_quants(walk *w, const char *layer, const char *which, pare_quant *q, size_t n)
{
    static const struct {
        const char *name;
        size_t offset;
    } numbers[] = {{"n", offsetof(pare_quant, n)},
                   {"learned_n", offsetof(pare_quant, learned_n)},
                   {"p0", offsetof(pare_quant, p[0])},
                   {"p1", offsetof(pare_quant, p[1])},
                   {"p0.m", offsetof(pare_quant, m_p[0])},
                   {"p1.m", offsetof(pare_quant, m_p[1])},
                   {"nbg", offsetof(pare_quant, nbg)},
                   {"refit", offsetof(pare_quant, refit)},
                   {"levels", offsetof(pare_quant, threshold)}};
    double *v = pare_xalloc(n, sizeof *v);
    const bool has_p = q->row->ngrad == PARE_NGRAD_BITS || q->row->pgrad != PARE_PGRAD_NONE ||
                       q->row->range == PARE_RANGE_ENDS;
    for (size_t i = 0; i < (has_p ? sizeof numbers / sizeof *numbers : 2); i++) {
        char what[64];
        snprintf(what, sizeof what, "%s_%s", which, numbers[i].name);
        for (size_t j = 0; j < n; j++) memcpy(&v[j], (char *)&q[j] + numbers[i].offset, sizeof *v);
        pass(w, layer, what, PARE_ARCHIVE_F64, v, n);
        for (size_t j = 0; j < n; j++) memcpy((char *)&q[j] + numbers[i].offset, &v[j], sizeof *v);
    }
    free(v);
}

/* The second tensor of weights, if there is one. */
static void pass_second(walk *w, pare_graph *g, pare_node *n)
{
    double has = n->qw_second ? 1 : 0;
    pass_f64(w, n->l->name, "has_second", &has);
    if (has == 0 || w->missing) return;
    if (pare_node_add_second(g, n, NULL) != PARE_OK)
        w->missing = "memory";
    else
        pass_quants(w, n->l->name, "second", n->qw_second, n->n_qw);
}

static void pass_node(walk *w, pare_graph *g, pare_node *n)
{
    pass_weights(w, g, n);
    if (n->kind == PARE_NODE_MAC) {
        pass_moments(w, n->l->name, "weight", &n->w);
        pass_moments(w, n->l->name, "bias", &n->bias);
        pass_quants(w, n->l->name, "weight", n->qw, n->n_qw);
        pass_quants(w, n->l->name, "act", &n->qa, 1);
        if (n->qw->row->range == PARE_RANGE_ENDS) pass_second(w, g, n);
    }
    if (n->kind != PARE_NODE_EW || n->bn_layer == PARE_NONE) return;
    const char *name = g->net->layers[n->bn_layer].name;
    pass_moments(w, name, "gamma", &n->gamma);
    pass_moments(w, name, "beta", &n->beta);
}

static void pass_ranges(walk *w, pare_graph *g)
{
    for (uint32_t i = 0; i < g->n_values; i++) {
        float range[2] = {g->values[i].run_lo, g->values[i].run_hi};
        char name[32];
        snprintf(name, sizeof name, "range.%u", i);
        pass_f32(w, "", name, range, 2);
        g->values[i].run_lo = range[0];
        g->values[i].run_hi = range[1];
    }
}

static void pass_state(walk *w, pare_run *r)
{
    pare_graph *g = r->graph;
    pass_u32(w, "phase", &r->phase);
    pass_u32(w, "epoch", &r->epoch);
    pass_u64(w, "step", &r->step);
    pass_u64(w, "n_steps", &r->n_steps);
    pass_u64(w, "n_correct", &r->n_correct);
    pass_f64(w, "", "loss_sum", &r->loss_sum);
    uint32_t is_done = r->is_done;
    pass_u32(w, "is_done", &is_done);
    r->is_done = is_done != 0;
    pass_f64(w, "", "result.real_frac", &r->result.real_frac);
    pass_f64(w, "", "result.ceil_frac", &r->result.ceil_frac);
    pass_f64(w, "", "result.final_frac", &r->result.final_frac);
    pass_f64(w, "", "result.mean_weight_n", &r->result.mean_weight_n);
    pass_f64(w, "", "result.mean_act_n", &r->result.mean_act_n);
    pass_f64(w, "", "result.mean_weight_bits", &r->result.mean_weight_bits);
    pass_f64(w, "", "result.mean_act_bits", &r->result.mean_act_bits);
    pass_f64(w, "", "result.n_unbalanced_frac", &r->result.n_unbalanced_frac);
    pass_u32(w, "result.n_balanced_epoch", &r->result.n_balanced_epoch);
    pass_f64(w, "", "result.rounding_offset", &r->result.rounding_offset);
    pass_f64(w, "", "result.cost_frac", &r->result.cost_frac);
    pass_f64(w, "", "budget.log_gamma", &r->budget.log_gamma);
    pass_f64(w, "", "gamma_now", &r->gamma_now);
    pass_f64(w, "", "n_moved", &g->n_moved);
    pass_f64(w, "", "n_pulled", &g->n_pulled);
    for (uint32_t i = 0; i < g->n_nodes; i++) pass_node(w, g, &g->nodes[i]);
    pass_ranges(w, g);
    const size_t n_bytes = pare_method_state_bytes(r);
    if (n_bytes) pass(w, "", "method", PARE_ARCHIVE_BYTES, r->method_state, n_bytes);
    pass_text(w, "metrics", &r->metrics);
    pass_text(w, "bits_rows", &r->bits_rows);
}

pare_status pare_checkpoint_save(const pare_run *r, const char *name, pare_err *e)
{
    if (pare_comm_rank(r->comm)) return PARE_OK; /* the first process writes */
    pare_buf out = {0}, path = {0};
    walk w = {.out = &out};
    pare_archive_begin(&out, pare_run_hash(r));
    pare_run copy = *r; /* writing changes nothing; the walk takes what can be written to */
    pass_state(&w, &copy);
    pare_archive_end(&out);
    const pare_status status = pare_file_write(pare_run_path(r, name, &path), out.text, out.n, e);
    pare_buf_free(&out);
    pare_buf_free(&path);
    return status;
}

static pare_status read_state(pare_run *r, const char *path, const pare_archive *a, pare_err *e)
{
    if (pare_archive_id(a) != pare_run_hash(r))
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "belongs to a run with another configuration, network or data; "
                            "the same as in its config.yaml, or another folder, expected");
    walk w = {.in = a};
    pass_state(&w, r);
    if (w.missing)
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "has no '%s' of the size that the network needs; delete the run folder "
                            "to start again",
                            w.missing);
    return PARE_OK;
}

typedef pare_status reader(pare_run *r, const char *path, const pare_archive *a, pare_err *e);

static pare_status read_file(pare_run *r, const char *path, reader *read, pare_err *e)
{
    char *bytes = NULL;
    size_t n = 0;
    pare_archive *a = NULL;
    pare_status status = pare_file_read(path, FILE_MAX, &bytes, &n, e);
    if (status == PARE_OK) status = pare_archive_parse(path, bytes, n, &a, e);
    if (status == PARE_OK) status = read(r, path, a, e);
    pare_archive_free(a);
    free(bytes);
    return status;
}

pare_status pare_checkpoint_load(pare_run *r, const char *name, bool *found, pare_err *e)
{
    pare_buf path = {0};
    pare_run_path(r, name, &path);
    *found = access(path.text, F_OK) == 0 || errno != ENOENT;
    pare_status status = *found ? read_file(r, path.text, read_state, e) : PARE_OK;
    const pare_method_hooks *hooks = r->graph->method->hooks;
    if (status == PARE_OK && *found && hooks && hooks->resume) status = hooks->resume(r, e);
    pare_buf_free(&path);
    return status;
}

/* ---- weights of another run -------------------------------------------------------------------
 */

static pare_status check_params(const pare_graph *g, const char *path, pare_err *e)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const pare_node *n = &g->nodes[i];
        const pare_param *const params[] = {&n->w, &n->bias, &n->gamma, &n->beta};
        for (size_t j = 0; j < sizeof params / sizeof *params; j++)
            for (size_t k = 0; k < params[j]->n; k++)
                if (!isfinite(params[j]->x[k]))
                    return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                                        "layer %s has a weight that is not finite; finite ones "
                                        "expected",
                                        g->net->layers[n->layer].name);
    }
    return PARE_OK;
}

static pare_status read_weights(pare_run *r, const char *path, const pare_archive *a, pare_err *e)
{
    pare_graph *g = r->graph;
    walk w = {.in = a};
    for (uint32_t i = 0; i < g->n_nodes; i++) pass_weights(&w, g, &g->nodes[i]);
    if (w.missing)
        return pare_err_set(e, PARE_EINPUT, path, NOWHERE,
                            "has no '%s' of the size that %s needs; a run of the same network "
                            "expected",
                            w.missing, r->net->name);
    return check_params(g, path, e);
}

pare_status pare_checkpoint_start_from(pare_run *r, const char *from, pare_err *e)
{
    pare_buf path = {0};
    struct stat s;
    pare_buf_puts(&path, from);
    if (!stat(from, &s) && S_ISDIR(s.st_mode)) pare_buf_printf(&path, "/%s", PARE_CHECKPOINT);
    const pare_status status = read_file(r, path.text, read_weights, e);
    pare_buf_free(&path);
    return status;
}
