#!/usr/bin/env bash
# Run every ```sh block of the pages, in order, one scratch folder a page that looks like the
# clone; a block that fails is a failure. An ```out block after it is what it prints, exactly:
# UPDATE=1 writes it anew. Arguments: pages (all). Ends in "N passed, N failed".
set -u
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${PARE_BUILD:-$SRC/build}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0
pages=("$@")
[ ${#pages[@]} -gt 0 ] || pages=("$SRC"/README.md "$SRC"/docs/*.md)
fail() { # page, block, message; the log is shown
  failed=$((failed + 1))
  echo "FAILED $1.md, block $2: $3"
}
for page in "${pages[@]}"; do
  name=$(basename "$page" .md) dir=$scratch/$(basename "$page" .md)
  mkdir -p "$dir"
  ln -s "$SRC"/{traces,sim,rtl,docs,tests,Makefile} "$dir"
  ln -s "$BUILD" "$dir/build"
  awk -v dir="$scratch" -v name="$name" '
    /^```sh$/ { n++; file = sprintf("%s/%s.%03d", dir, name, n); printf "" > file; inside = 1; next }
    /^```out$/ { file = sprintf("%s/%s.%03d.out", dir, name, n); printf "" > file; inside = 1; next }
    /^```/ { inside = 0 }
    inside { print > file }' "$page"
  for block in "$scratch/$name".[0-9][0-9][0-9]; do
    [ -f "$block" ] || continue
    if ! (cd "$dir" && LC_ALL=C bash -eu "$block") >"$block.printed" 2>"$scratch/log" </dev/null; then
      fail "$name" "${block##*.}" "its exit status is not 0"
      sed 's/^/    /' "$block"
      tail -n 10 "$block.printed" "$scratch/log" | sed 's/^/  > /'
    elif [ -z "${UPDATE:-}" ] && [ -f "$block.out" ] && ! cmp -s "$block.out" "$block.printed"; then
      fail "$name" "${block##*.}" "it prints something else; UPDATE=1 tests/docs.sh $page writes it anew"
      diff -u "$block.out" "$block.printed" | head -n 20
    else
      passed=$((passed + 1))
    fi
  done
  if [ -n "${UPDATE:-}" ]; then
    awk -v dir="$scratch" -v name="$name" '
      /^```sh$/ { n++ }
      /^```out$/ { print; file = sprintf("%s/%s.%03d.printed", dir, name, n); while ((getline line < file) > 0) print line; skip = 1; next }
      /^```$/ { skip = 0 }
      !skip { print }' "$page" >"$scratch/page" && cp "$scratch/page" "$page"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
