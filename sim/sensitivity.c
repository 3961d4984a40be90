/* Which knob of a machine helps: each field of its file changed by itself. */
#include "sim/questions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct knobs {
    pare_knob *v;
    size_t n, capacity;
    double step;
} knobs;

/* Fields that say who a machine is or what the tables say, and ways of counting. */
static const char *const NO_KNOBS[] = {
    "version",       "energy_base",  "energy_tables",   "own_costs", "compat",   "mapping.tile",
    "mapping.order", "memory.model", "dram.pj_per_bit", "pe.skips",  "pe.style", "skip"};

static bool is_knob(const char *key)
{
    for (size_t i = 0; i < sizeof NO_KNOBS / sizeof *NO_KNOBS; i++)
        if (!strcmp(key, NO_KNOBS[i])) return false;
    return true;
}

static void add_knob(knobs *k, const char *key, const char *from, const char *to)
{
    if (!strcmp(from, to)) return;
    if (k->n == k->capacity) {
        k->capacity = k->capacity ? 2 * k->capacity : 64;
        pare_knob *const v = pare_xalloc(k->capacity, sizeof *v);
        if (k->n) memcpy(v, k->v, k->n * sizeof *v);
        free(k->v);
        k->v = v;
    }
    pare_knob *const knob = &k->v[k->n++];
    snprintf(knob->key, sizeof knob->key, "%s", key);
    snprintf(knob->from, sizeof knob->from, "%s", from);
    snprintf(knob->to, sizeof knob->to, "%s", to);
}

static void number_text(double x, bool is_whole, char out[24])
{
    snprintf(out, 24, is_whole ? "%.0f" : "%.6g", x);
}

static void add_number(knobs *k, const pare_key *key, const char *path, double x, bool is_whole)
{
    char from[24], to[24];
    number_text(x, is_whole, from);
    if (!(x > 0)) return; /* 0 means "chosen elsewhere" or "none": it has no multiple */
    for (int up = 1; up >= 0; up--) {
        double y = up ? x * k->step : x / k->step;
        if (is_whole) y = rint(y);
        if (key->max > key->min && (y < key->min || y > key->max)) continue;
        number_text(y, is_whole, to);
        add_knob(k, path, from, to);
    }
}

static void collect(knobs *k, const pare_schema *s, const void *in, const char *prefix)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        const pare_key *const key = &s->keys[i];
        const void *const member = (const char *)in + key->offset;
        char path[48];
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", key->name);
        if (!is_knob(path)) continue;
        switch (key->type) {
        case PARE_KEY_U32: add_number(k, key, path, *(const uint32_t *)member, true); break;
        case PARE_KEY_U64: add_number(k, key, path, (double)*(const uint64_t *)member, true); break;
        case PARE_KEY_REAL: add_number(k, key, path, *(const double *)member, false); break;
        case PARE_KEY_BOOL:
            add_knob(k, path, *(const bool *)member ? "true" : "false",
                     *(const bool *)member ? "false" : "true");
            break;
        case PARE_KEY_ENUM:
            for (const char *const *c = key->choices; *c; c++)
                add_knob(k, path, key->choices[*(const int *)member], *c);
            break;
        case PARE_KEY_MAP: collect(k, key->sub, member, path); break;
        default: break;
        }
    }
}

static pare_status cost_at(const pare_net *net, const char *path, const char *const *sets,
                           size_t n_sets, const pare_bits *bits, const pare_sim_options *options,
                           pare_machine **machine, pare_point_cost *out, pare_err *e)
{
    pare_sim_result r = {0};
    pare_machine *m = NULL;
    pare_status status = pare_machine_load(path, sets, n_sets, &m, e);
    if (status == PARE_OK) status = pare_sim_run(net, m, bits, options, &r, e);
    if (status == PARE_OK)
        *out = (pare_point_cost){.latency_ns = r.latency_ns,
                                 .energy_pj = r.total.energy_pj,
                                 .edp_pj_ns = r.edp_pj_ns,
                                 .area_um2 = r.area_um2};
    pare_sim_result_free(&r);
    if (machine && status == PARE_OK)
        *machine = m;
    else
        pare_machine_free(m);
    return status;
}

pare_status pare_sim_sensitivity(const pare_net *net, const char *machine_path,
                                 const char *const *sets, size_t n_sets, const pare_bits *bits,
                                 const pare_sim_options *options, double step, pare_knob **out,
                                 size_t *n, pare_point_cost *base, pare_err *e)
{
    knobs k = {.step = step};
    pare_machine *m = NULL;
    PARE_TRY(cost_at(net, machine_path, sets, n_sets, bits, options, &m, base, e));
    collect(&k, &pare_machine_schema, m, "");
    pare_machine_free(m);
    const char **const with = pare_xalloc(n_sets + 1, sizeof *with);
    if (n_sets) memcpy(with, sets, n_sets * sizeof *with);
    for (size_t i = 0; i < k.n; i++) {
        char set[80];
        pare_err why = {0};
        pare_knob *const knob = &k.v[i];
        snprintf(set, sizeof set, "%s=%s", knob->key, knob->to);
        with[n_sets] = set;
        if (cost_at(net, machine_path, with, n_sets + 1, bits, options, NULL, &knob->cost, &why) !=
            PARE_OK)
            snprintf(knob->error, sizeof knob->error, "%.150s", why.text);
    }
    free(with);
    *out = k.v;
    *n = k.n;
    return PARE_OK;
}
