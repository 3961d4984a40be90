// pare_term_recode, for all magnitudes: its terms add up to the magnitude; one bits are never
// negative, no two terms of the non-adjacent form are adjacent.
module term_recode #(
  parameter int unsigned Width = 8,
  parameter int unsigned Recoding = 2
) (
  input logic [Width-1:0] magnitude_i
);

  logic [Width:0] terms, minus;

  pare_term_recode #(
    .Width(Width),
    .Recoding(Recoding)
  ) u_dut (
    .magnitude_i,
    .terms_o(terms),
    .minus_o(minus)
  );

  always_comb begin
    assert ((minus & ~terms) == '0);
    assert ({1'b0, terms & ~minus} - {1'b0, minus} == {2'b00, magnitude_i});
    if (Recoding == 0) assert (minus == '0);
    if (Recoding == 2) assert ((terms & (terms >> 1)) == '0);
  end

endmodule
