# status: 3
cp "$SRC"/sim/machines/bitfusion.machine.yaml mine.machine.yaml
"$BIN"/pare-sim run cnn_small --machine mine.machine.yaml --bits 9 --json -o out.json
status=$?
ls
exit $status
