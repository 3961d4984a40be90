/* The term-serial PE by hand, and its reference: recodings, schedules worked out on paper, the
 * cycles in which the RTL is ready. */
#include "gtck.h"
#include "rtl/cosim.h"

#include <string.h>

enum { LANES = 16 };

/* ---- the reference ---- */

START_TEST(recodings_are_their_numbers)
{
    for (int terms = PARE_PE_TERMS_ONES; terms <= PARE_PE_TERMS_NAF; terms++)
        for (uint32_t x = 0; x < 1u << 16; x++) {
            int8_t sign[PARE_PE_TERM_POSITIONS];
            pare_pe_recode((pare_pe_terms)terms, x, sign);
            int64_t sum = 0;
            for (int p = 0; p < PARE_PE_TERM_POSITIONS; p++) sum += sign[p] * (INT64_C(1) << p);
            ck_assert_int_eq(sum, x);
            if (terms == PARE_PE_TERMS_NAF)
                for (int p = 1; p < PARE_PE_TERM_POSITIONS; p++)
                    ck_assert(!sign[p] || !sign[p - 1]);
        }
}
END_TEST

static uint32_t positions(pare_pe_terms terms, uint32_t x)
{
    int8_t sign[PARE_PE_TERM_POSITIONS];
    pare_pe_recode(terms, x, sign);
    uint32_t mask = 0;
    for (int p = 0; p < PARE_PE_TERM_POSITIONS; p++) mask |= (uint32_t)(sign[p] != 0) << p;
    return mask;
}

START_TEST(recodings_differ_where_they_should)
{
    const struct {
        uint32_t x, runs, naf; /* masks of positions */
    } cases[] = {{3, 0x3, 0x5},    {6, 0x6, 0xa},    {7, 0x9, 0x9},    {11, 0xb, 0x15},
                 {13, 0xd, 0x15},  {14, 0x12, 0x12}, {23, 0x19, 0x29}, {27, 0x1b, 0x25},
                 {29, 0x23, 0x25}, {31, 0x21, 0x21}, {91, 0x5b, 0xa5}, {127, 0x81, 0x81}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(positions(PARE_PE_TERMS_ONES, cases[i].x), cases[i].x);
        ck_assert_uint_eq(positions(PARE_PE_TERMS_RUNS, cases[i].x), cases[i].runs);
        ck_assert_uint_eq(positions(PARE_PE_TERMS_NAF, cases[i].x), cases[i].naf);
    }
}
END_TEST

START_TEST(schedules_worked_out_by_hand)
{
    const struct {
        int32_t act[3];
        uint32_t cycles[4]; /* first stages of 0, 1, 2, 4 bits */
    } cases[] = {{{7, 12, 0}, {3, 3, 2, 2}}, {{1, 16, 0}, {2, 2, 2, 1}},
                 {{15, 3, 0}, {3, 3, 2, 2}}, {{3, 6, 11}, {4, 3, 3, 3}},
                 {{27, 5, 0}, {5, 4, 4, 4}}, {{127, 64, 1}, {3, 2, 2, 2}},
                 {{0, 0, 0}, {1, 1, 1, 1}},  {{-7, 12, 0}, {3, 3, 2, 2}}};
    const uint32_t stages[] = {0, 1, 2, 4};
    const pare_pe pe = {.lanes = 3, .max_act_bits = 8, .max_weight_bits = 8, .acc_bits = 32};
    const int32_t weight[3] = {3, -5, 7};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t s = 0; s < 4; s++) {
            const pare_pe_shifter shifter = {PARE_PE_TERMS_RUNS, stages[s]};
            const pare_pe_work k = {8, 8, true, true, 1, cases[i].act, weight};
            const pare_pe_sum sum = pare_pe_term_dot(&pe, &shifter, &k, NULL);
            ck_assert_uint_eq(sum.cycles, cases[i].cycles[s]);
            ck_assert_int_eq(sum.value,
                             3 * cases[i].act[0] - 5 * cases[i].act[1] + 7 * cases[i].act[2]);
        }
}
END_TEST

/* ---- the RTL ---- */

typedef struct bench {
    pare_dut *dut;
    pare_dut_in in;
    pare_dut_out out;
    uint32_t act[LANES / 4], weight[LANES / 4];
} bench;

static void bench_open(bench *b, const char *kind)
{
    memset(b, 0, sizeof *b);
    b->dut = pare_dut_new(pare_dut_kind_find(kind), 1);
    b->in = (pare_dut_in){.act_bits = 8, .weight_bits = 8, .act = b->act, .weight = b->weight};
    b->in.dot_first = b->in.dot_last = true;
}

static void bench_close(bench *b)
{
    ck_assert(!pare_dut_failed(b->dut));
    pare_dut_free(b->dut);
}

static void put(uint32_t *words, int32_t code) /* in every lane */
{
    for (size_t i = 0; i < LANES / 4; i++) words[i] = (uint32_t)(uint8_t)code * 0x01010101u;
}

static void cycle(bench *b, bool valid, bool ready)
{
    b->in.valid = valid;
    b->in.ready = ready;
    pare_dut_cycle(b->dut, &b->in, &b->out);
}

/* Offer a step until it is taken: the number of cycles. */
static uint32_t offer(bench *b)
{
    for (uint32_t n = 1; n < 20; n++) {
        cycle(b, true, true);
        if (b->out.ready) return n;
    }
    ck_abort_msg("the step is never taken");
    return 0;
}

START_TEST(a_step_takes_a_cycle_a_term)
{
    const struct {
        const char *kind;
        int32_t act;
        uint32_t cycles;
    } cases[] = {{"naf", 0, 1},        {"naf", 64, 1},      {"naf", 127, 2},
                 {"naf", 85, 4},       {"naf", -128, 1},    {"naf", -127, 2},
                 {"pragmatic", 85, 4}, {"pragmatic", 3, 2}, {"pragmatic", 7, 2},
                 {"pragmatic", 91, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench b;
        bench_open(&b, cases[i].kind);
        b.in.act_signed = b.in.weight_signed = true;
        put(b.act, cases[i].act);
        put(b.weight, -9);
        ck_assert_uint_eq(offer(&b), cases[i].cycles);
        cycle(&b, false, true);
        ck_assert(b.out.valid);
        ck_assert_int_eq(b.out.sum, LANES * -9 * cases[i].act);
        bench_close(&b);
    }
}
END_TEST

START_TEST(a_waiting_result_holds_the_next_step_back)
{
    bench b;
    bench_open(&b, "naf");
    put(b.act, 85);
    put(b.weight, 2);
    ck_assert_uint_eq(offer(&b), 4);
    for (int i = 0; i < 10; i++) { /* the next one does not even begin */
        cycle(&b, true, false);
        ck_assert(b.out.valid && !b.out.ready);
        ck_assert_int_eq(b.out.sum, LANES * 170);
    }
    ck_assert_uint_eq(offer(&b), 4);
    cycle(&b, false, true);
    ck_assert(b.out.valid);
    ck_assert_int_eq(b.out.sum, LANES * 170);
    bench_close(&b);
}
END_TEST

START_TEST(reset_forgets_the_step_in_progress)
{
    bench b;
    bench_open(&b, "naf");
    put(b.act, 85);
    put(b.weight, 2);
    for (int cut = 1; cut < 4; cut++) {
        for (int i = 0; i < cut; i++) cycle(&b, true, true);
        pare_dut_reset(b.dut);
        ck_assert_uint_eq(offer(&b), 4);
        cycle(&b, false, true);
        ck_assert_int_eq(b.out.sum, LANES * 170);
    }
    bench_close(&b);
}
END_TEST

START_TEST(bits_above_the_bitlength_do_not_count)
{
    bench b;
    bench_open(&b, "pragmatic");
    b.in.act_bits = 3;
    b.in.weight_bits = 4;
    b.in.act_signed = b.in.weight_signed = true;
    put(b.act, 0xa8 | 5);    /* -3 */
    put(b.weight, 0x50 | 9); /* -7 */
    ck_assert_uint_eq(offer(&b), 2);
    cycle(&b, false, true);
    ck_assert_int_eq(b.out.sum, LANES * 21);
    bench_close(&b);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const reference[] = {recodings_are_their_numbers,
                                      recodings_differ_where_they_should,
                                      schedules_worked_out_by_hand, NULL};
    const TTest *const rtl[] = {
        a_step_takes_a_cycle_a_term, a_waiting_result_holds_the_next_step_back,
        reset_forgets_the_step_in_progress, bits_above_the_bitlength_do_not_count, NULL};
    const gtck_case cases[] = {{.suite = "TermReference", .tests = reference},
                               {.suite = "PeTerm", .tests = rtl}};
    return gtck_main(argc, argv, "rtl_term", cases, sizeof cases / sizeof *cases);
}
