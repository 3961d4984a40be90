# status: 2
for args in "" "cnn_small" "a b -o run" "--resume cnn_small -o run" "cnn_small -o run --gama 1" "cnn_small -o run --threads 0" "eval"; do
  "$BIN"/pare-train $args
  echo "$args: $?"
done
exit 2
