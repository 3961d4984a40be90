// A buffer of bit planes from which a whole step is read at once, however many planes it has and
// wherever it begins: two halves, one read port.
//
// A transfer fills a half with plane after plane, MemWidth bits a word. Words lie in turn in Banks
// memories side by side, enough for the most words that Take planes can touch.
//
// Law      planes_o[p*Width + i] = bit i of plane read_plane_i + p
//          (planes beyond the transfer are anything)
// Latency  planes_o one cycle after read_i; it stays until the next read_i.
module pare_step_buffer #(
  parameter int unsigned Width = 8,      // of a plane
  parameter int unsigned Take = 32,      // planes that are read together
  parameter int unsigned MemWidth = 64,
  parameter int unsigned Planes = 2048,  // of a half
  localparam int unsigned PlaneW = $clog2(Planes)
) (
  input  logic                  clk_i,

  input  logic                  write_i,
  input  logic                  write_first_i,  // word of the transfer
  input  logic                  write_half_i,
  input  logic [MemWidth-1:0]   write_data_i,

  input  logic                  read_i,
  input  logic                  read_half_i,
  input  logic [PlaneW-1:0]     read_plane_i,
  output logic [Take*Width-1:0] planes_o
);

  localparam int unsigned PerWord = Width < MemWidth ? MemWidth / Width : 1;  // planes of a word
  localparam int unsigned Parts = Width > MemWidth ? Width / MemWidth : 1;    // words of a plane
  localparam int unsigned OffsetW = $clog2(PerWord);
  localparam int unsigned Touched =
      Parts > 1 ? Take * Parts : (PerWord - 1 + Take + PerWord - 1) / PerWord;
  localparam int unsigned BankW = Touched > 1 ? $clog2(Touched) : 1;
  localparam int unsigned Banks = 1 << BankW;
  localparam int unsigned Rows = (Planes / PerWord * Parts + Banks - 1) / Banks;  // of a half
  localparam int unsigned RowW = Rows > 1 ? $clog2(Rows) : 1;
  localparam int unsigned WordW = RowW + BankW;

  if (PerWord * Width != Parts * MemWidth || PerWord != 1 << OffsetW) begin : gen_bad_width
    $error("MemWidth must be the plane's width times a power of two, or divide it");
  end
  if (Planes != 1 << PlaneW || Planes < 2 * Take) begin : gen_bad_planes
    $error("WeightPlanes and ActPlanes must be powers of two, at least two steps");
  end

  logic [WordW-1:0] word, word_q, first;
  logic [BankW-1:0] first_bank_q;
  logic [Banks*MemWidth-1:0] words;

  assign word = write_first_i ? '0 : word_q;

  always_ff @(posedge clk_i) begin
    if (write_i) begin
      word_q <= word + WordW'(1);
    end
  end

  // the word in which the first plane begins
  if (Parts > 1) begin : gen_parts
    assign first = WordW'(32'(read_plane_i) * Parts);
  end else begin : gen_planes
    assign first = WordW'(read_plane_i >> OffsetW);
  end

  for (genvar b = 0; b < Banks; b++) begin : gen_bank
    // a bank below the first word's holds its share one row further on
    logic [RowW-1:0] row;
    assign row = first[WordW-1:BankW] + RowW'(32'(first[BankW-1:0]) > b);

    pare_ram #(
      .Width(MemWidth),
      .Depth(2 << RowW)
    ) u_ram (
      .clk_i,
      .write_i(write_i && word[BankW-1:0] == BankW'(b)),
      .write_addr_i({write_half_i, word[WordW-1:BankW]}),
      .write_data_i,
      .read_i,
      .read_addr_i({read_half_i, row}),
      .read_data_o(words[b*MemWidth +: MemWidth])
    );
  end

  always_ff @(posedge clk_i) begin
    if (read_i) begin
      first_bank_q <= first[BankW-1:0];
    end
  end

  // ---- from the first plane on ----

  logic [31:0] shift;
  logic [2*Banks*MemWidth-1:0] shifted;

  assign shifted = {words, words} >> shift;
  assign planes_o = shifted[Take*Width-1:0];

  if (PerWord == 1) begin : gen_words
    assign shift = 32'(first_bank_q) * MemWidth;
  end else begin : gen_offset
    logic [OffsetW-1:0] offset_q;

    always_ff @(posedge clk_i) begin
      if (read_i) begin
        offset_q <= read_plane_i[OffsetW-1:0];
      end
    end

    assign shift = 32'(first_bank_q) * MemWidth + 32'(offset_q) * Width;
  end

  logic unused;
  assign unused = &{1'b0, shifted[2*Banks*MemWidth-1:Take*Width]};

endmodule
