// The tile loop: finds out one tile after the other what it computes and moves, with one
// multiplier, a product a cycle.
//
// Law      the tiles of filters and of windows in two nested loops (windows_outer: which one is
//          outside). Weights are loaded when the filters change, activations when the windows do.
//          A tile's rows of windows need the input rows
//            [max(begin, 0), min(begin + (rows-1)*stride + reach, in_height)),
//            begin = row * stride - pad.
// Latency  ready_o 9 cycles after start_i and next_i: tile_o stands. Behind the last tile exists
//          is 0, one cycle after next_i.
// Reset    stops.
module pare_tiler #(
  parameter int unsigned Rows = 4,
  parameter int unsigned PlaneWords = 1,   // memory words of a weight plane,
  parameter int unsigned WordWeightPlanes = 1,  // or weight planes of a word: one of both is 1
  parameter int unsigned WordPlanes = 4,   // activation planes of a memory word
  parameter int unsigned WordBytes = 4
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  pare_accel_pkg::descriptor_t desc_i,
  input  pare_accel_pkg::layer_t      layer_i,

  input  logic                  start_i,  // the first tile
  input  logic                  next_i,   // the one behind tile_o
  output logic                  ready_o,
  output pare_accel_pkg::tile_t       tile_o
);

  localparam int unsigned PosW = pare_accel_pkg::POS_W;
  localparam int unsigned WordPlanesW = $clog2(WordPlanes);
  localparam int unsigned WordWeightPlanesW = $clog2(WordWeightPlanes);
  localparam int unsigned WordBytesW = $clog2(WordBytes);

  typedef enum logic [3:0] {
    Place, Weights, Span, Acts, Above, Left, Windows, Outs, Ready
  } state_e;

  logic [3:0] state_q;  // of state_e, one after the other
  pare_accel_pkg::tile_t tile_q;
  assign ready_o = state_q == Ready;
  assign tile_o = tile_q;

  logic [15:0] a, b, windows_q, in_rows;
  logic [31:0] product, bytes;
  logic [PosW-1:0] from, to, end_row, span_q;

  // ---- where the loops stand ----

  logic [15:0] fold_q, row_q;  // the first of the tile
  logic [31:0] weight_addr_q, act_addr_q, out_addr_q;
  logic [PosW-1:0] begin_q;    // input row, two's complement
  logic folds_end, rows_end, next_folds, next_rows, ends;

  assign folds_end = fold_q + layer_i.tile_folds >= layer_i.folds;
  assign rows_end = 32'(row_q) + 32'(layer_i.tile_rows) >= 32'(desc_i.out_height);
  // the inner loop moves on at each tile, the outer one when the inner one ends
  assign next_folds = desc_i.windows_outer || rows_end;
  assign next_rows = !desc_i.windows_outer || folds_end;
  assign ends = folds_end && rows_end;

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      fold_q <= '0;
      row_q <= '0;
      weight_addr_q <= desc_i.weight_base;
      act_addr_q <= desc_i.act_base;
      out_addr_q <= desc_i.out_base;
      begin_q <= '0 - PosW'(desc_i.pad_height);
      tile_q.exists <= 1'b1;
      tile_q.load_weights <= 1'b1;
      tile_q.load_acts <= 1'b1;
      tile_q.weight_half <= 1'b0;
      tile_q.act_half <= 1'b0;
      tile_q.out_half <= 1'b0;
    end else if (next_i) begin
      tile_q.exists <= tile_q.exists && !ends;
      if (next_folds) begin
        fold_q <= folds_end ? '0 : fold_q + layer_i.tile_folds;
        weight_addr_q <= folds_end ? desc_i.weight_base : weight_addr_q + desc_i.weight_stride;
      end
      if (next_rows) begin
        row_q <= rows_end ? '0 : row_q + layer_i.tile_rows;
        act_addr_q <= rows_end ? desc_i.act_base : act_addr_q + desc_i.act_stride;
        begin_q <= rows_end ? '0 - PosW'(desc_i.pad_height) : begin_q + layer_i.tile_stride;
      end
      out_addr_q <= out_addr_q + desc_i.out_stride;
      // a loop of one tile does not change what it holds
      tile_q.load_weights <= next_folds && layer_i.tile_folds < layer_i.folds;
      tile_q.load_acts <= next_rows && layer_i.tile_rows < desc_i.out_height;
      tile_q.weight_half <=
          tile_q.weight_half ^ (next_folds && layer_i.tile_folds < layer_i.folds);
      tile_q.act_half <= tile_q.act_half ^ (next_rows && layer_i.tile_rows < desc_i.out_height);
      tile_q.out_half <= !tile_q.out_half;
    end
    // ---- the tile there ----
    case (state_q)
      Place: begin
        tile_q.folds <= folds_end ? layer_i.folds - fold_q : layer_i.tile_folds;
        tile_q.rows <= rows_end ? desc_i.out_height - row_q : layer_i.tile_rows;
        tile_q.first_filter <= fold_q * 16'(Rows);
        tile_q.first_row <= begin_q[PosW-1] ? begin_q : '0;
        tile_q.weight_addr <= weight_addr_q;
        tile_q.act_addr <= act_addr_q;
        tile_q.out_addr <= out_addr_q;
      end
      Weights: begin
        tile_q.weight_words <= (product * PlaneWords + 32'(WordWeightPlanes - 1)) >> WordWeightPlanesW;
      end
      Span: span_q <= PosW'(product) + layer_i.reach;
      Acts: begin
        tile_q.in_rows <= PosW'(in_rows);
        tile_q.act_words <= (product + 32'(WordPlanes - 1)) >> WordPlanesW;
      end
      Above: tile_q.origin <= -product;
      Left: tile_q.origin <= tile_q.origin - product;
      Windows: windows_q <= product[15:0];
      Outs: tile_q.out_words <= (bytes + 32'(WordBytes - 1)) >> WordBytesW;
      default: ;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Ready;
    end else if (start_i || (next_i && tile_q.exists && !ends)) begin
      state_q <= Place;
    end else if (!ready_o) begin
      state_q <= state_q + 4'd1;
    end
  end

  // ---- one product a cycle ----

  assign product = 32'(a) * 32'(b);
  assign bytes = desc_i.raw ? product << 2
               : desc_i.out_bits > 5'd8 ? product << 1 : product;
  assign from = begin_q[PosW-1] ? '0 : begin_q;
  assign to = end_row < PosW'(desc_i.in_height) ? end_row : PosW'(desc_i.in_height);
  assign in_rows = 16'(to - from);

  assign end_row = begin_q + span_q;

  always_comb begin
    a = '0;
    b = '0;
    case (state_q)
      Weights: begin
        a = tile_q.folds;
        b = layer_i.fold_planes;
      end
      Span: begin
        a = tile_q.rows - 16'd1;
        b = 16'(desc_i.stride_height);
      end
      Acts: begin
        a = in_rows;
        b = layer_i.row_planes;
      end
      Above: begin
        a = 16'(-tile_q.first_row);
        b = layer_i.row_planes;
      end
      Left: begin
        a = 16'(desc_i.pad_width);
        b = layer_i.pixel_planes;
      end
      Windows: begin
        a = tile_q.rows;
        b = desc_i.out_width;
      end
      Outs: begin
        a = windows_q;
        b = tile_q.folds * 16'(Rows);
      end
      default: ;
    endcase
  end

  logic unused;
  assign unused = &{1'b0, desc_i, layer_i};

endmodule
