#!/usr/bin/env python3
"""Waves of a run as WaveDrom JSON, and WaveDrom JSON as SVG. Standard library only.

waves.py json VCD SPEC    WaveDrom JSON of a VCD (pare-cosim's time axis: cycle c begins at 10c)
waves.py svg JSON         the SVG, for light and dark pages

SPEC is JSON: {"title", "from", "cycles", "every", "signals": [[group, [path, name, kind], ...], ...]}.
Cycles count from the first one in which run_o is 1; "every" is the cycles of a tick (1), a tick shows
its first cycle. Kind: "bit", "dec", "low" (the lowest byte, hexadecimal), a list of names, of which "" is idle, or
{"names", "behind"}: the names with the tile that stage_o, so many stages later, works on (null: no tile);
what belongs to a tile has its colour. A fourth item of a row is the path of a bit that says when it is valid.
"""
import json
import sys

# ---- VCD ----


def read_vcd(path, wanted):
    """{path: [(time, value), ...]} of the wanted signals."""
    ids, scope, changes, now = {}, [], {w: [] for w in wanted}, 0
    with open(path, encoding="ascii") as file:
        for line in file:
            word = line.split()
            if not word:
                continue
            if word[0] == "$scope":
                scope.append(word[2])
            elif word[0] == "$upscope":
                scope.pop()
            elif word[0] == "$var":
                name = ".".join(scope[2:] + [word[4].split("[")[0]])  # within pare_accel
                if name in changes:
                    ids.setdefault(word[3], []).append(name)
            elif word[0][0] == "#":
                now = int(word[0][1:])
            elif word[0][0] in "b01":
                is_vector = word[0][0] == "b"
                bits, code = (word[0][1:], word[1]) if is_vector else (word[0][0], word[0][1:])
                for name in ids.get(code, []):
                    changes[name].append((now, int(bits, 2)))
    missing = [w for w in wanted if not changes[w]]
    if missing:
        sys.exit(f"{path}: has no signal {', '.join(missing)}")
    return changes


def values_at(changes, times):
    """The value of a signal at each of the rising times."""
    at, i, value = [], 0, changes[0][1]
    for time in times:
        while i < len(changes) and changes[i][0] <= time:
            value = changes[i][1]
            i += 1
        at.append(value)
    return at


# ---- VCD to WaveDrom ----


def text_of(value, kind, stage):
    if isinstance(kind, dict):
        behind = kind["behind"][value]
        return kind["names"][value] + ("" if behind is None else f" {stage - behind}")
    if isinstance(kind, list):
        return kind[value]
    return f"{value & 255:02x}" if kind == "low" else str(value)


def lane_of(values, valid, stages, name, kind):
    """A WaveDrom lane; where valid is 0 the value means nothing."""
    wave, data, last, colour = "", [], None, 0
    for value, is_valid, stage in zip(values, valid, stages):
        shown = (value if kind == "bit" else text_of(value, kind, stage)) if is_valid else "x"
        if shown == last:
            wave += "."
        elif not is_valid:
            wave += "x"
        elif kind == "bit":
            wave += str(value)
        elif shown == "":
            wave += "z"
        else:
            if isinstance(kind, dict):
                behind = kind["behind"][value]
                wave += "2" if behind is None else str(3 + (stage - behind) % 4)
            else:
                wave += str(3 + colour % 4)
            colour += 1
            data.append(shown)
        last = shown
    lane = {"name": name, "wave": wave}
    if data:
        lane["data"] = data
    return lane


def vcd_to_wavedrom(vcd, spec):
    rows = [row for group in spec["signals"] for row in group[1:]]
    paths = {row[0] for row in rows} | {row[3] for row in rows if len(row) > 3}
    changes = read_vcd(vcd, paths | {"run_o", "stage_o"})
    begin = (next(time for time, value in changes["run_o"] if value) + 5) // 10
    every = spec.get("every", 1)
    times = [10 * (begin + spec["from"] + i) for i in range(0, spec["cycles"], every)]
    always = [1] * len(times)
    stages = values_at(changes["stage_o"], times)
    signal = []
    if every == 1:
        signal.append({"name": "clk_i", "wave": "n" + "." * (len(times) - 1)})
    for group in spec["signals"]:
        lanes = []
        for row in group[1:]:
            valid = values_at(changes[row[3]], times) if len(row) > 3 else always
            lanes.append(lane_of(values_at(changes[row[0]], times), valid, stages, *row[1:3]))
        signal.append([group[0], *lanes])
    head = {"text": spec["title"], "tick": spec["from"], "every": spec.get("label", 1)}
    return {"signal": signal, "head": head, "config": {"hscale": 1},
            "cycles_per_tick": every, "tick_px": spec.get("tick_px", 40)}


def write_wavedrom(wavedrom):
    """One lane a line."""
    lines = []
    for item in wavedrom["signal"]:
        if isinstance(item, dict):
            lines.append("    " + json.dumps(item))
        else:
            lanes = ",\n".join("      " + json.dumps(lane) for lane in item[1:])
            lines.append(f"    [{json.dumps(item[0])},\n{lanes}]")
    rest = "".join(f",\n  {json.dumps(k)}: {json.dumps(v)}" for k, v in wavedrom.items()
                   if k != "signal")
    return '{\n  "signal": [\n' + ",\n".join(lines) + "\n  ]" + rest + "\n}\n"


# ---- WaveDrom to SVG ----

STYLE = """
  .page{fill:#fff} .grid{stroke:#e2e8f0} .name,.value{fill:#0f172a} .group{fill:#475569;font-weight:bold}
  .tick{fill:#64748b} .line{stroke:#1e293b;stroke-width:1.5;fill:none} .idle{stroke:#94a3b8;stroke-width:1.5}
  .bus{stroke:#475569;stroke-width:1.2} .c2{fill:#f1f5f9} .c3{fill:#fef3c7} .c4{fill:#dbeafe} .c5{fill:#dcfce7} .c6{fill:#fce7f3}
  .none{fill:#e2e8f0;stroke:#cbd5e1}
  @media (prefers-color-scheme: dark){
  .page{fill:#0f172a} .grid{stroke:#1e293b} .name,.value{fill:#f1f5f9} .group{fill:#94a3b8}
  .tick{fill:#94a3b8} .line{stroke:#e2e8f0} .idle{stroke:#475569}
  .bus{stroke:#94a3b8} .c2{fill:#1e293b} .c3{fill:#78350f} .c4{fill:#1e3a8a} .c5{fill:#14532d} .c6{fill:#831843}
  .none{fill:#1e293b;stroke:#334155}}
"""
LEFT, LANE, HIGH, TOP = 190, 26, 18, 40


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def runs_of(wave):
    """[(state, first tick, ticks), ...]; two runs of a bit's level are one."""
    runs = []
    for i, state in enumerate(wave):
        if state == "." or (runs and state in "01" and runs[-1][0] == state):
            runs[-1][2] += 1
        else:
            runs.append([state, i, 1])
    return runs


def clock_svg(edge, n, x0, y, tick):
    """edge: p, a cycle begins as the clock rises, or n, as it falls."""
    points, first, second = [], y, y + HIGH
    if edge == "n":
        first, second = second, first
    for i in range(n):
        x = x0 + i * tick
        points += [(x, first), (x + tick / 2, first), (x + tick / 2, second), (x + tick, second)]
    return '<polyline class="line" points="%s"/>' % " ".join(f"{x:g},{y:g}" for x, y in points)


def bus_svg(state, text, x, width, y):
    edge = min(3, width / 4)
    xs = [x, x + edge, x + width - edge, x + width, x + width - edge, x + edge]
    ys = [y + HIGH / 2, y, y, y + HIGH / 2, y + HIGH, y + HIGH]
    points = " ".join(f"{a:g},{b:g}" for a, b in zip(xs, ys))
    out = [f'<polygon class="bus c{state}" points="{points}"/>']
    if text and 6.3 * len(text) < width:
        out.append(f'<text class="value" x="{x + width / 2:g}" y="{y + 13}" '
                   f'text-anchor="middle" font-size="11">{escape(text)}</text>')
    return out


def lane_svg(lane, y, tick):
    out = [f'<text class="name" x="{LEFT - 10}" y="{y + 13}" text-anchor="end">'
           f'{escape(lane["name"])}</text>']
    wave, data = lane["wave"], list(lane.get("data", []))
    if wave[0] in "pn":
        return out + [clock_svg(wave[0], len(wave), LEFT, y, tick)]
    level = []
    for state, first, n in runs_of(wave):
        x, width = LEFT + first * tick, n * tick
        if state in "01":
            at = y if state == "1" else y + HIGH
            level += [(x, at), (x + width, at)]
            continue
        if level:
            out.append(line_svg(level))
            level = []
        if state == "z":
            out.append(f'<line class="idle" x1="{x:g}" y1="{y + HIGH / 2:g}" '
                       f'x2="{x + width:g}" y2="{y + HIGH / 2:g}"/>')
        elif state == "x":
            out.append(f'<rect class="none" x="{x:g}" y="{y}" width="{width:g}" height="{HIGH}"/>')
        else:
            out += bus_svg(state, data.pop(0) if data else "", x, width, y)
    if level:
        out.append(line_svg(level))
    return out


def line_svg(level):
    return '<polyline class="line" points="%s"/>' % " ".join(f"{x:g},{y:g}" for x, y in level)


def wavedrom_to_svg(wavedrom):
    head, tick, step = wavedrom["head"], wavedrom["tick_px"], wavedrom.get("cycles_per_tick", 1)
    groups = [["", item] if isinstance(item, dict) else item for item in wavedrom["signal"]]
    n = max(len(lane["wave"]) for group in groups for lane in group[1:])
    body, y = [], TOP
    for group in groups:
        if group[0]:
            body.append(f'<text class="group" x="8" y="{y + 11}" font-size="11">'
                        f'{escape(group[0])}</text>')
            y += 18
        for lane in group[1:]:
            body += lane_svg(lane, y, tick)
            y += LANE
        y += 4
    grid = []
    for i in range(n + 1):
        if (head["tick"] // step + i) % head.get("every", 1) and head.get("every", 1) > 1:
            continue
        x = LEFT + i * tick
        grid.append(f'<line class="grid" x1="{x:g}" y1="{TOP - 6}" x2="{x:g}" y2="{y}"/>')
        if i < n:
            centre = x + (tick / 2 if step == 1 else 0)
            grid.append(f'<text class="tick" x="{centre:g}" y="{TOP - 12}" text-anchor="middle" '
                        f'font-size="11">{head["tick"] + i * step}</text>')
    width, height = LEFT + n * tick + 16, y + 8
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" '
         f'width="{width:g}" height="{height}" '
         'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="12">',
         f"<title>{escape(head['text'])}</title>", f"<style>{STYLE}</style>",
         f'<rect class="page" width="{width:g}" height="{height}"/>',
         f'<text class="group" x="8" y="{TOP - 12}" font-size="11">cycle</text>',
         *grid, *body, "</svg>"]) + "\n"


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "json":
        with open(sys.argv[3], encoding="utf-8") as file:
            sys.stdout.write(write_wavedrom(vcd_to_wavedrom(sys.argv[2], json.load(file))))
    elif len(sys.argv) == 3 and sys.argv[1] == "svg":
        with open(sys.argv[2], encoding="utf-8") as file:
            sys.stdout.write(wavedrom_to_svg(json.load(file)))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
