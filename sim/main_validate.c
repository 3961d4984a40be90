/* pare-sim validate: our numbers beside those of other simulators and of papers, as Markdown. */
#include "sim/main.h"
#include "sim/sim.h"
#include "sim/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ---- */

static pare_status load_machine(const char *name, const char *const *sets, size_t n_sets,
                                pare_machine **out, pare_err *e)
{
    pare_buf path = {0};
    pare_data_find("machines", name, &path);
    const pare_status status = pare_machine_load(path.text, sets, n_sets, out, e);
    pare_buf_free(&path);
    return status;
}

static pare_status load_reference(const char *folder, const char *file, pare_csv **out, pare_err *e)
{
    pare_buf path = {0};
    pare_buf_printf(&path, "%s/%s", folder, file);
    const pare_status status = pare_csv_load(path.text, out, e);
    pare_buf_free(&path);
    return status;
}

/* A count in a named column. */
static pare_status count(const pare_csv *c, size_t row, const char *column, uint64_t *out,
                         pare_err *e)
{
    const int at = pare_csv_column(c, column);
    double x = 0;
    if (at < 0)
        return pare_err_set(e, PARE_EINPUT, c->name, (pare_pos){1, 0},
                            "the table lacks the column '%s'", column);
    PARE_TRY(pare_csv_real(c, row, at, 0, 9e15, &x, e));
    *out = (uint64_t)x;
    return PARE_OK;
}

static pare_status side(const pare_csv *c, size_t row, const char *column, uint32_t *out,
                        pare_err *e)
{
    uint64_t x = 0;
    PARE_TRY(count(c, row, column, &x, e));
    *out = (uint32_t)x;
    return PARE_OK;
}

static const char *name_of_row(const pare_csv *c, size_t row)
{
    return pare_csv_cell(c, row, pare_csv_column(c, "layer"));
}

/* A convolution of a reference file; columns that it lacks keep their defaults. */
static pare_status job_of_row(const pare_csv *c, size_t row, pare_sim_job *j, pare_err *e)
{
    *j = (pare_sim_job){.layer = name_of_row(c, row),
                        .type = "conv2d",
                        .dims = {.n = 1, .groups = 1, .dilation = {1, 1}},
                        .weight_bits = 8,
                        .act_bits = 8,
                        .out_bits = 8,
                        .reads_input = row == 0};
    pare_dims *const d = &j->dims;
    const struct {
        const char *column;
        uint32_t *to;
        bool is_optional;
    } columns[] = {
        {"c", &d->c, false},
        {"h", &d->h, false},
        {"w", &d->w, false},
        {"k", &d->k, false},
        {"r", &d->r, false},
        {"s", &d->s, false},
        {"p", &d->p, false},
        {"q", &d->q, false},
        {"stride", &d->stride[0], false},
        {"n", &d->n, true},
        {"pad", &d->pad[0], true},
        {"act_bits", &j->act_bits, true},
        {"weight_bits", &j->weight_bits, true},
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (!columns[i].is_optional || pare_csv_column(c, columns[i].column) >= 0)
            PARE_TRY(side(c, row, columns[i].column, columns[i].to, e));
    d->stride[1] = d->stride[0];
    d->pad[1] = d->pad[0];
    uint64_t im2col = row == 0;
    if (pare_csv_column(c, "im2col") >= 0) PARE_TRY(count(c, row, "im2col", &im2col, e));
    j->reads_input = im2col;
    return PARE_OK;
}

/* ---- other simulators ---- */

/* Two presets against two columns of cycles. */
typedef struct pair {
    const char *title, *file, *text;
    const char *preset[2], *column[2];
} pair;

static const pair pairs[] = {
    {"DNNsim: DaDianNao and Stripes on ResNet-18",
     "dnnsim_resnet18_stripes_dadn.csv",
     "isakedo/DNNsim 4748a60, `compute_cycles`, bits per layer as in the file.",
     {"dadn", "stripes_dnnsim"},
     {"dadn_cycles", "stripes_cycles"}},
    {"SCALE-Sim: weight and output stationary on ResNet-18",
     "scalesim_resnet18.csv",
     "scalesim-project/scale-sim-v2 22f88b1, 32 x 32, `Total Cycles`.",
     {"systolic_ws", "systolic_os"},
     {"ws_cycles", "os_cycles"}},
};

static pare_status pair_rows(const pair *p, const pare_csv *csv, pare_machine *const machines[2],
                             pare_buf *out, pare_err *e)
{
    uint64_t sum[2][2] = {{0}}, n_equal = 0;
    for (size_t row = 0; row < csv->n_rows; row++) {
        pare_sim_job job;
        PARE_TRY(job_of_row(csv, row, &job, e));
        pare_buf_printf(out, "| %s |", job.layer);
        for (int i = 0; i < 2; i++) {
            pare_sim_layer l;
            uint64_t theirs = 0;
            PARE_TRY(pare_sim_run_layer(machines[i], &job, &l, e));
            PARE_TRY(count(csv, row, p->column[i], &theirs, e));
            sum[i][0] += theirs;
            sum[i][1] += l.stats.cycles;
            n_equal += theirs == l.stats.cycles;
            pare_buf_printf(out, " %llu | %llu | %s |", (unsigned long long)theirs,
                            (unsigned long long)l.stats.cycles,
                            theirs == l.stats.cycles ? "=" : "**differs**");
        }
        pare_buf_puts(out, "\n");
    }
    pare_buf_puts(out, "| **sum** |");
    for (int i = 0; i < 2; i++)
        pare_buf_printf(out, " %llu | %llu | %s |", (unsigned long long)sum[i][0],
                        (unsigned long long)sum[i][1],
                        sum[i][0] == sum[i][1] ? "=" : "**differs**");
    pare_buf_printf(out, "\n\n%llu of %zu numbers are equal.\n\n", (unsigned long long)n_equal,
                    2 * csv->n_rows);
    return PARE_OK;
}

static pare_status write_pair(const pair *p, const char *folder, pare_buf *out, pare_err *e)
{
    pare_csv *csv = NULL;
    pare_machine *machines[2] = {NULL, NULL};
    pare_status status;
    PARE_TRY_DONE(load_reference(folder, p->file, &csv, e));
    for (int i = 0; i < 2; i++) PARE_TRY_DONE(load_machine(p->preset[i], NULL, 0, &machines[i], e));
    pare_buf_printf(out, "## %s\n\n%s Cycles:\n\n", p->title, p->text);
    pare_buf_printf(out, "| layer | %s, published | ours | | %s, published | ours | |\n",
                    p->preset[0], p->preset[1]);
    pare_buf_puts(out, "| --- | ---: | ---: | --- | ---: | ---: | --- |\n");
    PARE_TRY_DONE(pair_rows(p, csv, machines, out, e));
done:
    for (int i = 0; i < 2; i++) pare_machine_free(machines[i]);
    pare_csv_free(csv);
    return status;
}

static const struct {
    const char *column;
    size_t offset;
} bitfusion_counters[] = {
#define COUNTER(theirs, ours) {#theirs, offsetof(pare_sim_stats, ours)},
    PARE_BITFUSION_COUNTERS(COUNTER)
#undef COUNTER
};
enum { N_BITFUSION_COUNTERS = sizeof bitfusion_counters / sizeof *bitfusion_counters };

static pare_status bitfusion_row(const pare_csv *csv, size_t row, const pare_machine *m,
                                 pare_buf *out, pare_err *e)
{
    pare_sim_job job;
    pare_sim_layer l;
    uint64_t cycles = 0, stalls = 0, reads = 0;
    double energy_nj = 0;
    PARE_TRY(job_of_row(csv, row, &job, e));
    PARE_TRY(pare_sim_run_layer(m, &job, &l, e));
    const pare_sim_stats *const s = &l.stats;
    int n_equal = 0;
    for (int i = 0; i < N_BITFUSION_COUNTERS; i++) {
        uint64_t theirs = 0;
        PARE_TRY(count(csv, row, bitfusion_counters[i].column, &theirs, e));
        const char *const at = (const char *)s + bitfusion_counters[i].offset;
        n_equal += theirs == *(const uint64_t *)(const void *)at;
    }
    PARE_TRY(count(csv, row, "total_cycles", &cycles, e));
    PARE_TRY(count(csv, row, "stall_cycles", &stalls, e));
    PARE_TRY(count(csv, row, "dram_rd_bits", &reads, e));
    PARE_TRY(pare_csv_real(csv, row, pare_csv_column(csv, "energy_nj"), 0, 1e15, &energy_nj, e));
    n_equal += stalls == s->startup_cycles + s->stall_cycles;
    n_equal += reads == s->dram_bits - s->dram_out_bits;
    pare_buf_printf(out, "| %s %s | %llu | %llu | %llu | %llu | %.10g | %.10g | %d of %d |\n",
                    pare_csv_cell(csv, row, 0), job.layer, (unsigned long long)cycles,
                    (unsigned long long)s->cycles, (unsigned long long)stalls,
                    (unsigned long long)(s->startup_cycles + s->stall_cycles), energy_nj,
                    s->energy_pj / 1000, n_equal, N_BITFUSION_COUNTERS + 2);
    return PARE_OK;
}

static pare_status write_bitfusion(const char *folder, pare_buf *out, pare_err *e)
{
    pare_csv *csv = NULL;
    pare_machine *m = NULL;
    pare_status status;
    PARE_TRY_DONE(load_reference(folder, "bitfusion_svhn_vgg7.csv", &csv, e));
    PARE_TRY_DONE(load_machine("bitfusion_isca", NULL, 0, &m, e));
    pare_buf_puts(out,
                  "## Bit Fusion: SVHN and VGG-7\n\nhsharma35/bitfusion 04ec1c8, batch 16, preset "
                  "`bitfusion_isca`. Counters are total and stall cycles, and bits read and "
                  "written of three buffers and DRAM.\n\n"
                  "| layer | cycles, published | ours | stalls, published | ours | nJ, published | "
                  "ours | equal counters |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- "
                  "|\n");
    for (size_t row = 0; row < csv->n_rows; row++)
        PARE_TRY_DONE(bitfusion_row(csv, row, m, out, e));
    pare_buf_puts(out, "\n");
done:
    pare_machine_free(m);
    pare_csv_free(csv);
    return status;
}

/* ---- averages of papers ---- */

static const char *const profiled[] = {"alexnet", "nin", "googlenet", "vgg_m", "vgg_s", "vgg19"};
enum { N_PROFILED = sizeof profiled / sizeof *profiled };

/* What a network takes on two machines, convolutions alone and with fully connected layers, and
 * what the bits alone would give. */
typedef struct speedup {
    double conv_cycles[2], all_cycles[2];
    double full_products, act_products, products; /* MACs of convolutions x 256, x 16 pa, x pa pw */
} speedup;

static pare_status run_profile(const char *network, pare_machine *const machines[2], speedup *out,
                               pare_err *e)
{
    pare_status status;
    pare_buf path = {0}, bits_name = {0};
    pare_net *net = NULL;
    pare_bits *bits = NULL;
    *out = (speedup){.products = 0};
    pare_data_find("networks", network, &path);
    PARE_TRY_DONE(pare_net_load(path.text, &net, e));
    pare_buf_printf(&bits_name, "%s_recalled", network);
    pare_data_find("bits", bits_name.text, &path);
    PARE_TRY_DONE(pare_bits_get(path.text, net, &bits, e));
    for (int i = 0; i < 2; i++) {
        pare_sim_result r;
        PARE_TRY_DONE(pare_sim_run(net, machines[i], bits, NULL, &r, e));
        for (size_t j = 0; j < r.n_layers; j++) {
            const pare_sim_layer *const l = &r.layers[j];
            const double cycles = (double)l->stats.cycles, macs = (double)l->stats.macs;
            out->all_cycles[i] += cycles;
            if (!strcmp(l->type, "fc")) continue;
            out->conv_cycles[i] += cycles;
            if (i) continue;
            out->full_products += macs * 256;
            out->act_products += macs * 16 * l->act_bits;
            out->products += macs * l->act_bits * l->weight_bits;
        }
        pare_sim_result_free(&r);
    }
done:
    pare_bits_free(bits);
    pare_net_free(net);
    pare_buf_free(&path);
    pare_buf_free(&bits_name);
    return status;
}

static pare_status write_stripes(pare_machine *const machines[2], pare_buf *out, pare_err *e)
{
    static const double recalled[N_PROFILED] = {2.38, 1.91, 1.76, 2.23, 2.04, 1.35};
    double log_ideal = 0, log_ours = 0, log_recalled = 0;
    pare_buf_puts(
        out, "## Stripes: 1.92x over DaDianNao\n\nThe mean that the paper's abstract gives (READ). "
             "Presets `dadn` and `stripes_dnnsim`, convolutions only, with the paper's activation "
             "profile at 100 % relative accuracy (`traces/bits/*_recalled.bits.yaml`, RECALLED). "
             "*Bits alone* is 16 over the mean activation bits, weighted by products; beside it "
             "stand the ideal figures of the paper (RECALLED).\n\n"
             "| network | bits alone, paper | bits alone, ours | simulated |\n"
             "| --- | ---: | ---: | ---: |\n");
    for (int i = 0; i < N_PROFILED; i++) {
        speedup s;
        PARE_TRY(run_profile(profiled[i], machines, &s, e));
        const double ideal = s.full_products / s.act_products;
        const double ours = s.conv_cycles[0] / s.conv_cycles[1];
        log_ideal += log(ideal) / N_PROFILED;
        log_ours += log(ours) / N_PROFILED;
        log_recalled += log(recalled[i]) / N_PROFILED;
        pare_buf_printf(out, "| %s | %.2f | %.2f | %.2f |\n", profiled[i], recalled[i], ideal,
                        ours);
    }
    pare_buf_printf(out, "| **geometric mean** | %.2f | %.2f | %.2f |\n\n", exp(log_recalled),
                    exp(log_ideal), exp(log_ours));
    pare_buf_printf(
        out,
        "Published 1.92x; the bits alone give %.2fx (%.1f %% away) and the simulated "
        "machine %.2fx (%.1f %% away). Between the two lie windows that do not "
        "fill the last 16 columns (13 x 13 of them take 176), and layers whose lanes are not full, "
        "which weigh more in cycles than in products.\n\n",
        exp(log_ideal), 100 * (exp(log_ideal) / 1.92 - 1), exp(log_ours),
        100 * (exp(log_ours) / 1.92 - 1));
    return PARE_OK;
}

static pare_status write_loom(pare_machine *const machines[2], pare_buf *out, pare_err *e)
{
    static const double published = 4.38;
    double log_ideal = 0, log_conv = 0, log_all = 0;
    pare_buf_puts(
        out,
        "## Loom: 4.38x over a bit-parallel machine\n\nThe mean that the abstract gives "
        "(READ), against 128 multiply-accumulates of 16 b x 16 b a cycle. Presets "
        "`bitparallel16` with 8 rows and `loom1` with 16 columns and `mapping.tiles=filters` "
        "(the published grid of 128 filters x 16 windows x 16 lanes), ideal memory, the same "
        "profiles and Loom's weight bits (RECALLED).\n\n"
        "| network | bits alone | convolutions | all layers |\n| --- | ---: | ---: | ---: |\n");
    for (int i = 0; i < N_PROFILED; i++) {
        speedup s;
        PARE_TRY(run_profile(profiled[i], machines, &s, e));
        const double ideal = s.full_products / s.products;
        const double conv = s.conv_cycles[0] / s.conv_cycles[1];
        const double all = s.all_cycles[0] / s.all_cycles[1];
        log_ideal += log(ideal) / N_PROFILED;
        log_conv += log(conv) / N_PROFILED;
        log_all += log(all) / N_PROFILED;
        pare_buf_printf(out, "| %s | %.2f | %.2f | %.2f |\n", profiled[i], ideal, conv, all);
    }
    const double ideal = exp(log_ideal), conv = exp(log_conv);
    pare_buf_printf(out, "| **geometric mean** | %.2f | %.2f | %.2f |\n\n", ideal, conv,
                    exp(log_all));
    pare_buf_printf(
        out,
        "Published %.2fx is beyond what these static bits can give even without any loss, %.2fx: "
        "the paper's machine also finds the width of every group of activations at run time, which "
        "`loom1` does not (weights and activations keep their layer's bits). To reach the figure, "
        "groups must need %.0f %% of the layer's activation bits at our losses (%.0f %% without "
        "any). Losses are windows that do not fill 16 columns and filters that do not fill 128 "
        "rows (%.0f %%). An earlier version of the paper states 2.34x (READ; whether without "
        "widths "
        "found at run time is not known to us); ours is %.2fx over all layers.\n\n",
        published, ideal, 100 * conv / published, 100 * ideal / published, 100 * (1 - conv / ideal),
        exp(log_all));
    return PARE_OK;
}

static pare_status
with_two(const char *const names[2], const char *const *const sets[2], const size_t n_sets[2],
         pare_status (*write)(pare_machine *const machines[2], pare_buf *out, pare_err *e),
         pare_buf *out, pare_err *e)
{
    pare_status status;
    pare_machine *machines[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++)
        PARE_TRY_DONE(load_machine(names[i], sets[i], n_sets[i], &machines[i], e));
    PARE_TRY_DONE(write(machines, out, e));
done:
    for (int i = 0; i < 2; i++) pare_machine_free(machines[i]);
    return status;
}

static pare_status write_unpu(pare_buf *out, pare_err *e)
{
    static const double gops_16b = 345.6, gops_1b = 7372; /* READ in the abstract */
    pare_machine *m = NULL;
    PARE_TRY(load_machine("unpu", NULL, 0, &m, e));
    const uint32_t act_bits = m->pe.max_act_bits;
    const double wide = pare_machine_peak_macs(m, 16, act_bits),
                 narrow = pare_machine_peak_macs(m, 1, act_bits);
    const double published = gops_1b / gops_16b, ours = narrow / wide;
    pare_buf_printf(
        out,
        "## UNPU: 21.3x between 16-bit and 1-bit weights\n\nPublished peaks (READ): %.1f GOPS at "
        "16 bits and %.0f at 1 bit, a ratio of %.2f. Our `unpu` is %.6gx faster at 1 bit, "
        "the ratio of the weight bits. What is left is a factor of %.4f, 4/3 to %.2f %%: "
        "the paper's 1-bit mode looks sums up in tables, which `unpu` does not model.\n\n",
        gops_16b, gops_1b, published, ours, published / ours,
        100 * fabs(published / ours / (4. / 3) - 1));
    pare_machine_free(m);
    return PARE_OK;
}

static pare_status write_papers(pare_buf *out, pare_err *e)
{
    static const char *const stripes[2] = {"dadn", "stripes_dnnsim"};
    static const char *const loom[2] = {"bitparallel16", "loom1"};
    static const char *const rows[] = {"array.rows=8", "memory.model=ideal"};
    static const char *const grid[] = {"array.cols=16", "mapping.tiles=filters",
                                       "memory.model=ideal"};
    PARE_TRY(with_two(stripes, (const char *const *const[2]){NULL, NULL}, (const size_t[2]){0, 0},
                      write_stripes, out, e));
    PARE_TRY(with_two(loom, (const char *const *const[2]){rows, grid}, (const size_t[2]){2, 3},
                      write_loom, out, e));
    return write_unpu(out, e);
}

static pare_status write_page(const char *folder, pare_buf *out, pare_err *e)
{
    pare_buf_puts(out,
                  "# Validation: our numbers beside others'\n\nWritten by `make validation`, i.e. "
                  "`pare-sim validate FOLDER`, with the results of other simulators in FOLDER; do "
                  "not edit. READ: read in the source named; RECALLED: from memory of a paper, "
                  "unverified.\n\n");
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        PARE_TRY(write_pair(&pairs[i], folder, out, e));
    PARE_TRY(write_bitfusion(folder, out, e));
    return write_papers(out, e);
}

int pare_main_validate(int argc, char **argv)
{
    const char *to = "-";
    const pare_opt opts[] = {
        {"out", 'o', PARE_OPT_STRING, "FILE", "where to (standard output)", &to, 0, 0}};
    int n_operands, status = PARE_OK;
    if (!pare_opts_parse(opts, 1, "pare-sim validate FOLDER [options]",
                         "Compare with results of other simulators (CSV files in FOLDER) and "
                         "published averages; Markdown.",
                         argc, argv, &n_operands, &status))
        return status;
    if (n_operands != 1) {
        fprintf(stderr, "one folder expected; see pare-sim validate --help\n");
        return PARE_EUSAGE;
    }
    pare_err e = {0};
    pare_buf page = {0};
    status = (int)write_page(argv[1], &page, &e);
    if (status == PARE_OK) {
        page.text[--page.n] = 0; /* the blank line at the end */
        status = (int)pare_file_write(to, page.text, page.n, &e);
    }
    if (status != PARE_OK) pare_err_print(&e, stderr);
    pare_buf_free(&page);
    return status;
}
