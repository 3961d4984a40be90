# Lists the mutants of SystemVerilog files: one substitution each, of an operator or a constant in
# code that describes hardware. Left out: comments, assertions and what only they read, checks of
# parameters, declarations of ports and parameters, heads of loops.
# Prints module|line|column|length|name of the rule|replacement.
function find(rule, text, replacement,   at, rest, offset) {
  offset = 0
  rest = code
  while ((at = index(rest, text)) > 0) {
    if (!guard(offset + at, text))
      printf "%s|%d|%d|%d|%s|%s\n", module, FNR, offset + at, length(text), rule, replacement
    offset += at + length(text) - 1
    rest = substr(code, offset + 1)
  }
}
# "!" and "~" of "!=", "~=" and of $-names
function guard(at, text,   before, after) {
  before = substr(code, at - 1, 1)
  after = substr(code, at + length(text), 1)
  if (text == "!" || text == "~") return after == "=" || before == "$"
  return 0
}
FNR == 1 {
  module = FILENAME
  sub(/.*\//, "", module)
  sub(/\.sv$/, "", module)
  in_assert = in_simulation = in_check = in_header = 0
}
{
  code = $0
  sub(/\/\/.*/, "", code)
  if (code ~ /^module |^package |^  typedef|^  localparam|^  parameter/) in_header = 1
  if (code ~ /`ifndef SYNTHESIS/) in_simulation = 1
  if (code ~ /`PARE_ASSERT/) in_assert = 1
  if (code ~ /begin : gen_bad/) in_check = 1
  skip = in_header || in_simulation || in_assert || in_check || code ~ /for \(|\$error|\$stable|unused|`include|genvar|begin : gen_/
  if (in_header && code ~ /;/) in_header = 0
  if (in_simulation && code ~ /`endif/) in_simulation = 0
  if (in_assert && code ~ /\)$|\);$/) in_assert = 0
  if (in_check && code ~ /^  end/) in_check = 0
  # a check whose condition takes more lines than one
  if (code ~ /^  if \(/ && code !~ /begin/) skip = in_check = 1
  if (skip) next
  find("and_or", "&&", "||")
  find("or_and", "||", "&&")
  find("equal", " == ", " != ")
  find("unequal", " != ", " == ")
  find("greater", " > ", " >= ")
  find("greater_equal", " >= ", " > ")
  find("less", " < ", " <= ")
  find("minus", " + ", " - ")
  find("plus", " - ", " + ")
  find("shift_left", " <<< ", " >>> ")
  find("shift_right", " >> ", " << ")
  find("bit_and", " & ", " | ")
  find("bit_or", " | ", " & ")
  find("xor_or", " ^ ", " | ")
  find("choice", " ? ", " && 1'b0 ? ")
  find("not_dropped", "!", "")
  find("inverse_dropped", "~", "")
  find("ones", "'0", "'1")
  find("one", "1'b0", "1'b1")
  find("zero", "1'b1", "1'b0")
  find("if_never", "if (", "if (1'b0 && ")
}
