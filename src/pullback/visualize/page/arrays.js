// Arrays: numbers in row-major order, a shape, and a dtype whose precision results are rounded to.
// dtypes: d float64, f float32, e float16, i integers, ? booleans. A weak array is a plain number, which takes on the
// dtype of its partners, as in NumPy.

class Arr {
  constructor(data, shape = [], dtype = "d", weak = false) {
    this.data = data;
    this.shape = shape;
    this.dtype = dtype;
    this.weak = weak;
  }
  get size() { return this.data.length; }
  get ndim() { return this.shape.length; }
  at(i = 0) { return this.data[i]; }
}

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);
const number = (x, dtype) => new Arr(Float64Array.of(+x), [], dtype ?? (typeof x === "boolean" ? "?" : Number.isInteger(x) ? "i" : "d"), true);

function half(x) { // to float16: 11 bits, subnormal below 2^-14
  if (!Number.isFinite(x) || x === 0) return x;
  const step = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -14) - 10);
  const units = x / step, low = Math.floor(units), rest = units - low;
  const rounded = step * (rest > 0.5 || (rest === 0.5 && low % 2) ? low + 1 : low);
  return Math.abs(rounded) > 65504 ? Math.sign(x) * Infinity : rounded;
}

function rounded(array, dtype) { // in place: only for arrays that were just made
  const { data } = array;
  if (dtype === "f") for (let i = 0; i < data.length; i++) data[i] = Math.fround(data[i]);
  if (dtype === "e") for (let i = 0; i < data.length; i++) data[i] = half(data[i]);
  array.dtype = dtype;
  return array;
}

function promoted(arrays, floating = false) { // the dtype of a result, by NumPy's rules
  const strong = arrays.filter((a) => !a.weak).map((a) => a.dtype);
  const kinds = strong.length ? strong : arrays.map((a) => a.dtype);
  let best = ["d", "f", "e", "i", "?"].find((kind) => kinds.includes(kind));
  if ((best === "f" || best === "e") && strong.includes("i")) best = "d";
  const integral = best === "i" || best === "?";
  if (integral && arrays.some((a) => a.weak && "dfe".includes(a.dtype))) best = "d";
  if (floating && (best === "i" || best === "?")) best = "d";
  return best;
}

function strides(shape) {
  const result = new Array(shape.length);
  for (let i = shape.length - 1, step = 1; i >= 0; i--) {
    result[i] = step;
    step *= shape[i];
  }
  return result;
}

function commonShape(shapes) {
  const ndim = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: ndim }, (_, i) => {
    const lengths = shapes.map((s) => s[s.length - ndim + i] ?? 1);
    const length = lengths.find((n) => n !== 1) ?? 1;
    if (lengths.some((n) => n !== 1 && n !== length)) throw new Error("shapes do not broadcast");
    return length;
  });
}

// Call visit(position in the result, offset in the source) for a source that is read with the given steps.
function walk(shape, steps, visit, start = 0) {
  const total = sizeOf(shape), counters = new Array(shape.length).fill(0);
  let offset = start;
  for (let i = 0; i < total; i++) {
    visit(i, offset);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += steps[axis];
      if (++counters[axis] < shape[axis]) break;
      offset -= steps[axis] * shape[axis];
      counters[axis] = 0;
    }
  }
}

function read(array, shape, steps, start = 0) { // a new array of what is read
  const data = new Float64Array(sizeOf(shape));
  walk(shape, steps, (i, offset) => { data[i] = array.data[offset]; }, start);
  return new Arr(data, shape, array.dtype);
}

function broadcastTo(array, shape) {
  if (array.size === sizeOf(shape) && array.ndim === shape.length) return array;
  const own = strides(array.shape), extra = shape.length - array.ndim;
  const steps = shape.map((_, i) => (i < extra || array.shape[i - extra] === 1 ? 0 : own[i - extra]));
  return read(array, [...shape], steps);
}

const reshaped = (array, shape) => {
  const known = shape.reduce((a, n) => (n < 0 ? a : a * n), 1);
  return new Arr(array.data, shape.map((n) => (n < 0 ? array.size / known : n)), array.dtype);
};

const transposed = (array, axes) => {
  const own = strides(array.shape);
  return read(array, axes.map((a) => array.shape[a]), axes.map((a) => own[a]));
};

function swapLast(array) {
  const axes = array.shape.map((_, i) => i), n = axes.length;
  [axes[n - 1], axes[n - 2]] = [axes[n - 2], axes[n - 1]];
  return transposed(array, axes);
}

function mapped(arrays, f, dtype) { // f at each element, broadcasting
  const shape = commonShape(arrays.map((a) => a.shape));
  const given = arrays.map((a) => broadcastTo(a, shape).data);
  const data = new Float64Array(sizeOf(shape));
  const [a, b, c] = given;
  for (let i = 0; i < data.length; i++) data[i] = f(a[i], b?.[i], c?.[i]);
  return rounded(new Arr(data, shape), dtype);
}

// Bring the reduced axes to the end: rows of what each result is made of, and the shape of the results.
function rows(array, axis, keepdims) {
  const all = array.shape.map((_, i) => i);
  const axes = axis === null || axis === undefined ? all : [].concat(axis).map((a) => (a < 0 ? a + array.ndim : a));
  const rest = all.filter((i) => !axes.includes(i));
  const moved = transposed(array, [...rest, ...axes]);
  const length = sizeOf(axes.map((a) => array.shape[a]));
  const shape = keepdims ? all.map((i) => (axes.includes(i) ? 1 : array.shape[i])) : rest.map((i) => array.shape[i]);
  const list = Array.from({ length: sizeOf(shape) }, (_, i) => moved.data.subarray(i * length, (i + 1) * length));
  return { list, shape, length };
}

function sumTo(array, shape) { // undo a broadcast
  if (array.ndim === shape.length && array.shape.every((n, i) => n === shape[i])) return array;
  const extra = array.ndim - shape.length, own = strides(shape);
  const steps = array.shape.map((_, i) => (i < extra || shape[i - extra] === 1 ? 0 : own[i - extra]));
  const data = new Float64Array(sizeOf(shape));
  walk(array.shape, steps, (i, offset) => { data[offset] += array.data[i]; });
  return rounded(new Arr(data, [...shape]), array.dtype);
}

function plus(a, b) {
  return mapped([a, b], (x, y) => x + y, promoted([a, b]));
}

// Which elements an index names: their positions in the source, and the shape of the result. As NumPy.
function places(shape, index, arrays) {
  const rest = [...arrays];
  let parts = [];
  for (const part of index) {
    const array = part === "@" ? rest.shift() : null;
    if (array?.dtype === "?") parts.push(...nonzero(array)); // a mask is the integers at which it is true
    else parts.push(array ?? part);
  }
  const consumed = parts.filter((p) => p !== null && p !== "...").length;
  const dots = parts.indexOf("...");
  const fill = new Array(shape.length - consumed).fill({ slice: [null, null, null] });
  parts = dots < 0 ? [...parts, ...fill] : [...parts.slice(0, dots), ...fill, ...parts.slice(dots + 1)];
  const own = strides(shape);
  const advanced = parts.some((p) => p instanceof Arr);
  let axis = 0, start = 0, block = null, apart = false, last = -1;
  const outer = [], steps = [], chosen = [];
  parts.forEach((part, at) => {
    if (part === null) {
      outer.push(1);
      steps.push(0);
    } else if (part instanceof Arr || (advanced && typeof part === "number")) {
      const array = part instanceof Arr ? part : number(part);
      chosen.push({ array, step: own[axis], length: shape[axis] });
      if (block === null) block = outer.length;
      else if (last !== at - 1) apart = true;
      last = at;
      axis += 1;
    } else if (typeof part === "number") {
      start += own[axis] * (part < 0 ? part + shape[axis] : part);
      axis += 1;
    } else {
      const [from, count, step] = sliced(part.slice, shape[axis]);
      start += own[axis] * from;
      outer.push(count);
      steps.push(own[axis] * step);
      axis += 1;
    }
  });
  const middle = commonShape(chosen.map((c) => c.array.shape));
  const offsets = new Float64Array(sizeOf(middle));
  for (const { array, step, length } of chosen) {
    broadcastTo(array, middle).data.forEach((i, at) => { offsets[at] += step * (i < 0 ? i + length : i); });
  }
  const split = advanced ? (apart ? 0 : block) : 0;
  const result = [...outer.slice(0, split), ...(advanced ? middle : []), ...outer.slice(split)];
  const found = new Int32Array(sizeOf(result));
  const inner = sizeOf(outer.slice(split)), across = advanced ? offsets.length : 1;
  walk(outer, steps, (i, offset) => {
    const head = Math.floor(i / inner), tail = i % inner;
    for (let m = 0; m < across; m++) found[(head * across + m) * inner + tail] = offset + (advanced ? offsets[m] : 0);
  }, start);
  return { shape: result, found };
}

function sliced([from, to, by], length) { // start, count and step, as Python's slice.indices
  const step = by ?? 1;
  const clip = (n, low, high) => Math.min(Math.max(n < 0 ? n + length : n, low), high);
  const start = from === null ? (step > 0 ? 0 : length - 1) : clip(from, step > 0 ? 0 : -1, step > 0 ? length : length - 1);
  const stop = to === null ? (step > 0 ? length : -1) : clip(to, step > 0 ? 0 : -1, step > 0 ? length : length - 1);
  return [start, Math.max(0, Math.ceil((stop - start) / step)), step];
}

function nonzero(mask) {
  const hits = [];
  mask.data.forEach((x, i) => { if (x) hits.push(i); });
  const own = strides(mask.shape);
  return own.map((step, axis) => {
    const data = Float64Array.from(hits, (i) => Math.floor(i / step) % mask.shape[axis]);
    return new Arr(data, [hits.length], "i");
  });
}
