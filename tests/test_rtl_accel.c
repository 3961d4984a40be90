/* The whole machine in RTL: random layers against the integer reference, level 2 record by record
 * and the C model pin by pin; layers of which all is known by hand; descriptors that it refuses. */
#include "gtck.h"
#include "rtl/layer.h"
#include "sim/accel_model.h"

#include <stdlib.h>
#include <string.h>

static pare_machine *load_with(const char *name, const char *const *sets, size_t n_sets)
{
    const char *const root = getenv("PARE_SRC") ? getenv("PARE_SRC") : ".";
    char path[512];
    pare_machine *m = NULL;
    pare_err e = {0};
    snprintf(path, sizeof path, "%s/sim/machines/%s.machine.yaml", root, name);
    ck_assert_msg(pare_machine_load(path, sets, n_sets, &m, &e) == PARE_OK, "%s", e.text);
    return m;
}

static pare_machine *load(const char *name) { return load_with(name, NULL, 0); }

/* ---- random layers ---- */

static void run_random(const char *name)
{
    const uint64_t n = getenv("PARE_SLOW") ? 5000 : 150, seed = 20261121;
    pare_machine *const m = load(name);
    const pare_accel_params *const p = pare_accel_find(name);
    pare_err e = {0};
    uint64_t n_run = 0, n_tiles = 0;
    for (uint64_t i = 0; i < n; i++) {
        pare_layer_random x;
        pare_layer_result r;
        pare_layer_random_new(p, seed, i, &x);
        const pare_layer_check check = {.machine = m, .params = p, .has_model = true};
        if (pare_layer_verify_random(&check, &x, &r, &e) == PARE_OK) {
            ck_assert_msg(r.is_ok, "%s, seed %llu, layer %llu: %s", name, (unsigned long long)seed,
                          (unsigned long long)i, r.difference.text);
            n_run++;
            n_tiles += r.level1.map.n_tiles;
        }
        pare_layer_result_free(&r);
        pare_layer_random_free(&x);
    }
    printf("%s: %llu of %llu layers, %llu tiles, seed %llu\n", name, (unsigned long long)n_run,
           (unsigned long long)n, (unsigned long long)n_tiles, (unsigned long long)seed);
    ck_assert_uint_ge(n_run, n * 9 / 10);
    ck_assert_uint_ge(n_tiles, 3 * n_run / 2);
    pare_machine_free(m);
}

START_TEST(random_layers_serial) { run_random("pare4"); }
END_TEST
START_TEST(random_layers_skewed) { run_random("pare4_skew"); }
END_TEST
START_TEST(random_layers_odd_sizes) { run_random("pare_odd"); }
END_TEST
START_TEST(random_layers_fusion) { run_random("pare_fusion"); }
END_TEST
START_TEST(random_layers_fusion_skewed) { run_random("pare_fusion_odd"); }
END_TEST
START_TEST(random_layers_term_serial) { run_random("pare_term"); }
END_TEST

START_TEST(each_machine_file_describes_its_rtl)
{
    size_t n;
    const pare_accel_params *const all = pare_accels(&n);
    for (size_t i = 0; i < n; i++) {
        pare_machine *const m = load(all[i].name);
        pare_err e = {0};
        ck_assert_msg(pare_layer_machine_check(m, &all[i], &e) == PARE_OK, "%s", e.text);
        m->array.rows++;
        ck_assert_int_eq(pare_layer_machine_check(m, &all[i], &e), PARE_EINPUT);
        ck_assert(strstr(e.text, "array.rows"));
        pare_machine_free(m);
    }
}
END_TEST

/* ---- by hand ---- */

/* 1 x 1, 9 channels in two groups of 8 lanes, 5 filters in two folds of 4 rows, 6 windows in two
 * sets of 4 columns, 3 x 2 bits: 2 * 2 folds of 2 steps of 6 beats = 48 cycles. Weights: 2 * 2 * 32
 * * 2 bits in 8 words of 32; activations: 6 * 2 * 8 * 3 bits in 9 words; sums: 8 * 6 words. */
START_TEST(a_layer_by_hand)
{
    static const char *const one_tile[] = {"mapping.tile.filters=8", "mapping.tile.out_rows=2"};
    pare_machine *const m = load_with("pare4", one_tile, 2);
    int32_t weights[5 * 9], acts[6 * 9];
    for (int i = 0; i < 5 * 9; i++) weights[i] = i % 9 == 8 ? 3 : i / 9 == 4;
    for (int i = 0; i < 6 * 9; i++) acts[i] = i / 9 + (i % 9 == 8);
    const pare_layer_job job = {.name = "by_hand",
                                .dims = {1, 9, 2, 3, 5, 1, 1, 2, 3, 1, {1, 1}, {0, 0}, {1, 1}},
                                .weight_bits = 2,
                                .act_bits = 3,
                                .raw = true,
                                .out_bits = 8,
                                .weights = weights,
                                .acts = acts};
    const pare_layer_check check = {
        .machine = m, .params = pare_accel_find("pare4"), .has_model = true};
    pare_layer_result r;
    pare_err e = {0};
    ck_assert_msg(pare_layer_verify(&check, &job, &r, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(r.is_ok, "%s", r.difference.text);
    for (int k = 0; k < 5; k++)
        for (int w = 0; w < 6; w++)
            ck_assert_int_eq(r.outputs[k * 6 + w], (k == 4 ? 8 * w : 0) + 3 * (w + 1));
    const uint64_t latency = m->dram.latency_cycles;
    ck_assert_uint_eq(r.rtl_cycles, latency + 8 + 9 + 48 + latency + 48);
    ck_assert_uint_eq(r.n_records, 3 + 1 + 2);
    pare_layer_result_free(&r);
    pare_machine_free(m);
}
END_TEST

typedef struct hand_layer {
    const char *machine;
    uint32_t channels, act_bits, weight_bits; /* unsigned */
    const int32_t *weights, *acts;            /* 5 filters, 6 windows */
} hand_layer;

/* 1 x 1, 2 x 3 windows, sums, in one tile; returns its cycles without the two latencies. */
static uint64_t run_by_hand(const hand_layer *h, int32_t outputs[30])
{
    static const char *const one_tile[] = {"mapping.tile.filters=8", "mapping.tile.out_rows=2"};
    pare_machine *const m = load_with(h->machine, one_tile, 2);
    const pare_layer_job job = {
        .name = "by_hand",
        .dims = {1, h->channels, 2, 3, 5, 1, 1, 2, 3, 1, {1, 1}, {0, 0}, {1, 1}, 0},
        .weight_bits = h->weight_bits,
        .act_bits = h->act_bits,
        .raw = true,
        .out_bits = 8,
        .weights = h->weights,
        .acts = h->acts};
    const pare_layer_check check = {
        .machine = m, .params = pare_accel_find(h->machine), .has_model = true};
    pare_layer_result r;
    pare_err e = {0};
    ck_assert_msg(pare_layer_verify(&check, &job, &r, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(r.is_ok, "%s", r.difference.text);
    ck_assert_uint_eq(r.n_records, 3 + 1 + 2);
    memcpy(outputs, r.outputs, 30 * sizeof *outputs);
    const uint64_t cycles = r.rtl_cycles - 2 * (uint64_t)m->dram.latency_cycles;
    pare_layer_result_free(&r);
    pare_machine_free(m);
    return cycles;
}

/* Activations of 3 bits take 4 places of a unit, weights of 2 take 2: 2 * 2 * 4 = 16 products a
 * step. 17 channels in two steps, 5 filters in two folds, 6 windows in two sets, a fold no faster
 * than the 6 cycles of the next windows: 24 cycles. Weights: 2 * 4 * 32 * 2 bits in 8 words of 64;
 * activations: 6 * 32 * 3 bits in 9; sums: 8 * 6 in 24. */
START_TEST(a_fusion_layer_by_hand)
{
    int32_t weights[5 * 17], acts[6 * 17], outputs[30];
    for (int i = 0; i < 5 * 17; i++) weights[i] = i % 17 == 16 ? 3 : i / 17 == 4;
    for (int i = 0; i < 6 * 17; i++) acts[i] = i / 17 + (i % 17 == 16);
    const hand_layer h = {"pare_fusion", 17, 3, 2, weights, acts};
    ck_assert_uint_eq(run_by_hand(&h, outputs), 8 + 9 + 24 + 24);
    for (int k = 0; k < 5; k++)
        for (int w = 0; w < 6; w++)
            ck_assert_int_eq(outputs[k * 6 + w], (k == 4 ? 16 * w : 0) + 3 * (w + 1));
}
END_TEST

/* 40 channels in ten steps of 4 lanes, a cycle each, and one to read the first. In the first set of
 * 4 windows 85 = 64 + 16 + 4 + 1 takes four cycles; in the second set 1 and 16 of one step are too
 * far apart for the first shifter and take two: 14 + 12 cycles. Weights: 8 * 40 * 8 bits in 80
 * words of 32; activations: 6 * 40 * 7 bits in 53; sums: 8 * 6 words. */
START_TEST(a_term_serial_layer_by_hand)
{
    int32_t weights[5 * 40], acts[6 * 40] = {0}, outputs[30];
    for (int i = 0; i < 5 * 40; i++) weights[i] = i / 40 + 1;
    acts[1 * 40 + 7] = 85;
    acts[5 * 40 + 20] = 1;
    acts[5 * 40 + 23] = 16;
    const hand_layer h = {"pare_term", 40, 7, 8, weights, acts};
    ck_assert_uint_eq(run_by_hand(&h, outputs), 80 + 53 + 14 + 12 + 48);
    for (int k = 0; k < 5; k++)
        for (int w = 0; w < 6; w++)
            ck_assert_int_eq(outputs[k * 6 + w], (k + 1) * (w == 1 ? 85 : w == 5 ? 17 : 0));
}
END_TEST

/* One column: the schedule is the PE's own. */
START_TEST(term_serial_folds_have_the_schedule_of_the_pe)
{
    enum { STEPS = 12 };
    const pare_accel_params *const p = pare_accel_find("pare_term");
    const pare_pe pe = {.lanes = p->lanes,
                        .act_digit = 1,
                        .weight_digit = 8,
                        .max_act_bits = 8,
                        .max_weight_bits = 8,
                        .acc_bits = 32};
    int32_t weights[STEPS * 4] = {0}, acts[STEPS * 4];
    ck_assert_uint_eq(p->lanes, 4);
    for (uint64_t seed = 0; seed < 200; seed++) {
        pare_rng r = pare_rng_new(seed, 1);
        pare_accel_params own = *p;
        own.recoding = pare_rng_below(&r, 3);
        own.first_stage_bits = pare_rng_below(&r, 4);
        const bool is_signed = pare_rng_below(&r, 2);
        for (int i = 0; i < STEPS * 4; i++)
            acts[i] = (int32_t)pare_rng_below(&r, 256) - (is_signed ? 128 : 0);
        const pare_pe_shifter shifter = {(pare_pe_terms)own.recoding, own.first_stage_bits};
        const pare_pe_work work = {8, 8, is_signed, false, STEPS, acts, weights};
        ck_assert_uint_eq(pare_accel_fold_cycles(&own, 8, 8, STEPS, acts, 1),
                          1 + pare_pe_term_dot(&pe, &shifter, &work, NULL).cycles);
    }
}
END_TEST

static void ignore(void *context, const pare_event *event)
{
    (void)context;
    (void)event;
}

/* Where no value matters, the tiles' cycles are those that level 2 finds by itself. */
START_TEST(given_cycles_of_tiles_are_level_2s)
{
    static const char *const names[] = {"pare4_skew", "pare_odd", "pare_fusion"};
    pare_err e = {0};
    for (uint64_t i = 0; i < 60; i++) {
        pare_machine *const m = load(names[i % 3]);
        const pare_accel_params *const p = pare_accel_find(names[i % 3]);
        pare_layer_random x;
        pare_sim_layer own;
        pare_layer_random_new(p, 11, i, &x);
        const pare_sim_job job = {.layer = "x",
                                  .type = "conv2d",
                                  .dims = x.job.dims,
                                  .weight_bits = x.job.weight_bits,
                                  .act_bits = x.job.act_bits,
                                  .out_bits = x.job.out_bits};
        if (pare_sim_events_at(m, &job, &x.pace, ignore, NULL, &own, &e) == PARE_OK) {
            size_t n;
            uint64_t cycles;
            uint64_t *const tiles = pare_layer_tile_cycles(p, &x.job, &own.map, &n);
            ck_assert_uint_eq(n, own.map.n_tiles);
            ck_assert_int_eq(
                pare_sim_events_given(m, &job, &x.pace, tiles, n, NULL, NULL, &cycles, &e),
                PARE_OK);
            ck_assert_uint_eq(cycles, own.stats.cycles);
            ck_assert_int_eq(
                pare_sim_events_given(m, &job, &x.pace, tiles, n + 1, NULL, NULL, &cycles, &e),
                PARE_EINPUT);
            ck_assert_msg(strstr(e.text, "expected"), "%s", e.text);
            free(tiles);
        }
        pare_layer_random_free(&x);
        pare_machine_free(m);
    }
}
END_TEST

/* Two images, two groups: the sums of the loop nest, and as many cycles as descriptors take. */
START_TEST(groups_and_images_are_split)
{
    pare_machine *const m = load("pare4");
    const pare_dims d = {2, 6, 4, 5, 10, 3, 3, 4, 5, 2, {1, 1}, {1, 1}, {1, 1}, 0};
    int32_t weights[10 * 9 * 3], acts[2 * 20 * 6];
    pare_rng rng = pare_rng_new(5, 0);
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        weights[i] = (int32_t)pare_rng_below(&rng, 16);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        acts[i] = (int32_t)pare_rng_below(&rng, 8);
    const pare_layer_job job = {.name = "split",
                                .dims = d,
                                .weight_bits = 4,
                                .act_bits = 3,
                                .raw = true,
                                .out_bits = 8,
                                .weights = weights,
                                .acts = acts};
    const pare_layer_check check = {.machine = m, .params = pare_accel_find("pare4")};
    pare_layer_result r;
    pare_err e = {0};
    ck_assert_msg(pare_layer_verify_split(&check, &job, &r, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(r.is_ok, "%s", r.difference.text);
    ck_assert_uint_eq(r.n_descriptors, 4);
    ck_assert_uint_eq(r.rtl_cycles, r.level2_cycles);
    for (int o = 0; o < 2 * 10 * 20; o++) {
        const int n = o / 200, k = o / 20 % 10, p = o / 5 % 4, q = o % 5;
        int32_t sum = 0;
        for (int i = 0; i < 27; i++) {
            const int h = p + i / 9 - 1, w = q + i / 3 % 3 - 1, c = i % 3;
            if (h < 0 || h >= 4 || w < 0 || w >= 5) continue;
            sum += weights[k * 27 + i] * acts[(n * 20 + h * 5 + w) * 6 + k / 5 * 3 + c];
        }
        ck_assert_int_eq(r.outputs[o], sum);
    }
    pare_layer_result_free(&r);
    pare_machine_free(m);
}
END_TEST

START_TEST(rounding_clamping_and_correction_by_hand)
{
    pare_accel_descriptor d = {.out_bits = 4, .out_zero = 2};
    pare_accel_filter f = {0, 1, 9}; /* t = 256 * sum, code = rint(sum / 2) + 2 */
    const int32_t sums[] = {0, 1, 2, 3, 5, 7, -1, -3, -5, 100, -100};
    const int32_t codes[] = {2, 2, 3, 4, 4, 6, 2, 0, 0, 15, 0};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        ck_assert_int_eq(pare_accel_requantize(&d, &f, sums[i], 0), codes[i]);
    d.relu = true;
    ck_assert_int_eq(pare_accel_requantize(&d, &f, -3, 0), 2);
    d.relu = false;
    d.out_signed = true;
    ck_assert_int_eq(pare_accel_requantize(&d, &f, 100, 0), 7);
    ck_assert_int_eq(pare_accel_requantize(&d, &f, -100, 0), -8);
    d.weight_zero = (uint32_t)-32768; /* half of an activation less */
    ck_assert_int_eq(pare_accel_requantize(&d, &f, 10, 12), 4);
    f.bias = 512;
    ck_assert_int_eq(pare_accel_requantize(&d, &f, 10, 12), 5);
    f.multiplier = -1;
    ck_assert_int_eq(pare_accel_requantize(&d, &f, 10, 12), -1);
}
END_TEST

/* ---- descriptors that it refuses ---- */

static uint32_t answer(pare_dut_accel *dut, pare_accel_model *model,
                       const uint32_t words[PARE_ACCEL_WORDS])
{
    size_t n = 0;
    for (int i = 0; i < 2000; i++) {
        pare_accel_in in = {.status_ready = i % 3 == 0, .desc_valid = n < PARE_ACCEL_WORDS};
        pare_accel_out rtl, own;
        if (in.desc_valid) in.desc = words[n];
        pare_dut_accel_cycle(dut, &in, &rtl);
        pare_accel_model_cycle(model, &in, &own);
        const char *const pin = pare_accel_model_difference(model, &rtl, &own);
        ck_assert_msg(!pin, "%s differs in cycle %d", pin, i);
        ck_assert_msg(!rtl.run && !rtl.req_valid, "it runs");
        n += in.desc_valid && rtl.desc_ready;
        if (rtl.status_valid && in.status_ready) return rtl.status;
    }
    ck_abort_msg("no answer");
    return 0;
}

static const pare_accel_descriptor GOOD = {.version = 1,
                                           .act_bits = 3,
                                           .weight_bits = 3,
                                           .out_bits = 8,
                                           .in_height = 6,
                                           .in_width = 6,
                                           .channels = 9,
                                           .filters = 5,
                                           .kernel_height = 3,
                                           .kernel_width = 3,
                                           .dilation_height = 1,
                                           .dilation_width = 1,
                                           .stride_height = 1,
                                           .stride_width = 1,
                                           .pad_height = 1,
                                           .pad_width = 1,
                                           .out_height = 6,
                                           .out_width = 6,
                                           .tile_filters = 8,
                                           .tile_rows = 6};

START_TEST(bad_descriptors_are_refused_by_code)
{
    static const struct {
        size_t offset;
        uint32_t value, status;
    } bad[] = {
#define BAD(member, value, id)                                                                     \
    {offsetof(pare_accel_descriptor, member), value, PARE_ACCEL_STATUS_##id}
        BAD(version, 0, VERSION),
        BAD(version, 2, VERSION),
        BAD(act_bits, 0, ACT_BITS),
        BAD(act_bits, 9, ACT_BITS),
        BAD(weight_bits, 0, WEIGHT_BITS),
        BAD(weight_bits, 9, WEIGHT_BITS),
        BAD(out_bits, 0, OUT_BITS),
        BAD(out_bits, 17, OUT_BITS),
        BAD(in_height, 0, INPUT),
        BAD(in_width, 0, INPUT),
        BAD(channels, 0, CHANNELS),
        BAD(filters, 0, FILTERS),
        BAD(filters, 1025, FILTERS),
        BAD(filters, 65535, FILTERS),
        BAD(kernel_height, 0, KERNEL),
        BAD(kernel_width, 0, KERNEL),
        BAD(dilation_height, 0, DILATION),
        BAD(dilation_width, 0, DILATION),
        BAD(stride_height, 0, STRIDE),
        BAD(stride_width, 0, STRIDE),
        BAD(pad_height, 3, PAD),
        BAD(pad_width, 255, PAD),
        BAD(out_height, 0, OUTPUT),
        BAD(out_width, 0, OUTPUT),
        BAD(out_height, 7, OUTPUT),
        BAD(out_width, 65535, OUTPUT),
        BAD(in_height, 5, OUTPUT),
        BAD(stride_width, 2, OUTPUT),
        BAD(tile_filters, 0, TILE_FILTERS),
        BAD(tile_filters, 6, TILE_FILTERS),
        BAD(tile_rows, 0, TILE_ROWS),
        BAD(channels, 65535, ACT_BUFFER),
        BAD(in_width, 65535, ACT_BUFFER),
#undef BAD
    };
    pare_dut_accel *const dut = pare_dut_accel_new(pare_accel_find("pare4"));
    pare_accel_model *const model = pare_accel_model_new(pare_accel_find("pare4"));
    uint32_t words[PARE_ACCEL_WORDS];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pare_accel_descriptor d = GOOD;
        memcpy((char *)&d + bad[i].offset, &bad[i].value, sizeof bad[i].value);
        pare_accel_pack(&d, words);
        const uint32_t status = answer(dut, model, words);
        ck_assert_msg(status == bad[i].status, "case %zu: %s, %s expected", i,
                      pare_accel_status_name(status), pare_accel_status_name(bad[i].status));
    }
    for (int bit = 14; bit < 64; bit++) { /* of words 0 and 1 */
        if (bit >= 32 && ((0x1f1f1f >> (bit - 32)) & 1)) continue;
        pare_accel_pack(&GOOD, words);
        words[bit / 32] |= 1u << bit % 32;
        ck_assert_uint_eq(answer(dut, model, words), PARE_ACCEL_STATUS_RESERVED);
    }
    pare_accel_descriptor wide = GOOD; /* 1 x 1: a tile's weights, outputs */
    wide.kernel_height = wide.kernel_width = 1;
    wide.pad_height = wide.pad_width = 0;
    wide.channels = 4096;
    wide.in_height = wide.in_width = wide.out_height = wide.out_width = wide.tile_rows = 1;
    wide.weight_bits = 8;
    pare_accel_pack(&wide, words);
    ck_assert_uint_eq(answer(dut, model, words), PARE_ACCEL_STATUS_WEIGHT_BUFFER);
    wide.channels = wide.act_bits = 1;
    wide.in_height = wide.in_width = wide.out_height = wide.out_width = wide.tile_rows = 60;
    pare_accel_pack(&wide, words);
    ck_assert_uint_eq(answer(dut, model, words), PARE_ACCEL_STATUS_OUT_BUFFER);
    pare_accel_model_free(model);
    pare_dut_accel_free(dut);
}
END_TEST

/* How many planes a tile has follows from both bitlengths; where setup stops, the model's pins say.
 */
START_TEST(fusion_descriptors_are_refused_by_their_bits)
{
    static const struct {
        uint32_t act_bits, weight_bits, channels, filters, in_width, status;
    } bad[] = {
        {9, 8, 8, 4, 1, PARE_ACCEL_STATUS_ACT_BITS},
        {8, 9, 8, 4, 1, PARE_ACCEL_STATUS_WEIGHT_BITS},
        /* steps of 8 channels: 512 of 8 * 4 planes; of 8192 */
        {2, 8, 4096, 4, 1, PARE_ACCEL_STATUS_WEIGHT_BUFFER},
        /* of 16: a fold has 256 of 3 * 8, two folds too many */
        {2, 3, 4096, 8, 1, PARE_ACCEL_STATUS_WEIGHT_BUFFER},
        /* of 32: 33 channels are two of 16 planes, 1025 times; of 32768 */
        {1, 1, 33, 4, 1025, PARE_ACCEL_STATUS_ACT_BUFFER},
    };
    pare_dut_accel *const dut = pare_dut_accel_new(pare_accel_find("pare_fusion"));
    pare_accel_model *const model = pare_accel_model_new(pare_accel_find("pare_fusion"));
    uint32_t words[PARE_ACCEL_WORDS];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pare_accel_descriptor d = GOOD;
        d.kernel_height = d.kernel_width = 1;
        d.pad_height = d.pad_width = 0;
        d.in_height = d.out_height = d.out_width = d.tile_rows = 1;
        d.act_bits = bad[i].act_bits;
        d.weight_bits = bad[i].weight_bits;
        d.channels = bad[i].channels;
        d.filters = d.tile_filters = bad[i].filters;
        d.in_width = bad[i].in_width;
        pare_accel_pack(&d, words);
        const uint32_t status = answer(dut, model, words);
        ck_assert_msg(status == bad[i].status, "case %zu: %s, %s expected", i,
                      pare_accel_status_name(status), pare_accel_status_name(bad[i].status));
    }
    pare_accel_model_free(model);
    pare_dut_accel_free(dut);
}
END_TEST

START_TEST(a_hang_is_a_failure)
{
    pare_machine *const m = load("pare4");
    const pare_accel_params *const p = pare_accel_find("pare4");
    pare_layer_random x;
    pare_layer_image image;
    pare_layer_outcome o;
    pare_sim_layer level;
    pare_err e = {0};
    pare_layer_random_new(p, 1, 0, &x);
    const pare_sim_job job = {.layer = "x",
                              .type = "conv2d",
                              .dims = x.job.dims,
                              .weight_bits = x.job.weight_bits,
                              .act_bits = x.job.act_bits,
                              .out_bits = 8};
    ck_assert_int_eq(pare_sim_run_layer(m, &job, &level, &e), PARE_OK);
    ck_assert_int_eq(pare_layer_image_new(p, &x.job, &level.map, &image, &e), PARE_OK);
    const pare_layer_run run = {.image = &image,
                                .filters = x.job.filters,
                                .latency_cycles = 1000000, /* memory does not answer */
                                .limit_cycles = 2000};
    ck_assert_int_eq(pare_layer_run_rtl(&run, &o, &e), PARE_OK);
    ck_assert(!o.is_ok);
    ck_assert_msg(strstr(o.difference.text, "no answer after 2000 cycles"), "%s",
                  o.difference.text);
    pare_layer_outcome_free(&o);
    pare_layer_image_free(&image);
    pare_layer_random_free(&x);
    pare_machine_free(m);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {random_layers_serial,
                                  random_layers_skewed,
                                  random_layers_odd_sizes,
                                  random_layers_fusion,
                                  random_layers_fusion_skewed,
                                  random_layers_term_serial,
                                  each_machine_file_describes_its_rtl,
                                  a_layer_by_hand,
                                  a_fusion_layer_by_hand,
                                  a_term_serial_layer_by_hand,
                                  term_serial_folds_have_the_schedule_of_the_pe,
                                  given_cycles_of_tiles_are_level_2s,
                                  groups_and_images_are_split,
                                  rounding_clamping_and_correction_by_hand,
                                  bad_descriptors_are_refused_by_code,
                                  fusion_descriptors_are_refused_by_their_bits,
                                  a_hang_is_a_failure,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Accel", .tests = tests, .timeout_s = 60}};
    return gtck_main(argc, argv, "rtl_accel", cases, sizeof cases / sizeof *cases);
}
