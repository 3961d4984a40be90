// Counts the digits of an operand of bits_i bits, the top digit first.
//
// Digits are aligned at bit 0: digit k (from the bottom) is bits [k*Digit +: Digit], so all digits
// are whole but the top one, which holds the top_bits_o = bits - Digit*(ceil(bits/Digit) - 1)
// uppermost bits. Shifts between digits are then always by Digit places, whatever the bitlength.
//
// Law      first_o marks the top digit, last_o the lowest one; the same digit if there is one only.
//          step_i moves to the next digit at the clock edge, from the lowest one back to the top.
//          ceil(bits/Digit) digits for bits in 1..MaxBits; never fewer than 1 nor more than
//          ceil(MaxBits/Digit) for any other value, so that nothing hangs.
// Latency  0: the outputs belong to the digit of this cycle. bits_i is held until the last digit.
module pare_digit_counter #(
  parameter int unsigned Digit = 1,
  parameter int unsigned MaxBits = 8,
  localparam int unsigned BitsW = pare_pkg::BITS_W
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [BitsW-1:0] bits_i,
  input  logic             step_i,
  output logic             first_o,
  output logic             last_o,
  output logic [BitsW-1:0] top_bits_o
);

  localparam int unsigned Digits = (MaxBits + Digit - 1) / Digit;

  if (MaxBits < 1 || MaxBits > pare_pkg::MAX_BITS) begin : gen_bad_max_bits
    $error("MaxBits must be 1 to 16");
  end
  if (Digit < 1 || Digit > MaxBits) begin : gen_bad_digit
    $error("Digit must be 1 to MaxBits");
  end

  if (Digits == 1) begin : gen_one
    assign first_o = 1'b1;
    assign last_o = 1'b1;
    assign top_bits_o = bits_i;

    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i};
  end else begin : gen_many
    localparam int unsigned IndexW = $clog2(Digits);

    logic [IndexW-1:0] index_d, index_q, last_index;

    // a comparator per possible digit instead of a division by Digit
    always_comb begin
      last_index = '0;
      top_bits_o = bits_i;
      for (int unsigned k = 1; k < Digits; k++) begin
        if (bits_i > BitsW'(k * Digit)) begin
          last_index = IndexW'(k);
          top_bits_o = bits_i - BitsW'(k * Digit);
        end
      end
    end

    assign first_o = index_q == '0;
    assign last_o = index_q == last_index;

    always_comb begin
      index_d = index_q;
      if (step_i) begin
        index_d = last_o ? '0 : index_q + IndexW'(1);
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        index_q <= '0;
      end else begin
        index_q <= index_d;
      end
    end
  end

endmodule
