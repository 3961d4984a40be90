// pare_setup by induction, whatever its multiplier gives: sixteen words are taken, then the descriptor
// is either refused, with a code that is not 0, or the layer gets ready, after three words of each
// record unless it stores sums; one of the two comes, once, and stays until it is released. A refused
// descriptor takes and writes no records. Setup ends: each of its cycles is another state or counts a
// fold.
module setup #(
  parameter int unsigned Rows = 2,
  parameter int unsigned MaxFilters = 8
) (
  input logic        clk_i,
  input logic        desc_valid_i,
  input logic [31:0] desc_i,
  input logic        release_i
);

  localparam int unsigned FilterW = $clog2(MaxFilters);
  localparam int unsigned MaxFolds = MaxFilters / Rows;

  // of state_e
  localparam logic [4:0] Words = 5'd0, Fields = 5'd1, FilterFolds = 5'd2, TileFolds = 5'd3, Records = 5'd23, Ready = 5'd24,
                         Refused = 5'd25;

  logic rst_n = 1'b0;
  logic desc_ready, ready, refused, record_write;
  logic [pare_accel_pkg::STATUS_W-1:0] status;
  logic [FilterW-1:0] record_filter;
  logic [69:0] record;
  pare_accel_pkg::descriptor_t desc;
  pare_accel_pkg::layer_t layer;

  pare_setup #(
    .Rows(Rows),
    .Lanes(2),
    .MaxActBits(3),
    .MaxWeightBits(3),
    .WeightPlanes(16),
    .ActPlanes(16),
    .OutBytes(16),
    .MaxFilters(MaxFilters)
  ) u_dut (
    .clk_i,
    .rst_ni(rst_n),
    .desc_valid_i(desc_valid_i && rst_n),
    .desc_ready_o(desc_ready),
    .desc_i,
    .desc_o(desc),
    .layer_o(layer),
    .ready_o(ready),
    .refused_o(refused),
    .status_o(status),
    .release_i,
    .record_write_o(record_write),
    .record_filter_o(record_filter),
    .record_o(record)
  );

  // ---- what has been taken and written of this descriptor ----

  logic [4:0] words = '0;
  logic [1:0] parts = '0;
  logic [15:0] written = '0;
  logic take, held_ready = 1'b0, held_refused = 1'b0;
  logic [pare_accel_pkg::STATUS_W-1:0] held_status;
  logic [31:0] last = '0, before = '0;
  assign take = desc_valid_i && rst_n && desc_ready;

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    held_ready <= rst_n && ready && !release_i;
    held_refused <= rst_n && refused && !release_i;
    held_status <= status;
    if (rst_n && (ready || refused) && release_i) begin
      words <= '0;
      parts <= '0;
      written <= '0;
    end else if (take && words != 5'd16) begin
      words <= words + 5'd1;
    end else if (take) begin
      parts <= parts == 2'd2 ? 2'd0 : parts + 2'd1;
      if (parts == 2'd2) written <= written + 16'd1;
    end
    if (take) begin
      last <= desc_i;
      before <= last;
    end
  end

  // the module's own registers: see probes in run.sh
  logic [4:0] state_q;
  logic [3:0] word_q;
  logic [1:0] part_q;
  logic [15:0] filter_q;
  logic [16:0] left_q;
  logic [63:0] record_q;
  logic [15:0] records;
  assign records = layer.folds * 16'(Rows);

  // every cycle of setup goes on
  logic [4:0] old_state;
  logic [16:0] old_left;
  logic was_busy = 1'b0;
  always_ff @(posedge clk_i) begin
    old_state <= state_q;
    old_left <= left_q;
    was_busy <= rst_n && state_q != Words && state_q < Records;
  end

  always_comb begin
    if (rst_n) begin
      assert (state_q <= Refused);
      // sixteen words, then none until it is decided
      assert (desc_ready == (state_q == Words || state_q == Records));
      assert ((words == 5'd16) == (state_q != Words));
      assert (words <= 5'd16);
      if (state_q == Words) assert (words == {1'b0, word_q} && parts == '0 && written == '0);
      else assert (word_q == '0);
      // one answer, which stays
      assert (ready == (state_q == Ready) && refused == (state_q == Refused));
      if (held_ready) assert (ready && !refused);
      if (held_refused) assert (refused && !ready && status == held_status);
      if (refused) assert (status != pare_accel_pkg::STATUS_OK && status <= pare_accel_pkg::STATUS_OUT_BUFFER);
      // records: three words each, in order, all of them, and of sums or a refused layer none
      assert (record_write == (state_q == Records && take && parts == 2'd2));
      if (state_q == Words || state_q == Records) assert (part_q == parts || state_q == Words);
      if (state_q != Records && state_q != Ready) assert (parts == '0 && written == '0);
      if (state_q == Records) begin
        assert (!desc.raw && filter_q == written && part_q == parts && written < records);
        if (parts != '0) assert (record_q[63:32] == last);
        if (parts == 2'd2) assert (record_q[31:0] == before);
        if (record_write) assert (16'(record_filter) == written && record == {desc_i[5:0], last, before});
      end
      if (state_q != Words && state_q < Records) assert (filter_q == '0 && part_q == '0);
      if (state_q == Ready) assert (parts == '0 && written == (desc.raw ? 16'd0 : records));
      // as many as the memory of records holds
      if (state_q >= TileFolds && state_q <= Ready) assert (layer.folds >= 16'd1 && layer.folds <= 16'(MaxFolds));
      if (state_q == FilterFolds) begin
        assert (layer.folds < 16'(MaxFolds) + 16'd1 && desc.filters != '0 && left_q != '0);
        assert (32'(left_q) + 32'(layer.folds) * Rows == 32'(desc.filters));
      end
      if (state_q > FilterFolds && state_q <= Ready) begin
        assert (32'(layer.folds) * Rows >= 32'(desc.filters));
        assert (32'(layer.folds) * Rows < 32'(desc.filters) + Rows);
      end
      if (state_q > Fields && state_q <= Ready) assert (desc.filters != '0 && desc.tile_filters != '0);
      // it ends
      if (was_busy)
        assert (state_q > old_state || ((state_q == FilterFolds || state_q == TileFolds) && left_q < old_left));
      if (state_q == TileFolds) assert (desc.tile_filters != '0 && left_q != '0 && left_q <= 17'(desc.tile_filters));
    end
  end

endmodule
