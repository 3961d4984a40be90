// A step of padding for fusion units, as the activation buffer would give it: in each product that
// holds a channel the code of zero, else zeros. All columns share it.
//
// Law      plane n*bits_i + b of unit u = bit b of code_i if valid_i[n*Units + u], else 0; n to 15
// Latency  0: combinational.
module pare_fusion_pad #(
  parameter int unsigned Units = 4,
  localparam int unsigned BitsW = pare_pkg::BITS_W
) (
  input  logic [BitsW-1:0]    bits_i,   // 1 to 8
  input  logic [7:0]          code_i,
  input  logic [16*Units-1:0] valid_i,  // products with a channel
  output logic [32*Units-1:0] planes_o  // plane p at [p*Units +: Units]
);

  always_comb begin
    planes_o = '0;
    for (int unsigned bits = 1; bits <= 8; bits++) begin
      for (int unsigned p = 0; p < 32; p++) begin
        for (int unsigned u = 0; u < Units; u++) begin
          // of 1 bit there are 16 planes; the upper half repeats them and is not read
          if (bits_i == BitsW'(bits)) begin
            planes_o[p*Units + u] = code_i[p % bits] && valid_i[p / bits % 16 * Units + u];
          end
        end
      end
    end
  end

endmodule
