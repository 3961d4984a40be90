/* ptq.c: see ptq.h. */
#include "model/ptq.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GRID_CLIPS = 100, GOLDEN_STEPS = 24, TURNS = 10, SAMPLES_MAX = 1 << 16, BINS = 2048 };

static double top_code(pare_ptq_levels levels, uint32_t k)
{
    if (levels == PARE_PTQ_UNSIGNED) return (double)((1u << k) - 1u);
    return k > 1 ? (double)((1u << (k - 1)) - 1u) : 1;
}

/* clamp(rint(x / s)), without calls: a search asks for it a hundred times a weight. */
static inline double code_of(double x, double s, double low, double top)
{
    static const double MAGIC = 0x1.8p52; /* adding it rounds to the nearest even integer */
    double z = x / s;
    z = z > low ? z : low;
    z = z < top ? z : top;
    return z + MAGIC - MAGIC;
}

double pare_ptq_error(const float *x, size_t n, pare_ptq_levels levels, double clip, uint32_t k)
{
    const double top = top_code(levels, k), s = clip / top;
    const double low = levels == PARE_PTQ_UNSIGNED ? 0 : -top;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)x[i] - s * code_of((double)x[i], s, low, top);
        sum += d * d;
    }
    return sum / (double)n;
}

double pare_ptq_refit(const float *x, size_t n, pare_ptq_levels levels, double clip, uint32_t k)
{
    const double top = top_code(levels, k), s = clip / top;
    const double low = levels == PARE_PTQ_UNSIGNED ? 0 : -top;
    double xq = 0, qq = 0;
    for (size_t i = 0; i < n; i++) {
        const double q = code_of((double)x[i], s, low, top);
        xq += (double)x[i] * q;
        qq += q * q;
    }
    return qq > 0 && xq > 0 ? xq / qq * top : clip;
}

/* Golden section of the error in low..high. */
static double golden(const float *x, size_t n, pare_ptq_levels levels, uint32_t k, double low,
                     double high)
{
    const double ratio = 0.6180339887498949;
    double a = high - ratio * (high - low), b = low + ratio * (high - low);
    double ea = pare_ptq_error(x, n, levels, a, k), eb = pare_ptq_error(x, n, levels, b, k);
    for (int i = 0; i < GOLDEN_STEPS; i++) {
        if (ea < eb) {
            high = b;
            b = a;
            eb = ea;
            a = high - ratio * (high - low);
            ea = pare_ptq_error(x, n, levels, a, k);
        } else {
            low = a;
            a = b;
            ea = eb;
            b = low + ratio * (high - low);
            eb = pare_ptq_error(x, n, levels, b, k);
        }
    }
    return ea < eb ? a : b;
}

double pare_ptq_mmse(const float *x, size_t n, pare_ptq_levels levels, uint32_t k)
{
    const double largest = pare_moments_of(x, n).largest, step = largest / GRID_CLIPS;
    if (!(largest > 0)) return 1e-8;
    double best = largest, least = pare_ptq_error(x, n, levels, largest, k);
    for (int i = 1; i < GRID_CLIPS; i++) {
        const double error = pare_ptq_error(x, n, levels, i * step, k);
        if (error >= least) continue;
        least = error;
        best = i * step;
    }
    const double found = golden(x, n, levels, k, fmax(best - step, step / 2), best + step);
    const double found_error = pare_ptq_error(x, n, levels, found, k);
    if (found_error < least) {
        best = found;
        least = found_error;
    }
    for (int i = 0; i < TURNS; i++) {
        const double next = pare_ptq_refit(x, n, levels, best, k);
        const double error = pare_ptq_error(x, n, levels, next, k);
        if (error >= least) break;
        best = next;
        least = error;
    }
    return best;
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

double pare_ptq_percentile(const float *x, size_t n, double percent)
{
    float *a = pare_xalloc(n, sizeof *a);
    for (size_t i = 0; i < n; i++) a[i] = fabsf(x[i]);
    qsort(a, n, sizeof *a, compare);
    const size_t at = (size_t)fmin(ceil(percent / 100 * (double)n), (double)n);
    const double v = (double)a[at ? at - 1 : 0];
    free(a);
    return fmax(v, 1e-8);
}

/* Divergence of the first `used` bins, what is beyond them added to the last, from the same mass
 * spread evenly over the bins of each level that are not empty. */
static double divergence(const double *bins, size_t used, size_t n_levels)
{
    double beyond = 0, total = 0, sum = 0;
    for (size_t i = used; i < BINS; i++) beyond += bins[i];
    for (size_t i = 0; i < BINS; i++) total += bins[i];
    for (size_t level = 0; level < n_levels; level++) {
        const size_t from = level * used / n_levels, to = (level + 1) * used / n_levels;
        double mass = 0, filled = 0;
        for (size_t i = from; i < to; i++) {
            mass += bins[i];
            filled += bins[i] > 0;
        }
        for (size_t i = from; i < to; i++) {
            const double p = bins[i] + (i + 1 == used ? beyond : 0);
            const double q = filled > 0 && bins[i] > 0 ? mass / filled : 1e-4;
            if (p > 0) sum += p / total * log(p / q);
        }
    }
    return sum;
}

double pare_ptq_kl(const float *x, size_t n, pare_ptq_levels levels, uint32_t k)
{
    const double largest = pare_moments_of(x, n).largest;
    const size_t n_levels = (size_t)top_code(levels, k) + 1;
    if (!(largest > 0) || n_levels >= BINS) return fmax(largest, 1e-8);
    double *bins = pare_xalloc(BINS, sizeof *bins);
    for (size_t i = 0; i < n; i++) {
        const size_t at = (size_t)(fabs((double)x[i]) / largest * BINS);
        bins[at < BINS ? at : BINS - 1] += 1;
    }
    bins[0] = bins[1]; /* exact zeros are a level in any case */
    size_t best = BINS;
    double least = INFINITY;
    for (size_t used = n_levels; used <= BINS; used += BINS / 128) {
        const double d = divergence(bins, used, n_levels);
        if (d >= least) continue;
        least = d;
        best = used;
    }
    free(bins);
    return largest * (double)best / BINS;
}

double pare_ptq_aciq(const float *x, size_t n, bool is_laplace, uint32_t k)
{
    static const double gauss[] = {1.71, 2.15, 2.55, 2.93, 3.28, 3.61, 3.92};
    static const double laplace[] = {2.83, 3.89, 5.03, 6.2, 7.41, 8.64, 9.89};
    double mean = 0, variance = 0, deviation = 0;
    for (size_t i = 0; i < n; i++) mean += (double)x[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)x[i] - mean;
        variance += d * d / (double)n;
        deviation += fabs(d) / (double)n;
    }
    const uint32_t at = k < 2 ? 0 : k > 8 ? 6 : k - 2;
    return fmax(is_laplace ? laplace[at] * deviation : gauss[at] * sqrt(variance), 1e-8);
}

/* ---- inputs of the layers ---------------------------------------------------------------------
 */

typedef struct taking {
    pare_samples *s;
    size_t share; /* of SAMPLES_MAX for one call */
} taking;

static size_t mac_index(const pare_run *r, const pare_node *n)
{
    size_t at = 0;
    for (const pare_node *o = r->graph->nodes; o < n; o++) at += o->kind == PARE_NODE_MAC;
    return at;
}

size_t pare_ptq_stride(size_t count, size_t most, size_t channels)
{
    for (size_t stride = count / most + 1;; stride++) {
        size_t a = stride, b = channels; /* greatest common divisor */
        while (b) {
            const size_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1) return stride;
    }
}

static void take(void *context, pare_run *r, pare_node *n, const float *x, size_t count)
{
    const taking *t = context;
    pare_samples *s = &t->s[mac_index(r, n)];
    const size_t stride = pare_ptq_stride(count, t->share, r->graph->values[n->x].channels);
    for (size_t i = 0; i < count; i++) {
        s->lo = fmin(s->lo, (double)x[i]);
        s->hi = fmax(s->hi, (double)x[i]);
        if (i % stride == 0 && s->n < s->capacity) s->v[s->n++] = x[i];
    }
}

pare_status pare_samples_take(pare_run *r, size_t n_images, pare_samples **out, pare_err *e)
{
    pare_samples *s = pare_xalloc(r->graph->n_nodes, sizeof *s);
    *out = s;
    for (uint32_t i = 0; i < r->graph->n_nodes; i++) {
        s[i].v = pare_xalloc(SAMPLES_MAX, sizeof *s[i].v);
        s[i].capacity = SAMPLES_MAX;
        s[i].lo = INFINITY;
        s[i].hi = -INFINITY;
    }
    const size_t calls = n_images / r->config->batch + 1;
    taking t = {s, SAMPLES_MAX / calls + 1};
    return pare_see_inputs(r, n_images, take, &t, e);
}

void pare_samples_free(pare_run *r, pare_samples *s)
{
    for (uint32_t i = 0; s && i < r->graph->n_nodes; i++) free(s[i].v);
    free(s);
}

void pare_ptq_set_input(pare_run *r, pare_node *n, const pare_samples *s, double clip)
{
    pare_quant *q = &n->qa;
    const bool is_image = r->graph->values[n->x].producer == PARE_NONE;
    q->p[0] = is_image ? s->lo : q->is_signed ? -clip : 0;
    q->p[1] = is_image ? s->hi : clip;
}
