/* requant.c: integers between layers: what turns a layer's integer sums into the next one's codes,
 * and the codes of the sampled images that come of it. */
#include "model/export.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 4, POOLS_MAX = 4 };

/* A MAC layer, what stands behind it, and the MAC layer that alone reads the result. */
typedef struct link {
    pare_node *from, *next;
    pare_node *ew; /* batch norm and activation; NULL: none */
    const pare_node *pools[POOLS_MAX];
    size_t n_pools;
} link;

/* The node that alone reads a value; NULL: none or several. */
static pare_node *reader_of(const pare_graph *g, uint32_t value)
{
    if (g->values[value].n_readers != 1) return NULL;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].x == value && g->nodes[i].kind != PARE_NODE_CONCAT) return &g->nodes[i];
    return NULL;
}

/* Codes rise with values, so the largest code is that of the largest value: maximum pooling is in
 * integers too. Averages and additions are not. */
static bool find_link(const pare_graph *g, pare_node *from, link *out)
{
    *out = (link){.from = from};
    for (pare_node *n = reader_of(g, from->y); n; n = reader_of(g, n->y)) {
        switch (n->kind) {
        case PARE_NODE_MAC: out->next = n; return true;
        case PARE_NODE_EW:
            if (out->ew || out->n_pools || n->z != PARE_NONE) return false;
            out->ew = n;
            break;
        case PARE_NODE_MAXPOOL:
            if (out->n_pools == POOLS_MAX) return false;
            out->pools[out->n_pools++] = n;
            break;
        default: return false;
        }
    }
    return false;
}

static double largest_sum(const pare_node *n, const int32_t *weights)
{
    double sum = 0, most = 0;
    const size_t depth = n->w.n / pare_layer_dims(n->l, 1).k;
    for (size_t i = 0; i < n->w.n; i++) {
        sum = (i % depth ? sum : 0) + abs(weights[i]);
        most = fmax(most, sum);
    }
    return most * (double)n->qa.blend.grid[0].top;
}

/* ---- triples ----------------------------------------------------------------------------------
 */

/* code of z = (z - lo) / scale; z = norm * (weight scale * input scale * sum + what does not depend
 * on the image) + offset. */
static void find_triples(const link *l, const int32_t *weights, uint32_t scale_bits,
                         pare_requant *out, double *most)
{
    const pare_node *n = l->from;
    const pare_grid *in = &n->qa.blend.grid[0], *next = &l->next->qa.blend.grid[0];
    const size_t k = pare_layer_dims(n->l, 1).k, depth = n->w.n / k;
    const bool has_norm = l->ew && l->ew->bn_layer != PARE_NONE;
    if (has_norm) pare_node_fold_running(l->ew);
    *most = 0;
    for (size_t c = 0; c < k; c++) {
        const double scale = (double)n->qw[c * n->n_qw / k].blend.grid[0].scale;
        const double norm = has_norm ? (double)l->ew->scale[c] : 1;
        const double offset = has_norm ? (double)l->ew->offset[c] : 0;
        double sum = 0;
        for (size_t i = 0; i < depth; i++) sum += weights[c * depth + i];
        const double base = scale * sum * (double)in->lo + (n->bias.n ? (double)n->bias.x[c] : 0);
        const double m = norm * scale * (double)in->scale / (double)next->scale;
        const double zero = rint(-(double)next->lo / (double)next->scale);
        const double b = (norm * base + offset - (double)next->lo) / (double)next->scale - zero;
        out[c] = pare_requant_of(m, b, scale_bits);
        *most = fmax(*most, fabs(m));
    }
}

static pare_status save_triples(const pare_run *r, const link *l, const pare_requant *p,
                                pare_err *e)
{
    const size_t dims[2] = {pare_layer_dims(l->from->l, 1).k, COLUMNS};
    pare_tensor t = {0};
    pare_buf name = {0}, path = {0};
    pare_status status = pare_tensor_new(PARE_I32, 2, dims, &t, e);
    for (size_t c = 0; c < dims[0] && status == PARE_OK; c++) {
        const int32_t row[COLUMNS] = {(int32_t)p[c].prescale_shift, p[c].scale,
                                      (int32_t)p[c].postscale_shift, p[c].bias};
        memcpy((int32_t *)t.data + c * COLUMNS, row, sizeof row);
    }
    pare_export_path("params", l->from->l->name, ".requant", &name);
    if (status == PARE_OK) status = pare_npy_save(pare_run_path(r, name.text, &path), &t, e);
    pare_tensor_free(&t);
    pare_buf_free(&name);
    pare_buf_free(&path);
    return status;
}

/* ---- codes of the sampled images, by plain loops ----------------------------------------------
 */

/* sum(qw qa) of one output; padding is the code of zero. x: one image. */
static int64_t sum_of(const pare_dims *d, const int32_t *x, int32_t zero, const int32_t *w,
                      size_t k, size_t p, size_t q)
{
    const size_t channels = d->c / d->groups, first = k / (d->k / d->groups) * channels;
    int64_t sum = 0;
    for (size_t r = 0; r < d->r; r++)
        for (size_t s = 0; s < d->s; s++) {
            const size_t h = p * d->stride[0] + r * d->dilation[0] - d->pad[0];
            const size_t v = q * d->stride[1] + s * d->dilation[1] - d->pad[1];
            const bool is_inside = h < d->h && v < d->w; /* below 0 is very large */
            for (size_t c = 0; c < channels; c++) {
                const int32_t weight = w[((k * channels + c) * d->r + r) * d->s + s];
                sum += (int64_t)weight * (is_inside ? x[(h * d->w + v) * d->c + first + c] : zero);
            }
        }
    return sum;
}

/* One image through the layer, its requantization and clamp. */
static void run_layer(const link *l, const int32_t *weights, const pare_requant *triples,
                      const int32_t *x, int32_t *y)
{
    const pare_dims d = pare_layer_dims(l->from->l, 1);
    const pare_grid *in = &l->from->qa.blend.grid[0], *next = &l->next->qa.blend.grid[0];
    const int32_t in_zero = (int32_t)rint(-(double)in->lo / (double)in->scale);
    const double zero = rint(-(double)next->lo / (double)next->scale);
    const double lo = l->ew ? (double)l->ew->affine.lo : -INFINITY;
    const double hi = l->ew ? (double)l->ew->affine.hi : INFINITY;
    const double low = fmax(zero + lo / (double)next->scale, 0);
    const double high = fmin(zero + rint(hi / (double)next->scale), (double)next->top);
    for (size_t p = 0; p < d.p; p++)
        for (size_t q = 0; q < d.q; q++)
            for (size_t k = 0; k < d.k; k++) {
                const int64_t sum = sum_of(&d, x, in_zero, weights, k, p, q);
                const double code = (double)pare_requantize(sum, &triples[k]) + zero;
                y[(p * d.q + q) * d.k + k] = (int32_t)fmax(fmin(code, high), low);
            }
}

static void run_pool(const pare_pool_window *k, const int32_t *x, int32_t *y)
{
    for (size_t p = 0; p < k->p; p++)
        for (size_t q = 0; q < k->q; q++)
            for (size_t c = 0; c < k->c; c++) {
                int32_t best = INT32_MIN;
                for (size_t r = 0; r < k->kernel[0]; r++)
                    for (size_t s = 0; s < k->kernel[1]; s++) {
                        const size_t h = p * k->stride[0] + r - k->pad[0];
                        const size_t w = q * k->stride[1] + s - k->pad[1];
                        if (h >= k->h || w >= k->w) continue;
                        const int32_t v = x[(h * k->w + w) * k->c + c];
                        best = v > best ? v : best;
                    }
                y[(p * k->q + q) * k->c + c] = best;
            }
}

/* One image: codes of the layer's input to codes of the next one's. Memory: two maps. */
static void run_link(const link *l, const int32_t *weights, const pare_requant *triples,
                     const int32_t *x, int32_t *memory, size_t most, int32_t *y)
{
    int32_t *now = l->n_pools ? memory : y;
    run_layer(l, weights, triples, x, now);
    for (size_t i = 0; i < l->n_pools; i++) {
        const pare_pool_window k = pare_pool_window_of(l->pools[i]->l, 1);
        int32_t *to = i + 1 == l->n_pools ? y : now == memory ? memory + most : memory;
        run_pool(&k, now, to);
        now = to;
    }
}

/* ---- one link ---------------------------------------------------------------------------------
 */

/* `slack`: by how much of a code integers of few bits may be off besides a tie; about so large a
 * share of the codes is then another one. */
static pare_status compare(const link *l, const int32_t *ours, const int32_t *theirs, size_t n,
                           double slack, pare_err *e)
{
    static const double TIES_FRAC = 0.01, TIES = 4;
    size_t n_differ = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        n_differ += ours[i] != theirs[i];
        if (abs(ours[i] - theirs[i]) > abs(ours[worst] - theirs[worst])) worst = i;
    }
    if (abs(ours[worst] - theirs[worst]) <= 1 + (int32_t)slack &&
        (double)n_differ <= TIES + (TIES_FRAC + 2 * slack) * (double)n)
        return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0},
                        "layer %s: integers give %zu of %zu codes of layer %s that floats do not, "
                        "as %d for %d; this is a bug in pare-train",
                        l->from->l->name, n_differ, n, l->next->l->name, ours[worst],
                        theirs[worst]);
}

static pare_status write_link(const exporter *x, const link *l, const int32_t *weights,
                              uint32_t scale_bits, pare_err *e)
{
    const pare_graph *g = x->r->graph;
    const size_t in = g->values[l->from->x].count, out = g->values[l->next->x].count;
    const size_t n = x->n_images, most = g->values[l->from->y].count;
    pare_requant *triples = pare_xalloc(pare_layer_dims(l->from->l, 1).k, sizeof *triples);
    int32_t *codes = pare_xalloc(n * (in + 2 * out) + 2 * most, sizeof *codes);
    int32_t *ours = codes + n * in, *theirs = ours + n * out, *memory = theirs + n * out;
    double multiplier;
    pare_buf name = {0};
    find_triples(l, weights, scale_bits, triples, &multiplier);
    pare_status status = save_triples(x->r, l, triples, e);
    if (status == PARE_OK) status = pare_export_input_codes(x->r, l->from, n, codes, e);
    if (status == PARE_OK) status = pare_export_input_codes(x->r, l->next, n, theirs, e);
    for (size_t i = 0; i < n && status == PARE_OK; i++)
        run_link(l, weights, triples, codes + i * in, memory, most, ours + i * out);
    const double top = (double)l->next->qa.blend.grid[0].top;
    const double slack = ldexp(top, -(int)scale_bits) + ldexp(multiplier, -8);
    if (status == PARE_OK) status = compare(l, ours, theirs, n * out, slack, e);
    pare_export_path("acts", l->next->l->name, ".requant", &name);
    if (status == PARE_OK) status = pare_export_save_input(x, l->next, name.text, ours, e);
    pare_buf_free(&name);
    free(triples);
    free(codes);
    return status;
}

pare_status pare_export_requant(pare_run *r, uint32_t scale_bits, pare_err *e)
{
    const exporter x = {.r = r, .n_images = pare_export_n_images(r)};
    pare_graph *g = r->graph;
    pare_status status = PARE_OK;
    for (uint32_t i = 0; i < g->n_nodes && status == PARE_OK; i++) {
        pare_node *n = &g->nodes[i];
        link l;
        if (n->kind != PARE_NODE_MAC || !n->is_w_signed || n->qw_second) continue;
        if (!find_link(g, n, &l)) continue;
        int32_t *weights = pare_xalloc(n->w.n, sizeof *weights);
        status = pare_export_weight_codes(n, n->qw, n->wq, true, weights, e);
        if (status == PARE_OK && largest_sum(n, weights) < (double)PARE_REQUANT_SUM_END)
            status = write_link(&x, &l, weights, scale_bits, e);
        free(weights);
    }
    return status;
}
