"""How numbers, times and sizes read on every page; static/js/format.js follows the same rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from math import floor, log10
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from dashboards.i18n import N_, _, day
from dashboards.platforms import platform_name

NONE = "–"
_SECOND = 10**9
_AGO = (
    (86400, N_("%(num)s d ago")),
    (3600, N_("%(num)s h ago")),
    (60, N_("%(num)s min ago")),
    (1, N_("%(num)s s ago")),
)


def _digits(value: float) -> str:
    """Three significant digits, at most two decimals: 1.24, 32.4, 410."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _trimmed(digits: str) -> str:
    """Without zeros behind the point, which a rounded count does not mean."""
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def duration(ns: float | None) -> str:
    """Nanoseconds for people: "410 µs", "32.4 ms", "1.24 s", "2 m 05 s", "3 h 12 m", "2 d 3 h"."""
    if ns is None:
        return NONE
    if ns < 0:
        return "-" + duration(-ns)
    if ns < 60 * _SECOND - 5e6:
        return _short_duration(ns)
    return _long_duration(round(ns / _SECOND))


def _short_duration(ns: float) -> str:
    if ns < 999.5:
        return f"{ns:.0f} ns" if ns else "0 ms"
    for unit, name in ((1e3, "µs"), (1e6, "ms")):
        if ns < 999.5 * unit:
            return f"{_digits(ns / unit)} {name}"
    return f"{_digits(ns / 1e9)} s"


def _long_duration(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} m {second:02d} s"
    hours, minute = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minute:02d} m"
    return f"{hours // 24} d {hours % 24} h"


def count(value: float | None) -> str:
    """A number of things: 842, 12.3k, 3k, 1.24M."""
    if value is None:
        return NONE
    if value < 999.5:
        return f"{value:.0f}" if value == int(value) or value >= 99.5 else f"{value:.1f}"
    for unit, name in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        if value < 999.5 * unit or name == "G":
            return f"{_trimmed(_digits(value / unit))}{name}"
    raise AssertionError("unreachable")


def percent(ratio: float | None) -> str:
    """A ratio of 0..1: 0%, <0.1%, 3.2%, 34%. Never rounds to all or nothing what is neither."""
    if ratio is None:
        return NONE
    if 0 < ratio < 0.001:
        return "<0.1%"
    if 0.99 <= ratio < 1:
        return f"{min(ratio * 100, 99.9):.1f}%"
    return f"{ratio * 100:.1f}%" if 0 < ratio < 0.0995 else f"{ratio * 100:.0f}%"


def rate(per_second: float) -> str:
    """How often: "12.3/s", "4.2/min" below one a second, "3/h" below one a minute."""
    for factor, unit in ((1, "s"), (60, "min")):
        if per_second * factor >= 1:
            return f"{count(per_second * factor)}/{unit}"
    return f"{count(per_second * 3600)}/h"


def number(value: float | None) -> str:
    """A measured number without a unit, such as cores: 0.25, 1.5, 12. Small ones keep two digits that count,
    as far as a millionth: 0.00042."""
    if value is None:
        return NONE
    if 1e-6 <= abs(value) < 0.1:
        return _trimmed(f"{value:.{1 - floor(log10(abs(value)))}f}")
    return _trimmed(_digits(value))


def size(value: float | None) -> str:
    """Bytes: 512 B, 12.3 KB, 1.20 MB; powers of 1024."""
    if value is None:
        return NONE
    if value < 1024:
        return f"{value:.0f} B"
    for name in ("KB", "MB", "GB", "TB"):
        value /= 1024
        if value < 999.5 or name == "TB":
            return f"{_digits(value)} {name}"
    raise AssertionError("unreachable")


def utc(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // _SECOND, UTC)


def iso(ns: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    return f"{utc(ns):%Y-%m-%dT%H:%M:%S}.{ns // 10**6 % 1000:03d}Z"


def ago_text(ns: int, now_ns: int) -> str:
    """ "12 s ago", "3 min ago"; "just now" within a second, also for clocks slightly ahead."""
    seconds = (now_ns - ns) // _SECOND
    for unit, message in _AGO:
        if seconds >= unit:
            return _(message, num=seconds // unit)
    return _("just now") if seconds > -60 else _("in %(time)s", time=duration(ns - now_ns))


def _time(kind: str, ns: int, text: str) -> Markup:
    stamp = iso(ns)
    title = stamp.replace("T", " ").replace("Z", " UTC")
    return Markup('<time class="{}" datetime="{}" title="{}">{}</time>').format(kind, stamp, title, text)


@pass_context
def ago(context: Context, ns: int) -> Markup:
    """A moment relative to the page's, the absolute time on hover. "–" for 0 (never)."""
    return _time("ago", ns, ago_text(ns, context["now_ns"])) if ns else Markup(NONE)


@pass_context
def clock(context: Context, ns: int, millis: bool = False) -> Markup:
    """Time of day in UTC (local by choice, static/js/app.js), with the date unless it is today's."""
    moment, now = utc(ns), utc(context["now_ns"])
    date = "" if moment.date() == now.date() else f"{day(moment)} "
    fraction = f".{ns // 10**6 % 1000:03d}" if millis else ""
    return _time("clock ms" if millis else "clock", ns, f"{date}{moment:%H:%M:%S}{fraction}")


def tojson_script(value: Any) -> Markup:
    """JSON for `<script type="application/json">`: nothing in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)


def bdi(value: object) -> Markup:
    """A name from outside, escaped and isolated so that bidirectional characters cannot reorder the page."""
    return Markup("<bdi>{}</bdi>").format(value)


def cut(value: str, limit: int = 200) -> str:
    """Long text shortened, saying how much is missing."""
    return value if len(value) <= limit else f"{value[:limit]}… ({size(len(value.encode()))})"


def classes(*names: object) -> str:
    """Class names that are set: classes("row", failed and "err")."""
    return str(escape(" ".join(str(name) for name in names if name)))


FILTERS: dict[str, Callable[..., Any]] = {
    "duration": duration,
    "count": count,
    "percent": percent,
    "rate": rate,
    "bytes": size,
    "number": number,
    "ago": ago,
    "clock": clock,
    "tojson_script": tojson_script,
    "bdi": bdi,
    "cut": cut,
    "platform": platform_name,
}
