// The pointer over charts of templates/charts.html: crosshair on all of them, figures, drag to zoom.
import { onPage, visit } from "./app.js";
import { _, bytes, clock, count, duration, percent, timeOfDay, timeZone } from "./format.js";

const formats = { bytes, count, duration, percent, number: (v) => +v.toPrecision(3), rate: (v) => (v == null ? "–" : `${count(v)}/s`) };
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);

const data = new WeakMap();
function read(svg) {
  if (!data.has(svg)) data.set(svg, JSON.parse(svg.parentElement.querySelector("script").textContent));
  return data.get(svg);
}
const share = (svg, event) => {
  const box = svg.getBoundingClientRect();
  return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
};
const rise = (svg, event) => {
  const box = svg.getBoundingClientRect();
  return Math.max(0, Math.min(1, (event.clientY - box.top) / box.height));
};
const buckets = (chart) => chart.lines[0]?.values.length ?? 0;
const moment = (chart, at) => Math.round(chart.start + at * (chart.end - chart.start));

function element(tag, text, css) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (css) made.className = css;
  return made;
}

function show(svg, event) {
  const chart = read(svg), n = buckets(chart);
  if (!n) return;
  const index = Math.min(n - 1, Math.floor(share(svg, event) * n));
  for (const other of document.querySelectorAll("svg.ts")) cross(other, (100 * (index + 0.5)) / n);
  const rows = chart.lines.filter((line) => line.values[index] != null).map((line) => {
    const row = element("div", "", line.css);
    row.append(element("i", "", "dot"), element("span", line.name), element("b", formats[chart.unit](line.values[index])));
    return row;
  });
  tip.replaceChildren(element("time", clock(new Date(moment(chart, index / n)))), ...(rows.length ? rows : [element("div", _("no calls"))]));
  tip.hidden = false;
  const left = event.clientX + 14 + tip.offsetWidth > innerWidth ? event.clientX - 14 - tip.offsetWidth : event.clientX + 14;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 4)}px`;
}

function cross(svg, percentage) {
  const line = svg.querySelector(".cross");
  line.style.opacity = percentage == null ? 0 : 1;
  if (percentage != null) for (const x of ["x1", "x2"]) line.setAttribute(x, `${percentage}%`);
}

function hide() {
  tip.hidden = true;
  for (const svg of document.querySelectorAll("svg.ts")) cross(svg, null);
}

function brush(svg, from, to, top = 0, bottom = 1) {
  const rect = svg.querySelector(".brush");
  rect.setAttribute("y", `${100 * Math.min(top, bottom)}%`);
  rect.setAttribute("height", `${100 * Math.abs(bottom - top)}%`);
  rect.setAttribute("x", `${100 * Math.min(from, to)}%`);
  rect.setAttribute("width", `${100 * Math.abs(to - from)}%`);
}

// Over a heatmap the stretch has a height too: its calls are looked for among the traces.
function narrow(chart, url, top, bottom) {
  const rows = chart.heat.length, at = (share, round) => Math.max(0, Math.min(rows - 1, round(share * rows)));
  const longest = chart.heat[at(Math.min(top, bottom), Math.floor)][1];
  const shortest = chart.heat[at(Math.max(top, bottom), (row) => Math.ceil(row) - 1)][0];
  url.pathname = "/traces";
  url.search = new URLSearchParams({ q: chart.query.replace("$LOW", `${shortest}ns`).replace("$HIGH", `${longest}ns`), sort: "slowest" });
}

function zoom(svg, from, to, top, bottom) {
  const chart = read(svg), n = buckets(chart), url = new URL(location.href);
  if (chart.heat) narrow(chart, url, top, bottom);
  url.searchParams.set("from", moment(chart, Math.floor(Math.min(from, to) * n) / n));
  url.searchParams.set("to", moment(chart, Math.ceil(Math.max(from, to) * n) / n));
  url.searchParams.delete("cursor");
  visit(url.href);
}

/** Give a chart its pointer; for charts that come after the page. */
export function setUp(svg) {
  let from = null, top = 0;
  const bottom = (event) => (read(svg).heat ? rise(svg, event) : 1);
  const stop = () => { from = null; brush(svg, 0, 0); delete document.documentElement.dataset.busy; };
  svg.addEventListener("pointermove", (event) => { show(svg, event); if (from != null) brush(svg, from, share(svg, event), top, bottom(event)); });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointercancel", stop);
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch" || event.target.closest("a")) return;
    from = share(svg, event);
    top = read(svg).heat ? rise(svg, event) : 0;
    svg.setPointerCapture(event.pointerId);
    document.documentElement.dataset.busy = "brush"; // a live refresh would take the chart away
  });
  svg.addEventListener("pointerup", (event) => {
    const start = from, end = share(svg, event);
    stop();
    if (start != null && (read(svg).heat || Math.abs(end - start) > 0.015)) zoom(svg, start, end, top, bottom(event));
  });
}

// Ticks were written in UTC; each keeps the precision it has.
function zone() {
  for (const text of document.querySelectorAll("svg.ts text[data-stamp]")) {
    text.dataset.utc ??= text.textContent;
    const other = timeZone() !== "UTC", size = text.dataset.utc.match(/\d\d(:\d\d)+$/)?.[0].length;
    text.textContent = other && size ? timeOfDay(new Date(text.dataset.stamp)).slice(0, size) : text.dataset.utc;
  }
}
document.addEventListener("zone", zone);
document.addEventListener("page:leave", hide);
onPage((main) => { main.querySelectorAll("svg.ts").forEach(setUp); zone(); });
