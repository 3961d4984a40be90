#!/usr/bin/env bash
# Rewrite tests/golden/sim_layers.csv: ResNet-18 at w4a6 on every machine of the main set and on the
# systolic arrays.
set -eu
cd "$(dirname "$0")/../.."
machines=(bitparallel8 bitparallel16 stripes unpu loom1 loom2 loom4 bitfusion
  systolic_os systolic_ws systolic_is)
{
  echo "# tests/golden/make_sim.sh: ResNet-18, w4a6, batch 1, main set of machines and the systolic arrays"
  "${BUILD:-build}"/bin/pare-sim run resnet18 --bits w4a6 "${machines[@]/#/--machine=}" --csv - | grep -v '^#'
} >tests/golden/sim_layers.csv
