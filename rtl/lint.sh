#!/usr/bin/env bash
# Lint of the RTL: every module alone, over a matrix of parameters, without a waiver: `verilator
# --lint-only -Wall` and Yosys (read, hierarchy, proc, check), each under a time limit. Illegal
# parameters must stop elaboration. Ends in "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
SOURCES=(rtl/pare_pkg.sv rtl/pare_digit_counter.sv rtl/pare_digit_extend.sv rtl/pare_accumulator.sv
  rtl/pare_pe_core.sv rtl/pare_pe_temporal.sv rtl/pare_fusion_unit.sv rtl/pare_pe_fusion.sv
  rtl/pare_term_recode.sv rtl/pare_term_schedule.sv rtl/pare_pe_term.sv)
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

count() { # status of the check, its name
  if [ "$1" -eq 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED $2"
    head -n 20 "$log"
  fi
}

verilate() { # module, -GName=value...
  timeout 60 verilator --lint-only -Wall --assert -Irtl --top-module "$1" "${@:2}" "${SOURCES[@]}" >"$log" 2>&1
}

legal() {
  verilate "$@"
  count $? "verilator $*"
}

illegal() { # module, the message, -GName=value...
  if verilate "$1" "${@:3}"; then
    echo "elaborates" >"$log"
    count 1 "verilator refuses $1 ${*:3}"
  else
    grep -qF "$2" "$log"
    count $? "verilator refuses $1 ${*:3} with '$2'"
  fi
}

synthesisable() { # module, Name value...
  local set=
  local -a pairs=("${@:2}")
  for ((i = 0; i < ${#pairs[@]}; i += 2)); do set+=" -chparam ${pairs[i]} ${pairs[i + 1]}"; done
  timeout 60 yosys -q -p "read_verilog -sv -DSYNTHESIS -Irtl ${SOURCES[*]}; hierarchy -check -top $1$set; proc; check -assert" >"$log" 2>&1
  local status=$?
  # "Resizing cell port" is Yosys's word for a width mismatch
  ! grep -E '^Warning' "$log" || status=1
  count $status "yosys $*"
}

# digit of the activations and their bits, of the weights and theirs
SHAPES=("1 8 8 8" "8 8 1 8" "8 8 8 8" "1 8 1 8" "2 8 1 8" "4 8 1 8" "1 1 1 1" "1 16 16 16" "16 16 1 16"
  "16 16 16 16" "3 7 2 5" "5 16 3 11" "7 8 5 6" "2 2 4 16")
for lanes in 1 3 16; do
  clog2=0
  while ((1 << clog2 < lanes)); do clog2=$((clog2 + 1)); done
  for shape in "${SHAPES[@]}"; do
    read -r ad ab wd wb <<<"$shape"
    for acc in $((ab + wb + 1 + clog2)) 48 64; do
      p=("-GLanes=$lanes" "-GActDigit=$ad" "-GMaxActBits=$ab" "-GWeightDigit=$wd" "-GMaxWeightBits=$wb"
        "-GAccWidth=$acc")
      legal pare_pe_temporal "${p[@]}"
      [ $acc -eq 48 ] || legal pare_pe_core "${p[@]}"
    done
    synthesisable pare_pe_temporal Lanes $lanes ActDigit $ad MaxActBits $ab WeightDigit $wd MaxWeightBits $wb AccWidth 48
  done
  for digit in 1 2 3 4 8 16; do
    legal pare_digit_extend -GLanes=$lanes -GDigit=$digit
    synthesisable pare_digit_extend Lanes $lanes Digit $digit
  done
done
for digit in 1 2 3 4 5 8; do
  for bits in 8 9 13 16; do legal pare_digit_counter -GDigit=$digit -GMaxBits=$bits; done
  synthesisable pare_digit_counter Digit $digit MaxBits 16
done
legal pare_digit_counter -GDigit=1 -GMaxBits=1

for width in 2 32 64; do legal pare_accumulator -GWidth=$width; done
legal pare_fusion_unit
synthesisable pare_fusion_unit
for units in 1 3 16; do
  for acc in 21 48 64; do legal pare_pe_fusion -GUnits=$units -GAccWidth=$acc; done
  synthesisable pare_pe_fusion Units $units AccWidth 48
done
for recoding in 0 1 2; do
  for width in 2 7 8 16; do legal pare_term_recode -GWidth=$width -GRecoding=$recoding; done
  for shape in "1 2 2 0" "3 7 5 1" "16 8 8 2" "5 16 16 5"; do
    read -r lanes ab wb first <<<"$shape"
    legal pare_pe_term -GLanes="$lanes" -GMaxActBits="$ab" -GMaxWeightBits="$wb" -GRecoding=$recoding \
      -GFirstStageBits="$first" -GAccWidth=48
  done
  synthesisable pare_pe_term Lanes 3 MaxActBits 7 MaxWeightBits 5 Recoding $recoding FirstStageBits $recoding AccWidth 15
done
for reach in 1 4 9; do legal pare_term_schedule -GLanes=3 -GReach=$reach; done

illegal pare_accumulator "Width must be" -GWidth=65
illegal pare_pe_fusion "Units must be" -GUnits=0
illegal pare_pe_fusion "AccWidth must be" -GUnits=3 -GAccWidth=18
illegal pare_term_recode "Width must be" -GWidth=17
illegal pare_term_recode "Recoding must be" -GRecoding=3
illegal pare_term_schedule "Reach must be" -GPositions=9 -GReach=10
illegal pare_pe_term "MaxActBits and MaxWeightBits must be" -GMaxActBits=1
illegal pare_pe_term "AccWidth must be" -GAccWidth=20
illegal pare_pe_term "FirstStageBits must be" -GFirstStageBits=6
illegal pare_pe_core "Lanes must be" -GLanes=0
illegal pare_pe_core "ActDigit must be" -GActDigit=9 -GMaxActBits=8
illegal pare_pe_core "ActDigit must be" -GActDigit=0
illegal pare_pe_core "WeightDigit must be" -GWeightDigit=5 -GMaxWeightBits=4
illegal pare_pe_core "MaxActBits and MaxWeightBits must be" -GMaxActBits=17 -GAccWidth=64
illegal pare_pe_core "AccWidth must be" -GAccWidth=20
illegal pare_pe_core "AccWidth must be" -GAccWidth=65
illegal pare_pe_temporal "AccWidth must be" -GLanes=17 -GAccWidth=21
illegal pare_digit_counter "Digit must be" -GDigit=9 -GMaxBits=8
illegal pare_digit_counter "MaxBits must be" -GMaxBits=17
illegal pare_digit_extend "Digit must be" -GDigit=17
illegal pare_digit_extend "Lanes must be" -GLanes=0

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
