# what a co-design would do, and files that are wrong
cat >c.yaml <<'YAML'
version: 1
name: c
network: cnn_small
machines: [loom2, stripes]
criteria: [equal, energy]
gammas: [0.1, 0.5]
fixed: [8]
YAML
"$BIN"/pare-sim codesign c.yaml --dry-run
wrong() { sed "$1" c.yaml >wrong.yaml; "$BIN"/pare-sim codesign wrong.yaml --dry-run; echo "$1: $?"; }
wrong 's/0.5/-0.5/'
wrong 's/0.5/0.1/'
wrong 's/criteria/criterion/'
wrong 's/loom2/loom9/'
wrong 's/\[loom2, stripes\]/[]/'
wrong 's/network: .*/network: none/'
sed -i 's/^fixed.*/train_images: 100\ntest_images: 10/' c.yaml
"$BIN"/pare-sim codesign c.yaml --trainer ./no-such-program -o out
echo "no trainer: $?"
ls out
