// From a sum to an output code, one a cycle.
//
// Law      t    = sum * 2^8 + correction + bias                (modulo 2^40, two's complement)
//          code = clamp(rint(t * multiplier / 2^shift) + zero)  (rint: ties to even)
//          clamp to [lo, hi] of out_bits and out_signed, and with relu to no less than zero;
//          with raw the sum itself.
// Latency  code_o two cycles after the sum, combinational from there. The settings stand all the
//          while; bias, multiplier and shift come with the sum.
module pare_requantizer #(
  parameter int unsigned AccWidth = 32,
  localparam int unsigned BitsW = pare_pkg::BITS_W
) (
  input  logic                clk_i,

  input  logic                raw_i,
  input  logic                relu_i,
  input  logic                out_signed_i,
  input  logic [BitsW-1:0]    out_bits_i,   // 1 to 16
  input  logic [15:0]         zero_i,       // two's complement

  input  logic [AccWidth-1:0] sum_i,        // all two's complement
  input  logic [39:0]         correction_i, // 2^-8
  input  logic [39:0]         bias_i,       // 2^-8
  input  logic [23:0]         multiplier_i,
  input  logic [5:0]          shift_i,      // unsigned

  output logic [31:0]         code_o
);

  if (AccWidth < 8 || AccWidth > 32) begin : gen_bad_acc_width
    $error("AccWidth must be 8 to 32");
  end

  // ---- the scaled sum ----

  logic signed [39:0] t, t_q;
  logic signed [23:0] multiplier_q;
  logic [5:0] shift_q, shift_qq;
  logic signed [63:0] product_q;
  logic signed [AccWidth-1:0] sum_q, sum_qq;

  assign t = $signed({{(40-AccWidth){sum_i[AccWidth-1]}}, sum_i} << 8) + $signed(correction_i)
           + $signed(bias_i);

  always_ff @(posedge clk_i) begin
    t_q <= t;
    multiplier_q <= multiplier_i;
    shift_q <= shift_i;
    sum_q <= sum_i;
    product_q <= 64'(t_q) * 64'(multiplier_q);
    shift_qq <= shift_q;
    sum_qq <= sum_q;
  end

  // ---- rounded: what is shifted out decides ----

  logic signed [63:0] floor;
  logic [63:0] left, half;
  logic up;
  logic signed [64:0] rounded, code, lowest, highest, zero;

  assign floor = product_q >>> shift_qq;
  assign left = product_q & ~({64{1'b1}} << shift_qq);
  assign half = 64'd1 << shift_qq >> 1;
  assign up = shift_qq != '0 && (left > half || (left == half && floor[0]));
  assign rounded = 65'(floor) + $signed({64'd0, up});

  // ---- clamped ----

  assign zero = 65'($signed(zero_i));

  always_comb begin
    highest = $signed((65'd1 << (out_signed_i ? out_bits_i - BitsW'(1) : out_bits_i)) - 65'd1);
    lowest = out_signed_i ? ~highest : '0;
    if (relu_i && zero > lowest) begin
      lowest = zero;
    end
    code = rounded + zero;
    if (code > highest) begin
      code = highest;
    end
    if (code < lowest) begin
      code = lowest;
    end
  end

  assign code_o = raw_i ? 32'(sum_qq) : code[31:0];

  logic unused;
  assign unused = &{1'b0, code[64:32]};

endmodule
