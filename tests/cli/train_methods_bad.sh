# status: 3
. "$SRC"/tests/cli/train_data.inc
try() { "$BIN"/pare-train "$@" -o run; echo "$*: $?"; }
little="little.net.yaml --data data --batch 16 --epochs 1"
try $little --method lsqq
try $little --method lsq --set options.pct.plus=false
try $little --method lsq --set options.pact.plus=maybe
try $little --method lsq --bits w1a4
try $little --method pow2 --bits w5a4
cat >odd.bits.yaml <<'END'
version: 1
layers:
  - {layer: conv1, weight_bits: 4, act_bits: 4}
  - {layer: fc, weight_bits: 12, act_bits: 4}
END
try $little --method lsq --bits odd.bits.yaml
sed '/relu1/d' little.net.yaml >signed.net.yaml
try signed.net.yaml --data data --batch 16 --method pact --bits w4a1
try $little --method bmpq --bits w4a4 --set options.bmpq.mean_bits=1.5
try $little --method bmpq --bits w4a4 --set options.bmpq.choices=8,4
try $little --method adaptive --set options.adaptive.widths=2,8
try $little --method dq --bits w4a4 --granularity channel_range
try $little --method mmse --bits w4a4
try $little --method mmse --bits w4a4 --from nowhere
"$BIN"/pare-train $little --method fp32 -q -o fp
try little.net.yaml --data nowhere --method mmse --bits w4a4 --from fp
try $little --method datafree --from fp --set options.datafree.scheme=kmeans
try $little --method mmse --bits w4a4 --from fp --calibration-images 0
try $little --method settle --bits w4a4 --from fp --limit 8
try $little --method settle --bits w1a4 --from fp
"$BIN"/pare-train $little --method datafree --from fp --bits w8a8 --set options.datafree.drop=-0.6 -o gain
echo "drop: $?"
try $little --method dq --bits w4a4 --set options.dq.weight_kb=0.1
try $little --method dq --bits w4a4 --set options.dq.act_kb=0.01
try $little --method fracbits --criterion bitops --set options.fracbits.target_bits=1 --first-last-bits 8
try $little --method bitpruning --criterion bitops --budget 0.001x
try $little --method adaptive --set options.adaptive.passes=9
sed 's/type: relu/type: gelu/' little.net.yaml >gelu.net.yaml
try gelu.net.yaml --data data --batch 16 --method pact --bits w4a4
"$BIN"/pare-train $little --methd lsq -o run
echo "option: $?"
ls -d run 2>/dev/null
exit 3
