// The machine: an array of Rows x Cols PEs, its buffers, requantiser and controller behind a
// descriptor port, a status port and a memory port (sim/accel.h has the descriptor's fields).
//
// PeKind   of pare_accel_pkg: temporal PEs of Lanes lanes, a pair of digits a beat; or fusion PEs of
//          Lanes units, a step a beat, or term-serial PEs of Lanes lanes, a step a beat that takes
//          the cycles of the slowest column; these have no digits (ActDigit and WeightDigit do not
//          matter)
//
// Ports    All streams are valid and ready; valid never waits for ready and stays until taken.
//          desc    16 words start a layer; if it asks for codes and is accepted, 3 words of each
//                  filter follow (filters rounded up to whole rows)
//          status  one word ends it: 0, or why it cannot run
//          req     a piece of memory: words of MemWidth bits from a word address on, to be read
//                  into the load stream or written from the store stream, in the order asked
//          load, store  the words themselves, without a gap if memory leaves none
//          run, stage, dram_unit, array_unit  what happens, for observers: the events of level 2
module pare_accel #(
  parameter int unsigned PeKind = pare_accel_pkg::PE_TEMPORAL,
  parameter int unsigned Rows = 4,
  parameter int unsigned Cols = 4,
  parameter int unsigned Lanes = 8,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  parameter int unsigned MemWidth = 32,
  parameter int unsigned WeightPlanes = 512,  // bit planes of Rows * Lanes in half a weight buffer
  parameter int unsigned ActPlanes = 2048,    // bit planes of Lanes in half an activation buffer
  parameter int unsigned OutBytes = 4096,     // of half an output buffer
  parameter int unsigned MaxFilters = 256,    // records of filters
  parameter int unsigned Skew = 0,
  parameter int unsigned Recoding = 2,        // of terms: pare_term_recode
  parameter int unsigned FirstStageBits = 2   // of their shifters
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          desc_valid_i,
  output logic                          desc_ready_o,
  input  logic [31:0]                   desc_i,

  output logic                          status_valid_o,
  input  logic                          status_ready_i,
  output logic [pare_accel_pkg::STATUS_W-1:0] status_o,

  output logic                          req_valid_o,
  input  logic                          req_ready_i,
  output logic                          req_write_o,
  output logic [1:0]                    req_kind_o,   // pare_accel_pkg::MOVE_*
  output logic [31:0]                   req_addr_o,   // memory words
  output logic [31:0]                   req_words_o,  // at least 1

  input  logic                          load_valid_i,
  output logic                          load_ready_o,
  input  logic [MemWidth-1:0]           load_data_i,

  output logic                          store_valid_o,
  input  logic                          store_ready_i,
  output logic [MemWidth-1:0]           store_data_o,

  output logic                          run_o,         // stages run
  output logic [31:0]                   stage_o,       // loads tile s, computes s - 1, stores s - 2
  output logic [2:0]                    dram_unit_o,   // pare_accel_pkg::DRAM_*
  output logic [1:0]                    array_unit_o   // pare_accel_pkg::ARRAY_*
);

  localparam int unsigned BitsW = pare_pkg::BITS_W;
  localparam int unsigned PosW = pare_accel_pkg::POS_W;
  localparam int unsigned PlaneBits = Rows * Lanes;
  localparam int unsigned WeightPlaneW = $clog2(WeightPlanes);
  localparam int unsigned ActPlaneW = $clog2(ActPlanes);
  localparam int unsigned OutWordW = $clog2(OutBytes * 8 / MemWidth);
  localparam int unsigned FilterW = $clog2(MaxFilters);
  localparam int unsigned ColW = $clog2(Cols + 1);
  localparam int unsigned CountW = $clog2(Cols * 4 + 1);
  localparam bit IsFusion = PeKind == pare_accel_pkg::PE_FUSION;
  localparam bit IsTerm = PeKind == pare_accel_pkg::PE_TERM;
  // a beat of whole operands is a step
  localparam int unsigned BeatActBits = IsFusion || IsTerm ? MaxActBits : ActDigit;
  localparam int unsigned BeatWeightBits = IsFusion || IsTerm ? MaxWeightBits : WeightDigit;
  localparam int unsigned StepChannels = Lanes * (IsFusion ? 16 : 1);  // at most
  localparam int unsigned ActReadW = Lanes * (IsFusion ? 32 : BeatActBits);  // of a column
  localparam int unsigned WeightReadW = Lanes * (IsFusion ? 32 : BeatWeightBits);  // of a row
  // the drain takes Rows cycles, the next set of windows Cols + 2
  localparam int unsigned Interval = Rows > Cols + 2 ? Rows : Cols + 2;

  // ---- the layer ----

  pare_accel_pkg::descriptor_t desc;
  pare_accel_pkg::layer_t layer;
  logic layer_ready, refused, release_layer, record_write;
  logic [pare_accel_pkg::STATUS_W-1:0] refused_status;
  logic [FilterW-1:0] record_filter;
  logic [69:0] record;

  pare_setup #(
    .PeKind(PeKind),
    .Rows(Rows),
    .Lanes(Lanes),
    .MaxActBits(MaxActBits),
    .MaxWeightBits(MaxWeightBits),
    .WeightPlanes(WeightPlanes),
    .ActPlanes(ActPlanes),
    .OutBytes(OutBytes),
    .MaxFilters(MaxFilters)
  ) u_setup (
    .clk_i,
    .rst_ni,
    .desc_valid_i,
    .desc_ready_o,
    .desc_i,
    .desc_o(desc),
    .layer_o(layer),
    .ready_o(layer_ready),
    .refused_o(refused),
    .status_o(refused_status),
    .release_i(release_layer),
    .record_write_o(record_write),
    .record_filter_o(record_filter),
    .record_o(record)
  );

  // ---- the tile that a stage loads, computes, stores; and the one behind them ----

  pare_accel_pkg::tile_t tile_next, tile_load, tile_compute, tile_store;
  logic tiler_start, tiler_ready, swap, stage_done, run_q, begun_q, ended_q, finish;
  logic [31:0] stage_q;

  pare_tiler #(
    .Rows(Rows),
    .PlaneWords(PlaneBits > MemWidth ? PlaneBits / MemWidth : 1),
    .WordWeightPlanes(PlaneBits < MemWidth ? MemWidth / PlaneBits : 1),
    .WordPlanes(MemWidth / Lanes),
    .WordBytes(MemWidth / 8)
  ) u_tiler (
    .clk_i,
    .rst_ni,
    .desc_i(desc),
    .layer_i(layer),
    .start_i(tiler_start),
    .next_i(swap),
    .ready_o(tiler_ready),
    .tile_o(tile_next)
  );

  // ---- stages ----

  logic dma_done, array_done, array_active, windows_ready, compute_start;

  // the tiler works on the first tile before the first stage, on the next one during each
  assign tiler_start = layer_ready && !begun_q;
  assign stage_done = dma_done && (array_done || !array_active);
  assign swap = tiler_ready && begun_q
              && (run_q ? stage_done && windows_ready && !finish : !ended_q);
  assign finish = run_q && stage_done && !tile_load.exists && !tile_compute.exists;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      begun_q <= 1'b0;
      ended_q <= 1'b0;
      run_q <= 1'b0;
    end else begin
      begun_q <= layer_ready;
      ended_q <= layer_ready && (ended_q || finish);
      run_q <= (run_q || swap) && !finish;
    end
  end

  always_ff @(posedge clk_i) begin
    if (swap) begin
      tile_load <= tile_next;
      tile_compute <= tile_load;
      tile_store <= tile_compute;
      stage_q <= stage_q + 32'd1;
      if (!run_q) begin
        tile_compute.exists <= 1'b0;
        tile_store.exists <= 1'b0;
        stage_q <= '0;
      end
    end
  end

  assign run_o = run_q;
  assign stage_o = stage_q;
  assign array_unit_o = !run_q || !tile_compute.exists ? pare_accel_pkg::ARRAY_IDLE
                      : array_active ? pare_accel_pkg::ARRAY_COMPUTE : pare_accel_pkg::ARRAY_WAIT;

  // ---- the answer ----

  logic status_valid_q;
  assign release_layer = status_valid_o && status_ready_i;
  assign status_valid_o = refused || status_valid_q;
  assign status_o = refused ? refused_status : pare_accel_pkg::STATUS_OK;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      status_valid_q <= 1'b0;
    end else if (finish) begin
      status_valid_q <= 1'b1;
    end else if (status_ready_i) begin
      status_valid_q <= 1'b0;
    end
  end

  // ---- memory ----

  logic weight_write, act_write, write_first, out_read, append_last, append_half;
  logic [1:0] complete_q;  // the halves of the output buffer
  logic [OutWordW-1:0] out_word;
  logic [2:0] moves, dma_unit;

  // of the stage that starts
  always_comb begin
    moves = '0;
    moves[pare_accel_pkg::MOVE_WEIGHTS] = tile_next.exists && tile_next.load_weights;
    moves[pare_accel_pkg::MOVE_ACTS] = tile_next.exists && tile_next.load_acts;
    moves[pare_accel_pkg::MOVE_OUTPUTS] = run_q && tile_compute.exists;
  end

  pare_dma #(
    .OutWordW(OutWordW)
  ) u_dma (
    .clk_i,
    .rst_ni,
    .start_i(swap),
    .moves_i(moves),
    .weight_addr_i(tile_load.weight_addr),
    .weight_words_i(tile_load.weight_words),
    .act_addr_i(tile_load.act_addr),
    .act_words_i(tile_load.act_words),
    .out_addr_i(tile_store.out_addr),
    .out_words_i(tile_store.out_words),
    .hold_i(!complete_q[tile_store.out_half]),
    .done_o(dma_done),
    .unit_o(dma_unit),
    .req_valid_o,
    .req_ready_i,
    .req_write_o,
    .req_kind_o,
    .req_addr_o,
    .req_words_o,
    .load_valid_i,
    .load_ready_o,
    .store_valid_o,
    .store_ready_i,
    .weight_write_o(weight_write),
    .act_write_o(act_write),
    .write_first_o(write_first),
    .out_read_o(out_read),
    .out_word_o(out_word)
  );

  assign dram_unit_o = dma_unit;

  always_ff @(posedge clk_i) begin
    if (compute_start) begin
      complete_q[tile_load.out_half] <= 1'b0;
    end
    if (append_last) begin
      complete_q[append_half] <= 1'b1;
    end
  end

  // ---- windows ----

  logic windows_last, took_q, take, windows_start, windows_next;
  logic [Cols-1:0] set_valid;
  logic [Cols*ActPlaneW-1:0] set_plane;
  logic [Cols*PosW-1:0] set_row, set_col;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      took_q <= 1'b0;
    end else begin
      took_q <= take || (swap && !run_q);
    end
  end

  // behind a tile's last set the first one of the tile that is being loaded
  logic first_stage;
  assign first_stage = !tile_compute.exists;
  assign windows_start = took_q && (first_stage || windows_last) && tile_load.exists;
  assign windows_next = took_q && !first_stage && !windows_last;

  pare_window_gen #(
    .Cols(Cols),
    .PlaneW(ActPlaneW)
  ) u_windows (
    .clk_i,
    .rst_ni,
    .start_i(windows_start),
    .next_i(windows_next),
    .ready_o(windows_ready),
    .origin_i(ActPlaneW'(tile_load.origin)),
    .first_row_i(tile_load.first_row),
    .rows_i(tile_load.rows),
    .out_width_i(desc.out_width),
    .pad_width_i(desc.pad_width),
    .stride_height_i(desc.stride_height),
    .stride_width_i(desc.stride_width),
    .row_step_i(ActPlaneW'(layer.window_row_step)),
    .window_step_i(ActPlaneW'(layer.window_step)),
    .valid_o(set_valid),
    .plane_o(set_plane),
    .row_o(set_row),
    .col_o(set_col),
    .last_o(windows_last)
  );

  // ---- beats ----

  logic read, fire, beat_ready, capture, capture_first, capture_last, capture_half;
  logic [WeightPlaneW-1:0] weight_plane;
  logic [Cols*ActPlaneW-1:0] act_plane;
  pare_pkg::beat_t beat;
  logic [BitsW-1:0] act_top_bits, weight_top_bits;
  logic [Cols-1:0] col_valid, col_inside;
  logic [StepChannels-1:0] lane_valid;
  logic [BeatActBits-1:0] pad_digit;
  logic [15:0] capture_filter;
  logic [ColW-1:0] capture_cols;

  assign compute_start = swap && run_q && tile_load.exists;

  pare_beat_sequencer #(
    .Rows(Rows),
    .Cols(Cols),
    .Lanes(StepChannels),
    .ActDigit(BeatActBits),
    .WeightDigit(BeatWeightBits),
    .MaxActBits(MaxActBits),
    .MaxWeightBits(MaxWeightBits),
    .ActPlaneW(ActPlaneW),
    .WeightPlaneW(WeightPlaneW),
    .Interval(Interval),
    .Skew(Skew),
    .Waits(IsTerm ? 1 : 0)
  ) u_sequencer (
    .clk_i,
    .rst_ni,
    .desc_i(desc),
    .layer_i(layer),
    .tile_i(tile_compute),
    .start_i(compute_start),
    .active_o(array_active),
    .done_o(array_done),
    .take_o(take),
    .set_last_i(windows_last),
    .set_valid_i(set_valid),
    .set_plane_i(set_plane),
    .set_row_i(set_row),
    .set_col_i(set_col),
    .read_o(read),
    .weight_plane_o(weight_plane),
    .act_plane_o(act_plane),
    .fire_o(fire),
    .ready_i(beat_ready),
    .beat_o(beat),
    .act_top_bits_o(act_top_bits),
    .weight_top_bits_o(weight_top_bits),
    .valid_o(col_valid),
    .inside_o(col_inside),
    .lane_valid_o(lane_valid),
    .pad_digit_o(pad_digit),
    .capture_o(capture),
    .capture_first_o(capture_first),
    .capture_filter_o(capture_filter),
    .capture_last_o(capture_last),
    .capture_cols_o(capture_cols),
    .capture_half_o(capture_half)
  );

  // ---- buffers ----

  logic [Rows*WeightReadW-1:0] weights;
  logic [Cols*ActReadW-1:0] act_read, acts;

  if (IsFusion) begin : gen_steps
    // all planes of a step; columns look at different pixels, so each has a copy of its own
    pare_step_buffer #(
      .Width(PlaneBits),
      .MemWidth(MemWidth),
      .Planes(WeightPlanes)
    ) u_weights (
      .clk_i,
      .write_i(weight_write),
      .write_first_i(write_first),
      .write_half_i(tile_load.weight_half),
      .write_data_i(load_data_i),
      .read_i(read),
      .read_half_i(tile_compute.weight_half),
      .read_plane_i(weight_plane),
      .planes_o(weights)
    );

    logic [ActReadW-1:0] pad;

    pare_fusion_pad #(
      .Units(Lanes)
    ) u_pad (
      .bits_i(desc.act_bits),
      .code_i(pad_digit),
      .valid_i(lane_valid),
      .planes_o(pad)
    );

    for (genvar c = 0; c < Cols; c++) begin : gen_col
      pare_step_buffer #(
        .Width(Lanes),
        .MemWidth(MemWidth),
        .Planes(ActPlanes)
      ) u_acts (
        .clk_i,
        .write_i(act_write),
        .write_first_i(write_first),
        .write_half_i(tile_load.act_half),
        .write_data_i(load_data_i),
        .read_i(read),
        .read_half_i(tile_compute.act_half),
        .read_plane_i(act_plane[c*ActPlaneW +: ActPlaneW]),
        .planes_o(act_read[c*ActReadW +: ActReadW])
      );

      // no window is zeros
      assign acts[c*ActReadW +: ActReadW] =
          !col_valid[c] ? '0 : col_inside[c] ? act_read[c*ActReadW +: ActReadW] : pad;
    end
  end else begin : gen_digits
    pare_weight_buffer #(
      .Width(PlaneBits),
      .Digit(BeatWeightBits),
      .MemWidth(MemWidth),
      .Planes(WeightPlanes)
    ) u_weights (
      .clk_i,
      .write_i(weight_write),
      .write_first_i(write_first),
      .write_half_i(tile_load.weight_half),
      .write_data_i(load_data_i),
      .read_i(read),
      .read_half_i(tile_compute.weight_half),
      .read_plane_i(weight_plane),
      .digits_o(weights)
    );

    pare_act_buffer #(
      .Cols(Cols),
      .Lanes(Lanes),
      .Digit(BeatActBits),
      .MemWidth(MemWidth),
      .Planes(ActPlanes)
    ) u_acts (
      .clk_i,
      .write_i(act_write),
      .write_first_i(write_first),
      .write_half_i(tile_load.act_half),
      .write_data_i(load_data_i),
      .read_i(read),
      .read_half_i(tile_compute.act_half),
      .read_plane_i(act_plane),
      .digits_o(act_read)
    );

    // padding is the code of zero, in lanes that hold a channel; no window is zeros
    always_comb begin
      acts = '0;
      for (int unsigned c = 0; c < Cols; c++) begin
        for (int unsigned l = 0; l < Lanes; l++) begin
          if (col_valid[c] && col_inside[c]) begin
            acts[(c*Lanes+l)*BeatActBits +: BeatActBits] =
                act_read[(c*Lanes+l)*BeatActBits +: BeatActBits];
          end else if (col_valid[c] && lane_valid[l]) begin
            acts[(c*Lanes+l)*BeatActBits +: BeatActBits] = pad_digit;
          end
        end
      end
    end
  end

  // ---- the array and what leaves it ----

  logic shift, append, append_first;
  logic [CountW-1:0] append_count;
  logic [Cols*32-1:0] append_bytes;
  logic [Cols*AccWidth-1:0] row, act_sum;

  pare_array #(
    .PeKind(PeKind),
    .Rows(Rows),
    .Cols(Cols),
    .Lanes(Lanes),
    .ActDigit(BeatActBits),
    .WeightDigit(BeatWeightBits),
    .MaxActBits(MaxActBits),
    .MaxWeightBits(MaxWeightBits),
    .AccWidth(AccWidth),
    .Skew(Skew),
    .Recoding(Recoding),
    .FirstStageBits(FirstStageBits)
  ) u_array (
    .clk_i,
    .rst_ni,
    .fire_i(fire),
    .ready_o(beat_ready),
    .beat_i(beat),
    .act_signed_i(desc.act_signed),
    .weight_signed_i(desc.weight_signed),
    .act_top_bits_i(act_top_bits),
    .weight_top_bits_i(weight_top_bits),
    .act_i(acts),
    .weight_i(weights),
    .capture_i(capture),
    .shift_i(shift),
    .row_o(row),
    .act_sum_o(act_sum)
  );

  pare_drain #(
    .Rows(Rows),
    .Cols(Cols),
    .AccWidth(AccWidth),
    .MaxFilters(MaxFilters)
  ) u_drain (
    .clk_i,
    .rst_ni,
    .record_write_i(record_write),
    .record_filter_i(record_filter),
    .record_i(record),
    .raw_i(desc.raw),
    .relu_i(desc.relu),
    .out_signed_i(desc.out_signed),
    .out_bits_i(desc.out_bits),
    .out_zero_i(desc.out_zero),
    .weight_zero_i(desc.weight_zero),
    .capture_i(capture),
    .first_i(capture_first),
    .last_i(capture_last),
    .filter_i(FilterW'(capture_filter)),
    .cols_i(capture_cols),
    .half_i(capture_half),
    .shift_o(shift),
    .row_i(row),
    .act_sum_i(act_sum),
    .append_o(append),
    .append_first_o(append_first),
    .append_last_o(append_last),
    .append_half_o(append_half),
    .append_count_o(append_count),
    .append_bytes_o(append_bytes)
  );

  pare_out_buffer #(
    .RowBytes(Cols * 4),
    .MemWidth(MemWidth),
    .Bytes(OutBytes)
  ) u_outs (
    .clk_i,
    .append_i(append),
    .first_i(append_first),
    .half_i(append_half),
    .count_i(append_count),
    .bytes_i(append_bytes),
    .read_i(out_read),
    .read_half_i(tile_store.out_half),
    .read_word_i(out_word),
    .read_data_o(store_data_o)
  );

  logic unused;
  assign unused = &{1'b0, tile_next, tile_load, tile_compute, tile_store, capture_filter};

  `include "pare_assert.svh"
  `PARE_ASSERT(StatusStaysUntilTaken, status_valid_o && !status_ready_i |=> status_valid_o)
  `PARE_ASSERT(WindowsAreReady, take |-> windows_ready)

endmodule
