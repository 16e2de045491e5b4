// The whole trace as a picture, and a brush over it: what part of the time the rows show.

const HEIGHT = 52, LEAST = 1e-4; // the closest zoom, as a share of the trace

export class Minimap {
  /** `onView([from, to], done)`: while dragging with done false, at its end with done true. */
  constructor(box, model, onView) {
    Object.assign(this, { box, model, onView, view: [0, model.total] });
    this.canvas = box.querySelector("canvas");
    this.brush = box.querySelector(".brush");
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(box);
    box.addEventListener("pointerdown", (event) => this.#drag(event));
    box.addEventListener("dblclick", () => this.#set([0, model.total], true));
    this.show(this.view);
  }
  close() { this.watch.disconnect(); }

  /** Every row of the model, folded or not, a line of its own; lines share pixels where there are many. */
  draw() {
    const width = this.box.clientWidth, scale = devicePixelRatio || 1, { model } = this, c = this.canvas.getContext("2d");
    if (!width) return;
    this.canvas.width = width * scale;
    this.canvas.height = HEIGHT * scale;
    c.scale(scale, scale);
    const colours = palette(this.box), step = Math.min(4, (HEIGHT - 6) / model.size), thick = Math.max(1, step * 0.75), x = width / (model.total || 1);
    // A colour at a time, because to change it costs more than to draw; failures last, so that nothing hides them.
    const rows = new Map();
    for (let i = 0; i < model.size; i++) {
      const colour = model.failed.has(i) ? "err" : model.colours[model.v[i]], found = rows.get(colour);
      if (found) found.push(i); else rows.set(colour, [i]);
    }
    for (const [colour, found] of [...rows].sort(([a], [b]) => (a === "err") - (b === "err"))) {
      c.fillStyle = colours[colour];
      c.globalAlpha = colour === "err" ? 1 : 0.8;
      const high = colour === "err" ? Math.max(2, thick) : thick;
      for (const i of found) c.fillRect(model.start[i] * x, 3 + i * step, Math.max(1, model.du[i] * x), high);
    }
  }
  /** Show a view that was chosen elsewhere. */
  show([from, to]) {
    const total = this.model.total || 1;
    this.view = [from, to];
    this.brush.style.left = `${(from / total) * 100}%`;
    this.brush.style.width = `${((to - from) / total) * 100}%`;
    this.brush.classList.toggle("whole", from <= 0 && to >= total);
    this.brush.setAttribute("aria-valuenow", Math.round((from / total) * 100));
    this.brush.setAttribute("aria-valuetext", `${Math.round((from / total) * 100)} to ${Math.round((to / total) * 100)} percent`);
  }
  /** The view moved and scaled, kept inside the trace. */
  clamp([from, to]) {
    const { total } = this.model, width = Math.min(total, Math.max(to - from, total * LEAST, 1)), start = Math.max(0, Math.min(total - width, from));
    return [start, start + width];
  }
  #set(view, done) {
    this.show(this.clamp(view));
    this.onView(this.view, done);
  }
  #drag(event) {
    if (event.button) return;
    const area = this.box.getBoundingClientRect(), total = this.model.total, at = (e) => Math.max(0, Math.min(1, (e.clientX - area.left) / area.width)) * total;
    const origin = at(event), [from, to] = this.view, whole = from <= 0 && to >= total, handle = event.target.className;
    const moved = { from: (p) => [Math.min(p, to), Math.max(p, to)], to: (p) => [Math.min(from, p), Math.max(from, p)] }[handle]
      ?? (!whole && event.target === this.brush ? (p) => [from + p - origin, to + p - origin] : (p) => [Math.min(origin, p), Math.max(origin, p)]);
    let far = false;
    const move = (e) => { if (Math.abs(e.clientX - event.clientX) > 3) far = true; if (far) this.#set(moved(at(e)), false); };
    const end = (e) => { this.box.removeEventListener("pointermove", move); if (far) this.#set(moved(at(e)), true); };
    this.box.setPointerCapture(event.pointerId);
    this.box.addEventListener("pointermove", move);
    this.box.addEventListener("pointerup", end, { once: true });
    event.preventDefault();
  }
}

/** Colours as a canvas takes them: by palette slot, and err, fg, accent; `font` is the page's. */
export function palette(box) {
  const names = [0, 1, 2, 3, 4, 5, 6, 7, 8, "err", "accent"], probes = names.map((name) => Object.assign(document.createElement("i"), { className: `dot ${name >= 0 ? "s" : "c-"}${name}` }));
  box.append(...probes); // all of them before the first is read: styles are worked out once
  const colours = Object.fromEntries(names.map((name, k) => [name, getComputedStyle(probes[k]).backgroundColor]));
  const { color: fg, fontFamily: font } = getComputedStyle(probes[0]);
  for (const probe of probes) probe.remove();
  return { ...colours, fg, font };
}
