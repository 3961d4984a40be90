// The controller of pare_accel as it is instantiated, by induction: stages, status, DMA and window
// generator are the machine's own; setup, tiler, sequencer, drain, array and buffers are cut out (run.sh)
// and do anything that their own proofs allow (tile n of a layer of n_tiles says n as its addresses).
// A request, a word to store and a status stay until they are taken; of each tile the operands are asked
// for, the sums are made and the outputs are asked for once, in their stages; the status comes when the
// last output is stored, once a descriptor; no half of a buffer is written while it is read, no output is
// read before it is complete.
module accel_control (
  input logic       clk_i,
  input logic       desc_ends_i,     // of setup: an answer stands
  input logic       desc_refused_i,
  input logic       tile_ends_i,     // of the tiler: a tile stands
  input logic       set_ends_i,      // of the sequencer: a set is done
  input logic       append_ends_i,   // of the drain: the last row of a tile
  input logic       status_ready_i,
  input logic       req_ready_i,
  input logic       load_valid_i,
  input logic       store_ready_i
);

  localparam int unsigned Interval = 4;

  logic rst_n = 1'b0;
  logic status_valid, req_valid, req_write, load_ready, store_valid, run;
  logic [7:0] status;
  logic [1:0] req_kind;
  logic [31:0] req_addr, req_words, stage;

  pare_accel #(
    .Rows(2),
    .Cols(2),
    .Lanes(8),
    .MemWidth(8),
    .WeightPlanes(16),
    .ActPlanes(16),
    .OutBytes(64),
    .MaxFilters(4)
  ) u_dut (
    .clk_i,
    .rst_ni(rst_n),
    .status_valid_o(status_valid),
    .status_ready_i,
    .status_o(status),
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
    .run_o(run),
    .stage_o(stage)
  );

  // the machine's own: see probes in run.sh
  logic [7:0] refused_status;
  logic layer_ready, refused, begun_q, ended_q, run_q, status_valid_q, swap, finish, tiler_start;
  logic tiler_ready, array_active, array_done, take, compute_start, took_q;
  logic windows_ready, windows_last, windows_start, append_last, append_half, weight_write, act_write, out_read, dma_done;
  logic [1:0] complete_q, left_q;
  logic [2:0] asks_q, moves_q;
  logic [31:0] word_q, read_q;
  pare_accel_pkg::tile_t tile_next, tile_load, tile_compute, tile_store;

  logic [7:0] s;  // the stage
  assign s = stage[7:0];

  // ---- setup: after a while an answer, which stays until it is released ----

  (* anyconst *) logic [7:0] why;  // it refuses
  logic answers = 1'b0, refuses = 1'b0, release_layer;
  assign release_layer = status_valid && status_ready_i;

  // ---- tiler: tile n_next stands some cycles after it is asked for; none behind the last one ----

  (* anyconst *) logic [7:0] n_tiles;
  (* anyseq *) logic next_weights, next_acts;
  logic [7:0] n_next = '0;
  logic stands = 1'b1, has_weights = 1'b0, has_acts = 1'b0, weight_half = 1'b0, act_half = 1'b0;
  logic next_is_last;
  assign next_is_last = n_next + 8'd1 >= n_tiles;

  // ---- sequencer: from its start until all sets are done, an interval a set at least ----

  logic works = 1'b0, was_last = 1'b0;
  logic [3:0] since = '0;  // a set was taken, or the first windows asked for
  logic may_take;
  logic [7:0] n_windows = '0;  // the tile whose windows are looked for
  assign may_take = works && since >= 4'(Interval);

  // ---- drain: the last row of each tile that has begun, in order ----

  logic [7:0] n_begun = '0, n_complete = '0;

  // ---- what the machine has done with the tile that is watched ----

  (* anyconst *) logic [7:0] watched;
  logic has_w = 1'b0, has_a = 1'b0;  // it has operands of its own to load
  logic [1:0] w_asked = '0, a_asked = '0, computed = '0, stored = '0;
  logic status_held = 1'b0, req_held = 1'b0, store_held = 1'b0;
  logic [7:0] held_status;
  logic [1:0] held_kind;
  logic [31:0] held_addr, held_words;

  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    status_held <= rst_n && status_valid && !status_ready_i;
    held_status <= status;
    req_held <= rst_n && req_valid && !req_ready_i;
    held_kind <= req_kind;
    held_addr <= req_addr;
    held_words <= req_words;
    store_held <= rst_n && store_valid && !store_ready_i;
    if (rst_n) begin
      if (release_layer) begin
        answers <= 1'b0;
        refuses <= 1'b0;
      end else if (!answers && !refuses && desc_ends_i) begin
        answers <= !desc_refused_i;
        refuses <= desc_refused_i;
      end
      if (tiler_start) begin
        n_next <= '0;
        stands <= 1'b0;
        has_weights <= 1'b1;
        has_acts <= 1'b1;
        weight_half <= 1'b0;
        act_half <= 1'b0;
        n_begun <= '0;
        n_complete <= '0;
        {w_asked, a_asked, computed, stored, has_w, has_a} <= '0;
      end else begin
        if (swap && n_next < n_tiles) begin
          n_next <= n_next + 8'd1;
          stands <= next_is_last;
          has_weights <= next_weights;
          has_acts <= next_acts;
          weight_half <= weight_half ^ next_weights;
          act_half <= act_half ^ next_acts;
          if (n_next == watched) begin
            has_w <= has_weights;
            has_a <= has_acts;
          end
        end else if (tile_ends_i) begin
          stands <= 1'b1;
        end
        if (compute_start) n_begun <= n_begun + 8'd1;
        if (append_last) n_complete <= n_complete + 8'd1;
        if (req_valid && req_ready_i && req_addr == 32'(watched)) begin
          if (req_kind == 2'd0) w_asked <= w_asked + 2'd1;
          if (req_kind == 2'd1) a_asked <= a_asked + 2'd1;
          if (req_kind == 2'd2) stored <= stored + 2'd1;
        end
        if (compute_start && tile_load.out_addr == 32'(watched)) computed <= computed + 2'd1;
      end
      works <= compute_start || (works && !array_done);
      if (take) was_last <= windows_last;
      if (windows_start) n_windows <= s;
      since <= take || (swap && !run_q) ? 4'd1 : since == '0 || since == 4'd15 ? since : since + 4'd1;
    end
  end

  // ---- what the others may do ----

  always_comb begin
    assume (n_tiles >= 8'd1 && n_tiles < 8'd250);
    assume (layer_ready == answers && refused == refuses);
    assume (refused_status == why);
    assume (tiler_ready == stands);
    assume (tile_next.exists == (n_next < n_tiles));
    assume (tile_next.load_weights == has_weights && tile_next.load_acts == has_acts);
    assume (tile_next.weight_half == weight_half && tile_next.act_half == act_half);
    assume (tile_next.out_half == n_next[0]);
    assume (tile_next.weight_addr == 32'(n_next) && tile_next.act_addr == 32'(n_next) && tile_next.out_addr == 32'(n_next));
    assume (tile_next.weight_words != '0 && tile_next.act_words != '0 && tile_next.out_words != '0);
    assume (array_active == works);
    assume (array_done == (may_take && set_ends_i && was_last));
    assume (take == (compute_start || (may_take && set_ends_i && !was_last)));
    assume (append_last == (append_ends_i && run_q && n_complete < n_begun));
    if (append_last) assume (append_half == n_complete[0]);
    // memory moves no word of a transfer before its request
    if (load_ready) assume (!load_valid_i || !(moves_q[0] ? asks_q[0] : asks_q[1]));
    if (store_valid) assume (!store_ready_i || !asks_q[2]);
  end

  // ---- what holds ----

  logic is_load, is_compute, is_store;  // there is such a tile
  assign is_load = s < n_tiles;
  assign is_compute = s >= 8'd1 && s <= n_tiles;
  assign is_store = s >= 8'd2 && s <= n_tiles + 8'd1;

  always_comb begin
    if (!rst_n) begin
      assert (!answers && !refuses && stands && !works && since == '0 && {n_next, n_begun, n_complete} == '0);
    end else begin
      // what stands stays
      if (status_held) assert (status_valid && status == held_status);
      if (req_held) assert (req_valid && req_kind == held_kind && req_addr == held_addr && req_words == held_words);
      if (store_held) assert (store_valid);
      assert (req_write == (req_kind == 2'd2));
      // one answer a descriptor, when all is done
      assert (!(answers && refuses));
      assert (status_valid == (refuses || (answers && ended_q && !run_q)));
      if (answers && status_valid) begin
        assert (status == '0 && moves_q == '0 && s == n_tiles + 8'd1);
        assert (watched >= n_tiles || (computed == 2'd1 && stored == 2'd1 && w_asked == 2'(has_w) && a_asked == 2'(has_a)));
      end
      assert (status_valid_q == (answers && ended_q && !run_q));
      assert (begun_q || !run_q);
      assert (!(ended_q && run_q) && (!ended_q || begun_q));
      assert (run == run_q && (!run_q || answers));
      if (begun_q && !answers) assert (ended_q && !run_q && !refuses);
      if (!answers) assert (!run_q && !status_valid_q);
      if (answers && !begun_q) assert (!run_q && !ended_q);
      if (tiler_start) assert (stands && !run_q && !works);
      // before the first stage
      if (answers && begun_q && !run_q && !ended_q)
        assert (n_next == '0 && has_weights && has_acts && n_begun == '0 && n_complete == '0
                && {w_asked, a_asked, computed, stored, has_w, has_a} == '0);
      if (!begun_q || ended_q) assert (stands);
      if (!run_q) assert (moves_q == '0 && !works && n_complete == n_begun);
      assert (n_next <= n_tiles && (n_next < n_tiles || stands));
      // a stage: which tiles
      if (run_q) begin
        assert (stage[31:8] == '0 && s <= n_tiles + 8'd1);
        assert (n_next == (is_load ? s + 8'd1 : n_tiles));
        assert (tile_load.exists == is_load && tile_compute.exists == is_compute);
        assert (n_begun == (is_load ? s : n_tiles));
        assert (watched >= n_tiles || computed == 2'(s > watched));
        assert (!works || is_compute);
      end
      if (run_q || ended_q) begin
        if (watched < n_tiles) begin
          assert (w_asked == 2'(has_w && (s > watched || (s == watched && !asks_q[0]))));
          assert (a_asked == 2'(has_a && (s > watched || (s == watched && !asks_q[1]))));
          assert (stored == 2'(s > watched + 8'd2 || (s == watched + 8'd2 && !asks_q[2])));
        end
      end
      if (ended_q && answers) assert (s == n_tiles + 8'd1 && stage[31:8] == '0 && n_begun == n_tiles && (watched >= n_tiles || computed == 2'd1));
      if (run_q && is_load) begin
        assert (tile_load.out_addr == 32'(s) && tile_load.weight_addr == 32'(s) && tile_load.act_addr == 32'(s));
        assert (tile_load.out_half == s[0] && tile_load.weight_words != '0 && tile_load.act_words != '0 && tile_load.out_words != '0);
        assert (s != '0 || (tile_load.load_weights && tile_load.load_acts));
        if (s == watched) assert (has_w == tile_load.load_weights && has_a == tile_load.load_acts);
        if (n_next < n_tiles) assert (weight_half == (tile_load.weight_half ^ has_weights) && act_half == (tile_load.act_half ^ has_acts));
      end
      if (run_q && s < watched) assert (!has_w && !has_a && w_asked == '0 && a_asked == '0);
      if (run_q && is_compute) begin
        assert (tile_compute.out_addr == 32'(s - 8'd1) && tile_compute.out_half == !s[0] && tile_compute.out_words != '0);
        if (is_load) assert (tile_load.weight_half == (tile_compute.weight_half ^ tile_load.load_weights)
                             && tile_load.act_half == (tile_compute.act_half ^ tile_load.load_acts));
      end
      if (run_q && is_store) assert (tile_store.out_addr == 32'(s - 8'd2) && tile_store.out_half == s[0] && tile_store.out_words != '0);
      // what moves
      assert ((asks_q & ~moves_q) == '0);
      assert (!moves_q[2] || is_store);
      assert (!moves_q[0] || (is_load && tile_load.load_weights));
      assert (!moves_q[1] || (is_load && tile_load.load_acts));
      assert (!store_valid || moves_q[2]);
      if (moves_q[2]) assert (read_q == word_q + 32'(store_valid) && read_q <= tile_store.out_words && word_q < tile_store.out_words);
      if (swap) assert (!run_q || (dma_done && (array_done || !works)));
      // no half is written while it is read
      if (weight_write && works) assert (tile_load.weight_half != tile_compute.weight_half);
      if (act_write && works) assert (tile_load.act_half != tile_compute.act_half);
      if (run_q) begin
        assert (n_complete <= n_begun && (!is_store || n_complete + 8'd1 >= s - 8'd1));
        if (is_store) assert (complete_q[s[0]] == (n_complete >= s - 8'd1));
        if (is_compute) assert (complete_q[!s[0]] == (n_complete >= s));
        if (is_store && (!moves_q[2] || read_q != '0)) assert (n_complete >= s - 8'd1);
      end
      if (out_read) assert (is_store && n_complete >= s - 8'd1);
      if (out_read && append_last) assert (append_half != tile_store.out_half);
      // windows are found when they are taken, and are the tile's own
      if (take) assert (windows_ready);
      if (compute_start) assert (n_windows == s);
      assert (took_q == (since == 4'd1));
      if (run_q && s == '0) begin
        assert (since != '0 && !works);
        if (since == 4'd1) assert (asks_q[1:0] == 2'b11);
        else assert (n_windows == '0);
      end
      if (run_q && s != '0 && !works) assert (since > 4'(Interval));
      if (run_q && is_load && s != '0 && (!works || (was_last && since != 4'd1))) assert (n_windows == s);
      if (works) begin
        assert (since != '0 && (windows_last == was_last || since != 4'd1));
        assert (left_q == '0 || (since != 4'd1 && 32'(left_q) + 32'(since) <= 32'(Interval)));
      end
    end
  end

endmodule
