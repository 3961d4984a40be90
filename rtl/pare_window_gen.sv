// Finds the windows of the next set, a column a cycle: where each starts in the activation buffer,
// and where in the input's rows and columns, which tells padding from input.
//
// Law      window number n of a tile is row n / out_width, column n mod out_width; column c of set
//          i takes window i*Cols + c, valid if the tile has it.
//          start_i begins with window 0 of a tile, next_i goes on where the last set ended.
// Latency  ready_o falls with either and rises again Cols cycles later: the set's outputs stand.
//          last_o: the tile has no window behind this set.
module pare_window_gen #(
  parameter int unsigned Cols = 4,
  parameter int unsigned PlaneW = 11,
  localparam int unsigned PosW = pare_accel_pkg::POS_W
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,

  input  logic                   start_i,
  input  logic                   next_i,
  output logic                   ready_o,

  // of the tile that starts; modulo 2^PlaneW, two's complement
  input  logic [PlaneW-1:0]      origin_i,      // plane of window 0
  input  logic [PosW-1:0]        first_row_i,   // of window 0: minus the padding above
  input  logic [15:0]            rows_i,        // of windows

  // of the layer
  input  logic [15:0]            out_width_i,
  input  logic [7:0]             pad_width_i,
  input  logic [7:0]             stride_height_i,
  input  logic [7:0]             stride_width_i,
  input  logic [PlaneW-1:0]      row_step_i,    // planes from one row of windows to the next
  input  logic [PlaneW-1:0]      window_step_i, // planes from one window to the next

  output logic [Cols-1:0]        valid_o,
  output logic [Cols*PlaneW-1:0] plane_o,
  output logic [Cols*PosW-1:0]   row_o,
  output logic [Cols*PosW-1:0]   col_o,
  output logic                   last_o
);

  localparam int unsigned CountW = $clog2(Cols + 1);

  logic [CountW-1:0] left_q;  // columns of this set
  logic [15:0] rows_q, p_q, q_q;
  logic [PlaneW-1:0] plane_q, line_q;
  logic [PosW-1:0] row_q, col_q, first_col;
  logic [Cols-1:0] valid_q;
  logic [Cols*PlaneW-1:0] planes_q;
  logic [Cols*PosW-1:0] row_set_q, col_set_q;
  logic valid;

  assign ready_o = left_q == '0;
  assign first_col = '0 - PosW'(pad_width_i);
  assign valid = p_q != rows_q;
  assign last_o = p_q == rows_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      left_q <= '0;
    end else if (start_i || next_i) begin
      left_q <= CountW'(Cols);
    end else if (!ready_o) begin
      left_q <= left_q - CountW'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      rows_q <= rows_i;
      p_q <= '0;
      q_q <= '0;
      plane_q <= origin_i;
      line_q <= origin_i;
      row_q <= first_row_i;
      col_q <= first_col;
    end else if (!ready_o && valid) begin
      if (q_q + 16'd1 == out_width_i) begin
        q_q <= '0;
        p_q <= p_q + 16'd1;
        line_q <= line_q + row_step_i;
        plane_q <= line_q + row_step_i;
        row_q <= row_q + PosW'(stride_height_i);
        col_q <= first_col;
      end else begin
        q_q <= q_q + 16'd1;
        plane_q <= plane_q + window_step_i;
        col_q <= col_q + PosW'(stride_width_i);
      end
    end
  end

  // column 0 is found first and moves down to the bottom
  always_ff @(posedge clk_i) begin
    if (!ready_o) begin
      valid_q <= Cols'({valid, valid_q} >> 1);
      planes_q <= (Cols*PlaneW)'({plane_q, planes_q} >> PlaneW);
      row_set_q <= (Cols*PosW)'({row_q, row_set_q} >> PosW);
      col_set_q <= (Cols*PosW)'({col_q, col_set_q} >> PosW);
    end
  end

  assign valid_o = valid_q;
  assign plane_o = planes_q;
  assign row_o = row_set_q;
  assign col_o = col_set_q;

endmodule
