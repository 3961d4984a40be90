/* Layers that can be computed by hand, on every machine of the main set, with ideal memory: what
 * remains is the array. The computation stands beside each number:
 *   window sets x filter sets x steps x cycles of a step (docs/machines.md). */
#include "gtck.h"
#include "sim/sim.h"

#include <string.h>

static pare_machine *load(const char *name, const char *set)
{
    const char *const sets[] = {"memory.model=ideal", set};
    pare_err e = {0};
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    ck_assert_msg(pare_machine_load(path.text, sets, set ? 2 : 1, &m, &e) == PARE_OK, "%s", e.text);
    pare_buf_free(&path);
    return m;
}

static pare_sim_layer run(const char *name, const char *set, const pare_sim_job *job)
{
    pare_machine *const m = load(name, set);
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_msg(pare_sim_run_layer(m, job, &l, &e) == PARE_OK, "%s", e.text);
    pare_machine_free(m);
    return l;
}

/* c x h x h to k x h x h, kernel r x r, "same" padding */
static pare_sim_job conv(uint32_t c, uint32_t h, uint32_t k, uint32_t r, uint32_t groups,
                         uint32_t weight_bits, uint32_t act_bits)
{
    return (pare_sim_job){.layer = "l",
                          .type = "conv2d",
                          .dims = {.n = 1,
                                   .c = c,
                                   .h = h,
                                   .w = h,
                                   .k = k,
                                   .r = r,
                                   .s = r,
                                   .p = h,
                                   .q = h,
                                   .groups = groups,
                                   .stride = {1, 1},
                                   .pad = {r / 2, r / 2},
                                   .dilation = {1, 1}},
                          .weight_bits = weight_bits,
                          .act_bits = act_bits,
                          .out_bits = 8};
}

typedef struct expectation {
    const char *machine;
    uint64_t cycles;
} expectation;

static void check(const pare_sim_job *job, const expectation *expected, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const pare_sim_layer l = run(expected[i].machine, NULL, job);
        ck_assert_msg(l.stats.cycles == expected[i].cycles, "%s: %llu cycles, %llu by hand",
                      expected[i].machine, (unsigned long long)l.stats.cycles,
                      (unsigned long long)expected[i].cycles);
    }
}
#define CHECK(job, ...)                                                                            \
    do {                                                                                           \
        const pare_sim_job job_ = job;                                                             \
        const expectation expected_[] = {__VA_ARGS__};                                             \
        check(&job_, expected_, sizeof expected_ / sizeof *expected_);                             \
    } while (0)

/* 64 x 14 x 14 -> 32, 3x3, weights 4 b, activations 5 b: 196 windows, 9 positions x 4 lane sets */
START_TEST(convolution_by_hand)
{
    CHECK(conv(64, 14, 32, 3, 1, 4, 5), {"bitparallel8", 196 * 2 * 36}, /* 16 filters */
          {"bitparallel16", 196 * 8 * 36},                              /* 4 filters */
          {"stripes", 25 * 2 * 36 * 5},                                 /* 8 windows, 5 cycles */
          {"unpu", 25 * 2 * 36 * 4},  /* 8 tiles of windows, 4 cycles */
          {"loom1", 4 * 2 * 36 * 20}, /* 8 x 8 windows, 5 x 4 cycles */
          {"loom2", 7 * 2 * 36 * 12}, /* 8 x 4 windows, 3 x 4 cycles */
          {"loom4", 25 * 1 * 36 * 8}, /* 8 windows; 2 columns of filters keep up with 2 cycles */
          {"bitfusion", 196 * 2 * (9 * 2)}); /* 4 b x 8 b: units split in 2, 32 lanes */
}
END_TEST

/* as above in two groups: 32 channels and 16 filters each, so 9 x 2 steps and 1 filter set */
START_TEST(grouped_convolution_by_hand)
{
    CHECK(conv(64, 14, 32, 3, 2, 4, 5), {"bitparallel8", 2 * 196 * 18},
          {"bitparallel16", 2 * 196 * 4 * 18}, {"stripes", 2 * 25 * 18 * 5},
          {"unpu", 2 * 25 * 18 * 4}, {"loom1", 2 * 4 * 18 * 20}, {"loom2", 2 * 7 * 18 * 12},
          {"loom4", 2 * 13 * 18 * 8}, {"bitfusion", 2 * 196 * 9});
}
END_TEST

/* 32 channels, one filter each: 16 of them lie side by side in lanes and rows, so 2 x 9 steps */
START_TEST(depthwise_convolution_by_hand)
{
    CHECK(conv(32, 14, 32, 3, 32, 4, 5), {"bitparallel8", 196 * 2 * 9},
          {"bitparallel16", 196 * 8 * 9}, /* 4 rows: 4 channels at once */
          {"stripes", 25 * 2 * 9 * 5}, {"unpu", 25 * 2 * 9 * 4}, {"loom1", 4 * 2 * 9 * 20},
          {"loom2", 7 * 2 * 9 * 12}, {"loom4", 13 * 2 * 9 * 8},
          {"bitfusion", 196 * 2 * 9}); /* 32 lanes, but 16 rows */
}
END_TEST

START_TEST(pointwise_convolution_by_hand)
{
    CHECK(conv(64, 14, 32, 1, 1, 4, 5), {"bitparallel8", 196 * 2 * 4}, {"stripes", 25 * 2 * 4 * 5},
          {"unpu", 25 * 2 * 4 * 4}, {"loom1", 4 * 2 * 4 * 20}, {"bitfusion", 196 * 2 * 2});
}
END_TEST

/* dilation moves the positions apart; their number and so the cycles stay */
START_TEST(dilated_convolution_by_hand)
{
    pare_sim_job job = conv(64, 14, 32, 3, 1, 4, 5);
    job.dims.dilation[0] = job.dims.dilation[1] = 2;
    job.dims.pad[0] = job.dims.pad[1] = 2;
    CHECK(job, {"bitparallel8", 196 * 2 * 36}, {"stripes", 25 * 2 * 36 * 5},
          {"loom1", 4 * 2 * 36 * 20});
}
END_TEST

/* 512 -> 1000: 32 lane sets. Columns hold filters that take turns: 8 columns need 8 cycles of
 * weight port per digit, so Stripes gains nothing below 8-bit activations, Loom only from weights
 */
START_TEST(fully_connected_by_hand)
{
    CHECK(conv(512, 1, 1000, 1, 1, 8, 8), {"bitparallel8", 63 * 32}, {"stripes", 8 * 32 * 8},
          {"unpu", 8 * 32 * 8}, {"loom1", 1 * 32 * 8 * 8}, {"bitfusion", 63 * 32});
    CHECK(conv(512, 1, 1000, 1, 1, 8, 4), {"stripes", 8 * 32 * 8}, {"loom1", 1 * 32 * 8 * 8});
    CHECK(conv(512, 1, 1000, 1, 1, 4, 8), {"stripes", 8 * 32 * 8}, {"unpu", 8 * 32 * 4},
          {"loom1", 1 * 32 * 8 * 4}, {"bitfusion", 63 * 16});
}
END_TEST

/* Q K^T of 4 heads, 16 channels each, 10 tokens: per head 10 windows, 10 "filters", 1 lane set */
START_TEST(matrix_product_by_hand)
{
    pare_sim_job job = conv(64, 1, 40, 1, 4, 8, 8);
    job.dims.h = job.dims.p = 10;
    CHECK(job, {"bitparallel8", 4 * 10}, {"stripes", 4 * 2 * 8}, {"unpu", 4 * 2 * 8},
          {"loom1", 4 * 1 * 64}, {"bitparallel16", 4 * 10 * 3});
}
END_TEST

/* 3 channels of the network's input: 27 deep in 2 lane sets, elsewhere 9 x 1 */
START_TEST(first_layer_is_flattened)
{
    pare_sim_job job = conv(3, 8, 16, 3, 1, 8, 8);
    CHECK(job, {"bitparallel8", 64 * 9});
    job.reads_input = true;
    CHECK(job, {"bitparallel8", 64 * 2}, {"stripes", 8 * 2 * 8}, {"bitfusion", 64 * 2});
}
END_TEST

/* a 3x3 kernel with one scale each position: 9 sums an output, each stands still for a cycle (two
 * with scale_cycles 2) in each of the folds; 64 windows x 16 filters x 9 products */
START_TEST(scales_of_kernel_positions_by_hand)
{
    pare_sim_job job = conv(16, 8, 16, 3, 1, 2, 8);
    const pare_sim_layer none = run("stripes", NULL, &job);
    ck_assert_uint_eq(none.stats.scale_products, 0);
    ck_assert_uint_eq(none.stats.scale_cycles, 0);
    ck_assert(none.stats.scale_pj == 0);
    job.scale_sums = 9;
    const pare_sim_layer one = run("stripes", NULL, &job);
    const pare_sim_layer two = run("stripes", "pe.scale_cycles=2", &job);
    const pare_sim_layer hidden = run("stripes", "pe.scale_cycles=0", &job);
    const uint64_t folds = 8; /* of 8 windows, 9 steps of 8 cycles */
    ck_assert_uint_eq(none.stats.cycles, folds * 9 * 8);
    ck_assert_uint_eq(one.stats.scale_products, 64 * 16 * 9);
    ck_assert_uint_eq(one.stats.scale_cycles, folds * 9);
    ck_assert_uint_eq(one.stats.cycles, none.stats.cycles + folds * 9);
    ck_assert_uint_eq(two.stats.scale_cycles, folds * 18);
    ck_assert_uint_eq(hidden.stats.cycles, none.stats.cycles);
    ck_assert_uint_eq(one.stats.padding_cycles, none.stats.padding_cycles);
    ck_assert(hidden.stats.scale_pj > 0 && hidden.stats.scale_pj == two.stats.scale_pj);
    /* 16 x 32 bits: horowitz45's multiplier and adder of the accumulator */
    pare_machine *const m = load("stripes", "pe.acc_bits=32");
    const double pj = 32 * 16 * 0.002994792 + (32 + 16) * 0.000520834 + 32 * 0.003125;
    ck_assert_double_eq_tol(m->costs.scale_pj, pj, 1e-6);
    ck_assert_double_eq_tol(one.stats.scale_pj, 64 * 16 * 9 * pj, 1e-2);
    pare_machine_free(m);
}
END_TEST

/* 27 deep in 2 lane sets; with one scale each position every step is within one position */
START_TEST(a_step_has_one_scale)
{
    pare_sim_job job = conv(3, 8, 16, 3, 1, 8, 8);
    job.reads_input = true;
    job.scale_sums = 9;
    ck_assert_uint_eq(run("bitparallel8", "pe.scale_cycles=0", &job).stats.cycles, 64 * 9);
    job.scale_sums = 3; /* one each row: 9 deep */
    ck_assert_uint_eq(run("bitparallel8", "pe.scale_cycles=0", &job).stats.cycles, 64 * 3);
}
END_TEST

/* two weight tensors: twice the products and weights, the same inputs and outputs */
START_TEST(tensors_that_are_added_by_hand)
{
    static const char *const names[] = {"bitparallel8", "stripes", "loom1", "bitfusion",
                                        "systolic_ws"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        pare_sim_job job = conv(64, 8, 48, 3, 1, 8, 8);
        const char *const set = "pe.scale_cycles=0";
        const pare_sim_stats one = run(names[i], set, &job).stats;
        job.dims.tensors = 2;
        const pare_sim_stats two = run(names[i], set, &job).stats;
        ck_assert_uint_eq(two.macs, 2 * one.macs);
        ck_assert_uint_eq(two.ideal_cycles, 2 * one.ideal_cycles);
        ck_assert_uint_eq(two.weight_buffer_read_bits, 2 * one.weight_buffer_read_bits);
        ck_assert_uint_eq(two.dram_weight_bits, 2 * one.dram_weight_bits);
        ck_assert_uint_eq(two.dram_act_bits, one.dram_act_bits);
        ck_assert_uint_eq(two.dram_out_bits, one.dram_out_bits);
    }
    pare_sim_job job = conv(64, 8, 64, 3, 1, 8, 8);
    CHECK(job, {"bitparallel8", 64 * 4 * 9 * 4});
    job.dims.tensors = 2;
    CHECK(job, {"bitparallel8", 2 * 64 * 4 * 9 * 4});
}
END_TEST

/* weight stationary, 32 x 32: a fold of 64 windows takes 32 to load, 62 to fill and drain */
START_TEST(systolic_arrays_by_hand)
{
    const pare_sim_job job = conv(64, 8, 48, 1, 1, 8, 8);
    const pare_sim_layer ws = run("systolic_ws", NULL, &job), os = run("systolic_os", NULL, &job);
    ck_assert_uint_eq(ws.stats.cycles, 2 * 2 * (64 + 32 + 62) - 1);
    ck_assert_uint_eq(ws.stats.weight_load_cycles, 2 * 2 * 32);
    ck_assert_uint_eq(ws.stats.fill_drain_cycles, 2 * 2 * 62 - 1);
    ck_assert_uint_eq(ws.stats.ideal_cycles, 64 * 64 * 48 / 1024);
    ck_assert_uint_eq(ws.stats.padding_cycles, 2 * 2 * 64 - 64 * 64 * 48 / 1024);
    ck_assert_uint_eq(os.stats.cycles, 2 * 2 * (64 + 62) - 1);
    const char *const honest = "compat.count_from_zero=false";
    ck_assert_uint_eq(run("systolic_ws", honest, &job).stats.cycles, ws.stats.cycles + 1);
    ck_assert_uint_eq(run("systolic_os", honest, &job).stats.cycles, os.stats.cycles + 1);
}
END_TEST

/* one more filter, window or channel than the array takes at once costs a whole further pass */
START_TEST(edges_cost_a_whole_pass)
{
    const pare_sim_job full = conv(16, 4, 16, 1, 1, 8, 8); /* 16 windows, 1 step */
    pare_sim_job filter = full, lane = full, window = full;
    filter.dims.k = 17;
    lane.dims.c = 17;
    window.dims.h = window.dims.p = 17;
    window.dims.w = window.dims.q = 1;
    CHECK(full, {"bitparallel8", 16}, {"stripes", 2 * 8}, {"unpu", 2 * 8}, {"loom1", 64});
    CHECK(filter, {"bitparallel8", 2 * 16}, {"stripes", 2 * 2 * 8}, {"unpu", 2 * 2 * 8});
    CHECK(lane, {"bitparallel8", 2 * 16}, {"stripes", 2 * 2 * 8}, {"loom1", 2 * 64});
    CHECK(window, {"bitparallel8", 17}, {"stripes", 3 * 8}, {"unpu", 3 * 8}, {"loom1", 64});
}
END_TEST

/* rows * tiles filters exactly, and one more, where the tiles may hold filters only */
START_TEST(tiles_of_filters_have_an_edge_too)
{
    const char *const set = "mapping.tiles=filters";
    const pare_sim_job exact = conv(16, 4, 128, 1, 1, 3, 8), more = conv(16, 4, 129, 1, 1, 3, 8);
    ck_assert_uint_eq(run("unpu", set, &exact).stats.cycles, 16 * 3);
    ck_assert_uint_eq(run("unpu", set, &more).stats.cycles, 2 * 16 * 3);
}
END_TEST

/* at 8 x 8 bits and full lanes every machine of the set but the 16-bit one does 256 MACs a cycle,
 * and the ideal cycles at any bits are the same for all of them */
START_TEST(the_main_set_is_normalised)
{
    static const char *const names[] = {"bitparallel8", "stripes", "unpu",     "loom1",
                                        "loom2",        "loom4",   "bitfusion"};
    const pare_sim_job job = conv(256, 16, 128, 3, 1, 8, 8), low = conv(256, 16, 128, 3, 1, 3, 5);
    const uint64_t macs = 9ull * 256 * 256 * 128;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const pare_sim_layer l = run(names[i], NULL, &job);
        ck_assert_uint_eq(l.stats.cycles, macs / 256);
        ck_assert_double_eq_tol(l.utilization, 1, 1e-12);
        ck_assert_uint_eq(run(names[i], NULL, &low).stats.ideal_cycles, macs * 15 / 16384);
        pare_machine *const m = load(names[i], NULL);
        ck_assert_uint_eq(pare_machine_peak_bit_products(m), 16384);
        ck_assert_double_eq(pare_machine_peak_macs(m, 8, 8), 256);
        pare_machine_free(m);
    }
    pare_machine *const wide = load("bitparallel16", NULL);
    ck_assert_uint_eq(pare_machine_peak_bit_products(wide), 16384);
    pare_machine_free(wide);
}
END_TEST

/* P20: Stripes' time is proportional to the activations' bits, Loom's to both; at 8 bits all take
 * the time of the 8-bit baseline. */
START_TEST(time_follows_the_bits_of_each_machine)
{
    for (uint32_t w = 1; w <= 8; w++)
        for (uint32_t a = 1; a <= 8; a++) {
            const pare_sim_job job = conv(64, 16, 64, 3, 1, w, a);
            const uint64_t steps = 36 * 4; /* and 32 sets of 8 windows */
            ck_assert_uint_eq(run("stripes", NULL, &job).stats.cycles, 32 * steps * a);
            ck_assert_uint_eq(run("unpu", NULL, &job).stats.cycles, 32 * steps * w);
            ck_assert_uint_eq(run("loom1", NULL, &job).stats.cycles, 4 * steps * a * w);
            ck_assert_uint_eq(run("loom2", NULL, &job).stats.cycles, 8 * steps * ((a + 1) / 2) * w);
            ck_assert_uint_eq(run("bitparallel8", NULL, &job).stats.cycles, 256 * steps);
        }
}
END_TEST

/* Bit Fusion rounds to 2, 4 and 8: 64 channels in 16, 32, 64 (.. 256) lanes */
START_TEST(bit_fusion_rounds_to_powers_of_two)
{
    static const uint32_t ways[9] = {0, 4, 4, 2, 2, 1, 1, 1, 1};
    for (uint32_t w = 1; w <= 8; w++)
        for (uint32_t a = 1; a <= 8; a++) {
            const pare_sim_job job = conv(512, 4, 16, 1, 1, w, a);
            const uint64_t lanes = 16 * ways[w] * ways[a];
            ck_assert_uint_eq(run("bitfusion", NULL, &job).stats.cycles, 16 * (512 / lanes));
        }
    /* a 16-bit unit splits 5-bit operands in 2, not 3, and 3-bit ones in 4, not 5 */
    const char *const wide = "pe.max_act_bits=16";
    const pare_sim_job five = conv(512, 4, 16, 1, 1, 8, 5), three = conv(512, 4, 16, 1, 1, 8, 3);
    ck_assert_uint_eq(run("bitfusion", wide, &five).stats.cycles, 16 * 512 / 32);
    ck_assert_uint_eq(run("bitfusion", wide, &three).stats.cycles, 16 * 512 / 64);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const types[] = {convolution_by_hand,
                                  grouped_convolution_by_hand,
                                  depthwise_convolution_by_hand,
                                  pointwise_convolution_by_hand,
                                  dilated_convolution_by_hand,
                                  fully_connected_by_hand,
                                  matrix_product_by_hand,
                                  first_layer_is_flattened,
                                  systolic_arrays_by_hand,
                                  scales_of_kernel_positions_by_hand,
                                  a_step_has_one_scale,
                                  tensors_that_are_added_by_hand,
                                  NULL};
    const TTest *const edges[] = {edges_cost_a_whole_pass, tiles_of_filters_have_an_edge_too, NULL};
    const TTest *const bits[] = {the_main_set_is_normalised, time_follows_the_bits_of_each_machine,
                                 bit_fusion_rounds_to_powers_of_two, NULL};
    const gtck_case cases[] = {{.suite = "Layers", .tests = types},
                               {.suite = "Edges", .tests = edges},
                               {.suite = "Bits", .tests = bits}};
    return gtck_main(argc, argv, "sim_cycles", cases, sizeof cases / sizeof *cases);
}
