# A network with every layer type is trained here at several bitlengths; the machine must agree.
# What is printed does not depend on the trainer's float rounding.
[ -f /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz ] || {
  echo "SKIPPED infer_trained: dataset-fashion-mnist is not installed"
  exit 0
}
cat >all.net.yaml <<'NET'
version: 1
name: all_layers
input: {channels: 1, height: 28, width: 28}
layers:
  - {name: stem, type: conv2d, out_channels: 8, kernel: 3, pad: 1, stride: 2, bias: true}
  - {name: act0, type: relu6}
  - {name: dw, type: conv2d, out_channels: 8, kernel: 3, pad: 2, dilation: 2, groups: 8}
  - {name: bn1, type: batchnorm}
  - {name: pw, type: conv2d, out_channels: 8, kernel: 1}
  - {name: bn2, type: batchnorm}
  - {name: sum, type: add, inputs: [bn2, act0]}
  - {name: act1, type: relu}
  - {name: avg, type: avgpool, kernel: 2, stride: 2}
  - {name: g2, type: conv2d, out_channels: 8, kernel: [3, 1], pad: [1, 0], groups: 2, inputs: [avg]}
  - {name: max, type: maxpool, kernel: 3, stride: 1, pad: 1, inputs: [avg]}
  - {name: both, type: concat, inputs: [g2, max]}
  - {name: last, type: conv2d, out_channels: 16, kernel: 3}
  - {name: bn3, type: batchnorm}
  - {name: act2, type: relu}
  - {name: pool, type: global_avgpool}
  - {name: flat, type: flatten}
  - {name: fc, type: fc, out_channels: 10, bias: true}
NET
cat >map.net.yaml <<'NET'
version: 1
name: flattened_map
input: {channels: 1, height: 28, width: 28}
layers:
  - {name: conv, type: conv2d, out_channels: 4, kernel: 5, stride: 3}
  - {name: bn, type: batchnorm}
  - {name: act, type: relu}
  - {name: pool, type: maxpool, kernel: 2, stride: 2}
  - {name: flat, type: flatten}
  - {name: fc, type: fc, out_channels: 10, bias: true}
NET
for case in all:w2a3:loom1 all:w5a4:stripes all:w12a16:loom2 map:w3a4:bitfusion map:w8a8:bitparallel8; do
  IFS=: read -r net bits machine <<<"$case"
  "$BIN/pare-train" "$net.net.yaml" --data fashion-mnist --method fixed --bits "$bits" --max-bits 16 \
    --epochs 1 --limit 640 --sample-images 4 -q -o "$net$bits" || exit
  "$BIN/pare-sim" infer "$net$bits" --machine "$machine" --set pe.acc_bits=40 --limit 640 >"$net$bits.txt"
  echo "$case: exit status $?"
  grep -oE '^agreement: (100\.000|99\.[0-9]*) % of 640 predictions|^passed|[0-9]+ unexplained|sums equal the PE' "$net$bits.txt" |
    sed -E 's/(100\.000|99\.[0-9]*) %/99 % or more/'
  for n in 1 2; do
    "$BIN/pare-sim" infer "$net$bits" --machine "$machine" --set pe.acc_bits=40 --limit 64 --threads $n --json >"threads$n"
  done
  cmp threads1 threads2
done
