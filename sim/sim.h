/* sim.h: what a network costs on a machine. The public header of sim/; pe.h, questions.h and
 * store.h are its parts.
 *
 * A machine is one point of a space that is described by data (a *.machine.yaml); a result is
 * plain structs of statistics per layer and in total. Cycles, bits and counts are uint64_t and
 * exact, energy is double pJ; a counter that would overflow is an error. docs/machines.md holds
 * the equations, docs/energy.md the constants.
 */
#ifndef PARE_SIM_H
#define PARE_SIM_H
#include "sim/pe.h"
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- machines -------------------------------------------------------------------------------- */

/* Which data stays in the PEs while the others move. */
typedef enum pare_dataflow {
    PARE_OUTPUT_STATIONARY,
    PARE_WEIGHT_STATIONARY,
    PARE_INPUT_STATIONARY
} pare_dataflow;
/* How operands reach the PEs of a tile: to all at once, or from neighbour to neighbour. */
typedef enum pare_delivery { PARE_BROADCAST, PARE_SYSTOLIC } pare_delivery;
/* What the lanes of one step hold: channels at one kernel position, or the flattened depth. */
typedef enum pare_lane_order { PARE_LANES_CHANNELS, PARE_LANES_FLAT } pare_lane_order;
/* How a layer that reads the network's input with fewer channels than lanes is laid out. */
typedef enum pare_first_layer {
    PARE_FIRST_AS_OTHERS,
    PARE_FIRST_FLAT,
    PARE_FIRST_SPACE_TO_DEPTH
} pare_first_layer;
/* What an array dimension holds; BEST: whichever takes fewer cycles, layer by layer. */
typedef enum pare_holds { PARE_HOLDS_FILTERS, PARE_HOLDS_WINDOWS, PARE_HOLDS_BEST } pare_holds;
/* Bits of a value in memory: memory.native_bits; the layer's own bitlength (Proteus); in DRAM the
 * width of its group, without zeros (ShapeShifter); in DRAM the weights' bit columns that are not
 * all zero in a group (BitWave); native, but activations in DRAM in runs of zeros (Eyeriss). */
typedef enum pare_packing {
    PARE_PACK_NATIVE,
    PARE_PACK_LAYER,
    PARE_PACK_GROUP,
    PARE_PACK_COLUMNS,
    PARE_PACK_ZERO_RUNS
} pare_packing;
/* LIMITED: buffers and DRAM as given. IDEAL: every operand moves once and takes no time. BITFUSION:
 * the tile search and equations of Bit Fusion's own simulator, for comparison with it. */
typedef enum pare_memory_model {
    PARE_MEMORY_LIMITED,
    PARE_MEMORY_IDEAL,
    PARE_MEMORY_BITFUSION
} pare_memory_model;
typedef enum pare_objective {
    PARE_OBJECTIVE_CYCLES,
    PARE_OBJECTIVE_ENERGY,
    PARE_OBJECTIVE_EDP,
    PARE_OBJECTIVE_TRAFFIC
} pare_objective;

typedef struct pare_array {
    uint32_t tiles, rows, cols; /* a tile is rows (filters) x cols (windows) PEs */
    int dataflow;               /* pare_dataflow */
    int delivery;               /* pare_delivery */
    uint32_t fold_cycles_min;   /* from the start of a fold to the next one */
} pare_array;

/* What a row of PEs multiplies: the activations of its tile, or, of small groups, its own. */
typedef enum pare_row_inputs { PARE_ROWS_SHARE, PARE_ROWS_OWN } pare_row_inputs;

/* Sizes of a buffer tile that the search must keep; 0: it chooses. */
typedef struct pare_tile {
    uint32_t groups, filters, channels, images, out_rows, out_cols;
} pare_tile;

typedef struct pare_mapping {
    int lane_order;    /* pare_lane_order */
    int first_layer;   /* pare_first_layer */
    int tiles, cols;   /* pare_holds */
    int row_inputs;    /* pare_row_inputs */
    bool split_depth;  /* tiles may also hold pieces of the depth, whose sums are added */
    bool pad_layers;   /* channels to whole steps, filters to whole rows, in memory too */
    int objective;     /* pare_objective; then energy, or cycles if it is not about cycles */
    double slack_frac; /* mappings this much above the best objective compete on the other one */
    pare_tile tile;
    const char *order; /* of the loops over tiles, of 'k' 'w' 'c', outermost first; "": searched */
} pare_mapping;

typedef struct pare_buffers {
    uint64_t weight_bytes, act_bytes, out_bytes;
    bool double_buffering;  /* half of each is filled while the other half is used */
    uint32_t word_bits;     /* of one bank; a wider port is several banks side by side */
    int device;             /* row of PARE_SRAM_DEVICES */
    uint32_t temperature_k; /* for their leakage */
} pare_buffers;

typedef struct pare_memory {
    int model;             /* pare_memory_model */
    int packing;           /* pare_packing */
    uint32_t native_bits;  /* of an unpacked value; wider ones take the next power of two */
    uint32_t out_bits;     /* of a stored output; 0: the bitlength at which it is read again */
    uint32_t group_values; /* values of a group, where packing is by groups */
} pare_memory;

typedef struct pare_dram {
    const char *kind; /* row of the energy table, "lpddr4" */
    uint32_t bits_per_cycle;
    uint32_t latency_cycles; /* once per burst of a stage */
    double pj_per_bit;       /* 0: from the table */
} pare_dram;

/* What idle parts of the array cost: LANES: nothing, and each busy lane its whole width. BITS: nor
 * the bits of a digit that an operand does not use. NONE: all lanes switch while the array works.
 */
typedef enum pare_clock_gating {
    PARE_GATE_LANES,
    PARE_GATE_BITS,
    PARE_GATE_NONE
} pare_clock_gating;

/* One cost taken from an Accelergy table: which component and action stand for it. */
typedef struct pare_energy_name {
    int cost;              /* row of the list in sim/ert.c */
    const char *component; /* whole name, or what follows a dot in it; index ranges left out */
    const char *action;
    uint32_t bits; /* that one action moves, where the cost is per bit */
    pare_pos pos;
} pare_energy_name;

/* Accelergy's energy and area reference tables as a base (docs/energy.md). */
typedef struct pare_energy_tables {
    const char *ert, *art; /* files, beside the machine file or as given; "": none */
    pare_maps names;       /* pare_energy_name; none: those that pare-sim writes itself */
    double uncertainty_frac;
} pare_energy_tables;

typedef struct pare_compat {
    bool count_from_zero; /* systolic: report the last cycle's index, one less, as SCALE-Sim does */
} pare_compat;

/* Energies that replace those of the tables where they are not 0. */
typedef struct pare_own_costs {
    double core_pj_per_cycle; /* the whole array while it works; instead of lanes and registers */
    double weight_read_pj_per_bit, weight_write_pj_per_bit;
    double act_read_pj_per_bit, act_write_pj_per_bit;
    double out_read_pj_per_bit, out_write_pj_per_bit;
} pare_own_costs;

/* Resolved constants of energy and area, each from the tables of traces/energy (docs/energy.md). */
typedef struct pare_costs {
    double core_pj; /* the whole array, one cycle of work; 0: the three below */
    double lane_pj; /* one busy lane's multiplier, one cycle */
    /* of it per product of bits, and per bit of either operand: what gated bits save */
    double lane_bit2_pj, lane_bit_pj;
    double reduce_pj;   /* one PE's adder tree and accumulating adder, one cycle */
    double register_pj; /* one PE's accumulator and operand registers, one cycle */
    double scale_pj;    /* one partial sum times its scale, added to the others */
    double weight_read_pj_per_bit, weight_write_pj_per_bit;
    double act_read_pj_per_bit, act_write_pj_per_bit;
    double out_read_pj_per_bit, out_write_pj_per_bit;
    double dram_pj_per_bit, dram_write_pj_per_bit; /* read, written */
    double pe_um2, array_um2, buffers_um2;
    double array_leakage_mw, buffers_leakage_mw;
    double buffer_um2[3], buffer_leakage_mw[3]; /* of buffers_*: weights, activations, outputs */
    /* how far off the numbers above may be, as a fraction, by the tables' own columns */
    double pe_uncertainty_frac, register_uncertainty_frac, buffer_uncertainty_frac,
        dram_uncertainty_frac, leakage_uncertainty_frac, area_uncertainty_frac;
} pare_costs;

/* One accelerator, as its file (and the overrides) say. Const for ever after loading. */
typedef struct pare_machine {
    uint32_t version;
    const char *name;
    const char *title; /* one line */
    double clock_mhz;
    uint32_t node_nm;
    const char *energy_base; /* "horowitz45" */
    pare_array array;
    pare_pe pe;
    pare_skip skip;
    const char *values; /* declared distribution of values, "" if none */
    pare_mapping mapping;
    pare_buffers buffers;
    pare_memory memory;
    pare_dram dram;
    pare_compat compat;
    pare_own_costs own_costs;
    int clock_gating; /* pare_clock_gating */
    pare_energy_tables energy_tables;
    pare_costs costs;
    const char *file;       /* as given at loading */
    const char *normalized; /* one line; NULL if it is as its file says */
    uint64_t hash;          /* of the file's bytes, the overrides and tables named there */
    const pare_yaml *yaml;  /* places of the keys, for messages */
    pare_arena *arena;
    struct sim_tables *tables; /* energy tables read once for many machines; NULL: from the files */
    pare_pos pos;
    uint64_t given;
} pare_machine;

/* Read a *.machine.yaml with `sets` ("array.rows=32") applied, check it, and look up its energy
 * and area. The caller frees. */
pare_status pare_machine_load(const char *path, const char *const *sets, size_t n_sets,
                              pare_machine **out, pare_err *e) PARE_MUST_CHECK;
/* The same from a text; `name` stands for the file in messages. */
pare_status pare_machine_parse(const char *name, const char *text, size_t n,
                               const char *const *sets, size_t n_sets, pare_machine **out,
                               pare_err *e) PARE_MUST_CHECK;
void pare_machine_free(pare_machine *m); /* NULL allowed */
extern const pare_schema pare_machine_schema;

/* Multiply-accumulates per cycle at given bitlengths when every lane is busy; 0 if the machine
 * cannot run them. */
double pare_machine_peak_macs(const pare_machine *m, uint32_t weight_bits, uint32_t act_bits);
/* 1-bit x 1-bit products per cycle at the peak: what the presets of the main set have in common. */
uint64_t pare_machine_peak_bit_products(const pare_machine *m);
/* PEs, and buffers; DRAM is not counted. */
double pare_machine_area_um2(const pare_machine *m);
/* What of the PEs no table prices, so that area and energy are lower bounds; NULL: nothing. */
const char *pare_machine_unpriced(const pare_machine *m);

/* What two machines are made equal in. */
typedef enum pare_normalize {
    PARE_NORMALIZE_NOTHING,
    PARE_NORMALIZE_AREA,     /* PEs and buffers */
    PARE_NORMALIZE_PEAK,     /* 1-bit x 1-bit products a second */
    PARE_NORMALIZE_BANDWIDTH /* DRAM bits a second */
} pare_normalize;
/* "area", "peak", "bandwidth"; NOTHING if the name is none of them. */
pare_normalize pare_normalize_of(const char *name);
/* Resize a machine, before it is used, to what the baseline has: the largest whole number of tiles
 * or rows (area, peak; whichever comes nearer; of rows, then columns, of one tile if that is still
 * too much) or of DRAM bits a cycle that does not exceed it. m->normalized says what was done and
 * what difference is left. PARE_EINPUT if even the smallest machine exceeds it. */
pare_status pare_machine_normalize(pare_machine *m, const pare_machine *baseline,
                                   pare_normalize what, pare_err *e) PARE_MUST_CHECK;

/* The machine's energies and areas in the form of Accelergy's ERT and ART (docs/energy.md). */
void pare_machine_write_ert(const pare_machine *m, pare_buf *out);
void pare_machine_write_art(const pare_machine *m, pare_buf *out);

/* ---- statistics ------------------------------------------------------------------------------ */

typedef enum pare_stat_group {
    PARE_STAT_WORK,
    PARE_STAT_CYCLES,
    PARE_STAT_ENERGY,
    PARE_STAT_DRAM,
    PARE_STAT_BUFFER
} pare_stat_group;
/* PARTS of a group sum to its TOTAL, which pare_sim_run asserts; OTHER stands alone. */
typedef enum pare_stat_role { PARE_STAT_TOTAL, PARE_STAT_PART, PARE_STAT_OTHER } pare_stat_role;

/* name (= CSV column, JSON key), C type, group, role, short label for charts, meaning. The unit is
 * the end of the name. */
#define PARE_SIM_STATS(X)                                                                          \
    X(macs, uint64_t, WORK, OTHER, "MACs", "multiply-accumulates of the batch")                    \
    X(scale_products, uint64_t, WORK, OTHER, "scale products",                                     \
      "partial sums multiplied with scales of their own")                                          \
    X(cycles, uint64_t, CYCLES, TOTAL, "cycles", "from the first load to the last store")          \
    X(ideal_cycles, uint64_t, CYCLES, PART, "ideal",                                               \
      "the layer's bit products at the machine's peak bit products per cycle")                     \
    X(rounding_cycles, uint64_t, CYCLES, PART, "precision rounding",                               \
      "bitlengths rounded up to whole digits")                                                     \
    X(padding_cycles, uint64_t, CYCLES, PART, "edge padding",                                      \
      "lanes, rows, columns and tiles left without work at the edges of the layer")                \
    X(fill_drain_cycles, uint64_t, CYCLES, PART, "fill and drain", "skew of a systolic array")     \
    X(scale_cycles, uint64_t, CYCLES, PART, "scaling",                                             \
      "partial sums on their way through the scale multiplier")                                    \
    X(weight_load_cycles, uint64_t, CYCLES, PART, "weight load",                                   \
      "what stays in the array, on its way into it; columns that wait for weights")                \
    X(startup_cycles, uint64_t, CYCLES, PART, "first load, last store",                            \
      "DRAM transfers that nothing can hide")                                                      \
    X(stall_cycles, uint64_t, CYCLES, PART, "bandwidth stall",                                     \
      "the array waits for DRAM between tiles")                                                    \
    X(energy_pj, double, ENERGY, TOTAL, "energy", "all components below")                          \
    X(pe_pj, double, ENERGY, PART, "PE arithmetic", "multipliers and adders of busy lanes")        \
    X(scale_pj, double, ENERGY, PART, "scaling", "partial sums times their scales, and added up")  \
    X(register_pj, double, ENERGY, PART, "registers", "accumulators and operand registers")        \
    X(weight_buffer_pj, double, ENERGY, PART, "weight buffer", "its reads and writes")             \
    X(act_buffer_pj, double, ENERGY, PART, "activation buffer", "its reads and writes")            \
    X(out_buffer_pj, double, ENERGY, PART, "output buffer", "its reads and writes")                \
    X(dram_weight_pj, double, ENERGY, PART, "DRAM weights", "weights from DRAM")                   \
    X(dram_act_pj, double, ENERGY, PART, "DRAM activations", "activations from DRAM")              \
    X(dram_out_pj, double, ENERGY, PART, "DRAM outputs",                                           \
      "outputs to DRAM, partial sums to and from it")                                              \
    X(leakage_pj, double, ENERGY, PART, "leakage", "leakage of array and buffers over the time")   \
    X(dram_bits, uint64_t, DRAM, TOTAL, "DRAM traffic", "reads and writes")                        \
    X(dram_weight_bits, uint64_t, DRAM, PART, "weights", "weights read")                           \
    X(dram_act_bits, uint64_t, DRAM, PART, "activations", "activations read")                      \
    X(dram_out_bits, uint64_t, DRAM, PART, "outputs", "outputs written")                           \
    X(dram_psum_bits, uint64_t, DRAM, PART, "partial sums", "partial sums written and read back")  \
    X(dram_unpacked_bits, uint64_t, DRAM, OTHER, "DRAM traffic, unpacked",                         \
      "the same transfers with every value unpacked, memory.native_bits wide")                     \
    X(weight_buffer_read_bits, uint64_t, BUFFER, OTHER, "weight buffer reads", "")                 \
    X(weight_buffer_write_bits, uint64_t, BUFFER, OTHER, "weight buffer writes", "")               \
    X(act_buffer_read_bits, uint64_t, BUFFER, OTHER, "activation buffer reads", "")                \
    X(act_buffer_write_bits, uint64_t, BUFFER, OTHER, "activation buffer writes", "")              \
    X(out_buffer_read_bits, uint64_t, BUFFER, OTHER, "output buffer reads", "")                    \
    X(out_buffer_write_bits, uint64_t, BUFFER, OTHER, "output buffer writes", "")

typedef struct pare_sim_stats {
#define X(name, type, group, role, label, doc) type name;
    PARE_SIM_STATS(X)
#undef X
} pare_sim_stats;

typedef struct pare_stat_info {
    const char *name, *label, *doc;
    pare_stat_group group;
    pare_stat_role role;
    bool is_real;  /* double, else uint64_t */
    size_t offset; /* in pare_sim_stats */
} pare_stat_info;

/* The table above as data, in its order. */
const pare_stat_info *pare_sim_stat_table(size_t *n);
/* One statistic as a double. */
double pare_sim_stat(const pare_sim_stats *s, const pare_stat_info *info);

/* ---- results --------------------------------------------------------------------------------- */

/* How a layer was put on the machine. Tiles are what the buffers hold at once. */
typedef struct pare_sim_map {
    bool tiles_hold_windows; /* the tiles of the array, else filters */
    bool tiles_hold_depth;   /* or this */
    bool cols_hold_filters;  /* the columns of a tile, else windows */
    bool is_flat;            /* lanes hold the flattened depth */
    uint32_t packed_groups;  /* groups of a grouped convolution side by side in the lanes */
    char order[5];           /* loops over buffer tiles, outermost first, of 'g' 'k' 'w' 'c' */
    uint32_t tile_groups, tile_filters, tile_channels;
    uint32_t tile_images, tile_out_rows, tile_out_cols;
    uint64_t n_tiles;
} pare_sim_map;

typedef struct pare_sim_layer {
    const char *layer; /* lives as long as the network */
    const char *type;  /* conv2d, depthwise, grouped, pointwise, fc, matmul */
    uint32_t weight_bits, act_bits, out_bits;
    uint32_t step_cycles;    /* cycles of one step at these bits */
    double mean_step_cycles; /* over the layer's values; as step_cycles if it does not depend */
    double utilization;      /* lane cycles that do a product / all lane cycles, stalls included */
    double energy_uncertainty_frac; /* as in pare_sim_result, of this layer */
    pare_dims dims;                 /* with the batch */
    pare_sim_map map;
    pare_sim_stats stats;
} pare_sim_layer;

/* Where a machine that skips finds the codes of a layer's operands. */
typedef struct pare_values pare_values;

/* Open the folder of a trainer's run, or a declared distribution such as "laplace,seed=1"
 * (docs/machines_dynamic.md has the grammar). Tensors are read when a layer needs them. The caller
 * frees. */
pare_status pare_values_open(const char *spec, pare_values **out, pare_err *e) PARE_MUST_CHECK;
void pare_values_free(pare_values *v); /* NULL allowed */

typedef struct pare_sim_options {
    uint32_t batch;            /* 0: 1 */
    unsigned threads;          /* for value-dependent layers; 0: as many as the machine has */
    const pare_values *values; /* NULL: what the machine file declares; kept during the call */
} pare_sim_options;

/* What a network costs on a machine. Layers run one after the other; between them nothing
 * overlaps. Only MAC layers cost (docs/machines.md says what is left out). */
typedef struct pare_sim_result {
    const char *network, *machine; /* live as long as what they name */
    const char *bits;              /* the bits' method or file */
    const char *values;            /* where values came from; NULL if nothing depended on them */
    uint64_t network_hash, machine_hash, bits_hash;
    uint32_t batch;
    pare_sim_layer *layers; /* the MAC layers in the network's order */
    size_t n_layers;
    pare_sim_stats total;
    double utilization;                     /* over all layers */
    double mean_weight_bits, mean_act_bits; /* weighted by MACs */
    double latency_ns, edp_pj_ns, area_um2, clock_mhz;
    /* of total.energy_pj, if all tables err to the same side */
    double energy_uncertainty_frac;
    const char *normalized; /* the machine's */
    const char *unpriced;   /* what makes area and energy lower bounds; NULL: nothing */
} pare_sim_result;

/* Evaluate every MAC layer with its best mapping. `options` may be NULL. The machine must be able
 * to run every layer: else PARE_EINPUT at the machine file's line, with the layer and the smallest
 * change. Free *out with pare_sim_result_free. */
pare_status pare_sim_run(const pare_net *net, const pare_machine *machine, const pare_bits *bits,
                         const pare_sim_options *options, pare_sim_result *out,
                         pare_err *e) PARE_MUST_CHECK;
void pare_sim_result_free(pare_sim_result *r); /* frees what it holds; zeroed and NULL allowed */

/* One layer at given bits: `reads_input` if it reads the network's input, `out_bits` as stored. */
typedef struct pare_sim_job {
    const char *layer; /* for messages */
    const char *type;
    const char *bits_file; /* for messages; NULL: none */
    pare_pos bits_pos;
    pare_dims dims;
    uint32_t weight_bits, act_bits, out_bits;
    uint32_t weight_stored_bits; /* of a weight in memory; 0: weight_bits */
    uint32_t scale_sums;         /* partial sums of an output with scales of their own; 0: none */
    bool reads_input;
} pare_sim_job;
pare_status pare_sim_run_layer(const pare_machine *machine, const pare_sim_job *job,
                               pare_sim_layer *out, pare_err *e) PARE_MUST_CHECK;

/* ---- events: the same layer tile by tile ---- */

/* unit that is busy, name, what it does */
#define PARE_EVENTS(X)                                                                             \
    X(LOAD_WEIGHTS, DRAM, "load weights")                                                          \
    X(LOAD_ACTS, DRAM, "load activations")                                                         \
    X(LOAD_PSUMS, DRAM, "load partial sums")                                                       \
    X(STORE_OUTPUTS, DRAM, "store outputs")                                                        \
    X(STORE_PSUMS, DRAM, "store partial sums")                                                     \
    X(LATENCY, DRAM, "latency")                                                                    \
    X(COMPUTE, ARRAY, "compute")                                                                   \
    X(WAIT, ARRAY, "wait for DRAM")

typedef enum pare_event_kind {
#define X(id, unit, name) PARE_EVENT_##id,
    PARE_EVENTS(X)
#undef X
        PARE_N_EVENTS
} pare_event_kind;

typedef enum pare_unit { PARE_UNIT_DRAM, PARE_UNIT_ARRAY, PARE_N_UNITS } pare_unit;

const char *pare_event_name(pare_event_kind kind);
pare_unit pare_event_unit(pare_event_kind kind);

/* A tile on the array: runs of `run_steps` steps; before a run what stays in the PEs is loaded, and
 * behind it its last sums drain. step_cycles is 0 if each step has its own, by its values. */
typedef struct pare_event_work {
    uint64_t steps, run_steps;
    uint64_t step_cycles, load_cycles, drain_cycles;
    bool is_done; /* the tile's outputs are complete then */
} pare_event_work;

/* A unit is busy from start_cycle to before end_cycle, counted from the layer's start. */
typedef struct pare_event {
    pare_event_kind kind;
    uint64_t tile; /* number in the order of the walk */
    uint64_t start_cycle, end_cycle;
    /* of a transfer */
    uint64_t bits;
    uint64_t first_bit;     /* in its tensor (pare_sim_dram_trace says how that lies) */
    uint64_t request_cycle; /* when it was asked for: the last swap of the buffers */
    pare_event_work work;   /* of a tile's computation */
} pare_event;

typedef void pare_event_fn(void *context, const pare_event *event);

/* Walk a layer tile by tile on the mapping that pare_sim_run_layer chooses. The events of a unit
 * come in the order of time and do not overlap. `fn` may be NULL. *out is filled as by
 * pare_sim_run_layer, its time and traffic counted from the events; the closed form gives the same.
 * Not for machines with memory.model bitfusion (PARE_EINPUT). */
pare_status pare_sim_events(const pare_machine *machine, const pare_sim_job *job, pare_event_fn *fn,
                            void *context, pare_sim_layer *out, pare_err *e) PARE_MUST_CHECK;
/* A memory whose latency and pace vary, the same every time: the trace that level 2 and the RTL
 * share. Of a layer: stage s waits for its first word latency_cycles(s) cycles after its begin;
 * word i of all words moved comes gap_cycles(i) cycles later than it could, unless it is a stage's
 * first. NULL stands for the machine's latency and no gaps. */
typedef struct pare_sim_pace {
    uint64_t seed;
    uint32_t latency_cycles[2]; /* least and most */
    uint32_t gap_percent;       /* of the words */
    uint32_t gap_cycles_max;    /* of these: uniform from 1 */
} pare_sim_pace;

uint32_t pare_sim_pace_latency(const pare_sim_pace *pace, uint64_t stage);
uint32_t pare_sim_pace_gap(const pare_sim_pace *pace, uint64_t word);
/* As pare_sim_events with such a memory. Not for machines that depend on values, nor for an ideal
 * memory (PARE_EINPUT). */
pare_status pare_sim_events_at(const pare_machine *machine, const pare_sim_job *job,
                               const pare_sim_pace *pace, pare_event_fn *fn, void *context,
                               pare_sim_layer *out, pare_err *e) PARE_MUST_CHECK;
/* The same where someone else knows what the tiles take on the array: tile_cycles[n_tiles], group,
 * filters, windows, channels of the mapping's tiles, from the outermost to the innermost. The
 * mapping is the one that pare_sim_run_layer chooses without them. *cycles is the layer's time.
 * PARE_EINPUT if the mapping has not n_tiles. */
pare_status pare_sim_events_given(const pare_machine *machine, const pare_sim_job *job,
                                  const pare_sim_pace *pace, const uint64_t *tile_cycles,
                                  size_t n_tiles, pare_event_fn *fn, void *context,
                                  uint64_t *cycles, pare_err *e) PARE_MUST_CHECK;
/* A whole network as a Chrome trace (chrome://tracing, Perfetto): a microsecond is a cycle, one
 * track a unit. Events beyond `max_events` are left out; otherData.events_left_out counts them. */
pare_status pare_sim_timeline(const pare_net *net, const pare_machine *machine,
                              const pare_bits *bits, const pare_sim_options *options,
                              size_t max_events, pare_buf *out, pare_err *e) PARE_MUST_CHECK;

/* What happens in a network, in the order of time, as CSV: layer, cycle, event, tile, what, n.
 * `descriptor` (a layer is taken up; n: its tiles), `memory_request` and `memory_response` (what:
 * the transfer; n: bits), `tile_start` (n: steps), `step` (n: its number in the tile; only with
 * `with_steps`, and not on machines whose steps depend on values), `accumulate_done` (the tile's
 * outputs are complete), `stall` (of the array; what: the transfer that ends last; n: cycles),
 * `layer_done` (n: cycles of the layer). PARE_EINPUT beyond 5 million records. */
pare_status pare_sim_records(const pare_net *net, const pare_machine *machine,
                             const pare_bits *bits, const pare_sim_options *options,
                             bool with_steps, pare_buf *out, pare_err *e) PARE_MUST_CHECK;

/* The DRAM traffic of a network as Ramulator's load/store trace: a line "LD 0x40" or "ST 0x40" per
 * burst of `burst_bytes` (a power of two), in the order of the events. Each layer has regions of
 * its own for weights, activations, outputs and partial sums, in whole bursts one after the other
 * from address 0, values packed as in traffic. Weights lie tile after tile; of the others the
 * channels of a tile lie together, image after image, row by row. A transfer is one piece from its
 * first value on, and starts a new burst: bytes and reuse are exact; of a tile that is not whole
 * rows only the first row's place is. *regions becomes a CSV: layer, region, first address, bytes,
 * bytes loaded and stored. PARE_EINPUT beyond 50 million lines. */
pare_status pare_sim_dram_trace(const pare_net *net, const pare_machine *machine,
                                const pare_bits *bits, const pare_sim_options *options,
                                uint32_t burst_bytes, pare_buf *trace, pare_buf *regions,
                                pare_err *e) PARE_MUST_CHECK;

/* ---- output ---------------------------------------------------------------------------------- */

/* A readable table of each result, then, if there are several, the machines side by side. */
void pare_sim_write_table(const pare_sim_result *results, size_t n, pare_buf *out);
/* One row per layer and one `total` row per result; `#` lines name program, commit and inputs. */
void pare_sim_write_csv(const pare_sim_result *results, size_t n, pare_buf *out);
/* One JSON object a line: the layers, then the totals with "total": true. */
void pare_sim_write_json(const pare_sim_result *results, size_t n, pare_buf *out);
/* In words: where the layer's cycles go, which mapping was chosen, and why the runner-up lost. */
pare_status pare_sim_explain(const pare_net *net, const pare_machine *machine,
                             const pare_bits *bits, const pare_sim_options *options,
                             const char *layer, pare_buf *out, pare_err *e) PARE_MUST_CHECK;
/* The machine with all its defaults filled in, its peaks, area and energy constants. */
void pare_machine_write(const pare_machine *m, pare_buf *out);

#ifdef __cplusplus
}
#endif
#endif
