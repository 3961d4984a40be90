// pare_pe_fusion by induction: results stay until taken, none is lost or comes twice; a step adds
// its units' sum to what the accumulator held and flags the overflow. What a unit's sum is, is
// fusion_value's to say; here it is taken from the unit itself.
module pe_fusion #(
  parameter int unsigned Units = 1,
  parameter int unsigned AccWidth = 19
) (
  input logic clk_i,
  input logic [pare_pkg::BITS_W-1:0] act_bits_i,
  input logic [pare_pkg::BITS_W-1:0] weight_bits_i,
  input logic act_signed_i,
  input logic weight_signed_i,
  input logic dot_first_i,
  input logic dot_last_i,
  input logic in_valid_i,
  input logic [Units*32-1:0] act_i,
  input logic [Units*32-1:0] weight_i,
  input logic out_ready_i
);

  logic rst_n = 1'b0;
  logic waiting = 1'b0, held = 1'b0, added = 1'b0;
  logic in_ready, fire, out_valid, overflow, overflow_q, overflow_expected;
  logic [AccWidth-1:0] sum, sum_q;
  logic signed [AccWidth:0] expected, base;

  assign fire = rst_n && in_valid_i && in_ready;

  pare_pe_fusion #(
    .Units(Units),
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

  // the units' sums: see probes in run.sh
  logic [Units*17-1:0] unit_sums;

  always_comb begin
    base = dot_first_i ? '0 : {sum[AccWidth-1], sum};
    for (int unsigned u = 0; u < Units; u++)
      base = base + {{(AccWidth - 16){unit_sums[u*17 + 16]}}, unit_sums[u*17 +: 17]};
  end

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    sum_q <= sum;
    overflow_q <= overflow;
    held <= rst_n && out_valid && !out_ready_i;
    added <= fire;
    if (rst_n && out_valid && out_ready_i) waiting <= 1'b0;
    if (fire) begin
      if (dot_last_i) waiting <= 1'b1;
      expected <= base;
      overflow_expected <= (!dot_first_i && overflow) || base[AccWidth] != base[AccWidth-1];
    end
  end

  always_comb begin
    if (rst_n) begin
      assert (out_valid == waiting);
      assert (in_ready == (!out_valid || out_ready_i));
      if (held) assert (out_valid && sum == sum_q && overflow == overflow_q);
      if (added) assert (sum == expected[AccWidth-1:0] && overflow == overflow_expected);
    end
  end

endmodule
