#!/usr/bin/env bash
# Lint of the RTL: every module alone, over a matrix of parameters, without a waiver (but for the
# constants of the machine's package that one module alone does not use): `verilator
# --lint-only -Wall` and Yosys (read, hierarchy, proc, check), each under a time limit. Illegal
# parameters must stop elaboration. Ends in "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
SOURCES=(rtl/pare_pkg.sv rtl/pare_digit_counter.sv rtl/pare_digit_extend.sv rtl/pare_accumulator.sv
  rtl/pare_pe_core.sv rtl/pare_pe_temporal.sv rtl/pare_fusion_unit.sv rtl/pare_pe_fusion.sv
  rtl/pare_term_recode.sv rtl/pare_term_schedule.sv rtl/pare_term_column.sv rtl/pare_term_core.sv rtl/pare_pe_term.sv)
# the machine's modules, for which pare_accel_pkg stands too
ACCEL=(rtl/pare_pkg.sv rtl/pare_accel_pkg.sv rtl/pare_digit_counter.sv rtl/pare_digit_extend.sv rtl/pare_accumulator.sv
  rtl/pare_pe_core.sv rtl/pare_fusion_unit.sv rtl/pare_pe_fusion.sv rtl/pare_fusion_align.sv rtl/pare_fusion_pad.sv
  rtl/pare_term_recode.sv rtl/pare_term_schedule.sv rtl/pare_term_column.sv rtl/pare_term_core.sv
  rtl/pare_ram.sv rtl/pare_step_buffer.sv rtl/pare_weight_buffer.sv rtl/pare_act_buffer.sv rtl/pare_out_buffer.sv
  rtl/pare_window_gen.sv rtl/pare_beat_sequencer.sv rtl/pare_array_pe.sv rtl/pare_array.sv rtl/pare_requantizer.sv
  rtl/pare_drain.sv rtl/pare_dma.sv rtl/pare_setup.sv rtl/pare_tiler.sv rtl/pare_accel.sv)
PES=("${SOURCES[@]}")
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
for shape in "1 2 2 0" "3 7 5 1" "16 8 8 2" "5 16 16 5"; do
  read -r lanes ab wb first <<<"$shape"
  legal pare_term_column -GLanes="$lanes" -GMaxActBits="$ab" -GFirstStageBits="$first"
  legal pare_term_core -GLanes="$lanes" -GMaxActBits="$ab" -GMaxWeightBits="$wb" -GFirstStageBits="$first" -GAccWidth=48
done

# ---- the machine: each module alone, then whole, over a matrix of parameters ----
SOURCES=("${ACCEL[@]}")
legal pare_ram -GWidth=1 -GDepth=1
legal pare_ram -GWidth=128 -GDepth=4096
legal pare_weight_buffer -GWidth=8 -GDigit=1 -GMemWidth=8 -GPlanes=2
legal pare_weight_buffer -GWidth=96 -GDigit=4 -GMemWidth=32 -GPlanes=64
legal pare_weight_buffer -GWidth=256 -GDigit=16 -GMemWidth=128 -GPlanes=2048
legal pare_act_buffer -GCols=1 -GLanes=1 -GDigit=1 -GMemWidth=1 -GPlanes=4
legal pare_act_buffer -GCols=3 -GLanes=4 -GDigit=2 -GMemWidth=8 -GPlanes=64
legal pare_act_buffer -GCols=16 -GLanes=16 -GDigit=8 -GMemWidth=128 -GPlanes=16384
# planes narrower than, as wide as and wider than memory's words; few and many that are read together
for shape in "1 32 8 64" "2 32 64 1024" "8 32 8 64" "12 8 4 64" "256 32 128 256" "8 1 16 16"; do
  read -r width take mem planes <<<"$shape"
  legal pare_step_buffer -GWidth="$width" -GTake="$take" -GMemWidth="$mem" -GPlanes="$planes"
done
synthesisable pare_step_buffer Width 2 Take 32 MemWidth 64 Planes 64
synthesisable pare_step_buffer Width 12 Take 4 MemWidth 4 Planes 16
for units in 1 2 6; do
  legal pare_fusion_align -GUnits=$units
  legal pare_fusion_pad -GUnits=$units
done
synthesisable pare_fusion_align Units 2
synthesisable pare_fusion_pad Units 2
legal pare_out_buffer -GRowBytes=4 -GMemWidth=8 -GBytes=8
legal pare_out_buffer -GRowBytes=12 -GMemWidth=128 -GBytes=256
legal pare_out_buffer -GRowBytes=64 -GMemWidth=32 -GBytes=32768
for cols in 1 3 16; do
  legal pare_window_gen -GCols=$cols -GPlaneW=14
  legal pare_drain -GRows=3 -GCols=$cols -GAccWidth=20 -GMaxFilters=48
done
for acc in 8 24 32; do legal pare_requantizer -GAccWidth=$acc; done
legal pare_dma -GOutWordW=7
legal pare_setup -GRows=1 -GLanes=1 -GMaxFilters=2
legal pare_setup -GRows=16 -GLanes=16 -GWeightPlanes=32768 -GActPlanes=32768 -GOutBytes=32768 -GMaxFilters=4096
legal pare_setup -GPeKind=1 -GLanes=2
legal pare_tiler -GWordWeightPlanes=8 -GWordPlanes=32 -GWordBytes=8
legal pare_tiler -GRows=1 -GPlaneWords=1 -GWordPlanes=1 -GWordBytes=1
legal pare_tiler -GRows=16 -GPlaneWords=2 -GWordPlanes=8 -GWordBytes=16
# rows, cols, lanes, digits of activations and weights, memory width
for shape in "1 1 8 1 1 8" "4 4 8 1 1 32" "4 4 8 1 8 32" "6 3 4 2 4 8" "8 5 16 8 8 128" "3 2 8 4 16 8"; do
  read -r rows cols lanes ad wd mem <<<"$shape"
  [ "$wd" -le 8 ] && wb=8 || wb=16
  [ "$((mem / lanes))" -ge "$ad" ] || ad=1
  for skew in 0 1; do
    p=("-GRows=$rows" "-GCols=$cols" "-GLanes=$lanes" "-GActDigit=$ad" "-GWeightDigit=$wd" "-GMaxWeightBits=$wb"
      "-GSkew=$skew")
    legal pare_accel "${p[@]}" "-GMemWidth=$mem" -GOutBytes=256
    legal pare_array "${p[@]}"
    legal pare_beat_sequencer "${p[@]}"
    legal pare_array_pe "-GLanes=$lanes" "-GActDigit=$ad" "-GWeightDigit=$wd" "-GMaxWeightBits=$wb" "-GSkew=$skew"
  done
done
# fusion PEs: rows, cols, units, memory width
for shape in "4 4 2 64" "1 1 1 8" "4 3 1 8" "16 1 4 32"; do
  read -r rows cols units mem <<<"$shape"
  for skew in 0 1; do
    p=(-GPeKind=1 "-GRows=$rows" "-GCols=$cols" "-GLanes=$units" "-GSkew=$skew")
    legal pare_accel "${p[@]}" "-GMemWidth=$mem" -GOutBytes=256
    legal pare_array "${p[@]}"
    legal pare_array_pe -GPeKind=1 "-GLanes=$units" "-GSkew=$skew"
  done
done
# term-serial PEs: rows, cols, lanes, memory width, recoding, bits of the first shifter
for shape in "8 4 4 32 2 2" "1 3 8 8 0 0" "4 2 16 32 1 4"; do
  read -r rows cols lanes mem recoding first <<<"$shape"
  p=(-GPeKind=2 "-GRows=$rows" "-GCols=$cols" "-GLanes=$lanes" "-GFirstStageBits=$first")
  [ $((mem / lanes)) -ge 8 ] && legal pare_accel "${p[@]}" "-GMemWidth=$mem" "-GRecoding=$recoding" -GOutBytes=256
  legal pare_array "${p[@]}" "-GRecoding=$recoding" -GActDigit=8 -GWeightDigit=8
  legal pare_array_pe -GPeKind=2 "-GLanes=$lanes" -GActDigit=8 -GWeightDigit=8 "-GFirstStageBits=$first"
done
legal pare_beat_sequencer -GWaits=1 -GActDigit=8 -GWeightDigit=8
synthesisable pare_accel PeKind 1 Rows 2 Cols 2 Lanes 2 MemWidth 64 WeightPlanes 64 ActPlanes 64
synthesisable pare_accel PeKind 2 Rows 8 Cols 2 Lanes 4 MemWidth 32
legal pare_accel -GRows=16 -GCols=16 -GLanes=16 -GMemWidth=128 -GWeightPlanes=2048 -GActPlanes=16384 -GOutBytes=16384
synthesisable pare_accel Rows 2 Cols 2 Skew 0 MemWidth 16
synthesisable pare_accel Rows 6 Cols 3 Lanes 4 ActDigit 2 WeightDigit 4 MemWidth 8 Skew 1
illegal pare_accel "MemWidth" -GMemWidth=24
illegal pare_accel "Lanes" -GLanes=6 -GMemWidth=24
illegal pare_accel "multiple of MemWidth" -GRows=1 -GMemWidth=32
illegal pare_accel "ActDigit must be at most" -GActDigit=8
illegal pare_accel "WeightDigit must be a power of two" -GWeightDigit=3
illegal pare_accel "WeightPlanes must be" -GWeightPlanes=100
illegal pare_accel "ActPlanes must be" -GActPlanes=100
illegal pare_accel "OutBytes must be" -GOutBytes=16
illegal pare_accel "at most 32768" -GActPlanes=65536
illegal pare_accel "MaxFilters must be" -GMaxFilters=2
illegal pare_accel "PeKind must be" -GPeKind=3
illegal pare_accel "of fusion PEs must be 8" -GPeKind=1 -GLanes=2 -GMemWidth=64 -GMaxActBits=7
illegal pare_accel "must be the plane's width times" -GPeKind=1 -GRows=3 -GLanes=2 -GMemWidth=64
illegal pare_accel "at least two steps" -GPeKind=1 -GLanes=2 -GMemWidth=64 -GActPlanes=32
illegal pare_accel "of term-serial PEs must be" -GPeKind=2 -GRows=8 -GLanes=4 -GSkew=1
illegal pare_beat_sequencer "Skew must be 0" -GWaits=1 -GSkew=1
illegal pare_requantizer "AccWidth must be" -GAccWidth=33
SOURCES=("${PES[@]}")

illegal pare_accumulator "Width must be" -GWidth=65
illegal pare_pe_fusion "Units must be" -GUnits=0
illegal pare_pe_fusion "AccWidth must be" -GUnits=3 -GAccWidth=18
illegal pare_term_recode "Width must be" -GWidth=17
illegal pare_term_recode "Recoding must be" -GRecoding=3
illegal pare_term_schedule "Reach must be" -GPositions=9 -GReach=10
illegal pare_term_column "FirstStageBits must be" -GFirstStageBits=6
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
