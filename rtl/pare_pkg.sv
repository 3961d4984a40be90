// What the modules share.
package pare_pkg;

  // An operand has 1 to MAX_BITS bits (16); BITS_W bits hold that number.
  localparam int unsigned BITS_W = 5;
  localparam int unsigned MAX_BITS = 1 << (BITS_W - 1);

  // Where a beat stands in its step and in its dot product. One digit counter per operand makes
  // it for any number of cores.
  typedef struct packed {
    logic act_first;     // the top digit of the activations
    logic act_last;      // their lowest digit
    logic weight_first;  // the top digit of the weights
    logic weight_last;   // their lowest digit
    logic negate;        // subtract this beat: a one-bit digit that is a sign bit
    logic dot_first;     // the step opens a dot product
    logic dot_last;      // the step closes it
  } beat_t;

endpackage
