/* penalty.c: criteria, their normalisation, and the controller of a budget. */
#include "model/penalty.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const pare_pos NOWHERE = {0, 0};
static const double FULL_BITS = 8;

/* ---- criteria ---------------------------------------------------------------------------------
 */

static double cost_equal(const pare_penalty_layer *l, double w, double a, double *dw, double *da)
{
    (void)l;
    *dw = *da = 1;
    return w + a;
}

static double cost_memory(const pare_penalty_layer *l, double w, double a, double *dw, double *da)
{
    *dw = l->weights;
    *da = l->acts;
    return l->weights * w + l->acts * a;
}

static double cost_macs(const pare_penalty_layer *l, double w, double a, double *dw, double *da)
{
    *dw = *da = l->macs;
    return l->macs * (w + a);
}

static double cost_bitops(const pare_penalty_layer *l, double w, double a, double *dw, double *da)
{
    *dw = l->macs * a;
    *da = l->macs * w;
    return l->macs * w * a;
}

/* The knot below n and the share of the next one, as the quantizer splits n. */
static uint32_t knot(double n, uint32_t max, double *share)
{
    if (max < 2) {
        *share = 0;
        return 1;
    }
    double k = floor(n);
    if (k > max - 1) k = max - 1;
    if (k < 1) k = 1;
    *share = fmin(fmax(n - k, 0), 1);
    return (uint32_t)k;
}

static double cell(const pare_penalty_layer *l, uint32_t w, uint32_t a,
                   double (*measure)(const pare_cost *))
{
    const pare_cost_table *t = l->table;
    if (w > t->weight_bits_max) w = t->weight_bits_max;
    if (a > t->act_bits_max) a = t->act_bits_max;
    return measure(pare_cost_at(t, l->index, w, a));
}

static double bilinear(const pare_penalty_layer *l, double w, double a,
                       double (*measure)(const pare_cost *), double *dw, double *da)
{
    double x, y;
    const uint32_t i = knot(w, l->table->weight_bits_max, &x);
    const uint32_t j = knot(a, l->table->act_bits_max, &y);
    const double c00 = cell(l, i, j, measure), c01 = cell(l, i, j + 1, measure);
    const double c10 = cell(l, i + 1, j, measure), c11 = cell(l, i + 1, j + 1, measure);
    *dw = (1 - y) * (c10 - c00) + y * (c11 - c01);
    *da = (1 - x) * (c01 - c00) + x * (c11 - c10);
    return (1 - x) * ((1 - y) * c00 + y * c01) + x * ((1 - y) * c10 + y * c11);
}

static double cycles_of(const pare_cost *c) { return (double)c->cycles; }
static double energy_of(const pare_cost *c) { return c->energy_pj; }
static double dram_of(const pare_cost *c) { return (double)c->dram_bits; }

static double cost_latency(const pare_penalty_layer *l, double w, double a, double *dw, double *da)
{
    return bilinear(l, w, a, cycles_of, dw, da);
}

static double cost_energy(const pare_penalty_layer *l, double w, double a, double *dw, double *da)
{
    return bilinear(l, w, a, energy_of, dw, da);
}

static double cost_dram(const pare_penalty_layer *l, double w, double a, double *dw, double *da)
{
    return bilinear(l, w, a, dram_of, dw, da);
}

const pare_criterion pare_criteria[] = {
    {"equal", "mean bitlength over all tensors", cost_equal, false},
    {"memory", "mean bits of a stored value", cost_memory, false},
    {"macs", "mean bits of an operand that a multiply-accumulate reads", cost_macs, false},
    {"bitops", "weight bits times activation bits of a multiply-accumulate", cost_bitops, false},
    {"latency", "cycles of a machine, from the cost table", cost_latency, true},
    {"energy", "energy of a machine, from the cost table", cost_energy, true},
    {"dram", "DRAM traffic of a machine, from the cost table", cost_dram, true},
};
const size_t pare_n_criteria = sizeof pare_criteria / sizeof *pare_criteria;

/* ---- the network ------------------------------------------------------------------------------
 */

static double uniform_cost(const pare_penalty *p, double bits)
{
    double sum = 0, dw, da;
    for (size_t i = 0; i < p->n_layers; i++)
        sum += p->criterion->cost(&p->layers[i], bits, bits, &dw, &da);
    return sum;
}

pare_status pare_penalty_new(const pare_criterion *c, const pare_net *net, pare_cost_table *table,
                             pare_penalty *out, pare_err *e)
{
    *out = (pare_penalty){.criterion = c, .table = table, .full_bits = FULL_BITS};
    if (c->needs_table && !table)
        return pare_err_set(e, PARE_EINPUT, NULL, NOWHERE,
                            "criterion %s without a cost_table; a table of pare-sim cost expected",
                            c->name);
    out->layers = pare_xalloc(net->n_mac_layers, sizeof *out->layers);
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const pare_layer *l = &net->layers[i];
        if (!pare_layer_is_mac(l)) continue;
        const pare_dims d = pare_layer_dims(l, 1);
        out->layers[out->n_layers] = (pare_penalty_layer){.weights = (double)pare_dims_weights(&d),
                                                          .acts = (double)pare_dims_activations(&d),
                                                          .macs = (double)l->macs,
                                                          .index = out->n_layers,
                                                          .table = table};
        out->n_layers++;
    }
    if (c->needs_table) {
        out->full_bits = fmin(out->full_bits, table->weight_bits_max);
        out->full_bits = fmin(out->full_bits, table->act_bits_max);
    }
    out->at_one = uniform_cost(out, 1);
    out->at_uniform = out->at_full = uniform_cost(out, out->full_bits);
    if (!(out->at_full > out->at_one))
        return pare_err_set(e, PARE_EINPUT, table ? table->machine : NULL, NOWHERE,
                            "the %s of %s is the same at 1 and at %g bits; a machine that gains "
                            "from fewer bits expected",
                            c->name, net->name, out->full_bits);
    return PARE_OK;
}

void pare_penalty_free(pare_penalty *p)
{
    free(p->layers);
    pare_cost_free(p->table);
    *p = (pare_penalty){0};
}

double pare_penalty_cost(const pare_penalty *p, const double *w, const double *a, double *dw,
                         double *da)
{
    double sum = 0;
    for (size_t i = 0; i < p->n_layers; i++) {
        double to_w, to_a;
        sum += p->criterion->cost(&p->layers[i], w[i], a[i], &to_w, &to_a);
        if (dw) dw[i] = to_w;
        if (da) da[i] = to_a;
    }
    return sum;
}

double pare_penalty_scale(const pare_penalty *p)
{
    return (p->full_bits - 1) / (p->at_full - p->at_one);
}

double pare_penalty_of(const pare_penalty *p, double cost)
{
    return 1 + pare_penalty_scale(p) * (cost - p->at_one);
}

/* ---- a target ---------------------------------------------------------------------------------
 */

static int find_criterion(const char *name)
{
    for (size_t i = 0; i < pare_n_criteria; i++)
        if (!strcmp(pare_criteria[i].name, name)) return (int)i;
    return -1;
}

pare_status pare_budget_parse(const char *text, double *frac, int *criterion, pare_err *e)
{
    char *end;
    *frac = strtod(text, &end);
    int found = *criterion;
    bool is_right = end != text && *frac > 0 && *frac <= 1 && *end == 'x';
    if (is_right && end[1]) {
        found = end[1] == '-' ? find_criterion(end + 2) : -1;
        is_right = found >= 0;
    }
    if (!is_right)
        return pare_err_set(e, PARE_EINPUT, NULL, NOWHERE,
                            "budget is '%s'; a share in 0..1 of the cost at 8 bits expected, such "
                            "as 0.5x or 0.5x-energy (equal, memory, macs, bitops, latency, energy, "
                            "dram)",
                            text);
    *criterion = found;
    return PARE_OK;
}

/* The target falls to the budget over the first half of learning. A step of the bitlengths
 * integrates gamma and gamma integrates the error, so the direct term is what damps them. */
double pare_budget_step(pare_budget *b, double cost_frac, double done_frac, double n_steps)
{
    const double ramp = 0.5, integral = 40, direct = 4, most = 1;
    const double target = fmax(b->frac, 1 - (1 - b->frac) * done_frac / ramp);
    const double error = fmin(fmax((cost_frac - target) / b->frac, -most), most);
    b->log_gamma += integral * error / n_steps;
    return exp(b->log_gamma + direct * error);
}
