// The array: Rows x Cols PEs, outputs stay in them; a row shares its weight digits, a column its
// activation digits. A further row multiplies by one and so sums the activation codes of each
// window. capture_i copies all sums; they leave a row at a time while the next fold computes.
//
// Law      PE (r, c): sum over the beats of a fold of activation * weight as pare_pe_core has it,
//          r + c cycles later with Skew.
//          row_o is row n of the captured fold after n shift_i; act_sum_o stands until the next
//          capture_i.
// Latency  sums can be captured from 1 + Skew*(Rows + Cols - 2) cycles after the last beat on.
module pare_array #(
  parameter int unsigned Rows = 4,
  parameter int unsigned Cols = 4,
  parameter int unsigned Lanes = 8,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  parameter int unsigned Skew = 0,
  localparam int unsigned BitsW = pare_pkg::BITS_W
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,

  input  logic                              fire_i,
  input  pare_pkg::beat_t                   beat_i,
  input  logic                              act_signed_i,
  input  logic                              weight_signed_i,
  input  logic [BitsW-1:0]                  act_top_bits_i,
  input  logic [BitsW-1:0]                  weight_top_bits_i,
  input  logic [Cols*Lanes*ActDigit-1:0]    act_i,
  input  logic [Rows*Lanes*WeightDigit-1:0] weight_i,

  input  logic                              capture_i,
  input  logic                              shift_i,
  output logic [Cols*AccWidth-1:0]          row_o,
  output logic [Cols*AccWidth-1:0]          act_sum_o
);

  localparam int unsigned ActW = Lanes * (ActDigit + 1);
  localparam int unsigned WeightW = Lanes * (WeightDigit + 1);
  localparam int unsigned BeatW = pare_pkg::BEAT_W;

  // ---- the digits' values, once for a row or column ----

  logic [Cols*ActW-1:0] acts;
  logic [Rows*WeightW-1:0] weights;

  pare_digit_extend #(
    .Lanes(Cols * Lanes),
    .Digit(ActDigit)
  ) u_act_extend (
    .top_i(beat_i.act_first),
    .signed_i(act_signed_i),
    .top_bits_i(act_top_bits_i),
    .digits_i(act_i),
    .values_o(acts)
  );

  pare_digit_extend #(
    .Lanes(Rows * Lanes),
    .Digit(WeightDigit)
  ) u_weight_extend (
    .top_i(beat_i.weight_first),
    .signed_i(weight_signed_i),
    .top_bits_i(weight_top_bits_i),
    .digits_i(weight_i),
    .values_o(weights)
  );

  // ---- what each PE sees: index r*Cols + c ----

  logic [Rows*Cols*ActW-1:0] pe_act;
  logic [Rows*Cols*WeightW-1:0] pe_weight;
  logic [Rows*Cols*BeatW-1:0] pe_beat;
  logic [Rows*Cols-1:0] pe_fire, pe_ready, pe_valid, pe_overflow;
  logic [Rows*Cols*AccWidth-1:0] pe_sum;

  if (Skew != 0) begin : gen_skew
    // the operands enter at the edges, row r and column c late by r and c cycles, and pass on
    for (genvar c = 0; c < Cols; c++) begin : gen_top
      logic [(c+1)*(ActW+BeatW+1)-1:0] line;
      if (c > 0) begin : gen_late
        logic [c*(ActW+BeatW+1)-1:0] line_q;
        always_ff @(posedge clk_i) begin
          line_q <= line[c*(ActW+BeatW+1)-1:0];
        end
        assign line = {line_q, fire_i, beat_i, acts[c*ActW +: ActW]};
      end else begin : gen_now
        assign line = {fire_i, beat_i, acts[c*ActW +: ActW]};
      end
      assign {pe_fire[c], pe_beat[c*BeatW +: BeatW], pe_act[c*ActW +: ActW]} =
          line[c*(ActW+BeatW+1) +: ActW+BeatW+1];
    end
    for (genvar r = 0; r < Rows; r++) begin : gen_left
      logic [(r+1)*WeightW-1:0] line;
      if (r > 0) begin : gen_late
        logic [r*WeightW-1:0] line_q;
        always_ff @(posedge clk_i) begin
          line_q <= line[r*WeightW-1:0];
        end
        assign line = {line_q, weights[r*WeightW +: WeightW]};
      end else begin : gen_now
        assign line = weights[r*WeightW +: WeightW];
      end
      assign pe_weight[r*Cols*WeightW +: WeightW] = line[r*WeightW +: WeightW];
    end
    for (genvar i = Cols; i < Rows * Cols; i++) begin : gen_down
      logic fire_q;
      logic [BeatW-1:0] beat_q;
      logic [ActW-1:0] act_q;
      always_ff @(posedge clk_i) begin
        fire_q <= rst_ni && pe_fire[i-Cols];
        beat_q <= pe_beat[(i-Cols)*BeatW +: BeatW];
        act_q <= pe_act[(i-Cols)*ActW +: ActW];
      end
      assign pe_fire[i] = fire_q;
      assign pe_beat[i*BeatW +: BeatW] = beat_q;
      assign pe_act[i*ActW +: ActW] = act_q;
    end
    for (genvar i = 0; i < Rows * Cols; i++) begin : gen_right
      if (i % Cols != 0) begin : gen_next
        logic [WeightW-1:0] weight_q;
        always_ff @(posedge clk_i) begin
          weight_q <= pe_weight[(i-1)*WeightW +: WeightW];
        end
        assign pe_weight[i*WeightW +: WeightW] = weight_q;
      end
    end
  end else begin : gen_broadcast
    for (genvar i = 0; i < Rows * Cols; i++) begin : gen_pe
      assign pe_fire[i] = fire_i;
      assign pe_beat[i*BeatW +: BeatW] = beat_i;
      assign pe_act[i*ActW +: ActW] = acts[(i%Cols)*ActW +: ActW];
      assign pe_weight[i*WeightW +: WeightW] = weights[(i/Cols)*WeightW +: WeightW];
    end
  end

  for (genvar i = 0; i < Rows * Cols; i++) begin : gen_pe
    pare_pe_core #(
      .Lanes(Lanes),
      .ActDigit(ActDigit),
      .WeightDigit(WeightDigit),
      .MaxActBits(MaxActBits),
      .MaxWeightBits(MaxWeightBits),
      .AccWidth(AccWidth)
    ) u_core (
      .clk_i,
      .rst_ni,
      .valid_i(pe_fire[i]),
      .ready_o(pe_ready[i]),
      .beat_i(pe_beat[i*BeatW +: BeatW]),
      .act_i(pe_act[i*ActW +: ActW]),
      .weight_i(pe_weight[i*WeightW +: WeightW]),
      .valid_o(pe_valid[i]),
      .ready_i(capture_i),
      .sum_o(pe_sum[i*AccWidth +: AccWidth]),
      .overflow_o(pe_overflow[i])
    );
  end

  // ---- the sums of the activation codes: a weight of one, in its lowest digit ----

  pare_pkg::beat_t one_beat;
  logic [WeightW-1:0] one;
  logic [Cols-1:0] one_ready, one_valid, one_overflow;
  logic [Cols*AccWidth-1:0] one_sum;

  always_comb begin
    one_beat = beat_i;
    one_beat.negate = ActDigit == 1 && act_signed_i && beat_i.act_first;
    one = '0;
    for (int unsigned l = 0; l < Lanes; l++) begin
      one[l*(WeightDigit+1)] = beat_i.weight_last;
    end
  end

  for (genvar c = 0; c < Cols; c++) begin : gen_one
    pare_pe_core #(
      .Lanes(Lanes),
      .ActDigit(ActDigit),
      .WeightDigit(WeightDigit),
      .MaxActBits(MaxActBits),
      .MaxWeightBits(MaxWeightBits),
      .AccWidth(AccWidth)
    ) u_core (
      .clk_i,
      .rst_ni,
      .valid_i(fire_i),
      .ready_o(one_ready[c]),
      .beat_i(one_beat),
      .act_i(acts[c*ActW +: ActW]),
      .weight_i(one),
      .valid_o(one_valid[c]),
      .ready_i(capture_i),
      .sum_o(one_sum[c*AccWidth +: AccWidth]),
      .overflow_o(one_overflow[c])
    );
  end

  // ---- the captured fold moves down to row 0 ----

  logic [Rows*Cols*AccWidth-1:0] rows_q;
  logic [Cols*AccWidth-1:0] act_sum_q;

  always_ff @(posedge clk_i) begin
    if (capture_i) begin
      rows_q <= pe_sum;
      act_sum_q <= one_sum;
    end else if (shift_i) begin
      rows_q <= rows_q >> (Cols * AccWidth);
    end
  end

  assign row_o = rows_q[Cols*AccWidth-1:0];
  assign act_sum_o = act_sum_q;

  logic unused;
  assign unused = &{1'b0, pe_overflow, one_overflow};

  `include "pare_assert.svh"
  `PARE_ASSERT(SumsStandWhenCaptured, capture_i |-> &pe_valid && &one_valid)
  `PARE_ASSERT(NoBeatIsLost, (pe_fire & ~pe_ready) == '0 && (!fire_i || &one_ready))

endmodule
