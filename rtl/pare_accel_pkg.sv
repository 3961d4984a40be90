// What the modules of the machine share.
package pare_accel_pkg;

  // no single module uses all of it
  /* verilator lint_off UNUSEDPARAM */

  localparam int unsigned BEAT_W = 7;  // of pare_pkg::beat_t

  // the PEs of the array
  localparam int unsigned PE_TEMPORAL = 0;
  localparam int unsigned PE_FUSION = 1;
  localparam int unsigned PE_TERM = 2;

  // ---- the machine (sim/accel.h describes the fields) ----

  // status codes
  localparam int unsigned STATUS_W = 8;
  localparam logic [STATUS_W-1:0] STATUS_OK = 8'd0;
  localparam logic [STATUS_W-1:0] STATUS_VERSION = 8'd1;
  localparam logic [STATUS_W-1:0] STATUS_RESERVED = 8'd2;
  localparam logic [STATUS_W-1:0] STATUS_ACT_BITS = 8'd3;
  localparam logic [STATUS_W-1:0] STATUS_WEIGHT_BITS = 8'd4;
  localparam logic [STATUS_W-1:0] STATUS_OUT_BITS = 8'd5;
  localparam logic [STATUS_W-1:0] STATUS_INPUT = 8'd6;
  localparam logic [STATUS_W-1:0] STATUS_CHANNELS = 8'd7;
  localparam logic [STATUS_W-1:0] STATUS_FILTERS = 8'd8;
  localparam logic [STATUS_W-1:0] STATUS_KERNEL = 8'd9;
  localparam logic [STATUS_W-1:0] STATUS_DILATION = 8'd10;
  localparam logic [STATUS_W-1:0] STATUS_STRIDE = 8'd11;
  localparam logic [STATUS_W-1:0] STATUS_PAD = 8'd12;
  localparam logic [STATUS_W-1:0] STATUS_OUTPUT = 8'd13;
  localparam logic [STATUS_W-1:0] STATUS_TILE_FILTERS = 8'd14;
  localparam logic [STATUS_W-1:0] STATUS_TILE_ROWS = 8'd15;
  localparam logic [STATUS_W-1:0] STATUS_WEIGHT_BUFFER = 8'd16;
  localparam logic [STATUS_W-1:0] STATUS_ACT_BUFFER = 8'd17;
  localparam logic [STATUS_W-1:0] STATUS_OUT_BUFFER = 8'd18;

  // what a memory request moves
  localparam logic [1:0] MOVE_WEIGHTS = 2'd0;
  localparam logic [1:0] MOVE_ACTS = 2'd1;
  localparam logic [1:0] MOVE_OUTPUTS = 2'd2;

  // what the units do, for observers
  localparam logic [2:0] DRAM_IDLE = 3'd0;
  localparam logic [2:0] DRAM_LATENCY = 3'd1;
  localparam logic [2:0] DRAM_WEIGHTS = 3'd2;
  localparam logic [2:0] DRAM_ACTS = 3'd3;
  localparam logic [2:0] DRAM_OUTPUTS = 3'd4;
  localparam logic [1:0] ARRAY_IDLE = 2'd0;
  localparam logic [1:0] ARRAY_COMPUTE = 2'd1;
  localparam logic [1:0] ARRAY_WAIT = 2'd2;

  localparam int unsigned DESC_WORDS = 16;

  // word 15 first, so that word 0 is at the bottom
  typedef struct packed {
    logic [31:0] out_stride;
    logic [31:0] out_base;
    logic [31:0] act_stride;
    logic [31:0] act_base;
    logic [31:0] weight_stride;
    logic [31:0] weight_base;
    logic [31:0] weight_zero;
    logic [15:0] out_zero;
    logic [15:0] pad_code;
    logic [15:0] tile_rows;
    logic [15:0] tile_filters;
    logic [15:0] out_width;
    logic [15:0] out_height;
    logic [7:0]  pad_width;
    logic [7:0]  pad_height;
    logic [7:0]  stride_width;
    logic [7:0]  stride_height;
    logic [7:0]  dilation_width;
    logic [7:0]  dilation_height;
    logic [7:0]  kernel_width;
    logic [7:0]  kernel_height;
    logic [15:0] filters;
    logic [15:0] channels;
    logic [15:0] in_width;
    logic [15:0] in_height;
    logic [10:0] reserved1c;
    logic [4:0]  out_bits;
    logic [2:0]  reserved1b;
    logic [4:0]  weight_bits;
    logic [2:0]  reserved1a;
    logic [4:0]  act_bits;
    logic [17:0] reserved0;
    logic        windows_outer;
    logic        relu;
    logic        raw;
    logic        out_signed;
    logic        weight_signed;
    logic        act_signed;
    logic [7:0]  version;
  } descriptor_t;

  // ---- what the controller finds out about a layer and its tiles ----

  // rows and columns of the input, with padding on both sides, two's complement
  localparam int unsigned POS_W = 18;

  // Planes count bit planes of the lanes in the activation buffer, those of rows and lanes in the
  // weight buffer. A step has the channels of one group: as many as there are lanes, or as the
  // lanes' fusion units take at the layer's bitlengths.
  typedef struct packed {
    logic [15:0] groups;        // of channels: steps of a kernel position
    logic [15:0] last_lanes;    // channels of the last group
    logic [7:0]  act_step;      // planes of a step, of each operand
    logic [7:0]  weight_step;
    logic [15:0] pixel_planes;
    logic [15:0] row_planes;    // of an input row
    logic [31:0] window_step;   // planes from a window to the next one
    logic [31:0] window_row_step;
    logic [31:0] tap_step;      // planes from a kernel column to the next one
    logic [31:0] tap_row_step;
    logic [15:0] fold_planes;   // weight planes of a fold
    logic [15:0] folds;         // of the layer
    logic [15:0] tile_folds;    // of a tile, at most
    logic [15:0] tile_rows;     // of windows, at most
    logic [POS_W-1:0] tile_stride;  // input rows from a tile of windows to the next one
    logic [POS_W-1:0] reach;        // input rows that a window spans
  } layer_t;

  typedef struct packed {
    logic        exists;
    logic        load_weights;
    logic        load_acts;
    logic        weight_half;
    logic        act_half;
    logic        out_half;
    logic [15:0] first_filter;
    logic [15:0] folds;
    logic [15:0] rows;         // of windows
    logic [POS_W-1:0] in_rows; // of the input, without padding
    logic [POS_W-1:0] first_row; // minus the rows of padding above, two's complement
    logic [31:0] origin;       // plane of the first window's first tap, two's complement
    logic [31:0] weight_addr;
    logic [31:0] weight_words;
    logic [31:0] act_addr;
    logic [31:0] act_words;
    logic [31:0] out_addr;
    logic [31:0] out_words;
  } tile_t;

  /* verilator lint_on UNUSEDPARAM */

endpackage
