"""The storage contract of spans over time: figures of any set of spans, in all or by what they say.

What pages ask of calls by name is in base.py; this is for questions that nobody foresaw. See also spanset.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collector.storage.base import PAIR_SLACK_NS, InvalidQuery, Window
from collector.storage.spanset import All, Field, Spans, Spanset, check_measured

SpanStatistic = Literal["rate", "count", "sum", "avg", "min", "max", "quantile"]
# Those that count spans; the others are of what spans say in a field.
COUNTING: tuple[SpanStatistic, ...] = ("rate", "count")
EVERY_SPAN = Spans(All())


@dataclass(frozen=True, slots=True)
class SpanSeriesQuery:
    """A statistic of the spans of a set that start in the window, in `buckets` equal parts of it.

    The set is chosen among the spans that start in the window or up to PAIR_SLACK_NS before: what stands
    above a span may have begun earlier. Of a sampled part each span counts for those it stands for.

    - `count`: how many spans; `rate`: that per second.
    - the others: of the finite numbers that spans say in `field` (spanset.check_measured), `duration` in
      nanoseconds; spans that say none do not count. `quantile` in [0, 1], by linear interpolation.

    `by`: a line for each text that spans say in this field; numbers and booleans as JSON writes them,
    `status` and `kind` by name. InvalidQuery where these do not go together.
    """

    window: Window
    spanset: Spanset = EVERY_SPAN
    statistic: SpanStatistic = "rate"
    field: Field | None = None  # None for COUNTING
    quantile: float = 0.95
    by: Field | None = None
    buckets: int = 60
    groups: int = 20

    def __post_init__(self) -> None:
        if (self.statistic in COUNTING) != (self.field is None):
            raise InvalidQuery("rate and count take no field, the others need one")
        if not 0 <= self.quantile <= 1:
            raise InvalidQuery("a quantile lies between 0 and 1")
        if self.by == Field("intrinsic", "duration"):
            raise InvalidQuery("there is no line for each duration: group by something else")
        if self.field is not None:
            _check(self.field)

    @property
    def near(self) -> Window:
        """Where the set is chosen."""
        return Window(self.window.start_ns - PAIR_SLACK_NS, self.window.end_ns)


def _check(field: Field) -> None:
    try:
        check_measured(field)
    except ValueError as error:
        raise InvalidQuery(str(error)) from None
