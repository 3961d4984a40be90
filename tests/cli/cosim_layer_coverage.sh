# status: 1
# what random layers have met; a run too short to meet every bin fails if it must
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_layer_coverage: no RTL in this build"; exit 0; }
"$BIN"/pare-cosim layer --random 200 -m pare_odd --coverage --seed 4
"$BIN"/pare-cosim layer --random 20 -m pare4 --json
"$BIN"/pare-cosim layer --random 20 -m pare4_skew --full
