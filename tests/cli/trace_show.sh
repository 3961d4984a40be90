# A network, bits and a tensor, as tables and as JSON.
"$BIN/pare-trace" show lenet5
echo
"$BIN/pare-trace" show --json cnn_small
echo
"$BIN/pare-trace" show cnn_small_mixed --net=cnn_small
"$BIN/pare-trace" show cnn_small_mixed --json
echo
printf '\000\000\010\002\000\000\000\002\000\000\000\003abcdef' >t.idx
"$BIN/pare-trace" convert t.idx t.npy
"$BIN/pare-trace" show t.npy
"$BIN/pare-trace" show --json t.npy
