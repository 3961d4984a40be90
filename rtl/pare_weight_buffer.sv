// The weight buffer: bit planes of all rows and lanes, two halves.
//
// A plane is one bit of the weights of one step, Width = Rows * Lanes bits. A transfer fills a half
// with plane after plane, MemWidth bits a word. Plane n lies in bank n mod Digit, so that any Digit
// planes that follow each other are read together: a digit, wherever the bitlength puts it.
//
// Law      digits_o[i*Digit + b] = bit i of plane read_plane_i + b
//          (planes beyond the transfer are anything: those above a top digit's own bits)
// Latency  digits_o one cycle after read_i.
module pare_weight_buffer #(
  parameter int unsigned Width = 32,     // of a plane
  parameter int unsigned Digit = 1,
  parameter int unsigned MemWidth = 32,
  parameter int unsigned Planes = 512,   // of a half
  localparam int unsigned PlaneW = $clog2(Planes)
) (
  input  logic                   clk_i,

  input  logic                   write_i,
  input  logic                   write_first_i,  // word of the transfer
  input  logic                   write_half_i,
  input  logic [MemWidth-1:0]    write_data_i,

  input  logic                   read_i,
  input  logic                   read_half_i,
  input  logic [PlaneW-1:0]      read_plane_i,
  output logic [Width*Digit-1:0] digits_o
);

  localparam int unsigned Parts = Width / MemWidth;
  localparam int unsigned PartW = Parts > 1 ? $clog2(Parts) : 1;
  localparam int unsigned DigitW = $clog2(Digit);
  localparam int unsigned Depth = Planes / Digit;
  localparam int unsigned RowW = PlaneW - DigitW;

  if (Width % MemWidth != 0) begin : gen_bad_width
    $error("Rows * Lanes must be a multiple of MemWidth");
  end
  if (Digit != 1 << DigitW) begin : gen_bad_digit
    $error("WeightDigit must be a power of two");
  end
  if (Planes != 1 << PlaneW || Planes < 2 * Digit) begin : gen_bad_planes
    $error("WeightPlanes must be a power of two, at least two digits");
  end

  // ---- where the next word goes ----

  logic [PartW-1:0] part, part_q;
  logic [PlaneW-1:0] plane, plane_q;

  assign part = write_first_i ? '0 : part_q;
  assign plane = write_first_i ? '0 : plane_q;

  always_ff @(posedge clk_i) begin
    if (write_i) begin
      if (part == PartW'(Parts - 1)) begin
        part_q <= '0;
        plane_q <= plane + PlaneW'(1);
      end else begin
        part_q <= part + PartW'(1);
        plane_q <= plane;
      end
    end
  end

  // ---- the banks ----

  logic [Width*Digit-1:0] planes;  // bank after bank

  for (genvar b = 0; b < Digit; b++) begin : gen_bank
    logic write_bank;
    logic [RowW-1:0] read_row;

    if (Digit == 1) begin : gen_one
      assign write_bank = write_i;
      assign read_row = read_plane_i;
    end else begin : gen_many
      // a bank below the first plane's holds its share of the digit one row further on
      assign write_bank = write_i && plane[DigitW-1:0] == DigitW'(b);
      assign read_row = read_plane_i[PlaneW-1:DigitW]
                      + RowW'(32'(read_plane_i[DigitW-1:0]) > b);
    end

    for (genvar p = 0; p < Parts; p++) begin : gen_part
      pare_ram #(
        .Width(MemWidth),
        .Depth(2 * Depth)
      ) u_ram (
        .clk_i,
        .write_i(write_bank && part == PartW'(p)),
        .write_addr_i({write_half_i, plane[PlaneW-1:DigitW]}),
        .write_data_i,
        .read_i,
        .read_addr_i({read_half_i, read_row}),
        .read_data_o(planes[b*Width + p*MemWidth +: MemWidth])
      );
    end
  end

  // ---- the digit ----

  if (Digit == 1) begin : gen_bits
    assign digits_o = planes;
  end else begin : gen_digits
    logic [DigitW-1:0] first_q;

    always_ff @(posedge clk_i) begin
      if (read_i) begin
        first_q <= read_plane_i[DigitW-1:0];
      end
    end

    logic [DigitW-1:0] bank;
    always_comb begin
      digits_o = '0;
      bank = '0;
      for (int unsigned b = 0; b < Digit; b++) begin
        bank = first_q + DigitW'(b);
        for (int unsigned i = 0; i < Width; i++) begin
          digits_o[i*Digit + b] = planes[32'(bank)*Width + i];
        end
      end
    end
  end

endmodule
