/* plan.c: in which order the nodes run, where the whole batch must be waited for, and which memory
 * the gradients share. */
#include "model/graph.h"
#include <stdlib.h>

/* ---- steps and segments -----------------------------------------------------------------------
 */

typedef struct planner {
    pare_graph *g;
    pare_plan *plan;
    size_t first;               /* of the open segment */
    bool *has_value, *has_node; /* made in the open segment, not combined yet */
} planner;

static planner open_plan(pare_graph *g, pare_plan *plan)
{
    const size_t most = 2 * (size_t)g->n_nodes + 2;
    plan->steps = pare_arena_alloc(g->arena, most, sizeof *plan->steps);
    plan->segments = pare_arena_alloc(g->arena, most, sizeof *plan->segments);
    return (planner){.g = g,
                     .plan = plan,
                     .has_value = pare_arena_alloc(g->arena, g->n_values, sizeof(bool)),
                     .has_node = pare_arena_alloc(g->arena, g->n_nodes, sizeof(bool))};
}

static void add_step(planner *p, pare_step_fn *fn, uint32_t node)
{
    p->plan->steps[p->plan->n_steps++] = (pare_step){fn, node};
}

static uint32_t *take_marked(pare_graph *g, bool *marks, uint32_t n, size_t *n_out)
{
    uint32_t *list = pare_arena_alloc(g->arena, n, sizeof *list);
    for (uint32_t i = 0; i < n; i++)
        if (marks[i]) {
            list[(*n_out)++] = i;
            marks[i] = false;
        }
    return list;
}

static void close_segment(planner *p)
{
    pare_segment *s = &p->plan->segments[p->plan->n_segments++];
    s->first = p->first;
    s->n = p->plan->n_steps - p->first;
    s->values = take_marked(p->g, p->has_value, p->g->n_values, &s->n_values);
    s->nodes = take_marked(p->g, p->has_node, p->g->n_nodes, &s->n_nodes);
    p->first = p->plan->n_steps;
}

static void mark_value(planner *p, uint32_t value)
{
    const pare_value *v = &p->g->values[value];
    if (v->is_virtual || !(v->needs_range || v->needs_stats)) return;
    p->has_value[value] = true;
    /* element-wise nodes whose constants, or whose unstored result's range, follow from it */
    for (uint32_t i = 0; i < p->g->n_nodes; i++) {
        const pare_node *n = &p->g->nodes[i];
        if (n->kind == PARE_NODE_EW && n->x == value &&
            (n->bn_layer != PARE_NONE || p->g->values[n->y].is_virtual))
            p->has_node[i] = true;
    }
}

static void plan_forward(pare_graph *g)
{
    static pare_step_fn *const fns[] = {pare_forward_mac, pare_forward_ew, pare_forward_pool,
                                        pare_forward_pool, pare_forward_concat};
    planner p = open_plan(g, &g->forward);
    add_step(&p, pare_forward_input, 0);
    mark_value(&p, 0);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const pare_node *n = &g->nodes[i];
        if (g->values[n->y].is_virtual) continue;
        uint32_t source = n->x;
        if (g->values[source].is_virtual) source = g->nodes[g->values[source].producer].x;
        const bool waits =
            n->kind == PARE_NODE_MAC || (n->kind == PARE_NODE_EW && n->bn_layer != PARE_NONE);
        if (waits && p.has_value[source]) close_segment(&p);
        add_step(&p, fns[n->kind], i);
        mark_value(&p, n->y);
    }
    add_step(&p, pare_forward_loss, 0);
    close_segment(&p);
}

static void plan_backward_ew(planner *p, uint32_t i)
{
    const pare_node *n = &p->g->nodes[i];
    const bool has_bn = n->bn_layer != PARE_NONE;
    if (!p->g->values[n->y].is_virtual && (has_bn || n->z != PARE_NONE)) {
        add_step(p, pare_backward_ew_sums, i);
        p->has_node[i] = has_bn;
    }
    if (n->mac_of_x != PARE_NONE) return; /* the MAC node takes it from here */
    if (p->has_node[i]) close_segment(p);
    if (n->wants_gx) add_step(p, pare_backward_ew, i);
}

static void plan_backward(pare_graph *g)
{
    planner p = open_plan(g, &g->backward);
    add_step(&p, pare_backward_loss, 0);
    for (uint32_t i = g->n_nodes; i-- > 0;) {
        const pare_node *n = &g->nodes[i];
        switch (n->kind) {
        case PARE_NODE_MAC: {
            if (n->ew != PARE_NONE && p.has_node[n->ew]) close_segment(&p);
            add_step(&p, pare_backward_mac, i);
            const pare_value *x = &g->values[n->x];
            if (x->is_virtual)
                p.has_node[x->producer] = g->nodes[x->producer].bn_layer != PARE_NONE;
            break;
        }
        case PARE_NODE_EW: plan_backward_ew(&p, i); break;
        case PARE_NODE_CONCAT: add_step(&p, pare_backward_concat, i); break;
        default:
            if (n->wants_gx) add_step(&p, pare_backward_pool, i);
        }
    }
    close_segment(&p);
}

/* ---- memory of gradients ----------------------------------------------------------------------
 */

typedef struct slot {
    size_t count;     /* floats an image */
    uint32_t n_users; /* values that hold it */
} slot;

typedef struct slots {
    slot *v;
    size_t n;
    size_t *of; /* per value; SIZE_MAX: none */
} slots;

static void claim(slots *s, uint32_t value, size_t count)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].n_users) continue;
        const bool fits = s->v[i].count >= count;
        if (best == SIZE_MAX || (fits && s->v[best].count < count) ||
            (fits && s->v[i].count < s->v[best].count))
            best = i;
    }
    if (best == SIZE_MAX) best = s->n++;
    if (s->v[best].count < count) s->v[best].count = count;
    s->v[best].n_users = 1;
    s->of[value] = best;
}

static void release(slots *s, uint32_t value)
{
    if (s->of[value] != SIZE_MAX) s->v[s->of[value]].n_users--;
}

/* May z's gradient take over y's memory? Not if somebody adds to it before the MAC node below has
 * read y's gradient. */
static bool may_alias(const pare_graph *g, uint32_t ew)
{
    const pare_node *n = &g->nodes[ew];
    if (n->mac_of_x == PARE_NONE) return true;
    for (uint32_t i = n->mac_of_x + 1; i < ew; i++) {
        const pare_node *o = &g->nodes[i];
        if (o->kind == PARE_NODE_CONCAT) return false;
        if (o->x == n->z || o->z == n->z) return false;
    }
    return true;
}

static void want(pare_graph *g, slots *s, uint32_t value, bool *is_first, bool *wants)
{
    *wants = value != 0;
    *is_first = *wants && s->of[value] == SIZE_MAX;
    if (*is_first) claim(s, value, g->values[value].count);
}

static void place_ew(pare_graph *g, slots *s, uint32_t i)
{
    pare_node *n = &g->nodes[i];
    if (n->z != PARE_NONE && n->z != 0) {
        n->first_z = s->of[n->z] == SIZE_MAX;
        n->aliases_z = n->first_z && may_alias(g, i);
        if (n->aliases_z) {
            s->of[n->z] = s->of[n->y];
            s->v[s->of[n->y]].n_users++;
        } else if (n->first_z) {
            claim(s, n->z, g->values[n->z].count);
        }
    }
    if (n->mac_of_x != PARE_NONE) return;
    want(g, s, n->x, &n->first_x, &n->wants_gx);
    release(s, n->y);
}

static pare_status place_gradients(pare_graph *g, pare_err *e)
{
    slots s = {.v = pare_arena_alloc(g->arena, g->n_values, sizeof *s.v),
               .of = pare_arena_alloc(g->arena, g->n_values, sizeof *s.of)};
    for (uint32_t i = 0; i < g->n_values; i++) s.of[i] = SIZE_MAX;
    claim(&s, g->out, g->values[g->out].count);
    for (uint32_t i = g->n_nodes; i-- > 0;) {
        pare_node *n = &g->nodes[i];
        bool ignored;
        switch (n->kind) {
        case PARE_NODE_EW: place_ew(g, &s, i); continue;
        case PARE_NODE_CONCAT:
            for (uint32_t j = 0; j < n->n_xs; j++) want(g, &s, n->xs[j], &n->first_xs[j], &ignored);
            break;
        case PARE_NODE_MAC:
            want(g, &s, n->x, &n->first_x, &ignored);
            if (n->ew != PARE_NONE) release(&s, g->nodes[n->ew].y);
            break;
        default: want(g, &s, n->x, &n->first_x, &n->wants_gx);
        }
        release(&s, n->y);
    }
    float **memory = pare_arena_alloc(g->arena, s.n, sizeof *memory);
    for (size_t i = 0; i < s.n; i++)
        PARE_TRY(pare_graph_big(g, s.v[i].count * g->batch, sizeof(float), &memory[i], e));
    for (uint32_t i = 0; i < g->n_values; i++)
        if (s.of[i] != SIZE_MAX) {
            g->values[i].grad = memory[s.of[i]];
            g->values[i].grad_stride = s.v[s.of[i]].count;
        }
    return PARE_OK;
}

pare_status pare_plan_make(pare_graph *g, pare_err *e)
{
    PARE_TRY(place_gradients(g, e));
    plan_forward(g);
    plan_backward(g);
    return PARE_OK;
}

/* ---- running ----------------------------------------------------------------------------------
 */

typedef struct run_context {
    pare_job *job;
    const pare_plan *plan;
    size_t first, n;
    pare_err *errors; /* one a shard */
} run_context;

static void run_shard(void *context, size_t shard, unsigned worker)
{
    const run_context *r = context;
    pare_graph *g = r->job->g;
    pare_dnnl_use_one_thread();
    for (size_t i = r->first; i < r->first + r->n; i++) {
        const pare_step *s = &r->plan->steps[i];
        if (s->fn(r->job, &g->nodes[s->node], shard, worker, &r->errors[shard]) != PARE_OK) return;
    }
}

/* Only the shards that hold images run. */
static pare_status run_segment(run_context *r, pare_err *e)
{
    pare_graph *g = r->job->g;
    const size_t n = (r->job->n_images + g->shard_images - 1) / g->shard_images;
    pare_pool_run(g->pool, n, run_shard, r);
    for (size_t i = 0; i < n; i++)
        if (r->errors[i].status != PARE_OK) {
            if (e && e->status == PARE_OK) *e = r->errors[i];
            return r->errors[i].status;
        }
    return PARE_OK;
}

pare_status pare_graph_run_steps(pare_job *job, size_t first, size_t n, pare_err *e)
{
    pare_graph *g = job->g;
    run_context r = {.job = job, .plan = &g->forward, .first = first, .n = n};
    r.errors = pare_xalloc(g->n_shards, sizeof *r.errors);
    const pare_status status = run_segment(&r, e);
    free(r.errors);
    return status;
}

pare_status pare_graph_run(pare_job *job, const pare_plan *plan, bool has_barriers, pare_err *e)
{
    pare_graph *g = job->g;
    run_context r = {.job = job, .plan = plan, .n = plan->n_steps};
    r.errors = pare_xalloc(g->n_shards, sizeof *r.errors);
    pare_status status = PARE_OK;
    if (!has_barriers) {
        status = run_segment(&r, e);
    } else {
        for (size_t i = 0; i < plan->n_segments && status == PARE_OK; i++) {
            const pare_segment *s = &plan->segments[i];
            r.first = s->first;
            r.n = s->n;
            status = run_segment(&r, e);
            if (status != PARE_OK) break;
            if (plan == &g->forward)
                pare_forward_combine(job, s);
            else
                pare_backward_combine(job, s);
        }
    }
    free(r.errors);
    return status;
}
