# one object a kind, the total last
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_json: no RTL in this build"; exit 0; }
"$BIN"/pare-cosim pe --count 800 --json
