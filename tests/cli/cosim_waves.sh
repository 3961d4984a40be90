# the timing diagrams in docs/ are those that a run of the RTL makes now
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_waves: no RTL in this build"; exit 0; }
BIN=$BIN "$SRC"/docs/waves/make.sh "$PWD"
for page in *; do
  cmp -s "$page" "$SRC/docs/$page" && echo "$page is current" || echo "$page differs: run docs/waves/make.sh"
done
