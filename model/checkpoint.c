/* checkpoint.c: the state between two steps as one file, written whole. */
#include "model/train.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char MAGIC[8] = {'P', 'A', 'R', 'E', 'C', 'K', 'P', '1'};
static const size_t FILE_MAX = (size_t)16 << 30;
static const size_t TEXT_MAX = (size_t)1 << 28;

/* Goes over the state once for writing and once for reading, so that both have one order. */
typedef struct archive {
    pare_buf *out;  /* writing */
    const char *in; /* reading */
    size_t n, at;
    bool is_short; /* reading came to the end too early */
} archive;

static void pass(archive *a, void *p, size_t n)
{
    if (!n) return; /* p may be NULL */
    if (a->out) {
        pare_buf_add(a->out, p, n);
    } else if (n > a->n - a->at) {
        a->is_short = true;
    } else {
        memcpy(p, a->in + a->at, n);
        a->at += n;
    }
}

static void pass_param(archive *a, pare_param *p)
{
    pass(a, p->x, p->n * sizeof *p->x);
    pass(a, p->m, p->n * sizeof *p->m);
    pass(a, p->v, p->n * sizeof *p->v);
}

static void pass_text(archive *a, pare_buf *b)
{
    uint64_t n = b->n;
    pass(a, &n, sizeof n);
    if (a->out) {
        pass(a, b->text, b->n);
    } else if (n > TEXT_MAX || n > a->n - a->at) {
        a->is_short = true;
    } else {
        b->n = 0;
        pare_buf_add(b, a->in + a->at, n);
        a->at += n;
    }
}

static void pass_node(archive *a, pare_node *n, size_t channels)
{
    if (n->kind == PARE_NODE_MAC) {
        pass_param(a, &n->w);
        pass_param(a, &n->bias);
        for (uint32_t i = 0; i < n->n_qw; i++) pass(a, &n->qw[i].n, sizeof n->qw[i].n);
        pass(a, &n->qa.n, sizeof n->qa.n);
        for (uint32_t i = 0; i < n->n_qw; i++)
            pass(a, &n->qw[i].learned_n, sizeof n->qw[i].learned_n);
        pass(a, &n->qa.learned_n, sizeof n->qa.learned_n);
    }
    if (n->kind != PARE_NODE_EW || n->bn_layer == PARE_NONE) return;
    pass_param(a, &n->gamma);
    pass_param(a, &n->beta);
    pass(a, n->run_mean, channels * sizeof *n->run_mean);
    pass(a, n->run_var, channels * sizeof *n->run_var);
}

static void pass_state(archive *a, pare_run *r)
{
    pare_graph *g = r->graph;
    pass(a, &r->phase, sizeof r->phase);
    pass(a, &r->epoch, sizeof r->epoch);
    pass(a, &r->step, sizeof r->step);
    pass(a, &r->n_steps, sizeof r->n_steps);
    pass(a, &r->loss_sum, sizeof r->loss_sum);
    pass(a, &r->n_correct, sizeof r->n_correct);
    pass(a, &r->is_done, sizeof r->is_done);
    double *const results[] = {
        &r->result.real_frac,     &r->result.ceil_frac,  &r->result.final_frac,
        &r->result.mean_weight_n, &r->result.mean_act_n, &r->result.mean_weight_bits,
        &r->result.mean_act_bits,
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        pass(a, results[i], sizeof *results[i]);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        pass_node(a, &g->nodes[i], g->values[g->nodes[i].x].channels);
    for (uint32_t i = 0; i < g->n_values; i++) {
        pass(a, &g->values[i].run_lo, sizeof g->values[i].run_lo);
        pass(a, &g->values[i].run_hi, sizeof g->values[i].run_hi);
    }
    pass_text(a, &r->metrics);
    pass_text(a, &r->bits_rows);
}

pare_status pare_checkpoint_save(const pare_run *r, const char *name, pare_err *e)
{
    pare_buf out = {0}, path = {0};
    archive a = {.out = &out};
    uint64_t id = pare_run_hash(r);
    pare_buf_add(&out, MAGIC, sizeof MAGIC);
    pare_buf_add(&out, &id, sizeof id);
    pare_run copy = *r; /* writing changes nothing; the walk takes what can be written to */
    pass_state(&a, &copy);
    const uint64_t sum = pare_hash_bytes(PARE_HASH_SEED, out.text, out.n);
    pare_buf_add(&out, &sum, sizeof sum);
    const pare_status status = pare_file_write(pare_run_path(r, name, &path), out.text, out.n, e);
    pare_buf_free(&out);
    pare_buf_free(&path);
    return status;
}

static pare_status read_state(pare_run *r, const char *path, const char *bytes, size_t n,
                              pare_err *e)
{
    const pare_pos nowhere = {0, 0};
    const size_t head = sizeof MAGIC + sizeof(uint64_t), tail = sizeof(uint64_t);
    uint64_t id = 0, sum = 0;
    if (n >= head + tail) {
        memcpy(&id, bytes + sizeof MAGIC, sizeof id);
        memcpy(&sum, bytes + n - tail, sizeof sum);
    }
    if (n < head + tail || memcmp(bytes, MAGIC, sizeof MAGIC) ||
        sum != pare_hash_bytes(PARE_HASH_SEED, bytes, n - tail))
        return pare_err_set(e, PARE_EINPUT, path, nowhere,
                            "is not a whole checkpoint of this program; delete the run folder to "
                            "start again");
    if (id != pare_run_hash(r))
        return pare_err_set(e, PARE_EINPUT, path, nowhere,
                            "belongs to a run with another configuration, network or data; "
                            "the same as in its config.yaml, or another folder, expected");
    archive a = {.in = bytes, .n = n - tail, .at = head};
    pass_state(&a, r);
    if (a.is_short || a.at != a.n)
        return pare_err_set(e, PARE_EINPUT, path, nowhere,
                            "does not fit the network; delete the run folder to start again");
    return PARE_OK;
}

pare_status pare_checkpoint_load(pare_run *r, const char *name, bool *found, pare_err *e)
{
    pare_buf path = {0};
    pare_run_path(r, name, &path);
    *found = access(path.text, F_OK) == 0 || errno != ENOENT;
    pare_status status = PARE_OK;
    if (*found) {
        char *bytes = NULL;
        size_t n = 0;
        status = pare_file_read(path.text, FILE_MAX, &bytes, &n, e);
        if (status == PARE_OK) status = read_state(r, path.text, bytes, n, e);
        free(bytes);
    }
    pare_buf_free(&path);
    return status;
}
