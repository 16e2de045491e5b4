// The frame: theme, time zone, popovers, keys, copy buttons, live refresh. Everything works without it.
import { ago, clock, timeZone } from "./format.js";

const root = document.documentElement, $ = (selector, at = document) => at.querySelector(selector);
const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { /* forbidden: lasts for the page */ } };
const recall = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

// ---- pages that swap. Scripts call onPage(fn) instead of running once: fn(main) runs now and after each swap.
const setups = new Set();
export function onPage(setup) {
  setups.add(setup);
  setup($("main"));
}

let loading = null;
/** Load a URL of this site into <main>. `how` is "push", "replace" or "" (history stays as it is). */
export async function visit(url, how = "push") {
  loading?.abort();
  const mine = (loading = new AbortController()), main = $("main");
  const dim = setTimeout(() => main.classList.add("stale"), 200);
  try {
    const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "text/html" } });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (how === "push") history.pushState(null, "", url);
    if (how === "replace") history.replaceState(null, "", url);
    swap(next);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (how) location.href = url; // let the browser show what is wrong
  } finally {
    clearTimeout(dim);
    $("main").classList.remove("stale");
  }
}

function swap(next) {
  const y = scrollY, scrolls = [...document.querySelectorAll("main [id].scroll")].map((e) => [e.id, e.scrollLeft, e.scrollTop]);
  const opened = [...document.querySelectorAll("main details[id][open]")].map((e) => e.id), focus = document.activeElement?.id;
  document.title = next.title;
  document.dispatchEvent(new Event("page:leave"));
  for (const part of ["main", ".nav", ".tools"]) {
    const from = $(part, next);
    // A popover that is open, or a field being typed in, stays as it is.
    if (from && !(part !== "main" && ($(part).querySelector("details[open]") || $(part).contains(document.activeElement)))) $(part).replaceWith(document.adoptNode(from));
  }
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  for (const [id, left, top] of scrolls) document.getElementById(id)?.scrollTo(left, top);
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  scrollTo(0, y);
  frame();
  for (const setup of setups) setup($("main"));
}
addEventListener("popstate", () => visit(location.href, ""));

// ---- live refresh: the page says how often in data-live; a hidden tab or a selection in progress waits.
let timer;
function schedule() {
  clearTimeout(timer);
  const seconds = parseInt($("main").dataset.live, 10);
  if (seconds) timer = setTimeout(tick, Math.max(seconds, 1) * 1000);
}
async function tick() {
  const busy = document.hidden || getSelection()?.type === "Range" || $("main").contains($("input:focus, select:focus, textarea:focus")) || $("dialog[open]") || root.dataset.busy;
  if (!busy) await visit(location.href, "");
  schedule();
}

// ---- times
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; }; // what stays need not be laid out anew
function times() {
  for (const time of document.querySelectorAll("time.clock")) put(time, clock(new Date(time.dateTime), time.classList.contains("ms")));
  const zone = timeZone(), chosen = root.dataset.zone || "utc", button = $("#zone");
  for (const name of document.querySelectorAll(".zone-name")) put(name, zone);
  button.hidden = $("#zone-pick").hidden = false;
  put(button, { utc: "UTC", local: "LOC" }[chosen] ?? "TZ");
  button.title = zone;
}
setInterval(() => { if (!document.hidden) for (const time of document.querySelectorAll("time.ago")) put(time, ago(new Date(time.dateTime))); }, 5000);

// ---- wiring, by delegation so that swaps need none of it again
function toggleTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  remember("theme", root.dataset.theme);
  document.dispatchEvent(new Event("theme"));
}
function inZone(chosen) {
  root.dataset.zone = chosen;
  remember("zone", chosen);
  times();
  document.dispatchEvent(new Event("zone"));
}
const actions = {
  theme: toggleTheme,
  zone: () => inZone((root.dataset.zone || "utc") === "utc" ? "local" : "utc"),
  "zone-pick": () => import("./zones.js").then((zones) => zones.open(timeZone(), inZone)),
  "help-open": () => $("#help").showModal(),
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[id]");
  if (button && Object.hasOwn(actions, button.id)) actions[button.id]();
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.classList.add("done"); setTimeout(() => copy.classList.remove("done"), 1200); });
  for (const pop of document.querySelectorAll("details.pop[open]")) if (!pop.contains(event.target)) pop.open = false;
  if (event.target === $("#help")) $("#help").close();
  const link = event.target.closest("a#live, a[data-visit]"); // in SVG too, where a.href is no text
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) { event.preventDefault(); visit(link.getAttribute("href"), link.id === "live" ? "replace" : "push"); }
});

document.addEventListener("change", (event) => { if (event.target.matches("[data-submit]")) event.target.form.requestSubmit(); });

// A field that offers how to go on, once the hands rest: the server knows the language and what there is.
let typing = 0;
async function complete(field) {
  const typed = field.value, answer = await fetch(field.dataset.complete + encodeURIComponent(typed));
  if (answer.ok && field.value === typed) field.list.replaceChildren(...(await answer.json()).map((offer) => new Option("", offer)));
}
document.addEventListener("input", ({ target }) => {
  if (!target.dataset?.complete) return;
  clearTimeout(typing);
  typing = setTimeout(complete, 80, target);
});

let leader = 0;
const rows = () => [...document.querySelectorAll("main tr[data-href], main [data-row]")];
function step(by) {
  const all = rows(), at = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
  (next?.querySelector("a[href]") ?? next)?.focus();
}
const keys = {
  "/": () => ($("main [data-search]") ?? $("#top-q"))?.focus(),
  "?": () => $("#help").showModal(),
  t: toggleTheme,
  l: () => $("#live")?.click(),
  g: () => { leader = Date.now(); },
  j: () => step(1),
  k: () => step(-1),
};
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    import("./palette.js").then((palette) => palette.open());
    return;
  }
  if (event.key === "Escape") for (const pop of document.querySelectorAll("details.pop[open]")) { pop.open = false; $("summary", pop).focus(); }
  if (event.target.closest("input, textarea, select, [contenteditable]")) { if (event.key === "Escape") event.target.blur(); return; }
  if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || $("dialog[open]")) return;
  if (Date.now() - leader < 1500) {
    leader = 0;
    const link = [...document.querySelectorAll(".nav a")].find((a) => a.dataset.key === event.key);
    if (link) { location.href = link.href; return event.preventDefault(); }
  }
  if (Object.hasOwn(keys, event.key)) { keys[event.key](); event.preventDefault(); }
});
// A click anywhere in a row opens it; links inside keep their own meaning, and selecting text opens nothing.
document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-href]");
  if (!row || event.target.closest("a, button, summary, input, label") || getSelection()?.type === "Range") return;
  if (event.metaKey || event.ctrlKey) open(row.dataset.href); else location.href = row.dataset.href;
});

function frame() {
  times();
  schedule();
  // Where the navigation is wider than the screen, the page one is on stands in it.
  if (matchMedia("(max-width: 640px)").matches) $(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}
if (recall("zone")) root.dataset.zone = recall("zone");
try { clock(new Date()); } catch { delete root.dataset.zone; } // a zone this browser does not know
frame();
