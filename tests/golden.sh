#!/usr/bin/env bash
# Write the golden tables anew: every tests/golden/make_*.sh knows its own.
set -eu
for make in "$(dirname "$0")"/golden/make_*.sh; do "$make"; done
