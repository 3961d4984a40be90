// Writes a magnitude as a sum of signed powers of two, its terms.
//
// Law      magnitude = sum over the positions p of terms_o of 2^p, negative where minus_o
//          Recoding 0  its one bits, all positive
//                   1  runs of three ones and more become a term above and one at their end; runs
//                      of two stay (the recoding of DNNsim, for comparison with it)
//                   2  the non-adjacent form: the fewest terms that there can be
//          terms_o has one position more than the magnitude has bits.
// Latency  0: combinational.
module pare_term_recode #(
  parameter int unsigned Width = 8,
  parameter int unsigned Recoding = 2
) (
  input  logic [Width-1:0] magnitude_i,
  output logic [Width:0]   terms_o,
  output logic [Width:0]   minus_o
);

  if (Width < 2 || Width > pare_pkg::MAX_BITS) begin : gen_bad_width
    $error("Width must be 2 to 16");
  end
  if (Recoding > 2) begin : gen_bad_recoding
    $error("Recoding must be 0 to 2");
  end

  if (Recoding == 0) begin : gen_ones
    assign terms_o = {1'b0, magnitude_i};
    assign minus_o = '0;
  end else if (Recoding == 1) begin : gen_runs
    // two zeros below bit 0; bit k of the magnitude is window bit k + 2
    logic [Width+1:0] bits;
    logic is_run;
    assign bits = {magnitude_i, 2'b00};

    always_comb begin
      terms_o = '0;
      minus_o = '0;
      is_run = 1'b0;
      for (int unsigned i = 0; i < Width; i++) begin
        // k = Width - 1 - i, from the top; the window is bits k, k-1, k-2
        if (!is_run && bits[Width-1-i +: 3] == 3'b111) begin
          terms_o[Width-i] = 1'b1;
          is_run = 1'b1;
        end else if (!is_run && bits[Width+1-i]) begin
          terms_o[Width-1-i] = 1'b1;
        end else if (is_run && bits[Width-i +: 2] == 2'b01) begin
          terms_o[Width-1-i] = 1'b1;
          minus_o[Width-1-i] = 1'b1;
        end else if (is_run && bits[Width-1-i +: 3] == 3'b100) begin
          terms_o[Width-1-i] = 1'b1;
          minus_o[Width-1-i] = 1'b1;
          is_run = 1'b0;
        end
      end
    end
  end else begin : gen_naf
    // 3x and x differ where 2x has a digit
    logic [Width+1:0] once, thrice;
    assign once = {2'b00, magnitude_i};
    assign thrice = once + {1'b0, magnitude_i, 1'b0};
    assign terms_o = once[Width+1:1] ^ thrice[Width+1:1];
    assign minus_o = once[Width+1:1] & ~thrice[Width+1:1];

    logic unused;
    assign unused = &{1'b0, once[0], thrice[0]};
  end

endmodule
