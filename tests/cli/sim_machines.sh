"$BIN"/pare-sim machines
"$BIN"/pare-sim show unpu --set array.rows=32 --set dram.kind=hbm2
"$BIN"/pare-sim machines --json | head -n 2
mkdir loom1 # is no machine
"$BIN"/pare-sim show loom1 | head -n 4
