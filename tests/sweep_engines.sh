#!/usr/bin/env bash
# A sweep in shards under real launchers: Open MPI's mpirun, GNU parallel, and Slurm (srun and a job
# array on one node, started here and stopped at the end). The merged store must be, byte for byte,
# what one process writes. What is not installed or cannot start is skipped with its reason.
# Ends in "N passed, N failed".
set -u
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${PARE_BUILD:-$SRC/build}
export PARE_DATA=${PARE_DATA:-$SRC}
sim=$BUILD/bin/pare-sim
dir=$(mktemp -d)
passed=0 failed=0 skipped=0
verdict() { # name, condition's exit status
  if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $1"; fi
}
skip() { skipped=$((skipped + 1)); echo "SKIPPED $1: $2"; }

stop() { # a daemon by its pid file
  local pid
  [ -s "$dir/$1.pid" ] || return 0
  pid=$(cat "$dir/$1.pid")
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null
}
clean() { stop slurmd; stop slurmctld; stop munged; rm -rf "$dir"; }
trap clean EXIT
cd "$dir" || exit 1

# a launcher of this test's own surroundings says nothing about the test
for v in $(env | sed -nE 's/^((SLURM|OMPI|PMI|PMIX|PARALLEL)[A-Z_]*)=.*/\1/p'); do unset "$v"; done

cat >s.yaml <<'YAML'
version: 1
name: s
networks: [lenet5]
machines: [loom1, stripes]
axes:
  - {key: array.rows, values: [8, 16, 32]}
  - {key: dram.bits_per_cycle, from: 16, to: 256, factor: 2}
  - {key: bits.weight, from: 1, to: 10}
  - {key: bits.act, values: [2, 4, 8]}
layers: true
constraints:
  - require: bits.weight <= 2 * bits.act
YAML
"$sim" sweep s.yaml -q -o whole.sqlite >/dev/null
verdict "one process" $?

# merge what lies in a folder and compare
compare() { # name, expected number of shards
  local shards=("$1"/s.*.sqlite)
  [ ${#shards[@]} -eq "$2" ] || { echo "$1: ${#shards[@]} shards"; verdict "$1: $2 shards" 1; return; }
  "$sim" merge "${shards[@]}" -o "$1/all.sqlite" && cmp "$1/all.sqlite" whole.sqlite
  verdict "$1: the merged store is that of one process" $?
}
fresh() { mkdir -p "$1" && cd "$1" && cp ../s.yaml . || exit 1; }

# ---- variables set by hand ----
# shellcheck disable=SC2046 # several assignments
by_hand() { # name, number of shards, then a command that prints the variables of shard $i
  (fresh "$1"
   for ((i = 0; i < $2; i++)); do env $(eval "$3") "$sim" sweep s.yaml -q -j 1 ${4:-} >/dev/null 2>&1 || exit 1; done)
  verdict "$1 runs" $?
  compare "$1" "$2"
}
by_hand open-mpi 3 'echo OMPI_COMM_WORLD_RANK=$i OMPI_COMM_WORLD_SIZE=3'
by_hand pmi 2 'echo PMI_RANK=$i PMI_SIZE=2'
by_hand slurm-array 3 'echo SLURM_ARRAY_TASK_ID=$((10 + 5 * i)) SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=5 SLURM_ARRAY_TASK_COUNT=3 SLURM_PROCID=0 SLURM_NTASKS=4'
by_hand slurm-step 2 'echo SLURM_STEP_ID=0 SLURM_PROCID=$i SLURM_STEP_NUM_TASKS=2'
by_hand slurm-array-of-steps 4 'echo SLURM_STEP_ID=0 SLURM_PROCID=$((i % 2)) SLURM_STEP_NUM_TASKS=2 SLURM_ARRAY_TASK_ID=$((i / 2)) SLURM_ARRAY_TASK_COUNT=2'
by_hand gnu-parallel 3 'echo PARALLEL_SEQ=$((i + 1))' '--shards 3'

# ---- the launchers themselves ----
if command -v mpirun >/dev/null; then
  (fresh mpirun && OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
    timeout 60 mpirun --oversubscribe -n 4 "$sim" sweep s.yaml -q -j 1 >log 2>&1)
  verdict "mpirun runs" $?
  compare mpirun 4
else
  skip mpirun "openmpi-bin is not installed"
fi

if parallel --version 2>/dev/null | grep -q GNU; then
  (fresh parallel && seq 0 4 | HOME=$dir timeout 60 parallel --will-cite -j 2 "$sim" sweep s.yaml -q -j 1 --shard {}/5 >log 2>&1)
  verdict "parallel --shard {}/5 runs" $?
  compare parallel 5
  (fresh parallel-seq && seq 3 | HOME=$dir timeout 60 parallel --will-cite -j 2 -N0 "$sim" sweep s.yaml -q -j 1 --shards 3 >log 2>&1)
  verdict "parallel --shards 3 runs" $?
  compare parallel-seq 3
else
  skip parallel "GNU parallel is not installed"
fi

# ---- Slurm, alone on this machine ----
start_slurm() {
  local host cpus port=$((20000 + $$ % 20000))
  host=$(hostname -s) cpus=$(nproc)
  export PATH=$PATH:/usr/sbin
  for p in munged slurmctld slurmd srun sbatch; do
    command -v $p >/dev/null || { reason="$p is not installed"; return 1; }
  done
  [ "$(id -u)" -eq 0 ] || { reason="slurmd needs root"; return 1; }
  dd if=/dev/urandom of="$dir/munge.key" bs=1024 count=1 2>/dev/null
  chmod 400 "$dir/munge.key"
  chmod 755 "$dir"
  munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
    --log-file="$dir/munged.log" --seed-file="$dir/munge.seed" >/dev/null 2>&1 || { reason="munged does not start"; return 1; }
  mkdir -p "$dir/state" "$dir/spool"
  cat >"$dir/slurm.conf" <<CONF
ClusterName=pare
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=500
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
CONF
  export SLURM_CONF=$dir/slurm.conf
  slurmctld -f "$SLURM_CONF" >/dev/null 2>&1 || { reason="slurmctld does not start"; return 1; }
  slurmd -f "$SLURM_CONF" >/dev/null 2>&1 || { reason="slurmd does not start"; return 1; }
  for _ in $(seq 100); do
    sinfo -h -o %T 2>/dev/null | grep -q idle && return 0
    sleep 0.2
  done
  reason="the node does not become idle ($(tail -n 1 "$dir/slurmd.log" 2>/dev/null))"
  return 1
}
reason=
if start_slurm; then
  (fresh srun && timeout 60 srun -n 2 --overcommit "$sim" sweep s.yaml -q -j 1 >log 2>&1)
  verdict "srun -n 2 runs" $?
  compare srun 2
  (fresh sbatch && timeout 90 sbatch --wait --array=0-3 --output=log.%a --wrap "$sim sweep s.yaml -q -j 1" >log 2>&1)
  verdict "sbatch --array=0-3 runs" $?
  compare sbatch 4
else
  skip slurm "$reason"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
