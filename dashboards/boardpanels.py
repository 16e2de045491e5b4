"""From a dashboard's panel to what the page draws. A panel that fails says why; the others still show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from collector.analysis.traceql import quoted
from collector.analysis.traceql_series import Series, parse_series
from collector.sqlchild import SqlFailed, Table
from collector.storage.base import InvalidQuery, StorageError, Window
from collector.storage.logs import LogsQuery
from collector.storage.metrics import MetricInfo, MetricReader, MetricSelector, SpreadQuery
from collector.storage.spanset import Comparison, narrowed
from collector.storage.usage import HeatmapQuery
from dashboards.boardmodel import (
    Board,
    Calls,
    LogCount,
    MetricSource,
    Panel,
    SpanSource,
    Variable,
    filled,
)
from dashboards.callmeasures import COST, call_lines
from dashboards.charts import heatmap as heat
from dashboards.charts.scale import FORMATS
from dashboards.charts.spread import spread_chart
from dashboards.charts.timeseries import TimeChart, line_chart
from dashboards.i18n import _
from dashboards.logcount import LogFigure, log_lines
from dashboards.loglines import LEVELS
from dashboards.metriclines import (
    HEATMAP,
    OTHERS,
    MetricLines,
    default_statistic,
    fitting_buckets,
    found_metric,
    metric_lines,
)
from dashboards.metricunits import chart_unit
from dashboards.money import money
from dashboards.spanlines import SERVICE, span_lines
from dashboards.sqlchart import Bars, chart_of
from dashboards.ui import Ui

BUCKETS = 60
SHOWN_ROWS = 100
# Panels that ask the store at once; each takes a thread.
AT_ONCE = 4
# No HTML, no images: text of a file never loads or runs anything.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


@dataclass(frozen=True, slots=True)
class Bar:
    """`share` of the longest, 0 to 1."""

    name: str
    css: str
    text: str
    share: float


@dataclass(frozen=True, slots=True)
class PanelView:
    """What is drawn of a panel: one of `chart`, `stat`, `bars`, `head` with `rows`, `html`, or `error`."""

    panel: Panel
    chart: TimeChart | None = None
    stat: str = ""
    bars: tuple[Bar, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    html: Markup = field(default_factory=Markup)
    error: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable with what may be chosen and what is."""

    variable: Variable
    options: tuple[str, ...]
    value: str


async def choices(board: Board, given: Mapping[str, str], ui: Ui, window: Window) -> list[Choice]:
    """`given` is by variable; what is not given is the default."""
    found = []
    for variable in board.variables:
        options = await _options(variable, ui, window)
        found.append(Choice(variable, options, given.get(variable.name, variable.default)))
    return found


async def _options(variable: Variable, ui: Ui, window: Window) -> tuple[str, ...]:
    if variable.source == "services":
        return await asyncio.to_thread(ui.reader.services, window)
    if variable.sql and ui.sql is not None:
        try:
            table = await ui.sql.run(variable.sql, {}, window)
        except SqlFailed:
            return ()  # the text field stays, and panels that ask in SQL say what is wrong
        return tuple(str(row[0]) for row in table.rows[:SHOWN_ROWS] if row and row[0] is not None)
    return tuple(variable.values)


@dataclass(frozen=True, slots=True)
class Canvas:
    """What panels are drawn of and on: the store, the range, the values of variables; and the colours that
    functions have on every page."""

    ui: Ui
    window: Window
    values: dict[str, str]
    colours: Callable[[Sequence[str]], Mapping[str, str]]

    def filled(self, text: str) -> str:
        return filled(text, self.values)


async def panel_views(board: Board, canvas: Canvas) -> list[PanelView]:
    """All panels, in the order of the file."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(panel: Panel) -> PanelView:
        async with slots:
            return await _view(panel, canvas)

    return list(await asyncio.gather(*(one(panel) for panel in board.panels)))


async def _view(panel: Panel, canvas: Canvas) -> PanelView:
    try:
        if panel.text is not None:
            return PanelView(panel, html=Markup(_MARKDOWN.render(panel.text)))
        if panel.sql is not None:
            return await _sql_view(panel, panel.sql, canvas)
        if panel.show == "heatmap" and panel.calls is not None:
            return await asyncio.to_thread(_heatmap, panel, panel.calls, canvas)
        if panel.show == "heatmap" and panel.metric is not None:
            return await asyncio.to_thread(_spread, panel, panel.metric, canvas)
        return await asyncio.to_thread(_lines_view, panel, canvas)
    except SqlFailed as error:
        return PanelView(panel, error=f"{error} {error.advice}".strip())
    except (InvalidQuery, StorageError) as error:
        return PanelView(panel, error=str(error))


# -------------------------------------------------------------------- calls, metrics, logs


def _lines_view(panel: Panel, canvas: Canvas) -> PanelView:
    """Over time in parts; everything else is of the whole range, which is one part."""
    over_time = panel.show == "timeseries"
    found = _coloured(panel, _lines(panel, canvas, BUCKETS if over_time else 1), canvas)
    note = _("%(num)s more not drawn one by one.", num=found.left_out) if found.left_out else ""
    if over_time:
        return PanelView(
            panel, line_chart(panel.title, canvas.window, found.lines, found.unit), note=note or panel.note
        )
    named = [(line.name, line.css, line.values[0]) for line in found.lines if line.values[0] is not None]
    return replace(_of_whole(panel, named, _writer(panel, found, canvas)), note=note or panel.note)


def _writer(panel: Panel, found: MetricLines, canvas: Canvas) -> Callable[[float], str]:
    if panel.calls is not None and panel.calls.measure == COST:
        return lambda amount: money(amount, canvas.ui.settings.currency)
    return FORMATS[found.unit]


def _coloured(panel: Panel, found: MetricLines, canvas: Canvas) -> MetricLines:
    """Lines of functions in the colours that these have elsewhere."""
    if not _by_service(panel, canvas):
        return found
    colours = canvas.colours([line.name for line in found.lines if line.name != OTHERS])
    lines = (replace(line, css=colours.get(line.name, "s0")) for line in found.lines)
    return replace(found, lines=tuple(lines))


def _by_service(panel: Panel, canvas: Canvas) -> bool:
    if panel.spans is not None:
        return _series(panel.spans, canvas).by == SERVICE
    source = panel.calls or panel.metric or panel.logs
    return source is not None and source.by in ("service", "service.name")


def _lines(panel: Panel, canvas: Canvas, buckets: int) -> MetricLines:
    if panel.calls is not None:
        source = panel.calls
        service = canvas.filled(source.service)
        reader, prices = canvas.ui.reader, canvas.ui.settings.prices
        return call_lines(reader, canvas.window, source.measure, source.by, service, buckets, prices)
    if panel.metric is not None:
        return _metric_lines(panel.metric, canvas, buckets)
    if panel.spans is not None:
        return span_lines(canvas.ui.reader, canvas.window, _series(panel.spans, canvas), buckets)
    assert panel.logs is not None
    return _log_lines(panel.logs, canvas, buckets)


def _series(source: SpanSource, canvas: Canvas) -> Series:
    """Values stand within quotes of the query: what they hold cannot end those."""
    values = {name: quoted(value)[1:-1] for name, value in canvas.values.items()}
    asked = parse_series(filled(source.query, values))
    service = canvas.filled(source.service)
    if not service:
        return asked
    return replace(asked, spanset=narrowed(asked.spanset, Comparison(SERVICE, "=", service)))


def _metric_lines(source: MetricSource, canvas: Canvas, buckets: int) -> MetricLines:
    reader, info = _metric(source, canvas)
    if info is None:
        return MetricLines((), "count", 1.0, 0)
    selector = _selector(source, info, canvas)
    parts = fitting_buckets(reader, selector, buckets) if buckets > 1 else 1
    return metric_lines(reader, selector, source.statistic or default_statistic(info), source.by, parts)


def _metric(source: MetricSource, canvas: Canvas) -> tuple[MetricReader, MetricInfo | None]:
    reader = canvas.ui.metrics
    if reader is None:
        raise InvalidQuery("this store keeps no metrics")
    return reader, found_metric(reader, canvas.window, canvas.filled(source.name))


def _selector(source: MetricSource, info: MetricInfo, canvas: Canvas) -> MetricSelector:
    where = tuple((key, canvas.filled(value)) for key, value in source.where.items())
    service = canvas.filled(source.service)
    return MetricSelector(canvas.window, info.name, info.type, info.unit, service, where)


def _spread(panel: Panel, source: MetricSource, canvas: Canvas) -> PanelView:
    """The buckets of a histogram as a heatmap; InvalidQuery for another metric."""
    reader, info = _metric(source, canvas)
    if info is None:
        nothing = heat.grid(panel.title, canvas.window, (), {}, heat.BUCKETS, "")
        return PanelView(panel, nothing, note=panel.note)
    selector = _selector(source, info, canvas)
    parts = fitting_buckets(reader, selector, heat.BUCKETS)
    cells = reader.spread(SpreadQuery(selector, parts))
    unit, factor = chart_unit(info.unit, info.type, HEATMAP)
    drawn = spread_chart(panel.title, canvas.window, cells, parts, unit, factor)
    return PanelView(panel, drawn, note=panel.note)


def _log_lines(source: LogCount, canvas: Canvas, buckets: int) -> MetricLines:
    if canvas.ui.logs is None:
        raise InvalidQuery("this store keeps no logs")
    key, _, value = canvas.filled(source.attribute).partition("=")
    query = LogsQuery(
        canvas.window,
        service=canvas.filled(source.service),
        min_severity=dict(LEVELS).get(source.level, 0),
        text=canvas.filled(source.text),
        attributes=((key.strip(), value.strip()),) if key.strip() else (),
    )
    return log_lines(canvas.ui.logs, LogFigure(query, source.measure, source.of, source.by), buckets)


def _of_whole(
    panel: Panel, named: Sequence[tuple[str, str, float | None]], write: Callable[[float], str]
) -> PanelView:
    """One value of each line as a tile, as bars or as a table."""
    known = [(name, css, value) for name, css, value in named if value is not None]
    if panel.show == "stat":
        return PanelView(panel, stat=write(known[0][2]) if known else "–")
    if panel.show == "bar":
        longest = max((value for _, _, value in known), default=0) or 1
        ranked = sorted(known, key=lambda row: (row[0] == OTHERS, -row[2]))
        bars = tuple(Bar(name, css, write(value), max(value / longest, 0)) for name, css, value in ranked)
        return PanelView(panel, bars=bars)
    return PanelView(panel, head=("", "value"), rows=tuple((name, write(value)) for name, _, value in known))


def _heatmap(panel: Panel, source: Calls, canvas: Canvas) -> PanelView:
    service, window = canvas.filled(source.service), canvas.window
    cells = canvas.ui.reader.used.heatmap(HeatmapQuery(window, heat.BOUNDS, service, heat.BUCKETS))
    drawn = heat.heatmap(panel.title, window, cells)
    # Where a stretch that is dragged over leads: the traces of those calls.
    where = f"resource.service.name = {quoted(service)} && " if service else ""
    query = f"{{ {where}duration > $LOW && duration <= $HIGH }}"
    return PanelView(panel, replace(drawn, data={**drawn.data, "query": query}), note=panel.note)


# -------------------------------------------------------------------- SQL


async def _sql_view(panel: Panel, sql: str, canvas: Canvas) -> PanelView:
    if canvas.ui.sql is None:
        return PanelView(panel, error=_("This server answers no SQL."))
    table = await canvas.ui.sql.run(sql, canvas.values, canvas.window)
    note = _("Not all rows are shown.") if table.truncated or len(table.rows) > SHOWN_ROWS else panel.note
    return replace(_table_view(panel, table), note=note)


def _table_view(panel: Panel, table: Table) -> PanelView:
    if panel.show == "stat":
        return PanelView(panel, stat=_cell(_first_number(table)))
    drawn = chart_of(table) if panel.show in ("timeseries", "bar") else None
    if isinstance(drawn, TimeChart):
        return PanelView(panel, replace(drawn, title=panel.title))
    if isinstance(drawn, Bars):
        bars = tuple(Bar(bar.name, "s1", _cell(bar.value), bar.share) for bar in drawn.bars)
        return PanelView(panel, bars=bars)
    rows = tuple(tuple(_cell(value) for value in row) for row in table.rows[:SHOWN_ROWS])
    return PanelView(panel, head=tuple(column.name for column in table.columns), rows=rows)


def _first_number(table: Table) -> Any:
    numbers = [index for index, column in enumerate(table.columns) if column.is_number]
    return table.rows[0][numbers[0]] if numbers and table.rows else None


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)[:300]
