// The interpreter: runs the recorded program, and its derivatives, on numbers of the reader's.

function operandOf(ref, context, made) {
  if (ref === null) return null;
  if (typeof ref === "number" || typeof ref === "boolean") return number(ref);
  const [kind, index] = ref;
  if (kind === "y") return context.y;
  if (kind === "x") return context.x[index];
  if (kind === "c") return context.c;
  if (kind === "t") return context.t[index];
  if (kind === "k") return context.constant(index);
  return made[index];
}

// The value of a rule (equations and a result) for a value y, operands x, and a cotangent c or tangents t.
function evaluate([steps, result], context) {
  const made = [];
  for (const [kernel, operands, params] of steps) {
    made.push(K[kernel](operands.map((ref) => operandOf(ref, context, made)).filter((a) => a !== null), params));
  }
  return operandOf(result, context, made);
}

// Values computed anew: those given in `changed` (by number) stand in for the recorded ones. What does not depend on
// them stays as it was recorded.
function computeValues(graph, recorded, changed) {
  const values = [], others = new Set(changed.keys());
  graph.values.forEach((value, index) => {
    if (value.operands.some((i) => others.has(i)) && !changed.has(index)) others.add(index);
    if (changed.has(index)) values.push(changed.get(index));
    else if (!others.has(index)) values.push(recorded[index]);
    else values.push(wrapped(rounded(ownData(K[value.kernel](value.operands.filter((i) => i !== null).map((i) => values[i]), value.params)), dtypeCode(value.dtype)), value.dtype));
  });
  return values;
}

const NARROW = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array };

function wrapped(array, dtype) { // integers of few bits go around, as NumPy's
  if (NARROW[dtype]) array.data.set(NARROW[dtype].from(array.data));
  return array;
}

const ownData = (array) => new Arr(Float64Array.from(array.data), array.shape, array.dtype); // kernels may hand on their operand's

function contextOf(graph, values, index, constant) {
  const { operands } = graph.values[index];
  return { y: values[index], x: operands.map((i) => (i === null ? null : values[i])), c: null, t: [], constant };
}

function conformed(array, like) {
  return rounded(ownData(sumTo(array, like.shape)), like.dtype);
}

// The same events as recorded, with the numbers that follow from other values.
function computeEvents(graph, values, events, rules, constant) {
  let cotangents = new Map(), tangents = new Map();
  const add = (map, index, array) => map.set(index, map.has(index) ? plus(map.get(index), array) : array);
  return events.map((event) => {
    const made = { ...event };
    const value = graph.values[event.value];
    if (event.kind === "walk") {
      cotangents = new Map();
      tangents = new Map();
    } else if (event.kind === "seed") add(cotangents, event.value, event.number);
    else if (event.kind === "start") tangents.set(event.value, event.number);
    else if (event.kind === "pull") {
      const tail = value.operands[event.operand], context = contextOf(graph, values, event.value, constant);
      context.c = cotangents.get(event.value);
      made.number = conformed(evaluate(rules[value.pulls[event.operand]], context), values[tail]);
      const partial = value.partials[event.operand];
      if (partial !== undefined) made.partial = evaluate(rules[partial], context);
      add(cotangents, tail, made.number);
    } else if (event.kind === "push") {
      made.parts = {};
      made.partials = {};
      for (const operand of Object.keys(event.parts)) {
        const context = contextOf(graph, values, event.value, constant);
        context.t = value.operands.map((i) => tangents.get(i));
        const part = evaluate(rules[value.pushes[operand]], context);
        made.parts[operand] = rounded(ownData(broadcastTo(part, values[event.value].shape)), values[event.value].dtype);
        if (value.partials[operand] !== undefined) made.partials[operand] = evaluate(rules[value.partials[operand]], context);
        add(tangents, event.value, made.parts[operand]);
      }
      made.number = tangents.get(event.value);
    } else if (event.kind === "update") {
      const gradient = cotangents.get(event.value);
      made.number = event.rate === null || !gradient ? null : stepped(values[event.value], gradient, event.rate);
    }
    return made;
  }).filter((event) => event.kind !== "update" || event.number !== null);
}

const stepped = (value, gradient, rate) => mapped([value, gradient], (p, g) => p - rate * g, value.dtype);
