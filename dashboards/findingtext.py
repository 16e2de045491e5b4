"""Findings in words, with the page that shows what is behind each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf

from fastapi import Request

from collector.analysis.exceptions import Error
from collector.analysis.findings import Finding
from collector.analysis.leaks import Leak
from dashboards import format
from dashboards.render import path_part, url

# Of a statement or an error's type, in a sentence.
SHORT = 90


@dataclass(frozen=True, slots=True)
class Line:
    """`text` follows the function's name; `detail` is what it is about, as written by the sender."""

    finding: Finding
    icon: str
    tone: str  # "err" or "warn"
    text: str
    detail: str
    target: str


@dataclass(frozen=True, slots=True)
class Known:
    """What findings name: errors by fingerprint, growing memory by function."""

    errors: Mapping[str, Error]
    leaks: Mapping[str, Leak] = field(default_factory=dict)


def lines(request: Request, found: list[Finding], known: Known) -> list[Line]:
    link = partial(url, request)
    return [_WORDS[finding.kind](finding, link, known) for finding in found]


Link = Callable[..., str]


def _function(link: Link, finding: Finding, part: str = "") -> str:
    return link(f"/functions/{path_part(finding.service)}" + (f"#{part}" if part else ""))


def _share(finding: Finding) -> str:
    now = format.percent(finding.now)
    return f"{now}, {format.percent(finding.before)} before" if finding.before is not None else now


def _time(finding: Finding) -> str:
    now = format.duration(finding.now)
    return f"{now}, {format.duration(finding.before)} before" if finding.before else now


def _times(finding: Finding) -> str:
    factor = finding.now / finding.before if finding.before else inf
    return "" if factor == inf else f"{factor:.1f} times as "


def _errors(finding: Finding, link: Link, known: Known) -> Line:
    target = link("/errors", service=finding.service)
    compared = finding.before is not None
    text = f"fails more: {_share(finding)}" if compared else f"fails in {_share(finding)} of its calls"
    return Line(finding, "error", "err", text, "", target)


def _version_errors(finding: Finding, link: Link, known: Known) -> Line:
    text = f"fails more since version {finding.subject}: {_share(finding)}"
    return Line(finding, "error", "err", text, "", link("/errors", service=finding.service))


def _new_error(finding: Finding, link: Link, known: Known) -> Line:
    error = known.errors[finding.subject]
    text = f"has a new error, {format.count(finding.now)} times:"
    detail = f"{error.type}: {error.pattern}" if error.pattern else error.type
    return Line(finding, "error", "err", text, detail[:SHORT], link(f"/errors/{finding.subject}"))


def _slower(finding: Finding, link: Link, known: Known) -> Line:
    target = link("/traces", service=finding.service, sort="slowest")
    return Line(finding, "timer", "warn", f"takes {_times(finding)}long: p95 {_time(finding)}", "", target)


def _version_slower(finding: Finding, link: Link, known: Known) -> Line:
    text = f"is slower since version {finding.subject}: p95 {_time(finding)}"
    return Line(finding, "timer", "warn", text, "", _function(link, finding, "versions"))


def _queue(finding: Finding, link: Link, known: Known) -> Line:
    text = f"falls behind: messages wait {_time(finding)} (p95) in"
    target = link(
        "/traces",
        source=f"queue:{finding.subject}",
        target=f"function:{finding.service}",
        sort="slowest",
    )
    return Line(finding, "queue", "warn", text, finding.subject[:SHORT], target)


def _statement(finding: Finding, link: Link, known: Known) -> Line:
    text = "runs a slower statement" if finding.before else "runs a statement it did not run before"
    target = link("/slow", what="statements", service=finding.service)
    return Line(finding, "database", "warn", f"{text}: p95 {_time(finding)}", finding.subject[:SHORT], target)


def _repeats(finding: Finding, link: Link, known: Known) -> Line:
    text = f"runs a statement {format.count(finding.now)} times in one trace (N+1?):"
    target = link("/slow", what="statements", service=finding.service)
    return Line(finding, "database", "warn", text, finding.subject[:SHORT], target)


def _cold(finding: Finding, link: Link, known: Known) -> Line:
    target = _function(link, finding, "cold")
    return Line(finding, "cold", "warn", f"starts cold more often: {_share(finding)}", "", target)


def _cold_longer(finding: Finding, link: Link, known: Known) -> Line:
    text = f"takes {_times(finding)}long to start: {_time(finding)}"
    return Line(finding, "cold", "warn", text, "", _function(link, finding, "cold"))


def _memory(finding: Finding, link: Link, known: Known) -> Line:
    leak = known.leaks[finding.service]
    first, last = format.size(leak.first_bytes), format.size(leak.last_bytes)
    each = format.size(leak.bytes_per_call)
    text = f"uses more memory with every call: from {first} to {last} in one instance, {each} a call"
    if leak.calls_left is not None and leak.limit_bytes:
        calls = format.count(float(f"{leak.calls_left:.2g}"))
        text += f"; it would reach its limit of {format.size(leak.limit_bytes)} in about {calls} calls"
    return Line(finding, "error", "warn", text, "", _function(link, finding, "memory"))


_WORDS: Mapping[str, Callable[[Finding, Link, Known], Line]] = {
    "errors": _errors,
    "version_errors": _version_errors,
    "new_error": _new_error,
    "slower": _slower,
    "version_slower": _version_slower,
    "queue": _queue,
    "statement": _statement,
    "repeats": _repeats,
    "cold": _cold,
    "cold_longer": _cold_longer,
    "memory": _memory,
}
