/* searcher.h: the state of the search by bounds; for search.c and search_setup.c. */
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
    uint64_t n, max_windows, max_pixels, sum_pixels;
    uint64_t act_bits, least_bits; /* the input's, and all operands', fetched once */
    window_tile first, last;
} cut_state;

/* Energy of a unit of what is counted; that of a fetched bit with its writing into the buffer. */
typedef struct energy_rates {
    double base_pj, cycle_pj, compute_pj, fold_pj, load_pj, multiplex_pj, pe_pj;
    double weight_read_pj, act_read_pj, output_pj;
    double weight_fetch_pj, act_fetch_pj, store_pj, psum_pj;
} energy_rates;

/* A way to lay the layer on the array, with sums over the pieces of each size. */
typedef struct map_state {
    array_map array;
    uint32_t number; /* in sim_array_maps' order */
    uint64_t least_cycles;
    double step_pj, start_pj; /* see energy_rates */
    uint64_t filter_sets[SIZES_MAX], group_sets[SIZES_MAX];
    uint64_t steps[SIZES_MAX], pe_steps[SIZES_MAX]; /* of the array, of the PEs of its tiles */
} map_state;

/* What is known of one loop order of a tile. */
typedef struct order_state {
    uint64_t cycles; /* at least; exactly if is_exact */
    uint64_t stall_cycles;
    double key;
    bool is_exact;
} order_state;

/* A tile of the space on one way to lay the layer on the array. */
typedef struct candidate {
    uint32_t number; /* in the space's order */
    uint16_t block;
    uint8_t map, cut;
    unsigned orders;
    int opened_in; /* the pass for which `order` is filled; 0: none yet */
    uint64_t window_sets, compute_cycles, startup_cycles;
    uint64_t unhidden_bits; /* of startup and of the last stage, at most */
    uint64_t waits;         /* latencies of the other stages, and the last tile's cycles */
    uint64_t cycles;        /* of any order, at least */
    double fixed_pj;        /* of all orders, without time */
    order_state order[N_ORDERS];
} candidate;

enum { CANDIDATES_ON_STACK = 256, BLOCKS_MAX = SIZES_MAX * (SIZES_MAX + 1) };

typedef struct searcher {
    const pare_machine *m;
    const pare_sim_job *job;
    value_bits bits;
    uint64_t total[N_LOOPS];
    uint64_t weight_bits, out_bits, psum_bits; /* of all; psums: written and read once */
    uint64_t cap_bits[3];
    divider transfer;
    energy_rates rates;
    search_space space;
    map_state maps[ARRAY_MAPS_MAX]; /* least cycles first */
    size_t n_maps, n_blocks, n_axes[3];
    axis axes[3][SIZES_MAX];
    cut_state cuts[CUTS_MAX];
    block blocks[BLOCKS_MAX];
    candidate *candidates;
    double *first; /* of each candidate: its objective is at least */
    double *bound; /* of each candidate: the least key of what it still holds */
    size_t n, capacity;
    int pass;
    double least, limit;
    size_t focus, focus_cut; /* the tile that was looked at last, and the cut */
    bool has_stages;
    tiling tiles;
    window_tiles windows; /* sums only */
    window_kinds kinds;
    stage_table stages;
    bool has_best;
    rank best_rank;
    uint64_t best_number; /* number * N_ORDERS + order */
    mapping_choice best;
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

/* Fill what does not change: space, maps, cuts, blocks and rates; m, job, bits, cap_bits and
 * transfer are given. false: leave the layer to the plain search. */
bool sim_searcher_set_up(searcher *s) PARE_MUST_CHECK;

#endif
