"$BIN"/pare-sim run cnn_small --machine unpu --csv all.csv -o table.txt
grep -c '^#' all.csv
grep -v '^#' all.csv | cut -d, -f2-8,12-16
head -n 1 table.txt
