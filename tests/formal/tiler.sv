// pare_tiler by induction, whatever its multiplier gives: a tile stands nine cycles after it is asked
// for and stays until the next one is; the tiles until `exists` falls have each filter and each row of
// windows together exactly once; halves of the buffers change when, and only when, they are loaded.
module tiler #(
  parameter int unsigned Rows = 2
) (
  input logic clk_i,
  input logic start_i,
  input logic next_i
);

  (* anyseq *) pare_accel_pkg::descriptor_t next_desc;
  (* anyseq *) pare_accel_pkg::layer_t next_layer;
  pare_accel_pkg::descriptor_t desc;  // stand from the start on
  pare_accel_pkg::layer_t layer;
  pare_accel_pkg::tile_t tile;

  (* anyconst *) logic [15:0] filter, row;  // watched

  logic rst_n = 1'b0, begun = 1'b0, ready, start, next;
  assign start = rst_n && start_i && ready;
  assign next = rst_n && next_i && ready && begun && !start;

  pare_tiler #(
    .Rows(Rows)
  ) u_dut (
    .clk_i,
    .rst_ni(rst_n),
    .desc_i(start ? next_desc : desc),
    .layer_i(start ? next_layer : layer),
    .start_i(start),
    .next_i(next),
    .ready_o(ready),
    .tile_o(tile)
  );

  // the module's own registers: see probes in run.sh
  logic [15:0] fold_q, row_q;
  logic [3:0] state_q;
  logic [31:0] out_addr_q;

  // ---- the tiles that were there before this one ----

  logic [1:0] hits = '0;
  logic covers, busy_q = 1'b0, held = 1'b0, last_weight_half, last_act_half, last_out_half, moved = 1'b0;
  logic [3:0] cycles = '0;
  logic [31:0] out_addr;
  pare_accel_pkg::tile_t last;
  assign covers = filter >= tile.first_filter && 32'(filter) < 32'(tile.first_filter) + 32'(tile.folds) * Rows
               && row >= row_q && 32'(row) < 32'(row_q) + 32'(tile.rows);

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    held <= rst_n && begun && ready && !start && !next;
    last <= tile;
    moved <= next && tile.exists;
    last_weight_half <= tile.weight_half;
    last_act_half <= tile.act_half;
    last_out_half <= tile.out_half;
    if (start) begin
      begun <= 1'b1;
      desc <= next_desc;
      layer <= next_layer;
      hits <= '0;
      out_addr <= next_desc.out_base;
    end else if (next && tile.exists) begin
      hits <= hits + 2'(covers);
      out_addr <= out_addr + desc.out_stride;
    end
    cycles <= start || next ? 4'd1 : cycles == 4'd15 ? 4'd15 : cycles + 4'd1;
    busy_q <= start || (next && tile.exists) || (busy_q && cycles != 4'd9);
  end

  logic [16:0] fold_filters, end_filters;
  assign fold_filters = 17'(fold_q) * Rows;
  assign end_filters = 17'(fold_q + layer.tile_folds) * Rows;

  always_comb begin
    assume (next_layer.folds >= 16'd1 && next_layer.folds <= 16'd16000);
    assume (next_layer.tile_folds >= 16'd1 && next_layer.tile_folds <= next_layer.folds);
    assume (next_layer.tile_rows >= 16'd1 && next_layer.tile_rows <= next_desc.out_height);
    if (rst_n) begin
      // the latency; a tile stays
      if (begun && tile.exists) assert (ready == (cycles >= 4'd9 || cycles == '0));
      if (begun) assert (cycles != '0);
      if (begun && state_q != 4'd8) assert (cycles == state_q + 4'd1 && tile.exists);
      assert (state_q <= 4'd8);
      if (held) assert (ready && tile == last);
      if (begun) begin
        assert (layer.folds >= 16'd1 && layer.folds <= 16'd16000);
        assert (layer.tile_folds >= 16'd1 && layer.tile_folds <= layer.folds);
        assert (layer.tile_rows >= 16'd1 && layer.tile_rows <= desc.out_height);
      end
      if (!begun) assert (state_q == 4'd8);
      // where the loops stand
      if (begun && tile.exists) begin
        assert (fold_q < layer.folds && row_q < desc.out_height);
        assert (out_addr_q == out_addr);
        if (state_q != '0) begin
          assert (17'(tile.first_filter) == fold_filters);
          assert (tile.folds == (layer.folds - fold_q < layer.tile_folds ? layer.folds - fold_q : layer.tile_folds));
          assert (tile.rows == (desc.out_height - row_q < layer.tile_rows ? desc.out_height - row_q : layer.tile_rows));
          assert (tile.out_addr == out_addr);
        end
        // each filter and row once
        if (32'(filter) < 32'(layer.folds) * Rows && row < desc.out_height)
          assert (hits == 2'(desc.windows_outer
              ? row < row_q || (32'(row) < 32'(row_q) + 32'(layer.tile_rows) && 17'(filter) < fold_filters)
              : 17'(filter) < fold_filters || (17'(filter) < end_filters && row < row_q)));
      end
      if (begun && !tile.exists && 32'(filter) < 32'(layer.folds) * Rows && row < desc.out_height)
        assert (hits == 2'd1);
      // halves
      if (moved && tile.exists) begin
        assert (tile.weight_half == (last_weight_half ^ tile.load_weights));
        assert (tile.act_half == (last_act_half ^ tile.load_acts));
        assert (tile.out_half != last_out_half);
      end
    end
  end

endmodule
