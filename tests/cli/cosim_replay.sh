# one case, with waves
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_replay: no RTL in this build"; exit 0; }
"$BIN"/pare-cosim pe --kind stripes --seed 7 --case 12 --trace out.fst && test -s out.fst && ls
