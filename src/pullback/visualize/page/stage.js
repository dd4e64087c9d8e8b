// The stage: the picture of one group, in which boxes fill and derivatives travel.

const CLASSES = { v: "variable", c: "constant", o: "operation" };
const short = (text, most = 20) => (text.length > most ? `${[...text].slice(0, most - 1).join("")}…` : text);

const MOST_NOTES = 60; // boxes of a picture in which numbers stand at the edges

const groupName = ([kind, label]) => (kind === "turn" ? `turn ${label}` : label);

class Stage extends Camera {
  constructor(root, player) {
    super(root);
    this.player = player;
    this.svg = svg("svg", { class: "graph", role: "group", "aria-label": "the graph" });
    this.camera = svg("g");
    this.svg.append(this.camera);
    root.append(this.svg);
    this.reduced = matchMedia("(prefers-reduced-motion: reduce)");
    this.measure();
    this.listen();
  }

  // What is shown. Of a large picture only what is in sight is in the document.

  open(graph, view) {
    this.graph = graph;
    this.view = view;
    this.active = [];
    this.shown = new Map(); // "v3", "g1" → the places of their boxes
    this.layers = [svg("g", { class: "lines" }), svg("g", { class: "boxes" })];
    [this.notes, this.above, this.asked] = ["notes", "above", "above"].map((name) => svg("g", { class: name, "aria-hidden": "true" }));
    this.boxes = view.boxes.map(([kind, index, x, y, width, height], at) => {
      const stub = kind === "i" || kind === "o", outer = stub ? (index < 0 ? `g${-1 - index}` : `v${index}`) : `${kind}${index}`;
      if (!this.shown.has(outer)) this.shown.set(outer, []);
      this.shown.get(outer).push(at);
      return { kind, index, outer, x, y, width, height, area: [x - width / 2, y - height / 2, x + width / 2, y + height / 2] };
    });
    this.lines = new Map(); // "tail box:head box:operand" → lines
    view.lines.forEach(([tail, head, operand, d]) => {
      const numbers = d.match(/-?[\d.]+/g).map(Number), area = [Infinity, Infinity, -Infinity, -Infinity];
      numbers.forEach((n, i) => {
        area[i % 2] = Math.min(area[i % 2], n);
        area[2 + (i % 2)] = Math.max(area[2 + (i % 2)], n);
      });
      this.lines.set(`${tail}:${head}:${operand}`, { d, tail, area, end: numbers.slice(-2), head: this.boxes[head], operand });
    });
    this.camera.replaceChildren(...this.layers, this.notes, this.above, this.asked);
    this.fit();
  }

  look() { // put what is in sight into the document, and take out what is not
    if (!this.view) return;
    const margin = 150 / this.scale, [left, top] = [-this.x / this.scale - margin, -this.y / this.scale - margin];
    const right = left + this.room.width / this.scale + 2 * margin, bottom = top + this.room.height / this.scale + 2 * margin;
    const seen = ([x0, y0, x1, y1]) => x1 >= left && x0 <= right && y1 >= top && y0 <= bottom;
    for (const line of this.lines.values()) {
      if (seen(line.area)) this.pathOf(line);
      else line.path?.remove();
    }
    for (const box of this.boxes) {
      if (!seen(box.area)) box.group?.remove();
      else if (!box.group?.parentNode) {
        this.layers[1].append(this.groupOf(box));
        if (this.run) this.update(box, this.run, this.time);
      }
    }
  }

  pathOf(line) {
    line.path ??= svg("path", { d: line.d, class: `line ${this.classOf(this.view.boxes[line.tail])}` });
    if (!line.path.parentNode) this.layers[0].append(line.path);
    return line.path;
  }

  groupOf(box) {
    if (!box.group) this.build(box);
    return box.group;
  }

  classOf([kind, index]) {
    return kind === "v" ? CLASSES[this.graph.values[index].kind] : kind === "g" ? "group" : "stub";
  }

  build(made) {
    const { kind, index, outer, x, y, width, height } = made;
    const group = svg("g", { class: `box ${this.classOf([kind, index])}`, transform: `translate(${x - width / 2} ${y - height / 2})`, tabindex: 0, role: "button", "data-box": outer });
    made.group = group;
    made.frame = svg("rect", { class: "frame", width, height });
    group.append(made.frame);
    if (kind === "g") this.groupBox(made);
    else if (kind === "v") this.valueBox(made);
    else group.append(svg("text", { x: width / 2, y: 17, class: "title" }, `${kind === "i" ? "from" : "to"} ${short(this.nameOf(outer), 18)}`));
    group.addEventListener("click", () => this.chosen(made));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.chosen(made);
    });
    if (outer[0] === "v") {
      for (const name of ["pointerenter", "focus"]) group.addEventListener(name, () => this.player.hover(+outer.slice(1)));
      group.addEventListener("pointerleave", () => this.player.hover(null));
    }
  }

  nameOf(outer) {
    return outer[0] === "g" ? groupName(this.graph.groups[+outer.slice(1)]) : this.graph.values[+outer.slice(1)].id;
  }

  chosen(box) {
    const { outer } = box;
    if (this.dragged) return;
    if (box.kind === "g") this.player.openGroup(box.index);
    else if (outer[0] === "g") this.player.openGroup(+outer.slice(1));
    else if (box.kind !== "v") this.player.openGroup(this.graph.holders[+outer.slice(1)]);
    else this.player.select(box.index);
  }

  groupBox(made) {
    const [, , , size] = this.graph.groups[made.index], { width, height } = made, name = groupName(this.graph.groups[made.index]);
    made.frame.before(svg("rect", { class: "frame behind", width: width - 12, height, x: 6, y: 5 }));
    made.group.append(
      svg("text", { x: width / 2, y: 24, class: "title" }, short(name, 24)),
      svg("text", { x: width / 2, y: 41, class: "note" }, `${size} operation${size > 1 ? "s" : ""} · open`),
      svg("rect", { class: "track", x: 14, y: height - 14, width: width - 28, height: 4, rx: 2 }),
      (made.bar = svg("rect", { class: "bar", x: 14, y: height - 14, width: 0, height: 4, rx: 2 })),
    );
    made.group.setAttribute("aria-label", `${name}: ${size} operations, folded; open`);
  }

  valueBox(made) {
    const value = this.graph.values[made.index], { width, height, group } = made;
    made.array = sizeOf(value.shape) !== 1;
    const title = svg("text", { x: width / 2, y: made.array || value.kind !== "c" ? 19 : 20, class: "title" }, short(value.label, 22));
    group.append(title);
    const half = (width - 18) / 2;
    if (made.array) {
      const top = 27, tall = height - (value.kind === "c" ? 36 : 62);
      made.maps = (value.kind === "c" ? [width - 18] : [half - 3, half - 3]).map((w, i) => {
        const map = svg("image", { x: 9 + i * (half + 3), y: top, width: w, height: tall, preserveAspectRatio: "none", class: `map ${i ? "derivative" : "value"}` });
        const edge = svg("rect", { x: 9 + i * (half + 3), y: top, width: w, height: tall, rx: 2, class: `edge ${i ? "derivative" : "value"}` });
        group.append(map, edge);
        return { map, edge };
      });
      if (value.kind !== "c") {
        group.append(svg("text", { x: 9 + half / 2 - 1, y: height - 22, class: "note" }, shapeText(value.shape)));
        made.value = svg("text", { x: 9 + half / 2 - 1, y: height - 9, class: "number small" });
        made.derivative = svg("text", { x: 9 + half * 1.5 + 1, y: height - 9, class: "number small derivative" });
        made.mark = svg("text", { x: 9 + half * 1.5 + 1, y: height - 22, class: "note derivative" });
        group.append(made.value, made.derivative, made.mark);
      }
    } else if (value.kind !== "c") {
      made.value = svg("text", { x: width / 2, y: 37, class: "number" });
      made.derivative = svg("text", { x: width / 2, y: 53, class: "number derivative" });
      group.append(made.value, made.derivative);
    }
  }

  // What happens.

  show(run, time, changed = null) {
    this.run = run;
    this.time = time;
    this.camera.classList.toggle("still", !this.player.animated);
    if (time) this.keepInView(run.steps[time - 1].value);
    for (const box of this.boxes) if (box.group?.parentNode && (box.kind === "g" || !changed || changed.has(box.index))) this.update(box, run, time);
    this.light(run, time);
    this.write(run, time);
    this.explain(this.player.hovered ?? this.player.selected);
  }

  write(run, time) { // at each edge that a derivative has passed, its local derivative; large pictures have no room
    if (this.boxes.length > MOST_NOTES) return;
    for (const line of this.lines.values()) {
      const slope = line.head.kind === "v" ? run.slopeOf(line.head.index, line.operand, time) : null;
      const text = slope && isNumber(slope) ? fmt(slope.at(), 3) : "";
      if (!text && !line.note) continue;
      const [x, y] = line.end, left = x < line.head.x - 1; // beside the edge, away from the next one
      line.note ??= this.notes.appendChild(svg("text", { x: left ? x - 5 : x + 5, y: y - 7, "text-anchor": left ? "end" : "start" }));
      line.note.textContent = text;
    }
  }

  explain(index) { // of an operation that the reader points at, the local derivative by each of its operands
    const { run, time } = this, value = this.graph.values[index], step = time ? run.steps[time - 1] : null;
    this.asked.replaceChildren();
    this.above.classList.toggle("covered", step?.value === index);
    if (value?.kind !== "o") return;
    let height = 17;
    value.operands.forEach((tail, operand) => {
      const found = tail === null ? null : this.lineOf(tail, index, operand);
      const text = found && this.slope(value, operand, run.slopeOf(index, operand, time));
      if (!text) return;
      this.asked.append(this.label(found.end, text, height));
      height += 25;
    });
  }

  update(box, run, time) {
    if (box.kind === "v") this.fill(box, run, time);
    else if (box.kind === "g") this.progress(box, run, time);
  }

  fill(box, run, time) {
    const { known, value, derivative, terms, forward, updated } = run.stateOf(box.index, time);
    const facts = this.graph.values[box.index];
    box.group.classList.toggle("known", known);
    box.group.classList.toggle("reached", derivative !== null);
    box.group.classList.toggle("updated", updated);
    box.group.classList.toggle("bad", known && bad(value));
    box.group.classList.toggle("badly", bad(derivative));
    box.group.classList.toggle("chosen", this.player.selected === box.index);
    box.group.classList.toggle("summed", terms.length > 1 && !forward);
    if (box.value) box.value.textContent = known ? (value ? (box.array ? reach(value) : brief(value)) : facts.dtype === "tuple" ? "several" : "not shown") : "·";
    const mark = derivative === null ? "" : `${forward ? "tangent" : facts.kind === "v" ? "gradient" : "cotangent"}`;
    if (box.derivative) {
      const meeting = terms.length > 1 && terms.length < 4 && !box.array && !forward && time && run.steps[time - 1].target === box.index;
      const prefix = meeting ? `${terms.map((term, i) => signed(term.number, i)).join("")} = ` : forward ? "→ " : facts.kind === "v" ? "∇ " : "← ";
      box.derivative.textContent = derivative === null ? "" : box.array ? reach(derivative) : prefix + brief(derivative);
    }
    if (box.mark) box.mark.textContent = mark;
    if (box.maps) {
      const dark = this.player.dark;
      box.maps.forEach(({ map, edge }, i) => {
        const array = i ? derivative : known ? value : null;
        const drawable = array && array.size !== 0;
        if (drawable) map.setAttribute("href", heatMap(array, dark));
        map.style.visibility = drawable ? "visible" : "hidden";
        edge.classList.toggle("full", Boolean(drawable));
      });
    }
    const said = [`${CLASSES[facts.kind]} ${facts.id}`, facts.kind === "o" ? facts.label : "", known ? `value ${brief(value)}` : "not computed yet", derivative ? `${mark} ${brief(derivative)}` : ""];
    box.group.setAttribute("aria-label", said.filter(Boolean).join(", "));
  }

  progress(box, run, time) { // how much of a group is done, of the walk that is under way
    const step = time ? run.steps[time - 1] : null, walking = Boolean(step) && step.kind !== "made" && step.kind !== "update";
    const times = run.timesIn(box.index, walking ? step.walk : 0), done = countUpTo(times, time);
    box.bar.setAttribute("width", ((box.width - 28) * Math.min(done / Math.max(run.timesIn(box.index, 0).length, 1), 1)).toFixed(1));
    box.group.classList.toggle("reached", walking && done > 0);
    box.group.classList.toggle("known", done > 0 || walking);
  }

  boxesOf(value) { // the boxes in which a value is, or is folded
    let found = this.shown.get(`v${value}`);
    for (let group = this.graph.holders[value]; !found && group >= 0; group = this.graph.groups[group][2]) found = this.shown.get(`g${group}`);
    return found ?? [];
  }

  lineOf(tail, head, operand) {
    for (const from of this.boxesOf(tail)) {
      for (const to of this.boxesOf(head)) {
        const line = this.lines.get(`${from}:${to}:${operand}`) ?? this.lines.get(`${from}:${to}:-1`);
        if (line) return { line: this.pathOf(line), end: line.end, from: this.boxes[from], to: this.boxes[to] };
      }
    }
    return null;
  }

  light(run, time) { // what the last step did
    this.active.forEach((element) => element.classList.remove("active", "back", "front"));
    this.active = [];
    this.above.replaceChildren();
    cancelAnimationFrame(this.frame);
    if (!time) return;
    const step = run.steps[time - 1], value = this.graph.values[step.value];
    const mark = (element, ...names) => {
      element.classList.add("active", ...names);
      this.active.push(element);
    };
    const back = step.kind === "pull" || step.kind === "seed";
    for (const at of this.boxesOf(step.value)) mark(this.groupOf(this.boxes[at]), ...(back ? ["back"] : []));
    const moves = [];
    if (step.kind === "made") value.operands.forEach((tail, i) => tail !== null && moves.push([tail, i, ""]));
    if (step.kind === "push") Object.keys(step.parts).forEach((i) => moves.push([value.operands[i], +i, this.slope(value, +i, step.partials[i])]));
    if (step.kind === "pull") {
      const tail = value.operands[step.operand];
      for (const at of this.boxesOf(tail)) mark(this.groupOf(this.boxes[at]), "back");
      moves.push([tail, step.operand, this.slope(value, step.operand, step.partial)]);
    }
    for (const [tail, operand, label] of moves) {
      const found = this.lineOf(tail, step.value, operand);
      if (!found) continue;
      mark(found.line, back ? "back" : step.kind === "push" ? "front" : "made");
      if (label) this.above.append(this.label(found.end, label));
      this.travel(found, back, step.kind === "made" ? "" : brief(back ? step.number : step.parts[operand]));
    }
  }

  slope(value, operand, number) { // ∂/∂a = b = 3
    const name = value.names[operand], partial = value.partials[operand];
    if (partial === undefined) {
      const rule = this.player.rules[(value.pulls[operand] ?? value.pushes[operand])];
      return rule?.[2] ? `${name}${value.pulls[operand] === undefined ? "" : "\u0304"} += ${rule[2]}` : "";
    }
    const formula = this.player.rules[partial][2], digits = !number || !isNumber(number) ? "" : fmt(number.at());
    return `∂/∂${name} = ${[formula, digits].filter((x, i, all) => x && all.indexOf(x) === i).join(" = ")}`;
  }

  label([x, y], text, height = 17) { // over the box that an edge leads to
    const shown = short(text, 44), width = shown.length * 6.75 + 16;
    return svg("g", { class: "slope", transform: `translate(${x} ${y - height})` }, svg("rect", { x: -width / 2, y: -11, width, height: 22, rx: 11 }), svg("text", { y: 4 }, shown));
  }

  travel({ line, from }, back, text) {
    if (this.reduced.matches || !this.player.animated) return;
    const dot = svg("g", { class: `pulse ${back ? "back" : ""}` }, svg("circle", { r: 5 }));
    if (text) dot.append(svg("text", { x: 10, y: 4 }, short(text, 16)));
    this.above.append(dot);
    const length = line.getTotalLength(), begun = performance.now(), lasts = Math.min(this.player.pace * 0.8, 900);
    // A line may begin where it leaves a longer one of the same box: the rest of the way is straight.
    const start = line.getPointAtLength(0), { x: left, y: middle, height } = from, rest = Math.hypot(start.x - left, start.y - middle - height / 2);
    const whole = length + rest;
    const move = (now) => {
      const part = Math.min((now - begun) / lasts, 1), eased = part * part * (3 - 2 * part), at = whole * (back ? 1 - eased : eased);
      const share = rest ? at / rest : 1;
      const { x, y } = at >= rest ? line.getPointAtLength(at - rest) : { x: left + (start.x - left) * share, y: middle + height / 2 + (start.y - middle - height / 2) * share };
      dot.setAttribute("transform", `translate(${x} ${y})`);
      if (part < 1 && dot.isConnected) requestAnimationFrame(move);
      else dot.classList.add("arrived");
    };
    move(begun);
  }
}

function signed(array, at) { // a term of a sum
  const text = brief(array);
  if (!at) return text;
  return text.startsWith("−") ? ` − ${text.slice(1)}` : ` + ${text}`;
}
