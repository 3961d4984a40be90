# a machine's tables in Accelergy's form, and the same machine read from them
"$BIN"/pare-sim show loom2 --ert ert.yaml --art art.yaml >one.txt
head -n 12 ert.yaml
cat art.yaml
"$BIN"/pare-sim show loom2 --set energy_tables.ert=ert.yaml --set energy_tables.art=art.yaml --set energy_base=aladdin40 >two.txt
diff <(grep '^#' one.txt) <(grep '^#' two.txt) && echo "same costs"
"$BIN"/pare-sim run lenet5 -m loom2 --set energy_tables.ert=nowhere.yaml
echo "status $?"
