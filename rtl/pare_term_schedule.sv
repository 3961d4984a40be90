// One cycle of a two-stage shifter over the pending terms of Lanes values: which lanes drop a term,
// how far the first stage shifts each, how far the second stage shifts their sum.
//
// Law      base = the lowest pending position of all lanes (0 if nothing pends)
//          a lane drops its lowest pending term if that is below base + Reach
//          left_o is what pends after it; last_o: nothing.
// Latency  0: combinational.
module pare_term_schedule #(
  parameter int unsigned Lanes = 16,
  parameter int unsigned Positions = 9,
  parameter int unsigned Reach = 4,
  localparam int unsigned BaseW = $clog2(Positions),
  localparam int unsigned OffsetW = Reach > 1 ? $clog2(Reach) : 1
) (
  input  logic [Lanes*Positions-1:0] pending_i,
  output logic [BaseW-1:0]           base_o,
  output logic [Lanes-1:0]           drop_o,
  output logic [Lanes*Positions-1:0] dropped_o,  // the term dropped, one-hot, or none
  output logic [Lanes*OffsetW-1:0]   offset_o,   // its position above base
  output logic [Lanes*Positions-1:0] left_o,
  output logic                       last_o
);

  if (Lanes < 1) begin : gen_bad_lanes
    $error("Lanes must be at least 1");
  end
  if (Positions < 2) begin : gen_bad_positions
    $error("Positions must be at least 2");
  end
  if (Reach < 1 || Reach > Positions) begin : gen_bad_reach
    $error("Reach must be 1 to Positions");
  end

  logic [Positions-1:0] any, lowest;

  always_comb begin
    any = '0;
    for (int unsigned l = 0; l < Lanes; l++) begin
      any |= pending_i[l*Positions +: Positions];
    end
  end

  assign lowest = any & (~any + Positions'(1));

  always_comb begin
    base_o = '0;
    for (int unsigned p = 0; p < Positions; p++) begin
      if (lowest[p]) begin
        base_o = BaseW'(p);
      end
    end
  end

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [Positions-1:0] pending, own;
    logic drop;
    logic [OffsetW-1:0] offset;

    assign pending = pending_i[l*Positions +: Positions];
    assign own = pending & (~pending + Positions'(1));

    always_comb begin
      drop = 1'b0;
      offset = '0;
      for (int unsigned k = 0; k < Reach; k++) begin
        if (|(own & (lowest << k))) begin
          drop = 1'b1;
          offset = OffsetW'(k);
        end
      end
    end

    assign drop_o[l] = drop;
    assign offset_o[l*OffsetW +: OffsetW] = offset;
    assign dropped_o[l*Positions +: Positions] = drop ? own : '0;
    assign left_o[l*Positions +: Positions] = drop ? pending & ~own : pending;
  end

  assign last_o = ~|left_o;

endmodule
