/* Energy, leakage and area: the tables of traces/energy, looked up once per machine.
 * docs/energy.md lists every constant with its source. */
#include "sim/core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REAL_MAX_VALUE 1e12

pare_status sim_table_load(const pare_machine *m, const char *key, const char *table,
                           pare_csv **out, pare_err *e)
{
    if (m->tables && (*out = sim_tables_find(m->tables, table))) return PARE_OK;
    pare_buf path = {0};
    pare_data_find("energy", table, &path);
    pare_err inner = {0};
    pare_status status = pare_csv_load(path.text, out, &inner);
    if (status != PARE_OK && !strcmp(path.text, table))
        status = pare_yaml_error(m->yaml, key, e, PARE_EINPUT,
                                 "%s: there is no energy table '%s.csv'; one in the folder energy "
                                 "of $PARE_DATA or a shipped one expected",
                                 key, table);
    else if (status != PARE_OK)
        status = pare_err_set(e, status, inner.file, (pare_pos){inner.line, inner.column}, "%s",
                              inner.text);
    pare_buf_free(&path);
    if (status == PARE_OK && m->tables) sim_tables_keep(m->tables, table, *out, true);
    return status;
}

void sim_table_done(const pare_machine *m, pare_csv *csv)
{
    if (!m->tables) pare_csv_free(csv);
}

pare_status sim_table_number(const pare_csv *c, size_t row, const char *column, double *out,
                             pare_err *e)
{
    const int at = pare_csv_column(c, column);
    if (at < 0)
        return pare_err_set(e, PARE_EINPUT, c->name, (pare_pos){0, 0},
                            "the table lacks the column '%s'", column);
    return pare_csv_real(c, row, at, 0, REAL_MAX_VALUE, out, e);
}

/* The row whose first column is `name`; n_rows if there is none. */
static size_t find_row(const pare_csv *c, const char *name)
{
    size_t row = 0;
    while (row < c->n_rows && strcmp(pare_csv_cell(c, row, 0), name)) row++;
    return row;
}

double sim_mix(double a, double b, double part)
{
    return a > 0 && b > 0 ? exp(log(a) * (1 - part) + log(b) * part) : a * (1 - part) + b * part;
}

/* ---- DRAM ---- */

static pare_status price_dram(pare_machine *m, pare_err *e)
{
    m->costs.dram_pj_per_bit = m->costs.dram_write_pj_per_bit = m->dram.pj_per_bit;
    if (m->dram.pj_per_bit > 0) return PARE_OK;
    pare_csv *csv = NULL;
    PARE_TRY(sim_table_load(m, "dram.kind", "dram", &csv, e));
    const size_t row = find_row(csv, m->dram.kind);
    pare_status status;
    if (row < csv->n_rows) {
        pare_costs *const c = &m->costs;
        status = sim_table_number(csv, row, "pj_per_bit", &c->dram_pj_per_bit, e);
        if (status == PARE_OK)
            status = sim_table_number(csv, row, "write_pj_per_bit", &c->dram_write_pj_per_bit, e);
        if (status == PARE_OK)
            status = sim_table_number(csv, row, "uncertainty_frac", &c->dram_uncertainty_frac, e);
    } else {
        pare_buf kinds = {0};
        for (size_t i = 0; i < csv->n_rows; i++)
            pare_buf_printf(&kinds, "%s%s", i ? ", " : "", pare_csv_cell(csv, i, 0));
        status = pare_yaml_error(m->yaml, "dram.kind", e, PARE_EINPUT,
                                 "dram.kind is '%s'; one of %s expected", m->dram.kind,
                                 kinds.text ? kinds.text : "");
        pare_buf_free(&kinds);
    }
    sim_table_done(m, csv);
    return status;
}

/* ---- the PE ---- */

/* Energy, area and leakage of one use or one instance. */
typedef struct part {
    double pj, um2, leakage_uw, node_nm;
    double uncertain_pj, uncertain_um2; /* of pj and um2 */
} part;

static pare_status find_part(const pare_machine *m, const pare_csv *c, const char *name, part *out,
                             pare_err *e)
{
    const size_t row = find_row(c, name);
    if (row == c->n_rows)
        return pare_yaml_error(m->yaml, "energy_base", e, PARE_EINPUT,
                               "energy_base '%s' has no row '%s'; a base that prices it expected",
                               m->energy_base, name);
    PARE_TRY(sim_table_number(c, row, "energy_pj", &out->pj, e));
    PARE_TRY(sim_table_number(c, row, "area_um2", &out->um2, e));
    PARE_TRY(sim_table_number(c, row, "leakage_uw", &out->leakage_uw, e));
    double uncertainty;
    PARE_TRY(sim_table_number(c, row, "uncertainty_frac", &uncertainty, e));
    out->uncertain_pj = uncertainty * out->pj;
    out->uncertain_um2 = uncertainty * out->um2;
    return sim_table_number(c, row, "node_nm", &out->node_nm, e);
}

static part add(part a, double times, part b)
{
    a.pj += times * b.pj;
    a.um2 += times * b.um2;
    a.leakage_uw += times * b.leakage_uw;
    a.uncertain_pj += times * b.uncertain_pj;
    a.uncertain_um2 += times * b.uncertain_um2;
    return a;
}

/* Bits of all adders of a tree that sums `lanes` products. */
static double tree_bits(double lanes, double width)
{
    double bits = 0;
    while (lanes > 1) {
        const double adders = floor(lanes / 2);
        bits += adders * width;
        lanes -= adders;
        width++;
    }
    return bits;
}

/* Operand registers per PE: a broadcast array latches a digit once per row (weights) and once per
 * column (activations) of a tile, a systolic one in every PE. */
static double register_bits(const pare_machine *m)
{
    const bool is_shared = m->array.delivery == PARE_BROADCAST;
    const bool is_row_shared = is_shared && m->mapping.row_inputs == PARE_ROWS_SHARE;
    const double weights = sim_pe_weight_port_bits(&m->pe), acts = sim_pe_act_port_bits(&m->pe);
    return m->pe.acc_bits + m->pe.lanes * (weights / (is_shared ? m->array.cols : 1) +
                                           acts / (is_row_shared ? m->array.rows : 1));
}

static pare_status price_lane(pare_machine *m, const pare_csv *c, part *lane, pare_err *e)
{
    const double a = sim_pe_act_port_bits(&m->pe), w = sim_pe_weight_port_bits(&m->pe);
    if (m->pe.style == PARE_PE_SPATIAL) {
        char name[64];
        const uint32_t max =
            m->pe.max_act_bits > m->pe.max_weight_bits ? m->pe.max_act_bits : m->pe.max_weight_bits;
        snprintf(name, sizeof name, "fusion_unit_%ux%u", max, m->pe.act_digit);
        PARE_TRY(find_part(m, c, name, lane, e));
        m->costs.lane_bit2_pj = lane->pj / (a * w);
        return PARE_OK;
    }
    part square = {0}, side = {0};
    PARE_TRY(find_part(m, c, "multiplier_bit2", &square, e));
    PARE_TRY(find_part(m, c, "multiplier_bit", &side, e));
    *lane = add(add((part){.node_nm = square.node_nm}, a * w, square), a + w, side);
    m->costs.lane_bit2_pj = square.pj;
    m->costs.lane_bit_pj = side.pj;
    return PARE_OK;
}

static double polynomial(const double a[3], double volts)
{
    return (a[0] * volts + a[1]) * volts + a[2];
}

/* Energy and area factors of a node against 130 nm at 0.9 V, interpolated log-log in the node. */
static pare_status node_factors(const pare_csv *c, double node_nm, double *energy, double *area,
                                pare_err *e)
{
    static const double volts = 0.9;
    double below[3] = {0}, above[3] = {0}; /* node, energy, area */
    for (size_t r = 0; r < c->n_rows; r++) {
        double node, a[3], area_factor;
        PARE_TRY(sim_table_number(c, r, "node_nm", &node, e));
        static const char *const columns[3] = {"energy_a2", "energy_a1", "energy_a0"};
        for (int i = 0; i < 3; i++)
            PARE_TRY(pare_csv_real(c, r, pare_csv_column(c, columns[i]), -REAL_MAX_VALUE,
                                   REAL_MAX_VALUE, &a[i], e));
        PARE_TRY(sim_table_number(c, r, "area_from_130", &area_factor, e));
        const double row[3] = {node, polynomial(a, volts), area_factor};
        if (node <= node_nm && node > below[0]) memcpy(below, row, sizeof row);
        if (node >= node_nm && (above[0] == 0 || node < above[0])) memcpy(above, row, sizeof row);
    }
    if (below[0] == 0) memcpy(below, above, sizeof below);
    if (above[0] == 0) memcpy(above, below, sizeof above);
    const double between =
        above[0] > below[0] ? log(node_nm / below[0]) / log(above[0] / below[0]) : 0;
    *energy = sim_mix(below[1], above[1], between);
    *area = sim_mix(below[2], above[2], between);
    return PARE_OK;
}

/* From the base's node to the machine's. Leakage follows area, for want of better data. */
static pare_status scale_to_node(const pare_machine *m, double from_nm, double *energy,
                                 double *area, double *uncertainty, pare_err *e)
{
    *energy = *area = 1;
    *uncertainty = 0;
    if (from_nm == m->node_nm) return PARE_OK;
    pare_csv *csv = NULL;
    PARE_TRY(sim_table_load(m, "node_nm", "scaling", &csv, e));
    double from_energy, from_area, to_energy = 1, to_area = 1;
    pare_status status = node_factors(csv, from_nm, &from_energy, &from_area, e);
    if (status == PARE_OK) status = node_factors(csv, m->node_nm, &to_energy, &to_area, e);
    if (status == PARE_OK) status = sim_table_number(csv, 0, "uncertainty_frac", uncertainty, e);
    sim_table_done(m, csv);
    PARE_TRY(status);
    *energy = to_energy / from_energy;
    *area = to_area / from_area;
    return PARE_OK;
}

static double fraction(double part_of, double whole) { return whole > 0 ? part_of / whole : 0; }

static pare_status price_pe(pare_machine *m, pare_err *e)
{
    char name[96];
    snprintf(name, sizeof name, "base_%s", m->energy_base);
    pare_csv *csv = NULL;
    PARE_TRY(sim_table_load(m, "energy_base", name, &csv, e));
    pare_status status;
    part lane = {0}, adder = {0}, bit = {0};
    double energy = 1, area = 1, node = 0;
    PARE_TRY_DONE(price_lane(m, csv, &lane, e));
    PARE_TRY_DONE(find_part(m, csv, "adder_bit", &adder, e));
    PARE_TRY_DONE(find_part(m, csv, "register_bit", &bit, e));
    PARE_TRY_DONE(scale_to_node(m, lane.node_nm, &energy, &area, &node, e));
    const double product_bits = sim_pe_act_port_bits(&m->pe) + sim_pe_weight_port_bits(&m->pe);
    const double adder_bits =
        m->pe.acc_bits +
        (m->pe.style == PARE_PE_TEMPORAL ? tree_bits(m->pe.lanes, product_bits) : 0);
    const part arithmetic = add(add((part){0}, m->pe.lanes, lane), adder_bits, adder);
    const part pe = add(arithmetic, register_bits(m), bit);
    const double n_pes = (double)m->array.tiles * m->array.rows * m->array.cols;
    pare_costs *const k = &m->costs;
    k->lane_pj = lane.pj * energy;
    k->lane_bit2_pj *= energy;
    k->lane_bit_pj *= energy;
    k->reduce_pj = adder_bits * adder.pj * energy;
    k->register_pj = register_bits(m) * bit.pj * energy;
    k->pe_um2 = pe.um2 * area;
    k->array_um2 = n_pes * k->pe_um2;
    k->array_leakage_mw = n_pes * pe.leakage_uw * area / 1000;
    k->pe_uncertainty_frac = fraction(arithmetic.uncertain_pj, arithmetic.pj) + node;
    k->register_uncertainty_frac = fraction(bit.uncertain_pj, bit.pj) + node;
    k->area_uncertainty_frac = fraction(pe.uncertain_um2, pe.um2) + node;
done:
    sim_table_done(m, csv);
    return status;
}

static void replace(double *cost, double own)
{
    if (own > 0) *cost = own;
}

/* Area and leakage of all, and how sure they are, once everything has its price. */
static void sum_up(pare_costs *c)
{
    c->buffers_um2 = c->buffers_leakage_mw = 0;
    for (int i = 0; i < 3; i++) {
        c->buffers_um2 += c->buffer_um2[i];
        c->buffers_leakage_mw += c->buffer_leakage_mw[i];
    }
    const double pe = c->area_uncertainty_frac, sram = c->buffer_uncertainty_frac;
    c->area_uncertainty_frac =
        fraction(pe * c->array_um2 + sram * c->buffers_um2, c->array_um2 + c->buffers_um2);
    c->leakage_uncertainty_frac = fraction(pe * c->array_leakage_mw + sram * c->buffers_leakage_mw,
                                           c->array_leakage_mw + c->buffers_leakage_mw);
}

pare_status sim_costs_load(pare_machine *m, pare_err *e)
{
    m->costs = (pare_costs){0};
    PARE_TRY(price_pe(m, e));
    PARE_TRY(sim_buffers_price(m, e));
    PARE_TRY(price_dram(m, e));
    PARE_TRY(sim_ert_apply(m, e));
    const pare_own_costs *const own = &m->own_costs;
    replace(&m->costs.core_pj, own->core_pj_per_cycle);
    replace(&m->costs.weight_read_pj_per_bit, own->weight_read_pj_per_bit);
    replace(&m->costs.weight_write_pj_per_bit, own->weight_write_pj_per_bit);
    replace(&m->costs.act_read_pj_per_bit, own->act_read_pj_per_bit);
    replace(&m->costs.act_write_pj_per_bit, own->act_write_pj_per_bit);
    replace(&m->costs.out_read_pj_per_bit, own->out_read_pj_per_bit);
    replace(&m->costs.out_write_pj_per_bit, own->out_write_pj_per_bit);
    sum_up(&m->costs);
    return PARE_OK;
}

/* ---- a layer ---- */

/* The multipliers of one multiply-accumulate, if bits that an operand does not use are gated: the
 * sum over all digit pairs, i x j bits wide, of i j bit2 + (i + j) bit. A fusion unit's one figure
 * is spread over the bit products of its bricks. */
static double gated_product_pj(const pare_machine *m, const pare_sim_job *job, const pe_rate *rate)
{
    const double a = job->act_bits, w = job->weight_bits;
    return a * w * m->costs.lane_bit2_pj +
           ((double)rate->weight_steps * a + (double)rate->act_steps * w) * m->costs.lane_bit_pj;
}

double sim_products_pj(const pare_machine *m, const pare_sim_job *job)
{
    pe_rate rate = {1, 1, 1};
    (void)sim_pe_rate(&m->pe, job->weight_bits, job->act_bits, &rate);
    const double macs = (double)pare_dims_macs(&job->dims);
    if (m->clock_gating == PARE_GATE_BITS) return macs * gated_product_pj(m, job, &rate);
    const double steps = (double)(rate.act_steps * rate.weight_steps);
    return macs * steps / (double)rate.lane_factor * m->costs.lane_pj;
}

static void add_array_energy(const pare_machine *m, double products_pj, const tile_totals *t,
                             pare_sim_stats *s)
{
    const pare_costs *const c = &m->costs;
    double pe_cycles = (double)t->pe_cycles;
    s->pe_pj = t->work.is_known ? (double)t->work.needed * c->lane_pj : products_pj;
    if (m->clock_gating == PARE_GATE_NONE) {
        const double lanes = (double)sim_array_lanes(m), cycles = (double)t->compute_cycles;
        pe_cycles = cycles * lanes / m->pe.lanes;
        s->pe_pj = cycles * lanes * c->lane_pj;
    }
    s->pe_pj += pe_cycles * c->reduce_pj;
    s->register_pj = pe_cycles * c->register_pj;
    if (c->core_pj > 0) {
        s->pe_pj = (double)t->compute_cycles * c->core_pj;
        s->register_pj = 0;
    }
}

double sim_energy_pj(const pare_machine *m, const pare_sim_job *job, const tile_totals *t,
                     uint64_t cycles, pare_sim_stats *parts)
{
    return sim_mapping_pj(m, sim_products_pj(m, job), t, cycles, parts);
}

double sim_mapping_pj(const pare_machine *m, double products_pj, const tile_totals *t,
                      uint64_t cycles, pare_sim_stats *parts)
{
    const pare_costs *const c = &m->costs;
    const double time_ns = (double)cycles * 1000 / m->clock_mhz; /* mW * ns = pJ */
    pare_sim_stats s;
    add_array_energy(m, products_pj, t, &s);
    s.weight_buffer_pj = (double)t->buffer_bits[0][0] * c->weight_read_pj_per_bit +
                         (double)t->buffer_bits[0][1] * c->weight_write_pj_per_bit;
    s.act_buffer_pj = (double)t->buffer_bits[1][0] * c->act_read_pj_per_bit +
                      (double)t->buffer_bits[1][1] * c->act_write_pj_per_bit;
    s.out_buffer_pj = (double)t->buffer_bits[2][0] * c->out_read_pj_per_bit +
                      (double)t->buffer_bits[2][1] * c->out_write_pj_per_bit;
    s.dram_weight_pj = (double)t->dram_weight_bits * c->dram_pj_per_bit;
    s.dram_act_pj = (double)t->dram_act_bits * c->dram_pj_per_bit;
    s.dram_out_pj =
        (double)(t->dram_out_bits + t->dram_psum_write_bits) * c->dram_write_pj_per_bit +
        (double)t->dram_psum_read_bits * c->dram_pj_per_bit;
    s.leakage_pj = (c->array_leakage_mw + c->buffers_leakage_mw) * time_ns;
    const double sum = s.pe_pj + s.register_pj + s.weight_buffer_pj + s.act_buffer_pj +
                       s.out_buffer_pj + s.dram_weight_pj + s.dram_act_pj + s.dram_out_pj +
                       s.leakage_pj;
    if (parts) {
        parts->pe_pj = s.pe_pj;
        parts->register_pj = s.register_pj;
        parts->weight_buffer_pj = s.weight_buffer_pj;
        parts->act_buffer_pj = s.act_buffer_pj;
        parts->out_buffer_pj = s.out_buffer_pj;
        parts->dram_weight_pj = s.dram_weight_pj;
        parts->dram_act_pj = s.dram_act_pj;
        parts->dram_out_pj = s.dram_out_pj;
        parts->leakage_pj = s.leakage_pj;
        parts->energy_pj = sum;
    }
    return sum;
}

double sim_energy_uncertainty(const pare_costs *c, const pare_sim_stats *s)
{
    const double uncertain_pj =
        s->pe_pj * c->pe_uncertainty_frac + s->register_pj * c->register_uncertainty_frac +
        (s->weight_buffer_pj + s->act_buffer_pj + s->out_buffer_pj) * c->buffer_uncertainty_frac +
        (s->dram_weight_pj + s->dram_act_pj + s->dram_out_pj) * c->dram_uncertainty_frac +
        s->leakage_pj * c->leakage_uncertainty_frac;
    return fraction(uncertain_pj, s->energy_pj);
}
