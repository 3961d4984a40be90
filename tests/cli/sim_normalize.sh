for what in area peak bandwidth; do
  "$BIN"/pare-sim run lenet5 -m stripes -m loom1 -m bitparallel16 --normalize $what | tail -n 7
done
"$BIN"/pare-sim run lenet5 -m stripes -m loom2 --normalize area --csv - | grep -o 'normalised.*'
"$BIN"/pare-sim run lenet5 -m stripes -m loom2 --normalize area --json | grep -o '"normalized":"[^"]*"'
cp "$SRC"/sim/machines/dadn.machine.yaml .
"$BIN"/pare-sim run lenet5 -m stripes -m dadn.machine.yaml --normalize area
echo "status $?"
"$BIN"/pare-sim run lenet5 -m stripes --normalize size
echo "status $?"
