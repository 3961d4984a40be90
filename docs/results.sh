#!/usr/bin/env bash
# Train what docs/results.md tells of, and write it. Every run is resumable: a stopped script goes
# on with the same command, a finished run is only read.
#
#   docs/results.sh [--list | --tables] [PATTERN...]
#
# Without PATTERN all runs; with some, those whose name matches one (shell globs). --tables trains
# nothing; --list prints names and commands. Folders and data, from the environment:
#   RESULTS    run folders (build/results)
#   CIFAR      folder of CIFAR-10's binary batches; without it the runs on it are left out
#   THREADS    threads (all); they do not change the results
#   LEARN, TUNE, FP32  epochs of the runs on CIFAR-10 (12, 6, 60)
#   COMPUTE    f32 or bf16 (bf16)
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build} RESULTS=${RESULTS:-$BUILD/results} OUT=${OUT:-docs/results.md}
LEARN=${LEARN:-12} TUNE=${TUNE:-6} FP32=${FP32:-60} COMPUTE=${COMPUTE:-bf16}
export PARE_DATA=$PWD
train=$BUILD/bin/pare-train sim=$BUILD/bin/pare-sim
mode=run
case ${1:-} in --list) mode=list; shift ;; --tables) mode=tables; shift ;; esac
patterns=("$@")
mkdir -p "$RESULTS"

cifar="--data ${CIFAR:-DIR} --weight-decay 0.0005 --augment crop_flip --compute $COMPUTE --seed 1"
fine="--from $RESULTS/resnet20_fp32 --lr 0.02"
learn="$fine --n-lr 1 --epochs $LEARN --tune-epochs $TUNE"
gammas="0.05 0.1 0.2 0.5 1 2"
machines="stripes loom1"
methods="lsq pact stochastic fracbits adaqat bmpq syq pow2 dq adaptive mmse settle datafree"

# The other methods: after training from an fp32 run, or by training from it.
method_runs() { # name of the fp32 run, network, options of training
  local start="--from $RESULTS/$1" net=$2 b g
  for b in 4 3 2; do
    for m in lsq pact fixed; do
      [ "$net $m" = "resnet20 fixed" ] && continue # among the runs of BitPruning
      echo "${net}_${m}_w${b}a$b|$net|--method $m --bits $b --first-last-bits 8 $start $3"
    done
  done
  echo "${net}_stochastic|$net|--method stochastic --gamma 0.5 $start $3"
  echo "${net}_fracbits|$net|--method fracbits --criterion bitops --init-bits 6 $start $3"
  echo "${net}_adaqat|$net|--method adaqat --init-bits 6 --set options.adaqat.price=0.6 $start $3"
  echo "${net}_bmpq|$net|--method bmpq --bits w4a4 --first-last-bits 8 $start $3"
  echo "${net}_syq|$net|--method syq --bits w8a4 --first-last-bits 0 $start $3"
  echo "${net}_pow2_w4a4|$net|--method pow2 --bits w4a4 $start $3"
  echo "${net}_dq|$net|--method dq --bits w4a4 $start $3"
  echo "${net}_adaptive|$net|--method adaptive --set options.adaptive.widths=8,4,3,2 --first-last-bits 8 $start $3"
  for b in 8 6 4 3; do
    for g in layer channel; do
      echo "${net}_mmse_w${b}a${b}_$g|$net|--method mmse --bits $b --granularity $g $start"
      echo "${net}_settle_w${b}a${b}_$g|$net|--method settle --bits $b --granularity $g $start"
    done
  done
  echo "${net}_datafree|$net|--method datafree --bits w8a8 $start"
}

# name | network | options
runs() {
  for g in 0.03125 0.0625 0.125 0.5; do
    echo "cnn_small_g$g|cnn_small|--gamma $g --epochs 6 --tune-epochs 3 --seed 1"
    echo "lenet5_g$g|lenet5|--gamma $g --epochs 6 --tune-epochs 3 --seed 1"
  done
  echo "cnn_small_fp32|cnn_small|--method fp32 --epochs 9 --seed 1"
  echo "lenet5_fp32|lenet5|--method fp32 --epochs 9 --seed 1"
  method_runs cnn_small_fp32 cnn_small "--lr 0.01 --epochs 4 --tune-epochs 2 --seed 1"
  [ -n "${CIFAR:-}" ] || [ "$mode" = list ] || return 0
  echo "resnet20_fp32|resnet20|--method fp32 --epochs $FP32 --lr 0.1 $cifar"
  for g in $gammas; do echo "resnet20_g$g|resnet20|--gamma $g $learn $cifar"; done
  for b in 8 6 4 3 2; do
    echo "resnet20_w${b}a$b|resnet20|--method fixed --bits $b --epochs $((LEARN + TUNE)) $fine $cifar"
  done
  method_runs resnet20_fp32 resnet20 "--lr 0.02 --epochs $((LEARN + TUNE)) --tune-epochs $TUNE $cifar" |
    sed -E "/method (mmse|settle|datafree)/s|\$| --data ${CIFAR:-DIR} --compute $COMPUTE --seed 1|"
  for m in $machines; do
    for c in energy latency; do
      for g in 0.2 0.5; do
        echo "resnet20_${m}_${c}_g$g|resnet20|--criterion $c --cost-table $RESULTS/$m.csv --gamma $g $learn $cifar"
      done
    done
  done
  echo "resnet20_budget|resnet20|--budget 0.35x-energy --cost-table $RESULTS/stripes.csv $learn $cifar"
}

is_wanted() {
  [ ${#patterns[@]} -gt 0 ] || return 0
  local p
  # shellcheck disable=SC2254
  for p in "${patterns[@]}"; do case $1 in $p) return 0 ;; esac; done
  return 1
}

if [ "$mode" = list ]; then
  runs | while IFS='|' read -r name network options; do
    is_wanted "$name" && echo "$name: pare-train $network $options -o $RESULTS/$name"
  done
  exit 0
fi

for m in $machines; do
  [ -f "$RESULTS/$m.csv" ] || "$sim" cost resnet20 --machine "$m" --out "$RESULTS/$m.csv"
done
if [ "$mode" = run ]; then
  while IFS='|' read -r name network options; do
    is_wanted "$name" || continue
    [ -f "$RESULTS/$name/summary.json" ] && continue
    echo "== $name: pare-train $network $options"
    # shellcheck disable=SC2086
    "$train" "$network" $options -o "$RESULTS/$name" ${THREADS:+-j "$THREADS"}
  done < <(runs)
fi

# ---- the page ------------------------------------------------------------------------------------

value() { # run key: a number of summary.json, empty if there is none
  sed -nE "s/^  \"$2\": ([-0-9.e+]+),?\$/\1/p" "$RESULTS/$1/summary.json"
}
percent() { [ -n "$1" ] && awk -v x="$1" 'BEGIN { printf "%.2f", 100 * x }' || echo "–"; }
fixed() { [ -n "$1" ] && awk -v x="$1" "BEGIN { printf \"%.$2f\", x }" || echo "–"; }
has() { [ -f "$RESULTS/$1/summary.json" ]; }
cost() { # run machine key of the total's line
  "$sim" run "$RESULTS/$1" --machine "$2" --json | tail -n 1 | sed -nE "s/.*\"$3\":([-0-9.e+]+).*/\1/p"
}
median_epochs() { grep -vc '^#\|^phase' "$RESULTS/$1/metrics.csv"; }

row() { # run, what it is
  printf '| %s | %s | %s / %s | %s | %s | **%s** | %s |\n' "$2" "$(median_epochs "$1")" \
    "$(fixed "$(value "$1" mean_weight_bits)" 2)" "$(fixed "$(value "$1" mean_act_bits)" 2)" \
    "$(percent "$(value "$1" real_n_accuracy_frac)")" "$(percent "$(value "$1" ceil_accuracy_frac)")" \
    "$(percent "$(value "$1" final_accuracy_frac)")" \
    "$(fixed "$(value "$1" cost_frac)" 3)"
}
head_row() {
  echo '| run | epochs | mean bits W / A | real n, % | rounded up, % | final, % | cost, of 8 bits |'
  echo '| --- | --- | --- | --- | --- | --- | --- |'
}
table() { # pattern of runs
  head_row
  while IFS='|' read -r name _ _; do
    # shellcheck disable=SC2254
    case $name in $1) has "$name" && row "$name" "\`$name\`" ;; esac
  done < <(runs)
}

layer_bits() { # runs...
  local first=$1 r
  printf '| layer |'; for r in "$@"; do printf ' %s |' "$r"; done; echo
  printf '| --- |'; for r in "$@"; do printf ' --- |'; done; echo
  sed -nE 's/.*layer: ([^,]+), .*/\1/p' "$RESULTS/$first/network.bits.yaml" | while read -r layer; do
    printf '| %s |' "$layer"
    for r in "$@"; do
      sed -nE "s/.*layer: $layer, weight_bits: ([0-9]+), act_bits: ([0-9]+).*/ \1 \/ \2 |/p" \
        "$RESULTS/$r/network.bits.yaml" | tr -d '\n'
    done
    echo
  done
}

machine_table() { # machine
  echo '| run | final, % | cycles | energy, µJ | DRAM, Mbit |'
  echo '| --- | --- | --- | --- | --- |'
  while IFS='|' read -r name _ _; do
    case $name in resnet20_g* | resnet20_w* | resnet20_"$1"_*) ;; *) continue ;; esac
    has "$name" || continue
    printf '| `%s` | %s | %s | %s | %s |\n' "$name" "$(percent "$(value "$name" final_accuracy_frac)")" \
      "$(cost "$name" "$1" cycles)" \
      "$(awk -v x="$(cost "$name" "$1" energy_pj)" 'BEGIN { printf "%.2f", x / 1e6 }')" \
      "$(awk -v x="$(cost "$name" "$1" dram_bits)" 'BEGIN { printf "%.3f", x / 1e6 }')"
  done < <(runs)
}

curve() { # accuracy over the mean bitlength, learned and fixed, as SVG
  while IFS='|' read -r name _ _; do
    case $name in resnet20_g* | resnet20_w*) ;; *) continue ;; esac
    has "$name" || continue
    echo "$name $(value "$name" mean_weight_bits) $(value "$name" mean_act_bits) $(value "$name" final_accuracy_frac)"
  done < <(runs) | sort -k2,2g | awk -v fp32="$(value resnet20_fp32 final_accuracy_frac)" -f docs/results_curve.awk
}

method_of() { # run: what trained it
  case $1 in *_g[0-9]*) echo bitpruning ;; *) sed -nE 's/^[^|]*\|[^|]*\|.*--method ([a-z0-9]+).*/\1/p' <<<"$2" ;; esac
}
energy_curve() { # network machine: accuracy over energy, all methods, as SVG
  while IFS='|' read -r name net options; do
    if [ "$net" != "$1" ] || ! has "$name"; then continue; fi
    local method
    method=$(method_of "$name" "$name|$net|$options")
    case $method in '' | fp32) continue ;; esac
    echo "$name $method $(awk -v x="$(cost "$name" "$2" energy_pj)" 'BEGIN { print x / 1e6 }')" \
      "$(value "$name" final_accuracy_frac)"
  done < <(runs) | awk -v fp32="$(value "$1_fp32" final_accuracy_frac)" -v machine="$2" -f docs/results_energy.awk
}
ours() { # run of resnet20: its final accuracy and that of fp32, in %
  if ! has "resnet20_$1" || ! has resnet20_fp32; then
    printf '–'
    return
  fi
  printf '%s (%s)' "$(percent "$(value "resnet20_$1" final_accuracy_frac)")" \
    "$(percent "$(value resnet20_fp32 final_accuracy_frac)")"
}
anchor() { # what, accuracy and fp32 as published, source and status, run
  printf '| %s | %s | %s | %s |\n' "$1" "$2" "$3" "$(ours "$4")"
}
anchors() {
  echo '| ResNet-20, CIFAR-10 | published, % (its fp32) | source and status | ours, % (our fp32) |'
  echo '| --- | --- | --- | --- |'
  local b
  for b in 5:91.6:91.6 4:90.8:90.89 3:90.6:90.09 2:88.9:87.07; do
    IFS=: read -r b quoted again <<<"$b"
    anchor "PACT, $b bits, first and last layer 8" "$quoted, reproduced $again (–)" \
      'READ-2ND: PACT as quoted and reproduced with its code' "pact_w${b}a$b"
  done
  anchor 'DQ, weights to 70 kB (2.14 bits), activations 4-bit-equivalent' '91.42 (92.71)' 'READ: Uhlich 2020' dq
  anchor 'TQT, weights 2, activations 4 bits, learned range' '90.38 (92.71)' 'READ: Uhlich 2020' none
  anchor 'fixed, weights 2, activations 4 bits' '88.70 (92.71)' 'READ: Uhlich 2020' none
  anchor 'Any-Precision, 8 / 4 / 2 bits of one model' '93.75 / 93.86 / 93.90 (94.11)' \
    'READ: Any-Precision, recursive; its own ResNet-20' adaptive
}

{
  echo '# Results on real data'
  echo
  echo 'Written by `docs/results.sh` (`make results`) from the run folders that it trained; `docs/results.sh --list` prints the command'
  echo "of every run. Program: $("$train" --version | head -n 1). Every run is one seed: differences of half a percent mean little."
  echo 'A run that names `--from` starts from `resnet20_fp32`; its epochs come on top of that one'"'"'s.'
  for net in cnn_small lenet5; do
    ls -d "$RESULTS/$net"_* >/dev/null 2>&1 || continue
    printf '\n## %s on Fashion-MNIST\n\n' "$net"
    table "${net}_*"
  done
  if has resnet20_fp32; then
    printf '\n## ResNet-20 on CIFAR-10\n\nBitPruning over gamma, and training at fixed bits:\n\n'
    table 'resnet20_[fgw]*'
    printf '\nThe other methods (docs/methods.md), from the same fp32 run:\n\n'
    for m in $methods; do table "resnet20_${m}*" | { [ "$m" = lsq ] && cat || tail -n +3; }; done
    curve >"$(dirname "$OUT")/results_curve.svg"
    printf '\n![Accuracy over the mean bitlength](results_curve.svg)\n'
    energy_curve resnet20 loom1 >"$(dirname "$OUT")/results_energy.svg"
    printf '\n![Accuracy over energy on Loom](results_energy.svg)\n'
    printf '\nPublished numbers beside ours. They differ in epochs, augmentation and fp32 baseline: compare drops from fp32.\n\n'
    anchors
    learned=()
    for g in $gammas; do has "resnet20_g$g" && learned+=("resnet20_g$g"); done
    if [ ${#learned[@]} -gt 0 ]; then
      printf '\nBits of each layer, weights / activations:\n\n'
      layer_bits "${learned[@]}"
    fi
    for m in $machines; do
      printf '\n## By the cost of %s\n\nOne image, `pare-sim run RUN --machine %s`:\n\n' "$m" "$m"
      machine_table "$m"
    done
    if has resnet20_budget; then
      printf '\n## A budget of 0.35 of the energy on stripes\n\n'
      head_row
      row resnet20_budget '`resnet20_budget`'
    fi
  fi
} >"$OUT.tmp"
mv "$OUT.tmp" "$OUT"
echo "wrote $OUT"
