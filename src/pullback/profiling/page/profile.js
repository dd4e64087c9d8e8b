// Where the time went: events within each other, tables, memory, and how near the machine's limits kernels come.

const data = JSON.parse(document.getElementById("data").textContent);
const root = document.getElementById("profile");
const COLOURS = { operation: "--variable", backward: "--derivative", forward: "--derivative", kernel: "--operation", module: "--line", walk: "--derivative-fill", call: "--operation-fill", step: "--update" };
const ROW = 20, NAME = 0, KIND = 1, BEGIN = 2, TOOK = 3, DEPTH = 4, THREAD = 5, LINE = 6;
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();

function time(ns) {
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) if (ns >= size) return `${+(ns / size).toPrecision(3)} ${unit}`;
  return `${Math.round(ns)} ns`;
}

function bytes(n) {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (n >= size) return `${+(n / size).toPrecision(3)} ${unit}`;
  return `${n} B`;
}

const section = (title, ...parts) => root.append(html("section", {}, html("h2", {}, title), ...parts));
const few = (x) => (x >= 1e9 ? `${+(x / 1e9).toPrecision(3)} G` : x >= 1e6 ? `${+(x / 1e6).toPrecision(3)} M` : String(+x.toPrecision(3)));

// Events: each thread has rows as deep as its events lie within each other.
function drawEvents() {
  const events = data.events;
  const end = Math.max(...events.map((e) => e[BEGIN] + e[TOOK]), 1);
  const deep = [];
  for (const e of events) deep[e[THREAD]] = Math.max(deep[e[THREAD]] || 0, e[DEPTH] + 1);
  const tops = deep.map((_, i) => deep.slice(0, i).reduce((a, b) => a + b + 1, 0));
  const rows = deep.reduce((a, b) => a + b + 1, 0);
  const canvas = html("canvas", { role: "img", "aria-label": "events in time", tabindex: "0" });
  const told = html("div", { class: "told" }, "point at an event; drag to move, + and − or the wheel with Ctrl to zoom");
  const view = { from: 0, to: end };
  let width = 0;
  function draw() {
    const scale = window.devicePixelRatio || 1, pen = canvas.getContext("2d");
    width = canvas.clientWidth;
    canvas.width = width * scale;
    canvas.height = rows * ROW * scale;
    canvas.style.height = `${rows * ROW}px`;
    pen.scale(scale, scale);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    for (const e of events) {
      const x = ((e[BEGIN] - view.from) / (view.to - view.from)) * width, w = (e[TOOK] / (view.to - view.from)) * width;
      if (x > width || x + w < 0) continue;
      const y = (tops[e[THREAD]] + e[DEPTH]) * ROW;
      pen.fillStyle = colour(COLOURS[data.kinds[e[KIND]]] || "--constant");
      pen.fillRect(x, y, Math.max(w - 0.5, 0.5), ROW - 2);
      const left = Math.max(x, 0), room = Math.min(x + w, width) - left;
      if (room > 40) {
        pen.save();
        pen.beginPath();
        pen.rect(left, y, room - 3, ROW);
        pen.clip();
        pen.fillStyle = ["--line", "--derivative-fill", "--operation-fill"].includes(COLOURS[data.kinds[e[KIND]]]) ? colour("--ink") : "#fff";
        pen.fillText(data.names[e[NAME]], left + 4, y + ROW / 2 - 1);
        pen.restore();
      }
    }
  }
  function at(event) {
    const box = canvas.getBoundingClientRect();
    const t = view.from + ((event.clientX - box.left) / width) * (view.to - view.from), row = Math.floor((event.clientY - box.top) / ROW);
    return [t, events.find((e) => tops[e[THREAD]] + e[DEPTH] === row && e[BEGIN] <= t && t <= e[BEGIN] + e[TOOK])];
  }
  function zoom(centre, factor) {
    const from = centre - (centre - view.from) * factor, to = centre + (view.to - centre) * factor;
    if (to - from < 100) return;
    view.from = Math.max(from, 0);
    view.to = Math.min(Math.max(to, view.from + 100), end);
    draw();
  }
  let held = null;
  canvas.addEventListener("pointerdown", (e) => { held = [e.clientX, view.from, view.to]; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => { held = null; });
  canvas.addEventListener("pointermove", (e) => {
    if (held) {
      const span = held[2] - held[1], by = ((held[0] - e.clientX) / width) * span;
      view.from = Math.min(Math.max(held[1] + by, 0), Math.max(end - span, 0));
      view.to = view.from + span;
      draw();
      return;
    }
    const found = at(e)[1];
    if (found) told.textContent = `${data.names[found[NAME]]}: ${time(found[TOOK])}, from ${time(found[BEGIN])}${found[LINE] >= 0 ? `; ${data.lines[found[LINE]]}` : ""}`;
  });
  canvas.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    zoom(at(e)[0], e.deltaY > 0 ? 1.25 : 0.8);
  }, { passive: false });
  const middle = () => (view.from + view.to) / 2;
  canvas.addEventListener("keydown", (e) => { if (e.key === "+") zoom(middle(), 0.6); if (e.key === "-") zoom(middle(), 1.6); });
  const buttons = [["+", 0.6], ["−", 1.6]].map(([name, factor]) => html("button", { onclick: () => zoom(middle(), factor), "aria-label": factor < 1 ? "zoom in" : "zoom out" }, name));
  const left = data.left ? html("div", { class: "note" }, `${data.left} later events are not drawn; the tables have them`) : null;
  section("Events in time", html("div", {}, ...buttons, " ", html("button", { onclick: () => zoom(middle(), 1e9) }, "all")), told, canvas, left);
  draw();
  window.addEventListener("resize", draw);
}

function drawTable(table) {
  const code = table.columns.indexOf("code");
  const head = html("tr", {}, table.columns.map((c) => html("th", {}, c)));
  const rows = table.rows.map((cells, i) => html("tr", {}, cells.map((cell, j) => html("td", j === 0
    ? { class: "bar", style: `background-size: ${(100 * table.shares[i]).toFixed(1)}% 100%` } : { class: j === code ? "code" : null }, cell))));
  section(table.title, html("table", {}, head, ...rows), table.note ? html("div", { class: "note" }, table.note) : null);
}

function drawMemory() {
  if (data.memory.length < 2) return;
  const W = 760, H = 160, last = data.memory[data.memory.length - 1][0] || 1, most = Math.max(...data.memory.map((m) => m[1]), 1);
  let path = "", height = null;
  for (const [t, size] of data.memory) {
    const x = ((t / last) * (W - 10)).toFixed(1), y = (H - 20 - (size / most) * (H - 40)).toFixed(1);
    path += height === null ? `M${x} ${y}` : `L${x} ${height}L${x} ${y}`;
    height = y;
  }
  section(`Memory of results: up to ${bytes(most)}`, svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "chart", role: "img", "aria-label": "memory over time" },
    svg("path", { d: path, class: "curve" }), svg("text", { x: 4, y: 14 }, bytes(most)), svg("text", { x: W - 60, y: H - 4 }, time(last))));
}

// The roofline: operations a second over operations a byte; below the slope memory is the limit, below the roof the cores.
function drawRoof() {
  if (!data.points.length) return;
  const W = 760, H = 300, peak = data.roof.flops, fast = data.roof.levels[0][1], slow = data.roof.levels[data.roof.levels.length - 1][1];
  const xs = data.points.map((p) => p[1]).concat([peak / slow]), ys = data.points.map((p) => p[2]).concat([peak]);
  const low = Math.min(...xs) / 2, high = Math.max(...xs) * 4, bottom = Math.min(...ys) / 2, top = Math.max(...ys) * 2;
  const x = (v) => 10 + (Math.log(v / low) / Math.log(high / low)) * (W - 20), y = (v) => H - 30 - (Math.log(v / bottom) / Math.log(top / bottom)) * (H - 50);
  const roof = (speed) => `M${x(low)} ${y(Math.max(low * speed, bottom))}L${x(peak / speed)} ${y(peak)}L${x(high)} ${y(peak)}`;
  const dots = data.points.map(([name, intensity, speed, seconds]) => svg("circle", { cx: x(intensity), cy: y(speed), r: 5, class: "dot" },
    svg("title", {}, `${name}: ${few(speed)}flop/s, ${+intensity.toPrecision(3)} operations a byte, ${time(seconds * 1e9)} in all`)));
  section("Roofline", svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "chart", role: "img", "aria-label": "roofline" },
    svg("path", { d: roof(fast), class: "roof" }), svg("path", { d: roof(slow), class: "roof", "stroke-dasharray": "5 4" }), ...dots,
    svg("text", { x: W - 150, y: y(peak) - 6 }, `${few(peak)}flop/s`), svg("text", { x: 10, y: H - 6 }, "operations a byte →"), svg("text", { x: 10, y: 14 }, "operations a second ↑")),
  html("div", { class: "note" }, `measured on this machine: the line with memory near the cores (${few(fast)}B/s), the dashes with main memory (${few(slow)}B/s)`));
}

if (data.events.length) drawEvents();
data.tables.forEach(drawTable);
drawMemory();
drawRoof();
document.getElementById("summary").textContent = `${data.events.length + data.left} events`;
