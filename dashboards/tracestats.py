"""The statistics view of a trace: groups of equal work, sorted by what the address says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.analysis.statistics import Group, GroupBy, group
from dashboards.i18n import N_
from dashboards.params import choice
from dashboards.waterfall import Waterfall

GROUPINGS: tuple[tuple[GroupBy, str], ...] = (
    ("operations", N_("Operations")),
    ("functions", N_("Functions")),
    ("calls", N_("Downstream calls")),
    ("statements", N_("SQL statements")),
)
# Rows on the page; a trace of more kinds of work than this is told by its first ones.
MOST = 500

_COLUMNS: dict[str, Callable[[Group], float]] = {
    "self": lambda g: g.self_ns,
    "total": lambda g: g.total_ns,
    "count": lambda g: g.count,
    "errors": lambda g: g.errors,
    "median": lambda g: g.median_ns,
    "max": lambda g: g.max_ns,
    "critical": lambda g: g.critical_ns,
}


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the view shows. `all_self_ns` is the self time of every span, what shares are of."""

    by: GroupBy
    sort: str
    desc: bool
    rows: tuple[Group, ...]
    left_out: int
    all_self_ns: int

    def share(self, row: Group) -> float:
        return row.self_ns / self.all_self_ns if self.all_self_ns else 0.0


def statistics(waterfall: Waterfall, params: Mapping[str, str]) -> Statistics:
    """Of `by`, `sort` and `order`. InvalidQuery for one that is not known."""
    by: GroupBy = choice(params, "by", [key for key, _ in GROUPINGS], "operations")  # type: ignore[assignment]
    sort = choice(params, "sort", ("name", *_COLUMNS), "self")
    desc = choice(params, "order", ("asc", "desc"), "asc" if sort == "name" else "desc") == "desc"
    found = list(group(waterfall.rows, waterfall.path, by))
    if sort == "name":
        found.sort(key=lambda g: (g.name or g.service, g.service), reverse=desc)
    else:
        found.sort(key=_COLUMNS[sort], reverse=desc)
    whole = sum(row.self_ns for row in waterfall.rows)
    return Statistics(by, sort, desc, tuple(found[:MOST]), max(0, len(found) - MOST), whole)
