// The camera: which part of a picture is in sight, and how large. A stage is one that also knows what is in the picture.

class Camera {
  constructor(root) {
    this.root = root;
  }

  measure() {
    const { width, height } = this.root.getBoundingClientRect();
    if (this.room?.width === width && this.room?.height === height) return;
    this.room = { width, height };
    if (this.view) this.fit();
  }

  fit() {
    const [width, height] = this.view.size, { room } = this;
    const margin = 26, above = this.graph.groups.length > 1 ? 52 : margin; // the trail stands there
    const scale = Math.min((room.width - 2 * margin) / Math.max(width, 1), (room.height - above - margin) / Math.max(height, 1), 1.5);
    const least = room.width < 600 ? 0.55 : 0.45; // what can still be read
    this.scale = Math.max(scale, Math.min(least, (room.width - 2 * margin) / Math.max(width, 1) > least ? least : Math.max(scale, 0.12)), 0.05);
    this.x = (room.width - width * this.scale) / 2;
    this.y = above + Math.max((room.height - above - margin - height * this.scale) / 2, 0);
    this.place();
  }

  place() {
    this.camera.setAttribute("transform", `translate(${this.x} ${this.y}) scale(${this.scale})`);
    this.look();
  }

  zoom(factor, x, y) {
    const scale = Math.min(Math.max(this.scale * factor, 0.05), 4);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.place();
  }

  keepInView(value) {
    const at = this.boxesOf(value)[0];
    if (at === undefined) return;
    const box = this.boxes[at], { room } = this;
    const x = this.x + box.x * this.scale, y = this.y + box.y * this.scale; // nothing moves while the box is in sight
    const wide = (box.width * this.scale) / 2, tall = (box.height * this.scale) / 2;
    const across = x < wide || x > room.width - wide, along = y < tall || y > room.height - tall;
    if (across) this.x = room.width / 2 - box.x * this.scale;
    if (along) this.y = room.height / 2 - box.y * this.scale;
    if (across || along) this.place();
  }

  listen() {
    const pointers = new Map();
    let far = 0;
    this.svg.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, event);
      this.dragged = false;
      far = 0;
    });
    addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
      if (pointers.size === 1) {
        far += Math.abs(dx) + Math.abs(dy);
        this.dragged = far > 6;
        this.x += dx;
        this.y += dy;
        this.place();
      } else {
        const [a, b] = [...pointers.values()], other = a.pointerId === event.pointerId ? b : a;
        const span = (e) => Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY);
        const corner = this.root.getBoundingClientRect();
        this.zoom(span(event) / Math.max(span(before), 1), (event.clientX + other.clientX) / 2 - corner.left, (event.clientY + other.clientY) / 2 - corner.top);
        this.dragged = true;
      }
      pointers.set(event.pointerId, event);
    });
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, (event) => pointers.delete(event.pointerId));
    this.svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const corner = this.root.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - corner.left, event.clientY - corner.top);
    }, { passive: false });
    new ResizeObserver(() => this.measure()).observe(this.root);
  }
}
