// The machine: an array of Rows x Cols temporal PEs, its buffers, requantiser and controller behind
// a descriptor port, a status port and a memory port (sim/accel.h has the descriptor's fields).
//
// Ports    All streams are valid and ready; valid never waits for ready and stays until taken.
//          desc    16 words start a layer; if it asks for codes and is accepted, 3 words of each
//                  filter follow (filters rounded up to whole rows)
//          status  one word ends it: 0, or why it cannot run
//          req     a piece of memory: words of MemWidth bits from a word address on, to be read
//                  into the load stream or written from the store stream, in the order asked
//          load, store  the words themselves, without a gap if memory leaves none
//          run, stage, dram_unit, array_unit  what happens, for observers: the events of level 2
module pare_accel #(
  parameter int unsigned Rows = 4,
  parameter int unsigned Cols = 4,
  parameter int unsigned Lanes = 8,
  parameter int unsigned ActDigit = 1,
  parameter int unsigned WeightDigit = 1,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned MaxWeightBits = 8,
  parameter int unsigned AccWidth = 32,
  parameter int unsigned MemWidth = 32,
  parameter int unsigned WeightPlanes = 512,  // bit planes of Rows * Lanes in half a weight buffer
  parameter int unsigned ActPlanes = 2048,    // bit planes of Lanes in half an activation buffer
  parameter int unsigned OutBytes = 4096,     // of half an output buffer
  parameter int unsigned MaxFilters = 256,    // records of filters
  parameter bit          Skew = 1'b0
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          desc_valid_i,
  output logic                          desc_ready_o,
  input  logic [31:0]                   desc_i,

  output logic                          status_valid_o,
  input  logic                          status_ready_i,
  output logic [pare_pkg::STATUS_W-1:0] status_o,

  output logic                          req_valid_o,
  input  logic                          req_ready_i,
  output logic                          req_write_o,
  output logic [1:0]                    req_kind_o,   // pare_pkg::MOVE_*
  output logic [31:0]                   req_addr_o,   // memory words
  output logic [31:0]                   req_words_o,  // at least 1

  input  logic                          load_valid_i,
  output logic                          load_ready_o,
  input  logic [MemWidth-1:0]           load_data_i,

  output logic                          store_valid_o,
  input  logic                          store_ready_i,
  output logic [MemWidth-1:0]           store_data_o,

  output logic                          run_o,         // stages run
  output logic [31:0]                   stage_o,       // loads tile s, computes s - 1, stores s - 2
  output logic [2:0]                    dram_unit_o,   // pare_pkg::DRAM_*
  output logic [1:0]                    array_unit_o   // pare_pkg::ARRAY_*
);

endmodule
