// A temporal processing element: dot products of Lanes products a step, one digit of each operand
// a cycle, precision and signedness at run time. Its parameters make it bit-parallel (both digits
// as wide as the operands), Stripes (ActDigit 1), UNPU (WeightDigit 1) or Loom (WeightDigit 1,
// ActDigit 1, 2 or 4).
//
// Operands come as digits, one beat (valid and ready) a cycle: bit-plane buffers deliver them so,
// and in an array a row shares its weight digits, a column its activation digits. For a step of
// Lanes products the source sends, for each weight digit from the top one down, every activation
// digit from the top one down; the k-th digit from the bottom is bits [k*Digit +: Digit]. Of a top
// digit only the operand's own bits count: bits above the bitlength may be anything. Lanes without
// a product get zero in either operand.
//
// Law      result = sum over the steps from dot_first_i to dot_last_i, over the lanes, of
//          activation * weight, modulo 2^AccWidth; overflow_o: it did not fit.
//          A step takes ceil(act_bits/ActDigit) * ceil(weight_bits/WeightDigit) beats. Bitlengths,
//          signedness, dot_first_i and dot_last_i are the same on all beats of a step; signedness
//          and bitlengths may change from step to step. in_valid_i stays until taken.
// Latency  out_valid_o rises one cycle after the last beat of the last step and stays until taken.
//          in_ready_o = !out_valid_o || out_ready_i, combinational in out_ready_i: with the sink
//          ready, dot products follow each other without a gap.
// Reset    forgets the step in progress and a result that waits.
module pare_pe_temporal #(
  parameter int unsigned Lanes = 16,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  localparam int unsigned BitsW = pare_pkg::BITS_W
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  // of the step
  input  logic [BitsW-1:0]             act_bits_i,     // 1 to MaxActBits
  input  logic [BitsW-1:0]             weight_bits_i,  // 1 to MaxWeightBits
  input  logic                         act_signed_i,   // two's complement, else unsigned
  input  logic                         weight_signed_i,
  input  logic                         dot_first_i,
  input  logic                         dot_last_i,

  // a beat: one digit of every operand
  input  logic                         in_valid_i,
  output logic                         in_ready_o,
  input  logic [Lanes*ActDigit-1:0]    act_i,
  input  logic [Lanes*WeightDigit-1:0] weight_i,

  output logic                         out_valid_o,
  input  logic                         out_ready_i,
  output logic [AccWidth-1:0]          sum_o,          // two's complement
  output logic                         overflow_o
);

  logic fire;
  assign fire = in_valid_i && in_ready_o;

  // ---- where the beat stands ----

  pare_pkg::beat_t beat;
  logic act_first, act_last, weight_first, weight_last;
  logic [BitsW-1:0] act_top_bits, weight_top_bits;

  pare_digit_counter #(
    .Digit(ActDigit),
    .MaxBits(MaxActBits)
  ) u_act_counter (
    .clk_i,
    .rst_ni,
    .bits_i(act_bits_i),
    .step_i(fire),
    .first_o(act_first),
    .last_o(act_last),
    .top_bits_o(act_top_bits)
  );

  pare_digit_counter #(
    .Digit(WeightDigit),
    .MaxBits(MaxWeightBits)
  ) u_weight_counter (
    .clk_i,
    .rst_ni,
    .bits_i(weight_bits_i),
    .step_i(fire && act_last),
    .first_o(weight_first),
    .last_o(weight_last),
    .top_bits_o(weight_top_bits)
  );

  always_comb begin
    beat.act_first = act_first;
    beat.act_last = act_last;
    beat.weight_first = weight_first;
    beat.weight_last = weight_last;
    beat.negate = (ActDigit == 1 && act_signed_i && act_first)
                ^ (WeightDigit == 1 && weight_signed_i && weight_first);
    beat.dot_first = dot_first_i;
    beat.dot_last = dot_last_i;
  end

  // ---- what the digits are worth ----

  logic [Lanes*(ActDigit+1)-1:0] act_values;
  logic [Lanes*(WeightDigit+1)-1:0] weight_values;

  pare_digit_extend #(
    .Lanes(Lanes),
    .Digit(ActDigit)
  ) u_act_extend (
    .top_i(act_first),
    .signed_i(act_signed_i),
    .top_bits_i(act_top_bits),
    .digits_i(act_i),
    .values_o(act_values)
  );

  pare_digit_extend #(
    .Lanes(Lanes),
    .Digit(WeightDigit)
  ) u_weight_extend (
    .top_i(weight_first),
    .signed_i(weight_signed_i),
    .top_bits_i(weight_top_bits),
    .digits_i(weight_i),
    .values_o(weight_values)
  );

  // ---- the arithmetic ----

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
    .valid_i(in_valid_i),
    .ready_o(in_ready_o),
    .beat_i(beat),
    .act_i(act_values),
    .weight_i(weight_values),
    .valid_o(out_valid_o),
    .ready_i(out_ready_i),
    .sum_o,
    .overflow_o
  );

  // ---- what the source owes ----

  `include "pare_assert.svh"
  `PARE_ASSERT(BeatStaysUntilTaken, in_valid_i && !in_ready_o |=> in_valid_i)
  `PARE_ASSERT(OperandsStayUntilTaken,
               in_valid_i && !in_ready_o |=> $stable(act_i) && $stable(weight_i))
  `PARE_ASSERT(ActBitsInRange,
               in_valid_i |-> act_bits_i >= BitsW'(1) && act_bits_i <= BitsW'(MaxActBits))
  `PARE_ASSERT(WeightBitsInRange,
               in_valid_i |-> weight_bits_i >= BitsW'(1) && weight_bits_i <= BitsW'(MaxWeightBits))

`ifndef SYNTHESIS
  // the settings of the step in progress, for the assertion below
  logic [2*BitsW+3:0] settings, settings_q;
  assign settings = {act_bits_i, weight_bits_i, act_signed_i, weight_signed_i,
                     dot_first_i, dot_last_i};
  always_ff @(posedge clk_i) begin
    if (fire) begin
      settings_q <= settings;
    end
  end
`endif
  `PARE_ASSERT(SettingsHoldThroughAStep,
               in_valid_i && !(act_first && weight_first) |-> settings == settings_q)

endmodule
