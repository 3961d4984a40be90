// pare_step_buffer: whatever it held, a transfer of all its planes into a half (any words, with
// pauses, while the other half is read) and then a read from any plane on give the planes of a step,
// each in its place; what was read stays until the next read; the other half is as it was.
module step_buffer #(
  parameter int unsigned Width = 4,
  parameter int unsigned Take = 2,
  parameter int unsigned MemWidth = 4,
  parameter int unsigned Planes = 4
) (
  input logic clk_i,
  input logic write_i,
  input logic pause_i
);

  localparam int unsigned PlaneW = $clog2(Planes);
  localparam int unsigned Words = Planes * Width / MemWidth;

  (* anyconst *) logic [Words*MemWidth-1:0] data;
  (* anyconst *) logic half;
  (* anyconst *) logic [PlaneW-1:0] plane, other_plane;

  // before the transfer the other half is read, behind it first this one and then the other one
  logic [7:0] at = '0;
  logic [1:0] since = '0;  // cycles behind the transfer
  logic begun = 1'b0, has_other = 1'b0, has_read = 1'b0, is_full, write, read;
  logic [Take*Width-1:0] planes, other, last;
  assign is_full = at == 8'(Words);
  assign write = write_i && begun && !is_full;
  assign read = !pause_i || !begun || is_full;

  always_ff @(posedge clk_i) begin
    begun <= 1'b1;
    if (write) at <= at + 8'd1;
    if (begun && !has_other) other <= planes;
    has_other <= begun;
    has_read <= read;
    last <= planes;
    if (is_full && since != 2'd3) since <= since + 2'd1;
  end

  pare_step_buffer #(
    .Width(Width),
    .Take(Take),
    .MemWidth(MemWidth),
    .Planes(Planes)
  ) u_dut (
    .clk_i,
    .write_i(write),
    .write_first_i(at == '0),
    .write_half_i(half),
    .write_data_i(MemWidth'(data >> (at * MemWidth))),
    .read_i(read),
    .read_half_i(is_full && since == '0 ? half : !half),
    .read_plane_i(is_full && since == '0 ? plane : other_plane),
    .planes_o(planes)
  );

  always_comb begin
    if (since == 2'd1) begin
      for (int unsigned p = 0; p < Take; p++)
        for (int unsigned i = 0; i < Width; i++)
          if (plane + p < Planes) assert (planes[p*Width + i] == data[(plane + p)*Width + i]);
    end else if (has_other) begin
      assert (planes == other);
    end
    if (begun && !has_read) assert (planes == last);
  end

endmodule
