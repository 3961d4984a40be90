// Moves what a stage moves: the outputs of one tile to memory, the weights and the activations of
// another from memory, in this order, one word a cycle.
//
// Law      start_i begins a stage with up to three transfers. Their requests go out one after the
//          other, the words of a transfer when those before it are done. done_o: nothing is left
//          after this cycle (in the cycle of the last word already).
//          unit_o: what happens in this cycle, pare_accel_pkg::DRAM_*.
// Latency  the first request one cycle after start_i; a load's words go through in their cycle; a
//          store's first word stands two cycles after start_i unless hold_i keeps it.
// Reset    stops.
module pare_dma #(
  parameter int unsigned OutWordW = 10
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  // the stage: stands from the cycle after start_i
  input  logic                start_i,
  input  logic [2:0]          moves_i,  // of the stage that starts, by pare_accel_pkg::MOVE_*
  input  logic [31:0]         weight_addr_i,
  input  logic [31:0]         weight_words_i,
  input  logic [31:0]         act_addr_i,
  input  logic [31:0]         act_words_i,
  input  logic [31:0]         out_addr_i,
  input  logic [31:0]         out_words_i,
  input  logic                hold_i,   // the outputs are not complete yet
  output logic                done_o,
  output logic [2:0]          unit_o,

  output logic                req_valid_o,
  input  logic                req_ready_i,
  output logic                req_write_o,
  output logic [1:0]          req_kind_o,
  output logic [31:0]         req_addr_o,
  output logic [31:0]         req_words_o,

  input  logic                load_valid_i,
  output logic                load_ready_o,
  output logic                store_valid_o,
  input  logic                store_ready_i,

  output logic                weight_write_o,
  output logic                act_write_o,
  output logic                write_first_o,  // word of the transfer
  output logic                out_read_o,
  output logic [OutWordW-1:0] out_word_o
);

  // ---- requests ----

  logic [2:0] asks_q, moves_q;

  always_comb begin
    req_kind_o = pare_accel_pkg::MOVE_OUTPUTS;
    req_addr_o = out_addr_i;
    req_words_o = out_words_i;
    if (!asks_q[pare_accel_pkg::MOVE_OUTPUTS]) begin
      if (asks_q[pare_accel_pkg::MOVE_WEIGHTS]) begin
        req_kind_o = pare_accel_pkg::MOVE_WEIGHTS;
        req_addr_o = weight_addr_i;
        req_words_o = weight_words_i;
      end else begin
        req_kind_o = pare_accel_pkg::MOVE_ACTS;
        req_addr_o = act_addr_i;
        req_words_o = act_words_i;
      end
    end
  end

  assign req_valid_o = |asks_q;
  assign req_write_o = req_kind_o == pare_accel_pkg::MOVE_OUTPUTS;

  // ---- words ----

  logic [1:0] kind;
  logic [31:0] words, word_q;
  logic fire, last, begun_q;

  always_comb begin
    kind = pare_accel_pkg::MOVE_OUTPUTS;
    words = out_words_i;
    if (!moves_q[pare_accel_pkg::MOVE_OUTPUTS]) begin
      if (moves_q[pare_accel_pkg::MOVE_WEIGHTS]) begin
        kind = pare_accel_pkg::MOVE_WEIGHTS;
        words = weight_words_i;
      end else begin
        kind = pare_accel_pkg::MOVE_ACTS;
        words = act_words_i;
      end
    end
  end

  logic storing, loading, store_valid_q;
  assign storing = moves_q[pare_accel_pkg::MOVE_OUTPUTS];
  assign loading = !storing && |moves_q;
  assign load_ready_o = loading;
  assign store_valid_o = store_valid_q;
  assign fire = loading ? load_valid_i : store_valid_q && store_ready_i;
  assign last = word_q + 32'd1 == words;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      asks_q <= '0;
      moves_q <= '0;
    end else if (start_i) begin
      asks_q <= moves_i;
      moves_q <= moves_i;
    end else begin
      if (req_valid_o && req_ready_i) begin
        asks_q[req_kind_o] <= 1'b0;
      end
      if (fire && last) begin
        moves_q[kind] <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      word_q <= '0;
      begun_q <= 1'b0;
    end else if (fire) begin
      word_q <= last ? '0 : word_q + 32'd1;
      begun_q <= 1'b1;
    end
  end

  assign done_o = moves_q == '0 || (fire && last && (moves_q & (moves_q - 3'd1)) == '0);
  assign weight_write_o = fire && loading && kind == pare_accel_pkg::MOVE_WEIGHTS;
  assign act_write_o = fire && loading && kind == pare_accel_pkg::MOVE_ACTS;
  assign write_first_o = word_q == '0;

  always_comb begin
    unit_o = pare_accel_pkg::DRAM_LATENCY;
    if (moves_q == '0) begin
      unit_o = pare_accel_pkg::DRAM_IDLE;
    end else if (begun_q || fire) begin
      unit_o = kind == pare_accel_pkg::MOVE_OUTPUTS ? pare_accel_pkg::DRAM_OUTPUTS
             : kind == pare_accel_pkg::MOVE_WEIGHTS ? pare_accel_pkg::DRAM_WEIGHTS
             : pare_accel_pkg::DRAM_ACTS;
    end
  end

  // ---- the output buffer is one word ahead ----

  logic [31:0] read_q;

  assign out_read_o = storing && !hold_i && read_q != out_words_i
                   && (!store_valid_q || store_ready_i);
  assign out_word_o = read_q[OutWordW-1:0];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      store_valid_q <= 1'b0;
    end else if (out_read_o) begin
      store_valid_q <= 1'b1;
    end else if (store_ready_i) begin
      store_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      read_q <= '0;
    end else if (out_read_o) begin
      read_q <= read_q + 32'd1;
    end
  end

  `include "pare_assert.svh"
  `PARE_ASSERT(StageStartsWhenDone, start_i |-> done_o)
  `PARE_ASSERT(RequestStaysUntilTaken,
               req_valid_o && !req_ready_i |=> req_valid_o && $stable(req_kind_o)
                                               && $stable(req_addr_o) && $stable(req_words_o))
  `PARE_ASSERT(StoreStaysUntilTaken, store_valid_o && !store_ready_i |=> store_valid_o)

endmodule
