// The array: Rows x Cols PEs, outputs stay in them; a row shares its weights, a column its
// activations. A further row multiplies by one and so sums the activation codes of each window.
// capture_i copies all sums; they leave a row at a time while the next fold computes.
//
// PeKind chooses the PEs and what stands at the edges, once for a row or column:
//          temporal  digits, Lanes * Digit bits a row or column; pare_digit_extend values them
//          fusion    a step's dense bit planes, Lanes * 32 bits (Lanes fusion units), plane after
//                    plane of a column, of all rows; pare_fusion_align brings operands to the pins
//          term      whole operands, as the temporal PE's digits; a column's pare_term_column makes
//                    terms of its activations. A beat takes as many cycles as the column with the
//                    slowest schedule needs; the others then drop nothing.
//
// Law      PE (r, c): sum over the beats of a fold of activation * weight as pare_pe_core
//          (pare_pe_fusion, pare_pe_term) has it, r + c cycles later with Skew.
//          ready_o: this is the last cycle of the beat; always, but for terms.
//          row_o is row n of the captured fold after n shift_i; act_sum_o stands until the next
//          capture_i.
// Latency  sums can be captured from 1 + Skew*(Rows + Cols - 2) cycles after the last beat on.
module pare_array #(
  parameter int unsigned PeKind = pare_accel_pkg::PE_TEMPORAL,
  parameter int unsigned Rows = 4,
  parameter int unsigned Cols = 4,
  parameter int unsigned Lanes = 8,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  parameter int unsigned Skew = 0,
  parameter int unsigned Recoding = 2,        // of terms: pare_term_recode
  parameter int unsigned FirstStageBits = 2,  // of their shifters
  localparam int unsigned BitsW = pare_pkg::BITS_W,
  localparam bit IsFusion = PeKind == pare_accel_pkg::PE_FUSION,
  localparam bit IsTerm = PeKind == pare_accel_pkg::PE_TERM,
  localparam int unsigned ActInW = Lanes * (IsFusion ? 32 : ActDigit),
  localparam int unsigned WeightInW = Lanes * (IsFusion ? 32 : WeightDigit)
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,

  input  logic                              fire_i,
  output logic                              ready_o,  // combinational in act_i
  input  pare_pkg::beat_t                   beat_i,
  input  logic                              act_signed_i,
  input  logic                              weight_signed_i,
  input  logic [BitsW-1:0]                  act_top_bits_i,
  input  logic [BitsW-1:0]                  weight_top_bits_i,
  input  logic [Cols*ActInW-1:0]            act_i,
  input  logic [Rows*WeightInW-1:0]         weight_i,

  input  logic                              capture_i,
  input  logic                              shift_i,
  output logic [Cols*AccWidth-1:0]          row_o,
  output logic [Cols*AccWidth-1:0]          act_sum_o
);

  // what passes along a column, a row (pare_array_pe has the same)
  localparam int unsigned Positions = MaxActBits + 1;
  localparam int unsigned Reach = 1 << FirstStageBits < Positions ? 1 << FirstStageBits : Positions;
  localparam int unsigned OffsetW = Reach > 1 ? $clog2(Reach) : 1;
  localparam int unsigned ActW = IsTerm ? Lanes * (2 + OffsetW) + $clog2(Positions)
                               : Lanes * (IsFusion ? 32 : ActDigit + 1);
  localparam int unsigned WeightW = Lanes * (IsFusion ? 32 : WeightDigit + 1);
  localparam int unsigned BeatW = pare_accel_pkg::BEAT_W;

  if (PeKind > pare_accel_pkg::PE_TERM) begin : gen_bad_kind
    $error("PeKind must be 0, 1 or 2");
  end
  if (IsTerm && (ActDigit != MaxActBits || WeightDigit != MaxWeightBits || Skew != 0))
  begin : gen_bad_term
    $error("ActDigit and WeightDigit of term-serial PEs must be whole operands, Skew 0");
  end
  if (IsFusion && (MaxActBits != 8 || MaxWeightBits != 8)) begin : gen_bad_fusion
    $error("MaxActBits and MaxWeightBits of fusion PEs must be 8");
  end

  // ---- the edges ----

  logic [Cols*ActW-1:0] acts;
  logic [Rows*WeightW-1:0] weights;
  pare_pkg::beat_t beat;

  if (IsFusion) begin : gen_align
    for (genvar c = 0; c < Cols; c++) begin : gen_col
      pare_fusion_align #(
        .Units(Lanes)
      ) u_act_align (
        .bits_i(act_top_bits_i),
        .signed_i(act_signed_i),
        .planes_i(act_i[c*ActInW +: ActInW]),
        .operands_o(acts[c*ActW +: ActW])
      );
    end

    pare_fusion_align #(
      .Units(Rows * Lanes)
    ) u_weight_align (
      .bits_i(weight_top_bits_i),
      .signed_i(weight_signed_i),
      .planes_i(weight_i),
      .operands_o(weights)
    );

    assign beat = beat_i;
    assign ready_o = 1'b1;
  end else begin : gen_extend
    logic [Cols*Lanes*(ActDigit+1)-1:0] values;

    pare_digit_extend #(
      .Lanes(Cols * Lanes),
      .Digit(ActDigit)
    ) u_act_extend (
      .top_i(beat_i.act_first),
      .signed_i(act_signed_i),
      .top_bits_i(act_top_bits_i),
      .digits_i(act_i),
      .values_o(values)
    );

    if (IsTerm) begin : gen_term
      // a beat opens and closes the dot product in its first, its last cycle
      logic busy_q;
      logic [Cols-1:0] last;

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          busy_q <= 1'b0;
        end else if (fire_i) begin
          busy_q <= !ready_o;
        end
      end

      for (genvar c = 0; c < Cols; c++) begin : gen_col
        logic [Lanes-1:0] drop, minus;
        logic [Lanes*OffsetW-1:0] offsets;
        logic [$clog2(Positions)-1:0] base;

        pare_term_column #(
          .Lanes(Lanes),
          .MaxActBits(MaxActBits),
          .Recoding(Recoding),
          .FirstStageBits(FirstStageBits)
        ) u_column (
          .clk_i,
          .go_i(fire_i),
          .first_i(!busy_q),
          .values_i(values[c*Lanes*(ActDigit+1) +: Lanes*(ActDigit+1)]),
          .drop_o(drop),
          .minus_o(minus),
          .offset_o(offsets),
          .base_o(base),
          .last_o(last[c])
        );

        assign acts[c*ActW +: ActW] = {base, offsets, minus, drop};
      end

      assign ready_o = &last;

      always_comb begin
        beat = beat_i;
        beat.dot_first = beat_i.dot_first && !busy_q;
        beat.dot_last = beat_i.dot_last && ready_o;
      end
    end else begin : gen_digits
      assign acts = values;
      assign beat = beat_i;
      assign ready_o = 1'b1;
    end

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
  end

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
        assign beats[0 +: BeatW] = beat;
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
          line_q <= (c*LineW)'({line_q, beat, acts[c*ActW +: ActW]});
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
        .PeKind(PeKind),
        .Lanes(Lanes),
        .ActDigit(ActDigit),
        .WeightDigit(WeightDigit),
        .MaxActBits(MaxActBits),
        .MaxWeightBits(MaxWeightBits),
        .AccWidth(AccWidth),
        .Skew(1),
        .FirstStageBits(FirstStageBits)
      ) u_pe (
        .clk_i,
        .rst_ni,
        .act_bits_i(act_top_bits_i),
        .weight_bits_i(weight_top_bits_i),
        .act_signed_i,
        .weight_signed_i,
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
        .PeKind(PeKind),
        .Lanes(Lanes),
        .ActDigit(ActDigit),
        .WeightDigit(WeightDigit),
        .MaxActBits(MaxActBits),
        .MaxWeightBits(MaxWeightBits),
        .AccWidth(AccWidth),
        .Skew(0),
        .FirstStageBits(FirstStageBits)
      ) u_pe (
        .clk_i,
        .rst_ni,
        .act_bits_i(act_top_bits_i),
        .weight_bits_i(weight_top_bits_i),
        .act_signed_i,
        .weight_signed_i,
        .fire_i,
        .beat_i(beat),
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
    one_beat = beat;
    one_beat.negate = ActDigit == 1 && act_signed_i && beat_i.act_first;
  end

  if (IsFusion) begin : gen_ones
    // in each of a unit's products, 4 to 16 as wide as the weights are
    assign one = {Lanes{weight_top_bits_i > BitsW'(4) ? 32'h01010101
                        : weight_top_bits_i > BitsW'(2) ? 32'h11111111 : 32'h55555555}};
  end else begin : gen_one_digit
    always_comb begin
      one = '0;
      for (int unsigned l = 0; l < Lanes; l++) begin
        one[l*(WeightDigit+1)] = beat_i.weight_last;
      end
    end
  end

  for (genvar c = 0; c < Cols; c++) begin : gen_one
    logic unused_fire;
    pare_pkg::beat_t unused_beat;
    logic [ActW-1:0] unused_act;
    logic [WeightW-1:0] unused_weight;

    pare_array_pe #(
      .PeKind(PeKind),
      .Lanes(Lanes),
      .ActDigit(ActDigit),
      .WeightDigit(WeightDigit),
      .MaxActBits(MaxActBits),
      .MaxWeightBits(MaxWeightBits),
      .AccWidth(AccWidth),
      .Skew(0),
      .FirstStageBits(FirstStageBits)
    ) u_pe (
      .clk_i,
      .rst_ni,
      .act_bits_i(act_top_bits_i),
      .weight_bits_i(weight_top_bits_i),
      .act_signed_i,
      .weight_signed_i,
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
