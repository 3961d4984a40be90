# status: 130
. "$SRC"/tests/cli/train_data.inc
set -- little.net.yaml --data data -o run -q --batch 16 --epochs 200000 --checkpoint-steps 1000000
"$BIN"/pare-train "$@" &
pid=$!
while [ ! -e run/metrics.csv ]; do sleep 0.05; done
sleep 0.2
kill -INT $pid
wait $pid
echo "interrupted: $?"
ls run
"$BIN"/pare-train --resume -o run -q &
pid=$!
sleep 0.5
kill -TERM $pid
wait $pid
echo "terminated: $?"
exit 130
