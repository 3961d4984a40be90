// pare_dma by induction, with transfers of any length: a request and a word to store stay until they
// are taken, each transfer that a stage asks for is requested once, moves exactly its words, in the
// order outputs, weights, activations, and done_o comes with the last of them.
module dma (
  input logic        clk_i,
  input logic        start_i,
  input logic [2:0]  moves_i,
  input logic        hold_i,
  input logic        req_ready_i,
  input logic        load_valid_i,
  input logic        store_ready_i
);

  // of the stage: they stand from the cycle after its start
  (* anyseq *) logic [31:0] next_weights, next_acts, next_outs;
  logic [31:0] weight_words = 32'd1, act_words = 32'd1, out_words = 32'd1;

  logic rst_n = 1'b0;
  logic start, done, req_valid, req_write, load_ready, store_valid;
  logic [1:0] req_kind;
  logic [2:0] unit;
  logic [31:0] req_addr, req_words;
  logic weight_write, act_write, write_first, out_read;
  logic [9:0] out_word;

  assign start = rst_n && start_i && done;

  pare_dma u_dut (
    .clk_i,
    .rst_ni(rst_n),
    .start_i(start),
    .moves_i,
    .weight_addr_i(32'd100),
    .weight_words_i(weight_words),
    .act_addr_i(32'd200),
    .act_words_i(act_words),
    .out_addr_i(32'd300),
    .out_words_i(out_words),
    .hold_i,
    .done_o(done),
    .unit_o(unit),
    .req_valid_o(req_valid),
    .req_ready_i,
    .req_write_o(req_write),
    .req_kind_o(req_kind),
    .req_addr_o(req_addr),
    .req_words_o(req_words),
    .load_valid_i(load_valid_i && rst_n),
    .load_ready_o(load_ready),
    .store_valid_o(store_valid),
    .store_ready_i,
    .weight_write_o(weight_write),
    .act_write_o(act_write),
    .write_first_o(write_first),
    .out_read_o(out_read),
    .out_word_o(out_word)
  );

  // ---- what has been asked for and moved in this stage ----

  logic [2:0] wanted = '0, asked = '0;
  logic [31:0] weights_moved = '0, acts_moved = '0, outs_moved = '0, outs_read = '0;
  logic load, store;
  assign load = load_valid_i && rst_n && load_ready;
  assign store = store_valid && store_ready_i;

  logic begun = 1'b0, held = 1'b0, store_held = 1'b0;
  logic [1:0] held_kind;
  logic [31:0] held_addr, held_words;

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    held <= rst_n && req_valid && !req_ready_i && !start;
    held_kind <= req_kind;
    held_addr <= req_addr;
    held_words <= req_words;
    store_held <= rst_n && store_valid && !store_ready_i;
    if (start) begin
      begun <= 1'b1;  // before the first stage the counters hold anything
      wanted <= moves_i;
      asked <= '0;
      weights_moved <= '0;
      acts_moved <= '0;
      outs_moved <= '0;
      outs_read <= '0;
      weight_words <= next_weights;
      act_words <= next_acts;
      out_words <= next_outs;
    end else if (rst_n) begin
      if (req_valid && req_ready_i) asked[req_kind] <= 1'b1;
      if (weight_write) weights_moved <= weights_moved + 32'd1;
      if (act_write) acts_moved <= acts_moved + 32'd1;
      if (store) outs_moved <= outs_moved + 32'd1;
      if (out_read) outs_read <= outs_read + 32'd1;
    end
  end

  // the module's own registers: see probes in run.sh
  logic [2:0] asks_q, moves_q;
  logic [31:0] word_q, read_q;

  logic outs_done, weights_done, acts_done;
  assign outs_done = !wanted[2] || outs_moved == out_words;
  assign weights_done = !wanted[0] || weights_moved == weight_words;
  assign acts_done = !wanted[1] || acts_moved == act_words;

  always_comb begin
    assume (next_weights != '0 && next_acts != '0 && next_outs != '0);
    if (rst_n) begin
      // nothing is asked for twice, or without being wanted; nothing is forgotten
      assert (asks_q == (wanted & ~asked));
      assert (req_valid == (asks_q != '0));
      assert (!req_valid || (wanted[req_kind] && !asked[req_kind]));
      assert (req_words == (req_kind == 2'd2 ? out_words : req_kind == 2'd0 ? weight_words : act_words));
      assert (req_addr == (req_kind == 2'd2 ? 32'd300 : req_kind == 2'd0 ? 32'd100 : 32'd200));
      assert (req_write == (req_kind == 2'd2));
      // what is taken stays until then
      if (held) assert (req_valid && req_kind == held_kind && req_addr == held_addr && req_words == held_words);
      if (store_held) assert (store_valid);
      // the order, and no word too many
      assert (moves_q == {!outs_done, !acts_done, !weights_done});
      assert (outs_done || (weights_moved == '0 && acts_moved == '0));
      assert (weights_done || acts_moved == '0);
      assert (!wanted[2] || outs_moved <= out_words);
      assert (!wanted[0] || weights_moved <= weight_words);
      assert (!wanted[1] || acts_moved <= act_words);
      assert (wanted[0] || weights_moved == '0);
      assert (wanted[1] || acts_moved == '0);
      assert (wanted[2] || outs_moved == '0);
      assert (load == (weight_write || act_write));
      // the word that stands is the one that was read for it
      if (begun) assert (read_q == outs_read && out_word == outs_read[9:0]);
      assert (outs_read == outs_moved + 32'(store_valid));
      assert (outs_read <= out_words || !wanted[2]);
      assert (!store_valid || (wanted[2] && !outs_done));
      if (begun) assert (word_q == (!outs_done ? outs_moved : !weights_done ? weights_moved : !acts_done ? acts_moved : '0));
      // the end
      assert (done == ((outs_done || (outs_moved + 32'(store) == out_words))
                    && (weights_done || (weights_moved + 32'(weight_write) == weight_words))
                    && (acts_done || (acts_moved + 32'(act_write) == act_words))));
      assert (begun || wanted == '0);
      assert (weight_words != '0 && act_words != '0 && out_words != '0);
    end
  end

endmodule
