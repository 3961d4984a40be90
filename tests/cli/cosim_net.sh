# the small CNN's inference on the RTL: a run is trained here; the classes are those of pare-sim infer
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_net: no RTL in this build"; exit 0; }
[ -f /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz ] || {
  echo "SKIPPED cosim_net: dataset-fashion-mnist is not installed"
  exit 0
}
"$BIN/pare-train" cnn_small --data fashion-mnist --method fixed --bits w4a3 --epochs 1 --limit 640 \
  --sample-images 4 -q -o run || exit
"$BIN/pare-cosim" net run --images 4 >net.txt
echo "status $?"
grep -c '^image' net.txt
tail -1 net.txt | grep -oE 'predictions: .* infer'
# the same layer by itself, with another image's activations, on the skewed machine
"$BIN/pare-cosim" layer run conv2 -m pare4_skew --run run --image 3 | grep -E 'values|records|pins' | sed -E 's/of [0-9]+ cycles/of all cycles/'
# integers between layers: shifts, scale and bias of the run are the machine's records as they are
options="--data fashion-mnist --epochs 1 --limit 640 --sample-images 2 -q"
"$BIN/pare-train" cnn_small $options --method fp32 -o float || exit
"$BIN/pare-train" cnn_small $options --method settle --bits w5a4 --from float -o settled || exit
"$BIN/pare-cosim" net settled --images 2 >net.txt
echo "settle: status $?"
awk '/^(conv|fc)/ { print $1, "codes that are not those of pare-sim infer --requant:", $(NF - 2) }' net.txt
