# status: 3
. "$SRC"/tests/cli/train_data.inc
cp "$SRC"/traces/networks/vit_s.net.yaml "$SRC"/traces/networks/resnet20.net.yaml .
try() { "$BIN"/pare-train "$@" -o run; echo "$*: $?"; }
try little.net.yaml --data nowhere
try nothing.net.yaml --data data
try resnet20.net.yaml --data data
try little.net.yaml --data data --gamma much
try little.net.yaml --data data --method wild
try little.net.yaml --data data --set epoch=1
try little.net.yaml --data data --batch 65
try little.net.yaml --data data --batch 16 --method fixed --bits w3a99
sed 's/relu1, type: relu/relu1, type: gelu/' little.net.yaml >gelu.net.yaml
try gelu.net.yaml --data data --batch 16
sed 's/out_channels: 2/out_channels: 3/' little.net.yaml >three.net.yaml
try three.net.yaml --data data --batch 16
head -c 40 data/train-labels-idx1-ubyte >t && mv t data/train-labels-idx1-ubyte
try little.net.yaml --data data
"$BIN"/pare-train eval nowhere
echo "eval: $?"
ls -d run 2>/dev/null
exit 3
