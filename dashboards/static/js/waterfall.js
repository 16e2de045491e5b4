// A trace as rows: the model (what is folded, what is found), the time axis, and the list that draws only what is in view.
import { _, duration } from "./format.js";

const ROW = 24, SPARE = 6, FOLD = 5, STOPS = 48;
const COLD = " · " + _("cold start"), LINKED = " · " + _("linked with another trace");
const KINDS = ["", "", "server", "client", "producer", "consumer"];

/** The columns of dashboards/waterfall.py, decoded, and which rows stand. Times count from the trace's start. */
export class Model {
  constructor(data) {
    Object.assign(this, data);
    const n = (this.size = data.n.length);
    this.start = new Float64Array(n);
    for (let i = 0, at = 0; i < n; i++) this.start[i] = at += data.ds[i];
    this.end = new Int32Array(n).fill(n); // index after the last row below
    this.up = new Int32Array(n).fill(-1);
    for (let i = 0, open = []; i < n; i++) {
      while (open.length && data.d[open.at(-1)] >= data.d[i]) this.end[open.pop()] = i;
      this.up[i] = open.at(-1) ?? -1;
      open.push(i);
    }
    this.failed = new Set(data.e);
    this.cold = new Set(data.c);
    this.phase = new Set(data.p);
    this.orphan = new Set(data.o);
    this.linked = new Set(data.l);
    this.ticks = new Map(data.ev.map(([row, ...ticks]) => [row, ticks]));
    this.path = new Map();
    for (let k = 0; k < data.cp.length; k += 3) {
      if (!this.path.has(data.cp[k])) this.path.set(data.cp[k], []);
      this.path.get(data.cp[k]).push([data.cp[k + 1], data.cp[k + 1] + data.cp[k + 2]]);
    }
    this.deepest = this.d.reduce((a, b) => Math.max(a, b), 0);
    this.folds = this.#folds();
    this.level = null; // rows this deep and deeper are folded; null: none
    this.toggled = new Set(); // rows that stand against their level, and runs that were unfolded
    this.refresh();
  }

  /**
   * Runs of siblings without children or failures that repeat at least five times, one by one or in turns of up
   * to three (a query in a loop is often two): first row -> { length, turn }.
   */
  #folds() {
    const folds = new Map(), same = (a, b) => this.n[a] === this.n[b] && this.v[a] === this.v[b] && this.k[a] === this.k[b] && this.d[a] === this.d[b];
    const plain = (i) => this.end[i] === i + 1 && !this.failed.has(i) && !this.orphan.has(i) && !this.linked.has(i);
    const run = (i, turn) => {
      let j = i;
      while (j < this.size && plain(j) && this.d[j] === this.d[i] && (j < i + turn || same(j, j - turn))) j++;
      return Math.floor((j - i) / turn) * turn;
    };
    for (let i = 0; i < this.size; ) {
      const turn = [1, 2, 3].find((t) => run(i, t) >= FOLD * t), length = turn ? run(i, turn) : 1;
      if (turn) folds.set(i, { length, turn });
      i += length;
    }
    return folds;
  }

  hasChildren(i) { return this.end[i] > i + 1; }
  isClosed(i) { return this.hasChildren(i) && (this.level !== null && this.d[i] >= this.level) !== this.toggled.has(i); }
  /** How many siblings this row stands for; 0 if only for itself. */
  foldOf(i) { return this.toggled.has(i) ? 0 : this.folds.get(i)?.length ?? 0; }
  /** A row's name; of a fold, what takes turns and how often. */
  label(i) {
    const fold = this.foldOf(i) ? this.folds.get(i) : { length: 1, turn: 1 }, names = Array.from({ length: fold.turn }, (none, k) => this.names[this.n[i + k]]);
    return names.join(" + ") + (fold.length > 1 ? ` ×${fold.length / fold.turn}` : "");
  }

  refresh() {
    const shown = [];
    for (let i = 0; i < this.size; ) {
      shown.push(i);
      i = this.isClosed(i) ? this.end[i] : i + (this.foldOf(i) || 1);
    }
    this.shown = Int32Array.from(shown);
  }
  toggle(i) {
    if (this.toggled.has(i)) this.toggled.delete(i); else this.toggled.add(i);
    this.refresh();
  }
  setLevel(level) {
    this.level = level !== null && level > this.deepest ? null : level;
    this.toggled.clear();
    this.refresh();
  }
  /** Unfold whatever hides a row. */
  reveal(i) {
    for (let at = this.up[i]; at >= 0; at = this.up[at]) if (this.isClosed(at)) this.#flip(at);
    for (const [first, { length }] of this.folds) if (i > first && i < first + length && this.foldOf(first)) this.#flip(first);
    this.refresh();
  }
  #flip(i) { if (this.toggled.has(i)) this.toggled.delete(i); else this.toggled.add(i); }
  /** Where a row stands, or the row that hides it. */
  position(i) {
    let low = 0, high = this.shown.length - 1;
    while (low < high) { const mid = (low + high + 1) >> 1; if (this.shown[mid] <= i) low = mid; else high = mid - 1; }
    return low;
  }
  /** Start and end of what a row draws: itself, or the run it stands for. */
  extent(i) {
    let end = this.start[i] + this.du[i];
    for (let j = i + 1, stop = i + this.foldOf(i); j < stop; j++) end = Math.max(end, this.start[j] + this.du[j]);
    return [this.start[i], end];
  }
  time(i) { return this.du[i] * this.unit; }
}

/** Marks at round times in `box`, which is `wide` pixels and shows [from, to) in steps of `unit` ns. */
export function ticks(box, [from, to], unit, wide = box.clientWidth) {
  const width = (to - from) * unit, rough = width / Math.max(2, Math.floor(wide / 110)), power = 10 ** Math.floor(Math.log10(rough || 1));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough) ?? 1, marks = [];
  for (let at = Math.ceil((from * unit) / step) * step; at < to * unit && marks.length < 40; at += step) {
    const left = ((at - from * unit) / width) * 100, line = document.createElement("i"), label = Object.assign(document.createElement("span"), { textContent: at ? duration(at).replace(/\.0+(?= )|(\.\d*?)0+(?= )/, "$1") : "0" });
    line.style.left = label.style.left = `${left}%`;
    marks.push(line);
    if ((1 - left / 100) * wide > 46) marks.push(label);
  }
  box.replaceChildren(...marks);
}

/** Draws a model into a scrolling element. A row that leaves one edge is written anew at the other; no others are. */
export class Rows {
  constructor(box, model, { onSelect, onToggle }) {
    Object.assign(this, { box, model, onSelect, onToggle, view: [0, model.total], selected: -1, found: new Set() });
    this.space = box.appendChild(document.createElement("div"));
    this.space.className = "space";
    this.space.role = "presentation";
    this.ring = [];
    this.top = 0;
    this.room = 86; // percent of the axis; a bar that ends later leaves no room for its time beside it
    this.height = 600; // until the browser tells it: to ask would make it lay out the page at once
    this.watch = new ResizeObserver(([entry]) => { this.height = entry.contentRect.height; this.#draw(); });
    this.watch.observe(box);
    box.addEventListener("scroll", () => this.#draw(box.scrollTop), { passive: true });
    this.space.addEventListener("click", (event) => this.#click(event));
    this.reset();
  }
  close() {
    this.watch.disconnect();
    cancelAnimationFrame(this.drawing);
  }

  /** After rows were folded or unfolded. */
  reset() {
    this.space.style.height = `${this.model.shown.length * ROW}px`;
    this.box.setAttribute("aria-rowcount", this.model.shown.length);
    this.redraw();
  }
  /** After something changed that shows in every row: the view, the matches, the selection. */
  redraw() {
    for (const row of this.ring) row.at = -1;
    this.drawing ??= requestAnimationFrame(() => this.#draw()); // once a frame, however much changed
  }
  /** The time axis is this wide, in pixels. */
  widened(wide) {
    const room = Math.round(100 * (1 - Math.min(60 / wide, 0.5)));
    if (room === this.room) return;
    this.room = room;
    this.redraw();
  }
  show([from, to]) { this.view = [from, to]; this.redraw(); }
  select(i, scroll = true) {
    const before = this.selected;
    this.selected = i;
    if (scroll && i >= 0) this.#into(this.model.position(i));
    for (const row of this.ring) if (row.i === before || row.i === i) row.at = -1;
    this.#draw();
  }
  /** Bring a row into view without selecting it; `reveal` is called first if it is folded away. */
  peek(i, reveal) {
    if (this.model.shown[this.model.position(i)] !== i) reveal();
    this.#into(this.model.position(i));
  }
  #into(place) {
    const y = place * ROW;
    if (y >= this.top && y + ROW <= this.top + this.height) return;
    this.box.scrollTop = y - this.height / 2 + ROW;
    this.top = this.box.scrollTop;
  }

  #draw(top = this.top) {
    this.drawing = null;
    const { shown } = this.model;
    this.top = Math.max(0, Math.min(top, shown.length * ROW - this.height)); // rows that were folded end the list sooner
    const first = Math.max(0, Math.floor(this.top / ROW) - SPARE), count = Math.min(shown.length - first, Math.max(this.ring.length, Math.ceil(this.height / ROW) + 2 * SPARE));
    while (this.ring.length < count) this.ring.push(this.#make());
    const size = this.ring.length;
    for (let k = 0; k < size; k++) {
      // The one place within [first, first + size) that this element serves.
      const at = first + ((k - (first % size) + size) % size), row = this.ring[k];
      if (at >= first + count || at >= shown.length) { row.el.hidden = true; row.at = -1; continue; }
      if (row.at !== at || row.i !== shown[at]) this.#fill(row, at, shown[at]);
    }
  }
  #make() {
    const el = (this.blank ??= this.#blank()).cloneNode(true);
    const [n, g] = el.children, [tw, , nm, , sv] = n.children, [b, cp, ev, t] = g.children;
    this.space.append(el);
    return { el, n, tw, nm, sv, b, cp, ev, t, at: -1, i: -1 };
  }
  #blank() {
    const el = document.createElement("div");
    el.className = "r";
    el.role = "row";
    el.innerHTML = '<div class="n" role="gridcell"><button class="tw" tabindex="-1" type="button"></button><i class="dot"></i><span class="nm"></span><svg class="i" aria-label="' + _("linked with another trace") + '" role="img"><use href="#i-link"/></svg><small></small></div><div class="g" role="gridcell"><i class="b"></i><i class="cp"></i><i class="ev"></i><span class="t"></span></div>';
    return el;
  }
  #fill(row, at, i) {
    const m = this.model, { el } = row, fold = m.foldOf(i), closed = m.isClosed(i), kids = m.hasChildren(i);
    row.at = at;
    row.i = i;
    el.hidden = false;
    el.style.transform = `translateY(${at * ROW}px)`;
    el.className = `r s${m.colours[m.v[i]]}${m.failed.has(i) ? " err" : ""}${m.cold.has(i) || m.phase.has(i) ? " cold" : ""}${i === this.selected ? " sel" : ""}${this.found.has(i) ? " hit" : ""}${fold ? " fold" : ""}${m.linked.has(i) ? " linked" : ""}`;
    el.setAttribute("aria-level", m.d[i] + 1);
    el.setAttribute("aria-rowindex", at + 1);
    el.setAttribute("aria-selected", i === this.selected);
    if (kids) el.setAttribute("aria-expanded", !closed); else el.removeAttribute("aria-expanded");
    row.n.style.paddingLeft = `min(${8 + m.d[i] * 12}px, var(--names) * .5)`;
    const opens = kids || fold || m.folds.has(i);
    row.tw.textContent = opens ? (closed || fold ? "▸" : "▾") : "";
    row.tw.style.visibility = opens ? "" : "hidden";
    row.tw.ariaLabel = opens ? (closed || fold ? _("Unfold") : _("Fold")) : "";
    row.nm.textContent = `${m.orphan.has(i) ? "⌁ " : ""}${m.failed.has(i) ? "⚠ " : ""}${m.label(i)}`;
    // A call is often named like its function: once is enough.
    const service = m.services[m.v[i]], told = m.label(i) === service ? [] : [service];
    row.sv.textContent = [...told, ...(closed ? [_("%(count)s below", { count: m.end[i] - i - 1 })] : [])].join(" · ");
    row.n.title = `${m.label(i)}\n${m.services[m.v[i]]}${KINDS[m.k[i]] ? " · " + KINDS[m.k[i]] : ""}${m.cold.has(i) ? COLD : ""}${m.linked.has(i) ? LINKED : ""}`;
    this.#bar(row, i);
  }
  #bar(row, i) {
    const m = this.model, [from, to] = this.view, width = to - from, [start, end] = m.extent(i);
    const percent = (at) => Math.max(-1, Math.min(101, ((at - from) / width) * 100));
    const left = percent(start), right = percent(end), out = end < from || start > to || (start === to && to < m.total);
    row.b.hidden = out;
    row.b.style.left = `${left}%`;
    row.b.style.width = `${right - left}%`;
    this.#marks(row.cp, m.path.get(i), left, right, percent);
    this.#marks(row.ev, m.ticks.get(i)?.map((at) => [m.start[i] + at]), left, right, percent);
    row.t.textContent = `${out ? (end < from ? "← " : "→ ") : ""}${duration((end - start) * m.unit)}`;
    row.t.className = left > 100 || (right > this.room && left > 100 - this.room) ? "t before" : right > this.room ? "t in" : "t";
    row.t.style.left = row.t.className === "t" ? `${Math.max(right, 0)}%` : "auto";
    row.t.style.right = row.t.className === "t before" ? `${Math.max(0, 100 - Math.max(left, 0))}%` : row.t.className === "t in" ? "0" : "auto";
  }
  /** All sections, or all ticks, of a bar as one gradient: one element a row, however many there are. */
  #marks(el, marks, left, right, percent) {
    const inside = (marks ?? []).map(([a, b]) => [percent(a), percent(b ?? a), b === undefined]).filter(([a, b]) => b >= 0 && a <= 100);
    el.hidden = !inside.length;
    if (el.hidden) return;
    const stops = [], step = Math.ceil(inside.length / STOPS), share = (at) => (100 * (at - left)) / (right - left || 1);
    for (let k = 0; k < inside.length; k += step) {
      const [a, , tick] = inside[k], b = inside[Math.min(k + step, inside.length) - 1][1];
      const from = `${share(a)}%`, to = tick ? `calc(${from} + 2px)` : `max(${share(b)}%, calc(${from} + 2px))`;
      stops.push(`transparent ${from}`, `var(--mark) ${from}`, `var(--mark) ${to}`, `transparent ${to}`);
    }
    el.style.left = `${left}%`;
    el.style.width = `max(${right - left}%, 2px)`;
    el.style.backgroundImage = `linear-gradient(90deg, ${stops.join(", ")})`;
  }
  #click(event) {
    const el = event.target.closest(".r"), row = this.ring.find((r) => r.el === el);
    if (!row) return;
    if (event.target === row.tw || (this.model.foldOf(row.i) && event.detail === 2)) this.onToggle(row.i); else this.onSelect(row.i);
  }
}
