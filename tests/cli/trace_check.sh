# Every shipped network and bits file is in order; names stand for shipped files.
cp "$SRC"/traces/networks/*.net.yaml "$SRC"/traces/bits/*.bits.yaml .
"$BIN/pare-trace" check ./*.yaml
"$BIN/pare-trace" check --net resnet18 resnet18_mixed resnet18
