// A spatial processing element of Units fusion units (Bit Fusion): one step a cycle, of as many
// products as the precision allows, Units * (8/a) * (8/w) where a and w are the bitlengths rounded
// up to 2, 4 or 8. Precision and signedness at run time.
//
// Operands come whole, extended to a and w bits (by sign or zero): product p of unit u is bits
// [32*u + p*a +: a] and [32*u + p*w +: w]. Input bits above a unit's last operand may be anything.
//
// Law      result = sum over the steps from dot_first_i to dot_last_i, over the products, of
//          activation * weight, modulo 2^AccWidth; overflow_o: it did not fit.
//          A step is a beat; every setting may change from beat to beat. in_valid_i stays until
//          taken.
// Latency  out_valid_o rises one cycle after the last beat and stays until taken.
//          in_ready_o = !out_valid_o || out_ready_i, combinational in out_ready_i: with the sink
//          ready, dot products follow each other without a gap.
// Reset    forgets a result that waits.
module pare_pe_fusion #(
  parameter int unsigned Units = 4,
  parameter int unsigned AccWidth = 32,
  localparam int unsigned BitsW = pare_pkg::BITS_W
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  // of the step
  input  logic [BitsW-1:0]    act_bits_i,     // 1 to 8
  input  logic [BitsW-1:0]    weight_bits_i,  // 1 to 8
  input  logic                act_signed_i,   // two's complement, else unsigned
  input  logic                weight_signed_i,
  input  logic                dot_first_i,
  input  logic                dot_last_i,

  input  logic                in_valid_i,
  output logic                in_ready_o,
  input  logic [Units*32-1:0] act_i,
  input  logic [Units*32-1:0] weight_i,

  output logic                out_valid_o,
  input  logic                out_ready_i,
  output logic [AccWidth-1:0] sum_o,          // two's complement
  output logic                overflow_o
);

  localparam int unsigned UnitW = 17;
  localparam int unsigned StepW = UnitW + $clog2(Units);

  if (Units < 1) begin : gen_bad_units
    $error("Units must be at least 1");
  end
  if (AccWidth < StepW || AccWidth > 64) begin : gen_bad_acc_width
    $error("AccWidth must be 17 + clog2(Units), one step, to 64");
  end

  logic [1:0] act_mode, weight_mode;
  assign act_mode = act_bits_i > BitsW'(4) ? 2'd2 : act_bits_i > BitsW'(2) ? 2'd1 : 2'd0;
  assign weight_mode = weight_bits_i > BitsW'(4) ? 2'd2 : weight_bits_i > BitsW'(2) ? 2'd1 : 2'd0;

  logic [Units*UnitW-1:0] unit_sums;
  logic signed [StepW-1:0] step_sum;

  for (genvar u = 0; u < Units; u++) begin : gen_unit
    pare_fusion_unit u_unit (
      .act_mode_i(act_mode),
      .weight_mode_i(weight_mode),
      .act_signed_i,
      .weight_signed_i,
      .act_i(act_i[u*32 +: 32]),
      .weight_i(weight_i[u*32 +: 32]),
      .sum_o(unit_sums[u*UnitW +: UnitW])
    );
  end

  always_comb begin
    step_sum = '0;
    for (int unsigned u = 0; u < Units; u++) begin
      step_sum = step_sum + StepW'($signed(unit_sums[u*UnitW +: UnitW]));
    end
  end

  pare_accumulator #(
    .Width(AccWidth)
  ) u_accumulator (
    .clk_i,
    .rst_ni,
    .add_i(in_valid_i && in_ready_o),
    .first_i(dot_first_i),
    .last_i(dot_last_i),
    .addend_i(AccWidth'(step_sum)),
    .free_o(in_ready_o),
    .valid_o(out_valid_o),
    .ready_i(out_ready_i),
    .sum_o,
    .overflow_o
  );

`ifndef PARE_IN_ARRAY
  // ---- what the source owes ----

  `include "pare_assert.svh"
  `PARE_ASSERT(BeatStaysUntilTaken, in_valid_i && !in_ready_o |=> in_valid_i)
  `PARE_ASSERT(OperandsStayUntilTaken,
               in_valid_i && !in_ready_o |=> $stable(act_i) && $stable(weight_i))
  `PARE_ASSERT(ActBitsInRange,
               in_valid_i |-> act_bits_i >= BitsW'(1) && act_bits_i <= BitsW'(8))
  `PARE_ASSERT(WeightBitsInRange,
               in_valid_i |-> weight_bits_i >= BitsW'(1) && weight_bits_i <= BitsW'(8))
`endif

endmodule
