# One network, trained once for several bitlengths: each is run from the one run folder.
. "$SRC"/tests/cli/train_data.inc
"$BIN"/pare-train little.net.yaml --data data --batch 16 --epochs 1 --method adaptive \
  --set options.adaptive.widths=8,4,2 -q -o run || exit
"$BIN"/pare-sim run run --width all -m stripes -m loom1 | cut -c1-21,32-47
"$BIN"/pare-sim run run --width all --json | grep -oE '"width":[0-9]+|"cycles":[0-9]+'
echo "a width by itself is its row"
for k in 8 4 2; do
  "$BIN"/pare-sim run run --width $k --json | grep '"total"' | grep -oE '"mean_weight_bits":[0-9]+|"cycles":[0-9]+'
done
"$BIN"/pare-sim infer run --data data --width all --machine loom1 >infer.txt
echo "infer: $?"
awk '{print $1, $4, $NF}' infer.txt
"$BIN"/pare-sim infer run --data data --width 4 --machine loom1 | tail -1
try() { "$BIN"/pare-sim "$@"; echo "$*: $?"; }
try run run --width 5
try run run --width 4x
try infer run --data data --width 3
try run little.net.yaml --width 4
try run run --width all --explain fc
rm -r run/width4
try run run --width 4
