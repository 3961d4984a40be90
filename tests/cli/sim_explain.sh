"$BIN"/pare-sim run cnn_small --machine loom1 --bits w2a3 --explain conv2
"$BIN"/pare-sim run mobilenet_v1 --machine systolic_ws --set memory.model=limited --explain b1_dw
"$BIN"/pare-sim run cnn_small --machine loom1 --bits w2a3 --explain conv2 --set mapping.tile.filters=16 --set mapping.order=cwk
