"""The documented views: names and columns that stay, whatever the tables below them become. docs/sql.md lists
the same (a test compares)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collector.sqlchild.check import Use


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """`sql` computes it from `reads`: columns of stored tables, as table.column. `names` are what it says for
    the numbers stored, 0 first."""

    name: str
    type: str
    sql: str
    reads: tuple[str, ...]
    meaning: str
    names: tuple[str, ...] = ()

    @property
    def is_stored(self) -> bool:
        """Whether it is what is stored, as it is."""
        return self.reads == (self.sql,)


@dataclass(frozen=True, slots=True)
class View:
    """`source` is the stored table whose rows it has, or has groups of; `time` its column that lies in the
    range. `joins` are further tables with their conditions, joined where a column reads them."""

    name: str
    meaning: str
    source: str
    time: str
    columns: tuple[ViewColumn, ...]
    joins: tuple[tuple[str, str], ...] = ()
    where: str = ""
    reads: tuple[str, ...] = ()  # what `where`, `group` and the joins read of the source
    group: str = ""


def _plain(source: str, name: str, type: str, meaning: str, stored: str = "") -> ViewColumn:
    column = f"{source}.{stored or name}"
    return ViewColumn(name, type, column, (column,), meaning)


def _texts(source: str, **meanings: str) -> tuple[ViewColumn, ...]:
    return tuple(_plain(source, name, "VARCHAR", meaning) for name, meaning in meanings.items())


def _moment(name: str, column: str, meaning: str) -> ViewColumn:
    return ViewColumn(name, "TIMESTAMP", f"make_timestamp({column} // 1000)", (column,), meaning)


def _trace(source: str, name: str = "trace_id", meaning: str = "trace id, 32 hex digits") -> ViewColumn:
    column = f"{source}.{name}"
    return ViewColumn(name, "VARCHAR", f"replace({column}::VARCHAR, '-', '')", (column,), meaning)


def _span(source: str, name: str = "span_id", meaning: str = "span id, 16 hex digits") -> ViewColumn:
    column = f"{source}.{name}"
    text = f"CASE WHEN {column} <> 0 THEN printf('%016x', {column}) END"
    return ViewColumn(name, "VARCHAR", text, (column,), meaning)


def _json(name: str, column: str, meaning: str) -> ViewColumn:
    return ViewColumn(name, "JSON", f"nullif({column}, '')::JSON", (column,), meaning)


def _named(name: str, column: str, names: tuple[str, ...], meaning: str) -> ViewColumn:
    cases = " ".join(f"WHEN {value} THEN '{text}'" for value, text in enumerate(names) if text)
    return ViewColumn(name, "VARCHAR", f"CASE {column} {cases} ELSE '' END", (column,), meaning, names)


_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_METRIC_TYPES = ("", "gauge", "sum", "histogram", "exponential_histogram", "summary")
_TEMPORALITIES = ("", "delta", "cumulative")
_RESOURCES = "resources.resource_id = {source}.resource_id"
_CALL = "spans.kind IN (2, 5)"
_COLD = "count(*) FILTER (spans.coldstart)"

_SPANS = View(
    "spans",
    "One row a span.",
    "spans",
    "start_ns",
    (
        _trace("spans"),
        _span("spans"),
        _span("spans", "parent_span_id", "the parent's span id; null for a root"),
        _moment("start_time", "spans.start_ns", "when it started, UTC, microseconds"),
        ViewColumn(
            "duration_ms",
            "DOUBLE",
            "spans.duration_ns / 1e6",
            ("spans.duration_ns",),
            "how long it took, in milliseconds",
        ),
        _plain("spans", "start_ns", "BIGINT", "the start in nanoseconds since the Unix epoch"),
        _plain("spans", "duration_ns", "BIGINT", "how long it took, in nanoseconds"),
        _named("kind", "spans.kind", _KINDS, "internal, server, client, producer, consumer, or unspecified"),
        ViewColumn(
            "is_call",
            "BOOLEAN",
            f"({_CALL})",
            ("spans.kind",),
            "whether it is a call of a function: kind server or consumer",
        ),
        _named("status", "spans.status", _STATUSES, "unset, ok or error"),
        ViewColumn("failed", "BOOLEAN", "(spans.status = 2)", ("spans.status",), "whether status is error"),
        *_texts(
            "spans",
            status_message="what the status says",
            service="the function: service.name, or unknown_service",
            name="span name",
            scope="instrumentation scope, name or name@version",
            version="service.version, else faas.version",
            instance="faas.instance, else service.instance.id",
            platform="cloud.platform",
            region="cloud.region",
            trigger="faas.trigger: datasource, http, pubsub, timer or other",
        ),
        _plain("spans", "coldstart", "BOOLEAN", "faas.coldstart; null where the sender did not say"),
        *_texts(
            "spans",
            phase="tracekit.phase, such as cold_start or invocation",
            invocation_id="faas.invocation_id",
            http_method="http.request.method",
            http_route="http.route, else url.path",
        ),
        _plain("spans", "http_status", "INTEGER", "http.response.status_code"),
        *_texts(
            "spans",
            db_system="db.system.name",
            db_statement="db.query.text with literals replaced by ?",
            messaging_system="messaging.system",
            messaging_destination="messaging.destination.name",
            bucket="the object store's bucket",
            error_type="error.type, else the type of the last exception",
            peer_kind="what a client or producer calls: database, bucket, queue, function, external",
            peer="its name",
            trace_state="W3C tracestate",
        ),
        _plain(
            "spans",
            "weight",
            "UINTEGER",
            "how many spans it stands for: 1, more where ordinary traces were left out (tail sampling)",
            "adjusted_count",
        ),
        _json("attributes", "spans.attributes", "all attributes: attributes ->> 'http.route'"),
        _json("events", "spans.events", "events: a list of time_ns, name, attributes"),
        _json("links", "spans.links", "links: a list of trace_id, span_id, attributes"),
        _json("resource", "resources.attributes", "attributes of what sent it"),
    ),
    joins=(("resources", _RESOURCES.format(source="spans")),),
)

_LINKS = View(
    "links",
    "One row a link from one span to another.",
    "span_links",
    "start_ns",
    (
        _trace("span_links"),
        _span("span_links", "span_id", "the linking span"),
        _moment("start_time", "span_links.start_ns", "when the linking span started, UTC"),
        _trace("span_links", "linked_trace_id", "the trace it points to"),
        _span("span_links", "linked_span_id", "the span it points to"),
    ),
)

_LOGS = View(
    "logs",
    "One row a log record.",
    "logs",
    "time_ns",
    (
        _moment("time", "logs.time_ns", "when it happened, UTC, microseconds"),
        _plain("logs", "time_ns", "BIGINT", "the same in nanoseconds since the Unix epoch"),
        _plain("logs", "severity", "UTINYINT", "OTLP SeverityNumber: 9 info, 13 warn, 17 error; 0 if unsaid"),
        *_texts(
            "logs",
            severity_text="the severity as the logging library calls it",
            service="the function",
            event_name="the kind of event, where the record is one",
            scope="the logger",
        ),
        ViewColumn(
            "message",
            "VARCHAR",
            "(nullif(logs.body, '')::JSON ->> '$')",
            ("logs.body",),
            "the body: text as it is, anything else as JSON; null for none",
        ),
        _trace("logs", meaning="the trace it belongs to; null for none"),
        _span("logs", meaning="the span it belongs to; null for none"),
        _json("attributes", "logs.attributes", "all attributes of the record"),
        _json("resource", "resources.attributes", "attributes of what sent it"),
    ),
    joins=(("resources", _RESOURCES.format(source="logs")),),
)

_POINT_NUMBERS = (
    ("count", "UBIGINT", "histograms, summary: how many values were measured"),
    ("sum", "DOUBLE", "histograms, summary: the sum of the values"),
    ("min", "DOUBLE", "histograms: the smallest value"),
    ("max", "DOUBLE", "histograms: the largest value"),
)

_METRICS = View(
    "metrics",
    "One row a data point of a metric.",
    "metric_points",
    "time_ns",
    (
        _moment("time", "metric_points.time_ns", "time of the point, UTC, microseconds"),
        ViewColumn(
            "start_time",
            "TIMESTAMP",
            "CASE WHEN metric_points.start_ns <> 0 "
            "THEN make_timestamp(metric_points.start_ns::BIGINT // 1000) END",
            ("metric_points.start_ns",),
            "since when a sum or histogram counts; null if it was not said",
        ),
        *_texts("metrics", name="metric name", service="the function", unit="unit, such as ms or By"),
        _named(
            "type", "metrics.type", _METRIC_TYPES, "gauge, sum, histogram, exponential_histogram, summary"
        ),
        _named("temporality", "metrics.temporality", _TEMPORALITIES, "delta or cumulative; empty for gauges"),
        _plain("metrics", "monotonic", "BOOLEAN", "whether a sum only grows"),
        _plain("metric_points", "value", "DOUBLE", "gauge, sum: the value"),
        *(_plain("metric_points", *number) for number in _POINT_NUMBERS),
        _json("bounds", "metric_points.bounds", "histogram: upper bounds of the buckets but the last"),
        _json("counts", "metric_points.counts", "histogram: values a bucket, one more than bounds"),
        _plain("metric_points", "scale", "INTEGER", "exponential histogram: base 2^(2^-scale)"),
        _json("positive", "metric_points.positive", "exponential histogram: values a positive bucket"),
        _plain("metric_points", "positive_offset", "INTEGER", "exponential histogram: the first one's index"),
        _json("quantiles", "metric_points.quantiles", "summary: a list of [quantile, value]"),
        _json("exemplars", "metric_points.exemplars", "samples: time_ns, value, trace_id, span_id"),
        _plain("metric_points", "series_id", "UBIGINT", "tells series apart: equal for points of one series"),
        _json("attributes", "metric_series.attributes", "attributes of the series"),
        _json("resource", "resources.attributes", "attributes of what sent it"),
    ),
    joins=(
        ("metrics", "metrics.metric_id = metric_points.metric_id"),
        ("metric_series", "metric_series.series_id = metric_points.series_id"),
        ("resources", "resources.resource_id = metrics.resource_id"),
    ),
)

_TRACES = View(
    "traces",
    "One row a trace, of its spans in the range.",
    "spans",
    "start_ns",
    (
        _trace("spans"),
        ViewColumn(
            "start_time",
            "TIMESTAMP",
            "make_timestamp(min(spans.start_ns) // 1000)",
            ("spans.start_ns",),
            "when its first span started, UTC",
        ),
        ViewColumn(
            "duration_ms",
            "DOUBLE",
            "(max(spans.start_ns + spans.duration_ns) - min(spans.start_ns)) / 1e6",
            ("spans.start_ns", "spans.duration_ns"),
            "from the first start to the last end, in milliseconds",
        ),
        ViewColumn("spans", "BIGINT", "count(*)", (), "how many spans it has"),
        ViewColumn(
            "errors", "BIGINT", "count(*) FILTER (spans.status = 2)", ("spans.status",), "spans that failed"
        ),
        ViewColumn("cold_starts", "BIGINT", _COLD, ("spans.coldstart",), "calls that started their instance"),
        ViewColumn(
            "services",
            "VARCHAR[]",
            "list_sort(list(DISTINCT spans.service))",
            ("spans.service",),
            "the functions it went through",
        ),
        ViewColumn(
            "root_service",
            "VARCHAR",
            "arg_min(spans.service, (spans.parent_span_id <> 0, spans.start_ns))",
            ("spans.service", "spans.parent_span_id", "spans.start_ns"),
            "the function of the root, or else of the first span",
        ),
        ViewColumn(
            "root_name",
            "VARCHAR",
            "arg_min(spans.name, (spans.parent_span_id <> 0, spans.start_ns))",
            ("spans.name", "spans.parent_span_id", "spans.start_ns"),
            "that span's name",
        ),
    ),
    reads=("spans.trace_id",),
    group="spans.trace_id",
)


def _quantile(share: float, name: str) -> ViewColumn:
    return ViewColumn(
        name,
        "DOUBLE",
        f"quantile_cont(spans.duration_ns, {share}) / 1e6",
        ("spans.duration_ns",),
        f"{round(share * 100)}th percentile of the calls' durations, in milliseconds",
    )


_FUNCTIONS = View(
    "functions",
    "One row a function that was called in the range. A call is a span of kind server or consumer.",
    "spans",
    "start_ns",
    (
        _plain("spans", "service", "VARCHAR", "the function"),
        ViewColumn("calls", "BIGINT", "count(*)", (), "how often it was called"),
        ViewColumn(
            "errors", "BIGINT", "count(*) FILTER (spans.status = 2)", ("spans.status",), "calls that failed"
        ),
        ViewColumn(
            "error_rate",
            "DOUBLE",
            "count(*) FILTER (spans.status = 2) / count(*)",
            ("spans.status",),
            "share of calls that failed, 0 to 1",
        ),
        ViewColumn("cold_starts", "BIGINT", _COLD, ("spans.coldstart",), "calls that started an instance"),
        _quantile(0.5, "p50_ms"),
        _quantile(0.95, "p95_ms"),
        _quantile(0.99, "p99_ms"),
        ViewColumn(
            "instances",
            "BIGINT",
            "count(DISTINCT nullif(spans.instance, ''))",
            ("spans.instance",),
            "instances that were called",
        ),
        ViewColumn(
            "versions",
            "VARCHAR[]",
            "list_sort(list(DISTINCT spans.version))",
            ("spans.version",),
            "versions that were called",
        ),
        ViewColumn(
            "last_call",
            "TIMESTAMP",
            "make_timestamp(max(spans.start_ns) // 1000)",
            ("spans.start_ns",),
            "when the latest call started, UTC",
        ),
    ),
    where=_CALL,
    reads=("spans.service", "spans.kind"),
    group="spans.service",
)

VIEWS: Mapping[str, View] = {
    view.name: view for view in (_SPANS, _TRACES, _FUNCTIONS, _LINKS, _LOGS, _METRICS)
}

Needs = Mapping[str, frozenset[str]]


def columns_of(view: View, use: Use) -> tuple[ViewColumn, ...]:
    """Those of its columns that the query may name; the first if it names none, as count(*) does."""
    if use.everything:
        return view.columns
    named = tuple(column for column in view.columns if column.name in use.words)
    return named or view.columns[:1]


def needs_of(use: Use) -> Needs:
    """What must be read of which stored tables."""
    found: dict[str, set[str]] = {}
    for name in use.views:
        view = VIEWS[name]
        columns = columns_of(view, use)
        joined = _joined(view, columns)
        reads = [read for column in columns for read in column.reads]
        reads += [*view.reads, f"{view.source}.{view.time}"]
        reads += [part for _, condition in joined for part in condition.split() if "." in part]
        for read in reads:
            table, _, column_name = read.partition(".")
            found.setdefault(table, set()).add(column_name)
    return {table: frozenset(columns) for table, columns in found.items()}


def definition(view: View, use: Use, files: Mapping[str, str], start_ns: int, end_ns: int) -> str:
    """The statement that makes the view, of files by stored table, for what the query needs of it."""
    columns = columns_of(view, use)
    joins = "".join(
        f" LEFT JOIN {_file(files[table])} AS {table} ON {condition}"
        for table, condition in _joined(view, columns)
    )
    time = f"{view.source}.{view.time}"
    within = f"{time} >= {start_ns} AND {time} < {end_ns}" + (f" AND {view.where}" if view.where else "")
    return (
        f"CREATE VIEW {view.name} AS SELECT {', '.join(f'{c.sql} AS {_quoted(c.name)}' for c in columns)} "
        f"FROM {_file(files[view.source])} AS {view.source}{joins} WHERE {within}"
        + (f" GROUP BY {view.group}" if view.group else "")
    )


def _joined(view: View, columns: Iterable[ViewColumn]) -> tuple[tuple[str, str], ...]:
    """The joins that these columns need, with those which these go through."""
    wanted = {read.partition(".")[0] for column in columns for read in column.reads}
    for table, condition in reversed(view.joins):
        if table in wanted:
            wanted |= {part.partition(".")[0] for part in condition.split() if "." in part}
    return tuple((table, condition) for table, condition in view.joins if table in wanted)


def _file(path: str) -> str:
    return "read_parquet('" + path.replace("'", "''") + "')"


def _quoted(name: str) -> str:
    return f'"{name}"'
