// The activations of a term-serial step: Lanes values as terms (signed powers of two), and in each
// cycle which of them are dropped. In an array a column of PEs shares it.
//
// Law      values are recoded as pare_term_recode has it and dropped as pare_term_schedule has it.
//          first_i: the terms are those of values_i; else what the cycle before with go_i left.
//          minus_o: the term dropped counts negatively. last_o: no term is left after this cycle;
//          from then on nothing is dropped until first_i.
// Latency  0 from values_i and first_i: combinational.
// Reset    none: first_i comes with the first cycle of each step.
module pare_term_column #(
  parameter int unsigned Lanes = 16,
  parameter int unsigned MaxActBits = 8,
  parameter int unsigned Recoding = 2,        // pare_term_recode
  parameter int unsigned FirstStageBits = 2,
  localparam int unsigned ActValueW = MaxActBits + 1,
  localparam int unsigned Positions = MaxActBits + 1,
  localparam int unsigned AllReach = 1 << FirstStageBits,
  localparam int unsigned Reach = AllReach < Positions ? AllReach : Positions,
  localparam int unsigned BaseW = $clog2(Positions),
  localparam int unsigned OffsetW = Reach > 1 ? $clog2(Reach) : 1
) (
  input  logic                       clk_i,

  input  logic                       go_i,      // a cycle of the step
  input  logic                       first_i,   // its first one
  input  logic [Lanes*ActValueW-1:0] values_i,  // Lanes signed values, which stay for all cycles

  output logic [Lanes-1:0]           drop_o,
  output logic [Lanes-1:0]           minus_o,
  output logic [Lanes*OffsetW-1:0]   offset_o,  // places of the term above base_o
  output logic [BaseW-1:0]           base_o,
  output logic                       last_o
);

  if (FirstStageBits > 5) begin : gen_bad_first_stage
    $error("FirstStageBits must be 0 to 5");
  end

  logic [Lanes*Positions-1:0] terms, minus, pending, dropped, left, left_q;
  logic [Lanes-1:0] negative;

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [MaxActBits-1:0] low, magnitude;
    assign low = values_i[l*ActValueW +: MaxActBits];
    assign negative[l] = values_i[l*ActValueW + MaxActBits];
    assign magnitude = negative[l] ? ~low + MaxActBits'(1) : low;

    pare_term_recode #(
      .Width(MaxActBits),
      .Recoding(Recoding)
    ) u_recode (
      .magnitude_i(magnitude),
      .terms_o(terms[l*Positions +: Positions]),
      .minus_o(minus[l*Positions +: Positions])
    );

    assign minus_o[l] =
        negative[l] ^ |(dropped[l*Positions +: Positions] & minus[l*Positions +: Positions]);
  end

  assign pending = first_i ? terms : left_q;

  pare_term_schedule #(
    .Lanes(Lanes),
    .Positions(Positions),
    .Reach(Reach)
  ) u_schedule (
    .pending_i(pending),
    .base_o,
    .drop_o,
    .dropped_o(dropped),
    .offset_o,
    .left_o(left),
    .last_o
  );

  always_ff @(posedge clk_i) begin
    if (go_i) begin
      left_q <= left;
    end
  end

endmodule
