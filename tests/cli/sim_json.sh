# every line is one object; the last one holds the totals, which are the sums of the layers'
"$BIN"/pare-sim run cnn_small --machine stripes --bits w4a6 --json >out.json
head -n 1 out.json
tail -n 1 out.json
wc -l <out.json
python3 - out.json <<'END'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
layers, total = rows[:-1], rows[-1]
assert total["total"] is True and not any("total" in l for l in layers)
need = "layer type macs weight_bits act_bits cycles ideal_cycles stall_cycles utilization energy_pj dram_bits"
assert all(k in l for l in layers for k in need.split())
assert all(k in total for k in "latency_ns energy_pj dram_bits edp area_um2".split())
for key in "macs cycles ideal_cycles stall_cycles dram_bits".split():
    assert sum(l[key] for l in layers) == total[key], key
for l in layers:
    parts = "ideal rounding padding fill_drain weight_load startup stall".split()
    assert sum(l[p + "_cycles"] for p in parts) == l["cycles"], l["layer"]
print("sums agree")
END
