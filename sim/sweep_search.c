/* NSGA-II (Deb, Pratap, Agarwal, Meyarivan 2002) over the places of a sweep's space, two columns as
 * objectives. Every choice comes from (seed, generation, child), so that a search that was killed
 * is replayed: what the store holds is not computed again. */
#include "sim/store_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRIES = 50 };

/* One place that was computed, in the order of the search. */
typedef struct evaluation {
    uint64_t space;
    double f[2]; /* to be minimised; infinite: it has no result */
} evaluation;

/* One of a population. */
typedef struct individual {
    size_t at; /* in evaluations */
    uint32_t front;
    double crowding;
} individual;

typedef struct search {
    const pare_sweep *s;
    const pare_sweep_options *options;
    store_writer *store;
    const search_conf *c;
    size_t column[2];
    double sign[2];
    /* all that was computed, and where a place is: open addressing */
    evaluation *all;
    size_t n_all, capacity, n_table;
    size_t *table;      /* index + 1; 0: free */
    evaluation *stored; /* those of the store, from before */
    size_t n_stored;
    sweep_worker *judge; /* for constraints */
    pare_pool *pool;
    sweep_worker **workers;
    /* the children of a generation */
    uint64_t *wanted;
    size_t n_wanted;
    sweep_row *rows;
    individual *both; /* parents, then children */
} search;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- what was computed ---- */

static size_t *entry_of(search *x, uint64_t space)
{
    size_t at = XXH3_64bits(&space, sizeof space) & (x->n_table - 1);
    while (x->table[at] && x->all[x->table[at] - 1].space != space)
        at = (at + 1) & (x->n_table - 1);
    return &x->table[at];
}

static void add_evaluation(search *x, uint64_t space, const double f[2])
{
    x->all[x->n_all] = (evaluation){.space = space, .f = {f[0], f[1]}};
    *entry_of(x, space) = ++x->n_all;
}

static bool is_known(search *x, uint64_t space) { return *entry_of(x, space) != 0; }

static double cell_number(const search *x, size_t k, cell v)
{
    const double number = x->s->columns[x->column[k]].is_real ? v.real : (double)v.count;
    return isnan(number) ? INFINITY : x->sign[k] * number;
}

static pare_status read_stored(search *x, pare_err *e)
{
    pare_buf sql = {0};
    sqlite3_stmt *q = NULL;
    pare_buf_printf(&sql, "SELECT space, error IS NULL, \"%s\", \"%s\" FROM point ORDER BY point",
                    x->s->columns[x->column[0]].name, x->s->columns[x->column[1]].name);
    pare_status status = store_prepare(x->store->db, x->store->path, sql.text, &q, e);
    pare_buf_free(&sql);
    PARE_TRY(status);
    while (x->n_stored < x->capacity && sqlite3_step(q) == SQLITE_ROW) {
        evaluation *const v = &x->stored[x->n_stored++];
        *v = (evaluation){.space = (uint64_t)sqlite3_column_int64(q, 0), .f = {INFINITY, INFINITY}};
        for (int k = 0; k < 2 && sqlite3_column_int(q, 1); k++)
            if (sqlite3_column_type(q, 2 + k) != SQLITE_NULL)
                v->f[k] = x->sign[k] * sqlite3_column_double(q, 2 + k);
    }
    sqlite3_finalize(q);
    return PARE_OK;
}

/* The store's generations are met again in their order: nothing to compute. */
static bool replay(search *x)
{
    if (x->n_all + x->n_wanted > x->n_stored) return false;
    for (size_t i = 0; i < x->n_wanted; i++)
        if (x->stored[x->n_all + i].space != x->wanted[i]) return false;
    for (size_t i = 0; i < x->n_wanted; i++) add_evaluation(x, x->wanted[i], x->stored[x->n_all].f);
    x->n_wanted = 0;
    return true;
}

static void eval_item(void *context, size_t item, unsigned worker)
{
    search *const x = context;
    sweep_eval(x->workers[worker], x->n_all + item, x->wanted[item], &x->rows[item]);
}

static pare_status put_rows(search *x, pare_sweep_summary *out, pare_err *e)
{
    for (size_t i = 0; i < x->n_wanted; i++) {
        sweep_row *const row = &x->rows[i];
        double f[2] = {INFINITY, INFINITY};
        for (size_t k = 0; k < 2 && row->state == ROW_OK; k++)
            f[k] = cell_number(x, k, row->cells[x->column[k]]);
        add_evaluation(x, row->space, f);
        PARE_TRY(store_put(x->store, row, e));
        out->n_failed += row->state == ROW_FAILED;
        out->n_reused += row->is_reused;
        out->n_computed += !row->is_reused;
    }
    return PARE_OK;
}

/* Compute the places that are wanted, and store them in their order. */
static pare_status compute(search *x, pare_sweep_summary *out, pare_err *e)
{
    if (replay(x)) return PARE_OK;
    for (size_t i = 0; i < x->n_wanted; i++) x->rows[i].is_reused = false;
    pare_pool_run(x->pool, x->n_wanted, eval_item, x);
    const double start = now_s();
    const pare_status status = put_rows(x, out, e);
    x->store->seconds += now_s() - start;
    for (size_t i = 0; i < x->n_wanted; i++) {
        free(x->rows[i].error);
        x->rows[i].error = NULL;
    }
    x->n_wanted = 0;
    return status;
}

/* ---- breeding ---- */

static uint64_t random_place(const search *x, pare_rng *rng)
{
    uint64_t space = 0;
    for (size_t a = 0; a < x->s->info.n_axes; a++)
        space += pare_rng_below(rng, (uint32_t)x->s->axes[a].n) * x->s->axes[a].stride;
    return space;
}

/* A neighbouring value, or any other one. */
static uint64_t mutate_digit(pare_rng *rng, uint64_t digit, uint64_t n)
{
    if (pare_rng_below(rng, 2)) return pare_rng_below(rng, (uint32_t)n);
    if (pare_rng_below(rng, 2)) return digit + 1 < n ? digit + 1 : digit;
    return digit > 0 ? digit - 1 : digit;
}

/* Each axis from one of the parents; about one of them is changed. */
static uint64_t breed(const search *x, uint64_t mother, uint64_t father, pare_rng *rng)
{
    uint64_t space = 0;
    uint32_t n_free = 0;
    for (size_t a = 0; a < x->s->info.n_axes; a++) n_free += x->s->axes[a].n > 1;
    for (size_t a = 0; a < x->s->info.n_axes; a++) {
        const pare_axis *const axis = &x->s->axes[a];
        uint64_t digit = sweep_digit(x->s, a, pare_rng_below(rng, 2) ? mother : father);
        if (axis->n > 1 && pare_rng_below(rng, n_free) == 0)
            digit = mutate_digit(rng, digit, axis->n);
        space += digit * axis->stride;
    }
    return space;
}

static bool is_better(const individual *a, const individual *b)
{
    return a->front != b->front ? a->front < b->front : a->crowding > b->crowding;
}

static const individual *tournament(const search *x, size_t n, pare_rng *rng)
{
    const individual *const a = &x->both[pare_rng_below(rng, (uint32_t)n)];
    const individual *const b = &x->both[pare_rng_below(rng, (uint32_t)n)];
    return is_better(b, a) ? b : a;
}

/* Is it new to the search, and allowed? */
static pare_status is_welcome(search *x, uint64_t space, bool *out, pare_err *e)
{
    bool is_excluded = false;
    *out = !is_known(x, space);
    for (size_t i = 0; i < x->n_wanted && *out; i++) *out = x->wanted[i] != space;
    if (!*out) return PARE_OK;
    PARE_TRY(sweep_is_excluded(x->judge, space, &is_excluded, e));
    *out = !is_excluded;
    return PARE_OK;
}

/* One child, if one can be found; more and more at random. */
static pare_status want_child(search *x, size_t n_parents, uint64_t number, pare_err *e)
{
    pare_rng rng = pare_rng_new(x->c->seed, number);
    bool is_new = false;
    uint64_t space = 0;
    for (int i = 0; i < TRIES && !is_new; i++) {
        if (n_parents == 0 || i > TRIES / 2) {
            space = random_place(x, &rng);
        } else {
            const individual *const mother = tournament(x, n_parents, &rng);
            const individual *const father = tournament(x, n_parents, &rng);
            space = breed(x, x->all[mother->at].space, x->all[father->at].space, &rng);
        }
        PARE_TRY(is_welcome(x, space, &is_new, e));
    }
    if (is_new) x->wanted[x->n_wanted++] = space;
    return PARE_OK;
}

/* ---- ranking ---- */

/* qsort has no context: the objectives travel with the items */
typedef struct ranked {
    double f[2];
    size_t at; /* in evaluations */
    uint32_t front;
    double crowding;
} ranked;

static int by_objectives(const void *a, const void *b)
{
    const ranked *const x = a, *const y = b;
    for (int k = 0; k < 2; k++)
        if (x->f[k] != y->f[k]) return x->f[k] < y->f[k] ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int by_rank(const void *a, const void *b)
{
    const ranked *const x = a, *const y = b;
    if (x->front != y->front) return x->front < y->front ? -1 : 1;
    if (x->crowding != y->crowding) return x->crowding > y->crowding ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* In the order of the first objective a point is in the first front whose last point it is not
 * dominated by; the fronts' last points are in order, so that is found by halves. */
static void find_fronts(ranked *r, size_t n)
{
    size_t *const last = pare_xalloc(n, sizeof *last);
    size_t n_fronts = 0;
    qsort(r, n, sizeof *r, by_objectives);
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = n_fronts;
        while (low < high) {
            const size_t middle = (low + high) / 2;
            const ranked *const l = &r[last[middle]];
            const bool is_equal = l->f[0] == r[i].f[0] && l->f[1] == r[i].f[1];
            if (!is_equal && l->f[1] <= r[i].f[1])
                low = middle + 1;
            else
                high = middle;
        }
        r[i].front = (uint32_t)low;
        last[low] = i;
        if (low == n_fronts) n_fronts++;
    }
    free(last);
}

/* Distance to the neighbours of the same front, each objective over its range; r is in the order of
 * the first objective. */
static void find_crowding(ranked *r, size_t n)
{
    double range[2] = {0, 0}, low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) {
            if (isinf(r[i].f[k])) continue;
            low[k] = fmin(low[k], r[i].f[k]);
            high[k] = fmax(high[k], r[i].f[k]);
        }
    for (int k = 0; k < 2; k++) range[k] = high[k] > low[k] ? high[k] - low[k] : 1;
    size_t *const before = pare_xalloc(n, sizeof *before), *const last =
                                                               pare_xalloc(n, sizeof *last);
    for (size_t i = 0; i < n; i++) {
        before[i] = last[r[i].front]; /* index + 1 */
        last[r[i].front] = i + 1;
        r[i].crowding = INFINITY;
    }
    for (size_t i = 0; i < n; i++) {
        const size_t middle = before[i]; /* whose next neighbour is i */
        if (!middle || !before[middle - 1]) continue;
        const ranked *const a = &r[before[middle - 1] - 1];
        double d = 0;
        for (int k = 0; k < 2; k++) d += fabs(r[i].f[k] - a->f[k]) / range[k];
        r[middle - 1].crowding = isnan(d) ? 0 : d;
    }
    free(before);
    free(last);
}

/* The best of parents and children become parents. */
static size_t select_parents(search *x, size_t n)
{
    ranked *const r = pare_xalloc(n + 1, sizeof *r);
    for (size_t i = 0; i < n; i++) {
        const size_t at = x->both[i].at;
        r[i] = (ranked){.f = {x->all[at].f[0], x->all[at].f[1]}, .at = at};
    }
    find_fronts(r, n);
    find_crowding(r, n);
    qsort(r, n, sizeof *r, by_rank);
    const size_t kept = n < x->c->population ? n : x->c->population;
    for (size_t i = 0; i < kept; i++)
        x->both[i] = (individual){.at = r[i].at, .front = r[i].front, .crowding = r[i].crowding};
    free(r);
    return kept;
}

/* ---- generations ---- */

static pare_status one_generation(search *x, uint64_t generation, size_t *n_parents,
                                  pare_sweep_summary *out, pare_err *e)
{
    const size_t first = *n_parents;
    x->n_wanted = 0;
    for (uint32_t i = 0; i < x->c->population; i++)
        PARE_TRY(want_child(x, first, generation * x->c->population + i, e));
    const size_t n_children = x->n_wanted, at = x->n_all;
    PARE_TRY(compute(x, out, e));
    for (size_t i = 0; i < n_children; i++) x->both[first + i] = (individual){.at = at + i};
    *n_parents = select_parents(x, first + n_children);
    return PARE_OK;
}

static void tell(const search *x, uint64_t generation, double seconds)
{
    if (!x->options->progress) return;
    const pare_sweep_progress p = {
        .done = generation * x->c->population, .total = x->s->info.n_points, .seconds = seconds};
    x->options->progress(x->options->context, &p);
}

static pare_status all_generations(search *x, pare_sweep_summary *out, pare_err *e)
{
    const double begun = now_s();
    size_t n_parents = 0;
    for (uint64_t g = 0; g < x->c->generations; g++) {
        if (x->options->stop && *x->options->stop) return PARE_OK;
        PARE_TRY(one_generation(x, g, &n_parents, out, e));
        if (g + 1 > x->store->next_block) PARE_TRY(store_commit(x->store, g + 1, e));
        tell(x, g + 1, now_s() - begun);
    }
    return store_finish(x->store, e);
}

static void search_init(search *x)
{
    const pare_sweep *const s = x->s;
    for (size_t k = 0; k < 2; k++) {
        const char *name = x->c->objectives.v[k];
        x->sign[k] = *name == '-' ? -1 : 1;
        name += *name == '-';
        while (strcmp(s->columns[x->column[k]].name, name) != 0) x->column[k]++;
    }
    x->capacity = s->info.n_points;
    x->n_table = 16;
    while (x->n_table < 2 * x->capacity) x->n_table *= 2;
    x->all = pare_xalloc(x->capacity + 1, sizeof *x->all);
    x->stored = pare_xalloc(x->capacity + 1, sizeof *x->stored);
    x->table = pare_xalloc(x->n_table, sizeof *x->table);
    x->wanted = pare_xalloc(x->c->population, sizeof *x->wanted);
    x->both = pare_xalloc(2 * (size_t)x->c->population, sizeof *x->both);
    x->rows = pare_xalloc(x->c->population, sizeof *x->rows);
    size_t most = 1;
    for (uint64_t i = 0; i < s->axes[s->at[AXIS_NETWORK]].n; i++)
        if (s->nets[i]->n_mac_layers > most) most = s->nets[i]->n_mac_layers;
    for (size_t i = 0; i < x->c->population; i++) {
        x->rows[i].cells = pare_xalloc(s->info.n_columns, sizeof(cell));
        if (!s->info.has_layers) continue;
        x->rows[i].layer_cells = pare_xalloc(most * s->info.n_columns, sizeof(cell));
        x->rows[i].layer_bits = pare_xalloc(most, sizeof *x->rows[i].layer_bits);
    }
    x->judge = sweep_worker_new(s);
    x->pool = pare_pool_new(x->options->threads);
    x->workers = pare_xalloc(pare_pool_threads(x->pool), sizeof(sweep_worker *));
    for (unsigned i = 0; i < pare_pool_threads(x->pool); i++) x->workers[i] = sweep_worker_new(s);
}

static void search_clear(search *x, pare_sweep_summary *out)
{
    for (unsigned i = 0; i < pare_pool_threads(x->pool); i++) {
        out->n_layers += x->workers[i]->n_layers;
        out->n_layers_found += x->workers[i]->n_layers_found;
        store_reader_close(x->workers[i]->old);
        sweep_worker_free(x->workers[i]);
    }
    for (size_t i = 0; i < x->c->population; i++) {
        free(x->rows[i].cells);
        free(x->rows[i].layer_cells);
        free(x->rows[i].layer_bits);
    }
    pare_pool_free(x->pool);
    sweep_worker_free(x->judge);
    free(x->workers);
    free(x->rows);
    free(x->both);
    free(x->wanted);
    free(x->table);
    free(x->all);
    free(x->stored);
}

pare_status sweep_search(const pare_sweep *s, store_writer *store,
                         const pare_sweep_options *options, pare_sweep_summary *out, pare_err *e)
{
    search x = {.s = s, .options = options, .store = store, .c = &s->conf.search};
    if (options->n_shards > 1)
        return pare_err_set(e, PARE_EUSAGE, s->info.file, (pare_pos){0, 0},
                            "a search is one process's work; no --shard expected");
    search_init(&x);
    pare_status status = PARE_OK;
    for (unsigned i = 0; store->has_old && i < pare_pool_threads(x.pool) && status == PARE_OK; i++)
        status = store_reader_open(store, &x.workers[i]->old, e);
    if (status == PARE_OK) status = read_stored(&x, e);
    if (status == PARE_OK) status = all_generations(&x, out, e);
    search_clear(&x, out);
    return status;
}
