/* core.h: what the files of sim/ share; not for anyone else. */
#ifndef PARE_SIM_CORE_H
#define PARE_SIM_CORE_H
#include "sim/sim.h"

/* ---- the PE at given bits (pe.c) ---- */

/* lane_factor: products a lane makes per pass (fusion units split up); a step takes
 * act_steps * weight_steps cycles. */
typedef struct pe_rate {
    uint64_t lane_factor, act_steps, weight_steps;
} pe_rate;

/* false if the PE cannot take operands this wide. */
bool sim_pe_rate(const pare_pe *pe, uint32_t weight_bits, uint32_t act_bits, pe_rate *out);
/* 1-bit x 1-bit products per lane and cycle. */
uint64_t sim_pe_lane_bit_products(const pare_pe *pe);
/* Bits that a lane takes in one cycle at most. */
uint32_t sim_pe_weight_port_bits(const pare_pe *pe);
uint32_t sim_pe_act_port_bits(const pare_pe *pe);

/* Lanes of the whole array. */
uint64_t sim_array_lanes(const pare_machine *m);

/* ---- tables of energy (energy.c) ---- */

/* Look up everything in m->costs. */
pare_status sim_costs_load(pare_machine *m, pare_err *e) PARE_MUST_CHECK;
/* Read energy/TABLE.csv; `key` of the machine file named it. */
pare_status sim_table_load(const pare_machine *m, const char *key, const char *table,
                           pare_csv **out, pare_err *e) PARE_MUST_CHECK;
/* Give it back. */
void sim_table_done(const pare_machine *m, pare_csv *csv);
/* Tables kept for many machines of one thread. */
struct sim_tables *sim_tables_new(void);
void sim_tables_free(struct sim_tables *t); /* NULL allowed */
/* What was made of a table, kept under its name; NULL if it was not kept yet. */
void *sim_tables_find(struct sim_tables *t, const char *name);
/* Keep it (malloc'd; `csv` says that it is a pare_csv) under a name. */
void sim_tables_keep(struct sim_tables *t, const char *name, void *thing, bool is_csv);
/* The number of a named column; a missing column is an error. */
pare_status sim_table_number(const pare_csv *c, size_t row, const char *column, double *out,
                             pare_err *e) PARE_MUST_CHECK;
/* Energies, leakage and area of the three buffers (sram.c). */
pare_status sim_buffers_price(pare_machine *m, pare_err *e) PARE_MUST_CHECK;
/* log-log interpolation; linear where a logarithm has no value */
double sim_mix(double a, double b, double part);
/* What the machine's Accelergy tables say instead (ert.c). */
pare_status sim_ert_apply(pare_machine *m, pare_err *e) PARE_MUST_CHECK;
extern const char *const sim_ert_costs[];
/* Uncertainty of a sum of energies, all tables erring to the same side. */
double sim_energy_uncertainty(const pare_costs *c, const pare_sim_stats *s);

/* ---- steps that depend on values (dynamic.c) ---- */

/* Can the machine skip what it says it does? */
pare_status sim_skip_check(const pare_machine *m, pare_err *e) PARE_MUST_CHECK;
bool sim_depends_on_values(const pare_machine *m);
/* Where the values come from, for people. */
const char *sim_values_name(const pare_machine *m, const pare_sim_options *options);

/* ---- machines (machine.c) ---- */

/* The checks that one key alone cannot make, then sim_costs_load: for a copy of a machine in which
 * fields were changed. */
pare_status sim_machine_settle(pare_machine *m, pare_err *e) PARE_MUST_CHECK;

/* ---- a layer on the array (map.c) ---- */

/* Groups, filters, windows, channels. */
enum { LOOP_G, LOOP_K, LOOP_W, LOOP_C, N_LOOPS };

/* One way to lay a layer on the array; everything below is per group of a grouped convolution. */
typedef struct array_map {
    bool tiles_hold_windows, cols_hold_filters, is_flat;
    int streams;               /* the loop that runs while what stays in the PEs is used: LOOP_C if
                                  sums stay, LOOP_W if weights, LOOP_K if activations */
    bool rows_own_inputs;      /* packed groups have all lanes of their rows */
    uint64_t lanes;            /* products per PE and step, at these bits */
    uint64_t filters, windows; /* in parallel on the whole array */
    uint64_t packed_groups;    /* groups side by side in lanes and rows */
    uint64_t depth_tiles;      /* tiles that share a step's depth; `lanes` are those of all */
    uint64_t positions;        /* kernel positions */
    uint64_t channel_scale;    /* channels seen per channel of the layer: space-to-depth */
    uint64_t step_cycles;      /* of one step */
    uint64_t busy_cycles;      /* of it, those that the PEs work: less only if cols hold filters */
    uint64_t fold_cycles;      /* fill and drain of one fold, and its scaling */
    uint64_t scale_cycles;     /* of it, those in which partial sums are scaled */
    uint64_t scale_sums;       /* partial sums of an output with scales of their own; 0: none */
    uint64_t scale_groups;     /* of a flattened depth, which share no step; else 1 */
    uint64_t load_cycles;      /* of one fold: what stays, into the array */
} array_map;

enum { ARRAY_MAPS_MAX = 6 };

/* All ways that the machine allows, at least one. The layer's bits must be possible. */
size_t sim_array_maps(const pare_machine *m, const pare_sim_job *job,
                      array_map out[ARRAY_MAPS_MAX]);
/* The job as the array sees it: padded, if the machine pads. */
pare_sim_job sim_padded_job(const pare_machine *m, const pare_sim_job *job);
/* Steps for `channels` of the layer's channels of one group (or of packed groups). */
uint64_t sim_array_steps(const array_map *a, uint64_t channels);
/* The same steps, each tile's share counted by itself. */
uint64_t sim_array_tile_steps(const array_map *a, uint64_t channels);

/* ---- tiles in the buffers (tile.c) ---- */

/* Input rows (or columns) that `n` output positions from `first` read, without padding. Positions
 * that no window reads (stride beyond the kernel) are not fetched. */
uint64_t sim_span(uint64_t first, uint64_t n, uint64_t stride, uint64_t pad, uint64_t kernel,
                  uint64_t dilation, uint64_t size);

/* One tile of windows: tn images x tp output rows x tq output columns, or less at the edges. */
typedef struct window_tile {
    uint64_t windows, pixels; /* pixels: input positions it reads, without padding */
} window_tile;

/* The windows cut into tiles, in the order image, row, column. */
typedef struct window_tiles {
    uint64_t tn, tp, tq, n;
    window_tile *v; /* n of them */
    uint64_t max_windows, max_pixels;
    uint64_t sum_pixels, sum_windows;
    uint64_t *run_at, *run_n; /* runs of tiles whose neighbours look alike */
    uint64_t n_runs;
} window_tiles;

void sim_window_tiles(const pare_dims *d, uint64_t tn, uint64_t tp, uint64_t tq, window_tiles *out);
void sim_window_tiles_free(window_tiles *w);

/* The sizes of what lies in memory, in bits per value. */
typedef struct value_bits {
    uint64_t weight, act, out, psum;
} value_bits;

/* What each tile takes where values decide; NULL: what its size says. */
typedef struct tile_values {
    const uint64_t *cycles;      /* [g][k][w][c] */
    const uint64_t *weight_bits; /* [g][k][c], in DRAM */
    const uint64_t *act_bits;    /* [g][w][c], in DRAM */
} tile_values;

/* One candidate of the mapping search. */
typedef struct tiling {
    const pare_machine *m;
    const pare_dims *d;
    const array_map *a;
    const window_tiles *w;
    value_bits bits;
    uint64_t size[N_LOOPS];    /* groups, filters, - , channels of a full tile */
    uint64_t total[N_LOOPS];   /* of the layer: groups, filters and channels of one group */
    uint64_t n[N_LOOPS];       /* trips */
    uint8_t order[N_LOOPS];    /* loops, outermost first */
    const tile_values *values; /* what tiles take with values; NULL: all alike */
} tiling;

/* What one tile computes and moves. */
typedef struct tile {
    uint64_t cycles, weight_bits, act_bits, out_bits, psum_bits;
} tile;
tile sim_tile_at(const tiling *t, const uint64_t x[N_LOOPS]);
/* What the array does in it. */
pare_event_work sim_tile_work(const tiling *t, const uint64_t x[N_LOOPS]);

/* Bits of one full tile in the three buffers. */
typedef struct tile_need {
    uint64_t weight_bits, act_bits, out_bits;
} tile_need;
tile_need sim_tile_need(const tiling *t);

/* Lane cycles of a layer whose steps depend on values. */
typedef struct value_work {
    bool is_known;     /* else every lane works through every digit */
    uint64_t products; /* bits or terms of one operand times those of the other, over all MACs */
    uint64_t needed;   /* if each product took only its own cycles */
    uint64_t occupied; /* of lanes that hold a product, while their step lasts */
    double mean_step_cycles;
    uint64_t dram_unpacked_bits; /* 0: from dram_*_bits and the bits per value */
} value_work;

/* What a candidate moves and computes, in closed form. */
typedef struct tile_totals {
    uint64_t compute_cycles;                             /* sum over the tiles */
    uint64_t fold_cycles, load_cycles, multiplex_cycles; /* of it */
    uint64_t startup_cycles;                             /* first load, last store */
    uint64_t startup_bits;                               /* that they move */
    uint64_t pe_cycles;                                  /* PE cycles with work */
    uint64_t scale_products;                             /* partial sums times their scales */
    uint64_t n_tiles;
    uint64_t buffer_bits[3][2]; /* weight, act, out; read, write */
    uint64_t dram_weight_bits, dram_act_bits, dram_out_bits, dram_psum_write_bits,
        dram_psum_read_bits;
    value_work work;
} tile_totals;
/* All that does not depend on the order of the loops; DRAM fields hold one fetch of everything. */
void sim_tile_totals(const tiling *t, tile_totals *out);
/* The same from the windows' sums alone: sets of all tiles, the first tile's and the last tile's
 * windows; t->w->v is not read. */
void sim_tile_totals_of(const tiling *t, uint64_t window_sets, const window_tile *first,
                        const window_tile *last, tile_totals *out);
/* Add what the order causes. */
void sim_tile_order(const tiling *t, tile_totals *s);
/* The same transfers with every value as wide as in `native`; UINT64_MAX if that is too large. */
uint64_t sim_unpacked_bits(const tile_totals *t, const value_bits *has, const value_bits *native);
#define SIM_TILES_MAX ((uint64_t)1 << 39)
/* false if a counter is too large to be trusted. */
bool sim_tile_is_countable(const tile_totals *s);

/* Cycles of the whole layer, DRAM included. */
typedef struct tile_time {
    uint64_t cycles, startup_cycles, stall_cycles;
} tile_time;
/* A bound from below of tile_time.cycles, cheap. */
uint64_t sim_tile_bound(const tiling *t, const tile_totals *sums);
/* Exactly, by classes of like tiles (docs/machines.md, "time of a layer"). */
tile_time sim_tile_time(const tiling *t, const tile_totals *s);

/* ---- events (event.c) ---- */

/* The walk over the tiles that defines the time; DRAM traffic and compute cycles of `totals` are
 * counted anew. `fn` may be NULL. */
void sim_walk(const tiling *t, const pare_sim_pace *pace, pare_event_fn *fn, void *context,
              tile_totals *totals, tile_time *time);
/* pare_sim_events at the values of the options, which may be NULL. */
pare_status sim_job_events(const pare_machine *machine, const pare_sim_job *job,
                           const pare_sim_options *options, pare_event_fn *fn, void *context,
                           pare_sim_layer *out, pare_err *e) PARE_MUST_CHECK;

/* When a layer that starts in a cycle of the network ends. */
pare_status sim_end_cycle(const pare_machine *m, const pare_sim_layer *l, uint64_t start_cycle,
                          uint64_t *out, pare_err *e) PARE_MUST_CHECK;

/* ---- the mapping search (search.c) ---- */

/* The best mapping and the next best one. */
typedef struct mapping_choice {
    array_map array;
    tiling tiles; /* its pointers `a`, `w` are not valid any more */
    uint64_t tn, tp, tq;
    tile_totals totals;
    tile_time time;
    double energy_pj;
    uint64_t dram_bits;
} mapping_choice;

typedef struct mapping_result {
    mapping_choice best, second;
    bool has_second;
    uint64_t n_candidates;
} mapping_result;

/* want_second: look at every candidate, for --explain. */
pare_status sim_search(const pare_machine *m, const pare_sim_job *job, bool want_second,
                       mapping_result *out, pare_err *e) PARE_MUST_CHECK;
/* Do buffers hold values at their bitlength, not unpacked? */
static inline bool sim_is_packed(const pare_machine *m)
{
    return m->memory.packing != PARE_PACK_NATIVE && m->memory.packing != PARE_PACK_ZERO_RUNS;
}
value_bits sim_value_bits(const pare_machine *m, const pare_sim_job *job, bool is_packed);
/* Energy of a mapping; `parts` may be NULL. */
double sim_energy_pj(const pare_machine *m, const pare_sim_job *job, const tile_totals *t,
                     uint64_t cycles, pare_sim_stats *parts);
/* The same in two steps: what the products take is the same for all mappings of a layer. */
double sim_products_pj(const pare_machine *m, const pare_sim_job *job);
double sim_mapping_pj(const pare_machine *m, double products_pj, const tile_totals *t,
                      uint64_t cycles, pare_sim_stats *parts);

/* ---- Bit Fusion's own simulator (bitfusion.c) ---- */

pare_status sim_bitfusion_layer(const pare_machine *m, const pare_sim_job *job, pare_sim_layer *out,
                                pare_err *e) PARE_MUST_CHECK;

/* ---- running (run.c) ---- */

/* The jobs of a network's MAC layers in order; the caller frees. */
pare_sim_job *sim_jobs(const pare_net *net, const pare_bits *bits, const pare_machine *m,
                       uint32_t batch, size_t *n);
/* Fill what is a sum over r->layers; the rest of *r is there. */
pare_status sim_add_up(const pare_machine *m, pare_sim_result *r, pare_err *e) PARE_MUST_CHECK;
/* Check that the machine can run the layer at its bits. */
pare_status sim_job_check(const pare_machine *m, const pare_sim_job *job,
                          pare_err *e) PARE_MUST_CHECK;
/* As pare_sim_run_layer for each job, at the values of the options or the machine; `fn` may be
 * NULL. */
pare_status sim_dynamic_layers(const pare_machine *m, const pare_sim_job *jobs, size_t n,
                               const pare_sim_options *options, pare_event_fn *fn, void *context,
                               pare_sim_layer *out, pare_err *e) PARE_MUST_CHECK;
/* Replace what mappings take in the worst case by what they take with the values; nothing to do if
 * the machine does not depend on them. */
pare_status sim_dynamic_mappings(const pare_machine *m, const pare_sim_job *job,
                                 const pare_sim_options *options, mapping_result *found,
                                 pare_err *e) PARE_MUST_CHECK;
/* Do two layers have the same shape and bits? */
bool sim_is_same_job(const pare_sim_job *a, const pare_sim_job *b);
/* Statistics of a mapping. */
pare_status sim_job_stats(const pare_machine *m, const pare_sim_job *job, const mapping_choice *c,
                          pare_sim_layer *out, pare_err *e) PARE_MUST_CHECK;

static inline uint64_t sim_ceil_div(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }
/* UINT64_MAX stands for "too large" and stays so, so that a result is checked once, at its end. */
static inline uint64_t sim_mul(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}
static inline uint64_t sim_add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}
static inline uint64_t sim_min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t sim_max(uint64_t a, uint64_t b) { return a > b ? a : b; }

#endif
