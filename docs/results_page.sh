# shellcheck shell=bash disable=SC2154
# The page of docs/results.sh, which sources this: tables and pictures of the runs that are there.

# ---- one run -------------------------------------------------------------------------------------

has() { [ -f "$RESULTS/$1/summary.json" ]; }
value() { # run key: a number of summary.json, empty if there is none
  sed -nE "s/^  \"$2\": ([-0-9.e+]+),?\$/\1/p" "$RESULTS/$1/summary.json"
}
percent() { [ -n "$1" ] && awk -v x="$1" 'BEGIN { printf "%.2f", 100 * x }' || echo "–"; }
fixed() { [ -n "$1" ] && awk -v x="$1" "BEGIN { printf \"%.$2f\", x }" || echo "–"; }
epochs() { grep -vc '^#\|^phase' "$RESULTS/$1/metrics.csv"; }
pair() { # run key_weight key_act
  echo "$(fixed "$(value "$1" "$2")" 2) / $(fixed "$(value "$1" "$3")" 2)"
}
size() { # run: kB of weights, 10^9 bit operations of an image
  (
    "$BUILD/bin/pare-trace" show "$RESULTS/$1/network.net.yaml" --json
    cat "$RESULTS/$1/network.bits.yaml" 2>/dev/null
  ) | awk -f docs/results_size.awk
}
cost() { # run machine key...: of the total's line
  local line key
  line=$("$sim" run "$RESULTS/$1" --machine "$2" --json 2>/dev/null | grep '"total":true') || true
  for key in "${@:3}"; do sed -nE "s/.*\"$key\":([-0-9.e+]+).*/\1/p" <<<"$line"; done
}
method_of() { sed -nE 's/^method: ([a-z0-9]+).*/\1/p' "$RESULTS/$1/config.yaml"; }
names() { # pattern...: of the runs that are there; after one of several widths its smaller ones
  local name _ p width
  while IFS='|' read -r name _ _; do
    for p in "$@"; do
      # shellcheck disable=SC2254
      case $name in $p) ;; *) continue ;; esac
      has "$name" || break
      echo "$name"
      for width in 7 6 5 4 3 2 1; do ! has "$name/width$width" || echo "$name/width$width"; done
      break
    done
  done < <(runs)
}

# ---- tables --------------------------------------------------------------------------------------

learned_table() { # pattern...: what became of the bitlengths
  echo '| run | epochs | mean bits W / A | per parameter / value | real n, % | rounded up, % | final, % | cost, of 8 bits |'
  echo '| --- | --- | --- | --- | --- | --- | --- | --- |'
  local r
  for r in $(names "$@"); do
    printf '| `%s` | %s | %s | %s | %s | %s | **%s** | %s |\n' "$r" "$(epochs "$r")" \
      "$(pair "$r" mean_weight_bits mean_act_bits)" \
      "$(pair "$r" mean_weight_bits_per_parameter mean_act_bits_per_value)" \
      "$(percent "$(value "$r" real_n_accuracy_frac)")" "$(percent "$(value "$r" ceil_accuracy_frac)")" \
      "$(percent "$(value "$r" final_accuracy_frac)")" "$(fixed "$(value "$r" cost_frac)" 3)"
  done
}

method_table() { # pattern...: accuracy and size, every method alike
  echo '| run | method | test, % | bits of a layer W / A | of a parameter / value | of a MAC | weights, kB | 10^9 BitOps |'
  echo '| --- | --- | --- | --- | --- | --- | --- | --- |'
  local r kb ops
  for r in $(names "$@"); do
    read -r kb ops < <(size "$r")
    printf '| `%s` | %s | **%s** | %s | %s | %s | %s | %s |\n' "$r" "$(method_of "$r")" \
      "$(percent "$(value "$r" final_accuracy_frac)")" "$(pair "$r" mean_weight_bits mean_act_bits)" \
      "$(pair "$r" mean_weight_bits_per_parameter mean_act_bits_per_value)" \
      "$(pair "$r" mean_weight_bits_per_mac mean_act_bits_per_mac)" "$kb" "$ops"
  done
}

machine_table() { # pattern...: what an image costs on each machine
  local m r c e
  printf '| run | test, %% |'; for m in $compared; do printf ' %s |' "$m"; done; echo
  printf '| --- | --- |'; for m in $compared; do printf ' --- |'; done; echo
  for r in $(names "$@"); do
    [ -f "$RESULTS/$r/network.bits.yaml" ] || continue
    printf '| `%s` | %s |' "$r" "$(percent "$(value "$r" final_accuracy_frac)")"
    for m in $compared; do
      { read -r c; read -r e; } < <(cost "$r" "$m" cycles energy_pj; echo) || true
      if [ -n "$c" ]; then printf ' %s; %s |' "$c" "$(awk -v x="$e" 'BEGIN { printf "%.2f", x / 1e6 }')"; else printf ' – |'; fi
    done
    echo
  done
}

equal_accuracy() { # machine: its own measure, beside that of equal weight
  local r key
  echo '| run | measure | of this run | of equal weight | ratio |'
  echo '| --- | --- | --- | --- | --- |'
  for key in cycles energy_pj; do
    {
      for r in $(names 'resnet20_g[0-9]*'); do
        echo "curve $(value "$r" final_accuracy_frac) $(cost "$r" "$1" $key)"
      done | sort -k2,2g
      for r in $(names "resnet20_$1_$([ $key = cycles ] && echo latency || echo energy)_*"); do
        echo "$r $(value "$r" final_accuracy_frac) $(cost "$r" "$1" $key)"
      done
    } | awk -v key=$key '
      BEGIN { unit = key == "cycles" ? 1 : 1e-6; name = key == "cycles" ? "cycles" : "energy, µJ"
              form = key == "cycles" ? "%.0f" : "%.2f" }
      $1 == "curve" { acc[++n] = $2; costs[n] = $3; next }
      { at = "–"
        for (i = 1; i < n; i++)
          if ($2 >= acc[i] && $2 <= acc[i + 1] && acc[i + 1] > acc[i])
            at = costs[i] + ($2 - acc[i]) / (acc[i + 1] - acc[i]) * (costs[i + 1] - costs[i])
        printf "| `%s` | %s | " form " | %s | %s |\n", $1, name, $3 * unit,
          at == "–" ? at : sprintf(form, at * unit), at == "–" ? at : sprintf("%.3f", $3 / at) }'
  done
}

layer_bits() { # runs...
  local first=$1 r layer
  printf '| layer |'; for r in "$@"; do printf ' %s |' "$r"; done; echo
  printf '| --- |'; for r in "$@"; do printf ' --- |'; done; echo
  sed -nE 's/.*layer: ([^,]+), .*/\1/p' "$RESULTS/$first/network.bits.yaml" | while read -r layer; do
    printf '| %s |' "$layer"
    for r in "$@"; do
      sed -nE "s/.*layer: $layer, weight_bits: ([0-9]+), act_bits: ([0-9]+).*/ \1 \/ \2 |/p" \
        "$RESULTS/$r/network.bits.yaml" | tr -d '\n'
    done
    echo
  done
}

ours() { # run of resnet20: its final accuracy, that of fp32 and the difference, in %
  if ! has "resnet20_$1" || ! has resnet20_fp32; then
    printf '–'
    return
  fi
  awk -v x="$(value "resnet20_$1" final_accuracy_frac)" -v fp32="$(value resnet20_fp32 final_accuracy_frac)" \
    'BEGIN { printf "%.2f (%.2f; %+.2f)", 100 * x, 100 * fp32, 100 * (x - fp32) }'
}
anchor() { # what, accuracy and fp32 as published, source and status, runs
  local what=$1 published=$2 source=$3 of='' r
  shift 3
  for r; do of="${of:+$of / }$(ours "$r")"; done
  printf '| %s | %s | %s | %s |\n' "$what" "$published" "$source" "$of"
}
anchors() {
  echo '| ResNet-20, CIFAR-10 | published, % (its fp32; difference) | source and status | ours, % (our fp32; difference) |'
  echo '| --- | --- | --- | --- |'
  local b quoted again
  for b in 5:91.6:91.6 4:90.8:90.89 3:90.6:90.09 2:88.9:87.07; do
    IFS=: read -r b quoted again <<<"$b"
    anchor "PACT, $b bits, first and last layer 8" "$quoted, reproduced $again (–)" \
      'READ-2ND: PACT as quoted and reproduced with its code' "pact_w${b}a$b"
  done
  anchor 'DQ, weights to 70 kB (2.14 bits), activations 4-bit-equivalent' '91.42 (92.71; -1.29)' 'READ: Uhlich 2020' dq_70kb_long
  anchor 'TQT, weights 2, activations 4 bits, learned range' '90.38 (92.71; -2.33)' 'READ: Uhlich 2020' none
  anchor 'fixed, weights 2, activations 4 bits' '88.70 (92.71; -4.01)' 'READ: Uhlich 2020' none
  anchor 'Any-Precision, 8 / 4 / 2 bits of one model' '93.75 / 93.86 / 93.90 (94.11; -0.36 / -0.25 / -0.21)' \
    'READ: Any-Precision, recursive; its own ResNet-20' adaptive_all adaptive_all/width4 adaptive_all/width2
}

commands() { # pattern...: as they were run
  echo '```text'
  local r
  for r in $(names "$@"); do
    [ -f "$RESULTS/$r/command.txt" ] || continue
    sed -E "s|$RESULTS/|results/|g; s|--data [^ ]+|--data CIFAR|g; s|\$| -o results/$r|" "$RESULTS/$r/command.txt"
  done
  echo '```'
}

# ---- pictures ------------------------------------------------------------------------------------

curve() { # accuracy over the mean bitlength, learned and fixed, as SVG
  local r
  for r in $(names 'resnet20_g[0-9]*' 'resnet20_w[0-9]*' 'resnet20_mean*'); do
    echo "$r $(value "$r" mean_weight_bits) $(value "$r" mean_act_bits) $(value "$r" final_accuracy_frac)"
  done | sort -k2,2g | awk -v fp32="$(value resnet20_fp32 final_accuracy_frac)" -f docs/results_curve.awk
}
energy_curve() { # network machine: accuracy over energy, all methods, as SVG
  local r method
  for r in $(names "$1_*"); do
    method=$(method_of "$r")
    case ${r#"$1_"} in # variants have lines of their own
      fp32) continue ;;
      lsq_mmse_*) method=lsq_mmse ;;
      adaptive_*) method=${r#"$1_"} method=${method%%/*} ;;
    esac
    echo "$r $method $(cost "$r" "$2" energy_pj | awk '{ print $1 / 1e6 }') $(value "$r" final_accuracy_frac)"
  done | awk 'NF == 4' |
    awk -v fp32="$(value "$1_fp32" final_accuracy_frac)" -v machine="$2" -f docs/results_energy.awk
}

# ---- the page ------------------------------------------------------------------------------------

small_network() {
  printf '\n## %s on Fashion-MNIST\n\nBitPruning over gamma, from scratch (`range`: each output channel has a range of its own):\n\n' "$1"
  learned_table "$1_g[0-9]*" "$1_range_*" "$1_fp32"
  [ -n "$(names "$1_*_*")" ] || return 0
  printf '\nThe methods of [methods.md](methods.md):\n\n'
  method_table "$1_*"
  printf '\nCycles and µJ of an image (`pare-sim run results/RUN --machine MACHINE`; – where the machine refuses the run, and says why):\n\n'
  machine_table "$1_*"
  energy_curve "$1" loom1 >"$pictures/results_energy_$1.svg"
  printf '\n![Accuracy over energy on Loom](results_energy_%s.svg)\n' "$1"
}

resnet20() {
  printf '\n## ResNet-20 on CIFAR-10\n\nBitPruning to a mean of four and of three bits after rounding up, tuned for long; the latter from the former, each output channel with a range of its own:\n\n'
  learned_table 'resnet20_fp32' 'resnet20_mean*'
  printf '\nBitPruning over gamma, and training at fixed bits, all for %s epochs:\n\n' "$((LEARN + TUNE))"
  learned_table 'resnet20_g[0-9]*' 'resnet20_w[0-9]*'
  curve >"$pictures/results_curve.svg"
  printf '\n![Accuracy over the mean bitlength](results_curve.svg)\n'
  local m
  mapfile -t learned < <(names 'resnet20_mean*' 'resnet20_g[0-9]*')
  if [ ${#learned[@]} -gt 0 ]; then
    printf '\nBits of each layer, weights / activations:\n\n'
    layer_bits "${learned[@]}"
  fi
  if [ -n "$(names 'resnet20_f32_*' 'resnet20_winograd_*')" ]; then
    printf '\nOne of them in float (`--compute`; the rest is bf16):\n\n'
    learned_table resnet20_g0.3 'resnet20_f32_*' 'resnet20_winograd_*'
  fi
  for m in $machines; do
    [ -n "$(names "resnet20_${m}_*")" ] || continue
    printf '\n### By the cost of %s\n\nThe criterion is what an image costs on this machine, beside the equal weight of all layers.\n\n' "$m"
    compared=$m machine_table 'resnet20_g[0-9]*' 'resnet20_w[0-9]*' "resnet20_${m}_*"
    printf '\nAt equal accuracy (the runs of equal weight, a straight line between two of them). A ratio above 1 is a loss: a criterion that lies on few tensors takes them to 2 or 3 bits in the first epoch where gamma is large, and they stay there:\n\n'
    equal_accuracy "$m"
  done
  if has resnet20_budget; then
    printf '\n### A budget of 0.35 of the energy on stripes\n\n'
    learned_table resnet20_budget
  fi
  printf '\n### All methods\n\nEach from the same fp32 run:\n\n'
  method_table 'resnet20_*'
  printf '\nCycles and µJ of an image:\n\n'
  machine_table 'resnet20_*'
  energy_curve resnet20 loom1 >"$pictures/results_energy.svg"
  printf '\n![Accuracy over energy on Loom](results_energy.svg)\n'
  printf '\nPublished numbers beside ours. They differ in epochs, augmentation and fp32 baseline: compare drops from fp32.\n\n'
  anchors
  ! has resnet20_dq_70kb_long ||
    printf '\nThe weights of our DQ run, of 12 epochs, take %s kB: its budgets are pressed for, not enforced.\n' "$(size resnet20_dq_70kb_long | cut -d' ' -f1)"
}

pictures=$(dirname "$OUT")
compared="bitparallel8 stripes loom1 bitfusion"
{
  echo '# Results on real data'
  echo
  echo 'Written by `make results CIFAR=DIR` (`docs/results.sh`) from the run folders that it trained.'
  echo "Program: $("$train" --version | head -n 1). Every run is one seed: differences of half a percent mean little."
  echo 'A run starts from what its command names with `--from`; its epochs come on top of that one'"'"'s.'
  for net in cnn_small lenet5; do
    [ -z "$(names "${net}_*")" ] || small_network "$net"
  done
  ! has resnet20_fp32 || resnet20
  printf '\n## Commands\n\n`results/` is the folder of the runs, CIFAR that of the data set.\n\n'
  commands '*'
} >"$OUT.tmp"
mv "$OUT.tmp" "$OUT"
echo "wrote $OUT"
