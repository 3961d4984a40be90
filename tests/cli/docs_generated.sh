# docs/formats.md and docs/cli.md are what the programs print now
BIN=$BIN "$SRC/docs/generate.sh" "$PWD"
for page in formats cli; do
  diff "$SRC/docs/$page.md" "$PWD/$page.md" >/dev/null && echo "$page.md is current" || echo "$page.md differs: run 'make docs'"
done
