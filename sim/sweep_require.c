/* Constraints: what their names mean, whether a place satisfies them, and whether any place does.
 */
#include "sim/sweep_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* Variables are numbered: axes, the area, fields. */
typedef struct resolver {
    pare_sweep *s;
    pare_buf near;
} resolver;

static bool axis_is_text(const pare_sweep *s, size_t i)
{
    const axis_kind k = s->kinds[i].kind;
    if (k == AXIS_NETWORK || k == AXIS_MACHINE || k == AXIS_BITS) return true;
    for (uint64_t d = 0; d < s->axes[i].n; d++)
        if (isnan(s->axes[i].numbers[d])) return true;
    return false;
}

static bool field_is_text(const pare_key *k)
{
    return k->type == PARE_KEY_STR || k->type == PARE_KEY_NAME || k->type == PARE_KEY_ENUM ||
           k->type == PARE_KEY_BOOL;
}

static bool resolve(void *context, const char *name, unsigned *variable, bool *is_text,
                    const char **near)
{
    enum { FIELDS_MAX = 256 };
    resolver *const r = context;
    pare_sweep *const s = r->s;
    machine_field field = {0};
    for (size_t i = 0; i < s->info.n_axes; i++) {
        if (strcmp(name, s->axes[i].key)) continue;
        *variable = (unsigned)i;
        *is_text = axis_is_text(s, i);
        return true;
    }
    *variable = (unsigned)s->info.n_axes;
    if (!strcmp(name, "area_um2")) return true;
    r->near.n = 0;
    if (!sweep_find_field(name, &field, &r->near) || s->n_fields == FIELDS_MAX) {
        *near = r->near.n && strcmp(r->near.text, name) != 0 ? r->near.text : NULL;
        return false;
    }
    if (!s->fields) s->fields = pare_arena_alloc(s->arena, FIELDS_MAX, sizeof *s->fields);
    s->fields[s->n_fields] = field;
    *variable = (unsigned)(s->info.n_axes + 1 + s->n_fields++);
    *is_text = field_is_text(field.key);
    return true;
}

static expr_value field_value(const pare_machine *m, const machine_field *f)
{
    const void *const at = (const char *)m + f->offset;
    switch (f->key->type) {
    case PARE_KEY_U32: return (expr_value){*(const uint32_t *)at, NULL};
    case PARE_KEY_U64: return (expr_value){(double)*(const uint64_t *)at, NULL};
    case PARE_KEY_REAL: return (expr_value){*(const double *)at, NULL};
    case PARE_KEY_BOOL: return (expr_value){0, *(const bool *)at ? "true" : "false"};
    case PARE_KEY_ENUM: return (expr_value){0, f->key->choices[*(const int *)at]};
    default: return (expr_value){0, *(const char *const *)at};
    }
}

static expr_value look_up(void *context, unsigned variable)
{
    sweep_worker *const w = context;
    const pare_sweep *const s = w->s;
    if (variable < s->info.n_axes) {
        const uint64_t digit = sweep_digit(s, variable, w->space);
        const bool is_text = axis_is_text(s, variable);
        return (expr_value){s->axes[variable].numbers[digit],
                            is_text ? s->axes[variable].values[digit] : NULL};
    }
    if (variable == s->info.n_axes)
        return (expr_value){sweep_settle(w) == PARE_OK ? pare_machine_area_um2(&w->machine) : NAN,
                            NULL};
    return field_value(&w->machine, &s->fields[variable - s->info.n_axes - 1]);
}

static bool is_of_bits(void *context, unsigned variable)
{
    const pare_sweep *const s = context;
    return variable < s->info.n_axes && s->kinds[variable].kind > AXIS_FIELD;
}

static bool is_area(void *context, unsigned variable)
{
    return variable == ((const pare_sweep *)context)->info.n_axes;
}

static const char *place_of(size_t conf, char at[64])
{
    snprintf(at, 64, "constraints[%zu].require", conf);
    return at;
}

pare_status sweep_make_constraints(pare_sweep *s, pare_err *e)
{
    const constraint_conf *const list = s->conf.constraints.v;
    resolver r = {.s = s};
    pare_status status = PARE_OK;
    s->constraints = pare_arena_alloc(s->arena, s->conf.constraints.n + 1, sizeof *s->constraints);
    for (size_t i = 0; i < s->conf.constraints.n && status == PARE_OK; i++) {
        sweep_constraint *const c = &s->constraints[s->n_constraints++];
        char at[64];
        pare_err inner = {0};
        c->conf = i;
        status = expr_parse(list[i].require, resolve, &r, s->arena, &c->x, &inner);
        if (status != PARE_OK)
            status = pare_yaml_error(s->yaml, place_of(i, at), e, status, "%s", inner.text);
        else
            c->is_of_machine = !expr_uses(c->x, is_of_bits, s);
    }
    pare_buf_free(&r.near);
    return status;
}

/* ---- one place ---- */

static pare_status holds(sweep_worker *w, const sweep_constraint *c, bool *out, pare_err *e)
{
    char at[64];
    pare_err inner = {0};
    *out = true; /* a machine that cannot be has no area; its row says why */
    if (expr_uses(c->x, is_area, (void *)w->s) && sweep_settle(w) != PARE_OK) return PARE_OK;
    const pare_status status = expr_holds(c->x, look_up, w, out, &inner);
    if (status == PARE_OK) return PARE_OK;
    return pare_yaml_error(w->s->yaml, place_of(c->conf, at), e, status, "%s", inner.text);
}

static pare_status all_hold(sweep_worker *w, bool of_machine, bool *out, pare_err *e)
{
    *out = true;
    for (size_t i = 0; i < w->s->n_constraints && *out; i++)
        if (w->s->constraints[i].is_of_machine == of_machine)
            PARE_TRY(holds(w, &w->s->constraints[i], out, e));
    return PARE_OK;
}

pare_status sweep_is_excluded(sweep_worker *w, uint64_t space, bool *out, pare_err *e)
{
    bool hold = true;
    *out = false;
    if (w->s->n_constraints == 0) return PARE_OK;
    w->space = space;
    sweep_set_machine(w, space);
    if (!w->is_judged) {
        PARE_TRY(all_hold(w, true, &hold, e));
        w->is_machine_excluded = !hold;
        w->is_judged = true;
    }
    *out = w->is_machine_excluded;
    if (*out) return PARE_OK;
    PARE_TRY(all_hold(w, false, &hold, e));
    *out = !hold;
    return PARE_OK;
}

/* ---- is there any place? ---- */

enum { PROBE_ALL = 1 << 18, PROBE_MAX = 1 << 16, CONSTRAINTS_MAX = 64 };

typedef struct probe {
    uint64_t n, n_all;                /* places looked at; those that satisfy everything */
    uint64_t n_hold[CONSTRAINTS_MAX]; /* of each constraint */
    double low[CONSTRAINTS_MAX][2], high[CONSTRAINTS_MAX][2]; /* sides of comparisons */
    bool has_sides[CONSTRAINTS_MAX];
} probe;

static void note_sides(sweep_worker *w, probe *p, size_t i)
{
    double sides[2];
    if (!expr_sides(w->s->constraints[i].x, look_up, w, sides)) return;
    for (int k = 0; k < 2; k++) {
        if (!p->has_sides[i] || sides[k] < p->low[i][k]) p->low[i][k] = sides[k];
        if (!p->has_sides[i] || sides[k] > p->high[i][k]) p->high[i][k] = sides[k];
    }
    p->has_sides[i] = true;
}

static pare_status probe_place(sweep_worker *w, uint64_t space, probe *p, pare_err *e)
{
    bool all = true, one = true;
    w->space = space;
    sweep_set_machine(w, space);
    p->n++;
    for (size_t i = 0; i < w->s->n_constraints; i++) {
        PARE_TRY(holds(w, &w->s->constraints[i], &one, e));
        p->n_hold[i] += one;
        all = all && one;
        note_sides(w, p, i);
    }
    p->n_all += all;
    return PARE_OK;
}

/* Nothing satisfies them: say which one, and how far off it is. */
static pare_status blame(const pare_sweep *s, const probe *p, pare_err *e)
{
    char at[64];
    const char *const where = p->n == s->info.n_space ? "nowhere" : "at no place that was tried";
    for (size_t i = 0; i < s->n_constraints; i++) {
        const char *const text = expr_text(s->constraints[i].x);
        if (p->n_hold[i]) continue;
        if (p->has_sides[i])
            return pare_yaml_error(s->yaml, place_of(i, at), e, PARE_EINPUT,
                                   "'%s' holds %s, so that nothing is left: its left side is %.6g "
                                   "to %.6g, its right side %.6g to %.6g; sides that meet expected",
                                   text, where, p->low[i][0], p->high[i][0], p->low[i][1],
                                   p->high[i][1]);
        return pare_yaml_error(s->yaml, place_of(i, at), e, PARE_EINPUT,
                               "'%s' holds %s, so that nothing is left; a constraint that some "
                               "point satisfies expected",
                               text, where);
    }
    size_t rarest = 0;
    for (size_t i = 1; i < s->n_constraints; i++)
        if (p->n_hold[i] < p->n_hold[rarest]) rarest = i;
    return pare_yaml_error(s->yaml, place_of(rarest, at), e, PARE_EINPUT,
                           "the %zu constraints contradict each other: each holds somewhere, all "
                           "of them %s, so that nothing is left; '%s' is met least, by %.3g %% of "
                           "the places, and may be relaxed",
                           s->n_constraints, where, expr_text(s->constraints[rarest].x),
                           100 * (double)p->n_hold[rarest] / (double)p->n);
}

pare_status sweep_probe(const pare_sweep *s, pare_err *e)
{
    if (s->n_constraints == 0) return PARE_OK;
    if (s->n_constraints > CONSTRAINTS_MAX)
        return pare_yaml_error(s->yaml, "constraints", e, PARE_EINPUT,
                               "%zu constraints; at most %d expected", s->n_constraints,
                               CONSTRAINTS_MAX);
    sweep_worker *const w = sweep_worker_new(s);
    probe *const p = pare_xalloc(1, sizeof *p);
    const bool is_all = s->info.n_space <= PROBE_ALL;
    const uint64_t most = is_all ? s->info.n_space : PROBE_MAX;
    pare_status status = PARE_OK;
    for (uint64_t i = 0; i < most && status == PARE_OK; i++)
        status = probe_place(w, is_all ? i : sweep_permute(i, s->info.n_space, 0, 0), p, e);
    if (status == PARE_OK && p->n_all == 0) status = blame(s, p, e);
    free(p);
    sweep_worker_free(w);
    return status;
}
