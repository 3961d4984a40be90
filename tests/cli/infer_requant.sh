# Integers between layers: the machine's codes are the trainer's own, bit by bit; what stays in
# float is named.
[ -f /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz ] || {
  echo "SKIPPED infer_requant: dataset-fashion-mnist is not installed"
  exit 0
}
cat >chain.net.yaml <<'NET'
version: 1
name: chain
input: {channels: 1, height: 28, width: 28}
layers:
  - {name: conv1, type: conv2d, out_channels: 6, kernel: 3, stride: 2, bias: true}
  - {name: bn1, type: batchnorm}
  - {name: act1, type: relu6}
  - {name: conv2, type: conv2d, out_channels: 8, kernel: 3, pad: 1, groups: 2}
  - {name: conv3, type: conv2d, out_channels: 8, kernel: 1}
  - {name: bn3, type: batchnorm}
  - {name: act3, type: relu}
  - {name: max, type: maxpool, kernel: 3, stride: 2, pad: 1}
  - {name: flat, type: flatten}
  - {name: fc, type: fc, out_channels: 10, bias: true}
NET
cat >branch.net.yaml <<'NET'
version: 1
name: branch
input: {channels: 1, height: 28, width: 28}
layers:
  - {name: stem, type: conv2d, out_channels: 8, kernel: 3, pad: 1, stride: 2}
  - {name: bn0, type: batchnorm}
  - {name: act0, type: relu}
  - {name: conv1, type: conv2d, out_channels: 8, kernel: 3, pad: 1}
  - {name: bn1, type: batchnorm}
  - {name: act1, type: relu}
  - {name: conv2, type: conv2d, out_channels: 8, kernel: 3, pad: 1}
  - {name: bn2, type: batchnorm}
  - {name: sum, type: add, inputs: [bn2, act0]}
  - {name: act2, type: relu}
  - {name: pool, type: global_avgpool}
  - {name: flat, type: flatten}
  - {name: fc, type: fc, out_channels: 10}
NET
options="--data fashion-mnist --epochs 1 --limit 640 --sample-images 4 -q"
for case in chain:w8a8 chain:w3a4 branch:w5a6; do
  IFS=: read -r net bits <<<"$case"
  [ -d "$net" ] || "$BIN/pare-train" "$net.net.yaml" $options --method fp32 -o "$net" || exit
  "$BIN/pare-train" "$net.net.yaml" $options --method settle --from "$net" --bits "$bits" \
    --granularity channel -o "$net$bits" || exit
  "$BIN/pare-sim" infer "$net$bits" --requant --limit 640 >"$bits.txt"
  echo "$case: exit status $?"
  grep -oE '^in integers.*|^float after.*|^codes of sampled images: 0 of .* differ|^passed' "$bits.txt"
  "$BIN/pare-sim" infer "$net$bits" --limit 640 | tail -1
done
"$BIN/pare-sim" infer branch --requant
echo "exit status $?"
"$BIN/pare-train" chain.net.yaml $options --method fixed --bits w4a4 -o fixed
"$BIN/pare-sim" infer fixed --requant
echo "exit status $?"
"$BIN/pare-sim" infer chainw3a4 --requant --limit 64 --threads 1 --json >one
"$BIN/pare-sim" infer chainw3a4 --requant --limit 64 --threads 2 --json | cmp - one
