"""Findings in words, with the page that shows what is behind each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from fastapi import Request

from collector.analysis.exceptions import Error
from collector.analysis.findings import Finding
from collector.analysis.leaks import Leak
from dashboards import format
from dashboards.i18n import N_, _
from dashboards.render import path_part, url

_CALLS = N_("%(count)s calls")
_BASIS = {
    "errors": N_("%(count)s failed"),
    "version_errors": N_("%(count)s failed"),
    "new_error": N_("%(count)s failed"),
    "cold": N_("%(count)s cold starts"),
    "cold_longer": N_("%(count)s cold starts"),
    "statement": N_("%(count)s runs"),
    "repeats": N_("%(count)s runs"),
    "queue": N_("%(count)s batches"),
}

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

    @property
    def basis(self) -> str:
        """How many calls, or what else, it was found in."""
        return _(_BASIS.get(self.finding.kind, _CALLS), count=format.count(self.finding.calls))


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
    return _figure(finding, format.percent)


def _time(finding: Finding) -> str:
    return _figure(finding, format.duration) if finding.before else format.duration(finding.now)


def _figure(finding: Finding, written: Callable[[float], str]) -> str:
    """What is measured, with what it was before where that is known."""
    now = written(finding.now)
    if finding.before is None:
        return now
    return _("%(now)s, %(before)s before", now=now, before=written(finding.before))


def _longer(finding: Finding, told: str, told_by_factor: str) -> str:
    """One of two messages: a factor is only told where there was something before."""
    if not finding.before:
        return _(told, figure=format.duration(finding.now))
    return _(told_by_factor, factor=f"{finding.now / finding.before:.1f}", figure=_time(finding))


def _errors(finding: Finding, link: Link, known: Known) -> Line:
    target = link("/errors", service=finding.service)
    if finding.before is not None:
        text = _("fails more: %(figure)s", figure=_share(finding))
    else:
        text = _("fails in %(share)s of its calls", share=_share(finding))
    return Line(finding, "error", "err", text, "", target)


def _version_errors(finding: Finding, link: Link, known: Known) -> Line:
    text = _(
        "fails more since version %(version)s: %(figure)s", version=finding.subject, figure=_share(finding)
    )
    return Line(finding, "error", "err", text, "", link("/errors", service=finding.service))


def _new_error(finding: Finding, link: Link, known: Known) -> Line:
    error = known.errors[finding.subject]
    text = _("has a new error, %(count)s times:", count=format.count(finding.now))
    detail = f"{error.type}: {error.pattern}" if error.pattern else error.type
    return Line(finding, "error", "err", text, detail[:SHORT], link(f"/errors/{finding.subject}"))


def _slower(finding: Finding, link: Link, known: Known) -> Line:
    target = link("/traces", service=finding.service, sort="slowest")
    text = _longer(
        finding, N_("takes long: p95 %(figure)s"), N_("takes %(factor)s times as long: p95 %(figure)s")
    )
    return Line(finding, "timer", "warn", text, "", target)


def _version_slower(finding: Finding, link: Link, known: Known) -> Line:
    text = _(
        "is slower since version %(version)s: p95 %(figure)s", version=finding.subject, figure=_time(finding)
    )
    return Line(finding, "timer", "warn", text, "", _function(link, finding, "versions"))


def _queue(finding: Finding, link: Link, known: Known) -> Line:
    text = _("falls behind: messages wait %(figure)s (p95) in", figure=_time(finding))
    target = link(
        "/traces",
        source=f"queue:{finding.subject}",
        target=f"function:{finding.service}",
        sort="slowest",
    )
    return Line(finding, "queue", "warn", text, finding.subject[:SHORT], target)


def _statement(finding: Finding, link: Link, known: Known) -> Line:
    if finding.before:
        text = _("runs a slower statement: p95 %(figure)s", figure=_time(finding))
    else:
        text = _(
            "runs a statement it did not run before: p95 %(figure)s", figure=format.duration(finding.now)
        )
    target = link("/slow", what="statements", service=finding.service)
    return Line(finding, "database", "warn", text, finding.subject[:SHORT], target)


def _repeats(finding: Finding, link: Link, known: Known) -> Line:
    text = _("runs a statement %(count)s times in one trace (N+1?):", count=format.count(finding.now))
    target = link("/slow", what="statements", service=finding.service)
    return Line(finding, "database", "warn", text, finding.subject[:SHORT], target)


def _cold(finding: Finding, link: Link, known: Known) -> Line:
    target = _function(link, finding, "cold")
    text = _("starts cold more often: %(figure)s", figure=_share(finding))
    return Line(finding, "cold", "warn", text, "", target)


def _cold_longer(finding: Finding, link: Link, known: Known) -> Line:
    text = _longer(
        finding,
        N_("takes long to start: %(figure)s"),
        N_("takes %(factor)s times as long to start: %(figure)s"),
    )
    return Line(finding, "cold", "warn", text, "", _function(link, finding, "cold"))


def _memory(finding: Finding, link: Link, known: Known) -> Line:
    leak = known.leaks[finding.service]
    sizes = {
        "first": format.size(leak.first_bytes),
        "last": format.size(leak.last_bytes),
        "each": format.size(leak.bytes_per_call),
    }
    if leak.calls_left is not None and leak.limit_bytes:
        text = _(
            "uses more memory with every call: from %(first)s to %(last)s in one instance, %(each)s a call; "
            "it would reach its limit of %(limit)s in about %(calls)s calls",
            **sizes,
            limit=format.size(leak.limit_bytes),
            calls=format.count(float(f"{leak.calls_left:.2g}")),
        )
    else:
        text = _(
            "uses more memory with every call: from %(first)s to %(last)s in one instance, %(each)s a call",
            **sizes,
        )
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
