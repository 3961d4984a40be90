/* characterize.h: what the PEs cost in gates of a cell library. Private to pare-cosim. */
#ifndef PARE_RTL_CHARACTERIZE_H
#define PARE_RTL_CHARACTERIZE_H
#include "rtl/cosim.h"
#include "rtl/gates.h"

enum { PARE_CHARACTERIZE_GRID = 3 };

typedef struct pare_characterize {
    const char *liberty, *models; /* the library and the Verilog of its cells */
    const char *rtl;              /* the folder of the SystemVerilog */
    uint64_t seed;
    uint32_t dots;           /* dot products of each bits pair */
    uint32_t limit_s;        /* of one run of a tool */
    const char *folder;      /* scratch, exists */
    const pare_cells *cells; /* of liberty */
} pare_characterize;

/* One kind: its netlist, and its energies at each bits pair of a grid. */
typedef struct pare_kind_cost {
    size_t n_gates, n_registers;
    double area_um2;
    double delay_ns; /* 0: no OpenSTA here */
    struct {
        uint64_t n_cycles, n_products, n_steps;
        double glitch_pj, zero_pj; /* of all cycles: with the cells' delays, with none */
    } at[PARE_CHARACTERIZE_GRID][PARE_CHARACTERIZE_GRID];
} pare_kind_cost;

extern const uint32_t pare_characterize_bits[PARE_CHARACTERIZE_GRID];

/* Synthesise, time, simulate at all bits pairs (or 8 x 8 bits alone), check every result on the
 * way. */
pare_status pare_characterize_kind(const pare_characterize *c, const pare_dut_kind *kind,
                                   bool only_widest, pare_kind_cost *out,
                                   pare_err *e) PARE_MUST_CHECK;
/* The table of ratios: `base` costs 1. */
void pare_characterize_row(pare_buf *out, const pare_dut_kind *kind, const pare_kind_cost *cost,
                           const pare_kind_cost *base);
#endif
