// pare_beat_sequencer by induction, whatever the layer and the tile are: it works from start_i to
// done_o; between two sets of windows, and from the last one to done_o, there is an interval at least.
module beat_sequencer #(
  parameter int unsigned Rows = 2,
  parameter int unsigned Cols = 2,
  parameter int unsigned Interval = 4,
  parameter int unsigned Skew = 0,
  parameter int unsigned Waits = 0
) (
  input logic clk_i,
  input logic start_i,
  input logic ready_i,
  input logic set_last_i
);

  (* anyseq *) pare_accel_pkg::descriptor_t desc;
  (* anyseq *) pare_accel_pkg::layer_t layer;
  (* anyseq *) pare_accel_pkg::tile_t tile;

  logic rst_n = 1'b0, start, active, done, take, fire, capture;

  pare_beat_sequencer #(
    .Rows(Rows),
    .Cols(Cols),
    .Lanes(2),
    .ActDigit(1 + 7 * Waits),
    .WeightDigit(1 + 7 * Waits),
    .Interval(Interval),
    .Skew(Skew),
    .Waits(Waits)
  ) u_dut (
    .clk_i,
    .rst_ni(rst_n),
    .desc_i(desc),
    .layer_i(layer),
    .tile_i(tile),
    .start_i(start),
    .active_o(active),
    .done_o(done),
    .take_o(take),
    .set_last_i,
    .set_valid_i('0),
    .set_plane_i('0),
    .set_row_i('0),
    .set_col_i('0),
    .ready_i,
    .fire_o(fire),
    .capture_o(capture)
  );

  assign start = rst_n && start_i && (!active || done);

  logic [7:0] since = '0;  // cycles since a set was taken
  logic busy = 1'b0;
  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    since <= take ? 8'd1 : since == 8'd255 ? since : since + 8'd1;
    busy <= start || (busy && !done);
  end

  // the module's own register: see probes in run.sh
  logic [$clog2(Interval + 1)-1:0] timer_q;

  always_comb begin
    if (rst_n) begin
      assert (active == busy);
      if (busy) assert (since != '0 && 8'(timer_q) < 8'(Interval));
      if (busy) assert (8'(timer_q) < since);
      if (done) assert (busy && since >= 8'(Interval));
      if (take && !start) assert (busy && !done && since >= 8'(Interval));
      if (start) assert (take);
    end
  end

endmodule
