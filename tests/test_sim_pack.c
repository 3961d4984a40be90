/* Packing in groups: sizes by hand, tiles against a plain count, and the walk over tiles against
 * the closed form where all tiles are unpacked. */
#include "gtck.h"
#include "sim/dynamic.h"

#include <stdlib.h>
#include <string.h>

/* ---- groups by hand ---- */

START_TEST(groups_worked_by_hand)
{
    const pack_format f = {.group_values = 4, .field_bits = 4};
    const pack_format s = {.group_values = 4, .field_bits = 3, .is_signed = true};
    const uint16_t five[] = {5, 0, 3, 0}, none[] = {0, 0, 0, 0}, all[] = {255, 1, 2, 3};
    /* mask + field + non-zero values x width */
    ck_assert_uint_eq(sim_pack_group_bits(&f, five, 4, 1), 4 + 4 + 2 * 3);
    ck_assert_uint_eq(sim_pack_group_bits(&f, none, 4, 1), 4 + 4);
    ck_assert_uint_eq(sim_pack_group_bits(&f, all, 4, 1), 4 + 4 + 4 * 8);
    ck_assert_uint_eq(sim_pack_group_bits(&f, all, 2, 2), 2 + 4 + 2 * 8); /* 255 and 2 */
    const uint16_t minus[] = {(uint16_t)-8, 3, 0, 0};
    ck_assert_uint_eq(sim_pack_group_bits(&s, minus, 4, 1), 4 + 3 + 2 * 4);
}
END_TEST

START_TEST(columns_worked_by_hand)
{
    const pack_format f = {
        .is_columns = true, .group_values = 4, .field_bits = 5, .is_signed = true};
    /* |5| and |-4|: columns 0 and 2, and the signs; index of 5 columns */
    const uint16_t mixed[] = {5, 0, (uint16_t)-4, 0}, plus[] = {5, 0, 4, 0}, none[] = {0, 0, 0, 0};
    ck_assert_uint_eq(sim_pack_group_bits(&f, mixed, 4, 1), 5 + 4 * 3);
    ck_assert_uint_eq(sim_pack_group_bits(&f, plus, 4, 1), 5 + 4 * 2);
    ck_assert_uint_eq(sim_pack_group_bits(&f, none, 4, 1), 5);
}
END_TEST

static uint64_t code_bits(const uint16_t *codes, size_t n, uint32_t level_bits)
{
    run_code c = {0};
    for (size_t i = 0; i < n; i++) sim_run_code_put(&c, codes[i]);
    return sim_run_code_bits(&c, level_bits);
}

/* Eyeriss: pairs of a 5-bit run and a 16-bit level, three and a bit to a word of 64. Figure 8 of
 * the paper: 0 0 12 0 0 0 0 53 0 0 22 are the runs 2 4 2 and one word. */
START_TEST(runs_worked_by_hand)
{
    const uint16_t figure[] = {0, 0, 12, 0, 0, 0, 0, 53, 0, 0, 22, 7};
    ck_assert_uint_eq(code_bits(figure, 11, 16), 64);
    ck_assert_uint_eq(code_bits(figure, 12, 16), 2 * 64); /* a fourth pair */
    ck_assert_uint_eq(code_bits(figure, 10, 16), 64);     /* 0 and a level that is 0 */
    ck_assert_uint_eq(code_bits(figure, 11, 8), 3 * 13 + 1);
    const uint16_t zeros[97] = {0};
    ck_assert_uint_eq(code_bits(zeros, 96, 16), 64); /* 3 x (31 zeros and a level) */
    ck_assert_uint_eq(code_bits(zeros, 97, 16), 2 * 64);
    const uint16_t ones[7] = {1, 1, 1, 1, 1, 1, 1};
    ck_assert_uint_eq(code_bits(ones, 6, 16), 2 * 64);
    ck_assert_uint_eq(code_bits(ones, 7, 16), 3 * 64);
}
END_TEST

/* ---- random tilings ---- */

typedef struct fixture {
    pare_machine *m;
    pare_sim_job job;
    array_map map;
    window_tiles windows;
    tiling t;
} fixture;

static uint32_t up_to(pare_rng *r, uint32_t n) { return 1 + pare_rng_below(r, n); }

/* Any sizes and any order, not only those that a search would choose. */
static void new_fixture(pare_rng *r, const char *packing, fixture *f)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_buf sets[4] = {{0}, {0}, {0}, {0}};
    pare_buf_printf(&sets[0], "memory.packing=%s", packing);
    pare_buf_printf(&sets[1], "memory.group_values=%u", up_to(r, 9));
    pare_buf_printf(&sets[2], "dram.bits_per_cycle=%u", up_to(r, 200));
    pare_buf_printf(&sets[3], "dram.latency_cycles=%u", pare_rng_below(r, 30));
    const char *const texts[] = {sets[0].text, sets[1].text, sets[2].text, sets[3].text};
    pare_data_find("machines", "stripes", &path);
    ck_assert_msg(pare_machine_load(path.text, texts, 4, &f->m, &e) == PARE_OK, "%s", e.text);
    for (int i = 0; i < 4; i++) pare_buf_free(&sets[i]);
    pare_buf_free(&path);
    pare_dims d = {.n = up_to(r, 2), .groups = up_to(r, 3), .dilation = {up_to(r, 2), 1}};
    d.r = up_to(r, 3);
    d.s = up_to(r, 3);
    d.stride[0] = up_to(r, 4);
    d.stride[1] = up_to(r, 2);
    d.pad[0] = pare_rng_below(r, d.r);
    d.pad[1] = pare_rng_below(r, d.s);
    d.c = d.groups * up_to(r, 12);
    d.k = d.groups * up_to(r, 12);
    d.h = (d.r - 1) * d.dilation[0] + up_to(r, 9);
    d.w = d.s + pare_rng_below(r, 9);
    d.p = (d.h + 2 * d.pad[0] - (d.r - 1) * d.dilation[0] - 1) / d.stride[0] + 1;
    d.q = (d.w + 2 * d.pad[1] - d.s) / d.stride[1] + 1;
    f->job = (pare_sim_job){.layer = "l",
                            .type = "conv2d",
                            .dims = d,
                            .weight_bits = up_to(r, 8),
                            .act_bits = up_to(r, 8),
                            .out_bits = 5};
    array_map maps[ARRAY_MAPS_MAX];
    f->map = (sim_array_maps(f->m, &f->job, maps), maps[0]);
    sim_window_tiles(&f->job.dims, up_to(r, d.n), up_to(r, d.p), up_to(r, d.q), &f->windows);
    tiling *const t = &f->t;
    *t = (tiling){.m = f->m, .d = &f->job.dims, .a = &f->map, .w = &f->windows};
    t->bits = sim_value_bits(f->m, &f->job, true);
    t->total[LOOP_G] = d.groups;
    t->total[LOOP_K] = d.k / d.groups;
    t->total[LOOP_C] = d.c / d.groups;
    const bool is_packed = f->map.packed_groups > 1;
    t->size[LOOP_G] = is_packed ? d.groups : up_to(r, d.groups);
    t->size[LOOP_K] = is_packed ? t->total[LOOP_K] : up_to(r, d.k / d.groups);
    t->size[LOOP_C] = is_packed ? t->total[LOOP_C] : up_to(r, d.c / d.groups);
    for (int l = 0; l < N_LOOPS; l++)
        t->n[l] = l == LOOP_W ? f->windows.n : sim_ceil_div(t->total[l], t->size[l]);
    for (uint8_t i = 0; i < N_LOOPS; i++) t->order[i] = i;
    for (uint32_t i = N_LOOPS - 1; i > 0; i--) {
        const uint32_t j = pare_rng_below(r, i + 1);
        const uint8_t loop = t->order[i];
        t->order[i] = t->order[j];
        t->order[j] = loop;
    }
}

static void free_fixture(fixture *f)
{
    sim_window_tiles_free(&f->windows);
    pare_machine_free(f->m);
}

START_TEST(the_walk_equals_the_closed_form)
{
    const uint64_t seed = 23;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_rng r = pare_rng_new(seed, 0);
    int n_returns = 0;
    for (int i = 0; i < 3000; i++) {
        fixture f;
        new_fixture(&r, "layer", &f);
        tile_totals closed;
        tile_time time;
        sim_tile_totals(&f.t, &closed);
        sim_tile_order(&f.t, &closed);
        tile_totals walked = {.n_tiles = closed.n_tiles};
        const tile_time expected = sim_tile_time(&f.t, &closed);
        sim_walk(&f.t, NULL, NULL, NULL, &walked, &time);
        ck_assert_uint_eq(time.cycles, expected.cycles);
        ck_assert_uint_eq(time.stall_cycles, expected.stall_cycles);
        ck_assert_uint_eq(time.startup_cycles, expected.startup_cycles);
        ck_assert_uint_eq(walked.dram_weight_bits, closed.dram_weight_bits);
        ck_assert_uint_eq(walked.dram_act_bits, closed.dram_act_bits);
        ck_assert_uint_eq(walked.dram_out_bits, closed.dram_out_bits);
        ck_assert_uint_eq(walked.dram_psum_write_bits, closed.dram_psum_write_bits);
        ck_assert_uint_eq(walked.dram_psum_read_bits, closed.dram_psum_read_bits);
        n_returns += walked.dram_psum_read_bits > 0;
        free_fixture(&f);
    }
    ck_assert_int_gt(n_returns, 300);
}
END_TEST

/* ---- tiles against a plain count ---- */

static uint16_t *random_codes(pare_rng *r, uint64_t n, uint32_t bits)
{
    uint16_t *const v = pare_xalloc(n, sizeof *v);
    for (uint64_t i = 0; i < n; i++)
        v[i] = (uint16_t)(pare_rng_below(r, 3) ? 0 : pare_rng_below(r, 1u << bits));
    return v;
}

/* Unsigned values of one group: mask, field, non-zero values at the width of the largest. */
static uint64_t plain_group(const uint32_t *v, uint32_t n, uint32_t field)
{
    uint32_t most = 0, n_nonzero = 0, width = 1;
    for (uint32_t i = 0; i < n; i++) {
        most = v[i] > most ? v[i] : most;
        n_nonzero += v[i] > 0;
    }
    while (most >> width) width++;
    return n + field + (uint64_t)n_nonzero * width;
}

static uint64_t plain_weights(const fixture *f, const uint16_t *codes, uint64_t g, uint64_t k,
                              uint64_t c)
{
    const pare_dims *const d = &f->job.dims;
    const uint32_t channels = d->c / d->groups, size = f->m->memory.group_values;
    const uint64_t c0 = c * f->t.size[LOOP_C], c1 = c0 + sim_piece(&f->t, LOOP_C, c);
    uint64_t sum = 0;
    for (uint32_t filter = 0; filter < d->k; filter++) {
        const uint32_t group = filter / (d->k / d->groups), own = filter % (d->k / d->groups);
        if (group / f->t.size[LOOP_G] != g || own / f->t.size[LOOP_K] != k) continue;
        for (uint32_t position = 0; position < d->r * d->s; position++)
            for (uint32_t first = 0; first < channels; first += size) {
                uint32_t v[16], n = 0;
                for (; n < size && first + n < channels; n++)
                    v[n] = codes[(filter * channels + first + n) * d->r * d->s + position];
                if (first < c1 && first + n > c0) sum += plain_group(v, n, 3); /* 8 bits at most */
            }
    }
    return sum;
}

static bool reads(const pare_dims *d, int axis, uint32_t at, uint32_t first, uint32_t end)
{
    const uint32_t kernel = axis ? d->s : d->r;
    for (uint32_t o = first; o < end; o++) {
        const int64_t begin = (int64_t)o * d->stride[axis] - d->pad[axis];
        if (at >= begin && at <= begin + (kernel - 1) * d->dilation[axis]) return true;
    }
    return false;
}

static uint64_t plain_acts(const fixture *f, const uint16_t *codes, uint64_t g, uint64_t w,
                           uint64_t c)
{
    const pare_dims *const d = &f->job.dims;
    const uint32_t channels = d->c / d->groups, size = f->m->memory.group_values;
    const uint64_t c0 = c * f->t.size[LOOP_C], c1 = c0 + sim_piece(&f->t, LOOP_C, c);
    const window_tiles *const t = &f->windows;
    const uint32_t nq = (uint32_t)sim_ceil_div(d->q, t->tq),
                   np = (uint32_t)sim_ceil_div(d->p, t->tp);
    const uint32_t q0 = (uint32_t)(w % nq * t->tq), p0 = (uint32_t)(w / nq % np * t->tp);
    const uint32_t n0 = (uint32_t)(w / nq / np * t->tn);
    uint64_t sum = 0;
    for (uint32_t i = n0; i < d->n && i < n0 + t->tn; i++)
        for (uint32_t y = 0; y < d->h; y++)
            for (uint32_t x = 0; x < d->w; x++) {
                if (!reads(d, 0, y, p0, (uint32_t)sim_min(d->p, p0 + t->tp)) ||
                    !reads(d, 1, x, q0, (uint32_t)sim_min(d->q, q0 + t->tq)))
                    continue;
                for (uint32_t group = 0; group < d->groups; group++)
                    for (uint32_t first = 0; first < channels; first += size) {
                        uint32_t v[16], n = 0;
                        for (; n < size && first + n < channels; n++)
                            v[n] = codes[((i * d->c + group * channels + first + n) * d->h + y) *
                                             d->w +
                                         x];
                        if (group / f->t.size[LOOP_G] == g && first < c1 && first + n > c0)
                            sum += plain_group(v, n, 4); /* 16 bits at most */
                    }
            }
    return sum;
}

START_TEST(tiles_equal_a_plain_count)
{
    const uint64_t seed = 29;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_rng r = pare_rng_new(seed, 0);
    pare_pool *const pool = pare_pool_new(2);
    for (int i = 0; i < 200; i++) {
        fixture f;
        pare_err e = {0};
        new_fixture(&r, "group", &f);
        layer_values v = {0};
        v.weights = random_codes(&r, pare_dims_weights(&f.job.dims), f.job.weight_bits);
        v.acts = random_codes(&r, pare_dims_activations(&f.job.dims), f.job.act_bits);
        packed_tiles packed;
        ck_assert_int_eq(sim_pack_tiles(&f.t, &f.job, &v, pool, &packed, &e), PARE_OK);
        const uint64_t *const n = f.t.n;
        for (uint64_t g = 0; g < n[LOOP_G]; g++)
            for (uint64_t c = 0; c < n[LOOP_C]; c++) {
                for (uint64_t k = 0; k < n[LOOP_K]; k++)
                    ck_assert_uint_eq(packed.weight_bits[(g * n[LOOP_K] + k) * n[LOOP_C] + c],
                                      plain_weights(&f, v.weights, g, k, c));
                for (uint64_t w = 0; w < n[LOOP_W]; w++)
                    ck_assert_uint_eq(packed.act_bits[(g * n[LOOP_W] + w) * n[LOOP_C] + c],
                                      plain_acts(&f, v.acts, g, w, c));
            }
        sim_packed_tiles_free(&packed);
        sim_layer_values_free(&v);
        free_fixture(&f);
    }
    pare_pool_free(pool);
}
END_TEST

/* Encode values as Eyeriss' encoder does, pair by pair; decode them; the length of the words. */
static uint64_t plain_code_bits(const uint16_t *v, uint32_t n, uint32_t level_bits)
{
    uint32_t *const runs = pare_xalloc(n + 1, sizeof *runs);
    uint16_t *const levels = pare_xalloc(n + 1, sizeof *levels);
    uint32_t n_pairs = 0, run = 0, at = 0;
    for (uint32_t i = 0; i < n; i++) {
        const bool is_last = i + 1 == n;
        if (v[i] == 0 && run < 31 && !is_last) {
            run++;
            continue;
        }
        runs[n_pairs] = run;
        levels[n_pairs++] = v[i];
        run = 0;
    }
    for (uint32_t i = 0; i < n_pairs; i++) {
        for (uint32_t zero = 0; zero < runs[i]; zero++) ck_assert_uint_eq(v[at++], 0);
        ck_assert_uint_eq(v[at++], levels[i]);
    }
    ck_assert_uint_eq(at, n);
    free(runs);
    free(levels);
    return (n_pairs + 2) / 3 * (3 * (5 + level_bits) + 1);
}

static uint64_t plain_runs(const fixture *f, const uint16_t *codes, uint64_t g, uint64_t w,
                           uint64_t c)
{
    const pare_dims *const d = &f->job.dims;
    const uint32_t channels = d->c / d->groups;
    const window_box b = sim_window_box(&f->t, w);
    uint16_t *const v = pare_xalloc((size_t)d->c * d->h * d->w, sizeof *v);
    uint64_t sum = 0;
    for (uint64_t i = b.n0; i < b.n0 + b.images; i++) {
        uint32_t n = 0;
        for (uint32_t at = 0; at < d->c * d->h * d->w; at++) {
            const uint32_t channel = at / (d->h * d->w), y = at / d->w % d->h, x = at % d->w;
            if (channel / channels / f->t.size[LOOP_G] != g) continue;
            if (channel % channels / f->t.size[LOOP_C] != c) continue;
            if (!reads(d, 0, y, (uint32_t)b.p0, (uint32_t)(b.p0 + b.rows))) continue;
            if (!reads(d, 1, x, (uint32_t)b.q0, (uint32_t)(b.q0 + b.cols))) continue;
            v[n++] = codes[i * d->c * d->h * d->w + at];
        }
        sum += plain_code_bits(v, n, (uint32_t)f->t.bits.act);
    }
    free(v);
    return sum;
}

START_TEST(runs_of_tiles_equal_a_plain_encoder)
{
    const uint64_t seed = 31;
    printf("seed %llu\n", (unsigned long long)seed);
    pare_rng r = pare_rng_new(seed, 0);
    pare_pool *const pool = pare_pool_new(2);
    for (int i = 0; i < 200; i++) {
        fixture f;
        pare_err e = {0};
        new_fixture(&r, "zero_runs", &f);
        f.t.bits = sim_value_bits(f.m, &f.job, sim_is_packed(f.m));
        ck_assert_uint_eq(f.t.bits.act, 8); /* what buffers hold: native_bits */
        layer_values v = {.acts = random_codes(&r, pare_dims_activations(&f.job.dims), 8)};
        packed_tiles packed;
        ck_assert_int_eq(sim_pack_tiles(&f.t, &f.job, &v, pool, &packed, &e), PARE_OK);
        ck_assert_ptr_null(packed.weight_bits);
        const uint64_t *const n = f.t.n;
        for (uint64_t g = 0; g < n[LOOP_G]; g++)
            for (uint64_t w = 0; w < n[LOOP_W]; w++)
                for (uint64_t c = 0; c < n[LOOP_C]; c++)
                    ck_assert_uint_eq(packed.act_bits[(g * n[LOOP_W] + w) * n[LOOP_C] + c],
                                      plain_runs(&f, v.acts, g, w, c));
        sim_packed_tiles_free(&packed);
        f.job.reads_input = true; /* comes as it is */
        ck_assert_int_eq(sim_pack_tiles(&f.t, &f.job, &v, pool, &packed, &e), PARE_OK);
        ck_assert_ptr_null(packed.act_bits);
        sim_layer_values_free(&v);
        free_fixture(&f);
    }
    pare_pool_free(pool);
}
END_TEST

/* A static machine can pack by groups too: its cycles without DRAM stay, its traffic changes. */
START_TEST(static_machines_pack_too)
{
    static const char *const packings[] = {"memory.packing=layer", "memory.packing=group",
                                           "memory.packing=columns"};
    const pare_sim_job job = {.layer = "l",
                              .type = "conv2d",
                              .dims = {.n = 1,
                                       .c = 64,
                                       .h = 14,
                                       .w = 14,
                                       .k = 32,
                                       .r = 3,
                                       .s = 3,
                                       .p = 14,
                                       .q = 14,
                                       .groups = 1,
                                       .stride = {1, 1},
                                       .pad = {1, 1},
                                       .dilation = {1, 1}},
                              .weight_bits = 8,
                              .act_bits = 8,
                              .out_bits = 8};
    pare_sim_layer l[3];
    pare_err e = {0};
    pare_buf path = {0};
    pare_data_find("machines", "bitfusion", &path);
    for (int i = 0; i < 3; i++) {
        const char *const sets[] = {packings[i], "values='relu,zeros=0.9,spread=0.02'"};
        pare_machine *m = NULL;
        ck_assert_int_eq(pare_machine_load(path.text, sets, 2, &m, &e), PARE_OK);
        ck_assert_msg(pare_sim_run_layer(m, &job, &l[i], &e) == PARE_OK, "%s", e.text);
        pare_machine_free(m);
    }
    pare_buf_free(&path);
    for (int i = 1; i < 3; i++) {
        ck_assert_uint_eq(l[i].stats.padding_cycles, l[0].stats.padding_cycles);
        ck_assert_uint_eq(l[i].stats.ideal_cycles, l[0].stats.ideal_cycles);
        ck_assert_uint_eq(l[i].stats.dram_out_bits, l[0].stats.dram_out_bits);
        ck_assert_uint_lt(l[i].stats.dram_weight_bits, l[0].stats.dram_weight_bits);
        ck_assert_uint_eq(l[i].stats.dram_unpacked_bits, l[0].stats.dram_unpacked_bits);
    }
    ck_assert_uint_lt(l[1].stats.dram_act_bits, l[0].stats.dram_act_bits);
    ck_assert_uint_eq(l[2].stats.dram_act_bits, l[0].stats.dram_act_bits);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const groups[] = {groups_worked_by_hand, columns_worked_by_hand,
                                   runs_worked_by_hand, NULL};
    const TTest *const tiles[] = {the_walk_equals_the_closed_form, tiles_equal_a_plain_count,
                                  runs_of_tiles_equal_a_plain_encoder, static_machines_pack_too,
                                  NULL};
    const gtck_case cases[] = {{.suite = "Groups", .tests = groups},
                               {.suite = "Tiles", .tests = tiles, .timeout_s = 30}};
    return gtck_main(argc, argv, "sim_pack", cases, sizeof cases / sizeof *cases);
}
