for args in "cnn_smal" "cnn_small -m stripe" "cnn_small --bits w4" "cnn_small --bits 17"; do
  "$BIN"/pare-sim run $args
  echo "status $?"
done
