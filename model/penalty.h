/* penalty.h (private): what bitlengths cost, and the part of the loss that says so.
 *
 * A criterion gives each MAC layer a cost c(w, a) of its weight and activation bitlengths, which
 * are real while they are learned; the network's cost C is their sum. The loss has gamma * P with
 *
 *     P = 1 + (B - 1) * (C(n) - C(1)) / (C(B) - C(1)),        B = 8
 *
 * so P is 1 at one bit everywhere and B at B bits everywhere, whatever the criterion measures:
 * gamma is always the price of one bit of all tensors together. For a cost that is linear in the
 * bitlengths P is their weighted mean.
 */
#ifndef PARE_MODEL_PENALTY_H
#define PARE_MODEL_PENALTY_H
#include "traces/cost.h"

/* One layer, as a criterion sees it. */
typedef struct pare_penalty_layer {
    double weights, acts, macs;   /* of one image */
    size_t index;                 /* in the cost table */
    const pare_cost_table *table; /* NULL without one */
} pare_penalty_layer;

/* Cost at (w, a), and its derivatives. At a knot of a table, the one to the right. */
typedef double pare_cost_fn(const pare_penalty_layer *l, double w, double a, double *dw,
                            double *da);

typedef struct pare_criterion {
    const char *name, *doc;
    pare_cost_fn *cost;
    bool needs_table; /* of pare-sim cost; a layer's groups of weights then count as the widest */
} pare_criterion;

extern const pare_criterion pare_criteria[];
extern const size_t pare_n_criteria;

typedef struct pare_penalty {
    const pare_criterion *criterion;
    pare_penalty_layer *layers; /* the MAC layers in the order of the network */
    size_t n_layers;
    pare_cost_table *table;
    double at_one, at_full; /* C(1), C(B); the caller may set others where bitlengths are fixed */
    double at_uniform;      /* cost at B bits everywhere */
    double full_bits;       /* B: 8, or what the machine of the table runs if that is less */
} pare_penalty;

/* `table` (kept, freed with the penalty; NULL: none) must be given if the criterion needs one. A
 * cost that does not depend on bitlengths is PARE_EINPUT. */
pare_status pare_penalty_new(const pare_criterion *c, const pare_net *net, pare_cost_table *table,
                             pare_penalty *out, pare_err *e) PARE_MUST_CHECK;
void pare_penalty_free(pare_penalty *p);

/* The network's cost at w[i], a[i] of layer i; dw and da (NULL allowed) take its derivatives. */
double pare_penalty_cost(const pare_penalty *p, const double *w, const double *a, double *dw,
                         double *da);
/* dP/dC: what derivatives of the cost are multiplied with. */
double pare_penalty_scale(const pare_penalty *p);
double pare_penalty_of(const pare_penalty *p, double cost);

/* ---- a target ---- */

/* "0.5x" or "0.5x-energy": a share of the cost at B bits everywhere, and the criterion if it names
 * one (else *criterion stays). */
pare_status pare_budget_parse(const char *text, double *frac, int *criterion,
                              pare_err *e) PARE_MUST_CHECK;

/* What gamma is in a step: it rises while the cost is above its target and falls below. */
typedef struct pare_budget {
    double frac;      /* 0: none */
    double log_gamma; /* integrated */
} pare_budget;

/* The gamma of this step. cost_frac: of the bitlengths rounded up, beside B bits everywhere;
 * done_frac: of the learning phase; n_steps: of the phase. */
double pare_budget_step(pare_budget *b, double cost_frac, double done_frac, double n_steps);
#endif
