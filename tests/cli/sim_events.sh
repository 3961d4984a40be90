# 64 -> 16 on 16 x 16 lanes at 8 bits and 128 bits a cycle, as by hand in tests/test_sim_memory.c
cat >small.net.yaml <<'END'
version: 1
name: small
input: {channels: 64, height: 1, width: 1}
layers:
  - {name: fc, type: fc, out_channels: 16}
END
"$BIN"/pare-sim run small.net.yaml --machine bitparallel8 --set dram.latency_cycles=0 \
  --set mapping.slack_frac=0 --events events.csv --steps -o run.txt
cat events.csv
"$BIN"/pare-sim run lenet5 --machine loom2 --machine loom1 --events two.csv
echo "status $?"
