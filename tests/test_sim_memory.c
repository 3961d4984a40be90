/* Time and traffic with buffers and DRAM: by hand, by events, and against a plain walk over all
 * tiles that shares no code with the simulator. PARE_CASES in the environment: how many cases
 * (CK_TIMEOUT_MULTIPLIER for many). */
#include "gtck.h"
#include "sim_cases.h"

#include <stdlib.h>
#include <string.h>

static pare_status load(const char *name, const char *const *sets, size_t n, pare_machine **m,
                        pare_err *e)
{
    pare_buf path = {0};
    pare_data_find("machines", name, &path);
    const pare_status status = pare_machine_load(path.text, sets, n, m, e);
    pare_buf_free(&path);
    return status;
}

static pare_sim_layer run(const char *name, const char *const *sets, size_t n,
                          const pare_sim_job *job)
{
    pare_err e = {0};
    pare_machine *m = NULL;
    pare_sim_layer l;
    ck_assert_msg(load(name, sets, n, &m, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(pare_sim_run_layer(m, job, &l, &e) == PARE_OK, "%s", e.text);
    pare_machine_free(m);
    return l;
}

static pare_sim_job fc(uint32_t c, uint32_t k)
{
    return (pare_sim_job){.layer = "fc",
                          .type = "fc",
                          .dims = {.n = 1,
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
                          .weight_bits = 8,
                          .act_bits = 8,
                          .out_bits = 8};
}

/* ---- by hand ---- */

/* 64 -> 16 on 16 x 16 lanes at 8 bits, 128 bits a cycle: weights 8192 b = 64 cycles, activations
 * 512 b = 4, outputs 128 b = 1, compute 4 steps */
START_TEST(one_tile_by_hand)
{
    const pare_sim_job job = fc(64, 16);
    const pare_sim_layer l = run("bitparallel8", NULL, 0, &job);
    ck_assert_uint_eq(l.map.n_tiles, 1); /* cutting it would pay the latency of 50 again */
    ck_assert_uint_eq(l.stats.startup_cycles, (50 + 64 + 4) + (50 + 1));
    ck_assert_uint_eq(l.stats.stall_cycles, 0);
    ck_assert_uint_eq(l.stats.cycles, 118 + 4 + 51);
    ck_assert_uint_eq(l.stats.dram_bits, 8192 + 512 + 128);
}
END_TEST

/* without latency four tiles of 16 channels are faster: load 16 + 1, three times max(1, 17) while
 * the next one loads, 1 for the last, store 1 */
START_TEST(overlapped_tiles_by_hand)
{
    const pare_sim_job job = fc(64, 16);
    const char *const sets[] = {"dram.latency_cycles=0", "mapping.slack_frac=0"};
    const pare_sim_layer l = run("bitparallel8", sets, 2, &job);
    ck_assert_uint_eq(l.map.n_tiles, 4);
    ck_assert_str_eq(l.map.order, "c");
    ck_assert_uint_eq(l.stats.cycles, 17 + 3 * 17 + 1 + 1);
    ck_assert_uint_eq(l.stats.stall_cycles, 3 * 16);
    ck_assert_uint_eq(l.stats.startup_cycles, 17 + 1);
    ck_assert_uint_eq(l.stats.dram_psum_bits, 0); /* the output tile never leaves the buffer */
}
END_TEST

/* ---- a plain walk over the tiles of the mapping that was chosen ---- */

typedef struct walk {
    const pare_machine *m;
    const pare_sim_layer *l;
    uint64_t weight, act, out; /* bits of a value */
    uint64_t n[4], size[4], total[4];
    char loops[5];       /* all four, outermost first */
    uint32_t scale_sums; /* of the job */
} walk;

enum { G, K, W, C };

static uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint64_t ceil_div(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

static uint64_t container(const pare_machine *m, uint64_t bits)
{
    uint64_t wide = m->memory.native_bits;
    while (wide < bits) wide *= 2;
    return m->memory.packing == PARE_PACK_LAYER ? bits : wide;
}

/* input rows that some output row in first .. first + n - 1 reads, one by one */
static uint64_t touched(uint64_t first, uint64_t n, uint32_t stride, uint32_t pad, uint32_t kernel,
                        uint32_t dilation, uint32_t size)
{
    unsigned char *const seen = pare_xalloc(size, 1);
    const int64_t reach = (int64_t)(kernel - 1) * dilation + 1;
    uint64_t count = 0;
    for (uint64_t o = first; o < first + n; o++)
        for (int64_t k = 0; k < reach; k++) { /* rows between dilated taps come along */
            const int64_t at = (int64_t)(o * stride) - pad + k;
            if (at < 0 || at >= size || seen[at]) continue;
            seen[at] = 1;
            count++;
        }
    free(seen);
    return count;
}

typedef struct work {
    uint64_t cycles, weight_bits, act_bits, out_bits, psum_bits;
} work;

static uint64_t depth_steps(const walk *w, uint64_t channels)
{
    const pare_machine *const m = w->m;
    const pare_sim_layer *const l = w->l;
    uint64_t lanes = m->pe.lanes;
    if (m->pe.style == PARE_PE_SPATIAL) { /* bricks of 2 in 8 x 8 units */
        static const uint64_t ways[9] = {0, 4, 4, 2, 2, 1, 1, 1, 1};
        lanes *= ways[l->weight_bits] * ways[l->act_bits];
    }
    const uint64_t tensors = l->dims.tensors ? l->dims.tensors : 1;
    const uint64_t positions = tensors * l->dims.r * l->dims.s;
    const uint64_t apart = w->scale_sums > 1 ? w->scale_sums : 1;
    channels *= l->map.packed_groups;
    return l->map.is_flat ? apart * ceil_div(ceil_div(channels * positions, apart), lanes)
                          : positions * ceil_div(channels, lanes);
}

static work work_of(const walk *w, const uint64_t x[4])
{
    const pare_machine *const m = w->m;
    const pare_dims *const d = &w->l->dims;
    const pare_sim_map *const map = &w->l->map;
    const uint64_t groups = min(w->size[G], w->total[G] - x[G] * w->size[G]);
    const uint64_t filters = min(w->size[K], w->total[K] - x[K] * w->size[K]);
    const uint64_t channels = min(w->size[C], w->total[C] - x[C] * w->size[C]);
    const uint64_t nq = ceil_div(d->q, map->tile_out_cols), np = ceil_div(d->p, map->tile_out_rows);
    const uint64_t x0 = x[W] % nq * map->tile_out_cols, y0 = x[W] / nq % np * map->tile_out_rows;
    const uint64_t images = min(map->tile_images, d->n - x[W] / nq / np * map->tile_images);
    const uint64_t rows = min(map->tile_out_rows, d->p - y0);
    const uint64_t cols = min(map->tile_out_cols, d->q - x0);
    const uint64_t windows = images * rows * cols;
    const uint64_t pixels = images *
                            touched(y0, rows, d->stride[0], d->pad[0], d->r, d->dilation[0], d->h) *
                            touched(x0, cols, d->stride[1], d->pad[1], d->s, d->dilation[1], d->w);
    const uint64_t wide_w = (map->tiles_hold_windows ? m->array.tiles : 1) *
                            (map->cols_hold_filters ? 1 : (uint64_t)m->array.cols);
    const uint64_t wide_k = m->array.rows *
                            (map->tiles_hold_windows ? 1 : (uint64_t)m->array.tiles) *
                            (map->cols_hold_filters ? (uint64_t)m->array.cols : 1);
    const uint64_t sets = ceil_div(windows, wide_w), steps = depth_steps(w, channels);
    const uint64_t group_sets = ceil_div(groups, map->packed_groups);
    const uint64_t filter_sets = map->packed_groups > 1 ? 1 : ceil_div(filters, wide_k);
    const bool is_systolic = m->array.delivery == PARE_SYSTOLIC;
    const uint64_t lanes = m->pe.lanes, step = w->l->step_cycles, rows_of_array = m->array.rows;
    const uint64_t load = is_systolic ? lanes : 1, cols_of_array = m->array.cols;
    const uint64_t scale = w->scale_sums ? m->pe.scale_cycles : 0;
    const uint64_t tensors = d->tensors ? d->tensors : 1;
    work r;
    if (m->array.dataflow == PARE_WEIGHT_STATIONARY) {
        const uint64_t skew = is_systolic ? lanes - 1 + rows_of_array - 1 : 0;
        r.cycles = group_sets * filter_sets * steps * (sets * step + skew + load + scale);
    } else if (m->array.dataflow == PARE_INPUT_STATIONARY) {
        const uint64_t skew = is_systolic ? lanes - 1 + cols_of_array - 1 : 0;
        r.cycles = group_sets * sets * steps * (filter_sets * step + skew + load + scale);
    } else {
        const uint64_t skew = is_systolic ? rows_of_array + cols_of_array - 2 : 0;
        r.cycles = group_sets * filter_sets * sets * (steps * step + skew + w->scale_sums * scale);
    }
    r.weight_bits = groups * filters * channels * tensors * d->r * d->s * w->weight;
    r.act_bits = groups * channels * pixels * w->act;
    r.out_bits = groups * filters * windows * w->out;
    r.psum_bits = groups * filters * windows * m->pe.acc_bits;
    return r;
}

static walk start_walk(const pare_machine *m, const pare_sim_layer *l, const pare_sim_job *job)
{
    const pare_sim_map *const map = &l->map;
    const pare_dims *const d = &l->dims;
    walk w = {.m = m, .l = l, .scale_sums = job->scale_sums};
    w.weight = container(m, l->weight_bits);
    w.act = container(m, l->act_bits);
    w.out = container(m, job->out_bits);
    w.total[G] = d->groups;
    w.total[K] = d->k / d->groups;
    w.total[C] = d->c / d->groups;
    w.size[G] = map->tile_groups;
    w.size[K] = map->tile_filters;
    w.size[C] = map->tile_channels;
    for (int i = 0; i < 4; i++)
        if (i != W) w.n[i] = ceil_div(w.total[i], w.size[i]);
    w.n[W] = ceil_div(d->n, map->tile_images) * ceil_div(d->p, map->tile_out_rows) *
             ceil_div(d->q, map->tile_out_cols);
    strcpy(w.loops, map->order);
    for (const char *c = "gkwc"; *c; c++)
        if (!strchr(map->order, *c)) { /* a loop of one trip: anywhere */
            const size_t length = strlen(w.loops);
            w.loops[length] = *c;
            w.loops[length + 1] = 0;
        }
    return w;
}

/* position number i of the walk */
static void position(const walk *w, uint64_t i, uint64_t x[4])
{
    for (int j = 4; j-- > 0;) {
        const size_t loop = (size_t)(strchr("gkwc", w->loops[j]) - "gkwc");
        x[loop] = i % w->n[loop];
        i /= w->n[loop];
    }
}

typedef struct tally {
    uint64_t cycles, dram_bits, channel_cycles;
    bool is_used; /* by a transfer of this stage */
} tally;

static void transfer(const walk *w, tally *t, uint64_t bits)
{
    t->dram_bits += bits;
    t->channel_cycles += ceil_div(bits, w->m->dram.bits_per_cycle);
    t->is_used = true;
}

static uint64_t channel_cycles(const walk *w, tally *t)
{
    const uint64_t cycles = t->channel_cycles + (t->is_used ? w->m->dram.latency_cycles : 0);
    t->channel_cycles = 0;
    t->is_used = false;
    return cycles;
}

/* what tile i needs that tile i - 1 did not leave; before is NULL for the first */
static void load_tile(const walk *w, tally *t, const uint64_t x[4], const uint64_t *before)
{
    const work r = work_of(w, x);
    const bool g = !before || x[G] != before[G], k = !before || x[K] != before[K];
    const bool win = !before || x[W] != before[W], c = !before || x[C] != before[C];
    if (g || k || c) transfer(w, t, r.weight_bits);
    if (g || win || c) transfer(w, t, r.act_bits);
    if (before && (g || k || win) && x[C] > 0) transfer(w, t, r.psum_bits);
}

/* tile i leaves its outputs behind if the next one has others; after is NULL for the last */
static void store_tile(const walk *w, tally *t, const uint64_t x[4], const uint64_t *after)
{
    const work r = work_of(w, x);
    if (after && x[G] == after[G] && x[K] == after[K] && x[W] == after[W]) return;
    transfer(w, t, x[C] + 1 == w->n[C] ? r.out_bits : r.psum_bits);
}

static tally walk_tiles(const walk *w)
{
    tally t = {0};
    const uint64_t n = w->n[0] * w->n[1] * w->n[2] * w->n[3];
    uint64_t x[4], y[4], z[4];
    position(w, 0, x);
    load_tile(w, &t, x, NULL);
    t.cycles = channel_cycles(w, &t);
    for (uint64_t i = 0; i < n; i++) {
        position(w, i, x);
        if (i > 0) {
            position(w, i - 1, y);
            store_tile(w, &t, y, x);
        }
        if (i + 1 < n) {
            position(w, i + 1, z);
            load_tile(w, &t, z, x);
        }
        t.cycles += max(work_of(w, x).cycles, channel_cycles(w, &t));
    }
    position(w, n - 1, x);
    store_tile(w, &t, x, NULL);
    t.cycles += channel_cycles(w, &t);
    return t;
}

/* ---- random cases ---- */

/* events of a unit follow each other without overlap and fill exactly the layer's time */
typedef struct watch {
    uint64_t end_cycle[PARE_N_UNITS], busy_cycles[PARE_N_UNITS], last_cycle, n_wrong;
} watch;

static void look(void *context, const pare_event *e)
{
    watch *const w = context;
    const pare_unit unit = pare_event_unit(e->kind);
    if (e->start_cycle < w->end_cycle[unit] || e->end_cycle <= e->start_cycle) w->n_wrong++;
    w->end_cycle[unit] = e->end_cycle;
    w->busy_cycles[unit] += e->end_cycle - e->start_cycle;
    w->last_cycle = max(w->last_cycle, e->end_cycle);
}

static void compare_events(const pare_machine *m, const pare_sim_job *job, const pare_sim_layer *l)
{
    watch seen = {0};
    pare_sim_layer by_events;
    pare_err e = {0};
    ck_assert_msg(pare_sim_events(m, job, look, &seen, &by_events, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(!memcmp(&by_events.stats, &l->stats, sizeof l->stats),
                  "on %s: %llu cycles by events, %llu in closed form", m->name,
                  (unsigned long long)by_events.stats.cycles, (unsigned long long)l->stats.cycles);
    ck_assert_uint_eq(seen.n_wrong, 0);
    ck_assert_uint_eq(seen.last_cycle, l->stats.cycles);
    ck_assert_uint_eq(seen.busy_cycles[PARE_UNIT_ARRAY], l->stats.cycles - l->stats.startup_cycles);
}

/* true if the machine could hold the layer */
static bool compare_case(pare_rng *r, uint64_t seed, uint64_t number)
{
    char text[SETS][SET_BYTES];
    const char *sets[SETS + 2];
    size_t n = random_sets(r, text, sets);
    const char *const name = case_machines[pare_rng_below(r, N_CASE_MACHINES)];
    if (!strncmp(name, "systolic", 8)) {
        sets[n++] = "memory.model=limited";
        sets[n++] = "compat.count_from_zero=false";
    } else {
        n += random_dataflow(r, sets + n);
    }
    const pare_sim_job job = random_job(r);
    pare_machine *m = NULL;
    pare_err e = {0};
    pare_sim_layer l;
    ck_assert_msg(load(name, sets, n, &m, &e) == PARE_OK, "%s", e.text);
    const bool runs = pare_sim_run_layer(m, &job, &l, &e) == PARE_OK;
    if (runs) {
        const walk w = start_walk(m, &l, &job);
        const tally t = walk_tiles(&w);
        ck_assert_msg(t.cycles == l.stats.cycles && t.dram_bits == l.stats.dram_bits,
                      "seed %llu case %llu on %s (%s): %llu cycles %llu bits, walk %llu and %llu",
                      (unsigned long long)seed, (unsigned long long)number, name, l.map.order,
                      (unsigned long long)l.stats.cycles, (unsigned long long)l.stats.dram_bits,
                      (unsigned long long)t.cycles, (unsigned long long)t.dram_bits);
        compare_events(m, &job, &l);
    } else {
        ck_assert_int_eq(e.status, PARE_EINPUT);
        ck_assert_ptr_nonnull(strstr(e.text, "expected"));
    }
    pare_machine_free(m);
    return runs;
}

START_TEST(the_closed_form_equals_the_events_and_a_plain_walk)
{
    const char *const wanted = getenv("PARE_CASES");
    const uint64_t n_cases = wanted ? strtoull(wanted, NULL, 10) : 6000;
    const uint64_t seed = 20261121;
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

/* ---- properties ---- */

static pare_sim_job conv(uint32_t c, uint32_t h, uint32_t k, uint32_t weight_bits,
                         uint32_t act_bits)
{
    pare_sim_job job = fc(c, k);
    job.type = "conv2d";
    job.dims.h = job.dims.w = job.dims.p = job.dims.q = h;
    job.dims.r = job.dims.s = 3;
    job.dims.pad[0] = job.dims.pad[1] = 1;
    job.weight_bits = weight_bits;
    job.act_bits = act_bits;
    return job;
}

START_TEST(packed_traffic_is_count_times_bits)
{
    for (uint32_t w = 1; w <= 8; w++)
        for (uint32_t a = 1; a <= 8; a++) {
            const pare_sim_job job = conv(32, 14, 32, w, a);
            const char *const sets[] = {"memory.model=ideal", "memory.packing=layer"};
            const pare_sim_stats s = run("loom1", sets, 2, &job).stats;
            ck_assert_uint_eq(s.dram_weight_bits, 9ull * 32 * 32 * w);
            ck_assert_uint_eq(s.dram_act_bits, 14ull * 14 * 32 * a);
            ck_assert_uint_eq(s.dram_out_bits, 14ull * 14 * 32 * 8);
            ck_assert_uint_eq(s.dram_psum_bits, 0);
            ck_assert_uint_eq(s.dram_unpacked_bits, (9ull * 32 * 32 + 2 * 14 * 14 * 32) * 8);
        }
}
END_TEST

START_TEST(more_bandwidth_is_never_slower)
{
    const pare_sim_job job = conv(256, 14, 256, 3, 3);
    uint64_t before = UINT64_MAX;
    for (uint32_t bits = 1; bits <= 4096; bits *= 2) {
        char set[SET_BYTES];
        snprintf(set, sizeof set, "dram.bits_per_cycle=%u", bits);
        const char *const sets[] = {set, "mapping.slack_frac=0"};
        const uint64_t cycles = run("loom1", sets, 2, &job).stats.cycles;
        ck_assert_uint_le(cycles, before);
        before = cycles;
    }
    const char *const ideal[] = {"memory.model=ideal"};
    ck_assert_uint_ge(before, run("loom1", ideal, 1, &job).stats.cycles);
}
END_TEST

START_TEST(larger_buffers_are_never_slower)
{
    const pare_sim_job job = conv(128, 28, 128, 4, 4);
    uint64_t before = UINT64_MAX;
    for (uint32_t bytes = 8192; bytes <= 4u << 20; bytes *= 2) {
        char set[SET_BYTES];
        snprintf(set, sizeof set, "buffers.weight_bytes=%u", bytes);
        const char *const sets[] = {set, "mapping.slack_frac=0", "buffers.act_bytes=65536",
                                    "dram.bits_per_cycle=16"};
        const uint64_t cycles = run("stripes", sets, 4, &job).stats.cycles;
        ck_assert_uint_le(cycles, before);
        before = cycles;
    }
}
END_TEST

/* an objective never loses to another one at its own criterion */
START_TEST(each_objective_is_best_at_its_own)
{
    static const char *const names[] = {"cycles", "energy", "edp", "traffic"};
    const pare_sim_job job = conv(256, 14, 256, 8, 8);
    double got[4][4];
    for (int i = 0; i < 4; i++) {
        char set[SET_BYTES];
        snprintf(set, sizeof set, "mapping.objective=%s", names[i]);
        const char *const sets[] = {set, "mapping.slack_frac=0"};
        const pare_sim_stats s = run("stripes", sets, 2, &job).stats;
        got[i][0] = (double)s.cycles;
        got[i][1] = s.energy_pj;
        got[i][2] = (double)s.cycles * s.energy_pj;
        got[i][3] = (double)s.dram_bits;
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) ck_assert_double_le(got[i][i], got[j][i] * (1 + 1e-12));
    ck_assert_double_lt(got[1][1], got[0][1]); /* and they do differ */
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const hand[] = {one_tile_by_hand, overlapped_tiles_by_hand, NULL};
    const TTest *const walks[] = {the_closed_form_equals_the_events_and_a_plain_walk, NULL};
    const TTest *const properties[] = {
        packed_traffic_is_count_times_bits, more_bandwidth_is_never_slower,
        larger_buffers_are_never_slower, each_objective_is_best_at_its_own, NULL};
    const gtck_case cases[] = {{.suite = "Hand", .tests = hand},
                               {.suite = "Walk", .tests = walks, .timeout_s = 60},
                               {.suite = "Properties", .tests = properties}};
    return gtck_main(argc, argv, "sim_memory", cases, sizeof cases / sizeof *cases);
}
