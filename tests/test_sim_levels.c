/* Level 1 equals level 2: on random layers, machines and bitlengths the closed form gives the
 * statistics of the walk over the tiles, all of them exactly. A case that differs is shrunk, and
 * printed as the three files that pare-sim reads. PARE_SLOW=1: on 100,000 cases, with progress. */
#include "gtck.h"
#include "shrink.h"
#include "sim/core.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- a case ---- */

/* name, simplest value, smallest and largest random one, out of how many cases it is the simplest
 * one in all but one (1: never on purpose) */
#define FIELDS(X)                                                                                  \
    X(batch, 1, 1, 3, 2)                                                                           \
    X(groups, 1, 1, 40, 3)                                                                         \
    X(channels, 1, 1, 100, 1) /* of a group */                                                     \
    X(filters, 1, 1, 100, 1)  /* of a group */                                                     \
    X(rows_more, 0, 0, 29, 1) /* of the input, beyond the least */                                 \
    X(cols_more, 0, 0, 29, 1)                                                                      \
    X(kernel_rows, 1, 1, 7, 2)                                                                     \
    X(kernel_cols, 1, 1, 7, 2)                                                                     \
    X(stride_rows, 1, 1, 3, 1)                                                                     \
    X(stride_cols, 1, 1, 3, 1)                                                                     \
    X(pad_rows, 0, 0, 3, 1)                                                                        \
    X(pad_cols, 0, 0, 3, 1)                                                                        \
    X(dilation_rows, 1, 1, 3, 4)                                                                   \
    X(dilation_cols, 1, 1, 3, 4)                                                                   \
    X(reads_input, 0, 0, 1, 3)                                                                     \
    X(weight_bits, 1, 1, 8, 1)                                                                     \
    X(act_bits, 1, 1, 8, 1)                                                                        \
    X(tiles, 1, 1, 8, 2)                                                                           \
    X(rows, 1, 1, 20, 1)                                                                           \
    X(cols, 1, 1, 20, 2)                                                                           \
    X(lanes, 1, 1, 32, 1)                                                                          \
    X(dataflow, 0, 0, 2, 2)                                                                        \
    X(is_systolic, 0, 0, 1, 3)                                                                     \
    X(is_spatial, 0, 0, 1, 6)                                                                      \
    X(act_digit_log2, 3, 0, 3, 1)                                                                  \
    X(weight_digit_log2, 3, 0, 3, 1)                                                               \
    X(acc_bits, 32, 8, 48, 2)                                                                      \
    X(is_flat, 0, 0, 1, 2)                                                                         \
    X(first_layer, 0, 0, 2, 2)                                                                     \
    X(tiles_hold, 0, 0, 2, 1)                                                                      \
    X(cols_hold, 0, 0, 2, 1)                                                                       \
    X(rows_own_inputs, 0, 0, 1, 4)                                                                 \
    X(split_depth, 0, 0, 1, 4)                                                                     \
    X(objective, 0, 0, 3, 1)                                                                       \
    X(slack_percent, 0, 0, 30, 2)                                                                  \
    X(tile_groups, 0, 0, 8, 8)                                                                     \
    X(tile_filters, 0, 0, 40, 8)                                                                   \
    X(tile_channels, 0, 0, 40, 8)                                                                  \
    X(tile_images, 0, 0, 3, 8)                                                                     \
    X(tile_out_rows, 0, 0, 8, 8)                                                                   \
    X(tile_out_cols, 0, 0, 8, 8)                                                                   \
    X(order, 0, 0, 6, 4)                                                                           \
    X(weight_bytes, 1048576, 100, 20000, 1)                                                        \
    X(act_bytes, 1048576, 100, 20000, 1)                                                           \
    X(out_bytes, 1048576, 100, 20000, 1)                                                           \
    X(single_buffering, 0, 0, 1, 2)                                                                \
    X(is_ideal, 0, 0, 1, 12)                                                                       \
    X(packs_layers, 0, 0, 1, 1)                                                                    \
    X(out_bits, 0, 0, 8, 2)                                                                        \
    X(dram_bits_per_cycle, 128, 1, 300, 1)                                                         \
    X(dram_latency_cycles, 0, 0, 100, 2)                                                           \
    X(weight_tensors, 0, 0, 3, 4)                                                                  \
    X(weight_scales, 0, 0, 9, 3)                                                                   \
    X(scale_cycles, 1, 0, 3, 1)

enum {
#define X(name, simplest, low, high, rarity) F_##name,
    FIELDS(X)
#undef X
        N_FIELDS
};

static const struct {
    uint32_t simplest, low, high, rarity;
} fields[N_FIELDS] = {
#define X(name, simplest, low, high, rarity) {simplest, low, high, rarity},
    FIELDS(X)
#undef X
};

static void random_case(pare_rng *r, uint32_t v[N_FIELDS])
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        v[i] = fields[i].low + pare_rng_below(r, fields[i].high - fields[i].low + 1);
        if (pare_rng_below(r, fields[i].rarity)) v[i] = fields[i].simplest;
    }
    if (v[F_groups] > 1) {
        v[F_channels] = 1 + v[F_channels] % 6;
        v[F_filters] = 1 + v[F_filters] % 6;
    }
    /* what a machine file may not say */
    if (v[F_is_systolic] || v[F_dataflow])
        v[F_cols_hold] = v[F_rows_own_inputs] = v[F_split_depth] = 0;
    for (int i = F_tile_groups; i <= F_order && v[F_is_ideal]; i++) v[i] = 0;
    if (v[F_is_spatial]) v[F_split_depth] = 0;
}

/* The files of a case. */
typedef struct files {
    pare_buf net, bits, machine;
} files;

static void free_files(files *f)
{
    pare_buf_free(&f->net);
    pare_buf_free(&f->bits);
    pare_buf_free(&f->machine);
}

/* ", key: [rows, cols]" unless both are the default */
static void add_pair(pare_buf *out, const char *key, uint32_t rows, uint32_t cols, uint32_t usual)
{
    if (rows != usual || cols != usual) pare_buf_printf(out, ", %s: [%u, %u]", key, rows, cols);
}

static void write_net(const uint32_t v[N_FIELDS], pare_buf *out)
{
    const uint32_t rows = (v[F_kernel_rows] - 1) * v[F_dilation_rows] + 1 + v[F_rows_more];
    const uint32_t cols = (v[F_kernel_cols] - 1) * v[F_dilation_cols] + 1 + v[F_cols_more];
    pare_buf_printf(out, "version: 1\nname: shrunk\ninput: {channels: %u, height: %u, width: %u}\n",
                    v[F_groups] * v[F_channels], rows, cols);
    pare_buf_puts(out, "layers:\n");
    if (!v[F_reads_input]) pare_buf_puts(out, "  - {name: before, type: relu}\n");
    pare_buf_printf(out, "  - {name: layer, type: conv2d, out_channels: %u",
                    v[F_groups] * v[F_filters]);
    add_pair(out, "kernel", v[F_kernel_rows], v[F_kernel_cols], 1);
    add_pair(out, "stride", v[F_stride_rows], v[F_stride_cols], 1);
    add_pair(out, "pad", v[F_pad_rows], v[F_pad_cols], 0);
    add_pair(out, "dilation", v[F_dilation_rows], v[F_dilation_cols], 1);
    if (v[F_groups] > 1) pare_buf_printf(out, ", groups: %u", v[F_groups]);
    pare_buf_puts(out, "}\n");
}

static void write_mapping(const uint32_t v[N_FIELDS], pare_buf *out)
{
    static const struct {
        int field;
        const char *key, *const values[7];
    } choices[] = {
        {F_is_flat, "lane_order", {"channels", "flat"}},
        {F_first_layer, "first_layer", {"as_others", "flat", "space_to_depth"}},
        {F_tiles_hold, "tiles", {"filters", "windows", "best"}},
        {F_cols_hold, "cols", {"windows", "filters", "best"}},
        {F_rows_own_inputs, "row_inputs", {"shared", "own"}},
        {F_split_depth, "split_depth", {"false", "true"}},
        {F_objective, "objective", {"cycles", "energy", "edp", "traffic"}},
        {F_order, "order", {"", "kwc", "kcw", "wkc", "wck", "ckw", "cwk"}},
    };
    static const char *const tile_keys[] = {"groups", "filters",  "channels",
                                            "images", "out_rows", "out_cols"};
    pare_buf_printf(out, "mapping:\n  slack_frac: %.2f\n", v[F_slack_percent] / 100.0);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (v[choices[i].field])
            pare_buf_printf(out, "  %s: %s\n", choices[i].key,
                            choices[i].values[v[choices[i].field]]);
    bool has_tile = false;
    for (int i = 0; i < 6; i++) {
        if (!v[F_tile_groups + i]) continue;
        pare_buf_printf(out, "%s    %s: %u\n", has_tile ? "" : "  tile:\n", tile_keys[i],
                        v[F_tile_groups + i]);
        has_tile = true;
    }
}

static void write_machine(const uint32_t v[N_FIELDS], pare_buf *out)
{
    static const char *const dataflows[] = {"output_stationary", "weight_stationary",
                                            "input_stationary"};
    /* a brick of a fusion unit has two bits at least */
    const uint32_t act_digit = 1u << (v[F_is_spatial] ? 1 : v[F_act_digit_log2]);
    const uint32_t weight_digit = 1u << (v[F_is_spatial] ? 1 : v[F_weight_digit_log2]);
    pare_buf_puts(out, "version: 1\nname: shrunk\nclock_mhz: 500\nnode_nm: 45\n"
                       "energy_base: horowitz45\n");
    pare_buf_printf(out, "array: {tiles: %u, rows: %u, cols: %u, dataflow: %s, delivery: %s}\n",
                    v[F_tiles], v[F_rows], v[F_cols], dataflows[v[F_dataflow]],
                    v[F_is_systolic] ? "systolic" : "broadcast");
    pare_buf_printf(out, "pe: {style: %s, lanes: %u, act_digit: %u, weight_digit: %u, ",
                    v[F_is_spatial] ? "spatial" : "temporal", v[F_lanes], act_digit, weight_digit);
    pare_buf_printf(out, "max_act_bits: 8, max_weight_bits: 8, acc_bits: %u, scale_cycles: %u}\n",
                    v[F_acc_bits], v[F_scale_cycles]);
    write_mapping(v, out);
    pare_buf_printf(out, "buffers: {weight_bytes: %u, act_bytes: %u, out_bytes: %u, ",
                    v[F_weight_bytes], v[F_act_bytes], v[F_out_bytes]);
    pare_buf_printf(out, "double_buffering: %s}\n", v[F_single_buffering] ? "false" : "true");
    pare_buf_printf(out, "memory: {model: %s, packing: %s, out_bits: %u}\n",
                    v[F_is_ideal] ? "ideal" : "limited", v[F_packs_layers] ? "layer" : "native",
                    v[F_out_bits]);
    pare_buf_printf(out, "dram: {bits_per_cycle: %u, latency_cycles: %u}\n",
                    v[F_dram_bits_per_cycle], v[F_dram_latency_cycles]);
}

static files files_of(const uint32_t v[N_FIELDS])
{
    files f = {{0}, {0}, {0}};
    write_net(v, &f.net);
    write_machine(v, &f.machine);
    pare_buf_printf(&f.bits,
                    "version: 1\nlayers:\n  - {layer: layer, weight_bits: %u, "
                    "act_bits: %u, weight_tensors: %u, weight_scales: %u}\n",
                    v[F_weight_bits], v[F_act_bits], v[F_weight_tensors], v[F_weight_scales]);
    return f;
}

/* ---- both levels ---- */

/* What a test puts in the place of level 1's statistics; NULL: nothing. */
typedef void mutant(const pare_sim_layer *layer, pare_sim_stats *stats);

typedef struct comparison {
    mutant *wrong;
    uint64_t closed_cycles, walked_cycles;
} comparison;

typedef enum outcome { NO_CASE, EQUAL, DIFFERENT } outcome;

static outcome run_levels(const pare_sim_job *job, const pare_machine *m, comparison *c)
{
    pare_err e = {0};
    pare_sim_layer closed, walked;
    if (pare_sim_run_layer(m, job, &closed, &e) != PARE_OK) return NO_CASE;
    if (pare_sim_events(m, job, NULL, NULL, &walked, &e) != PARE_OK) return DIFFERENT;
    if (c->wrong) c->wrong(&closed, &closed.stats);
    c->closed_cycles = closed.stats.cycles;
    c->walked_cycles = walked.stats.cycles;
    return memcmp(&closed.stats, &walked.stats, sizeof closed.stats) ? DIFFERENT : EQUAL;
}

/* From the files alone, so that what is printed is what failed. */
static outcome compare(const uint32_t v[N_FIELDS], comparison *c)
{
    pare_err e = {0};
    pare_net *net = NULL;
    pare_bits *bits = NULL;
    pare_machine *m = NULL;
    files f = files_of(v);
    outcome result = NO_CASE;
    if (pare_net_parse("net", f.net.text, f.net.n, &net, &e) == PARE_OK &&
        pare_bits_parse("bits", f.bits.text, f.bits.n, net, &bits, &e) == PARE_OK &&
        pare_machine_parse("machine", f.machine.text, f.machine.n, NULL, 0, &m, &e) == PARE_OK) {
        size_t n;
        pare_sim_job *const jobs = sim_jobs(net, bits, m, v[F_batch], &n);
        result = run_levels(&jobs[0], m, c);
        free(jobs);
    }
    pare_machine_free(m);
    pare_bits_free(bits);
    pare_net_free(net);
    free_files(&f);
    return result;
}

static bool differs(void *context, const uint32_t *v) { return compare(v, context) == DIFFERENT; }

static size_t shrink_case(uint32_t v[N_FIELDS], comparison *c)
{
    uint32_t simplest[N_FIELDS];
    for (size_t i = 0; i < N_FIELDS; i++) simplest[i] = fields[i].simplest;
    const size_t n_tries = shrink(v, simplest, N_FIELDS, differs, c);
    (void)compare(v, c); /* its cycles */
    return n_tries;
}

static void print_case(const uint32_t v[N_FIELDS], const comparison *c)
{
    files f = files_of(v);
    printf("closed form %" PRIu64 " cycles, events %" PRIu64 " cycles\n# pare-sim run "
           "shrunk.net.yaml --bits shrunk.bits.yaml --machine shrunk.machine.yaml --batch %u "
           "--events shrunk.csv\n",
           c->closed_cycles, c->walked_cycles, v[F_batch]);
    printf("# shrunk.net.yaml\n%s# shrunk.bits.yaml\n%s# shrunk.machine.yaml\n%s", f.net.text,
           f.bits.text, f.machine.text);
    fflush(stdout);
    free_files(&f);
}

/* ---- tests ---- */

START_TEST(level_1_equals_level_2)
{
    const bool is_slow = getenv("PARE_SLOW") != NULL;
    const uint64_t n_wanted = is_slow ? 100000 : 3000, seed = 20261124;
    uint64_t n = 0, n_run = 0;
    printf("seed %" PRIu64 "\n", seed);
    for (; n_run < n_wanted && n < 4 * n_wanted; n++) {
        pare_rng r = pare_rng_new(seed, n);
        uint32_t v[N_FIELDS];
        comparison c = {.wrong = NULL};
        random_case(&r, v);
        const outcome o = compare(v, &c);
        if (o == DIFFERENT) {
            const size_t n_tries = shrink_case(v, &c);
            printf("case %" PRIu64 " of seed %" PRIu64 ", shrunk in %zu tries:\n", n, seed,
                   n_tries);
            print_case(v, &c);
        }
        ck_assert_int_ne(o, DIFFERENT);
        n_run += o == EQUAL;
        if (is_slow && o == EQUAL && n_run % 10000 == 0) {
            printf("PROGRESS levels: %" PRIu64 " of %" PRIu64 " cases equal\n", n_run, n_wanted);
            fflush(stdout);
        }
    }
    printf("%" PRIu64 " of %" PRIu64 " random cases fit their machines; all equal\n", n_run, n);
    ck_assert_uint_ge(n_run, n_wanted);
}
END_TEST

/* a closed form that forgets the last partial sums of a strided layer */
static void forgets_psums(const pare_sim_layer *layer, pare_sim_stats *s)
{
    if (s->dram_psum_bits > 0 && layer->dims.stride[0] > 1) s->stall_cycles += 7;
}

/* one that is a cycle short where three filters or more stream past activations that stay */
static void is_short(const pare_sim_layer *layer, pare_sim_stats *s)
{
    if (layer->dims.k >= 3 && s->weight_load_cycles > 0) s->cycles--;
}

/* The first case that a mutant fails, shrunk: no step makes it simpler, and it still fails. */
static void shrink_a_mutant(mutant *wrong, uint32_t v[N_FIELDS])
{
    comparison c = {.wrong = wrong};
    const uint64_t seed = 5;
    printf("seed %" PRIu64 "\n", seed);
    for (uint64_t i = 0;; i++) {
        pare_rng r = pare_rng_new(seed, i);
        random_case(&r, v);
        if (compare(v, &c) == DIFFERENT) break;
        ck_assert_uint_lt(i, 20000);
    }
    uint32_t before[N_FIELDS];
    memcpy(before, v, sizeof before);
    const size_t n_tries = shrink_case(v, &c);
    printf("shrunk in %zu tries\n", n_tries);
    print_case(v, &c);
    ck_assert_int_eq(compare(v, &c), DIFFERENT);
    comparison right = {.wrong = NULL};
    ck_assert_int_eq(compare(v, &right), EQUAL);
    for (size_t i = 0; i < N_FIELDS; i++) {
        uint32_t w[N_FIELDS];
        memcpy(w, v, sizeof w);
        w[i] = fields[i].simplest;
        ck_assert_msg(w[i] == v[i] || compare(w, &c) != DIFFERENT, "field %zu is not simplest", i);
    }
}

static size_t n_not_simplest(const uint32_t v[N_FIELDS])
{
    size_t n = 0;
    for (size_t i = 0; i < N_FIELDS; i++) n += v[i] != fields[i].simplest;
    return n;
}

START_TEST(a_wrong_closed_form_is_shrunk_to_what_matters)
{
    uint32_t v[N_FIELDS];
    shrink_a_mutant(is_short, v);
    ck_assert_uint_eq(v[F_filters] * v[F_groups], 3);
    ck_assert_uint_le(n_not_simplest(v), 2); /* and what makes operands load */
    shrink_a_mutant(forgets_psums, v);
    ck_assert_uint_eq(v[F_stride_rows], 2);
    ck_assert_uint_le(n_not_simplest(v), 8); /* and buffers too small for all channels */
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {level_1_equals_level_2,
                                  a_wrong_closed_form_is_shrunk_to_what_matters, NULL};
    const gtck_case cases[] = {{.suite = "Levels", .tests = tests, .timeout_s = 900}};
    return gtck_main(argc, argv, "sim_levels", cases, sizeof cases / sizeof *cases);
}
