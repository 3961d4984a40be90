// pare_fusion_unit in one mode, for all operands and signs, equals the sum of its products. All
// nine modes are proven one by one; a mode chooses constant wires and shifts only. The solver is
// given one product at a time, any one, the other activations being zero: which pins meet, and with
// which weight, sign and shift.
module fusion_value #(
  parameter int unsigned ActMode = 0,
  parameter int unsigned WeightMode = 0
) (
  input logic act_signed_i,
  input logic weight_signed_i,
  input logic [31:0] act_i,
  input logic [31:0] weight_i
);

  localparam int unsigned ActBits = 2 << ActMode;
  localparam int unsigned WeightBits = 2 << WeightMode;
  localparam int unsigned Products = (8 / ActBits) * (8 / WeightBits);

  logic [16:0] sum;

  pare_fusion_unit u_dut (
    .act_mode_i(2'(ActMode)),
    .weight_mode_i(2'(WeightMode)),
    .act_signed_i,
    .weight_signed_i,
    .act_i,
    .weight_i,
    .sum_o(sum)
  );

  (* anyconst *) logic [3:0] chosen;
  always_comb begin
    for (int unsigned p = 0; p < Products; p++)
      if (p != chosen) assume (act_i[p*ActBits +: ActBits] == '0);
  end

  logic signed [ActBits:0] act;
  logic signed [WeightBits:0] weight;
  logic signed [16:0] product, expected;
  always_comb begin
    expected = '0;
    for (int unsigned p = 0; p < Products; p++) begin
      act = {act_signed_i && act_i[(p+1)*ActBits - 1], act_i[p*ActBits +: ActBits]};
      weight = {weight_signed_i && weight_i[(p+1)*WeightBits - 1],
                weight_i[p*WeightBits +: WeightBits]};
      product = act * weight;
      expected = expected + product;
    end
    assert ($signed(sum) == expected);
  end

endmodule
