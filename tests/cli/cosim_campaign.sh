# every kind: 100000 dot products, all bits pairs, signs, depths and stalls
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_campaign: no RTL in this build"; exit 0; }
"$BIN"/pare-cosim pe --count 100000 --seed 1 --full
