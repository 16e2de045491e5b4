{% import '_calls.sql' as calls with context %}
WITH cold AS MATERIALIZED (
    {% for spans in each('spans') %}
    (
        SELECT trace_id, span_id, service, version, instance, start_ns, duration_ns, status, resource_id
        FROM {{ spans }} WHERE {{ calls.in_window() }} AND coldstart
        ORDER BY start_ns DESC, trace_id, span_id LIMIT $limit
    )
    {% if not loop.last %} UNION ALL {% endif %}
    {% endfor %}
    ORDER BY start_ns DESC, trace_id, span_id LIMIT $limit
),
-- One list for each (trace, resource): two cold calls of one process may share a trace.
phases AS (
    SELECT trace_id, resource_id,
        list((phase, start_ns, duration_ns) ORDER BY start_ns, duration_ns DESC, phase) AS phases
    FROM {{ everywhere('spans') }} SEMI JOIN cold USING (trace_id, resource_id)
    WHERE phase <> '' AND phase <> 'invocation'
    GROUP BY trace_id, resource_id
)
SELECT trace_id, span_id, service, version, instance, start_ns, duration_ns, status = 2, coalesce(phases, [])
FROM cold LEFT JOIN phases USING (trace_id, resource_id)
ORDER BY start_ns DESC, trace_id, span_id
