// The output buffer: bytes in two halves. A row of results is appended wherever the one before it
// ended; memory reads whole words.
//
// Law      a row appends count_i bytes of bytes_i, byte 0 first; a tile's first row starts at 0
//          word n of a half = its bytes n*MemWidth/8 and following
//          (bytes beyond the last row are anything)
// Latency  read_data_o one cycle after read_i; it stays until the next read_i. A row can be read
//          from the cycle after append_i on.
module pare_out_buffer #(
  parameter int unsigned RowBytes = 16,  // most bytes of a row
  parameter int unsigned MemWidth = 32,
  parameter int unsigned Bytes = 4096,   // of a half
  localparam int unsigned CountW = $clog2(RowBytes + 1),
  localparam int unsigned WordW = $clog2(Bytes * 8 / MemWidth)
) (
  input  logic                  clk_i,

  input  logic                  append_i,
  input  logic                  first_i,  // row of a tile
  input  logic                  half_i,
  input  logic [CountW-1:0]     count_i,
  input  logic [RowBytes*8-1:0] bytes_i,

  input  logic                  read_i,
  input  logic                  read_half_i,
  input  logic [WordW-1:0]      read_word_i,
  output logic [MemWidth-1:0]   read_data_o
);

  localparam int unsigned WordBytes = MemWidth / 8;
  localparam int unsigned Wide = RowBytes > WordBytes ? RowBytes : WordBytes;
  localparam int unsigned BankW = $clog2(Wide);
  localparam int unsigned Banks = 1 << BankW;  // a byte each
  localparam int unsigned ByteW = $clog2(Bytes);
  localparam int unsigned RowW = ByteW - BankW;

  if (MemWidth != 8 << $clog2(WordBytes)) begin : gen_bad_width
    $error("MemWidth must be a power of two, at least 8");
  end
  if (Banks < 2) begin : gen_bad_row
    $error("RowBytes must be at least 2");
  end
  if (Bytes != 1 << ByteW || Bytes < 2 * Banks) begin : gen_bad_bytes
    $error("OutBytes must be a power of two, at least two rows of the array and two words");
  end

  logic [ByteW-1:0] at, at_q;
  assign at = first_i ? '0 : at_q;

  always_ff @(posedge clk_i) begin
    if (append_i) begin
      at_q <= at + ByteW'(count_i);
    end
  end

  logic [Banks*8-1:0] row;
  logic [RowW-1:0] read_row;
  logic [Banks*8-1:0] padded;

  assign padded = (Banks*8)'(bytes_i);

  assign read_row = read_word_i[WordW-1 -: RowW];

  for (genvar b = 0; b < Banks; b++) begin : gen_bank
    logic [BankW-1:0] index;  // of the byte that this bank takes
    logic [RowW-1:0] write_row;

    assign index = BankW'(b) - at[BankW-1:0];
    assign write_row = at[ByteW-1:BankW] + RowW'(32'(at[BankW-1:0]) > b);

    pare_ram #(
      .Width(8),
      .Depth(2 << RowW)
    ) u_ram (
      .clk_i,
      .write_i(append_i && 32'(index) < 32'(count_i)),
      .write_addr_i({half_i, write_row}),
      .write_data_i(padded[32'(index)*8 +: 8]),
      .read_i,
      .read_addr_i({read_half_i, read_row}),
      .read_data_o(row[b*8 +: 8])
    );
  end

  if (Banks == WordBytes) begin : gen_whole
    assign read_data_o = row;
  end else begin : gen_part
    localparam int unsigned ChooseW = $clog2(Banks / WordBytes);  // a word of a row
    logic [ChooseW-1:0] choose_q;

    always_ff @(posedge clk_i) begin
      if (read_i) begin
        choose_q <= read_word_i[ChooseW-1:0];
      end
    end

    assign read_data_o = row[32'(choose_q)*MemWidth +: MemWidth];
  end

endmodule
