"""Queries of metrics: parameters in, SQL of queries/, numbers over time out."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import fields
from typing import Any

from collector import jsonvalue
from collector.model_metrics import POINT_COLUMN_NAMES, Metric, MetricType, Temporality
from collector.storage import cursor
from collector.storage.base import Window, bucket_start
from collector.storage.duckdb import sql
from collector.storage.duckdb.database import Database
from collector.storage.histograms import (
    Counts,
    Estimate,
    Exponential,
    aligned_explicit,
    aligned_exponential,
    explicit_buckets,
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
from collector.storage.signal_rows import exemplars_from_json

Place = tuple[str, int]  # line, part of the window
Found = tuple[str, int, Estimate]  # line, part of the window, value


class DuckDBMetrics:
    """Answers from any thread; each has a cursor of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def catalogue(self, query: MetricsQuery) -> tuple[MetricInfo, ...]:
        words = query.text.split()
        values = {"service": query.service, "limit": query.limit} | _near(query.window)
        values |= {f"word_{i}": word for i, word in enumerate(words)}
        rows = self._database.rows("metric_catalogue", values, q=query, words=words)
        return tuple(_info(row) for row in rows)

    def series(self, selector: MetricSelector, limit: int = 1_000) -> tuple[SeriesInfo, ...]:
        rows = self._select("metric_series", selector, {"limit": limit}, by_series=True)
        return tuple(
            SeriesInfo(series_id, service, jsonvalue.loads(attributes) or {}, n, last_ns)
            for series_id, service, attributes, n, last_ns in rows
        )

    def attribute_keys(self, selector: MetricSelector) -> tuple[str, ...]:
        rows = self._select("metric_keys", selector, {}, by_series=True)
        return tuple(sorted(key for (key,) in rows))

    def range(self, query: RangeQuery) -> RangeResult:
        rows = self._ranged("metric_lines", query, {"groups": query.groups})
        lines = [line for line, _ in rows]
        left_out = rows[0][1] - len(lines) if rows else 0
        points: dict[str, list[RangePoint]] = defaultdict(list)
        for line, part, found in self._found(query, lines) if lines else ():
            start_ns = bucket_start(query.selector.window, query.buckets, part)
            bounds = (found.low, found.high) if is_estimated(query) else (None, None)
            points[line].append(RangePoint(start_ns, found.value, *bounds))
        made = tuple(RangeLine(line, tuple(points[line])) for line in lines if points[line])
        return RangeResult(made, left_out)

    def spread(self, query: SpreadQuery) -> tuple[SpreadCell, ...]:
        window = query.selector.window
        asked = RangeQuery(query.selector, "quantile", buckets=query.buckets)
        rows = self._grown(asked, [""])
        explicit = query.selector.type is MetricType.HISTOGRAM
        found = (
            aligned_explicit(_explicit(rows))
            if explicit
            else aligned_exponential(_exponential(rows), query.rows)
        )
        return tuple(
            SpreadCell(bucket_start(window, query.buckets, part), bucket.low, bucket.high, int(bucket.count))
            for (_, part), buckets in sorted(found.items())
            for bucket in buckets
            if bucket.count > 0
        )

    def points(self, query: PointsQuery) -> PointPage:
        values = {"name": query.name, "service": query.service, "limit": query.limit + 1}
        if query.cursor:
            values["after_ns"], last = cursor.decode(query.cursor, "points")
            values["after_id"] = int(last, 16) % 2**64
        structure = {"q": query, "after": bool(query.cursor), "columns": POINT_COLUMN_NAMES}
        rows = self._database.rows("points", values | _near(query.window), **structure)
        page = rows[: query.limit]
        points = tuple(_stored_point(row) for row in page)
        more = len(rows) > len(page) and points
        after = ""
        if more:
            last_row = points[-1].row
            after = cursor.encode("points", last_row["time_ns"], f"{last_row['series_id']:032x}")
        return PointPage(points, after)

    def exemplars(self, selector: MetricSelector, limit: int = 100) -> tuple[StoredExemplar, ...]:
        rows = self._select("metric_exemplars", selector, {"limit": limit}, by_series=True)
        found = [
            StoredExemplar(series_id, service, jsonvalue.loads(attributes) or {}, exemplar)
            for series_id, service, attributes, exemplars in rows
            for exemplar in exemplars_from_json(exemplars)
        ]
        found.sort(key=lambda stored: (-stored.exemplar.time_ns, stored.series_id))
        return tuple(found[:limit])

    # ------------------------------------------------------------ steps

    def _found(self, query: RangeQuery, lines: list[str]) -> list[Found]:
        kind, statistic = query.selector.type, query.statistic
        if statistic == "quantile":
            return self._quantiles(query, lines)
        growing = _growing(query, lines)
        if statistic in ("rate", "increase") or (statistic == "avg" and kind > MetricType.SUM):
            column = "value" if kind is MetricType.SUM else "count"
            rows = self._ranged("metric_growth", query, growing, back=True, column=column)
            seconds = query.selector.window.seconds / query.buckets if statistic == "rate" else 1.0
            return [(line, part, _exact(found / seconds)) for line, part, found in rows]
        rows = self._ranged("metric_values", query, {"lines": lines})
        return [(line, part, _exact(found)) for line, part, found in rows]

    def _quantiles(self, query: RangeQuery, lines: list[str]) -> list[Found]:
        if query.selector.type is MetricType.SUMMARY:
            said = self._ranged("metric_summary", query, {"lines": lines, "quantile": query.quantile})
            return [(line, part, _exact(found)) for line, part, found in said]
        rows = self._grown(query, lines)
        if query.selector.type is MetricType.HISTOGRAM:
            buckets = {place: explicit_buckets(counts) for place, counts in _explicit(rows).items()}
        else:
            buckets = {place: found.buckets() for place, found in _exponential(rows).items()}
        estimates = {place: quantile(found, query.quantile) for place, found in buckets.items()}
        return [(line, part, estimate) for (line, part), estimate in estimates.items() if estimate]

    def _grown(self, query: RangeQuery, lines: list[str]) -> list[tuple[Any, ...]]:
        """What histograms grew by, as rows of their kind."""
        explicit = query.selector.type is MetricType.HISTOGRAM
        name = "metric_explicit" if explicit else "metric_exponential"
        return self._ranged(name, query, _growing(query, lines), back=True, column="count")

    def _ranged(
        self, name: str, query: RangeQuery, values: dict[str, Any], back: bool = False, **structure: Any
    ) -> list[tuple[Any, ...]]:
        window = query.selector.window
        values = values | {"buckets": query.buckets, "width_ns": window.end_ns - window.start_ns}
        values["group_path"] = sql.pointer(query.group_by)
        by_series = bool(query.selector.where) or query.group_by not in ("", "service.name")
        structure |= {"group_by": query.group_by, "by_series": by_series, "statistic": query.statistic}
        return self._select(name, query.selector, values, back, **structure)

    def _select(
        self,
        name: str,
        selector: MetricSelector,
        values: dict[str, Any],
        back: bool = False,
        **structure: Any,
    ) -> list[tuple[Any, ...]]:
        window = selector.window
        values = values | {
            "name": selector.name,
            "type": int(selector.type),
            "unit": selector.unit,
            "service": selector.service,
            **_near(window, LOOKBACK_NS if back else 0),
        }
        for i, (key, value) in enumerate(selector.where):
            values |= {f"path_{i}": sql.pointer(key), f"value_{i}": value}
        return self._database.rows(name, values, s=selector, **({"group_by": ""} | structure))


def _near(window: Window, back_ns: int = 0) -> dict[str, Any]:
    """The window, and how far before it points are looked for."""
    bounds = {"start_ns": window.start_ns, "end_ns": window.end_ns}
    return bounds | {"near_start_ns": window.start_ns - back_ns, "near_end_ns": window.end_ns}


def _info(row: tuple[Any, ...]) -> MetricInfo:
    name, kind, unit, temporality, monotonic, description, services, series, points, last_ns = row
    return MetricInfo(
        name,
        MetricType(kind),
        unit,
        Temporality(temporality),
        monotonic,
        description,
        tuple(services),
        series,
        points,
        last_ns,
    )


_METRIC = tuple(field.name for field in fields(Metric))


def _stored_point(row: tuple[Any, ...]) -> StoredPoint:
    described = dict(zip(_METRIC, row[-len(_METRIC) :]))
    described |= {
        "type": MetricType(described["type"]),
        "temporality": Temporality(described["temporality"]),
    }
    attributes = jsonvalue.loads(row[len(POINT_COLUMN_NAMES)]) or {}
    return StoredPoint(Metric(**described), attributes, dict(zip(POINT_COLUMN_NAMES, row)))


def _exact(value: float) -> Estimate:
    return Estimate(value, value, value)


def _growing(query: RangeQuery, lines: list[str]) -> dict[str, Any]:
    return {"lines": lines, "earliest_ns": max(query.selector.window.start_ns - LOOKBACK_NS, 1)}


def _explicit(rows: list[tuple[Any, ...]]) -> dict[Place, Counts]:
    merged: dict[Place, dict[tuple[float, ...], list[int]]] = defaultdict(dict)
    for line, part, bounds_json, counted in rows:
        bounds = tuple(jsonvalue.loads(bounds_json) or ())
        counts = dict(counted)
        merged[line, part][bounds] = [int(counts.get(i, 0)) for i in range(len(bounds) + 1)]
    return dict(merged)


def _exponential(rows: list[tuple[Any, ...]]) -> dict[Place, Exponential]:
    found = {}
    for line, part, scale, zeros, zero_threshold, counted in rows:
        positive = Counter({index: int(n) for side, index, n in counted if side > 0})
        negative = Counter({index: int(n) for side, index, n in counted if side < 0})
        found[line, part] = Exponential(scale, int(zeros), zero_threshold, positive, negative)
    return found
