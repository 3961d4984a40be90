#include "gtck.h"
#include "sim/sim.h"

#include <stdlib.h>

enum { LANES = 3, STEPS = 4, CODES = LANES * STEPS };

static const uint64_t SEED = 20;

static int32_t low_code(uint32_t bits, bool is_signed)
{
    return is_signed ? -(int32_t)(1u << (bits - 1)) : 0;
}

static int32_t random_code(pare_rng *r, uint32_t bits, bool is_signed)
{
    switch (pare_rng_below(r, 4)) {
    case 0: return low_code(bits, is_signed);
    case 1: return low_code(bits, is_signed) + (int32_t)((1u << bits) - 1);
    default: return low_code(bits, is_signed) + (int32_t)pare_rng_below(r, 1u << bits);
    }
}

static int64_t plain_dot(const pare_pe_work *k, uint32_t lanes)
{
    int64_t sum = 0;
    for (size_t i = 0; i < (size_t)k->n_steps * lanes; i++)
        sum += (int64_t)k->act[i] * k->weight[i];
    return sum;
}

/* a dot product at given bits and signs with random codes and depth */
static pare_pe_work random_work(pare_rng *r, uint32_t act_bits, uint32_t weight_bits,
                                uint32_t signs, int32_t *act, int32_t *weight)
{
    pare_pe_work k = {.act_bits = act_bits,
                      .weight_bits = weight_bits,
                      .act_signed = signs & 1,
                      .weight_signed = signs >> 1,
                      .n_steps = 1 + pare_rng_below(r, STEPS),
                      .act = act,
                      .weight = weight};
    for (size_t i = 0; i < CODES; i++) {
        act[i] = random_code(r, act_bits, k.act_signed);
        weight[i] = random_code(r, weight_bits, k.weight_signed);
    }
    return k;
}

static pare_pe temporal(uint32_t act_digit, uint32_t weight_digit, uint32_t max_bits)
{
    return (pare_pe){.lanes = LANES,
                     .act_digit = act_digit,
                     .weight_digit = weight_digit,
                     .max_act_bits = max_bits,
                     .max_weight_bits = max_bits,
                     .acc_bits = 48};
}

START_TEST(digits_of_a_code_by_hand)
{
    /* -11 in 5 bits is 10101: digits of 2 bits from the bottom are 01, 01 and the sign bit alone */
    ck_assert_uint_eq(pare_pe_digits(5, 2), 3);
    ck_assert_int_eq(pare_pe_digit(-11, 5, true, 2, 0), 1);
    ck_assert_int_eq(pare_pe_digit(-11, 5, true, 2, 1), 1);
    ck_assert_int_eq(pare_pe_digit(-11, 5, true, 2, 2), -1);
    /* the same bits unsigned are 21 */
    ck_assert_int_eq(pare_pe_digit(21, 5, false, 2, 2), 1);
    /* 4 bits in digits of 3: a signed digit of one bit above a whole one */
    ck_assert_int_eq(pare_pe_digit(-6, 4, true, 3, 0), 2);
    ck_assert_int_eq(pare_pe_digit(-6, 4, true, 3, 1), -1);
    /* one digit for all */
    ck_assert_int_eq(pare_pe_digit(-128, 8, true, 8, 0), -128);
    ck_assert_int_eq(pare_pe_digit(255, 8, false, 8, 0), 255);
    /* a signed number of one bit is 0 or -1 */
    ck_assert_int_eq(pare_pe_digit(-1, 1, true, 1, 0), -1);
    /* bits above the code's own do not count */
    ck_assert_int_eq(pare_pe_digit(0x7f5, 3, false, 8, 0), 5);
}
END_TEST

START_TEST(digits_times_their_weights_are_the_code)
{
    for (uint32_t bits = 1; bits <= 10; bits++)
        for (uint32_t digit = 1; digit <= 16; digit++)
            for (uint32_t is_signed = 0; is_signed < 2; is_signed++)
                for (uint32_t i = 0; i < 1u << bits; i++) {
                    const int32_t code = low_code(bits, is_signed) + (int32_t)i;
                    int64_t sum = 0;
                    for (uint32_t d = 0; d < pare_pe_digits(bits, digit); d++)
                        sum += pare_pe_digit(code, bits, is_signed, digit, d) *
                               ((int64_t)1 << (d * digit));
                    ck_assert_int_eq(sum, code);
                }
}
END_TEST

START_TEST(steps_last_the_product_of_the_digit_counts)
{
    const pare_pe bit_parallel = temporal(8, 8, 8), stripes = temporal(1, 8, 8);
    const pare_pe unpu = temporal(8, 1, 8), loom1 = temporal(1, 1, 8), loom4 = temporal(4, 1, 8);
    ck_assert_uint_eq(pare_pe_step_cycles(&bit_parallel, 3, 7), 1);
    ck_assert_uint_eq(pare_pe_step_cycles(&stripes, 3, 7), 3);
    ck_assert_uint_eq(pare_pe_step_cycles(&unpu, 3, 7), 7);
    ck_assert_uint_eq(pare_pe_step_cycles(&loom1, 3, 7), 21);
    ck_assert_uint_eq(pare_pe_step_cycles(&loom4, 3, 7), 7);
    ck_assert_uint_eq(pare_pe_step_cycles(&loom4, 5, 7), 14);
    ck_assert_uint_eq(pare_pe_min_acc_bits(&loom1), 8 + 8 + 1 + 2);
}
END_TEST

/* every bits pair to 16, every sign mode, several digits: equal to the plain dot product */
START_TEST(any_digits_give_the_plain_dot_product)
{
    const uint32_t digits[] = {1, 2, 3, 4, 5, 8, 16};
    const size_t n_digits = sizeof digits / sizeof *digits;
    pare_rng r = pare_rng_new(SEED, 0);
    printf("seed %llu\n", (unsigned long long)SEED);
    int32_t act[CODES], weight[CODES];
    for (uint32_t act_bits = 1; act_bits <= 16; act_bits++)
        for (uint32_t weight_bits = 1; weight_bits <= 16; weight_bits++)
            for (uint32_t i = 0; i < 4 * n_digits; i++) {
                const pare_pe pe =
                    temporal(digits[i / 4], digits[pare_rng_below(&r, n_digits)], 16);
                const pare_pe_work k = random_work(&r, act_bits, weight_bits, i % 4, act, weight);
                const pare_pe_sum sum = pare_pe_dot(&pe, &k);
                ck_assert_int_eq(sum.value, plain_dot(&k, LANES));
                ck_assert(!sum.overflowed);
                ck_assert_uint_eq(sum.cycles, (uint64_t)k.n_steps *
                                                  pare_pe_step_cycles(&pe, act_bits, weight_bits));
            }
}
END_TEST

/* the digit pairs of a step in a random order, each at its own weight, give the same sum */
START_TEST(the_order_of_digits_does_not_matter)
{
    pare_rng r = pare_rng_new(SEED, 1);
    int32_t act[CODES], weight[CODES];
    for (uint32_t trial = 0; trial < 2000; trial++) {
        const pare_pe pe = temporal(1 + pare_rng_below(&r, 8), 1 + pare_rng_below(&r, 8), 16);
        const pare_pe_work k = random_work(&r, 1 + pare_rng_below(&r, 16),
                                           1 + pare_rng_below(&r, 16), trial % 4, act, weight);
        const uint32_t n_act = pare_pe_digits(k.act_bits, pe.act_digit);
        const uint32_t n_pairs = pare_pe_step_cycles(&pe, k.act_bits, k.weight_bits);
        uint32_t order[256];
        for (uint32_t i = 0; i < n_pairs; i++) order[i] = i;
        for (uint32_t i = n_pairs; i > 1; i--) {
            const uint32_t j = pare_rng_below(&r, i), swap = order[i - 1];
            order[i - 1] = order[j];
            order[j] = swap;
        }
        int64_t sum = 0;
        for (uint32_t i = 0; i < n_pairs; i++) {
            const uint32_t a = order[i] % n_act, w = order[i] / n_act;
            for (size_t l = 0; l < (size_t)k.n_steps * LANES; l++)
                sum += pare_pe_digit(act[l], k.act_bits, k.act_signed, pe.act_digit, a) *
                       (int64_t)pare_pe_digit(weight[l], k.weight_bits, k.weight_signed,
                                              pe.weight_digit, w) *
                       ((int64_t)1 << (a * pe.act_digit + w * pe.weight_digit));
        }
        ck_assert_int_eq(sum, pare_pe_dot(&pe, &k).value);
    }
}
END_TEST

START_TEST(an_accumulator_wraps_and_says_so)
{
    /* 3 * 255 * 255 = 195075 a step in 19 bits, whose largest number is 262143 */
    pare_pe pe = temporal(1, 8, 8);
    pe.acc_bits = pare_pe_min_acc_bits(&pe);
    ck_assert_uint_eq(pe.acc_bits, 19);
    int32_t act[CODES], weight[CODES];
    for (size_t i = 0; i < CODES; i++) act[i] = weight[i] = 255;
    pare_pe_work k = {8, 8, false, false, 1, act, weight};
    ck_assert_int_eq(pare_pe_dot(&pe, &k).value, 195075);
    ck_assert(!pare_pe_dot(&pe, &k).overflowed);
    k.n_steps = 2;
    ck_assert_int_eq(pare_pe_dot(&pe, &k).value, 2 * 195075 - (1 << 19));
    ck_assert(pare_pe_dot(&pe, &k).overflowed);
    pe.acc_bits = 20;
    ck_assert_int_eq(pare_pe_dot(&pe, &k).value, 2 * 195075);
    ck_assert(!pare_pe_dot(&pe, &k).overflowed);
    /* the sum comes back into range, the flag stays */
    for (size_t i = 0; i < LANES; i++)
        weight[2 * LANES + i] = -128, weight[i] = weight[LANES + i] = 127;
    k = (pare_pe_work){8, 8, false, true, 3, act, weight};
    pe.acc_bits = 19;
    pe.max_act_bits = pe.max_weight_bits = 8;
    ck_assert_int_eq(pare_pe_dot(&pe, &k).value, 3 * 255 * (127 + 127 - 128));
    ck_assert(!pare_pe_dot(&pe, &k).overflowed);
    k.n_steps = 4;
    for (size_t i = 0; i < CODES; i++) weight[i] = i < 3 * LANES ? 127 : -128;
    ck_assert_int_eq(pare_pe_dot(&pe, &k).value, 3 * 255 * (3 * 127 - 128));
    ck_assert(pare_pe_dot(&pe, &k).overflowed);
}
END_TEST

START_TEST(times_without_stalls)
{
    const uint8_t gaps[6] = {0};
    const bool always[] = {true};
    const pare_pe_pace pace = {6, gaps, 1, always};
    const pare_pe_times a = pare_pe_dot_times(&pace, NULL);
    ck_assert_uint_eq(a.first_beat, 0);
    ck_assert_uint_eq(a.last_beat, 5);
    ck_assert_uint_eq(a.valid, 6);
    ck_assert_uint_eq(a.taken, 6);
    /* the next one's first beat is taken in the cycle in which the result goes */
    const pare_pe_times b = pare_pe_dot_times(&pace, &a);
    ck_assert_uint_eq(b.first_beat, 6);
    ck_assert_uint_eq(b.taken, 12);
}
END_TEST

START_TEST(times_with_stalls_by_hand)
{
    /* beats 2 and 3 come late: offered in cycles 1, 4, 5; result from 6; the sink's pattern from
     * cycle 0 is 1 0 0 0 1, so cycle 6 is its second entry and 9 its last */
    const uint8_t late[] = {1, 2, 0};
    const bool slow[] = {true, false, false, false, true};
    const pare_pe_pace pace = {3, late, 5, slow};
    const pare_pe_times a = pare_pe_dot_times(&pace, NULL);
    ck_assert_uint_eq(a.first_beat, 1);
    ck_assert_uint_eq(a.last_beat, 5);
    ck_assert_uint_eq(a.valid, 6);
    ck_assert_uint_eq(a.taken, 9);
    /* offered from 7, taken in 9 with the result's going; 12 and 13 follow; valid in 14, the
     * pattern begins anew in 10, so 14 is its fifth entry */
    const pare_pe_times b = pare_pe_dot_times(&pace, &a);
    ck_assert_uint_eq(b.first_beat, 9);
    ck_assert_uint_eq(b.last_beat, 13);
    ck_assert_uint_eq(b.valid, 14);
    ck_assert_uint_eq(b.taken, 14);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const values[] = {digits_of_a_code_by_hand,
                                   digits_times_their_weights_are_the_code,
                                   any_digits_give_the_plain_dot_product,
                                   the_order_of_digits_does_not_matter,
                                   an_accumulator_wraps_and_says_so,
                                   NULL};
    const TTest *const cycles[] = {steps_last_the_product_of_the_digit_counts, times_without_stalls,
                                   times_with_stalls_by_hand, NULL};
    const gtck_case cases[] = {{.suite = "PeValues", .tests = values},
                               {.suite = "PeCycles", .tests = cycles}};
    return gtck_main(argc, argv, "sim_exact", cases, sizeof cases / sizeof *cases);
}
