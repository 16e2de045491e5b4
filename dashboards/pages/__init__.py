"""The pages of the UI, in the order of the navigation. A page is one module and one line here."""

from __future__ import annotations

from dashboards.i18n import N_
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
    start,
    status,
    topology,
    trace,
    trace_diff,
    trace_files,
    traces,
    views,
)
from dashboards.ui import Page

PAGES: tuple[Page, ...] = (
    Page("overview", N_("Overview"), "/overview", overview.router, "o"),
    Page("functions", N_("Functions"), "/functions", functions.router, "f"),
    Page("function", N_("Function"), "/functions/{service}", function.router),
    Page("traces", N_("Traces"), "/traces", traces.router, "t"),
    Page("open", N_("Open a trace"), "/traces/open", trace_files.router),  # before what takes any name there
    Page("trace", N_("Trace"), "/traces/{trace_id}", trace.router),
    Page("diff", N_("Traces compared"), "/traces/{trace_id}/diff/{other}", trace_diff.router),
    Page("topology", N_("Topology"), "/topology", topology.router, "m"),
    Page("slow", N_("Slow calls"), "/slow", slow.router, "s"),
    Page("errors", N_("Errors"), "/errors", errors.router, "e"),
    Page("logs", N_("Logs"), "/logs", logs.router, "l"),
    Page("metrics", N_("Metrics"), "/metrics-explorer", metrics.router, "x"),
    Page("counts", N_("Log records over time"), "/metrics-explorer/logs", log_counts.router),
    Page("spans", N_("Spans over time"), "/metrics-explorer/spans", span_series.router),
    Page("dashboards", N_("Boards"), "/dashboards", dashboards.router, "d"),
    Page("alerts", N_("Alerts"), "/alerts", alerts.router, "a"),
    Page("sql", N_("SQL"), "/sql", sql.router, "q"),
    Page("status", N_("Status"), "/status", status.router),
    Page("views", N_("Saved views"), "/views", views.router),
    Page("start", N_("Getting started"), "/start", start.router),
)
