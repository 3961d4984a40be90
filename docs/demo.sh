#!/usr/bin/env bash
# The whole chain on real data: learn bitlengths on Fashion-MNIST, simulate them on the shipped
# machines, cross-check the bit-serial RTL, write the report, say it in ten lines.
# BUILD: the build folder. Started by `make demo`.
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
BIN=$BUILD/bin OUT=$BUILD/demo
RUN=$OUT/cnn_small FP32=$OUT/cnn_small_fp32
MACHINES=(bitparallel8 stripes unpu loom1 loom2 loom4 bitfusion)
TRAIN=(cnn_small --data fashion-mnist --seed 1)
rm -rf "$OUT"
mkdir -p "$OUT"

say() { printf '\n== %s\n' "$*"; }

say "1/5 learn: fp32 as the baseline, then BitPruning: real bitlengths, rounded up, fine-tuned"
start=$SECONDS
"$BIN/pare-train" "${TRAIN[@]}" --method fp32 --epochs 5 --out "$FP32"
"$BIN/pare-train" "${TRAIN[@]}" --method bitpruning --gamma 0.085 --epochs 6 --tune-epochs 3 --out "$RUN"
training=$((SECONDS - start))

say "2/5 simulate: 8 bits as the baseline, then the learned bits, on ${#MACHINES[@]} machines"
# the tables of each machine, layer by layer, are in the report; here the machines side by side
compare() { "$BIN/pare-sim" run "$@" "${MACHINES[@]/#/--machine=}" | sed -n '/^machine /,$p'; }
echo "8 bits everywhere"
compare "$RUN/network.net.yaml" --bits 8 --csv "$OUT/8bits.csv"
echo "learned bits"
compare "$RUN" --csv "$OUT/learned.csv"

say "3/5 infer: the trained integer codes through the machine's digits, on all test images"
"$BIN/pare-sim" infer "$RUN" --machine loom2 | tee "$OUT/infer.txt"

say "4/5 cross-check: the Verilated PE against the C reference, every value and every cycle"
"$BIN/pare-cosim" pe --kind all --count 20000 --seed 1 | tee "$OUT/cosim.txt"

say "5/5 report"
"$BIN/pare-sim" report "$RUN" --title "BitPruning on Fashion-MNIST" --out "$OUT/report.html"

# ---- ten lines ----
json() { sed -n "s/^ *\"$2\": \([^,]*\),*$/\1/p" "$1/summary.json"; }
# machine and the total of a column, of every machine of a results file
totals() {
  awk -F, -v want="$2" '/^#/ { next }
    !columns { for (i = 1; i <= NF; i++) at[$i] = i; columns = NF; next }
    $at["layer"] == "total" { print $at["machine"], $at[want] }' "$OUT/$1.csv"
}
# the machine that needs least of a column with the learned bits, and the gain over 8-bit bit-parallel
best() {
  local base
  base=$(totals 8bits "$1" | awk '$1 == "bitparallel8" { print $2 }')
  totals learned "$1" | sort -k2 -g | awk -v base="$base" -v word="${2:-}" 'NR == 1 { printf "%.2fx%s on %s", base / $2, word, $1 }'
}
mean_n() { awk -F, -v want="$1" '/^#/ { next }
    !columns { for (i = 1; i <= NF; i++) at[$i] = i; columns = NF; next }
    $at["phase"] == "learn" { n = $at[want] } END { printf "%.2f", n }' "$RUN/metrics.csv"; }
percent() { awk -v x="$1" 'BEGIN { printf "%.2f %%", 100 * x }'; }

say "in ten lines"
cat <<TEXT
network     cnn_small ($("$BIN/pare-trace" check cnn_small | sed 's/.*on the array, //')) on Fashion-MNIST, $(json "$RUN" train_images) training and $(json "$RUN" test_images) test images; training took $training s
accuracy    fp32 $(percent "$(json "$FP32" final_accuracy_frac)"); with the learned integer bits $(percent "$(json "$RUN" final_accuracy_frac)")
bits        learned $(mean_n mean_weight_n) for weights, $(mean_n mean_act_n) for activations; rounded up $(json "$RUN" mean_weight_bits) and $(json "$RUN" mean_act_bits)
speed       $(best latency_ns " faster"), against 8 bits on a bit-parallel machine of the same peak
energy      $(best energy_pj " less"), all components, against the same baseline
traffic     $(best dram_bits " less"), DRAM reads and writes, against the same baseline
bit-true    $(sed -n 's/^agreement: \([^;]*\);.*/\1 on loom2 are those of the trainer/p' "$OUT/infer.txt")
RTL         $(sed -n 's/^RTL and C reference agree/Verilated PE and C reference agree/p' "$OUT/cosim.txt")
report      $OUT/report.html, opens in a browser without a network
next        docs/guide.md: your own network, bits and machine in ten minutes
TEXT
