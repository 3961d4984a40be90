#!/usr/bin/env bash
# Train what docs/results.md tells of, and write it. Every run is resumable: a stopped script goes
# on with the same command, a finished run is only read.
#
#   docs/results.sh [--list | --tables] [PATTERN...]
#
# Without PATTERN all runs, then the page (docs/results_page.sh); with some, only those whose name
# matches one (shell globs). --tables trains nothing and writes the page; --list prints names and
# commands. Folders and data, from the environment:
#   RESULTS    run folders (build/results)
#   CIFAR      folder of CIFAR-10's binary batches; without it the runs on it are left out
#   THREADS    threads (all); they do not change the results
#   LEARN, TUNE, FP32, LONG  epochs of the runs on CIFAR-10 (3, 2, 50, 20)
#   COMPUTE    f32 or bf16 (bf16)
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build} RESULTS=${RESULTS:-$BUILD/results} OUT=${OUT:-docs/results.md}
LEARN=${LEARN:-3} TUNE=${TUNE:-2} FP32=${FP32:-50} LONG=${LONG:-20} COMPUTE=${COMPUTE:-bf16}
export PARE_DATA=$PWD
train=$BUILD/bin/pare-train sim=$BUILD/bin/pare-sim
mode=run
case ${1:-} in --list) mode=list; shift ;; --tables) mode=tables; shift ;; esac
patterns=("$@")
mkdir -p "$RESULTS"

cifar="--data ${CIFAR:-DIR} --weight-decay 0.0005 --augment crop_flip --compute $COMPUTE --seed 1"
fine="--from $RESULTS/resnet20_fp32 --lr 0.02"
learn="$fine --n-lr 1 --init-bits 6 --epochs $LEARN --tune-epochs $TUNE --tune-lr 0.02"
gammas="0.1 0.2 0.3 0.5 0.8"
machines="stripes loom1"

# The other methods: after training from an fp32 run, or by training from it. Methods that learn bitlengths
# divide the epochs as BitPruning does.
method_runs() { # name of the fp32 run, network, epochs of learning, of tuning, other options of training
  local start="--from $RESULTS/$1" net=$2 b g
  local train="$start --epochs $(($3 + $4)) $5" learn="$start --epochs $3 --tune-epochs $4 $5"
  for b in 4 3 2; do
    for m in lsq pact fixed; do
      [ "$net $m" = "resnet20 fixed" ] && continue # among the runs of BitPruning
      echo "${net}_${m}_w${b}a$b|$net|--method $m --bits $b --first-last-bits 8 $train"
    done
  done
  for b in 3 2; do # from the steps of least error: docs/methods.md
    echo "${net}_lsq_mmse_w${b}a$b|$net|--method lsq --bits $b --first-last-bits 8 --set options.lsq.step=mmse $train"
  done
  echo "${net}_stochastic|$net|--method stochastic --gamma 0.3 --init-bits 6 $learn"
  echo "${net}_fracbits|$net|--method fracbits --criterion bitops --init-bits 6 $learn"
  echo "${net}_adaqat|$net|--method adaqat --init-bits 6 --set options.adaqat.price=0.6 $train"
  echo "${net}_bmpq|$net|--method bmpq --bits w4a4 --first-last-bits 8 $train"
  echo "${net}_syq|$net|--method syq --bits w8a4 --first-last-bits 0 $train"
  echo "${net}_pow2_w4a4|$net|--method pow2 --bits w4a4 $train"
  echo "${net}_dq|$net|--method dq --bits w4a4 $train"
  local widths="--method adaptive --set options.adaptive.widths=8,4,3,2 --first-last-bits 8"
  # one width a step, all widths in each step; the published range of weights
  echo "${net}_adaptive_one|$net|$widths --set options.adaptive.passes=1 --set options.adaptive.range=rms $train"
  echo "${net}_adaptive_all|$net|$widths --set options.adaptive.passes=0 --set options.adaptive.range=rms $train"
  [ "$net" = resnet20 ] || echo "${net}_adaptive_tanh|$net|$widths --set options.adaptive.passes=1 --set options.adaptive.range=tanh $train"
  for b in 8 6 4 3; do
    for g in layer channel; do
      echo "${net}_mmse_w${b}a${b}_$g|$net|--method mmse --bits $b --granularity $g $start $6"
      echo "${net}_settle_w${b}a${b}_$g|$net|--method settle --bits $b --granularity $g $start $6"
    done
  done
  echo "${net}_datafree|$net|--method datafree --bits w8a8 $start $6"
}

# name | network | options
runs() {
  for g in 0.03125 0.0625 0.125 0.5; do
    echo "cnn_small_g$g|cnn_small|--gamma $g --epochs 6 --tune-epochs 3 --seed 1"
    echo "lenet5_g$g|lenet5|--gamma $g --epochs 6 --tune-epochs 3 --seed 1"
  done
  for g in 0.125 0.5; do # a range for each channel
    echo "cnn_small_range_g$g|cnn_small|--gamma $g --granularity channel_range --epochs 6 --tune-epochs 3 --seed 1"
  done
  echo "cnn_small_fp32|cnn_small|--method fp32 --epochs 9 --seed 1"
  echo "lenet5_fp32|lenet5|--method fp32 --epochs 9 --seed 1"
  method_runs cnn_small_fp32 cnn_small 4 2 "--lr 0.01 --seed 1" "--seed 1"
  [ -n "${CIFAR:-}" ] || [ "$mode" = list ] || return 0
  echo "resnet20_fp32|resnet20|--method fp32 --epochs $FP32 --lr 0.1 $cifar"
  for g in $gammas; do echo "resnet20_g$g|resnet20|--gamma $g $learn $cifar"; done
  # tuned for long: a mean of 4, then of 3 bits after rounding up (shares of the cost of 8 bits everywhere)
  local long="--tune-epochs $LONG --tune-lr 0.03 $cifar"
  echo "resnet20_mean4|resnet20|--budget 0.5x $fine --n-lr 2 --init-bits 6 --epochs 4 $long"
  echo "resnet20_mean3|resnet20|--budget 0.375x --granularity channel_range --min-bits 2 --from $RESULTS/resnet20_mean4 --lr 0.02 --n-lr 1 --init-bits 4.5 --epochs 6 $long"
  # the same run in float and by minimal filtering
  for c in f32 winograd; do
    echo "resnet20_${c}_g0.3|resnet20|--gamma 0.3 $learn ${cifar/--compute $COMPUTE/--compute $c}"
  done
  for b in 8 6 4 3 2; do
    echo "resnet20_w${b}a$b|resnet20|--method fixed --bits $b --epochs $((LEARN + TUNE)) $fine $cifar"
  done
  method_runs resnet20_fp32 resnet20 "$LEARN" "$TUNE" "--lr 0.02 $cifar" \
    "--data ${CIFAR:-DIR} --compute $COMPUTE --seed 1"
  echo "resnet20_pact_w5a5|resnet20|--method pact --bits 5 --first-last-bits 8 --epochs $((LEARN + TUNE)) $fine $cifar"
  local small="--method dq --bits w4a4 --set options.dq.weight_kb=70 --set options.dq.act_kb=8"
  echo "resnet20_dq_70kb|resnet20|$small --epochs $((LEARN + TUNE)) $fine $cifar"
  echo "resnet20_dq_70kb_long|resnet20|$small --epochs 12 $fine $cifar"
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
    echo "pare-train $network $options" >"$RESULTS/$name/command.txt"
  done < <(runs)
fi
[ "$mode" = tables ] || [ ${#patterns[@]} -eq 0 ] || exit 0
. docs/results_page.sh
