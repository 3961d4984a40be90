/* Counters beyond 2^64 are errors that name the layer; large ones below are exact. */
#include "gtck.h"
#include "sim/sim.h"

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

static pare_sim_job fc(uint32_t n, uint32_t c, uint32_t k)
{
    return (pare_sim_job){.layer = "huge",
                          .type = "fc",
                          .dims = {.n = n,
                                   .c = c,
                                   .h = 1,
                                   .w = 1,
                                   .k = k,
                                   .r = 1,
                                   .s = 1,
                                   .p = 1,
                                   .q = 1,
                                   .groups = 1,
                                   .stride = {1, 1},
                                   .dilation = {1, 1}},
                          .weight_bits = 16,
                          .act_bits = 16,
                          .out_bits = 16};
}

enum { WIDE = 16777216 }; /* 2^24 */

/* one lane, tiles of a few values, the longest latency: 2^48 products in some 2^46 tiles of 2^20 */
START_TEST(time_beyond_the_counter)
{
    const char *const sets[] = {"array.tiles=1",
                                "array.rows=1",
                                "array.cols=1",
                                "pe.lanes=1",
                                "buffers.weight_bytes=16",
                                "buffers.act_bytes=16",
                                "buffers.out_bytes=16",
                                "dram.latency_cycles=1048576",
                                "mapping.cols=windows",
                                "mapping.tiles=filters"};
    pare_machine *const m = load("loom1", sets, 10);
    const pare_sim_job job = fc(1, WIDE, WIDE);
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_int_eq(pare_sim_run_layer(m, &job, &l, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "layer 'huge' takes more than 2^60 cycles or bits; a smaller layer or "
                             "batch expected");
    pare_machine_free(m);
}
END_TEST

START_TEST(products_beyond_the_counter)
{
    pare_machine *const m = load("loom1", NULL, 0), *const other = load("bitfusion_isca", NULL, 0);
    pare_sim_job job = fc(65536, WIDE, WIDE);
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_int_eq(pare_sim_run_layer(m, &job, &l, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "layer 'huge' has 2^52 or more products or values; a smaller layer or "
                             "batch expected");
    job.weight_bits = job.act_bits = 8;
    e = (pare_err){0};
    ck_assert_int_eq(pare_sim_run_layer(other, &job, &l, &e), PARE_EINPUT);
    ck_assert_ptr_nonnull(strstr(e.text, "layer 'huge'"));
    pare_machine_free(m);
    pare_machine_free(other);
}
END_TEST

/* 2^51 products are still exact: 1024 PEs x 16 lanes of 1 x 1 bits, 256 digit pairs: 2^51 2^8 /
 * 2^14 cycles of work, and a bound from memory */
START_TEST(just_below_it_is_exact)
{
    const char *const sets[] = {"memory.model=ideal"};
    pare_machine *const m = load("loom1", sets, 1);
    const pare_sim_job job = fc(8, WIDE, WIDE);
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_msg(pare_sim_run_layer(m, &job, &l, &e) == PARE_OK, "%s", e.text);
    ck_assert_uint_eq(l.stats.macs, (uint64_t)1 << 51);
    ck_assert_uint_eq(l.stats.ideal_cycles, (uint64_t)1 << (51 + 8 - 14));
    ck_assert_uint_ge(l.stats.cycles, l.stats.ideal_cycles);
    ck_assert_uint_eq(l.stats.dram_weight_bits % ((uint64_t)16 << 48), 0);
    pare_machine_free(m);
}
END_TEST

/* 64 layers of 2^51 products of 256 cycles on one lane: each fits, the sum does not */
START_TEST(sum_beyond_the_counter)
{
    const char *const sets[] = {"array.tiles=1", "array.rows=1", "array.cols=1", "pe.lanes=1",
                                "memory.model=ideal"};
    pare_machine *const m = load("loom1", sets, 5);
    pare_buf text = {0};
    pare_net *net = NULL;
    pare_bits *bits = NULL;
    pare_err e = {0};
    pare_buf_printf(&text, "version: 1\nname: huge\ninput: {channels: %d, height: 1, width: 1}\n",
                    WIDE / 2);
    pare_buf_puts(&text, "layers:\n");
    for (int i = 0; i < 64; i++)
        pare_buf_printf(&text, "  - {name: fc%d, type: fc, out_channels: %d}\n", i, WIDE / 2);
    ck_assert_msg(pare_net_parse("net", text.text, text.n, &net, &e) == PARE_OK, "%s", e.text);
    ck_assert_int_eq(pare_bits_uniform("16", net, &bits, &e), PARE_OK);
    const pare_sim_options options = {.batch = 32};
    pare_sim_result r;
    ck_assert_int_eq(pare_sim_run(net, m, bits, &options, &r, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text,
                     "the network takes more than 2^64 cycles or bits; a smaller network or "
                     "batch expected");
    pare_bits_free(bits);
    pare_net_free(net);
    pare_buf_free(&text);
    pare_machine_free(m);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {time_beyond_the_counter, products_beyond_the_counter,
                                  just_below_it_is_exact, sum_beyond_the_counter, NULL};
    const gtck_case cases[] = {{.suite = "Overflow", .tests = tests}};
    return gtck_main(argc, argv, "sim_overflow", cases, sizeof cases / sizeof *cases);
}
