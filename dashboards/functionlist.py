"""Functions as listed: their figures, what they used and cost, whose they are, how it was before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from collector.analysis.cost import cost_of
from collector.storage.base import FunctionStats, SpanReader, Window
from collector.storage.usage import TagsQuery, Usage, UsageQuery
from dashboards import format
from dashboards.change import Change, points, relative
from dashboards.functionusage import share
from dashboards.timerange import TimeRange
from dashboards.ui import Ui

# What calls used is read from their attributes: of more calls than this a sample.
CALLS_SAMPLED = 100_000


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function. None stands where its calls did not tell. `refused` counts calls that never reached it
    (throttling), as its callers saw them; `team` and `tags` are the resource attributes that are set up."""

    stats: FunctionStats
    memory_bytes: int | None
    limit_bytes: int | None
    cpu: float | None
    timeouts: int
    refused: int
    cost: float | None
    team: str
    tags: tuple[str, ...]
    calls_change: Change | None
    errors_change: Change | None
    p95_change: Change | None

    @property
    def memory_share(self) -> float | None:
        return share(self.memory_bytes, self.limit_bytes)

    @property
    def cut_off(self) -> int:
        """Calls that were refused or ran into their timeout."""
        return self.refused + self.timeouts

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.team, *self.tags) if self.team else self.tags

    @property
    def words(self) -> str:
        """What a filter looks in."""
        f = self.stats
        return " ".join((f.service, f.platform, f.region, *f.triggers, *self.labels))


SORTS: dict[str, Callable[[FunctionRow], float | str]] = {
    "name": lambda row: row.stats.service.casefold(),
    "calls": lambda row: row.stats.calls,
    "errors": lambda row: row.stats.error_rate,
    "p50": lambda row: row.stats.p50_ns,
    "p95": lambda row: row.stats.p95_ns,
    "p99": lambda row: row.stats.p99_ns,
    "cold": lambda row: -1.0 if row.stats.cold_share is None else row.stats.cold_share,
    "memory": lambda row: -1.0 if row.memory_share is None else row.memory_share,
    "cpu": lambda row: -1.0 if row.cpu is None else row.cpu,
    "cut": lambda row: row.cut_off,
    "cost": lambda row: -1.0 if row.cost is None else row.cost,
    "seen": lambda row: row.stats.last_seen_ns,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which functions are shown: every word occurs, and the rest is equal where it is given."""

    words: str = ""
    platform: str = ""
    region: str = ""
    team: str = ""
    tag: str = ""

    @property
    def is_any(self) -> bool:
        return not (self.words or self.platform or self.region or self.team or self.tag)

    def holds(self, row: FunctionRow) -> bool:
        text = row.words.casefold()
        return (
            all(word in text for word in self.words.casefold().split())
            and self.platform in ("", row.stats.platform)
            and self.region in ("", row.stats.region)
            and self.team in ("", row.team)
            and (not self.tag or self.tag in row.tags)
        )


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to filter by."""

    platforms: tuple[str, ...]
    regions: tuple[str, ...]
    teams: tuple[str, ...]
    tags: tuple[str, ...]


def function_rows(
    ui: Ui, window: Window, stats: Sequence[FunctionStats], before: Sequence[FunctionStats]
) -> list[FunctionRow]:
    """In the order of `stats`; `before` are the same functions in the period before, if it is known."""
    if not stats:
        return []
    one_in = sample_of(sum(f.calls for f in stats))
    used = {
        u.group: u
        for u in ui.reader.used.usage(UsageQuery(window, by="service", one_in=one_in, limit=10_000))
    }
    refused = dict(ui.reader.used.throttled(window))
    teams, tags = _tags(ui, window)
    earlier = {f.service: f for f in before}
    return [
        _row(
            ui, f, used.get(f.service), one_in, earlier.get(f.service), refused.get(f.service, 0), teams, tags
        )
        for f in stats
    ]


def _row(
    ui: Ui,
    stats: FunctionStats,
    used: Usage | None,
    one_in: int,
    before: FunctionStats | None,
    refused: int,
    teams: Mapping[str, str],
    tags: Mapping[str, tuple[str, ...]],
) -> FunctionRow:
    calls, errors, p95 = changes_of(stats, before)
    return FunctionRow(
        stats=stats,
        memory_bytes=used.memory_bytes if used else None,
        limit_bytes=used.limit_bytes if used else None,
        cpu=used.cpu if used else None,
        timeouts=used.timeouts * one_in if used else 0,
        refused=refused,
        cost=_cost(ui, stats, used, one_in),
        team=teams.get(stats.service, ""),
        tags=tags.get(stats.service, ()),
        calls_change=calls,
        errors_change=errors,
        p95_change=p95,
    )


def arrange(rows: Sequence[FunctionRow], wanted: Wanted, sort: str, descending: bool) -> list[FunctionRow]:
    """Those that are wanted, in order; equal ones by name."""
    by_name = sorted((row for row in rows if wanted.holds(row)), key=SORTS["name"])
    return sorted(by_name, key=SORTS[sort], reverse=descending)


def choices(rows: Sequence[FunctionRow]) -> Choices:
    def seen(values: set[str]) -> tuple[str, ...]:
        return tuple(sorted(values - {""}))

    return Choices(
        seen({row.stats.platform for row in rows}),
        seen({row.stats.region for row in rows}),
        seen({row.team for row in rows}),
        seen({tag for row in rows for tag in row.tags}),
    )


def period_before(reader: SpanReader, time_range: TimeRange) -> Window | None:
    """The period before; None unless the store reaches back over all of it."""
    window = time_range.previous
    return window if window and 0 < reader.first_ns() <= window.start_ns else None


def sample_of(calls: int) -> int:
    """Of how many calls one is read for what it used."""
    return max(-(-calls // CALLS_SAMPLED), 1)


def _cost(ui: Ui, stats: FunctionStats, used: Usage | None, one_in: int) -> float | None:
    price = ui.settings.prices.get(stats.platform)
    if price is None or used is None or not used.gb_seconds:
        return None
    return cost_of(price, used.gb_seconds * one_in, stats.calls)


def _tags(ui: Ui, window: Window) -> tuple[Mapping[str, str], Mapping[str, tuple[str, ...]]]:
    """Team and tags by function: of several teams the first by name."""
    team_key, tag_keys = ui.settings.team_attribute, ui.settings.tag_attributes
    teams: dict[str, str] = {}
    tags: dict[str, list[str]] = defaultdict(list)
    for tag in ui.reader.used.tags(TagsQuery(window, (team_key, *tag_keys))):
        if tag.key == team_key:
            teams.setdefault(tag.service, tag.value)
        if tag.key in tag_keys:
            tags[tag.service].append(tag.value)
    return teams, {service: tuple(values) for service, values in tags.items()}


def changes_of(
    now: FunctionStats, before: FunctionStats | None
) -> tuple[Change | None, Change | None, Change | None]:
    """Of calls, error rate and p95 against the period before."""
    if before is None:
        return None, None, None
    return (
        relative(now.calls, before.calls, format.count(before.calls)),
        points(now.error_rate, before.error_rate),
        relative(now.p95_ns, before.p95_ns, format.duration(before.p95_ns)),
    )
