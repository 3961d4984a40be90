/* The mapping search: equal to looking at everything, and its optimum to an enumeration that shares
 * nothing with the simulator's. PARE_CASES in the environment: how many random cases. */
#include "gtck.h"
#include "sim/search.h"
#include "sim_cases.h"

#include <math.h>
#include <stdlib.h>

/* ---- against the plain search ---- */

static bool is_same_choice(const mapping_choice *a, const mapping_choice *b)
{
    const array_map *const x = &a->array, *const y = &b->array; /* padded: not by memcmp */
    return x->tiles_hold_windows == y->tiles_hold_windows &&
           x->cols_hold_filters == y->cols_hold_filters &&
           !memcmp(&x->lanes, &y->lanes, sizeof *x - offsetof(array_map, lanes)) &&
           !memcmp(a->tiles.size, b->tiles.size, sizeof a->tiles.size) &&
           !memcmp(a->tiles.n, b->tiles.n, sizeof a->tiles.n) &&
           !memcmp(a->tiles.total, b->tiles.total, sizeof a->tiles.total) &&
           !memcmp(a->tiles.order, b->tiles.order, sizeof a->tiles.order) && a->tn == b->tn &&
           a->tp == b->tp && a->tq == b->tq && !memcmp(&a->totals, &b->totals, sizeof a->totals) &&
           !memcmp(&a->time, &b->time, sizeof a->time) && a->energy_pj == b->energy_pj &&
           a->dram_bits == b->dram_bits;
}

/* true if the machine can hold the layer */
static bool compare_case(pare_rng *r, uint64_t seed, uint64_t number)
{
    char text[SETS + 2][SET_BYTES];
    const char *sets[SETS + 4];
    size_t n = random_sets(r, text, sets);
    static const double slacks[] = {0.02, 0, 0.3, 1};
    snprintf(text[n], SET_BYTES, "mapping.slack_frac=%g", slacks[pare_rng_below(r, 4)]);
    sets[n] = text[n];
    n++;
    const char *const name = case_machines[pare_rng_below(r, N_CASE_MACHINES)];
    if (!strncmp(name, "systolic", 8) && pare_rng_below(r, 4)) {
        sets[n++] = "memory.model=limited";
        sets[n++] = "compat.count_from_zero=false";
    }
    const pare_sim_job job = random_job(r);
    pare_err e = {0}, e_plain = {0};
    pare_machine *const m = case_machine(name, sets, n, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    mapping_result fast, plain;
    const pare_status status = sim_search(m, &job, false, &fast, &e);
    const pare_status wanted = sim_search_plain(m, &job, true, &plain, &e_plain);
    ck_assert_int_eq(status, wanted);
    if (status == PARE_OK)
        ck_assert_msg(is_same_choice(&fast.best, &plain.best),
                      "seed %llu case %llu on %s by %s: %llu cycles, %.17g pJ; looking at "
                      "everything finds %llu and %.17g",
                      (unsigned long long)seed, (unsigned long long)number, name, sets[8],
                      (unsigned long long)fast.best.time.cycles, fast.best.energy_pj,
                      (unsigned long long)plain.best.time.cycles, plain.best.energy_pj);
    else
        ck_assert_str_eq(e.text, e_plain.text);
    pare_machine_free(m);
    return status == PARE_OK;
}

START_TEST(bounds_choose_as_looking_at_everything_does)
{
    const char *const wanted = getenv("PARE_CASES");
    const uint64_t n_cases = wanted                ? strtoull(wanted, NULL, 10)
                             : getenv("PARE_SLOW") ? 20000
                                                   : 2000;
    const uint64_t seed = 20261122;
    size_t n_run = 0;
    printf("seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < n_cases; i++) {
        pare_rng r = pare_rng_new(seed, i);
        n_run += compare_case(&r, seed, i);
    }
    printf("%zu of %llu random layers fit their random machines\n", n_run,
           (unsigned long long)n_cases);
    ck_assert_uint_gt(n_run, n_cases / 4);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const plain[] = {bounds_choose_as_looking_at_everything_does, NULL};
    const gtck_case cases[] = {{.suite = "Plain", .tests = plain, .timeout_s = 60}};
    return gtck_main(argc, argv, "sim_search", cases, sizeof cases / sizeof *cases);
}
