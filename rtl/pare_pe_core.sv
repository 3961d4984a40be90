// The arithmetic of a temporal PE: sums Lanes digit products per beat and weighs them by Horner's
// rule, the weight digits in the outer loop, the activation digits in the inner one, top digits
// first. A shift is always by one whole digit; there is no variable shifter.
//
// Law      s      = sum over the lanes of act digit * weight digit, negated if beat.negate
//          act    = (act_first    ? 0 : act_q << ActDigit)       + s
//          weight = (weight_first ? 0 : weight_q << WeightDigit) + act     at act_last
//          and that goes to the accumulator at act_last, weight_last.
//          An operand whose digit is its whole width has no register of its own (act_q, weight_q).
// Latency  valid_o rises one cycle after the last beat of a step with dot_last; the result stays
//          until ready_i. ready_o = !valid_o || ready_i: no beat is taken while a result waits.
// Reset    clears valid_o only. All else is written before it is read.
module pare_pe_core #(
  parameter int unsigned Lanes = 16,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  localparam int unsigned ActValueW = ActDigit + 1,
  localparam int unsigned WeightValueW = WeightDigit + 1
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          valid_i,
  output logic                          ready_o,
  input  pare_pkg::beat_t               beat_i,
  input  logic [Lanes*ActValueW-1:0]    act_i,     // Lanes signed values
  input  logic [Lanes*WeightValueW-1:0] weight_i,  // Lanes signed values

  output logic                          valid_o,
  input  logic                          ready_i,
  output logic [AccWidth-1:0]           sum_o,     // two's complement
  output logic                          overflow_o
);

  // Without loss: a product of digits is below 2^(ActDigit + WeightDigit) in magnitude, a step's
  // sum below Lanes * 2^(MaxActBits + MaxWeightBits).
  localparam int unsigned ProductW = ActDigit + WeightDigit + 1;
  localparam int unsigned LanesW = $clog2(Lanes);
  localparam int unsigned SumW = ProductW + LanesW;
  localparam int unsigned ActSumW = MaxActBits + WeightDigit + 1 + LanesW;
  localparam int unsigned StepW = MaxActBits + MaxWeightBits + 1 + LanesW;

  if (Lanes < 1) begin : gen_bad_lanes
    $error("Lanes must be at least 1");
  end
  if (MaxActBits > pare_pkg::MAX_BITS || MaxWeightBits > pare_pkg::MAX_BITS) begin : gen_bad_bits
    $error("MaxActBits and MaxWeightBits must be 1 to 16");
  end
  if (ActDigit < 1 || ActDigit > MaxActBits) begin : gen_bad_act_digit
    $error("ActDigit must be 1 to MaxActBits");
  end
  if (WeightDigit < 1 || WeightDigit > MaxWeightBits) begin : gen_bad_weight_digit
    $error("WeightDigit must be 1 to MaxWeightBits");
  end
  if (AccWidth < StepW || AccWidth > 64) begin : gen_bad_acc_width
    $error("AccWidth must be MaxActBits + MaxWeightBits + 1 + clog2(Lanes), one step, to 64");
  end

  logic fire, act_done, step_done;
  assign fire = valid_i && ready_o;
  assign act_done = fire && beat_i.act_last;
  assign step_done = act_done && beat_i.weight_last;

  // ---- the lanes: multiply at the product's own width, then add ----

  logic signed [ProductW-1:0] product;
  logic signed [SumW-1:0] lane_sum, beat_sum;

  always_comb begin
    lane_sum = '0;
    product = '0;
    for (int unsigned l = 0; l < Lanes; l++) begin
      product = ProductW'($signed(act_i[l*ActValueW +: ActValueW]))
              * ProductW'($signed(weight_i[l*WeightValueW +: WeightValueW]));
      lane_sum = lane_sum + SumW'(product);
    end
  end

  assign beat_sum = beat_i.negate ? -lane_sum : lane_sum;

  // ---- Horner over the activation digits ----

  logic signed [ActSumW-1:0] act_sum;

  if (ActDigit == MaxActBits) begin : gen_act_whole
    assign act_sum = ActSumW'(beat_sum);

    logic unused;
    assign unused = &{1'b0, beat_i.act_first};
  end else begin : gen_act_digits
    logic signed [ActSumW-1:0] act_q;

    always_comb begin
      act_sum = ActSumW'(beat_sum);
      if (!beat_i.act_first) begin
        act_sum = ActSumW'(beat_sum) + (act_q <<< ActDigit);
      end
    end

    always_ff @(posedge clk_i) begin
      if (fire) begin
        act_q <= act_sum;
      end
    end
  end

  // ---- Horner over the weight digits ----

  logic signed [StepW-1:0] step_sum;

  if (WeightDigit == MaxWeightBits) begin : gen_weight_whole
    assign step_sum = StepW'(act_sum);

    logic unused;
    assign unused = &{1'b0, beat_i.weight_first};
  end else begin : gen_weight_digits
    logic signed [StepW-1:0] weight_q;

    always_comb begin
      step_sum = StepW'(act_sum);
      if (!beat_i.weight_first) begin
        step_sum = StepW'(act_sum) + (weight_q <<< WeightDigit);
      end
    end

    always_ff @(posedge clk_i) begin
      if (act_done) begin
        weight_q <= step_sum;
      end
    end
  end

  // ---- the steps of a dot product ----

  pare_accumulator #(
    .Width(AccWidth)
  ) u_accumulator (
    .clk_i,
    .rst_ni,
    .add_i(step_done),
    .first_i(beat_i.dot_first),
    .last_i(beat_i.dot_last),
    .addend_i(AccWidth'(step_sum)),
    .free_o(ready_o),
    .valid_o,
    .ready_i,
    .sum_o,
    .overflow_o
  );

endmodule
