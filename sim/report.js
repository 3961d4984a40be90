"use strict";
// The page of `pare-sim report`: reads the JSON in #data, draws with Chart.js, computes nothing
// but ratios. Everything it shows stands in the JSON, so that the page can be scraped.
(() => {
  const D = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Okabe and Ito 2008: told apart by the colour-blind
  const COLORS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#7F7F7F", "#000000"];

  const sets = D.results ? [{ key: "learned", label: D.bits_label, results: D.results }] : [];
  if (D.uniform) sets.unshift({ key: "uniform", label: D.uniform_label, results: D.uniform });
  const baseline = D.results && sets[0].results[0];

  const fixed = (x, digits) => x.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const integer = (x) => Math.round(x).toLocaleString("en-US");
  const ratio = (x) => (x >= 100 ? fixed(x, 0) : x >= 10 ? fixed(x, 1) : fixed(x, 2)) + "×";
  // a unit's name ends the statistic's name; scaled for people
  const SCALES = {
    pj: [[1e12, "J"], [1e9, "mJ"], [1e6, "µJ"], [1e3, "nJ"], [1, "pJ"]],
    bits: [[8 * 2 ** 30, "GiB"], [8 * 2 ** 20, "MiB"], [8 * 2 ** 10, "KiB"], [8, "B"], [1, "b"]],
    ns: [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]],
    cycles: [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]],
  };
  const scaled = (x, unit) => {
    const [by, name] = SCALES[unit].find(([s]) => Math.abs(x) >= s) || SCALES[unit].at(-1);
    return { by, name, text: fixed(x / by, x / by >= 100 || by === 1 ? 0 : 2) + (name ? " " + name : "") };
  };
  const unitOf = (name) => name.split("_").at(-1);

  function cell(tag, text, className) {
    const e = document.createElement(tag);
    e.textContent = text;
    if (className) e.className = className;
    return e;
  }
  function fillTable(table, columns, rows) {
    table.replaceChildren();
    const head = table.createTHead().insertRow();
    columns.forEach((c) => head.append(cell("th", c.head, c.text ? "text" : "")));
    const body = table.createTBody();
    rows.forEach((r) => {
      const tr = body.insertRow();
      if (r.is_total) tr.className = "total";
      columns.forEach((c) => tr.append(cell("td", c.value(r), c.text ? "text" : "")));
    });
  }

  // ---- charts ----
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
  const themeCharts = () => { Chart.defaults.color = css("--soft"); Chart.defaults.borderColor = css("--line"); };
  themeCharts();
  Chart.defaults.font.family = "system-ui, 'DejaVu Sans', sans-serif";
  Chart.defaults.plugins.legend.labels.boxWidth = 14;
  const charts = {};
  function draw(id, config) {
    if (charts[id]) charts[id].destroy();
    charts[id] = new Chart($(id), config);
  }

  // the real-valued bitlength as a tick across its bar
  const realTicks = {
    id: "realTicks",
    afterDatasetsDraw(chart) {
      const { ctx, scales } = chart;
      ctx.save();
      ctx.fillStyle = css("--ink");
      chart.data.datasets.forEach((set, i) => chart.getDatasetMeta(i).data.forEach((bar, k) => {
        if (!set.real[k] || !chart.isDatasetVisible(i)) return;
        const half = bar.width / 2 + 2;
        ctx.fillRect(bar.x - half, scales.y.getPixelForValue(set.real[k]) - 1.5, 2 * half, 3);
      }));
      ctx.restore();
    },
  };

  function drawBits() {
    const bars = (label, bits, real, color) => ({ label, data: D.bits.map((b) => b[bits]), real: D.bits.map((b) => b[real]), backgroundColor: color });
    draw("bits", {
      type: "bar",
      data: { labels: D.bits.map((b) => b.layer),
        datasets: [bars("weights", "weight_bits", "weight_n", COLORS[0]), bars("activations", "act_bits", "act_n", COLORS[1])] },
      options: {
        scales: { x: { grid: { display: false } }, y: { beginAtZero: true, title: { display: true, text: "bits" }, ticks: { precision: 0 } } },
        plugins: { tooltip: { callbacks: { label: (c) => `${c.dataset.label}: ${c.raw}` +
          (c.dataset.real[c.dataIndex] ? ` (learned ${fixed(c.dataset.real[c.dataIndex], 2)})` : "") } } },
      },
      plugins: [realTicks],
    });
  }

  function drawEpochs() {
    if (!D.metrics || !D.metrics.rows.length) { $("epochs-figure").remove(); return; }
    const col = (name) => { const i = D.metrics.columns.indexOf(name); return D.metrics.rows.map((r) => (i < 0 ? null : r[i])); };
    const phases = col("phase");
    const labels = phases.map((p, i) => `${p} ${col("epoch")[i]}`);
    const line = (label, data, color, axis, dash) => ({ label, data, yAxisID: axis, borderColor: color, backgroundColor: color,
      borderDash: dash || [], tension: 0.2, pointRadius: 3, spanGaps: false });
    const percent = (xs) => xs.map((x) => (x === null || Number.isNaN(+x) ? null : 100 * x));
    const positive = (xs) => xs.map((x) => (+x > 0 ? +x : null));
    const weight = positive(col("mean_weight_n")), act = positive(col("mean_act_n"));
    const datasets = [line("test accuracy", percent(col("test_accuracy_frac")), COLORS[2], "y"),
      line("training accuracy", percent(col("train_accuracy_frac")), COLORS[2], "y", [4, 4])];
    const has_bits = weight.concat(act).some((x) => x !== null);
    if (has_bits) datasets.push(line("mean weight bits", weight, COLORS[0], "bits"), line("mean activation bits", act, COLORS[1], "bits"));
    draw("epochs", {
      type: "line", data: { labels, datasets },
      options: { interaction: { mode: "index", intersect: false },
        plugins: { legend: { labels: { usePointStyle: true, pointStyle: "line", pointStyleWidth: 26 } } },
        scales: { x: { grid: { display: false } }, y: { title: { display: true, text: "accuracy, %" } },
          bits: { display: has_bits, position: "right", min: 0, grid: { drawOnChartArea: false }, title: { display: true, text: "mean bits" } } } },
    });
  }

  function drawMachines() {
    const names = D.results.map((r) => r.machine);
    const compare = (id, value, digits) => draw(id, {
      type: "bar",
      data: { labels: names, datasets: sets.map((s, i) => ({ label: s.label, data: s.results.map(value), backgroundColor: COLORS[i === 0 && sets.length > 1 ? 7 : 0] })) },
      options: { indexAxis: "y", scales: { x: { beginAtZero: true }, y: { grid: { display: false } } },
        plugins: { tooltip: { callbacks: { label: (c) => `${c.dataset.label}: ${fixed(c.raw, digits)}×` } } } },
    });
    compare("speedup", (r) => baseline.total.latency_ns / r.total.latency_ns, 2);
    compare("energy", (r) => r.total.energy_pj / baseline.total.energy_pj, 3);
    compare("traffic", (r) => r.total.dram_bits / baseline.total.dram_bits, 3);
    $("machines-note").textContent = `All figures are relative to ${baseline.machine} with ${sets[0].label}. ${D.normalization}`;
    const rows = D.results.flatMap((_, i) => sets.map((s) => ({ r: s.results[i], label: s.label })));
    fillTable($("machines-table"), [
      { head: "machine", value: (x) => x.r.machine, text: true },
      { head: "bits", value: (x) => x.label, text: true },
      { head: "cycles", value: (x) => integer(x.r.total.cycles) },
      { head: "latency", value: (x) => scaled(x.r.total.latency_ns, "ns").text },
      { head: "speedup", value: (x) => ratio(baseline.total.latency_ns / x.r.total.latency_ns) },
      { head: "utilization", value: (x) => fixed(100 * x.r.total.utilization, 1) + " %" },
      { head: "energy", value: (x) => scaled(x.r.total.energy_pj, "pj").text },
      { head: "energy ratio", value: (x) => ratio(baseline.total.energy_pj / x.r.total.energy_pj) },
      { head: "DRAM traffic", value: (x) => scaled(x.r.total.dram_bits, "bits").text },
      { head: "area, mm²", value: (x) => fixed(x.r.total.area_um2 / 1e6, 2) },
    ], rows);
  }

  // ---- one machine, layer by layer ----
  const GROUPS = ["cycles", "energy", "dram"];
  const totalOf = (group) => D.stats.find((s) => s.group === group && s.role === "total");
  const partsOf = (group) => D.stats.filter((s) => s.group === group && s.role === "part");

  function drawLayers() {
    const r = sets[+$("which").value].results[+$("machine").value];
    const group = $("group").value, total = totalOf(group), unit = unitOf(total.name);
    const largest = Math.max(...r.layers.map((l) => l[total.name]));
    const scale = scaled(largest, unit);
    const parts = partsOf(group).filter((p) => r.layers.some((l) => l[p.name] > 0));
    $("layers-caption").textContent = `${total.label} of ${r.machine}, ${sets[+$("which").value].label}` +
      `; the parts of a bar sum to the layer's total`;
    draw("layers", {
      type: "bar",
      data: { labels: r.layers.map((l) => l.layer), datasets: parts.map((p, i) => ({ label: p.label,
        data: r.layers.map((l) => l[p.name] / scale.by), backgroundColor: COLORS[i % COLORS.length] })) },
      options: { interaction: { mode: "index", intersect: false },
        scales: { x: { stacked: true, grid: { display: false } },
          y: { stacked: true, title: { display: true, text: unit === "cycles" ? scale.name + " cycles" : scale.name } } },
        plugins: { tooltip: { callbacks: { label: (c) => `${c.dataset.label}: ${scaled(c.raw * scale.by, unit).text}` } } } },
    });
    const show = (x) => (unit === "cycles" ? integer(x) : scaled(x, unit).text);
    fillTable($("layers-table"), [
      { head: "layer", value: (l) => l.layer || "all", text: true },
      { head: "type", value: (l) => l.type || "", text: true },
      { head: "MACs", value: (l) => integer(l.macs) },
      { head: "W bits", value: (l) => l.weight_bits ?? "" },
      { head: "A bits", value: (l) => l.act_bits ?? "" },
      { head: "utilization", value: (l) => fixed(100 * l.utilization, 1) + " %" },
      { head: total.label, value: (l) => show(l[total.name]) },
      ...parts.map((p) => ({ head: p.label, value: (l) => show(l[p.name]) })),
    ], [...r.layers, { ...r.total, is_total: true }]);
    $("parts-note").textContent = parts.filter((p) => p.doc).map((p) => `${p.label}: ${p.doc}`).join("; ") + ".";
  }

  // ---- roofline: layers between what DRAM feeds and what the array can do at their bits ----
  function drawRoofline() {
    const k = +$("machine").value, has = D.results[k].layers.some((l) => l.macs_per_byte);
    $("roofline-section").hidden = !has;
    if (!has) return;
    const all = sets.flatMap((s) => s.results[k].layers).filter((l) => l.macs_per_byte);
    const lo = Math.min(...all.map((l) => l.macs_per_byte)) / 2, hi = Math.max(...all.map((l) => Math.max(l.macs_per_byte, l.ridge_macs_per_byte))) * 2;
    const datasets = [];
    sets.forEach((s, i) => {
      const layers = s.results[k].layers.filter((l) => l.macs_per_byte), color = COLORS[i === 0 && sets.length > 1 ? 7 : 0];
      datasets.push({ label: s.label, data: layers.map((l) => ({ x: l.macs_per_byte, y: l.macs_per_cycle, layer: l })), backgroundColor: color, borderColor: color,
        pointStyle: i ? "rectRot" : "circle", pointRadius: 6 });
      const peaks = [...new Map(layers.map((l) => [l.peak_macs_per_cycle, l])).values()].sort((a, b) => b.peak_macs_per_cycle - a.peak_macs_per_cycle);
      peaks.forEach((l) => datasets.push({ type: "line", label: `roof ${l.weight_bits}/${l.act_bits}`, isRoof: true, pointRadius: 0, borderWidth: 1.5, borderColor: color, borderDash: i ? [] : [5, 4],
        data: [{ x: lo, y: l.peak_macs_per_cycle * lo / l.ridge_macs_per_byte }, { x: l.ridge_macs_per_byte, y: l.peak_macs_per_cycle }, { x: hi, y: l.peak_macs_per_cycle }] }));
    });
    const bound = (s) => s.results[k].layers.filter((l) => l.is_memory_bound).map((l) => l.layer);
    $("roofline-note").textContent = sets.map((s) => `With ${s.label} ${bound(s).length} of ${s.results[k].layers.length} layers of ${s.results[k].machine} are memory-bound` + (bound(s).length ? `: ${bound(s).join(", ")}` : "")).join(". ") + ".";
    $("roofline-caption").textContent = `${D.results[k].machine}: the slope is DRAM's bandwidth, the level the array's peak at a layer's bits (weights/activations)`;
    draw("roofline", { type: "scatter", data: { datasets },
      options: { scales: { x: { type: "logarithmic", min: lo, max: hi, title: { display: true, text: "MACs per byte of DRAM traffic" } }, y: { type: "logarithmic", title: { display: true, text: "MACs per cycle" } } },
        plugins: { legend: { labels: { usePointStyle: true, filter: (item, data) => !data.datasets[item.datasetIndex].isRoof } },
          tooltip: { filter: (c) => !c.dataset.isRoof, callbacks: { label: (c) => `${c.raw.layer.layer} ${c.raw.layer.weight_bits}/${c.raw.layer.act_bits} b: ${fixed(c.raw.x, 1)} MACs/byte, ${fixed(c.raw.y, 1)} MACs/cycle, bound by ${c.raw.layer.is_memory_bound ? "memory" : "the array"}` } } } } });
  }

  function options(select, texts, chosen) {
    texts.forEach((t, i) => select.add(new Option(t[0], t[1], false, i === chosen)));
    select.addEventListener("change", () => { drawLayers(); drawRoofline(); });
  }

  // ---- head, cards, foot ----
  function card(value, text) {
    const e = cell("div", "", "card");
    e.append(cell("b", value), cell("span", text));
    $("cards").append(e);
  }
  function drawHeadline() {
    document.title = D.title;
    $("title").textContent = D.title;
    $("subtitle").textContent = D.subtitle;
    $("footer").textContent = D.provenance;
  }
  function drawHead() {
    const mean = (key) => D.bits.reduce((s, b) => s + b[key], 0) / D.bits.length;
    const s = D.summary || {};
    if (s.final_accuracy_frac !== undefined) card(fixed(100 * s.final_accuracy_frac, 2) + " %", "test accuracy with integer bits");
    card(`${fixed(mean("weight_bits"), 2)} / ${fixed(mean("act_bits"), 2)}`, "mean bits per layer, weights / activations");
    const learned = sets.at(-1).results;
    const fastest = learned.reduce((a, b) => (b.total.latency_ns < a.total.latency_ns ? b : a));
    card(ratio(baseline.total.latency_ns / fastest.total.latency_ns), `speedup of ${fastest.machine}, the fastest`);
    const leanest = learned.reduce((a, b) => (b.total.energy_pj < a.total.energy_pj ? b : a));
    card(ratio(baseline.total.energy_pj / leanest.total.energy_pj), `less energy on ${leanest.machine}, the leanest`);
    const lightest = learned.reduce((a, b) => (b.total.dram_bits < a.total.dram_bits ? b : a));
    card(ratio(baseline.total.dram_bits / lightest.total.dram_bits), `less DRAM traffic on ${lightest.machine}`);
  }

  // the results of a run as points: machines and sets of bits are the axes
  function pointsOfRun() {
    const rows = sets.flatMap((s, k) => s.results.map((r, m) => ({ r, k, m })));
    const column = (name, label) => ({ name, label, values: rows.map((x) => x.r.total[name]) });
    const names = ["latency_ns", "area_um2", "edp_pj_ns", "utilization"];
    const labels = ["latency", "area", "energy × delay", "utilization"];
    const extra = D.stats.filter((s) => s.role === "total" || s.role === "part");
    return { name: D.title, n: rows.length,
      axes: [{ key: "machine", values: D.results.map((r) => r.machine), raw: rows.map((x) => x.m) }, { key: "bits", values: sets.map((s) => s.label), raw: rows.map((x) => x.k) }],
      columns: [...names.map((n, i) => column(n, labels[i])), ...extra.map((s) => column(s.name, s.label))],
      layersOf: (i) => rows[i].r.layers };
  }

  drawHeadline();
  const explorer = explorePoints(D.points || pointsOfRun(), { $, css, COLORS, cell, scaled, unitOf, stats: D.stats, draw });
  let drawRun = () => {};
  if (D.results) {
    $("layers-section").before($("explorer"));
    drawHead();
    const best = sets.at(-1).results.reduce((a, r, i, all) => (r.total.latency_ns < all[a].total.latency_ns ? i : a), 0);
    options($("machine"), D.results.map((r, i) => [r.machine, i]), best);
    options($("which"), sets.map((s, i) => [s.label, i]), sets.length - 1);
    options($("group"), GROUPS.map((g) => [totalOf(g).label, g]), 0);
    if (D.timeline) { $("timeline").hidden = false; $("timeline-link").href = D.timeline; }
    drawRun = () => { drawBits(); drawEpochs(); drawMachines(); drawLayers(); drawRoofline(); };
    drawRun();
  } else {
    for (const id of ["learning", "machines-section", "layers-section", "roofline-section", "cards"]) $(id).hidden = true;
  }

  // ---- light, dark, print ----
  function redraw() { themeCharts(); drawRun(); if (explorer) explorer.refresh(); }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  const theme = (name) => { if (name) document.documentElement.dataset.theme = name; else delete document.documentElement.dataset.theme; redraw(); };
  $("theme").addEventListener("click", () => theme((document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")) === "dark" ? "light" : "dark"));
  let before;
  addEventListener("beforeprint", () => { before = document.documentElement.dataset.theme; theme("light"); });
  addEventListener("afterprint", () => theme(before));
  document.body.dataset.charts = Object.keys(charts).length;
  document.body.dataset.ready = Math.round(performance.now());
  window.pareReport = { explorer };
})();
