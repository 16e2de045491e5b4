{#- As edges.sql, of the calls that are kept: of the window, or `over_time` of one edge by part of it. -#}
{% set ends = 'source_kind, source, target_kind, target' %}
{% import '_calls.sql' as calls with context %}
{% set part = calls.bucket() if over_time else '0' %}
WITH {% include '_kept.sql' %},
asked AS (
    SELECT edge, {{ ends }} FROM named
    {% if over_time %}
    WHERE source_kind = $source_kind AND source = $source AND target_kind = $target_kind AND target = $target
    {% elif q.service %}
    WHERE (source_kind = 'function' AND source = $service) OR (target_kind = 'function' AND target = $service)
    {% endif %}
),
counted AS (
    SELECT * {% if is_weighted('spans', 'from_ns', 'until_ns') %}, unnest(range(adjusted_count)) AS nth {% endif %} FROM chosen
    WHERE NOT (awaits_caller AND start_ns >= $window_settled_ns)
        {% if over_time or q.service %} AND edge IN (SELECT edge FROM asked) {% endif %}
),
figures AS (
    SELECT
        {{ part }} AS part, edge,
        count(*) FILTER (wait_ns IS NULL) AS calls,
        count(*) FILTER (failed) AS errors,
        count(*) FILTER (refused) AS refused,
        quantile_cont(client_ns, [0.5, 0.95, 0.99]) AS client,
        quantile_cont(server_ns, [0.5, 0.95, 0.99]) AS server,
        quantile_cont(wait_ns, [0.5, 0.95]) AS delays,
        coalesce(sum(client_ns), sum(server_ns), 0)::BIGINT AS total_ns
    FROM counted GROUP BY ALL
)
SELECT part, {{ ends }}, calls, errors, refused, coalesce(client, server), server[2], delays, total_ns
FROM figures JOIN asked USING (edge)
WHERE calls > 0
ORDER BY part, calls DESC, source_kind || ':' || source, target_kind || ':' || target
