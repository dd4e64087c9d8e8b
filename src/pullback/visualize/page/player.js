// The player: which run is shown, at which time, and what the reader asks for.

class Player {
  constructor(data, blob) {
    this.data = data;
    this.rules = data.rules;
    this.arrays = decoded(data, blob);
    this.runs = data.frames.map((_, number) => recordedRun(data, this.arrays, number));
    this.recorded = this.runs.length;
    this.hovered = this.selected = null;
    this.playing = false;
    this.animated = true;
    const part = (id) => document.getElementById(id);
    this.parts = Object.fromEntries(["stage", "panel", "slider", "play", "back", "next", "first", "last", "speed", "count", "say", "runs", "trail", "phases", "notice", "reset", "descend", "rate", "lab", "whole", "theme", "zoomin", "zoomout", "fit", "follow"].map((id) => [id, part(id)]));
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.dark = this.theme.matches;
    this.stage = new Stage(this.parts.stage, this);
    this.panel = new Panel(this.parts.panel, this);
    this.paint();
    this.listen();
    this.turnTo(0);
  }

  get run() { return this.runs[this.number]; }
  get pace() { return 1400 / +this.parts.speed.value; }
  constant = (at) => this.arrays[at];

  // What is walked back from, if one value is: what finite differences are taken of.
  findRoot() {
    const seeds = this.run.steps.filter((step) => step.kind === "seed");
    const one = seeds.length === 1 && seeds[0].number instanceof Arr;
    this.root = one && !this.data.obstacle ? seeds[0].value : null;
    this.seed = one ? seeds[0].number : null;
  }

  // Which run, which picture, which time.

  turnTo(number, time = 0) {
    const before = this.number === undefined ? null : this.run.graph;
    this.number = number;
    this.findRoot();
    if (before !== this.run.graph) this.openView(0);
    this.parts.slider.max = this.run.length;
    this.parts.phases.replaceChildren(...this.run.chapters.map(({ name, start }, i, all) => {
      const length = (all[i + 1]?.start ?? this.run.length) - start;
      return html("span", { class: name, style: `flex:${length}`, title: name });
    }));
    this.showRuns();
    this.parts.lab.hidden = this.root === null || !this.run.steps.some((s) => s.kind === "pull");
    this.time = undefined;
    this.go(time);
  }

  showRuns() {
    this.parts.runs.hidden = this.runs.length < 2;
    this.parts.runs.replaceChildren(...this.runs.map((run, i) => html("button", { class: run.own ? "own" : "", "aria-pressed": String(i === this.number), title: run.own ? "computed in this page" : "recorded", onclick: () => this.turnTo(i, Math.min(this.time, this.runs[i].length)) }, String(i + 1))));
  }

  openView(at) {
    const { graph } = this.run;
    this.viewAt = at;
    this.stage.open(graph, graph.views[at]);
    this.showTrail();
    if (this.time !== undefined) this.stage.show(this.run, this.time);
  }

  followTo(group) { // open the group in which something happens, unless the picture shows it already
    const view = this.run.graph.views[this.viewAt];
    if (view.group >= 0 && view.group !== group) this.openView(group);
  }

  openGroup(group) {
    this.openView(group);
    this.parts.stage.focus({ preventScroll: true });
  }

  showTrail() {
    const { graph } = this.run, whole = graph.views[this.viewAt].group < 0, trail = [];
    for (let group = whole ? 0 : this.viewAt; group >= 0; group = graph.groups[group][2]) trail.unshift(group);
    this.parts.trail.replaceChildren(...trail.map((group, i) => html("button", { "aria-current": i === trail.length - 1 && !whole ? "page" : null, onclick: () => this.openView(group) }, groupName(graph.groups[group]))));
    this.parts.trail.hidden = graph.groups.length < 2;
    const last = graph.views.length - 1;
    this.parts.follow.hidden = graph.groups.length < 2;
    this.parts.whole.hidden = graph.groups.length < 2;
    this.parts.whole.disabled = graph.views[last].group >= 0;
    this.parts.whole.title = this.parts.whole.disabled ? "too many values for one picture: open a group" : "";
    this.parts.whole.textContent = whole ? "fold" : "unfold all";
    this.parts.whole.onclick = () => this.openView(whole ? 0 : last);
  }

  go(time) {
    const to = Math.min(Math.max(Math.round(time), 0), this.run.length), from = this.time;
    if (to === from) return;
    const now = performance.now(); // steps that follow each other at once are seen as a whole, and nothing travels
    this.animated = from === undefined || (Math.abs(to - from) === 1 && now - this.moved > 60);
    this.moved = now;
    this.time = to;
    this.parts.slider.value = to;
    this.parts.slider.setAttribute("aria-valuetext", `step ${to} of ${this.run.length}`);
    this.parts.count.textContent = `${to} / ${this.run.length}`;
    this.parts.say.replaceChildren(...this.told(to));
    if (this.following && to) this.followTo(this.run.graph.holders[this.run.steps[to - 1].value]);
    this.stage.show(this.run, to, from === undefined ? null : this.run.changedBetween(from, to));
    this.panel.show();
    this.notice();
  }

  notice() {
    const first = this.run.firstBad;
    const lines = [];
    const { values, views } = this.run.graph, folded = views.length > 1 && views.at(-1).group >= 0;
    if (folded) lines.push(`${values.length.toLocaleString("en")} values, too many for one picture: folded`);
    if (this.run.own) lines.push("computed in this page");
    if (first >= 0) lines.push(html("button", { class: "bad", onclick: () => this.go(first) }, `a number is not finite: first at step ${first}`));
    this.parts.notice.replaceChildren(...lines.flatMap((line, i) => (i ? [" · ", line] : [line])));
    this.parts.reset.hidden = !this.runs.some((run) => run.own);
  }

  told(time) { // the last step in words
    const { run } = this, graph = run.graph;
    const name = (i) => html("b", { class: CLASSES[graph.values[i].kind] }, graph.values[i].kind === "o" ? (graph.values[i].name ?? `${graph.values[i].label} ${graph.values[i].id}`) : graph.values[i].label);
    const phase = (word, kind) => html("span", { class: `phase ${kind}` }, word);
    const green = (text) => html("b", { class: "derivative" }, text);
    if (!time) return [phase("ready", "forward"), "press play, or step with → and ←"];
    const step = run.steps[time - 1], value = graph.values[step.value];
    if (step.kind === "made") {
      const operands = value.operands.filter((i) => i !== null).flatMap((i, at) => [at ? ", " : "", brief(run.values[i]) && isNumber(run.values[i]) ? html("b", { class: CLASSES[graph.values[i].kind] }, brief(run.values[i])) : name(i)]);
      return [phase("forward", "forward"), html("b", { class: "operation" }, value.name ?? value.id), ` = ${value.label}(`, ...operands, ") = ", html("b", {}, brief(run.values[step.value]))];
    }
    if (step.kind === "seed") return [phase("backward", "backward"), "the walk begins at ", name(step.value), ": its derivative by itself is ", green(brief(step.number))];
    if (step.kind === "start") return [phase("forward mode", "tangents"), name(step.value), " moves in the direction ", green(brief(step.number))];
    if (step.kind === "push") {
      const terms = Object.entries(step.parts).flatMap(([i, part], at) => [at ? " + " : "", name(value.operands[i]), "’s ", green(brief(part))]);
      return [phase("forward mode", "tangents"), name(step.value), " moves by ", ...terms, ...(Object.keys(step.parts).length > 1 ? [" = ", green(brief(step.number))] : [])];
    }
    if (step.kind === "update") {
      const one = isNumber(step.number), before = one ? brief(run.values[step.value]) : value.label;
      const move = step.rate === null ? " + a step" : ` − ${fmt(step.rate)} · ${one ? brief(run.gradient(step.value)) : `∇${value.label}`}`;
      return [phase("update", "update"), name(step.value), ` ← ${before}${move} = `, html("b", {}, brief(step.number))];
    }
    const tail = value.operands[step.operand], slope = this.stage.slope(value, step.operand, step.partial);
    const meets = step.terms.length > 1 ? [", which is added: ", green(`${step.terms.slice(0, 5).map((t, i) => signed(t.number, i)).join("")}${step.terms.length > 5 ? " + …" : ""} = ${brief(step.total)}`)] : [];
    const arrives = graph.values[tail].kind === "v" ? " · its gradient" : "";
    return [phase("backward", "backward"), html("code", {}, slope), " carries ", green(brief(step.number)), " from ", name(step.value), " to ", name(tail), ...meets, step.terms.length > 1 ? "" : arrives];
  }

  // What the reader does.

  hover(index) {
    if (this.playing) return;
    this.hovered = index;
    this.stage.explain(index ?? this.selected);
    if (index === null && this.panel.root.contains(document.activeElement)) return;
    this.panel.show();
  }

  select(index) {
    const before = this.selected;
    this.selected = this.selected === index ? null : index;
    this.hovered = null;
    if (this.stage.boxesOf(index).every((at) => this.stage.boxes[at].kind !== "v")) this.openView(this.run.graph.holders[index]);
    this.stage.show(this.run, this.time, new Set([before, index].filter((i) => i !== null)));
    this.panel.shown = null;
    this.panel.show();
  }

  given() { // the values of the reader's, of the run that is shown
    return this.run.own ? this.run.inputs : new Map();
  }

  compute(inputs, base) { // a run of the page's own
    const frame = this.data.frames[base], graph = this.data.graphs[frame.graph], recorded = this.runs[base];
    const values = computeValues(graph, recorded.values, inputs);
    const run = new Run(graph, values, computeEvents(graph, values, recorded.events, this.rules, this.constant), true);
    run.inputs = inputs;
    run.base = base;
    return run;
  }

  change(index, element, x) {
    const array = this.run.values[index], data = Float64Array.from(array.data);
    data[element] = x;
    const inputs = new Map([...this.given(), [index, rounded(new Arr(data, array.shape, array.dtype, array.weak), array.dtype)]]);
    const run = this.compute(inputs, this.run.own ? this.run.base : this.number);
    if (this.run.own) this.runs[this.number] = run;
    else {
      this.runs = [...this.runs.slice(0, this.recorded), run];
      this.number = this.recorded;
    }
    this.redraw();
  }

  redraw() { // the same time of a run with other numbers
    const time = Math.min(this.time, this.run.length);
    this.turnTo(this.number, time);
  }

  descend() { // p ← p − rate · ∇p, for all variables
    const rate = Number(this.parts.rate.value), inputs = new Map(this.given());
    if (!Number.isFinite(rate)) return;
    this.run.graph.values.forEach((value, index) => {
      const gradient = value.kind === "v" ? this.run.gradient(index) : null;
      if (gradient) inputs.set(index, stepped(this.run.values[index], gradient, rate));
    });
    const base = this.run.own ? this.run.base : this.number, time = this.time;
    this.runs = [...this.runs.slice(0, this.run.own ? this.number + 1 : this.recorded), this.compute(inputs, base)];
    this.turnTo(this.runs.length - 1, Math.min(time, this.runs.at(-1).length));
    this.select(this.root);
    if (this.selected !== this.root) this.select(this.root);
  }

  reset() {
    const base = this.run.own ? this.run.base : this.number;
    this.runs = this.runs.slice(0, this.recorded);
    this.number = base;
    this.panel.shown = null;
    this.redraw();
  }

  play(on) {
    this.playing = on;
    this.parts.play.setAttribute("aria-label", on ? "pause" : "play");
    this.parts.play.classList.toggle("on", on);
    clearTimeout(this.timer);
    if (!on) return;
    if (this.time >= this.run.length && this.number < this.recorded - 1 && !this.run.own) this.turnTo(this.number + 1);
    else if (this.time >= this.run.length) this.go(0);
    const tick = () => {
      const more = Math.max(1, Math.round(20 / this.pace)); // faster than pictures follow: several steps at once
      this.go(this.time + more);
      if (this.time >= this.run.length) {
        if (this.number < this.recorded - 1 && !this.run.own) this.turnTo(this.number + 1);
        else {
          this.play(false);
          return;
        }
      }
      this.timer = setTimeout(tick, this.pace);
    };
    this.timer = setTimeout(tick, 60);
  }

  paint() {
    document.documentElement.dataset.theme = this.dark ? "dark" : "light";
    this.parts.theme.setAttribute("aria-label", this.dark ? "light colours" : "dark colours");
  }

  step(by) {
    this.play(false);
    this.go(this.time + by);
  }

  listen() {
    const { parts } = this;
    parts.slider.addEventListener("input", () => { this.play(false); this.go(+parts.slider.value); });
    parts.play.addEventListener("click", () => this.play(!this.playing));
    parts.back.addEventListener("click", () => this.step(-1));
    parts.next.addEventListener("click", () => this.step(1));
    parts.first.addEventListener("click", () => this.step(-Infinity));
    parts.last.addEventListener("click", () => this.step(Infinity));
    parts.reset.addEventListener("click", () => this.reset());
    parts.descend.addEventListener("click", () => this.descend());
    parts.follow.addEventListener("click", () => {
      this.following = !this.following;
      parts.follow.setAttribute("aria-pressed", String(this.following));
      if (this.following && this.time) this.followTo(this.run.graph.holders[this.run.steps[this.time - 1].value]);
    });
    parts.fit.addEventListener("click", () => this.stage.fit());
    const middle = () => [parts.stage.clientWidth / 2, parts.stage.clientHeight / 2];
    parts.zoomin.addEventListener("click", () => this.stage.zoom(1.3, ...middle()));
    parts.zoomout.addEventListener("click", () => this.stage.zoom(1 / 1.3, ...middle()));
    parts.theme.addEventListener("click", () => { this.dark = !this.dark; this.repaint(); });
    this.theme.addEventListener("change", (event) => { this.dark = event.matches; this.repaint(); });
    addEventListener("keydown", (event) => {
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target !== parts.slider) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const act = {
        ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1), Home: () => this.step(-Infinity), End: () => this.step(Infinity),
        PageDown: () => this.step(10), PageUp: () => this.step(-10), "+": () => this.stage.zoom(1.3, ...middle()), "-": () => this.stage.zoom(1 / 1.3, ...middle()),
        Escape: () => (this.selected !== null ? this.select(this.selected) : this.openView(Math.max(this.run.graph.groups[this.viewAt]?.[2] ?? 0, 0))),
        " ": () => event.target.tagName !== "BUTTON" && event.target.getAttribute("role") !== "button" && this.play(!this.playing),
      }[event.key];
      if (!act || act() === false) return;
      event.preventDefault();
    });
  }

  repaint() {
    this.paint();
    this.stage.show(this.run, this.time);
    this.panel.shown = null;
    this.panel.show();
  }
}

const textOf = (id) => document.getElementById(id).textContent;
document.documentElement.dataset.begun = "1"; // until now nothing is drawn, for all of it would be drawn again
window.player = new Player(completed(JSON.parse(textOf("data"))), textOf("blob").trim());
document.documentElement.dataset.ready = "1";
