"""What stands out in a period against the one before it, the worst first: where to look.

Pure functions over what the readers answer. A finding is a fact with its figures; the pages put it in words
and lead to what is behind it. Nothing is said from a handful of calls: shares are compared by a test at 99 %
(collector.analysis.chance), percentiles from twenty calls each on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from collector.analysis.chance import share_factor
from collector.analysis.exceptions import Error
from collector.analysis.leaks import Leak
from collector.analysis.versions import Version
from collector.storage.base import ColdStart, Edge, FunctionStats, SlowGroup

Kind = Literal[
    "version_errors",
    "errors",
    "new_error",
    "queue",
    "memory",
    "version_slower",
    "slower",
    "statement",
    "cold_longer",
    "cold",
    "repeats",
]

# The fewest calls that have a 95th percentile, and that a share can be told of.
ENOUGH = 20
SLOWER_FACTOR = 1.5
SLOWER_NS = 20_000_000  # and by no less: 3 ms instead of 2 wake nobody
QUEUE_FACTOR = 2.0
QUEUE_NS = 1_000_000_000
STATEMENT_SHARE = 0.1  # of the time all statements took
COLD_STARTS = 5  # the fewest that have a median
COLD_NS = 100_000_000
REPEATS = 5  # in one trace: perhaps a query in a loop
# Statements that end or begin something; they ask for no rows.
_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START TRANSACTION", "SET ", "PRAGMA")
# Errors above this are told even where nothing is known of the time before.
ERROR_RATE = 0.05
NEW_ERRORS = 3  # so often at least, before a new error is told
EXPLAINED = 0.8  # of the failures: then the new error says more than that there are more

_WEIGHTS: dict[Kind, float] = {
    "version_errors": 6.5,
    "errors": 6.0,
    "new_error": 5.0,
    "queue": 4.0,
    "memory": 3.8,
    "version_slower": 3.5,
    "slower": 3.0,
    "statement": 2.5,
    "cold_longer": 2.2,
    "cold": 2.0,
    "repeats": 1.0,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`now` and `before` are shares (errors, cold), nanoseconds (slower, statement: p95; queue: p95 of the
    delay; cold_longer: median), bytes (memory), or counts (new_error: failures; repeats: runs in one trace).
    `before` is of the period before, of the version before for `version_*`, of an instance's first calls for
    memory; None where nothing is known. `subject` is what it is about beside the function: a version, an
    error's fingerprint, a queue, a statement, an instance. `calls` says how much it concerns."""

    kind: Kind
    service: str
    subject: str
    now: float
    before: float | None
    calls: int

    @property
    def weight(self) -> float:
        """By kind, then by how much worse it became."""
        growth = self.now / self.before if self.before else 10.0
        return _WEIGHTS[self.kind] + min(growth, 10.0) / 20


@dataclass(frozen=True, slots=True)
class Period:
    """What the readers say of one period."""

    functions: Sequence[FunctionStats]
    edges: Sequence[Edge]
    statements: Sequence[SlowGroup]
    cold_starts: Sequence[ColdStart]


def findings(
    now: Period,
    before: Period | None,
    errors: Iterable[Error],
    known: frozenset[str] | None,
    versions: Mapping[str, Sequence[Version]],
    leaks: Iterable[Leak] = (),
) -> list[Finding]:
    """The worst first. `known` are the fingerprints of errors of the time before; None (as `before`) where
    the store does not reach back. `versions` are those of functions that ran several."""
    by_version = list(_of_versions(versions))
    told = {(f.kind.removeprefix("version_"), f.service) for f in by_version}
    found = [
        *by_version,
        *(f for f in _of_functions(now.functions, before) if (f.kind, f.service) not in told),
        *_of_cold_starts(now, before),
        *_new_errors(errors, known),
        *_of_queues(now.edges, before),
        *_of_statements(now.statements, before),
        *_of_memory(leaks),
    ]
    found = [f for f in found if not _is_explained(f, found)]
    return sorted(found, key=lambda f: (-f.weight, -f.calls, f.kind, f.service, f.subject))


def _is_explained(finding: Finding, found: Sequence[Finding]) -> bool:
    """Whether failing more often is told already by a new error that is nearly all of it."""
    return finding.kind == "errors" and any(
        f.kind == "new_error" and f.service == finding.service and f.calls >= EXPLAINED * finding.calls
        for f in found
    )


def _of_memory(leaks: Iterable[Leak]) -> Iterable[Finding]:
    """Needs no time before: memory that grows with every call ends in one way."""
    for leak in leaks:
        yield Finding("memory", leak.service, leak.instance, leak.last_bytes, leak.first_bytes, leak.calls)


def _of_versions(versions: Mapping[str, Sequence[Version]]) -> Iterable[Finding]:
    """The newest version against the first one; the version says more than the period does."""
    for service, ordered in versions.items():
        base, newest = ordered[0], ordered[-1]
        if newest.error_factor:
            yield Finding(
                "version_errors", service, newest.name, newest.error_rate, base.error_rate, newest.errors
            )
        if newest.p95_factor and newest.p95_ns - base.p95_ns >= SLOWER_NS:
            yield Finding("version_slower", service, newest.name, newest.p95_ns, base.p95_ns, newest.calls)


def _of_cold_starts(now: Period, before: Period | None) -> Iterable[Finding]:
    earlier = _cold_totals(before.cold_starts) if before else {}
    for service, totals in _cold_totals(now.cold_starts).items():
        base = earlier.get(service, [])
        if min(len(totals), len(base)) < COLD_STARTS:
            continue
        median_ns, was = median(totals), median(base)
        if median_ns >= SLOWER_FACTOR * was and median_ns - was >= COLD_NS:
            yield Finding("cold_longer", service, "", median_ns, was, len(totals))


def _cold_totals(cold_starts: Sequence[ColdStart]) -> dict[str, list[int]]:
    totals: dict[str, list[int]] = {}
    for cold in cold_starts:
        if cold.total_ns:
            totals.setdefault(cold.service, []).append(cold.total_ns)
    return totals


def _of_functions(functions: Sequence[FunctionStats], before: Period | None) -> Iterable[Finding]:
    earlier: Mapping[str, FunctionStats] = {f.service: f for f in before.functions} if before else {}
    for f in functions:
        base = earlier.get(f.service)
        yield from _failing(f, base)
        if base is None:
            continue
        enough = min(f.calls, base.calls) >= ENOUGH
        if enough and f.p95_ns >= SLOWER_FACTOR * base.p95_ns and f.p95_ns - base.p95_ns >= SLOWER_NS:
            yield Finding("slower", f.service, "", f.p95_ns, base.p95_ns, f.calls)
        if share_factor(f.cold_starts, f.cold_known, base.cold_starts, base.cold_known):
            yield Finding("cold", f.service, "", f.cold_share or 0.0, base.cold_share, f.cold_starts)


def _failing(f: FunctionStats, base: FunctionStats | None) -> Iterable[Finding]:
    if f.calls < ENOUGH:
        return
    if base is not None:
        if share_factor(f.errors, f.calls, base.errors, base.calls):
            yield Finding("errors", f.service, "", f.error_rate, base.error_rate, f.errors)
    elif f.error_rate >= ERROR_RATE:
        yield Finding("errors", f.service, "", f.error_rate, None, f.errors)


def _new_errors(errors: Iterable[Error], known: frozenset[str] | None) -> Iterable[Finding]:
    if known is None:
        return
    for error in errors:
        if error.fingerprint not in known and error.count >= NEW_ERRORS:
            yield Finding("new_error", error.service, error.fingerprint, error.count, 0, error.count)


def _of_queues(edges: Sequence[Edge], before: Period | None) -> Iterable[Finding]:
    earlier = {(e.source.id, e.target.id): e for e in before.edges} if before else {}
    for edge in edges:
        delay = edge.queue_delay_p95_ns
        base = earlier.get((edge.source.id, edge.target.id))
        was = base.queue_delay_p95_ns if base else None
        if delay is not None and was is not None and delay >= max(QUEUE_NS, QUEUE_FACTOR * was):
            yield Finding("queue", edge.target.name, edge.source.name, delay, was, edge.calls)


def _of_statements(statements: Sequence[SlowGroup], before: Period | None) -> Iterable[Finding]:
    whole = sum(group.total_ns for group in statements)
    earlier = {(g.system, g.name): g for g in before.statements} if before else {}
    for group in statements:
        if group.total_ns < STATEMENT_SHARE * whole:
            continue
        if group.max_per_trace >= REPEATS and not group.name.upper().startswith(_CONTROL):
            yield Finding("repeats", group.service, group.name, group.max_per_trace, None, group.count)
        base = earlier.get((group.system, group.name))
        if before and group.count >= ENOUGH and _slower(group, base):
            yield Finding(
                "statement", group.service, group.name, group.p95_ns, base.p95_ns if base else 0, group.count
            )


def _slower(group: SlowGroup, base: SlowGroup | None) -> bool:
    """A statement that nobody ran before counts as well: it takes a tenth of all time by itself."""
    if base is None:
        return True
    return group.p95_ns >= SLOWER_FACTOR * base.p95_ns and group.p95_ns - base.p95_ns >= SLOWER_NS
