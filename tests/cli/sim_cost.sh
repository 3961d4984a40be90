# status: 3
"$BIN"/pare-sim cost cnn_small --machine unpu --set pe.max_weight_bits=2 --set pe.max_act_bits=2 --set pe.act_digit=2 | sed '/^# pare-sim/d'
"$BIN"/pare-sim cost cnn_small --machine stripes --bits w3a1 --next
"$BIN"/pare-sim cost cnn_small --machine stripes --bits w3a1 --next --json | tail -n 2
"$BIN"/pare-sim cost cnn_small --machine stripes --machine loom1
"$BIN"/pare-sim cost
"$BIN"/pare-sim cost cnn_small --machine bitparallel8 --bits 9 --next 2>message
status=$?
sed "s,$SRC/,," message >&2
exit $status
