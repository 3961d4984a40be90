#!/usr/bin/env bash
# Run every ```sh block of the pages, in order, one scratch folder a page that looks like the
# clone; a block that fails is a failure. Ends in "N passed, N failed".
set -u
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${PARE_BUILD:-$SRC/build}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0
for page in "$SRC"/README.md "$SRC"/docs/*.md; do
  name=$(basename "$page" .md) dir=$scratch/$(basename "$page" .md)
  mkdir -p "$dir"
  ln -s "$SRC"/{traces,sim,rtl,docs,tests,Makefile} "$dir"
  ln -s "$BUILD" "$dir/build"
  awk -v dir="$scratch" -v name="$name" '
    /^```sh$/ { n++; file = sprintf("%s/%s.%03d", dir, name, n); printf "" > file; inside = 1; next }
    /^```/ { inside = 0 }
    inside { print > file }' "$page"
  for block in "$scratch/$name".[0-9]*; do
    [ -f "$block" ] || continue
    if (cd "$dir" && bash -eu "$block") >"$scratch/log" 2>&1 </dev/null; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      echo "FAILED $(basename "$page"), block ${block##*.}:"
      sed 's/^/    /' "$block"
      tail -n 10 "$scratch/log" | sed 's/^/  > /'
    fi
  done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
