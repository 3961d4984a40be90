"$BIN"/pare-sim run lenet5 --machine loom2 --bits 4 --timeline trace.json --json -o run.json
python3 - <<'END'
import json
events = json.load(open("trace.json"))["traceEvents"]
total = [json.loads(l) for l in open("run.json")][-1]
tracks = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
spans = [e for e in events if e["ph"] == "X"]
for tid, name in sorted(tracks.items()):
    own = sorted((e["ts"], e["ts"] + e["dur"]) for e in spans if e["tid"] == tid)
    assert all(a[1] <= b[0] for a, b in zip(own, own[1:])), name
    print(name, "spans do not overlap")
assert max(e["ts"] + e["dur"] for e in spans) == total["cycles"]
assert sum(e["args"].get("bits", 0) for e in spans) == total["dram_bits"]
print("time and traffic are the totals")
END
"$BIN"/pare-sim run lenet5 --machine loom2 --machine loom1 --timeline two.json
echo "status $?"
