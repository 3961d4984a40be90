/* Machines of equal area, peak and bandwidth: the sizes by hand, and that no larger one fits. */
#include "gtck.h"
#include "sim/sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pare_machine *load(const char *name, const char *const *sets, size_t n)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    ck_assert_msg(pare_machine_load(path.text, sets, n, &m, &e) == PARE_OK, "%s", e.text);
    pare_buf_free(&path);
    return m;
}

static void normalize(pare_machine *m, const pare_machine *baseline, pare_normalize what)
{
    pare_err e = {0};
    ck_assert_msg(pare_machine_normalize(m, baseline, what, &e) == PARE_OK, "%s", e.text);
    ck_assert_ptr_nonnull(m->normalized);
}

START_TEST(names_of_what_is_made_equal)
{
    ck_assert_int_eq(pare_normalize_of("area"), PARE_NORMALIZE_AREA);
    ck_assert_int_eq(pare_normalize_of("peak"), PARE_NORMALIZE_PEAK);
    ck_assert_int_eq(pare_normalize_of("bandwidth"), PARE_NORMALIZE_BANDWIDTH);
    ck_assert_int_eq(pare_normalize_of("speed"), PARE_NORMALIZE_NOTHING);
}
END_TEST

/* stripes: 16 x 8 PEs x 16 lanes x 8 bit products = 16,384. A machine of 5 rows x 8 x 16 lanes x 16
 * products has 2,048 a row and cycle: 8 rows. One of 7 tiles of 5 rows x 1 x 16 lanes x 64 = 1,024
 * a row: 3 tiles of 5,120 (15,360) come nearer than 2 rows in each of 7 (14,336): 6.25 % less. 2
 * tiles of 2 such rows fill it as 8 tiles or as 8 rows: tiles. */
START_TEST(a_peak_by_hand)
{
    const char *const wide[] = {"array.rows=5", "pe.weight_digit=16", "pe.max_weight_bits=16"};
    const char *const tiles[] = {"array.tiles=7", "array.rows=5", "array.cols=1", "pe.act_digit=8"};
    pare_machine *const base = load("stripes", NULL, 0), *const one = load("stripes", wide, 3),
                        *const many = load("stripes", tiles, 4);
    normalize(one, base, PARE_NORMALIZE_PEAK);
    ck_assert_uint_eq(one->array.rows, 8);
    ck_assert_uint_eq(one->array.tiles, 1);
    ck_assert_str_eq(one->normalized,
                     "normalised to the peak of 1 b x 1 b products of stripes, 8.192 T/s: stripes "
                     "with array.rows 8 instead of 5 has 8.192, 0 % less");
    normalize(many, base, PARE_NORMALIZE_PEAK);
    ck_assert_uint_eq(many->array.tiles, 3);
    ck_assert_uint_eq(many->array.rows, 5);
    ck_assert_uint_eq(pare_machine_peak_bit_products(many), 15360);
    ck_assert_ptr_nonnull(strstr(many->normalized, "6.2 % less"));
    const char *const few[] = {"array.tiles=2", "array.rows=2", "array.cols=1", "pe.act_digit=8"};
    pare_machine *const tie = load("stripes", few, 4);
    normalize(tie, base, PARE_NORMALIZE_PEAK);
    ck_assert_uint_eq(tie->array.tiles, 8);
    ck_assert_uint_eq(tie->array.rows, 2);
    pare_machine_free(tie);
    pare_machine_free(base);
    pare_machine_free(one);
    pare_machine_free(many);
}
END_TEST

/* a second counts: at twice the clock half of the array has the same peak */
START_TEST(a_faster_clock_needs_fewer_rows)
{
    const char *const fast[] = {"clock_mhz=1000"};
    pare_machine *const base = load("stripes", NULL, 0), *const m = load("stripes", fast, 1);
    normalize(m, base, PARE_NORMALIZE_PEAK);
    ck_assert_uint_eq(m->array.rows, 8);
    pare_machine_free(base);
    pare_machine_free(m);
}
END_TEST

/* dadn: 256 lanes x 16 rows x 16 tiles of 256 products at twice the clock: 1 tile of 2 rows */
START_TEST(a_far_larger_machine_loses_tiles_and_rows)
{
    pare_machine *const base = load("stripes", NULL, 0), *const m = load("dadn", NULL, 0);
    normalize(m, base, PARE_NORMALIZE_PEAK);
    ck_assert_uint_eq(m->array.tiles, 1);
    ck_assert_uint_eq(m->array.rows, 2);
    pare_machine_free(base);
    pare_machine_free(m);
}
END_TEST

/* 500 MHz x 128 bits = 64 Gbit/s; at 300 MHz 213.33 bits a cycle: 213 */
START_TEST(a_bandwidth_by_hand)
{
    const char *const slow[] = {"clock_mhz=300"};
    pare_machine *const base = load("stripes", NULL, 0), *const m = load("loom1", slow, 1);
    normalize(m, base, PARE_NORMALIZE_BANDWIDTH);
    ck_assert_uint_eq(m->dram.bits_per_cycle, 213);
    ck_assert_uint_eq(m->array.tiles, 8);
    ck_assert_ptr_nonnull(strstr(m->normalized, "0.16 % less"));
    pare_machine_free(base);
    pare_machine_free(m);
}
END_TEST

/* the area fits, one row more would not, and costs are those of the new size */
static void check_area(const char *name, const char *baseline)
{
    char set[64], one_more[64];
    pare_machine *const base = load(baseline, NULL, 0), *const m = load(name, NULL, 0);
    normalize(m, base, PARE_NORMALIZE_AREA);
    const double limit = pare_machine_area_um2(base);
    ck_assert_double_le(pare_machine_area_um2(m), limit * (1 + 1e-12));
    const char *const sets[] = {set, one_more};
    snprintf(set, sizeof set, "array.tiles=%u", m->array.tiles);
    snprintf(one_more, sizeof one_more, "array.rows=%u", m->array.rows);
    pare_machine *const same = load(name, sets, 2);
    ck_assert_double_eq(pare_machine_area_um2(same), pare_machine_area_um2(m));
    ck_assert_double_eq(same->costs.weight_read_pj_per_bit, m->costs.weight_read_pj_per_bit);
    snprintf(one_more, sizeof one_more, "array.rows=%u", m->array.rows + 1);
    pare_machine *const larger = load(name, sets, 2);
    ck_assert_double_gt(pare_machine_area_um2(larger), limit);
    pare_machine_free(base);
    pare_machine_free(m);
    pare_machine_free(same);
    pare_machine_free(larger);
}

START_TEST(the_largest_area_that_fits)
{
    check_area("bitparallel8", "stripes");
    check_area("loom2", "loom1");
    check_area("bitfusion", "loom1");
    check_area("loom1", "dadn");
}
END_TEST

START_TEST(equal_machines_stay_as_they_are)
{
    pare_machine *const base = load("loom4", NULL, 0), *const m = load("loom4", NULL, 0);
    for (int what = PARE_NORMALIZE_AREA; what <= PARE_NORMALIZE_BANDWIDTH; what++) {
        normalize(m, base, (pare_normalize)what);
        ck_assert_uint_eq(m->array.tiles, base->array.tiles);
        ck_assert_uint_eq(m->array.rows, base->array.rows);
        ck_assert_uint_eq(m->dram.bits_per_cycle, base->dram.bits_per_cycle);
        ck_assert_ptr_nonnull(strstr(m->normalized, "as it is"));
        ck_assert_ptr_nonnull(strstr(m->normalized, " 0 % less"));
    }
    pare_machine_free(base);
    pare_machine_free(m);
}
END_TEST

/* 8 MiB of buffers do not fit into the area of the smallest machine */
START_TEST(what_cannot_shrink_is_an_error)
{
    pare_machine *const base = load("stripes", NULL, 0), *const m = load("dadn", NULL, 0);
    pare_err e = {0};
    ck_assert_int_eq(pare_machine_normalize(m, base, PARE_NORMALIZE_AREA, &e), PARE_EINPUT);
    ck_assert_ptr_nonnull(strstr(e.file, "dadn.machine.yaml"));
    ck_assert_uint_gt(e.line, 0);
    ck_assert_str_eq(e.text, "even with one tile of one row and column machine 'dadn' exceeds the "
                             "area of PEs and buffers of stripes, 1.48 mm2; a larger first machine "
                             "expected");
    ck_assert_uint_eq(m->array.tiles, 16);
    pare_machine_free(base);
    pare_machine_free(m);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {names_of_what_is_made_equal,
                                  a_peak_by_hand,
                                  a_faster_clock_needs_fewer_rows,
                                  a_far_larger_machine_loses_tiles_and_rows,
                                  a_bandwidth_by_hand,
                                  the_largest_area_that_fits,
                                  equal_machines_stay_as_they_are,
                                  what_cannot_shrink_is_an_error,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Normalize", .tests = tests}};
    return gtck_main(argc, argv, "sim_normalize", cases, sizeof cases / sizeof *cases);
}
