// pare_out_buffer: whatever it held and wherever the tile before it ended, rows of any lengths are
// appended to a half from its begin on, with pauses, while the other half is read; then each byte that
// they brought is read in its place, and what the other half held has not changed.
module out_buffer #(
  parameter int unsigned RowBytes = 3,
  parameter int unsigned MemWidth = 16,
  parameter int unsigned Bytes = 16,
  parameter int unsigned Rows = 3
) (
  input logic                  clk_i,
  input logic                  append_i,
  input logic [$clog2(RowBytes + 1)-1:0] count_i,
  input logic [RowBytes*8-1:0] bytes_i
);

  localparam int unsigned WordBytes = MemWidth / 8;
  localparam int unsigned WordW = $clog2(Bytes / WordBytes);
  localparam int unsigned ByteW = $clog2(Bytes);

  (* anyconst *) logic half;
  (* anyconst *) logic [ByteW-1:0] watched;      // byte of the half
  (* anyconst *) logic [WordW-1:0] other_word;   // of the other half

  // cycle 0: the other half is read, to be read again at the end
  logic [3:0] cycle = '0;
  logic [7:0] at = '0, expected;
  logic is_stored = 1'b0, append, is_first;
  logic [3:0] n_rows = '0;
  logic [MemWidth-1:0] data, other;
  localparam logic [3:0] End = 4'(Rows + 3);
  assign append = append_i && cycle != '0 && cycle < End && n_rows < 4'(Rows) && 32'(at) + 32'(count_i) <= Bytes;
  assign is_first = n_rows == '0;

  logic [7:0] offset;
  assign offset = 8'(watched) - at;

  always_ff @(posedge clk_i) begin
    if (cycle < End + 4'd2) cycle <= cycle + 4'd1;
    if (cycle == 4'd1) other <= data;
    if (append) begin
      n_rows <= n_rows + 4'd1;
      at <= at + 8'(count_i);
      if (8'(watched) >= at && offset < 8'(count_i)) begin
        is_stored <= 1'b1;
        expected <= bytes_i[offset*8 +: 8];
      end
    end
  end

  pare_out_buffer #(
    .RowBytes(RowBytes),
    .MemWidth(MemWidth),
    .Bytes(Bytes)
  ) u_dut (
    .clk_i,
    .append_i(append),
    .first_i(is_first),
    .half_i(half),
    .count_i,
    .bytes_i,
    .read_i(1'b1),
    .read_half_i(cycle == End ? half : !half),
    .read_word_i(cycle == End ? watched[ByteW-1 -: WordW] : other_word),
    .read_data_o(data)
  );

  always_comb begin
    assume (32'(count_i) <= RowBytes);
    if (cycle == End + 4'd1 && is_stored)
      assert (data[(8'(watched) % WordBytes)*8 +: 8] == expected);
    if (cycle > 4'd1 && cycle != End + 4'd1) assert (data == other);
  end

endmodule
