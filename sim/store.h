/* store.h: the results of a sweep in one SQLite file. Part of the public header of sim/.
 *
 * Version 1 of the file (application_id 0x50415245 "PARE", user_version 1):
 *
 *   meta(key, value)            program, commit, kind, name, sweep (the text of its file), plan
 * (hash of all inputs), points, shard, shards, block, next (blocks done), layers (0, 1), complete
 * (0, 1) axis(axis, key, n, stride)  a coordinate of the space; the first one is the slowest
 *   axis_value(axis, digit, value)
 *   stat(stat, name, label)     the columns of results, in their order
 *   point(point, space, hash, error, COLUMNS...)
 *                               a row a point: its number; its place in the space, where the digit
 *                               of an axis is space / stride % n; the hash of its inputs (16
 * bytes); why it has no result, or NULL; a REAL or INTEGER column a stat layer_name(network, layer,
 * name) layer(point, layer, weight_bits, act_bits, COLUMNS...) only with `layers: true`; the
 * columns that are statistics points                      a view: point with the values of its axes
 *
 * Points that a constraint excludes have no row. Rows are committed in the order of their numbers;
 * while a sweep runs the file is in WAL mode, a finished one is a plain file.
 */
#ifndef PARE_STORE_H
#define PARE_STORE_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PARE_STORE_VERSION 1

/* A coordinate of the space: a list of values. */
typedef struct pare_axis {
    const char *key;    /* "network", "machine", "bits", "array.rows" */
    uint64_t n, stride; /* digit of a place in the space: space / stride % n */
    const char **values;
    double *numbers; /* the same as numbers; NaN where the text is none */
} pare_axis;

/* A column of results: a statistic of sim.h by its name, or one of latency_ns, edp_pj_ns, area_um2,
 * utilization, mean_weight_bits, mean_act_bits, accuracy_frac. */
typedef struct pare_column {
    const char *name, *label;
    bool is_real; /* REAL, else INTEGER */
    bool is_stat; /* one of PARE_SIM_STATS: also known of each layer */
} pare_column;

typedef struct pare_store_info {
    const char *path, *program, *commit;
    const char *kind;  /* "sweep", "search", "codesign" */
    const char *name;  /* as in the sweep file */
    const char *sweep; /* text of that file */
    const char *plan;  /* hash of all inputs, hexadecimal */
    uint64_t n_points; /* numbers that the whole sweep has, excluded ones included */
    uint64_t n_rows, n_failed;
    uint32_t shard, n_shards;
    pare_axis *axes;
    size_t n_axes;
    pare_column *columns;
    size_t n_columns;
    bool has_layers, is_complete;
} pare_store_info;

/* A store opened for reading; a running sweep may go on writing it. */
typedef struct pare_store pare_store;

/* PARE_EINPUT if it is no store or of another version. The caller closes. */
pare_status pare_store_open(const char *path, pare_store **out, pare_err *e) PARE_MUST_CHECK;
void pare_store_close(pare_store *s); /* NULL allowed */
/* Lives as long as the store; counts are those at opening. */
const pare_store_info *pare_store_about(const pare_store *s);
/* Index into columns or axes, or -1. */
int pare_store_column(const pare_store *s, const char *name);
int pare_store_axis(const pare_store *s, const char *key);

typedef struct pare_row {
    uint64_t point, space;
    unsigned char hash[16];
    const char *error;    /* NULL: it has results */
    const double *values; /* one a column; NaN where there is none */
} pare_row;

static inline uint64_t pare_axis_digit(const pare_axis *a, uint64_t space)
{
    return space / a->stride % a->n;
}

/* The row lives during the call; a status other than PARE_OK ends the walk. */
typedef pare_status pare_row_fn(void *context, const pare_row *row, pare_err *e);
/* All rows in the order of their numbers. */
pare_status pare_store_each(pare_store *s, pare_row_fn *fn, void *context,
                            pare_err *e) PARE_MUST_CHECK;
/* The rows of points first .. last. */
pare_status pare_store_range(pare_store *s, uint64_t first, uint64_t last, pare_row_fn *fn,
                             void *context, pare_err *e) PARE_MUST_CHECK;

typedef struct pare_layer_row {
    const char *layer;
    uint32_t weight_bits, act_bits;
    const double *values; /* one a column of the store; NaN for those that are no statistic */
} pare_layer_row;
typedef pare_status pare_layer_fn(void *context, const pare_layer_row *row, pare_err *e);
/* The layers of a point in the network's order; none if the sweep did not keep them. */
pare_status pare_store_layers(pare_store *s, uint64_t point, pare_layer_fn *fn, void *context,
                              pare_err *e) PARE_MUST_CHECK;

/* Everything as CSV (with `#` lines of origin) or one JSON object a line, integers exact: point,
 * axes, columns, error. Written piece by piece to `path` ("-": stdout), whole or not at all. */
pare_status pare_store_export(pare_store *s, bool is_json, const char *path,
                              pare_err *e) PARE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
