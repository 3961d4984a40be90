#!/usr/bin/env bash
# Mutation of the RTL: each mutant is one substitution, built as one kind of PE and cross-checked
# with the campaign of make check (100000 dot products). pare-cosim must find every one; the table
# says by what. Ends in
# "N passed, N failed" (passed: killed). Uses the build folder $BUILD (build) for what a mutant
# does not change. Arguments: names of mutants to run; none means all.
set -u
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$SRC/$BUILD ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# name, kind, file, basic regular expression, replacement
MUTANTS=$(cat <<'LIST'
act_sign_dropped|stripes|pare_pe_temporal|ActDigit == 1 \&\& act_signed_i|ActDigit == 2 \&\& act_signed_i
weight_sign_dropped|unpu|pare_pe_temporal|WeightDigit == 1 \&\& weight_signed_i|WeightDigit == 2 \&\& weight_signed_i
signs_combined_by_or|loom1|pare_pe_temporal|\^ (WeightDigit|\|\| (WeightDigit
digit_sign_dropped|loom2|pare_digit_extend|top_i \&\& signed_i|top_i \&\& 1'b0
sign_on_every_digit|loom2|pare_digit_extend|top_i \&\& signed_i|signed_i
partial_top_digit_not_masked|odd|pare_digit_extend|!top_i \|\| BitsW'(b) < top_bits_i|1'b1
partial_top_digit_mask_off_by_one|odd|pare_digit_extend|BitsW'(b) < top_bits_i|BitsW'(b) <= top_bits_i
act_shift_dropped|stripes|pare_pe_core|act_q <<< ActDigit|act_q
act_shift_by_one|loom2|pare_pe_core|act_q <<< ActDigit|act_q <<< 1
weight_shift_dropped|unpu|pare_pe_core|weight_q <<< WeightDigit|weight_q
act_first_ignored|loom1|pare_pe_core|if (!beat_i.act_first)|if (1'b1)
weight_first_ignored|unpu|pare_pe_core|if (!beat_i.weight_first)|if (1'b1)
dot_first_ignored|bitparallel|pare_pe_core|base = beat_i.dot_first ? '0 : sum_q|base = sum_q
dot_first_always|bitparallel|pare_pe_core|base = beat_i.dot_first ? '0 : sum_q|base = '0
dot_last_ignored|bitparallel|pare_pe_core|step_done \&\& beat_i.dot_last|step_done
weight_last_ignored|loom4|pare_pe_core|act_done \&\& beat_i.weight_last|act_done
act_last_ignored|loom4|pare_pe_core|fire \&\& beat_i.act_last|fire
ready_stuck_at_one|stripes|pare_pe_core|ready_o = !valid_o .. ready_i|ready_o = 1'b1
ready_without_sink|stripes|pare_pe_core|ready_o = !valid_o .. ready_i|ready_o = !valid_o
valid_never_cleared|loom1|pare_pe_core|valid_d = valid_q \&\& !ready_i|valid_d = valid_q
valid_cleared_untaken|loom1|pare_pe_core|valid_d = valid_q \&\& !ready_i|valid_d = 1'b0
beat_taken_without_valid|unpu|pare_pe_core|fire = valid_i \&\& ready_o|fire = ready_o
counter_runs_without_valid|unpu|pare_pe_temporal|fire = in_valid_i \&\& in_ready_o|fire = in_ready_o
counter_runs_without_ready|unpu|pare_pe_temporal|fire = in_valid_i \&\& in_ready_o|fire = in_valid_i
precision_one_too_high|loom1|pare_digit_counter|bits_i > BitsW'(k \* Digit)|bits_i >= BitsW'(k * Digit)
precision_one_too_low|stripes|pare_digit_counter|bits_i > BitsW'(k \* Digit)|bits_i > BitsW'(k * Digit + 1)
top_bits_off_by_one|odd|pare_digit_counter|bits_i - BitsW'(k \* Digit)|bits_i - BitsW'(k * Digit - 1)
counter_does_not_wrap|loom2|pare_digit_counter|last_o ? '0 : index_q + IndexW'(1)|index_q + IndexW'(1)
counter_reset_to_one|loom2|pare_digit_counter|index_q <= '0|index_q <= IndexW'(1)
valid_reset_to_one|loom4|pare_pe_core|valid_q <= 1'b0|valid_q <= 1'b1
operands_swapped|loom2|pare_pe_temporal|.bits_i(act_bits_i)|.bits_i(weight_bits_i)
last_lane_dropped|stripes|pare_pe_core|l < Lanes; l++|l < Lanes - 1; l++
product_unsigned|bitparallel|pare_pe_core|ProductW'(\$signed(act_i\(.*\)))|ProductW'(act_i\1)
sum_too_narrow|bitparallel|pare_pe_core|SumW = ProductW + LanesW|SumW = ProductW + LanesW - 1
act_sum_too_narrow|stripes|pare_pe_core|ActSumW = MaxActBits + WeightDigit + 1 + LanesW|ActSumW = MaxActBits + WeightDigit + LanesW
step_too_narrow|loom1|pare_pe_core|StepW = MaxActBits + MaxWeightBits + 1 + LanesW|StepW = MaxActBits + MaxWeightBits + LanesW
overflow_not_kept|odd|pare_pe_core|(!beat_i.dot_first \&\& overflow_q)|1'b0
overflow_kept_for_ever|odd|pare_pe_core|(!beat_i.dot_first \&\& overflow_q)|overflow_q
overflow_never|odd|pare_pe_core|sum_d\[AccWidth-1\] != base|1'b0 \&\& base[0] != base
LIST
)

prepare() { # a tree and a build folder of one kind
  rm -rf "$work/src" "$work/build"
  mkdir -p "$work/src" "$work/build/verilated"
  (cd "$SRC" && tar cf - --exclude=./build --exclude=./.git .) | tar xf - -C "$work/src"
  cp -a "$BUILD/lib" "$BUILD/obj" "$work/build/"
  cp -a "$BUILD"/verilated/run_*.o "$work/build/verilated/"
  rm -f "$work/build/lib/libpare_rtl.a" "$work/build/obj/rtl/dut."*
  sed -i -E "/^ *X\(/{/X\($1,/!d; s/ *\\\\?\$//}" "$work/src/rtl/kinds.h"
}

run_mutant() { # name kind file pattern replacement
  prepare "$2"
  local file=$work/src/rtl/$3.sv killer
  local d=$'\x01'
  sed -i "s${d}$4${d}$5${d}" "$file"
  if cmp -s "$file" "$SRC/rtl/$3.sv"; then
    killer="NO SUCH TEXT in $3.sv"
    failed=$((failed + 1))
  elif ! (cd "$work/src" && make --no-print-directory BUILD="$work/build" RTL_WALL=-Wno-fatal "$work/build/bin/pare-cosim") >"$work/log" 2>&1; then
    killer="DOES NOT BUILD: $(grep -m 1 Error "$work/log")"
    failed=$((failed + 1))
  else
    # an assertion that fails first is reported by its name
    timeout 60 "$work/build/bin/pare-cosim" pe --kind "$2" --count 100000 >"$work/out" 2>&1
    local status=$?
    if [ $status -eq 1 ] && killer=$(sed -nE 's/^.*Assertion failed in .*\.([A-Za-z]+):.*/assertion \1/p; s/^.*, (case [0-9]+), cycle [0-9]+: (.*) is .* in the RTL; .*/\2 (\1)/p' "$work/out" | head -n 1) && [ -n "$killer" ]; then
      passed=$((passed + 1))
    else
      killer="SURVIVES (exit status $status)"
      failed=$((failed + 1))
    fi
  fi
  printf '%-34s %-12s %s\n' "$1" "$2" "$killer"
}

printf '%-34s %-12s %s\n' mutant kind "killed by"
while IFS='|' read -r name kind file rest; do
  # the last | that is not escaped parts pattern and replacement
  rest=${rest//\\|/$'\x02'}
  pattern=${rest%%|*} replacement=${rest#*|}
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  run_mutant "$name" "$kind" "$file" "${pattern//$'\x02'/|}" "${replacement//$'\x02'/|}"
done <<<"$MUTANTS"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
