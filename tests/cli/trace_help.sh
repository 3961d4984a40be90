# What the help and the reference of the bits file say.
"$BIN/pare-trace" --help
for command in check show convert schema; do "$BIN/pare-trace" $command --help; done
"$BIN/pare-trace" schema bits
