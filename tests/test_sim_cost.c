/* The cost table against plain runs, and the next bit against runs of two profiles. */
#include "gtck.h"
#include "sim/questions.h"
#include "sim_cases.h"

#include <math.h>
#include <stdlib.h>

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

static pare_bits *random_bits(const pare_net *net, const pare_machine *m, pare_rng *r)
{
    pare_err e = {0};
    pare_bits *b = NULL;
    ck_assert_msg(pare_bits_uniform("8", net, &b, &e) == PARE_OK, "%s", e.text);
    for (size_t i = 0; i < b->n_layers; i++) {
        b->layers[i].weight_bits = pick(r, 1, m->pe.max_weight_bits);
        b->layers[i].act_bits = pick(r, 1, m->pe.max_act_bits);
    }
    return b;
}

static pare_cost run(const pare_net *net, const pare_machine *m, const pare_bits *b,
                     const pare_sim_options *o)
{
    pare_err e = {0};
    pare_sim_result r;
    ck_assert_msg(pare_sim_run(net, m, b, o, &r, &e) == PARE_OK, "%s", e.text);
    const pare_cost c = {r.total.cycles, r.total.dram_bits, r.total.energy_pj};
    pare_sim_result_free(&r);
    return c;
}

static const char *const machines[] = {"bitparallel8", "stripes",     "unpu",    "loom2",
                                       "bitfusion",    "systolic_ws", "bitwave", "pragmatic"};
enum { N_MACHINES = sizeof machines / sizeof *machines };

/* rows at the profile that the table was made around add up to the run's total */
START_TEST(rows_at_the_profile_add_up_to_the_run)
{
    static const uint64_t seed = 61;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_net *const net = load_net("cnn_small");
    for (size_t k = 0; k < N_MACHINES; k++) {
        pare_err e = {0};
        pare_rng r = pare_rng_new(seed, k);
        pare_machine *const m = case_machine(machines[k], NULL, 0, &e);
        ck_assert_msg(m != NULL, "%s", e.text);
        pare_bits *const b = random_bits(net, m, &r);
        const pare_sim_options o = {.batch = pick(&r, 1, 3), .threads = 2};
        pare_cost_table *t = NULL;
        ck_assert_msg(pare_sim_cost(net, m, b, &o, &t, &e) == PARE_OK, "%s", e.text);
        ck_assert_uint_eq(t->weight_bits_max, m->pe.max_weight_bits);
        pare_cost sum = {0};
        for (size_t i = 0; i < b->n_layers; i++) {
            const pare_cost *const c =
                pare_cost_at(t, i, b->layers[i].weight_bits, b->layers[i].act_bits);
            sum.cycles += c->cycles;
            sum.dram_bits += c->dram_bits;
            sum.energy_pj += c->energy_pj;
        }
        const pare_cost whole = run(net, m, b, &o);
        ck_assert_uint_eq(sum.cycles, whole.cycles);
        ck_assert_uint_eq(sum.dram_bits, whole.dram_bits);
        ck_assert_double_eq_tol(sum.energy_pj, whole.energy_pj, 1e-9 * whole.energy_pj);
        pare_cost_free(t);
        pare_bits_free(b);
        pare_machine_free(m);
    }
    pare_net_free(net);
}
END_TEST

/* Equal layers (resnet18 has many) and any number of threads: the same table. */
START_TEST(threads_do_not_change_the_table)
{
    pare_err e = {0};
    pare_net *const net = load_net("resnet18");
    pare_machine *const m = case_machine("loom4", NULL, 0, &e);
    pare_bits *b = NULL;
    ck_assert_int_eq(pare_bits_uniform("5", net, &b, &e), PARE_OK);
    pare_cost_table *t[3];
    for (unsigned k = 0; k < 3; k++) {
        const pare_sim_options o = {.threads = k + 1};
        ck_assert_int_eq(pare_sim_cost(net, m, b, &o, &t[k], &e), PARE_OK);
        const size_t n = t[k]->layers.n * t[k]->weight_bits_max * t[k]->act_bits_max;
        ck_assert_mem_eq(t[0]->costs, t[k]->costs, n * sizeof *t[k]->costs);
        for (size_t i = 0; i < n; i++) ck_assert_uint_gt(t[k]->costs[i].cycles, 0);
    }
    for (unsigned k = 0; k < 3; k++) pare_cost_free(t[k]);
    pare_bits_free(b);
    pare_machine_free(m);
    pare_net_free(net);
}
END_TEST

/* Weights of one layer touch no other layer's outputs: the table's difference is the network's. */
START_TEST(the_next_weight_bit_is_a_difference_of_rows)
{
    static const uint64_t seed = 62;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_net *const net = load_net("cnn_small");
    pare_err e = {0};
    pare_rng r = pare_rng_new(seed, 0);
    pare_machine *const m = case_machine("loom2", NULL, 0, &e);
    pare_bits *const b = random_bits(net, m, &r);
    b->layers[0].weight_bits = 1;
    b->layers[1].weight_bits = b->layers[1].act_bits = 16;
    pare_cost_table *t = NULL;
    pare_next_bit next[8];
    pare_cost total;
    ck_assert_int_eq(pare_sim_cost(net, m, b, NULL, &t, &e), PARE_OK);
    ck_assert_int_eq(pare_sim_next_bits(net, m, b, NULL, next, &total, &e), PARE_OK);
    const pare_cost whole = run(net, m, b, NULL);
    ck_assert_uint_eq(whole.cycles, total.cycles);
    ck_assert(!next[0].change[PARE_WEIGHT_LESS].is_possible);
    ck_assert(!next[1].change[PARE_WEIGHT_MORE].is_possible);
    ck_assert(!next[1].change[PARE_ACT_MORE].is_possible);
    size_t n_compared = 0;
    for (size_t i = 0; i < b->n_layers; i++)
        for (int more = 0; more < 2; more++) {
            const pare_layer_bits *const l = &b->layers[i];
            const pare_cost_change *const c = &next[i].change[PARE_WEIGHT_LESS + more];
            if (!c->is_possible) continue;
            const pare_cost *const from = pare_cost_at(t, i, l->weight_bits, l->act_bits);
            const pare_cost *const to =
                pare_cost_at(t, i, l->weight_bits + (more ? 1 : (uint32_t)-1), l->act_bits);
            ck_assert_int_eq(c->cycles, (int64_t)to->cycles - (int64_t)from->cycles);
            ck_assert_int_eq(c->dram_bits, (int64_t)to->dram_bits - (int64_t)from->dram_bits);
            n_compared++;
        }
    ck_assert_uint_ge(n_compared, 6);
    pare_cost_free(t);
    pare_bits_free(b);
    pare_machine_free(m);
    pare_net_free(net);
}
END_TEST

/* One activation bit less: also its producer stores less. Two whole runs say how much. */
START_TEST(the_next_activation_bit_counts_the_producers_outputs)
{
    pare_net *const net = load_net("cnn_small");
    pare_err e = {0};
    pare_machine *const m = case_machine("stripes", NULL, 0, &e);
    pare_bits *b = NULL;
    pare_next_bit next[8];
    pare_cost total;
    ck_assert_int_eq(pare_bits_uniform("6", net, &b, &e), PARE_OK);
    ck_assert_int_eq(pare_sim_next_bits(net, m, b, NULL, next, &total, &e), PARE_OK);
    const pare_cost before = run(net, m, b, NULL);
    for (size_t i = 0; i < b->n_layers; i++) {
        b->layers[i].act_bits = 5;
        const pare_cost after = run(net, m, b, NULL);
        b->layers[i].act_bits = 6;
        const pare_cost_change *const c = &next[i].change[PARE_ACT_LESS];
        ck_assert_int_eq(c->cycles, (int64_t)after.cycles - (int64_t)before.cycles);
        ck_assert_int_eq(c->dram_bits, (int64_t)after.dram_bits - (int64_t)before.dram_bits);
        ck_assert_double_eq_tol(c->energy_pj, after.energy_pj - before.energy_pj, 1e-3);
    }
    ck_assert_int_lt(next[1].change[PARE_ACT_LESS].dram_bits, 0);
    pare_bits_free(b);
    pare_machine_free(m);
    pare_net_free(net);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {rows_at_the_profile_add_up_to_the_run,
                                  threads_do_not_change_the_table,
                                  the_next_weight_bit_is_a_difference_of_rows,
                                  the_next_activation_bit_counts_the_producers_outputs, NULL};
    const gtck_case cases[] = {{.suite = "Cost", .tests = tests, .timeout_s = 60}};
    return gtck_main(argc, argv, "sim_cost", cases, sizeof cases / sizeof *cases);
}
