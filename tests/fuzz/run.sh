#!/usr/bin/env bash
# Run one fuzz target for some seconds, seeded with the shipped and the bad files of its reader.
# A finding stops with the input's path. Arguments: the target, the seconds.
set -eu
target=$1 seconds=$2
reader=$(basename "$target" | sed 's/^fuzz_//')
corpus=$(dirname "$target")/corpus_$reader
mkdir -p "$corpus"
case $reader in
  net) seeds=(traces/networks/*) ;;
  bits) seeds=(traces/bits/*) ;;
  machine) seeds=(sim/machines/*) ;;
  cost) seeds=(tests/fuzz/cost.csv) ;;
  yaml) seeds=(traces/networks/lenet5.net.yaml traces/bits/* sim/machines/*) ;;
  *) seeds=() ;;
esac
for f in "${seeds[@]}" tests/data/bad/"$reader"/*; do
  [ -f "$f" ] && cp -f "$f" "$corpus/seed_$(basename "$f")"
done
echo "fuzz $reader for $seconds s"
log=$(dirname "$target")/$reader.log
"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
  -artifact_prefix="$(dirname "$target")/crash_${reader}_" "$corpus" >"$log" 2>&1 || {
  tail -n 40 "$log"
  exit 1
}
