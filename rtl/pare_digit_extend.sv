// Gives the digits of Lanes operands their values as signed numbers of Digit + 1 bits.
//
// Law      a digit below the top one is unsigned. Of the top digit only top_bits_i bits count (the
//          bits above them are ignored); it is two's complement if signed_i, else unsigned.
//          Digit == 1: the value is the bit, and the one place where a sign bit weighs -1 is
//          beat_t's `negate`: one subtraction after the sum instead of a negation per lane.
// Latency  0: combinational.
module pare_digit_extend #(
  parameter int unsigned Lanes = 16,
  parameter int unsigned Digit = 2,
  localparam int unsigned BitsW = pare_pkg::BITS_W,
  localparam int unsigned ValueW = Digit + 1
) (
  input  logic                    top_i,
  input  logic                    signed_i,
  input  logic [BitsW-1:0]        top_bits_i,
  input  logic [Lanes*Digit-1:0]  digits_i,
  output logic [Lanes*ValueW-1:0] values_o
);

  if (Lanes < 1) begin : gen_bad_lanes
    $error("Lanes must be at least 1");
  end
  if (Digit < 1 || Digit > pare_pkg::MAX_BITS) begin : gen_bad_digit
    $error("Digit must be 1 to 16");
  end

  if (Digit == 1) begin : gen_bit
    always_comb begin
      values_o = '0;
      for (int unsigned l = 0; l < Lanes; l++) begin
        values_o[l*ValueW] = digits_i[l];
      end
    end

    logic unused;
    assign unused = &{1'b0, top_i, signed_i, top_bits_i};
  end else begin : gen_digit
    // counts[b]: bit b belongs to the digit; sign_at[b]: it is a sign bit
    logic [Digit-1:0] counts, sign_at;

    always_comb begin
      for (int unsigned b = 0; b < Digit; b++) begin
        counts[b] = !top_i || BitsW'(b) < top_bits_i;
        sign_at[b] = top_i && signed_i && BitsW'(b + 1) == top_bits_i;
      end
    end

    for (genvar l = 0; l < Lanes; l++) begin : gen_lane
      logic [Digit-1:0] digit;
      logic sign;
      assign digit = digits_i[l*Digit +: Digit];
      assign sign = |(digit & sign_at);
      assign values_o[l*ValueW +: ValueW] = {sign, (digit & counts) | ({Digit{sign}} & ~counts)};
    end
  end

endmodule
