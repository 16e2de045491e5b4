{#- What the newest spans of a window say: see AttributesQuery. -#}
WITH sample AS (
    SELECT start_ns, trace_id, span_id, {{ column }} AS said FROM (
        {% for spans in each('spans') %}
        {{ "UNION ALL" if not loop.first }}
        (SELECT start_ns, trace_id, span_id, {{ column }} FROM {{ spans }}
         WHERE start_ns >= $start_ns AND start_ns < $end_ns
         ORDER BY start_ns DESC, trace_id, span_id LIMIT $sample)
        {% endfor %}
    )
    ORDER BY start_ns DESC, trace_id, span_id LIMIT $sample
)
{% if column == 'resource_id' %}
SELECT any_value(r.attributes), n FROM (SELECT said, count(*) AS n FROM sample GROUP BY said)
JOIN {{ everywhere('resources') }} r ON r.resource_id = said GROUP BY said, n
{% else %}
SELECT said, count(*) FROM sample GROUP BY said
{% endif %}
