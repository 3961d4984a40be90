/* quant.c: the state of a quantizer: its grids, its gradients, its steps. */
#include "model/quant.h"
#include <float.h>
#include <math.h>

static const double RANGE_MIN = 1e-12;

void pare_quant_split(const pare_quant *q, uint32_t *k, double *a)
{
    *k = (uint32_t)q->n;
    if (*k > q->n_max - 1) *k = q->n_max - 1;
    if (*k < 1) *k = 1;
    *a = q->n - (double)*k;
}

pare_grid pare_grid_affine(float lo, float hi, uint32_t k, bool is_nudged)
{
    if (is_nudged) {
        lo = lo < 0.0f ? lo : 0.0f;
        hi = hi > 0.0f ? hi : 0.0f;
    }
    const double range = (double)hi - (double)lo;
    const double top = (double)((1u << k) - 1u);
    pare_grid g = {lo, 0.0f, 0.0f, (float)top};
    if (!(range >= RANGE_MIN)) return g;
    g.scale = (float)(range / top);
    g.inv = (float)(top / range);
    if (is_nudged) {
        /* the code of zero; scale * code + lo is then exactly 0 */
        const float zero = (float)fmin(rint(-(double)lo * (double)g.inv), top);
        g.lo = -(g.scale * zero);
    }
    return g;
}

/* A scale whose products with codes of k bits are exact floats. */
static float short_scale(double s, uint32_t k)
{
    int exponent;
    const int digits = FLT_MANT_DIG - (int)k;
    const double mantissa = frexp(s, &exponent);
    return (float)ldexp(rint(ldexp(mantissa, digits)), exponent - digits);
}

static pare_grid grid_around(double s, double zero, double top, uint32_t k)
{
    pare_grid g = {0.0f, 0.0f, 0.0f, (float)top};
    if (!(s >= RANGE_MIN)) return g;
    g.scale = short_scale(s, k);
    g.inv = (float)(1 / (double)g.scale);
    g.lo = -(g.scale * (float)zero) + 0.0f;
    return g;
}

pare_grid pare_grid_narrow(double a, uint32_t k)
{
    const double half = k > 1 ? (double)((1u << (k - 1)) - 1u) : 1;
    return grid_around(a / half, half, 2 * half, k);
}

pare_grid pare_grid_step(double s, uint32_t k, bool is_signed)
{
    return grid_around(s, is_signed ? (double)(1u << (k - 1)) : 0, (double)((1u << k) - 1u), k);
}

bool pare_grid_zero(const pare_grid *g, uint32_t *zero)
{
    *zero = 0;
    if (!(g->scale > 0)) return g->lo == 0.0f;
    const double z = rint(-(double)g->lo / (double)g->scale);
    if (z < 0 || z > (double)g->top || (double)g->scale * z != -(double)g->lo) return false;
    *zero = (uint32_t)z;
    /* the largest product must be exact */
    return (double)(float)((double)g->scale * (double)g->top) == (double)g->scale * (double)g->top;
}

static double nearest_pow2(double x) { return exp2(rint(log2(x))); }

static pare_grid grid_of_steps(const pare_quant *q)
{
    const double d = nearest_pow2(q->p[0]), most = q->is_signed ? 64 : 128; /* codes of 8 bits */
    const double top = fmin(fmax(nearest_pow2(q->p[1]) / d, 1), most);
    return grid_around(d, q->is_signed ? top : 0, q->is_signed ? 2 * top : top, 8);
}

static pare_grid grid_of(const pare_quant *q, float lo, float hi, uint32_t k)
{
    const bool is_symmetric = q->is_signed && q->row->range != PARE_RANGE_MINMAX;
    switch (q->row->grid) {
    case PARE_GRID_STEPS: return grid_of_steps(q);
    case PARE_GRID_TC: return pare_grid_step(q->p[0], k, q->is_signed);
    case PARE_GRID_NARROW:
    case PARE_GRID_AFFINE:
        if (is_symmetric && (q->row->grid == PARE_GRID_NARROW || q->row->range == PARE_RANGE_CLIP))
            return pare_grid_narrow(fmax((double)hi, -(double)lo), k);
        return pare_grid_affine(lo, hi, k, q->is_nudged);
    default: return pare_grid_affine(lo, hi, k, false);
    }
}

bool pare_range_is_observed(pare_quant_range r)
{
    return r == PARE_RANGE_MINMAX || r == PARE_RANGE_MAXABS;
}

/* From what was observed to the ends of the grid. */
static void ends_of(const pare_quant *q, float *lo, float *hi)
{
    const float largest = *hi > -*lo ? *hi : -*lo;
    switch (q->row->range) {
    case PARE_RANGE_MAXABS: *hi = largest; break;
    case PARE_RANGE_CLIP: *hi = (float)q->p[0]; break;
    case PARE_RANGE_ENDS:
        *lo = (float)q->p[0];
        *hi = (float)q->p[1];
        return;
    default: return;
    }
    *lo = q->is_signed ? -*hi : 0.0f;
}

/* k and a of the blend. */
static void mix_of(const pare_quant *q, bool is_learning, uint32_t *k, double *a)
{
    pare_quant_split(q, k, a);
    if (q->row->blend == PARE_BLEND_STOCH && is_learning) *a = q->draw < *a ? 1 : 0;
    if (q->row->blend != PARE_BLEND_ROUND) return;
    *k = q->k;
    *a = 0;
}

pare_grid pare_grid_rescaled(const pare_grid *g, double ratio)
{
    uint32_t k = 1;
    while ((double)(1u << k) <= (double)g->top) k++;
    const double zero = g->scale > 0 ? rint(-(double)g->lo / (double)g->scale) : 0;
    return grid_around((double)g->scale * ratio, zero, (double)g->top, k);
}

void pare_quant_set_blend(pare_quant *q, float lo, float hi, bool is_learning)
{
    uint32_t k;
    double a;
    mix_of(q, is_learning, &k, &a);
    ends_of(q, &lo, &hi);
    const bool learns = is_learning && q->row->ngrad == PARE_NGRAD_LERP;
    pare_blend b = {.is_pair = learns || (a > 0 && a < 1), .a = (float)a};
    if (b.is_pair) {
        b.grid[0] = grid_of(q, lo, hi, k);
        b.grid[1] = grid_of(q, lo, hi, k + 1);
    } else {
        b.grid[0] = grid_of(q, lo, hi, a > 0 ? k + 1 : k);
        b.grid[1] = b.grid[0];
        b.a = 0;
    }
    b.lo = b.grid[0].lo;
    b.hi = b.grid[0].scale * b.grid[0].top + b.grid[0].lo;
    q->blend = b;
}

unsigned pare_quant_wants(const pare_quant *q, bool is_learning)
{
    unsigned wants = 0;
    if (is_learning && q->row->ngrad == PARE_NGRAD_LERP) wants |= PARE_WANTS_PAIR;
    if (q->row->pgrad != PARE_PGRAD_NONE) wants |= PARE_WANTS_ENDS;
    if (q->row->xgrad == PARE_XGRAD_CLIP) wants |= PARE_WANTS_ENDS | PARE_WANTS_MASK;
    return wants;
}

/* Each gradient of a parameter is linear in the sums; quantization.md sections 7.1, 11 and 14. */
void pare_quant_take_sums(pare_quant *q, const double sums[PARE_N_SUMS])
{
    const double in = sums[PARE_SUM_IN], low = sums[PARE_SUM_LOW], high = sums[PARE_SUM_HIGH];
    const double below = q->is_signed ? low : 0; /* where the clip has two sides */
    const pare_grid *g = &q->blend.grid[0];
    q->g_n = sums[PARE_SUM_PAIR];
    q->g_p[0] = q->g_p[1] = 0;
    switch (q->row->pgrad) {
    case PARE_PGRAD_LSQ:
        q->g_p[0] = in / q->p[0] + (q->p[0] > 0 ? low * (double)q->blend.lo / (double)g->scale +
                                                      high * (double)q->blend.hi / (double)g->scale
                                                : 0);
        break;
    case PARE_PGRAD_PACT: q->g_p[0] = high - below; break;
    case PARE_PGRAD_PACTPLUS: q->g_p[0] = in / q->p[0] + high - below; break;
    case PARE_PGRAD_DQ:
        q->g_p[0] = in / (double)g->scale;
        q->g_p[1] = high - below;
        break;
    default: break;
    }
    const double scale = q->p_scale > 0 ? q->p_scale : 1;
    q->g_p[0] *= scale;
    q->g_p[1] *= scale;
}

void pare_quant_step_p(pare_quant *q, double lr, double momentum, double decay)
{
    static const double LEAST = 1e-8, MOST = 0.05;
    if (q->row->pgrad == PARE_PGRAD_DQ) {
        /* of the logarithms, at most MOST a step: steps and clips differ by orders of magnitude */
        for (int i = 0; i < 2; i++) {
            q->m_p[i] = momentum * q->m_p[i] + q->g_p[i] * q->p[i];
            q->p[i] *= exp(-fmin(fmax(lr * q->m_p[i], -MOST), MOST));
        }
        return;
    }
    const int n = q->row->pgrad == PARE_PGRAD_NONE ? 0 : 1;
    for (int i = 0; i < n; i++) {
        q->m_p[i] = momentum * q->m_p[i] + (q->g_p[i] + decay * q->p[i]);
        q->p[i] = fmax(q->p[i] - lr * q->m_p[i], LEAST);
    }
}

double pare_dq_bits(double d, double qmax, bool is_signed)
{
    return ceil(log2(qmax / d + 1) + (is_signed ? 1 : 0));
}

/* Choi et al., SysML 2019; the pairs of IBM's fms-model-optimizer (docs/methods.md). */
double pare_sawb_clip(double mean_abs, double rms, double largest, uint32_t k, bool has_zero)
{
    static const struct {
        uint32_t k;
        bool has_zero;
        double c1, c2;
    } pairs[] = {
        {2, false, 3.12, -2.064},  {3, false, 7.509, -6.892}, {4, false, 12.68, -12.80},
        {5, false, 17.74, -18.64}, {8, false, 31.76, -35.04}, {2, true, 2.6, -1.71},
        {4, true, 12.035, -12.03}, {7, true, 28.24, -30.81},  {8, true, 31.76, -35.04},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (pairs[i].k != k || pairs[i].has_zero != has_zero) continue;
        const double clip = pairs[i].c1 * rms + pairs[i].c2 * mean_abs;
        return clip > 0 ? clip : largest;
    }
    return largest;
}

void pare_quant_step(pare_quant *q, double lr, double gamma)
{
    q->n -= lr * (q->g_n + gamma * q->lambda);
    q->n = fmin(fmax(q->n, fmax(q->n_min, 1.0)), (double)q->n_max);
}

void pare_quant_ceil(pare_quant *q)
{
    q->learned_n = q->n;
    q->n = ceil(q->n);
}

uint32_t pare_quant_code_bits(const pare_quant *q)
{
    /* -2^e .. 2^e, e up to 2^(k-1) - 1 */
    if (q->row->grid == PARE_GRID_POW2) return (1u << ((uint32_t)q->n - 1)) + 1;
    return (uint32_t)q->n;
}

bool pare_grid_codes(const pare_grid *g, const float *xq, size_t n, int32_t *codes)
{
    for (size_t i = 0; i < n; i++) {
        float code = g->scale > 0 ? rintf((xq[i] - g->lo) / g->scale) : 0.0f;
        if (!(code >= 0 && code <= g->top)) return false;
        codes[i] = (int32_t)code;
        const float product = g->scale * code;
        if (product + g->lo != xq[i]) return false;
    }
    return true;
}
