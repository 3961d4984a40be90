# on a terminal one line that is overwritten and ends; elsewhere nothing within a minute; --json alone on stdout
command -v script >/dev/null || { echo "SKIPPED sweep_terminal: script (bsdutils) is not installed"; exit 0; }
script -qec true /dev/null </dev/null >/dev/null 2>&1 || { echo "SKIPPED sweep_terminal: no pseudo-terminal here"; exit 0; }
cat >s.sweep.yaml <<'TEXT'
version: 1
name: small
networks: [lenet5]
machines: [stripes, loom2]
bits: [8, 4]
TEXT
script -qec "'$BIN/pare-sim' sweep s.sweep.yaml -o tty.sqlite 2>&1 >/dev/null" /dev/null </dev/null | tr '\r' '\n' | sed -E 's/, [0-9.e+]+ points/, N points/' | grep '100.0 %' | head -n 1 | sed 's/\x1b\[K/[clear]/'
"$BIN"/pare-sim sweep s.sweep.yaml -o file.sqlite 2>&1 >/dev/null | grep -c '%, '
"$BIN"/pare-sim sweep s.sweep.yaml -o json.sqlite --json 2>/dev/null | python3 -c 'import json, sys; print(sorted(json.loads(sys.stdin.read()))[:3])'
"$BIN"/pare-sim cost lenet5 --next --json 2>/dev/null | python3 -c 'import json, sys; print(len([json.loads(l) for l in sys.stdin]))'
