# status: 3
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_characterize_usage: no RTL in this build"; exit 0; }
pc="$BIN"/pare-cosim
$pc characterize --kinds bitparallel,loom3; echo $?
$pc characterize --kinds odd; echo $?
$pc characterize here; echo $?
$pc characterize --liberty none.lib; echo $?
printf 'library(x) {\n  nom_voltage : 1.8;\n  cell(A) { area : big; }\n}\n' >bad.lib
$pc characterize --liberty bad.lib
