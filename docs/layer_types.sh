#!/usr/bin/env bash
# The table of docs/machines.md: each type of layer on each machine, 4 x 4 bits, ideal memory.
# Array cycles, and the share of lane cycles that do a product.
set -eu
cd "$(dirname "$0")/.."
BIN=${BIN:-build/bin}
machines="bitparallel8 stripes unpu loom1 loom2 loom4 bitfusion systolic_os systolic_ws systolic_is
  dynamic_stripes pragmatic laconic bitwave"
echo "| machine | conv2d | grouped (8) | depthwise | 1×1 | fc, batch 1 | attention (4 heads) |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
row() { # name, options
  PARE_DATA=$PWD "$BIN"/pare-sim run docs/layer_types.net.yaml --bits 4 --set memory.model=ideal "${@:2}" |
    awk -v name="$1" '$3 == "4/4" && NF > 7 { cell[$1] = $5 " (" $6 ")" }
      END { printf "| %s |", name
            n = split("conv grouped depthwise pointwise fc attention", layers, " ")
            for (i = 1; i <= n; i++) printf " %s |", cell[layers[i]]
            print "" }'
}
for m in $machines; do row "$m" -m "$m"; done
row "stripes, \`row_inputs: own\`" -m stripes --set mapping.row_inputs=own
row "systolic_ws, 4 rows × 8 tiles" -m systolic_ws --set array.rows=4 --set array.tiles=8
