// pare_digit_extend, for all inputs: the value of a digit as a signed number.
module digit_extend #(
  parameter int unsigned Lanes = 2,
  parameter int unsigned Digit = 3
) (
  input logic top_i,
  input logic signed_i,
  input logic [pare_pkg::BITS_W-1:0] top_bits_i,
  input logic [Lanes*Digit-1:0] digits_i
);

  logic [Lanes*(Digit+1)-1:0] values;

  pare_digit_extend #(
    .Lanes(Lanes),
    .Digit(Digit)
  ) u_dut (
    .top_i,
    .signed_i,
    .top_bits_i,
    .digits_i,
    .values_o(values)
  );

  logic [Digit-1:0] digit;
  logic signed [Digit+1:0] value, low;
  always_comb begin
    assume (top_bits_i >= 1 && top_bits_i <= Digit);
    for (int unsigned l = 0; l < Lanes; l++) begin
      digit = digits_i[l*Digit +: Digit];
      low = $signed({2'b00, digit}) & ((1 << top_bits_i) - 1);
      value = $signed({2'b00, digit});
      if (top_i) value = signed_i && digit[top_bits_i - 1] ? low - (1 << top_bits_i) : low;
      // a one-bit digit stands for itself, its sign is beat_t's negate
      if (Digit == 1) value = digit;
      assert ($signed(values[l*(Digit+1) +: Digit+1]) == value);
    end
  end

endmodule
