/* The machine file: its table of keys, reading, and the checks that one key alone cannot make. */
#include "sim/search.h"

#include <stdlib.h>
#include <string.h>

static const char *const dataflows[] = {"output_stationary", "weight_stationary",
                                        "input_stationary", NULL};
static const char *const deliveries[] = {"broadcast", "systolic", NULL};
static const char *const styles[] = {"temporal", "spatial", NULL};
static const char *const lane_orders[] = {"channels", "flat", NULL};
static const char *const first_layers[] = {"as_others", "flat", "space_to_depth", NULL};
static const char *const row_inputs[] = {"shared", "own", NULL};
static const char *const holds[] = {"filters", "windows", "best", NULL};
static const char *const packings[] = {"native", "layer", "group", "columns", "zero_runs", NULL};
static const char *const skips[] = {"nothing", "precision", "act_terms", "terms", "columns", NULL};
static const char *const recodings[] = {"ones", "dnnsim", "naf", NULL};
static const char *const models[] = {"limited", "ideal", "bitfusion", NULL};
static const char *const objectives[] = {"cycles", "energy", "edp", "traffic", NULL};
static const char *const devices[] = {"itrs_lop", "itrs_lstp", "itrs_hp", NULL};

static const char *const gatings[] = {"lanes", "bits", "none", NULL};

enum { SIDE_MAX = 65536 };
#define BYTES_MAX 1099511627776.0 /* 1 TiB */

#define KEY(st, member, kind, lo, hi, default_text, ...)                                           \
    {                                                                                              \
        .name = #member, .type = PARE_KEY_##kind, .offset = offsetof(st, member), .min = lo,       \
        .max = hi, .def = default_text, __VA_ARGS__                                                \
    }
#define DOC(text)           .doc = text
#define CHOICE(names, text) .choices = names, .doc = text
#define SCHEMA(title, st, keys_, about)                                                            \
    {                                                                                              \
        .name = title, .doc = about, .keys = keys_, .n_keys = sizeof keys_ / sizeof *keys_,        \
        .size = sizeof(st), .pos_offset = PARE_NO_OFFSET, .given_offset = PARE_NO_OFFSET           \
    }

static const pare_key array_keys[] = {
    KEY(pare_array, tiles, U32, 1, SIDE_MAX, "1", DOC("copies of the grid below, in step")),
    KEY(pare_array, rows, U32, 1, SIDE_MAX, NULL, DOC("PEs of a tile along the output channels")),
    KEY(pare_array, cols, U32, 1, SIDE_MAX, "1", DOC("PEs of a tile along the windows")),
    KEY(pare_array, dataflow, ENUM, 0, 0, "output_stationary",
        CHOICE(dataflows, "what stays in a PE: its partial sum, its weights, or its activations")),
    KEY(pare_array, delivery, ENUM, 0, 0, "broadcast",
        CHOICE(deliveries, "operands reach all PEs at once, or from neighbour to neighbour")),
    KEY(pare_array, fold_cycles_min, U32, 0, 1048576, "0",
        DOC("least cycles from one fold (filters and windows of the whole array) to the next, such "
            "as the drain takes; tiles must hold the whole depth then")),
};
static const pare_schema array_schema =
    SCHEMA("machine.array", pare_array, array_keys, "The grid of processing elements.");

static const pare_key pe_keys[] = {
    KEY(pare_pe, style, ENUM, 0, 0, "temporal",
        CHOICE(styles, "digits one after the other, or a multiplier that falls into bricks")),
    KEY(pare_pe, lanes, U32, 1, SIDE_MAX, NULL,
        DOC("products that one PE reduces per step (spatial: fusion units)")),
    KEY(pare_pe, act_digit, U32, 1, PARE_BITS_MAX, NULL,
        DOC("bits of an activation per cycle (spatial: side of a brick)")),
    KEY(pare_pe, weight_digit, U32, 1, PARE_BITS_MAX, NULL,
        DOC("bits of a weight per cycle (spatial: side of a brick)")),
    KEY(pare_pe, max_act_bits, U32, 1, PARE_BITS_MAX, NULL, DOC("widest activation, bits")),
    KEY(pare_pe, max_weight_bits, U32, 1, PARE_BITS_MAX, NULL, DOC("widest weight, bits")),
    KEY(pare_pe, acc_bits, U32, 8, 64, "32", DOC("accumulator and stored partial sum, bits")),
    KEY(pare_pe, skips, ENUM, 0, 0, "nothing",
        CHOICE(skips, "what a step leaves out at run time: activation bits above the widest of a "
                      "group, zero terms of activations, of both, all-zero bit columns of "
                      "weights")),
    KEY(pare_pe, scale_bits, U32, 1, 32, "16",
        DOC("width of the scale where partial sums have scales of their own (our choice)")),
    KEY(pare_pe, scale_cycles, U32, 0, 64, "1",
        DOC("cycles of a PE for a partial sum times its scale; 0: beside the next sum (our "
            "choice)")),
};
static const pare_schema pe_schema =
    SCHEMA("machine.pe", pare_pe, pe_keys, "One processing element.");

static const pare_key skip_keys[] = {
    KEY(pare_skip, group_cols, U32, 1, SIDE_MAX, "16",
        DOC("skips precision: windows that share one width")),
    KEY(pare_skip, trim_low_bits, BOOL, 0, 0, "false",
        DOC("skips precision: leave out the zeros that all values of a group end in")),
    KEY(pare_skip, recoding, ENUM, 0, 0, "dnnsim",
        CHOICE(recodings, "skips act_terms, terms: one bits, DNNsim's Booth-like recoding, or the "
                          "non-adjacent form")),
    KEY(pare_skip, first_stage_bits, U32, 0, 4, "2",
        DOC("skips act_terms: terms less than 2^this positions apart share a cycle")),
    KEY(pare_skip, column_registers, U32, 0, 64, "0",
        DOC("skips precision, act_terms: steps that a group of columns may run ahead")),
};
static const pare_schema skip_schema =
    SCHEMA("machine.skip", pare_skip, skip_keys, "How a PE that skips does it.");

static const pare_key tile_keys[] = {
    KEY(pare_tile, groups, U32, 0, UINT32_MAX, "0", DOC("groups of a grouped layer")),
    KEY(pare_tile, filters, U32, 0, UINT32_MAX, "0", DOC("filters of each group")),
    KEY(pare_tile, channels, U32, 0, UINT32_MAX, "0", DOC("channels of each group")),
    KEY(pare_tile, images, U32, 0, UINT32_MAX, "0", DOC("images of the batch")),
    KEY(pare_tile, out_rows, U32, 0, UINT32_MAX, "0", DOC("rows of the output")),
    KEY(pare_tile, out_cols, U32, 0, UINT32_MAX, "0", DOC("columns of the output")),
};
static const pare_schema tile_schema =
    SCHEMA("machine.mapping.tile", pare_tile, tile_keys,
           "What of a layer the buffers hold at once; 0: chosen layer by layer. A size beyond a "
           "layer's is all of it.");

static const pare_key mapping_keys[] = {
    KEY(pare_mapping, lane_order, ENUM, 0, 0, "channels",
        CHOICE(lane_orders, "lanes hold channels at one kernel position, or the flattened depth")),
    KEY(pare_mapping, first_layer, ENUM, 0, 0, "as_others",
        CHOICE(first_layers,
               "a layer on the network's input with fewer channels than lanes: as the others, "
               "flattened (im2col), or stride x stride neighbours folded into channels")),
    KEY(pare_mapping, tiles, ENUM, 0, 0, "filters",
        CHOICE(holds, "what further tiles hold; best: chosen layer by layer")),
    KEY(pare_mapping, cols, ENUM, 0, 0, "windows",
        CHOICE(holds, "what the columns hold; filters: they take turns at the weight port")),
    KEY(pare_mapping, row_inputs, ENUM, 0, 0, "shared",
        CHOICE(row_inputs,
               "rows multiply their tile's activations, or a row of a grouped layer its "
               "own group's, its lanes over the flattened depth; the port is rows times "
               "as wide")),
    KEY(pare_mapping, split_depth, BOOL, 0, 0, "false",
        DOC("tiles may also hold pieces of the depth, if that is faster: for layers of few filters "
            "and windows, such as fully connected ones")),
    KEY(pare_mapping, pad_layers, BOOL, 0, 0, "false",
        DOC("layers of one group are padded to whole steps and rows, in memory too")),
    KEY(pare_mapping, objective, ENUM, 0, 0, "cycles",
        CHOICE(objectives, "what the choice of tiles and loop order minimises; then energy, or "
                           "cycles if it is not about cycles")),
    KEY(pare_mapping, slack_frac, REAL, 0, 1, "0.02",
        DOC("mappings this fraction above the least objective are judged by the other criterion, "
            "so that no cycle is saved at any price; 0: strictly one after the other")),
    KEY(pare_mapping, tile, MAP, 0, 0, "", .sub = &tile_schema,
        DOC("sizes of a buffer tile instead of the best ones")),
    KEY(pare_mapping, order, STR, 0, 0, "",
        DOC("order of the loops over tiles instead of the best one: filters k, windows w and "
            "channels c, outermost first, such as 'kwc'; groups are outside of them")),
};
static const pare_schema mapping_schema =
    SCHEMA("machine.mapping", pare_mapping, mapping_keys, "How layers are laid on the array.");

static const pare_key buffers_keys[] = {
    KEY(pare_buffers, weight_bytes, U64, 1, BYTES_MAX, NULL, DOC("weight buffer, both halves")),
    KEY(pare_buffers, act_bytes, U64, 1, BYTES_MAX, NULL, DOC("activation buffer, both halves")),
    KEY(pare_buffers, out_bytes, U64, 1, BYTES_MAX, NULL, DOC("output buffer, both halves")),
    KEY(pare_buffers, double_buffering, BOOL, 0, 0, "true",
        DOC("a tile may take half of each buffer, the next one loads into the other half")),
    KEY(pare_buffers, word_bits, U32, 32, 512, "128",
        DOC("word of one SRAM bank; a wider port is several banks side by side")),
    KEY(pare_buffers, device, ENUM, 0, 0, "itrs_lop",
        CHOICE(devices, "transistors of the SRAM table: low power, low standby, fast")),
    KEY(pare_buffers, temperature_k, U32, 300, 360, "300",
        DOC("kelvin at which the buffers leak; the table has 300 and 360")),
};
static const pare_schema buffers_schema =
    SCHEMA("machine.buffers", pare_buffers, buffers_keys, "The memories beside the array.");

static const pare_key memory_keys[] = {
    KEY(pare_memory, model, ENUM, 0, 0, "limited",
        CHOICE(
            models,
            "as given here; every operand once and in no time; or as in Bit Fusion's simulator")),
    KEY(pare_memory, packing, ENUM, 0, 0, "native",
        CHOICE(packings, "values in buffers and DRAM at native_bits, or at the layer's bits; in "
                         "DRAM at the width of their group, or weights as bit columns; at "
                         "native_bits, but activations in DRAM as runs of zeros")),
    KEY(pare_memory, native_bits, U32, 1, PARE_BITS_MAX, "8",
        DOC("an unpacked value; a wider one takes twice as much, and so on")),
    KEY(pare_memory, out_bits, U32, 0, 64, "0",
        DOC("a stored output; 0: at the bitlength at which it is read again")),
    KEY(pare_memory, group_values, U32, 1, 256, "16",
        DOC("packing group, columns: values of a group, along the channels")),
};
static const pare_schema memory_schema =
    SCHEMA("machine.memory", pare_memory, memory_keys, "What a value takes in memory.");

static const pare_key dram_keys[] = {
    KEY(pare_dram, kind, NAME, 0, 0, "lpddr4", DOC("row of the DRAM table")),
    KEY(pare_dram, bits_per_cycle, U32, 0, 1048576, "128",
        DOC("bits per array clock cycle; 0: no layer runs, unless memory is ideal")),
    KEY(pare_dram, latency_cycles, U32, 0, 1048576, "0",
        DOC("cycles until the first bit, once per stage with any transfer")),
    KEY(pare_dram, pj_per_bit, REAL, 0, 1e6, "0", DOC("energy of a bit, pJ; 0: from the table")),
};
static const pare_schema dram_schema =
    SCHEMA("machine.dram", pare_dram, dram_keys, "The memory outside the chip.");

static const pare_key compat_keys[] = {
    KEY(pare_compat, count_from_zero, BOOL, 0, 0, "false",
        DOC("systolic: report the index of the last cycle, one less than their number")),
};
static const pare_schema compat_schema =
    SCHEMA("machine.compat", pare_compat, compat_keys,
           "Habits of other simulators, for comparisons with them.");

static const pare_key own_costs_keys[] = {
    KEY(pare_own_costs, core_pj_per_cycle, REAL, 0, 1e9, "0",
        DOC("the whole array in a cycle of work, instead of PE arithmetic and registers")),
    KEY(pare_own_costs, weight_read_pj_per_bit, REAL, 0, 1e6, "0", DOC("weight buffer, read")),
    KEY(pare_own_costs, weight_write_pj_per_bit, REAL, 0, 1e6, "0", DOC("weight buffer, written")),
    KEY(pare_own_costs, act_read_pj_per_bit, REAL, 0, 1e6, "0", DOC("activation buffer, read")),
    KEY(pare_own_costs, act_write_pj_per_bit, REAL, 0, 1e6, "0", DOC("activation buffer, written")),
    KEY(pare_own_costs, out_read_pj_per_bit, REAL, 0, 1e6, "0", DOC("output buffer, read")),
    KEY(pare_own_costs, out_write_pj_per_bit, REAL, 0, 1e6, "0", DOC("output buffer, written")),
};
static const pare_schema own_costs_schema =
    SCHEMA("machine.own_costs", pare_own_costs, own_costs_keys,
           "Energies of your own, in pJ; 0 leaves the tables' value.");

static const pare_key energy_name_keys[] = {
    KEY(pare_energy_name, cost, ENUM, 0, 0, NULL,
        CHOICE(sim_ert_costs, "what it prices: a lane's multiplier, a PE's adders or registers in "
                              "a cycle; a buffer's or DRAM's reads and writes; leakage of a PE or "
                              "buffer in a cycle; the area of one")),
    KEY(pare_energy_name, component, STR, 0, 0, NULL,
        DOC("name in the table, or what follows a dot in it; [0..7] may be left out")),
    KEY(pare_energy_name, action, STR, 0, 0, "", DOC("name of the action; none for an area")),
    KEY(pare_energy_name, bits, U32, 1, 1048576, "1",
        DOC("bits that one such action moves; 1 if the cost is not per bit")),
};
static const pare_schema energy_name_schema = {
    .name = "machine.energy_tables.names",
    .doc =
        "Which row of the tables stands for which cost; of several with that action, the dearest.",
    .keys = energy_name_keys,
    .n_keys = sizeof energy_name_keys / sizeof *energy_name_keys,
    .size = sizeof(pare_energy_name),
    .pos_offset = offsetof(pare_energy_name, pos),
    .given_offset = PARE_NO_OFFSET,
};

static const pare_key energy_tables_keys[] = {
    KEY(pare_energy_tables, ert, STR, 0, 0, "", DOC("Accelergy's ERT.yaml, in pJ")),
    KEY(pare_energy_tables, art, STR, 0, 0, "", DOC("Accelergy's ART.yaml, in um2")),
    KEY(pare_energy_tables, names, MAPS, 0, 0, "", .sub = &energy_name_schema,
        DOC("which of their rows are used; none: the names that pare-sim show --ert writes")),
    KEY(pare_energy_tables, uncertainty_frac, REAL, 0, 10, "0.5",
        DOC("how far off these tables' numbers may be")),
};
static const pare_schema energy_tables_schema =
    SCHEMA("machine.energy_tables", pare_energy_tables, energy_tables_keys,
           "Accelergy's tables; what they name replaces what the shipped ones say.");

static const pare_key machine_keys[] = {
    KEY(pare_machine, version, U32, 1, 1, NULL, DOC("of this file's form")),
    KEY(pare_machine, name, NAME, 0, 0, NULL, DOC("how results call it")),
    KEY(pare_machine, title, STR, 0, 0, "", DOC("one line for people")),
    KEY(pare_machine, clock_mhz, REAL, 1e-3, 1e6, NULL, DOC("clock of array and buffers, MHz")),
    KEY(pare_machine, node_nm, U32, 1, 1000, "45",
        DOC("process, nm; an SRAM table must exist: 22, 32, 45, 65 and 90 are shipped")),
    KEY(pare_machine, energy_base, NAME, 0, 0, "horowitz45",
        DOC("table of PE components: horowitz45, aladdin40, bitfusion45, gates45 or your own")),
    KEY(pare_machine, array, MAP, 0, 0, NULL, .sub = &array_schema, DOC("the grid")),
    KEY(pare_machine, pe, MAP, 0, 0, NULL, .sub = &pe_schema, DOC("one processing element")),
    KEY(pare_machine, skip, MAP, 0, 0, "", .sub = &skip_schema, DOC("how it skips")),
    KEY(pare_machine, values, STR, 0, 0, "",
        DOC("distribution of the values where none are given, such as 'relu,zeros=0.5'")),
    KEY(pare_machine, mapping, MAP, 0, 0, "", .sub = &mapping_schema, DOC("layers on the array")),
    KEY(pare_machine, buffers, MAP, 0, 0, NULL, .sub = &buffers_schema, DOC("on-chip memories")),
    KEY(pare_machine, memory, MAP, 0, 0, "", .sub = &memory_schema, DOC("values in memory")),
    KEY(pare_machine, dram, MAP, 0, 0, "", .sub = &dram_schema, DOC("off-chip memory")),
    KEY(pare_machine, compat, MAP, 0, 0, "", .sub = &compat_schema, DOC("compatibility")),
    KEY(pare_machine, clock_gating, ENUM, 0, 0, "lanes",
        CHOICE(gatings, "what costs nothing while idle: lanes and PEs without work; also bits of a "
                        "digit that an operand does not use; nothing while the array works")),
    KEY(pare_machine, energy_tables, MAP, 0, 0, "", .sub = &energy_tables_schema,
        DOC("Accelergy's tables as a base")),
    KEY(pare_machine, own_costs, MAP, 0, 0, "", .sub = &own_costs_schema, DOC("own energies")),
};

const pare_schema pare_machine_schema = {
    .name = "machine",
    .doc = "An accelerator: `*.machine.yaml`.",
    .keys = machine_keys,
    .n_keys = sizeof machine_keys / sizeof *machine_keys,
    .size = sizeof(pare_machine),
    .pos_offset = offsetof(pare_machine, pos),
    .given_offset = offsetof(pare_machine, given),
};

/* ---- checks across keys ---- */

static bool is_power_of_two(uint32_t x) { return (x & (x - 1)) == 0; }

static pare_status check_operand(const pare_machine *m, const char *operand, uint32_t digit,
                                 uint32_t max_bits, pare_err *e)
{
    char key[48];
    snprintf(key, sizeof key, "pe.%s_digit", operand);
    if (digit > max_bits)
        return pare_yaml_error(m->yaml, key, e, PARE_EINPUT,
                               "%s is %u; at most pe.max_%s_bits, %u, expected", key, digit,
                               operand, max_bits);
    if (m->pe.style != PARE_PE_SPATIAL) return PARE_OK;
    if (!is_power_of_two(digit))
        return pare_yaml_error(m->yaml, key, e, PARE_EINPUT,
                               "%s is %u; a power of two expected, since bricks pair up", key,
                               digit);
    snprintf(key, sizeof key, "pe.max_%s_bits", operand);
    if (!is_power_of_two(max_bits))
        return pare_yaml_error(m->yaml, key, e, PARE_EINPUT,
                               "%s is %u; a power of two expected, since bricks pair up", key,
                               max_bits);
    return PARE_OK;
}

static pare_status check_array(const pare_machine *m, pare_err *e)
{
    const bool is_fixed =
        m->array.delivery == PARE_SYSTOLIC || m->array.dataflow != PARE_OUTPUT_STATIONARY;
    if (is_fixed && m->mapping.cols != PARE_HOLDS_WINDOWS)
        return pare_yaml_error(
            m->yaml, "mapping.cols", e, PARE_EINPUT,
            "mapping.cols is '%s' in an array that is systolic or not output stationary; "
            "'windows' expected",
            holds[m->mapping.cols]);
    const bool is_special =
        is_fixed || m->memory.model == PARE_MEMORY_BITFUSION || m->pe.skips != PARE_SKIPS_NOTHING;
    if (is_special && (m->mapping.row_inputs != PARE_ROWS_SHARE || m->mapping.split_depth))
        return pare_yaml_error(
            m->yaml, m->mapping.split_depth ? "mapping.split_depth" : "mapping.row_inputs", e,
            PARE_EINPUT,
            "mapping.%s in an array that is systolic, not output stationary or skips, or with "
            "memory.model bitfusion; '%s' expected",
            m->mapping.split_depth ? "split_depth is true" : "row_inputs is 'own'",
            m->mapping.split_depth ? "false" : "shared");
    if (m->compat.count_from_zero && m->array.delivery != PARE_SYSTOLIC)
        return pare_yaml_error(m->yaml, "compat.count_from_zero", e, PARE_EINPUT,
                               "compat.count_from_zero is set for a broadcast array; "
                               "array.delivery systolic expected");
    const bool is_spatial_row = m->pe.style == PARE_PE_SPATIAL && m->array.tiles == 1 &&
                                m->array.cols == 1 && m->own_costs.core_pj_per_cycle > 0;
    if (m->memory.model == PARE_MEMORY_BITFUSION && !is_spatial_row)
        return pare_yaml_error(m->yaml, "memory.model", e, PARE_EINPUT,
                               "memory.model 'bitfusion' is for spatial PEs in one tile of one "
                               "column with own_costs.core_pj_per_cycle; 'limited' expected");
    const double products = (double)m->array.tiles * m->array.rows * m->array.cols * m->pe.lanes;
    if (products > 1073741824.0)
        return pare_yaml_error(m->yaml, "array", e, PARE_EINPUT,
                               "the array has %.15g lanes; at most 2^30 expected", products);
    return PARE_OK;
}

/* The time of a fold depends on its depth. */
static pare_status check_folds(const pare_machine *m, pare_err *e)
{
    enum { WHOLE = 65536 };
    const bool is_special =
        m->memory.model == PARE_MEMORY_BITFUSION || m->pe.skips != PARE_SKIPS_NOTHING;
    if (is_special && (m->array.fold_cycles_min || m->mapping.pad_layers))
        return pare_yaml_error(
            m->yaml, m->mapping.pad_layers ? "mapping.pad_layers" : "array.fold_cycles_min", e,
            PARE_EINPUT,
            "%s in an array that skips, or with memory.model bitfusion; none "
            "expected",
            m->mapping.pad_layers ? "mapping.pad_layers is true"
                                  : "array.fold_cycles_min is given");
    if (!m->array.fold_cycles_min || m->mapping.tile.channels >= WHOLE) return PARE_OK;
    return pare_yaml_error(m->yaml, "array.fold_cycles_min", e, PARE_EINPUT,
                           "array.fold_cycles_min is given, but tiles may hold pieces of the "
                           "depth; mapping.tile.channels %d, the whole, expected",
                           WHOLE);
}

static pare_status check_mapping(const pare_machine *m, pare_err *e)
{
    const bool has_order = *m->mapping.order, has_tile = sim_wants_tile(m);
    if (has_order && sim_find_order(m->mapping.order) == N_ORDERS)
        return pare_yaml_error(m->yaml, "mapping.order", e, PARE_EINPUT,
                               "mapping.order is '%s'; k, w and c, each once, expected",
                               m->mapping.order);
    if ((has_tile || has_order) && m->memory.model != PARE_MEMORY_LIMITED)
        return pare_yaml_error(m->yaml, has_tile ? "mapping.tile" : "mapping.order", e, PARE_EINPUT,
                               "%s is given, but memory.model '%s' has no tiles to choose; "
                               "'limited' expected",
                               has_tile ? "mapping.tile" : "mapping.order",
                               models[m->memory.model]);
    return PARE_OK;
}

static pare_status check(const pare_machine *m, pare_err *e)
{
    PARE_TRY(check_operand(m, "act", m->pe.act_digit, m->pe.max_act_bits, e));
    PARE_TRY(check_operand(m, "weight", m->pe.weight_digit, m->pe.max_weight_bits, e));
    PARE_TRY(sim_skip_check(m, e));
    PARE_TRY(check_mapping(m, e));
    PARE_TRY(check_folds(m, e));
    return check_array(m, e);
}

pare_status sim_machine_settle(pare_machine *m, pare_err *e)
{
    PARE_TRY(check(m, e));
    return sim_costs_load(m, e);
}

/* ---- loading ---- */

pare_status pare_machine_parse(const char *name, const char *text, size_t n,
                               const char *const *sets, size_t n_sets, pare_machine **out,
                               pare_err *e)
{
    *out = NULL;
    pare_yaml *yaml = NULL;
    PARE_TRY(pare_yaml_parse(name, text, n, &yaml, e));
    pare_arena *const arena = pare_arena_new();
    pare_machine *const m = pare_arena_alloc(arena, 1, sizeof *m);
    uint64_t hash = pare_hash_bytes(PARE_HASH_SEED, text, n);
    pare_status status = PARE_OK;
    for (size_t i = 0; i < n_sets && status == PARE_OK; i++) {
        hash = pare_hash_bytes(hash, sets[i], strlen(sets[i]));
        status = pare_yaml_set(yaml, sets[i], e);
    }
    if (status == PARE_OK) status = pare_yaml_read(yaml, &pare_machine_schema, arena, m, e);
    m->yaml = yaml;
    m->arena = arena;
    m->file = pare_arena_strdup(arena, name);
    m->hash = hash;
    if (status == PARE_OK) status = sim_machine_settle(m, e);
    if (status == PARE_OK)
        *out = m;
    else
        pare_machine_free(m);
    return status;
}

pare_status pare_machine_load(const char *path, const char *const *sets, size_t n_sets,
                              pare_machine **out, pare_err *e)
{
    enum { FILE_MAX_BYTES = 1 << 20 };
    char *text = NULL;
    size_t n = 0;
    *out = NULL;
    PARE_TRY(pare_file_read(path, FILE_MAX_BYTES, &text, &n, e));
    const pare_status status = pare_machine_parse(path, text, n, sets, n_sets, out, e);
    free(text);
    return status;
}

void pare_machine_free(pare_machine *m)
{
    if (!m) return;
    pare_yaml_free((pare_yaml *)m->yaml);
    pare_arena_free(m->arena); /* m lives in it */
}

/* ---- peaks ---- */

uint64_t sim_array_lanes(const pare_machine *m)
{
    return (uint64_t)m->array.tiles * m->array.rows * m->array.cols * m->pe.lanes;
}

double pare_machine_peak_macs(const pare_machine *m, uint32_t weight_bits, uint32_t act_bits)
{
    pe_rate r;
    if (!sim_pe_rate(&m->pe, weight_bits, act_bits, &r)) return 0;
    return (double)(sim_array_lanes(m) * r.lane_factor) / (double)(r.act_steps * r.weight_steps);
}

uint64_t pare_machine_peak_bit_products(const pare_machine *m)
{
    return sim_array_lanes(m) * sim_pe_lane_bit_products(&m->pe);
}

const char *pare_machine_unpriced(const pare_machine *m)
{
    static const char *const parts[] = {
        [PARE_SKIPS_NOTHING] = NULL,
        [PARE_SKIPS_PRECISION] = "detectors of a group's width",
        [PARE_SKIPS_ACT_TERMS] = "encoders of terms and shifters",
        [PARE_SKIPS_TERMS] = "encoders of terms, adders of exponents and histograms",
        [PARE_SKIPS_COLUMNS] = NULL, /* zero columns are found before the weights are stored */
    };
    return parts[m->pe.skips];
}

double pare_machine_area_um2(const pare_machine *m)
{
    return m->costs.array_um2 + m->costs.buffers_um2;
}
