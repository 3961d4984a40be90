# What is wrong is said in one line, with exit status 3.
[ -f /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz ] || {
  echo "SKIPPED infer_bad: dataset-fashion-mnist is not installed"
  exit 0
}
cat >net.yaml <<'NET'
version: 1
name: one
input: {channels: 1, height: 28, width: 28}
layers:
  - {name: conv, type: conv2d, out_channels: 2, kernel: 5, stride: 4}
  - {name: act, type: relu}
  - {name: flat, type: flatten}
  - {name: fc, type: fc, out_channels: 10, bias: true}
NET
"$BIN/pare-train" net.yaml --data fashion-mnist --method fixed --bits w3a5 --epochs 1 --limit 128 \
  --batch 16 --sample-images 2 -q -o run || exit
cp "$SRC/sim/machines/loom1.machine.yaml" .
try() {
  "$BIN/pare-sim" infer run --machine loom1.machine.yaml "$@" 2>&1
  echo "exit status $?"
}
damage() { # FILE: move it away, or put another one in its place
  mv "run/$1" saved
  [ $# -eq 1 ] || cp "run/$2" "run/$1"
  try
  mv saved "run/$1"
}
try --limit 128 | grep -E '^passed|^exit'
damage network.net.yaml
damage tensors.csv
damage predictions.npy
damage weights/conv.npy
damage params/fc.bias.npy
damage weights/fc.npy weights/conv.npy
damage acts/fc.npy acts/conv.npy
damage weights/conv.npy acts/logits.npy
narrow() { # KEY NEW: in the machine's file
  sed -E "s/$1: 16/$2/" loom1.machine.yaml >saved
  mv saved narrow.machine.yaml
  "$BIN/pare-sim" infer run --machine narrow.machine.yaml --limit 2 2>&1 |
    sed -E 's/sum of [0-9]+; at least [0-9]+/sum of N; at least N/'
}
narrow max_act_bits 'max_act_bits: 4'
narrow max_weight_bits 'max_weight_bits: 2'
narrow max_weight_bits 'max_weight_bits: 16, acc_bits: 8'
try --set pe.acc_bits=8 --limit 2 | sed -E 's/sum of [0-9]+; at least [0-9]+/sum of N; at least N/'
try --data .
sed 's/type: relu/type: gelu/' run/network.net.yaml >gelu && cp run/network.net.yaml saved && cp gelu run/network.net.yaml
try
cp saved run/network.net.yaml
"$BIN/pare-train" net.yaml --data fashion-mnist --method fp32 --epochs 1 --limit 128 --batch 16 -q -o float || exit
"$BIN/pare-sim" infer float 2>&1
"$BIN/pare-sim" infer
echo "exit status $?"
"$BIN/pare-sim" infer run --machine no_such_machine
echo "exit status $?"
