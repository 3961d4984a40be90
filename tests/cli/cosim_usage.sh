# status: 2
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_usage: no RTL in this build"; exit 0; }
"$BIN"/pare-cosim pe --kind stripe
"$BIN"/pare-cosim pe --act-bits 4..x
"$BIN"/pare-cosim pe --act-bits 0..3
"$BIN"/pare-cosim pe --weight-bits 5..3
"$BIN"/pare-cosim pe --weight-bits 1..17
"$BIN"/pare-cosim pe --kind loom1 --weight-bits 9
"$BIN"/pare-cosim pe --weight-bits 6..8
"$BIN"/pare-cosim pe --trace x.fst
"$BIN"/pare-cosim pe --count 0
"$BIN"/pare-cosim pe network
"$BIN"/pare-cosim pee
