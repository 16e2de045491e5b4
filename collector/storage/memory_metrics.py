"""Metrics in the reference engine: data points in a list, every query written the plain way."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from collector import jsonvalue
from collector.model import Attributes
from collector.model_metrics import (
    NO_RECORDED_VALUE,
    POINT_COLUMN_NAMES,
    Metric,
    MetricBatch,
    MetricType,
    Temporality,
)
from collector.storage import cursor
from collector.storage.base import Window, bucket_index, bucket_start
from collector.storage.digests import RecentDigests
from collector.storage.histograms import (
    Counts,
    Estimate,
    Exponential,
    aligned_explicit,
    aligned_exponential,
    explicit_buckets,
    merged,
    quantile,
)
from collector.storage.metrics import (
    LOOKBACK_NS,
    MetricInfo,
    MetricSelector,
    MetricsQuery,
    PointPage,
    PointsQuery,
    RangeLine,
    RangePoint,
    RangeQuery,
    RangeResult,
    SeriesInfo,
    SpreadCell,
    SpreadQuery,
    StoredExemplar,
    StoredPoint,
    is_estimated,
)
from collector.storage.signal_rows import as_text, exemplars_from_json


@dataclass(frozen=True, slots=True)
class _Point:
    row: dict[str, Any]
    metric: Metric
    attributes: Attributes

    @property
    def time_ns(self) -> int:
        return int(self.row["time_ns"])

    @property
    def order(self) -> tuple[int, int, int]:
        """Within a series."""
        return self.time_ns, self.row["start_ns"], self.row["received_ns"]


class MemoryMetrics:
    """Writer and reader. The storage that owns it holds the lock."""

    def __init__(self) -> None:
        self._points: list[_Point] = []
        self._digests = RecentDigests()

    def write(self, batches: Sequence[MetricBatch]) -> tuple[int, int]:
        """How many points were stored, and how many belong to payloads that were stored already."""
        fresh: list[_Point] = []
        offered = 0
        for batch in batches:
            offered += len(batch)
            received_ns = max(batch.columns["received_ns"], default=0)
            if not self._digests.holds(batch.digest, received_ns):
                fresh += _points(batch)
                self._digests.add(batch.digest, received_ns)
        self._points = [*self._points, *fresh]
        return len(fresh), offered - len(fresh)

    # ------------------------------------------------------------ reading

    @property
    def stored(self) -> Sequence[_Point]:
        return self._points

    def catalogue(self, query: MetricsQuery) -> tuple[MetricInfo, ...]:
        words = query.text.lower().split()
        found: dict[tuple[Any, ...], list[_Point]] = defaultdict(list)
        for point in _within(self._points, query.window):
            metric = point.metric
            told = f"{metric.name}\n{metric.description}".lower()
            if query.service in ("", metric.service) and all(word in told for word in words):
                key = (metric.name, metric.type, metric.unit, metric.temporality, metric.monotonic)
                found[key].append(point)
        infos = [_info(key, points) for key, points in sorted(found.items())]
        return tuple(infos[: query.limit])

    def series(self, selector: MetricSelector, limit: int = 1_000) -> tuple[SeriesInfo, ...]:
        found: dict[int, list[_Point]] = defaultdict(list)
        for point in _within(self._selected(selector), selector.window):
            found[point.row["series_id"]].append(point)
        infos = [
            SeriesInfo(
                series_id,
                points[0].metric.service,
                points[0].attributes,
                len(points),
                max(p.time_ns for p in points),
            )
            for series_id, points in found.items()
        ]
        return tuple(sorted(infos, key=lambda info: (-info.points, info.series_id))[:limit])

    def attribute_keys(self, selector: MetricSelector) -> tuple[str, ...]:
        points = _within(self._selected(selector), selector.window)
        return tuple(sorted({key for point in points for key in point.attributes}))

    def range(self, query: RangeQuery) -> RangeResult:
        groups: dict[str, list[_Point]] = defaultdict(list)
        for point in self._selected(query.selector):
            if not point.row["flags"] & NO_RECORDED_VALUE:
                groups[_group(point, query.group_by)].append(point)
        window = query.selector.window
        sizes = {group: sum(1 for _ in _within(points, window)) for group, points in groups.items()}
        shown = sorted((g for g, size in sizes.items() if size), key=lambda g: (-sizes[g], g))
        lines = [RangeLine(group, _line(groups[group], query)) for group in shown[: query.groups]]
        return RangeResult(tuple(line for line in lines if line.points), len(shown) - len(lines))

    def spread(self, query: SpreadQuery) -> tuple[SpreadCell, ...]:
        usable = [p for p in self._selected(query.selector) if not p.row["flags"] & NO_RECORDED_VALUE]
        grown = _grown(usable, RangeQuery(query.selector, "quantile", buckets=query.buckets))
        if query.selector.type is MetricType.HISTOGRAM:
            found = aligned_explicit({part: _merge_explicit(of) for part, of in grown.items()})
        else:
            parts = {part: _merge_exponential(of) for part, of in grown.items()}
            found = aligned_exponential(parts, query.rows)
        return tuple(
            SpreadCell(
                bucket_start(query.selector.window, query.buckets, part),
                bucket.low,
                bucket.high,
                int(bucket.count),
            )
            for part, buckets in sorted(found.items())
            for bucket in buckets
            if bucket.count > 0
        )

    def points(self, query: PointsQuery) -> PointPage:
        after = cursor.decode(query.cursor, "points") if query.cursor else None
        found = [
            point
            for point in _within(self._points, query.window)
            if query.name in ("", point.metric.name) and query.service in ("", point.metric.service)
        ]
        found.sort(key=_place)
        if after:
            found = [point for point in found if _place(point) > (after[0], int(after[1], 16))]
        page = found[: query.limit]
        more = len(found) > len(page) and page
        last = cursor.encode("points", page[-1].time_ns, f"{page[-1].row['series_id']:032x}") if more else ""
        return PointPage(tuple(StoredPoint(p.metric, p.attributes, p.row) for p in page), last)

    def exemplars(self, selector: MetricSelector, limit: int = 100) -> tuple[StoredExemplar, ...]:
        found = [
            StoredExemplar(point.row["series_id"], point.metric.service, point.attributes, exemplar)
            for point in _within(self._selected(selector), selector.window)
            for exemplar in exemplars_from_json(point.row["exemplars"])
        ]
        found.sort(key=lambda stored: (-stored.exemplar.time_ns, stored.series_id))
        return tuple(found[:limit])

    def _selected(self, selector: MetricSelector) -> Iterator[_Point]:
        for point in self._points:
            metric = point.metric
            if (
                (metric.name, metric.type) == (selector.name, selector.type)
                and selector.unit in (None, metric.unit)
                and selector.service in ("", metric.service)
                and all(as_text(point.attributes, key) == value for key, value in selector.where)
            ):
                yield point


def _points(batch: MetricBatch) -> Iterator[_Point]:
    attributes = {key: jsonvalue.loads(s.attributes_json) or {} for key, s in batch.series.items()}
    for values in zip(*(batch.columns[name] for name in POINT_COLUMN_NAMES)):
        row = dict(zip(POINT_COLUMN_NAMES, values))
        yield _Point(row, batch.metrics[row["metric_id"]], attributes[row["series_id"]])


def _within(points: Iterable[_Point], window: Window) -> Iterator[_Point]:
    return (point for point in points if window.start_ns <= point.time_ns < window.end_ns)


def _place(point: _Point) -> tuple[int, int]:
    return point.time_ns, point.row["series_id"]


def _info(key: tuple[Any, ...], points: list[_Point]) -> MetricInfo:
    name, kind, unit, temporality, monotonic = key
    return MetricInfo(
        name,
        kind,
        unit,
        temporality,
        monotonic,
        min((p.metric.description for p in points if p.metric.description), default=""),
        tuple(sorted({p.metric.service for p in points})),
        len({p.row["series_id"] for p in points}),
        len(points),
        max(p.time_ns for p in points),
    )


def _group(point: _Point, key: str) -> str:
    if key == "service.name":
        return point.metric.service
    return as_text(point.attributes, key) or "" if key else ""


# ---------------------------------------------------------------- a line


def _line(points: list[_Point], query: RangeQuery) -> tuple[RangePoint, ...]:
    window, buckets = query.selector.window, query.buckets
    if query.statistic in ("last", "avg", "min", "max") and query.selector.type <= MetricType.SUM:
        placed = _placed(points, query)
        values = {index: _of_values(inside, query) for index, inside in placed.items()}
    elif query.statistic in ("min", "max"):
        placed = _placed([p for p in points if p.metric.temporality is Temporality.DELTA], query)
        values = {index: _of_extremes(inside, query.statistic) for index, inside in placed.items()}
    elif query.statistic == "quantile" and query.selector.type is MetricType.SUMMARY:
        values = {
            index: _of_summaries(inside, query.quantile) for index, inside in _placed(points, query).items()
        }
    else:
        grown = _grown(points, query)
        values = {index: _of_growths(inside, query) for index, inside in grown.items()}
    return tuple(
        RangePoint(bucket_start(window, buckets, index), found.value, *_bounds(found, query))
        for index, found in sorted(values.items())
        if found is not None
    )


def _grown(points: list[_Point], query: RangeQuery) -> dict[int, list[_Growth]]:
    """Growths by part of the window."""
    grown: dict[int, list[_Growth]] = defaultdict(list)
    for growth in _growths(points, query):
        index = bucket_index(query.selector.window, query.buckets, growth.point.time_ns)
        grown[index].append(growth)
    return grown


def _of_summaries(points: list[_Point], q: float) -> Estimate | None:
    said = [pair[1] for point in points for pair in _numbers(point, "quantiles") if pair[0] == q]
    values = [value for value in said if _is_finite(value)]
    return _exact(max(values)) if values else None


def _bounds(found: Estimate, query: RangeQuery) -> tuple[float | None, float | None]:
    return (found.low, found.high) if is_estimated(query) else (None, None)


def _exact(value: float | None) -> Estimate | None:
    return None if value is None else Estimate(value, value, value)


def _placed(points: Iterable[_Point], query: RangeQuery) -> dict[int, list[_Point]]:
    found: dict[int, list[_Point]] = defaultdict(list)
    for point in _within(points, query.selector.window):
        found[bucket_index(query.selector.window, query.buckets, point.time_ns)].append(point)
    return found


def _of_values(points: list[_Point], query: RangeQuery) -> Estimate | None:
    points = [p for p in points if _is_finite(p.row["value"])]
    if not points:
        return None
    values = [p.row["value"] for p in points]
    if query.statistic == "last":
        latest = {p.row["series_id"]: p.row["value"] for p in sorted(points, key=lambda p: p.order)}
        total = math.fsum(latest.values())
        return _exact(total if query.selector.type is MetricType.SUM else total / len(latest))
    if query.statistic == "avg":
        return _exact(math.fsum(values) / len(values))
    return _exact(min(values) if query.statistic == "min" else max(values))


def _of_extremes(points: list[_Point], statistic: str) -> Estimate | None:
    values = [p.row[statistic] for p in points if _is_finite(p.row[statistic])]
    pick = min if statistic == "min" else max
    return _exact(pick(values)) if values else None


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


# ---------------------------------------------------------------- growth


@dataclass(frozen=True, slots=True)
class _Growth:
    """A point and the one its value counts from; None: from zero."""

    point: _Point
    since: _Point | None

    def of(self, column: str) -> float:
        """How much a column grew. 0 for one that was not sent."""
        before = self.since.row[column] if self.since else 0
        found: float = (self.point.row[column] or 0) - (before or 0)
        return found


def _growths(points: Iterable[_Point], query: RangeQuery) -> Iterator[_Growth]:
    """Of the points in the window, those whose growth is known."""
    window = query.selector.window
    column = "value" if query.selector.type is MetricType.SUM else "count"
    series: dict[int, list[_Point]] = defaultdict(list)
    for point in points:
        if window.start_ns - LOOKBACK_NS <= point.time_ns < window.end_ns and _is_finite(point.row[column]):
            series[point.row["series_id"]].append(point)
    for members in series.values():
        members.sort(key=lambda point: point.order)
        for before, point in zip([None, *members], members):
            if point.time_ns >= window.start_ns and _is_known(point, before, window):
                yield _Growth(point, None if _starts_anew(point, before, column) else before)


def _is_delta(point: _Point) -> bool:
    return point.metric.temporality is Temporality.DELTA


def _is_known(point: _Point, before: _Point | None, window: Window) -> bool:
    return before is not None or _is_delta(point) or point.row["start_ns"] >= _earliest(window)


def _earliest(window: Window) -> int:
    return max(window.start_ns - LOOKBACK_NS, 1)  # 0 says nothing about the start


def _starts_anew(point: _Point, before: _Point | None, column: str) -> bool:
    if before is None or _is_delta(point):
        return True
    only_rises = point.metric.monotonic or column == "count"
    began = point.row["start_ns"]
    return (began != 0 and began != before.row["start_ns"]) or (
        only_rises and point.row[column] < before.row[column]
    )


def _of_growths(growths: list[_Growth], query: RangeQuery) -> Estimate | None:
    if query.statistic == "quantile":
        explicit = query.selector.type is MetricType.HISTOGRAM
        found = (
            explicit_buckets(_merge_explicit(growths)) if explicit else _merge_exponential(growths).buckets()
        )
        return quantile(found, query.quantile)
    column = "value" if query.selector.type is MetricType.SUM else "count"
    if query.statistic == "avg":
        growths = [g for g in growths if _is_finite(g.point.row["sum"])]
        count = sum(g.of("count") for g in growths)
        return _exact(math.fsum(g.of("sum") for g in growths) / count if count else None)
    total = math.fsum(g.of(column) for g in growths)
    seconds = query.selector.window.seconds / query.buckets
    return _exact(total / seconds if query.statistic == "rate" else total)


def _merge_explicit(growths: Iterable[_Growth]) -> Counts:
    totals: dict[tuple[float, ...], Counter[int]] = defaultdict(Counter)
    for growth in growths:
        row = growth.point.row
        if growth.since and growth.since.row["bounds"] != row["bounds"]:
            continue
        for sign, point in ((1, growth.point), (-1, growth.since)):
            for index, count in enumerate(_numbers(point, "counts")):
                totals[tuple(_numbers(growth.point, "bounds"))][index] += sign * count
    return {b: [counts[i] for i in range(len(b) + 1)] for b, counts in totals.items()}


def _merge_exponential(growths: Iterable[_Growth]) -> Exponential:
    parts = [
        (sign, _exponential(point))
        for growth in growths
        for sign, point in ((1, growth.point), (-1, growth.since))
        if point
    ]
    return merged(parts) or Exponential(0)


def _exponential(point: _Point) -> Exponential:
    row = point.row
    sides = [
        Counter({row[f"{side}_offset"] + i: n for i, n in enumerate(_numbers(point, side)) if n})
        for side in ("positive", "negative")
    ]
    return Exponential(row["scale"], row["zero_count"], row["zero_threshold"], *sides)


def _numbers(point: _Point | None, column: str) -> list[Any]:
    return jsonvalue.loads(point.row[column]) or [] if point else []
