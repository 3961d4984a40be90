#!/usr/bin/env bash
# Proofs about the RTL by Yosys (yosys-smtbmc with cvc5; equiv_induct), each under a time limit, and
# the mutants that each must refuse: a proof that a wrong PE passes is worth nothing. Ends in
# "N passed, N failed". Arguments: names of proofs to run, with their mutants; none means all.
#
# LIBERTY is the cell library of the netlists (Debian's qflow-tech-osu018 where it is installed);
# without one they are of Yosys's own gates. FORMAL_SECONDS (150) is the limit of one call of a tool in
# seconds of CPU time, so that a busy machine proves the same.
set -u
cd "$(dirname "$0")/../.." || exit 1
LIBERTY=${LIBERTY-/usr/share/qflow/tech/osu018/osu018_stdcells.lib}
[ -r "$LIBERTY" ] || LIBERTY=
LIMIT=${FORMAL_SECONDS:-150}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# Solver proofs: name, bench, how, parameters. bmc N: from reset, N cycles, all that happens in
# them; induction N: the assertions hold for ever, from N cycles to the next one (and from reset).
PROOFS=$(cat <<'LIST'
counter_1_of_8|digit_counter|induction 2|Digit 1 MaxBits 8
counter_2_of_7|digit_counter|induction 2|Digit 2 MaxBits 7
counter_3_of_16|digit_counter|induction 2|Digit 3 MaxBits 16
extend_1|digit_extend|bmc 1|Lanes 2 Digit 1
extend_3|digit_extend|bmc 1|Lanes 2 Digit 3
extend_8|digit_extend|bmc 1|Lanes 1 Digit 8
handshake_loom2|pe_temporal_handshake|induction 2|Lanes 2 ActDigit 2 WeightDigit 1
handshake_stripes|pe_temporal_handshake|induction 2|Lanes 2 ActDigit 1 WeightDigit 8
handshake_bitparallel|pe_temporal_handshake|induction 2|Lanes 2 ActDigit 8 WeightDigit 8
value_stripes|pe_temporal_value|bmc 6|Lanes 2 ActDigit 1 WeightDigit 3 MaxActBits 3 MaxWeightBits 3 AccWidth 8
value_unpu|pe_temporal_value|bmc 5|Lanes 2 ActDigit 3 WeightDigit 1 MaxActBits 3 MaxWeightBits 2 AccWidth 7
value_loom1|pe_temporal_value|bmc 8|Lanes 2 ActDigit 1 WeightDigit 1 MaxActBits 2 MaxWeightBits 2 AccWidth 8
value_loom2|pe_temporal_value|bmc 7|Lanes 2 ActDigit 2 WeightDigit 1 MaxActBits 3 MaxWeightBits 2 AccWidth 7
value_bitparallel|pe_temporal_value|bmc 4|Lanes 2 ActDigit 3 WeightDigit 3 MaxActBits 3 MaxWeightBits 3 AccWidth 8
fusion_2x2|fusion_value|bmc 1|ActMode 0 WeightMode 0
fusion_2x4|fusion_value|bmc 1|ActMode 0 WeightMode 1
fusion_2x8|fusion_value|bmc 1|ActMode 0 WeightMode 2
fusion_4x2|fusion_value|bmc 1|ActMode 1 WeightMode 0
fusion_4x4|fusion_value|bmc 1|ActMode 1 WeightMode 1
fusion_4x8|fusion_value|bmc 1|ActMode 1 WeightMode 2
fusion_8x2|fusion_value|bmc 1|ActMode 2 WeightMode 0
fusion_8x4|fusion_value|bmc 1|ActMode 2 WeightMode 1
fusion_8x8|fusion_value|bmc 1|ActMode 2 WeightMode 2
fusion_pe|pe_fusion|induction 2|Units 2 AccWidth 20
recode_ones|term_recode|bmc 1|Width 16 Recoding 0
recode_runs|term_recode|bmc 1|Width 8 Recoding 1
recode_naf|term_recode|bmc 1|Width 16 Recoding 2
schedule_reach_1|term_schedule|bmc 1|Lanes 3 Positions 9 Reach 1
schedule_reach_4|term_schedule|bmc 1|Lanes 3 Positions 9 Reach 4
schedule_reach_9|term_schedule|bmc 1|Lanes 3 Positions 9 Reach 9
term_column_ones|term_column|induction 2|Lanes 2 MaxActBits 3 Recoding 0 FirstStageBits 0
term_column_runs|term_column|induction 2|Lanes 2 MaxActBits 3 Recoding 1 FirstStageBits 2
term_column_naf|term_column|induction 2|Lanes 2 MaxActBits 3 Recoding 2 FirstStageBits 1
term_ones|pe_term|bmc 5|Lanes 2 MaxActBits 3 MaxWeightBits 2 AccWidth 7 Recoding 0 FirstStageBits 0
term_runs|pe_term|bmc 5|Lanes 1 MaxActBits 3 MaxWeightBits 2 AccWidth 6 Recoding 1 FirstStageBits 2
term_naf|pe_term|bmc 5|Lanes 2 MaxActBits 3 MaxWeightBits 2 AccWidth 7 Recoding 2 FirstStageBits 1
dma|dma|induction 2|
weight_buffer|weight_buffer|bmc 8|
step_buffer_same|step_buffer|bmc 7|Width 4 Take 2 MemWidth 4 Planes 4
step_buffer_narrow|step_buffer|bmc 7|Width 2 Take 3 MemWidth 4 Planes 8
step_buffer_wide|step_buffer|bmc 11|Width 2 Take 2 MemWidth 1 Planes 4
fusion_align|fusion_align|bmc 1|Units 2
fusion_pad|fusion_pad|bmc 1|Units 2
out_buffer_narrow|out_buffer|bmc 8|RowBytes 2 MemWidth 8 Bytes 4 Rows 3
out_buffer_wide|out_buffer|bmc 8|RowBytes 2 MemWidth 16 Bytes 4 Rows 3
setup|setup|induction 2|
tiler|tiler|induction 2|
drain|drain|induction 2|
control|accel_control|induction 1|
sequencer|beat_sequencer|induction 2|Rows 2 Cols 2 Interval 4
sequencer_skew|beat_sequencer|induction 2|Rows 2 Cols 3 Interval 5 Skew 1
sequencer_waits|beat_sequencer|induction 2|Rows 2 Cols 2 Interval 4 Waits 1
LIST
)

# RTL = netlist: name, module, parameters
EQUIVALENCES=$(cat <<'LIST'
netlist_stripes|pare_pe_temporal|Lanes 4 ActDigit 1 WeightDigit 4 MaxActBits 4 MaxWeightBits 4 AccWidth 16
netlist_loom1|pare_pe_temporal|Lanes 16 ActDigit 1 WeightDigit 1 MaxActBits 8 MaxWeightBits 8 AccWidth 32
netlist_loom2|pare_pe_temporal|Lanes 4 ActDigit 2 WeightDigit 1 MaxActBits 8 MaxWeightBits 8 AccWidth 24
netlist_bitparallel|pare_pe_temporal|Lanes 2 ActDigit 3 WeightDigit 3 MaxActBits 3 MaxWeightBits 3 AccWidth 16
netlist_term|pare_pe_term|Lanes 2 MaxActBits 3 MaxWeightBits 2 AccWidth 8 Recoding 2 FirstStageBits 1
LIST
)

# proof, module, basic regular expression, replacement. Of an equivalence the netlist is the mutant.
MUTANTS=$(cat <<'LIST'
counter_2_of_7|pare_digit_counter|bits_i > BitsW'(k \* Digit)|bits_i >= BitsW'(k * Digit)
counter_3_of_16|pare_digit_counter|last_o ? '0 : index_q|index_q
counter_1_of_8|pare_digit_counter|bits_i - BitsW'(k \* Digit)|bits_i
extend_1|pare_digit_extend|= digits_i\[l\]|= !digits_i[l]
extend_3|pare_digit_extend|BitsW'(b) < top_bits_i|BitsW'(b) <= top_bits_i
extend_8|pare_digit_extend|top_i \&\& signed_i|signed_i
handshake_loom2|pare_pe_temporal|fire = in_valid_i \&\& in_ready_o|fire = in_valid_i
handshake_stripes|pare_accumulator|valid_d = valid_q \&\& !ready_i|valid_d = 1'b0
handshake_stripes|pare_accumulator|valid_d = valid_q \&\& !ready_i|valid_d = valid_q
handshake_bitparallel|pare_pe_core|fire = valid_i \&\& ready_o|fire = valid_i
handshake_loom2|pare_accumulator|add_i \&\& last_i|add_i
value_stripes|pare_pe_temporal|ActDigit == 1 \&\& act_signed_i|ActDigit == 2 \&\& act_signed_i
value_unpu|pare_pe_core|weight_q <<< WeightDigit|weight_q
value_loom1|pare_pe_temporal|\^ (WeightDigit|\|\| (WeightDigit
value_loom2|pare_pe_core|act_q <<< ActDigit|act_q <<< 1
value_bitparallel|pare_pe_core|SumW = ProductW + LanesW|SumW = ProductW + LanesW - 1
value_bitparallel|pare_accumulator|(!first_i \&\& overflow_q)|1'b0
netlist_stripes|pare_pe_core|fire = valid_i \&\& ready_o|fire = valid_i
netlist_loom1|pare_pe_core|act_q <<< ActDigit|act_q
netlist_loom2|pare_digit_counter|index_q <= '0|index_q <= IndexW'(1)
fusion_2x2|pare_fusion_unit|of_groups = g|of_groups = 2'd0
fusion_2x4|pare_fusion_unit|(own != 2'd0) part\[0\]|(1'b0) part[0]
fusion_4x2|pare_fusion_unit|Part\[0\] \&\& (act_fused .. weight_fused)|1'b0
fusion_4x4|pare_fusion_unit|own == 2'd1) pin_of = {product\[2:0\]|own == 2'd1) pin_of = {product[3:1]
fusion_8x2|pare_fusion_unit|+: 2\], 2'b00}|+: 2], 1'b0}
fusion_8x8|pare_fusion_unit|Part\[1\] \&\& act_fused \&\& weight_fused|1'b0
fusion_8x4|pare_fusion_unit|(!act_fused_twice .. Group\[0\])|1'b1
fusion_4x8|pare_fusion_unit|(is_act .. other == 2'd0) ? k\[0\] : k\[1\]|k[0]
fusion_2x8|pare_fusion_unit|weight_signed_i \&\& weight_top|weight_signed_i
fusion_pe|pare_pe_fusion|in_valid_i \&\& in_ready_o)|in_valid_i)
fusion_pe|pare_pe_fusion|.first_i(dot_first_i)|.first_i(dot_last_i)
recode_ones|pare_term_recode|{1'b0, magnitude_i};|{magnitude_i, 1'b0};
recode_runs|pare_term_recode|terms_o\[Width-i\] = 1'b1|terms_o[Width-1-i] = 1'b1
recode_naf|pare_term_recode|~thrice\[Width+1:1\]|1'b0
schedule_reach_1|pare_term_schedule|k < Reach|k <= Reach
schedule_reach_4|pare_term_schedule|offset = OffsetW'(k)|offset = '0
schedule_reach_9|pare_term_schedule|base_o = BaseW'(p)|base_o = '0
term_column_ones|pare_term_column|if (go_i) begin|if (1'b1) begin
term_column_runs|pare_term_column|pending = first_i ? terms : left_q|pending = terms
term_column_naf|pare_term_column|negative\[l\] ^|1'b0 ^
term_column_naf|pare_term_schedule|pending \& ~own : pending|pending \& ~own : '0
term_ones|pare_pe_term|go = in_valid_i \&\& free|go = free
term_runs|pare_pe_term|in_ready_o = free \&\& last|in_ready_o = free
term_naf|pare_term_column|~low + MaxActBits'(1)|~low
term_naf|pare_term_core|LaneW = MaxWeightBits + Reach|LaneW = MaxWeightBits + Reach - 1
netlist_term|pare_pe_term|dot_last_i \&\& last|dot_last_i
netlist_bitparallel|pare_accumulator|(!first_i \&\& overflow_q)|overflow_q
dma|pare_dma|last ? '0 : word_q + 32'd1|word_q + 32'd1
dma|pare_dma|!hold_i \&\& read_q != out_words_i|!hold_i
dma|pare_dma|if (req_valid_o \&\& req_ready_i) begin|if (req_valid_o) begin
weight_buffer|pare_weight_buffer|RowW'(32'(read_plane_i\[DigitW-1:0\]) > b)|RowW'(32'(read_plane_i[DigitW-1:0]) >= b)
weight_buffer|pare_weight_buffer|plane_q <= plane + PlaneW'(1)|plane_q <= plane
step_buffer_same|pare_step_buffer|> b);|>= b);
step_buffer_same|pare_step_buffer|write_first_i ? '0 : word_q|word_q
step_buffer_same|pare_step_buffer|.write_addr_i({write_half_i, |.write_addr_i({1'b0, 
step_buffer_narrow|pare_step_buffer|32'(offset_q) \* Width|32'(offset_q) * 0
step_buffer_narrow|pare_step_buffer|shift = 32'(first_bank_q) \* MemWidth +|shift =
step_buffer_wide|pare_step_buffer|32'(read_plane_i) \* Parts|32'(read_plane_i)
fusion_align|pare_fusion_align|{Units{signed_i}}|{Units{1'b1}}
fusion_align|pare_fusion_align|(bits > 4 ? 8 : bits > 2 ? 4 : 2) < bits|(bits > 4 ? 8 : bits > 2 ? 4 : 2) <= bits
fusion_pad|pare_fusion_pad|\&\& valid_i|\|\| valid_i
fusion_pad|pare_fusion_pad|p / bits % 16|p / bits % 8
out_buffer_narrow|pare_out_buffer|RowW'(32'(at\[BankW-1:0\]) > b)|RowW'(32'(at[BankW-1:0]) >= b)
out_buffer_narrow|pare_out_buffer|at = first_i ? '0 : at_q|at = at_q
out_buffer_wide|pare_out_buffer|32'(index) < 32'(count_i)|32'(index) <= 32'(count_i)
out_buffer_wide|pare_out_buffer|.write_addr_i({half_i, write_row})|.write_addr_i({1'b0, write_row})
setup|pare_setup|if (bad) begin$|if (bad \&\& !desc.raw) begin
setup|pare_setup|Ready, Refused: if (release_i)|Ready, Refused: if (1'b1)
setup|pare_setup|record_last = record_write_o \&\& filter_q + 16'd1 == records|record_last = record_write_o
setup|pare_setup|desc_ready_o = state_q == Words|desc_ready_o = state_q <= Fields
setup|pare_setup|32'(layer_q.folds) >= MaxFolds|32'(layer_q.folds) > MaxFolds
tiler|pare_tiler|(next_i \&\& tile_q.exists \&\& !ends)|(next_i \&\& tile_q.exists)
tiler|pare_tiler|next_rows = !desc_i.windows_outer .. folds_end|next_rows = !desc_i.windows_outer
tiler|pare_tiler|rows_end ? desc_i.out_height - row_q : layer_i.tile_rows|layer_i.tile_rows
tiler|pare_tiler|ends = folds_end \&\& rows_end|ends = folds_end
drain|pare_drain|left_q <= RowW'(Rows);|left_q <= RowW'(Rows - 1);
drain|pare_drain|last_q \&\& left_q == RowW'(1)|last_q
drain|pare_drain|first_q <= 1'b0|first_q <= first_q
drain|pare_drain|filter_q + FilterW'(1)|filter_q
control|pare_accel|stage_done = dma_done \&\& (array_done .. !array_active)|stage_done = dma_done
control|pare_accel|complete_q\[append_half\] <= 1'b1|complete_q[0] <= 1'b1
control|pare_accel|(first_stage .. windows_last)|windows_last
sequencer|pare_beat_sequencer|timer_q >= TimerW'(Interval - 1)|timer_q >= TimerW'(Interval - 2)
sequencer_skew|pare_beat_sequencer|timer_q <= '0;|timer_q <= TimerW'(1);
sequencer_waits|pare_beat_sequencer|end else if (done_o) begin|end else if (fold_end) begin
LIST
)

# The benches hold a module's own registers against what they must be (and where values do not matter, a
# multiplier is cut out and gives anything); Yosys 0.23 reads no
# hierarchical names, so the flattened wires are connected to the bench's here. An operand that is
# taken whole has no counter.
probes() { # bench, parameters
  case $1 in
    digit_counter) echo 'connect -nounset -set index \u_dut.gen_many.index_q;' ;;
    pe_temporal_handshake)
      [[ $2 == *"ActDigit 8"* ]] || echo 'connect -nounset -set act_index \u_dut.u_act_counter.gen_many.index_q;'
      [[ $2 == *"WeightDigit 8"* ]] || echo 'connect -nounset -set weight_index \u_dut.u_weight_counter.gen_many.index_q;'
      ;;
    pe_fusion) echo 'connect -nounset -set unit_sums \u_dut.unit_sums;' ;;
    dma) for w in asks_q moves_q word_q read_q; do echo "connect -nounset -set $w \\u_dut.$w;"; done ;;
    setup)
      for w in state_q word_q part_q filter_q left_q record_q; do echo "connect -nounset -set $w \\u_dut.$w;"; done
      echo 'cutpoint w:u_dut.product;'
      ;;
    term_column)
      echo 'connect -nounset -set left_q \u_dut.left_q; connect -nounset -set recoded \u_dut.terms;'
      echo 'connect -nounset -set recoded_minus \u_dut.minus;'
      ;;
    accel_control)
      for w in layer_ready refused refused_status begun_q ended_q run_q status_valid_q swap finish tiler_start tiler_ready array_active \
        array_done take compute_start took_q windows_ready windows_last windows_start append_last append_half \
        weight_write act_write out_read dma_done complete_q tile_next tile_load tile_compute tile_store; do
        echo "connect -nounset -set $w \\u_dut.$w;"
      done
      for w in asks_q moves_q word_q read_q; do echo "connect -nounset -set $w \\u_dut.u_dma.$w;"; done
      echo 'connect -nounset -set left_q \u_dut.u_windows.left_q;'
      ;;
    beat_sequencer) echo 'connect -nounset -set timer_q \u_dut.timer_q;' ;;
    tiler)
      for w in fold_q row_q state_q out_addr_q; do echo "connect -nounset -set $w \\u_dut.$w;"; done
      echo 'cutpoint w:u_dut.product;'
      ;;
    drain)
      for w in left_q filter_q first_q last_q half_q cols_q valid_q first_pipe_q last_pipe_q half_pipe_q cols_pipe_q row_q; do
        echo "connect -nounset -set $w \\u_dut.$w;"
      done
      for w in sum_q sum_qq; do # of the columns' requantisers
        for c in 0 1; do echo "connect -nounset -set ${w}_$c \\u_dut.gen_col[$c].u_requantizer.$w;"; done
      done
      echo 'cutpoint w:*product_q w:*correction_q;'
      ;;
  esac
}

# Parts of the machine of which a bench says itself what they do: their outputs become anything.
cuts() { # bench
  local part
  [ "$1" = accel_control ] || return 0
  for part in u_setup u_tiler u_sequencer u_drain u_array u_outs gen_digits.u_weights gen_digits.u_acts; do
    echo "cutpoint */c:$part;"
  done
  echo "hierarchy -top $1;"
}

# `hierarchy -chparam` of Yosys 0.23 fails on some modules, which is why there is a command before it.
top() { # module, "Name value ..."
  local -a words
  read -ra words <<<"$2"
  local i
  for ((i = 0; i < ${#words[@]}; i += 2)); do printf 'chparam -set %s %s %s; ' "${words[i]}" "${words[i + 1]}" "$1"; done
  printf 'hierarchy -check -top %s' "$1"
}

# The packages, a file's own module if it is of the RTL, those that it instantiates and those that
# these do; no others, because Yosys elaborates all that it reads.
read_rtl() { # the folder of the RTL, a file
  local modules=" pare_pkg pare_accel_pkg " file module
  local -a files=("$2")
  while [ ${#files[@]} -gt 0 ]; do
    file=${files[0]} files=("${files[@]:1}")
    module=$(basename "$file" .sv)
    [ ! -f "$1/$module.sv" ] || modules+="$module "
    for module in $(sed -nE 's/^ +(pare_[a-z_]+) (#\(|u_).*/\1/p' "$file" | sort -u); do
      [[ $modules == *" $module "* || " ${files[*]} " == *"/$module.sv "* ]] || files+=("$1/$module.sv")
    done
  done
  printf 'read_verilog -sv -DSYNTHESIS -Irtl'
  for module in $modules; do printf ' %s' "$1/$module.sv"; done
}

limited() { # a command
  (ulimit -t "$LIMIT" && exec timeout $((10 * LIMIT)) "$@")
}

# ---- one proof: 0 proven, 1 refuted, 2 neither (a tool failed or ran out of time) ----

solve() { # arguments of yosys-smtbmc
  limited yosys-smtbmc -s cvc5 "$@" "$work/proof.smt2" >"$work/log" 2>&1
  grep -q 'Status: PASSED' "$work/log" && return 0
  grep -q 'Status: FAILED' "$work/log" && return 1
  return 2
}

prove() { # RTL folder, bench, how, parameters
  local script n=${3#* }
  script="$(read_rtl "$1" "tests/formal/$2.sv"); read_verilog -sv -formal tests/formal/$2.sv; $(top "$2" "$4")
$(cuts "$2")
proc; flatten
$(probes "$2" "$4")
memory; async2sync; dffunmap; opt_clean; write_smt2 -wires $work/proof.smt2"
  limited yosys -q -p "$script" >"$work/log" 2>&1 || return 2
  case $3 in
    bmc*) solve -t "$n" ;;
    induction*) solve -t $((n + 1)) && solve -i -t "$n" ;;
  esac
}

# Both sides' registers become those of one kind, whose reset Yosys then models as a synchronous
# one; wires are split into bits so that a bit that synthesis drops is not asked for.
equate() { # folder of the RTL, folder of the netlist's RTL, module, parameters
  local top_module tidy="async2sync; dffunmap; splitnets; opt_clean -purge"
  local cells="abc -g AND,NAND,OR,NOR,XOR,XNOR,MUX,AOI3,OAI3" models=
  top_module=$(top "$3" "$4")
  if [ -n "$LIBERTY" ]; then
    cells="dfflibmap -liberty $LIBERTY; abc -fast -liberty $LIBERTY"
    models="read_liberty -ignore_miss_func $LIBERTY; flatten;"
  fi
  cat >"$work/equiv.ys" <<YS
$(read_rtl "$1" "$1/$3.sv"); $top_module
proc; flatten; opt_expr; opt_clean; simplemap t:\$dff t:\$adff t:\$dffe t:\$adffe
dfflegalize -cell \$_DFF_P_ x -cell \$_DFFSR_PNN_ x; opt_clean; $tidy; rename -top gold; design -stash gold
$(read_rtl "$2" "$2/$3.sv"); $top_module
rename -top gate; synth -flatten -top gate
$([ -n "$LIBERTY" ] || echo 'dfflegalize -cell $_DFF_P_ x -cell $_DFFSR_PNN_ x')
$cells; opt_clean; $models $tidy; design -stash gate
design -copy-from gold -as gold gold; design -copy-from gate -as gate gate
equiv_make gold gate equiv; hierarchy -top equiv; opt_clean; equiv_simple; equiv_induct; equiv_status -assert
YS
  limited yosys -ql "$work/log" "$work/equiv.ys" >/dev/null 2>&1
  grep -q 'Equivalence successfully proven' "$work/log" && return 0
  grep -q 'ERROR: Found .* unproven \$equiv' "$work/log" && return 1
  return 2
}

run() { # RTL folder, the netlist's, proof
  local name bench how parameters
  IFS='|' read -r name bench how parameters < <(grep "^$3|" <<<"$PROOFS"$'\n'"$EQUIVALENCES")
  case $name in
    netlist_*) equate "$1" "$2" "$bench" "$how" ;; # module, parameters
    *) prove "$2" "$bench" "$how" "$parameters" ;;
  esac
}

# ---- all of them ----

report() { # proof, what was wanted, status got, status wanted, start
  local verdicts=(proven refuted 'no verdict')
  printf '%-24s %-58s %-10s %4d s\n' "$1" "$2" "${verdicts[$3]}" $((SECONDS - $5))
  if [ "$3" -eq "$4" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    tr '\r' '\n' <"$work/log" | grep -v ' seconds)' | tail -n 8 | sed 's/^/    /'
  fi
}

mutate() { # module, pattern, replacement: a copy of the RTL with one substitution
  rm -rf "$work/rtl" && cp -r rtl "$work/rtl" || exit 1
  local d=$'\x01'
  sed -i "s${d}$2${d}$3${d}" "$work/rtl/$1.sv"
  ! cmp -s "$work/rtl/$1.sv" "rtl/$1.sv"
}

[ -n "$LIBERTY" ] || echo "netlists of Yosys's own gates: no Liberty file"
while IFS='|' read -r name _; do
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  start=$SECONDS
  run rtl rtl "$name"
  report "$name" "" $? 0 "$start"
  while IFS='|' read -r of module rest; do
    [ "$of" = "$name" ] || continue
    rest=${rest//\\|/$'\x02'} # the | that is not escaped parts pattern and replacement
    pattern=${rest%%|*} replacement=${rest#*|}
    pattern=${pattern//$'\x02'/|} replacement=${replacement//$'\x02'/|}
    start=$SECONDS
    if mutate "$module" "$pattern" "$replacement"; then
      run rtl "$work/rtl" "$name"
      report "$name" "  ${module#pare_}: ${replacement:0:36}" $? 1 "$start"
    else
      echo "$module.sv has no '$pattern'" >"$work/log"
      report "$name" "  $module: $replacement" 2 1 "$start"
    fi
  done <<<"$MUTANTS"
done <<<"$PROOFS"$'\n'"$EQUIVALENCES"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
