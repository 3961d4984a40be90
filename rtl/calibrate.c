/* Least squares over the kinds of PE: what each part must cost so that the PEs cost what their
 * gates do. */
#include "rtl/calibrate.h"

#include <math.h>
#include <string.h>

const char *const pare_part_names[PARE_N_PARTS] = {"multiplier_bit2", "multiplier_bit", "adder_bit",
                                                   "register_bit"};
static const char *const columns[PARE_QUANTITIES] = {"cycle_energy_ratio", "area_ratio",
                                                     "leakage_ratio"};
static const char *const base_columns[PARE_QUANTITIES] = {"energy_pj", "area_um2", "leakage_uw"};
enum { ENERGY, MAX_ROWS = 1024 };
#define MAX_COST    1e12
#define FUSION_UNIT "fusion_unit_8x2"

/* Bits of all adders of a tree that sums `lanes` products. */
static double tree_bits(uint32_t lanes, uint32_t width)
{
    double bits = 0;
    for (; lanes > 1; lanes -= lanes / 2, width++) bits += (double)(lanes / 2) * width;
    return bits;
}

/* Operand registers are at an array's edge, not in the PE. */
void pare_part_counts(const pare_dut_kind *k, double counts[PARE_N_PARTS])
{
    const double lanes = k->lanes, a = k->act_digit, w = k->weight_digit;
    const bool has_lanes = k->pe == PARE_DUT_temporal; /* a fusion unit has a price of its own */
    counts[PARE_PART_BIT2] = has_lanes ? lanes * a * w : 0;
    counts[PARE_PART_BIT] = has_lanes ? lanes * (a + w) : 0;
    counts[PARE_PART_ADDER] =
        k->acc_bits + (has_lanes ? tree_bits(k->lanes, k->act_digit + k->weight_digit) : 0);
    counts[PARE_PART_REGISTER] = k->acc_bits;
}

/* ---- least squares ---- */

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < PARE_N_PARTS; i++) sum += a[i] * b[i];
    return sum;
}

/* Gauss with the largest pivot; false if there is none. */
static bool solve(double m[PARE_N_PARTS][PARE_N_PARTS + 1], int n, double *x)
{
    for (int c = 0; c < n; c++) {
        int pivot = c;
        for (int r = c + 1; r < n; r++)
            if (fabs(m[r][c]) > fabs(m[pivot][c])) pivot = r;
        if (fabs(m[pivot][c]) < 1e-9 * (1 + fabs(m[0][0]))) return false;
        for (int k = 0; k <= n; k++) {
            const double t = m[c][k];
            m[c][k] = m[pivot][k];
            m[pivot][k] = t;
        }
        for (int r = 0; r < n; r++)
            for (int k = n; r != c && k >= c; k--) m[r][k] -= m[c][k] * m[r][c] / m[c][c];
    }
    for (int c = 0; c < n; c++) x[c] = m[c][n] / m[c][c];
    return true;
}

/* The parts of `mask` alone; the sum of squares, or infinity if one would be negative. */
static double fit_some(double (*counts)[PARE_N_PARTS], const double *y, size_t n, unsigned mask,
                       double x[PARE_N_PARTS])
{
    double m[PARE_N_PARTS][PARE_N_PARTS + 1] = {{0}}, some[PARE_N_PARTS];
    int part[PARE_N_PARTS] = {0}, n_some = 0;
    for (int i = 0; i < PARE_N_PARTS; i++)
        if (mask >> i & 1) part[n_some++] = i;
    for (size_t r = 0; r < n; r++)
        for (int i = 0; i < n_some; i++) {
            const double f = counts[r][part[i]] / y[r];
            for (int k = 0; k < n_some; k++) m[i][k] += f * counts[r][part[k]] / y[r];
            m[i][n_some] += f;
        }
    if (!solve(m, n_some, some)) return INFINITY;
    memset(x, 0, PARE_N_PARTS * sizeof *x);
    for (int i = 0; i < n_some; i++) {
        if (some[i] < 0) return INFINITY;
        x[part[i]] = some[i];
    }
    double squares = 0;
    for (size_t r = 0; r < n; r++) {
        const double error = dot(counts[r], x) / y[r] - 1;
        squares += error * error;
    }
    return squares;
}

bool pare_fit_parts(double (*counts)[PARE_N_PARTS], const double *y, size_t n,
                    double x[PARE_N_PARTS], double *worst)
{
    double least = INFINITY, candidate[PARE_N_PARTS];
    for (size_t r = 0; r < n; r++)
        if (!(y[r] > 0)) return false;
    /* few parts: every subset that may be positive is tried. An adder tree grows with a + w as
     * multiplier_bit does, so the PEs cannot tell the two apart: the adders take both. */
    for (unsigned mask = 1; mask < 1u << PARE_N_PARTS; mask++) {
        if (mask >> PARE_PART_BIT & 1) continue;
        const double squares = fit_some(counts, y, n, mask, candidate);
        if (squares >= least * (1 - 1e-9)) continue;
        least = squares;
        memcpy(x, candidate, sizeof candidate);
    }
    *worst = 0;
    for (size_t r = 0; r < n && least < INFINITY; r++)
        *worst = fmax(*worst, fabs(dot(counts[r], x) / y[r] - 1));
    return least < INFINITY;
}

/* ---- the tables ---- */

/* A row of the table that counts: uniform operands, not a layer's. */
static const pare_dut_kind *kind_of(const pare_csv *t, size_t row)
{
    const int operands = pare_csv_column(t, "operands");
    if (strcmp(pare_csv_cell(t, row, operands), "uniform")) return NULL;
    return pare_dut_kind_find(pare_csv_cell(t, row, pare_csv_column(t, "kind")));
}

static pare_status number(const pare_csv *t, size_t row, const char *column, double *out,
                          pare_err *e)
{
    return pare_csv_real(t, row, pare_csv_column(t, column), 0, MAX_COST, out, e);
}

static pare_status check_columns(const pare_csv *t, const char *const *names, size_t n, pare_err *e)
{
    for (size_t i = 0; i < n; i++)
        if (pare_csv_column(t, names[i]) < 0)
            return pare_err_set(e, PARE_EINPUT, t->name, (pare_pos){t->header_line, 1},
                                "no column '%s'; a table of pare-cosim characterize and a base of "
                                "energies expected",
                                names[i]);
    return PARE_OK;
}

static pare_status anchor_part(const pare_csv *anchor, const char *name, int quantity, double *out,
                               pare_err *e)
{
    size_t row = 0;
    while (row < anchor->n_rows && strcmp(pare_csv_cell(anchor, row, 0), name)) row++;
    if (row < anchor->n_rows) return number(anchor, row, base_columns[quantity], out, e);
    return pare_err_set(e, PARE_EINPUT, anchor->name, (pare_pos){0, 0}, "the base has no row '%s'",
                        name);
}

/* What the bit-parallel PE costs under the anchor. */
static pare_status anchor_cost(const pare_csv *anchor, int quantity, double *out, pare_err *e)
{
    double counts[PARE_N_PARTS], costs[PARE_N_PARTS];
    pare_part_counts(pare_dut_kind_find("bitparallel"), counts);
    for (int i = 0; i < PARE_N_PARTS; i++)
        PARE_TRY(anchor_part(anchor, pare_part_names[i], quantity, &costs[i], e));
    *out = dot(counts, costs);
    return PARE_OK;
}

static pare_status fit_quantity(const pare_csv *t, int quantity, double scale,
                                pare_calibration *out, pare_err *e)
{
    double counts[MAX_ROWS][PARE_N_PARTS], y[MAX_ROWS] = {0};
    double fusion = 0;
    size_t n = 0, n_fusion = 0;
    uint32_t fusion_units = 1;
    double fusion_counts[PARE_N_PARTS] = {0};
    for (size_t r = 0; r < t->n_rows && n < MAX_ROWS; r++) {
        const pare_dut_kind *const kind = kind_of(t, r);
        double ratio;
        if (!kind || kind->pe == PARE_DUT_term) continue; /* its time depends on values */
        PARE_TRY(number(t, r, columns[quantity], &ratio, e));
        if (kind->pe == PARE_DUT_fusion) {
            fusion += ratio;
            n_fusion++;
            fusion_units = kind->lanes;
            pare_part_counts(kind, fusion_counts);
            continue;
        }
        pare_part_counts(kind, counts[n]);
        y[n++] = ratio;
    }
    double x[PARE_N_PARTS];
    if (n < PARE_N_PARTS || !n_fusion || !pare_fit_parts(counts, y, n, x, &out->worst[quantity]))
        return pare_err_set(e, PARE_EINPUT, t->name, (pare_pos){0, 0},
                            "too few kinds to fit %s; the temporal ones and fusion with uniform "
                            "operands expected",
                            columns[quantity]);
    for (int i = 0; i < PARE_N_PARTS; i++) out->part[quantity][i] = x[i] * scale;
    const double units = fusion / (double)n_fusion - dot(fusion_counts, x);
    out->fusion[quantity] = fmax(units, 0) / fusion_units * scale;
    return PARE_OK;
}

pare_status pare_calibrate(const pare_csv *table, const pare_csv *anchor, pare_calibration *out,
                           pare_err *e)
{
    static const char *const needed[] = {"kind",         "operands",           "act_bits",
                                         "weight_bits",  "cycle_energy_ratio", "area_ratio",
                                         "leakage_ratio"};
    *out = (pare_calibration){0};
    PARE_TRY(check_columns(table, needed, sizeof needed / sizeof *needed, e));
    PARE_TRY(check_columns(anchor, base_columns, PARE_QUANTITIES, e));
    for (int i = 0; i < PARE_N_PARTS; i++)
        PARE_TRY(anchor_part(anchor, pare_part_names[i], ENERGY, &out->anchor_pj[i], e));
    PARE_TRY(anchor_part(anchor, FUSION_UNIT, ENERGY, &out->anchor_fusion_pj, e));
    for (int q = 0; q < PARE_QUANTITIES; q++) {
        double scale;
        PARE_TRY(anchor_cost(anchor, q, &scale, e));
        PARE_TRY(fit_quantity(table, q, scale, out, e));
    }
    return PARE_OK;
}

/* ---- what is written ---- */

void pare_calibration_write(const pare_calibration *c, const char *anchor, const char *table,
                            pare_buf *out)
{
    pare_buf_printf(
        out,
        "# The parts of a PE as docs/energy.md counts them, at the ratios of our own gates: a fit "
        "to "
        "the temporal PEs and the fusion PE of %s,\n"
        "# scaled so that the bit-parallel PE of 16 lanes costs what base_%s says "
        "(pare-cosim calibrate; docs/rtl.md says how well it fits).\n"
        "component,energy_pj,area_um2,leakage_uw,node_nm,uncertainty_frac,status,source\n",
        table, anchor);
    /* the anchor's, or the fit's if that is larger */
    const double uncertainty = fmax(0.5, ceil(c->worst[ENERGY] * 20) / 20);
    for (int i = 0; i < PARE_N_PARTS; i++)
        pare_buf_printf(out,
                        "%s,%.6g,%.5g,%.4g,45,%.2f,DERIVED,\"pare-cosim characterize on "
                        "qflow-tech-osu018; absolute values: base_%s\"\n",
                        pare_part_names[i], c->part[0][i], c->part[1][i], c->part[2][i],
                        uncertainty, anchor);
    pare_buf_printf(out,
                    FUSION_UNIT ",%.6g,%.5g,%.4g,45,%.2f,DERIVED,\"the same; mean over 2, 4 and "
                                "8 bits of either operand\"\n",
                    c->fusion[0], c->fusion[1], c->fusion[2], uncertainty);
}

/* Energy of a cycle, relative to the bit-parallel PE's, as the parts say. */
static double cycle_of(const double *parts, double fusion_unit, const pare_dut_kind *kind)
{
    double counts[PARE_N_PARTS], base[PARE_N_PARTS];
    pare_part_counts(kind, counts);
    pare_part_counts(pare_dut_kind_find("bitparallel"), base);
    const double units = kind->pe == PARE_DUT_fusion ? kind->lanes * fusion_unit : 0;
    return (dot(counts, parts) + units) / dot(base, parts);
}

void pare_calibration_explain(const pare_calibration *c, const pare_csv *t, pare_buf *out)
{
    pare_buf_puts(
        out, "energy of a cycle, bitparallel at 8 x 8 bits = 1\n"
             "kind          act  weight     gates     base  base/gates   anchor  anchor/gates\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        const pare_dut_kind *const kind = kind_of(t, r);
        double gates;
        if (!kind || kind->pe == PARE_DUT_term ||
            number(t, r, "cycle_energy_ratio", &gates, NULL) != PARE_OK)
            continue;
        const double base = cycle_of(c->part[ENERGY], c->fusion[ENERGY], kind);
        const double anchor = cycle_of(c->anchor_pj, c->anchor_fusion_pj, kind);
        pare_buf_printf(out, "%-12s %4s %7s %9.3f %8.3f %11.2f %8.3f %13.2f\n", kind->name,
                        pare_csv_cell(t, r, pare_csv_column(t, "act_bits")),
                        pare_csv_cell(t, r, pare_csv_column(t, "weight_bits")), gates, base,
                        base / gates, anchor, anchor / gates);
    }
    pare_buf_printf(out, "largest error: energy %.0f %%, area %.0f %%, leakage %.0f %%\n",
                    100 * c->worst[0], 100 * c->worst[1], 100 * c->worst[2]);
}
