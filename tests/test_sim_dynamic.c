/* Cycles of machines that skip: layers by hand, random layers against a plain walk over tiles,
 * windows, filters and lanes with the definitions of docs/machines_dynamic.md, and values of which
 * all are as wide as can be against the static machine. */
#include "gtck.h"
#include "sim/dynamic.h"

#include <stdlib.h>
#include <string.h>

enum { SETS_MAX = 32 };

static pare_machine *load(const char *name, const char *const *sets, size_t n)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    ck_assert_msg(pare_machine_load(path.text, sets, n, &m, &e) == PARE_OK, "%s: %s", name, e.text);
    pare_buf_free(&path);
    return m;
}

/* ---- a plain walk ---- */

typedef struct lane {
    bool is_there, is_real;
    uint32_t group, channel, y, x; /* of the packed groups; in the group; in the kernel */
} lane;

typedef struct plain {
    const pare_machine *m;
    const pare_sim_job *job;
    const layer_values *v;
    pare_sim_map map;
    uint64_t n_steps, lanes;
    lane *at; /* [step][lane] */
    uint64_t groups, first_group, first_channel;
    uint64_t cycles, needed, history_n;
    uint64_t *done; /* [step][group of columns], for run-ahead */
} plain;

static uint64_t at_most(uint64_t a, uint64_t b) { return a < b ? a : b; }

static int64_t act_at(const plain *p, uint64_t image, uint64_t channel, int64_t y, int64_t x)
{
    const pare_dims *const d = &p->job->dims;
    const uint16_t code =
        y < 0 || x < 0 || y >= d->h || x >= d->w
            ? p->v->pad_code
            : p->v->acts[((image * d->c + channel) * d->h + (uint64_t)y) * d->w + (uint64_t)x];
    return p->v->act_signed ? (int16_t)code : code;
}

static int64_t weight_at(const plain *p, uint64_t filter, const lane *l)
{
    const pare_dims *const d = &p->job->dims;
    const uint64_t channel = p->first_channel + l->channel;
    const uint16_t code =
        p->v->weights[((filter * (d->c / d->groups) + channel) * d->r + l->y) * d->s + l->x];
    return p->v->weight_signed ? (int16_t)code : code;
}

/* Lanes in the order of the documentation. */
static void lay_out(plain *p, uint64_t channels)
{
    const pare_dims *const d = &p->job->dims;
    const bool is_folded = p->job->reads_input && d->c / d->groups < p->m->pe.lanes &&
                           p->m->mapping.first_layer == PARE_FIRST_SPACE_TO_DEPTH &&
                           (d->stride[0] > 1 || d->stride[1] > 1) && d->groups == 1 &&
                           d->dilation[0] == 1 && d->dilation[1] == 1;
    const uint32_t sy = is_folded ? d->stride[0] : 1, sx = is_folded ? d->stride[1] : 1;
    uint64_t n = 0;
    p->n_steps = 0;
    for (uint64_t outer = 0; outer < (p->map.is_flat ? p->groups : 1); outer++)
        for (uint32_t y = 0; y < d->r; y += sy)
            for (uint32_t x = 0; x < d->s; x += sx) {
                for (uint32_t j = 0; j < sx; j++)
                    for (uint32_t i = 0; i < sy; i++)
                        for (uint64_t g = 0; g < (p->map.is_flat ? 1 : p->groups); g++)
                            for (uint32_t c = 0; c < channels; c++) {
                                lane *const l = &p->at[n++];
                                *l = (lane){true,
                                            y + i < d->r && x + j < d->s,
                                            (uint32_t)(outer + g),
                                            c,
                                            y + i,
                                            x + j};
                            }
                while (!p->map.is_flat && n % p->lanes) p->at[n++] = (lane){0};
            }
    while (n % p->lanes) p->at[n++] = (lane){0};
    p->n_steps = n / p->lanes;
}

static uint64_t ones(uint64_t x) { return (uint64_t)__builtin_popcountll(x); }

static uint32_t size_of(int64_t x) { return (uint32_t)(x < 0 ? -x : x); }

static uint64_t width_of(const int64_t *x, size_t n, bool is_signed)
{
    for (uint64_t bits = is_signed ? 2 : 1;; bits++) {
        bool fits = true;
        for (size_t i = 0; i < n; i++)
            fits = fits && (is_signed ? x[i] >= -(1 << (bits - 1)) && x[i] < 1 << (bits - 1)
                                      : x[i] < 1 << bits);
        if (fits) return bits;
    }
}

/* Cycles of the values of some lanes of one operand. */
static uint64_t group_cycles(const plain *p, const int64_t *x, size_t n)
{
    const pare_recoding recoding = (pare_recoding)p->m->skip.recoding;
    if (p->m->pe.skips == PARE_SKIPS_PRECISION)
        return (width_of(x, n, p->v->act_signed) + p->m->pe.act_digit - 1) / p->m->pe.act_digit;
    if (p->m->pe.skips == PARE_SKIPS_COLUMNS) {
        uint64_t all = 0;
        for (size_t i = 0; i < n; i++) all |= size_of(x[i]);
        return all ? ones(all) : 1;
    }
    uint32_t masks[1024];
    for (size_t i = 0; i < n; i++) masks[i] = sim_terms(recoding, size_of(x[i]));
    return sim_two_stage_cycles(masks, n, p->m->skip.first_stage_bits);
}

typedef struct window {
    uint64_t image, p, q;
} window;

static int64_t act_of(const plain *p, const window *w, const lane *l)
{
    const pare_dims *const d = &p->job->dims;
    const uint64_t group = p->first_group + l->group;
    return act_at(p, w->image, group * (d->c / d->groups) + p->first_channel + l->channel,
                  (int64_t)(w->p * d->stride[0] + l->y * d->dilation[0]) - d->pad[0],
                  (int64_t)(w->q * d->stride[1] + l->x * d->dilation[1]) - d->pad[1]);
}

enum { COLUMNS_MAX = 64 };

/* When a group of columns had done a step, 0 before the first. */
static uint64_t done_at(const plain *p, uint64_t step_plus_one, uint64_t group)
{
    return step_plus_one ? p->done[(step_plus_one - 1) * COLUMNS_MAX + group] : 0;
}

static uint64_t all_done_at(const plain *p, uint64_t step_plus_one)
{
    uint64_t last = 0;
    for (uint64_t g = 0; g < COLUMNS_MAX; g++)
        last = last > done_at(p, step_plus_one, g) ? last : done_at(p, step_plus_one, g);
    return last;
}

/* c_g(n) = max(c_g(n-1), max_h c_h(n-1-R)) + t_g(n) */
static void take_step_of_windows(plain *p, const lane *lanes, const window *w, size_t n_windows)
{
    const pare_machine *const m = p->m;
    const uint64_t scale = (p->job->weight_bits + m->pe.weight_digit - 1) / m->pe.weight_digit;
    const uint64_t n = p->history_n, registers = m->skip.column_registers;
    const uint64_t allowed = n >= registers ? all_done_at(p, n - registers) : 0;
    const size_t group = m->pe.skips == PARE_SKIPS_PRECISION ? m->skip.group_cols : 1;
    int64_t x[1024];
    for (size_t g = 0; g < COLUMNS_MAX; g++) {
        uint64_t own = done_at(p, n, g) > allowed ? done_at(p, n, g) : allowed;
        size_t n_values = 0;
        for (size_t i = g * group; i < at_most((g + 1) * group, n_windows); i++)
            for (uint64_t l = 0; l < p->lanes; l++)
                if (lanes[l].is_there) x[n_values++] = act_of(p, &w[i], &lanes[l]);
        uint64_t cycles = n_values ? group_cycles(p, x, n_values) : 0;
        if (n_values && p->map.cols_hold_filters && cycles < m->array.cols) cycles = m->array.cols;
        p->done[n * COLUMNS_MAX + g] = own + cycles * scale;
    }
    p->history_n++;
    p->cycles += all_done_at(p, n + 1) - all_done_at(p, n);
}

/* Filters of each packed group; with terms of both operands also windows. */
static void take_step_of_filters(plain *p, const lane *lanes, const window *w, size_t n_windows,
                                 uint64_t first_filter, uint64_t n_filters)
{
    const pare_machine *const m = p->m;
    const uint64_t per_group = p->job->dims.k / p->job->dims.groups;
    const pare_recoding recoding = (pare_recoding)m->skip.recoding;
    const bool is_columns = m->pe.skips == PARE_SKIPS_COLUMNS;
    int64_t x[1024];
    uint64_t most = 1;
    for (uint64_t f = first_filter; f < first_filter + n_filters; f++)
        for (uint64_t g = 0; g < p->groups; g++) {
            const uint64_t filter = (p->first_group + g) * per_group + f;
            size_t n = 0;
            for (uint64_t l = 0; l < p->lanes; l++) {
                if (!lanes[l].is_real || lanes[l].group != g) continue;
                x[n++] = weight_at(p, filter, &lanes[l]);
                const uint64_t terms = ones(sim_terms(recoding, size_of(x[n - 1])));
                for (size_t i = 0; i < n_windows && !is_columns; i++) {
                    const uint64_t pair =
                        terms * ones(sim_terms(recoding, size_of(act_of(p, &w[i], &lanes[l]))));
                    most = most > pair ? most : pair;
                }
            }
            const uint64_t columns = is_columns ? group_cycles(p, x, n) : 1;
            most = most > columns ? most : columns;
        }
    p->cycles +=
        is_columns ? most * ((p->job->act_bits + m->pe.act_digit - 1) / m->pe.act_digit) : most;
}

/* One tile of windows n0 p0 q0, filters k0 .. of each group, at the current groups and channels. */
static void take_tile(plain *p, window from, uint64_t k0, uint64_t k1, uint64_t parallel_windows,
                      uint64_t parallel_filters)
{
    const pare_dims *const d = &p->job->dims;
    window *const w = pare_xalloc((size_t)d->n * d->p * d->q, sizeof *w);
    size_t n = 0;
    for (uint64_t i = from.image; i < at_most(d->n, from.image + p->map.tile_images); i++)
        for (uint64_t b = from.q; b < at_most(d->q, from.q + p->map.tile_out_cols); b++)
            for (uint64_t a = from.p; a < at_most(d->p, from.p + p->map.tile_out_rows); a++)
                w[n++] = (window){i, a, b};
    const bool runs_ahead = p->m->skip.column_registers > 0;
    const bool is_by_windows =
        p->m->pe.skips == PARE_SKIPS_PRECISION || p->m->pe.skips == PARE_SKIPS_ACT_TERMS;
    p->history_n = 0;
    for (size_t i = 0; i < n; i += parallel_windows)
        for (uint64_t k = k0; k < k1; k += parallel_filters)
            for (uint64_t s = 0; s < p->n_steps; s++) {
                if (!runs_ahead) p->history_n = 0;
                const size_t n_windows = at_most(parallel_windows, n - i);
                if (is_by_windows)
                    take_step_of_windows(p, p->at + s * p->lanes, w + i, n_windows);
                else
                    take_step_of_filters(p, p->at + s * p->lanes, w + i, n_windows, k,
                                         at_most(parallel_filters, k1 - k));
            }
    free(w);
}

static uint64_t plain_cycles(const pare_machine *m, const pare_sim_job *job, const layer_values *v,
                             const pare_sim_map *map)
{
    const pare_dims *const d = &job->dims;
    plain p = {.m = m, .job = job, .v = v, .map = *map, .lanes = m->pe.lanes};
    const uint64_t depth =
        (uint64_t)(d->c / d->groups) * (d->r + d->stride[0]) * (d->s + d->stride[1]);
    p.at = pare_xalloc(depth * map->packed_groups * p.lanes, sizeof *p.at);
    uint64_t windows = m->array.cols, filters = m->array.rows;
    if (map->cols_hold_filters) {
        windows = 1;
        filters *= m->array.cols;
    }
    *(map->tiles_hold_windows ? &windows : &filters) *= m->array.tiles;
    p.done = pare_xalloc(65536 * COLUMNS_MAX, sizeof *p.done);
    for (uint64_t g = 0; g < d->groups; g += map->packed_groups)
        for (uint64_t c = 0; c < d->c / d->groups; c += map->tile_channels) {
            p.first_group = g;
            p.groups = at_most(map->packed_groups, d->groups - g);
            p.first_channel = c;
            lay_out(&p, at_most(map->tile_channels, d->c / d->groups - c));
            for (uint64_t k = 0; k < d->k / d->groups; k += map->tile_filters)
                for (uint64_t i = 0; i < d->n; i += map->tile_images)
                    for (uint64_t y = 0; y < d->p; y += map->tile_out_rows)
                        for (uint64_t x = 0; x < d->q; x += map->tile_out_cols)
                            take_tile(&p, (window){i, y, x}, k,
                                      at_most(k + map->tile_filters, d->k / d->groups), windows,
                                      filters);
        }
    free(p.at);
    free(p.done);
    return p.cycles;
}

/* ---- random layers and machines ---- */

typedef struct random_case {
    pare_buf sets[SETS_MAX];
    size_t n_sets;
    const char *machine;
    pare_sim_job job;
} random_case;

static void add_set(random_case *c, const char *key, uint32_t value)
{
    pare_buf_printf(&c->sets[c->n_sets++], "%s=%u", key, value);
}

static uint32_t pick(pare_rng *r, const uint32_t *v, uint32_t n) { return v[pare_rng_below(r, n)]; }
#define PICK(r, ...)                                                                               \
    pick(r, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static pare_sim_job random_layer(pare_rng *r)
{
    const uint32_t kind = pare_rng_below(r, 5);
    pare_dims d = {.n = PICK(r, 1, 1, 2), .groups = 1, .dilation = {1, 1}, .stride = {1, 1}};
    d.c = 1 + pare_rng_below(r, 20);
    d.k = 1 + pare_rng_below(r, 20);
    d.r = d.s = d.h = d.w = 1;
    if (kind > 0) { /* not fully connected */
        d.r = kind == 1 ? 1 : 1 + pare_rng_below(r, 3);
        d.s = kind == 1 ? 1 : 1 + pare_rng_below(r, 3);
        d.stride[0] = 1 + pare_rng_below(r, 3);
        d.stride[1] = 1 + pare_rng_below(r, 2);
        d.dilation[0] = PICK(r, 1, 1, 2);
        d.pad[0] = pare_rng_below(r, d.r);
        d.pad[1] = pare_rng_below(r, d.s);
        d.h = (d.r - 1) * d.dilation[0] + 1 + pare_rng_below(r, 8);
        d.w = d.s + pare_rng_below(r, 8);
    }
    if (kind >= 3) {
        d.groups = PICK(r, 2, 3, 4);
        d.c = d.groups * (kind == 3 ? 1 : 1 + pare_rng_below(r, 5));
        d.k = d.groups * (1 + pare_rng_below(r, 3));
    }
    d.p = (d.h + 2 * d.pad[0] - (d.r - 1) * d.dilation[0] - 1) / d.stride[0] + 1;
    d.q = (d.w + 2 * d.pad[1] - d.s) / d.stride[1] + 1;
    return (pare_sim_job){.layer = "l",
                          .type = "conv2d",
                          .dims = d,
                          .weight_bits = 1 + pare_rng_below(r, 8),
                          .act_bits = 1 + pare_rng_below(r, 8),
                          .out_bits = 8,
                          .reads_input = pare_rng_below(r, 2)};
}

static random_case new_case(pare_rng *r)
{
    static const char *const machines[] = {"dynamic_stripes", "shapeshifter", "pragmatic",
                                           "laconic", "bitwave"};
    static const char *const values[] = {"laplace", "relu", "uniform", "normal"};
    random_case c = {.machine = machines[pare_rng_below(r, 5)], .job = random_layer(r)};
    const bool is_by_windows = !strcmp(c.machine, "dynamic_stripes") ||
                               !strcmp(c.machine, "shapeshifter") ||
                               !strcmp(c.machine, "pragmatic");
    add_set(&c, "array.rows", PICK(r, 1, 2, 4, 16));
    add_set(&c, "array.cols", PICK(r, 1, 2, 3, 8));
    add_set(&c, "array.tiles", PICK(r, 1, 1, 2, 3));
    add_set(&c, "pe.lanes", PICK(r, 1, 2, 4, 16));
    add_set(&c, "skip.group_cols", PICK(r, 1, 2, 5));
    add_set(&c, "skip.first_stage_bits", pare_rng_below(r, 5));
    const uint32_t registers = is_by_windows ? PICK(r, 0, 0, 1, 3) : 0;
    add_set(&c, "skip.column_registers", registers);
    add_set(&c, "buffers.weight_bytes", PICK(r, 1024, 4096, 65536));
    add_set(&c, "buffers.act_bytes", PICK(r, 1024, 4096, 65536));
    pare_buf_puts(&c.sets[c.n_sets++],
                  pare_rng_below(r, 3) ? "memory.model=limited" : "memory.model=ideal");
    pare_buf_printf(&c.sets[c.n_sets++], "mapping.tiles=%s",
                    pare_rng_below(r, 2) ? "filters" : "best");
    pare_buf_printf(&c.sets[c.n_sets++], "mapping.cols=%s",
                    is_by_windows && !registers && pare_rng_below(r, 2) ? "best" : "windows");
    static const char *const first[] = {"as_others", "flat", "space_to_depth"};
    pare_buf_printf(&c.sets[c.n_sets++], "mapping.first_layer=%s", first[pare_rng_below(r, 3)]);
    pare_buf_printf(&c.sets[c.n_sets++], "mapping.lane_order=%s",
                    pare_rng_below(r, 3) ? "channels" : "flat");
    static const char *const recodings[] = {"ones", "dnnsim", "naf"};
    pare_buf_printf(&c.sets[c.n_sets++], "skip.recoding=%s", recodings[pare_rng_below(r, 3)]);
    pare_buf_printf(&c.sets[c.n_sets++], "values='%s,seed=%u,acts=%s,weights=%s'",
                    values[pare_rng_below(r, 4)], pare_rng_below(r, 1000),
                    pare_rng_below(r, 3) ? "unsigned" : "signed",
                    pare_rng_below(r, 3) ? "signed" : "unsigned");
    return c;
}

static pare_machine *case_machine(const random_case *c, const char *extra)
{
    const char *sets[SETS_MAX + 1];
    for (size_t i = 0; i < c->n_sets; i++) sets[i] = c->sets[i].text;
    sets[c->n_sets] = extra;
    return load(c->machine, sets, c->n_sets + (extra ? 1 : 0));
}

static void free_case(random_case *c)
{
    for (size_t i = 0; i < c->n_sets; i++) pare_buf_free(&c->sets[i]);
}

static void describe(const random_case *c, pare_buf *b)
{
    const pare_dims *const d = &c->job.dims;
    pare_buf_printf(b, "%s, n%u c%u %ux%u k%u %ux%u groups %u stride %u %u pad %u %u dilation %u, ",
                    c->machine, d->n, d->c, d->h, d->w, d->k, d->r, d->s, d->groups, d->stride[0],
                    d->stride[1], d->pad[0], d->pad[1], d->dilation[0]);
    for (size_t i = 0; i < c->n_sets; i++) pare_buf_printf(b, " %s", c->sets[i].text);
}

static layer_values draw(const pare_machine *m, const pare_sim_job *job)
{
    pare_err e = {0};
    pare_values *source = NULL;
    layer_values v;
    pare_pool *const pool = pare_pool_new(1);
    ck_assert_int_eq(sim_values_parse(m->values, true, NULL, &source, &e), PARE_OK);
    ck_assert_int_eq(sim_values_load(source, job, 3, pool, &v, &e), PARE_OK);
    pare_values_free(source);
    pare_pool_free(pool);
    return v;
}

START_TEST(cycles_equal_a_plain_walk)
{
    const uint64_t seed = getenv("PARE_SLOW") ? 77 : 5;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_rng r = pare_rng_new(seed, 0);
    int n_tiled = 0;
    for (int i = 0; i < (getenv("PARE_SLOW") ? 20000 : 800); i++) {
        random_case c = new_case(&r);
        pare_machine *const m = case_machine(&c, NULL);
        pare_err e = {0};
        pare_sim_layer l;
        pare_buf what = {0};
        describe(&c, &what);
        if (pare_sim_run_layer(m, &c.job, &l, &e) == PARE_OK) {
            layer_values v = draw(m, &c.job);
            const uint64_t expected = plain_cycles(m, &c.job, &v, &l.map);
            const pare_sim_stats *const s = &l.stats;
            const uint64_t cycles = s->cycles - s->startup_cycles - s->stall_cycles;
            ck_assert_msg(cycles == expected, "case %d: %llu cycles, plain %llu: %s", i,
                          (unsigned long long)cycles, (unsigned long long)expected, what.text);
            ck_assert_uint_le(s->ideal_cycles, cycles);
            ck_assert_uint_lt(s->padding_cycles, cycles);
            n_tiled += l.map.n_tiles > 1;
            sim_layer_values_free(&v);
        } else {
            ck_assert_msg(strstr(e.text, "too small"), "case %d: %s: %s", i, e.text, what.text);
        }
        pare_machine_free(m);
        pare_buf_free(&what);
        free_case(&c);
    }
    ck_assert_int_gt(n_tiled, 100);
}
END_TEST

static void check_same(const pare_sim_layer *a, const pare_sim_layer *b, const char *what)
{
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++) {
        const double x = pare_sim_stat(&a->stats, &table[i]);
        const double y = pare_sim_stat(&b->stats, &table[i]);
        ck_assert_msg(x == y, "%s: %.15g, static %.15g: %s", table[i].name, x, y, what);
    }
    ck_assert_double_eq(a->utilization, b->utilization);
}

/* Every value as wide as can be, nothing padded: each skipping machine is its static twin, in every
 * statistic, DRAM and stalls included. */
START_TEST(widest_values_equal_the_static_machine)
{
    const uint64_t seed = 11;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_rng r = pare_rng_new(seed, 0);
    int n_same = 0;
    for (int i = 0; i < 1000; i++) {
        random_case c = new_case(&r);
        c.job.reads_input = false;
        c.job.dims.pad[0] = c.job.dims.pad[1] = 0;
        c.job.dims.p = (c.job.dims.h - (c.job.dims.r - 1) * c.job.dims.dilation[0] - 1) /
                           c.job.dims.stride[0] +
                       1;
        c.job.dims.q = (c.job.dims.w - c.job.dims.s) / c.job.dims.stride[1] + 1;
        const char *const last[] = {"values='largest,weights=unsigned'",
                                    "skip.recoding=ones",
                                    "skip.first_stage_bits=0",
                                    "memory.packing=layer",
                                    "mapping.tiles=filters",
                                    "mapping.cols=windows"};
        for (size_t j = 0; j < sizeof last / sizeof *last; j++)
            pare_buf_puts(&c.sets[c.n_sets++], last[j]);
        pare_machine *const m = case_machine(&c, NULL);
        pare_machine *const twin = case_machine(&c, "pe.skips=nothing");
        pare_sim_layer l, same;
        pare_err e = {0};
        pare_buf what = {0};
        describe(&c, &what);
        const pare_status status = pare_sim_run_layer(twin, &c.job, &same, &e);
        ck_assert_int_eq(pare_sim_run_layer(m, &c.job, &l, &e), status);
        if (status == PARE_OK && m->skip.column_registers == 0) {
            check_same(&l, &same, what.text);
            n_same++;
        }
        pare_machine_free(m);
        pare_machine_free(twin);
        pare_buf_free(&what);
        free_case(&c);
    }
    ck_assert_int_gt(n_same, 300);
}
END_TEST

/* ---- by hand ---- */

static pare_sim_layer run_values(const char *machine, const char *set, const pare_sim_job *job,
                                 layer_values *v)
{
    const char *const sets[] = {
        "memory.model=ideal", "array.tiles=1",        "array.rows=2",       "array.cols=2",
        "pe.lanes=2",         "mapping.cols=windows", "skip.recoding=ones", set};
    pare_machine *const m = load(machine, sets, set ? 8 : 7);
    pare_err e = {0};
    mapping_result found;
    pare_sim_layer l;
    pare_pool *const pool = pare_pool_new(1);
    ck_assert_int_eq(sim_search(m, job, false, &found, &e), PARE_OK);
    ck_assert_int_eq(sim_dynamic_choice(m, job, v, pool, NULL, &found.best, &e), PARE_OK);
    ck_assert_int_eq(sim_job_stats(m, job, &found.best, &l, &e), PARE_OK);
    pare_pool_free(pool);
    pare_machine_free(m);
    return l;
}

/* 2 channels, 2 x 2 pixels, 2 filters, 1 x 1: windows go down the first axis, (0,0) (1,0), then
 * (0,1) (1,1), two at a time, so that a step sees two pixels of one column of the map:
 *   channel 0: 1 7   channel 1: 0 0    left pixels: {1,0} {4,2}; right ones: {7,0} {0,0}
 *              4 0              2 0
 *   filter 0: -3 0   filter 1: 1 1 */
static const pare_sim_job tiny = {.layer = "tiny",
                                  .type = "pointwise",
                                  .dims = {.n = 1,
                                           .c = 2,
                                           .h = 2,
                                           .w = 2,
                                           .k = 2,
                                           .r = 1,
                                           .s = 1,
                                           .p = 2,
                                           .q = 2,
                                           .groups = 1,
                                           .stride = {1, 1},
                                           .dilation = {1, 1}},
                                  .weight_bits = 3,
                                  .act_bits = 3,
                                  .out_bits = 8};

START_TEST(a_tiny_layer_by_hand)
{
    uint16_t acts[] = {1, 7, 4, 0, 0, 0, 2, 0}, weights[] = {(uint16_t)-3, 0, 1, 1};
    layer_values v = {.weights = weights, .acts = acts, .weight_signed = true};
    /* widths: left 3 (of 4), right 3 (of 7) */
    const pare_sim_layer stripes = run_values("dynamic_stripes", NULL, &tiny, &v);
    ck_assert_uint_eq(stripes.stats.cycles, 3 + 3);
    /* alone: 1 1 3 2, 3 1 1 1 bits x 3 bits of 2 filters; 8 lanes of 1 x 8 bits */
    ck_assert_uint_eq(stripes.stats.ideal_cycles, (13 * 3 * 2 + 63) / 64);
    /* first stage 0 bits: left {1,0} 1, {4,2} positions 2 and 1: 2; right {7,0} 3, {0,0} 1 */
    ck_assert_uint_eq(run_values("pragmatic", "skip.first_stage_bits=0", &tiny, &v).stats.cycles,
                      2 + 3);
    /* first stage 2 bits: {4,2} in one; {7,0} still 3 */
    ck_assert_uint_eq(run_values("pragmatic", "skip.first_stage_bits=2", &tiny, &v).stats.cycles,
                      1 + 3);
    /* largest terms of weights per lane: 2 (of -3), 1; left 1 x 2, 1 x 1; right 3 x 2 */
    const pare_sim_layer laconic = run_values("laconic", NULL, &tiny, &v);
    ck_assert_uint_eq(laconic.stats.cycles, 2 + 6);
    /* pairs: (1 + 1 + 3 + 0) (2 + 1) + 1 x 1, on 8 lanes */
    ck_assert_uint_eq(laconic.stats.ideal_cycles, (5 * 3 + 1 + 7) / 8);
    /* columns: |-3| 2, {1,1} 1; two window sets */
    ck_assert_uint_eq(run_values("bitwave", "pe.act_digit=3", &tiny, &v).stats.cycles, 2 * 2);
}
END_TEST

/* Column registers: terms per step and window {1,3} then {3,1}: 3 + 3 in step, but with one
 * register the fast column goes on: it ends at 1 + 3 = 4, the slow one at 3 + 1 = 4. */
START_TEST(columns_run_ahead_by_hand)
{
    uint16_t acts[] = {1, 7, 7, 1}; /* [channel][row]: steps of one lane */
    pare_sim_job job = tiny;
    job.dims.w = job.dims.q = 1;
    job.dims.k = 1;
    layer_values v = {.acts = acts};
    const char *const sets[] = {"memory.model=ideal", "array.rows=1",         "array.cols=2",
                                "pe.lanes=1",         "mapping.cols=windows", "skip.recoding=ones"};
    for (uint32_t registers = 0; registers < 2; registers++) {
        const char *all[7];
        memcpy(all, sets, sizeof sets);
        all[6] = registers ? "skip.column_registers=1" : "skip.column_registers=0";
        pare_machine *const m = load("pragmatic", all, 7);
        mapping_result found;
        pare_err e = {0};
        pare_pool *const pool = pare_pool_new(1);
        ck_assert_int_eq(sim_search(m, &job, false, &found, &e), PARE_OK);
        ck_assert_int_eq(sim_dynamic_choice(m, &job, &v, pool, NULL, &found.best, &e), PARE_OK);
        ck_assert_uint_eq(found.best.time.cycles, registers ? 4 : 6);
        pare_pool_free(pool);
        pare_machine_free(m);
    }
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const hand[] = {a_tiny_layer_by_hand, columns_run_ahead_by_hand, NULL};
    const TTest *const random[] = {cycles_equal_a_plain_walk,
                                   widest_values_equal_the_static_machine, NULL};
    const gtck_case cases[] = {{.suite = "ByHand", .tests = hand},
                               {.suite = "Plain", .tests = random, .timeout_s = 60}};
    return gtck_main(argc, argv, "sim_dynamic", cases, sizeof cases / sizeof *cases);
}
