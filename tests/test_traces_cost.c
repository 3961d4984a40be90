/* Cost tables: what is written reads back as the same table; the order of rows does not matter. */
#include "gtck.h"
#include "traces/cost.h"

#include <stdlib.h>
#include <string.h>

static pare_net *load_net(const char *name)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_net *net = NULL;
    pare_data_find("networks", name, &path);
    ck_assert_msg(pare_net_load(path.text, &net, &e) == PARE_OK, "%s", e.text);
    pare_buf_free(&path);
    return net;
}

static pare_cost_table *random_table(const pare_net *net, pare_rng *r)
{
    pare_cost_table *const t =
        pare_cost_new(net, 1 + pare_rng_below(r, 16), 1 + pare_rng_below(r, 16));
    t->machine = "loom2";
    t->batch = 1 + pare_rng_below(r, 9);
    t->clock_mhz = 500.125;
    t->outputs = "as wide as read";
    const size_t n = t->layers.n * t->weight_bits_max * t->act_bits_max;
    for (size_t i = 0; i < n; i++)
        t->costs[i] = (pare_cost){.cycles = pare_rng_u64(r) >> 12,
                                  .dram_bits = pare_rng_u64(r) >> 12,
                                  .energy_pj = 1e9 * pare_rng_unit(r)};
    return t;
}

static void assert_same(const pare_cost_table *a, const pare_cost_table *b)
{
    ck_assert_str_eq(a->network, b->network);
    ck_assert_str_eq(a->machine, b->machine);
    ck_assert_str_eq(a->outputs, b->outputs);
    ck_assert_uint_eq(a->batch, b->batch);
    ck_assert(a->clock_mhz <= b->clock_mhz && a->clock_mhz >= b->clock_mhz);
    ck_assert_uint_eq(a->layers.n, b->layers.n);
    ck_assert_uint_eq(a->weight_bits_max, b->weight_bits_max);
    ck_assert_uint_eq(a->act_bits_max, b->act_bits_max);
    for (size_t i = 0; i < a->layers.n; i++) {
        ck_assert_str_eq(a->layers.v[i], b->layers.v[i]);
        for (uint32_t w = 1; w <= a->weight_bits_max; w++)
            for (uint32_t c = 1; c <= a->act_bits_max; c++)
                ck_assert_mem_eq(pare_cost_at(a, i, w, c), pare_cost_at(b, i, w, c),
                                 sizeof(pare_cost));
    }
}

START_TEST(a_table_reads_back_as_written)
{
    static const uint64_t seed = 20260301;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_net *const net = load_net("cnn_small");
    for (uint64_t i = 0; i < 30; i++) {
        pare_err e = {0};
        pare_rng r = pare_rng_new(seed, i);
        pare_buf text = {0};
        pare_cost_table *const t = random_table(net, &r), *back = NULL, *alone = NULL;
        const char *const pairs[] = {"inputs", "a, b"};
        pare_cost_write(t, "pare-sim", pairs, 1, &text);
        ck_assert_msg(pare_cost_parse("t.csv", text.text, text.n, net, &back, &e) == PARE_OK, "%s",
                      e.text);
        assert_same(t, back);
        ck_assert(back->hash != 0);
        ck_assert_int_eq(pare_cost_parse("t.csv", text.text, text.n, NULL, &alone, &e), PARE_OK);
        assert_same(t, alone);
        pare_cost_free(t);
        pare_cost_free(back);
        pare_cost_free(alone);
        pare_buf_free(&text);
    }
    pare_net_free(net);
}
END_TEST

/* the rows turned round: with the network its own order comes back */
START_TEST(the_order_of_rows_does_not_matter)
{
    pare_net *const net = load_net("cnn_small");
    pare_err e = {0};
    pare_rng r = pare_rng_new(7, 0);
    pare_buf text = {0}, turned = {0};
    pare_cost_table *const t = random_table(net, &r), *back = NULL;
    pare_cost_write(t, "pare-sim", NULL, 0, &text);
    const char *const body = strstr(text.text, "\nlayer,") + 1;
    const char *const rows = strchr(body, '\n') + 1;
    pare_buf_add(&turned, text.text, (size_t)(rows - text.text));
    for (const char *end = text.text + text.n; end > rows;) {
        const char *start = end - 1;
        while (start > rows && start[-1] != '\n') start--;
        pare_buf_add(&turned, start, (size_t)(end - start));
        end = start;
    }
    ck_assert_uint_eq(text.n, turned.n);
    ck_assert_int_ne(memcmp(text.text, turned.text, text.n), 0);
    ck_assert_msg(pare_cost_parse("t.csv", turned.text, turned.n, net, &back, &e) == PARE_OK, "%s",
                  e.text);
    assert_same(t, back);
    pare_cost_free(t);
    pare_cost_free(back);
    pare_buf_free(&text);
    pare_buf_free(&turned);
    pare_net_free(net);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {a_table_reads_back_as_written, the_order_of_rows_does_not_matter,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Cost", .tests = tests}};
    return gtck_main(argc, argv, "traces_cost", cases, sizeof cases / sizeof *cases);
}
