# docs/validation.md is what docs/validation.sh writes
if [ ! -d "${PARE_SHARED:-$SRC/../shared}/data/validation" ]; then
  echo "SKIPPED docs_validation: no reference data"
  exit 0
fi
export PARE_SHARED=${PARE_SHARED:-$SRC/../shared} BUILD=${BIN%/bin}
"$SRC"/docs/validation.sh "$PWD/validation.md"
diff -u "$SRC/docs/validation.md" validation.md && echo "current"
mkdir empty
"$BIN"/pare-sim validate empty
echo "status $?"
