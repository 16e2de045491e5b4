// The flame view of a trace: time runs to the right, what a span called stands below it, what ran beside it further down.
import { onPage } from "./app.js";
import { _, duration } from "./format.js";
import { palette } from "./minimap.js";
import { Pane } from "./spanpane.js";
import { Model, ticks } from "./waterfall.js";

const FAILED = " · " + _("failed");

const $ = (selector) => document.querySelector(selector), ROW = 18, LANES = 400, LEAST = 1e-5;

/** Row of each span: below its parent, and below whatever still runs there when it starts. */
function lanes(m) {
  const lane = new Int32Array(m.size), busy = [];
  for (let i = 0; i < m.size; i++) {
    let at = m.up[i] < 0 ? 0 : Math.min(lane[m.up[i]] + 1, LANES);
    while (at < LANES && busy[at] > m.start[i]) at++;
    lane[i] = at;
    busy[at] = Math.max(busy[at] ?? 0, m.start[i] + m.du[i]);
  }
  return lane;
}

class Flame {
  constructor(box) {
    box.hidden = false;
    this.over = new AbortController();
    const m = (this.model = new Model(JSON.parse($("#trace-data").textContent)));
    this.box = $("#flames");
    this.canvas = this.box.querySelector("canvas");
    this.lane = lanes(m);
    this.byLane = [];
    this.lane.forEach((lane, i) => (this.byLane[lane] ??= []).push(i));
    this.byLane = Array.from(this.byLane, (row) => (row ?? []).sort((a, b) => m.start[a] - m.start[b]));
    this.onPath = new Set(m.path.keys());
    this.view = [0, m.total || 1];
    this.selected = -1;
    this.tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
    this.box.append(this.tip);
    this.pane = new Pane($("#pane"), `/traces/${box.dataset.trace}`, m, { onSelect: (i) => this.select(i), onClose: () => this.close() });
    const on = (target, type, act, options) => target.addEventListener(type, act, { signal: this.over.signal, ...options });
    on(this.box, "pointermove", (e) => this.point(e));
    on(this.box, "pointerleave", () => this.point(null));
    // The pane that the first click opens narrows the graph: the second one means the same span all the same.
    on(this.box, "click", (e) => { if (e.detail === 1) this.pressed = this.at(e); if (this.pressed >= 0) if (e.detail === 2) this.zoomTo(this.pressed); else if (e.detail === 1) this.select(this.pressed); });
    on(this.box, "wheel", (e) => { if (e.ctrlKey || e.metaKey) { e.preventDefault(); this.scale(e.deltaY > 0 ? 1.25 : 0.8, e.offsetX / this.canvas.clientWidth); } }, { passive: false });
    on(this.box, "keydown", (e) => this.key(e));
    on($("#zoom-reset"), "click", () => this.show([0, m.total || 1]));
    on(document, "theme", () => { this.colours = null; this.draw(); });
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.box);
    const state = new URLSearchParams(location.hash.slice(1)), [from, to] = (state.get("view") ?? "").split("-").map(Number);
    this.show(to > from ? [from, to] : this.view, false);
    if (state.get("span")) this.select(state.get("span"));
  }
  leave() { this.over.abort(); this.watch.disconnect(); }

  // ---- state
  show([from, to], write = true) {
    const total = this.model.total || 1, width = Math.min(total, Math.max(to - from, total * LEAST, 1)), start = Math.max(0, Math.min(total - width, from));
    this.view = [start, start + width];
    $("#zoom-reset").hidden = width >= total;
    this.draw();
    if (write) this.write();
  }
  scale(factor, share) {
    const [from, to] = this.view, pivot = from + (to - from) * share;
    this.show([pivot - (pivot - from) * factor, pivot + (to - pivot) * factor]);
  }
  zoomTo(i) { const m = this.model, pad = m.du[i] * 0.02; this.show([m.start[i] - pad, m.start[i] + m.du[i] + pad]); }
  async select(which) {
    if (typeof which === "number") this.mark(which);
    const i = await this.pane.open(which);
    if (i === null) return;
    this.mark(i);
    this.write();
  }
  mark(i) {
    const m = this.model, [from, to] = this.view, y = this.lane[i] * ROW;
    this.selected = i;
    $("#flame-at").textContent = this.told(i);
    if (m.start[i] + m.du[i] < from || m.start[i] > to) this.show([m.start[i] - (to - from) / 2, m.start[i] + (to - from) / 2], false);
    if (y < this.box.scrollTop || y + ROW > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = y - this.box.clientHeight / 2;
    this.draw();
  }
  close() { this.selected = -1; this.pane.close(); this.draw(); this.write(); this.box.focus({ preventScroll: true }); }
  write() {
    const state = new URLSearchParams(), [from, to] = this.view;
    if (this.pane.id) state.set("span", this.pane.id);
    if (from > 0 || to < this.model.total) state.set("view", `${Math.floor(from)}-${Math.ceil(to)}`);
    history.replaceState(null, "", `${location.pathname}${location.search}${`${state}` ? `#${state}` : ""}`);
  }

  // ---- drawing
  draw() {
    const m = this.model, width = this.box.clientWidth, height = this.byLane.length * ROW + 2, dots = devicePixelRatio || 1, c = this.canvas.getContext("2d"), [from, to] = this.view;
    if (!width) return;
    const colours = (this.colours ??= palette(this.box)), x = width / (to - from);
    this.canvas.style.height = `${height}px`;
    this.canvas.width = width * dots;
    this.canvas.height = height * dots;
    c.scale(dots, dots);
    c.font = `11px ${colours.font}`;
    c.textBaseline = "middle";
    for (const row of this.byLane) {
      let drawn = -1; // a pixel of slivers is one sliver
      for (const i of row) {
        if (m.start[i] > to || m.start[i] + m.du[i] < from) continue;
        const left = Math.max(0, (m.start[i] - from) * x), right = Math.min(width, (m.start[i] + m.du[i] - from) * x), failed = m.failed.has(i), y = this.lane[i] * ROW + 1;
        if (right <= drawn && !failed && i !== this.selected) continue;
        drawn = Math.max(right, left + 1);
        const wide = Math.max(1, right - left - 0.5);
        c.globalAlpha = i === this.selected ? 0.5 : 0.26;
        c.fillStyle = colours[m.colours[m.v[i]]];
        c.fillRect(left, y, wide, ROW - 2);
        c.globalAlpha = 1;
        c.fillRect(left, y, Math.min(2, wide), ROW - 2);
        if (failed) { c.fillStyle = colours.err; c.fillRect(left, y + ROW - 4, wide, 2); }
        if (this.onPath.has(i)) { c.fillStyle = colours.fg; c.fillRect(left, y, wide, 1); }
        if (i === this.selected) { c.strokeStyle = colours.accent; c.lineWidth = 2; c.strokeRect(left + 1, y + 1, Math.max(1, wide - 2), ROW - 4); }
        if (wide < 26) continue;
        c.save();
        c.beginPath();
        c.rect(left, y, wide - 3, ROW);
        c.clip();
        c.fillStyle = colours.fg;
        c.fillText(`${failed ? "⚠ " : ""}${m.cold.has(i) || m.phase.has(i) ? "❄ " : ""}${m.names[m.n[i]].slice(0, 200)}`, left + 6, y + ROW / 2);
        c.restore();
      }
    }
    ticks($("#ticks"), this.view, m.unit);
  }
  told(i) {
    const m = this.model;
    return `${m.names[m.n[i]]} · ${m.services[m.v[i]]} · ${duration(m.time(i))}${m.failed.has(i) ? FAILED : ""}`;
  }

  // ---- pointing and keys
  at(event) {
    const m = this.model, area = this.canvas.getBoundingClientRect(), [from, to] = this.view, per = (to - from) / area.width, time = from + (event.clientX - area.left) * per;
    const row = this.byLane[Math.floor((event.clientY - area.top) / ROW)] ?? [], near = (i) => Math.max(m.start[i] - time, time - m.start[i] - m.du[i], 0);
    const best = row.reduce((a, b) => (a < 0 || near(b) < near(a) ? b : a), -1);
    return best >= 0 && near(best) <= 2 * per ? best : -1;
  }
  point(event) {
    const i = event ? this.at(event) : -1;
    this.tip.hidden = i < 0;
    this.box.style.cursor = i < 0 ? "" : "pointer";
    if (i >= 0) {
      this.tip.textContent = this.told(i);
      this.tip.style.left = `${Math.min(event.clientX + 12, innerWidth - 330)}px`;
      this.tip.style.top = `${event.clientY + 16}px`;
    }
  }
  key(event) {
    const m = this.model, i = this.selected, row = this.byLane[this.lane[i]] ?? [], place = row.indexOf(i), goto = (j) => { if (j >= 0 && j !== false) this.select(j); };
    const act = {
      ArrowLeft: () => goto(row[place - 1]), ArrowRight: () => goto(i < 0 ? 0 : row[place + 1]),
      ArrowUp: () => goto(m.up[i]), ArrowDown: () => goto(i < 0 ? 0 : m.hasChildren(i) && i + 1),
      Enter: () => { if (i >= 0) this.zoomTo(i); }, Escape: () => (i >= 0 ? this.close() : this.show([0, m.total || 1])),
      "+": () => this.scale(0.7, 0.5), "-": () => this.scale(1 / 0.7, 0.5),
    }[event.key];
    if (!act || event.metaKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}

let page = null;
document.addEventListener("page:leave", () => { page?.leave(); page = null; });
onPage(() => {
  const box = $("#flame");
  if (box) page = new Flame(box);
});
