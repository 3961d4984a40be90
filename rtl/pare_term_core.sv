// The arithmetic of a term-serial PE: two stages of shifters with the lanes' sum between them, and
// the accumulator. Which terms a cycle drops comes from pare_term_column.
//
// Law      each cycle with add_i adds 2^base_i * sum over the lanes with drop_i of
//          (minus_i ? -weight : weight) * 2^offset_i to the dot product that opens with first_i
// Latency  valid_o rises one cycle after the cycle with last_i; the result stays until ready_i.
//          add_i only in cycles with free_o = !valid_o || ready_i.
// Reset    clears valid_o only. All else is written before it is read.
module pare_term_core #(
  parameter int unsigned Lanes = 16,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  parameter int unsigned FirstStageBits = 2,
  localparam int unsigned WeightValueW = MaxWeightBits + 1,
  localparam int unsigned Positions = MaxActBits + 1,
  localparam int unsigned AllReach = 1 << FirstStageBits,
  localparam int unsigned Reach = AllReach < Positions ? AllReach : Positions,
  localparam int unsigned BaseW = $clog2(Positions),
  localparam int unsigned OffsetW = Reach > 1 ? $clog2(Reach) : 1
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          add_i,
  input  logic                          first_i,
  input  logic                          last_i,
  output logic                          free_o,
  input  logic [Lanes-1:0]              drop_i,
  input  logic [Lanes-1:0]              minus_i,
  input  logic [Lanes*OffsetW-1:0]      offset_i,
  input  logic [BaseW-1:0]              base_i,
  input  logic [Lanes*WeightValueW-1:0] weight_i,  // Lanes signed values

  output logic                          valid_o,
  input  logic                          ready_i,
  output logic [AccWidth-1:0]           sum_o,     // two's complement
  output logic                          overflow_o // the sum did not fit after some cycle
);

  // Without loss: a weight fits with either sign; a cycle's sum is below Lanes * 2^(all bits).
  localparam int unsigned LanesW = $clog2(Lanes);
  localparam int unsigned LaneW = MaxWeightBits + Reach;
  localparam int unsigned SumW = LaneW + LanesW;
  localparam int unsigned StepW = MaxActBits + MaxWeightBits + 1 + LanesW;

  if (Lanes < 1) begin : gen_bad_lanes
    $error("Lanes must be at least 1");
  end
  if (MaxActBits < 2 || MaxActBits > pare_pkg::MAX_BITS
      || MaxWeightBits < 2 || MaxWeightBits > pare_pkg::MAX_BITS) begin : gen_bad_bits
    $error("MaxActBits and MaxWeightBits must be 2 to 16");
  end
  if (AccWidth < StepW || AccWidth > 64) begin : gen_bad_acc_width
    $error("AccWidth must be MaxActBits + MaxWeightBits + 1 + clog2(Lanes), one step, to 64");
  end

  logic signed [WeightValueW-1:0] weight, term;
  logic signed [LaneW-1:0] shifted;
  logic signed [SumW-1:0] lane_sum;
  logic signed [StepW-1:0] all_lanes, cycle_sum;

  always_comb begin
    lane_sum = '0;
    weight = '0;
    term = '0;
    shifted = '0;
    for (int unsigned l = 0; l < Lanes; l++) begin
      weight = $signed(weight_i[l*WeightValueW +: WeightValueW]);
      term = '0;
      if (drop_i[l]) begin
        term = minus_i[l] ? -weight : weight;
      end
      shifted = LaneW'(term);
      shifted = shifted <<< offset_i[l*OffsetW +: OffsetW];
      lane_sum = lane_sum + SumW'(shifted);
    end
  end

  assign all_lanes = StepW'(lane_sum);
  assign cycle_sum = all_lanes <<< base_i;

  pare_accumulator #(
    .Width(AccWidth)
  ) u_accumulator (
    .clk_i,
    .rst_ni,
    .add_i,
    .first_i,
    .last_i,
    .addend_i(AccWidth'(cycle_sum)),
    .free_o,
    .valid_o,
    .ready_i,
    .sum_o,
    .overflow_o
  );

endmodule
