// The kernels of the operations, by name: what each does to arrays. No derivative stands here; derivatives arrive as
// equations of these same operations, made by the library's own rules.

const elementwise = (f, dtype = (arrays) => promoted(arrays)) => (arrays) => mapped(arrays, f, dtype(arrays));
const floating = (f) => elementwise(f, (arrays) => promoted(arrays, true));
const truth = (f) => elementwise((a, b, c) => (f(a, b, c) ? 1 : 0), () => "?");
const wholes = (f) => (arrays) => { // of integers, what is divided by 0 is 0
  const dtype = promoted(arrays);
  return mapped(arrays, dtype === "i" ? (a, b) => (b ? f(a, b) : 0) : f, dtype);
};
const bits = (f) => elementwise((a, b) => Number(f(BigInt(a), BigInt(b))));
const nanOr = (f) => (a, b) => (a !== a || b !== b ? NaN : f(a, b)); // NaN wins, as in np.maximum

const mod = (a, b) => { const r = a % b; return r !== 0 && (r < 0) !== (b < 0) ? r + b : b === 0 ? NaN : r; };
const toEven = (x) => { const r = Math.round(x); return Math.abs(x % 1) === 0.5 && r % 2 ? r - 1 : r; };
const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const logaddexp = (a, b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))));

function erf(x) { // the series near 0, a continued fraction (Lentz) beyond: to a few units in the last place
  const z = Math.abs(x);
  if (z !== z) return NaN;
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let term = z, sum = z;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * z * z) / (2 * n + 1);
      sum += term;
      if (!term) break;
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
  }
  let fraction = 0;
  for (let n = 80; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction));
}

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

function sincDerivative(x, n) { // up from 0 where |z| ≥ n, down from far above elsewhere: as the library does it
  const z = Math.PI * x, turned = (k) => [Math.sin(z), Math.cos(z), -Math.sin(z), -Math.cos(z)][k % 4];
  let g = 0;
  if (Math.abs(z) >= n) {
    g = Math.sin(z) / z;
    for (let k = 1; k <= n; k++) g = (turned(k) - k * g) / z;
  } else for (let k = 3 * n + 20; k > n; k--) g = (turned(k) - z * g) / k;
  return Math.PI ** n * g;
}

function besselI(x, n) { // by its power series, of which all terms are of one sign
  let term = 1, sum = 0;
  for (let k = 1; k <= n; k++) term *= x / 2 / k;
  for (let k = 1; sum + term !== sum; k++) { sum += term; term *= x * x / 4 / k / (k + n); }
  return sum;
}

// A reduction: f of the row that a result is made of.
const reduction = (f, dtype = (x) => x.dtype) => ([x, ...others], { axis, keepdims, ...params }) => {
  const { list, shape } = rows(x, axis, keepdims);
  return rounded(new Arr(Float64Array.from(list, (row) => f(row, params, others)), shape), dtype(x));
};
const asFloat = (x) => promoted([x], true);
const summed = (x) => (x.dtype === "?" ? "i" : x.dtype);
const total = (row) => { let sum = 0; for (const x of row) sum += x; return sum; };
const extreme = (better) => (row) => row.reduce((a, b) => (a !== a || b !== b ? NaN : better(a, b) ? a : b));
const place = (better) => (row) => row.reduce((best, x, i) => (row[best] !== row[best] ? best : x !== x || better(x, row[best]) ? i : best), 0);
const variance = (row, { correction }) => {
  const mean = total(row) / row.length;
  return total(row.map((x) => (x - mean) ** 2)) / Math.max(row.length - correction, 0);
};
function logsumexp(row) {
  const most = Math.max(-Infinity, ...row), shift = Number.isFinite(most) ? most : 0;
  return Math.log(total(row.map((x) => Math.exp(x - shift)))) + shift;
}
function norm(row) {
  const most = row.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
  const scale = most > 0 && Number.isFinite(most) ? most : 1;
  return Math.sqrt(total(row.map((x) => (x / scale) ** 2))) * scale;
}

function crossEntropy([x, labels], { axis, keepdims, mean }) {
  const classes = x.shape[x.ndim - 1], count = x.size / classes;
  const losses = Float64Array.from({ length: count }, (_, i) => {
    const row = x.data.subarray(i * classes, (i + 1) * classes);
    return logsumexp(row) - row[labels.data[i]];
  });
  if (axis === null) {
    const all = total(losses) / (mean ? count : 1);
    return rounded(new Arr(Float64Array.of(all), keepdims ? x.shape.map(() => 1) : []), x.dtype);
  }
  return rounded(new Arr(losses, keepdims ? [...x.shape.slice(0, -1), 1] : x.shape.slice(0, -1)), x.dtype);
}

function matmul([a, b, c], { ta, tb }) {
  const left = ta ? swapLast(a) : a, right = tb ? swapLast(b) : b;
  const [m, k] = left.shape.slice(-2), n = right.shape[right.ndim - 1];
  const batch = commonShape([left.shape.slice(0, -2), right.shape.slice(0, -2)]);
  const x = broadcastTo(left, [...batch, m, k]).data, y = broadcastTo(right, [...batch, k, n]).data;
  const data = new Float64Array(sizeOf(batch) * m * n);
  for (let t = 0; t < sizeOf(batch); t++) {
    for (let i = 0; i < m; i++) {
      for (let p = 0; p < k; p++) {
        const factor = x[(t * m + i) * k + p];
        for (let j = 0; j < n; j++) data[(t * m + i) * n + j] += factor * y[(t * k + p) * n + j];
      }
    }
  }
  const product = rounded(new Arr(data, [...batch, m, n]), promoted([a, b]));
  return c ? plus(product, c) : product;
}

function matvec([a, v], { ta }) {
  const column = matmul([a.ndim === 1 ? new Arr(a.data, [1, ...a.shape], a.dtype) : a, new Arr(v.data, [...v.shape, 1], v.dtype)], { ta: ta && a.ndim > 1, tb: false });
  return new Arr(column.data, a.ndim === 1 ? [] : column.shape.slice(0, -1), column.dtype);
}

function einsum([a, b], { left, right, out }) {
  const sizes = {};
  [[left, a], [right, b]].forEach(([term, x]) => [...term].forEach((letter, i) => { sizes[letter] = Math.max(sizes[letter] ?? 1, x.shape[i]); }));
  const letters = [...new Set([...out, ...left, ...right])];
  const step = (term, shape) => letters.map((l) => {
    const at = term.indexOf(l);
    return at < 0 || shape[at] === 1 ? 0 : strides(shape)[at];
  });
  const shape = [...out].map((l) => sizes[l]), whole = letters.map((l) => sizes[l]);
  const data = new Float64Array(sizeOf(shape)), x = [], y = [];
  walk(whole, step(left, a.shape), (i, offset) => { x[i] = offset; });
  walk(whole, step(right, b.shape), (i, offset) => { y[i] = offset; });
  walk(whole, step(out, shape), (i, offset) => { data[offset] += a.data[x[i]] * b.data[y[i]]; });
  return rounded(new Arr(data, shape), promoted([a, b]));
}

function joined(arrays, axis) {
  const shape = [...arrays[0].shape];
  shape[axis] = arrays.reduce((sum, a) => sum + a.shape[axis], 0);
  const data = new Float64Array(sizeOf(shape)), inner = sizeOf(shape.slice(axis + 1)), outer = sizeOf(shape.slice(0, axis));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const a of arrays) {
      const piece = a.shape[axis] * inner;
      data.set(a.data.subarray(o * piece, (o + 1) * piece), at);
      at += piece;
    }
  }
  return rounded(new Arr(data, shape), promoted(arrays));
}

function flipped(x, axis) {
  const own = strides(x.shape), turned = [].concat(axis);
  const start = turned.reduce((sum, a) => sum + own[a] * (x.shape[a] - 1), 0);
  return read(x, x.shape, own.map((s, a) => (turned.includes(a) ? -s : s)), x.size ? start : 0);
}

function rolled(x, shift, axis) {
  let result = x;
  [].concat(axis).forEach((a, i) => {
    const n = x.shape[a], by = n ? mod([].concat(shift)[i], n) : 0;
    const cut = (from, to) => K.getitem([result], { index: [...new Array(a).fill({ slice: [null, null, null] }), { slice: [from, to, null] }] });
    result = joined([cut(n - by, null), cut(0, n - by)], a);
  });
  return result;
}

function cumulated(x, axis, f) {
  const n = x.shape[axis], own = strides(x.shape)[axis], data = Float64Array.from(x.data);
  data.forEach((_, i) => { if (Math.floor(i / own) % n) data[i] = f(data[i - own], data[i]); });
  return rounded(new Arr(data, x.shape), summed(x));
}

function triangle(x, keep) {
  const [m, n] = x.shape.slice(-2);
  return new Arr(x.data.map((v, i) => (keep(Math.floor(i / n) % m, i % n) ? v : 0)), x.shape, x.dtype);
}

// Each element of all windows of an array: visit(its place in the windows, its place in the array).
function eachTap(shape, { axes, sizes, strides: steps, dilations }, visit) {
  const own = strides(shape), counts = [...shape];
  axes.forEach((a, i) => { counts[a] = Math.floor((shape[a] - dilations[i] * (sizes[i] - 1) - 1) / steps[i]) + 1; });
  const along = own.map((s, a) => (axes.includes(a) ? s * steps[axes.indexOf(a)] : s));
  const whole = [...counts, ...sizes];
  walk(whole, [...along, ...axes.map((a, i) => own[a] * dilations[i])], visit);
  return whole;
}

// Each product of a convolution: visit(places in the input, the kernel and the output).
function eachProduct(x, w, y, { stride, padding, dilation, groups }, visit) {
  const [, inputs, ...lengths] = x, [, share, ...sizes] = w, [images, outputs, ...counts] = y;
  const [a, b, c] = [x, w, y].map(strides), each = outputs / groups, d = sizes.length;
  walk([images, outputs, ...counts, share, ...sizes], new Array(2 * d + 3).fill(0), (flat) => {
    let rest = flat;
    const at = [images, outputs, ...counts, share, ...sizes].reduceRight((list, n) => { list.unshift(rest % n); rest = Math.floor(rest / n); return list; }, []);
    const [n, o] = at, l = at.slice(2, d + 2), channel = at[d + 2], k = at.slice(d + 3);
    const s = l.map((i, axis) => stride[axis] * i + dilation[axis] * k[axis] - padding[axis][0]);
    if (s.some((i, axis) => i < 0 || i >= lengths[axis])) return;
    const dot = (places, steps) => places.reduce((sum, p, i) => sum + p * steps[i], 0);
    visit(dot([n, Math.floor(o / each) * (inputs / groups) + channel, ...s], a), dot([o, channel, ...k], b), dot([n, o, ...l], c));
  });
}

function convolved(operands, shapes, params, open) { // the one of input, kernel and output that is open
  const data = new Float64Array(sizeOf(shapes[open])), [p, q] = operands;
  const first = open === 0 ? 2 : 0, second = open === 1 ? 2 : 1;
  eachProduct(...shapes, params, (...at) => { data[at[open]] += p.data[at[first]] * q.data[at[second]]; });
  const result = rounded(new Arr(data, shapes[open]), promoted([p, q]));
  return operands.length > 2 ? plus(result, operands[2]) : result;
}

const NAMES = { float64: "d", float32: "f", float16: "e", bool: "?" };
const dtypeCode = (name) => NAMES[name] ?? (/int/.test(name) ? "i" : "d");
const copied = ([x]) => new Arr(Float64Array.from(x.data), x.shape, x.dtype, x.weak);

const K = {
  add: elementwise((a, b) => a + b), subtract: elementwise((a, b) => a - b), multiply: elementwise((a, b) => a * b),
  gap: elementwise((a, b) => (a === b ? 0 : a - b)),
  multiply_strong: elementwise((a, b) => { const r = a * b; return r !== r && (a === 0 || b === 0) ? 0 : r; }),
  divide: floating((a, b) => a / b), floor_divide: wholes((a, b) => Math.floor(a / b)), mod: wholes(mod),
  negative: elementwise((x) => -x), positive: copied, identity: copied, stop_gradient: copied, copy: copied,
  power: elementwise((a, b) => (a === 1 ? 1 : a ** b)), reciprocal: elementwise((x) => 1 / x), square: elementwise((x) => x * x),
  exp: floating(Math.exp), exp2: floating((x) => 2 ** x), expm1: floating(Math.expm1), log: floating(Math.log),
  log1p: floating(Math.log1p), log2: floating(Math.log2), log10: floating(Math.log10), sqrt: floating(Math.sqrt),
  cbrt: floating(Math.cbrt), logaddexp: floating(logaddexp), hypot: floating((a, b) => Math.hypot(a, b)),
  sin: floating(Math.sin), cos: floating(Math.cos), tan: floating(Math.tan), arcsin: floating(Math.asin),
  arccos: floating(Math.acos), arctan: floating(Math.atan), arctan2: floating((a, b) => Math.atan2(a, b)),
  sinc: floating(sinc), sinc_derivative: floating(sincDerivative),
  bessel_i: (arrays, { order }) => floating((x) => besselI(x, order))(arrays),
  sinh: floating(Math.sinh), cosh: floating(Math.cosh), tanh: floating(Math.tanh), arcsinh: floating(Math.asinh),
  arccosh: floating(Math.acosh), arctanh: floating(Math.atanh),
  abs: elementwise(Math.abs), sign: elementwise(Math.sign), floor: elementwise(Math.floor), ceil: elementwise(Math.ceil),
  trunc: elementwise(Math.trunc), rint: elementwise(toEven),
  maximum: elementwise(nanOr(Math.max)), minimum: elementwise(nanOr(Math.min)),
  clip: elementwise((a, b, c) => (a !== a ? a : Math.min(Math.max(a, b), c))),
  where: (arrays) => mapped(arrays, (c, a, b) => (c ? a : b), promoted(arrays.slice(1))),
  relu: elementwise((x) => (x !== x ? x : Math.max(x, 0))), leaky_relu: elementwise((x, slope) => (x > 0 ? x : slope * x)),
  sigmoid: floating(sigmoid), softplus: floating(softplus), softsign: floating((x) => x / (1 + Math.abs(x))), erf: floating(erf),
  binary_cross_entropy: floating((p, t) => -(t * Math.max(Math.log(p), -100) + (1 - t) * Math.max(Math.log1p(-p), -100))),
  logits_cross_entropy: floating((x, t) => Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x)))),
  equal: truth((a, b) => a === b), not_equal: truth((a, b) => a !== b), less: truth((a, b) => a < b),
  less_equal: truth((a, b) => a <= b), greater: truth((a, b) => a > b), greater_equal: truth((a, b) => a >= b),
  logical_and: truth((a, b) => a && b), logical_or: truth((a, b) => a || b), logical_xor: truth((a, b) => !a !== !b),
  logical_not: truth((x) => !x), isnan: truth((x) => x !== x), isinf: truth((x) => Math.abs(x) === Infinity),
  isfinite: truth(Number.isFinite),
  bitwise_and: bits((a, b) => a & b), bitwise_or: bits((a, b) => a | b), bitwise_xor: bits((a, b) => a ^ b),
  left_shift: bits((a, b) => (b >= 0n && b < 64n ? BigInt.asIntN(64, a << b) : 0n)),
  right_shift: bits((a, b) => a >> (b >= 0n && b < 64n ? b : 63n)),
  invert: ([x]) => (x.dtype === "?" ? K.logical_not([x]) : mapped([x], (v) => -v - 1, "i")),

  sum: reduction(total, summed), prod: reduction((row) => row.reduce((a, b) => a * b, 1), summed),
  mean: reduction((row) => total(row) / row.length, asFloat),
  max: reduction(extreme((a, b) => a > b)), min: reduction(extreme((a, b) => a < b)),
  logsumexp: reduction(logsumexp, asFloat), norm: reduction(norm, asFloat), var: reduction(variance, asFloat),
  std: reduction((row, params) => Math.sqrt(variance(row, params)), asFloat),
  any: reduction((row) => +row.some(Boolean), () => "?"), all: reduction((row) => +row.every(Boolean), () => "?"),
  argmax: reduction(place((a, b) => a > b), () => "i"), argmin: reduction(place((a, b) => a < b), () => "i"),
  cumsum: ([x], { axis }) => cumulated(x, axis, (a, b) => a + b), cumprod: ([x], { axis }) => cumulated(x, axis, (a, b) => a * b), softmax_cross_entropy: crossEntropy,

  reshape: ([x], { shape }) => reshaped(x, shape), transpose: ([x], { axes }) => transposed(x, axes),
  broadcast_to: ([x], { shape }) => broadcastTo(x, shape),
  concatenate: (arrays, { axis }) => joined(arrays, axis),
  stack: (arrays, { axis }) => joined(arrays.map((a) => reshaped(a, [...a.shape.slice(0, axis), 1, ...a.shape.slice(axis)])), axis),
  flip: ([x], { axis }) => flipped(x, axis), roll: ([x], { shift, axis }) => rolled(x, shift, axis),
  pad: ([x], { width }) => {
    const shape = x.shape.map((n, i) => n + width[i][0] + width[i][1]);
    const index = width.map(([before], i) => ({ slice: [before, before + x.shape[i], null] }));
    return K.add_into([x], { index, shape });
  },
  tril: ([x], { k }) => triangle(x, (i, j) => j <= i + k), triu: ([x], { k }) => triangle(x, (i, j) => j >= i + k),
  astype: ([x], { dtype }) => {
    const code = dtypeCode(dtype), result = copied([x]);
    result.weak = false;
    if (code === "i") result.data.forEach((v, i) => { result.data[i] = Math.trunc(v); });
    if (code === "?") result.data.forEach((v, i) => { result.data[i] = +(v !== 0); });
    return rounded(result, code);
  },
  getitem: ([x, ...arrays], { index }) => {
    const { shape, found } = places(x.shape, index, arrays);
    return new Arr(Float64Array.from(found, (i) => x.data[i]), shape, x.dtype);
  },
  add_into: ([values, ...arrays], { index, shape }) => {
    const target = places(shape, index, arrays), data = new Float64Array(sizeOf(shape));
    const given = broadcastTo(values, target.shape).data;
    target.found.forEach((place, i) => { data[place] += given[i]; });
    return rounded(new Arr(data, shape), values.dtype);
  },
  setitem: ([x, values, ...arrays], { index }) => {
    const target = places(x.shape, index, arrays), result = copied([x]);
    const given = broadcastTo(values, target.shape).data;
    target.found.forEach((place, i) => { result.data[place] = given[i]; });
    return rounded(result, x.dtype);
  },
  windows: ([x], params) => {
    const found = [], shape = eachTap(x.shape, params, (_, at) => { found.push(x.data[at]); });
    return new Arr(Float64Array.from(found), shape, x.dtype);
  },
  add_windows: ([windows], params) => {
    const data = new Float64Array(sizeOf(params.shape));
    eachTap(params.shape, params, (i, at) => { data[at] += windows.data[i]; });
    return rounded(new Arr(data, params.shape), windows.dtype);
  },
  rows: ([x, numbers]) => {
    const inner = sizeOf(x.shape.slice(1)), data = new Float64Array(numbers.size * inner);
    numbers.data.forEach((row, i) => data.set(x.data.subarray(row * inner, (row + 1) * inner), i * inner));
    return new Arr(data, [...numbers.shape, ...x.shape.slice(1)], x.dtype);
  },
  add_rows: ([values, numbers], { shape }) => {
    const inner = sizeOf(shape.slice(1)), data = new Float64Array(sizeOf(shape));
    values.data.forEach((v, i) => { data[numbers.data[Math.floor(i / inner)] * inner + (i % inner)] += v; });
    return rounded(new Arr(data, shape), values.dtype);
  },
  convolution: ([x, w, ...sum], params) => {
    const { stride, padding, dilation } = params;
    const counts = x.shape.slice(2).map((n, i) => Math.floor((n + padding[i][0] + padding[i][1] - dilation[i] * (w.shape[i + 2] - 1) - 1) / stride[i]) + 1);
    return convolved([x, w, ...sum], [x.shape, w.shape, [x.shape[0], w.shape[0], ...counts]], params, 2);
  },
  convolution_input: ([y, w, ...sum], params) => {
    const shape = [y.shape[0], w.shape[1] * params.groups, ...params.size];
    return convolved([y, w, ...sum], [shape, w.shape, y.shape], params, 0);
  },
  convolution_weight: ([x, y], params) => {
    const shape = [y.shape[1], x.shape[1] / params.groups, ...params.kernel];
    return convolved([x, y], [x.shape, shape, y.shape], params, 1);
  },
  within: copied,
  known_labels: ([x], { ignore }) => new Arr(x.data.map((v) => (v === ignore ? 0 : v)), x.shape, x.dtype),
  written_labels: ([x, , lengths], { classes, blank }) => new Arr(
    x.data.map((v, i) => (i % x.shape[1] < lengths.data[Math.floor(i / x.shape[1])] ? v : (blank + 1) % classes)), x.shape, x.dtype,
  ),
  matmul, matvec, einsum,
};
