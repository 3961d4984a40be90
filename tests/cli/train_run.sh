# status: 0
. "$SRC"/tests/cli/train_data.inc
"$BIN"/pare-train little.net.yaml --data data -o run -q --batch 16 --epochs 2 --tune-epochs 1 --sample-images 4
echo "run: $?"
(cd run && find . -type f | sort)
cat run/config.yaml
grep -v '^#' run/metrics.csv | cut -d, -f1-2
grep -v '^#' run/bits_per_epoch.csv | cut -d, -f1-3
cut -d, -f1,2,4,7 run/tensors.csv | grep -v '^#'
"$BIN"/pare-train little.net.yaml --data data -o run -q --batch 16 --epochs 2 --tune-epochs 1 --sample-images 4
echo "again: $?"
"$BIN"/pare-train --resume -o run -q
echo "resume: $?"
"$BIN"/pare-train little.net.yaml --data data -o run -q --batch 16 --epochs 3
echo "other: $?"
"$BIN"/pare-train eval run >eval.txt
echo "eval: $? $(wc -l <eval.txt) lines"
"$BIN"/pare-trace check run/network.net.yaml
"$BIN"/pare-trace check run/network.bits.yaml
