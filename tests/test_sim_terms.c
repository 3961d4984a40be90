/* Terms, the two-stage schedule and widths: the cases worked by hand in the reference
 * (docs/machines_dynamic.md), then random ones against the definitions, bit by bit. */
#include "gtck.h"
#include "sim/dynamic.h"

typedef struct recoded {
    uint32_t x, dnnsim, naf;
} recoded;
#define AT(i) (1u << (i))

START_TEST(terms_equal_the_table)
{
    static const recoded table[] = {
        {3, AT(1) | AT(0), AT(2) | AT(0)},
        {6, AT(2) | AT(1), AT(3) | AT(1)},
        {7, AT(3) | AT(0), AT(3) | AT(0)},
        {11, AT(3) | AT(1) | AT(0), AT(4) | AT(2) | AT(0)},
        {13, AT(3) | AT(2) | AT(0), AT(4) | AT(2) | AT(0)},
        {14, AT(4) | AT(1), AT(4) | AT(1)},
        {15, AT(4) | AT(0), AT(4) | AT(0)},
        {23, AT(4) | AT(3) | AT(0), AT(5) | AT(3) | AT(0)},
        {27, AT(4) | AT(3) | AT(1) | AT(0), AT(5) | AT(2) | AT(0)},
        {29, AT(5) | AT(1) | AT(0), AT(5) | AT(2) | AT(0)},
        {31, AT(5) | AT(0), AT(5) | AT(0)},
        {91, AT(6) | AT(4) | AT(3) | AT(1) | AT(0), AT(7) | AT(5) | AT(2) | AT(0)},
        {127, AT(7) | AT(0), AT(7) | AT(0)},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ck_assert_uint_eq(sim_terms(PARE_RECODE_DNNSIM, table[i].x), table[i].dnnsim);
        ck_assert_uint_eq(sim_terms(PARE_RECODE_NAF, table[i].x), table[i].naf);
        ck_assert_uint_eq(sim_terms(PARE_RECODE_ONES, table[i].x), table[i].x);
    }
}
END_TEST

/* rounded to two digits in the reference */
START_TEST(mean_terms_of_a_byte)
{
    static const double means[] = {4.00, 3.20, 3.11};
    for (int recoding = 0; recoding < 3; recoding++) {
        int sum = 0;
        for (uint32_t x = 0; x < 256; x++)
            sum += __builtin_popcount(sim_terms((pare_recoding)recoding, x));
        ck_assert_double_eq_tol(sum / 256.0, means[recoding], 0.005);
    }
}
END_TEST

/* With some choice of signs the terms give back the number. */
static bool can_sum_to(uint32_t mask, int64_t rest)
{
    if (!mask) return rest == 0;
    const uint32_t top = 31 - (uint32_t)__builtin_clz(mask);
    const int64_t value = (int64_t)1 << top;
    if (rest > 2 * value || rest < -2 * value) return false;
    const uint32_t below = mask & ~(1u << top);
    return can_sum_to(below, rest - value) || can_sum_to(below, rest + value);
}

START_TEST(terms_stand_for_their_number)
{
    for (int recoding = 0; recoding < 3; recoding++)
        for (uint32_t x = 0; x < 65536; x += x < 4096 ? 1 : 37)
            ck_assert_msg(can_sum_to(sim_terms((pare_recoding)recoding, x), x), "recoding %d of %u",
                          recoding, x);
}
END_TEST

/* No two neighbours, and never more terms than DNNsim's recoding, which has never more than ones.
 */
START_TEST(recodings_are_ordered)
{
    for (uint32_t x = 0; x < 65536; x++) {
        const uint32_t naf = sim_terms(PARE_RECODE_NAF, x);
        const uint32_t dnnsim = sim_terms(PARE_RECODE_DNNSIM, x);
        ck_assert_uint_eq(naf & naf >> 1, 0);
        ck_assert_int_le(__builtin_popcount(naf), __builtin_popcount(dnnsim));
        ck_assert_int_le(__builtin_popcount(dnnsim), __builtin_popcount(x));
    }
}
END_TEST

static uint32_t schedule(const uint32_t *x, size_t n, uint32_t stage)
{
    uint32_t masks[16];
    for (size_t i = 0; i < n; i++) masks[i] = sim_terms(PARE_RECODE_DNNSIM, x[i]);
    return sim_two_stage_cycles(masks, n, stage);
}

START_TEST(two_stage_schedules_worked_by_hand)
{
    static const struct {
        size_t n;
        uint32_t x[3], cycles[4]; /* first stage of 0, 1, 2, 4 bits */
    } cases[] = {
        {2, {7, 12}, {3, 3, 2, 2}},    {2, {1, 16}, {2, 2, 2, 1}}, {2, {15, 3}, {3, 3, 2, 2}},
        {3, {3, 6, 11}, {4, 3, 3, 3}}, {2, {27, 5}, {5, 4, 4, 4}}, {3, {127, 64, 1}, {3, 2, 2, 2}},
        {2, {0, 0}, {1, 1, 1, 1}},
    };
    static const uint32_t stages[] = {0, 1, 2, 4};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int s = 0; s < 4; s++)
            ck_assert_msg(schedule(cases[i].x, cases[i].n, stages[s]) == cases[i].cycles[s],
                          "case %zu, %u bits: %u cycles, %u by hand", i, stages[s],
                          schedule(cases[i].x, cases[i].n, stages[s]), cases[i].cycles[s]);
}
END_TEST

/* The definition with lists of positions instead of masks. */
static uint32_t plain_schedule(const uint32_t *x, size_t n, int recoding, uint32_t stage)
{
    bool pending[16][20] = {{false}};
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < 20; p++)
            pending[i][p] = sim_terms((pare_recoding)recoding, x[i]) >> p & 1;
    for (uint32_t cycles = 0;; cycles++) {
        int lowest = 20;
        for (size_t i = 0; i < n; i++)
            for (int p = 19; p >= 0; p--)
                if (pending[i][p] && p < lowest) lowest = p;
        if (lowest == 20) return cycles ? cycles : 1;
        for (size_t i = 0; i < n; i++)
            for (int p = lowest; p < 20 && p <= lowest + (1 << stage) - 1; p++)
                if (pending[i][p]) {
                    pending[i][p] = false;
                    break;
                }
    }
}

START_TEST(schedules_equal_a_plain_one)
{
    const uint64_t seed = 17;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_rng r = pare_rng_new(seed, 0);
    for (int i = 0; i < 20000; i++) {
        uint32_t x[16], masks[16];
        const size_t n = 1 + pare_rng_below(&r, 16);
        const uint32_t bits = 1 + pare_rng_below(&r, 16), stage = pare_rng_below(&r, 5);
        const int recoding = (int)pare_rng_below(&r, 3);
        for (size_t j = 0; j < n; j++) {
            x[j] = pare_rng_below(&r, 3) ? pare_rng_below(&r, 1u << bits) : 0;
            masks[j] = sim_terms((pare_recoding)recoding, x[j]);
        }
        const uint32_t cycles = sim_two_stage_cycles(masks, n, stage);
        ck_assert_msg(cycles == plain_schedule(x, n, recoding, stage),
                      "case %d: %zu lanes, %u bits of the first stage", i, n, stage);
    }
}
END_TEST

static uint32_t width(const int *x, size_t n, bool is_signed, bool trims)
{
    uint32_t all = 0;
    for (size_t i = 0; i < n; i++) all |= sim_width_pattern((uint16_t)x[i], is_signed);
    return sim_width(all, is_signed, trims);
}
#define WIDTH(is_signed, trims, ...)                                                               \
    width((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int), is_signed, \
          trims)

START_TEST(widths_worked_by_hand)
{
    ck_assert_uint_eq(WIDTH(false, false, 5, 0, 3), 3);
    ck_assert_uint_eq(WIDTH(false, false, 0, 0), 1);
    ck_assert_uint_eq(WIDTH(true, false, -8, 3), 4);
    ck_assert_uint_eq(WIDTH(true, false, -1, 0), 2);
    ck_assert_uint_eq(WIDTH(true, false, 0), 2);
    ck_assert_uint_eq(WIDTH(false, false, 65535), 16);
    ck_assert_uint_eq(WIDTH(true, false, -32768), 16);
    /* without the zeros at the end: 12 = 1100b, 20 = 10100b need bits 2 to 4 */
    ck_assert_uint_eq(WIDTH(false, true, 12, 20), 3);
    ck_assert_uint_eq(WIDTH(false, true, 0), 1);
    ck_assert_uint_eq(WIDTH(true, true, 0), 2);
    ck_assert_uint_eq(WIDTH(true, true, -8, 4), 2); /* bits 2 and 3 */
}
END_TEST

/* The least number of bits of which some shift holds all values. */
static uint32_t plain_width(const int *x, size_t n, bool is_signed, bool trims)
{
    bool is_zero = true;
    for (size_t i = 0; i < n; i++) is_zero = is_zero && x[i] == 0;
    if (is_zero) return is_signed ? 2 : 1;
    int low = 0;
    for (bool is_even = true; trims && is_even;) {
        for (size_t i = 0; i < n; i++) is_even = is_even && x[i] % (2 << low) == 0;
        low += is_even;
    }
    for (uint32_t bits = is_signed && !trims ? 2 : 1;; bits++) {
        bool fits = true;
        const int lo = is_signed ? -(1 << (bits - 1)) : 0;
        const int hi = (1 << (is_signed ? bits - 1 : bits)) - 1;
        for (size_t i = 0; i < n; i++)
            fits = fits && x[i] / (1 << low) >= lo && x[i] / (1 << low) <= hi;
        if (fits) return bits;
    }
}

START_TEST(widths_equal_a_plain_search)
{
    const uint64_t seed = 3;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_rng r = pare_rng_new(seed, 0);
    for (int i = 0; i < 20000; i++) {
        int x[8];
        const size_t n = 1 + pare_rng_below(&r, 8);
        const bool is_signed = pare_rng_below(&r, 2), trims = pare_rng_below(&r, 2);
        const uint32_t bits = 1 + pare_rng_below(&r, 15), shift = pare_rng_below(&r, 16 - bits);
        for (size_t j = 0; j < n; j++) {
            x[j] = (int)pare_rng_below(&r, 1u << bits) << shift;
            if (is_signed) x[j] -= 1 << (bits + shift - 1);
        }
        ck_assert_msg(width(x, n, is_signed, trims) == plain_width(x, n, is_signed, trims),
                      "case %d: %d.. of %zu, signed %d, trims %d: %u, plain %u", i, x[0], n,
                      is_signed, trims, width(x, n, is_signed, trims),
                      plain_width(x, n, is_signed, trims));
    }
}
END_TEST

START_TEST(magnitudes)
{
    ck_assert_uint_eq(sim_magnitude((uint16_t)-5, true), 5);
    ck_assert_uint_eq(sim_magnitude((uint16_t)-32768, true), 32768);
    ck_assert_uint_eq(sim_magnitude(0xfffb, false), 0xfffb);
    ck_assert_uint_eq(sim_magnitude(7, true), 7);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const terms[] = {terms_equal_the_table, mean_terms_of_a_byte,
                                  terms_stand_for_their_number, recodings_are_ordered, NULL};
    const TTest *const schedules[] = {two_stage_schedules_worked_by_hand,
                                      schedules_equal_a_plain_one, NULL};
    const TTest *const widths[] = {widths_worked_by_hand, widths_equal_a_plain_search, magnitudes,
                                   NULL};
    const gtck_case cases[] = {{.suite = "terms", .tests = terms},
                               {.suite = "schedules", .tests = schedules},
                               {.suite = "widths", .tests = widths}};
    return gtck_main(argc, argv, "sim_terms", cases, sizeof cases / sizeof *cases);
}
