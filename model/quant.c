/* quant.c: the state of a quantizer: its grids, its gradients, its steps. */
#include "model/quant.h"
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

void pare_quant_set_blend(pare_quant *q, float lo, float hi, bool is_learning)
{
    uint32_t k;
    double a;
    pare_quant_split(q, &k, &a);
    const bool learns = is_learning && q->row->ngrad == PARE_NGRAD_LERP;
    pare_blend b = {.is_pair = learns || (a > 0 && a < 1), .a = (float)a};
    if (b.is_pair) {
        b.grid[0] = pare_grid_affine(lo, hi, k, q->is_nudged);
        b.grid[1] = pare_grid_affine(lo, hi, k + 1, q->is_nudged);
    } else {
        b.grid[0] = pare_grid_affine(lo, hi, a > 0 ? k + 1 : k, q->is_nudged);
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

void pare_quant_take_sums(pare_quant *q, const double sums[PARE_N_SUMS])
{
    q->g_n = sums[PARE_SUM_PAIR];
}

void pare_quant_step(pare_quant *q, double lr, double gamma)
{
    q->n -= lr * (q->g_n + gamma * q->lambda);
    q->n = fmin(fmax(q->n, 1.0), (double)q->n_max);
}

void pare_quant_ceil(pare_quant *q)
{
    q->learned_n = q->n;
    q->n = ceil(q->n);
}

bool pare_grid_codes(const pare_grid *g, const float *xq, size_t n, uint16_t *codes)
{
    for (size_t i = 0; i < n; i++) {
        float code = g->scale > 0 ? rintf((xq[i] - g->lo) / g->scale) : 0.0f;
        if (!(code >= 0 && code <= g->top)) return false;
        codes[i] = (uint16_t)code;
        const float product = g->scale * (float)codes[i];
        if (product + g->lo != xq[i]) return false;
    }
    return true;
}
