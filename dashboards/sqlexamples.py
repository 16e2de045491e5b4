"""Queries to start from. A test runs each of them."""

from __future__ import annotations

from dashboards.i18n import N_

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        N_("Calls over time by function"),
        """SELECT time_bucket(INTERVAL 5 MINUTE, start_time) AS time, service, count(*) AS calls
FROM spans
WHERE is_call
GROUP BY ALL
ORDER BY time""",
    ),
    (
        N_("Slowest functions"),
        """SELECT service, p95_ms, calls, errors
FROM functions
ORDER BY p95_ms DESC
LIMIT 20""",
    ),
    (
        N_("Traces with the most errors"),
        """SELECT trace_id, root_service, spans, errors, duration_ms
FROM traces
WHERE errors > 0
ORDER BY errors DESC, duration_ms DESC
LIMIT 50""",
    ),
    (
        N_("SQL statements by time"),
        """SELECT db_statement, count(*) AS runs, sum(duration_ms) AS total_ms,
    quantile_cont(duration_ms, 0.95) AS p95_ms
FROM spans
WHERE db_statement <> ''
GROUP BY db_statement
ORDER BY total_ms DESC
LIMIT 20""",
    ),
    (
        N_("Cold starts by version"),
        """SELECT service, version, count(*) FILTER (coldstart) AS cold_starts,
    avg(duration_ms) FILTER (coldstart) AS cold_ms,
    avg(duration_ms) FILTER (NOT coldstart) AS warm_ms
FROM spans
WHERE is_call
GROUP BY ALL
ORDER BY cold_starts DESC""",
    ),
    (
        N_("Log lines of failed traces"),
        """SELECT logs.time, logs.service, logs.severity_text, logs.message, traces.trace_id
FROM logs JOIN traces USING (trace_id)
WHERE traces.errors > 0 AND logs.severity >= 13
ORDER BY logs.time DESC
LIMIT 100""",
    ),
    (
        N_("An attribute of spans"),
        """SELECT attributes ->> 'faas.invocation_id' AS invocation, name, duration_ms
FROM spans
WHERE is_call
ORDER BY duration_ms DESC
LIMIT 20""",
    ),
)
