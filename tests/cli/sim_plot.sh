# status: 3
# the pictures are well-formed XML of what they should show; what they look like is for people
"$BIN"/pare-sim plot bits "$SRC/tests/data/run" | grep -c '<rect.*fill="#0072B2"'
"$BIN"/pare-sim plot breakdown cnn_small -m loom2 -b 4 -o b.svg && grep -o 'middle" >[a-z0-9]*<' b.svg
"$BIN"/pare-sim plot breakdown cnn_small -m loom2 -m stripes --of energy | grep -o '>[A-Za-z ]*</text>'
"$BIN"/pare-sim plot roofline cnn_small -m loom2 -b 8 -b w3a5 | grep -c '<title>conv\|<title>fc'
sqlite3 s.sqlite <"$SRC/tests/data/sweep/example.sql"
"$BIN"/pare-sim plot pareto s.sqlite --x area_um2 --y -accuracy_frac --color bits | grep -o 'middle" >[a-z].*<\|start" >.*<\|polyline.*'
"$BIN"/pare-sim plot pie cnn_small
"$BIN"/pare-sim plot bits
"$BIN"/pare-sim plot breakdown cnn_small --of area
"$BIN"/pare-sim plot pareto s.sqlite --x area_um2 --color size
"$BIN"/pare-sim plot pareto s.sqlite
