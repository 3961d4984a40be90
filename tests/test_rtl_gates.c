/* The gates' cost: a library, a netlist and a dump small enough to add up by hand. */
#include "gtck.h"
#include "rtl/gates.h"

#include <stdlib.h>
#include <string.h>

static const char *const LIBRARY =
    "/* two cells */\n"
    "library(tiny) {\n"
    "  nom_voltage : 2.0;\n"
    "  lu_table_template(t) { variable_1 : input_net_transition; index_1 (\"1, 2\"); }\n"
    "  cell (INV) {\n"
    "    area : 16; cell_leakage_power : 0.5;\n"
    "    pin(A) { direction : input; capacitance : 0.01; }\n"
    "    pin(Y) {\n"
    "      direction : output; capacitance : 0; function : \"(!A)\";\n"
    "      timing() { related_pin : \"A\"; cell_rise(t) { values (\"9, 9\"); } }\n"
    "      internal_power() {\n"
    "        related_pin : \"A\";\n"
    "        rise_power(t) { values ( \\\n"
    "          \"0.1, 0.9\", \\\n"
    "          \"0.3, 0.2\"); }\n"                            /* median 0.25 */
    "        fall_power(t) { values (\"0.5, 0.7, 0.6\"); }\n" /* median 0.6 */
    "      }\n"
    "    }\n"
    "  }\n"
    "  cell (DFF) {\n"
    "    area : 96; ff (IQ, IQN) { next_state : \"D\"; }\n"
    "    pin(CLK) { direction : input; clock : true; capacitance : 0.02;\n"
    "      internal_power() { rise_power(t) { values (\"0.05\"); } } }\n"
    "    pin(D) { direction : input; capacitance : 0.01; }\n"
    "    pin(Q) { direction : output; }\n"
    "  }\n"
    "}\n";

static const char *const NETLIST = "/* Generated */\n"
                                   "module dut(clk_i, x, y);\n"
                                   "  input clk_i;\n  wire clk_i;\n  input [1:0] x;\n  output y;\n"
                                   "  wire \\u.q[0] ;\n"
                                   "  INV _1_ (\n    .A(x[1]),\n    .Y(_0_)\n  );\n"
                                   "  DFF _2_ (\n    .CLK(clk_i),\n    .D(_0_),\n"
                                   "    .Q(\\u.q[0] )\n  );\n"
                                   "  INV _3_ (\n    .A(1'b1),\n    .Y()\n  );\n"
                                   "  assign y = \\u.q[0] ;\n"
                                   "endmodule\n";

/* x[1] 0 1 0, _0_ x 1 0 1, the clock 4 edges, u.q x 0 1 0 1 */
static const char *const DUMP = "$timescale 10ps $end\n$scope module u_dut $end\n"
                                "$var wire 1 ! _0_ $end\n$var wire 1 \" \\u.q[0] $end\n"
                                "$var wire 1 \" y $end\n$var wire 2 # x [1:0] $end\n"
                                "$var wire 1 $ clk_i $end\n$upscope $end\n$enddefinitions $end\n"
                                "#0\nb0 #\nx!\n0$\nx\"\n"
                                "#5\n1!\n1$\n0\"\n#10\nb10 #\n0!\n0$\n1\"\n"
                                "#15\nb1 #\n1!\n1$\n0\"\n#20\n0$\n1\"\n";

static void load(pare_cells *cells, pare_netlist *netlist)
{
    pare_err e = {0};
    if (pare_liberty_parse("tiny.lib", LIBRARY, strlen(LIBRARY), cells, &e) != PARE_OK)
        ck_abort_msg("%u: %s", e.line, e.text);
    if (pare_netlist_parse("dut.v", NETLIST, strlen(NETLIST), cells, netlist, &e) != PARE_OK)
        ck_abort_msg("%u: %s", e.line, e.text);
}

START_TEST(a_library_gives_areas_capacitances_and_medians)
{
    pare_cells cells;
    pare_netlist netlist;
    load(&cells, &netlist);
    ck_assert_uint_eq(cells.n_cells, 2);
    ck_assert_double_eq(cells.voltage_v, 2);
    const pare_cell *const inv = &cells.cells[0], *const dff = &cells.cells[1];
    ck_assert_str_eq(inv->name, "INV");
    ck_assert_double_eq(inv->area_um2, 16);
    ck_assert_double_eq(inv->leakage_nw, 0.5);
    ck_assert(!inv->is_register && dff->is_register);
    ck_assert_uint_eq(inv->n_pins, 2);
    ck_assert_str_eq(inv->pins[1].name, "Y");
    ck_assert(inv->pins[1].is_output && !inv->pins[0].is_output);
    ck_assert_double_eq_tol(inv->pins[0].capacitance_pf, 0.01, 1e-12);
    ck_assert_double_eq_tol(inv->pins[1].internal_pj, (0.25 + 0.6) / 2, 1e-12);
    ck_assert_double_eq_tol(dff->pins[0].internal_pj, 0.05, 1e-12);
    pare_netlist_free(&netlist);
    pare_cells_free(&cells);
}
END_TEST

static size_t net(const pare_netlist *n, const char *name)
{
    for (size_t i = 0; i < n->n_nets; i++)
        if (!strcmp(n->nets[i], name)) return i;
    ck_abort_msg("no net %s", name);
    return 0;
}

START_TEST(a_netlist_and_its_toggles_add_up)
{
    pare_cells cells;
    pare_netlist netlist;
    load(&cells, &netlist);
    ck_assert_uint_eq(netlist.n_gates, 3);
    ck_assert_uint_eq(netlist.n_registers, 1);
    ck_assert_double_eq(netlist.area_um2, 16 + 96 + 16);
    ck_assert_double_eq(netlist.leakage_nw, 1);
    ck_assert_uint_eq(netlist.n_nets, 4); /* y is an alias, on no pin */
    uint64_t toggles[8];
    const uint64_t ends[] = {100, 200};
    ck_assert_int_eq(
        pare_vcd_toggles("d.vcd", DUMP, strlen(DUMP), &netlist, ends, 1, toggles, NULL), PARE_OK);
    ck_assert_uint_eq(toggles[net(&netlist, "x[1]")], 2);
    ck_assert_uint_eq(toggles[net(&netlist, "_0_")], 2); /* the first change is from x */
    ck_assert_uint_eq(toggles[net(&netlist, "clk_i")], 4);
    ck_assert_uint_eq(toggles[net(&netlist, "u.q[0]")], 3);
    /* V^2/2 = 2: inputs x[1] 2 * 0.01, _0_ 2 * 0.01, clock 4 * 0.02; outputs' tables 2 * 0.425;
     * the clock pin's 4 * 0.05 */
    const double expected = 2 * (0.02 + 0.02 + 0.08) + 2 * 0.425 + 4 * 0.05;
    ck_assert_double_eq_tol(pare_netlist_energy_pj(&netlist, &cells, toggles), expected, 1e-9);
    /* the same in two windows: before time 10, before time 20 */
    const uint64_t halves[] = {10, 20};
    ck_assert_int_eq(
        pare_vcd_toggles("d.vcd", DUMP, strlen(DUMP), &netlist, halves, 2, toggles, NULL), PARE_OK);
    const size_t q = net(&netlist, "u.q[0]"), clk = net(&netlist, "clk_i");
    ck_assert(toggles[q] == 0 && toggles[4 + q] == 2);
    ck_assert(toggles[clk] == 1 && toggles[4 + clk] == 2);
    pare_netlist_free(&netlist);
    pare_cells_free(&cells);
}
END_TEST

START_TEST(a_large_netlist_keeps_its_names_apart)
{
    pare_cells cells;
    pare_netlist netlist;
    load(&cells, &netlist);
    pare_netlist_free(&netlist);
    enum { N = 5000 };
    pare_buf text = {0}, dump = {0};
    pare_buf_puts(&text, "module dut(a);\n");
    for (int i = 0; i < N; i++)
        pare_buf_printf(&text, "  INV g%d ( .A(n%d), .Y(n%d) );\n", i, i, i + 1);
    pare_buf_puts(&text, "endmodule\n");
    for (int i = 0; i <= N; i++) pare_buf_printf(&dump, "$var wire 1 c%d n%d $end\n", i, i);
    for (int i = 0; i <= N; i++) pare_buf_printf(&dump, "0c%d\n", i);
    for (int i = 0; i <= N; i += 2) pare_buf_printf(&dump, "1c%d\n", i);
    ck_assert_int_eq(pare_netlist_parse("dut.v", text.text, text.n, &cells, &netlist, NULL),
                     PARE_OK);
    ck_assert_uint_eq(netlist.n_nets, N + 1);
    uint64_t *const toggles = pare_xalloc(N + 1, sizeof *toggles);
    const uint64_t end = 1;
    ck_assert_int_eq(pare_vcd_toggles("d.vcd", dump.text, dump.n, &netlist, &end, 1, toggles, NULL),
                     PARE_OK);
    for (size_t i = 0; i <= N; i++) ck_assert_uint_eq(toggles[i], i % 2 == 0);
    free(toggles);
    pare_buf_free(&text);
    pare_buf_free(&dump);
    pare_netlist_free(&netlist);
    pare_cells_free(&cells);
}
END_TEST

START_TEST(wrong_files_are_refused_with_their_line)
{
    const struct {
        const char *text;
        uint32_t line;
        const char *message;
    } libraries[] = {
        {"library(x) {\n  nom_voltage : abc;\n}\n", 2, "a number expected"},
        {"library(x) {\n nom_voltage : 1;\n", 3,
         "a library with nom_voltage and cells expected, closed by a }"},
        {"}\n", 1, "a } too many"},
        {"", 1, "a library with nom_voltage and cells expected, closed by a }"},
        {"library(x) {\n cell(A) { pin(Y) { internal_power() { rise_power(t) {\n values (\"q\");",
         3, "values is not a list of numbers"},
        {"library\n", 2, "a group or an attribute expected"}};
    pare_cells cells;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        pare_err e = {0};
        ck_assert_int_eq(
            pare_liberty_parse("x.lib", libraries[i].text, strlen(libraries[i].text), &cells, &e),
            PARE_EINPUT);
        ck_assert_str_eq(e.text, libraries[i].message);
        ck_assert_uint_eq(e.line, libraries[i].line);
    }
    pare_netlist netlist;
    load(&cells, &netlist);
    pare_netlist_free(&netlist);
    const char *const netlists[] = {
        "module m;\n  XOR g (.A(b));\n", "'XOR' is no cell of the library",
        "module m;\n  INV g (.Z(b));\n", "'Z' is no pin of the library's cell",
        "module m;\nendmodule\n",        "'endmodule' comes before any cell"};
    for (size_t i = 0; i < sizeof netlists / sizeof *netlists; i += 2) {
        pare_err e = {0};
        ck_assert_int_eq(
            pare_netlist_parse("n.v", netlists[i], strlen(netlists[i]), &cells, &netlist, &e),
            PARE_EINPUT);
        ck_assert_str_eq(e.text, netlists[i + 1]);
    }
    ck_assert_int_eq(pare_netlist_parse("dut.v", NETLIST, strlen(NETLIST), &cells, &netlist, NULL),
                     PARE_OK);
    uint64_t toggles[4];
    pare_err e = {0};
    const char *const dump = "$var wire 1 ! _0_ $end\n0!\n";
    const uint64_t end = 1;
    ck_assert_int_eq(pare_vcd_toggles("d.vcd", dump, strlen(dump), &netlist, &end, 1, toggles, &e),
                     PARE_EINPUT);
    ck_assert_str_eq(e.text, "no variable for the net 'x[1]'; a VCD file of the netlist expected");
    pare_netlist_free(&netlist);
    pare_cells_free(&cells);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {
        a_library_gives_areas_capacitances_and_medians, a_netlist_and_its_toggles_add_up,
        a_large_netlist_keeps_its_names_apart, wrong_files_are_refused_with_their_line, NULL};
    const gtck_case cases[] = {{.suite = "Gates", .tests = tests}};
    return gtck_main(argc, argv, "rtl_gates", cases, sizeof cases / sizeof *cases);
}
