/* What a designer may change about the mapping: rows with inputs of their own, tiles that share the
 * depth. Layers by hand, and the tile by tile walk against the closed form. */
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

static pare_sim_job conv(uint32_t c, uint32_t k, uint32_t groups, uint32_t kernel, uint32_t side)
{
    return (pare_sim_job){.layer = "layer",
                          .type = "conv2d",
                          .dims = {.n = 1,
                                   .c = c,
                                   .h = side,
                                   .w = side,
                                   .k = k,
                                   .r = kernel,
                                   .s = kernel,
                                   .p = side,
                                   .q = side,
                                   .groups = groups,
                                   .stride = {1, 1},
                                   .pad = {kernel / 2, kernel / 2},
                                   .dilation = {1, 1}},
                          .weight_bits = 8,
                          .act_bits = 8,
                          .out_bits = 8};
}

static pare_sim_layer run(const char *machine, const char *option, const pare_sim_job *job)
{
    const char *const sets[] = {"memory.model=ideal", option};
    pare_machine *const m = load(machine, sets, option ? 2 : 1);
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_msg(pare_sim_run_layer(m, job, &l, &e) == PARE_OK, "%s", e.text);
    pare_machine_free(m);
    return l;
}

/* 32 channels, 3 x 3, 14 x 14, on 16 rows, 8 columns, 16 lanes: 2 sets of 16 groups, 25 of windows,
 * 8 cycles a step. Rows that share inputs take 9 steps, one lane busy in each; rows of their own
 * one. */
START_TEST(a_depthwise_layer_by_hand)
{
    const pare_sim_job job = conv(32, 32, 32, 3, 14);
    const pare_sim_layer shared = run("stripes", NULL, &job),
                         own = run("stripes", "mapping.row_inputs=own", &job);
    ck_assert_uint_eq(shared.stats.cycles, 2 * 25 * 9 * 8);
    ck_assert_uint_eq(own.stats.cycles, 2 * 25 * 1 * 8);
    ck_assert_uint_eq(own.map.packed_groups, 16);
    ck_assert_double_eq_tol(own.utilization, 9 * shared.utilization, 1e-12);
}
END_TEST

/* 4 groups of 8 -> 8: two side by side either way; 9 steps, or 72 values of depth in 16 lanes: 5 */
START_TEST(a_grouped_layer_by_hand)
{
    const pare_sim_job job = conv(32, 32, 4, 3, 14);
    ck_assert_uint_eq(run("stripes", NULL, &job).stats.cycles, 2 * 25 * 9 * 8);
    ck_assert_uint_eq(run("stripes", "mapping.row_inputs=own", &job).stats.cycles, 2 * 25 * 5 * 8);
}
END_TEST

START_TEST(other_layers_do_not_care)
{
    const pare_sim_job job = conv(48, 40, 1, 3, 14);
    ck_assert_uint_eq(run("stripes", NULL, &job).stats.cycles,
                      run("stripes", "mapping.row_inputs=own", &job).stats.cycles);
}
END_TEST

/* 250 -> 16 on 8 tiles of 16 rows and 16 lanes, 64 cycles a step: 16 steps; or 2 steps of 128 lanes
 * and 3 cycles in which 8 sums meet. The PEs do the same work. */
START_TEST(a_fully_connected_layer_by_hand)
{
    const pare_sim_job job = conv(250, 16, 1, 1, 1);
    const pare_sim_layer whole = run("loom1", NULL, &job),
                         split = run("loom1", "mapping.split_depth=true", &job);
    ck_assert_uint_eq(whole.stats.cycles, 16 * 64);
    ck_assert_uint_eq(split.stats.cycles, 2 * 64 + 3);
    ck_assert_uint_eq(split.stats.fill_drain_cycles, 3);
    ck_assert(split.map.tiles_hold_depth && !whole.map.tiles_hold_depth);
    ck_assert_double_eq_tol(split.stats.register_pj, whole.stats.register_pj,
                            1e-12 * whole.stats.register_pj);
}
END_TEST

/* with filters for all tiles nothing is gained, and nothing changes */
START_TEST(depth_is_split_only_where_it_helps)
{
    const pare_sim_job job = conv(250, 1024, 1, 1, 1);
    const pare_sim_layer split = run("loom1", "mapping.split_depth=true", &job);
    ck_assert_uint_eq(split.stats.cycles, run("loom1", NULL, &job).stats.cycles);
    ck_assert(!split.map.tiles_hold_depth);
}
END_TEST

static void compare(const pare_machine *m, const pare_sim_job *job, unsigned i)
{
    pare_sim_layer closed, walked;
    pare_err e = {0};
    if (pare_sim_run_layer(m, job, &closed, &e) != PARE_OK) return; /* does not fit */
    ck_assert_msg(pare_sim_events(m, job, NULL, NULL, &walked, &e) == PARE_OK, "%s", e.text);
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t s = 0; s < n; s++) {
        const double a = pare_sim_stat(&closed.stats, &table[s]),
                     b = pare_sim_stat(&walked.stats, &table[s]);
        ck_assert_msg(fabs(a - b) <= (table[s].is_real ? 1e-12 * a : 0),
                      "case %u: %s is %.17g, tile by tile %.17g", i, table[s].name, a, b);
    }
}

START_TEST(tile_by_tile_gives_the_closed_form)
{
    enum { CASES = 400 };
    const uint64_t seed = 4;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_rng rng = pare_rng_new(seed, 0);
    const char *const sets[] = {"mapping.row_inputs=own", "mapping.split_depth=true",
                                "buffers.weight_bytes=65536", "buffers.act_bytes=65536",
                                "buffers.out_bytes=16384"};
    pare_machine *const machines[] = {load("loom1", sets, 5), load("unpu", sets, 5)};
    for (unsigned i = 0; i < CASES; i++) {
        const uint32_t groups = 1u << pare_rng_below(&rng, 4);
        pare_sim_job job =
            conv(groups * (1 + (uint32_t)pare_rng_below(&rng, 60)),
                 groups * (1 + (uint32_t)pare_rng_below(&rng, 20)), groups,
                 1 + 2 * (uint32_t)pare_rng_below(&rng, 2), 1 + (uint32_t)pare_rng_below(&rng, 9));
        job.weight_bits = 1 + (uint32_t)pare_rng_below(&rng, 8);
        job.act_bits = 1 + (uint32_t)pare_rng_below(&rng, 8);
        compare(machines[i % 2], &job, i);
    }
    pare_machine_free(machines[0]);
    pare_machine_free(machines[1]);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {a_depthwise_layer_by_hand,
                                  a_grouped_layer_by_hand,
                                  other_layers_do_not_care,
                                  a_fully_connected_layer_by_hand,
                                  depth_is_split_only_where_it_helps,
                                  tile_by_tile_gives_the_closed_form,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Options", .tests = tests}};
    return gtck_main(argc, argv, "sim_options", cases, sizeof cases / sizeof *cases);
}
