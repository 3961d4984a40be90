# what cannot be done, each with one line and its exit status
cat >s.yaml <<'YAML'
version: 1
name: s
networks: [lenet5]
machines: [loom1]
axes:
  - {key: array.rows, values: [8, 16, 32]}
YAML
try() { "$BIN"/pare-sim "$@"; echo "$1: $?"; }
try sweep
try sweep none.yaml
try sweep s.yaml --shard 3/3
try sweep s.yaml --shard 1
try sweep s.yaml --shards 3
try sweep s.yaml --store s.yaml
try sweep s.yaml --quiet --shard 0/2
try merge s.0000-of-0002.sqlite -o all.sqlite
try merge s.yaml -o all.sqlite
try merge s.0000-of-0002.sqlite
try sweep s.yaml --quiet --store s.0000-of-0002.sqlite
sed 's/name: s/name: t/' s.yaml >t.yaml
try sweep t.yaml --quiet --store s.0000-of-0002.sqlite
try export none.sqlite
try export s.yaml
# a folder that cannot be written, also for root
mkdir ro
chmod 555 ro
if [ "$(id -u)" -eq 0 ]; then
  # root without its right to write everywhere: another user might not reach this tree
  setpriv --inh-caps -dac_override --bounding-set -dac_override "$BIN"/pare-sim sweep s.yaml --quiet --store ro/s.sqlite
else
  "$BIN"/pare-sim sweep s.yaml --quiet --store ro/s.sqlite
fi
echo "read-only: $?"
ls
