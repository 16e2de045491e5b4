"""TraceQL that ends in a figure over time: a set of spans, what is drawn of it, and by what.

    { span.db.system.name = "postgresql" } | quantile_over_time(duration, .95) by (resource.service.name)

The part of TraceQL's metrics that docs/dashboards.md lists, from the same documentation as traceql.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.analysis.traceql import Parser, tokens, write, written_field
from collector.storage.base import InvalidQuery
from collector.storage.spanseries import COUNTING, SpanStatistic
from collector.storage.spanset import Field, Spanset

FUNCTIONS: dict[str, SpanStatistic] = {
    "rate": "rate",
    "count_over_time": "count",
    "sum_over_time": "sum",
    "avg_over_time": "avg",
    "min_over_time": "min",
    "max_over_time": "max",
    "quantile_over_time": "quantile",
}
_NAMES = {statistic: name for name, statistic in FUNCTIONS.items()}


@dataclass(frozen=True, slots=True)
class Series:
    """What a query draws: `field` is None for rates and counts, `by` for one line."""

    spanset: Spanset
    statistic: SpanStatistic = "rate"
    field: Field | None = None
    quantile: float = 0.95
    by: Field | None = None


def parse_series(text: str) -> Series:
    """The query; a rate where it says no figure. InvalidQuery says what is wrong, and where."""
    parser = Parser(tokens(text))
    found = parser.piped(0, FUNCTIONS)
    series = _figure(parser, found) if parser.take("|") else Series(found)
    parser.expect_end()
    return series


def _figure(parser: Parser, found: Spanset) -> Series:
    statistic = FUNCTIONS[parser.word(*FUNCTIONS)]
    parser.expect("(", "an opening (")
    field = None if statistic in COUNTING else parser.field()
    quantile = 0.95
    if statistic == "quantile":
        parser.expect(",", "a comma and a quantile")
        quantile = parser.number()
        if not 0 <= quantile <= 1:
            raise InvalidQuery("a quantile lies between 0 and 1")
    parser.expect(")", "a closing )")
    return Series(found, statistic, field, quantile, _by(parser))


def _by(parser: Parser) -> Field | None:
    if parser.here.kind == "end":
        return None
    parser.word("by")
    parser.expect("(", "an opening (")
    field = parser.field()
    parser.expect(")", "a closing )")
    return field


def write_series(series: Series) -> str:
    """The query as text that `parse_series` reads as the same query."""
    inside = [written_field(series.field)] if series.field else []
    if series.statistic == "quantile":
        inside.append(repr(series.quantile))
    by = f" by ({written_field(series.by)})" if series.by else ""
    return f"{write(series.spanset)} | {_NAMES[series.statistic]}({', '.join(inside)}){by}"
