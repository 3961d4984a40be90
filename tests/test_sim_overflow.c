/* Counters beyond 2^64 are errors that name the layer; large ones below are exact. */
#include "gtck.h"
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

static pare_machine *load(const char *name, const char *const *sets, size_t n)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    ck_assert_msg(pare_machine_load(path.text, sets, n, &m, &e) == PARE_OK, "%s", e.text);
    pare_buf_free(&path);
    return m;
}

static pare_sim_job fc(uint32_t n, uint32_t c, uint32_t k)
{
    return (pare_sim_job){.layer = "huge",
                          .type = "fc",
                          .dims = {.n = n,
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
                          .weight_bits = 16,
                          .act_bits = 16,
                          .out_bits = 16};
}

enum { WIDE = 16777216 }; /* 2^24 */

/* one lane, tiles of a few values, the longest latency: 2^48 products in some 2^46 tiles of 2^20 */
START_TEST(time_beyond_the_counter)
{
    const char *const sets[] = {"array.tiles=1",
                                "array.rows=1",
                                "array.cols=1",
                                "pe.lanes=1",
                                "buffers.weight_bytes=16",
                                "buffers.act_bytes=16",
                                "buffers.out_bytes=16",
                                "dram.latency_cycles=1048576",
                                "mapping.cols=windows",
                                "mapping.tiles=filters"};
    pare_machine *const m = load("loom1", sets, 10);
    const pare_sim_job job = fc(1, WIDE, WIDE);
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_int_eq(pare_sim_run_layer(m, &job, &l, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "layer 'huge' takes more than 2^60 cycles or bits; a smaller layer or "
                             "batch expected");
    pare_machine_free(m);
}
END_TEST

START_TEST(products_beyond_the_counter)
{
    pare_machine *const m = load("loom1", NULL, 0), *const other = load("bitfusion_isca", NULL, 0);
    pare_sim_job job = fc(65536, WIDE, WIDE);
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_int_eq(pare_sim_run_layer(m, &job, &l, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "layer 'huge' has 2^52 or more products or values; a smaller layer or "
                             "batch expected");
    job.weight_bits = job.act_bits = 8;
    e = (pare_err){0};
    ck_assert_int_eq(pare_sim_run_layer(other, &job, &l, &e), PARE_EINPUT);
    ck_assert_ptr_nonnull(strstr(e.text, "layer 'huge'"));
    pare_machine_free(m);
    pare_machine_free(other);
}
END_TEST

/* 2^51 products are still exact: 1024 PEs x 16 lanes of 1 x 1 bits, 256 digit pairs: 2^51 2^8 /
 * 2^14 cycles of work, and a bound from memory */
START_TEST(just_below_it_is_exact)
{
    const char *const sets[] = {"memory.model=ideal"};
    pare_machine *const m = load("loom1", sets, 1);
    const pare_sim_job job = fc(8, WIDE, WIDE);
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_msg(pare_sim_run_layer(m, &job, &l, &e) == PARE_OK, "%s", e.text);
    ck_assert_uint_eq(l.stats.macs, (uint64_t)1 << 51);
    ck_assert_uint_eq(l.stats.ideal_cycles, (uint64_t)1 << (51 + 8 - 14));
    ck_assert_uint_ge(l.stats.cycles, l.stats.ideal_cycles);
    ck_assert_uint_eq(l.stats.dram_weight_bits % ((uint64_t)16 << 48), 0);
    pare_machine_free(m);
}
END_TEST

/* In that model the array's rows are padded in memory: 2^42 windows of one filter on 2^16 rows are
 * 2^64 bits of sums, which are not 0. */
START_TEST(padding_beyond_the_counter)
{
    const char *const sets[] = {"array.rows=65536",       "array.cols=1",
                                "array.tiles=1",          "pe.lanes=1",
                                "pe.acc_bits=64",         "buffers.weight_bytes=1099511627776",
                                "dram.bits_per_cycle=64", "buffers.act_bytes=1099511627776",
                                "dram.latency_cycles=0",  "buffers.out_bytes=1099511627776"};
    pare_machine *const m = load("bitfusion_isca", sets, 10);
    pare_sim_job job = fc(65536, 1, 1);
    job.dims.h = job.dims.w = job.dims.p = job.dims.q = 8192;
    job.type = "conv2d";
    job.weight_bits = job.act_bits = 1;
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_int_eq(pare_sim_run_layer(m, &job, &l, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text, "layer 'huge' takes more than 2^60 cycles or bits; a smaller layer or "
                             "batch expected");
    pare_machine_free(m);
}
END_TEST

/* 64 layers of 2^51 products of 256 cycles on one lane: each fits, the sum does not */
START_TEST(sum_beyond_the_counter)
{
    const char *const sets[] = {"array.tiles=1", "array.rows=1", "array.cols=1", "pe.lanes=1",
                                "memory.model=ideal"};
    pare_machine *const m = load("loom1", sets, 5);
    pare_buf text = {0};
    pare_net *net = NULL;
    pare_bits *bits = NULL;
    pare_err e = {0};
    pare_buf_printf(&text, "version: 1\nname: huge\ninput: {channels: %d, height: 1, width: 1}\n",
                    WIDE / 2);
    pare_buf_puts(&text, "layers:\n");
    for (int i = 0; i < 64; i++)
        pare_buf_printf(&text, "  - {name: fc%d, type: fc, out_channels: %d}\n", i, WIDE / 2);
    ck_assert_msg(pare_net_parse("net", text.text, text.n, &net, &e) == PARE_OK, "%s", e.text);
    ck_assert_int_eq(pare_bits_uniform("16", net, &bits, &e), PARE_OK);
    const pare_sim_options options = {.batch = 32};
    pare_sim_result r;
    ck_assert_int_eq(pare_sim_run(net, m, bits, &options, &r, &e), PARE_EINPUT);
    ck_assert_str_eq(e.text,
                     "the network takes more than 2^64 cycles or bits; a smaller network or "
                     "batch expected");
    text.n = 0;
    e = (pare_err){0};
    ck_assert_int_eq(pare_sim_records(net, m, bits, &options, false, &text, &e), PARE_EINPUT);
    ck_assert_ptr_nonnull(strstr(e.text, "more than 2^64 cycles up to layer 'fc"));
    e = (pare_err){0};
    ck_assert_int_eq(pare_sim_timeline(net, m, bits, &options, 1000, &text, &e), PARE_EINPUT);
    ck_assert_ptr_nonnull(strstr(e.text, "more than 2^64 cycles up to layer 'fc"));
    pare_bits_free(bits);
    pare_net_free(net);
    pare_buf_free(&text);
    pare_machine_free(m);
}
END_TEST

/* ---- extreme networks on extreme machines, against 128-bit sums ---- */

__extension__ typedef unsigned __int128 wide;

static uint32_t below(pare_rng *r, uint32_t n) { return pare_rng_below(r, n); }

/* 1, the largest, or about any power of two up to it */
static uint32_t extreme(pare_rng *r, uint32_t max)
{
    switch (below(r, 5)) {
    case 0: return 1;
    case 1: return max;
    case 2: return 1 + below(r, max < 20 ? max : 20);
    default: break;
    }
    uint32_t log2 = 0;
    while (log2 < 31 && max >> log2 > 1) log2++;
    const uint32_t power = 1u << below(r, log2 + 1), x = power + below(r, 3) - 1;
    return x < 1 ? 1 : x > max ? max : x;
}

/* About a power of two, out of `left` doublings that several numbers share. */
static uint32_t share(pare_rng *r, uint32_t *left, uint32_t most_log2)
{
    const uint32_t log2 = below(r, (*left < most_log2 ? *left : most_log2) + 1);
    *left -= log2;
    const uint32_t x = (1u << log2) + below(r, 3) - 1;
    return x < 1 ? 1 : x > 1u << most_log2 ? 1u << most_log2 : x;
}

enum { KEY = 16777216, KERNEL = 65536 }; /* the schema's largest */

static void extreme_conv(pare_rng *r, const char *name, pare_buf *b)
{
    const bool is_square = below(r, 3) == 0;
    uint32_t key[8]; /* kernel, stride, pad, dilation */
    for (int i = 0; i < 8; i++) {
        key[i] = i % 2 && is_square ? key[i - 1] : extreme(r, KERNEL);
        if (i > 1 && below(r, 2)) key[i] = i / 2 == 2 ? 0 : 1;
    }
    const uint32_t k = extreme(r, KEY), groups = below(r, 4) ? 1 : 1u << below(r, 24);
    pare_buf_printf(b, "  - {name: %s, type: conv2d, out_channels: %u, groups: %u, ", name, k,
                    groups);
    pare_buf_printf(b, "kernel: [%u, %u], stride: [%u, %u], pad: [%u, %u], dilation: [%u, %u]}\n",
                    key[0], key[1], key[2], key[3], key[4], key[5], key[6], key[7]);
}

/* As many products and values as can be counted, more or less. */
static void large_conv(pare_rng *r, pare_buf *b)
{
    uint32_t left = 30 + below(r, 23);
    const uint32_t stride = below(r, 2) ? 1 : extreme(r, KERNEL);
    const uint32_t pad = below(r, 2) ? 0 : extreme(r, KERNEL);
    const uint32_t kernel = below(r, 2) ? 1 : share(r, &left, 12);
    left -= left < 24 ? 0 : below(r, 24); /* for the batch */
    const uint32_t k = share(r, &left, 24), side = share(r, &left, 14);
    left -= left < side / 1024 ? left : side / 1024;
    b->n = 0;
    pare_buf_printf(b, "version: 1\nname: huge\ninput: {channels: %u, height: %u, width: %u}\n",
                    share(r, &left, 24), side, side);
    pare_buf_printf(b, "layers:\n  - {name: a, type: conv2d, out_channels: %u, kernel: %u, ", k,
                    kernel);
    pare_buf_printf(b, "stride: %u, pad: %u}\n", stride, pad);
}

/* One layer, or two; NULL if the reader refuses it. */
static pare_net *extreme_net(pare_rng *r, pare_buf *b)
{
    pare_net *net = NULL;
    pare_err e = {0};
    const uint32_t side = extreme(r, KEY), kind = below(r, 6);
    if (kind > 3) {
        large_conv(r, b);
        return pare_net_parse("net", b->text, b->n, &net, &e) == PARE_OK ? net : NULL;
    }
    b->n = 0;
    pare_buf_printf(b, "version: 1\nname: huge\n");
    const uint32_t c = extreme(r, KEY), other = below(r, 2) ? side : extreme(r, KEY);
    pare_buf_printf(b, "input: {channels: %u, height: %u, width: %u}\nlayers:\n", c,
                    kind == 3 ? 1 : side, kind == 3 ? 1 : other);
    if (kind == 0) {
        pare_buf_printf(b, "  - {name: a, type: conv2d, out_channels: %u}\n", extreme(r, KEY));
        pare_buf_printf(b,
                        "  - {name: b, type: matmul, inputs: [a, a], transpose_b: true, "
                        "heads: %u}\n",
                        1u << below(r, 25));
    } else if (kind == 3) {
        pare_buf_printf(b, "  - {name: a, type: fc, out_channels: %u}\n", extreme(r, KEY));
        pare_buf_printf(b, "  - {name: b, type: fc, out_channels: %u}\n", extreme(r, KEY));
    } else {
        extreme_conv(r, "a", b);
        if (kind == 2) extreme_conv(r, "b", b);
    }
    return pare_net_parse("net", b->text, b->n, &net, &e) == PARE_OK ? net : NULL;
}

/* A machine file with some fields at their ends; NULL if these do not go together. */
static pare_machine *extreme_machine(pare_rng *r, const char *name, pare_buf *b)
{
    static const struct {
        const char *key;
        uint32_t max;
        int log2_scale;
    } keys[] = {
        {"array.tiles", 65536, 0},
        {"array.rows", 65536, 0},
        {"array.cols", 65536, 0},
        {"pe.lanes", 65536, 0},
        {"buffers.weight_bytes", 1u << 30, 10},
        {"buffers.act_bytes", 1u << 30, 10},
        {"buffers.out_bytes", 1u << 30, 10},
        {"dram.bits_per_cycle", 1048576, 0},
        {"dram.latency_cycles", 1048576, 0},
        {"array.fold_cycles_min", 1048576, 0},
        {"memory.native_bits", 16, 0},
        {"memory.out_bits", 64, 0},
        {"pe.acc_bits", 64, 0},
        {"mapping.tile.channels", UINT32_MAX, 0},
        {"mapping.tile.filters", UINT32_MAX, 0},
    };
    static const char *const words[] = {"memory.model=ideal",
                                        "memory.model=limited",
                                        "memory.packing=layer",
                                        "memory.packing=native",
                                        "mapping.pad_layers=true",
                                        "mapping.cols=best",
                                        "mapping.cols=windows",
                                        "mapping.tiles=best",
                                        "mapping.split_depth=true",
                                        "mapping.objective=edp",
                                        "mapping.objective=traffic",
                                        "mapping.lane_order=flat",
                                        "mapping.first_layer=flat",
                                        "mapping.first_layer=space_to_depth",
                                        "array.dataflow=input_stationary",
                                        "array.delivery=systolic"};
    enum { N_KEYS = sizeof keys / sizeof *keys, N_WORDS = sizeof words / sizeof *words };
    char text[N_KEYS][64];
    const char *sets[N_KEYS + N_WORDS];
    size_t n = 0;
    const uint32_t rarity = 2 + below(r, 6);
    const bool is_shared = below(r, 2);
    uint32_t left = 30;
    for (size_t i = 0; i < N_KEYS; i++) {
        const uint32_t often = i >= 4 && i < 7 ? 2 : i == 9 || i > 12 ? 4 * rarity : rarity;
        if (below(r, often)) continue;
        const uint64_t x = i < 4 && is_shared
                               ? share(r, &left, 16)
                               : (uint64_t)extreme(r, keys[i].max) << keys[i].log2_scale;
        snprintf(text[i], sizeof text[i], "%s=%llu", keys[i].key, (unsigned long long)x);
        sets[n++] = text[i];
    }
    for (size_t i = 0; i < N_WORDS; i++)
        if (below(r, 12) == 0) sets[n++] = words[i];
    b->n = 0;
    pare_buf_printf(b, "%s", name);
    for (size_t i = 0; i < n; i++) pare_buf_printf(b, " %s", sets[i]);
    pare_err e = {0};
    pare_machine *m = NULL;
    pare_buf path = {0};
    pare_data_find("machines", name, &path);
    if (pare_machine_load(path.text, sets, n, &m, &e) != PARE_OK) m = NULL;
    pare_buf_free(&path);
    return m;
}

/* What the counters of a layer must be, in 128 bits. */
typedef struct truth {
    wide macs, weights, outputs, pixels;
    uint64_t weight_bits, act_bits, out_bits; /* of a value in DRAM */
    uint64_t native_weight, native_act, native_out;
} truth;

static uint64_t container(const pare_machine *m, uint64_t bits)
{
    uint64_t wide_bits = m->memory.native_bits;
    while (wide_bits < bits) wide_bits *= 2;
    return wide_bits;
}

static truth truth_of(const pare_machine *m, const pare_sim_layer *l)
{
    const pare_dims *const d = &l->dims;
    truth t = {.weights = (wide)d->k * (d->c / d->groups) * d->r * d->s,
               .outputs = (wide)d->n * d->k * d->p * d->q,
               .pixels = (wide)d->n * d->c * d->h * d->w};
    t.macs = t.weights * d->n * d->p * d->q;
    t.native_weight = container(m, l->weight_bits);
    t.native_act = container(m, l->act_bits);
    /* the last layer is read again by none */
    t.native_out = t.out_bits = l->out_bits;
    const bool is_packed = m->memory.packing == PARE_PACK_LAYER;
    t.weight_bits = is_packed ? l->weight_bits : t.native_weight;
    t.act_bits = is_packed ? l->act_bits : t.native_act;
    if (m->memory.out_bits)
        t.native_out = container(m, m->memory.out_bits);
    else
        t.native_out = container(m, l->out_bits);
    return t;
}

/* "" or the first counter that is wrong. */
static const char *wrong_time(const pare_machine *m, const pare_sim_layer *l, const truth *t)
{
    const pare_sim_stats *const s = &l->stats;
    const wide lanes = (wide)m->array.tiles * m->array.rows * m->array.cols * m->pe.lanes;
    const wide bit_products = t->macs * l->weight_bits * l->act_bits;
    const wide peak = pare_machine_peak_bit_products(m);
    const wide parts = (wide)s->ideal_cycles + s->rounding_cycles + s->padding_cycles +
                       s->fill_drain_cycles + s->weight_load_cycles + s->startup_cycles +
                       s->stall_cycles;
    if (peak < lanes || peak > lanes * 256) return "peak";
    if (s->macs != t->macs) return "macs";
    if (s->ideal_cycles != (bit_products + peak - 1) / peak) return "ideal_cycles";
    if (s->cycles != parts) return "cycles";
    if (m->memory.model != PARE_MEMORY_IDEAL &&
        ((wide)s->cycles + m->compat.count_from_zero) * m->dram.bits_per_cycle < s->dram_bits)
        return "cycles against dram_bits";
    return "";
}

static const char *wrong_traffic(const pare_machine *m, const pare_sim_layer *l, const truth *t)
{
    const pare_sim_stats *const s = &l->stats;
    const bool is_bitfusion = m->memory.model == PARE_MEMORY_BITFUSION;
    const wide weights = t->weights * t->weight_bits, outputs = t->outputs * t->out_bits;
    const wide sum =
        (wide)s->dram_weight_bits + s->dram_act_bits + s->dram_out_bits + s->dram_psum_bits;
    if (s->dram_bits != sum) return "dram_bits";
    if (s->dram_out_bits < outputs) return "dram_out_bits";
    if (is_bitfusion) return s->dram_weight_bits < t->weights ? "dram_weight_bits" : "";
    if (s->dram_weight_bits < weights) return "dram_weight_bits";
    if (s->weight_buffer_read_bits < weights) return "weight_buffer_read_bits";
    if (s->weight_buffer_write_bits != s->dram_weight_bits) return "weight_buffer_write_bits";
    if (s->act_buffer_write_bits != s->dram_act_bits) return "act_buffer_write_bits";
    const uint64_t narrow = t->out_bits < m->pe.acc_bits ? t->out_bits : m->pe.acc_bits;
    if (s->out_buffer_read_bits < t->outputs * narrow) return "out_buffer_read_bits";
    const wide unpacked = (wide)(s->dram_weight_bits / t->weight_bits) * t->native_weight +
                          (wide)(s->dram_act_bits / t->act_bits) * t->native_act +
                          (wide)(s->dram_out_bits / t->out_bits) * t->native_out +
                          s->dram_psum_bits;
    if (s->dram_unpacked_bits != unpacked) return "dram_unpacked_bits";
    if (m->mapping.pad_layers && l->dims.groups == 1) return "";
    if (s->dram_weight_bits % weights) return "dram_weight_bits, not whole fetches";
    if (s->dram_out_bits != outputs) return "dram_out_bits, not once";
    return "";
}

/* Layers of so many products and values that values are not drawn for them in a test. */
static bool is_long(const pare_net *net, uint32_t batch)
{
    double size = 0;
    for (uint32_t i = 0; i < net->n_layers; i++) {
        const pare_dims d = pare_layer_dims(&net->layers[i], batch);
        size += (double)d.n * d.c * (d.h + 2.0 * d.pad[0]) * (d.w + 2.0 * d.pad[1]);
        size += (double)net->layers[i].macs * batch;
        size += (double)d.c * d.stride[0] * d.stride[1]; /* folded into channels */
    }
    return size > 1e5;
}

static const char *const all_machines[] = {"bitfusion",       "bitfusion_isca",
                                           "bitparallel16",   "bitparallel8",
                                           "bitwave",         "dadn",
                                           "dynamic_stripes", "laconic",
                                           "loom1",           "loom2",
                                           "loom4",           "pare16",
                                           "pare4",           "pare4_skew",
                                           "pare_fusion",     "pare_fusion_odd",
                                           "pare_odd",        "pare_term",
                                           "pragmatic",       "shapeshifter",
                                           "stripes",         "stripes_dnnsim",
                                           "systolic_is",     "systolic_os",
                                           "systolic_ws",     "unpu"};
enum { N_MACHINES = sizeof all_machines / sizeof *all_machines };

typedef struct tally {
    uint64_t run, refused, counted;
} tally;

static void try_machine(pare_rng *r, const pare_net *net, const pare_buf *text, const char *name,
                        uint64_t number, tally *seen)
{
    pare_buf sets = {0};
    pare_err e = {0};
    pare_bits *bits = NULL;
    pare_sim_result result;
    pare_machine *const m = extreme_machine(r, name, &sets);
    const uint32_t batch = extreme(r, 65536);
    static const char *const widths[] = {"1", "2", "4", "8", "16"};
    const char *const width = widths[below(r, m && m->pe.max_weight_bits < 16 ? 4 : 5)];
    if (!m) {
        pare_buf_free(&sets);
        return;
    }
    const bool has_values =
        m->pe.skips != PARE_SKIPS_NOTHING || m->memory.packing > PARE_PACK_LAYER;
    if (!has_values || !is_long(net, batch)) {
        ck_assert_int_eq(pare_bits_uniform(width, net, &bits, &e), PARE_OK);
        const pare_sim_options options = {.batch = batch, .threads = 1};
        const pare_status status = pare_sim_run(net, m, bits, &options, &result, &e);
        ck_assert_msg(status == PARE_OK || status == PARE_EINPUT, "case %llu: %s, batch %u:\n%s%s",
                      (unsigned long long)number, sets.text, batch, text->text, e.text);
        seen->run += status == PARE_OK;
        seen->refused += status != PARE_OK;
        seen->counted += strstr(e.text, "2^") != NULL;
        for (size_t i = 0; status == PARE_OK && !has_values && i < result.n_layers; i++) {
            const pare_sim_layer *const l = &result.layers[i];
            const truth t = truth_of(m, l);
            const char *wrong = wrong_time(m, l, &t);
            if (!*wrong) wrong = wrong_traffic(m, l, &t);
            ck_assert_msg(!*wrong, "case %llu, layer %s: wrong %s: %s, batch %u, bits %s:\n%s",
                          (unsigned long long)number, l->layer, wrong, sets.text, batch, width,
                          text->text);
        }
        if (status == PARE_OK) pare_sim_result_free(&result);
        pare_bits_free(bits);
    }
    pare_buf_free(&sets);
    pare_machine_free(m);
}

START_TEST(extremes_are_right_or_refused)
{
    const char *const slow = getenv("PARE_SLOW"), *const given = getenv("PARE_SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 10) : 20, n = slow ? 4000 : 80;
    pare_buf text = {0};
    tally seen = {0};
    printf("seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < n; i++) {
        pare_rng r = pare_rng_new(seed, i);
        pare_net *net = extreme_net(&r, &text);
        while (!net) net = extreme_net(&r, &text);
        for (int j = 0; j < N_MACHINES; j++) try_machine(&r, net, &text, all_machines[j], i, &seen);
        pare_net_free(net);
    }
    printf("%llu networks ran, %llu were refused, %llu for a counter\n",
           (unsigned long long)seen.run, (unsigned long long)seen.refused,
           (unsigned long long)seen.counted);
    ck_assert_uint_gt(seen.run, n);
    ck_assert_uint_gt(seen.counted, n);
    pare_buf_free(&text);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {time_beyond_the_counter,
                                  products_beyond_the_counter,
                                  just_below_it_is_exact,
                                  sum_beyond_the_counter,
                                  padding_beyond_the_counter,
                                  extremes_are_right_or_refused,
                                  NULL};
    const gtck_case cases[] = {
        {.suite = "Overflow", .tests = tests, .timeout_s = getenv("PARE_SLOW") ? 1200 : 30}};
    return gtck_main(argc, argv, "sim_overflow", cases, sizeof cases / sizeof *cases);
}
