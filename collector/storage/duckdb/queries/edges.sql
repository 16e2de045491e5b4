{#- Of the window, or `over_time` of one edge by part of it. -#}
{% import '_calls.sql' as calls with context %}
{% set part = calls.bucket() if over_time else '0' %}
WITH {% include '_pairs.sql' %},
{% include '_waits.sql' %},
delays AS (
    SELECT {{ part }} AS part, queue, service, quantile_cont(wait_ns, [0.5, 0.95]) AS quantiles FROM waits GROUP BY ALL
),
edges AS (
    SELECT
        {{ part }} AS part, source_kind, source, target_kind, target,
        count(*) AS calls,
        count(*) FILTER (failed) AS errors,
        count(*) FILTER (refused) AS refused,
        quantile_cont(client_ns, [0.5, 0.95, 0.99]) AS client,
        quantile_cont(server_ns, [0.5, 0.95, 0.99]) AS server,
        coalesce(sum(client_ns), sum(server_ns), 0)::BIGINT AS total_ns
    FROM {% if is_weighted('spans', 'near_start_ns', 'near_end_ns') %} (
        SELECT * EXCLUDE (adjusted_count), unnest(range(adjusted_count)) AS nth FROM pairs
    ) {% else %} pairs {% endif %}
    {% if over_time %}
    WHERE source_kind = $source_kind AND source = $source AND target_kind = $target_kind AND target = $target
    {% endif %}
    GROUP BY ALL
)
SELECT
    e.part, source_kind, source, target_kind, target, calls, errors, refused, coalesce(client, server), server[2],
    d.quantiles, total_ns
FROM edges e LEFT JOIN delays d
    ON source_kind = 'queue' AND source = d.queue AND target = d.service AND e.part = d.part
{% if not over_time and q.service %}
WHERE (source_kind = 'function' AND source = $service) OR (target_kind = 'function' AND target = $service)
{% endif %}
ORDER BY e.part, calls DESC, source_kind || ':' || source, target_kind || ':' || target
