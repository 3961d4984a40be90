// A memory with one write port and one read port, as an SRAM macro has them.
//
// Law      a word written in a cycle is read from the next one on.
// Latency  read_data_o one cycle after read_i; it stays until the next read_i.
// Reset    none: nothing may be read before it is written.
module pare_ram #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 16,
  localparam int unsigned AddrW = Depth > 1 ? $clog2(Depth) : 1
) (
  input  logic             clk_i,
  input  logic             write_i,
  input  logic [AddrW-1:0] write_addr_i,
  input  logic [Width-1:0] write_data_i,
  input  logic             read_i,
  input  logic [AddrW-1:0] read_addr_i,
  output logic [Width-1:0] read_data_o
);

  if (Width < 1 || Depth < 1) begin : gen_bad_size
    $error("Width and Depth must be at least 1");
  end

  logic [Width-1:0] mem_q [0:Depth-1];

  always_ff @(posedge clk_i) begin
    if (write_i) begin
      mem_q[write_addr_i] <= write_data_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (read_i) begin
      read_data_o <= mem_q[read_addr_i];
    end
  end

endmodule
