// One whole step of pare_pe_temporal, for all codes, bitlengths, signs and (few) stalls, must add
// the integer dot product to what the accumulator held. Registers without reset start anywhere,
// so the sum before the step is any number; a PE that is right for one such step is right for any
// number of them. Bits of the codes above the bitlength are free.
module pe_temporal_value #(
  parameter int unsigned Lanes = 2,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 3,
  parameter int unsigned MaxWeightBits = 3,
  parameter int unsigned AccWidth = 9
) (
  input logic clk_i,
  input logic in_valid_i,
  input logic out_ready_i
);

  localparam int unsigned BitsW = pare_pkg::BITS_W;
  localparam int unsigned ActDigits = (MaxActBits + ActDigit - 1) / ActDigit;
  localparam int unsigned WeightDigits = (MaxWeightBits + WeightDigit - 1) / WeightDigit;
  localparam int unsigned ActPinsW = ActDigits * ActDigit;           // of a lane, all digits
  localparam int unsigned WeightPinsW = WeightDigits * WeightDigit;
  localparam int unsigned ProductW = MaxActBits + MaxWeightBits + 2;
  localparam int unsigned DotW = ProductW + $clog2(Lanes);

  // one value for the whole trace, any value
  (* anyconst *) logic [Lanes*ActPinsW-1:0] act;
  (* anyconst *) logic [Lanes*WeightPinsW-1:0] weight;
  (* anyconst *) logic [BitsW-1:0] act_bits, weight_bits;
  (* anyconst *) logic act_signed, weight_signed, dot_first, dot_last;

  always_comb begin
    assume (act_bits >= 1 && act_bits <= MaxActBits);
    assume (weight_bits >= 1 && weight_bits <= MaxWeightBits);
  end

  // ---- reset in cycle 0, then the beats, top digits first ----

  logic rst_n = 1'b0;
  logic done = 1'b0, done_q = 1'b0;
  logic [BitsW-1:0] act_at = '0, weight_at = '0;  // digits sent already, from the top
  logic [BitsW-1:0] act_n, weight_n;
  logic in_valid, in_ready, fire, out_valid, overflow;
  logic [AccWidth-1:0] sum, sum_before;
  logic overflow_before;

  assign act_n = (act_bits + BitsW'(ActDigit - 1)) / BitsW'(ActDigit);
  assign weight_n = (weight_bits + BitsW'(WeightDigit - 1)) / BitsW'(WeightDigit);
  assign in_valid = in_valid_i && rst_n && !done;
  assign fire = in_valid && in_ready;

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    done_q <= done;
    if (!rst_n) begin
      sum_before <= sum;
      overflow_before <= overflow;
    end
    if (fire) begin
      act_at <= act_at + 1;
      if (act_at + 1 == act_n) begin
        act_at <= '0;
        weight_at <= weight_at + 1;
        done <= weight_at + 1 == weight_n;
      end
    end
  end

  logic [Lanes*ActDigit-1:0] act_pins;
  logic [Lanes*WeightDigit-1:0] weight_pins;
  always_comb begin
    for (int unsigned l = 0; l < Lanes; l++) begin
      act_pins[l*ActDigit +: ActDigit] =
          ActDigit'(act[l*ActPinsW +: ActPinsW] >> ((act_n - 1 - act_at) * ActDigit));
      weight_pins[l*WeightDigit +: WeightDigit] =
          WeightDigit'(weight[l*WeightPinsW +: WeightPinsW]
                       >> ((weight_n - 1 - weight_at) * WeightDigit));
    end
  end

  pare_pe_temporal #(
    .Lanes(Lanes),
    .ActDigit(ActDigit),
    .WeightDigit(WeightDigit),
    .MaxActBits(MaxActBits),
    .MaxWeightBits(MaxWeightBits),
    .AccWidth(AccWidth)
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
    .act_i(act_pins),
    .weight_i(weight_pins),
    .out_valid_o(out_valid),
    .out_ready_i,
    .sum_o(sum),
    .overflow_o(overflow)
  );

  // ---- the integer dot product ----

  logic signed [MaxActBits:0] a;
  logic signed [MaxWeightBits:0] w;
  logic signed [ProductW-1:0] product;
  logic signed [DotW-1:0] dot;
  always_comb begin
    dot = '0;
    for (int unsigned l = 0; l < Lanes; l++) begin
      a = '0;
      for (int unsigned b = 0; b < MaxActBits; b++) begin
        if (b < act_bits) a[b] = act[l*ActPinsW + b];
        else a[b] = act_signed && act[l*ActPinsW + act_bits - 1];
      end
      a[MaxActBits] = act_signed && act[l*ActPinsW + act_bits - 1];
      w = '0;
      for (int unsigned b = 0; b < MaxWeightBits; b++) begin
        if (b < weight_bits) w[b] = weight[l*WeightPinsW + b];
        else w[b] = weight_signed && weight[l*WeightPinsW + weight_bits - 1];
      end
      w[MaxWeightBits] = weight_signed && weight[l*WeightPinsW + weight_bits - 1];
      product = a * w;
      dot = dot + product;
    end
  end

  logic signed [AccWidth-1:0] base;
  logic signed [AccWidth:0] total;
  assign base = dot_first ? '0 : sum_before;
  assign total = base + dot;

  always_comb begin
    if (rst_n && !done) assert (!out_valid);
    if (done && !done_q) begin
      assert (out_valid == dot_last);
      assert (sum == total[AccWidth-1:0]);
      assert (overflow
              == ((!dot_first && overflow_before) || total[AccWidth] != total[AccWidth-1]));
    end
  end

endmodule
