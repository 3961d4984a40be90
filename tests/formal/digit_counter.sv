// pare_digit_counter, by induction: for any bitlength held through a pass it counts exactly its
// digits, the top one first, and says how many bits the top one has; a bitlength out of range gives
// no fewer digits than 1 and no more than fit.
module digit_counter #(
  parameter int unsigned Digit = 1,
  parameter int unsigned MaxBits = 8
) (
  input logic clk_i,
  input logic step_i,
  input logic [pare_pkg::BITS_W-1:0] bits_i
);

  localparam int unsigned BitsW = pare_pkg::BITS_W;
  localparam int unsigned Digits = (MaxBits + Digit - 1) / Digit;

  logic rst_n = 1'b0;
  logic [BitsW-1:0] at = '0;  // digits counted already
  logic [BitsW-1:0] bits_q, n_digits, top_bits;
  logic first, last;

  always_comb begin
    if (bits_i == 0) n_digits = 1;
    else if (bits_i > MaxBits) n_digits = Digits;
    else n_digits = (bits_i + BitsW'(Digit - 1)) / BitsW'(Digit);
    if (rst_n && at != 0) assume (bits_i == bits_q);
  end

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    bits_q <= bits_i;
    if (rst_n && step_i) at <= at + 1 == n_digits ? '0 : at + 1;
  end

  pare_digit_counter #(
    .Digit(Digit),
    .MaxBits(MaxBits)
  ) u_dut (
    .clk_i,
    .rst_ni(rst_n),
    .bits_i,
    .step_i,
    .first_o(first),
    .last_o(last),
    .top_bits_o(top_bits)
  );

  // the counter's own register: see probes in run.sh
  logic [$clog2(Digits)-1:0] index;

  always_comb begin
    if (rst_n) begin
      assert (index == at && at < n_digits);
      assert (first == (at == 0));
      assert (last == (at + 1 == n_digits));
      if (bits_i >= 1 && bits_i <= MaxBits)
        assert (top_bits == bits_i - BitsW'(Digit) * (n_digits - 1) && top_bits >= 1
                && top_bits <= Digit);
    end
  end

endmodule
