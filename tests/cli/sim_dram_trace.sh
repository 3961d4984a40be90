"$BIN"/pare-sim run lenet5 -m loom2 --bits 4 --dram-trace t --json -o run.json
head -n 3 t
cat t.regions.csv
python3 - <<'END'
import json
lines = [l.split(" ") for l in open("t").read().splitlines()]
assert all(len(l) == 2 and l[0] in ("LD", "ST") and l[1].startswith("0x") for l in lines)
total = [json.loads(l) for l in open("run.json")][-1]
bytes_in_bursts = 64 * len(lines)
assert 0 <= bytes_in_bursts - total["dram_bits"] / 8 < 64 * 4 * 20
print(bytes_in_bursts, "bytes in bursts for", total["dram_bits"] / 8)
END
"$BIN"/pare-sim run lenet5 -m loom2 -m loom1 --dram-trace two
echo "status $?"
