/* searcher.h: the state of the search by bounds; for search.c, search_setup.c, search_bounds.c. */
#ifndef PARE_SIM_SEARCHER_H
#define PARE_SIM_SEARCHER_H
#include "sim/search.h"

/* A tile's groups, filters and channels. */
typedef struct block {
    uint8_t group, filter, channel;
    uint64_t size[N_LOOPS], n[N_LOOPS];
    uint64_t weight_bits, load_cycles; /* of a full tile's weights */
    uint64_t last_filters;             /* of the last tile, times its groups */
} block;

/* The windows of a cut. */
typedef struct cut_state {
    axis *axes[3]; /* images, rows, columns */
    uint64_t n, max_windows, max_pixels, min_pixels, sum_pixels;
    uint64_t act_bits, least_bits; /* the input's, and all operands', fetched once */
    window_tile first, last;
    unsigned n_sizes; /* of its tiles: so many times so many windows */
    uint64_t size_times[8], size_windows[8];
} cut_state;

/* Energy of a unit of what is counted; that of a fetched bit with its writing into the buffer. */
typedef struct energy_rates {
    double cycle_pj, compute_pj, fold_pj, load_pj, multiplex_pj, pe_pj;
    double weight_read_pj, act_read_pj, output_pj;
    double weight_fetch_pj, act_fetch_pj, store_pj, psum_pj;
} energy_rates;

/* A way to lay the layer on the array, with sums over the pieces of each size. */
typedef struct map_state {
    array_map array;
    uint64_t least_cycles;
    double step_pj, start_pj; /* see energy_rates */
    uint64_t filter_sets[SIZES_MAX], group_sets[SIZES_MAX];
    uint64_t steps[SIZES_MAX], pe_steps[SIZES_MAX]; /* of the array, of the PEs of its tiles */
} map_state;

enum { BLOCKS_MAX = SIZES_MAX * (SIZES_MAX + 1), ENTRIES_ON_STACK = 512, LANES = 8 };

static inline size_t sim_whole_lanes(size_t n) { return (n + LANES - 1) / LANES * LANES; }

/* What a block takes on a map, of all windows: fixed, and for each set of windows and each cut. */
typedef struct block_cost {
    double set_cycles, cut_cycles, fixed_pj, set_pj, cut_pj;
} block_cost;

/* What the bounds need of each block, one array a quantity, so that they are found several at a
 * time; the last block repeats until the number is a multiple of LANES. Whole numbers as far as
 * 2^53. */
typedef struct block_columns {
    double channels[BLOCKS_MAX], filters[BLOCKS_MAX], last_filters[BLOCKS_MAX];
    double weight_bits[BLOCKS_MAX], load_cycles[BLOCKS_MAX];
    double stored_bits[BLOCKS_MAX], widest_bits[BLOCKS_MAX];    /* of an output in a tile, of one */
    double more_filters[BLOCKS_MAX], more_channels[BLOCKS_MAX]; /* trips beyond the first */
    double tiles[BLOCKS_MAX];
    /* on one map; see block_cost */
    double set_cycles[BLOCKS_MAX], cut_cycles[BLOCKS_MAX];
    double fixed_pj[BLOCKS_MAX], set_pj[BLOCKS_MAX], cut_pj[BLOCKS_MAX];
    block_cost least; /* of each of these */
} block_columns;

/* The bounds of all blocks of one cut; INFINITY if the tile does not fit. */
typedef struct bounds_row {
    double cycles[BLOCKS_MAX], energy_pj[BLOCKS_MAX], edp[BLOCKS_MAX], bits[BLOCKS_MAX];
} bounds_row;

/* What still competes: a tile in all its orders, or in one of them. Its rank is at least
 * {first, second}, which lie apart, and exactly that once it is EXACT. */
typedef enum entry_state { ENTRY_TILE, ENTRY_ORDER, ENTRY_EXACT } entry_state;
typedef struct entry {
    uint16_t block;
    uint8_t map, cut, order, state;
} entry;

/* One machine's search, layer after layer. What layers of one shape share is found once. */
typedef struct searcher {
    const pare_machine *m;
    uint64_t cap_bits[3];
    divider transfer;
    energy_rates rates;
    /* of the shape */
    bool has_shape;
    pare_dims dims;
    uint64_t packed_groups;
    search_space space;
    size_t n_axes[3];
    axis axes[3][SIZES_MAX];
    cut_state cuts[CUTS_MAX];
    /* of the layer */
    const pare_sim_job *job;
    value_bits bits;
    double products_pj, base_pj;
    uint64_t total[N_LOOPS];
    uint64_t weight_bits, out_bits, psum_bits; /* of all; psums: written and read once */
    uint64_t n_of_groups[SIZES_MAX], n_of_filters[SIZES_MAX], n_of_channels[SIZES_MAX]; /* trips */
    size_t n_maps, n_blocks;
    map_state maps[ARRAY_MAPS_MAX];
    uint8_t map_order[ARRAY_MAPS_MAX]; /* least cycles first */
    block blocks[BLOCKS_MAX];
    block_columns columns;
    bounds_row row;
    /* of the pass over the candidates */
    entry *entries;
    double *first, *second;
    tile_time *times; /* of those that are EXACT */
    size_t n, capacity;
    double least_at_most, least_at_least; /* of the objective over all mappings */
    tiling tiles;
    window_tiles windows; /* sums only */
    size_t kinds_cut;     /* whose kinds these are */
    window_kinds kinds;
    stage_table stages;
    bool has_best;
    rank best_rank;
    uint64_t best_number; /* in the space's order */
    entry best;
    tile_time best_time;
    entry own_entries[ENTRIES_ON_STACK];
    double own_bounds[2 * (ENTRIES_ON_STACK + LANES)];
    tile_time own_times[ENTRIES_ON_STACK];
} searcher;

/* Steps of the array, and how often it fills and drains. */
typedef struct array_work {
    uint64_t steps, starts;
} array_work;

static inline array_work sim_work_of(const map_state *m, const block *b, uint64_t sets,
                                     uint64_t n_windows)
{
    const uint64_t groups = m->group_sets[b->group], steps = m->steps[b->channel];
    const uint64_t filters = m->filter_sets[b->filter];
    const int streams = m->array.streams;
    return (array_work){.steps = groups * filters * sets * steps,
                        .starts = groups * (streams == LOOP_K ? b->n[LOOP_K] : filters) *
                                  (streams == LOOP_W ? n_windows : sets) *
                                  (streams == LOOP_C ? b->n[LOOP_C] : steps)};
}

static inline uint64_t sim_cycles_of(const array_map *a, array_work w)
{
    return w.steps * a->step_cycles + w.starts * (a->fold_cycles + a->load_cycles);
}

/* Cycles of the array on a tile of so many groups, filters, channels and windows. */
static inline uint64_t sim_tile_cycles(const array_map *a, uint64_t groups, uint64_t filters,
                                       uint64_t channels, uint64_t windows)
{
    const uint64_t sets_g = sim_ceil_div(groups, a->packed_groups);
    const uint64_t sets_k = a->packed_groups > 1 ? 1 : sim_ceil_div(filters, a->filters);
    const uint64_t sets_w = sim_ceil_div(windows, a->windows);
    const uint64_t steps = sim_array_steps(a, channels);
    const uint64_t starts = sets_g * (a->streams == LOOP_K ? 1 : sets_k) *
                            (a->streams == LOOP_W ? 1 : sets_w) *
                            (a->streams == LOOP_C ? 1 : steps);
    return sets_g * sets_k * sets_w * steps * a->step_cycles +
           starts * (a->fold_cycles + a->load_cycles);
}

/* Size of the last piece of a loop of a block. */
static inline uint64_t sim_last_size(const uint64_t total[N_LOOPS], const block *b, int loop)
{
    return total[loop] - (b->n[loop] - 1) * b->size[loop];
}

/* Sets of windows of all tiles of a cut. */
uint64_t sim_window_sets(const cut_state *c, uint64_t unit);

/* Does anything depend on the energy of a mapping? */
static inline bool sim_needs_energy(const searcher *s)
{
    return s->m->mapping.objective != PARE_OBJECTIVE_TRAFFIC;
}

/* Begin with a machine. */
void sim_searcher_start(searcher *s, const pare_machine *m);
/* The best mapping of a layer. */
pare_status sim_searcher_find(searcher *s, const pare_sim_job *job, mapping_choice *out,
                              pare_err *e) PARE_MUST_CHECK;

/* Fill what does not change: space, cuts, blocks, maps and rates. false: leave the layer to the
 * plain search. */
bool sim_searcher_set_up(searcher *s, const pare_sim_job *job) PARE_MUST_CHECK;

/* What the bounds need of a map, beyond its least cycles. */
void sim_searcher_fill_map(searcher *s, map_state *m);

/* s->columns on one map. */
void sim_bounds_columns(searcher *s, const map_state *m);
/* What no block of a cut goes below in the objective, on the map of the columns. */
double sim_bounds_cut(const searcher *s, const cut_state *cut, uint64_t sets);
/* s->row on the map of the columns: in any order, what the tiles of a cut take at least. */
void sim_bounds_row(searcher *s, const cut_state *cut, uint64_t sets);
/* The first of the least values; 0 if all are INFINITY. There is room for LANES more, which may be
 * written over. */
size_t sim_find_least(double *v, size_t n);
/* The same of those whose `other` is within the limit. */
size_t sim_find_least_within(double *v, double *other, double limit, size_t n);
/* Bounds of the ranks of one tile in some orders. */
void sim_bounds_orders(const searcher *s, const map_state *m, const cut_state *cut, const block *b,
                       uint64_t sets, unsigned orders, rank out[N_ORDERS]);

#endif
