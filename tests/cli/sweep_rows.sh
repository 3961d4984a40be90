# a small sweep, its rows as CSV and NDJSON; the same command again does nothing
cat >s.yaml <<'YAML'
version: 1
name: s
networks: [lenet5]
machines: [loom1, stripes]
bits: [8, w4a6]
axes:
  - {key: array.rows, values: [8, 16]}
  - {key: bits.scale, values: [1, 1.25]}
columns: [cycles, energy_pj, mean_weight_bits]
constraints:
  - require: machine == 'loom1' or array.rows < 16
YAML
"$BIN"/pare-sim sweep s.yaml --quiet --csv s.csv --ndjson s.ndjson
grep -v '^#' s.csv
tail -n 2 s.ndjson
"$BIN"/pare-sim sweep s.yaml --quiet
"$BIN"/pare-sim sweep s.yaml --quiet --strict --store t.sqlite
echo "strict: $?"
"$BIN"/pare-sim export t.sqlite -o t.csv
cmp s.csv t.csv
"$BIN"/pare-sim sweep s.yaml --dry-run | sed -n '/^places/p; s/\(after constraints\).*/\1/p'
ls
