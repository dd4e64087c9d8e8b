// A run, or several beside each other: curves, spreads, what is confused, pictures, and what was written on the way.

const data = JSON.parse(document.getElementById("data").textContent);
const COLOURS = ["#2f86cb", "#b3610a", "#6334b5", "#006e52", "#b80f2a", "#8a6d00", "#a0368a", "#59636e"];
const few = (x) => (x === null || !Number.isFinite(x) ? "not finite" : Math.abs(x) >= 1e5 || (x && Math.abs(x) < 1e-3) ? x.toExponential(2) : String(+x.toPrecision(4)));
const whole = (x) => x.toLocaleString("en-US");
const state = { smoothing: 0.6, log: false };
const drawn = []; // what is drawn anew when a control is moved

// An exponential mean that starts without a bias: the weights of what has been seen add up to one.
function smooth(values, share) {
  let total = 0, weight = 0;
  return values.map((v) => {
    if (v === null) return null;
    total = share * total + (1 - share) * v;
    weight = share * weight + (1 - share);
    return total / weight;
  });
}

const FEW = 30; // points that need no smoothing
const SPLITS = ["train", "test"]; // which come first
const WIDTH = 380, HEIGHT = 200, LEFT = 56, BOTTOM = 24, TOP = 8;

function scale(low, high, from, to, log) {
  const f = log ? Math.log10 : (v) => v, a = f(low), b = f(high);
  return (v) => (b > a ? from + ((f(v) - a) / (b - a)) * (to - from) : (from + to) / 2);
}

function ticks(low, high, log) {
  if (low === high) return [low];
  if (log) {
    const exponents = [];
    for (let e = Math.ceil(Math.log10(low)); e <= Math.floor(Math.log10(high)); e++) exponents.push(10 ** e);
    return exponents.length > 1 ? exponents : [low, high];
  }
  const span = high - low || 1, step = 10 ** Math.floor(Math.log10(span / 3)), size = [1, 2, 5, 10].find((n) => span / (n * step) <= 4.5) * step;
  const marks = [];
  for (let v = Math.ceil(low / size) * size; v <= high + size * 1e-9; v += size) marks.push(+v.toPrecision(12));
  return marks;
}

function line(steps, values, x, y, usable) {
  let d = "", pen = "M";
  steps.forEach((s, i) => {
    if (!usable(values[i])) { pen = "M"; return; }
    d += `${pen}${x(s).toFixed(1)} ${y(values[i]).toFixed(1)}`;
    pen = "L";
  });
  return d;
}

const told = (s, values, at) => (s.band ? `${few(s.band[0][at])} … ${few(s.band[1][at])}` : few(values[at]));

// series: {label, steps, values, colour, band: [low values, high values] or none}
function chart(title, series, options = {}) {
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": title });
  const keys = html("ul", { class: "keys" });
  let place = null;
  function draw() {
    const log = state.log && options.log && series.every((s) => s.values.every((v) => v === null || v > 0));
    const usable = (v) => v !== null && v !== undefined && (!log || v > 0);
    const shown = series.map((s) => (options.smooth && s.values.length > FEW ? smooth(s.values, state.smoothing) : s.values));
    const all = series.flatMap((s, i) => [...s.values, ...shown[i], ...(s.band ? s.band.flat() : [])]).filter(usable);
    const steps = series.flatMap((s) => s.steps);
    const [low, high] = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
    const last = steps.reduce((a, b) => Math.max(a, b), 1);
    const x = scale(0, last, LEFT, WIDTH - 8, false), y = scale(low, high, HEIGHT - BOTTOM, TOP, log);
    const parts = ticks(low, high, log).flatMap((v) => [
      svg("line", { x1: LEFT, x2: WIDTH - 8, y1: y(v), y2: y(v), class: "rule" }),
      svg("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, few(v)),
    ]);
    for (const v of ticks(0, last, false)) parts.push(svg("text", { x: x(v), y: HEIGHT - 8, "text-anchor": "middle" }, v >= 1000 ? `${+(v / 1000).toPrecision(3)}k` : String(v)));
    series.forEach((s, i) => {
      if (s.band) {
        const up = line(s.steps, s.band[1], x, y, usable), down = line([...s.steps].reverse(), [...s.band[0]].reverse(), x, y, usable);
        if (up && down) parts.push(svg("path", { d: `${up}L${down.slice(1)}Z`, class: "band", fill: s.colour }));
      }
      if (options.smooth) parts.push(svg("path", { d: line(s.steps, s.values, x, y, usable), class: "raw", stroke: s.colour }));
      parts.push(svg("path", { d: line(s.steps, shown[i], x, y, usable), class: "curve", stroke: s.colour }));
      if (s.steps.length === 1 && usable(s.values[0])) parts.push(svg("circle", { cx: x(s.steps[0]), cy: y(s.values[0]), r: 3, fill: s.colour }));
      s.values.forEach((v, j) => v === null && parts.push(svg("circle", { cx: x(s.steps[j]), cy: TOP + 4, r: 4, class: "gone" }, svg("title", {}, `not finite at step ${s.steps[j]}`))));
    });
    if (place !== null) parts.push(svg("line", { x1: x(place), x2: x(place), y1: TOP, y2: HEIGHT - BOTTOM, class: "cross" }));
    picture.replaceChildren(...parts);
    const at = place ?? last;
    keys.replaceChildren(...series.map((s, i) => {
      const near = s.steps.reduce((best, step, j) => (Math.abs(step - at) < Math.abs(s.steps[best] - at) ? j : best), 0);
      return html("li", {}, html("i", { style: `background:${s.colour}` }), `${s.label} `, html("b", {}, s.steps.length ? told(s, shown[i], near) : ""), place === null ? "" : ` at ${whole(s.steps[near])}`);
    }));
    picture.onpointermove = (event) => {
      const box = picture.getBoundingClientRect();
      const share = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - 8 - LEFT);
      place = Math.round(Math.min(1, Math.max(0, share)) * last);
      draw();
    };
    picture.onpointerleave = () => { place = null; draw(); };
  }
  drawn.push(draw);
  draw();
  return html("div", { class: "card" }, html("h3", {}, title), picture, keys);
}

function section(title, note, ...parts) {
  return html("section", { id: title.replaceAll(" ", "-") }, html("h2", {}, title), note && html("p", { class: "note" }, note), ...parts);
}

// The curves: of one run each split has a colour, of several each run.

function curves() {
  const several = data.runs.length > 1, names = [...new Set(data.runs.flatMap((run) => Object.keys(run.curves)))];
  const grouped = several ? names.map((n) => [n, [n]]) : Object.entries(Object.groupBy(names, (n) => n.slice(n.indexOf(" ") + 1)));
  const place = (name) => (SPLITS.indexOf(name.slice(0, name.indexOf(" "))) + SPLITS.length + 1) % (SPLITS.length + 1);
  return grouped.map(([title, unsorted]) => {
    const members = [...unsorted].sort((a, b) => place(a) - place(b));
    const series = members.flatMap((name) => data.runs.map((run, i) => run.curves[name] && {
      label: several ? run.name : name.slice(0, name.indexOf(" ")), steps: run.curves[name][0], values: run.curves[name][1],
      colour: COLOURS[(several ? i : members.indexOf(name)) % COLOURS.length],
    }));
    return chart(title, series.filter(Boolean), { smooth: true, log: true });
  });
}

function spreads(kind) { // quantiles of the numbers of each parameter: 0, 5, 25, 50, 75, 95, 100 %
  return Object.entries(data.spreads[kind] ?? {}).map(([name, [steps, rows]]) => {
    const column = (i) => rows.map((row) => row[i]);
    return chart(name, [
      { label: "all", steps, values: column(3), band: [column(0), column(6)], colour: COLOURS[0] },
      { label: "nine in ten", steps, values: column(3), band: [column(1), column(5)], colour: COLOURS[0] },
      { label: "half", steps, values: column(3), band: [column(2), column(4)], colour: COLOURS[2] },
      { label: "median", steps, values: column(3), colour: COLOURS[2] },
    ]);
  });
}

function confusion() {
  const { counts, classes } = data.confusion, sums = counts.map((row) => row.reduce((a, b) => a + b, 0) || 1);
  const cell = (n, i, j) => {
    const share = Math.sqrt(n / sums[i]);
    const style = n ? `background:color-mix(in srgb, var(${i === j ? "--variable" : "--bad"}) ${Math.round(share * 85)}%, transparent)${share > 0.7 ? ";color:#fff" : ""}` : "";
    return html("td", { style, title: `${n} of ${sums[i]}: ${classes[i]}, taken for ${classes[j]}` }, n ? whole(n) : "");
  };
  const head = html("tr", {}, html("th", {}, "is \\ taken for"), ...classes.map((c) => html("th", { scope: "col" }, c)));
  const rows = counts.map((row, i) => html("tr", {}, html("th", { scope: "row" }, classes[i]), ...row.map((n, j) => cell(n, i, j))));
  return html("div", { class: "card scroll" }, html("table", { class: "confusion" }, head, ...rows));
}

function pictures(list) {
  return html("div", { class: "pictures" }, ...list.map((item) => {
    const [height, width] = data.pictures.size, bytes = Uint8Array.from(atob(item.pixels), (c) => c.charCodeAt(0));
    const canvas = html("canvas", { width, height, role: "img", "aria-label": `${item.is}, taken for ${item.taken}` }), paper = canvas.getContext("2d"), image = paper.createImageData(width, height);
    bytes.forEach((b, i) => image.data.set([255 - b, 255 - b, 255 - b, 255], 4 * i));
    paper.putImageData(image, 0, 0);
    return html("figure", { class: item.is === item.taken ? "right" : "wrong" }, canvas, html("figcaption", {}, item.is === item.taken ? item.is : `${item.is} as ${item.taken}`, html("br"), `${Math.round(item.sure * 100)} %`));
  }));
}

function samples() {
  const text = html("pre", {}), said = html("h3", {});
  const show = (i) => {
    said.textContent = `after ${whole(data.samples[i].step)} steps`;
    text.textContent = data.samples[i].text;
  };
  const slider = html("input", { type: "range", min: 0, max: data.samples.length - 1, value: data.samples.length - 1, "aria-label": "which sample", oninput: (event) => show(+event.target.value) });
  show(data.samples.length - 1);
  return html("div", { class: "card samples" }, said, data.samples.length > 1 && slider, text);
}

function table() {
  const names = [...new Set(data.runs.flatMap((run) => Object.keys(run.curves)))];
  const row = (run) => html("tr", {}, html("td", {}, run.name), html("td", {}, run.step), ...names.map((n) => html("td", {}, run.curves[n] ? few(run.curves[n][1].at(-1)) : "–")));
  const head = html("tr", {}, html("th", {}, "run"), html("th", {}, "step"), ...names.map((n) => html("th", {}, n)));
  return html("div", { class: "card scroll" }, html("table", { class: "runs" }, head, ...data.runs.map(row)));
}

const report = document.getElementById("report");
const charts = (found, small = true) => html("div", { class: small ? "charts small" : "charts" }, ...found);
document.getElementById("summary").textContent = data.summary;
if (data.runs.length > 1) report.append(section("runs", null, table()));
report.append(section("curves", "The thin line is what was measured, the thick one its running mean. Point at a curve to read it.", charts(curves(), false)));
if (data.rates && Object.keys(data.rates).length) report.append(section("learning rate", null, charts(Object.entries(data.rates).map(([name, [steps, values]], i) => chart(name, [{ label: "rate", steps, values, colour: COLOURS[i % COLOURS.length] }], { log: true })))));
if (data.confusion) report.append(section("confusion", "How often each class was taken for which.", confusion()));
if (data.pictures?.worst.length) report.append(section("worst mistakes", "Those with the largest loss, and how sure the network was of its answer.", pictures(data.pictures.worst)));
if (data.pictures?.right.length) report.append(section("examples", "Images that it reads, the least certain first.", pictures(data.pictures.right)));
if (data.samples?.length) report.append(section("samples", "What the model wrote on the way.", samples()));
if (data.dead && Object.keys(data.dead).length) report.append(section("dead units", "The share of the units of a layer that gave 0 for all examples of a batch.", charts(Object.entries(data.dead).map(([name, [steps, values]]) => chart(name, [{ label: "dead", steps, values, colour: COLOURS[4] }])))));
for (const [kind, title, note] of [["weight", "weights", "How the numbers of each parameter are spread: all of them, nine in ten, half, and their median."], ["gradient", "gradients", "Likewise of the gradients of one step."]])
  if (data.spreads?.[kind] && Object.keys(data.spreads[kind]).length) report.append(section(title, note, charts(spreads(kind))));
if (data.settings) report.append(section("settings", null, html("pre", {}, data.settings)));

const redraw = () => drawn.forEach((draw) => draw());
document.getElementById("smoothing").addEventListener("input", (event) => { state.smoothing = +event.target.value; redraw(); });
document.getElementById("logarithmic").addEventListener("change", (event) => { state.log = event.target.checked; redraw(); });
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = (on) => { document.documentElement.dataset.theme = on ? "dark" : "light"; };
paint(dark.matches);
document.getElementById("theme").addEventListener("click", () => paint(document.documentElement.dataset.theme !== "dark"));
if (data.refresh) setTimeout(() => location.reload(), data.refresh * 1000);
document.documentElement.dataset.ready = "";
