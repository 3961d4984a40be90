# Where parts of a PE have no price, area and energy are lower bounds, and every output says so.
"$BIN"/pare-sim run lenet5 -m stripes -m laconic --normalize area | grep -E 'price|bounds'
"$BIN"/pare-sim run lenet5 -m pragmatic --csv - | grep '^# unpriced'
"$BIN"/pare-sim run lenet5 -m pragmatic --json | grep -o '"unpriced":"[^"]*"'
"$BIN"/pare-sim run lenet5 -m stripes --json | grep -c unpriced || true
"$BIN"/pare-sim run lenet5 -m stripes -m laconic --normalize peak | grep -c "really more" || true
