/* Cycles of other simulators, layer by layer, and our own of every shipped machine. */
#include "gtck.h"
#include "sim/sim.h"
#include "sim/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pare_machine *machine(const char *name)
{
    pare_err e = {0};
    pare_buf path = {0};
    pare_machine *m = NULL;
    pare_data_find("machines", name, &path);
    ck_assert_msg(pare_machine_load(path.text, NULL, 0, &m, &e) == PARE_OK, "%s", e.text);
    pare_buf_free(&path);
    return m;
}

/* NULL if the folder of reference data is absent */
static pare_csv *reference(const char *name)
{
    char path[4096];
    const char *const folder = getenv("PARE_SHARED");
    snprintf(path, sizeof path, "%s/data/validation/%s", folder ? folder : "../shared", name);
    if (access(path, R_OK)) return NULL;
    pare_err e = {0};
    pare_csv *csv = NULL;
    ck_assert_msg(pare_csv_load(path, &csv, &e) == PARE_OK, "%s", e.text);
    return csv;
}

static uint32_t cell(const pare_csv *c, size_t row, const char *column)
{
    const int at = pare_csv_column(c, column);
    ck_assert_msg(at >= 0, "no column %s", column);
    return (uint32_t)strtoul(pare_csv_cell(c, row, at), NULL, 10);
}

/* a convolution of a reference file; `pad` 0 where the file has no such column */
static pare_sim_job job_of_row(const pare_csv *c, size_t row)
{
    pare_sim_job j = {.layer = pare_csv_cell(c, row, 0),
                      .type = "conv2d",
                      .dims = {.n = 1, .groups = 1, .dilation = {1, 1}},
                      .weight_bits = 8,
                      .act_bits = 8,
                      .out_bits = 8,
                      .reads_input = row == 0};
    pare_dims *const d = &j.dims;
    d->c = cell(c, row, "c");
    d->h = cell(c, row, "h");
    d->w = cell(c, row, "w");
    d->k = cell(c, row, "k");
    d->r = cell(c, row, "r");
    d->s = cell(c, row, "s");
    d->p = cell(c, row, "p");
    d->q = cell(c, row, "q");
    d->stride[0] = d->stride[1] = cell(c, row, "stride");
    if (pare_csv_column(c, "pad") >= 0) d->pad[0] = d->pad[1] = cell(c, row, "pad");
    if (pare_csv_column(c, "act_bits") < 0) return j;
    j.act_bits = cell(c, row, "act_bits");
    j.weight_bits = cell(c, row, "weight_bits");
    return j;
}

static void compare(const char *file, const char *preset, const char *column, size_t n_rows)
{
    pare_csv *const csv = reference(file);
    ck_assert_ptr_nonnull(csv);
    pare_machine *const m = machine(preset);
    ck_assert_uint_eq(csv->n_rows, n_rows);
    for (size_t row = 0; row < csv->n_rows; row++) {
        const pare_sim_job job = job_of_row(csv, row);
        pare_sim_layer l;
        pare_err e = {0};
        ck_assert_msg(pare_sim_run_layer(m, &job, &l, &e) == PARE_OK, "%s", e.text);
        ck_assert_msg(l.stats.cycles == cell(csv, row, column), "%s on %s: %llu cycles, %u there",
                      job.layer, preset, (unsigned long long)l.stats.cycles,
                      cell(csv, row, column));
    }
    pare_machine_free(m);
    pare_csv_free(csv);
}

static bool has(const char *file)
{
    pare_csv *const csv = reference(file);
    pare_csv_free(csv);
    return csv != NULL;
}

START_TEST(stripes_and_dadn_equal_dnnsim_on_every_layer_of_resnet18)
{
    static const char file[] = "dnnsim_resnet18_stripes_dadn.csv";
    if (!has(file)) GTCK_SKIP("no reference data");
    compare(file, "stripes_dnnsim", "stripes_cycles", 20);
    compare(file, "dadn", "dadn_cycles", 20);
}
END_TEST

START_TEST(systolic_arrays_equal_scalesim_on_every_layer_of_resnet18)
{
    static const char file[] = "scalesim_resnet18.csv";
    if (!has(file)) GTCK_SKIP("no reference data");
    compare(file, "systolic_ws", "ws_cycles", 21);
    compare(file, "systolic_os", "os_cycles", 21);
}
END_TEST

/* Its simulator was not run for this dataflow. A fold there is as long as its demand matrix in
 * scalesim/compute/systolic_compute_is.py: 2 rows - 1 before the first sum, one a filter, and the
 * skew of the columns; it reports the last one's index. */
START_TEST(input_stationary_folds_are_scalesims)
{
    pare_csv *const csv = reference("scalesim_resnet18.csv");
    if (!csv) GTCK_SKIP("no reference data");
    pare_machine *const m = machine("systolic_is");
    for (size_t row = 0; row < csv->n_rows; row++) {
        const pare_sim_job job = job_of_row(csv, row);
        const pare_dims *const d = &job.dims;
        const uint64_t depth = (uint64_t)d->c * d->r * d->s, windows = (uint64_t)d->p * d->q;
        const uint64_t fold = 2 * 32 - 1 + d->k + 32 - 1;
        pare_sim_layer l;
        pare_err e = {0};
        ck_assert_msg(pare_sim_run_layer(m, &job, &l, &e) == PARE_OK, "%s", e.text);
        ck_assert_uint_eq(l.stats.cycles, (depth + 31) / 32 * ((windows + 31) / 32) * fold - 1);
    }
    pare_machine_free(m);
    pare_csv_free(csv);
}
END_TEST

static uint64_t cell64(const pare_csv *c, size_t row, const char *column)
{
    const int at = pare_csv_column(c, column);
    ck_assert_int_ge(at, 0);
    return strtoull(pare_csv_cell(c, row, at), NULL, 10);
}

static void compare_bitfusion_row(const pare_csv *csv, size_t row, const pare_machine *m)
{
    static const struct {
        const char *column;
        size_t offset;
    } counters[] = {
#define COUNTER(theirs, ours) {#theirs, offsetof(pare_sim_stats, ours)},
        PARE_BITFUSION_COUNTERS(COUNTER)
#undef COUNTER
    };
    pare_sim_job job = job_of_row(csv, row);
    job.layer = pare_csv_cell(csv, row, pare_csv_column(csv, "layer"));
    job.dims.n = cell(csv, row, "n");
    job.reads_input = cell(csv, row, "im2col");
    pare_sim_layer l;
    pare_err e = {0};
    ck_assert_msg(pare_sim_run_layer(m, &job, &l, &e) == PARE_OK, "%s", e.text);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        const uint64_t ours =
            *(const uint64_t *)(const void *)((const char *)&l.stats + counters[i].offset);
        ck_assert_msg(ours == cell64(csv, row, counters[i].column), "%s: %s is %llu, %llu there",
                      job.layer, counters[i].column, (unsigned long long)ours,
                      (unsigned long long)cell64(csv, row, counters[i].column));
    }
    const pare_sim_stats *const s = &l.stats;
    ck_assert_uint_eq(s->startup_cycles + s->stall_cycles, cell64(csv, row, "stall_cycles"));
    ck_assert_uint_eq(s->dram_bits - s->dram_out_bits, cell64(csv, row, "dram_rd_bits"));
    const double energy_nj =
        strtod(pare_csv_cell(csv, row, pare_csv_column(csv, "energy_nj")), NULL);
    ck_assert_double_eq_tol(s->energy_pj / 1000, energy_nj, 1e-12 * energy_nj);
    ck_assert_uint_eq(s->ideal_cycles + s->rounding_cycles + s->padding_cycles + s->startup_cycles +
                          s->stall_cycles,
                      s->cycles);
}

START_TEST(bit_fusion_equals_its_authors_simulator_in_all_counters)
{
    static const char file[] = "bitfusion_svhn_vgg7.csv";
    if (!has(file)) GTCK_SKIP("no reference data");
    pare_csv *const csv = reference(file);
    pare_machine *const m = machine("bitfusion_isca");
    ck_assert_uint_eq(csv->n_rows, 16);
    for (size_t row = 0; row < csv->n_rows; row++) compare_bitfusion_row(csv, row, m);
    pare_machine_free(m);
    pare_csv_free(csv);
}
END_TEST

/* ---- our own numbers ---- */

static void check_row(const pare_csv *golden, size_t row, const pare_sim_layer *l)
{
    static const char *const exact[] = {"cycles", "ideal_cycles", "stall_cycles", "dram_bits"};
    size_t n;
    const pare_stat_info *const table = pare_sim_stat_table(&n);
    for (size_t i = 0; i < n; i++) {
        double expected;
        pare_err e = {0};
        const int at = pare_csv_column(golden, table[i].name);
        ck_assert_int_ge(at, 0);
        ck_assert_int_eq(pare_csv_real(golden, row, at, 0, 1e30, &expected, &e), PARE_OK);
        const double ours = pare_sim_stat(&l->stats, &table[i]);
        const double allowed = table[i].is_real ? 1e-9 * expected : 0; /* libm's last bit */
        ck_assert_msg(fabs(ours - expected) <= allowed, "line %u, %s of %s: %.17g, golden %.17g",
                      golden->lines[row], table[i].name, l->layer, ours, expected);
    }
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        ck_assert_int_ge(pare_csv_column(golden, exact[i]), 0);
}

/* tests/golden/sim_layers.csv is regenerated by the command in its first line */
START_TEST(shipped_machines_give_the_golden_numbers)
{
    const char *const src = getenv("PARE_SRC");
    char path[4096];
    pare_err e = {0};
    pare_csv *golden = NULL;
    snprintf(path, sizeof path, "%s/tests/golden/sim_layers.csv", src ? src : ".");
    ck_assert_msg(pare_csv_load(path, &golden, &e) == PARE_OK, "%s", e.text);
    pare_buf net_path = {0};
    pare_net *net = NULL;
    pare_bits *bits = NULL;
    pare_data_find("networks", "resnet18", &net_path);
    ck_assert_msg(pare_net_load(net_path.text, &net, &e) == PARE_OK, "%s", e.text);
    ck_assert_msg(pare_bits_uniform("w4a6", net, &bits, &e) == PARE_OK, "%s", e.text);
    const int name = pare_csv_column(golden, "machine"), layer = pare_csv_column(golden, "layer");
    size_t row = 0;
    while (row < golden->n_rows) {
        pare_machine *const m = machine(pare_csv_cell(golden, row, name));
        pare_sim_result r;
        ck_assert_msg(pare_sim_run(net, m, bits, NULL, &r, &e) == PARE_OK, "%s", e.text);
        for (size_t i = 0; i < r.n_layers; i++, row++) {
            ck_assert_str_eq(pare_csv_cell(golden, row, layer), r.layers[i].layer);
            check_row(golden, row, &r.layers[i]);
        }
        ck_assert_str_eq(pare_csv_cell(golden, row++, layer), "total");
        pare_sim_result_free(&r);
        pare_machine_free(m);
    }
    ck_assert_uint_eq(row, 11 * 22);
    pare_bits_free(bits);
    pare_net_free(net);
    pare_buf_free(&net_path);
    pare_csv_free(golden);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const others[] = {stripes_and_dadn_equal_dnnsim_on_every_layer_of_resnet18,
                                   systolic_arrays_equal_scalesim_on_every_layer_of_resnet18,
                                   input_stationary_folds_are_scalesims,
                                   bit_fusion_equals_its_authors_simulator_in_all_counters, NULL};
    const TTest *const own[] = {shipped_machines_give_the_golden_numbers, NULL};
    const gtck_case cases[] = {{.suite = "Oracle", .tests = others},
                               {.suite = "Golden", .tests = own}};
    return gtck_main(argc, argv, "sim_oracle", cases, sizeof cases / sizeof *cases);
}
