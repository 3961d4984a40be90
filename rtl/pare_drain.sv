// Takes the captured sums of a fold row by row through the requantisers into the output buffer.
// Holds the records of the filters.
//
// Law      the row of filter f uses record f: {shift, multiplier, bias}, from bit 0 upwards
//          correction of a column = floor(weight_zero * act_sum / 2^8)
// Latency  shift_o in the Rows cycles after capture_i; append_o follows each by three cycles.
//          append_last_o: with it a tile is complete.
// Reset    forgets what is on its way; the records stay.
module pare_drain #(
  parameter int unsigned Rows = 4,
  parameter int unsigned Cols = 4,
  parameter int unsigned AccWidth = 32,
  parameter int unsigned MaxFilters = 256,
  localparam int unsigned BitsW = pare_pkg::BITS_W,
  localparam int unsigned FilterW = $clog2(MaxFilters),
  localparam int unsigned ColW = $clog2(Cols + 1),
  localparam int unsigned CountW = $clog2(Cols * 4 + 1)
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,

  input  logic                     record_write_i,
  input  logic [FilterW-1:0]       record_filter_i,
  input  logic [69:0]              record_i,

  input  logic                     raw_i,
  input  logic                     relu_i,
  input  logic                     out_signed_i,
  input  logic [BitsW-1:0]         out_bits_i,
  input  logic [15:0]              out_zero_i,
  input  logic [31:0]              weight_zero_i,

  input  logic                     capture_i,
  input  logic                     first_i,   // fold of a tile
  input  logic                     last_i,
  input  logic [FilterW-1:0]       filter_i,  // of row 0
  input  logic [ColW-1:0]          cols_i,    // with a window
  input  logic                     half_i,
  output logic                     shift_o,
  input  logic [Cols*AccWidth-1:0] row_i,
  input  logic [Cols*AccWidth-1:0] act_sum_i,

  output logic                     append_o,
  output logic                     append_first_o,
  output logic                     append_last_o,
  output logic                     append_half_o,
  output logic [CountW-1:0]        append_count_o,
  output logic [Cols*32-1:0]       append_bytes_o
);

  localparam int unsigned RowW = $clog2(Rows + 1);

  // ---- the rows of a fold ----

  logic [RowW-1:0] left_q;
  logic [FilterW-1:0] filter_q;
  logic first_q, last_q, half_q, new_q;
  logic [ColW-1:0] cols_q;

  assign shift_o = left_q != '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      left_q <= '0;
    end else if (capture_i) begin
      left_q <= RowW'(Rows);
    end else if (shift_o) begin
      left_q <= left_q - RowW'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (capture_i) begin
      filter_q <= filter_i;
      first_q <= first_i;
      last_q <= last_i;
      cols_q <= cols_i;
      half_q <= half_i;
      new_q <= 1'b1;
    end else if (shift_o) begin
      filter_q <= filter_q + FilterW'(1);
      first_q <= 1'b0;
      new_q <= 1'b0;
    end
  end

  logic [69:0] record;

  pare_ram #(
    .Width(70),
    .Depth(MaxFilters)
  ) u_records (
    .clk_i,
    .write_i(record_write_i),
    .write_addr_i(record_filter_i),
    .write_data_i(record_i),
    .read_i(shift_o),
    .read_addr_i(filter_q),
    .read_data_o(record)
  );

  // ---- three cycles behind ----

  logic [2:0] valid_q, first_pipe_q, last_pipe_q, half_pipe_q;
  logic [3*ColW-1:0] cols_pipe_q;
  logic [Cols*AccWidth-1:0] row_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
    end else begin
      valid_q <= {valid_q[1:0], shift_o};
    end
  end

  always_ff @(posedge clk_i) begin
    first_pipe_q <= {first_pipe_q[1:0], first_q};
    last_pipe_q <= {last_pipe_q[1:0], last_q && left_q == RowW'(1)};
    half_pipe_q <= {half_pipe_q[1:0], half_q};
    cols_pipe_q <= {cols_pipe_q[2*ColW-1:0], cols_q};
    if (shift_o) begin
      row_q <= row_i;
    end
  end

  assign append_o = valid_q[2];
  assign append_first_o = first_pipe_q[2];
  assign append_last_o = valid_q[2] && last_pipe_q[2];
  assign append_half_o = half_pipe_q[2];

  // ---- a requantiser a column ----

  logic [Cols*32-1:0] codes;

  for (genvar c = 0; c < Cols; c++) begin : gen_col
    logic signed [AccWidth+31:0] product;
    logic [39:0] correction_q;

    assign product = (AccWidth+32)'($signed(act_sum_i[c*AccWidth +: AccWidth]))
                   * (AccWidth+32)'($signed(weight_zero_i));

    always_ff @(posedge clk_i) begin
      if (new_q && shift_o) begin
        correction_q <= 40'(product >>> 8);
      end
    end

    pare_requantizer #(
      .AccWidth(AccWidth)
    ) u_requantizer (
      .clk_i,
      .raw_i,
      .relu_i,
      .out_signed_i,
      .out_bits_i,
      .zero_i(out_zero_i),
      .sum_i(row_q[c*AccWidth +: AccWidth]),
      .correction_i(correction_q),
      .bias_i(record[39:0]),
      .multiplier_i(record[63:40]),
      .shift_i(record[69:64]),
      .code_o(codes[c*32 +: 32])
    );
  end

  // ---- packed into bytes ----

  logic is_half_word, is_word;
  assign is_word = raw_i;
  assign is_half_word = !raw_i && out_bits_i > BitsW'(8);

  always_comb begin
    append_bytes_o = codes;
    if (!is_word) begin
      append_bytes_o = '0;
      for (int unsigned c = 0; c < Cols; c++) begin
        if (is_half_word) begin
          append_bytes_o[c*16 +: 16] = codes[c*32 +: 16];
        end else begin
          append_bytes_o[c*8 +: 8] = codes[c*32 +: 8];
        end
      end
    end
  end

  logic [CountW-1:0] cols;
  assign cols = CountW'(cols_pipe_q[3*ColW-1 -: ColW]);
  assign append_count_o = is_word ? cols << 2 : is_half_word ? cols << 1 : cols;

endmodule
