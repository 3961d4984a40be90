#!/usr/bin/env bash
# The whole chain on real data: learn bitlengths on Fashion-MNIST, simulate them on the shipped
# machines, cross-check the bit-serial RTL, write the report, say it in ten lines.
# BUILD: the build folder. Started by `make demo`.
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
BIN=$BUILD/bin OUT=$BUILD/demo
RUN=$OUT/cnn_small
mkdir -p "$OUT"

say() { printf '\n== %s\n' "$*"; }

say "1/4 learn: BitPruning on Fashion-MNIST, real bitlengths, then rounded up and fine-tuned"
rm -rf "$RUN"
"$BIN/pare-train" cnn_small --data fashion-mnist --method bitpruning --gamma 0.5 --epochs 5 --tune-epochs 2 --seed 1 --out "$RUN"

say "2/4 simulate: the learned bits on each machine"
"$BIN/pare-sim" run "$RUN/network.net.yaml" --bits "$RUN/network.bits.yaml" --machine bitparallel8 --machine stripes \
  --machine unpu --machine loom1 --machine loom2 --machine loom4 --machine bitfusion --csv "$OUT/results.csv"

say "3/4 cross-check: the Verilated PE against the C reference, values and cycles"
"$BIN/pare-cosim" pe --kind all --count 20000 --seed 1

say "4/4 report"
"$BIN/pare-sim" report "$RUN" --out "$OUT/report.html"
