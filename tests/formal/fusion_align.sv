// pare_fusion_align: of any operand of any unit, at any bitlength and sign, the pins hold its value.
module fusion_align #(
  parameter int unsigned Units = 2
) (
  input logic [pare_pkg::BITS_W-1:0] bits_i,
  input logic                        signed_i,
  input logic [32*Units-1:0]         planes_i,
  input logic [3:0]                  operand_i
);

  logic [32*Units-1:0] operands;

  pare_fusion_align #(
    .Units(Units)
  ) u_dut (
    .bits_i,
    .signed_i,
    .planes_i,
    .operands_o(operands)
  );

  logic [5:0] places;  // of an operand on the pins
  assign places = bits_i > 4 ? 6'd8 : bits_i > 2 ? 6'd4 : 6'd2;

  // what the planes say, what the pins say, as numbers of 16 bits
  logic [15:0] wanted, given;
  logic [31:0] dense, pins;

  always_comb begin
    assume (bits_i >= 1 && bits_i <= 8 && operand_i < 32 / places);
    for (int unsigned u = 0; u < Units; u++) begin
      for (int unsigned p = 0; p < 32; p++) dense[p] = planes_i[p*Units + u];
      pins = operands[32*u +: 32] >> (operand_i * places);
      dense = dense >> (operand_i * bits_i);
      wanted = dense[15:0] & ((16'd1 << bits_i) - 16'd1);
      given = pins[15:0] & ((16'd1 << places) - 16'd1);
      if (signed_i && wanted[bits_i - 1]) wanted = wanted - (16'd1 << bits_i);
      if (signed_i && given[places - 1]) given = given - (16'd1 << places);
      assert (given == wanted);
    end
  end

endmodule
