{% import '_logs.sql' as match with context %}
{% set way = 'DESC' if q.order == 'newest' else 'ASC' %}
WITH page AS MATERIALIZED (
    {% for logs in each('logs') %}
    (
        SELECT {{ columns }} FROM {{ logs }}
        WHERE {{ match.matching() }}
        {% if after %}
        AND (time_ns {{ '<' if q.order == 'newest' else '>' }} $after_ns
            OR (time_ns = $after_ns AND log_id {{ '<' if q.order == 'newest' else '>' }} $after_id::UBIGINT))
        {% endif %}
        ORDER BY time_ns {{ way }}, log_id {{ way }} LIMIT $limit
    )
    {% if not loop.last %} UNION ALL {% endif %}
    {% endfor %}
    ORDER BY time_ns {{ way }}, log_id {{ way }} LIMIT $limit
)
SELECT page.*, coalesce(sent_by, '') FROM page
LEFT JOIN (
    SELECT resource_id, any_value(attributes) AS sent_by
    FROM {{ everywhere('resources') }} SEMI JOIN page USING (resource_id) GROUP BY resource_id
) USING (resource_id)
ORDER BY time_ns {{ way }}, log_id {{ way }}
