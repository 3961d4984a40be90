# status: 3
"$BIN"/pare-sim run cnn_small --machine stripes --set array.row=32
