// The handshakes of pare_pe_temporal, by induction: a result stays until taken, none is lost, none
// comes twice, none comes that no step closed; both digit counters are where the beats taken say.
module pe_temporal_handshake #(
  parameter int unsigned Lanes = 2,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 20
) (
  input logic clk_i,
  input logic [pare_pkg::BITS_W-1:0] act_bits_i,
  input logic [pare_pkg::BITS_W-1:0] weight_bits_i,
  input logic act_signed_i,
  input logic weight_signed_i,
  input logic dot_first_i,
  input logic dot_last_i,
  input logic in_valid_i,
  input logic [Lanes*ActDigit-1:0] act_i,
  input logic [Lanes*WeightDigit-1:0] weight_i,
  input logic out_ready_i
);

  localparam int unsigned BitsW = pare_pkg::BITS_W;
  localparam int unsigned ActDigits = (MaxActBits + ActDigit - 1) / ActDigit;
  localparam int unsigned WeightDigits = (MaxWeightBits + WeightDigit - 1) / WeightDigit;
  localparam int unsigned ActIndexW = ActDigits > 1 ? $clog2(ActDigits) : 1;
  localparam int unsigned WeightIndexW = WeightDigits > 1 ? $clog2(WeightDigits) : 1;

  logic rst_n = 1'b0;
  logic [BitsW-1:0] act_at = '0, weight_at = '0;  // digits taken in the step, from the top
  logic [BitsW-1:0] act_n, weight_n;
  logic [2*BitsW+3:0] settings, settings_q;
  logic waiting = 1'b0, held = 1'b0;
  logic in_ready, fire, out_valid, overflow, overflow_q;
  logic [AccWidth-1:0] sum, sum_q;

  assign act_n = (act_bits_i + BitsW'(ActDigit - 1)) / BitsW'(ActDigit);
  assign weight_n = (weight_bits_i + BitsW'(WeightDigit - 1)) / BitsW'(WeightDigit);
  assign settings = {act_bits_i, weight_bits_i, act_signed_i, weight_signed_i,
                     dot_first_i, dot_last_i};
  assign fire = rst_n && in_valid_i && in_ready;

  // what the source owes: settings in range, the same through a step
  always_comb begin
    assume (act_bits_i >= 1 && act_bits_i <= MaxActBits);
    assume (weight_bits_i >= 1 && weight_bits_i <= MaxWeightBits);
    if (act_at != 0 || weight_at != 0) assume (settings == settings_q);
  end

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    settings_q <= settings;
    sum_q <= sum;
    overflow_q <= overflow;
    held <= rst_n && out_valid && !out_ready_i;
    if (rst_n && out_valid && out_ready_i) waiting <= 1'b0;
    if (fire) begin
      act_at <= act_at + 1;
      if (act_at + 1 == act_n) begin
        act_at <= '0;
        weight_at <= weight_at + 1;
        if (weight_at + 1 == weight_n) begin
          weight_at <= '0;
          if (dot_last_i) waiting <= 1'b1;
        end
      end
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
    .act_bits_i,
    .weight_bits_i,
    .act_signed_i,
    .weight_signed_i,
    .dot_first_i,
    .dot_last_i,
    .in_valid_i(in_valid_i && rst_n),
    .in_ready_o(in_ready),
    .act_i,
    .weight_i,
    .out_valid_o(out_valid),
    .out_ready_i,
    .sum_o(sum),
    .overflow_o(overflow)
  );

  // the counters' own registers: see probes in run.sh
  logic [ActIndexW-1:0] act_index;
  logic [WeightIndexW-1:0] weight_index;

  always_comb begin
    if (rst_n) begin
      assert (act_at < act_n && weight_at < weight_n);
      if (ActDigits > 1) assert (act_index == act_at);
      if (WeightDigits > 1) assert (weight_index == weight_at);
      // one result for each dot product closed, no other
      assert (out_valid == waiting);
      assert (in_ready == (!out_valid || out_ready_i));
      if (held) assert (out_valid && sum == sum_q && overflow == overflow_q);
    end
  end

endmodule
