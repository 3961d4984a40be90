/* characterize.h: what the PEs cost in gates of a cell library. Private to pare-cosim. */
#ifndef PARE_RTL_CHARACTERIZE_H
#define PARE_RTL_CHARACTERIZE_H
#include "rtl/codes.h"
#include "rtl/cosim.h"
#include "rtl/gates.h"

/* Where operands come from, and their bits: a layer of a run, or uniform two's complement codes. */
typedef struct pare_stimulus_point {
    const pare_codes *layer; /* NULL: uniform */
    uint32_t act_bits, weight_bits;
} pare_stimulus_point;

typedef struct pare_characterize {
    const char *liberty, *models; /* the library and the Verilog of its cells */
    const char *rtl;              /* the folder of the SystemVerilog */
    uint64_t seed;
    uint32_t dots;           /* dot products of each point */
    uint32_t limit_s;        /* of one run of a tool */
    const char *folder;      /* scratch, exists */
    const pare_cells *cells; /* of liberty */
    const pare_stimulus_point *points;
    size_t n_points;
} pare_characterize;

typedef struct pare_point_cost {
    uint64_t n_cycles, n_products, n_steps, n_dots;
    double glitch_pj, zero_pj; /* of all cycles: with the cells' delays, with none */
} pare_point_cost;

/* One kind: its netlist, and its energies at each point. */
typedef struct pare_kind_cost {
    size_t n_gates, n_registers;
    double area_um2, leakage_nw;
    double delay_ns;     /* 0: no OpenSTA here */
    pare_point_cost *at; /* n_points, the caller's */
} pare_kind_cost;

/* Synthesise, time, simulate at the first n_points points, check every result on the way. */
pare_status pare_characterize_kind(const pare_characterize *c, const pare_dut_kind *kind,
                                   size_t n_points, pare_kind_cost *out,
                                   pare_err *e) PARE_MUST_CHECK;
/* The table of ratios, from point `first` on: `base` costs 1 at point 0. */
void pare_characterize_row(pare_buf *out, const pare_characterize *c, const pare_dut_kind *kind,
                           const pare_kind_cost *cost, const pare_kind_cost *base, size_t first);
#endif
