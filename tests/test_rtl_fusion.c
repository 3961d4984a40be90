/* The fusion PE by hand: closed forms in every mode, where operands stand on the pins, the cycle
 * edge. */
#include "gtck.h"
#include "rtl/cosim.h"

#include <string.h>

enum { UNITS = 16 };

typedef struct bench {
    pare_dut *dut;
    pare_dut_in in;
    pare_dut_out out;
    uint32_t act[UNITS], weight[UNITS];
} bench;

static void bench_open(bench *b)
{
    memset(b, 0, sizeof *b);
    const pare_dut_kind *const kind = pare_dut_kind_find("fusion");
    ck_assert_ptr_nonnull(kind);
    ck_assert_uint_eq(kind->lanes, UNITS);
    b->dut = pare_dut_new(kind, 1);
    b->in = (pare_dut_in){.act_bits = 8, .weight_bits = 8, .act = b->act, .weight = b->weight};
}

static void bench_close(bench *b)
{
    ck_assert(!pare_dut_failed(b->dut));
    pare_dut_free(b->dut);
}

static void cycle(bench *b, bool valid, bool ready)
{
    b->in.valid = valid;
    b->in.ready = ready;
    pare_dut_cycle(b->dut, &b->in, &b->out);
}

/* a dot product of one step */
static int64_t compute(bench *b, uint32_t act_bits, uint32_t weight_bits)
{
    b->in.act_bits = act_bits;
    b->in.weight_bits = weight_bits;
    b->in.dot_first = b->in.dot_last = true;
    cycle(b, true, true);
    ck_assert(b->out.ready);
    cycle(b, false, true);
    ck_assert(b->out.valid);
    return b->out.sum;
}

START_TEST(all_ones_in_every_mode)
{
    /* all bits set: -1 * -1, or the largest unsigned product, in each of the products */
    bench b;
    bench_open(&b);
    memset(b.act, 0xff, sizeof b.act);
    memset(b.weight, 0xff, sizeof b.weight);
    for (uint32_t a = 2; a <= 8; a *= 2)
        for (uint32_t w = 2; w <= 8; w *= 2) {
            const int64_t n = UNITS * (8 / a) * (8 / w);
            b.in.act_signed = b.in.weight_signed = true;
            ck_assert_int_eq(compute(&b, a, w), n);
            b.in.weight_signed = false;
            ck_assert_int_eq(compute(&b, a, w), -n * ((1 << w) - 1));
            b.in.act_signed = false;
            ck_assert_int_eq(compute(&b, a, w), n * ((1 << a) - 1) * ((1 << w) - 1));
        }
    bench_close(&b);
}
END_TEST

START_TEST(bits_are_rounded_up_to_2_4_8)
{
    bench b;
    bench_open(&b);
    memset(b.act, 0x11, sizeof b.act); /* 1 in each four bits */
    memset(b.weight, 0x01, sizeof b.weight);
    const struct {
        uint32_t act_bits;
        int64_t sum;
    } cases[] = {{3, 2}, {4, 2}, {5, 0x11}, {6, 0x11}, {7, 0x11}, {8, 0x11}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(compute(&b, cases[i].act_bits, 8), UNITS * cases[i].sum);
    /* 1 in the even places of two bits, against 4 weights of two bits which are 1, 0, 0, 0 */
    ck_assert_int_eq(compute(&b, 2, 2), UNITS * 4);
    ck_assert_int_eq(compute(&b, 1, 1), UNITS * 4);
    bench_close(&b);
}
END_TEST

START_TEST(each_product_has_its_place)
{
    /* one product at a time: activation 1 in product p, weight p + 1 in product p, 4 bits each */
    bench b;
    bench_open(&b);
    for (uint32_t u = 0; u < UNITS; u++)
        for (uint32_t p = 0; p < 4; p++) {
            memset(b.act, 0, sizeof b.act);
            for (uint32_t i = 0; i < UNITS; i++) b.weight[i] = 0x4321;
            b.act[u] = 1u << 4 * p;
            ck_assert_int_eq(compute(&b, 4, 3), p + 1);
        }
    bench_close(&b);
}
END_TEST

START_TEST(a_step_is_a_cycle_and_a_result_waits)
{
    bench b;
    bench_open(&b);
    memset(b.act, 0, sizeof b.act);
    memset(b.weight, 0, sizeof b.weight);
    b.act[3] = 100;
    b.weight[3] = 7;
    for (uint32_t c = 0; c < 9; c++) { /* dot products of three steps, no gap */
        b.in.dot_first = c % 3 == 0;
        b.in.dot_last = c % 3 == 2;
        cycle(&b, true, true);
        ck_assert(b.out.ready);
        ck_assert_int_eq(b.out.valid, c > 0 && c % 3 == 0);
        if (b.out.valid) ck_assert_int_eq(b.out.sum, 2100);
    }
    for (int i = 0; i < 5; i++) {
        cycle(&b, true, false);
        ck_assert(b.out.valid && !b.out.ready);
        ck_assert_int_eq(b.out.sum, 2100);
    }
    pare_dut_reset(b.dut);
    cycle(&b, false, false);
    ck_assert(!b.out.valid && b.out.ready);
    bench_close(&b);
}
END_TEST

START_TEST(what_a_step_holds_is_what_the_simulator_counts)
{
    const pare_pe pe = pare_cosim_pe(pare_dut_kind_find("fusion"));
    ck_assert_uint_eq(pare_pe_fusion_products(&pe, 8, 8), UNITS);
    ck_assert_uint_eq(pare_pe_fusion_products(&pe, 5, 3), UNITS * 2);
    ck_assert_uint_eq(pare_pe_fusion_products(&pe, 1, 8), UNITS * 4);
    ck_assert_uint_eq(pare_pe_fusion_products(&pe, 2, 1), UNITS * 16);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {all_ones_in_every_mode,
                                  bits_are_rounded_up_to_2_4_8,
                                  each_product_has_its_place,
                                  a_step_is_a_cycle_and_a_result_waits,
                                  what_a_step_holds_is_what_the_simulator_counts,
                                  NULL};
    const gtck_case cases[] = {{.suite = "PeFusion", .tests = tests}};
    return gtck_main(argc, argv, "rtl_fusion", cases, sizeof cases / sizeof *cases);
}
