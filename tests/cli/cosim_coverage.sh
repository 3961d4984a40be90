# a run too short for all bins lists its holes
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_coverage: no RTL in this build"; exit 0; }
"$BIN"/pare-cosim pe --kind loom2 --count 200 --act-bits 3 --weight-bits 2..4
