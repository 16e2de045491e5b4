"""The storage contract of metrics: query objects go in, numbers over time come out. See also base.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from collector.model import Attributes
from collector.model_metrics import Exemplar, Metric, MetricType, Temporality
from collector.storage.base import InvalidQuery, Window

# How long before the window a cumulative series is looked for, to know what it grew by within.
LOOKBACK_NS = 15 * 60 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """The catalogue: metrics with a data point in the window. `text`: every word occurs, ignoring case, in
    the name or description."""

    window: Window
    service: str = ""
    text: str = ""
    limit: int = 1_000


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One metric, whoever sends it. Of several descriptions that are not empty it is the first by text."""

    name: str
    type: MetricType
    unit: str
    temporality: Temporality
    monotonic: bool
    description: str
    services: tuple[str, ...]  # sorted
    series: int  # with a point in the window
    points: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class MetricSelector:
    """Data points of one metric in a window.

    `where`: pairs of key and value; the series has this attribute, and its value as text (strings as they
    are, numbers and booleans as JSON writes them) is the given one.
    """

    window: Window
    name: str
    type: MetricType
    unit: str | None = None  # None: any
    service: str = ""
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """One series of a metric."""

    series_id: int
    service: str
    attributes: Attributes
    points: int
    last_ns: int


Statistic = Literal["last", "avg", "min", "max", "rate", "increase", "quantile"]

# What can be asked of which type.
STATISTICS: dict[MetricType, tuple[Statistic, ...]] = {
    MetricType.GAUGE: ("last", "avg", "min", "max"),
    MetricType.SUM: ("last", "avg", "min", "max", "rate", "increase"),
    MetricType.HISTOGRAM: ("avg", "min", "max", "rate", "increase", "quantile"),
    MetricType.EXPONENTIAL_HISTOGRAM: ("avg", "min", "max", "rate", "increase", "quantile"),
    MetricType.SUMMARY: ("avg", "rate", "increase", "quantile"),
}
MEASURED = (MetricType.HISTOGRAM, MetricType.EXPONENTIAL_HISTOGRAM)


@dataclass(frozen=True, slots=True)
class RangeQuery:
    """A statistic over time, in `buckets` equal parts of the window, one line per value of `group_by`.

    A point counts where its `time_ns` falls. Points without a value, and values that are not finite, do not
    count.

    - `last`: the latest value of each series in the bucket; of several series the mean (gauge) or the sum
      (sum).
    - `avg`, `min`, `max`: over the values of the points; of histograms (and summaries) over what they
      measured: `avg` = sum / count of the increase of points that say their sum, `min` and `max` of points
      that are deltas and say them.
    - `increase`: of a sum its growth, of the others the number of measurements; `rate`: that per second.
      A delta is its own increase. A cumulative value grew by its difference to the point before it in its
      series, which may lie up to LOOKBACK_NS before the window; by itself when the series began anew (another
      start, or a monotonic value that fell); and without a point before by itself if the series began within
      that time, else by an unknown amount that does not count.
    - `quantile`: of a summary exactly this quantile, where its points say it; of several the highest, because
      quantiles cannot be merged. Of histograms that of the merged increases, `quantile` in [0, 1]: explicit
      buckets are merged over the bounds that all of them have (a cumulative point whose bounds changed does
      not count); exponential ones by lowering the scale to the lowest.
    """

    selector: MetricSelector
    statistic: Statistic
    quantile: float = 0.95
    group_by: str = ""  # an attribute key; service.name means the service; "": one line
    buckets: int = 60
    groups: int = 20

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS[self.selector.type]:
            kind = self.selector.type.name.lower().replace("_", " ")
            raise InvalidQuery(f"a {kind} has no {self.statistic}")
        if not 0 <= self.quantile <= 1:
            raise InvalidQuery("a quantile lies between 0 and 1")


def is_estimated(query: RangeQuery) -> bool:
    """Whether its values are read from buckets, within bounds."""
    return query.statistic == "quantile" and query.selector.type in MEASURED


@dataclass(frozen=True, slots=True)
class RangePoint:
    """One bucket of one line. `low` and `high` bound a quantile: the edges of the histogram bucket it was
    found in, -inf or inf where that is open. None for what is exact, and for what a summary says."""

    start_ns: int
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RangeLine:
    group: str  # the attribute's value as text; "" without `group_by`, and for series that lack it
    points: tuple[RangePoint, ...]  # buckets without a value are left out


@dataclass(frozen=True, slots=True)
class RangeResult:
    """The lines with most data points first, then by group; `left_out` says how many more there were."""

    lines: tuple[RangeLine, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class SpreadQuery:
    """How the measurements of a histogram spread, in each of `buckets` equal parts of the window: the
    increases of all its series, by the rules of RangeQuery, merged over bounds that hold in all parts. Those
    of exponential ones are joined until at most `rows` of either sign are left. InvalidQuery for other
    metrics."""

    selector: MetricSelector
    buckets: int = 60
    rows: int = 24

    def __post_init__(self) -> None:
        if self.selector.type not in MEASURED:
            raise InvalidQuery("only measurements of histograms spread")


@dataclass(frozen=True, slots=True)
class SpreadCell:
    """`count` measurements between `low` and `high`; -inf and inf where that is open."""

    start_ns: int
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class StoredExemplar:
    """An exemplar and the series it was measured for."""

    series_id: int
    service: str
    attributes: Attributes
    exemplar: Exemplar


@dataclass(frozen=True, slots=True)
class PointsQuery:
    """Data points as they are stored, of all metrics or of one, by (time_ns, series_id)."""

    window: Window
    name: str = ""
    service: str = ""
    limit: int = 1_000
    cursor: str = ""  # opaque, from the page before; InvalidQuery if it was altered


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """One data point. `row` is in the shape of POINT_COLUMNS: JSON as text, None where nothing was sent."""

    metric: Metric
    attributes: Attributes
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PointPage:
    points: tuple[StoredPoint, ...]
    next_cursor: str  # "" on the last page


class MetricReader(Protocol):
    """Thread-safe. Sees everything whose `write` returned before the query began."""

    def catalogue(self, query: MetricsQuery) -> tuple[MetricInfo, ...]:
        """By name, type, unit, temporality."""
        ...

    def series(self, selector: MetricSelector, limit: int = 1_000) -> tuple[SeriesInfo, ...]:
        """By points, most first, then by series id."""
        ...

    def attribute_keys(self, selector: MetricSelector) -> tuple[str, ...]:
        """Keys of the attributes of its series, sorted: what RangeQuery.group_by may name."""
        ...

    def range(self, query: RangeQuery) -> RangeResult: ...

    def spread(self, query: SpreadQuery) -> tuple[SpreadCell, ...]:
        """Cells with measurements, by (start_ns, low)."""
        ...

    def points(self, query: PointsQuery) -> PointPage:
        """What was stored, for handing it on. Paging never repeats a point that was stored before page one,
        and skips none, but for those that share series and time."""
        ...

    def exemplars(self, selector: MetricSelector, limit: int = 100) -> tuple[StoredExemplar, ...]:
        """Newest first, then by series id; those of a point whose time lies in the window."""
        ...
