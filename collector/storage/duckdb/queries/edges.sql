WITH {% include '_pairs.sql' %},
{% include '_waits.sql' %},
delays AS (SELECT queue, service, quantile_cont(wait_ns, [0.5, 0.95]) AS quantiles FROM waits GROUP BY ALL),
edges AS (
    SELECT
        source_kind, source, target_kind, target,
        count(*) AS calls,
        count(*) FILTER (failed) AS errors,
        quantile_cont(client_ns, [0.5, 0.95, 0.99]) AS client,
        quantile_cont(server_ns, [0.5, 0.95, 0.99]) AS server,
        coalesce(sum(client_ns), sum(server_ns), 0)::BIGINT AS total_ns
    FROM {% if is_weighted('spans', 'near_start_ns', 'near_end_ns') %} (
        SELECT * EXCLUDE (adjusted_count), unnest(range(adjusted_count)) AS nth FROM pairs
    ) {% else %} pairs {% endif %}
    GROUP BY ALL
)
SELECT
    source_kind, source, target_kind, target, calls, errors, coalesce(client, server), server[2], d.quantiles,
    total_ns
FROM edges LEFT JOIN delays d ON source_kind = 'queue' AND source = d.queue AND target = d.service
{% if q.service %}
WHERE (source_kind = 'function' AND source = $service) OR (target_kind = 'function' AND target = $service)
{% endif %}
ORDER BY calls DESC, source_kind || ':' || source, target_kind || ':' || target
