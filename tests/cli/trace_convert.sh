# SCALE-Sim topologies become networks; bits go round all their forms and come back the same.
cat >tiny.csv <<'END'
Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides, Weight Bits, Act Bits,
Conv1, 224, 224, 7, 7, 3, 64, 2, 4, 8,
FC, 1, 1, 1, 1, 512, 1000, 1, 4, 8,
END
"$BIN/pare-trace" check tiny.csv
"$BIN/pare-trace" convert tiny.csv tiny.net.yaml
cat tiny.net.yaml
"$BIN/pare-trace" check tiny.net.yaml
cat >learned.json <<'END'
{"conv1": {"w_bits": 3.4, "a_bits": 5.1}, "fc2": {"w_bits": 2, "a_bits": 2.5},
 "conv2": {"w_bits": 1.2, "a_bits": 4}, "fc1": {"w_bits": 8, "a_bits": 16}}
END
"$BIN/pare-trace" convert learned.json a.bits.yaml --net cnn_small
cat a.bits.yaml
"$BIN/pare-trace" convert a.bits.yaml b.csv
cat b.csv
"$BIN/pare-trace" convert b.csv c.json
cat c.json
"$BIN/pare-trace" convert c.json d.bits.yaml --net cnn_small
cmp a.bits.yaml d.bits.yaml && echo "the same after all forms"
