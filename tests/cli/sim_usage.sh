for args in "run" "run a b" "run cnn_small --batch 0" "run cnn_small --explain nothing" "run cnn_small --explain relu1" "sho x" "run --machne x"; do
  "$BIN"/pare-sim $args
  echo "status $?"
done
