/* Pareto fronts against the definition, rooflines by hand, knobs against plain runs. */
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

/* ---- Pareto ---- */

static bool beats(const double *a, const double *b, size_t k)
{
    bool is_less = false;
    for (size_t i = 0; i < k; i++) {
        if (!(a[i] <= b[i])) return false;
        is_less |= a[i] < b[i];
    }
    return is_less;
}

static bool is_front_point(const double *v, size_t n, size_t k, size_t at)
{
    for (size_t i = 0; i < k; i++)
        if (isnan(v[at * k + i])) return false;
    for (size_t i = 0; i < n; i++)
        if (beats(&v[i * k], &v[at * k], k)) return false;
    return true;
}

/* coarse values, so that ties and equal points come often; some points without a value */
START_TEST(the_front_is_by_its_definition)
{
    static const uint64_t seed = 71;
    enum { N_MAX = 60 };
    printf("seed %llu\n", (unsigned long long)seed);
    double v[N_MAX * PARE_PARETO_MAX];
    bool is_on[N_MAX];
    size_t n_on = 0;
    for (uint64_t round = 0; round < 3000; round++) {
        pare_rng r = pare_rng_new(seed, round);
        const size_t n = pick(&r, 0, N_MAX), k = pick(&r, 1, 5);
        const uint32_t grid = pick(&r, 1, 12);
        for (size_t i = 0; i < n * k; i++)
            v[i] = pare_rng_below(&r, 40) ? (double)pick(&r, 0, grid) - 3 : (double)NAN;
        pare_pareto(v, n, k, is_on);
        for (size_t i = 0; i < n; i++) {
            ck_assert_msg(is_on[i] == is_front_point(v, n, k, i), "round %llu, point %zu of %zu",
                          (unsigned long long)round, i, n);
            n_on += is_on[i];
        }
    }
    ck_assert_uint_gt(n_on, 3000);
}
END_TEST

/* ---- roofline ---- */

/* loom2 at 8/8: 8 tiles x 16 rows x 4 columns x 16 lanes x 2 products of bits over 64: 256 MACs a
 * cycle; 128 bits a cycle are 16 bytes: the ridge is 16 MACs a byte. cnn_small's fc1 reads each
 * weight once: about one MAC a byte, so at most 16 MACs a cycle. At w4a4 the peak is 1024. */
START_TEST(a_roof_by_hand)
{
    pare_err e = {0};
    pare_net *const net = load_net("cnn_small");
    pare_machine *const m = case_machine("loom2", NULL, 0, &e);
    for (int k = 0; k < 2; k++) {
        pare_bits *b = NULL;
        pare_sim_result r;
        pare_roof roofs[8];
        ck_assert_int_eq(pare_bits_uniform(k ? "4" : "8", net, &b, &e), PARE_OK);
        ck_assert_int_eq(pare_sim_run(net, m, b, NULL, &r, &e), PARE_OK);
        pare_sim_roofline(m, &r, roofs);
        const double peak = k ? 1024 : 256;
        for (size_t i = 0; i < r.n_layers; i++) {
            const pare_roof *const f = &roofs[i];
            const pare_sim_stats *const s = &r.layers[i].stats;
            ck_assert_double_eq_tol(f->peak_macs_per_cycle, peak, 1e-9);
            ck_assert_double_eq_tol(f->ridge_macs_per_byte, peak / 16, 1e-9);
            ck_assert_double_eq_tol(f->macs_per_byte, 8 * (double)s->macs / (double)s->dram_bits,
                                    1e-9);
            ck_assert(f->is_memory_bound == (f->macs_per_byte < peak / 16));
            ck_assert_double_eq_tol(f->roof_macs_per_cycle, fmin(peak, 16 * f->macs_per_byte),
                                    1e-6);
            ck_assert_double_le(f->macs_per_cycle, f->roof_macs_per_cycle);
        }
        ck_assert(roofs[2].is_memory_bound);
        ck_assert(!roofs[1].is_memory_bound);
        ck_assert_double_lt(roofs[2].macs_per_byte, k ? 2 : 1);
        pare_sim_result_free(&r);
        pare_bits_free(b);
    }
    pare_machine_free(m);
    pare_net_free(net);
}
END_TEST

/* no layer of any machine that does not skip rises above its roof */
START_TEST(no_layer_is_above_its_roof)
{
    static const uint64_t seed = 72;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_net *const net = load_net("resnet18");
    for (uint64_t i = 0; i < 40; i++) {
        pare_err e = {0};
        pare_rng r = pare_rng_new(seed, i);
        char text[SETS][SET_BYTES], spec[24];
        const char *sets[SETS];
        const size_t n = random_sets(&r, text, sets);
        pare_machine *const m =
            case_machine(case_machines[pare_rng_below(&r, N_CASE_MACHINES)], sets, n, &e);
        if (!m) continue;
        snprintf(spec, sizeof spec, "w%ua%u", pick(&r, 1, m->pe.max_weight_bits),
                 pick(&r, 1, m->pe.max_act_bits));
        pare_bits *b = NULL;
        pare_sim_result result = {0};
        pare_roof roofs[64];
        ck_assert_int_eq(pare_bits_uniform(spec, net, &b, &e), PARE_OK);
        if (pare_sim_run(net, m, b, NULL, &result, &e) == PARE_OK) {
            pare_sim_roofline(m, &result, roofs);
            for (size_t j = 0; j < result.n_layers; j++)
                ck_assert_msg(roofs[j].macs_per_cycle <= roofs[j].roof_macs_per_cycle * 1.0001,
                              "case %llu, layer %s", (unsigned long long)i, roofs[j].layer);
        }
        pare_sim_result_free(&result);
        pare_bits_free(b);
        pare_machine_free(m);
    }
    pare_net_free(net);
}
END_TEST

/* ---- knobs ---- */

START_TEST(a_knob_costs_what_a_run_with_it_costs)
{
    pare_err e = {0};
    pare_net *const net = load_net("cnn_small");
    pare_bits *b = NULL;
    pare_knob *knobs = NULL;
    pare_point_cost base;
    size_t n = 0, n_checked = 0, n_refused = 0;
    bool has_rows = false;
    pare_buf path = {0};
    const char *sets[2] = {"array.rows=12"};
    ck_assert_int_eq(pare_bits_uniform("w3a5", net, &b, &e), PARE_OK);
    pare_data_find("machines", "loom2", &path);
    ck_assert_msg(
        pare_sim_sensitivity(net, path.text, sets, 1, b, NULL, 2, &knobs, &n, &base, &e) == PARE_OK,
        "%s", e.text);
    for (size_t i = 0; i < n; i++) {
        char set[80];
        pare_err why = {0};
        pare_machine *m = NULL;
        pare_sim_result r = {0};
        snprintf(set, sizeof set, "%s=%s", knobs[i].key, knobs[i].to);
        sets[1] = set;
        const bool is_possible = pare_machine_load(path.text, sets, 2, &m, &why) == PARE_OK &&
                                 pare_sim_run(net, m, b, NULL, &r, &why) == PARE_OK;
        ck_assert_msg(is_possible == !*knobs[i].error, "%s: %s", set, knobs[i].error);
        if (is_possible) {
            ck_assert_double_eq_tol(knobs[i].cost.latency_ns, r.latency_ns, 1e-6);
            ck_assert_double_eq_tol(knobs[i].cost.energy_pj, r.total.energy_pj, 1e-3);
            ck_assert_double_eq_tol(knobs[i].cost.area_um2, r.area_um2, 1e-3);
        }
        n_checked += is_possible;
        n_refused += !is_possible;
        if (!strcmp(set, "array.rows=24")) has_rows = true;
        pare_sim_result_free(&r);
        pare_machine_free(m);
    }
    ck_assert(has_rows); /* the step goes from the value that --set gave */
    ck_assert_uint_ge(n_checked, 30);
    ck_assert_uint_ge(n_refused, 1);
    free(knobs);
    pare_buf_free(&path);
    pare_bits_free(b);
    pare_net_free(net);
}
END_TEST

/* ---- diff ---- */

START_TEST(points_of_two_networks_do_not_compare)
{
    pare_err e = {0};
    pare_buf text = {0};
    pare_diff_layer a[] = {{.layer = "conv1"}, {.layer = "fc"}}, c[] = {{.layer = "conv2"}};
    const pare_diff_point two = {.name = "a", .layers = a, .n_layers = 2},
                          one = {.name = "b", .layers = a, .n_layers = 1},
                          other = {.name = "c", .layers = c, .n_layers = 1};
    ck_assert_int_eq(pare_sim_write_diff(&two, &one, &text, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "the points have 2 and 1 layers; two points of one network expected");
    e = (pare_err){0};
    ck_assert_int_eq(pare_sim_write_diff_json(&one, &other, &text, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "layer 1 is 'conv1' in one point, 'conv2' in the other; two points of "
                             "one network expected");
    pare_buf_free(&text);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {the_front_is_by_its_definition,
                                  a_roof_by_hand,
                                  no_layer_is_above_its_roof,
                                  a_knob_costs_what_a_run_with_it_costs,
                                  points_of_two_networks_do_not_compare,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Questions", .tests = tests, .timeout_s = 60}};
    return gtck_main(argc, argv, "sim_questions", cases, sizeof cases / sizeof *cases);
}
