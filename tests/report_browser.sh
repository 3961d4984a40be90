#!/usr/bin/env bash
# The report in a real browser: headless Chromium opens it from the disk, with no network. Checked:
# no console error, every chart has drawn pixels, the tables are filled, the controls redraw, and what
# mouse and keys do. PARE_SHOTS: a folder that keeps the screenshots.
# Ends in "N passed, N failed".
set -u
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${PARE_BUILD:-$SRC/build}
chromium=$(command -v chromium || command -v chromium-browser)
if [ -z "$chromium" ]; then
  echo "SKIPPED report_browser: chromium is not installed"
  echo "1 passed, 0 failed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
verdict() { # name, condition's exit status
  if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $1"; fi
}

"$BUILD/bin/pare-sim" report "$SRC/tests/data/run" -o "$dir/report.html"
verdict "the report is written" $?
! grep -qE '(src|href)="?https?:' "$dir/report.html"
verdict "the page loads nothing from elsewhere" $?

# a copy with a probe at its end: what it finds is left in the DOM for --dump-dom
cat >"$dir/probe.html" <<'PROBE'
<script>
(() => {
  const painted = (canvas) => {
    const d = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let n = 0;
    for (let i = 3; i < d.length; i += 4) n += d[i] > 0;
    return n;
  };
  const out = [];
  for (const c of document.querySelectorAll("canvas")) out.push(`${c.id}=${painted(c) > 2000 ? "drawn" : "empty"}`);
  for (const t of document.querySelectorAll("table")) out.push(`${t.id}=${t.rows.length}`);
  const group = document.getElementById("group"), before = document.getElementById("layers").toDataURL();
  group.value = "energy";
  group.dispatchEvent(new Event("change"));
  out.push("redraw=" + (document.getElementById("layers").toDataURL() !== before));
  const pre = document.createElement("pre");
  pre.id = "probe";
  pre.textContent = "PROBE " + out.join(" ") + " END";
  document.body.append(pre);
})();
</script>
PROBE
cat "$dir/report.html" "$dir/probe.html" >"$dir/probed.html"
"$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --user-data-dir="$dir/profile" --window-size=1200,2400 \
  --enable-logging=stderr --virtual-time-budget=5000 --dump-dom "file://$dir/probed.html" >"$dir/dom" 2>"$dir/log"
verdict "the browser opens the page" $?
probe=$(grep -oE 'PROBE .* END' "$dir/dom" | tail -n 1)
echo "$probe"
if grep 'CONSOLE' "$dir/log"; then verdict "no console message" 1; else verdict "no console message" 0; fi
for canvas in bits epochs speedup energy traffic layers scatter linked roofline; do
  [[ $probe == *" $canvas=drawn"* ]]
  verdict "chart '$canvas' is drawn" $?
done
[[ $probe =~ machines-table=([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 15 ]
verdict "the machines' table has a row for each machine and set of bits" $?
[[ $probe =~ layers-table=([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -eq 6 ]
verdict "the layers' table has a row for each layer and one for all" $?
[[ $probe == *"redraw=true"* ]]
verdict "choosing another breakdown redraws" $?

# the same pages driven by mouse and keys: filter, zoom, brush, sort, download (tests/report_drive.py)
sqlite3 "$dir/many.sqlite" <"$SRC/tests/data/sweep/many.sql" >/dev/null
"$BUILD/bin/pare-sim" report "$dir/many.sqlite" -o "$dir/many.html"
verdict "a report of 100,000 points is written" $?
"$BUILD/bin/pare-sim" report "$SRC/tests/data/run" -o "$dir/run.html" --timeline "$dir/timeline.json"
verdict "a report with a timeline is written" $?
cat >"$dir/kept.sweep.yaml" <<'TEXT'
version: 1
name: kept
networks: [cnn_small]
machines: [stripes, loom2]
bits: [8, w3a5]
layers: true
columns: [all]
axes:
  - {key: array.rows, values: [8, 16, 32]}
TEXT
"$BUILD/bin/pare-sim" sweep "$dir/kept.sweep.yaml" -o "$dir/kept.sqlite" --quiet >"$dir/log" &&
  "$BUILD/bin/pare-sim" report "$SRC/tests/data/run" --points "$dir/kept.sqlite" -o "$dir/both.html"
verdict "a run's report with a sweep's points is written" $?
driven=$(python3 "$SRC/tests/report_drive.py" "$chromium" "${PARE_SHOTS:-$dir}" "$dir/many.html" "$dir/run.html" "$dir/both.html")
verdict "the pages are driven" $?
echo "$driven"
[[ $driven =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]] && passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
