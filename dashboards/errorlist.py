"""Errors as listed: what was decided about each, and whether it is new or came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from collector.analysis.exceptions import Error, errors_of
from collector.storage.base import ErrorsQuery, SpanReader, Window
from collector.triage.store import Decision
from dashboards.charts.spark import Spark, spark
from dashboards.i18n import _
from dashboards.ui import Ui

State = Literal["open", "resolved", "ignored"]
# New is what did not happen in so many such ranges before this one.
LOOKBACK = 3


@dataclass(frozen=True, slots=True)
class Row:
    """An error with its marks. One that was resolved and is seen later is open again: it came `back`."""

    error: Error
    state: State
    is_new: bool
    back: bool
    trend: Spark


def earlier(reader: SpanReader, window: Window, service: str = "") -> frozenset[str] | None:
    """Fingerprints of the time before; None where the store does not reach back: nobody knows what is new."""
    first_ns = reader.first_ns()
    if not first_ns or first_ns >= window.start_ns:
        return None
    before = Window(window.start_ns - LOOKBACK * (window.end_ns - window.start_ns), window.start_ns)
    variants = reader.errors(ErrorsQuery(before, service, buckets=1))
    return frozenset(error.fingerprint for error in errors_of(variants))


def listed(ui: Ui, window: Window, service: str = "") -> list[Row]:
    """The errors of the window, most frequent first, with what was decided about them."""
    found = errors_of(ui.reader.errors(ErrorsQuery(window, service)))
    known = earlier(ui.reader, window, service) if found else None
    return rows(found, ui.triage.decisions() if ui.triage else {}, known)


def rows(
    errors: Sequence[Error], decisions: Mapping[str, Decision], known: frozenset[str] | None
) -> list[Row]:
    """In the order of `errors`."""
    return [row(error, decisions.get(error.fingerprint), known) for error in errors]


def row(error: Error, decision: Decision | None, known: frozenset[str] | None) -> Row:
    """`known` as `earlier` gives it."""
    back = decision is not None and decision.state == "resolved" and error.last_ns > decision.changed_ns
    return Row(
        error,
        state="open" if decision is None or back else decision.state,
        is_new=known is not None and error.fingerprint not in known,
        back=back,
        trend=_trend(error.counts_by_bucket),
    )


def _trend(counts: Sequence[int]) -> Spark:
    label = _("%(count)s failures, at most %(most)s a bar", count=sum(counts), most=max(counts, default=0))
    return replace(spark(counts, counts), calls="", label=label)


def shown(found: Sequence[Row], state: str, sort: str) -> list[Row]:
    """Those of a state ("all" for any), the most frequent, latest or first seen on top."""
    keys = {
        "count": lambda row: -row.error.count,
        "latest": lambda row: -row.error.last_ns,
        "first": lambda row: -row.error.first_ns,
    }
    return sorted((row for row in found if state in ("all", row.state)), key=keys[sort])
