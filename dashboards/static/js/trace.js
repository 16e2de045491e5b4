// The trace page: rows, minimap, search, keys and detail pane, with every state in the address after #.
import { onPage } from "./app.js";
import { _ } from "./format.js";
import { Minimap } from "./minimap.js";
import { Pane } from "./spanpane.js";
import { Model, Rows, ticks } from "./waterfall.js";

const $ = (selector, at = document) => at.querySelector(selector);
const TOGGLES_KEPT = 200; // more folded rows than this make an address nobody can share

class TracePage {
  constructor(box) {
    this.box = box;
    box.hidden = false;
    this.over = new AbortController();
    this.model = new Model(JSON.parse($("#trace-data").textContent));
    this.base = `/traces/${box.dataset.trace}`;
    this.rows = new Rows($("#rows"), this.model, { onSelect: (i) => this.select(i, false), onToggle: (i) => this.toggle(i) });
    this.mini = new Minimap($("#mini"), this.model, (view, done) => this.zoom(view, done ? "push" : ""));
    this.pane = new Pane($("#pane"), this.base, this.model, { onSelect: (i) => this.select(i), onClose: () => this.close() });
    this.selected = -1;
    this.matches = [];
    this.wide = 0; // pixels of the time axis; told before it is painted, asking would lay out the page
    this.watch = new ResizeObserver(([entry]) => { this.wide = entry.contentRect.width; this.#ticks(); this.rows.widened(this.wide); });
    this.watch.observe($("#ticks"));
    this.#wire();
    this.#read();
  }
  leave() {
    this.over.abort();
    this.watch.disconnect();
    this.rows.close();
    this.mini.close();
  }

  // ---- state in the address
  async #read() {
    const state = new URLSearchParams(location.hash.slice(1)), { model } = this, [from, to] = (state.get("view") ?? "").split("-").map(Number);
    model.setLevel(state.has("level") ? Math.max(0, Number(state.get("level")) || 0) : null);
    for (const i of (state.get("t") ?? "").split(",").filter(Boolean).map(Number)) if (i < model.size) model.toggled.add(i);
    model.refresh();
    this.#path(state.get("path") !== "0");
    this.zoom(to > from ? this.mini.clamp([from, to]) : [0, model.total], "");
    this.folded();
    const text = (this.find.value = state.get("q") ?? ""), span = state.get("span");
    if (span) await this.select(span, true, "");
    if (text) await this.search(text, false);
  }
  #write(how = "replace") {
    const state = new URLSearchParams(), { model } = this, [from, to] = this.rows.view;
    if (this.pane.id) state.set("span", this.pane.id);
    if (this.find.value.trim()) state.set("q", this.find.value.trim());
    if (model.level !== null) state.set("level", model.level);
    if (model.toggled.size && model.toggled.size <= TOGGLES_KEPT) state.set("t", [...model.toggled].join());
    if (from > 0 || to < model.total) state.set("view", `${Math.floor(from)}-${Math.ceil(to)}`);
    if (this.rows.box.classList.contains("no-path")) state.set("path", "0");
    const hash = state.toString().replaceAll("%2C", ",");
    history[how === "push" ? "pushState" : "replaceState"](null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  // ---- rows
  /** Select a row, or a span by its id; the pane loads its details. */
  async select(which, scroll = true, how = "replace") {
    if (typeof which === "number") this.#mark(which, scroll);
    const index = await this.pane.open(which);
    if (index === null) return;
    if (index !== this.selected) this.#mark(index, scroll);
    if (how) this.#write(how);
  }
  #mark(i, scroll) {
    if (this.model.shown[this.model.position(i)] !== i) {
      this.model.reveal(i);
      this.folded();
    }
    this.selected = i;
    this.rows.select(i, scroll);
  }
  close() {
    this.selected = -1;
    this.pane.close();
    this.rows.select(-1);
    this.#write();
    this.rows.box.focus({ preventScroll: true });
  }
  step(by) {
    const { shown } = this.model, at = this.selected < 0 ? (by > 0 ? -1 : shown.length) : this.model.position(this.selected);
    this.select(shown[Math.max(0, Math.min(shown.length - 1, at + by))]);
  }
  nextOf(list, by = 1) {
    if (!list.length) return;
    const next = by > 0 ? list.find((i) => i > this.selected) : list.findLast((i) => i < this.selected);
    this.select(next ?? list.at(by > 0 ? 0 : -1));
  }
  toggle(i) {
    this.model.toggle(i);
    this.folded();
    this.#write();
  }
  setLevel(level) {
    this.model.setLevel(level);
    this.folded();
    this.#write();
  }
  folded() {
    const { level, deepest } = this.model;
    $("#level").textContent = _("Levels %(part)s/%(whole)s", { part: level === null ? deepest + 1 : level + 1, whole: deepest + 1 });
    $("#level-less").disabled = level === 0;
    $("#level-more").disabled = level === null;
    this.rows.reset();
  }
  lessLevel() { this.setLevel(Math.max(0, (this.model.level ?? this.model.deepest) - 1)); }
  moreLevel() { if (this.model.level !== null) this.setLevel(this.model.level + 1 >= this.model.deepest ? null : this.model.level + 1); }

  // ---- time
  zoom(view, how) {
    this.rows.show(view);
    this.mini.show(view);
    this.#ticks();
    $("#zoom-reset").hidden = view[0] <= 0 && view[1] >= this.model.total;
    if (how) this.#write(how);
  }
  /** Scale around a moment (default: the middle), or move, as shares of what is shown. */
  scale(factor, share = 0.5, how = "replace") {
    const [from, to] = this.rows.view, width = (to - from) * factor, pivot = from + (to - from) * share;
    this.zoom(this.mini.clamp([pivot - width * share, pivot + width * (1 - share)]), how);
  }
  pan(share) {
    const [from, to] = this.rows.view, by = (to - from) * share;
    this.zoom(this.mini.clamp([from + by, to + by]), "replace");
  }
  #ticks() { if (this.wide) ticks($("#ticks"), this.rows.view, this.model.unit, this.wide); }
  #path(on) {
    this.rows.box.classList.toggle("no-path", !on);
    $("#show-path").classList.toggle("on", on);
    $("#show-path").setAttribute("aria-pressed", on);
  }
  togglePath() {
    this.#path(this.rows.box.classList.contains("no-path"));
    this.#write();
  }

  // ---- search: the server knows attributes and events too
  get find() { return $("#find"); }
  async search(text, go = true) {
    this.searching?.abort();
    const mine = (this.searching = new AbortController()), query = text.trim();
    if (query) {
      try {
        const answer = await fetch(`${this.base}/search.json?${new URLSearchParams({ q: query, of: this.model.size })}`, { signal: mine.signal });
        if (!answer.ok) return this.#matched([], (await answer.json()).error);
        this.#matched((await answer.json()).rows);
      } catch (error) {
        if (error.name !== "AbortError") this.#matched([], "not reachable");
        return;
      }
    } else this.#matched([]);
    if (!go) return;
    if (this.matches.length) this.rows.peek(this.matches[0], () => { this.model.reveal(this.matches[0]); this.folded(); });
    this.#write();
  }
  #matched(rows, problem = "") {
    this.matches = rows;
    this.rows.found = new Set(rows);
    $("#found").textContent = problem || (this.find.value.trim() ? _("%(num)s found", { num: rows.length }) : "");
    $("#find-back").hidden = $("#find-next").hidden = rows.length < 2;
    this.rows.redraw();
  }

  // ---- wiring
  #wire() {
    const on = (target, type, handler, options) => target.addEventListener(type, handler, { signal: this.over.signal, ...options });
    const press = (id, act) => { const button = $(id); if (button) on(button, "click", act); };
    press("#level-less", () => this.lessLevel());
    press("#level-more", () => this.moreLevel());
    press("#show-path", () => this.togglePath());
    press("#zoom-reset", () => this.zoom([0, this.model.total], "push"));
    press("#next-error", () => this.nextOf(this.model.e));
    press("#find-next", () => this.nextOf(this.matches));
    press("#find-back", () => this.nextOf(this.matches, -1));
    let wait;
    on(this.find, "input", () => { clearTimeout(wait); wait = setTimeout(() => this.search(this.find.value), 150); });
    on(this.find, "keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); this.nextOf(this.matches, event.shiftKey ? -1 : 1); }
      if (event.key === "Escape" && this.find.value) { this.find.value = ""; this.search(""); }
    });
    on($("#rows"), "wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const area = $("#ticks").getBoundingClientRect();
      this.scale(event.deltaY > 0 ? 1.25 : 0.8, Math.max(0, Math.min(1, (event.clientX - area.left) / area.width)));
    }, { passive: false });
    on($(".brush"), "keydown", (event) => {
      const by = { ArrowLeft: -0.1, ArrowRight: 0.1 }[event.key];
      if (by) { event.preventDefault(); event.stopPropagation(); this.pan(by); }
    });
    on(document, "theme", () => this.mini.draw());
    on(window, "keydown", (event) => this.#key(event), { capture: true });
    this.#splitter(on);
  }
  #splitter(on) {
    const split = $("#split"), card = $(".wf"), set = (px) => {
      const width = Math.max(90, Math.min(card.clientWidth - 120, px));
      card.style.setProperty("--names", `${width}px`);
      split.setAttribute("aria-valuenow", Math.round((width / card.clientWidth) * 100));
    };
    on(split, "pointerdown", (event) => {
      split.setPointerCapture(event.pointerId);
      const move = (e) => set(e.clientX - card.getBoundingClientRect().left);
      split.addEventListener("pointermove", move);
      split.addEventListener("pointerup", () => split.removeEventListener("pointermove", move), { once: true });
      event.preventDefault();
    });
    on(split, "keydown", (event) => {
      const by = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
      if (by) { event.preventDefault(); event.stopPropagation(); set(split.offsetLeft + by); }
    });
  }
  /** Keys of the whole page; among the rows arrows move as in any tree. */
  #key(event) {
    if (event.target.closest?.("input, textarea, select, dialog, [role=slider], [role=separator]") || event.metaKey || event.ctrlKey || event.altKey || $("dialog[open]")) return;
    const leading = Date.now() - (this.leader ?? 0) < 1500;
    this.leader = event.key === "g" ? Date.now() : 0;
    if (leading) return;
    const among = $("#rows").contains(document.activeElement), act = (among && this.#tree[event.key]) || this.#keys[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
  #tree = {
    ArrowDown: () => this.step(1),
    ArrowUp: () => this.step(-1),
    PageDown: () => this.step(20),
    PageUp: () => this.step(-20),
    Home: () => this.step(-Infinity),
    End: () => this.step(Infinity),
    Enter: () => this.selected >= 0 && $("#pane").querySelector("button, a, input")?.focus(),
  };
  #keys = {
    f: () => this.step(1),
    j: () => this.step(1),
    b: () => this.step(-1),
    k: () => this.step(-1),
    e: () => this.nextOf(this.model.e),
    w: () => $("#rows").scrollBy({ top: -120 }),
    s: () => $("#rows").scrollBy({ top: 120 }),
    a: () => this.pan(-0.15),
    d: () => this.pan(0.15),
    ArrowUp: () => this.scale(0.7),
    ArrowDown: () => this.scale(1 / 0.7),
    ArrowLeft: () => this.#open(false),
    ArrowRight: () => this.#open(true),
    "[": () => this.setLevel(0),
    "]": () => this.setLevel(null),
    "{": () => this.lessLevel(),
    "}": () => this.moreLevel(),
    c: () => this.togglePath(),
    Escape: () => this.#escape(),
  };
  #open(open) {
    const i = this.selected, { model } = this;
    if (i < 0) return;
    const closed = model.isClosed(i) || model.foldOf(i) > 0, opens = model.hasChildren(i) || model.folds.has(i);
    if (opens && closed === open) this.toggle(i);
    else if (!open && model.up[i] >= 0) this.select(model.up[i]);
    else if (open) this.step(1);
  }
  #escape() {
    const [from, to] = this.rows.view;
    if (this.selected >= 0) this.close();
    else if (from > 0 || to < this.model.total) this.zoom([0, this.model.total], "push");
    else if (this.find.value) { this.find.value = ""; this.search(""); }
  }
}

let page = null;
document.addEventListener("page:leave", () => { page?.leave(); page = null; });
onPage(() => {
  const box = $("#trace");
  if (box) page = new TracePage(box);
});
