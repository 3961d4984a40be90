// The end of every PE: adds addends up to dot products and holds each result until it is taken.
//
// Law      sum = (first_i ? 0 : sum_q) + addend_i   in every cycle with add_i
//          sum wraps modulo 2^Width; overflow_o tells that it did so within this dot product.
//          free_o = !valid_o || ready_i: the accumulator is the result register, so add_i may be
//          given in cycles with free_o only.
// Latency  valid_o rises one cycle after add_i with last_i; the result stays until ready_i.
// Reset    clears valid_o only. All else is written before it is read.
module pare_accumulator #(
  parameter int unsigned Width = 32
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             add_i,
  input  logic             first_i,   // of the dot product
  input  logic             last_i,
  input  logic [Width-1:0] addend_i,  // two's complement
  output logic             free_o,

  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] sum_o,     // two's complement
  output logic             overflow_o
);

  if (Width < 2 || Width > 64) begin : gen_bad_width
    $error("Width must be 2 to 64");
  end

  logic signed [Width-1:0] addend, base, sum_d, sum_q;
  logic overflow_d, overflow_q;
  logic valid_d, valid_q;

  assign free_o = !valid_o || ready_i;

  assign addend = addend_i;
  assign base = first_i ? '0 : sum_q;
  assign sum_d = base + addend;
  // two addends of one sign, a sum of the other
  assign overflow_d = (!first_i && overflow_q)
                    || (base[Width-1] == addend[Width-1] && sum_d[Width-1] != base[Width-1]);

  always_ff @(posedge clk_i) begin
    if (add_i) begin
      sum_q <= sum_d;
      overflow_q <= overflow_d;
    end
  end

  always_comb begin
    valid_d = valid_q && !ready_i;
    if (add_i && last_i) begin
      valid_d = 1'b1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
    end else begin
      valid_q <= valid_d;
    end
  end

  assign valid_o = valid_q;
  assign sum_o = sum_q;
  assign overflow_o = overflow_q;

`ifndef PARE_IN_ARRAY
  // in an array they would make each PE's code its own; pare_array asserts what they are for
  `include "pare_assert.svh"
  `PARE_ASSERT(ResultStaysUntilTaken, valid_o && !ready_i |=> valid_o && $stable(sum_o))
  `PARE_ASSERT(NoBeatWhileAResultWaits, valid_o && !ready_i |-> !add_i)
`endif

endmodule
