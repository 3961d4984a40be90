// A term-serial processing element (Bit-Pragmatic): dot products of Lanes products a step, the
// weights in parallel, the activations as the terms (signed powers of two) of their magnitudes, at
// most one term a lane and cycle. A first stage shifts each lane's weight by up to 2^FirstStageBits
// - 1 places, a second one the sum of all lanes; what the first stage does not reach waits.
//
// Operands come whole, lane l at [l*Max...Bits +: Max...Bits]; bits above the bitlength may be
// anything. pare_term_column stands at the PE's edge: in an array a column shares it.
//
// Law      result = sum over the steps from dot_first_i to dot_last_i, over the lanes, of
//          activation * weight, modulo 2^AccWidth; overflow_o: the sum did not fit after some
//          cycle of it.
//          A step takes as many cycles as pare_term_schedule needs for its terms, at least 1. Its
//          first is the first one in which it is offered and no result waits; in_ready_o stands in
//          its last one, and the operands stay until then.
// Latency  out_valid_o rises one cycle after the last cycle of the last step and stays until taken.
//          in_ready_o depends combinationally on out_ready_i and on act_i, which the source holds.
// Reset    forgets the step in progress and a result that waits.
module pare_pe_term #(
  parameter int unsigned Lanes = 16,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  parameter int unsigned Recoding = 2,        // pare_term_recode
  parameter int unsigned FirstStageBits = 2,
  localparam int unsigned BitsW = pare_pkg::BITS_W
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,

  // of the step
  input  logic [BitsW-1:0]               act_bits_i,     // 1 to MaxActBits
  input  logic [BitsW-1:0]               weight_bits_i,  // 1 to MaxWeightBits
  input  logic                           act_signed_i,   // two's complement, else unsigned
  input  logic                           weight_signed_i,
  input  logic                           dot_first_i,
  input  logic                           dot_last_i,

  input  logic                           in_valid_i,
  output logic                           in_ready_o,
  input  logic [Lanes*MaxActBits-1:0]    act_i,
  input  logic [Lanes*MaxWeightBits-1:0] weight_i,

  output logic                           out_valid_o,
  input  logic                           out_ready_i,
  output logic [AccWidth-1:0]            sum_o,          // two's complement
  output logic                           overflow_o
);

  localparam int unsigned ActValueW = MaxActBits + 1;
  localparam int unsigned WeightValueW = MaxWeightBits + 1;
  localparam int unsigned Positions = MaxActBits + 1;
  localparam int unsigned AllReach = 1 << FirstStageBits;
  localparam int unsigned Reach = AllReach < Positions ? AllReach : Positions;
  localparam int unsigned BaseW = $clog2(Positions);
  localparam int unsigned OffsetW = Reach > 1 ? $clog2(Reach) : 1;

  logic free, go, busy_d, busy_q, last;
  assign go = in_valid_i && free;
  assign in_ready_o = free && last;

  // ---- the operands' values ----

  logic [Lanes*ActValueW-1:0] act_values;
  logic [Lanes*WeightValueW-1:0] weight_values;

  pare_digit_extend #(
    .Lanes(Lanes),
    .Digit(MaxActBits)
  ) u_act_extend (
    .top_i(1'b1),
    .signed_i(act_signed_i),
    .top_bits_i(act_bits_i),
    .digits_i(act_i),
    .values_o(act_values)
  );

  pare_digit_extend #(
    .Lanes(Lanes),
    .Digit(MaxWeightBits)
  ) u_weight_extend (
    .top_i(1'b1),
    .signed_i(weight_signed_i),
    .top_bits_i(weight_bits_i),
    .digits_i(weight_i),
    .values_o(weight_values)
  );

  // ---- the activations' terms ----

  logic [Lanes-1:0] drop, minus;
  logic [Lanes*OffsetW-1:0] offsets;
  logic [BaseW-1:0] base;

  pare_term_column #(
    .Lanes(Lanes),
    .MaxActBits(MaxActBits),
    .Recoding(Recoding),
    .FirstStageBits(FirstStageBits)
  ) u_column (
    .clk_i,
    .go_i(go),
    .first_i(!busy_q),
    .values_i(act_values),
    .drop_o(drop),
    .minus_o(minus),
    .offset_o(offsets),
    .base_o(base),
    .last_o(last)
  );

  assign busy_d = go ? !last : busy_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else begin
      busy_q <= busy_d;
    end
  end

  pare_term_core #(
    .Lanes(Lanes),
    .MaxActBits(MaxActBits),
    .MaxWeightBits(MaxWeightBits),
    .AccWidth(AccWidth),
    .FirstStageBits(FirstStageBits)
  ) u_core (
    .clk_i,
    .rst_ni,
    .add_i(go),
    .first_i(dot_first_i && !busy_q),
    .last_i(dot_last_i && last),
    .free_o(free),
    .drop_i(drop),
    .minus_i(minus),
    .offset_i(offsets),
    .base_i(base),
    .weight_i(weight_values),
    .valid_o(out_valid_o),
    .ready_i(out_ready_i),
    .sum_o,
    .overflow_o
  );

  // ---- what the source owes ----

  `include "pare_assert.svh"
  `PARE_ASSERT(StepStaysUntilTaken, in_valid_i && !in_ready_o |=> in_valid_i)
  `PARE_ASSERT(OperandsStayUntilTaken,
               in_valid_i && !in_ready_o |=> $stable(act_i) && $stable(weight_i))
  `PARE_ASSERT(SettingsStayUntilTaken,
               in_valid_i && !in_ready_o |=> $stable({act_bits_i, weight_bits_i, act_signed_i,
                                                      weight_signed_i, dot_first_i, dot_last_i}))
  `PARE_ASSERT(ActBitsInRange,
               in_valid_i |-> act_bits_i >= BitsW'(1) && act_bits_i <= BitsW'(MaxActBits))
  `PARE_ASSERT(WeightBitsInRange,
               in_valid_i |-> weight_bits_i >= BitsW'(1) && weight_bits_i <= BitsW'(MaxWeightBits))

endmodule
