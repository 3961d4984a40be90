// A PE in its place in the array: the arithmetic, the register through which captured sums move
// down, and the registers that pass operands on in a skewed array.
//
// Law      drain_o after capture_i: the sum; after shift_i: what above_i held.
//          with Skew fire_o, beat_o, act_o, weight_o are the inputs of the cycle before, else those
//          of this one.
// Latency  the sum can be captured from one cycle after a fold's last beat on.
module pare_array_pe #(
  parameter int unsigned Lanes = 8,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  parameter int unsigned Skew = 0,
  localparam int unsigned ActW = Lanes * (ActDigit + 1),
  localparam int unsigned WeightW = Lanes * (WeightDigit + 1)
) (
  input  logic                clk_i,
  input  logic                rst_ni,

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
