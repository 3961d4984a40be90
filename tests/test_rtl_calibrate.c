/* The fit of an energy base: parts that are known must come out again. */
#include "gtck.h"
#include "rtl/calibrate.h"

#include <math.h>
#include <string.h>

static const char *const ANCHOR =
    "component,energy_pj,area_um2,leakage_uw\nmultiplier_bit2,0.01,4,0.2\n"
    "multiplier_bit,0,0,0\nadder_bit,0.02,10,0.1\nregister_bit,0.03,20,0.5\nfusion_unit_8x2,1,1,"
    "1\n";
static const char *const KINDS[] = {"bitparallel", "stripes", "unpu", "loom1", "loom2", "loom4"};
enum { N_KINDS = 6 };

static pare_csv *parse(const char *text)
{
    pare_csv *csv;
    pare_err e = {0};
    if (pare_csv_parse("t.csv", text, strlen(text), &csv, &e) != PARE_OK)
        ck_abort_msg("%s", e.text);
    return csv;
}

static double cost(const char *name, const double parts[PARE_N_PARTS])
{
    double counts[PARE_N_PARTS], sum = 0;
    pare_part_counts(pare_dut_kind_find(name), counts);
    for (int i = 0; i < PARE_N_PARTS; i++) sum += counts[i] * parts[i];
    return sum;
}

START_TEST(parts_are_counted_as_the_simulator_does)
{
    double counts[PARE_N_PARTS];
    pare_part_counts(pare_dut_kind_find("loom2"), counts);
    ck_assert_double_eq(counts[PARE_PART_BIT2], 16 * 2 * 1);
    ck_assert_double_eq(counts[PARE_PART_BIT], 16 * 3);
    /* 8 adders of 3 bits, 4 of 4, 2 of 5, 1 of 6, and the accumulator's 32 */
    ck_assert_double_eq(counts[PARE_PART_ADDER], 8 * 3 + 4 * 4 + 2 * 5 + 6 + 32);
    ck_assert_double_eq(counts[PARE_PART_REGISTER], 32);
    pare_part_counts(pare_dut_kind_find("fusion"), counts);
    ck_assert_double_eq(counts[PARE_PART_BIT2], 0);
    ck_assert_double_eq(counts[PARE_PART_ADDER], 32);
}
END_TEST

START_TEST(known_parts_come_out_again)
{
    const double truth[PARE_N_PARTS] = {0.3, 0, 0.5, 0.7};
    double counts[N_KINDS][PARE_N_PARTS], y[N_KINDS], x[PARE_N_PARTS], worst;
    for (int i = 0; i < N_KINDS; i++) {
        pare_part_counts(pare_dut_kind_find(KINDS[i]), counts[i]);
        y[i] = cost(KINDS[i], truth);
    }
    ck_assert(pare_fit_parts(counts, y, N_KINDS, x, &worst));
    ck_assert_double_lt(worst, 1e-9);
    for (int i = 0; i < N_KINDS; i++) ck_assert_double_eq_tol(cost(KINDS[i], x), y[i], 1e-9 * y[i]);
    /* a part that pulls the other way is left out, not negative */
    for (int i = 0; i < N_KINDS; i++) y[i] -= 0.02 * counts[i][PARE_PART_ADDER] - 1;
    for (int i = 0; i < N_KINDS; i++) y[i] = fmax(y[i], 1);
    ck_assert(pare_fit_parts(counts, y, N_KINDS, x, &worst));
    for (int i = 0; i < PARE_N_PARTS; i++) ck_assert_double_ge(x[i], 0);
    y[2] = 0;
    ck_assert(!pare_fit_parts(counts, y, N_KINDS, x, &worst));
}
END_TEST

static void put_row(pare_buf *s, const char *kind, const char *operands, double ratio)
{
    pare_buf_printf(s, "%s,%s,8,8,%.17g,%.17g,%.17g\n", kind, operands, ratio, ratio, ratio);
}

START_TEST(a_base_keeps_the_ratios_and_the_anchor)
{
    const double truth[PARE_N_PARTS] = {0.3, 0, 0.5, 0.7};
    const double anchor_pj[PARE_N_PARTS] = {0.01, 0, 0.02, 0.03};
    const double one = cost("bitparallel", truth), fusion_unit = 11;
    pare_buf s = {0};
    pare_buf_puts(&s, "kind,operands,act_bits,weight_bits,cycle_energy_ratio,area_ratio,"
                      "leakage_ratio\n");
    for (int i = 0; i < N_KINDS; i++) put_row(&s, KINDS[i], "uniform", cost(KINDS[i], truth) / one);
    put_row(&s, "fusion", "uniform", (cost("fusion", truth) + 16 * fusion_unit) / one);
    put_row(&s, "naf", "uniform", 5); /* neither of these counts */
    put_row(&s, "stripes", "conv1", 0.01);
    pare_csv *const table = parse(s.text), *const anchor = parse(ANCHOR);
    pare_calibration c;
    pare_err e = {0};
    if (pare_calibrate(table, anchor, &c, &e) != PARE_OK) ck_abort_msg("%s", e.text);
    const double pj = cost("bitparallel", anchor_pj);
    for (int i = 0; i < N_KINDS; i++)
        ck_assert_double_eq_tol(cost(KINDS[i], c.part[0]), cost(KINDS[i], truth) / one * pj,
                                1e-9 * pj);
    ck_assert_double_eq_tol(c.fusion[0], fusion_unit / one * pj, 1e-9 * pj);
    ck_assert_double_lt(c.worst[0], 1e-9);

    pare_buf text = {0};
    pare_calibration_write(&c, "demo", "t.csv", &text);
    pare_csv *const base = parse(text.text);
    ck_assert_uint_eq(base->n_rows, PARE_N_PARTS + 1);
    for (int i = 0; i < PARE_N_PARTS; i++)
        ck_assert_str_eq(pare_csv_cell(base, (size_t)i, 0), pare_part_names[i]);
    pare_csv_free(base);
    pare_csv_free(table);
    pare_csv_free(anchor);
    pare_buf_free(&text);
    pare_buf_free(&s);
}
END_TEST

START_TEST(a_table_without_kinds_is_refused)
{
    pare_csv *const anchor = parse(ANCHOR);
    const char *const bad[] = {
        "kind,act_bits\nloom1,8\n",
        "no column 'operands'; a table of pare-cosim characterize and a base of energies expected",
        "kind,operands,act_bits,weight_bits,cycle_energy_ratio,area_ratio,leakage_ratio\n"
        "loom1,uniform,8,8,1,1,1\n",
        "too few kinds to fit cycle_energy_ratio; the temporal ones and fusion with uniform "
        "operands expected"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i += 2) {
        pare_csv *const table = parse(bad[i]);
        pare_calibration c;
        pare_err e = {0};
        ck_assert_int_eq(pare_calibrate(table, anchor, &c, &e), PARE_EINPUT);
        ck_assert_str_eq(e.text, bad[i + 1]);
        pare_csv_free(table);
    }
    pare_csv_free(anchor);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {
        parts_are_counted_as_the_simulator_does, known_parts_come_out_again,
        a_base_keeps_the_ratios_and_the_anchor, a_table_without_kinds_is_refused, NULL};
    const gtck_case cases[] = {{.suite = "Calibrate", .tests = tests}};
    return gtck_main(argc, argv, "rtl_calibrate", cases, sizeof cases / sizeof *cases);
}
