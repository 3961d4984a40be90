// pare_weight_buffer: whatever it held, a transfer of all its planes into a half (any words, with
// pauses) and then a read from any plane on gives the digits of those planes.
module weight_buffer #(
  parameter int unsigned Width = 4,
  parameter int unsigned Digit = 2,
  parameter int unsigned MemWidth = 4,
  parameter int unsigned Planes = 4
) (
  input logic clk_i,
  input logic write_i
);

  localparam int unsigned PlaneW = $clog2(Planes);
  localparam int unsigned Words = Planes * Width / MemWidth;

  (* anyconst *) logic [Words*MemWidth-1:0] data;
  (* anyconst *) logic half;
  (* anyconst *) logic [PlaneW-1:0] plane;

  logic [7:0] at = '0;
  logic full, write, has_read = 1'b0;
  logic [Width*Digit-1:0] digits;
  assign full = at == 8'(Words);
  assign write = write_i && !full;

  always_ff @(posedge clk_i) begin
    if (write) at <= at + 8'd1;
    has_read <= full;
  end

  pare_weight_buffer #(
    .Width(Width),
    .Digit(Digit),
    .MemWidth(MemWidth),
    .Planes(Planes)
  ) u_dut (
    .clk_i,
    .write_i(write),
    .write_first_i(at == '0),
    .write_half_i(half),
    .write_data_i(MemWidth'(data >> (at * MemWidth))),
    .read_i(full),
    .read_half_i(half),
    .read_plane_i(plane),
    .digits_o(digits)
  );

  always_comb begin
    if (has_read) begin
      for (int unsigned b = 0; b < Digit; b++)
        for (int unsigned i = 0; i < Width; i++)
          if (plane + b < Planes) assert (digits[i*Digit + b] == data[(plane + b)*Width + i]);
    end
  end

endmodule
