# whole layers on the RTL: a network's, random ones, under a memory of varying pace, with waves
[ -z "${PARE_NO_RTL:-}" ] || { echo "SKIPPED cosim_layer: no RTL in this build"; exit 0; }
"$BIN"/pare-cosim layer cnn_small fc2 --bits w4a3 --latency 20..90 --gaps 20,8 --seed 5
"$BIN"/pare-cosim layer cnn_small fc2 -m pare4_skew --sums --json
"$BIN"/pare-cosim layer cnn_small fc2 --batch 3 --bits w4a4
printf '%s\n' 'version: 1' 'name: grouped' 'input: {channels: 6, height: 9, width: 7}' 'layers:' \
  '  - {name: dw, type: conv2d, out_channels: 12, kernel: 3, stride: 2, pad: 1, groups: 6}' >grouped.net.yaml
"$BIN"/pare-cosim layer grouped.net.yaml dw -m pare_odd --bits w5a3
"$BIN"/pare-cosim layer --random 50 -m pare_odd --seed 3
"$BIN"/pare-cosim layer --random 30 -m pare_odd --seed 3 --systemc
"$BIN"/pare-cosim layer cnn_small fc2 --bits w4a3 --latency 20..90 --gaps 20,8 --seed 5 --systemc
# fusion PEs, whose steps hold more channels at fewer bits, and term-serial ones
"$BIN"/pare-cosim layer cnn_small fc2 -m pare_fusion --bits w3a2
"$BIN"/pare-cosim layer cnn_small conv2 -m pare_term --bits w3a4 --latency 20..90 --gaps 20,8
"$BIN"/pare-cosim layer --random 50 -m pare_fusion --seed 3
"$BIN"/pare-cosim layer --random 50 -m pare_term --seed 3
"$BIN"/pare-cosim layer --random 1 --first 7 --trace rtl.fst --vcd c.vcd && test -s rtl.fst && grep -c '^#' c.vcd
# the C model's waves have the names of the RTL's
grep -oE '[a-z_]+_[io] .end' c.vcd | sort | tr '\n' ' '
