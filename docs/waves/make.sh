#!/usr/bin/env bash
# Draw the machine's timing diagrams from the waves of a run of the RTL: for each SPEC.json here,
# rtl_SPEC.wavedrom.json and rtl_SPEC.svg; and the PE's, whose WaveDrom JSON is written by hand.
# Argument: where to (docs). BIN: pare-cosim's folder.
set -eu
out=$(realpath "${1:-$(dirname "$0")/..}")
cd "$(dirname "$0")"
BIN=${BIN:-../../build/bin}
include=$(verilator --getenv VERILATOR_ROOT)/include/gtkwave
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
${CC:-cc} -O1 -w "-DFST_CONFIG_INCLUDE=<fst_config.h>" -I"$include" -o "$dir/fst_vcd" \
  fst_vcd.c "$include/fstapi.c" "$include/lz4.c" "$include/fastlz.c" -lz
"$BIN/pare-cosim" layer six_tiles.net.yaml conv --bits w6a1 --latency 10..24 --gaps 10,2 \
  --seed 6434564990702152060 --trace "$dir/layer.fst" >"$dir/log"
"$dir/fst_vcd" "$dir/layer.fst" >"$dir/layer.vcd"
for spec in overlap stage pressure; do
  python3 waves.py json "$dir/layer.vcd" $spec.json >"$out/rtl_$spec.wavedrom.json"
  python3 waves.py svg "$out/rtl_$spec.wavedrom.json" >"$out/rtl_$spec.svg"
done
python3 waves.py svg ../rtl_pe_timing.wavedrom.json >"$out/rtl_pe_timing.svg"
