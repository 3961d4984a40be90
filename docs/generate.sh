#!/usr/bin/env bash
# Write docs/formats.md, docs/cli.md and docs/rtl_descriptor.md from the programs' own tables. BIN: the programs' folder.
# With an argument, write into that folder instead (the test compares).
set -eu
cd "$(dirname "$0")/.."
BIN=${BIN:-build/bin}
out=${1:-docs}

{
  sed 's/^    //' <<'TEXT'
    # Files, key by key

    This page is written by `make docs` from the tables by which the programs read the files: it cannot differ from them.
    All YAML starts with `version: 1`; unknown keys are errors; every message names file, line and column. Numbers are plain
    decimal; quantities carry their unit in the key. Duplicate keys, aliases, tags and several documents in one file are refused.

    | file | written by | read by |
    | --- | --- | --- |
    | network `*.net.yaml` | people, `pare-trace convert` | `pare-train`, `pare-sim`, `pare-trace` |
    | bitlengths `*.bits.yaml` | `pare-train`, people | `pare-sim`, `pare-train`, `pare-trace` |
    | machine `*.machine.yaml` | people | `pare-sim` |
    | sweep `*.sweep.yaml` | people | `pare-sim sweep` ([sweeps.md](sweeps.md)) |
    | co-design `*.codesign.yaml` | people | `pare-sim codesign` ([sweeps.md](sweeps.md)) |
    | training `*.train.yaml`, `RUN/config.yaml` | people, `pare-train` | `pare-train` |
    | cost table `*.cost.csv` (questions.md) | `pare-sim cost` | `pare-train` |

    A file can be given by path, or by the name of a shipped one: `resnet18`, `stripes`.

TEXT
  echo "## Network (\`*.net.yaml\`)"; echo
  "$BIN/pare-trace" schema network
  echo "## Bitlengths (\`*.bits.yaml\`)"; echo
  "$BIN/pare-trace" schema bits
  echo "## Machine (\`*.machine.yaml\`)"; echo
  "$BIN/pare-sim" schema machine
  echo "## Sweep (\`*.sweep.yaml\`)"; echo
  "$BIN/pare-sim" schema sweep
  echo "## Co-design (\`*.codesign.yaml\`)"; echo
  "$BIN/pare-sim" schema codesign
  echo "## Training (\`--config\`, \`RUN/config.yaml\`)"; echo
  "$BIN/pare-train" schema
} >"$out/formats.md"

{
  printf '# Command lines\n\nThis page is written by `make docs` from `--help` of each program.\n'
  help() { printf '\n## `%s`\n\n```\n' "$*"; "$BIN/$1" "${@:2}" --help; printf '```\n'; }
  for program in pare-train pare-sim pare-cosim pare-trace; do
    help $program
    for command in $("$BIN/$program" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do help $program "$command"; done
  done
} >"$out/cli.md"

{
  printf '# The machine'"'"'s layer descriptor\n\n'
  sed 's/^    //' <<'TEXT'
    This page is written by `make docs` from the tables in `sim/accel.h`, by which `pare-cosim` packs descriptors
    ([the machine](rtl.md#the-machine)). A layer is 16 words of 32 bits on the descriptor port, word 0 first. A field
    without a status takes any value of its bits. The checks go from status 1 upwards; the first that fails is the answer.

TEXT
  "$BIN/pare-cosim" descriptor
} >"$out/rtl_descriptor.md"
