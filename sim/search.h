/* search.h: what the files of the mapping search share; not for anyone else. */
#ifndef PARE_SIM_SEARCH_H
#define PARE_SIM_SEARCH_H
#include "sim/core.h"

/* ---- the space of mappings (space.c) ---- */

enum {
    SIZES_MAX = 40,
    CUTS_MAX = 3 * SIZES_MAX,
    N_ORDERS = 6,
    WINDOW_TILES_MAX = 65536, /* finer cuts would only cost memory */
};

typedef struct window_cut {
    uint64_t tn, tp, tq;
} window_cut;

/* Every mapping of a layer that competes: cuts x groups x filters x channels x orders, in this
 * order; the first one wins a tie. Filters and channels are cut only if a tile has one group. */
typedef struct search_space {
    size_t n_cuts, n_groups, n_filters, n_channels;
    window_cut cuts[CUTS_MAX];
    uint64_t groups[SIZES_MAX], filters[SIZES_MAX], channels[SIZES_MAX];
    int order; /* the one that is wanted; N_ORDERS: any */
    bool is_ideal;
} search_space;
void sim_space(const pare_machine *m, const pare_dims *d, uint64_t packed_groups,
               search_space *out);
/* How many sizes of filters and channels go with the i-th size of groups. */
static inline size_t sim_space_cuts(const search_space *s, size_t group, size_t n)
{
    return s->groups[group] == 1 && !s->is_ideal ? n : 1;
}
/* Inner loops of an order, outermost first; groups are outside of them. */
extern const uint8_t sim_orders[N_ORDERS][3];
/* The orders that compete, as a mask: those that differ, as a loop of one trip has no place in an
 * order, or the one that is wanted. */
unsigned sim_space_orders(const search_space *s, const uint64_t n[N_LOOPS]);
/* Does the machine fix a size of its tiles? */
bool sim_wants_tile(const pare_machine *m);
/* The order that a text such as "kwc" says; N_ORDERS if none. */
int sim_find_order(const char *text);

/* ---- what a mapping is judged by ---- */

/* Smaller is better: the objective, then what breaks near ties. */
typedef struct rank {
    double first, second;
} rank;

static inline rank sim_rank(const pare_machine *m, double cycles, double energy_pj,
                            double dram_bits)
{
    switch ((pare_objective)m->mapping.objective) {
    case PARE_OBJECTIVE_ENERGY: return (rank){energy_pj, cycles};
    case PARE_OBJECTIVE_EDP: return (rank){energy_pj * cycles, cycles};
    case PARE_OBJECTIVE_TRAFFIC: return (rank){dram_bits, cycles};
    case PARE_OBJECTIVE_CYCLES: break;
    }
    return (rank){cycles, energy_pj};
}

static inline uint64_t sim_dram_bits(const tile_totals *s)
{
    return s->dram_weight_bits + s->dram_act_bits + s->dram_out_bits + s->dram_psum_write_bits +
           s->dram_psum_read_bits;
}

/* ---- the same choice by looking at everything (search_plain.c) ---- */

/* The definition of what sim_search finds, and the one that words its errors. */
pare_status sim_search_plain(const pare_machine *m, const pare_sim_job *job, bool want_second,
                             mapping_result *out, pare_err *e) PARE_MUST_CHECK;

/* ---- tiles by kinds (stages.c) ---- */

enum { AXIS_RUNS_MAX = 12, AXIS_STEPS_MAX = 3 * AXIS_RUNS_MAX, WINDOW_STEPS_MAX = 512 };

/* Like pieces of an axis that follow each other. */
typedef struct axis_run {
    uint64_t n, size, span; /* span: what the pieces read of the input, without padding */
} axis_run;

/* Like positions along a loop: their run, and those of their neighbours, going round at the ends.
 * The first and the last position stand alone. */
typedef struct axis_step {
    uint64_t n;
    uint16_t here, before, after;
    bool is_first, is_last;
} axis_step;

typedef struct axis {
    uint64_t piece, n; /* size of a full piece; pieces */
    unsigned n_runs, n_steps;
    axis_run runs[AXIS_RUNS_MAX];
    axis_step steps[AXIS_STEPS_MAX]; /* filled by sim_axis_steps */
    uint64_t sum_span, max_span, min_span;
} axis;

/* Cut `total` into pieces; false if there are too many runs. `read`, `pad`... of the windows. */
typedef struct axis_reach {
    uint64_t stride, pad, kernel, dilation, size;
} axis_reach;
bool sim_axis_cut(uint64_t total, uint64_t piece, const axis_reach *r, axis *out);
/* Pieces that read nothing but themselves. */
void sim_axis_even(uint64_t total, uint64_t piece, axis *out);
void sim_axis_steps(axis *a);

/* The windows of a cut: kinds of tiles and the steps between them. */
typedef struct window_kinds {
    unsigned n_kinds, n_steps;
    window_tile kinds[AXIS_RUNS_MAX * AXIS_RUNS_MAX];
    axis_step steps[WINDOW_STEPS_MAX];
} window_kinds;
/* `axes`: images, rows, columns; false if there are too many. */
bool sim_window_kinds(axis *const axes[3], window_kinds *out);

/* x / divisor, rounded up, for x below 2^52. */
typedef struct divider {
    uint64_t divisor;
    double inverse;
} divider;
static inline divider sim_divider(uint64_t divisor)
{
    return (divider){divisor, 1 / (double)divisor};
}
static inline uint64_t sim_divide_up(const divider *d, uint64_t x)
{
    const uint64_t all = x + d->divisor - 1;
    uint64_t q = (uint64_t)((double)all * d->inverse); /* off by one at most */
    const int64_t rest = (int64_t)(all - q * d->divisor);
    q -= rest < 0;
    q += rest >= (int64_t)d->divisor;
    return q;
}

/* Cycles and transfers of the kinds of tiles of one tiling, in any order of the loops. */
typedef struct stage_table {
    axis loops[3]; /* groups, filters, channels at [LOOP_G], [LOOP_K] and [2] */
    const window_kinds *windows;
    uint64_t latency;
    uint64_t weight[2][2][2];                           /* transfer cycles: [g][k][c] */
    uint64_t act[2][2][AXIS_RUNS_MAX * AXIS_RUNS_MAX];  /* [g][c][window] */
    uint64_t out[2][2][AXIS_RUNS_MAX * AXIS_RUNS_MAX];  /* [g][k][window] */
    uint64_t psum[2][2][AXIS_RUNS_MAX * AXIS_RUNS_MAX]; /* the same */
    uint64_t sets[AXIS_RUNS_MAX * AXIS_RUNS_MAX];       /* [window] */
    uint64_t per_set[2][2][2], per_tile[2][2][2];       /* cycles: [g][k][c] */
} stage_table;
void sim_stage_table(const tiling *t, const window_kinds *w, const divider *transfer,
                     stage_table *out);
/* As sim_tile_time. */
tile_time sim_stage_time(const stage_table *s, const tiling *t, uint64_t startup_cycles);

#endif
