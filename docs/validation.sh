#!/usr/bin/env bash
# Write docs/validation.md: our numbers beside those of other simulators, whose results lie in
# $PARE_SHARED/data/validation. With an argument: write there instead.
set -eu
cd "$(dirname "$0")/.."
folder=${PARE_SHARED:-../shared}/data/validation
if [ ! -d "$folder" ]; then
  echo "docs/validation.sh: no folder $folder; PARE_SHARED with the reference data expected" >&2
  exit 3
fi
PARE_DATA=$PWD "${BUILD:-build}"/bin/pare-sim validate "$folder" --out "${1:-docs/validation.md}"
