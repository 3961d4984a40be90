# status: 1
# a run too short to meet every bin fails if it must
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_full: no RTL in this build"; exit 0; }
"$BIN"/pare-cosim pe --kind stripes --count 200 --act-bits 3 --weight-bits 2 --full >out
sed -n "12,\$p" out
"$BIN"/pare-cosim pe --kind ones --count 200 --full --json
