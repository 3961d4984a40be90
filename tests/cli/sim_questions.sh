# status: 3
"$BIN"/pare-sim roofline cnn_small --machine loom2 --bits 8 --bits w3a5
"$BIN"/pare-sim roofline cnn_small --machine loom2 --json | head -n 1
"$BIN"/pare-sim diff cnn_small --machine loom2 --bits 8 --to-bits w3a5
"$BIN"/pare-sim diff cnn_small --machine loom2 --to-machine stripes --json | tail -n 1
"$BIN"/pare-sim sensitivity cnn_small --machine loom2 --bits w3a5 --objective latency*area --all | head -n 8
"$BIN"/pare-sim sensitivity cnn_small --machine loom2 --json --step 1.5 | head -n 2
"$BIN"/pare-sim sensitivity cnn_small --objective speed
"$BIN"/pare-sim diff cnn_small --points 3
sqlite3 s.sqlite <"$SRC/tests/data/sweep/example.sql"
"$BIN"/pare-sim pareto s.sqlite
"$BIN"/pare-sim pareto s.sqlite --by cycles,energy_pj --csv
"$BIN"/pare-sim pareto s.sqlite --by cycles --json
"$BIN"/pare-sim pareto s.sqlite --by latency
"$BIN"/pare-sim diff s.sqlite --points 0,1
"$BIN"/pare-sim diff s.sqlite --points 0,7
"$BIN"/pare-sim diff s.sqlite --points 0,9
