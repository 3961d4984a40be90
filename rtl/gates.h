/* gates.h: what a netlist of library cells costs: the cells' area and energies from a Liberty file,
 * the netlist as Yosys writes it, the toggles of its nets as iverilog dumps them. Private to
 * pare-cosim and its tests.
 */
#ifndef PARE_RTL_GATES_H
#define PARE_RTL_GATES_H
#include "traces/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pare_cell_pin {
    const char *name;
    bool is_output;
    double capacitance_pf;
    /* of one transition: the median entry of each internal_power table, averaged over the tables */
    double internal_pj;
    uint32_t n_tables;
} pare_cell_pin;

typedef struct pare_cell {
    const char *name;
    double area_um2, leakage_nw;
    bool is_register; /* has an ff or latch group */
    pare_cell_pin *pins;
    size_t n_pins;
} pare_cell;

typedef struct pare_cells {
    pare_arena *arena;
    pare_cell *cells;
    size_t n_cells;
    double voltage_v;
} pare_cells;

/* A Liberty file with NLDM tables: capacitances in pF, energies in pJ, leakage in
 * nW. PARE_EINPUT names the place.
 * Free with pare_cells_free. */
pare_status pare_liberty_parse(const char *name, const char *text, size_t n, pare_cells *out,
                               pare_err *e) PARE_MUST_CHECK;
void pare_cells_free(pare_cells *c); /* zeroed allowed */

/* A pin of an instance and the bit of a net on it. */
typedef struct pare_gate_pin {
    const pare_cell_pin *pin;
    size_t net;
} pare_gate_pin;

typedef struct pare_netlist {
    pare_arena *arena;
    const char **nets; /* "name" or "name[bit]" */
    size_t n_nets, n_gates, n_registers;
    double area_um2, leakage_nw;
    pare_gate_pin *pins; /* of all gates; those on constants or open are left out */
    size_t n_pins;
} pare_netlist;

/* A flat netlist of these cells as Yosys writes it (write_verilog -noattr -noexpr, splitnets). */
pare_status pare_netlist_parse(const char *name, const char *text, size_t n,
                               const pare_cells *cells, pare_netlist *out,
                               pare_err *e) PARE_MUST_CHECK;
void pare_netlist_free(pare_netlist *n); /* zeroed allowed */

/* toggles[window * n_nets + net]: changes between 0 and 1 in a VCD file, by the netlist's net
 * names. Window i ends before time ends[i], in the file's units; what comes after the last one is
 * not counted. */
pare_status pare_vcd_toggles(const char *name, const char *text, size_t n,
                             const pare_netlist *netlist, const uint64_t *ends, size_t n_windows,
                             uint64_t *toggles, pare_err *e) PARE_MUST_CHECK;

/* Energy of so many toggles: on each input pin its capacitance times V^2/2, on every pin its
 * internal energy. Wires and leakage are left out. */
double pare_netlist_energy_pj(const pare_netlist *n, const pare_cells *cells,
                              const uint64_t *toggles);

#ifdef __cplusplus
}
#endif
#endif
