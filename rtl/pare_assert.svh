// Assertions by macro: gone in synthesis. A failing one ends the simulation with its name.
`ifndef PARE_ASSERT_SVH
`define PARE_ASSERT_SVH

`ifndef SYNTHESIS
  // SYNCASYNCNET: disable iff reads the asynchronous reset synchronously, which is its meaning.
  `define PARE_ASSERT(name, prop) \
    /* verilator lint_off SYNCASYNCNET */ \
    name: assert property (@(posedge clk_i) disable iff (!rst_ni) (prop)); \
    /* verilator lint_on SYNCASYNCNET */
`else
  `define PARE_ASSERT(name, prop)
`endif

`endif
