/* sweep_core.h: what the files of the sweep share; not for anyone else. */
#ifndef PARE_SIM_SWEEP_CORE_H
#define PARE_SIM_SWEEP_CORE_H
#include "sim/core.h"
#include "sim/expr.h"
#include "sim/sweep.h"

#include <xxhash.h>

/* ---- the file (sweep_file.c) ---- */

typedef struct axis_conf {
    const char *key;
    pare_strs also, values;
    double from, to, step, factor;
    uint32_t count;
    bool is_log;
    pare_pos pos;
    uint64_t given; /* AXIS_GIVEN_* */
} axis_conf;

enum {
    AXIS_GIVEN_VALUES = 1 << 2,
    AXIS_GIVEN_FROM = 1 << 3,
    AXIS_GIVEN_TO = 1 << 4,
    AXIS_GIVEN_STEP = 1 << 5,
    AXIS_GIVEN_FACTOR = 1 << 6,
    AXIS_GIVEN_COUNT = 1 << 7
};

typedef struct constraint_conf {
    const char *require, *why;
    pare_pos pos;
} constraint_conf;

typedef enum sample_method { SAMPLE_ALL, SAMPLE_RANDOM, SAMPLE_LHS } sample_method;
typedef struct sample_conf {
    int method; /* sample_method */
    uint64_t points, seed;
} sample_conf;

typedef enum search_method { SEARCH_NONE, SEARCH_NSGA2 } search_method;
typedef struct search_conf {
    int method; /* search_method */
    pare_strs objectives;
    uint32_t population, generations;
    uint64_t seed;
} search_conf;

typedef struct sweep_conf {
    uint32_t version;
    const char *name, *title;
    pare_strs networks, machines, bits;
    const char *bits_folder;
    pare_maps axes, constraints; /* axis_conf, constraint_conf */
    sample_conf sample;
    search_conf search;
    pare_strs columns;
    bool has_layers;
} sweep_conf;

/* ---- axes (sweep_axis.c) ---- */

typedef enum axis_kind {
    AXIS_NETWORK,
    AXIS_MACHINE,
    AXIS_FIELD,
    AXIS_BATCH,
    AXIS_BITS,
    AXIS_BITS_SCALE,
    AXIS_BITS_WEIGHT,
    AXIS_BITS_ACT
} axis_kind;

enum { LEAF_BYTES = 8, AXIS_VALUES_MAX = 65536, AXES_MAX = 48 };

/* A key of the machine file that has one value. */
typedef struct machine_field {
    const pare_key *key;
    size_t offset;    /* in pare_machine */
    const char *path; /* "array.rows" */
} machine_field;

/* One field that an axis sets, with its value for each digit. */
typedef struct axis_target {
    machine_field field;
    unsigned char (*leaves)[LEAF_BYTES];
} axis_target;

typedef struct sweep_axis {
    axis_kind kind;
    axis_target *targets; /* of a field: itself, then `also` */
    size_t n_targets;
    size_t conf; /* which of the file's axes; SIZE_MAX: one that always is */
} sweep_axis;

/* Find a field by its path; false: there is none, and `near` (NULL allowed) is the nearest one. */
bool sweep_find_field(const char *path, machine_field *out, pare_buf *near);
size_t sweep_leaf_bytes(const pare_key *k);

/* ---- columns of results (sweep_column.c) ---- */

typedef union cell {
    uint64_t count;
    double real;
} cell;

/* How a column is taken from a result. */
typedef struct sweep_column {
    size_t offset; /* in pare_sim_stats, or in pare_sim_result */
    bool is_accuracy;
} sweep_column;

/* ---- the whole ---- */

/* A constraint and what it depends on. */
typedef struct sweep_constraint {
    expr *x;
    size_t conf;
    bool is_of_machine; /* the same for all points of a machine */
} sweep_constraint;

/* Bitlengths for one network, or why there are none. */
typedef struct sweep_bits {
    pare_bits *bits;
    char *error;
} sweep_bits;

struct pare_sweep {
    pare_sweep_info info;
    sweep_conf conf;
    pare_yaml *yaml;
    pare_arena *arena;
    const char *text; /* of the file */
    pare_axis *axes;
    sweep_axis *kinds;            /* beside axes */
    size_t at[AXIS_BITS_ACT + 1]; /* of the axis of each kind that is there once; SIZE_MAX: none */
    uint64_t machine_stride;      /* places that share a machine */
    const char **field_names;     /* variables of constraints: fields of the machine */
    machine_field *fields;
    size_t n_fields;
    sweep_constraint *constraints;
    size_t n_constraints;
    pare_column *columns;
    sweep_column *sources;
    pare_net **nets; /* one a value of the axis network */
    XXH128_hash_t *net_hash;
    pare_machine **machines; /* one a value of the axis machine */
    sweep_bits *bits;        /* [network][bits] */
    double *accuracy_frac;   /* one a value of the axis bits; NaN: not known */
    XXH128_hash_t seed;      /* program and columns: what every hash starts from */
};

static inline uint64_t sweep_digit(const pare_sweep *s, size_t axis, uint64_t space)
{
    return space / s->axes[axis].stride % s->axes[axis].n;
}

/* The values of the axis bits (sweep_inputs.c). */
pare_status sweep_list_bits(pare_sweep *s, pare_err *e) PARE_MUST_CHECK;
pare_status sweep_make_axes(pare_sweep *s, pare_err *e) PARE_MUST_CHECK;
pare_status sweep_make_columns(pare_sweep *s, pare_err *e) PARE_MUST_CHECK;
/* Networks, machines, bitlengths (sweep_inputs.c). */
pare_status sweep_load_inputs(pare_sweep *s, pare_err *e) PARE_MUST_CHECK;
void sweep_free_inputs(pare_sweep *s);
/* Parse the constraints (sweep_require.c), and see that something satisfies them. */
pare_status sweep_make_constraints(pare_sweep *s, pare_err *e) PARE_MUST_CHECK;
pare_status sweep_probe(const pare_sweep *s, pare_err *e) PARE_MUST_CHECK;

/* ---- one point (sweep_point.c) ---- */

typedef enum row_state { ROW_EXCLUDED, ROW_OK, ROW_FAILED } row_state;

typedef struct sweep_row {
    uint64_t point, space;
    XXH128_hash_t hash;
    row_state state;
    bool is_reused;
    char *error; /* malloc'd; NULL: none */
    cell *cells; /* one a column */
    /* with layers: their bits and, of each, a cell a column that is a statistic */
    uint32_t n_layers;
    uint32_t (*layer_bits)[2];
    cell *layer_cells;
} sweep_row;

typedef struct layer_cache layer_cache;

/* What one thread needs to compute points. */
typedef struct sweep_worker {
    const pare_sweep *s;
    struct sim_tables *tables;
    layer_cache *cache;
    /* the machine of the last place */
    bool has_machine;
    uint64_t machine_key;
    pare_machine machine;
    bool is_settled; /* checked and priced: the next three are known */
    pare_status machine_status;
    char machine_error[PARE_ERR_TEXT_MAX];
    XXH128_hash_t machine_hash;
    bool is_judged, is_machine_excluded; /* by constraints about the machine alone */
    /* bitlengths of the last place */
    pare_bits bits;
    pare_layer_bits *layer_bits;
    XXH128_hash_t bits_hash;
    bool is_as_trained; /* those of the file, unchanged */
    pare_sim_layer *layers;
    uint64_t space;           /* in work, for constraints */
    struct store_reader *old; /* rows of other inputs that may be taken over; NULL: none */
    uint64_t n_layers, n_layers_found;
} sweep_worker;

/* Check and price the worker's machine. */
pare_status sweep_settle(sweep_worker *w);
sweep_worker *sweep_worker_new(const pare_sweep *s);
void sweep_worker_free(sweep_worker *w);
/* Is the place excluded (sweep_require.c)? An error is one of a constraint. */
pare_status sweep_is_excluded(sweep_worker *w, uint64_t space, bool *out,
                              pare_err *e) PARE_MUST_CHECK;
/* The machine of a place, without its prices yet. */
void sweep_set_machine(sweep_worker *w, uint64_t space);
/* Compute the point; cells and layer arrays are the row's own, large enough. */
void sweep_eval(sweep_worker *w, uint64_t point, uint64_t space, sweep_row *row);
/* Take the results of a row with the same hash from before (sweep_old.c). */
bool sweep_take_old(sweep_worker *w, sweep_row *row);
uint32_t sweep_batch(const pare_sweep *s, uint64_t space);
/* Bits of a place into w->bits; why not, or NULL. */
const char *sweep_set_bits(sweep_worker *w, uint64_t space);

/* ---- the place of a point (sweep_sample.c) ---- */

/* false: there is none, all that it could be are excluded. */
pare_status sweep_place(sweep_worker *w, uint64_t point, uint64_t *space, bool *is_there,
                        pare_err *e) PARE_MUST_CHECK;
/* The i-th of a permutation of 0 .. n-1 that seed and stream name. */
uint64_t sweep_permute(uint64_t i, uint64_t n, uint64_t seed, uint64_t stream);

/* ---- layers found again (sweep_cache.c) ---- */

layer_cache *layer_cache_new(void);
void layer_cache_free(layer_cache *c);
/* As pare_sim_run_layer, from memory if machine (by its hash) and job are those of before. */
pare_status layer_cache_run(layer_cache *c, XXH128_hash_t machine_hash, const pare_machine *m,
                            const pare_sim_job *job, pare_sim_layer *out, bool *is_found,
                            pare_err *e) PARE_MUST_CHECK;

/* ---- hashes (sweep_hash.c) ---- */

XXH128_hash_t sweep_hash(XXH128_hash_t seed, const void *bytes, size_t n);
/* Everything that level 1 reads of a machine: its fields and prices. */
XXH128_hash_t sweep_hash_machine(const pare_machine *m);
/* The whole sweep: every input of every point. */
XXH128_hash_t sweep_hash_plan(const pare_sweep *s);

#endif
