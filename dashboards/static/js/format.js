// The rules of dashboards/format.py for figures that scripts show; and words in the reader's language.
const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
/** @returns the text in the reader's language, its places `%(name)s` filled with the values. */
export const _ = (text, values = {}) => (words[text] ?? text).replace(/%\((\w+)\)s/g, (place, name) => values[name] ?? place);

const digits = (v) => (v < 9.995 ? v.toFixed(2) : v < 99.95 ? v.toFixed(1) : v.toFixed(0));

export function duration(ns) {
  if (ns == null) return "–";
  if (ns < 0) return "-" + duration(-ns);
  if (ns < 999.5) return ns ? `${Math.round(ns)} ns` : "0 ms";
  if (ns < 999.5e3) return `${digits(ns / 1e3)} µs`;
  if (ns < 999.5e6) return `${digits(ns / 1e6)} ms`;
  if (ns < 60e9 - 5e6) return `${digits(ns / 1e9)} s`;
  const s = Math.round(ns / 1e9), m = Math.floor(s / 60), h = Math.floor(m / 60);
  if (m < 60) return `${m} m ${String(s % 60).padStart(2, "0")} s`;
  return h < 24 ? `${h} h ${String(m % 60).padStart(2, "0")} m` : `${Math.floor(h / 24)} d ${h % 24} h`;
}

const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

export function count(v) {
  if (v == null) return "–";
  if (v < 999.5) return Number.isInteger(v) || v >= 99.5 ? v.toFixed(0) : v.toFixed(1);
  return v < 999.5e3 ? `${trimmed(digits(v / 1e3))}k` : v < 999.5e6 ? `${trimmed(digits(v / 1e6))}M` : `${trimmed(digits(v / 1e9))}G`;
}

export function percent(r) {
  if (r == null) return "–";
  if (r > 0 && r < 0.001) return "<0.1%";
  if (r >= 0.99 && r < 1) return `${Math.min(r * 100, 99.9).toFixed(1)}%`;
  return r > 0 && r < 0.0995 ? `${(r * 100).toFixed(1)}%` : `${(r * 100).toFixed(0)}%`;
}

export function bytes(v) {
  if (v == null) return "–";
  if (v < 1024) return `${v} B`;
  for (const unit of ["KB", "MB", "GB", "TB"]) {
    v /= 1024;
    if (v < 999.5 || unit === "TB") return `${digits(v)} ${unit}`;
  }
}

/** @returns the reader's time zone: UTC, the machine's own, or the IANA name that was chosen. */
export function timeZone() {
  const chosen = document.documentElement.dataset.zone || "utc";
  if (chosen === "utc") return "UTC";
  return chosen === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC" : chosen;
}

const two = (number) => String(number).padStart(2, "0");
const clocks = {}, FIELDS = { year: "numeric", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
function fields(date) {
  const zone = timeZone();
  // Intl takes 15 ms to wake up: a third of what a page costs, and most readers stay in UTC.
  if (zone === "UTC") return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(), hour: two(date.getUTCHours()), minute: two(date.getUTCMinutes()), second: two(date.getUTCSeconds()) };
  const format = (clocks[zone] ??= new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...FIELDS }));
  return Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
}

/** The time of a moment (Date) in the reader's zone, to the second. */
export function timeOfDay(date) {
  const at = fields(date);
  return `${at.hour}:${at.minute}:${at.second}`;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const CHINESE = document.documentElement.lang.startsWith("zh");
const day = (at) => (CHINESE ? `${at.month}月${at.day}日` : `${at.day} ${MONTHS[at.month - 1]}`);

/** A moment (Date) as `12 May 14:03:59`, without the date when it is today's. */
export function clock(date, millis = false) {
  const at = fields(date), now = fields(new Date());
  const today = ["year", "month", "day"].every((part) => at[part] === now[part]);
  const fraction = millis ? "." + String(date.getUTCMilliseconds()).padStart(3, "0") : "";
  return `${today ? "" : `${day(at)} `}${at.hour}:${at.minute}:${at.second}${fraction}`;
}

const AGO = [[86400, _("%(num)s d ago")], [3600, _("%(num)s h ago")], [60, _("%(num)s min ago")], [1, _("%(num)s s ago")]];

export function ago(date, now = Date.now()) {
  const s = Math.floor((now - date) / 1000);
  if (s < 1) return s > -60 ? _("just now") : _("in %(time)s", { time: duration(-s * 1e9) });
  const [unit, text] = AGO.find(([unit]) => s >= unit);
  return text.replace("%(num)s", Math.floor(s / unit));
}
