/* Yosys, OpenSTA and iverilog on one kind of PE. All kinds go through the same scripts, so that
 * their ratios mean something. */
#include "rtl/characterize.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* the first cycle of the bench begins after two of reset and half a one; a dump counts in 10 ps */
enum {
    TEXT_MAX = 1 << 30,
    PERIOD_NS = 200,
    FIRST_NS = 2 * PERIOD_NS + PERIOD_NS / 2,
    DUMP_PER_NS = 100,
    BITS_W = 5
};

/* Where a run of a tool stands. */
typedef struct bench {
    const pare_characterize *c;
    const pare_dut_kind *kind;
    pare_arena *arena;
    pare_netlist netlist;
    size_t n_points;
    uint64_t *toggles; /* of each point, of each net */
} bench;

static const char *in_folder(const bench *b, const char *file)
{
    return pare_arena_printf(b->arena, "%s/%s", b->c->folder, file);
}

/* ---- tools ---- */

static bool is_there(const char *program)
{
    char *const argv[] = {"sh", "-c", "command -v \"$0\" >/dev/null", (char *)(uintptr_t)program,
                          NULL};
    extern char **environ;
    pid_t pid;
    int status = 1;
    if (posix_spawnp(&pid, "sh", NULL, NULL, argv, environ)) return false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Run a tool under the time limit, its words in `log`. */
static pare_status run(const bench *b, const char *const *words, size_t n, const char *log,
                       pare_err *e)
{
    extern char **environ;
    char *argv[16] = {"timeout", pare_arena_printf(b->arena, "%u", (unsigned)b->c->limit_s)};
    for (size_t i = 0; i < n; i++) argv[i + 2] = (char *)(uintptr_t)words[i];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid;
    int status = 0;
    const int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    while (!failed && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (!failed && WIFEXITED(status) && WEXITSTATUS(status) == 0) return PARE_OK;
    const bool is_late = !failed && WIFEXITED(status) && WEXITSTATUS(status) == 124;
    return pare_err_set(e, PARE_EFAIL, log, (pare_pos){0, 0}, "%s of %s %s; %s", words[0],
                        b->kind->name, is_late ? "took too long" : "failed",
                        is_late ? "a higher --limit expected" : "its output is there");
}

static pare_status write_text(const char *path, pare_buf *text, pare_err *e)
{
    const pare_status status = pare_file_write(path, text->text, text->n, e);
    pare_buf_free(text);
    return status;
}

/* ---- the netlist ---- */

static const char *module_of(const pare_dut_kind *k)
{
    return k->pe == PARE_DUT_fusion ? "pare_pe_fusion"
           : k->pe == PARE_DUT_term ? "pare_pe_term"
                                    : "pare_pe_temporal";
}

static void put_parameters(pare_buf *s, const pare_dut_kind *k)
{
    pare_buf_printf(s, " -chparam AccWidth %u -chparam %s %u", k->acc_bits,
                    k->pe == PARE_DUT_fusion ? "Units" : "Lanes", k->lanes);
    if (k->pe == PARE_DUT_fusion) return;
    pare_buf_printf(s, " -chparam MaxActBits %u -chparam MaxWeightBits %u", k->max_act_bits,
                    k->max_weight_bits);
    if (k->pe == PARE_DUT_term)
        pare_buf_printf(s, " -chparam Recoding %u -chparam FirstStageBits %u", k->recoding,
                        k->first_stage_bits);
    else
        pare_buf_printf(s, " -chparam ActDigit %u -chparam WeightDigit %u", k->act_digit,
                        k->weight_digit);
}

static pare_status synthesise(bench *b, pare_err *e)
{
    static const char *const sources[] = {
        "pkg",         "digit_counter", "digit_extend", "accumulator", "pe_core",
        "pe_temporal", "fusion_unit",   "pe_fusion",    "term_recode", "term_schedule",
        "term_column", "term_core",     "pe_term"};
    pare_buf s = {0};
    pare_buf_printf(&s, "read_verilog -sv -DSYNTHESIS -I%s", b->c->rtl);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        pare_buf_printf(&s, " %s/pare_%s.sv", b->c->rtl, sources[i]);
    pare_buf_printf(&s, "\nhierarchy -check -top %s", module_of(b->kind));
    put_parameters(&s, b->kind);
    pare_buf_printf(&s,
                    "\nrename -top dut\nsynth -flatten -top dut\ndfflibmap -liberty %s\n"
                    "abc -liberty %s -script "
                    "+strash;dretime;map;topo;buffer,-N,12\nsplitnets\nopt_clean -purge\n"
                    "write_verilog -noattr -noexpr -nohex %s\n",
                    b->c->liberty, b->c->liberty, in_folder(b, "dut.v"));
    PARE_TRY(write_text(in_folder(b, "synth.ys"), &s, e));
    const char *const words[] = {"yosys", "-q", in_folder(b, "synth.ys")};
    PARE_TRY(run(b, words, 3, in_folder(b, "synth.log"), e));
    char *text;
    size_t n;
    PARE_TRY(pare_file_read(in_folder(b, "dut.v"), TEXT_MAX, &text, &n, e));
    const pare_status status = pare_netlist_parse("dut.v", text, n, b->c->cells, &b->netlist, e);
    free(text);
    return status;
}

/* The latest arrival at a register or an output, wires without load; 0 without OpenSTA. */
static pare_status time_paths(const bench *b, double *delay_ns, pare_err *e)
{
    *delay_ns = 0;
    if (!is_there("sta")) return PARE_OK;
    pare_buf s = {0};
    pare_buf_printf(&s,
                    "read_liberty %s\nread_verilog %s\nlink_design dut\n"
                    "create_clock -name clk -period 1000 [get_ports clk_i]\n"
                    "set_input_delay 0 -clock clk [all_inputs]\n"
                    "set_output_delay 0 -clock clk [all_outputs]\nreport_checks\nexit\n",
                    b->c->liberty, in_folder(b, "dut.v"));
    PARE_TRY(write_text(in_folder(b, "sta.tcl"), &s, e));
    const char *const words[] = {"sta", "-exit", in_folder(b, "sta.tcl")};
    PARE_TRY(run(b, words, 3, in_folder(b, "sta.log"), e));
    char *text;
    size_t n;
    PARE_TRY(pare_file_read(in_folder(b, "sta.log"), TEXT_MAX, &text, &n, e));
    /* one for each group of paths: of the clock, of the asynchronous reset */
    for (char *at = text; (at = strstr(at, "data arrival time")); at++) {
        char *line = at;
        while (line > text && line[-1] != '\n') line--;
        const double arrival = strtod(line, NULL);
        if (arrival > *delay_ns) *delay_ns = arrival;
    }
    free(text);
    if (*delay_ns > 0) return PARE_OK;
    return pare_err_set(e, PARE_EFAIL, in_folder(b, "sta.log"), (pare_pos){0, 0},
                        "OpenSTA reports no data arrival time");
}

/* ---- gate-level simulation ---- */

/* The bench reads a line of pins a cycle, with the result that must stand in it. */
static pare_status write_bench(const bench *b, pare_err *e)
{
    const pare_dut_kind *const k = b->kind;
    pare_buf s = {0};
    pare_buf_printf(
        &s,
        "`timescale 1ns/10ps\nmodule tb;\n"
        "  reg clk = 0, rst_n = 0;\n  reg [8*512-1:0] stim_file, vcd_file;\n"
        "  reg [%u:0] stim [0:1048575];\n  integer i, n, bad = 0;\n"
        "  reg [%u:0] act;\n  reg [%u:0] weight;\n  reg [4:0] act_bits, weight_bits;\n"
        "  reg act_signed, weight_signed, first, last, valid, exp_valid, exp_ready;\n"
        "  reg [%u:0] exp_sum;\n"
        "  wire [%u:0] sum;\n  wire ready, out_valid, overflow;\n"
        "  dut u_dut (.clk_i(clk), .rst_ni(rst_n), .act_bits_i(act_bits),\n"
        "    .weight_bits_i(weight_bits), .act_signed_i(act_signed),\n"
        "    .weight_signed_i(weight_signed),\n"
        "    .dot_first_i(first), .dot_last_i(last), .in_valid_i(valid), .in_ready_o(ready),\n"
        "    .act_i(act), .weight_i(weight), .out_valid_o(out_valid), .out_ready_i(1'b1),\n"
        "    .sum_o(sum), .overflow_o(overflow));\n",
        k->lanes * (pare_dut_act_width(k) + pare_dut_weight_width(k)) + k->acc_bits + 2 * BITS_W +
            6,
        k->lanes * pare_dut_act_width(k) - 1, k->lanes * pare_dut_weight_width(k) - 1,
        k->acc_bits - 1, k->acc_bits - 1);
    pare_buf_printf(
        &s,
        "  initial begin\n"
        "    if (!$value$plusargs(\"stim=%%s\", stim_file)) $finish;\n"
        "    if (!$value$plusargs(\"vcd=%%s\", vcd_file)) $finish;\n"
        "    if (!$value$plusargs(\"cycles=%%d\", n)) $finish;\n"
        "    $readmemh(stim_file, stim, 0, n - 1);\n"
        "    {act, weight, act_bits, weight_bits, act_signed, weight_signed, first, last, valid,\n"
        "     exp_ready, exp_valid, exp_sum} = 0;\n"
        "    repeat (2) begin #%d clk = 1; #%d clk = 0; end\n"
        "    rst_n = 1;\n    #%d $dumpfile(vcd_file);\n    $dumpvars(1, u_dut);\n"
        "    for (i = 0; i < n; i = i + 1) begin\n"
        "      {act, weight, act_bits, weight_bits, act_signed, weight_signed, first, last, "
        "valid,\n"
        "       exp_ready, exp_valid, exp_sum} = stim[i];\n"
        "      #%d;\n"
        "      if (out_valid !== exp_valid || (valid && ready !== exp_ready)\n"
        "          || (exp_valid && sum !== exp_sum)) bad = bad + 1;\n"
        "      clk = 1;\n      #%d clk = 0;\n    end\n"
        "    $display(\"bad %%0d of %%0d\", bad, n);\n    $finish;\n  end\nendmodule\n",
        PERIOD_NS / 2, PERIOD_NS / 2, PERIOD_NS / 2, PERIOD_NS / 2, PERIOD_NS / 2);
    return write_text(in_folder(b, "tb.v"), &s, e);
}

static pare_status compile(const bench *b, pare_err *e)
{
    const char *const zero[] = {"iverilog",
                                "-o",
                                in_folder(b, "zero.vvp"),
                                "-s",
                                "tb",
                                in_folder(b, "tb.v"),
                                in_folder(b, "dut.v"),
                                b->c->models};
    const char *const glitch[] = {"iverilog",
                                  "-gspecify",
                                  "-o",
                                  in_folder(b, "glitch.vvp"),
                                  "-s",
                                  "tb",
                                  in_folder(b, "tb.v"),
                                  in_folder(b, "dut.v"),
                                  b->c->models};
    PARE_TRY(run(b, zero, 8, in_folder(b, "iverilog.log"), e));
    return run(b, glitch, 9, in_folder(b, "iverilog.log"), e);
}

/* n low bits of words, the uppermost first, as '0' and '1' */
static void put_bits(pare_buf *s, const uint32_t *words, uint32_t n)
{
    while (n-- > 0) pare_buf_puts(s, words[n / 32] >> n % 32 & 1 ? "1" : "0");
}

static void put_number(pare_buf *s, uint64_t x, uint32_t n)
{
    const uint32_t words[2] = {(uint32_t)x, (uint32_t)(x >> 32)};
    put_bits(s, words, n);
}

/* a line of bits as hexadecimal digits */
static void put_hex(pare_buf *out, const pare_buf *bits)
{
    uint32_t digit = 0;
    for (size_t i = 0; i < bits->n; i++) {
        digit = digit << 1 | (bits->text[i] == '1');
        if ((bits->n - 1 - i) % 4 == 0) {
            pare_buf_printf(out, "%x", digit);
            digit = 0;
        }
    }
    pare_buf_puts(out, "\n");
}

typedef struct stimulus {
    pare_buf lines;
    uint64_t n_cycles, n_products, n_steps;
    bool has_sum; /* the dot product before stands in the next cycle */
    int64_t sum;
} stimulus;

static void put_dot(stimulus *s, const pare_dut_kind *k, const pare_cosim_dot *d,
                    uint64_t n_products)
{
    pare_buf bits = {0};
    for (uint32_t step = 0; step < d->work.n_steps; step++)
        for (uint32_t beat = 0; beat < d->step_beats[step]; beat++) {
            const bool is_last = beat + 1 == d->step_beats[step];
            bits.n = 0;
            put_bits(&bits, pare_cosim_act_pins(d, k, step, beat),
                     k->lanes * pare_dut_act_width(k));
            put_bits(&bits, pare_cosim_weight_pins(d, k, step, beat),
                     k->lanes * pare_dut_weight_width(k));
            put_number(&bits, d->work.act_bits, BITS_W);
            put_number(&bits, d->work.weight_bits, BITS_W);
            put_number(&bits, d->work.act_signed, 1);
            put_number(&bits, d->work.weight_signed, 1);
            put_number(&bits, step == 0, 1);
            put_number(&bits, step + 1 == d->work.n_steps, 1);
            put_number(&bits, 1, 1);
            put_number(&bits, k->pe != PARE_DUT_term || is_last, 1);
            put_number(&bits, s->has_sum, 1);
            put_number(&bits, (uint64_t)s->sum, k->acc_bits);
            put_hex(&s->lines, &bits);
            s->has_sum = false;
            s->n_cycles++;
        }
    pare_buf_free(&bits);
    s->has_sum = true;
    s->sum = d->sum.value;
    s->n_steps += d->work.n_steps;
    s->n_products += n_products;
}

/* Run the whole stimulus; energy_pj of each point. */
static pare_status simulate(bench *b, const char *mode, const uint64_t *end_cycles,
                            double *energy_pj, pare_err *e)
{
    const size_t n_points = b->n_points;
    const char *const vvp = in_folder(b, pare_arena_printf(b->arena, "%s.vvp", mode));
    const char *const log = in_folder(b, "vvp.log"), *const vcd = in_folder(b, "dut.vcd");
    const char *const words[] = {
        "vvp",
        "-n",
        vvp,
        pare_arena_printf(b->arena, "+stim=%s", in_folder(b, "stim.hex")),
        pare_arena_printf(b->arena, "+vcd=%s", vcd),
        pare_arena_printf(b->arena, "+cycles=%llu", (unsigned long long)end_cycles[n_points - 1])};
    PARE_TRY(run(b, words, 6, log, e));
    char *text;
    size_t n;
    PARE_TRY(pare_file_read(log, TEXT_MAX, &text, &n, e));
    const bool is_right = strstr(text, "bad 0 of ") != NULL;
    free(text);
    if (!is_right)
        return pare_err_set(e, PARE_EFAIL, log, (pare_pos){0, 0},
                            "the netlist of %s does not compute what the C reference does (%s)",
                            b->kind->name, mode);
    PARE_TRY(pare_file_read(vcd, TEXT_MAX, &text, &n, e));
    uint64_t *const ends = pare_arena_alloc(b->arena, n_points, sizeof *ends);
    for (size_t i = 0; i < n_points; i++)
        ends[i] = (FIRST_NS + end_cycles[i] * PERIOD_NS) * DUMP_PER_NS;
    const pare_status status =
        pare_vcd_toggles(vcd, text, n, &b->netlist, ends, n_points, b->toggles, e);
    free(text);
    for (size_t i = 0; i < n_points; i++)
        energy_pj[i] =
            pare_netlist_energy_pj(&b->netlist, b->c->cells, b->toggles + i * b->netlist.n_nets);
    return status;
}

/* One dot product of a point; returns its products. */
static uint64_t draw_dot(const bench *b, const pare_stimulus_point *p, pare_rng *r,
                         pare_cosim_dot *d)
{
    if (!p->layer) {
        pare_cosim_dot_uniform(d, b->kind, p->act_bits, p->weight_bits, r);
        return (uint64_t)d->work.n_steps * d->n_products;
    }
    uint64_t n_products;
    const uint32_t lanes = pare_cosim_products(b->kind, p->act_bits, p->weight_bits);
    const uint32_t n_steps =
        pare_codes_take(p->layer, r, lanes, PARE_COSIM_MAX_STEPS, d->act, d->weight, &n_products);
    d->work = (pare_pe_work){.act_bits = p->act_bits,
                             .weight_bits = p->weight_bits,
                             .act_signed = p->layer->act_signed,
                             .weight_signed = p->layer->weight_signed,
                             .n_steps = n_steps,
                             .act = d->act,
                             .weight = d->weight};
    pare_cosim_dot_given(d, b->kind);
    return n_products;
}

/* One stimulus for all points, so that the simulators read the netlist once. Codes depend on the
 * point, not on the kind, as far as kinds take the same lanes. */
static pare_status measure(bench *b, pare_point_cost *out, pare_err *e)
{
    pare_cosim_case *const c = pare_cosim_case_new(b->kind);
    uint64_t *const end_cycles = pare_arena_alloc(b->arena, b->n_points, sizeof *end_cycles);
    double *const energy_pj = pare_arena_alloc(b->arena, b->n_points, sizeof *energy_pj);
    stimulus s = {0};
    for (size_t i = 0; i < b->n_points; i++) {
        const pare_stimulus_point *const p = &b->c->points[i];
        const uint64_t stream =
            p->layer ? pare_hash_bytes(PARE_HASH_SEED, p->layer->layer, strlen(p->layer->layer))
                     : p->act_bits * 32 + p->weight_bits;
        pare_rng r = pare_rng_new(b->c->seed, stream);
        const stimulus before = s;
        for (uint32_t k = 0; k < b->c->dots; k++) {
            const uint64_t n_products = draw_dot(b, p, &r, &c->dots[0]);
            put_dot(&s, b->kind, &c->dots[0], n_products);
        }
        end_cycles[i] = s.n_cycles;
        out[i] = (pare_point_cost){.n_cycles = s.n_cycles - before.n_cycles,
                                   .n_products = s.n_products - before.n_products,
                                   .n_steps = s.n_steps - before.n_steps,
                                   .n_dots = b->c->dots};
    }
    pare_cosim_case_free(c);
    PARE_TRY(write_text(in_folder(b, "stim.hex"), &s.lines, e));
    PARE_TRY(simulate(b, "zero", end_cycles, energy_pj, e));
    for (size_t i = 0; i < b->n_points; i++) out[i].zero_pj = energy_pj[i];
    PARE_TRY(simulate(b, "glitch", end_cycles, energy_pj, e));
    for (size_t i = 0; i < b->n_points; i++) out[i].glitch_pj = energy_pj[i];
    return PARE_OK;
}

pare_status pare_characterize_kind(const pare_characterize *c, const pare_dut_kind *kind,
                                   size_t n_points, pare_kind_cost *out, pare_err *e)
{
    *out = (pare_kind_cost){.at = out->at};
    bench b = {.c = c, .kind = kind, .arena = pare_arena_new(), .n_points = n_points};
    pare_status status = PARE_OK;
    PARE_TRY_DONE(synthesise(&b, e));
    out->n_gates = b.netlist.n_gates;
    out->n_registers = b.netlist.n_registers;
    out->area_um2 = b.netlist.area_um2;
    out->leakage_nw = b.netlist.leakage_nw;
    b.toggles = pare_xalloc(n_points * b.netlist.n_nets, sizeof *b.toggles);
    PARE_TRY_DONE(time_paths(&b, &out->delay_ns, e));
    PARE_TRY_DONE(write_bench(&b, e));
    PARE_TRY_DONE(compile(&b, e));
    PARE_TRY_DONE(measure(&b, out->at, e));
done:
    free(b.toggles);
    pare_netlist_free(&b.netlist);
    pare_arena_free(b.arena);
    return status;
}

/* ---- the table ---- */

void pare_characterize_row(pare_buf *out, const pare_characterize *c, const pare_dut_kind *kind,
                           const pare_kind_cost *cost, const pare_kind_cost *base, size_t first)
{
    const pare_point_cost *const one = &base->at[0];
    const double cycle = one->glitch_pj / (double)one->n_cycles;
    const double product = one->glitch_pj / (double)one->n_products;
    const double dot = one->glitch_pj / (double)one->n_dots;
    const double zero = one->zero_pj / (double)one->n_products;
    for (size_t i = first; i < c->n_points; i++) {
        const pare_stimulus_point *const p = &c->points[i];
        const pare_point_cost *const at = &cost->at[i];
        const double n_cycles = (double)at->n_cycles, n_products = (double)at->n_products;
        pare_buf_printf(out, "%s,%zu,%zu,%.3f,%.3f,", kind->name, cost->n_gates, cost->n_registers,
                        cost->area_um2 / base->area_um2, cost->leakage_nw / base->leakage_nw);
        if (cost->delay_ns > 0 && base->delay_ns > 0)
            pare_buf_printf(out, "%.3f", cost->delay_ns / base->delay_ns);
        pare_buf_printf(out, ",%s,%u,%u,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.2f\n",
                        p->layer ? p->layer->layer : "uniform", p->act_bits, p->weight_bits,
                        n_cycles / (double)at->n_steps, n_products / (double)at->n_steps,
                        at->glitch_pj / n_cycles / cycle, at->glitch_pj / n_products / product,
                        at->zero_pj / n_products / zero, at->glitch_pj / (double)at->n_dots / dot,
                        at->glitch_pj / at->zero_pj);
    }
}
