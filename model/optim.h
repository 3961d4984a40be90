/* optim.h (private): optimizers, schedules, and the update of all parameters. */
#ifndef PARE_MODEL_OPTIM_H
#define PARE_MODEL_OPTIM_H
#include "model/graph.h"

typedef struct pare_update pare_update;

typedef struct pare_optimizer {
    const char *name, *doc;
    void (*step)(pare_param *p, const pare_update *u);
} pare_optimizer;

typedef struct pare_schedule {
    const char *name, *doc;
    double (*factor)(double done_frac); /* of the first learning rate; done_frac in [0, 1) */
} pare_schedule;

extern const pare_optimizer pare_optimizers[];
extern const size_t pare_n_optimizers;
extern const pare_schedule pare_schedules[];
extern const size_t pare_n_schedules;

struct pare_update {
    const pare_optimizer *optimizer;
    double lr, n_lr, momentum, weight_decay, gamma;
    double p_lr, p_decay;                   /* of steps, clips and scales; decay of clips only */
    void (*after_gradients)(void *context); /* before anything steps; NULL: nothing */
    void *context;
    uint64_t t; /* steps of this phase, from 1 */
};

/* The first half of pare_graph_update: gradients of the batch in place, nothing has stepped. */
pare_status pare_graph_reduce(pare_graph *g, pare_err *e) PARE_MUST_CHECK;

/* After a backward pass: reduce the weight gradients of the shards, step all parameters and
 * bitlengths, quantize and pack the new weights. A gradient that is not finite is an error that
 * names its layer (PARE_EFAIL). */
pare_status pare_graph_update(pare_graph *g, const pare_update *u, pare_err *e) PARE_MUST_CHECK;
#endif
