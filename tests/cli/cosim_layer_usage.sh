# what pare-cosim layer and net refuse before they start
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_layer_usage: no RTL in this build"; exit 0; }
cp "$SRC"/sim/machines/{pare4,pare_odd,stripes}.machine.yaml "$SRC"/traces/networks/{cnn_small,vit_s}.net.yaml .
layer() {
  "$BIN"/pare-cosim layer "$@"
  echo "status $?"
}
layer cnn_small
layer cnn_small.net.yaml conv9
layer vit_s.net.yaml b0_qk
layer cnn_small.net.yaml fc2 -m stripes.machine.yaml
layer cnn_small.net.yaml fc2 -m pare4.machine.yaml --bits 9
layer cnn_small fc2 --latency 5
layer cnn_small fc2 --latency x
layer cnn_small fc2 --gaps 20
layer cnn_small fc2 --systemc --vcd x.vcd
layer cnn_small fc2 --systemc --fault flip,3
layer cnn_small fc2 --set array.rows=8
layer cnn_small fc2 --set dram.latency_cycles=4
layer cnn_small.net.yaml conv2 -m pare_odd.machine.yaml --bits 6
"$BIN"/pare-cosim net nowhere
echo "status $?"
