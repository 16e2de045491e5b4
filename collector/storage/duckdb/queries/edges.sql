WITH {% include '_pairs.sql' %},
-- Rule 5's queue delay: consumer start - producer end, for the parent and every link, each producer once.
consumers AS (
    SELECT trace_id, span_id, parent_span_id, start_ns, service, messaging_destination AS queue FROM near
    WHERE kind = 5 AND messaging_destination <> '' AND start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
),
sources AS (
    SELECT trace_id, span_id, trace_id AS from_trace_id, parent_span_id AS from_span_id FROM consumers
    UNION
    SELECT trace_id, span_id, linked_trace_id, linked_span_id FROM {{ within('span_links') }}
    WHERE start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
),
delays AS (
    SELECT queue, c.service, quantile_cont(c.start_ns - (p.start_ns + p.duration_ns), [0.5, 0.95]) AS quantiles
    FROM consumers c
    JOIN sources USING (trace_id, span_id)
    JOIN near p ON p.trace_id = from_trace_id AND p.span_id = from_span_id AND p.kind = 4
    WHERE c.start_ns >= p.start_ns + p.duration_ns AND c.start_ns <= p.start_ns + $slack_ns
    GROUP BY ALL
),
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
