// Brings the operands of fusion units from dense bit planes to their pins. The operands of a unit
// follow each other, bits_i planes each; on the pins each has a = 2, 4 or 8 places, whichever it
// needs, and is extended to them.
//
// Law      operand n of unit u is planes n*bits_i .. n*bits_i + bits_i - 1, bit u of each, and goes
//          to operands_o[32*u + n*a +: a], continued by its sign if signed_i, else by zeros
// Latency  0: combinational.
module pare_fusion_align #(
  parameter int unsigned Units = 4,
  localparam int unsigned BitsW = pare_pkg::BITS_W
) (
  input  logic [BitsW-1:0]    bits_i,    // 1 to 8
  input  logic                signed_i,
  input  logic [32*Units-1:0] planes_i,  // plane p at [p*Units +: Units]
  output logic [32*Units-1:0] operands_o
);

  // pin i of all units at [i*Units +: Units]
  logic [32*Units-1:0] pins;

  // eight ways to wire it, of which the bitlength chooses one
  always_comb begin
    pins = '0;
    for (int unsigned bits = 1; bits <= 8; bits++) begin
      for (int unsigned i = 0; i < 32; i++) begin
        // i / a is the operand, i % a its bit
        if (bits_i == BitsW'(bits)) begin
          if (i % (bits > 4 ? 8 : bits > 2 ? 4 : 2) < bits) begin
            pins[i*Units +: Units] =
                planes_i[(i / (bits > 4 ? 8 : bits > 2 ? 4 : 2) * bits
                          + i % (bits > 4 ? 8 : bits > 2 ? 4 : 2)) * Units +: Units];
          end else begin
            pins[i*Units +: Units] = {Units{signed_i}}
                & planes_i[(i / (bits > 4 ? 8 : bits > 2 ? 4 : 2) * bits + bits - 1)*Units +: Units];
          end
        end
      end
    end
  end

  for (genvar u = 0; u < Units; u++) begin : gen_unit
    for (genvar i = 0; i < 32; i++) begin : gen_pin
      assign operands_o[u*32 + i] = pins[i*Units + u];
    end
  end

endmodule
