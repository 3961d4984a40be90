// One whole step of pare_pe_term, for all codes, bitlengths and signs: it adds the
// integer dot product to what the accumulator held, is ready in its last cycle only, closes the dot
// product once, and the result stays. Registers without reset start anywhere; a PE that is right
// for one such step is right for any number of them.
module pe_term #(
  parameter int unsigned Lanes = 2,
  parameter int unsigned MaxActBits = 3,
  parameter int unsigned MaxWeightBits = 2,
  parameter int unsigned AccWidth = 7,
  parameter int unsigned Recoding = 2,
  parameter int unsigned FirstStageBits = 1
) (
  input logic clk_i,
  input logic in_valid_i,
  input logic out_ready_i
);

  localparam int unsigned BitsW = pare_pkg::BITS_W;
  localparam int unsigned DotW = MaxActBits + MaxWeightBits + 2 + $clog2(Lanes);

  // one value for the whole trace, any value
  (* anyconst *) logic [Lanes*MaxActBits-1:0] act;
  (* anyconst *) logic [Lanes*MaxWeightBits-1:0] weight;
  (* anyconst *) logic [BitsW-1:0] act_bits, weight_bits;
  (* anyconst *) logic act_signed, weight_signed, dot_first, dot_last;

  always_comb begin
    assume (act_bits >= 1 && act_bits <= MaxActBits);
    assume (weight_bits >= 1 && weight_bits <= MaxWeightBits);
  end

  logic rst_n = 1'b0;
  logic begun = 1'b0, done = 1'b0, done_q = 1'b0, taken = 1'b0;
  logic [3:0] cycles = '0;
  logic in_valid, in_ready, out_valid, overflow;
  logic [AccWidth-1:0] sum, sum_before;

  // a step that is offered stays
  assign in_valid = (in_valid_i || begun) && rst_n && !done;

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    done_q <= done;
    if (!rst_n) sum_before <= sum;
    if (in_valid) begin
      begun <= 1'b1;
      cycles <= cycles + 1;
      if (in_ready) done <= 1'b1;
    end
    if (out_valid && out_ready_i) taken <= 1'b1;
  end

  pare_pe_term #(
    .Lanes(Lanes),
    .MaxActBits(MaxActBits),
    .MaxWeightBits(MaxWeightBits),
    .AccWidth(AccWidth),
    .Recoding(Recoding),
    .FirstStageBits(FirstStageBits)
  ) u_dut (
    .clk_i,
    .rst_ni(rst_n),
    .act_bits_i(act_bits),
    .weight_bits_i(weight_bits),
    .act_signed_i(act_signed),
    .weight_signed_i(weight_signed),
    .dot_first_i(dot_first),
    .dot_last_i(dot_last),
    .in_valid_i(in_valid),
    .in_ready_o(in_ready),
    .act_i(act),
    .weight_i(weight),
    .out_valid_o(out_valid),
    .out_ready_i,
    .sum_o(sum),
    .overflow_o(overflow)
  );

  logic signed [MaxActBits:0] a;
  logic signed [MaxWeightBits:0] w;
  logic signed [DotW-1:0] product, dot;
  always_comb begin
    dot = '0;
    for (int unsigned l = 0; l < Lanes; l++) begin
      a = '0;
      for (int unsigned b = 0; b <= MaxActBits; b++)
        a[b] = b < act_bits ? act[l*MaxActBits + b]
                            : act_signed && act[l*MaxActBits + act_bits - 1];
      w = '0;
      for (int unsigned b = 0; b <= MaxWeightBits; b++)
        w[b] = b < weight_bits ? weight[l*MaxWeightBits + b]
                               : weight_signed && weight[l*MaxWeightBits + weight_bits - 1];
      product = a * w;
      dot = dot + product;
    end
  end

  logic signed [AccWidth-1:0] total;
  assign total = (dot_first ? '0 : sum_before) + dot;

  always_comb begin
    if (rst_n && !done) begin
      assert (!out_valid);
      // two lanes never need more cycles than there are bits, so none is left out by the depth
      assert (cycles < MaxActBits);
    end
    if (done) begin
      assert (sum == total);
      assert (out_valid == (dot_last && !taken));
      if (dot_first) assert (!overflow);
    end
  end

endmodule
