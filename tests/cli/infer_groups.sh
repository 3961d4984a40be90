# Groups of output channels with bitlengths of their own, in every kind of layer: the machine computes
# each filter on its group's grid and gets the trainer's codes and predictions. With the first and the
# last layer fixed these have one bitlength, and still a range a group; so has every layer where only
# the ranges are the channels' own.
[ -f /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz ] || {
  echo "SKIPPED infer_groups: dataset-fashion-mnist is not installed"
  exit 0
}
cat >groups.net.yaml <<'NET'
version: 1
name: groups
input: {channels: 1, height: 28, width: 28}
layers:
  - {name: stem, type: conv2d, out_channels: 12, kernel: 3, pad: 1, stride: 2, bias: true}
  - {name: act0, type: relu6}
  - {name: dw, type: conv2d, out_channels: 12, kernel: 3, pad: 1, groups: 12}
  - {name: bn1, type: batchnorm}
  - {name: pw, type: conv2d, out_channels: 12, kernel: 1}
  - {name: bn2, type: batchnorm}
  - {name: sum, type: add, inputs: [bn2, act0]}
  - {name: act1, type: relu}
  - {name: avg, type: avgpool, kernel: 2, stride: 2}
  - {name: two, type: conv2d, out_channels: 12, kernel: 3, pad: 1, groups: 2}
  - {name: bn3, type: batchnorm}
  - {name: act2, type: relu}
  - {name: pool, type: global_avgpool}
  - {name: flat, type: flatten}
  - {name: fc, type: fc, out_channels: 10, bias: true}
NET
# of the files of a folder: the bits of the groups, without repetition
group_bits() { for f in "$@"; do tail -c +129 "$f" | od -An -v -tf4 -w16 | awk '{print $1}'; done | sort -nu | paste -sd' '; }
row_bits() { awk -F, -v l="$2" '$1 == l && $2 == "weight" { print $3, $9, $10 }' "$1/tensors.csv"; }
# the steps of n are so large that the groups go apart in a few of them
train="$BIN/pare-train groups.net.yaml --data fashion-mnist --granularity channel --gamma 0.05 --n-lr 1000 --init-bits 4
  --label-smoothing 0.1 --warmup-epochs 0.5 --epochs 2 --tune-epochs 1 --limit 640 --sample-images 8 -q"
run=0
for way in "--group-channels 1" "--group-channels 3" "--group-channels 3 --first-last-bits 8" \
  "--group-channels 4 --act-granularity network" "--granularity channel_range --min-bits 3"; do
  run=$((run + 1))
  # shellcheck disable=SC2086
  $train $way -o "r$run" || exit
  echo "$way"
  [ "$(group_bits "r$run"/weights/*.groups.npy | wc -w)" -ge 3 ] && echo "  at least three bitlengths"
  for machine in loom1 bitfusion; do
    "$BIN/pare-sim" infer "r$run" --machine "$machine" --set pe.acc_bits=40 --limit 640 >infer.txt
    echo "  $machine: exit status $?"
    grep -oE '^agreement: (100\.000|99\.[0-9]*) % of 640 predictions|^passed|[0-9]+ unexplained|sums equal the PE' infer.txt |
      sed -E 's/(100\.000|99\.[0-9]*) %/99 % or more/; s/^/    /'
  done
done
echo "first and last, fixed: $(row_bits r3 stem), of groups $(group_bits r3/weights/stem.groups.npy)"
echo "  $(row_bits r3 fc), of groups $(group_bits r3/weights/fc.groups.npy)"
for f in r5/weights/*.groups.npy; do
  [ "$(group_bits "$f" | wc -w)" -eq 1 ] && [ "$(group_bits "$f")" -ge 3 ] || echo "$f: $(group_bits "$f") bits"
  [ "$(tail -c +129 "$f" | od -An -v -tf4 -w16 | awk '{print $2}' | sort -u | wc -l)" -gt 1 ] || echo "$f: one scale"
done
