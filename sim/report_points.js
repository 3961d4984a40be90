"use strict";
// The explorer of points: a scatter on a canvas that stays quick with 10^5 points, with zoom,
// filters and a brush; what is chosen shows layer by layer beside it and in the table below.
// Numbers come as base64 columns and are decoded when first needed.
const explorePoints = (P, tools) => {
  const { $, css, COLORS, cell, scaled, unitOf, stats, draw } = tools;
  const N = P.n;

  // ---- columns and axes as one list of variables ----
  const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array, f64: Float64Array };
  const decode = (text, type) => {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return new ARRAYS[type](bytes.buffer);
  };
  const lazily = (make) => { let made; return () => (made === undefined ? (made = make()) : made); };
  const vars = [];
  for (const c of P.columns) {
    const data = c.values ? () => c.values : lazily(() => decode(c.data, c.type));
    const stat = stats.find((s) => s.name === c.name);
    vars.push({ key: c.name, label: c.label, data, isNumber: true, isPart: !!stat && stat.role !== "total",
      get: (i) => data()[i], text: (i) => String(data()[i]) });
  }
  const axes = P.axes.map((a) => {
    const digits = a.values.length < 2 ? () => null : a.raw ? () => a.raw : lazily(() => decode(a.digits, a.type));
    const digit = (i) => (digits() ? digits()[i] : 0);
    const numbers = a.values.map(Number), isNumber = a.values.every((v) => v !== "" && Number.isFinite(+v));
    return { key: a.key, label: a.key, values: a.values, isAxis: true, isNumber, digit, isOff: new Uint8Array(a.values.length),
      get: (i) => numbers[digit(i)], text: (i) => a.values[digit(i)] };
  });
  const varying = axes.filter((a) => a.values.length > 1);
  vars.push(...varying);
  const named = (key) => vars.find((v) => v.key === key);
  const numeric = vars.filter((v) => v.isNumber);
  const id = P.numbers ? lazily(() => decode(P.numbers, "f64")) : () => null;
  const idOf = (i) => (id() ? id()[i] : i);
  if (!N || numeric.length < 2) { $("explorer").hidden = true; return null; }

  // a label with its unit; large numbers in people's units
  const UNITS = { pj: 1, ns: 1, bits: 1 };
  const pretty = (v, x) => {
    if (!Number.isFinite(x)) return "–";
    if (v.isAxis) return String(x);
    const unit = unitOf(v.key);
    if (v.key.endsWith("_pj_ns")) return (x / 1e12).toPrecision(4) + " µJ·µs";
    if (unit === "um2") return (x / 1e6).toPrecision(4).replace(/\.?0+$/, "") + " mm²";
    if (unit === "frac" || v.key === "utilization") return (100 * x).toFixed(2) + " %";
    if (unit === "bits" && v.key.startsWith("mean")) return x.toFixed(2);
    if (UNITS[unit]) return scaled(x, unit).text;
    return Math.abs(x) >= 1e5 ? x.toLocaleString("en-US", { maximumFractionDigits: 0 }) : String(+x.toPrecision(5));
  };

  // ---- state ----
  const isGood = (v) => v.key === "accuracy_frac" || v.key === "utilization"; // more is better
  const S = { x: null, y: null, color: null, logX: true, logY: true, view: null, brush: null, chosen: -1,
    sort: null, isDown: false, rows: 50, mode: "brush" };
  S.x = named("latency_ns") || named("cycles") || numeric[0];
  S.y = named("accuracy_frac") || [named("energy_pj"), named("area_um2"), ...numeric].find((v) => v && v !== S.x);
  if (S.y.key === "accuracy_frac") S.logY = false;
  S.color = varying.find((a) => a.key === "machine") || varying[0] || null;
  let shown = new Uint32Array(0), front = [], brushed = null, conditions = [];

  // ---- filters: values of axes, and conditions such as "area_um2 < 2e6" ----
  const OPERATORS = { "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, ">": (a, b) => a > b, "=": (a, b) => a === b, "!=": (a, b) => a !== b };
  function readConditions(text) {
    const out = [];
    for (const part of text.split(/,|&&|\band\b/)) {
      if (!part.trim()) continue;
      const m = part.trim().match(/^([\w.]+)\s*(<=|>=|!=|<|>|=)\s*(\S.*)$/);
      const v = m && (named(m[1]) || vars.find((w) => w.label === m[1]));
      if (!v || (v.isNumber && !Number.isFinite(+m[3]))) return { error: `“${part.trim()}” is no condition; for example ${numeric[0].key} < 1e6` };
      const test = OPERATORS[m[2]], value = v.isNumber ? +m[3] : m[3];
      out.push((i) => test(v.isNumber ? v.get(i) : v.text(i), value));
    }
    return { list: out };
  }
  function applyFilters() {
    const off = varying.filter((a) => a.isOff.includes(1));
    const kept = new Uint32Array(N);
    let n = 0;
    for (let i = 0; i < N; i++) {
      if (off.some((a) => a.isOff[a.digit(i)]) || conditions.some((c) => !c(i))) continue;
      kept[n++] = i;
    }
    shown = kept.subarray(0, n);
    findFront();
    if (S.brush) applyBrush();
    if (!front.includes(S.chosen)) S.chosen = front.length ? front[front.length >> 1] : -1;
    refresh();
  }

  // ---- the front of what is shown, on the two chosen axes ----
  function findFront() {
    const x = (i) => (isGood(S.x) ? -S.x.get(i) : S.x.get(i)), y = (i) => (isGood(S.y) ? -S.y.get(i) : S.y.get(i));
    const order = Array.from(shown).filter((i) => Number.isFinite(x(i)) && Number.isFinite(y(i)));
    order.sort((a, b) => x(a) - x(b) || y(a) - y(b) || a - b);
    front = [];
    let least = Infinity;
    for (const i of order) if (y(i) < least) { front.push(i); least = y(i); }
  }

  // ---- scales ----
  const canvas = $("scatter"), g = canvas.getContext("2d");
  const PAD = { l: 74, r: 16, t: 12, b: 46 };
  let size = { w: 0, h: 0 };
  const toLog = (log, x) => (log ? Math.log10(x) : x), fromLog = (log, x) => (log ? 10 ** x : x);
  function extent(v, log) {
    let lo = Infinity, hi = -Infinity;
    for (const i of shown) {
      const x = toLog(log, v.get(i));
      if (x < lo && x > -Infinity) lo = x;
      if (x > hi && x < Infinity) hi = x;
    }
    if (!(lo <= hi)) return [0, 1];
    const room = (hi - lo) * 0.04 || Math.abs(hi) * 0.05 || 0.5;
    return [lo - room, hi + room];
  }
  const fit = () => { S.view = { x: extent(S.x, S.logX), y: extent(S.y, S.logY) }; };
  const px = (x) => PAD.l + ((toLog(S.logX, x) - S.view.x[0]) / (S.view.x[1] - S.view.x[0])) * (size.w - PAD.l - PAD.r);
  const py = (y) => size.h - PAD.b - ((toLog(S.logY, y) - S.view.y[0]) / (S.view.y[1] - S.view.y[0])) * (size.h - PAD.t - PAD.b);
  const atX = (p) => S.view.x[0] + ((p - PAD.l) / (size.w - PAD.l - PAD.r)) * (S.view.x[1] - S.view.x[0]);
  const atY = (p) => S.view.y[0] + ((size.h - PAD.b - p) / (size.h - PAD.t - PAD.b)) * (S.view.y[1] - S.view.y[0]);
  function zoom(factor, cx, cy) {
    const around = (range, c) => range.map((e) => c + (e - c) * factor);
    S.view = { x: around(S.view.x, cx ?? (S.view.x[0] + S.view.x[1]) / 2), y: around(S.view.y, cy ?? (S.view.y[0] + S.view.y[1]) / 2) };
    paint();
  }
  function pan(dx, dy) {
    const by = (range, d) => range.map((e) => e + d * (range[1] - range[0]));
    S.view = { x: by(S.view.x, dx), y: by(S.view.y, dy) };
    paint();
  }

  // ---- colours: one a value, or along a scale that the colour-blind can read ----
  const RAMP = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"].map((h) => [1, 3, 5].map((k) => parseInt(h.slice(k, k + 2), 16)));
  const ramp = (t) => {
    const at = Math.min(Math.max(t, 0), 1) * (RAMP.length - 1), k = Math.min(Math.floor(at), RAMP.length - 2);
    return `rgb(${RAMP[k].map((c, j) => Math.round(c + (RAMP[k + 1][j] - c) * (at - k))).join()})`;
  };
  const CLASSES = 32;
  function coloring() {
    const v = S.color;
    if (!v) return { of: () => 0, colors: [COLORS[0]], legend: [] };
    if (v.isAxis && v.values.length <= 8)
      return { of: v.digit, colors: v.values.map((_, k) => COLORS[k % COLORS.length]), legend: v.values.map((t, k) => [t, k]), isNamed: true };
    const at = v.isNumber ? v.get : v.digit;
    let lo = Infinity, hi = -Infinity;
    for (const i of shown) { const x = at(i); if (x < lo) lo = x; if (x > hi) hi = x; }
    const isLog = lo > 0 && hi / lo > 50, f = (x) => (isLog ? Math.log(x / lo) / Math.log(hi / lo) : (x - lo) / (hi - lo || 1));
    const colors = Array.from({ length: CLASSES }, (_, k) => ramp(k / (CLASSES - 1)));
    const name = (x) => (v.isNumber ? pretty(v, x) : v.values[x]);
    return { of: (i) => Math.max(0, Math.min(CLASSES - 1, Math.floor(f(at(i)) * CLASSES))) || 0, colors, legend: [[name(lo), 0], [name(hi), CLASSES - 1]] };
  }

  // shapes too, where there are few enough points to see them
  const SHAPES = [
    (g, x, y, r) => g.arc(x, y, r, 0, 7), (g, x, y, r) => g.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8),
    (g, x, y, r) => { g.moveTo(x, y - r * 1.2); g.lineTo(x + r * 1.1, y + r * 0.8); g.lineTo(x - r * 1.1, y + r * 0.8); g.closePath(); },
    (g, x, y, r) => { g.moveTo(x, y - r * 1.3); g.lineTo(x + r * 1.3, y); g.lineTo(x, y + r * 1.3); g.lineTo(x - r * 1.3, y); g.closePath(); },
    (g, x, y, r) => { g.moveTo(x, y + r * 1.2); g.lineTo(x + r * 1.1, y - r * 0.8); g.lineTo(x - r * 1.1, y - r * 0.8); g.closePath(); },
    (g, x, y, r) => { const q = r * 0.45; g.rect(x - q, y - r * 1.2, 2 * q, 2.4 * r); g.rect(x - r * 1.2, y - q, 2.4 * r, 2 * q); },
    (g, x, y, r) => { g.moveTo(x - r * 1.2, y); g.lineTo(x + r * 0.8, y - r * 1.1); g.lineTo(x + r * 0.8, y + r * 1.1); g.closePath(); },
    (g, x, y, r) => { g.moveTo(x + r * 1.2, y); g.lineTo(x - r * 0.8, y - r * 1.1); g.lineTo(x - r * 0.8, y + r * 1.1); g.closePath(); },
  ];

  function ticks(range, log) {
    if (log && range[1] - range[0] >= 0.9) {
      const out = [], fine = range[1] - range[0] < 3 ? [1, 2, 5] : [1];
      for (let e = Math.floor(range[0]); e <= range[1]; e++) for (const m of fine) { const t = Math.log10(m) + e; if (t >= range[0] && t <= range[1]) out.push(10 ** t); }
      return out;
    }
    const lo = fromLog(log, range[0]), hi = fromLog(log, range[1]), raw = (hi - lo) / 5, unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * [1, 2, 5, 10].find((m) => m * unit >= raw), out = [];
    for (let t = Math.ceil(lo / step) * step; t <= hi; t += step) out.push(+t.toPrecision(12));
    return out;
  }
  function paintAxes() {
    g.strokeStyle = css("--line"); g.fillStyle = css("--soft"); g.lineWidth = 1;
    g.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    g.textAlign = "center"; g.textBaseline = "top";
    let last = -Infinity;
    for (const t of ticks(S.view.x, S.logX)) {
      const x = px(t), text = pretty(S.x, t), half = g.measureText(text).width / 2;
      g.beginPath(); g.moveTo(x, PAD.t); g.lineTo(x, size.h - PAD.b); g.stroke();
      if (x - half > last + 6 && x + half < size.w) { g.fillText(text, x, size.h - PAD.b + 6); last = x + half; }
    }
    g.textAlign = "right"; g.textBaseline = "middle";
    for (const t of ticks(S.view.y, S.logY)) {
      const y = py(t);
      g.beginPath(); g.moveTo(PAD.l, y); g.lineTo(size.w - PAD.r, y); g.stroke();
      g.fillText(pretty(S.y, t), PAD.l - 6, y);
    }
    g.fillStyle = css("--ink"); g.textAlign = "center"; g.textBaseline = "bottom";
    g.fillText(S.x.label + (isGood(S.x) ? " (more is better)" : ""), (PAD.l + size.w - PAD.r) / 2, size.h - 4);
    g.save(); g.translate(13, (PAD.t + size.h - PAD.b) / 2); g.rotate(-Math.PI / 2);
    g.fillText(S.y.label + (isGood(S.y) ? " (more is better)" : ""), 0, 0); g.restore();
  }
  function paintFront() {
    g.strokeStyle = css("--ink"); g.lineWidth = 1.5; g.beginPath();
    front.forEach((i, k) => {
      const x = px(S.x.get(i)), y = py(S.y.get(i));
      if (!k) g.moveTo(x, y); else { g.lineTo(x, py(S.y.get(front[k - 1]))); g.lineTo(x, y); }
    });
    g.stroke();
  }
  function paint() {
    const ratio = devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    size = { w: Math.max(box.width, 200), h: Math.max(box.height, 160) };
    canvas.width = Math.round(size.w * ratio); canvas.height = Math.round(size.h * ratio);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, size.w, size.h);
    paintAxes();
    g.save(); g.beginPath(); g.rect(PAD.l, PAD.t, size.w - PAD.l - PAD.r, size.h - PAD.t - PAD.b); g.clip();
    const c = coloring(), many = shown.length > 4000, r = many ? 1.5 : shown.length > 400 ? 3 : 5;
    const byColor = c.colors.map(() => []);
    const inBrush = brushed && new Uint8Array(N);
    if (inBrush) for (const i of brushed) inBrush[i] = 1;
    for (const i of shown) byColor[c.of(i)].push(i);
    byColor.forEach((list, k) => {
      g.fillStyle = c.colors[k];
      for (const pass of inBrush ? [0, 1] : [1]) {
        g.globalAlpha = pass ? (many ? 0.75 : 0.9) : 0.12;
        g.beginPath();
        for (const i of list) {
          if (inBrush && inBrush[i] !== pass) continue;
          const x = px(S.x.get(i)), y = py(S.y.get(i));
          if (many) g.rect(x - r, y - r, 2 * r, 2 * r);
          else { g.moveTo(x + r, y); SHAPES[c.isNamed ? k % SHAPES.length : 0](g, x, y, r); }
        }
        g.fill();
      }
    });
    g.globalAlpha = 1;
    paintFront();
    if (S.brush) {
      const [x0, y0, x1, y1] = S.brush;
      g.strokeStyle = css("--accent"); g.fillStyle = css("--accent"); g.lineWidth = 1.5;
      const a = px(fromLog(S.logX, x0)), b = py(fromLog(S.logY, y0)), w = px(fromLog(S.logX, x1)) - a, h = py(fromLog(S.logY, y1)) - b;
      g.globalAlpha = 0.1; g.fillRect(a, b, w, h); g.globalAlpha = 1; g.strokeRect(a, b, w, h);
    }
    if (S.chosen >= 0) {
      g.strokeStyle = css("--ink"); g.lineWidth = 2.5; g.beginPath();
      g.arc(px(S.x.get(S.chosen)), py(S.y.get(S.chosen)), 8, 0, 7); g.stroke();
    }
    g.restore();
    const legend = $("legend");
    legend.replaceChildren();
    if (S.color) legend.append(cell("span", S.color.label + ":"));
    c.legend.forEach(([text, k]) => {
      const s = cell("span", text), dot = document.createElement("canvas"), h = dot.getContext("2d");
      dot.width = dot.height = 28;
      h.fillStyle = c.colors[k];
      h.beginPath(); SHAPES[c.isNamed && !many ? k % SHAPES.length : 1](h, 14, 14, 10); h.fill();
      s.prepend(dot); legend.append(s);
    });
    legend.append(cell("span", "line: the front"));
  }

  // ---- brush, hover, keyboard ----
  function applyBrush() {
    const [x0, y0, x1, y1] = S.brush, within = (v, a, b) => v >= Math.min(a, b) && v <= Math.max(a, b);
    brushed = Array.from(shown).filter((i) => within(toLog(S.logX, S.x.get(i)), x0, x1) && within(toLog(S.logY, S.y.get(i)), y0, y1));
  }
  function clearBrush() { S.brush = null; brushed = null; }
  function nearest(mx, my) {
    let best = -1, least = 20 * 20;
    for (const i of shown) {
      const dx = px(S.x.get(i)) - mx, dy = py(S.y.get(i)) - my, d = dx * dx + dy * dy;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }
  const describe = (i) => `point ${idOf(i)}: ${varying.map((a) => `${a.key} ${a.text(i)}`).join(", ")} – ` +
    vars.filter((v) => !v.isAxis && !v.isPart).slice(0, 6).map((v) => `${v.label} ${pretty(v, v.get(i))}`).join(", ");
  const place = (e) => { const b = canvas.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
  let drag = null;
  canvas.addEventListener("pointerdown", (e) => {
    canvas.setPointerCapture(e.pointerId);
    const [x, y] = place(e);
    drag = { x, y, view: S.view, isPan: (S.mode === "pan") !== e.shiftKey, moved: false };
  });
  canvas.addEventListener("pointermove", (e) => {
    const [x, y] = place(e);
    if (!drag) {
      const i = nearest(x, y), tip = $("tip");
      tip.hidden = i < 0;
      if (i >= 0) { tip.textContent = describe(i); tip.style.left = Math.min(x + 14, size.w - 270) + "px"; tip.style.top = y + 14 + "px"; }
      return;
    }
    if (Math.hypot(x - drag.x, y - drag.y) < 4 && !drag.moved) return;
    drag.moved = true;
    $("tip").hidden = true;
    if (drag.isPan) {
      S.view = drag.view;
      pan((drag.x - x) / (size.w - PAD.l - PAD.r), (y - drag.y) / (size.h - PAD.t - PAD.b));
    } else {
      S.brush = [atX(drag.x), atY(drag.y), atX(x), atY(y)];
      paint();
    }
  });
  canvas.addEventListener("pointerup", (e) => {
    const [x, y] = place(e);
    if (drag && !drag.moved) { const i = nearest(x, y); clearBrush(); if (i >= 0) S.chosen = i; }
    else if (drag && !drag.isPan) applyBrush();
    drag = null;
    refresh();
  });
  canvas.addEventListener("pointerleave", () => { $("tip").hidden = true; });
  canvas.addEventListener("wheel", (e) => {
    e.preventDefault();
    const [x, y] = place(e);
    zoom(e.deltaY > 0 ? 1.2 : 1 / 1.2, atX(x), atY(y));
  }, { passive: false });
  canvas.addEventListener("dblclick", () => { fit(); paint(); });
  canvas.addEventListener("keydown", (e) => {
    const along = (d) => { const k = front.indexOf(S.chosen); S.chosen = front[Math.max(0, Math.min(front.length - 1, k < 0 ? 0 : k + d))]; refresh(); };
    const act = e.shiftKey && { ArrowLeft: () => pan(-0.1, 0), ArrowRight: () => pan(0.1, 0), ArrowUp: () => pan(0, 0.1), ArrowDown: () => pan(0, -0.1) }[e.key] ||
      { ArrowLeft: () => along(-1), ArrowRight: () => along(1), "+": () => zoom(1 / 1.3), "=": () => zoom(1 / 1.3), "-": () => zoom(1.3),
        0: () => { fit(); paint(); }, Escape: () => { clearBrush(); refresh(); } }[e.key];
    if (act) { e.preventDefault(); act(); }
  });

  // ---- linked: the layers of what is chosen ----
  const L = P.layers;
  const layersAt = lazily(() => {
    if (!L) return null;
    const points = L.raw || decode(L.points, "u32"), network = decode16(L.network), bits = decode(L.bits, "u8"), values = decode(L.values, "f32");
    const at = new Map();
    let offset = 0;
    points.forEach((p, k) => { at.set(p, { names: L.names[network[k]], offset }); offset += L.names[network[k]].length; });
    return { at, bits, values, width: L.columns.length };
  });
  const decode16 = (text) => decode(text, "u16");
  function layersOf(i) {
    if (P.layersOf) return P.layersOf(i);
    const t = layersAt(), where = t && t.at.get(i);
    if (!where) return null;
    return where.names.map((layer, k) => {
      const row = { layer, weight_bits: t.bits[2 * (where.offset + k)], act_bits: t.bits[2 * (where.offset + k) + 1] };
      L.columns.forEach((name, c) => { row[name] = t.values[(where.offset + k) * t.width + c]; });
      return row;
    });
  }
  // the mean over points of the same layers
  function meanLayers(list) {
    let sum = null, n = 0;
    for (const i of list) {
      const rows = layersOf(i);
      if (!rows || (sum && (rows.length !== sum.length || rows[0].layer !== sum[0].layer))) continue;
      n++;
      if (!sum) sum = rows.map((r) => ({ ...r }));
      else rows.forEach((r, k) => { for (const key in r) if (typeof r[key] === "number") sum[k][key] += r[key]; });
    }
    if (sum) sum.forEach((r) => { for (const key in r) if (typeof r[key] === "number") r[key] /= n; });
    return { rows: sum, n };
  }
  const parts = (group) => stats.filter((s) => s.group === group && s.role === "part");
  function drawLinked() {
    const group = $("linked-group").value, total = stats.find((s) => s.group === group && s.role === "total");
    const list = brushed && brushed.length ? brushed : S.chosen >= 0 ? [S.chosen] : [];
    let { rows, n } = meanLayers(list.slice(0, 5000));
    if (!rows && list.length) { // no layers kept: the totals of the point, as one bar
      const row = { layer: "all layers" };
      for (const s of [total, ...parts(group)]) if (named(s.name)) row[s.name] = list.reduce((a, i) => a + named(s.name).get(i), 0) / list.length;
      rows = [row]; n = list.length;
    }
    if (!rows) return;
    const has = parts(group).filter((s) => rows.some((r) => r[s.name] > 0)), used = has.length ? has : total.name in rows[0] ? [total] : [];
    const unit = unitOf(total.name), largest = Math.max(...rows.map((r) => used.reduce((a, s) => a + (r[s.name] || 0), 0)), 1e-12), scale = scaled(largest, unit);
    $("linked-caption").textContent = (brushed && brushed.length ? `Mean of ${n} of ${brushed.length} brushed points` : describe(list[0])) + "; " + total.label;
    draw("linked", { type: "bar",
      data: { labels: rows.map((r) => r.layer), datasets: used.map((s, k) => ({ label: s.label, data: rows.map((r) => r[s.name] / scale.by), backgroundColor: COLORS[k % COLORS.length] })) },
      options: { interaction: { mode: "index", intersect: false }, scales: { x: { stacked: true, grid: { display: false } },
        y: { stacked: true, title: { display: true, text: unit === "cycles" ? scale.name + " cycles" : scale.name } } } } });
    const hasBits = rows[0].weight_bits > 0;
    $("linked-bits-figure").hidden = !hasBits;
    if (hasBits) draw("linked-bits", { type: "bar",
      data: { labels: rows.map((r) => r.layer), datasets: [["weights", "weight_bits", 0], ["activations", "act_bits", 1]].map(([label, key, k]) => ({ label, data: rows.map((r) => r[key]), backgroundColor: COLORS[k] })) },
      options: { scales: { x: { grid: { display: false } }, y: { beginAtZero: true, ticks: { precision: 0 }, title: { display: true, text: "bits" } } } } });
  }

  // ---- the table ----
  const tableVars = () => [...varying, ...vars.filter((v) => !v.isAxis && !v.isPart)];
  const listed = () => {
    const list = brushed && brushed.length ? brushed : $("only-front").checked ? front.slice() : Array.from(shown);
    if (!S.sort) return list;
    const v = S.sort, sign = S.isDown ? -1 : 1;
    return list.sort((a, b) => sign * (v.isNumber ? v.get(a) - v.get(b) : v.text(a) < v.text(b) ? -1 : v.text(a) > v.text(b) ? 1 : 0) || a - b);
  };
  function drawTable() {
    const table = $("points-table"), list = listed();
    table.replaceChildren();
    const head = table.createTHead().insertRow();
    head.append(cell("th", "point"));
    for (const v of tableVars()) {
      const th = cell("th", "", v.isNumber ? "" : "text"), b = cell("button", v.label + (S.sort === v ? (S.isDown ? " ▼" : " ▲") : ""));
      b.type = "button"; b.title = v.key + ": sort"; b.dataset.key = v.key;
      th.scope = "col";
      th.setAttribute("aria-sort", S.sort !== v ? "none" : S.isDown ? "descending" : "ascending");
      b.addEventListener("click", () => { S.isDown = S.sort === v && !S.isDown; S.sort = v; drawTable(); table.querySelector(`[data-key="${v.key}"]`).focus(); });
      th.append(b); head.append(th);
    }
    const body = table.createTBody();
    for (const i of list.slice(0, S.rows)) {
      const tr = body.insertRow(), b = cell("button", String(idOf(i)));
      b.type = "button"; b.title = "show this point";
      b.addEventListener("click", () => { S.chosen = i; clearBrush(); refresh(true); });
      if (i === S.chosen) tr.className = "total";
      const td = cell("td", ""); td.append(b); tr.append(td);
      for (const v of tableVars()) tr.append(cell("td", v.isNumber ? pretty(v, v.get(i)) : v.text(i), v.isNumber ? "" : "text"));
    }
    $("more").hidden = list.length <= S.rows;
    $("more").textContent = `Show more (${Math.min(S.rows, list.length)} of ${list.length.toLocaleString("en-US")})`;
  }
  function csv() {
    const all = [...axes, ...vars.filter((v) => !v.isAxis)];
    const quote = (t) => (/[",\n]/.test(t) ? `"${t.replace(/"/g, '""')}"` : t);
    return [["point", ...all.map((v) => v.key)].join(), ...listed().map((i) => [idOf(i), ...all.map((v) => quote(v.text(i)))].join())].join("\n") + "\n";
  }
  function download() {
    const a = document.createElement("a");
    a.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    a.download = (P.name || "points").replace(/[^\w.-]+/g, "_") + ".csv";
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 1000);
  }

  // ---- controls ----
  function refresh(keepTable) {
    if (!S.view) fit();
    paint(); drawLinked(); drawTable();
    $("counts").textContent = `${shown.length.toLocaleString("en-US")} of ${N.toLocaleString("en-US")} points shown, ${front.length} on the front` +
      (brushed ? `, ${brushed.length.toLocaleString("en-US")} brushed` : "") + (P.n_failed ? `; ${P.n_failed.toLocaleString("en-US")} without a result` : "");
    if (keepTable) canvas.scrollIntoView({ block: "nearest" });
  }
  function choice(name, list, chosen, take) {
    const select = $(name);
    list.forEach((v, k) => select.add(new Option(v ? v.label : "one colour", k, false, v === chosen)));
    select.addEventListener("change", () => { take(list[+select.value]); clearBrush(); S.view = null; findFront(); refresh(); });
  }
  const main = numeric.filter((v) => !v.isPart), rest = numeric.filter((v) => v.isPart);
  choice("scatter-x", [...main, ...rest], S.x, (v) => { S.x = v; });
  choice("scatter-y", [...main, ...rest], S.y, (v) => { S.y = v; });
  choice("scatter-color", [...varying, ...main.filter((v) => !v.isAxis), null], S.color, (v) => { S.color = v; });
  for (const [name, key] of [["log-x", "logX"], ["log-y", "logY"]]) {
    $(name).checked = S[key];
    $(name).addEventListener("change", () => { S[key] = $(name).checked; clearBrush(); fit(); refresh(); });
  }
  for (const a of varying) {
    const box = cell("details", "", "filter"), set = cell("div", "");
    box.append(cell("summary", a.key), set);
    if (a.values.length > 64) { set.append(cell("span", `${a.values.length} values; use a condition`)); }
    else a.values.forEach((value, k) => {
      const label = cell("label", ""), tick = document.createElement("input");
      tick.type = "checkbox"; tick.checked = true; tick.dataset.axis = a.key; tick.dataset.value = value;
      tick.addEventListener("change", () => { a.isOff[k] = tick.checked ? 0 : 1; applyFilters(); });
      label.append(tick, " " + value); set.append(label);
    });
    $("filters").append(box);
  }
  $("condition").addEventListener("change", () => {
    const read = readConditions($("condition").value);
    $("condition-error").textContent = read.error || "";
    $("condition").setAttribute("aria-invalid", read.error ? "true" : "false");
    if (!read.error) { conditions = read.list; applyFilters(); }
  });
  $("condition").placeholder = `${main[0].key} < 1e6, …`;
  $("mode").addEventListener("change", () => { S.mode = $("mode").value; });
  $("zoom-in").addEventListener("click", () => zoom(1 / 1.3));
  $("zoom-out").addEventListener("click", () => zoom(1.3));
  $("zoom-fit").addEventListener("click", () => { fit(); paint(); });
  $("only-front").addEventListener("change", drawTable);
  $("csv").addEventListener("click", download);
  $("more").addEventListener("click", () => { S.rows *= 4; drawTable(); });
  for (const s of ["cycles", "energy", "dram"]) {
    const total = stats.find((t) => t.group === s && t.role === "total");
    if (P.layersOf || named(total.name)) $("linked-group").add(new Option(total.label, s));
  }
  $("linked-group").addEventListener("change", drawLinked);
  if (P.errors && P.errors.length) {
    $("errors").hidden = false;
    $("errors").append(cell("summary", `${P.n_failed} points without a result`));
    P.errors.forEach((t) => $("errors").append(cell("div", t)));
    if (P.n_failed > P.errors.length) $("errors").append(cell("div", "…"));
  }
  addEventListener("resize", paint);
  applyFilters();
  return { state: S, id: idOf, refresh, csv, listed, view: () => S.view, shown: () => shown.length, front: () => front, brushed: () => brushed };
};
