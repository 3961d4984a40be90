#!/usr/bin/env bash
# Each NAME.sh here runs in a scratch folder with $BIN (the programs) and $SRC (the tree); its
# output must equal NAME.out and NAME.err exactly. "# status: N" in its first line is the expected
# exit status (0). A script that prints a line "SKIPPED name: reason" to stdout is skipped.
# Arguments: names to run; none means all. UPDATE=1 writes the expected files instead.
set -u
SRC=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$SRC/build}
case $BUILD in /*) ;; *) BUILD=$SRC/$BUILD ;; esac
export SRC BIN=$BUILD/bin LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0 skipped=0

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || mapfile -t wanted < <(cd "$SRC/tests/cli" && ls ./*.sh | sed "s,^\./,,; s,\.sh\$,," | grep -vx run)
for name in "${wanted[@]}"; do
  test=$SRC/tests/cli/$name
  want=$(sed -nE '1s/^# status: ([0-9]+).*/\1/p' "$test.sh")
  if [ -n "${PARE_NO_RTL:-}" ] && grep -qE 'pare-cosim|generate.sh|make -s' "$test.sh"; then
    skipped=$((skipped + 1))
    echo "SKIPPED $name: this build has no RTL"
    continue
  fi
  dir=$scratch/$name
  mkdir -p "$dir"
  (cd "$dir" && bash "$test.sh" >"$scratch/out" 2>"$scratch/err" </dev/null)
  status=$?
  if grep -q '^SKIPPED ' "$scratch/out"; then
    skipped=$((skipped + 1))
    grep '^SKIPPED ' "$scratch/out"
    continue
  fi
  if [ -n "${UPDATE:-}" ]; then
    cp "$scratch/out" "$test.out"
    cp "$scratch/err" "$test.err"
  fi
  if [ "$status" -eq "${want:-0}" ] && cmp -s "$scratch/out" "$test.out" && cmp -s "$scratch/err" "$test.err"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED $name: exit status $status, ${want:-0} expected"
    diff -u "$test.out" "$scratch/out" | head -n 20
    diff -u "$test.err" "$scratch/err" | head -n 20
  fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
