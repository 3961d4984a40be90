# status: 3
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_calibrate: no RTL in this build"; exit 0; }
pc="$BIN"/pare-cosim
$pc calibrate; echo $?
$pc calibrate none.csv; echo $?
printf 'kind,operands\nloom1,uniform\n' >t.csv
$pc calibrate t.csv --anchor nothing; echo $?
$pc calibrate t.csv
