// pare_term_schedule, for all pending terms: a lane drops its lowest one or none, those that it may
// drop go, nothing else changes; the lowest of all always goes, so a step ends.
module term_schedule #(
  parameter int unsigned Lanes = 3,
  parameter int unsigned Positions = 9,
  parameter int unsigned Reach = 4
) (
  input logic [Lanes*Positions-1:0] pending_i
);

  localparam int unsigned BaseW = $clog2(Positions);
  localparam int unsigned OffsetW = Reach > 1 ? $clog2(Reach) : 1;

  logic [BaseW-1:0] base;
  logic [Lanes-1:0] drop;
  logic [Lanes*Positions-1:0] dropped, left;
  logic [Lanes*OffsetW-1:0] offset;
  logic last;

  pare_term_schedule #(
    .Lanes(Lanes),
    .Positions(Positions),
    .Reach(Reach)
  ) u_dut (
    .pending_i,
    .base_o(base),
    .drop_o(drop),
    .dropped_o(dropped),
    .offset_o(offset),
    .left_o(left),
    .last_o(last)
  );

  // the lowest position of each lane and of all, counted down
  logic [BaseW-1:0] lowest, own;
  logic [Positions-1:0] pending;
  logic may;
  always_comb begin
    lowest = '0;
    for (int unsigned p = Positions; p > 0; p--)
      for (int unsigned l = 0; l < Lanes; l++)
        if (pending_i[l*Positions + p - 1]) lowest = BaseW'(p - 1);
    assert (base == lowest);
    assert (last == (left == '0));
    assert (last || left != pending_i);
    for (int unsigned l = 0; l < Lanes; l++) begin
      pending = pending_i[l*Positions +: Positions];
      own = '0;
      for (int unsigned p = Positions; p > 0; p--) if (pending[p-1]) own = BaseW'(p - 1);
      may = pending != '0 && own - lowest < Reach;
      assert (drop[l] == may);
      assert (dropped[l*Positions +: Positions] == (may ? Positions'(1) << own : '0));
      assert (left[l*Positions +: Positions]
              == (may ? pending & ~(Positions'(1) << own) : pending));
      if (may) assert (offset[l*OffsetW +: OffsetW] == own - lowest);
    end
  end

endmodule
