/* dynamic.h: machines whose time or traffic depends on values; not for anyone else.
 *
 * A code is kept as the 16-bit two's complement pattern of an operand, whatever its bitlength. */
#ifndef PARE_SIM_DYNAMIC_H
#define PARE_SIM_DYNAMIC_H
#include "sim/core.h"

/* ---- terms, widths, columns (terms.c) ---- */

/* The positions of the terms of a magnitude below 2^16, as a mask; recoded ones reach 2^16. */
uint32_t sim_terms(pare_recoding recoding, uint32_t magnitude);
/* Cycles of a PE that takes `n` lanes of terms at once, 1 at least: each cycle every lane drops its
 * lowest pending term within 2^first_stage_bits positions of the lowest pending term of all lanes.
 * The masks are used up. */
uint32_t sim_two_stage_cycles(uint32_t *masks, size_t n, uint32_t first_stage_bits);

/* What decides the width of a group: OR them over the group. */
uint32_t sim_width_pattern(uint16_t code, bool is_signed);
/* Bits of a group: 1 at least, 2 if signed. With trim_low_bits the zeros that all values end in do
 * not count (the "minor bit" variant). */
uint32_t sim_width(uint32_t pattern, bool is_signed, bool trim_low_bits);
uint32_t sim_magnitude(uint16_t code, bool is_signed);

/* ---- styles of skipping (skip.c) ---- */

/* What a step's time depends on, within a fold: the windows, the filters, or both. */
typedef enum skip_kind { BY_WINDOWS = 1, BY_FILTERS, BY_BOTH } skip_kind;

typedef struct skip_row {
    skip_kind kind;
    unsigned operands;
    bool is_one_window; /* each window is a group of its own */
    /* what of a code matters */
    uint32_t (*feature)(const pare_machine *m, uint16_t code, bool is_signed);
    /* cycles of a group of features, which are used up; NULL: products of lanes */
    uint32_t (*cycles)(const pare_machine *m, bool is_signed, uint32_t *v, size_t n);
    /* bits or terms of one value alone; 0 if nothing is to be done */
    uint32_t (*work)(const pare_machine *m, bool is_signed, uint32_t feature);
} skip_row;
extern const skip_row sim_skip_rows[]; /* by pare_skips */

/* Groups of columns that run ahead of each other: with R registers a group starts step n when it
 * has done step n-1 and all have done step n-1-R (DNNsim's column registers). */
typedef struct run_ahead {
    uint64_t *done;     /* of each group: the cycle in which it ends */
    uint64_t *frontier; /* when all had done the last R + 1 steps, a ring */
    uint64_t n_steps;
    size_t n_groups, n_registers;
} run_ahead;
run_ahead sim_run_ahead(size_t n_groups, size_t n_registers);
void sim_run_ahead_free(run_ahead *r);
/* One step that takes the groups times[g] * scale cycles; by how much the last group's end moves.
 */
uint64_t sim_advance(run_ahead *r, const uint32_t *times, uint64_t scale);

/* ---- codes of a layer (values.c) ---- */

typedef enum value_operand { VALUES_WEIGHTS = 1, VALUES_ACTS = 2 } value_operand;

typedef struct layer_values {
    uint16_t *weights; /* [K][C/groups][R][S], NULL if not asked for */
    uint16_t *acts;    /* [N][C][H][W], NULL if not asked for */
    bool weight_signed, act_signed;
    uint16_t pad_code; /* the code of zero, which padding holds */
} layer_values;

/* What a text says: a distribution, or if not is_declared the folder of a run. Messages go to
 * `place`. */
pare_status sim_values_parse(const char *spec, bool is_declared, const char *place,
                             pare_values **out, pare_err *e) PARE_MUST_CHECK;
/* The text it was opened with. */
const char *sim_values_spec(const pare_values *v);
/* The codes of the operands asked for (a mask), which the caller frees. */
pare_status sim_values_load(const pare_values *v, const pare_sim_job *job, unsigned operands,
                            pare_pool *pool, layer_values *out, pare_err *e) PARE_MUST_CHECK;
void sim_layer_values_free(layer_values *v);

/* ---- the order of products (taps.c) ---- */

/* The products of one accumulation, step by step. Offsets are relative to the first channel of the
 * first group at a window's first pixel, and to that channel of the first filter. */
typedef struct taps {
    size_t n_steps, n;
    size_t *begin;   /* n_steps + 1 */
    size_t *act;     /* n */
    int64_t *weight; /* n; -1: the machine reads an activation there, but no weight uses it */
    uint32_t *real;  /* n_steps: products in each step */
} taps;

/* The input with its padding, pixel by pixel, channels innermost. */
typedef struct act_map {
    size_t height, width, channels;
    uint32_t *v; /* [n][height][width][channels] */
} act_map;

/* Of `groups` packed groups and `channels` channels of each, laid out as in `a`. */
taps sim_taps(const array_map *a, const pare_dims *d, const act_map *map, uint64_t groups,
              uint64_t channels);
void sim_taps_free(taps *t);
/* Its size for a layer; `v` stays NULL. */
act_map sim_act_map(const array_map *a, const pare_dims *d);
/* Fill it: v = table[code], and table[pad_code] around. */
pare_status sim_act_map_fill(act_map *map, const pare_dims *d, const layer_values *values,
                             const uint32_t *table, pare_pool *pool, pare_err *e) PARE_MUST_CHECK;

/* ---- cycles (dynamic.c) ---- */

/* Cycles of each tile at [((g * n_k + k) * n_w + w) * n_c + c], and sums over the layer. */
typedef struct dynamic_cycles {
    uint64_t *compute;
    uint64_t total, multiplex_cycles, pe_cycles;
    value_work work;
} dynamic_cycles;

/* The operands that a machine's steps depend on, as a mask; 0: none. */
unsigned sim_skip_operands(const pare_machine *m);
/* The operands that its packing depends on. */
unsigned sim_pack_operands(const pare_machine *m);

/* What a mapping takes on a machine that skips. The caller frees out->compute. */
pare_status sim_dynamic_cycles(const tiling *t, const pare_sim_job *job, const layer_values *values,
                               pare_pool *pool, dynamic_cycles *out, pare_err *e) PARE_MUST_CHECK;
/* The windows of one tile. */
typedef struct window_box {
    uint64_t n0, p0, q0, images, rows, cols;
} window_box;
window_box sim_window_box(const tiling *t, uint64_t w);
/* Size of the x-th piece of a loop over groups, filters or channels. */
static inline uint64_t sim_piece(const tiling *t, int loop, uint64_t x)
{
    return sim_min(t->size[loop], t->total[loop] - x * t->size[loop]);
}
static inline size_t sim_tile_index(const tiling *t, const uint64_t x[N_LOOPS])
{
    return (size_t)(((x[LOOP_G] * t->n[LOOP_K] + x[LOOP_K]) * t->n[LOOP_W] + x[LOOP_W]) *
                        t->n[LOOP_C] +
                    x[LOOP_C]);
}

/* ---- packing in groups of values (pack.c) ---- */

typedef struct pack_format {
    bool is_columns;       /* an index of bit columns, else a mask of zeros and a width */
    uint32_t group_values; /* values of a group */
    uint32_t field_bits;   /* the width's field, or the index of columns */
    bool is_signed;
} pack_format;

/* Bits of one group of up to format->group_values values. */
uint64_t sim_pack_group_bits(const pack_format *f, const uint16_t *codes, size_t n, size_t stride);

/* Mark the input positions that outputs first .. first + n - 1 read along an axis (0: rows). */
void sim_mark_read(bool *is_read, const pare_dims *d, int axis, uint64_t first, uint64_t n);

/* DRAM bits of each operand's tiles, [g][k][c] and [g][w][c]. */
typedef struct packed_tiles {
    uint64_t *weight_bits, *act_bits;
} packed_tiles;
pare_status sim_pack_tiles(const tiling *t, const pare_sim_job *job, const layer_values *values,
                           pare_pool *pool, packed_tiles *out, pare_err *e) PARE_MUST_CHECK;
void sim_packed_tiles_free(packed_tiles *p);

/* ---- packing in runs of zeros (pack_runs.c) ---- */

/* A code that is being written. */
typedef struct run_code {
    uint64_t n_pairs;
    uint32_t run;
} run_code;
void sim_run_code_put(run_code *c, uint16_t value);
/* Bits of all of it, in whole words. */
uint64_t sim_run_code_bits(const run_code *c, uint32_t level_bits);
/* DRAM bits of the activations' tiles, [g][w][c]; the caller frees. */
uint64_t *sim_pack_runs(const tiling *t, const layer_values *values, pare_pool *pool);

/* ---- one mapping (dynamic_run.c) ---- */

/* Who wants to see the tiles. */
typedef struct event_sink {
    pare_event_fn *fn;
    void *context;
} event_sink;

/* Replace what a mapping takes in the worst case by what it takes with these values; `events` may
 * be NULL. */
pare_status sim_dynamic_choice(const pare_machine *m, const pare_sim_job *job,
                               const layer_values *values, pare_pool *pool,
                               const event_sink *events, mapping_choice *c,
                               pare_err *e) PARE_MUST_CHECK;

#endif
