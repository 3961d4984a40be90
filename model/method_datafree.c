/* method_datafree.c: weights after training, without data (Nayak et al. 2019; arXiv 1910.04877): a
 * harness of schemes, bitlengths and layers. The list of schemes and the search are our choice. */
#include "model/ptq.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_BITS = 2, MOST_BITS = 8, N_BITS = MOST_BITS - LEAST_BITS + 1, CLUSTER_TURNS = 50 };

/* Levels of a group: a uniform grid lo..hi or -clip..clip, powers of two, or any rising list. */
typedef struct levels {
    const pare_quant_row *row; /* NULL: `values` */
    double p[2];
    float *values; /* the owner frees */
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
    l.values = pare_xalloc(l.n, sizeof *l.values);
    float *sorted = pare_xalloc(n, sizeof *sorted);
    memcpy(sorted, x, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t j = 0; j < l.n; j++) l.values[j] = sorted[(2 * j + 1) * n / (2 * l.n)];
    bool has_moved = true;
    for (int turn = 0; turn < CLUSTER_TURNS && has_moved; turn++) {
        size_t at = 0;
        has_moved = false;
        for (size_t j = 0; j < l.n; j++) {
            double sum = 0, count = 0;
            const float end = j + 1 < l.n ? (l.values[j] + l.values[j + 1]) / 2 : INFINITY;
            for (; at < n && sorted[at] <= end; at++, count++) sum += (double)sorted[at];
            const float centre = count > 0 ? (float)(sum / count) : l.values[j];
            has_moved |= centre != l.values[j];
            l.values[j] = centre;
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
    {"best", NULL, false}, /* for each group the exact one of least error */
};
enum { N_SCHEMES = sizeof schemes / sizeof *schemes - 1, BEST = N_SCHEMES };

/* ---- the network ------------------------------------------------------------------------------
 */

/* Levels of every group of every layer by every scheme at every bitlength, each found once, when it
 * is first asked for; and what the layers hold now. */
typedef struct harness {
    pare_run *r;
    pare_node **nodes;
    size_t n;
    levels **found;             /* per layer: [N_SCHEMES + 1][N_BITS][groups] */
    bool *is_found;             /* [n][N_SCHEMES + 1][N_BITS] */
    float *memory;              /* the largest group */
    uint32_t *images, *hardest; /* to choose by, as they come and those of small margins first */
    size_t n_images;
} harness;

typedef struct hard_image {
    double margin;
    uint32_t image;
} hard_image;

static int compare_margins(const void *a, const void *b)
{
    const hard_image *x = a, *y = b;
    if (x->margin != y->margin) return x->margin < y->margin ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

static harness new_harness(pare_run *r)
{
    harness h = {.r = r};
    size_t most = 0;
    h.nodes = pare_mac_nodes(r, &h.n);
    h.found = pare_xalloc(h.n, sizeof *h.found);
    h.is_found = pare_xalloc(h.n * (N_SCHEMES + 1) * N_BITS, sizeof *h.is_found);
    for (size_t i = 0; i < h.n; i++) {
        h.found[i] =
            pare_xalloc((size_t)(N_SCHEMES + 1) * N_BITS * h.nodes[i]->n_qw, sizeof **h.found);
        if (pare_group_size(h.nodes[i]) > most) most = pare_group_size(h.nodes[i]);
    }
    h.memory = pare_xalloc(most, sizeof *h.memory);
    h.n_images = r->config->calibration_images;
    if (h.n_images > r->data->train.n) h.n_images = r->data->train.n;
    h.images = pare_xalloc(h.n_images, sizeof *h.images);
    h.hardest = pare_xalloc(h.n_images, sizeof *h.hardest);
    return h;
}

static void free_harness(harness *h)
{
    for (size_t i = 0; i < h->n; i++) {
        /* those of the best are others' */
        for (size_t j = 0; j < (size_t)N_SCHEMES * N_BITS * h->nodes[i]->n_qw; j++)
            free(h->found[i][j].values);
        free(h->found[i]);
    }
    free(h->found);
    free(h->is_found);
    free(h->nodes);
    free(h->memory);
    free(h->images);
    free(h->hardest);
}

/* In a rising list; of equally near ones the lower. */
static float nearest(const levels *l, float x)
{
    size_t low = 0, high = l->n - 1;
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (l->values[middle] < x)
            low = middle;
        else
            high = middle;
    }
    return fabsf(l->values[high] - x) < fabsf(l->values[low] - x) ? l->values[high]
                                                                  : l->values[low];
}

static void apply(const harness *h, pare_node *n, uint32_t group, const levels *l, uint32_t k,
                  float *xq)
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
    pare_group_quantize(q, h->r->graph->kernels, x, size, false, xq);
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

static const levels *levels_of(harness *h, size_t layer, int scheme, uint32_t k);

static levels find_best(harness *h, size_t layer, uint32_t group, uint32_t k)
{
    pare_node *n = h->nodes[layer];
    const size_t size = pare_group_size(n);
    levels best = {0};
    double least = INFINITY;
    for (int s = 0; s < N_SCHEMES; s++) {
        if (!schemes[s].is_exact) continue;
        const levels *l = levels_of(h, layer, s, k) + group;
        apply(h, n, group, l, k, h->memory);
        const double error = squared_error(n->w.x + group * size, h->memory, size);
        if (error >= least) continue;
        least = error;
        best = *l;
    }
    return best;
}

/* Of all groups of a layer. */
static const levels *levels_of(harness *h, size_t layer, int scheme, uint32_t k)
{
    pare_node *n = h->nodes[layer];
    const size_t at = (size_t)scheme * N_BITS + k - LEAST_BITS, size = pare_group_size(n);
    levels *l = h->found[layer] + at * n->n_qw;
    bool *is_found = &h->is_found[layer * (N_SCHEMES + 1) * N_BITS + at];
    for (uint32_t j = 0; j < n->n_qw && !*is_found; j++)
        l[j] = scheme == BEST ? find_best(h, layer, j, k)
                              : schemes[scheme].find(n->w.x + j * size, size, k);
    *is_found = true;
    return l;
}

/* The layer's weights by a scheme at k bits, into n->wq and the evaluation. */
static pare_status quantize(harness *h, size_t layer, int scheme, uint32_t k, pare_err *e)
{
    pare_node *n = h->nodes[layer];
    const levels *l = levels_of(h, layer, scheme, k);
    for (uint32_t j = 0; j < n->n_qw; j++) apply(h, n, j, l + j, k, n->wq + j * pare_group_size(n));
    return pare_mac_set_weights(n->mac_eval, 0, n->wq, n->bias.n ? n->bias.x : NULL, e);
}

static pare_status quantize_all(harness *h, int scheme, uint32_t k, pare_err *e)
{
    for (size_t i = 0; i < h->n; i++) PARE_TRY(quantize(h, i, scheme, k, e));
    return PARE_OK;
}

/* ---- accuracy ---------------------------------------------------------------------------------
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

/* By how much the right class's logit leads. */
static double margin_of(const float *logits, size_t n, uint32_t label)
{
    double most = -INFINITY;
    for (size_t j = 0; j < n; j++)
        if (j != label) most = fmax(most, (double)logits[j]);
    return (double)logits[label] - most;
}

/* Does an image's class count? */
static bool image_counts(const pare_run *r, uint32_t image)
{
    return counts(r->config->options.datafree.classes, r->data->train.labels[image]);
}

/* One batch of a list of training images: those that count and are classified right; `margins`
 * may be NULL. */
static pare_status run_batch(pare_run *r, const uint32_t *images, size_t n, double *margins,
                             size_t *n_right, pare_err *e)
{
    const pare_batch b = {.data = r->data, .images = &r->data->train, .order = images};
    pare_job job = {.g = r->graph, .batch = &b, .n_images = n};
    PARE_TRY(pare_graph_forward(&job, e));
    const size_t n_classes = r->graph->n_classes;
    const float *logits = r->graph->values[r->graph->out].data;
    for (size_t i = 0; i < n; i++, logits += n_classes) {
        const double margin = margin_of(logits, n_classes, r->data->train.labels[images[i]]);
        if (margins) margins[i] = margin;
        *n_right += margin > 0 && image_counts(r, images[i]);
    }
    return PARE_OK;
}

/* Share of the images whose class counts, with the weights that are set. `floor_frac`: it is enough
 * to know whether this is reached; *frac is then on the right side of it. Negative: the whole. */
static pare_status accuracy_of(pare_run *r, const uint32_t *images, size_t n, double floor_frac,
                               double *frac, double *margins, pare_err *e)
{
    const size_t batch = r->config->batch;
    size_t total = 0, n_right = 0;
    for (size_t i = 0; i < n; i++) total += image_counts(r, images[i]);
    *frac = 0;
    size_t left = total;
    for (size_t first = 0; first < n && total; first += batch) {
        const size_t here = n - first < batch ? n - first : batch;
        PARE_TRY(run_batch(r, images + first, here, margins ? margins + first : NULL, &n_right, e));
        for (size_t i = first; i < first + here; i++) left -= image_counts(r, images[i]);
        *frac = (double)n_right / (double)total;
        if (floor_frac < 0) continue;
        if (*frac >= floor_frac || (double)(n_right + left) / (double)total < floor_frac) break;
    }
    return PARE_OK;
}

/* The last training images, and their accuracy with real weights; those of small margins come
 * first in h->hardest, as they show soonest that bits are too few. */
static pare_status take_images(harness *h, double *real_frac, pare_err *e)
{
    pare_run *r = h->r;
    const size_t n = h->n_images;
    hard_image *hard = pare_xalloc(n, sizeof *hard);
    double *margins = pare_xalloc(n, sizeof *margins);
    for (size_t i = 0; i < n; i++) h->images[i] = (uint32_t)(r->data->train.n - n + i);
    pare_status status = PARE_OK;
    for (size_t i = 0; i < h->n && status == PARE_OK; i++) {
        pare_node *k = h->nodes[i];
        status = pare_mac_set_weights(k->mac_eval, 0, k->w.x, k->bias.n ? k->bias.x : NULL, e);
    }
    if (status == PARE_OK) status = accuracy_of(r, h->images, n, -1, real_frac, margins, e);
    for (size_t i = 0; i < n; i++) hard[i] = (hard_image){margins[i], h->images[i]};
    qsort(hard, n, sizeof *hard, compare_margins);
    for (size_t i = 0; i < n; i++) h->hardest[i] = hard[i].image;
    free(hard);
    free(margins);
    return status;
}

/* ---- the table --------------------------------------------------------------------------------
 */

/* Of the levels' shares; there are few, so they are kept sorted. */
static double entropy_bits(const float *xq, size_t n)
{
    float *level = pare_xalloc(n, sizeof *level);
    size_t *count = pare_xalloc(n, sizeof *count), n_levels = 0;
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = n_levels;
        while (low < high) {
            const size_t middle = (low + high) / 2;
            if (level[middle] < xq[i])
                low = middle + 1;
            else
                high = middle;
        }
        if (low == n_levels || level[low] != xq[i]) {
            memmove(level + low + 1, level + low, (n_levels - low) * sizeof *level);
            memmove(count + low + 1, count + low, (n_levels - low) * sizeof *count);
            level[low] = xq[i];
            count[low] = 0;
            n_levels++;
        }
        count[low]++;
    }
    double sum = 0;
    for (size_t j = 0; j < n_levels; j++) {
        const double p = (double)count[j] / (double)n;
        sum -= p * log2(p);
    }
    free(level);
    free(count);
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

static pare_status write_table(harness *h, pare_err *e)
{
    const size_t batch = h->r->config->batch, n = h->n_images < batch ? h->n_images : batch;
    pare_buf out = {0}, path = {0};
    pare_status status = PARE_OK;
    pare_buf_puts(&out, "layer,scheme,weight_bits,range,zero_frac,mse,sqnr_db,entropy_bits,"
                        "network_accuracy_frac\n");
    for (int i = 0; i <= N_SCHEMES; i++) {
        const int s = i ? i - 1 : BEST; /* the best comes first */
        for (uint32_t bits = MOST_BITS; bits >= LEAST_BITS && status == PARE_OK; bits--) {
            if (schemes[s].find == by_pow2 && bits > 4) continue;
            double frac = 0;
            status = quantize_all(h, s, bits, e);
            if (status == PARE_OK) status = accuracy_of(h->r, h->images, n, -1, &frac, NULL, e);
            for (size_t j = 0; j < h->n && status == PARE_OK; j++)
                add_layer(&out, h->nodes[j], schemes[s].name, bits, frac);
        }
    }
    if (status == PARE_OK)
        status = pare_file_write(pare_run_path(h->r, "datafree.csv", &path), out.text, out.n, e);
    pare_buf_free(&out);
    pare_buf_free(&path);
    return status;
}

/* ---- the least bits ---------------------------------------------------------------------------
 */

/* Of all layers together, by bisection. */
static pare_status find_uniform(harness *h, int scheme, double floor_frac, uint32_t *bits,
                                pare_err *e)
{
    uint32_t low = LEAST_BITS - 1, high = MOST_BITS + 1; /* too few, enough */
    double frac = 0;
    while (high - low > 1) {
        *bits = (low + high) / 2;
        PARE_TRY(quantize_all(h, scheme, *bits, e));
        PARE_TRY(accuracy_of(h->r, h->hardest, h->n_images, floor_frac, &frac, NULL, e));
        if (frac >= floor_frac)
            high = *bits;
        else
            low = *bits;
    }
    *bits = high;
    if (high <= MOST_BITS) return quantize_all(h, scheme, high, e);
    return pare_err_set(e, PARE_EINPUT, NULL, (pare_pos){0, 0},
                        "no bits keep an accuracy of %.4g, which is options.datafree.drop %g below "
                        "that of real weights; a larger drop expected",
                        floor_frac, h->r->config->options.datafree.drop);
}

/* One layer's bits down while the accuracy is kept. */
static pare_status shrink(harness *h, size_t layer, int scheme, double floor_frac, uint32_t bits,
                          pare_err *e)
{
    for (; bits > LEAST_BITS; bits--) {
        double frac;
        PARE_TRY(quantize(h, layer, scheme, bits - 1, e));
        PARE_TRY(accuracy_of(h->r, h->hardest, h->n_images, floor_frac, &frac, NULL, e));
        if (frac < floor_frac) return quantize(h, layer, scheme, bits, e);
    }
    return PARE_OK;
}

/* The least bits of all layers together, then layer by layer from the largest, that keep the
 * accuracy. */
static pare_status find_least(harness *h, int scheme, double floor_frac, pare_err *e)
{
    uint32_t bits;
    PARE_TRY(find_uniform(h, scheme, floor_frac, &bits, e));
    bool *is_done = pare_xalloc(h->n, sizeof *is_done);
    pare_status status = PARE_OK;
    for (size_t turn = 0; turn < h->n && status == PARE_OK; turn++) {
        size_t at = h->n;
        for (size_t i = 0; i < h->n; i++)
            if (!is_done[i] && (at == h->n || h->nodes[i]->w.n > h->nodes[at]->w.n)) at = i;
        is_done[at] = true;
        status = shrink(h, at, scheme, floor_frac, bits, e);
    }
    free(is_done);
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
    const pare_method_options *o = &r->config->options;
    const int scheme = o->datafree.scheme ? o->datafree.scheme - 1 : BEST;
    double real_frac = 0;
    PARE_TRY(set_inputs(r, e));
    harness h = new_harness(r);
    pare_status status = take_images(&h, &real_frac, e);
    if (status == PARE_OK) status = write_table(&h, e);
    if (status == PARE_OK) status = find_least(&h, scheme, real_frac - o->datafree.drop, e);
    free_harness(&h);
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
