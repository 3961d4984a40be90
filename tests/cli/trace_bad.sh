# status: 3
# One line for each bad file, the good one in between still checked, nothing written.
cp "$SRC"/tests/data/bad/net/cycle.net.yaml "$SRC"/tests/data/bad/bits/json_nan.json .
cp "$SRC"/tests/data/bad/npy/truncated.npy "$SRC"/traces/networks/lenet5.net.yaml .
"$BIN/pare-trace" convert cycle.net.yaml out.net.yaml
echo "status $?"
"$BIN/pare-trace" show missing.net.yaml
echo "status $?"
ls
exec "$BIN/pare-trace" check cycle.net.yaml lenet5.net.yaml json_nan.json truncated.npy
