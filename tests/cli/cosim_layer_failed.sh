# status: 2 a layer that fails, by a value or by never ending, leaves its waves
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_layer_failed: no RTL in this build"; exit 0; }
layer() {
  "$BIN"/pare-cosim layer "$@"
  echo "status $?"
  for f in *.fst; do
    [ -e "$f" ] && { test -s "$f" && echo "$f is there"; rm "$f"; }
  done
}
layer cnn_small fc2 --bits w4a4 --sums --fault flip,10
layer cnn_small fc2 --bits w4a4 --fault stop,40 --no-model
layer cnn_small fc2 --bits w4a4 --fault stop,40 --trace mine.fst
layer --random 3 --first 5 --fault stop,7
# a folder that cannot be written to takes nothing from the message
mkdir fc2_failed.fst
"$BIN"/pare-cosim layer cnn_small fc2 --bits w4a4 --fault stop,40
rmdir fc2_failed.fst
layer cnn_small fc2 --fault flip
"$BIN"/pare-cosim descriptor x
