// The activation buffer: bit planes of the lanes, two halves, a read port per column.
//
// A plane is one bit of one channel group of one pixel, Lanes bits. A transfer fills a half with
// plane after plane, MemWidth bits a word. Columns look at different pixels, so each has a copy of
// its own; even and odd words lie in two memories, so that the planes of a digit come together
// wherever they start.
//
// Law      digits_o[(c*Lanes + l)*Digit + b] = bit l of plane read_plane_i[c] + b
//          (planes beyond the transfer are anything)
// Latency  digits_o one cycle after read_i.
module pare_act_buffer #(
  parameter int unsigned Cols = 4,
  parameter int unsigned Lanes = 8,
  parameter int unsigned Digit = 1,
  parameter int unsigned MemWidth = 32,
  parameter int unsigned Planes = 2048,  // of a half
  localparam int unsigned PlaneW = $clog2(Planes)
) (
  input  logic                        clk_i,

  input  logic                        write_i,
  input  logic                        write_first_i,  // word of the transfer
  input  logic                        write_half_i,
  input  logic [MemWidth-1:0]         write_data_i,

  input  logic                        read_i,
  input  logic                        read_half_i,
  input  logic [Cols*PlaneW-1:0]      read_plane_i,
  output logic [Cols*Lanes*Digit-1:0] digits_o
);

  localparam int unsigned PerWord = MemWidth / Lanes;  // planes of a word
  localparam int unsigned OffsetW = $clog2(PerWord);
  localparam int unsigned WordW = PlaneW - OffsetW;
  localparam int unsigned RowW = WordW - 1;

  if (MemWidth % Lanes != 0 || PerWord != 1 << OffsetW) begin : gen_bad_width
    $error("MemWidth must be Lanes times a power of two");
  end
  if (Digit > PerWord) begin : gen_bad_digit
    $error("ActDigit must be at most MemWidth / Lanes");
  end
  if (Planes != 1 << PlaneW || Planes < 4 * PerWord) begin : gen_bad_planes
    $error("ActPlanes must be a power of two, at least four words");
  end

  logic [WordW-1:0] word, word_q;
  assign word = write_first_i ? '0 : word_q;

  always_ff @(posedge clk_i) begin
    if (write_i) begin
      word_q <= word + WordW'(1);
    end
  end

  for (genvar c = 0; c < Cols; c++) begin : gen_col
    logic [PlaneW-1:0] plane;
    logic [WordW-1:0] first;
    logic [MemWidth-1:0] even, odd;
    logic [2*MemWidth-1:0] both;
    logic first_is_odd_q;

    assign plane = read_plane_i[c*PlaneW +: PlaneW];
    assign first = plane[PlaneW-1:OffsetW];

    pare_ram #(
      .Width(MemWidth),
      .Depth(1 << WordW)
    ) u_even (
      .clk_i,
      .write_i(write_i && !word[0]),
      .write_addr_i({write_half_i, word[WordW-1:1]}),
      .write_data_i,
      .read_i,
      .read_addr_i({read_half_i, first[WordW-1:1] + RowW'(first[0])}),
      .read_data_o(even)
    );

    pare_ram #(
      .Width(MemWidth),
      .Depth(1 << WordW)
    ) u_odd (
      .clk_i,
      .write_i(write_i && word[0]),
      .write_addr_i({write_half_i, word[WordW-1:1]}),
      .write_data_i,
      .read_i,
      .read_addr_i({read_half_i, first[WordW-1:1]}),
      .read_data_o(odd)
    );

    always_ff @(posedge clk_i) begin
      if (read_i) begin
        first_is_odd_q <= first[0];
      end
    end

    assign both = first_is_odd_q ? {even, odd} : {odd, even};

    logic [Digit*Lanes-1:0] planes;

    if (PerWord == 1) begin : gen_one
      assign planes = both[Lanes-1:0];

      logic unused;
      assign unused = &{1'b0, both[2*MemWidth-1:Lanes]};
    end else begin : gen_many
      logic [OffsetW-1:0] offset_q;
      logic [2*MemWidth-1:0] shifted;

      always_ff @(posedge clk_i) begin
        if (read_i) begin
          offset_q <= plane[OffsetW-1:0];
        end
      end

      assign shifted = both >> (32'(offset_q) * Lanes);
      assign planes = shifted[Digit*Lanes-1:0];

      logic unused;
      assign unused = &{1'b0, shifted[2*MemWidth-1:Digit*Lanes]};
    end

    for (genvar l = 0; l < Lanes; l++) begin : gen_lane
      for (genvar b = 0; b < Digit; b++) begin : gen_digit
        assign digits_o[(c*Lanes + l)*Digit + b] = planes[b*Lanes + l];
      end
    end
  end

endmodule
