// A fusion unit (Bit Fusion): 16 bricks, multipliers of 2 x 2 bits, that fuse at run time into one
// product of 8 x 8 bits, or two of 8 x 4, or ... 16 of 2 x 2; the sum of its products comes out.
//
// Four bricks are a group, four groups the unit, and both levels fuse alike: along the activation
// only, along the weight only, along both, or not at all. So of n parts of two bits, the lower
// parts meet within a group and its halves between groups:
//
//   level    fused along   places by which parts 0 1 2 3 are shifted (in digits of that level)
//   both     neither       0 0 0 0
//            one           0 1 0 1
//            both          0 1 1 2
//
// Law      sum_o = sum over the products p = 0 .. (8/a)*(8/w) - 1 of act p * weight p, where a and w
//          are 2, 4, 8 for the modes 0, 1, 2; operand p is bits [p*a +: a], [p*w +: w]; two's
//          complement if signed, else unsigned. Input bits above the last operand do not matter.
// Latency  0: combinational.
module pare_fusion_unit (
  input  logic [1:0]  act_mode_i,     // 0, 1, 2: operands of 2, 4, 8 bits
  input  logic [1:0]  weight_mode_i,
  input  logic        act_signed_i,
  input  logic        weight_signed_i,
  input  logic [31:0] act_i,
  input  logic [31:0] weight_i,
  output logic [16:0] sum_o           // two's complement
);

  // Where two bits of an operand are on the pins: product * parts of an operand + part. g and k:
  // group and brick in it; own and other: the modes of this operand and of the other one; is_act:
  // where both are fused, the activation's part runs faster.
  function automatic logic [3:0] pin_of(input logic [1:0] own, input logic [1:0] other,
                                        input logic is_act, input logic [1:0] g,
                                        input logic [1:0] k);
    logic [3:0] product;
    logic [1:0] in_group, of_groups, part;
    // products within a group, among groups
    if (own != 2'd0 && other != 2'd0) in_group = 2'd0;
    else if (own != 2'd0 || other != 2'd0) in_group = {1'b0, k[1]};
    else in_group = k;
    if (own == 2'd2 && other == 2'd2) of_groups = 2'd0;
    else if (own == 2'd2 || other == 2'd2) of_groups = {1'b0, g[1]};
    else of_groups = g;
    if (own != 2'd0 && other != 2'd0) product = {2'b00, of_groups};
    else if (own != 2'd0 || other != 2'd0) product = {1'b0, of_groups, 1'b0} + {2'b00, in_group};
    else product = {of_groups, 2'b00} + {2'b00, in_group};
    // the part: its lower bit within the group, its upper bit among the groups
    part = 2'd0;
    if (own != 2'd0) part[0] = (is_act || other == 2'd0) ? k[0] : k[1];
    if (own == 2'd2) part[1] = (is_act || other != 2'd2) ? g[0] : g[1];
    if (own == 2'd2) pin_of = {product[1:0], part};
    else if (own == 2'd1) pin_of = {product[2:0], part[0]};
    else pin_of = product;
  endfunction

  // of all pairs of modes, act_mode * 3 + weight_mode
  function automatic logic [4*9-1:0] pins_of(input logic is_act, input logic [1:0] g,
                                             input logic [1:0] k);
    for (int unsigned m = 0; m < 9; m++) begin
      pins_of[4*m +: 4] = is_act ? pin_of(2'(m / 3), 2'(m % 3), 1'b1, g, k)
                                 : pin_of(2'(m % 3), 2'(m / 3), 1'b0, g, k);
    end
  endfunction

  logic act_fused, weight_fused, act_fused_twice, weight_fused_twice;
  assign act_fused = act_mode_i != 2'd0;
  assign weight_fused = weight_mode_i != 2'd0;
  assign act_fused_twice = act_mode_i == 2'd2;
  assign weight_fused_twice = weight_mode_i == 2'd2;

  // ---- bricks ----

  logic [16*6-1:0] products;

  for (genvar b = 0; b < 16; b++) begin : gen_brick
    localparam logic [1:0] Group = 2'(b / 4);
    localparam logic [1:0] Brick = 2'(b % 4);
    logic [1:0] act_two, weight_two;
    logic act_top, weight_top;
    logic signed [2:0] act, weight;

    // nine ways to wire it, of which the modes choose one
    localparam logic [4*9-1:0] ActPins = pins_of(1'b1, Group, Brick);
    localparam logic [4*9-1:0] WeightPins = pins_of(1'b0, Group, Brick);

    always_comb begin
      act_two = '0;
      weight_two = '0;
      for (int unsigned m = 0; m < 9; m++) begin
        if (act_mode_i == 2'(m / 3) && weight_mode_i == 2'(m % 3)) begin
          act_two = act_i[2*ActPins[4*m +: 4] +: 2];
          weight_two = weight_i[2*WeightPins[4*m +: 4] +: 2];
        end
      end
    end

    // the operand's uppermost part carries its sign
    assign act_top = (!act_fused || Brick[0]) && (!act_fused_twice || Group[0]);
    assign weight_top = (!weight_fused || (act_fused ? Brick[1] : Brick[0]))
                     && (!weight_fused_twice || (act_fused_twice ? Group[1] : Group[0]));
    assign act = {act_signed_i && act_top && act_two[1], act_two};
    assign weight = {weight_signed_i && weight_top && weight_two[1], weight_two};
    assign products[b*6 +: 6] = 6'(act) * 6'(weight);
  end

  // ---- two levels of shifts and sums ----

  // of the four bricks of a group, of the four groups: 0, 1 or 2 digits
  logic [7:0] brick_shifts, group_shifts;

  for (genvar k = 0; k < 4; k++) begin : gen_shift
    localparam logic [1:0] Part = 2'(k);
    assign brick_shifts[2*k +: 2] = {1'b0, Part[0] && (act_fused || weight_fused)}
                                  + {1'b0, Part[1] && act_fused && weight_fused};
    assign group_shifts[2*k +: 2] = {1'b0, Part[0] && (act_fused_twice || weight_fused_twice)}
                                  + {1'b0, Part[1] && act_fused_twice && weight_fused_twice};
  end

  // 225 = 15 * 15 is the largest sum of a group, 65025 that of the unit
  logic signed [8:0] group_sum;
  logic signed [16:0] unit_sum;

  always_comb begin
    unit_sum = '0;
    group_sum = '0;
    for (int unsigned g = 0; g < 4; g++) begin
      group_sum = '0;
      for (int unsigned k = 0; k < 4; k++) begin
        group_sum = group_sum
                  + (9'($signed(products[(4*g+k)*6 +: 6]))
                     <<< {brick_shifts[2*k +: 2], 1'b0});
      end
      unit_sum = unit_sum
               + (17'(group_sum) <<< {group_shifts[2*g +: 2], 2'b00});
    end
  end

  assign sum_o = unit_sum;

endmodule
