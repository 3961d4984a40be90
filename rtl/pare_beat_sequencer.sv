// Walks through the compute of a tile: for each set of Cols windows, each fold of Rows filters,
// each kernel position and channel group (a step), each weight digit and activation digit, one
// beat. A beat is an address cycle, in which the buffers are asked, and a data cycle behind it, in
// which the array takes what they give; where it Waits, data cycles up to the one with ready_i.
//
// Law      cycles of a fold = max(beats + Skew*(Rows + Cols - 2), Interval); folds follow each
//          other without a gap. done_o stands in the last cycle of the tile.
//          With Waits max(1 + data cycles, Interval): a beat's address cycle is the last data cycle
//          of the one before it, but a fold's first one stands alone.
// Latency  the first address cycle is the one after start_i; capture_o, when all PEs of a fold hold
//          their sums, 2 + Skew*(Rows + Cols - 2) cycles after the fold's last address cycle; with
//          Waits 2 cycles after the fold's last cycle, so that captures are Interval cycles apart.
// Reset    stops.
module pare_beat_sequencer #(
  parameter int unsigned Rows = 4,
  parameter int unsigned Cols = 4,
  parameter int unsigned Lanes = 8,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned ActPlaneW = 11,
  parameter int unsigned WeightPlaneW = 9,
  parameter int unsigned Interval = 6,
  parameter int unsigned Skew = 0,
  parameter int unsigned Waits = 0,
  localparam int unsigned BitsW = pare_pkg::BITS_W,
  localparam int unsigned PosW = pare_accel_pkg::POS_W,
  localparam int unsigned ColW = $clog2(Cols + 1)
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,

  input  pare_accel_pkg::descriptor_t     desc_i,
  input  pare_accel_pkg::layer_t          layer_i,
  input  pare_accel_pkg::tile_t           tile_i,   // stands from the cycle after start_i

  input  logic                      start_i,
  output logic                      active_o,
  output logic                      done_o,

  // the windows of the next set, taken in a cycle with take_o
  output logic                      take_o,
  input  logic                      set_last_i,
  input  logic [Cols-1:0]           set_valid_i,
  input  logic [Cols*ActPlaneW-1:0] set_plane_i,
  input  logic [Cols*PosW-1:0]      set_row_i,
  input  logic [Cols*PosW-1:0]      set_col_i,

  // address cycle
  output logic                      read_o,
  output logic [WeightPlaneW-1:0]   weight_plane_o,
  output logic [Cols*ActPlaneW-1:0] act_plane_o,

  // data cycle
  output logic                      fire_o,
  input  logic                      ready_i,      // this is the beat's last one; combinational
  output pare_pkg::beat_t           beat_o,
  output logic [BitsW-1:0]          act_top_bits_o,
  output logic [BitsW-1:0]          weight_top_bits_o,
  output logic [Cols-1:0]           valid_o,      // columns with a window
  output logic [Cols-1:0]           inside_o,     // and input under this tap, else padding
  output logic [Lanes-1:0]          lane_valid_o, // lanes with a channel
  output logic [ActDigit-1:0]       pad_digit_o,

  // the fold's sums stand; what they are of
  output logic                      capture_o,
  output logic                      capture_first_o,  // fold of the tile
  output logic                      capture_last_o,
  output logic [15:0]               capture_filter_o, // of row 0
  output logic [ColW-1:0]           capture_cols_o,
  output logic                      capture_half_o    // of the output buffer
);

  localparam int unsigned SkewCycles = Skew != 0 ? Rows + Cols - 2 : 0;
  localparam int unsigned HoldW = SkewCycles > 0 ? $clog2(SkewCycles + 1) : 1;
  localparam int unsigned TimerW = $clog2(Interval + 1);
  localparam int unsigned CaptureDelay = 2 + SkewCycles;

  if (Waits != 0 && Skew != 0) begin : gen_bad_skew
    $error("Skew must be 0 where the array makes beats wait");
  end

  // ---- the beat ----

  logic active_q, waits_q, fire_q, last_data, beat;
  logic act_first, act_last, weight_first, weight_last, step_done;
  logic [BitsW-1:0] act_top_bits, weight_top_bits;

  assign beat = active_q && !waits_q && (!fire_q || last_data);
  assign step_done = beat && act_last && weight_last;

  pare_digit_counter #(
    .Digit(ActDigit),
    .MaxBits(MaxActBits)
  ) u_act_counter (
    .clk_i,
    .rst_ni,
    .bits_i(desc_i.act_bits),
    .step_i(beat),
    .first_o(act_first),
    .last_o(act_last),
    .top_bits_o(act_top_bits)
  );

  pare_digit_counter #(
    .Digit(WeightDigit),
    .MaxBits(MaxWeightBits)
  ) u_weight_counter (
    .clk_i,
    .rst_ni,
    .bits_i(desc_i.weight_bits),
    .step_i(beat && act_last),
    .first_o(weight_first),
    .last_o(weight_last),
    .top_bits_o(weight_top_bits)
  );

  // the digit's lowest plane within its operand
  logic [BitsW-1:0] act_at, act_at_q, weight_at, weight_at_q;
  assign act_at = act_first ? desc_i.act_bits - act_top_bits : act_at_q;
  assign weight_at = weight_first ? desc_i.weight_bits - weight_top_bits : weight_at_q;

  always_ff @(posedge clk_i) begin
    if (beat) begin
      act_at_q <= act_at - BitsW'(ActDigit);
    end
    if (beat && act_last) begin
      weight_at_q <= weight_at - BitsW'(WeightDigit);
    end
  end

  // ---- the step: kernel row, kernel column, channel group ----

  logic [7:0] r_q, s_q;
  logic [15:0] group_q;
  logic group_last, s_last, r_last, step_first, beats_done;
  logic [ActPlaneW-1:0] row_at_q, tap_at_q, at_q;  // planes from the window's first tap
  logic [PosW-1:0] row_tap_q, col_tap_q;
  logic [WeightPlaneW-1:0] weight_step_q;
  logic new_fold, new_set, fold_end;

  assign group_last = group_q + 16'd1 == layer_i.groups;
  assign s_last = s_q + 8'd1 == desc_i.kernel_width;
  assign r_last = r_q + 8'd1 == desc_i.kernel_height;
  assign step_first = group_q == '0 && s_q == '0 && r_q == '0;
  assign beats_done = step_done && group_last && s_last && r_last;

  always_ff @(posedge clk_i) begin
    if (start_i || beats_done) begin
      group_q <= '0;
      s_q <= '0;
      r_q <= '0;
      row_at_q <= '0;
      tap_at_q <= '0;
      at_q <= '0;
      row_tap_q <= '0;
      col_tap_q <= '0;
    end else if (step_done) begin
      if (!group_last) begin
        group_q <= group_q + 16'd1;
        at_q <= at_q + ActPlaneW'(layer_i.act_step);
      end else if (!s_last) begin
        group_q <= '0;
        s_q <= s_q + 8'd1;
        tap_at_q <= tap_at_q + ActPlaneW'(layer_i.tap_step);
        at_q <= tap_at_q + ActPlaneW'(layer_i.tap_step);
        col_tap_q <= col_tap_q + PosW'(desc_i.dilation_width);
      end else begin
        group_q <= '0;
        s_q <= '0;
        r_q <= r_q + 8'd1;
        row_at_q <= row_at_q + ActPlaneW'(layer_i.tap_row_step);
        tap_at_q <= row_at_q + ActPlaneW'(layer_i.tap_row_step);
        at_q <= row_at_q + ActPlaneW'(layer_i.tap_row_step);
        col_tap_q <= '0;
        row_tap_q <= row_tap_q + PosW'(desc_i.dilation_height);
      end
    end
    // all folds of a tile follow each other
    if (start_i || new_set) begin
      weight_step_q <= '0;
    end else if (step_done) begin
      weight_step_q <= weight_step_q + WeightPlaneW'(layer_i.weight_step);
    end
  end

  // ---- the fold and its end ----

  logic [15:0] fold_q, filter_q;
  logic fold_last, set_last_q, first_fold_q;
  logic [HoldW-1:0] hold_q, hold;
  logic [TimerW-1:0] timer_q;

  // the fold ends in this cycle or has ended; fold_sums: once a fold, a fixed time before its sums
  logic fold_over, fold_sums;
  if (Waits != 0) begin : gen_waits
    assign last_data = ready_i;
    assign fold_over = active_q && waits_q && (!fire_q || ready_i);
    assign fold_sums = fold_end;
  end else begin : gen_beats
    assign last_data = 1'b1;
    assign fold_over = beats_done || (active_q && waits_q);
    assign fold_sums = beats_done;

    logic unused_ready;
    assign unused_ready = ready_i;
  end

  assign hold = waits_q ? hold_q : '0;
  assign fold_last = fold_q + 16'd1 == tile_i.folds;
  assign fold_end = fold_over && hold == HoldW'(SkewCycles) && timer_q >= TimerW'(Interval - 1);
  assign new_fold = fold_end && !fold_last;
  assign new_set = fold_end && fold_last && !set_last_q;
  assign done_o = fold_end && fold_last && set_last_q;
  assign active_o = active_q;
  assign take_o = start_i || new_set;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      waits_q <= 1'b0;
    end else begin
      if (start_i) begin
        active_q <= 1'b1;
      end else if (done_o) begin
        active_q <= 1'b0;
      end
      waits_q <= (beats_done || waits_q) && !fold_end;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i || fold_end) begin
      timer_q <= '0;
    end else if (timer_q < TimerW'(Interval - 1)) begin
      timer_q <= timer_q + TimerW'(1);
    end
    hold_q <= hold == HoldW'(SkewCycles) ? hold : hold + HoldW'(1);
    if (start_i || new_set) begin
      fold_q <= '0;
    end else if (new_fold) begin
      fold_q <= fold_q + 16'd1;
    end
    if (start_i) begin
      first_fold_q <= 1'b1;
    end else if (fold_sums) begin
      first_fold_q <= 1'b0;
    end
  end

  // in the first cycle of a tile tile_i is new, so the sum is made of it
  always_ff @(posedge clk_i) begin
    if (start_i || new_set) begin
      filter_q <= '0;
    end else if (new_fold) begin
      filter_q <= filter_q + 16'(Rows);
    end
  end

  // ---- the set of windows ----

  logic [Cols-1:0] valid_q, in_input;
  logic [Cols*ActPlaneW-1:0] plane_q;
  logic [Cols*PosW-1:0] row_q, col_q;
  logic [ColW-1:0] n_cols;

  always_ff @(posedge clk_i) begin
    if (take_o) begin
      valid_q <= set_valid_i;
      plane_q <= set_plane_i;
      row_q <= set_row_i;
      col_q <= set_col_i;
      set_last_q <= set_last_i;
    end
  end

  for (genvar c = 0; c < Cols; c++) begin : gen_col
    logic [PosW-1:0] row, col;
    assign row = row_q[c*PosW +: PosW] + row_tap_q;
    assign col = col_q[c*PosW +: PosW] + col_tap_q;
    assign in_input[c] = !row[PosW-1] && row < tile_i.in_rows
                    && !col[PosW-1] && col < PosW'(desc_i.in_width);
    assign act_plane_o[c*ActPlaneW +: ActPlaneW] =
        plane_q[c*ActPlaneW +: ActPlaneW] + at_q + ActPlaneW'(act_at);
  end

  always_comb begin
    n_cols = '0;
    for (int unsigned c = 0; c < Cols; c++) begin
      n_cols = n_cols + ColW'(valid_q[c]);
    end
  end

  assign read_o = beat;
  assign weight_plane_o = weight_step_q + WeightPlaneW'(weight_at);

  // ---- the data cycle ----

  logic group_last_q;
  logic [15:0] pad_shifted;

  assign pad_shifted = desc_i.pad_code >> act_at;
  assign fire_o = fire_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      fire_q <= 1'b0;
    end else begin
      fire_q <= beat || (fire_q && !last_data);
    end
  end

  always_ff @(posedge clk_i) begin
    if (beat) begin
      beat_o.act_first <= act_first;
      beat_o.act_last <= act_last;
      beat_o.weight_first <= weight_first;
      beat_o.weight_last <= weight_last;
      beat_o.negate <= (ActDigit == 1 && desc_i.act_signed && act_first)
                     ^ (WeightDigit == 1 && desc_i.weight_signed && weight_first);
      beat_o.dot_first <= step_first;
      beat_o.dot_last <= group_last && s_last && r_last;
      act_top_bits_o <= act_top_bits;
      weight_top_bits_o <= weight_top_bits;
      valid_o <= valid_q;
      inside_o <= in_input;
      pad_digit_o <= pad_shifted[ActDigit-1:0];
      group_last_q <= group_last;
    end
  end

  always_comb begin
    for (int unsigned l = 0; l < Lanes; l++) begin
      lane_valid_o[l] = !group_last_q || 16'(l) < layer_i.last_lanes;
    end
  end

  // ---- the sums' way through the array ----

  localparam int unsigned InfoW = 16 + ColW + 3;
  logic [CaptureDelay-1:0] capture_q;
  logic [CaptureDelay*InfoW-1:0] info_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      capture_q <= '0;
    end else begin
      capture_q <= {capture_q[CaptureDelay-2:0], fold_sums};
    end
  end

  always_ff @(posedge clk_i) begin
    info_q <= {info_q[(CaptureDelay-1)*InfoW-1:0], tile_i.first_filter + filter_q, n_cols,
               first_fold_q, fold_last && set_last_q, tile_i.out_half};
  end

  assign capture_o = capture_q[CaptureDelay-1];
  assign {capture_filter_o, capture_cols_o, capture_first_o, capture_last_o, capture_half_o} =
      info_q[CaptureDelay*InfoW-1 -: InfoW];

  logic unused;
  assign unused = &{1'b0, desc_i, layer_i, tile_i, pad_shifted};

endmodule
