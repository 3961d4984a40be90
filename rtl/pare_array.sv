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
  localparam int unsigned BeatW = pare_accel_pkg::BEAT_W;

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

  // ---- the PEs, row 0 at the bottom: index r*Cols + c ----

  logic [Rows*Cols-1:0] pe_fire, pe_ready, pe_valid;
  logic [(Rows+1)*Cols*AccWidth-1:0] drain;
  assign drain[Rows*Cols*AccWidth +: Cols*AccWidth] = '0;

  if (Skew != 0) begin : gen_skew
    // operands enter at the edges, those of row r and column c late by r and c cycles, and pass on
    logic [(Rows+1)*Cols-1:0] fires;
    logic [(Rows+1)*Cols*BeatW-1:0] beats;
    logic [(Rows+1)*Cols*ActW-1:0] down;
    logic [Rows*(Cols+1)*WeightW-1:0] right;

    for (genvar c = 0; c < Cols; c++) begin : gen_top
      localparam int unsigned LineW = ActW + BeatW;
      if (c == 0) begin : gen_now
        assign fires[0] = fire_i;
        assign beats[0 +: BeatW] = beat_i;
        assign down[0 +: ActW] = acts[0 +: ActW];
      end else begin : gen_late
        logic [c-1:0] fire_q;
        logic [c*LineW-1:0] line_q;

        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) begin
            fire_q <= '0;
          end else begin
            fire_q <= c'({fire_q, fire_i});
          end
        end

        always_ff @(posedge clk_i) begin
          line_q <= (c*LineW)'({line_q, beat_i, acts[c*ActW +: ActW]});
        end

        assign fires[c] = fire_q[c-1];
        assign {beats[c*BeatW +: BeatW], down[c*ActW +: ActW]} = line_q[(c-1)*LineW +: LineW];
      end
    end

    for (genvar r = 0; r < Rows; r++) begin : gen_left
      if (r == 0) begin : gen_now
        assign right[0 +: WeightW] = weights[0 +: WeightW];
      end else begin : gen_late
        logic [r*WeightW-1:0] line_q;

        always_ff @(posedge clk_i) begin
          line_q <= (r*WeightW)'({line_q, weights[r*WeightW +: WeightW]});
        end

        assign right[r*(Cols+1)*WeightW +: WeightW] = line_q[(r-1)*WeightW +: WeightW];
      end
    end

    for (genvar i = 0; i < Rows * Cols; i++) begin : gen_pe
      localparam int unsigned Right = i + i / Cols;  // a row of it has a column more

      pare_array_pe #(
        .Lanes(Lanes),
        .ActDigit(ActDigit),
        .WeightDigit(WeightDigit),
        .MaxActBits(MaxActBits),
        .MaxWeightBits(MaxWeightBits),
        .AccWidth(AccWidth),
        .Skew(1)
      ) u_pe (
        .clk_i,
        .rst_ni,
        .fire_i(fires[i]),
        .beat_i(beats[i*BeatW +: BeatW]),
        .act_i(down[i*ActW +: ActW]),
        .weight_i(right[Right*WeightW +: WeightW]),
        .fire_o(fires[i+Cols]),
        .beat_o(beats[(i+Cols)*BeatW +: BeatW]),
        .act_o(down[(i+Cols)*ActW +: ActW]),
        .weight_o(right[(Right+1)*WeightW +: WeightW]),
        .capture_i,
        .shift_i,
        .above_i(drain[(i+Cols)*AccWidth +: AccWidth]),
        .drain_o(drain[i*AccWidth +: AccWidth]),
        .ready_o(pe_ready[i]),
        .valid_o(pe_valid[i])
      );
      assign pe_fire[i] = fires[i];
    end

    logic unused;
    assign unused = &{1'b0, fires, beats, down, right};
  end else begin : gen_broadcast
    for (genvar i = 0; i < Rows * Cols; i++) begin : gen_pe
      logic unused_fire;
      pare_pkg::beat_t unused_beat;
      logic [ActW-1:0] unused_act;
      logic [WeightW-1:0] unused_weight;

      pare_array_pe #(
        .Lanes(Lanes),
        .ActDigit(ActDigit),
        .WeightDigit(WeightDigit),
        .MaxActBits(MaxActBits),
        .MaxWeightBits(MaxWeightBits),
        .AccWidth(AccWidth),
        .Skew(0)
      ) u_pe (
        .clk_i,
        .rst_ni,
        .fire_i,
        .beat_i,
        .act_i(acts[(i%Cols)*ActW +: ActW]),
        .weight_i(weights[(i/Cols)*WeightW +: WeightW]),
        .fire_o(unused_fire),
        .beat_o(unused_beat),
        .act_o(unused_act),
        .weight_o(unused_weight),
        .capture_i,
        .shift_i,
        .above_i(drain[(i+Cols)*AccWidth +: AccWidth]),
        .drain_o(drain[i*AccWidth +: AccWidth]),
        .ready_o(pe_ready[i]),
        .valid_o(pe_valid[i])
      );
      assign pe_fire[i] = fire_i;
    end
  end

  assign row_o = drain[Cols*AccWidth-1:0];

  // ---- the sums of the activation codes: a weight of one, in its lowest digit ----

  pare_pkg::beat_t one_beat;
  logic [WeightW-1:0] one;
  logic [Cols-1:0] one_ready, one_valid;

  always_comb begin
    one_beat = beat_i;
    one_beat.negate = ActDigit == 1 && act_signed_i && beat_i.act_first;
    one = '0;
    for (int unsigned l = 0; l < Lanes; l++) begin
      one[l*(WeightDigit+1)] = beat_i.weight_last;
    end
  end

  for (genvar c = 0; c < Cols; c++) begin : gen_one
    logic unused_fire;
    pare_pkg::beat_t unused_beat;
    logic [ActW-1:0] unused_act;
    logic [WeightW-1:0] unused_weight;

    pare_array_pe #(
      .Lanes(Lanes),
      .ActDigit(ActDigit),
      .WeightDigit(WeightDigit),
      .MaxActBits(MaxActBits),
      .MaxWeightBits(MaxWeightBits),
      .AccWidth(AccWidth),
      .Skew(0)
    ) u_pe (
      .clk_i,
      .rst_ni,
      .fire_i,
      .beat_i(one_beat),
      .act_i(acts[c*ActW +: ActW]),
      .weight_i(one),
      .fire_o(unused_fire),
      .beat_o(unused_beat),
      .act_o(unused_act),
      .weight_o(unused_weight),
      .capture_i,
      .shift_i(1'b0),
      .above_i({AccWidth{1'b0}}),
      .drain_o(act_sum_o[c*AccWidth +: AccWidth]),
      .ready_o(one_ready[c]),
      .valid_o(one_valid[c])
    );
  end

  `include "pare_assert.svh"
  `PARE_ASSERT(SumsStandWhenCaptured, capture_i |-> &pe_valid && &one_valid)
  `PARE_ASSERT(NoBeatIsLost, (pe_fire & ~pe_ready) == '0 && (!fire_i || &one_ready))

endmodule
