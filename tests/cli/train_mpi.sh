# status: 0
# Two processes train what one trains; one that dies ends the job, and the run goes on from there.
command -v mpirun >/dev/null || { echo "SKIPPED train_mpi: mpirun is not installed"; exit 0; }
ldd "$BIN/pare-train" | grep -q libmpi || { echo "SKIPPED train_mpi: pare-train is built without MPI"; exit 0; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl=self,vader,tcp OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_mpi_yield_when_idle=1
# under AddressSanitizer: leaks of MPI's libraries, which are found by whole stacks only
export LSAN_OPTIONS=suppressions=$SRC/tests/lsan.supp:print_suppressions=0:fast_unwind_on_malloc=0
. "$SRC"/tests/cli/train_data.inc
train="$BIN/pare-train little.net.yaml --data data --batch 16 -j 1"
# the loss of the epochs of two runs, within a share of it
compare() { # run, run, share
  paste -d, <(grep -v '^[#p]' "$1/metrics.csv" | cut -d, -f4) <(grep -v '^[#p]' "$2/metrics.csv" | cut -d, -f4) |
    awk -F, -v most="$3" '{ d = ($1 - $2) / $1; if (d < 0) d = -d; if (d > most) { print "loss " $1 " and " $2; bad = 1 } }
      END { if (!bad) print NR " epochs within " most }'
}
for way in "--method fp32" "--gamma 1 --n-lr 5" "--granularity channel --augment crop_flip" \
  "--method lsq --bits w4a4" "--method bmpq --bits w4a4 --set options.bmpq.every=1" "--method dq --bits w4a4"; do
  # one step: sums in another order; some epochs: and a code at a tie now and then
  $train $way --limit 16 --epochs 1 --tune-epochs 0 -q -o one1
  mpirun -n 2 $train $way --limit 16 --epochs 1 --tune-epochs 0 -q -o two1
  compare one1 two1 0.000001
  $train $way --epochs 4 --tune-epochs 1 -q -o one
  mpirun -n 2 $train $way --epochs 4 --tune-epochs 1 -q -o two
  compare one two 0.01
  mpirun -n 2 $train $way --epochs 4 --tune-epochs 1 -q -o again
  cmp two/summary.json again/summary.json && cmp two/weights/conv1.npy again/weights/conv1.npy && echo "the same bytes again"
  rm -r one one1 two two1 again
done

# a process that is killed: the job ends and says so; its last checkpoint goes on to the bytes of a job
# that nobody has killed, and with another number of processes to its losses
long="--epochs 110 --tune-epochs 10 --gamma 1 --n-lr 2 --checkpoint-steps 2 -q"
mpirun -n 2 $train $long -o whole
mpirun -n 2 $train $long -o killed 2>mpirun.txt &
job=$!
for ((i = 0; i < 400; i++)); do
  [ -f killed/checkpoint.bin ] && break
  sleep 0.02
done
kill -KILL "$(pgrep -P "$job" -f -- "-o killed" | tail -n 1)"
wait "$job"
echo "killed: exit status $(($? != 0))"
grep -oE 'exited on signal 9' mpirun.txt | head -n 1
[ -f killed/summary.json ] && echo "it had come to its end"
cp -r killed alone
mpirun -n 2 "$BIN/pare-train" --resume -o killed -v -j 1 >/dev/null 2>resumed.txt
echo "resumed: exit status $?"
grep -oE 'continuing after [0-9]+ steps' resumed.txt | sed 's/[0-9][0-9]*/N/'
diff -r whole killed && echo "the bytes of a job that was not killed"
"$BIN/pare-train" --resume -o alone -q -j 1
compare whole alone 0.01

# what cannot be shared
mpirun -n 2 $train --batch 15 -q -o bad 2>bad.txt
echo "odd batch: $?"
mpirun -n 2 $train --method adaptive -q -o bad 2>adaptive.txt
echo "adaptive: $?"
grep -oE 'method adaptive is of one process; any other .* expected' adaptive.txt | head -n 1
grep -oE 'batch is 15 for 2 processes; a multiple of 2 expected' bad.txt | head -n 1
