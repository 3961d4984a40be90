# status: 2
# Mistakes on the command line, each with its exit status.
echo 'version: 1' >x.machine.yaml
echo 'hello' >x.txt
cp "$SRC/traces/networks/lenet5.net.yaml" .
try() { "$BIN/pare-trace" "$@"; echo "status $?"; }
try
try checks x
try check
try check x.machine.yaml
try check x.txt
try show
try show a b
try convert lenet5.net.yaml
try convert lenet5.net.yaml lenet5.npy
try schema machine
try --version
ls
exec "$BIN/pare-trace" show --jsno lenet5.net.yaml
