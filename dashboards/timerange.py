"""The time range of a page, as its URL writes it: `?from=now-1h&to=now`.

Three spellings, each for `from` and `to`: relative to now, with optional rounding (`now-1d/d`: `from`
rounds down to the unit's start, `to` up to its end, in UTC; weeks start on Monday); an absolute epoch in
s, ms, µs or ns by its magnitude; ISO 8601 (UTC where no offset is given).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from collector.storage.base import LONG_NS, ROLLUP_SLOT_NS, InvalidQuery, Window
from dashboards.i18n import N_, _, day, ngettext

UNIT_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9, "w": 7 * 86400 * 10**9}
DEFAULT_FROM, DEFAULT_TO = "now-1h", "now"
PRESETS = (
    ("now-5m", N_("Last 5 minutes")),
    ("now-15m", N_("Last 15 minutes")),
    ("now-1h", N_("Last 1 hour")),
    ("now-3h", N_("Last 3 hours")),
    ("now-12h", N_("Last 12 hours")),
    ("now-24h", N_("Last 24 hours")),
    ("now-7d", N_("Last 7 days")),
    ("now-30d", N_("Last 30 days")),
)

_RELATIVE = re.compile(r"now(?:([+-])(\d{1,6})([smhdw]))?(?:/([smhdw]))?")
# The epoch began on a Thursday; weeks are counted from the Monday after it.
_FIRST_MONDAY_NS = 4 * UNIT_NS["d"]
_MAX_NS = 2**63 - 1
# Where a bare number changes its unit: 1e11 s is the year 5138, 1e11 ms is 1973.
_EPOCH_SCALES = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A page's window with the strings it was written in. `now_ns` is the moment it was read at."""

    start: str
    end: str
    window: Window
    now_ns: int

    @classmethod
    def parse(cls, params: Mapping[str, str], now_ns: int) -> TimeRange:
        """The range of a query string, the last hour where it says nothing. InvalidQuery if unreadable."""
        start, end = params.get("from", "") or DEFAULT_FROM, params.get("to", "") or DEFAULT_TO
        start_ns, end_ns = _moment(start, now_ns, up=False), _moment(end, now_ns, up=True)
        if end_ns <= start_ns:
            raise InvalidQuery(
                _(
                    "the time range is empty: it ends (%(end)s) before it starts (%(start)s)",
                    end=end,
                    start=start,
                )
            )
        window = Window(start_ns, end_ns)
        if _RELATIVE.fullmatch(start) and _RELATIVE.fullmatch(end):
            window = _in_slots(window)
        return cls(start, end, window, now_ns)

    @classmethod
    def default(cls, now_ns: int) -> TimeRange:
        return cls.parse({}, now_ns)

    @property
    def query(self) -> str:
        """The range as a query string, to keep in links."""
        return urlencode({"from": self.start, "to": self.end})

    @property
    def is_default(self) -> bool:
        return (self.start, self.end) == (DEFAULT_FROM, DEFAULT_TO)

    @property
    def follows_now(self) -> bool:
        """Whether reloading the page later shows newer calls."""
        return self.end.startswith("now")

    @property
    def label(self) -> str:
        """What the range picker shows: "Last 15 minutes", or both ends."""
        match = _RELATIVE.fullmatch(self.start)
        if self.end == "now" and match and match[1] == "-" and not match[4]:
            return _last(int(match[2]), match[3])
        return _absolute_label(self.window)

    @property
    def previous(self) -> Window | None:
        """The window of equal length just before; None where that lies before the epoch."""
        start = 2 * self.window.start_ns - self.window.end_ns
        return Window(start, self.window.start_ns) if start >= 0 else None


def _last(count: int, unit: str) -> str:
    # Written out, because extraction reads calls.
    labels = {
        "s": ngettext("Last %(num)s second", "Last %(num)s seconds", count),
        "m": ngettext("Last %(num)s minute", "Last %(num)s minutes", count),
        "h": ngettext("Last %(num)s hour", "Last %(num)s hours", count),
        "d": ngettext("Last %(num)s day", "Last %(num)s days", count),
        "w": ngettext("Last %(num)s week", "Last %(num)s weeks", count),
    }
    return labels[unit]


def _in_slots(window: Window) -> Window:
    """A long window as it moves with the clock, moved on to the end of a slot: what the store has summed up
    answers for it, and pages that are drawn a moment later agree."""
    length = window.end_ns - window.start_ns
    if length < LONG_NS or length % ROLLUP_SLOT_NS:
        return window
    end_ns = -(-window.end_ns // ROLLUP_SLOT_NS) * ROLLUP_SLOT_NS
    return Window(end_ns - length, end_ns)


def _moment(text: str, now_ns: int, up: bool) -> int:
    for read in (_relative, _epoch, _iso):
        moment = read(text.strip(), now_ns, up)
        if moment is not None:
            return _within(moment, text)
    raise InvalidQuery(
        _(
            "cannot read the time %(text)s: write now-1h, an epoch in ms, or 2026-01-31T12:00",
            text=_shown(text),
        )
    )


def _relative(text: str, now_ns: int, up: bool) -> int | None:
    match = _RELATIVE.fullmatch(text)
    if not match:
        return None
    sign, count, unit, rounding = match.groups()
    offset = int(count) * UNIT_NS[unit] if count else 0
    moment = now_ns - offset if sign == "-" else now_ns + offset
    return _rounded(moment, rounding, up) if rounding else moment


def _rounded(moment: int, unit: str, up: bool) -> int:
    origin = _FIRST_MONDAY_NS if unit == "w" else 0
    start = (moment - origin) // UNIT_NS[unit] * UNIT_NS[unit] + origin
    return start + UNIT_NS[unit] if up else start


def _epoch(text: str, _now_ns: int, _up: bool) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        return None
    number = int(text)
    return number * next((scale for limit, scale in _EPOCH_SCALES if number < limit), 1)


def _iso(text: str, _now_ns: int, _up: bool) -> int | None:
    # A "+" in a query string arrives as a space, so an offset may have lost its sign.
    try:
        moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text) if "T" in text else text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000


def _within(moment: int, text: str) -> int:
    if not 0 <= moment <= _MAX_NS:
        raise InvalidQuery(_("the time %(text)s lies outside 1970 to 2262", text=_shown(text)))
    return moment


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _absolute_label(window: Window) -> str:
    start, end = (datetime.fromtimestamp(ns / 1e9, UTC) for ns in (window.start_ns, window.end_ns))
    short = window.end_ns - window.start_ns < 5 * UNIT_NS["m"]
    clock = "%H:%M:%S" if short else "%H:%M"
    end_day = "" if start.date() == end.date() else f"{day(end)} "
    return f"{day(start)} {start.strftime(clock)} – {end_day}{end.strftime(clock)}"
