// pare_drain by induction: of each captured fold, Rows rows leave in the next cycles and are appended
// three cycles behind, once each and in order, with its half and columns; the first and the last row of
// a tile are the ones that say so; each row reads its own filter's record; sums are stored as they are.
module drain #(
  parameter int unsigned Rows = 4,
  parameter int unsigned Cols = 2,
  parameter int unsigned AccWidth = 8,
  parameter int unsigned MaxFilters = 8
) (
  input logic                     clk_i,
  input logic                     capture_i,
  input logic                     first_i,
  input logic                     last_i,
  input logic                     half_i,
  input logic [2:0]               filter_i,
  input logic [1:0]               cols_i,
  input logic [Cols*AccWidth-1:0] row_i
);

  localparam int unsigned Depth = Rows + 4;  // cycles from a capture to its last row

  logic rst_n = 1'b0, shift, append, append_first, append_last, append_half, capture;
  logic [3:0] append_count;
  logic [Cols*32-1:0] append_bytes;

  // a fold is captured when the one before it has left
  logic [2:0] left = '0;
  assign capture = rst_n && capture_i && left <= 3'd1;

  pare_drain #(
    .Rows(Rows),
    .Cols(Cols),
    .AccWidth(AccWidth),
    .MaxFilters(MaxFilters)
  ) u_dut (
    .clk_i,
    .rst_ni(rst_n),
    .record_write_i(1'b0),
    .record_filter_i('0),
    .record_i('0),
    .raw_i(1'b1),
    .relu_i(1'b0),
    .out_signed_i(1'b0),
    .out_bits_i(5'd16),
    .out_zero_i('0),
    .weight_zero_i('0),
    .capture_i(capture),
    .first_i,
    .last_i,
    .filter_i,
    .cols_i,
    .half_i,
    .shift_o(shift),
    .row_i,
    .act_sum_i('0),
    .append_o(append),
    .append_first_o(append_first),
    .append_last_o(append_last),
    .append_half_o(append_half),
    .append_count_o(append_count),
    .append_bytes_o(append_bytes)
  );

  // ---- the captures of the last cycles, 1: the one before; what they said, and the rows ----

  logic [Depth:0] captured = '0, firsts, lasts, halves;
  logic [2:0] filters [0:Depth];
  logic [1:0] cols [0:Depth];
  logic [Cols*AccWidth-1:0] rows [0:3];

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    left <= capture ? 3'(Rows) : left == '0 ? '0 : left - 3'd1;
    captured <= {captured[Depth-1:0], 1'b0};
    captured[1] <= capture;
    firsts <= {firsts[Depth-1:0], 1'b0};
    firsts[1] <= first_i;
    lasts <= {lasts[Depth-1:0], 1'b0};
    lasts[1] <= last_i;
    halves <= {halves[Depth-1:0], 1'b0};
    halves[1] <= half_i;
    for (int unsigned i = 2; i <= Depth; i++) begin
      filters[i] <= filters[i-1];
      cols[i] <= cols[i-1];
    end
    filters[1] <= filter_i;
    cols[1] <= cols_i;
    rows[1] <= row_i;
    rows[2] <= rows[1];
    rows[3] <= rows[2];
  end

  // the module's own registers: see probes in run.sh
  logic [2:0] left_q, filter_q;
  logic first_q, last_q, half_q;
  logic [1:0] cols_q;
  logic [2:0] valid_q, first_pipe_q, last_pipe_q, half_pipe_q;
  logic [5:0] cols_pipe_q;
  logic [Cols*AccWidth-1:0] row_q;
  logic [AccWidth-1:0] sum_q_0, sum_q_1, sum_qq_0, sum_qq_1;

  // a row that leaves now is of the capture `r + 1` cycles ago, r rows before it; a row that is
  // appended, three cycles more
  logic [Rows-1:0] leaving, arriving;
  assign leaving = captured[Rows:1];
  assign arriving = captured[Depth-1:4];

  always_comb begin
    if (rst_n) begin
      assert (left == left_q && left_q <= 3'(Rows) && !captured[0]);
      // one capture at a time, as its rows leave
      for (int unsigned r = 0; r < Rows; r++) begin
        for (int unsigned s = 0; s < r; s++) begin
          assert (!(leaving[r] && leaving[s]));
          assert (!(arriving[r] && arriving[s]));
        end
        if (leaving[r]) begin
          assert (left_q == 3'(Rows - r) && filter_q == filters[r+1] + 3'(r));
          assert (first_q == (firsts[r+1] && r == 0) && last_q == lasts[r+1]);
          assert (cols_q == cols[r+1] && half_q == halves[r+1]);
        end
        if (arriving[r]) begin
          assert (append_first == (firsts[r+4] && r == 0));
          assert (append_last == (lasts[r+4] && r == Rows - 1));
          assert (append_half == halves[r+4] && append_count == {cols[r+4], 2'b00});
        end
      end
      for (int unsigned i = 1; i + Rows <= Depth; i++)
        for (int unsigned k = i + 1; k < i + Rows; k++) assert (!(captured[i] && captured[k]));
      assert (shift == (leaving != '0) && (left_q == '0) == (leaving == '0));
      assert (append == (arriving != '0));
      if (!append) assert (!append_last);
      // on the way, 1 and 2 cycles behind the shift
      for (int unsigned d = 1; d < 4; d++) begin
        assert (valid_q[d-1] == (captured[Rows+d -: Rows] != '0));
        for (int unsigned r = 0; r < Rows; r++)
          if (captured[r+1+d]) begin
            assert (first_pipe_q[d-1] == (firsts[r+1+d] && r == 0));
            assert (last_pipe_q[d-1] == (lasts[r+1+d] && r == Rows - 1));
            assert (half_pipe_q[d-1] == halves[r+1+d] && cols_pipe_q[(d-1)*2 +: 2] == cols[r+1+d]);
          end
      end
      // the sums themselves
      if (valid_q[0]) assert (row_q == rows[1]);
      if (valid_q[1]) assert ({sum_q_1, sum_q_0} == rows[2]);
      if (valid_q[2]) assert ({sum_qq_1, sum_qq_0} == rows[3]);
      for (int unsigned c = 0; c < Cols; c++)
        if (append)
          assert (append_bytes[c*32 +: 32] == 32'($signed(rows[3][c*AccWidth +: AccWidth])));
    end
  end

endmodule
