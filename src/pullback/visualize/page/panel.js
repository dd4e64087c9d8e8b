// The panel: all that is known of one value, and what the reader may do with it.

const MOST_TERMS = 20; // of a sum that are written before the reader asks for more

class Panel {
  constructor(root, player) {
    this.root = root;
    this.player = player;
    this.element = 0; // of an array, the one that is changed and checked
  }

  show() { // of the value that is hovered over, else the one that was chosen, else the one that the last step is about
    const { player } = this, { run, time } = player;
    const step = time ? run.steps[time - 1] : null;
    const index = player.hovered ?? player.selected ?? step?.target ?? step?.value ?? this.firstVariable();
    if (document.activeElement && this.root.contains(document.activeElement) && this.shown === index) return this.refresh(index);
    if (this.shown !== index) {
      this.element = 0;
      this.all = false; // of a long sum, whether each term is written
    }
    this.shown = index;
    if (index === undefined) return undefined;
    const facts = run.graph.values[index];
    this.parts = { value: html("div", { class: "part" }), derivative: html("div", { class: "part" }), check: html("div", { "aria-live": "polite" }) };
    this.root.replaceChildren(
      html("header", {}, html("span", { class: `chip ${CLASSES[facts.kind]}` }, CLASSES[facts.kind]), html("h2", {}, facts.name ?? (facts.kind === "o" ? facts.label : facts.id)), facts.id === (facts.name ?? facts.label) ? null : html("code", {}, facts.id)),
      ...this.origin(facts), this.parts.value, ...this.controls(index, facts), this.parts.derivative, this.parts.check, ...this.rules(index, facts),
    );
    return this.refresh(index);
  }

  firstVariable() {
    const at = this.player.run.graph.values.findIndex((value) => value.kind === "v");
    return at < 0 ? 0 : at;
  }

  origin(facts) {
    if (facts.kind !== "o") return [];
    const { run } = this.player, said = facts.said ? `, ${facts.said}` : "";
    const operands = facts.operands.flatMap((i, at) => {
      if (i === null) return [];
      const link = html("button", { class: `link ${CLASSES[run.graph.values[i].kind]}`, onclick: () => this.player.select(i), title: `operand ${facts.names[at]}` }, run.graph.values[i].kind === "o" ? run.graph.values[i].id : run.graph.values[i].label);
      return at ? [", ", link] : [link];
    });
    const rows = [html("p", { class: "call" }, `${facts.label}(`, ...operands, `${said})`)];
    if (facts.doc) rows.push(html("p", { class: "doc" }, facts.doc.replaceAll("`", "")));
    if (facts.code) rows.push(html("p", { class: "source" }, html("code", {}, facts.code), html("small", {}, facts.site)));
    else if (facts.site) rows.push(html("p", { class: "source" }, html("small", {}, facts.site)));
    return rows;
  }

  refresh(index) {
    const { run, time } = this.player, facts = run.graph.values[index], state = run.stateOf(index, time);
    this.parts.value.replaceChildren(...this.pictured("value", "value", state.known ? state.value : null, facts, state.known ? facts.dtype === "tuple" ? "several results, which the next operations pick out" : "a number that this page cannot show" : "not computed yet"));
    const what = state.forward ? "tangent" : facts.kind === "v" ? "gradient" : "cotangent";
    const whose = facts.kind === "v" && !state.forward ? `∂/∂${facts.id}` : "";
    this.parts.derivative.replaceChildren(...(state.derivative ? this.pictured(what, "derivative", state.derivative, facts, "", whose) : []), ...this.sum(state, facts));
    this.onTime(index);
  }

  pictured(title, kind, array, facts, missing, whose = "") {
    const head = html("h3", { class: kind }, `${title} `, html("span", {}, whose));
    if (!array) return missing ? [head, html("p", { class: "missing" }, missing)] : [];
    const chosen = array instanceof Arr ? array.at(this.element) : null;
    if (isNumber(array)) return [head, html("output", { class: `big ${kind} ${bad(array) ? "bad" : ""}`, "data-exact": String(array.at()) }, fmt(array.at(), 8)), html("small", { class: "exact" }, exact(array.at()))];
    if (array.size === 0) return [head, html("p", { class: "missing" }, `empty: ${shapeText(array.shape)}`)];
    if (array.text && array.size === 1) return [head, html("output", { class: `big ${kind} ${bad(array) ? "bad" : ""}` }, array.text)];
    const most = Math.max(...rangeOf(array).map(Math.abs)), { rows, columns } = matrixOf(array);
    const map = html("img", { class: "heat", src: heatMap(array, this.player.dark), alt: `heat map of ${title}`, style: `aspect-ratio:${Math.min(Math.max(columns / rows, 0.5), 6)}`, onclick: (event) => this.pick(event, array, rows, columns) });
    const mean = array instanceof Arr ? total(array.data) / array.size : array.mean;
    const sizes = html("dl", {}, ...[["shape", shapeText(array.shape)], ["dtype", facts.dtype], ["range", brief(array)], ["mean", fmt(mean)]].flatMap(([k, v]) => [html("dt", {}, k), html("dd", {}, v)]));
    const scale = html("div", { class: "scale" }, html("span", {}, fmt(-most, 3)), html("i"), html("span", {}, fmt(most, 3)));
    const one = array instanceof Arr ? html("p", { class: "element" }, `element ${this.placeOf(array)} `, html("output", { "data-exact": String(chosen) }, fmt(chosen, 8))) : html("p", { class: "element" }, array.text ? "complex numbers: the picture shows their sizes" : "a coarse picture: the array is too large for the page");
    const spread = html("details", { open: this.spread }, html("summary", {}, "histogram"), histogramPicture(array));
    spread.addEventListener("toggle", () => { this.spread = spread.open; });
    return [head, map, scale, one, sizes, spread];
  }

  placeOf(array) {
    const own = strides(array.shape);
    return `[${own.map((s, axis) => Math.floor(this.element / s) % array.shape[axis]).join(", ")}]`;
  }

  pick(event, array, rows, columns) {
    if (!(array instanceof Arr)) return;
    const area = event.target.getBoundingClientRect(), at = (part, n) => Math.min(Math.max(Math.floor(part * n), 0), n - 1);
    this.element = at((event.clientY - area.top) / area.height, rows) * columns + at((event.clientX - area.left) / area.width, columns);
    this.shown = null;
    this.show();
  }

  sum(state, facts) { // term by term, where contributions met
    const { run } = this.player, { terms } = state;
    if (!terms.length || (terms.length === 1 && terms[0].from < 0)) return [];
    const pick = (array) => (array instanceof Arr ? fmt(array.at(isNumber(array) ? 0 : this.element), 6) : brief(array));
    const written = (term) => {
      const source = term.from < 0 ? null : run.graph.values[term.from];
      const from = source ? html("button", { class: "link operation", onclick: () => this.player.select(term.from) }, `${source.kind === "o" ? `${source.label} ${source.id}` : source.id}`) : "begins with";
      return html("li", {}, html("span", {}, from), html("output", { "data-exact": term.number instanceof Arr ? String(term.number.at(isNumber(term.number) ? 0 : this.element)) : null }, pick(term.number)));
    };
    const rows = (terms.length > MOST_TERMS + 4 && !this.all ? terms.slice(0, MOST_TERMS) : terms).map(written), left = terms.length - rows.length;
    if (left) rows.push(html("li", {}, html("button", { class: "quiet", onclick: () => { this.all = true; this.refresh(this.shown); } }, `and ${left} more`)));
    const many = terms.length > 1;
    if (many) rows.push(html("li", { class: "total" }, html("span", {}, state.forward ? "tangent" : facts.kind === "v" ? "gradient" : "cotangent"), html("output", {}, pick(state.derivative))));
    return [html("h4", {}, many ? `the sum of ${terms.length} contributions${facts.shape.length ? " (this element)" : ""}` : "it came from"), html("ul", { class: "sum" }, ...rows)];
  }

  rules(index, facts) {
    if (facts.kind !== "o") return [];
    const { player } = this, rows = [];
    for (const [operand, rule] of Object.entries({ ...facts.pushes, ...facts.pulls })) {
      const partial = facts.partials[operand], name = facts.names[operand];
      const slope = partial === undefined ? null : player.rules[partial][2], used = player.run.slopeOf(index, operand, player.time);
      const now = used && isNumber(used) && fmt(used.at()) !== slope ? ` = ${fmt(used.at())}` : "";
      const text = player.rules[rule]?.[2];
      rows.push(html("li", {}, slope ? html("code", { class: "rule" }, `∂y/∂${name} = ${slope}${now}`) : null, text ? html("code", { class: "rule weak" }, facts.pulls[operand] === undefined ? `ẏ += ${text}` : `${name}\u0304 += ${text}`) : slope ? null : html("span", {}, facts.doc ?? `∂y/∂${name}: too long to write here`)));
    }
    return rows.length ? [html("h3", {}, "derivative"), html("ul", { class: "rules" }, ...rows)] : [];
  }

  // What the reader may do.

  controls(index, facts) {
    const { player } = this;
    if (facts.kind === "o" || !/float/.test(facts.dtype)) return [];
    if (player.data.obstacle) return facts.kind === "v" ? [html("p", { class: "missing" }, `Shown, not computed anew: ${player.data.obstacle}.`)] : [];
    const array = player.run.values[index];
    if (!(array instanceof Arr) || !array.size) return [];
    const now = array.at(this.element), reach = Math.max(2 * Math.abs(now), 1);
    const label = `${facts.kind === "c" && facts.id.startsWith("c") ? "this constant" : facts.id}${array.ndim ? this.placeOf(array) : ""}`;
    const set = (text, other) => {
      const x = Number(String(text).replace("−", "-").trim());
      if (String(text).trim() === "" || Number.isNaN(x)) return;
      other.value = String(x);
      player.change(index, this.element, x);
    };
    const slider = html("input", { type: "range", min: now - reach, max: now + reach, step: reach / 100, value: now, "aria-label": `drag ${label}`, oninput: () => set(slider.value, field) });
    const field = html("input", { type: "text", inputmode: "decimal", value: String(now), "aria-label": `value of ${label}`, onchange: () => set(field.value, slider) });
    const rows = [html("label", { class: "change" }, html("span", {}, `change ${label}`), field), slider];
    if (facts.kind === "v" && player.root !== null) rows.push(html("button", { class: "act", onclick: () => this.check(index, facts) }, "check by finite differences"));
    return [html("div", { class: "controls" }, ...rows)];
  }

  check(index, facts) { // the derivative against the slope of a chord
    const { player } = this, values = player.run.values, array = values[index], x = array.at(this.element);
    const exactly = { f: 1e-2, e: 1e-1 }[array.dtype] ?? 1e-5, h = exactly * Math.max(1, Math.abs(x));
    const at = (moved) => {
      const data = Float64Array.from(array.data);
      data[this.element] = moved;
      const wide = new Arr(data, array.shape, array.dtype);
      const result = computeValues(player.run.graph, values, new Map([...player.given(), [index, wide]]))[player.root];
      return total(result.data.map((y, i) => y * player.seed.data[i]));
    };
    const left = at(x - h), right = at(x + h), slope = (right - left) / (2 * h);
    const gradient = player.run.gradient(index)?.at(this.element) ?? 0, gap = Math.abs(slope - gradient) / Math.max(Math.abs(slope), Math.abs(gradient), 1e-12);
    const good = gap < (array.dtype === "d" ? 1e-5 : 3e-2) || Math.abs(slope - gradient) < 1e-7;
    this.parts.check.replaceChildren(html("div", { class: `check ${good ? "good" : "poor"}`, "data-slope": slope, "data-gradient": gradient }, html("b", {}, good ? "✓ they agree" : "they differ"), html("p", {}, `(f(${fmt(x + h, 7)}) − f(${fmt(x - h, 7)})) / ${fmt(2 * h, 3)}`), html("p", {}, `= (${fmt(right, 9)} − ${fmt(left, 9)}) / ${fmt(2 * h, 3)} = ${fmt(slope, 8)}`), html("p", {}, `∂/∂${facts.id} by the walk: ${fmt(gradient, 8)}`), good ? null : html("p", {}, "near a kink, or where numbers are too coarse, a chord says little")));
  }

  onTime(index) { // over the runs
    const { player } = this;
    const series = player.runs.map((run) => run.graph === player.run.graph ? run.values[index] : null).filter(Boolean);
    if (series.length < 2 || !series.every((a) => a instanceof Arr)) return;
    const numbers = series.map((a) => a.at(isNumber(a) ? 0 : this.element));
    this.parts.value.append(html("h4", {}, "over the runs"), lineOverTime(numbers, player.number, player.run.graph.values[index].id));
  }
}
