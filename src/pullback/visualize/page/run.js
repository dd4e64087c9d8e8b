// What is played: one run of the computation as a list of steps, and what every value is after each of them.

function decoded(data, blob) { // the arrays of the page; of large ones what can be seen of them
  const bytes = Uint8Array.from(atob(blob), (c) => c.charCodeAt(0));
  return data.arrays.map(([start, code, shape, thumb, low, high, mean, bad, counts, text]) => {
    const small = code === "f" || code === "e";
    const numbers = (n) => Float64Array.from(new (small ? Float32Array : Float64Array)(bytes.buffer, start, n));
    if (thumb === undefined) return new Arr(numbers(sizeOf(shape)), shape, code);
    const picture = Float64Array.from(new Float32Array(bytes.buffer, start, sizeOf(thumb)));
    return { seen: new Arr(picture, thumb, code), shape, size: sizeOf(shape), low, high, mean, bad, counts, text, dtype: code };
  });
}

function completed(data) { // values with what equal operations share
  const used = [...data.operations.map(({ kernel }) => kernel), ...data.rules.flatMap(([steps]) => steps.map(([kernel]) => kernel))];
  const unknown = used.find((kernel) => kernel && !K[kernel]);
  if (unknown) data.obstacle ??= `${unknown} is an operation that the page does not know`;
  for (const graph of data.graphs) {
    graph.values = graph.values.map((value) => {
      const [site, code] = data.lines[value.line] ?? ["", ""];
      return { partials: {}, pulls: {}, pushes: {}, site, code, ...data.operations[value.op], ...value };
    });
  }
  return data;
}

class Run {
  constructor(graph, values, events, own) {
    this.graph = graph;
    this.values = values;
    this.own = own; // whether the page computed it
    this.events = events;
    this.steps = events.filter((event) => event.kind !== "walk"); // time t is after t steps
    this.chapters = [];
    this.history = graph.values.map(() => []); // of each value, what became of its derivative and of itself
    this.made = new Array(graph.values.length).fill(-1);
    this.slopes = new Map(); // "value:operand" → when its local derivative was used, and what it is
    let walk = 0, state = new Map();
    this.steps.forEach((event, at) => {
      if (event.newWalk) {
        walk += 1;
        state = new Map();
      }
      event.walk = walk;
      const name = { made: "forward", update: "update", start: "tangents", push: "tangents" }[event.kind] ?? "backward";
      if (this.chapters.at(-1)?.name !== name || event.newWalk) this.chapters.push({ name, start: at });
      if (event.kind === "made") this.made[event.value] = at + 1;
      else if (event.kind === "update") this.history[event.value].push({ time: at + 1, kind: "update", total: event.number });
      else this.carry(event, at + 1, state);
    });
  }

  carry(event, time, state) { // a derivative arrives: at an operand, or at the value itself
    const { operands } = this.graph.values[event.value];
    const target = event.kind === "pull" ? operands[event.operand] : event.value;
    const before = state.get(target) ?? { total: null, terms: [] };
    const now = event.kind === "push"
      ? { total: event.number, terms: Object.entries(event.parts).map(([i, number]) => ({ from: operands[i], operand: +i, number })) }
      : {
        total: before.total && event.number ? added(before.total, event.number) : event.number ?? before.total,
        terms: [...before.terms, { from: event.kind === "pull" ? event.value : -1, operand: event.operand, number: event.number }],
      };
    for (const [operand, partial] of event.kind === "push" ? Object.entries(event.partials) : [[event.operand, event.partial]]) {
      if (partial) this.slopes.set(`${event.value}:${operand}`, [...(this.slopes.get(`${event.value}:${operand}`) ?? []), { time, walk: event.walk, partial }]);
    }
    state.set(target, now);
    Object.assign(event, { target, total: now.total, terms: now.terms, before: before.total });
    this.history[target].push({ time, kind: event.kind === "pull" || event.kind === "seed" ? "cotangent" : "tangent", walk: event.walk, ...now });
  }

  get length() { return this.steps.length; }

  stateOf(index, time) { // {value, derivative, terms} after `time` steps; derivative null where none arrived yet
    const fixed = this.graph.values[index].kind !== "o";
    const known = fixed || (this.made[index] >= 0 && this.made[index] <= time);
    let value = known ? this.values[index] : null, derivative = null, terms = [], forward = false, updated = false;
    const walk = time > 0 ? this.steps[time - 1].walk : 0;
    for (const entry of this.history[index]) {
      if (entry.time > time) break;
      if (entry.kind === "update") {
        value = entry.total;
        updated = true;
      } else if (entry.walk === walk) {
        derivative = entry.total;
        terms = entry.terms;
        forward = entry.kind === "tangent";
      }
    }
    return { known, value, derivative, terms, forward, updated };
  }

  slopeOf(value, operand, time) { // the local derivative that the walk has used, if it came by
    const walk = time > 0 ? this.steps[time - 1].walk : 0;
    return this.slopes.get(`${value}:${operand}`)?.find((entry) => entry.walk === walk && entry.time <= time)?.partial ?? null;
  }

  gradient(index) { // at the end of the last walk back
    const last = this.history[index].filter((entry) => entry.kind === "cotangent").at(-1);
    return last && last.walk === this.steps.at(-1)?.walk ? last.total : null;
  }

  changedBetween(from, to) { // the values that may look different after `to` than after `from` steps
    const [low, high] = from < to ? [from, to] : [to, from], changed = new Set();
    for (let at = low; at < high; at++) {
      const event = this.steps[at];
      changed.add(event.value);
      if (event.target !== undefined) changed.add(event.target);
    }
    const walk = (t) => (t > 0 ? this.steps[t - 1].walk : 0);
    if (walk(from) !== walk(to)) this.history.forEach((list, index) => { if (list.length) changed.add(index); });
    return changed;
  }

  timesIn(group, walk) { // when the operations in a group were computed or, of a walk, first reached; in order
    this.times ??= new Map();
    const key = `${group}:${walk}`, { groups, holders, values } = this.graph;
    if (!this.times.has(key)) {
      const inside = (holder) => holder === group || (holder >= 0 && inside(groups[holder][2]));
      const of = (index) => (walk ? this.history[index].find((entry) => entry.walk === walk)?.time : this.made[index]);
      const times = holders.flatMap((holder, index) => (values[index].kind === "o" && inside(holder) ? [of(index)] : []));
      this.times.set(key, times.filter((time) => time > 0).sort((a, b) => a - b));
    }
    return this.times.get(key);
  }

  get firstBad() { // the first step at which a number is NaN or infinite: its time, or -1
    return this.bad ??= this.steps.findIndex((event) => bad(event.kind === "made" ? this.values[event.value] : event.number)) + 1 || -1;
  }
}

function countUpTo(sorted, most) { // how many of some sorted numbers are at most that
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= most) low = middle + 1;
    else high = middle;
  }
  return low;
}

const added = (a, b) => (a instanceof Arr && b instanceof Arr ? plus(a, b) : b); // of large arrays only parts are here

function bad(array) {
  if (!array) return false;
  return array instanceof Arr ? array.dtype !== "?" && array.data.some((x) => !Number.isFinite(x)) : array.bad > 0;
}

function recordedRun(data, arrays, number) {
  const frame = data.frames[number], graph = data.graphs[frame.graph];
  const values = frame.values.map((at) => (at === null ? null : arrays[at]));
  let newWalk = false;
  const events = [];
  for (const [kind, value, operand, at, extra, slopes] of frame.events) {
    if (kind === "walk") {
      newWalk = true;
      events.push({ kind });
      continue;
    }
    const event = { kind, value, operand, number: at === null || at === undefined ? null : arrays[at] };
    if (newWalk && kind !== "made") {
      event.newWalk = true;
      newWalk = false;
    }
    if (kind === "pull" && extra !== undefined && extra !== null) event.partial = arrays[extra];
    const read = (table) => Object.fromEntries(Object.entries(table ?? {}).map(([k, v]) => [k, v === null ? null : arrays[v]]));
    if (kind === "push") Object.assign(event, { parts: read(extra), partials: read(slopes) });
    if (kind === "update") event.rate = extra ?? null;
    events.push(event);
  }
  return new Run(graph, values, events, false);
}
