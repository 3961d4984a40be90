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
    const char *sets[SETS + 7];
    size_t n = random_sets(r, text, sets);
    static const double slacks[] = {0.02, 0, 0.3, 1};
    snprintf(text[n], SET_BYTES, "mapping.slack_frac=%g", slacks[pare_rng_below(r, 4)]);
    sets[n] = text[n];
    n++;
    const char *const name = case_machines[pare_rng_below(r, N_CASE_MACHINES)];
    const bool is_systolic = !strncmp(name, "systolic", 8);
    const bool has_choice = n > SETS - 1; /* which an ideal memory refuses */
    if (is_systolic && (has_choice || pare_rng_below(r, 4))) {
        sets[n++] = "memory.model=limited";
        sets[n++] = "compat.count_from_zero=false";
    }
    const size_t n_flow = is_systolic ? 0 : random_dataflow(r, sets + n);
    const bool is_plain = !is_systolic && !n_flow;
    n += n_flow;
    if (is_plain && pare_rng_below(r, 3) == 0) sets[n++] = "mapping.split_depth=true";
    if (is_plain && pare_rng_below(r, 3) == 0) sets[n++] = "mapping.row_inputs=own";
    static const char *const gates[] = {"clock_gating=none", "clock_gating=lanes",
                                        "clock_gating=bits"};
    sets[n++] = gates[pare_rng_below(r, 3)];
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

/* ---- against an enumeration of its own ---- */

typedef struct point {
    double cycles, energy_pj, dram_bits;
} point;

static double first_of(int objective, const point *p)
{
    return objective == PARE_OBJECTIVE_ENERGY    ? p->energy_pj
           : objective == PARE_OBJECTIVE_EDP     ? p->energy_pj * p->cycles
           : objective == PARE_OBJECTIVE_TRAFFIC ? p->dram_bits
                                                 : p->cycles;
}

static double second_of(int objective, const point *p)
{
    return objective == PARE_OBJECTIVE_CYCLES ? p->energy_pj : p->cycles;
}

typedef struct points {
    point *v;
    size_t n, capacity;
} points;

/* One mapping, walked tile by tile; not added if it does not fit. */
static void add_point(const pare_machine *m, const pare_sim_job *job, points *all)
{
    pare_sim_layer l;
    pare_err e = {0};
    if (pare_sim_events(m, job, NULL, NULL, &l, &e) != PARE_OK) return;
    if (all->n == all->capacity) {
        all->capacity = all->capacity ? 2 * all->capacity : 64;
        all->v = realloc(all->v, all->capacity * sizeof *all->v);
        ck_assert_ptr_nonnull(all->v);
    }
    all->v[all->n++] =
        (point){(double)l.stats.cycles, l.stats.energy_pj, (double)l.stats.dram_bits};
}

/* the whole and all smaller unit * 2^i; 0 at the end */
static void list_sizes(uint32_t whole, uint32_t unit, uint32_t out[24])
{
    size_t n = 0;
    out[n++] = whole;
    for (uint32_t x = unit; x < whole; x *= 2) out[n++] = x;
    out[n] = 0;
}

/* All orders and ways to use tiles and columns. */
static void add_orders(const pare_machine *m, const pare_sim_job *job, const pare_tile *size,
                       points *all)
{
    static const char *const orders[] = {"kwc", "kcw", "wkc", "wck", "ckw", "cwk"};
    pare_machine one = *m;
    one.mapping.tile = *size;
    for (int i = 0; i < 6; i++)
        for (int tiles = 0; tiles < 2; tiles++)
            for (int cols = 0; cols < 2; cols++) {
                if (m->mapping.tiles != PARE_HOLDS_BEST && tiles != m->mapping.tiles) continue;
                if (m->mapping.cols != PARE_HOLDS_BEST && cols != m->mapping.cols) continue;
                one.mapping.order = orders[i];
                one.mapping.tiles = tiles;
                one.mapping.cols = cols;
                add_point(&one, job, all);
            }
}

/* Groups, and within one group filters and channels. */
static void add_blocks(const pare_machine *m, const pare_sim_job *job, uint32_t packed,
                       pare_tile size, points *all)
{
    const pare_dims *const d = &job->dims;
    uint32_t groups[24], filters[24], channels[24];
    list_sizes(d->groups, packed, groups);
    list_sizes(d->k / d->groups, m->array.rows, filters);
    list_sizes(d->c / d->groups, m->pe.lanes, channels);
    for (size_t g = 0; groups[g]; g++)
        for (size_t k = 0; filters[k]; k++)
            for (size_t c = 0; channels[c]; c++) {
                if (groups[g] > 1 && (k || c)) continue;
                size.groups = groups[g];
                size.filters = filters[k];
                size.channels = channels[c];
                add_orders(m, job, &size, all);
            }
}

/* Whole images, rows of one, pieces of one row. */
static void add_all(const pare_machine *m, const pare_sim_job *job, uint32_t packed, points *all)
{
    const pare_dims *const d = &job->dims;
    uint32_t n[24], p[24], q[24];
    list_sizes(d->n, 1, n);
    list_sizes(d->p, 1, p);
    list_sizes(d->q, m->array.cols < d->q ? m->array.cols : d->q, q);
    for (size_t i = 0; n[i]; i++)
        add_blocks(m, job, packed, (pare_tile){0, 0, 0, n[i], d->p, d->q}, all);
    for (size_t i = 1; p[i]; i++)
        add_blocks(m, job, packed, (pare_tile){0, 0, 0, 1, p[i], d->q}, all);
    for (size_t i = 1; q[i]; i++) add_blocks(m, job, packed, (pare_tile){0, 0, 0, 1, 1, q[i]}, all);
}

/* The least second criterion within the slack, then the least first one. */
static point best_of(const pare_machine *m, const points *all)
{
    const int objective = m->mapping.objective;
    double least = INFINITY;
    for (size_t i = 0; i < all->n; i++) least = fmin(least, first_of(objective, &all->v[i]));
    const double limit = least * (1 + m->mapping.slack_frac);
    const point *best = NULL;
    for (size_t i = 0; i < all->n; i++) {
        const point *const p = &all->v[i];
        if (first_of(objective, p) > limit) continue;
        const double a = second_of(objective, p), b = best ? second_of(objective, best) : INFINITY;
        if (a > b || (best && !(a < b) && first_of(objective, p) >= first_of(objective, best)))
            continue;
        best = p;
    }
    ck_assert_ptr_nonnull(best);
    return *best;
}

static pare_sim_job small_job(pare_rng *r)
{
    pare_sim_job job = random_job(r);
    pare_dims *const d = &job.dims;
    d->groups = pare_rng_below(r, 3) ? 1 : pick(r, 2, 12);
    d->c = d->groups * pick(r, 1, d->groups > 1 ? 4 : 40);
    d->k = d->groups * pick(r, 1, d->groups > 1 ? 4 : 40);
    d->h = (d->r - 1) * d->dilation[0] + pick(r, 1, 9);
    d->w = (d->s - 1) * d->dilation[1] + pick(r, 1, 9);
    d->p = (d->h + 2 * d->pad[0] - ((d->r - 1) * d->dilation[0] + 1)) / d->stride[0] + 1;
    d->q = (d->w + 2 * d->pad[1] - ((d->s - 1) * d->dilation[1] + 1)) / d->stride[1] + 1;
    return job;
}

/* How many mappings there were; 0 if none fits. */
static size_t compare_with_all(pare_rng *r, int objective, uint64_t seed, uint64_t number)
{
    static const char *const machines[] = {"bitparallel8", "stripes", "loom4", "bitfusion"};
    char text[8][SET_BYTES];
    const char *sets[9];
    size_t n = 0;
    snprintf(text[n++], SET_BYTES, "array.rows=%u", pick(r, 1, 8));
    snprintf(text[n++], SET_BYTES, "pe.lanes=%u", pick(r, 1, 8));
    snprintf(text[n++], SET_BYTES, "buffers.weight_bytes=%u", pick(r, 100, 5000));
    snprintf(text[n++], SET_BYTES, "buffers.act_bytes=%u", pick(r, 200, 5000));
    snprintf(text[n++], SET_BYTES, "buffers.out_bytes=%u", pick(r, 200, 5000));
    snprintf(text[n++], SET_BYTES, "dram.bits_per_cycle=%u", pick(r, 1, 200));
    snprintf(text[n++], SET_BYTES, "dram.latency_cycles=%u", pick(r, 0, 30));
    snprintf(text[n++], SET_BYTES, "mapping.slack_frac=%s", pick(r, 0, 1) ? "0.05" : "0");
    for (size_t i = 0; i < n; i++) sets[i] = text[i];
    pare_err e = {0};
    pare_machine *const m = case_machine(machines[pare_rng_below(r, 4)], sets, n, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    pare_machine one = *m;
    one.mapping.objective = objective;
    const pare_sim_job job = small_job(r);
    pare_sim_layer l;
    points all = {0};
    if (pare_sim_run_layer(&one, &job, &l, &e) == PARE_OK) {
        add_all(&one, &job, l.map.packed_groups, &all);
        const point best = best_of(&one, &all);
        /* equal traffic and cycles do not fix the energy */
        const bool has_ties = objective == PARE_OBJECTIVE_TRAFFIC;
        ck_assert_msg(best.cycles == (double)l.stats.cycles &&
                          (has_ties || best.energy_pj == l.stats.energy_pj) &&
                          best.dram_bits == (double)l.stats.dram_bits,
                      "seed %llu case %llu, objective %d: %llu cycles %.17g pJ, the best of %zu "
                      "has %.0f and %.17g",
                      (unsigned long long)seed, (unsigned long long)number, objective,
                      (unsigned long long)l.stats.cycles, l.stats.energy_pj, all.n, best.cycles,
                      best.energy_pj);
    }
    free(all.v);
    pare_machine_free(m);
    return all.n;
}

START_TEST(the_choice_is_the_best_of_all_mappings_walked_one_by_one)
{
    const uint64_t seed = 20261123, n_cases = getenv("PARE_SLOW") ? 2000 : 120;
    size_t n_points = 0, n_run = 0;
    for (uint64_t i = 0; i < n_cases; i++) {
        pare_rng r = pare_rng_new(seed, i);
        const size_t n = compare_with_all(&r, (int)(i % 4), seed, i);
        n_points += n;
        n_run += n > 0;
    }
    printf("seed %llu: %zu layers, %zu mappings\n", (unsigned long long)seed, n_run, n_points);
    ck_assert_uint_gt(n_run, n_cases / 2);
}
END_TEST

/* ---- a choice that the machine file makes ---- */

static pare_sim_layer run_job(const pare_machine *m, const pare_sim_job *job)
{
    pare_err e = {0};
    pare_sim_layer l;
    ck_assert_msg(pare_sim_run_layer(m, job, &l, &e) == PARE_OK, "%s", e.text);
    return l;
}

/* what the search chose, as the machine file would say it */
static pare_machine fix_choice(const pare_machine *m, const pare_sim_map *map, char order[8])
{
    pare_machine one = *m;
    one.mapping.tile = (pare_tile){map->tile_groups, map->tile_filters,  map->tile_channels,
                                   map->tile_images, map->tile_out_rows, map->tile_out_cols};
    size_t n = 0;
    for (const char *c = map->order; *c; c++)
        if (*c != 'g') order[n++] = *c;
    order[n] = 0;
    for (const char *c = "kwc"; *c; c++)
        if (!strchr(order, *c)) {
            order[n++] = *c;
            order[n] = 0;
        }
    one.mapping.order = order;
    return one;
}

START_TEST(fixing_the_choice_changes_nothing)
{
    const uint64_t seed = 20261124;
    size_t n_run = 0;
    for (uint64_t i = 0; i < 300; i++) {
        pare_rng r = pare_rng_new(seed, i);
        char text[SETS][SET_BYTES], order[8];
        const char *sets[SETS + 1];
        size_t n = random_sets(&r, text, sets);
        sets[n++] = "mapping.slack_frac=0";
        pare_err e = {0};
        pare_machine *const m = case_machine(case_machines[pare_rng_below(&r, 6)], sets, n, &e);
        ck_assert_msg(m != NULL, "%s", e.text);
        const pare_sim_job job = random_job(&r);
        pare_sim_layer l;
        if (pare_sim_run_layer(m, &job, &l, &e) == PARE_OK) {
            const pare_machine one = fix_choice(m, &l.map, order);
            const pare_sim_layer same = run_job(&one, &job);
            ck_assert_msg(!memcmp(&same.stats, &l.stats, sizeof l.stats), "seed %llu case %llu",
                          (unsigned long long)seed, (unsigned long long)i);
            n_run++;
        }
        pare_machine_free(m);
    }
    ck_assert_uint_gt(n_run, 200);
}
END_TEST

START_TEST(wanted_sizes_and_orders_are_kept)
{
    static const char *const sets[] = {
        "mapping.tile={filters: 24, channels: 48, out_rows: 5, out_cols: 3}", "mapping.order=cwk"};
    pare_err e = {0};
    pare_machine *const m = case_machine("stripes", sets, 2, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    const pare_sim_job job = {.layer = "conv",
                              .type = "conv2d",
                              .dims = {.n = 2,
                                       .c = 64,
                                       .h = 14,
                                       .w = 14,
                                       .k = 40,
                                       .r = 3,
                                       .s = 3,
                                       .p = 14,
                                       .q = 14,
                                       .groups = 1,
                                       .stride = {1, 1},
                                       .pad = {1, 1},
                                       .dilation = {1, 1}},
                              .weight_bits = 4,
                              .act_bits = 6,
                              .out_bits = 6};
    const pare_sim_layer l = run_job(m, &job);
    ck_assert_uint_eq(l.map.tile_filters, 24);
    ck_assert_uint_eq(l.map.tile_channels, 48);
    ck_assert_uint_eq(l.map.tile_out_rows, 5);
    ck_assert_uint_eq(l.map.tile_out_cols, 3);
    ck_assert_str_eq(l.map.order, "cwk");
    /* 2 pieces of 40 filters, 2 of 64 channels, 3 x 5 windows in each image */
    ck_assert_uint_eq(l.map.n_tiles % (2 * 2 * 3 * 5), 0);
    pare_machine_free(m);
}
END_TEST

int main(int argc, char **argv)
{
    const double timeout_s = getenv("PARE_SLOW") ? 600 : 60;
    const TTest *const plain[] = {bounds_choose_as_looking_at_everything_does, NULL};
    const TTest *const all[] = {the_choice_is_the_best_of_all_mappings_walked_one_by_one, NULL};
    const TTest *const wanted[] = {fixing_the_choice_changes_nothing,
                                   wanted_sizes_and_orders_are_kept, NULL};
    const gtck_case cases[] = {{.suite = "Plain", .tests = plain, .timeout_s = timeout_s},
                               {.suite = "All", .tests = all, .timeout_s = timeout_s},
                               {.suite = "Wanted", .tests = wanted}};
    return gtck_main(argc, argv, "sim_search", cases, sizeof cases / sizeof *cases);
}
