/* Random layers for the machine and their coverage: the walks, the bins of a layer known by hand.
 */
#include "gtck.h"
#include "rtl/layer_bins.h"

#include <stdlib.h>
#include <string.h>

static const pare_bins *set_of(const pare_layer_coverage *c, const char *name)
{
    for (size_t i = 0; i < PARE_LAYER_N_SETS; i++)
        if (!strcmp(c->sets[i].name, name)) return &c->sets[i];
    ck_abort_msg("no set %s", name);
    return NULL;
}

/* Three layers of four walk: as many as there are bins have each of bits, signs and memory once. */
START_TEST(the_walk_has_each_combination_once)
{
    const pare_accel_params *const p = pare_accel_find("pare_odd");
    enum { BINS = 7 * 6 * 4 * 3, SEED = 11 };
    uint32_t hits[BINS] = {0};
    for (uint64_t i = 0, n = 0; n < BINS; i++) {
        pare_layer_random x;
        if (i % 4 == 3) continue; /* drawn freely */
        n++;
        pare_layer_random_new(p, SEED, i, &x);
        const pare_layer_job *const j = &x.job;
        const uint32_t pressure = !x.pace.gap_percent ? 0 : x.pace.gap_cycles_max > 4 ? 2 : 1;
        const uint32_t signs = j->act_signed + 2u * j->weight_signed;
        hits[((j->act_bits - 1) * 6 + j->weight_bits - 1) * 12 + signs * 3 + pressure]++;
        pare_layer_random_free(&x);
    }
    for (size_t i = 0; i < BINS; i++) ck_assert_msg(hits[i] == 1, "seed %d, bin %zu", SEED, i);
}
END_TEST

START_TEST(layers_are_the_same_for_a_seed_and_what_they_must_be)
{
    size_t n;
    const pare_accel_params *const all = pare_accels(&n);
    for (size_t m = 0; m < n; m++)
        for (uint64_t i = 0; i < 500; i++) {
            pare_layer_random x, y;
            pare_layer_random_new(&all[m], 3, i, &x);
            pare_layer_random_new(&all[m], 3, i, &y);
            const pare_dims *const d = &x.job.dims;
            ck_assert_mem_eq(d, &y.job.dims, sizeof *d);
            ck_assert_mem_eq(x.weights, y.weights,
                             (size_t)d->k * d->r * d->s * d->c * sizeof *x.weights);
            ck_assert_mem_eq(x.acts, y.acts, (size_t)d->h * d->w * d->c * sizeof *x.acts);
            ck_assert_uint_le(d->k, all[m].max_filters);
            ck_assert_uint_le(
                d->c, PARE_LAYER_GROUPS_MAX *
                              pare_accel_step_channels(&all[m], x.job.act_bits, x.job.weight_bits) +
                          1);
            ck_assert_uint_le(d->r, PARE_LAYER_KERNEL_MAX);
            ck_assert_uint_ge(x.pace.latency_cycles[0], pare_accel_latency_min(&all[m]));
            for (int a = 0; a < 2; a++) {
                const uint32_t reach = ((a ? d->s : d->r) - 1) * d->dilation[a] + 1;
                const uint32_t end = ((a ? d->q : d->p) - 1) * d->stride[a] + reach;
                ck_assert_uint_lt(d->pad[a], reach);
                ck_assert_uint_le(end, (a ? d->w : d->h) + 2 * d->pad[a]);
            }
            pare_layer_random_free(&x);
            pare_layer_random_free(&y);
        }
}
END_TEST

/* Only the named bin of a set is met, `hits` times. */
static void only_bin(const pare_layer_coverage *c, const char *set, const uint32_t *values,
                     uint64_t hits)
{
    const pare_bins *const b = set_of(c, set);
    size_t index = 0;
    for (size_t a = 0; a < b->n_axes; a++) index = index * b->axes[a].n + values[a];
    for (size_t i = 0; i < b->n; i++)
        ck_assert_msg(b->hits[i] == (i == index ? hits : 0), "bin %zu of %s: %llu hits", i, set,
                      (unsigned long long)b->hits[i]);
}

/* On pare4 (4 filters, 4 windows, 8 channels at once): 5 filters of 9 channels over 2 x 3 windows,
 * one tile: the last fold has one filter, the last set two windows, the last group one channel. */
START_TEST(a_layer_by_hand)
{
    const char *const root = getenv("PARE_SRC") ? getenv("PARE_SRC") : ".";
    static const char *const one_tile[] = {"mapping.tile.filters=8", "mapping.tile.out_rows=2"};
    char path[512];
    pare_machine *m = NULL;
    pare_err e = {0};
    snprintf(path, sizeof path, "%s/sim/machines/pare4.machine.yaml", root);
    ck_assert_int_eq(pare_machine_load(path, one_tile, 2, &m, &e), PARE_OK);
    int32_t weights[5 * 9], acts[6 * 9];
    for (int i = 0; i < 5 * 9; i++) weights[i] = 3;
    for (int i = 0; i < 6 * 9; i++) acts[i] = 7;
    /* t = (189 * 256 + 128 * 256) * 1 / 2^16: 317 / 256 is rounded down; with 67: 1 */
    pare_accel_filter filters[5];
    for (int k = 0; k < 5; k++) filters[k] = (pare_accel_filter){128 * 256, 1, 16};
    pare_layer_coverage coverage;
    pare_layer_coverage_new(pare_accel_find("pare4"), &coverage);
    const pare_layer_job job = {.name = "by_hand",
                                .dims = {1, 9, 2, 3, 5, 1, 1, 2, 3, 1, {1, 1}, {0, 0}, {1, 1}},
                                .weight_bits = 2,
                                .act_bits = 3,
                                .out_bits = 8,
                                .filters = filters,
                                .weights = weights,
                                .acts = acts};
    const pare_layer_check check = {
        .machine = m, .params = coverage.params, .has_model = true, .coverage = &coverage};
    pare_layer_result r;
    ck_assert_msg(pare_layer_verify(&check, &job, &r, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(r.is_ok, "%s", r.difference.text);
    ck_assert_int_eq(r.outputs[0], 1);
    ck_assert_uint_eq(coverage.n_layers, 1);
    only_bin(&coverage, "operands", (uint32_t[]){2, 1, 0, 0}, 1);
    only_bin(&coverage, "edges", (uint32_t[]){0, 1, 0}, 1);
    only_bin(&coverage, "sizes", (uint32_t[]){1, 1, 1}, 1);
    only_bin(&coverage, "tiles", (uint32_t[]){0, 0, 0}, 1);
    only_bin(&coverage, "folds", (uint32_t[]){0, 1, 1, 1}, 1);
    only_bin(&coverage, "ports", (uint32_t[]){PARE_BEFORE_RESET, 0, 0}, 1);
    only_bin(&coverage, "rounding", (uint32_t[]){1, 0, 2}, 30);
    only_bin(&coverage, "codes", (uint32_t[]){0, 0, 0, 0}, 30);
    only_bin(&coverage, "sums", (uint32_t[]){0, 0, 0}, 30);
    only_bin(&coverage, "overflow", (uint32_t[]){0, 0}, 30);
    /* loads both, computes, stores: each a stage; memory ends the first and the last one */
    const pare_bins *const stages = set_of(&coverage, "stages");
    ck_assert_uint_eq(stages->hits[((3 * 2 + 0) * 2 + 0) * 3 + 0], 1);
    ck_assert_uint_eq(stages->hits[((0 * 2 + 1) * 2 + 0) * 3 + 1], 1);
    ck_assert_uint_eq(stages->hits[((0 * 2 + 0) * 2 + 1) * 3 + 0], 1);
    const pare_bins_tally t = pare_layer_tally(&coverage);
    ck_assert_uint_eq(t.n_wrong, 0);
    pare_layer_coverage_free(&coverage);
    pare_layer_result_free(&r);
    pare_machine_free(m);
}
END_TEST

/* A reason that is wrong shows: a hit in its bin is counted. */
START_TEST(a_bin_out_of_reach_must_stay_empty)
{
    pare_layer_coverage c;
    pare_layer_coverage_new(pare_accel_find("pare_odd"), &c);
    for (size_t i = 0; i < PARE_LAYER_N_SETS; i++)
        if (!strcmp(c.sets[i].name, "overflow")) pare_bins_hit(&c.sets[i], (uint32_t[]){2, 0});
    ck_assert_uint_eq(pare_layer_tally(&c).n_wrong, 1);
    pare_layer_coverage_free(&c);
    pare_layer_coverage_new(pare_accel_find("pare4"), &c);
    ck_assert_uint_eq(set_of(&c, "operands")->n, 8 * 8 * 4 * 3);
    ck_assert_uint_eq(pare_layer_tally(&c).n_wrong, 0);
    pare_layer_coverage_free(&c);
}
END_TEST

/* Refused with each code, and taken, as the C model does; no random layer is refused unseen. */
START_TEST(random_descriptors_are_answered_alike)
{
    const pare_accel_params *const p = pare_accel_find("pare_odd");
    enum { SEED = 5, ROUNDS = 60, EACH = 16 };
    uint64_t statuses[PARE_ACCEL_N_STATUS] = {0}, n_refused = 0;
    pare_buf difference = {0};
    for (uint64_t i = 0; i < ROUNDS; i++)
        ck_assert_msg(pare_layer_check_descriptors(p, SEED, i, EACH, statuses, &difference),
                      "seed %d, round %llu: %s", SEED, (unsigned long long)i, difference.text);
    for (uint32_t s = 1; s < PARE_ACCEL_N_STATUS; s++) n_refused += statuses[s];
    printf("seed %d: %llu taken, %llu refused\n", SEED, (unsigned long long)statuses[0],
           (unsigned long long)n_refused);
    ck_assert_uint_eq(statuses[0] + n_refused, ROUNDS * EACH);
    ck_assert_uint_gt(statuses[0], ROUNDS * EACH / 8);
    for (uint32_t s = 0; s < PARE_ACCEL_N_STATUS; s++)
        ck_assert_msg(statuses[s] > 0, "no descriptor is answered with %s",
                      pare_accel_status_name(s));
    pare_buf_free(&difference);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {the_walk_has_each_combination_once,
                                  layers_are_the_same_for_a_seed_and_what_they_must_be,
                                  a_layer_by_hand,
                                  a_bin_out_of_reach_must_stay_empty,
                                  random_descriptors_are_answered_alike,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Layer", .tests = tests, .timeout_s = 30}};
    return gtck_main(argc, argv, "rtl_layer", cases, sizeof cases / sizeof *cases);
}
