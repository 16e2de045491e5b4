"""The pages of the UI, in the order of the navigation. A page is one module and one line here."""

from __future__ import annotations

from dashboards.pages import (
    alerts,
    dashboards,
    errors,
    function,
    functions,
    log_counts,
    logs,
    metrics,
    overview,
    slow,
    span_series,
    sql,
    status,
    topology,
    trace,
    trace_diff,
    trace_files,
    traces,
)
from dashboards.ui import Page

PAGES: tuple[Page, ...] = (
    Page("overview", "Overview", "/overview", overview.router, "o"),
    Page("functions", "Functions", "/functions", functions.router, "f"),
    Page("function", "Function", "/functions/{service}", function.router),
    Page("traces", "Traces", "/traces", traces.router, "t"),
    Page("open", "Open a trace", "/traces/open", trace_files.router),  # before what takes any name there
    Page("trace", "Trace", "/traces/{trace_id}", trace.router),
    Page("diff", "Traces compared", "/traces/{trace_id}/diff/{other}", trace_diff.router),
    Page("topology", "Topology", "/topology", topology.router, "m"),
    Page("slow", "Slow calls", "/slow", slow.router, "s"),
    Page("errors", "Errors", "/errors", errors.router, "e"),
    Page("logs", "Logs", "/logs", logs.router, "l"),
    Page("metrics", "Metrics", "/metrics-explorer", metrics.router, "x"),
    Page("counts", "Log records counted", "/metrics-explorer/logs", log_counts.router),
    Page("spans", "Spans over time", "/metrics-explorer/spans", span_series.router),
    Page("dashboards", "Boards", "/dashboards", dashboards.router, "d"),
    Page("alerts", "Alerts", "/alerts", alerts.router, "a"),
    Page("sql", "SQL", "/sql", sql.router, "q"),
    Page("status", "Status", "/status", status.router),
)
