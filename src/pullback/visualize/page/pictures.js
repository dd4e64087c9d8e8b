// Numbers as text, and arrays as pictures: heat maps, histograms, lines over time.

function fmt(x, digits = 5) {
  if (x === null || x === undefined) return "";
  if (x !== x) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  let text = size >= 1e6 || size < 1e-4 ? x.toExponential(digits - 2).replace(/\.?0+e/, "e") : String(+x.toPrecision(digits));
  const [mantissa, exponent] = text.split("e");
  if (exponent) text = `${mantissa}·10${[...exponent.replace("+", "")].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("")}`;
  return text.replaceAll("-", "−");
}

const exact = (x) => String(x).replaceAll("-", "−"); // all digits that there are

const isNumber = (array) => array instanceof Arr && array.size === 1;
const shapeText = (shape) => (shape.length ? shape.join(" × ") : "number");

function rangeOf(array) {
  if (!(array instanceof Arr)) return array && [array.low, array.high];
  let low = Infinity, high = -Infinity;
  for (const x of array.data) if (Number.isFinite(x)) { low = Math.min(low, x); high = Math.max(high, x); }
  return low > high ? [0, 0] : [low, high];
}

function brief(array) { // a number, or how far an array's numbers reach
  if (!array) return "";
  if (array.text) return array.text; // of complex numbers
  if (isNumber(array)) return array.dtype === "?" ? (array.at() ? "true" : "false") : fmt(array.at());
  if (array instanceof Arr && array.size === 0) return "empty";
  if (array instanceof Arr && array.ndim === 1 && array.size <= 3) return `[${[...array.data].map((x) => fmt(x, 3)).join(", ")}]`;
  const [low, high] = rangeOf(array);
  return low === high ? `all ${fmt(low, 3)}` : `${fmt(low, 3)} … ${fmt(high, 3)}`;
}

// How far the numbers of an array are from 0, where there is no room for more.
function reach(array) {
  if (array.size === 0) return "empty";
  const most = Math.max(...rangeOf(array).map(Math.abs));
  if (array.text) return `|z| ≤ ${fmt(most, 3)}`;
  return bad(array) ? "NaN" : `±${fmt(most, 3)}`;
}

// Blue below 0, orange above, the page's own ground at 0: told apart by people who see fewer colours, too.
function colourOf(x, most, dark) {
  if (x !== x || Math.abs(x) === Infinity) return dark ? [255, 77, 94] : [217, 28, 52];
  const ground = dark ? [30, 36, 46] : [247, 247, 245], end = x < 0 ? (dark ? [88, 166, 255] : [23, 92, 165]) : (dark ? [255, 166, 77] : [184, 84, 8]);
  const part = most ? Math.min(Math.abs(x) / most, 1) ** 0.8 : 0;
  return ground.map((g, i) => Math.round(g + (end[i] - g) * part));
}

const matrixOf = (array) => {
  const shown = array instanceof Arr ? array : array.seen;
  const columns = shown.ndim ? shown.shape[shown.ndim - 1] : 1;
  return { data: shown.data, columns: Math.max(columns, 1), rows: Math.max(Math.round(shown.size / Math.max(columns, 1)), 1) };
};

const drawnMaps = new Map(); // pictures by array, which never change
const scratch = document.createElement("canvas");

function heatMap(array, dark, most = null) { // a data URL: one pixel an element
  const kept = drawnMaps.get(array);
  if (kept && kept.dark === dark && kept.most === most) return kept.url;
  const { data, rows, columns } = matrixOf(array);
  scratch.width = columns;
  scratch.height = rows;
  const [low, high] = rangeOf(array), scale = most ?? Math.max(Math.abs(low), Math.abs(high));
  const context = scratch.getContext("2d"), image = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) image.data.set([...colourOf(data[i] ?? 0, scale, dark), 255], 4 * i);
  context.putImageData(image, 0, 0);
  const url = scratch.toDataURL();
  if (drawnMaps.size > 4000) drawnMaps.clear();
  drawnMaps.set(array, { dark, most, url });
  return url;
}

const part = (x, low, high) => high > low ? (x / 2 - low / 2) / (high / 2 - low / 2) : 0; // from 0 to 1; halves do not run over

function histogram(array, bins = 24) {
  if (!(array instanceof Arr)) return { counts: array.counts, low: array.low, high: array.high };
  const [low, high] = rangeOf(array), counts = new Array(bins).fill(0);
  const [from, to] = high > low ? [low, high] : [low - 0.5, low + 0.5];
  for (const x of array.data) if (Number.isFinite(x)) counts[Math.min(bins - 1, Math.floor(part(x, from, to) * bins))] += 1;
  return { counts, low, high };
}

function histogramPicture(array) {
  const { counts, low, high } = histogram(array), most = Math.max(...counts, 1);
  const bars = counts.map((n, i) => svg("rect", { x: i * 10 + 0.5, y: 40 - (38 * n) / most, width: 9, height: (38 * n) / most, rx: 1 }));
  const picture = svg("svg", { viewBox: "0 0 240 42", class: "histogram", role: "img", "aria-label": `histogram from ${fmt(low)} to ${fmt(high)}` }, ...bars);
  return html("div", {}, picture, html("div", { class: "ends" }, html("span", {}, fmt(low, 4)), html("span", {}, fmt(high, 4))));
}

function lineOverTime(series, now, label) { // a value at each run, and a mark at the one that is shown; a gap where it is not finite
  const width = 240, height = 54, known = series.filter(Number.isFinite), low = Math.min(...known), high = Math.max(...known);
  const x = (i) => 6 + (i * (width - 12)) / Math.max(series.length - 1, 1), y = (v) => height - 8 - part(v, low, high) * (height - 16);
  const marks = series.map((v, i) => [v, i]).filter(([v]) => Number.isFinite(v));
  const path = marks.map(([v, i]) => `${Number.isFinite(series[i - 1]) ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  return svg(
    "svg", { viewBox: `0 0 ${width} ${height}`, class: "overtime", role: "img", "aria-label": `${label}: ${series.map((v) => fmt(v, 4)).join(", ")}` },
    svg("path", { d: path }), ...marks.map(([v, i]) => svg("circle", { cx: x(i), cy: y(v), r: i === now ? 4 : 2, class: i === now ? "now" : "" })),
  );
}
