/* The sweep file: its table of keys, reading, and the checks of the whole. */
#include "sim/sweep_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const samples[] = {"all", "random", "lhs", NULL};
static const char *const searches[] = {"none", "nsga2", NULL};

/* beyond these a plain sweep would not end within a life, or not fit on a disk */
static const double POINTS_MAX = 1e12, SPACE_MAX = 4e18;

#define KEY(st, member, label, kind, lo, hi, default_text, ...)                                    \
    {                                                                                              \
        .name = label, .type = PARE_KEY_##kind, .offset = offsetof(st, member), .min = lo,         \
        .max = hi, .def = default_text, __VA_ARGS__                                                \
    }
#define DOC(text)           .doc = text
#define CHOICE(names, text) .choices = names, .doc = text

static const pare_key axis_keys[] = {
    KEY(axis_conf, key, "key", NAME, 0, 0, NULL,
        DOC("a field of the machine file by its path, such as array.rows, or batch, bits.scale, "
            "bits.weight, bits.act")),
    KEY(axis_conf, also, "also", NAMES, 0, 0, "", DOC("further fields that take the same value")),
    KEY(axis_conf, values, "values", NAMES, 0, 0, "", DOC("the values, or:")),
    KEY(axis_conf, from, "from", REAL, -1e18, 1e18, "0", DOC("first value of a range")),
    KEY(axis_conf, to, "to", REAL, -1e18, 1e18, "0", DOC("no value is above it")),
    KEY(axis_conf, step, "step", REAL, 1e-12, 1e18, "1", DOC("from one value to the next")),
    KEY(axis_conf, factor, "factor", REAL, 1.0001, 1e18, "2",
        DOC("from one value to the next, instead of a step")),
    KEY(axis_conf, count, "count", U32, 1, AXIS_VALUES_MAX, "1",
        DOC("values from `from` to `to`, both included, instead of a step")),
    KEY(axis_conf, is_log, "log", BOOL, 0, 0, "false",
        DOC("count: evenly spaced logarithms; integers are rounded and appear once")),
};
static const pare_schema axis_schema = {
    .name = "sweep.axes",
    .doc = "One axis: a key and its values. Of `bits.scale`, `bits.weight`, `bits.act`: every "
           "bitlength times this (real ones rounded up, others to the nearest, 1 to 16), or this "
           "bitlength for all weights or activations.",
    .keys = axis_keys,
    .n_keys = sizeof axis_keys / sizeof *axis_keys,
    .size = sizeof(axis_conf),
    .pos_offset = offsetof(axis_conf, pos),
    .given_offset = offsetof(axis_conf, given),
};

static const pare_key constraint_keys[] = {
    KEY(constraint_conf, require, "require", STR, 0, 0, NULL,
        DOC("what must hold, such as array.rows * array.cols <= 1024")),
    KEY(constraint_conf, why, "why", STR, 0, 0, "", DOC("for people")),
};
static const pare_schema constraint_schema = {
    .name = "sweep.constraints",
    .doc =
        "Points where it does not hold are left out. Names are axes, fields of the machine file, "
        "and area_um2; docs/sweeps.md has the grammar.",
    .keys = constraint_keys,
    .n_keys = sizeof constraint_keys / sizeof *constraint_keys,
    .size = sizeof(constraint_conf),
    .pos_offset = offsetof(constraint_conf, pos),
    .given_offset = PARE_NO_OFFSET,
};

static const pare_key sample_keys[] = {
    KEY(sample_conf, method, "method", ENUM, 0, 0, "all",
        CHOICE(samples, "every point; distinct random ones; a Latin hypercube, each axis evenly")),
    KEY(sample_conf, points, "points", U64, 1, 1e12, "1000", DOC("how many, if not all")),
    KEY(sample_conf, seed, "seed", U64, 0, 9e15, "1", DOC("of the choice")),
};
static const pare_schema sample_schema = {.name = "sweep.sample",
                                          .doc = "Which points of the space.",
                                          .keys = sample_keys,
                                          .n_keys = sizeof sample_keys / sizeof *sample_keys,
                                          .size = sizeof(sample_conf),
                                          .pos_offset = PARE_NO_OFFSET,
                                          .given_offset = PARE_NO_OFFSET};

static const pare_key search_keys[] = {
    KEY(search_conf, method, "method", ENUM, 0, 0, "none",
        CHOICE(searches, "nsga2: points are bred towards the Pareto front (Deb 2002)")),
    KEY(search_conf, objectives, "objectives", NAMES, 0, 0, "",
        DOC("two columns to minimise; -column is maximised")),
    KEY(search_conf, population, "population", U32, 4, 100000, "100", DOC("points a generation")),
    KEY(search_conf, generations, "generations", U32, 1, 100000, "100", DOC("how many")),
    KEY(search_conf, seed, "seed", U64, 0, 9e15, "1", DOC("of all random choices")),
};
static const pare_schema search_schema = {
    .name = "sweep.search",
    .doc = "Choose points while the sweep runs, instead of a sample.",
    .keys = search_keys,
    .n_keys = sizeof search_keys / sizeof *search_keys,
    .size = sizeof(search_conf),
    .pos_offset = PARE_NO_OFFSET,
    .given_offset = PARE_NO_OFFSET};

static const pare_key sweep_keys[] = {
    KEY(sweep_conf, version, "version", U32, 1, 1, NULL, DOC("of this file's form")),
    KEY(sweep_conf, name, "name", NAME, 0, 0, NULL, DOC("how results call it")),
    KEY(sweep_conf, title, "title", STR, 0, 0, "", DOC("one line for people")),
    KEY(sweep_conf, networks, "networks", NAMES, 0, 0, NULL,
        DOC("axis `network`: shipped ones, files, trainer's run folders")),
    KEY(sweep_conf, machines, "machines", NAMES, 0, 0, NULL,
        DOC("axis `machine`: shipped ones or files")),
    KEY(sweep_conf, bits, "bits", NAMES, 0, 0, "",
        DOC("axis `bits`: 8, w4a6, files, or trainer's run folders (8 if there are none)")),
    KEY(sweep_conf, bits_folder, "bits_folder", STR, 0, 0, "",
        DOC("a folder whose *.bits.yaml files and run folders are added, in the order of names: a "
            "series of gamma")),
    KEY(sweep_conf, axes, "axes", MAPS, 0, 0, "", .sub = &axis_schema,
        DOC("further axes; the last one is the fastest")),
    KEY(sweep_conf, constraints, "constraints", MAPS, 0, 0, "", .sub = &constraint_schema,
        DOC("what points must satisfy")),
    KEY(sweep_conf, sample, "sample", MAP, 0, 0, "", .sub = &sample_schema, DOC("which points")),
    KEY(sweep_conf, search, "search", MAP, 0, 0, "", .sub = &search_schema,
        DOC("an adaptive search")),
    KEY(sweep_conf, columns, "columns", NAMES, 0, 0, "",
        DOC("results to keep: `all`, or statistics and latency_ns, edp_pj_ns, area_um2, "
            "utilization, mean_weight_bits, mean_act_bits, accuracy_frac; without it cycles, "
            "latency_ns, energy_pj, dram_bits, area_um2, utilization, mean_weight_bits, "
            "mean_act_bits, accuracy_frac")),
    KEY(sweep_conf, has_layers, "layers", BOOL, 0, 0, "false",
        DOC("also a row for each layer of each point")),
};
const pare_schema pare_sweep_schema = {.name = "sweep",
                                       .doc = "A space of machines, bits and networks, and which "
                                              "of its points are computed.",
                                       .keys = sweep_keys,
                                       .n_keys = sizeof sweep_keys / sizeof *sweep_keys,
                                       .size = sizeof(sweep_conf),
                                       .pos_offset = PARE_NO_OFFSET,
                                       .given_offset = PARE_NO_OFFSET};

/* ---- the whole ---- */

/* A round number of years, for the message. */
static double years(double points)
{
    static const double POINTS_PER_S = 1e4, S_PER_YEAR = 3.15e7;
    return points / POINTS_PER_S / S_PER_YEAR;
}

static pare_status check_size(const pare_sweep *s, double n_space, pare_err *e)
{
    if (n_space > SPACE_MAX)
        return pare_yaml_error(s->yaml, "axes", e, PARE_EINPUT,
                               "the space has %.3g places; at most %.0e expected: fewer or shorter "
                               "axes",
                               n_space, SPACE_MAX);
    const bool is_all = s->conf.sample.method == SAMPLE_ALL && !s->info.is_search;
    if (is_all && n_space > POINTS_MAX)
        return pare_yaml_error(s->yaml, "axes", e, PARE_EINPUT,
                               "the space has %.3g points, %.2g years at ten thousand a second; at "
                               "most %.0e expected, or sample: {method: lhs, points: 10000}, or "
                               "search: {method: nsga2, objectives: [cycles, energy_pj]}",
                               n_space, years(n_space), POINTS_MAX);
    return PARE_OK;
}

/* Strides from the last axis to the first, and how many points there are. */
static pare_status number_points(pare_sweep *s, pare_err *e)
{
    double n_space = 1;
    for (size_t i = 0; i < s->info.n_axes; i++) n_space *= (double)s->axes[i].n;
    PARE_TRY(check_size(s, n_space, e));
    uint64_t stride = 1;
    s->machine_stride = 1;
    for (size_t i = s->info.n_axes; i-- > 0;) {
        if (s->kinds[i].kind <= AXIS_FIELD && s->machine_stride == 1) s->machine_stride = stride;
        s->axes[i].stride = stride;
        stride *= s->axes[i].n;
    }
    s->info.n_space = stride;
    s->info.n_points = stride;
    if (s->conf.sample.method != SAMPLE_ALL) {
        s->info.n_points = s->conf.sample.points;
        if (s->conf.sample.method == SAMPLE_RANDOM && s->info.n_points > stride)
            s->info.n_points = stride;
    }
    if (s->info.is_search)
        s->info.n_points = (uint64_t)s->conf.search.population * s->conf.search.generations;
    /* small enough to share among many shards, large enough to find layers again */
    s->info.block_points = 1;
    while (s->info.block_points < 256 && s->info.block_points * 2048 < s->info.n_points)
        s->info.block_points *= 2;
    return PARE_OK;
}

static pare_status check_search(const pare_sweep *s, pare_err *e)
{
    const search_conf *const c = &s->conf.search;
    if (!s->info.is_search) return PARE_OK;
    if (s->conf.sample.method != SAMPLE_ALL)
        return pare_yaml_error(s->yaml, "search", e, PARE_EINPUT,
                               "a sample and a search are given; one of them expected");
    if (c->objectives.n != 2)
        return pare_yaml_error(s->yaml, "search.objectives", e, PARE_EINPUT,
                               "search.objectives has %zu columns; two expected", c->objectives.n);
    for (size_t i = 0; i < 2; i++) {
        const char *name = c->objectives.v[i];
        if (*name == '-') name++;
        size_t k = 0;
        while (k < s->info.n_columns && strcmp(s->columns[k].name, name)) k++;
        if (k == s->info.n_columns)
            return pare_yaml_error(s->yaml, "search.objectives", e, PARE_EINPUT,
                                   "search.objectives: '%s' is no column of this sweep; one of "
                                   "`columns` expected",
                                   name);
    }
    return PARE_OK;
}

static pare_status make(pare_sweep *s, pare_err *e)
{
    PARE_TRY(pare_yaml_read(s->yaml, &pare_sweep_schema, s->arena, &s->conf, e));
    s->info.name = s->conf.name;
    s->info.has_layers = s->conf.has_layers;
    s->info.is_search = s->conf.search.method != SEARCH_NONE;
    PARE_TRY(sweep_make_columns(s, e));
    PARE_TRY(sweep_list_bits(s, e));
    PARE_TRY(sweep_make_axes(s, e));
    PARE_TRY(number_points(s, e));
    PARE_TRY(check_search(s, e));
    PARE_TRY(sweep_load_inputs(s, e));
    PARE_TRY(sweep_make_constraints(s, e));
    return sweep_probe(s, e);
}

pare_status pare_sweep_parse(const char *name, const char *text, size_t n, pare_sweep **out,
                             pare_err *e)
{
    *out = NULL;
    pare_yaml *yaml = NULL;
    PARE_TRY(pare_yaml_parse(name, text, n, &yaml, e));
    pare_arena *const a = pare_arena_new();
    pare_sweep *const s = pare_arena_alloc(a, 1, sizeof *s);
    s->arena = a;
    s->yaml = yaml;
    s->text = pare_arena_strndup(a, text, n);
    s->info.file = pare_arena_strdup(a, name);
    const pare_status status = make(s, e);
    if (status == PARE_OK)
        *out = s;
    else
        pare_sweep_free(s);
    return status;
}

pare_status pare_sweep_load(const char *path, pare_sweep **out, pare_err *e)
{
    enum { FILE_MAX_BYTES = 1 << 20 };
    char *text = NULL;
    size_t n = 0;
    *out = NULL;
    PARE_TRY(pare_file_read(path, FILE_MAX_BYTES, &text, &n, e));
    const pare_status status = pare_sweep_parse(path, text, n, out, e);
    free(text);
    return status;
}

void pare_sweep_free(pare_sweep *s)
{
    if (!s) return;
    sweep_free_inputs(s);
    pare_yaml_free(s->yaml);
    pare_arena_free(s->arena); /* s lives in it */
}

const pare_sweep_info *pare_sweep_about(const pare_sweep *s) { return &s->info; }
