// pare_term_column by induction, with pauses of any length: what each lane drops in the cycles of a
// step, signed powers of two, adds up to its value; the step ends when all is dropped, in no more
// cycles than there are positions, and nothing is dropped behind it.
module term_column #(
  parameter int unsigned Lanes = 2,
  parameter int unsigned MaxActBits = 4,
  parameter int unsigned Recoding = 2,
  parameter int unsigned FirstStageBits = 1
) (
  input logic clk_i,
  input logic go_i,
  input logic end_i  // the step is over, though cycles with nothing to drop may follow
);

  localparam int unsigned ValueW = MaxActBits + 1;
  localparam int unsigned Positions = MaxActBits + 1;
  localparam int unsigned Reach = 1 << FirstStageBits;  // here less than Positions
  localparam int unsigned BaseW = $clog2(Positions);
  localparam int unsigned OffsetW = Reach > 1 ? $clog2(Reach) : 1;
  localparam int unsigned SumW = ValueW + 2;

  (* anyseq *) logic [Lanes*ValueW-1:0] next_values;
  logic [Lanes*ValueW-1:0] values;
  logic [Lanes-1:0] drop, minus;
  logic [Lanes*OffsetW-1:0] offset;
  logic [BaseW-1:0] base;
  logic last;

  // a step has begun; in the first cycle its values are new
  logic begun = 1'b0, first, over = 1'b0;
  logic [3:0] cycles = '0;
  logic [Lanes*SumW-1:0] dropped_q, dropped;  // so far, with this cycle
  assign first = !begun;

  pare_term_column #(
    .Lanes(Lanes),
    .MaxActBits(MaxActBits),
    .Recoding(Recoding),
    .FirstStageBits(FirstStageBits)
  ) u_dut (
    .clk_i,
    .go_i,
    .first_i(first),
    .values_i(first ? next_values : values),
    .drop_o(drop),
    .minus_o(minus),
    .offset_o(offset),
    .base_o(base),
    .last_o(last)
  );

  logic [SumW-1:0] term;
  always_comb begin
    for (int unsigned l = 0; l < Lanes; l++) begin
      term = (SumW'(1) << base) << offset[l*OffsetW +: OffsetW];
      dropped[l*SumW +: SumW] = first ? '0 : dropped_q[l*SumW +: SumW];
      if (drop[l] && minus[l]) dropped[l*SumW +: SumW] = dropped[l*SumW +: SumW] - term;
      else if (drop[l]) dropped[l*SumW +: SumW] = dropped[l*SumW +: SumW] + term;
    end
  end

  always_ff @(posedge clk_i) begin
    if (go_i) begin
      if (first) values <= next_values;
      dropped_q <= dropped;
      begun <= !(last && end_i);
      cycles <= first ? 4'd1 : cycles == 4'd15 ? cycles : cycles + 4'd1;
      over <= last && !end_i;
    end
  end

  // the module's own: see probes in run.sh
  logic [Lanes*Positions-1:0] left_q, recoded, recoded_minus;

  logic [ValueW-1:0] lane;
  logic [SumW-1:0] value, waiting;
  logic is_negative;
  always_comb begin
    for (int unsigned l = 0; l < Lanes; l++) begin
      lane = first ? next_values[l*ValueW +: ValueW] : values[l*ValueW +: ValueW];
      value = {{2{lane[ValueW-1]}}, lane};
      // no operand of MaxActBits bits is less
      assume (lane != {1'b1, {MaxActBits{1'b0}}});
      is_negative = lane[ValueW-1];
      waiting = '0;
      for (int unsigned p = 0; p < Positions; p++)
        if (left_q[l*Positions + p])
          waiting = recoded_minus[l*Positions + p] ^ is_negative ? waiting - (SumW'(1) << p)
                                                                 : waiting + (SumW'(1) << p);
      if (begun) begin
        assert ((left_q[l*Positions +: Positions] & ~recoded[l*Positions +: Positions]) == '0);
        assert (dropped_q[l*SumW +: SumW] + waiting == value);
        // a cycle drops at least the lowest terms
        for (int unsigned p = 0; p < Positions; p++)
          if (p < 32'(cycles)) assert (!left_q[l*Positions + p]);
        if (over) assert (!drop[l] && left_q == '0);
      end
      if (last) assert (dropped[l*SumW +: SumW] == value);
    end
    if (begun) assert (cycles != '0 && (over || 32'(cycles) < Positions));
    if (begun && over) assert (last);
  end

endmodule
