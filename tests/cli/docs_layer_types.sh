# The table of layer types in docs/machines.md is what docs/layer_types.sh writes
BIN=$BIN "$SRC"/docs/layer_types.sh >table
sed -n '/^| machine | conv2d |/,/^$/p' "$SRC/docs/machines.md" | sed '$d' >page
diff -u page table && echo current
