/* weights.c: the quantizers of one layer's weights, group by group. */
#include "model/graph.h"
#include <math.h>
#include <string.h>

enum { TRUNC_BITS = 8 }; /* the widest */

double pare_node_weight_n(const pare_node *n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n->n_qw; i++) sum += n->qw[i].n;
    return n->n_qw ? sum / n->n_qw : 0;
}

uint32_t pare_node_widest(const pare_node *n)
{
    uint32_t best = 0;
    for (uint32_t j = 1; j < n->n_qw; j++)
        if (n->qw[j].n > n->qw[best].n) best = j;
    return best;
}

/* ---- groups -----------------------------------------------------------------------------------
 */

static bool is_contiguous(const pare_node *n) { return n->w_inner * n->n_qw == n->w.n; }

size_t pare_group_size(const pare_node *n) { return n->w.n / n->n_qw; }

/* Element j of a group. */
static size_t group_at(const pare_node *n, uint32_t group, size_t j)
{
    return (j / n->w_inner * n->n_qw + group) * n->w_inner + j % n->w_inner;
}

float *pare_group_take(const pare_node *n, uint32_t group, float *x, float *memory)
{
    if (is_contiguous(n)) return x + group * n->w_inner;
    for (size_t j = 0; j < pare_group_size(n); j++) memory[j] = x[group_at(n, group, j)];
    return memory;
}

void pare_group_set(const pare_node *n, uint32_t group, const float *from, float *x)
{
    for (size_t j = 0; j < pare_group_size(n); j++) x[group_at(n, group, j)] = from[j];
}

void pare_group_put(const pare_node *n, uint32_t group, const float *memory, float *x)
{
    if (is_contiguous(n)) return;
    for (size_t j = 0; j < pare_group_size(n); j++) x[group_at(n, group, j)] = memory[j];
}

/* ---- what a range needs of the weights --------------------------------------------------------
 */

pare_moments pare_moments_of(const float *x, size_t n)
{
    pare_moments m = {0};
    for (size_t i = 0; i < n; i++) {
        const double v = (double)x[i];
        m.mean_abs += fabs(v);
        m.rms += v * v;
        m.largest = fmax(m.largest, fabs(v));
    }
    m.mean_abs /= (double)n;
    m.rms = sqrt(m.rms / (double)n);
    return m;
}

/* t = top * tanh(w) / max|tanh(w)| (DoReFa; scaled to the largest weight, so that a layer without
 * batch norm keeps its size). */
static void apply_tanh(pare_quant *q, const float *x, size_t n, float *t)
{
    q->top = q->top_tanh = 0;
    for (size_t i = 0; i < n; i++) q->top = fmaxf(q->top, fabsf(x[i]));
    q->top_tanh = tanhf(q->top);
    const float factor = q->top_tanh > 0 ? q->top / q->top_tanh : 0;
    for (size_t i = 0; i < n; i++) t[i] = factor * tanhf(x[i]);
}

static void tanh_gradient(const pare_quant *q, const float *x, size_t n, float *g)
{
    const float factor = q->top_tanh > 0 ? q->top / q->top_tanh : 0;
    for (size_t i = 0; i < n; i++) {
        const float t = tanhf(x[i]);
        g[i] *= factor * (1 - t * t);
    }
}

static float rms_clip(const float *x, size_t n)
{
    static const double CLIP = 2.5;
    const pare_moments m = pare_moments_of(x, n);
    return (float)fmin(m.largest, CLIP * m.rms);
}

static void observe(pare_quant *q, const pare_kernels *k, const float *x, size_t n, float *lo,
                    float *hi)
{
    *lo = INFINITY;
    *hi = -INFINITY;
    if (q->row->range == PARE_RANGE_MINMAX || q->row->range == PARE_RANGE_MAXABS) {
        k->minmax(x, n, lo, hi);
        return;
    }
    *hi = q->top;
    if (q->row->range == PARE_RANGE_SAWB) {
        const pare_moments m = pare_moments_of(x, n);
        *hi = (float)pare_sawb_clip(m.mean_abs, m.rms, m.largest, (uint32_t)q->n,
                                    q->row->grid == PARE_GRID_NARROW);
    }
    if (q->row->range == PARE_RANGE_RMS) *hi = rms_clip(x, n);
    *lo = -*hi;
}

/* ---- grids that are not uniform ---------------------------------------------------------------
 */

/* Powers of two qmin..qmax (Uhlich et al. 2020, U3 for powers of two; no zero). */
static void pow2_ends(const pare_quant *q, double *qmin, double *qmax)
{
    *qmax = exp2(rint(log2(q->p[0])));
    *qmin = ldexp(*qmax, 1 - (1 << ((int)q->n - 1)));
}

static void quantize_pow2(pare_quant *q, const float *x, size_t n, float *xq)
{
    double qmin, qmax;
    pow2_ends(q, &qmin, &qmax);
    q->blend = (pare_blend){
        .grid = {{(float)-qmax, (float)qmin, (float)(1 / qmin), (float)(2 * qmax / qmin)}},
        .lo = (float)-qmax,
        .hi = (float)qmax};
    for (size_t i = 0; i < n; i++) {
        const double a = fabs((double)x[i]);
        double v = a <= qmin ? qmin : qmax;
        if (a > qmin && a <= qmax) {
            int e;
            const double m = frexp(a, &e); /* in [1/2, 1) */
            const double tie = q->option ? 0.75 : sqrt(0.5);
            v = fmax(ldexp(1, m >= tie ? e : e - 1), qmin);
        }
        xq[i] = (float)(x[i] < 0 ? -v : v);
    }
}

static void backward_pow2(pare_quant *q, const float *x, float *g, size_t n)
{
    double qmin, qmax;
    pow2_ends(q, &qmin, &qmax);
    float *const one = &(float){0};
    for (size_t i = 0; i < n; i++) {
        const double a = fabs((double)x[i]), side = x[i] < 0 ? -1 : 1;
        if (a > qmax) q->g_p[0] += side * (double)g[i];
        /* qmin goes with qmax */
        if (a <= qmin) q->g_p[0] += side * (double)g[i] * qmin / qmax;
        quantize_pow2(q, &x[i], 1, one);
        g[i] = a > qmin && a <= qmax ? (float)((double)g[i] * fabs((double)*one) / a) : 0;
    }
}

/* sign(w) * s beyond the threshold, else 0 (SYQ; Faraone et al. 2018). */
static double ternary_threshold(const pare_quant *q)
{
    return q->row->grid == PARE_GRID_BINARY ? -1 : q->threshold * (double)q->top;
}

static void quantize_signs(pare_quant *q, const float *x, size_t n, float *xq)
{
    const double t = ternary_threshold(q);
    const float s = (float)q->p[0];
    if (q->row->grid == PARE_GRID_BINARY)
        q->blend.grid[0] = (pare_grid){-s, 2 * s, 0.5f / s, 1};
    else
        q->blend.grid[0] = (pare_grid){-s, s, 1 / s, 2};
    for (size_t i = 0; i < n; i++) xq[i] = fabs((double)x[i]) > t ? (x[i] < 0 ? -s : s) : 0.0f;
}

static void backward_signs(pare_quant *q, const float *x, float *g, size_t n)
{
    const double t = ternary_threshold(q);
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)x[i]) > t)) continue; /* masked weights still learn */
        q->g_p[0] += (double)g[i] * (x[i] < 0 ? -1 : 1);
        g[i] = (float)((double)g[i] * q->p[0]);
    }
}

/* t = w, cut off at the clip. */
static void apply_clip(pare_quant *q, const float *x, size_t n, float *t)
{
    q->top = rms_clip(x, n);
    for (size_t i = 0; i < n; i++) t[i] = fminf(fmaxf(x[i], -q->top), q->top);
}

/* v = (t + 1) / 2 with t = tanh(w) / max|tanh|, or w / clip; code = min(floor(2^k v), 2^k - 1). The
 * scale is short, so that all widths have exactly the levels of their codes. */
static void quantize_trunc(pare_quant *q, const float *x, size_t n, float *xq)
{
    (q->row->range == PARE_RANGE_TANH ? apply_tanh : apply_clip)(q, x, n, xq);
    const uint32_t k = (uint32_t)q->n;
    const double top_code = exp2(k) - 1;
    const pare_grid widest =
        pare_grid_step(ldexp((double)q->top, 1 - TRUNC_BITS), TRUNC_BITS, true);
    const float scale = ldexpf(widest.scale, TRUNC_BITS - (int)k);
    const float lo = -ldexpf(widest.scale, TRUNC_BITS - 1);
    const float shift = q->row->grid == PARE_GRID_CENTER ? scale / 2 : 0;
    q->blend = (pare_blend){
        .grid = {{lo + shift, scale, 1 / scale, (float)top_code}}, .lo = lo, .hi = -lo};
    if (!(q->top > 0)) return;
    for (size_t i = 0; i < n; i++) {
        const double v = ((double)xq[i] / (double)q->top + 1) / 2;
        const double code = fmin(fmax(floor(exp2(k) * v), 0), top_code);
        const float product = scale * (float)code;
        xq[i] = product + q->blend.grid[0].lo;
    }
}

static void backward_trunc(pare_quant *q, const float *x, float *g, size_t n)
{
    if (q->row->range == PARE_RANGE_TANH) tanh_gradient(q, x, n, g);
}

typedef struct special_grid {
    pare_quant_grid grid;
    void (*quantize)(pare_quant *q, const float *x, size_t n, float *xq);
    void (*backward)(pare_quant *q, const float *x, float *g, size_t n);
} special_grid;

static const special_grid specials[] = {
    {PARE_GRID_POW2, quantize_pow2, backward_pow2},
    {PARE_GRID_TERNARY, quantize_signs, backward_signs},
    {PARE_GRID_BINARY, quantize_signs, backward_signs},
    {PARE_GRID_TRUNC, quantize_trunc, backward_trunc},
    {PARE_GRID_CENTER, quantize_trunc, backward_trunc},
};

static const special_grid *special_of(const pare_quant *q)
{
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (specials[i].grid == q->row->grid) return &specials[i];
    return NULL;
}

/* Mean over the weights of sum_i |dL/db_i| = S (2^k - 1) |dL/dw| (quantization.md, section 9). */
static double bit_gradient(const pare_quant *q, const float *g, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += fabs((double)g[i]);
    return (double)q->blend.grid[0].scale * (exp2(q->n) - 1) * sum / (double)n;
}

/* ---- forward and back -------------------------------------------------------------------------
 */

static void rescale(pare_quant *q, size_t n, float *xq)
{
    const pare_grid old = q->blend.grid[0], new = pare_grid_rescaled(&old, q->refit);
    for (size_t i = 0; i < n && old.scale > 0; i++) xq[i] = rintf(xq[i] / old.scale) * new.scale;
    q->blend.grid[0] = q->blend.grid[1] = new;
}

void pare_group_quantize(pare_quant *q, const pare_kernels *k, const float *x, size_t n,
                         bool is_learning, float *xq)
{
    const special_grid *special = special_of(q);
    const bool has_tanh = q->row->range == PARE_RANGE_TANH;
    float lo, hi;
    if (special) {
        special->quantize(q, x, n, xq);
        return;
    }
    if (has_tanh) apply_tanh(q, x, n, xq);
    observe(q, k, x, n, &lo, &hi);
    pare_quant_set_blend(q, lo, hi, is_learning);
    k->quantize(has_tanh ? xq : x, 1, n, &pare_affine_identity, &q->blend, xq, false);
    if (q->refit > 0) rescale(q, n, xq);
}

void pare_group_backward(pare_quant *q, const pare_kernels *k, const float *x, size_t n,
                         bool is_learning, float *g, float *memory)
{
    const special_grid *special = special_of(q);
    const bool has_tanh = q->row->range == PARE_RANGE_TANH;
    double sums[PARE_N_SUMS] = {0};
    if (special) {
        q->g_n = q->g_p[0] = q->g_p[1] = 0;
        special->backward(q, x, g, n);
        q->g_p[0] *= q->p_scale > 0 ? q->p_scale : 1;
        return;
    }
    if (has_tanh) apply_tanh(q, x, n, memory);
    const pare_reduce_args r = {.g = g,
                                .x = has_tanh ? memory : x,
                                .affine = &pare_affine_identity,
                                .blend = &q->blend,
                                .wants = pare_quant_wants(q, is_learning),
                                .sums = sums};
    if (r.wants) k->reduce(&r, 1, n);
    if (q->row->ngrad == PARE_NGRAD_BITS) sums[PARE_SUM_PAIR] = bit_gradient(q, g, n);
    if (has_tanh) tanh_gradient(q, x, n, g);
    pare_quant_take_sums(q, sums);
}

static void add_second(const pare_kernels *k, pare_quant *q, const float *x, size_t n, float *xq,
                       float *rest)
{
    for (size_t i = 0; i < n; i++) rest[i] = x[i] - xq[i];
    pare_group_quantize(q, k, rest, n, false, rest);
    k->add(xq, rest, n);
}

void pare_weights_quantize(const pare_kernels *k, pare_node *n, bool is_learning)
{
    const size_t size = pare_group_size(n);
    float *const memory = n->w_group, *const second = memory ? memory + size : NULL;
    float largest = 0; /* of all groups: a ternary threshold is the layer's */
    if (n->qw->row->grid == PARE_GRID_TERNARY)
        for (size_t i = 0; i < n->w.n; i++) largest = fmaxf(largest, fabsf(n->w.x[i]));
    for (uint32_t i = 0; i < n->n_qw; i++) {
        const float *x = pare_group_take(n, i, n->w.x, memory);
        float *xq = is_contiguous(n) ? n->wq + i * n->w_inner : second;
        if (largest > 0) n->qw[i].top = largest;
        pare_group_quantize(&n->qw[i], k, x, size, is_learning, xq);
        if (n->qw_second) add_second(k, &n->qw_second[i], x, size, xq, n->w_group);
        pare_group_put(n, i, xq, n->wq);
    }
}

void pare_weights_backward(const pare_kernels *k, pare_node *n, bool is_learning)
{
    const size_t size = pare_group_size(n);
    float *const memory = n->w_group, *const second = memory ? memory + size : NULL;
    for (uint32_t i = 0; i < n->n_qw; i++) {
        const float *x = pare_group_take(n, i, n->w.x, memory);
        float *g = pare_group_take(n, i, n->w.g, second);
        /* wq is made anew after the step: its place is free */
        pare_group_backward(&n->qw[i], k, x, size, is_learning, g, n->wq);
        pare_group_put(n, i, g, n->w.g);
    }
}
