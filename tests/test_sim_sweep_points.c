/* Which points a sweep samples or a search evaluates. */
#include "sweep_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

START_TEST(permutations_are_permutations)
{
    for (uint64_t n = 1; n < 300; n += 1 + n / 7) {
        bool seen[300] = {false};
        for (uint64_t i = 0; i < n; i++) {
            const uint64_t p = sweep_permute(i, n, 7, n);
            ck_assert_uint_lt(p, n);
            ck_assert(!seen[p]);
            seen[p] = true;
        }
    }
}
END_TEST

typedef struct places {
    const pare_sweep *s;
    size_t n;
    uint64_t v[256];
} places;

static pare_status note_place(void *context, const pare_row *row, pare_err *e)
{
    (void)e;
    places *const p = context;
    ck_assert_uint_lt(p->n, 256);
    p->v[p->n++] = row->space;
    return PARE_OK;
}

static places places_of(const pare_sweep *s)
{
    pare_store *store = NULL;
    pare_err e = {0};
    places p = {.s = s};
    unlink(in_folder("p.sqlite"));
    run_into(s, "p.sqlite");
    ck_assert_int_eq(pare_store_open(in_folder("p.sqlite"), &store, &e), PARE_OK);
    ck_assert_int_eq(pare_store_each(store, note_place, &p, &e), PARE_OK);
    pare_store_close(store);
    return p;
}

START_TEST(random_points_are_distinct_and_allowed)
{
    pare_sweep *const s =
        parse_changed("columns: [all]\n", "sample: {method: random, points: 60, seed: 3}\n");
    const places p = places_of(s);
    ck_assert_uint_ge(p.n, 54); /* 90 of 108 are allowed, and each point tries but two */
    for (size_t i = 0; i < p.n; i++)
        for (size_t j = 0; j < i; j++) ck_assert_uint_ne(p.v[i], p.v[j]);
    pare_sweep_free(s);
    pare_sweep *const other =
        parse_changed("columns: [all]\n", "sample: {method: random, points: 60, seed: 4}\n");
    const places q = places_of(other);
    ck_assert(memcmp(p.v, q.v, sizeof p.v) != 0);
    pare_sweep_free(other);
}
END_TEST

START_TEST(a_latin_hypercube_meets_each_value_alike)
{
    pare_sweep *const s = parse("version: 1\nname: lhs\nnetworks: [lenet5]\nmachines: [loom1]\n"
                                "axes:\n"
                                "  - {key: array.rows, from: 1, to: 10}\n"
                                "  - {key: array.cols, from: 1, to: 5}\n"
                                "  - {key: array.tiles, from: 1, to: 20}\n"
                                "sample: {method: lhs, points: 40}\n");
    const places p = places_of(s);
    const pare_sweep_info *const info = pare_sweep_about(s);
    ck_assert_uint_eq(p.n, 40);
    for (size_t a = 0; a < info->n_axes; a++) {
        size_t n[20] = {0};
        for (size_t i = 0; i < p.n; i++) n[pare_axis_digit(&info->axes[a], p.v[i])]++;
        for (uint64_t d = 0; d < info->axes[a].n; d++)
            ck_assert_uint_eq(n[d], 40 / info->axes[a].n);
    }
    pare_sweep_free(s);
}
END_TEST

START_TEST(a_search_finds_the_front_and_can_be_killed)
{
    static const char search[] =
        "search: {method: nsga2, objectives: [cycles, area_um2], population: 12, generations: 6}\n";
    pare_sweep *const s = parse_changed("columns: [all]\n", search);
    run_into(s, "whole.sqlite");
    const pare_sweep_options one = {.store = in_folder("one.sqlite"), .threads = 1};
    run_with(s, &one);
    ck_assert(same_files(in_folder("one.sqlite"), in_folder("whole.sqlite")));
    for (int after_ms = 1; after_ms < 12; after_ms += 2) {
        int status;
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            run_into(s, "a.sqlite");
            _exit(0);
        }
        nanosleep(&(struct timespec){.tv_nsec = after_ms * 1000000L}, NULL);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
    }
    run_into(s, "a.sqlite");
    pare_store *a = NULL, *b = NULL;
    pare_err e = {0};
    ck_assert_int_eq(pare_store_open(in_folder("a.sqlite"), &a, &e), PARE_OK);
    ck_assert_int_eq(pare_store_open(in_folder("whole.sqlite"), &b, &e), PARE_OK);
    ck_assert_int_eq(pare_store_export(a, true, in_folder("a.json"), &e), PARE_OK);
    ck_assert_int_eq(pare_store_export(b, true, in_folder("b.json"), &e), PARE_OK);
    ck_assert(same_files(in_folder("a.json"), in_folder("b.json")));
    pare_store_close(a);
    pare_store_close(b);
    pare_sweep_free(s);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const points[] = {
        permutations_are_permutations, random_points_are_distinct_and_allowed,
        a_latin_hypercube_meets_each_value_alike, a_search_finds_the_front_and_can_be_killed, NULL};
    const gtck_case cases[] = {
        {.suite = "SweepPoints", .tests = points, .setup = set_up, .teardown = tear_down}};
    return gtck_main(argc, argv, "sim_sweep_points", cases, sizeof cases / sizeof *cases);
}
