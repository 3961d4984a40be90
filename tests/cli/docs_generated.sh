# docs/formats.md, docs/cli.md and docs/rtl_descriptor.md are what the programs print now
BIN=$BIN "$SRC/docs/generate.sh" "$PWD"
for page in formats cli rtl_descriptor; do
  diff "$SRC/docs/$page.md" "$PWD/$page.md" >/dev/null && echo "$page.md is current" || echo "$page.md differs: run 'make docs'"
done
