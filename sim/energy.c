/* Energy, leakage and area: the tables of traces/energy, looked up once per machine.
 * docs/energy.md lists every constant with its source. */
#include "sim/core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REAL_MAX_VALUE 1e12

static pare_status load_table(const pare_machine *m, const char *key, const char *table,
                              pare_csv **out, pare_err *e)
{
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
    return status;
}

/* The number of a named column; a missing column is an error. */
static pare_status number(const pare_csv *c, size_t row, const char *column, double *out,
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

/* ---- SRAM ---- */

typedef struct sram_point {
    double size_bytes, word_bits;
    double value[4]; /* read pJ, write pJ, leakage mW, area um2 */
} sram_point;

enum { SRAM_SIZES_MAX = 32, SRAM_WORDS_MAX = 16 };

typedef struct sram_table {
    double sizes[SRAM_SIZES_MAX], words[SRAM_WORDS_MAX]; /* ascending */
    size_t n_sizes, n_words;
    sram_point at[SRAM_SIZES_MAX][SRAM_WORDS_MAX];
    bool has[SRAM_SIZES_MAX][SRAM_WORDS_MAX];
} sram_table;

static size_t insert_sorted(double *list, size_t *n, size_t max, double x)
{
    size_t i = 0;
    while (i < *n && list[i] < x) i++;
    if ((i < *n && list[i] == x) || *n == max) return i;
    memmove(list + i + 1, list + i, (*n - i) * sizeof *list);
    list[i] = x;
    ++*n;
    return i;
}

static size_t index_of(const double *list, size_t n, double x)
{
    size_t i = 0;
    while (i < n && list[i] != x) i++;
    return i;
}

static pare_status read_sram(const pare_csv *c, sram_table *t, pare_err *e)
{
    static const char *const columns[4] = {"read_pj", "write_pj", "leakage_mw", "area_um2"};
    sram_point *const points = pare_xalloc(c->n_rows + 1, sizeof *points);
    pare_status status = PARE_OK;
    for (size_t r = 0; r < c->n_rows && status == PARE_OK; r++) {
        sram_point *const p = &points[r];
        status = number(c, r, "size_bytes", &p->size_bytes, e);
        if (status == PARE_OK) status = number(c, r, "word_bits", &p->word_bits, e);
        for (int i = 0; i < 4 && status == PARE_OK; i++)
            status = number(c, r, columns[i], &p->value[i], e);
        insert_sorted(t->sizes, &t->n_sizes, SRAM_SIZES_MAX, p->size_bytes);
        insert_sorted(t->words, &t->n_words, SRAM_WORDS_MAX, p->word_bits);
    }
    for (size_t r = 0; r < c->n_rows && status == PARE_OK; r++) {
        const size_t s = index_of(t->sizes, t->n_sizes, points[r].size_bytes);
        const size_t w = index_of(t->words, t->n_words, points[r].word_bits);
        if (s == t->n_sizes || w == t->n_words) continue;
        t->at[s][w] = points[r];
        t->has[s][w] = true;
    }
    if (status == PARE_OK && (!t->n_sizes || !t->n_words))
        status = pare_err_set(e, PARE_EINPUT, c->name, (pare_pos){0, 0},
                              "the table has no rows; SRAM sizes expected");
    free(points);
    return status;
}

/* The neighbours of x and how far it lies between them, on a logarithmic scale; clamped. */
static void bracket(const double *list, size_t n, double x, size_t *low, size_t *high, double *part)
{
    size_t i = 0;
    while (i + 1 < n && list[i + 1] <= x) i++;
    *low = i;
    *high = i + 1 < n ? i + 1 : i;
    *part = *low == *high || x <= list[i] ? 0 : log(x / list[i]) / log(list[*high] / list[i]);
}

/* A point that the table lacks (few words of a wide kind) is the next larger size that it has. */
static const sram_point *corner(const sram_table *t, size_t s, size_t w)
{
    while (s + 1 < t->n_sizes && !t->has[s][w]) s++;
    return &t->at[s][w];
}

static double mix(double a, double b, double part)
{
    return a > 0 && b > 0 ? exp(log(a) * (1 - part) + log(b) * part) : a * (1 - part) + b * part;
}

/* value[4] of a bank, log-log interpolated in size and word. */
static void look_up(const sram_table *t, double size_bytes, double word_bits, double value[4])
{
    size_t s0, s1, w0, w1;
    double ps, pw;
    bracket(t->sizes, t->n_sizes, size_bytes, &s0, &s1, &ps);
    bracket(t->words, t->n_words, word_bits, &w0, &w1, &pw);
    for (int i = 0; i < 4; i++) {
        const double narrow = mix(corner(t, s0, w0)->value[i], corner(t, s1, w0)->value[i], ps);
        const double wide = mix(corner(t, s0, w1)->value[i], corner(t, s1, w1)->value[i], ps);
        value[i] = mix(narrow, wide, pw);
    }
}

/* A buffer is as many banks side by side as its port needs, and as many one behind the other as
 * the table's largest bank requires; one bank of each column works at a time. */
static void price_buffer(pare_machine *m, const sram_table *t, uint64_t bytes, double port_bits,
                         double *read_pj_per_bit, double *write_pj_per_bit)
{
    const double word = m->buffers.word_bits;
    double banks = ceil(port_bits / word);
    const double largest = t->sizes[t->n_sizes - 1];
    if ((double)bytes / banks > largest) banks = ceil((double)bytes / largest);
    double value[4];
    look_up(t, (double)bytes / banks, word, value);
    *read_pj_per_bit = value[0] / word;
    *write_pj_per_bit = value[1] / word;
    m->costs.buffers_leakage_mw += value[2] * banks;
    m->costs.buffers_um2 += value[3] * banks;
}

static pare_status price_buffers(pare_machine *m, pare_err *e)
{
    static const char *const devices[] = {"itrs_lop", "itrs_lstp", "itrs_hp"};
    char name[64];
    snprintf(name, sizeof name, "sram_%unm_%s", m->node_nm, devices[m->buffers.device]);
    pare_csv *csv = NULL;
    PARE_TRY(load_table(m, "node_nm", name, &csv, e));
    sram_table *const t = pare_xalloc(1, sizeof *t);
    const pare_status status = read_sram(csv, t, e);
    if (status == PARE_OK) {
        const pare_array *const a = &m->array;
        const bool spread = m->mapping.tiles != PARE_HOLDS_FILTERS;
        const double tiles = a->tiles, lanes = m->pe.lanes;
        const double weight_port = tiles * a->rows * lanes * sim_pe_weight_port_bits(&m->pe);
        const double act_port =
            (spread ? tiles : 1) * a->cols * lanes * sim_pe_act_port_bits(&m->pe);
        pare_costs *const c = &m->costs;
        price_buffer(m, t, m->buffers.weight_bytes, weight_port, &c->weight_read_pj_per_bit,
                     &c->weight_write_pj_per_bit);
        price_buffer(m, t, m->buffers.act_bytes, act_port, &c->act_read_pj_per_bit,
                     &c->act_write_pj_per_bit);
        price_buffer(m, t, m->buffers.out_bytes, m->buffers.word_bits, &c->out_read_pj_per_bit,
                     &c->out_write_pj_per_bit);
    }
    free(t);
    pare_csv_free(csv);
    return status;
}

/* ---- DRAM ---- */

static pare_status price_dram(pare_machine *m, pare_err *e)
{
    m->costs.dram_pj_per_bit = m->dram.pj_per_bit;
    if (m->dram.pj_per_bit > 0) return PARE_OK;
    pare_csv *csv = NULL;
    PARE_TRY(load_table(m, "dram.kind", "dram", &csv, e));
    const size_t row = find_row(csv, m->dram.kind);
    pare_status status;
    if (row < csv->n_rows) {
        status = number(csv, row, "pj_per_bit", &m->costs.dram_pj_per_bit, e);
    } else {
        pare_buf kinds = {0};
        for (size_t i = 0; i < csv->n_rows; i++)
            pare_buf_printf(&kinds, "%s%s", i ? ", " : "", pare_csv_cell(csv, i, 0));
        status = pare_yaml_error(m->yaml, "dram.kind", e, PARE_EINPUT,
                                 "dram.kind is '%s'; one of %s expected", m->dram.kind,
                                 kinds.text ? kinds.text : "");
        pare_buf_free(&kinds);
    }
    pare_csv_free(csv);
    return status;
}

/* ---- the PE ---- */

/* Energy, area and leakage of one use or one instance. */
typedef struct part {
    double pj, um2, leakage_uw, node_nm;
} part;

static pare_status find_part(const pare_machine *m, const pare_csv *c, const char *name, part *out,
                             pare_err *e)
{
    const size_t row = find_row(c, name);
    if (row == c->n_rows)
        return pare_yaml_error(m->yaml, "energy_base", e, PARE_EINPUT,
                               "energy_base '%s' has no row '%s'; a base that prices it expected",
                               m->energy_base, name);
    PARE_TRY(number(c, row, "energy_pj", &out->pj, e));
    PARE_TRY(number(c, row, "area_um2", &out->um2, e));
    PARE_TRY(number(c, row, "leakage_uw", &out->leakage_uw, e));
    return number(c, row, "node_nm", &out->node_nm, e);
}

static part add(part a, double times, part b)
{
    a.pj += times * b.pj;
    a.um2 += times * b.um2;
    a.leakage_uw += times * b.leakage_uw;
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
    const double weights = sim_pe_weight_port_bits(&m->pe), acts = sim_pe_act_port_bits(&m->pe);
    return m->pe.acc_bits + m->pe.lanes * (weights / (is_shared ? m->array.cols : 1) +
                                           acts / (is_shared ? m->array.rows : 1));
}

static pare_status price_lane(const pare_machine *m, const pare_csv *c, part *lane, pare_err *e)
{
    const double a = sim_pe_act_port_bits(&m->pe), w = sim_pe_weight_port_bits(&m->pe);
    if (m->pe.style == PARE_PE_SPATIAL) {
        char name[64];
        const uint32_t max =
            m->pe.max_act_bits > m->pe.max_weight_bits ? m->pe.max_act_bits : m->pe.max_weight_bits;
        snprintf(name, sizeof name, "fusion_unit_%ux%u", max, m->pe.act_digit);
        return find_part(m, c, name, lane, e);
    }
    part square = {0}, side = {0};
    PARE_TRY(find_part(m, c, "multiplier_bit2", &square, e));
    PARE_TRY(find_part(m, c, "multiplier_bit", &side, e));
    *lane = add(add((part){.node_nm = square.node_nm}, a * w, square), a + w, side);
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
        PARE_TRY(number(c, r, "node_nm", &node, e));
        static const char *const columns[3] = {"energy_a2", "energy_a1", "energy_a0"};
        for (int i = 0; i < 3; i++)
            PARE_TRY(pare_csv_real(c, r, pare_csv_column(c, columns[i]), -REAL_MAX_VALUE,
                                   REAL_MAX_VALUE, &a[i], e));
        PARE_TRY(number(c, r, "area_from_130", &area_factor, e));
        const double row[3] = {node, polynomial(a, volts), area_factor};
        if (node <= node_nm && node > below[0]) memcpy(below, row, sizeof row);
        if (node >= node_nm && (above[0] == 0 || node < above[0])) memcpy(above, row, sizeof row);
    }
    if (below[0] == 0) memcpy(below, above, sizeof below);
    if (above[0] == 0) memcpy(above, below, sizeof above);
    const double between =
        above[0] > below[0] ? log(node_nm / below[0]) / log(above[0] / below[0]) : 0;
    *energy = mix(below[1], above[1], between);
    *area = mix(below[2], above[2], between);
    return PARE_OK;
}

/* From the base's node to the machine's. Leakage follows area, for want of better data. */
static pare_status scale_to_node(const pare_machine *m, double from_nm, double *energy,
                                 double *area, pare_err *e)
{
    *energy = *area = 1;
    if (from_nm == m->node_nm) return PARE_OK;
    pare_csv *csv = NULL;
    PARE_TRY(load_table(m, "node_nm", "scaling", &csv, e));
    double from_energy, from_area, to_energy = 1, to_area = 1;
    pare_status status = node_factors(csv, from_nm, &from_energy, &from_area, e);
    if (status == PARE_OK) status = node_factors(csv, m->node_nm, &to_energy, &to_area, e);
    pare_csv_free(csv);
    PARE_TRY(status);
    *energy = to_energy / from_energy;
    *area = to_area / from_area;
    return PARE_OK;
}

static pare_status price_pe(pare_machine *m, pare_err *e)
{
    char name[96];
    snprintf(name, sizeof name, "base_%s", m->energy_base);
    pare_csv *csv = NULL;
    PARE_TRY(load_table(m, "energy_base", name, &csv, e));
    pare_status status;
    part lane = {0}, adder = {0}, bit = {0};
    double energy = 1, area = 1;
    PARE_TRY_DONE(price_lane(m, csv, &lane, e));
    PARE_TRY_DONE(find_part(m, csv, "adder_bit", &adder, e));
    PARE_TRY_DONE(find_part(m, csv, "register_bit", &bit, e));
    PARE_TRY_DONE(scale_to_node(m, lane.node_nm, &energy, &area, e));
    const bool is_temporal = m->pe.style == PARE_PE_TEMPORAL;
    const double product_bits = sim_pe_act_port_bits(&m->pe) + sim_pe_weight_port_bits(&m->pe);
    const double adder_bits =
        m->pe.acc_bits + (is_temporal ? tree_bits(m->pe.lanes, product_bits) : 0);
    const part pe =
        add(add(add((part){0}, m->pe.lanes, lane), adder_bits, adder), register_bits(m), bit);
    const double n_pes = (double)m->array.tiles * m->array.rows * m->array.cols;
    m->costs.lane_pj = lane.pj * energy;
    m->costs.reduce_pj = adder_bits * adder.pj * energy;
    m->costs.register_pj = register_bits(m) * bit.pj * energy;
    m->costs.pe_um2 = pe.um2 * area;
    m->costs.array_um2 = n_pes * m->costs.pe_um2;
    m->costs.array_leakage_mw = n_pes * pe.leakage_uw * area / 1000;
done:
    pare_csv_free(csv);
    return status;
}

static void replace(double *cost, double own)
{
    if (own > 0) *cost = own;
}

pare_status sim_costs_load(pare_machine *m, pare_err *e)
{
    PARE_TRY(price_pe(m, e));
    PARE_TRY(price_buffers(m, e));
    PARE_TRY(price_dram(m, e));
    const pare_own_costs *const own = &m->own_costs;
    m->costs.core_pj = own->core_pj_per_cycle;
    replace(&m->costs.weight_read_pj_per_bit, own->weight_read_pj_per_bit);
    replace(&m->costs.weight_write_pj_per_bit, own->weight_write_pj_per_bit);
    replace(&m->costs.act_read_pj_per_bit, own->act_read_pj_per_bit);
    replace(&m->costs.act_write_pj_per_bit, own->act_write_pj_per_bit);
    replace(&m->costs.out_read_pj_per_bit, own->out_read_pj_per_bit);
    replace(&m->costs.out_write_pj_per_bit, own->out_write_pj_per_bit);
    return PARE_OK;
}

/* ---- a layer ---- */

double sim_energy_pj(const pare_machine *m, const pare_sim_job *job, const tile_totals *t,
                     uint64_t cycles, pare_sim_stats *parts)
{
    const pare_costs *const c = &m->costs;
    pe_rate rate = {1, 1, 1};
    (void)sim_pe_rate(&m->pe, job->weight_bits, job->act_bits, &rate);
    const double lane_cycles = t->work.is_known ? (double)t->work.needed
                                                : (double)pare_dims_macs(&job->dims) *
                                                      (double)(rate.act_steps * rate.weight_steps) /
                                                      (double)rate.lane_factor;
    const double time_ns = (double)cycles * 1000 / m->clock_mhz; /* mW * ns = pJ */
    pare_sim_stats s;
    s.pe_pj = lane_cycles * c->lane_pj + (double)t->pe_cycles * c->reduce_pj;
    s.register_pj = (double)t->pe_cycles * c->register_pj;
    if (c->core_pj > 0) {
        s.pe_pj = (double)t->compute_cycles * c->core_pj;
        s.register_pj = 0;
    }
    s.weight_buffer_pj = (double)t->buffer_bits[0][0] * c->weight_read_pj_per_bit +
                         (double)t->buffer_bits[0][1] * c->weight_write_pj_per_bit;
    s.act_buffer_pj = (double)t->buffer_bits[1][0] * c->act_read_pj_per_bit +
                      (double)t->buffer_bits[1][1] * c->act_write_pj_per_bit;
    s.out_buffer_pj = (double)t->buffer_bits[2][0] * c->out_read_pj_per_bit +
                      (double)t->buffer_bits[2][1] * c->out_write_pj_per_bit;
    s.dram_weight_pj = (double)t->dram_weight_bits * c->dram_pj_per_bit;
    s.dram_act_pj = (double)t->dram_act_bits * c->dram_pj_per_bit;
    s.dram_out_pj = (double)(t->dram_out_bits + t->dram_psum_write_bits + t->dram_psum_read_bits) *
                    c->dram_pj_per_bit;
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
