# status: 3
# scales of kernel positions and a second weight tensor in cycles and energy; machines that do not know them
cat >two.net.yaml <<'X'
version: 1
name: two
input: {channels: 16, height: 8, width: 8}
layers:
  - {name: conv1, type: conv2d, out_channels: 16, kernel: [3, 3], pad: [1, 1]}
  - {name: conv2, type: conv2d, out_channels: 16, kernel: [3, 3], pad: [1, 1]}
X
cat >two.bits.yaml <<'X'
version: 1
layers:
  - {layer: conv1, weight_bits: 2, act_bits: 8, weight_scales: 9}
  - {layer: conv2, weight_bits: 4, act_bits: 8, weight_tensors: 2}
X
"$BIN/pare-sim" run two.net.yaml --bits two.bits.yaml --machine stripes --explain conv1 | grep -i scal
"$BIN/pare-sim" run two.net.yaml --bits two.bits.yaml --machine stripes --explain conv2 | grep -i scal
"$BIN/pare-sim" run two.net.yaml --bits two.bits.yaml --machine pragmatic --values laplace,seed=1
sed 's/, weight_scales: 9//' two.bits.yaml >second.bits.yaml
"$BIN/pare-sim" run two.net.yaml --bits second.bits.yaml --machine bitfusion_isca
