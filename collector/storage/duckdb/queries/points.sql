WITH page AS MATERIALIZED (
    {% for points in each('metric_points') %}
    (
        SELECT {{ columns | join(', ') }} FROM {{ points }}
        WHERE time_ns >= $start_ns AND time_ns < $end_ns
        {% if q.name or q.service %}
        AND metric_id IN (
            SELECT metric_id FROM {{ beside('metrics', 'metric_points') }} WHERE true
            {% if q.name %} AND name = $name {% endif %}
            {% if q.service %} AND service = $service {% endif %}
        )
        {% endif %}
        {% if after %} AND (time_ns > $after_ns OR (time_ns = $after_ns AND series_id > $after_id::UBIGINT)) {% endif %}
        ORDER BY time_ns, series_id LIMIT $limit
    )
    {% if not loop.last %} UNION ALL {% endif %}
    {% endfor %}
    ORDER BY time_ns, series_id LIMIT $limit
),
known AS (
    SELECT series_id, any_value(attributes) AS attributes
    FROM {{ beside('metric_series', 'metric_points') }} SEMI JOIN page USING (series_id) GROUP BY series_id
),
described AS (
    SELECT DISTINCT * FROM {{ beside('metrics', 'metric_points') }} SEMI JOIN page USING (metric_id)
)
SELECT {% for column in columns %} page.{{ column }}, {% endfor %} known.attributes,
    d.metric_id, d.name, d.type, d.unit, d.description, d.temporality, d.monotonic, d.service, d.resource_id,
    d.scope_id, d.metadata
FROM page JOIN known USING (series_id) JOIN described d USING (metric_id)
ORDER BY page.time_ns, page.series_id
