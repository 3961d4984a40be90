// pare_fusion_pad: of each product that holds a channel the planes are the code, of others zeros; so
// the planes of any step of padding are those of a step that holds the code wherever there is a channel.
module fusion_pad #(
  parameter int unsigned Units = 2
) (
  input logic [pare_pkg::BITS_W-1:0] bits_i,
  input logic [7:0]                  code_i,
  input logic [16*Units-1:0]         valid_i
);

  logic [32*Units-1:0] planes;

  pare_fusion_pad #(
    .Units(Units)
  ) u_dut (
    .bits_i,
    .code_i,
    .valid_i,
    .planes_o(planes)
  );

  always_comb begin
    assume (bits_i >= 1 && bits_i <= 8);
    for (int unsigned bits = 1; bits <= 8; bits++)
      for (int unsigned n = 0; n < 16; n++)
        for (int unsigned b = 0; b < bits; b++)
          for (int unsigned u = 0; u < Units; u++)
            if (n * bits + b < 32)
              if (32'(bits_i) == bits)
                assert (planes[(n*bits + b)*Units + u] == (valid_i[n*Units + u] && code_i[b]));
  end

endmodule
