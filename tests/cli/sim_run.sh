"$BIN"/pare-sim run cnn_small --machine loom2 --bits w3a5
"$BIN"/pare-sim run lenet5 -m bitparallel8 -m stripes -m bitfusion -b 4 --batch 8 | tail -n 6
