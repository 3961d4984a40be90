/* method_datafree.c: weights after training, without data (Nayak et al. 2019; arXiv 1910.04877): a
 * harness of schemes, bitlengths and layers. The list of schemes and the search are our choice. */
#include "model/ptq.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_BITS = 2, MOST_BITS = 8, CLUSTER_TURNS = 50, CLASSES_MAX = 65536 };

/* Levels of a group: a uniform grid lo..hi or -clip..clip, powers of two, or any list. */
typedef struct levels {
    const pare_quant_row *row; /* NULL: `values` */
    double p[2];
    float values[1 << MOST_BITS];
    size_t n;
} levels;

static const pare_quant_row affine = {PARE_RANGE_ENDS, PARE_GRID_MIDRISE, 0, 0, 0, 0};
static const pare_quant_row narrow = {PARE_RANGE_ENDS, PARE_GRID_NARROW, 0, 0, 0, 0};
static const pare_quant_row pow2 = {PARE_RANGE_CLIP, PARE_GRID_POW2, 0, 0, 0, 0};

static levels of_clip(double clip) { return (levels){.row = &narrow, .p = {-clip, clip}}; }

static levels by_minmax(const float *x, size_t n, uint32_t k)
{
    (void)k;
    levels l = {.row = &affine, .p = {INFINITY, -INFINITY}};
    for (size_t i = 0; i < n; i++) {
        l.p[0] = fmin(l.p[0], (double)x[i]);
        l.p[1] = fmax(l.p[1], (double)x[i]);
    }
    return l;
}

static levels by_maxabs(const float *x, size_t n, uint32_t k)
{
    (void)k;
    return of_clip(pare_moments_of(x, n).largest);
}

static levels by_sigma(const float *x, size_t n, uint32_t k)
{
    (void)k;
    return of_clip(3 * pare_moments_of(x, n).rms);
}

static levels by_sawb(const float *x, size_t n, uint32_t k)
{
    const pare_moments m = pare_moments_of(x, n);
    const double clip = pare_sawb_clip(m.mean_abs, m.rms, m.largest, k, false);
    return (levels){.row = &affine, .p = {-clip, clip}};
}

static levels by_mmse(const float *x, size_t n, uint32_t k)
{
    return of_clip(pare_ptq_mmse(x, n, PARE_PTQ_NARROW, k));
}

static levels by_aciq_gauss(const float *x, size_t n, uint32_t k)
{
    return of_clip(pare_ptq_aciq(x, n, false, k));
}

static levels by_aciq_laplace(const float *x, size_t n, uint32_t k)
{
    return of_clip(pare_ptq_aciq(x, n, true, k));
}

static levels by_pow2(const float *x, size_t n, uint32_t k)
{
    (void)k;
    return (levels){.row = &pow2, .p = {pare_moments_of(x, n).largest, 0}};
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* One-dimensional k-means: in sorted values clusters are intervals. First centres by quantiles. */
static levels by_kmeans(const float *x, size_t n, uint32_t k)
{
    levels l = {.n = (size_t)1 << k};
    float *sorted = pare_xalloc(n, sizeof *sorted);
    memcpy(sorted, x, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t j = 0; j < l.n; j++) l.values[j] = sorted[(2 * j + 1) * n / (2 * l.n)];
    for (int turn = 0; turn < CLUSTER_TURNS; turn++) {
        size_t at = 0;
        for (size_t j = 0; j < l.n; j++) {
            double sum = 0, count = 0;
            const float end = j + 1 < l.n ? (l.values[j] + l.values[j + 1]) / 2 : INFINITY;
            for (; at < n && sorted[at] <= end; at++, count++) sum += (double)sorted[at];
            if (count > 0) l.values[j] = (float)(sum / count);
        }
    }
    free(sorted);
    return l;
}

/* In the order of options.datafree.scheme, after "best". */
static const struct {
    const char *name;
    levels (*find)(const float *x, size_t n, uint32_t k);
    bool is_exact; /* an integer machine runs it, so "best" may take it */
} schemes[] = {
    {"minmax", by_minmax, true},
    {"maxabs", by_maxabs, true},
    {"sigma", by_sigma, true},
    {"sawb", by_sawb, true},
    {"mmse", by_mmse, true},
    {"aciq_gauss", by_aciq_gauss, true},
    {"aciq_laplace", by_aciq_laplace, true},
    {"kmeans", by_kmeans, false},
    {"pow2", by_pow2, false},
};
enum { N_SCHEMES = sizeof schemes / sizeof *schemes };

/* ---- one layer --------------------------------------------------------------------------------
 */

static float nearest(const levels *l, float x)
{
    size_t best = 0;
    for (size_t j = 1; j < l->n; j++)
        if (fabsf(l->values[j] - x) < fabsf(l->values[best] - x)) best = j;
    return l->values[best];
}

static void apply(pare_run *r, pare_node *n, uint32_t group, const levels *l, uint32_t k, float *xq)
{
    const size_t size = pare_group_size(n);
    const float *x = n->w.x + group * size;
    pare_quant *q = &n->qw[group];
    q->n = k;
    if (!l->row) {
        for (size_t i = 0; i < size; i++) xq[i] = nearest(l, x[i]);
        return;
    }
    q->row = l->row;
    q->threshold = l->row == &affine ? 1 : 0;
    q->p[0] = l->p[0];
    q->p[1] = l->p[1];
    pare_group_quantize(q, r->graph->kernels, x, size, false, xq);
}

static double squared_error(const float *x, const float *xq, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)x[i] - (double)xq[i];
        sum += d * d;
    }
    return sum;
}

/* The layer's levels by a scheme (-1: of least error) at k bits, into n->wq. */
static void quantize(pare_run *r, pare_node *n, int scheme, uint32_t k)
{
    const size_t size = pare_group_size(n);
    float *trial = pare_xalloc(size, sizeof *trial);
    for (uint32_t j = 0; j < n->n_qw; j++) {
        const float *x = n->w.x + j * size;
        levels best = {0};
        double least = INFINITY;
        for (int s = 0; s < N_SCHEMES; s++) {
            if (scheme >= 0 ? s != scheme : !schemes[s].is_exact) continue;
            if (schemes[s].find == by_pow2 && k > 4) continue;
            const levels l = schemes[s].find(x, size, k);
            apply(r, n, j, &l, k, trial);
            const double error = squared_error(x, trial, size);
            if (error >= least && scheme < 0) continue;
            least = error;
            best = l;
        }
        if (isfinite(least)) apply(r, n, j, &best, k, n->wq + j * size);
    }
    free(trial);
}

/* ---- the network ------------------------------------------------------------------------------
 */

static bool counts(const char *classes, uint32_t label)
{
    if (!*classes) return true;
    for (const char *at = classes; *at;) {
        char *end;
        if (strtoul(at, &end, 10) == label && end != at) return true;
        at = *end ? end + 1 : end;
    }
    return false;
}

/* Of the first test images whose class counts, with n->wq as the weights. */
static pare_status accuracy_of(pare_run *r, double *frac, pare_err *e)
{
    pare_graph *g = r->graph;
    const size_t limit = r->config->calibration_images;
    const size_t n = r->data->test.n < limit ? r->data->test.n : limit;
    size_t n_correct = 0, total = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        pare_node *k = &g->nodes[i];
        if (k->kind != PARE_NODE_MAC) continue;
        PARE_TRY(pare_mac_set_weights(k->mac_eval, 0, k->wq, k->bias.n ? k->bias.x : NULL, e));
    }
    for (size_t first = 0; first < n; first += r->config->batch) {
        const pare_batch b = {.data = r->data, .images = &r->data->test, .first = first};
        pare_job job = {.g = g, .batch = &b};
        job.n_images = n - first < r->config->batch ? n - first : r->config->batch;
        PARE_TRY(pare_graph_forward(&job, e));
        const float *logits = g->values[g->out].data;
        for (size_t i = 0; i < job.n_images; i++) {
            const uint32_t label = r->data->test.labels[first + i];
            if (!counts(r->config->options.datafree.classes, label)) continue;
            size_t best = 0;
            for (size_t j = 1; j < g->n_classes; j++)
                if (logits[i * g->n_classes + j] > logits[i * g->n_classes + best]) best = j;
            total++;
            n_correct += best == label;
        }
    }
    *frac = total ? (double)n_correct / (double)total : 0;
    return PARE_OK;
}

static void quantize_all(pare_run *r, int scheme, const uint32_t *k)
{
    size_t at = 0;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++)
        if (r->graph->nodes[i].kind == PARE_NODE_MAC)
            quantize(r, &r->graph->nodes[i], scheme, k[at++]);
}

/* ---- the table --------------------------------------------------------------------------------
 */

static double entropy_bits(const float *xq, size_t n)
{
    float *sorted = pare_xalloc(n, sizeof *sorted);
    memcpy(sorted, xq, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    double sum = 0;
    for (size_t i = 0, from = 0; i < n; i++) {
        if (i + 1 < n && sorted[i + 1] == sorted[i]) continue;
        const double p = (double)(i + 1 - from) / (double)n;
        sum -= p * log2(p);
        from = i + 1;
    }
    free(sorted);
    return sum;
}

static void add_layer(pare_buf *out, const pare_node *n, const char *scheme, uint32_t k,
                      double network_frac)
{
    double lo = INFINITY, hi = -INFINITY, zeros = 0, power = 0;
    for (size_t i = 0; i < n->w.n; i++) {
        lo = fmin(lo, (double)n->wq[i]);
        hi = fmax(hi, (double)n->wq[i]);
        zeros += n->wq[i] == 0.0f;
        power += (double)n->w.x[i] * (double)n->w.x[i];
    }
    const double error = squared_error(n->w.x, n->wq, n->w.n);
    const double v[] = {hi - lo,
                        zeros / (double)n->w.n,
                        error / (double)n->w.n,
                        error > 0 ? 10 * log10(power / error) : 0,
                        entropy_bits(n->wq, n->w.n),
                        network_frac};
    pare_buf_printf(out, "%s,%s,%u", n->l->name, scheme, k);
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        pare_buf_puts(out, ",");
        pare_buf_real(out, v[i]);
    }
    pare_buf_puts(out, "\n");
}

static pare_status write_table(pare_run *r, uint32_t *k, size_t n_layers, pare_err *e)
{
    pare_buf out = {0}, path = {0};
    pare_status status = PARE_OK;
    pare_buf_puts(&out, "layer,scheme,weight_bits,range,zero_frac,mse,sqnr_db,entropy_bits,"
                        "network_accuracy_frac\n");
    for (int s = -1; s < N_SCHEMES; s++)
        for (uint32_t bits = MOST_BITS; bits >= LEAST_BITS && status == PARE_OK; bits--) {
            if (s >= 0 && schemes[s].find == by_pow2 && bits > 4) continue;
            double frac = 0;
            for (size_t i = 0; i < n_layers; i++) k[i] = bits;
            quantize_all(r, s, k);
            status = accuracy_of(r, &frac, e);
            for (uint32_t i = 0; i < r->graph->n_nodes; i++)
                if (r->graph->nodes[i].kind == PARE_NODE_MAC)
                    add_layer(&out, &r->graph->nodes[i], s < 0 ? "best" : schemes[s].name, bits,
                              frac);
        }
    if (status == PARE_OK)
        status = pare_file_write(pare_run_path(r, "datafree.csv", &path), out.text, out.n, e);
    pare_buf_free(&out);
    pare_buf_free(&path);
    return status;
}

/* The least bits of all layers together, then layer by layer from the largest, that keep the
 * accuracy. */
static pare_status find_least(pare_run *r, int scheme, double floor_frac, uint32_t *k,
                              size_t n_layers, pare_err *e)
{
    double frac;
    uint32_t least = MOST_BITS;
    for (uint32_t bits = MOST_BITS; bits >= LEAST_BITS; bits--) {
        for (size_t i = 0; i < n_layers; i++) k[i] = bits;
        quantize_all(r, scheme, k);
        PARE_TRY(accuracy_of(r, &frac, e));
        if (frac < floor_frac) break;
        least = bits;
    }
    for (size_t i = 0; i < n_layers; i++) k[i] = least;
    size_t n_nodes;
    pare_node **nodes = pare_mac_nodes(r, &n_nodes);
    pare_status status = PARE_OK;
    uint64_t done = 0; /* sizes above are done */
    for (size_t turn = 0; turn < n_layers && status == PARE_OK; turn++) {
        size_t at = n_layers;
        for (size_t i = 0; i < n_layers; i++)
            if ((!done || nodes[i]->w.n < done) &&
                (at == n_layers || nodes[i]->w.n > nodes[at]->w.n))
                at = i;
        if (at == n_layers) break;
        done = nodes[at]->w.n;
        for (bool goes_on = true; goes_on && k[at] > LEAST_BITS && status == PARE_OK;) {
            k[at]--;
            quantize_all(r, scheme, k);
            status = accuracy_of(r, &frac, e);
            goes_on = frac >= floor_frac;
            if (!goes_on) k[at]++;
        }
    }
    free(nodes);
    quantize_all(r, scheme, k);
    return status;
}

/* Activations keep their given bits; their ranges are the one thing that data is used for. */
static pare_status set_inputs(pare_run *r, pare_err *e)
{
    pare_samples *s;
    const pare_status status = pare_samples_take(r, r->config->batch, &s, e);
    size_t at = 0;
    for (uint32_t i = 0; i < r->graph->n_nodes && status == PARE_OK; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind != PARE_NODE_MAC) continue;
        const pare_samples *in = &s[at++];
        pare_ptq_set_input(r, n, in, fmax(fmax(in->hi, -in->lo), 1e-8));
    }
    pare_samples_free(r, s);
    return status;
}

static pare_status start(pare_run *r, pare_err *e)
{
    const int scheme = r->config->options.datafree.scheme - 1;
    double real_frac = 0;
    size_t n_layers = r->net->n_mac_layers;
    PARE_TRY(set_inputs(r, e));
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        pare_node *n = &r->graph->nodes[i];
        if (n->kind == PARE_NODE_MAC) memcpy(n->wq, n->w.x, n->w.n * sizeof *n->wq);
    }
    PARE_TRY(accuracy_of(r, &real_frac, e));
    uint32_t *k = pare_xalloc(n_layers, sizeof *k);
    pare_status status = write_table(r, k, n_layers, e);
    if (status == PARE_OK)
        status =
            find_least(r, scheme, real_frac - r->config->options.datafree.drop, k, n_layers, e);
    free(k);
    return status;
}

static pare_status open(pare_run *r, pare_err *e)
{
    const int scheme = r->config->options.datafree.scheme - 1;
    if (scheme >= 0 && !schemes[scheme].is_exact)
        return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                            "options.datafree.scheme %s is for datafree.csv only; the exported "
                            "network needs best or a uniform scheme",
                            schemes[scheme].name);
    return PARE_OK;
}

static void take_row(void *context, pare_run *r, pare_node *n, pare_quant *q, bool is_weight)
{
    (void)context;
    (void)r;
    (void)n;
    if (is_weight) q->row = q->threshold == 1 ? &affine : &narrow;
}

static pare_status resume(pare_run *r, pare_err *e)
{
    (void)e;
    pare_each_quant(r, take_row, NULL);
    return PARE_OK;
}

const pare_method_hooks pare_datafree_hooks = {
    .has_no_steps = true, .open = open, .start = start, .resume = resume};
