# Layers of `pare-trace show --json`, then a bits file: "kB GBitOps" of one image.
# Where memory holds another number of bits than the code has, it is the one that counts; a second
# tensor counts twice; a layer without bits has 32.
function field(key,   s) {
    if (!match($0, "\"?" key "\"?: [^,}]+")) return ""
    s = substr($0, RSTART, RLENGTH)
    sub(/^[^:]*: /, "", s); gsub(/"/, "", s)
    return s
}
/^\{"layer"/ { if (field("macs") > 0) { layer[++n] = field("layer"); weights[n] = field("params"); macs[n] = field("macs") } next }
/^ *- \{layer:/ {
    l = field("layer"); w = field("weight_stored_bits")
    bits[l] = (w != "" && w > 0 ? w : field("weight_bits")) * (field("weight_tensors") == 2 ? 2 : 1)
    act_bits[l] = field("act_bits")
}
END {
    for (i = 1; i <= n; i++) {
        w = layer[i] in bits ? bits[layer[i]] : 32
        size += weights[i] * w
        ops += macs[i] * w * (layer[i] in bits ? act_bits[layer[i]] : 32)
    }
    printf "%.1f %.4g\n", size / 8000, ops / 1e9
}
