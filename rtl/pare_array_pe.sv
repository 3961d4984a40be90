// A PE in its place in the array: the arithmetic, the register through which captured sums move
// down, and the registers that pass operands on in a skewed array. PeKind chooses the PE: the
// arithmetic of the temporal one, whose digits get their values at the array's edges; the whole
// fusion PE of Lanes units; or the arithmetic of the term-serial one, whose act_i says which terms
// a cycle drops, {base, offsets, minus, drop} as pare_term_column gives them.
//
// Law      drain_o after capture_i: the sum; after shift_i: what above_i held.
//          with Skew fire_o, beat_o, act_o, weight_o are the inputs of the cycle before, else those
//          of this one.
// Latency  the sum can be captured from one cycle after a fold's last beat on.
module pare_array_pe #(
  parameter int unsigned PeKind = pare_accel_pkg::PE_TEMPORAL,
  parameter int unsigned Lanes = 8,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  parameter int unsigned Skew = 0,
  parameter int unsigned FirstStageBits = 2,
  localparam int unsigned BitsW = pare_pkg::BITS_W,
  localparam bit IsFusion = PeKind == pare_accel_pkg::PE_FUSION,
  localparam bit IsTerm = PeKind == pare_accel_pkg::PE_TERM,
  localparam int unsigned Positions = MaxActBits + 1,
  localparam int unsigned Reach = 1 << FirstStageBits < Positions ? 1 << FirstStageBits : Positions,
  localparam int unsigned OffsetW = Reach > 1 ? $clog2(Reach) : 1,
  localparam int unsigned BaseW = $clog2(Positions),
  localparam int unsigned ActW = IsTerm ? Lanes * (2 + OffsetW) + BaseW
                               : Lanes * (IsFusion ? 32 : ActDigit + 1),
  localparam int unsigned WeightW = Lanes * (IsFusion ? 32 : WeightDigit + 1)
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  // of the layer; for the PEs whose operands come whole
  input  logic [BitsW-1:0]    act_bits_i,
  input  logic [BitsW-1:0]    weight_bits_i,
  input  logic                act_signed_i,
  input  logic                weight_signed_i,

  input  logic                fire_i,
  input  pare_pkg::beat_t     beat_i,
  input  logic [ActW-1:0]     act_i,
  input  logic [WeightW-1:0]  weight_i,
  output logic                fire_o,
  output pare_pkg::beat_t     beat_o,
  output logic [ActW-1:0]     act_o,
  output logic [WeightW-1:0]  weight_o,

  input  logic                capture_i,
  input  logic                shift_i,
  input  logic [AccWidth-1:0] above_i,
  output logic [AccWidth-1:0] drain_o,
  output logic                ready_o,  // for the array's assertions
  output logic                valid_o
);

  logic overflow;
  logic [AccWidth-1:0] sum, drain_q;

  if (IsFusion) begin : gen_fusion
    pare_pe_fusion #(
      .Units(Lanes),
      .AccWidth(AccWidth)
    ) u_pe (
      .clk_i,
      .rst_ni,
      .act_bits_i,
      .weight_bits_i,
      .act_signed_i,
      .weight_signed_i,
      .dot_first_i(beat_i.dot_first),
      .dot_last_i(beat_i.dot_last),
      .in_valid_i(fire_i),
      .in_ready_o(ready_o),
      .act_i,
      .weight_i,
      .out_valid_o(valid_o),
      .out_ready_i(capture_i),
      .sum_o(sum),
      .overflow_o(overflow)
    );

    logic unused_beat;
    assign unused_beat = &{1'b0, beat_i};
  end else if (IsTerm) begin : gen_term
    pare_term_core #(
      .Lanes(Lanes),
      .MaxActBits(MaxActBits),
      .MaxWeightBits(MaxWeightBits),
      .AccWidth(AccWidth),
      .FirstStageBits(FirstStageBits)
    ) u_core (
      .clk_i,
      .rst_ni,
      .add_i(fire_i),
      .first_i(beat_i.dot_first),
      .last_i(beat_i.dot_last),
      .free_o(ready_o),
      .drop_i(act_i[0 +: Lanes]),
      .minus_i(act_i[Lanes +: Lanes]),
      .offset_i(act_i[2*Lanes +: Lanes*OffsetW]),
      .base_i(act_i[ActW-1 -: BaseW]),
      .weight_i,
      .valid_o,
      .ready_i(capture_i),
      .sum_o(sum),
      .overflow_o(overflow)
    );

    logic unused_beat;
    assign unused_beat = &{1'b0, beat_i, act_bits_i, weight_bits_i, act_signed_i, weight_signed_i};
  end else begin : gen_temporal
    pare_pe_core #(
      .Lanes(Lanes),
      .ActDigit(ActDigit),
      .WeightDigit(WeightDigit),
      .MaxActBits(MaxActBits),
      .MaxWeightBits(MaxWeightBits),
      .AccWidth(AccWidth)
    ) u_core (
      .clk_i,
      .rst_ni,
      .valid_i(fire_i),
      .ready_o,
      .beat_i,
      .act_i,
      .weight_i,
      .valid_o,
      .ready_i(capture_i),
      .sum_o(sum),
      .overflow_o(overflow)
    );

    logic unused_layer;
    assign unused_layer = &{1'b0, act_bits_i, weight_bits_i, act_signed_i, weight_signed_i};
  end

  always_ff @(posedge clk_i) begin
    if (capture_i) begin
      drain_q <= sum;
    end else if (shift_i) begin
      drain_q <= above_i;
    end
  end

  assign drain_o = drain_q;

  if (Skew != 0) begin : gen_pass
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        fire_o <= 1'b0;
      end else begin
        fire_o <= fire_i;
      end
    end

    always_ff @(posedge clk_i) begin
      beat_o <= beat_i;
      act_o <= act_i;
      weight_o <= weight_i;
    end
  end else begin : gen_share
    assign fire_o = fire_i;
    assign beat_o = beat_i;
    assign act_o = act_i;
    assign weight_o = weight_i;
  end

  logic unused;
  assign unused = overflow;

endmodule
