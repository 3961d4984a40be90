#!/usr/bin/env bash
# Run test programs and the CLI tests; add up their totals. Arguments: the programs.
# A program ends in Check's line ("100%: Checks: 4, Failures: 0, Errors: 0") or in
# "N passed, N failed"; one that ends otherwise counts as one failure. Lines that start with
# SKIPPED name tests that could not run here; those that start with PROGRESS are shown as they come.
set -u
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$SRC/$BUILD ;; esac
export PARE_SRC=$SRC PARE_BUILD=$BUILD PARE_DATA=$SRC
export PARE_SHARED=${PARE_SHARED:-$SRC/../shared}
export ASAN_OPTIONS=${ASAN_OPTIONS:-handle_segv=0:handle_abort=0:allocator_may_return_null=1}
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

add() { # name passed failed skipped
  passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
  printf '%-34s %6d passed %4d failed' "$1" "$2" "$3"
  [ "$4" -eq 0 ] || printf ' %4d skipped' "$4"
  printf '  %4d s\n' "$5"
}

run_program() {
  local name start n_skip checks bad line
  name=$(basename "$1") start=$SECONDS
  # what a long test says on its way is shown at once
  (cd "$SRC" && "$1") 2>&1 | tee "$log" | { grep --line-buffered '^PROGRESS ' || true; }
  local rc=${PIPESTATUS[0]}
  n_skip=$(grep -c '^SKIPPED ' "$log")
  line=$(grep -E '^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$|^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
  if [[ $line =~ Checks:\ ([0-9]+),\ Failures:\ ([0-9]+),\ Errors:\ ([0-9]+) ]]; then
    checks=${BASH_REMATCH[1]} bad=$((BASH_REMATCH[2] + BASH_REMATCH[3]))
  elif [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
    bad=${BASH_REMATCH[2]} checks=$((BASH_REMATCH[1] + bad))
  else
    checks=1 bad=1
  fi
  [ $rc -eq 0 ] || [ $bad -gt 0 ] || { bad=1; checks=$((checks + 1)); }
  add "$name" $((checks - bad - n_skip)) "$bad" "$n_skip" $((SECONDS - start))
  [ $bad -eq 0 ] || sed 's/^/    /' "$log" | tail -n 60
  grep '^SKIPPED ' "$log" | sed 's/^/    /'
}

for program in "$@"; do
  case $program in /*) ;; *) program=$SRC/$program ;; esac
  run_program "$program"
done

if [ -z "${PARE_NO_CLI:-}" ]; then
  start=$SECONDS
  "$SRC"/tests/cli/run.sh >"$log" 2>&1
  line=$(tail -n 1 "$log")
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]; then
    add cli "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}" $((SECONDS - start))
    [ "${BASH_REMATCH[2]}" -eq 0 ] || sed 's/^/    /' "$log"
    grep '^SKIPPED ' "$log" | sed 's/^/    /'
  else
    add cli 0 1 0 0
    sed 's/^/    /' "$log"
  fi
fi

printf '%d passed, %d failed' "$passed" "$failed"
[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
printf '\n'
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
