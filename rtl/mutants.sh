#!/usr/bin/env bash
# Mutation of the RTL: each mutant is one substitution, built as one kind of PE and cross-checked by
# pare-cosim, which must find it. Two lists: those named below, each a mistake that somebody could
# make; and those that rtl/mutate.awk generates over all modules. Of the generated ones
# tests/mutants/equivalent.txt names those that cannot be told from the RTL, with the argument; if
# pare-cosim finds one of them, the argument is wrong and that is a failure.
#
# The table says what noticed each; it is also written to $BUILD/rtl_mutants.csv. Ends in "N passed,
# N failed" (passed: killed, or equivalent and not killed). Takes what a mutant does not change from
# the build folder $BUILD (build). Arguments: names of mutants to run (generated ones are
# module:line:column:rule); none means all.
# OF="MODULE..." generates from these modules only, and leaves the named ones out.
# MUTANTS=N runs N generated ones only (drawn by SEED, default 1); JOBS (all cores) at a time. The
# modules that only the whole machine has are generated from with MACHINE=1 (MACHINE=only: from no
# others, and no named ones) or by name. A machine takes long to compile, so all their mutants are in
# one build of each machine that checks them (kinds_of), made when the first one gets there, and one
# is chosen as the simulation starts (rtl/schemata.py); the few whose expression is not found there
# have builds of their own.
set -u
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$SRC/$BUILD ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PARE_DATA=$SRC
JOBS=${JOBS:-$(nproc)}
DOTS=40000
LAYERS=${LAYERS:-300}

# name, kind, file, basic regular expression, replacement
MUTANTS_NAMED=$(cat <<'LIST'
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
dot_first_ignored|bitparallel|pare_accumulator|base = first_i ? '0 : sum_q|base = sum_q
dot_first_always|bitparallel|pare_accumulator|base = first_i ? '0 : sum_q|base = '0
dot_last_ignored|bitparallel|pare_accumulator|add_i \&\& last_i|add_i
weight_last_ignored|loom4|pare_pe_core|act_done \&\& beat_i.weight_last|act_done
act_last_ignored|loom4|pare_pe_core|fire \&\& beat_i.act_last|fire
ready_stuck_at_one|stripes|pare_accumulator|free_o = !valid_o .. ready_i|free_o = 1'b1
ready_without_sink|stripes|pare_accumulator|free_o = !valid_o .. ready_i|free_o = !valid_o
valid_never_cleared|loom1|pare_accumulator|valid_d = valid_q \&\& !ready_i|valid_d = valid_q
valid_cleared_untaken|loom1|pare_accumulator|valid_d = valid_q \&\& !ready_i|valid_d = 1'b0
beat_taken_without_valid|unpu|pare_pe_core|fire = valid_i \&\& ready_o|fire = ready_o
counter_runs_without_valid|unpu|pare_pe_temporal|fire = in_valid_i \&\& in_ready_o|fire = in_ready_o
counter_runs_without_ready|unpu|pare_pe_temporal|fire = in_valid_i \&\& in_ready_o|fire = in_valid_i
precision_one_too_high|loom1|pare_digit_counter|bits_i > BitsW'(k \* Digit)|bits_i >= BitsW'(k * Digit)
precision_one_too_low|stripes|pare_digit_counter|bits_i > BitsW'(k \* Digit)|bits_i > BitsW'(k * Digit + 1)
top_bits_off_by_one|odd|pare_digit_counter|bits_i - BitsW'(k \* Digit)|bits_i - BitsW'(k * Digit - 1)
counter_does_not_wrap|loom2|pare_digit_counter|last_o ? '0 : index_q + IndexW'(1)|index_q + IndexW'(1)
counter_reset_to_one|loom2|pare_digit_counter|index_q <= '0|index_q <= IndexW'(1)
valid_reset_to_one|loom4|pare_accumulator|valid_q <= 1'b0|valid_q <= 1'b1
operands_swapped|loom2|pare_pe_temporal|.bits_i(act_bits_i)|.bits_i(weight_bits_i)
last_lane_dropped|stripes|pare_pe_core|l < Lanes; l++|l < Lanes - 1; l++
product_unsigned|bitparallel|pare_pe_core|ProductW'(\$signed(act_i\(.*\)))|ProductW'(act_i\1)
sum_too_narrow|bitparallel|pare_pe_core|SumW = ProductW + LanesW|SumW = ProductW + LanesW - 1
act_sum_too_narrow|stripes|pare_pe_core|ActSumW = MaxActBits + WeightDigit + 1 + LanesW|ActSumW = MaxActBits + WeightDigit + LanesW
step_too_narrow|loom1|pare_pe_core|StepW = MaxActBits + MaxWeightBits + 1 + LanesW|StepW = MaxActBits + MaxWeightBits + LanesW
overflow_not_kept|odd|pare_accumulator|(!first_i \&\& overflow_q)|1'b0
overflow_kept_for_ever|odd|pare_accumulator|(!first_i \&\& overflow_q)|overflow_q
overflow_never|odd|pare_accumulator|sum_d\[Width-1\] != base|1'b0 \&\& base[0] != base
fusion_act_sign_dropped|fusion_odd|pare_fusion_unit|act_signed_i \&\& act_top|1'b0 \&\& act_top
fusion_sign_on_every_part|fusion_odd|pare_fusion_unit|weight_signed_i \&\& weight_top|weight_signed_i
fusion_top_of_group_only|fusion_odd|pare_fusion_unit|(!act_fused_twice .. Group\[0\])|1'b1
fusion_shift_along_both_lost|fusion_odd|pare_fusion_unit|Part\[1\] \&\& act_fused \&\& weight_fused|1'b0
fusion_shift_along_one_lost|fusion_odd|pare_fusion_unit|Part\[0\] \&\& (act_fused .. weight_fused)|1'b0
fusion_group_shift_of_two|fusion_odd|pare_fusion_unit|+: 2\], 2'b00}|+: 2], 1'b0}
fusion_group_too_narrow|fusion_odd|pare_fusion_unit|logic signed \[8:0\] group_sum|logic signed [7:0] group_sum
fusion_parts_swapped|fusion_odd|pare_fusion_unit|(is_act .. other == 2'd0) ? k\[0\] : k\[1\]|k[0]
fusion_halves_swapped|fusion_odd|pare_fusion_unit|(is_act .. other != 2'd2) ? g\[0\] : g\[1\]|g[0]
fusion_products_swapped|fusion_odd|pare_fusion_unit|of_groups = {1'b0, g\[1\]}|of_groups = {1'b0, g[0]}
fusion_mode_one_too_high|fusion_odd|pare_pe_fusion|act_bits_i > BitsW'(4)|act_bits_i >= BitsW'(4)
fusion_mode_one_too_low|fusion_odd|pare_pe_fusion|weight_bits_i > BitsW'(2)|weight_bits_i > BitsW'(3)
fusion_modes_exchanged|fusion_odd|pare_pe_fusion|.act_mode_i(act_mode)|.act_mode_i(weight_mode)
fusion_last_unit_dropped|fusion_odd|pare_pe_fusion|u < Units; u++) begin$|u < Units - 1; u++) begin
fusion_beat_without_ready|fusion_odd|pare_pe_fusion|in_valid_i \&\& in_ready_o)|in_valid_i)
term_minus_dropped|naf|pare_term_recode|~thrice\[Width+1:1\]|1'b0
term_sign_dropped|naf|pare_term_column|negative\[l\] ^|1'b0 ^
term_magnitude_off_by_one|naf|pare_term_column|~low + MaxActBits'(1)|~low
term_run_never_left|pragmatic|pare_term_recode|is_run = 1'b0;$|is_run = is_run;
term_run_of_two|pragmatic|pare_term_recode|== 3'b111|>= 3'b110
term_top_position_lost|naf|pare_term_recode|= once\[Width+1:1\] ^ thrice\[Width+1:1\]|= {1'b0, once[Width:1] ^ thrice[Width:1]}
schedule_reach_one_too_far|pragmatic|pare_term_column|AllReach = 1 << FirstStageBits|AllReach = 2 << FirstStageBits
schedule_reach_too_short|pragmatic|pare_term_schedule|k < Reach; k++|k < Reach - 1; k++
schedule_term_dropped_twice|naf|pare_term_schedule|pending \& ~own : pending|pending : pending
schedule_waiting_term_lost|pragmatic|pare_term_schedule|pending \& ~own : pending|pending \& ~own : '0
schedule_base_stuck|ones|pare_term_schedule|base_o = BaseW'(p)|base_o = '0
schedule_offset_lost|pragmatic|pare_term_schedule|offset = OffsetW'(k)|offset = '0
term_ready_at_once|pragmatic|pare_pe_term|in_ready_o = free \&\& last|in_ready_o = free
term_goes_without_valid|pragmatic|pare_pe_term|go = in_valid_i \&\& free|go = free
term_goes_while_a_result_waits|pragmatic|pare_pe_term|go = in_valid_i \&\& free|go = in_valid_i
term_busy_reset_to_one|ones|pare_pe_term|busy_q <= 1'b0|busy_q <= 1'b1
term_first_on_every_cycle|ones|pare_pe_term|dot_first_i \&\& !busy_q|dot_first_i
term_last_on_every_cycle|ones|pare_pe_term|dot_last_i \&\& last|dot_last_i
array_term_steps_end_with_any_column|pare_term|pare_array|ready_o = \&last|ready_o = |last
array_term_opens_on_every_cycle|pare_term|pare_array|dot_first \&\& !busy_q|dot_first
sequencer_reads_before_the_step_ends|pare_term|pare_beat_sequencer|(!fire_q .. last_data)|1'b1
sequencer_captures_with_the_last_beat|pare_term|pare_beat_sequencer|fold_sums = fold_end|fold_sums = beats_done
setup_fusion_weights_not_counted|pare_fusion|pare_setup|3'(desc.weight_bits <= BitsW'(2))|3'd0
step_buffer_row_not_moved_on|pare_fusion|pare_step_buffer|> b)|> b + Banks)
step_buffer_offset_dropped|pare_fusion|pare_step_buffer|32'(offset_q) \* Width|32'(offset_q) * 0
fusion_pad_without_channels|pare_fusion|pare_fusion_pad|code_i\[p % bits\] \&\& valid_i\[.*\]|code_i[p % bits]
fusion_align_signs_dropped|pare_fusion|pare_fusion_align|{Units{signed_i}}|{Units{1'b0}}
term_sum_too_narrow|pragmatic|pare_term_core|LaneW = MaxWeightBits + Reach|LaneW = MaxWeightBits + Reach - 1
LIST
)


# ---- generated ones: on which kinds a module is checked, until one of them finds the mutant ----
kinds_of() {
  case $1 in
    pare_accumulator) echo odd ;;
    pare_digit_counter) echo odd stripes ;;
    pare_digit_extend) echo odd loom1 ones ;;
    pare_pe_core) echo odd stripes unpu bitparallel ;;
    pare_pe_temporal) echo odd loom1 stripes bitparallel ;;
    pare_fusion_unit | pare_pe_fusion) echo fusion_odd ;;
    pare_term_recode) echo naf pragmatic ones ;;
    pare_term_schedule | pare_term_column | pare_term_core | pare_pe_term) echo ones pragmatic naf ;;
    pare_step_buffer | pare_fusion_align | pare_fusion_pad) echo pare_fusion_odd pare_fusion ;;
    *) echo pare_odd pare4_skew pare4 pare_term pare_fusion_odd ;; # the whole machine
  esac
}

generate() { # module|line|column|length|rule|replacement
  (cd "$SRC" && awk -f rtl/mutate.awk rtl/pare_*.sv) | while IFS= read -r site; do
    [ -z "${OF:-}" ] || [[ " $OF " == *" ${site%%|*} "* ]] || continue
    if [[ $(kinds_of "${site%%|*}") == pare_* ]]; then
      [ -n "${MACHINE:-}${OF:-}" ] || [ ${#names[@]} -gt 0 ] || continue
    elif [ "${MACHINE:-}" = only ]; then
      continue
    fi
    printf '%s\n' "$site"
  done
}

sample() { # N of the lines, the same ones for a seed
  [ -n "${MUTANTS:-}" ] || { cat; return; }
  awk -v seed="${SEED:-1}" 'BEGIN { srand(seed) } { printf "%.9f|%s\n", rand(), $0 }' | sort | head -n "$MUTANTS" | cut -d'|' -f2-
}

# ---- one mutant ----

INCLUDE=$(verilator --getenv VERILATOR_ROOT)/include
MACHINES=$(sed -nE 's/^ *X\(([a-z0-9_]+), .*/\1/p' "$SRC/rtl/accels.h" | tr '\n' ' ')
is_machine() { [[ " $MACHINES" == *" $1 "* ]]; }
read -ra MACHINE_MODULES < <(cd "$SRC" && make -s --no-print-directory accel-sources)
read -ra MODULES < <(cd "$SRC" && make -s --no-print-directory rtl-sources)

compile_model() { # option, name of the unit
  g++ -std=c++17 "$1" -w -DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_SC=0 -isystem "$INCLUDE" -isystem "$INCLUDE/vltstd" \
    -I. -c -o "$2.o" "$2.cc"
}

build_kind() { # folder with rtl/, kind: KIND.build/pare-cosim, with that kind's model exchanged
  local out=$1/$2.build prefix=Vpare
  local -a parameters sources=("${MODULES[@]}")
  read -ra parameters <"$work/parameters.$2"
  is_machine "$2" && prefix=Vaccel sources=("${MACHINE_MODULES[@]}")
  [ -f "$1/rtl/pare_mutant_pkg.sv" ] && sources=(rtl/pare_pkg.sv rtl/pare_mutant_pkg.sv "${sources[@]:1}")
  (cd "$1" && verilator -Wno-fatal --assert -O3 --x-assign unique --x-initial unique -Irtl --cc --trace-fst --trace-depth 1 \
    --prefix "${prefix}_$2" --Mdir "$out" "${parameters[@]}" "${sources[@]}") || return 1
  # what runs once need not be fast
  (cd "$out" && {
    for f in *.cpp; do [[ $f == *Slow* || $f == *Trace* ]] || echo "#include \"$f\""; done
    echo '#include <cstdlib>'
    echo 'extern "C" int pare_mutant() { const char *id = std::getenv("PARE_MUTANT"); return id ? std::atoi(id) : 0; }'
  } >fast.cc && for f in *Slow*.cpp *Trace*.cpp; do echo "#include \"$f\""; done | sort -u >slow.cc &&
    compile_model -O1 fast && compile_model -O0 slow) || return 1
  g++ -o "$out/pare-cosim" "$work"/lib/main*.o "$work"/lib/platform.o "$out"/{fast,slow}.o "$work"/lib/libpare_rtl.a \
    "$work"/lib/libpare_sim.a "$work"/lib/libpare_traces.a -lsystemc -lyaml -lz -lm -pthread
}

# Sets killer; 0: killed, 1: not. Waves of failed layers stay in the folder.
campaign() { # folder to run in, kind, program
  local -a options=(pe --kind "$2" --count "$DOTS")
  is_machine "$2" && options=(layer --random "$LAYERS" --machine "$2")
  (cd "$1" && timeout 600 "$3" "${options[@]}") >"$1/out" 2>&1
  local status=$?
  rm -f "$1"/*_failed.fst
  # an assertion that fails first is reported by its name
  [ $status -eq 1 ] && killer=$(sed -nE 's/^.*Assertion failed in .*\.([A-Za-z]+):.*/assertion \1/p; s/^.*, (case [0-9]+), cycle [0-9]+: (.*) is .* in the RTL; .*/\2 (\1)/p' "$1/out" | head -n 1) && [ -n "$killer" ] && return 0
  [ $status -eq 1 ] && is_machine "$2" && killer=$(grep -m 1 -E 'differs|is .* in the RTL|no answer|level 2|asked|refuses|before' "$1/out" | sed 's/^random //' | cut -c1-90) && [ -n "$killer" ] && return 0
  # Verilator gives up on a loop that does not settle
  grep -q 'did not converge' "$1/out" && killer="does not settle" && return 0
  killer="SURVIVES (exit status $status)"
  return 1
}

# Sets killer; 0: killed, 1: not, 2: it does not build
try_kind() { # folder, kind
  if ! build_kind "$1" "$2" >"$1/log" 2>&1; then
    killer="does not build: $(grep -m 1 -iE 'error' "$1/log")"
    return 2
  fi
  campaign "$1" "$2" "$1/$2.build/pare-cosim"
  local status=$?
  rm -rf "${1:?}/$2.build"
  return $status
}

judge() { # name, module, kinds, folder with the mutant in it, the mutated line: prints its row
  local killer verdict=SURVIVED kind
  for kind in $3; do
    try_kind "$4" "$kind"
    case $? in
      0) verdict=killed; break ;;
      2) verdict=STILLBORN ;;
    esac
  done
  row "$1" "$2" "$kind" $verdict "$5"
}

row() { # name, module, kind, verdict, the mutated line: prints the row
  local verdict=$4 reason next=
  # a line that stands in its module more than once is named with the one behind it
  [[ $1 == *:* ]] && next=$(cut -d: -f2 <<<"$1") && next=$(sed -n "$((next + 1))s/^ *//p" "$SRC/rtl/$2.sv")
  reason=$(awk -F'|' -v key="$2|${1##*:}|$5" -v longer="$2|${1##*:}|$5 / ${next//|/¦}" \
    '{ own = $1 "|" $2 "|" $3 } own == key || own == longer { print $4 }' "$SRC/tests/mutants/equivalent.txt")
  # a generated mutant that is no RTL is no mutant
  [ "$verdict" = STILLBORN ] && [[ $1 == *:* ]] && verdict=stillborn
  if [ -n "$reason" ]; then
    [ "$verdict" = killed ] && verdict="KILLED THOUGH EQUIVALENT"
    # only where each campaign ran to its end
    [ "$verdict" = SURVIVED ] && [[ $killer == *"status 0)" ]] && verdict=equivalent killer=$reason
  fi
  printf '%s|%s|%s|%s|%s\n' "$1" "$2" "$3" "$verdict" "$killer"
}

named() { # name kind file pattern replacement
  local dir=$work/$1 d=$'\x01'
  mkdir "$dir" && cp -r "$SRC/rtl" "$dir/rtl"
  sed -i "s${d}$4${d}$5${d}" "$dir/rtl/$3.sv"
  if cmp -s "$dir/rtl/$3.sv" "$SRC/rtl/$3.sv"; then
    printf '%s|%s|%s|NO SUCH TEXT|%s\n' "$1" "$3" "$2" "$4"
  else
    judge "$1" "$3" "$2" "$dir" ""
  fi
  rm -rf "$dir"
}

generated() { # module line column length rule replacement
  local name=$1:$2:$3:$5 dir=$work/$1.$2.$3.$5 line
  mkdir "$dir" && cp -r "$SRC/rtl" "$dir/rtl"
  line=$(sed -n "$2p" "$SRC/rtl/$1.sv")
  line=${line:0:$(($3 - 1))}$6${line:$(($3 - 1 + $4))}
  printf '%s\n' "$line" >"$dir/line"
  sed -i -e "$2r $dir/line" -e "$2d" "$dir/rtl/$1.sv"
  judge "$name" "$1" "$(kinds_of "$1")" "$dir" "${line//|/¦}"
  rm -rf "$dir"
}

# ---- the machine's: all in one build a kind ----

prepare_chosen() { # lines of generate: numbers them; prints those that need builds of their own
  mkdir "$work/chosen" && cp -r "$SRC/rtl" "$work/chosen/rtl"
  cat >"$work/sites"
  python3 "$SRC/rtl/schemata.py" "$work/chosen" <"$work/sites" >"$work/left"
  awk 'NR == FNR { left[$1] = 1; next } FNR in left' "$work/left" "$work/sites"
}

# Once a kind, when the first mutant gets to it; prints why it cannot be used.
build_chosen() { # kind
  local killer result=$work/chosen/$1.result
  (
    flock 9
    [ ! -e "$result" ] || exit
    if ! build_kind "$work/chosen" "$1" >"$work/chosen/log" 2>&1; then
      echo "the mutants do not build: $(grep -m 1 -iE 'error' "$work/chosen/log")" >"$result"
    elif PARE_MUTANT=0 campaign "$work/chosen" "$1" "$work/chosen/$1.build/pare-cosim" || [[ $killer != *"status 0"* ]]; then
      echo "with none chosen it is not the machine itself: $killer" >"$result"
    else
      : >"$result"
    fi
  ) 9>"$work/chosen/$1.lock"
  cat "$result"
}

chosen() { # number, module line column length rule replacement
  local name=$2:$3:$4:$6 dir=$work/chosen.$1 line killer verdict=SURVIVED kind broken
  mkdir "$dir"
  line=$(sed -n "$3p" "$SRC/rtl/$2.sv")
  line=${line:0:$(($4 - 1))}$7${line:$(($4 - 1 + $5))}
  for kind in $(kinds_of "$2"); do
    broken=$(build_chosen "$kind")
    [ -z "$broken" ] || { verdict=BROKEN killer=$broken; break; }
    PARE_MUTANT=$1 campaign "$dir" "$kind" "$work/chosen/$kind.build/pare-cosim" && verdict=killed && break
  done
  row "$name" "$2" "$kind" $verdict "${line//|/¦}"
  rm -rf "$dir"
}

# ---- all of them ----

wanted() { [ ${#names[@]} -eq 0 ] || [[ " ${names[*]} " == *" $1 "* ]]; }

start_all() { # one job a mutant, JOBS at a time; each writes its row to a file of its own
  local n=0 name kind file rest pattern replacement module line column length rule number
  [ "${MACHINE:-}" = only ] || [ -n "${OF:-}" ] || while IFS='|' read -r name kind file rest; do
    # the last | that is not escaped parts pattern and replacement
    rest=${rest//\\|/$'\x02'}
    pattern=${rest%%|*} replacement=${rest#*|}
    wanted "$name" || continue
    while (($(jobs -rp | wc -l) >= JOBS)); do wait -n; done
    named "$name" "$kind" "$file" "${pattern//$'\x02'/|}" "${replacement//$'\x02'/|}" >"$work/row.$(printf %05d $n)" &
    n=$((n + 1))
  done <<<"$MUTANTS_NAMED"
  generate | while IFS= read -r line; do
    IFS='|' read -r module number column _ rule _ <<<"$line"
    wanted "$module:$number:$column:$rule" && printf '%s\n' "$line"
  done | sample >"$work/drawn"
  : >"$work/machine"
  while IFS= read -r line; do # those of the machine aside
    if [[ $(kinds_of "${line%%|*}") == pare_* ]]; then printf '%s\n' "$line" >>"$work/machine"; else printf '%s\n' "$line"; fi
  done <"$work/drawn" >"$work/own"
  [ ! -s "$work/machine" ] || prepare_chosen <"$work/machine" >>"$work/own"
  while IFS='|' read -r module line column length rule replacement; do
    while (($(jobs -rp | wc -l) >= JOBS)); do wait -n; done
    generated "$module" "$line" "$column" "$length" "$rule" "$replacement" >"$work/row.$(printf %05d $n)" &
    n=$((n + 1))
    [ ! -t 2 ] || printf '\r%d mutants begun ' $n >&2
  done <"$work/own"
  number=0
  while IFS='|' read -r module line column length rule replacement; do
    number=$((number + 1))
    grep -qx "$number" "$work/left" && continue
    while (($(jobs -rp | wc -l) >= JOBS)); do wait -n; done
    chosen "$number" "$module" "$line" "$column" "$length" "$rule" "$replacement" >"$work/row.$(printf %05d $n)" &
    n=$((n + 1))
    [ ! -t 2 ] || printf '\r%d mutants begun ' $n >&2
  done <"$work/machine"
  wait
}

names=("$@")
# a build that goes on meanwhile changes nothing
mkdir "$work/lib" && cp "$BUILD"/obj/rtl/main*.o "$BUILD"/obj/rtl/platform.o "$BUILD"/lib/libpare_{rtl,sim,traces}.a "$work/lib/" || exit 1
for kind in $(sed -nE 's/^ *X\(([a-z0-9_]+), .*/\1/p' "$SRC/rtl/kinds.h"); do
  (cd "$SRC" && make -s --no-print-directory BUILD="$BUILD" "rtl-parameters-$kind") >"$work/parameters.$kind"
done
for kind in $MACHINES; do
  (cd "$SRC" && make -s --no-print-directory BUILD="$BUILD" "accel-parameters-$kind") >"$work/parameters.$kind"
done
start_all
cat "$work"/row.* >"$work/rows"
{
  echo "mutant,module,kind,verdict,noticed_by"
  awk -F'|' '{ gsub(/"/, "\"\"", $5); printf "%s,%s,%s,%s,\"%s\"\n", $1, $2, $3, $4, $5 }' "$work/rows"
} >"$BUILD/rtl_mutants.csv"
awk -F'|' '{ printf "%-44s %-12s %-10s %s\n", $1, $3, $4, $5 }' "$work/rows"
awk -F'|' '
  { verdicts[$4]++; of[$2 "|" $4]++; modules[$2] = 1 }
  END {
    print ""
    for (m in modules) {
      printf "%-24s", m
      for (v in verdicts) if (of[m "|" v]) printf "  %s %d", v, of[m "|" v]
      print ""
    }
  }' "$work/rows" | sort
passed=$(awk -F'|' '$4 == "killed" || $4 == "equivalent"' "$work/rows" | wc -l)
failed=$(awk -F'|' '$4 != "killed" && $4 != "equivalent" && $4 != "stillborn"' "$work/rows" | wc -l)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
