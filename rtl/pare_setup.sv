// Takes a descriptor, refuses what the machine cannot run, and finds out what the controller needs
// of the layer, with one multiplier, a product a cycle. Then takes the records of the filters.
//
// Law      sim/accel.h: the fields, and the status codes in the order in which they are checked
// Latency  a code for a refused descriptor at most 24 + folds cycles after its last word; ready_o
//          one cycle after the last record (or the last product, if raw). The machine answers to
//          release_i, in its next cycle, by taking the next descriptor.
// Reset    forgets all.
module pare_setup #(
  parameter int unsigned PeKind = pare_accel_pkg::PE_TEMPORAL,
  parameter int unsigned Rows = 4,
  parameter int unsigned Lanes = 8,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned WeightPlanes = 512,
  parameter int unsigned ActPlanes = 2048,
  parameter int unsigned OutBytes = 4096,
  parameter int unsigned MaxFilters = 256,
  localparam int unsigned FilterW = $clog2(MaxFilters),
  localparam int unsigned BitsW = pare_pkg::BITS_W
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          desc_valid_i,
  output logic                          desc_ready_o,
  input  logic [31:0]                   desc_i,

  output pare_accel_pkg::descriptor_t         desc_o,
  output pare_accel_pkg::layer_t              layer_o,
  output logic                          ready_o,   // the layer may run
  output logic                          refused_o, // or not: why
  output logic [pare_accel_pkg::STATUS_W-1:0] status_o,
  input  logic                          release_i,

  output logic                          record_write_o,
  output logic [FilterW-1:0]            record_filter_o,
  output logic [69:0]                   record_o
);

  localparam int unsigned LaneW = $clog2(Lanes);
  localparam int unsigned MaxFolds = MaxFilters / Rows;
  localparam int unsigned WordW = $clog2(pare_accel_pkg::DESC_WORDS);

  if (Lanes != 1 << LaneW) begin : gen_bad_lanes
    $error("Lanes must be a power of two");
  end
  if (MaxFilters < Rows || MaxFilters > 65536) begin : gen_bad_filters
    $error("MaxFilters must be at least Rows, at most 65536");
  end

  if (WeightPlanes > 32768 || ActPlanes > 32768 || OutBytes > 32768) begin : gen_bad_buffers
    $error("WeightPlanes, ActPlanes and OutBytes must be at most 32768");
  end

  typedef enum logic [4:0] {
    Words, Fields, FilterFolds, TileFolds, ReachHeight, ReachWidth, OutHeight, OutWidth, Pixel,
    Row, TileStride, TileHeight, TileActs, Taps, Steps, FoldPlanes, TileWeights, TileWindows,
    TileOuts, WindowStep, WindowRowStep, TapStep, TapRowStep, Records, Ready, Refused
  } state_e;

  logic [4:0] state_q, state_d;  // of state_e; most states follow each other
  logic [pare_accel_pkg::DESC_WORDS*32-1:0] words_q;
  logic [WordW-1:0] word_q;
  pare_accel_pkg::descriptor_t desc;
  pare_accel_pkg::layer_t layer_q;
  logic [pare_accel_pkg::STATUS_W-1:0] status_q, status;
  logic bad;

  assign desc = words_q;
  assign desc_o = desc;
  assign layer_o = layer_q;
  assign status_o = status_q;
  assign ready_o = state_q == Ready;
  assign refused_o = state_q == Refused;

  // ---- fields that are wrong by themselves, the first one first ----

  function automatic logic bad_bits(input logic [BitsW-1:0] bits, input int unsigned most);
    bad_bits = bits == '0 || 32'(bits) > most;
  endfunction

  logic [pare_accel_pkg::STATUS_W-1:0] field_status;

  always_comb begin
    field_status = pare_accel_pkg::STATUS_OK;
    if (desc.tile_rows == '0) field_status = pare_accel_pkg::STATUS_TILE_ROWS;
    if (desc.tile_filters == '0) field_status = pare_accel_pkg::STATUS_TILE_FILTERS;
    if (desc.out_height == '0 || desc.out_width == '0) field_status = pare_accel_pkg::STATUS_OUTPUT;
    if (desc.stride_height == '0 || desc.stride_width == '0) begin
      field_status = pare_accel_pkg::STATUS_STRIDE;
    end
    if (desc.dilation_height == '0 || desc.dilation_width == '0) begin
      field_status = pare_accel_pkg::STATUS_DILATION;
    end
    if (desc.kernel_height == '0 || desc.kernel_width == '0) begin
      field_status = pare_accel_pkg::STATUS_KERNEL;
    end
    if (desc.filters == '0) field_status = pare_accel_pkg::STATUS_FILTERS;
    if (desc.channels == '0) field_status = pare_accel_pkg::STATUS_CHANNELS;
    if (desc.in_height == '0 || desc.in_width == '0) field_status = pare_accel_pkg::STATUS_INPUT;
    if (bad_bits(desc.out_bits, 16)) field_status = pare_accel_pkg::STATUS_OUT_BITS;
    if (bad_bits(desc.weight_bits, MaxWeightBits)) begin
      field_status = pare_accel_pkg::STATUS_WEIGHT_BITS;
    end
    if (bad_bits(desc.act_bits, MaxActBits)) field_status = pare_accel_pkg::STATUS_ACT_BITS;
    if ({desc.reserved0, desc.reserved1a, desc.reserved1b, desc.reserved1c} != '0) begin
      field_status = pare_accel_pkg::STATUS_RESERVED;
    end
    if (desc.version != 8'd1) field_status = pare_accel_pkg::STATUS_VERSION;
  end

  // ---- one product a cycle ----

  logic [15:0] a, b, groups, last_lanes, tile_height_q, max_rows;
  logic [2:0] more;  // a step has 2^more times as many channels as lanes
  logic [31:0] product, rows_end, padded, small_q;
  logic [POS_W-1:0] reach_width_q;
  localparam int unsigned POS_W = pare_accel_pkg::POS_W;

  // filters left to count into folds
  logic [16:0] left_q;
  logic fold_ends;
  assign fold_ends = left_q <= 17'(Rows);

  if (PeKind == pare_accel_pkg::PE_FUSION) begin : gen_fusion
    // an operand of at most 4, 2 bits takes half, a quarter of a unit
    assign more = 3'(desc.act_bits <= BitsW'(4)) + 3'(desc.act_bits <= BitsW'(2))
                + 3'(desc.weight_bits <= BitsW'(4)) + 3'(desc.weight_bits <= BitsW'(2));
  end else begin : gen_lanes
    assign more = '0;
  end

  // both less one
  assign groups = (desc.channels - 16'd1) >> LaneW >> more;
  assign last_lanes = (desc.channels - 16'd1) & ((16'(Lanes) << more) - 16'd1);
  assign product = 32'(a) * 32'(b);
  assign max_rows = desc.tile_rows < desc.out_height ? desc.tile_rows : desc.out_height;

  always_comb begin
    a = '0;
    b = '0;
    case (state_q)
      ReachHeight: begin
        a = 16'(desc.kernel_height) - 16'd1;
        b = 16'(desc.dilation_height);
      end
      ReachWidth: begin
        a = 16'(desc.kernel_width) - 16'd1;
        b = 16'(desc.dilation_width);
      end
      OutHeight: begin
        a = desc.out_height - 16'd1;
        b = 16'(desc.stride_height);
      end
      OutWidth: begin
        a = desc.out_width - 16'd1;
        b = 16'(desc.stride_width);
      end
      Pixel: begin
        a = layer_q.groups;
        b = 16'(layer_q.act_step);
      end
      Row: begin
        a = desc.in_width;
        b = layer_q.pixel_planes;
      end
      TileHeight: begin
        a = layer_q.tile_rows - 16'd1;
        b = 16'(desc.stride_height);
      end
      TileActs: begin
        a = tile_height_q;
        b = layer_q.row_planes;
      end
      Taps: begin
        a = 16'(desc.kernel_height);
        b = 16'(desc.kernel_width);
      end
      Steps: begin
        a = small_q[15:0];
        b = layer_q.groups;
      end
      FoldPlanes: begin
        a = small_q[15:0];
        b = 16'(layer_q.weight_step);
      end
      TileWeights: begin
        a = layer_q.tile_folds;
        b = layer_q.fold_planes;
      end
      TileWindows: begin
        a = layer_q.tile_rows;
        b = desc.out_width;
      end
      TileOuts: begin
        a = small_q[15:0];
        b = layer_q.tile_folds * 16'(Rows);
      end
      TileStride: begin
        a = layer_q.tile_rows;
        b = 16'(desc.stride_height);
      end
      WindowStep: begin
        a = 16'(desc.stride_width);
        b = layer_q.pixel_planes;
      end
      WindowRowStep: begin
        a = 16'(desc.stride_height);
        b = layer_q.row_planes;
      end
      TapStep: begin
        a = 16'(desc.dilation_width);
        b = layer_q.pixel_planes;
      end
      TapRowStep: begin
        a = 16'(desc.dilation_height);
        b = layer_q.row_planes;
      end
      default: ;
    endcase
  end

  // The most input rows of a tile. Of two tiles the first one has the padding above, the second one
  // ends with the input; of more, those between have neither.
  logic [31:0] span, first_rows, second_rows;
  logic [15:0] tile_height;

  always_comb begin
    span = product + 32'(layer_q.reach);
    first_rows = span - 32'(desc.pad_height);
    second_rows = 32'(desc.in_height) + 32'(desc.pad_height) - 32'(layer_q.tile_stride);
    if (layer_q.tile_rows == desc.out_height) begin
      span = first_rows;
    end else if (32'(layer_q.tile_rows) << 1 >= 32'(desc.out_height)) begin
      if (second_rows < span) begin
        span = second_rows;
      end
      if (span < first_rows) begin
        span = first_rows;
      end
    end
    tile_height = span < 32'(desc.in_height) ? span[15:0] : desc.in_height;
  end

  // ---- checks that need a product ----

  logic [31:0] out_bytes;
  assign out_bytes = desc.raw ? product << 2 : desc.out_bits > BitsW'(8) ? product << 1 : product;

  // the last row (column) that a window reads, and what there is
  assign rows_end = product + (state_q == OutHeight ? 32'(layer_q.reach) : 32'(reach_width_q));
  assign padded = state_q == OutHeight ? 32'(desc.in_height) + (32'(desc.pad_height) << 1)
                                       : 32'(desc.in_width) + (32'(desc.pad_width) << 1);

  always_comb begin
    bad = 1'b0;
    status = pare_accel_pkg::STATUS_OK;
    case (state_q)
      Fields: begin
        status = field_status;
        bad = status != pare_accel_pkg::STATUS_OK;
      end
      FilterFolds: begin
        status = pare_accel_pkg::STATUS_FILTERS;
        bad = 32'(layer_q.folds) >= MaxFolds;
      end
      TileFolds: begin
        status = pare_accel_pkg::STATUS_TILE_FILTERS;
        bad = fold_ends && left_q != 17'(Rows);
      end
      ReachHeight: begin
        status = pare_accel_pkg::STATUS_PAD;
        bad = 32'(desc.pad_height) > product;
      end
      ReachWidth: begin
        status = pare_accel_pkg::STATUS_PAD;
        bad = 32'(desc.pad_width) > product;
      end
      OutHeight, OutWidth: begin
        status = pare_accel_pkg::STATUS_OUTPUT;
        bad = rows_end > padded;
      end
      Pixel, Row, TileActs: begin
        status = pare_accel_pkg::STATUS_ACT_BUFFER;
        bad = product > ActPlanes;
      end
      Taps, Steps, FoldPlanes, TileWeights: begin
        status = pare_accel_pkg::STATUS_WEIGHT_BUFFER;
        bad = product > WeightPlanes;
      end
      TileWindows: begin
        status = pare_accel_pkg::STATUS_OUT_BUFFER;
        bad = product > OutBytes;
      end
      TileOuts: begin
        status = pare_accel_pkg::STATUS_OUT_BUFFER;
        bad = product > OutBytes || out_bytes > OutBytes;
      end
      default: ;
    endcase
  end

  // ---- the order of it ----

  logic fire, record_last;
  assign desc_ready_o = state_q == Words || state_q == Records;
  assign fire = desc_valid_i && desc_ready_o;

  always_comb begin
    state_d = state_q;
    case (state_q)
      Words: if (fire && word_q == WordW'(pare_accel_pkg::DESC_WORDS - 1)) state_d = Fields;
      Fields: state_d = FilterFolds;
      FilterFolds: if (fold_ends) state_d = TileFolds;
      TileFolds: if (fold_ends) state_d = ReachHeight;
      TapRowStep: state_d = desc.raw ? Ready : Records;
      Records: if (record_last) state_d = Ready;
      Ready, Refused: if (release_i) state_d = Words;
      default: state_d = state_q + 5'd1;
    endcase
    if (bad) begin
      state_d = Refused;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Words;
      word_q <= '0;
    end else begin
      state_q <= state_d;
      if (state_q == Words && fire) begin
        word_q <= word_q + WordW'(1);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (bad) begin
      status_q <= status;
    end
    if (state_q == Words && fire) begin
      words_q <= {desc_i, words_q[pare_accel_pkg::DESC_WORDS*32-1:32]};
    end
    case (state_q)
      Fields: begin
        left_q <= 17'(desc.filters);
        layer_q.folds <= '0;
        layer_q.tile_folds <= '0;
        layer_q.groups <= groups + 16'd1;
        layer_q.last_lanes <= last_lanes + 16'd1;
        layer_q.act_step <= 8'(desc.act_bits) << more;
        layer_q.weight_step <= 8'(desc.weight_bits) << more;
        layer_q.tile_rows <= max_rows;
      end
      FilterFolds: begin
        left_q <= fold_ends ? 17'(desc.tile_filters) : left_q - 17'(Rows);
        layer_q.folds <= layer_q.folds + 16'd1;
      end
      TileFolds: begin
        left_q <= left_q - 17'(Rows);
        // no more than there are
        layer_q.tile_folds <= layer_q.tile_folds + 16'(layer_q.tile_folds < layer_q.folds);
      end
      ReachHeight: layer_q.reach <= POS_W'(product) + POS_W'(1);
      ReachWidth: reach_width_q <= POS_W'(product) + POS_W'(1);
      Pixel: layer_q.pixel_planes <= product[15:0];
      Row: layer_q.row_planes <= product[15:0];
      TileHeight: tile_height_q <= tile_height;
      Taps, Steps, TileWindows: small_q <= product;
      FoldPlanes: layer_q.fold_planes <= product[15:0];
      TileStride: layer_q.tile_stride <= POS_W'(product);
      WindowStep: layer_q.window_step <= product;
      WindowRowStep: layer_q.window_row_step <= product;
      TapStep: layer_q.tap_step <= product;
      TapRowStep: layer_q.tap_row_step <= product;
      default: ;
    endcase
  end

  // ---- three words a record ----

  logic [1:0] part_q;
  logic [63:0] record_q;
  logic [15:0] filter_q, records;

  assign records = layer_q.folds * 16'(Rows);
  assign record_write_o = state_q == Records && fire && part_q == 2'd2;
  assign record_last = record_write_o && filter_q + 16'd1 == records;
  assign record_filter_o = FilterW'(filter_q);
  assign record_o = {desc_i[5:0], record_q};

  always_ff @(posedge clk_i) begin
    if (state_q == Words) begin
      part_q <= '0;
      filter_q <= '0;
    end else if (state_q == Records && fire) begin
      part_q <= part_q == 2'd2 ? 2'd0 : part_q + 2'd1;
      record_q <= {desc_i, record_q[63:32]};
      if (part_q == 2'd2) begin
        filter_q <= filter_q + 16'd1;
      end
    end
  end

  logic unused;
  assign unused = &{1'b0, small_q[31:16], desc.weight_base, desc.weight_stride, desc.act_base,
                    desc.act_stride, desc.out_base, desc.out_stride};

endmodule
