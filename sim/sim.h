/* sim.h: what a network costs on a machine. The one public header of sim/.
 *
 * A machine is one point of a space that is described by data (a *.machine.yaml); a result is
 * plain structs of statistics per layer and in total. Cycles, bits and counts are uint64_t and
 * exact, energy is double pJ; a counter that would overflow is an error. docs/machines.md holds
 * the equations, docs/energy.md the constants.
 */
#ifndef PARE_SIM_H
#define PARE_SIM_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the processing element ------------------------------------------------------------------ */

typedef enum pare_pe_style { PARE_PE_TEMPORAL, PARE_PE_SPATIAL } pare_pe_style;

/* A PE reduces `lanes` products per step. A temporal PE consumes act_digit bits of the activations
 * and weight_digit bits of the weights each cycle; a digit of max_*_bits is the whole operand. */
typedef struct pare_pe {
    pare_pe_style style;
    uint32_t lanes;
    uint32_t act_digit, weight_digit;
    uint32_t max_act_bits, max_weight_bits;
    uint32_t acc_bits;
} pare_pe;

/* The bit-true, cycle-true reference of the temporal PE in rtl/ (docs/rtl.md): digits are aligned
 * at bit 0 and taken from the top, the weight's in the outer loop, the activation's in the inner
 * one. A pair of digits of all lanes is a beat and takes a cycle; the beats of one operand pair of
 * all lanes are a step. Bitlengths are 1..max_*_bits. */

/* Digits of an operand: ceil(bits / digit). */
uint32_t pare_pe_digits(uint32_t bits, uint32_t digit);
/* What digit `index` (0: the lowest) of a code adds to it, in units of 2^(index * digit). Only the
 * `bits` low bits of the code count; the top digit carries the sign of a signed code. */
int32_t pare_pe_digit(int32_t code, uint32_t bits, bool is_signed, uint32_t digit, uint32_t index);
/* Cycles of one step of a temporal PE without stalls. */
uint32_t pare_pe_step_cycles(const pare_pe *pe, uint32_t act_bits, uint32_t weight_bits);
/* The narrowest accumulator that holds any one step's sum. */
uint32_t pare_pe_min_acc_bits(const pare_pe *pe);

/* One dot product: n_steps * lanes codes of either operand, step by step; lanes without a product
 * hold a zero. */
typedef struct pare_pe_work {
    uint32_t act_bits, weight_bits;
    bool act_signed, weight_signed; /* two's complement codes, else unsigned */
    uint32_t n_steps;
    const int32_t *act, *weight;
} pare_pe_work;

typedef struct pare_pe_sum {
    int64_t value;   /* modulo 2^acc_bits, two's complement */
    bool overflowed; /* a partial sum did not fit into acc_bits */
    uint64_t cycles; /* beats */
} pare_pe_sum;

/* The dot product as the PE computes it, beat by beat. */
pare_pe_sum pare_pe_dot(const pare_pe *pe, const pare_pe_work *work);

/* A spatial PE (Bit Fusion) has `lanes` units of max_act_bits x max_weight_bits, made of bricks of
 * act_digit x weight_digit bits. Bits are rounded up to whole digits times a power of two. */
uint32_t pare_pe_fused_bits(uint32_t bits, uint32_t digit);
/* Products of one step, which takes a cycle; n_steps * this many codes are a dot product's. */
uint32_t pare_pe_fusion_products(const pare_pe *pe, uint32_t act_bits, uint32_t weight_bits);
/* The dot product as its bricks compute it. */
pare_pe_sum pare_pe_fusion_dot(const pare_pe *pe, const pare_pe_work *work);

/* How a term-serial PE (Bit-Pragmatic) writes the magnitude of an activation as signed powers of
 * two: its one bits; the Booth-like recoding of DNNsim; the non-adjacent form. */
typedef enum pare_pe_terms {
    PARE_PE_TERMS_ONES,
    PARE_PE_TERMS_RUNS,
    PARE_PE_TERMS_NAF
} pare_pe_terms;
enum { PARE_PE_TERM_POSITIONS = 18 };
/* The terms of a magnitude below 2^17: sign[p] is +1, -1 or 0 of 2^p. */
void pare_pe_recode(pare_pe_terms terms, uint32_t magnitude, int8_t sign[PARE_PE_TERM_POSITIONS]);

typedef struct pare_pe_shifter {
    pare_pe_terms terms;
    uint32_t first_stage_bits; /* terms less than 2^this places apart go in one cycle */
} pare_pe_shifter;

/* The dot product as the PE computes it: each cycle every lane drops its lowest pending term if
 * that is within the first stage's reach of the lowest one of all; a step takes at least one cycle.
 * overflowed: the sum did not fit after some cycle. step_cycles: of each step, or NULL. */
pare_pe_sum pare_pe_term_dot(const pare_pe *pe, const pare_pe_shifter *shifter,
                             const pare_pe_work *work, uint32_t *step_cycles);

/* When a dot product moves through the PE, in cycles since reset. */
typedef struct pare_pe_times {
    uint64_t first_beat, last_beat; /* taken in these cycles */
    uint64_t valid;                 /* the result stands from this cycle */
    uint64_t taken;                 /* to this one, in which the sink takes it */
} pare_pe_times;

/* The stalls of one dot product. Beat i is offered gaps[i] cycles after the cycle that follows the
 * taking of beat i - 1 (the last beat of the dot product before it; reset). The sink is ready in
 * cycle b + k if ready[k % n_ready], b the cycle that follows the taking of the result before it
 * (0 after reset); at least one entry is true. */
typedef struct pare_pe_pace {
    uint64_t n_beats; /* at least 1 */
    const uint8_t *gaps;
    uint32_t n_ready;
    const bool *ready;
} pare_pe_pace;

/* Exact times of a dot product; `before` is the one before it, NULL after reset. */
pare_pe_times pare_pe_dot_times(const pare_pe_pace *pace, const pare_pe_times *before);

/* ---- machines -------------------------------------------------------------------------------- */

/* Which data stays in the PEs while the others move. */
typedef enum pare_dataflow { PARE_OUTPUT_STATIONARY, PARE_WEIGHT_STATIONARY } pare_dataflow;
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
/* Bits of a value in memory: memory.native_bits, or the layer's own bitlength (Proteus). */
typedef enum pare_packing { PARE_PACK_NATIVE, PARE_PACK_LAYER } pare_packing;
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
} pare_array;

typedef struct pare_mapping {
    int lane_order;    /* pare_lane_order */
    int first_layer;   /* pare_first_layer */
    int tiles, cols;   /* pare_holds */
    int objective;     /* pare_objective; then energy, or cycles if it is not about cycles */
    double slack_frac; /* mappings this much above the best objective compete on the other one */
} pare_mapping;

typedef struct pare_buffers {
    uint64_t weight_bytes, act_bytes, out_bytes;
    bool double_buffering; /* half of each is filled while the other half is used */
    uint32_t word_bits;    /* of one bank; a wider port is several banks side by side */
    int device;            /* row of PARE_SRAM_DEVICES */
} pare_buffers;

typedef struct pare_memory {
    int model;            /* pare_memory_model */
    int packing;          /* pare_packing */
    uint32_t native_bits; /* of an unpacked value; wider ones take the next power of two */
    uint32_t out_bits;    /* of a stored output; 0: the bitlength at which it is read again */
} pare_memory;

typedef struct pare_dram {
    const char *kind; /* row of the energy table, "lpddr4" */
    uint32_t bits_per_cycle;
    uint32_t latency_cycles; /* once per burst of a stage */
    double pj_per_bit;       /* 0: from the table */
} pare_dram;

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
    double core_pj;     /* the whole array, one cycle of work; 0: the three below */
    double lane_pj;     /* one busy lane's multiplier, one cycle */
    double reduce_pj;   /* one PE's adder tree and accumulating adder, one cycle */
    double register_pj; /* one PE's accumulator and operand registers, one cycle */
    double weight_read_pj_per_bit, weight_write_pj_per_bit;
    double act_read_pj_per_bit, act_write_pj_per_bit;
    double out_read_pj_per_bit, out_write_pj_per_bit;
    double dram_pj_per_bit;
    double pe_um2, array_um2, buffers_um2;
    double array_leakage_mw, buffers_leakage_mw;
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
    pare_mapping mapping;
    pare_buffers buffers;
    pare_memory memory;
    pare_dram dram;
    pare_compat compat;
    pare_own_costs own_costs;
    pare_costs costs;
    const char *file;      /* as given at loading */
    uint64_t hash;         /* of the file's bytes and the overrides */
    const pare_yaml *yaml; /* places of the keys, for messages */
    pare_arena *arena;
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
    X(cycles, uint64_t, CYCLES, TOTAL, "cycles", "from the first load to the last store")          \
    X(ideal_cycles, uint64_t, CYCLES, PART, "ideal",                                               \
      "the layer's bit products at the machine's peak bit products per cycle")                     \
    X(rounding_cycles, uint64_t, CYCLES, PART, "precision rounding",                               \
      "bitlengths rounded up to whole digits")                                                     \
    X(padding_cycles, uint64_t, CYCLES, PART, "edge padding",                                      \
      "lanes, rows, columns and tiles left without work at the edges of the layer")                \
    X(fill_drain_cycles, uint64_t, CYCLES, PART, "fill and drain", "skew of a systolic array")     \
    X(weight_load_cycles, uint64_t, CYCLES, PART, "weight load",                                   \
      "weights on their way into the array while it waits")                                        \
    X(startup_cycles, uint64_t, CYCLES, PART, "first load, last store",                            \
      "DRAM transfers that nothing can hide")                                                      \
    X(stall_cycles, uint64_t, CYCLES, PART, "bandwidth stall",                                     \
      "the array waits for DRAM between tiles")                                                    \
    X(energy_pj, double, ENERGY, TOTAL, "energy", "all components below")                          \
    X(pe_pj, double, ENERGY, PART, "PE arithmetic", "multipliers and adders of busy lanes")        \
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
    uint32_t step_cycles; /* cycles of one step at these bits */
    double utilization;   /* lane cycles that do a product / all lane cycles, stalls included */
    pare_dims dims;       /* with the batch */
    pare_sim_map map;
    pare_sim_stats stats;
} pare_sim_layer;

typedef struct pare_sim_options {
    uint32_t batch; /* 0: 1 */
} pare_sim_options;

/* What a network costs on a machine. Layers run one after the other; between them nothing
 * overlaps. Only MAC layers cost (docs/machines.md says what is left out). */
typedef struct pare_sim_result {
    const char *network, *machine; /* live as long as what they name */
    const char *bits;              /* the bits' method or file */
    uint64_t network_hash, machine_hash, bits_hash;
    uint32_t batch;
    pare_sim_layer *layers; /* the MAC layers in the network's order */
    size_t n_layers;
    pare_sim_stats total;
    double utilization;                     /* over all layers */
    double mean_weight_bits, mean_act_bits; /* weighted by MACs */
    double latency_ns, edp_pj_ns, area_um2, clock_mhz;
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
    pare_dims dims;
    uint32_t weight_bits, act_bits, out_bits;
    bool reads_input;
} pare_sim_job;
pare_status pare_sim_run_layer(const pare_machine *machine, const pare_sim_job *job,
                               pare_sim_layer *out, pare_err *e) PARE_MUST_CHECK;

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

/* ---- reports --------------------------------------------------------------------------------- */

/* What one page shows. Results of the same machines in the same order; results[0] (or uniform[0])
 * is what the others are compared with. */
typedef struct pare_sim_report {
    const char *title;
    const char *bits_label; /* of `results`: "learned bits" */
    const pare_bits *bits;
    const pare_sim_result *results;
    size_t n_results;
    const pare_sim_result *uniform; /* the same at other bits, or NULL */
    const char *uniform_label;      /* "8 bits" */
    const char *normalization;      /* one sentence: what the machines have in common */
    const pare_csv *metrics;        /* the trainer's metrics.csv, or NULL */
} pare_sim_report;

/* One self-contained HTML page. `chart_js` is the path of Chart.js 3 (minified), which is inlined;
 * a missing file is PARE_EINPUT with the package that holds it. */
pare_status pare_sim_report_write(const pare_sim_report *report, const char *chart_js,
                                  pare_buf *html, pare_err *e) PARE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
