#include "gtck.h"
#include "rtl/cosim.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LANES_MAX = 16, WORDS_MAX = 8, STEPS_MAX = 4 };

static const uint64_t SEED = 7;

/* ---- driving the pins by hand ---- */

static void put_digit(uint32_t *words, uint32_t position, uint32_t digit, uint32_t value)
{
    for (uint32_t b = 0; b < digit; b++, position++) {
        words[position / 32] &= ~(1u << position % 32);
        words[position / 32] |= (value >> b & 1) << position % 32;
    }
}

/* one operand's digit `index` from the bottom, for all lanes */
static void put_operand(uint32_t *words, const int32_t *codes, uint32_t lanes, uint32_t digit,
                        uint32_t index)
{
    for (uint32_t l = 0; l < lanes; l++)
        put_digit(words, l * digit, digit, (uint32_t)codes[l] >> (index * digit));
}

typedef struct bench {
    const pare_dut_kind *kind;
    pare_dut *dut;
    pare_dut_in in;
    pare_dut_out out;
    uint32_t act_pins[WORDS_MAX], weight_pins[WORDS_MAX];
} bench;

static void bench_open(bench *b, const char *kind)
{
    memset(b, 0, sizeof *b);
    b->kind = pare_dut_kind_find(kind);
    ck_assert_ptr_nonnull(b->kind);
    b->dut = pare_dut_new(b->kind, 1);
    b->in.act = b->act_pins;
    b->in.weight = b->weight_pins;
    b->in.act_bits = b->in.weight_bits = 1;
}

static void bench_close(bench *b)
{
    ck_assert(!pare_dut_failed(b->dut));
    pare_dut_free(b->dut);
}

static void idle(bench *b, bool sink_ready)
{
    b->in.valid = false;
    b->in.ready = sink_ready;
    pare_dut_cycle(b->dut, &b->in, &b->out);
}

/* Present beat `beat` of a dot product for one cycle. The codes may have any bits above their
 * bitlength. */
static void present(bench *b, const pare_pe_work *k, uint32_t beat, bool sink_ready)
{
    const uint32_t n_act = pare_pe_digits(k->act_bits, b->kind->act_digit);
    const uint32_t n_weight = pare_pe_digits(k->weight_bits, b->kind->weight_digit);
    const uint32_t step = beat / (n_act * n_weight), in_step = beat % (n_act * n_weight);
    put_operand(b->act_pins, k->act + step * b->kind->lanes, b->kind->lanes, b->kind->act_digit,
                n_act - 1 - in_step % n_act);
    put_operand(b->weight_pins, k->weight + step * b->kind->lanes, b->kind->lanes,
                b->kind->weight_digit, n_weight - 1 - in_step / n_act);
    b->in.act_bits = k->act_bits;
    b->in.weight_bits = k->weight_bits;
    b->in.act_signed = k->act_signed;
    b->in.weight_signed = k->weight_signed;
    b->in.dot_first = step == 0;
    b->in.dot_last = step + 1 == k->n_steps;
    b->in.valid = true;
    b->in.ready = sink_ready;
    pare_dut_cycle(b->dut, &b->in, &b->out);
}

/* Send all beats, none of which may be refused; the result is valid in the next cycle. */
static uint32_t send(bench *b, const pare_pe_work *k, bool sink_ready)
{
    const pare_pe pe = pare_cosim_pe(b->kind);
    const uint32_t n = k->n_steps * pare_pe_step_cycles(&pe, k->act_bits, k->weight_bits);
    for (uint32_t beat = 0; beat < n; beat++) {
        present(b, k, beat, sink_ready);
        ck_assert(b->out.ready);
        if (beat > 0) ck_assert(!b->out.valid);
    }
    return n;
}

static int64_t compute(bench *b, const pare_pe_work *k)
{
    send(b, k, true);
    idle(b, true);
    ck_assert(b->out.valid);
    return b->out.sum;
}

static void fill(int32_t *codes, uint32_t n, int32_t code)
{
    for (uint32_t i = 0; i < n; i++) codes[i] = code;
}

/* ---- values ---- */

START_TEST(closed_forms_on_every_kind)
{
    size_t n_kinds;
    const pare_dut_kind *const kinds = pare_dut_kinds(&n_kinds);
    ck_assert_uint_ge(n_kinds, 6);
    for (size_t i = 0; i < n_kinds; i++) {
        if (kinds[i].pe != PARE_DUT_temporal) continue; /* they have tests of their own */
        bench b;
        bench_open(&b, kinds[i].name);
        const int64_t lanes = kinds[i].lanes;
        int32_t act[STEPS_MAX * LANES_MAX], weight[STEPS_MAX * LANES_MAX];
        fill(act, STEPS_MAX * LANES_MAX, 1);
        fill(weight, STEPS_MAX * LANES_MAX, 1);
        pare_pe_work k = {1, 1, false, false, 1, act, weight};
        ck_assert_int_eq(compute(&b, &k), lanes);
        /* one bit, signed: the bit weighs -1 */
        k.act_signed = true;
        ck_assert_int_eq(compute(&b, &k), -lanes);
        k.weight_signed = true;
        ck_assert_int_eq(compute(&b, &k), lanes);
        /* 5 bits against 4: all signed minima, all unsigned maxima */
        k = (pare_pe_work){5, 4, true, true, 1, act, weight};
        fill(act, STEPS_MAX * LANES_MAX, -16);
        fill(weight, STEPS_MAX * LANES_MAX, -8);
        ck_assert_int_eq(compute(&b, &k), lanes * 128);
        k.act_signed = false; /* the same bits are 16 */
        ck_assert_int_eq(compute(&b, &k), lanes * -128);
        k.weight_signed = false; /* and 8 */
        ck_assert_int_eq(compute(&b, &k), lanes * 128);
        bench_close(&b);
    }
}
END_TEST

START_TEST(codes_differ_from_lane_to_lane)
{
    /* sum of l * (l - 3) for l = 0..15 = 1240 - 3 * 120 */
    const char *const kinds[] = {"bitparallel", "stripes", "unpu", "loom1", "loom2", "loom4"};
    int32_t act[LANES_MAX], weight[LANES_MAX];
    for (int32_t l = 0; l < LANES_MAX; l++) {
        act[l] = l;
        weight[l] = l - 3;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bench b;
        bench_open(&b, kinds[i]);
        const pare_pe_work k = {4, 5, false, true, 1, act, weight};
        ck_assert_int_eq(compute(&b, &k), 880);
        bench_close(&b);
    }
}
END_TEST

START_TEST(bits_above_the_bitlength_do_not_count)
{
    bench b;
    bench_open(&b, "odd");
    /* 5 bits in digits of 3: the top digit has one bit above its two; 3 bits in digits of 2 */
    int32_t act[3] = {9, 30, 7}, weight[3] = {-4, 3, -1};
    const pare_pe_work k = {5, 3, false, true, 1, act, weight};
    const int64_t expected = 9 * -4 + 30 * 3 + 7 * -1;
    ck_assert_int_eq(compute(&b, &k), expected);
    for (int l = 0; l < 3; l++) {
        act[l] ^= 1 << 5;
        weight[l] ^= l & 1 ? 1 << 3 : 0;
    }
    ck_assert_int_eq(compute(&b, &k), expected);
    bench_close(&b);
}
END_TEST

START_TEST(a_dot_product_sums_its_steps_and_the_next_begins_anew)
{
    bench b;
    bench_open(&b, "loom2");
    int32_t act[STEPS_MAX * LANES_MAX], weight[STEPS_MAX * LANES_MAX];
    fill(weight, STEPS_MAX * LANES_MAX, 3);
    for (uint32_t s = 0; s < STEPS_MAX; s++) fill(act + s * LANES_MAX, LANES_MAX, 1 << s);
    pare_pe_work k = {4, 2, false, false, 4, act, weight};
    ck_assert_int_eq(compute(&b, &k), 16 * 3 * (1 + 2 + 4 + 8));
    k.n_steps = 1;
    ck_assert_int_eq(compute(&b, &k), 16 * 3);
    bench_close(&b);
}
END_TEST

START_TEST(overflow_wraps_is_flagged_and_forgotten)
{
    bench b;
    bench_open(&b, "odd"); /* 15 bits: -16384 to 16383 */
    int32_t act[12], weight[12];
    fill(act, 12, 127);
    fill(weight, 12, 31);
    pare_pe_work k = {7, 5, false, false, 1, act, weight};
    ck_assert_int_eq(compute(&b, &k), 3 * 127 * 31);
    ck_assert(!b.out.overflow);
    k.n_steps = 2;
    ck_assert_int_eq(compute(&b, &k), 2 * 3 * 127 * 31 - 32768);
    ck_assert(b.out.overflow);
    k.n_steps = 3; /* 35433 - 32768 = 2665: back in range, still flagged */
    ck_assert_int_eq(compute(&b, &k), 3 * 3 * 127 * 31 - 32768);
    ck_assert(b.out.overflow);
    k.n_steps = 1;
    ck_assert_int_eq(compute(&b, &k), 3 * 127 * 31);
    ck_assert(!b.out.overflow);
    bench_close(&b);
}
END_TEST

/* ---- cycles ---- */

/* on every kind and bits pair: not valid in cycle n - 1, valid in cycle n = the beats */
START_TEST(the_result_is_valid_in_cycle_n_and_not_before)
{
    size_t n_kinds;
    const pare_dut_kind *const kinds = pare_dut_kinds(&n_kinds);
    int32_t codes[2 * LANES_MAX];
    fill(codes, 2 * LANES_MAX, 1);
    for (size_t i = 0; i < n_kinds; i++) {
        const pare_dut_kind *const kind = &kinds[i];
        if (kind->pe != PARE_DUT_temporal) continue;
        bench b;
        bench_open(&b, kind->name);
        for (uint32_t a = 1; a <= kind->max_act_bits; a++)
            for (uint32_t w = 1; w <= kind->max_weight_bits; w++) {
                const pare_pe_work k = {a, w, false, false, 2, codes, codes};
                const uint32_t n = 2 * ((a + kind->act_digit - 1) / kind->act_digit) *
                                   ((w + kind->weight_digit - 1) / kind->weight_digit);
                ck_assert_uint_eq(send(&b, &k, true), n);
                if (n > 1) ck_assert(!b.out.valid); /* in cycle n - 1, the last beat's */
                idle(&b, true);
                ck_assert(b.out.valid);
                ck_assert_int_eq(b.out.sum, 2 * kind->lanes);
                idle(&b, true); /* taken */
                ck_assert(!b.out.valid);
            }
        bench_close(&b);
    }
}
END_TEST

START_TEST(dot_products_follow_each_other_without_a_gap)
{
    bench b;
    bench_open(&b, "stripes");
    int32_t act[LANES_MAX], weight[LANES_MAX];
    fill(act, LANES_MAX, 5);
    fill(weight, LANES_MAX, -7);
    const pare_pe_work k = {3, 4, false, true, 1, act, weight};
    for (uint32_t cycle = 0; cycle < 30; cycle++) {
        present(&b, &k, cycle % 3, true);
        ck_assert(b.out.ready);
        ck_assert_int_eq(b.out.valid, cycle > 0 && cycle % 3 == 0);
        if (b.out.valid) ck_assert_int_eq(b.out.sum, 16 * -35);
    }
    bench_close(&b);
}
END_TEST

START_TEST(a_result_waits_and_holds_the_beats_back)
{
    bench b;
    bench_open(&b, "loom1");
    int32_t act[LANES_MAX], weight[LANES_MAX], other[LANES_MAX];
    fill(act, LANES_MAX, 2);
    fill(weight, LANES_MAX, 3);
    fill(other, LANES_MAX, 1);
    const pare_pe_work k = {2, 2, false, false, 1, act, weight};
    const pare_pe_work next = {2, 2, false, false, 1, other, weight};
    send(&b, &k, false); /* ready is not needed before there is a result */
    for (int i = 0; i < 20; i++) {
        present(&b, &next, 0, false);
        ck_assert(b.out.valid);
        ck_assert(!b.out.ready);
        ck_assert_int_eq(b.out.sum, 16 * 6);
    }
    present(&b, &next, 0, true); /* the result goes, the beat comes */
    ck_assert(b.out.valid && b.out.ready);
    ck_assert_int_eq(b.out.sum, 16 * 6);
    for (uint32_t beat = 1; beat < 4; beat++) {
        present(&b, &next, beat, false);
        ck_assert(!b.out.valid && b.out.ready);
    }
    idle(&b, true);
    ck_assert(b.out.valid);
    ck_assert_int_eq(b.out.sum, 16 * 3);
    idle(&b, true);
    ck_assert(!b.out.valid); /* once, not twice */
    bench_close(&b);
}
END_TEST

START_TEST(reset_forgets_the_step_in_progress_and_the_waiting_result)
{
    bench b;
    bench_open(&b, "loom4");
    int32_t act[2 * LANES_MAX], weight[2 * LANES_MAX];
    fill(act, 2 * LANES_MAX, -100);
    fill(weight, 2 * LANES_MAX, 99);
    const pare_pe_work k = {8, 8, true, true, 2, act, weight};
    for (uint32_t cut = 1; cut < 32; cut++) {
        for (uint32_t beat = 0; beat < cut; beat++) present(&b, &k, beat, true);
        pare_dut_reset(b.dut);
        ck_assert_int_eq(compute(&b, &k), 32 * -9900);
    }
    send(&b, &k, false);
    idle(&b, false);
    ck_assert(b.out.valid);
    pare_dut_reset(b.dut);
    idle(&b, false);
    ck_assert(!b.out.valid);
    ck_assert(b.out.ready);
    bench_close(&b);
}
END_TEST

/* The machines that sim/ ships count with the PEs that are built here. */
START_TEST(kinds_are_the_shipped_machines_pes)
{
    struct {
        const char *kind, *machine;
    } const pairs[] = {{"bitparallel", "bitparallel8"},
                       {"stripes", "stripes"},
                       {"unpu", "unpu"},
                       {"loom1", "loom1"},
                       {"loom2", "loom2"},
                       {"loom4", "loom4"},
                       {"fusion", "bitfusion"}};
    const char *const src = getenv("PARE_SRC");
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const pare_dut_kind *const kind = pare_dut_kind_find(pairs[i].kind);
        char path[512];
        snprintf(path, sizeof path, "%s/sim/machines/%s.machine.yaml", src ? src : ".",
                 pairs[i].machine);
        pare_machine *m;
        pare_err e = {0};
        if (pare_machine_load(path, NULL, 0, &m, &e) != PARE_OK) ck_abort_msg("%s", e.text);
        const pare_pe rtl = pare_cosim_pe(kind);
        ck_assert_int_eq(m->pe.style, rtl.style);
        ck_assert_uint_eq(m->pe.lanes, rtl.lanes);
        ck_assert_uint_eq(m->pe.act_digit, rtl.act_digit);
        ck_assert_uint_eq(m->pe.weight_digit, rtl.weight_digit);
        ck_assert_uint_ge(m->pe.max_act_bits, rtl.max_act_bits);
        ck_assert_uint_ge(m->pe.max_weight_bits, rtl.max_weight_bits);
        pare_machine_free(m);
    }
}
END_TEST

/* ---- the campaign and its watchfulness ---- */

START_TEST(random_dot_products_agree_with_the_reference)
{
    printf("seed %llu\n", (unsigned long long)SEED);
    size_t n_kinds;
    const pare_dut_kind *const kinds = pare_dut_kinds(&n_kinds);
    for (size_t i = 0; i < n_kinds; i++) {
        const pare_cosim_options o = {.kind = &kinds[i], .seed = SEED, .n_dots = 8000};
        pare_cosim_result r;
        ck_assert_int_eq(pare_cosim_run(&o, &r, NULL), PARE_OK);
        if (!r.agrees) ck_abort_msg("%s", r.difference.text);
        ck_assert_uint_eq(r.n_dots, 8000);
        /* three of four dot products visit every bin before they take one again */
        uint32_t fewest;
        const size_t hit = pare_cosim_bins_hit(&r.coverage, &fewest);
        ck_assert_uint_ge(hit, r.coverage.n_bins < 6000 ? r.coverage.n_bins : 6000);
        ck_assert_uint_eq(pare_cosim_tally(&r.coverage).n_wrong, 0);
        pare_cosim_result_free(&r);
    }
}
END_TEST

/* fill case 3, spoil one expectation, run it */
static char *difference_of(void (*spoil)(pare_cosim_dot *))
{
    const pare_dut_kind *const kind = pare_dut_kind_find("loom2");
    pare_cosim_coverage bins = {.kind = kind, .act_bits = {1, 8}, .weight_bits = {1, 8}};
    pare_cosim_coverage_new(&bins);
    pare_cosim_case *const c = pare_cosim_case_new(kind);
    pare_cosim_case_fill(c, kind, &bins, SEED, 3);
    spoil(&c->dots[5]);
    pare_dut *const dut = pare_dut_new(kind, 1);
    pare_buf difference = {0};
    uint64_t n_cycles = 0;
    const bool agrees = pare_cosim_case_run(c, kind, dut, &n_cycles, &difference);
    ck_assert(agrees == !difference.text);
    pare_dut_free(dut);
    pare_cosim_case_free(c);
    pare_cosim_coverage_free(&bins);
    return difference.text;
}

static void spoil_nothing(pare_cosim_dot *d) { (void)d; }
static void spoil_sum(pare_cosim_dot *d) { d->sum.value++; }
static void spoil_overflow(pare_cosim_dot *d) { d->sum.overflowed = true; }
static void spoil_valid(pare_cosim_dot *d) { d->times.valid++; }
static void spoil_valid_early(pare_cosim_dot *d) { d->times.valid--; }
static void spoil_code(pare_cosim_dot *d) { d->act[0] ^= 1, d->weight[0] ^= 1; }

START_TEST(a_spoilt_expectation_is_noticed)
{
    char *text = difference_of(spoil_nothing);
    if (text) ck_abort_msg("%s", text);
    struct {
        void (*spoil)(pare_cosim_dot *);
        const char *word;
    } const spoils[] = {{spoil_sum, "the C reference's sum"},
                        {spoil_overflow, "overflow is 0 in the RTL; 1 expected"},
                        {spoil_valid, "out_valid is 1 in the RTL; 0 expected"},
                        {spoil_valid_early, "out_valid is 0 in the RTL; 1 expected"},
                        {spoil_code, "the C reference's sum"}};
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        text = difference_of(spoils[i].spoil);
        ck_assert_ptr_nonnull(text);
        ck_assert_ptr_nonnull(strstr(text, spoils[i].word));
        ck_assert_ptr_nonnull(strstr(text, "dot product 5: "));
        free(text);
    }
}
END_TEST

START_TEST(an_assertion_of_the_rtl_is_reported)
{
    bench b;
    bench_open(&b, "stripes");
    int32_t codes[LANES_MAX];
    fill(codes, LANES_MAX, 1);
    pare_pe_work k = {4, 8, false, false, 1, codes, codes};
    present(&b, &k, 0, true);
    ck_assert(!pare_dut_failed(b.dut));
    k.act_bits = 5; /* a bitlength that changes within a step */
    present(&b, &k, 1, true);
    present(&b, &k, 2, true);
    ck_assert(pare_dut_failed(b.dut));
    pare_dut_free(b.dut);
}
END_TEST

START_TEST(waves_are_written_on_demand)
{
    char path[] = "/tmp/pare_wavesXXXXXX";
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    const pare_cosim_options o = {.kind = pare_dut_kind_find("loom1"),
                                  .seed = SEED,
                                  .is_one_case = true,
                                  .case_index = 2,
                                  .trace = path};
    pare_cosim_result r;
    ck_assert_int_eq(pare_cosim_run(&o, &r, NULL), PARE_OK);
    ck_assert(r.agrees);
    pare_cosim_result_free(&r);
    FILE *const f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fgetc(f), 0); /* FST opens with its header block, type 0 */
    fseek(f, 0, SEEK_END);
    ck_assert_int_gt(ftell(f), 1000);
    fclose(f);
    unlink(path);
    pare_cosim_options bad = o;
    bad.trace = "/nonexistent/x.fst";
    pare_err e = {0};
    ck_assert_int_eq(pare_cosim_run(&bad, &r, &e), PARE_EFAIL);
    ck_assert_str_eq(e.file, "/nonexistent/x.fst");
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const values[] = {closed_forms_on_every_kind,
                                   codes_differ_from_lane_to_lane,
                                   bits_above_the_bitlength_do_not_count,
                                   a_dot_product_sums_its_steps_and_the_next_begins_anew,
                                   overflow_wraps_is_flagged_and_forgotten,
                                   NULL};
    const TTest *const cycles[] = {the_result_is_valid_in_cycle_n_and_not_before,
                                   dot_products_follow_each_other_without_a_gap,
                                   a_result_waits_and_holds_the_beats_back,
                                   reset_forgets_the_step_in_progress_and_the_waiting_result,
                                   kinds_are_the_shipped_machines_pes,
                                   NULL};
    const TTest *const campaign[] = {
        random_dot_products_agree_with_the_reference, a_spoilt_expectation_is_noticed,
        an_assertion_of_the_rtl_is_reported, waves_are_written_on_demand, NULL};
    const gtck_case cases[] = {{.suite = "PeValues", .tests = values},
                               {.suite = "PeCycles", .tests = cycles},
                               {.suite = "PeCosim", .tests = campaign, .timeout_s = 60}};
    return gtck_main(argc, argv, "rtl_pe", cases, sizeof cases / sizeof *cases);
}
