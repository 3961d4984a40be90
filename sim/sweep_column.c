/* Columns of results: statistics of the simulator and a few figures of the whole network. */
#include "sim/sweep_core.h"

#include <string.h>

typedef struct figure {
    const char *name, *label;
    size_t offset; /* in pare_sim_result */
} figure;

static const figure figures[] = {
    {"latency_ns", "latency", offsetof(pare_sim_result, latency_ns)},
    {"edp_pj_ns", "energy x latency", offsetof(pare_sim_result, edp_pj_ns)},
    {"area_um2", "area", offsetof(pare_sim_result, area_um2)},
    {"utilization", "utilization", offsetof(pare_sim_result, utilization)},
    {"mean_weight_bits", "mean weight bits", offsetof(pare_sim_result, mean_weight_bits)},
    {"mean_act_bits", "mean activation bits", offsetof(pare_sim_result, mean_act_bits)},
    {"accuracy_frac", "accuracy", 0},
};
enum { N_FIGURES = sizeof figures / sizeof *figures };

static const char *const usual[] = {"cycles",           "latency_ns",    "energy_pj",
                                    "dram_bits",        "area_um2",      "utilization",
                                    "mean_weight_bits", "mean_act_bits", "accuracy_frac"};
enum { N_USUAL = sizeof usual / sizeof *usual };

static bool add_column(pare_sweep *s, const char *name)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    const size_t at = s->info.n_columns;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(table[i].name, name)) continue;
        s->columns[at] = (pare_column){table[i].name, table[i].label, table[i].is_real, true};
        s->sources[at] = (sweep_column){.offset = table[i].offset};
        s->info.n_columns++;
        return true;
    }
    for (size_t i = 0; i < N_FIGURES; i++) {
        if (strcmp(figures[i].name, name)) continue;
        s->columns[at] = (pare_column){figures[i].name, figures[i].label, true, false};
        s->sources[at] = (sweep_column){.offset = figures[i].offset,
                                        .is_accuracy = !strcmp(name, "accuracy_frac")};
        s->info.n_columns++;
        return true;
    }
    return false;
}

static pare_status unknown(const pare_sweep *s, size_t i, const char *name, pare_err *e)
{
    size_t n, best = strlen(name) / 2 + 1;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    const char *near = NULL;
    for (size_t k = 0; k < n + N_FIGURES; k++) {
        const char *const other = k < n ? table[k].name : figures[k - n].name;
        const size_t d = pare_text_distance(name, other);
        if (d >= best) continue;
        best = d;
        near = other;
    }
    char at[64];
    snprintf(at, sizeof at, "columns[%zu]", i);
    return pare_yaml_error(s->yaml, at, e, PARE_EINPUT, "unknown column '%s'; %s%s%s expected",
                           name, near ? "'" : "", near ? near : "`all` or a statistic",
                           near ? "'" : "");
}

static bool has_column(const pare_sweep *s, const char *name)
{
    for (size_t i = 0; i < s->info.n_columns; i++)
        if (!strcmp(s->columns[i].name, name)) return true;
    return false;
}

pare_status sweep_make_columns(pare_sweep *s, pare_err *e)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    s->columns = pare_arena_alloc(s->arena, n + N_FIGURES, sizeof *s->columns);
    s->sources = pare_arena_alloc(s->arena, n + N_FIGURES, sizeof *s->sources);
    s->info.columns = s->columns;
    const pare_strs *const list = &s->conf.columns;
    for (size_t i = 0; !list->n && i < N_USUAL; i++) (void)add_column(s, usual[i]);
    if (list->n == 1 && !strcmp(list->v[0], "all")) {
        for (size_t i = 0; i < n; i++) (void)add_column(s, table[i].name);
        for (size_t i = 0; i < N_FIGURES; i++) (void)add_column(s, figures[i].name);
        return PARE_OK;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (has_column(s, list->v[i])) continue;
        if (!add_column(s, list->v[i])) return unknown(s, i, list->v[i], e);
    }
    return PARE_OK;
}
