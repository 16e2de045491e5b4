// The detail pane: one span in full, built from JSON with textContent only, so nothing a sender wrote is markup.
import { _, bytes, duration } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element: h("a.link", {href}, "text", child). Children that are null are left out. */
function h(spec, attributes = {}, ...children) {
  const [tag, ...names] = spec.split("."), el = document.createElement(tag);
  if (names.length) el.className = names.join(" ");
  for (const [key, value] of Object.entries(attributes)) if (key.startsWith("on")) el.addEventListener(key.slice(2), value); else if (value !== null) el.setAttribute(key, value);
  el.append(...children.filter((child) => child !== null && child !== undefined));
  return el;
}
function icon(name) {
  const svg = document.createElementNS(SVG, "svg"), use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}
const copy = (text, label) => h("button.btn.icon.ghost.copy", { type: "button", "data-copy": text, "aria-label": label, title: label }, icon("copy"));
const cutNote = (value) => (value.bytes ? h("em.faint.small", {}, ` … cut, ${bytes(value.bytes)} in all`) : null);
/** Text as it is written, with a button to copy it: `b` has title and text. */
const code = (b) => h("div", {}, h("div.code", {}, h("pre", {}, b.text), copy(b.text, `Copy ${b.title}`)), cutNote(b));
const section = (title, ...body) => h("section", {}, h("h3", {}, title), ...body);

export class Pane {
  /** `open` shows a row (number) or a span id; answers the row, or null if another was opened meanwhile. */
  constructor(box, base, model, { onSelect, onClose }) {
    Object.assign(this, { box, base, model, onSelect, onClose, id: "", kept: new Map(), filter: "" });
  }
  close() {
    this.loading?.abort();
    this.id = "";
    this.box.hidden = true;
  }
  async open(ref) {
    this.loading?.abort();
    const mine = (this.loading = new AbortController());
    let span = this.kept.get(ref);
    if (!span) {
      this.box.hidden = false;
      const dim = setTimeout(() => this.box.classList.add("stale"), 200);
      try {
        const answer = await fetch(`${this.base}/spans/${encodeURIComponent(ref)}.json?of=${this.model.size}`, { signal: mine.signal });
        span = await answer.json();
        if (!answer.ok) return this.#problem(span.error);
        this.kept.set(span.index, span);
      } catch (error) {
        return error.name === "AbortError" ? null : this.#problem(_("The collector did not answer. Try again."));
      } finally {
        clearTimeout(dim);
        if (this.loading === mine) this.box.classList.remove("stale");
      }
    }
    if (mine.signal.aborted) return null;
    this.id = span.id;
    this.#show(span);
    return span.index;
  }
  #problem(text) {
    this.id = "";
    this.box.hidden = false;
    this.box.replaceChildren(h("header", {}, h("span.grow"), this.#closer()), h("p.body.err", { role: "alert" }, text));
    return null;
  }
  #closer() { return h("button.btn.icon.ghost", { type: "button", "aria-label": _("Close"), title: _("Close (Esc)"), onclick: this.onClose }, icon("close")); }
  #goto(index, label) { return h("button.linkish", { type: "button", onclick: () => this.onSelect(index) }, h("bdi", {}, label)); }

  #show(span) {
    const m = this.model, failed = span.status === "error", cold = m.cold.has(span.index);
    const filter = h("input.input", { type: "search", placeholder: _("Filter attributes"), "aria-label": _("Filter attributes"), value: this.filter, oninput: (e) => this.#filtered(e.target.value) });
    this.box.hidden = false;
    this.box.replaceChildren(
      h("header", {},
        h(`div.title.s${m.colours[m.v[span.index]]}`, {}, h("h2", {}, h("bdi", {}, span.name)), h("div.row.muted.small", {}, h("i.dot"), h("a", { href: `/functions/${encodeURIComponent(span.service)}${location.search}` }, h("bdi", {}, span.service)), span.kind !== "unspecified" ? h("span.badge", {}, span.kind) : null, failed ? h("span.badge.err", {}, icon("error"), _("failed")) : null, cold ? h("span.badge.cold", {}, icon("cold"), _("cold")) : null)),
        this.#closer()),
      h("div.inner", { tabindex: "0", role: "group", "aria-label": _("Details of the span") },
        this.#times(span),
        span.message.text ? h(failed ? "p.msg.bad" : "p.msg", {}, h("bdi", {}, span.message.text), cutNote(span.message)) : null,
        ...span.exceptions.map((e) => this.#exception(e)),
        ...[span.sql && { title: span.sql.system ? `SQL · ${span.sql.system}` : "SQL", ...span.sql }, span.imports, ...span.payloads].filter(Boolean).map((b) => section(b.title, code(b))),
        span.profiled ? h("p", {}, h("a.link", { href: `?view=profile&profile=${span.id}` }, _("Where it spent the time"))) : null,
        this.#facts(span),
        this.#links(span),
        span.events.length ? section(_("Events (%(num)s)", { num: span.events.length }), ...span.events.map((e) => this.#event(e))) : null,
        span.attributes.length + span.resource.length > 6 ? filter : null,
        span.attributes.length ? section(_("Attributes (%(num)s)", { num: span.attributes.length }), this.#table(span.attributes)) : null,
        span.resource.length ? section(_("Resource (%(num)s)", { num: span.resource.length }), this.#table(span.resource)) : null,
        span.dropped ? h("p.muted.small", {}, _("Not shown: %(what)s.", { what: span.dropped })) : null,
        h("p.row.small.muted", {}, "Span ", h("span.mono", {}, span.id), copy(span.id, _("Copy the span id")))));
    if (this.filter) this.#filtered(this.filter);
  }
  #times(span) {
    const figure = (label, ns) => h("div", {}, h("dt", {}, label), h("dd", {}, duration(ns)));
    return h("dl.figures", {}, figure(_("Duration"), span.duration), figure(_("Self time"), span.self), span.critical ? figure(_("On critical path"), span.critical) : null, figure(_("After"), span.offset));
  }
  #exception(e) {
    const lines = e.stack.map(({ text, place, library }) => {
      const [from, to] = place ?? [0, 0];
      return h(library ? "span.lib" : place ? "span.own" : "span", {}, text.slice(0, from), place ? h("b", {}, text.slice(from, to)) : null, text.slice(to), "\n");
    });
    return h("section.exception", {}, h("h3", {}, icon("error"), h("bdi", {}, e.type || "exception")), e.message.text ? h("p", {}, h("bdi", {}, e.message.text), cutNote(e.message)) : null,
      lines.length ? h("div.code", {}, h("pre", {}, ...lines), copy(e.stack.map((l) => l.text).join("\n"), _("Copy the stack trace"))) : null, cutNote(e), ...e.frames.map((f) => h("details", {}, h("summary", {}, h("bdi", {}, f.title)), code(f))), e.attributes.length ? this.#table(e.attributes) : null);
  }
  #facts(span) {
    const rows = span.facts.map(([label, text]) => [h("dt", {}, label), h("dd", {}, h("bdi", {}, text))]).flat();
    if (span.parent) rows.unshift(h("dt", {}, _("Parent")), h("dd", {}, span.parent.index === null ? h("span.warn", {}, _("%(id)s is not here", { id: span.parent.id })) : this.#goto(span.parent.index, span.parent.name)));
    return rows.length ? h("dl.facts", {}, ...rows) : null;
  }
  #links(span) {
    const away = (l, ...label) => h("a.link", { href: `/traces/${l.trace}${location.search}#span=${l.span}` }, ...label);
    const out = span.links.map((l) => h("li", {}, icon("link"), l.index !== null ? this.#goto(l.index, l.name) : away(l, h("span.mono", {}, `${l.trace.slice(0, 8)}… span ${l.span.slice(0, 8)}…`)), l.attributes.length ? this.#table(l.attributes) : null));
    const back = span.linked.map((l) => h("li", {}, icon("link"), l.index !== null ? this.#goto(l.index, `${l.service} ${l.name}`) : away(l, h("bdi", {}, l.service), " ", h("bdi", {}, l.name)), l.failed ? h("span.badge.err", {}, icon("error"), _("failed")) : null, l.trace ? h("span.muted.mono.small", {}, `${duration(l.duration)} · trace ${l.trace.slice(0, 8)}…`) : null));
    return out.length + back.length ? h("div", {}, out.length ? section(_("Links to (%(num)s)", { num: out.length }), h("ul.links", {}, ...out)) : null, back.length ? section(_("Linked from (%(num)s)", { num: back.length }), h("ul.links", {}, ...back)) : null) : null;
  }
  #event(e) {
    return h("details.event", {}, h("summary", {}, h("span.mono.muted", {}, `+${duration(e.offset)}`), " ", h("bdi", {}, e.name)), e.attributes.length ? this.#table(e.attributes) : h("p.faint.small", {}, _("No attributes")));
  }
  #table(entries) {
    return h("dl.attrs", {}, ...entries.map((a) => h("div.attr", {}, h("dt", {}, h("bdi", {}, a.key)), h("dd", {}, h("div", {}, h("bdi", {}, a.text), a.type ? h("small.faint", {}, ` ${a.type}`) : null, cutNote(a)), copy(a.text, _("Copy %(name)s", { name: a.key }))))));
  }
  #filtered(text) {
    this.filter = text;
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of this.box.querySelectorAll(".attr")) { const own = row.textContent.toLowerCase(); row.hidden = !words.every((w) => own.includes(w)); }
  }
}
