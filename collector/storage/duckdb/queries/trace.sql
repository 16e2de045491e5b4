{#- `places`: (part, index of its parameters, whether a gathering knows the trace). -#}
WITH found AS (
    {% for part, i, known in places %}
    SELECT {{ columns }} FROM {{ part.sql }}.spans WHERE trace_id = $trace_id::UUID AND rowid >= $until_{{ i }}
    {% if known %}
    UNION ALL
    SELECT {{ columns }} FROM {{ part.sql }}.spans
    WHERE trace_id = $trace_id::UUID AND start_ns BETWEEN $first_{{ i }} AND $last_{{ i }} AND rowid < $until_{{ i }}
    {% endif %}
    {% if not loop.last %} UNION ALL {% endif %}
    {% endfor %}
)
SELECT found.*, coalesce(r.attributes, '')
FROM found LEFT JOIN (
    SELECT resource_id, any_value(attributes) AS attributes FROM {{ everywhere('resources') }}
    WHERE resource_id IN (SELECT resource_id FROM found) GROUP BY resource_id
) r USING (resource_id)
ORDER BY start_ns, span_id
