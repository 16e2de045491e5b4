WITH seen AS (
    SELECT metric_id, series_id, count(*) AS points, max(time_ns) AS last_ns
    FROM {{ within('metric_points', 'near_start_ns', 'near_end_ns') }} WHERE time_ns >= $start_ns AND time_ns < $end_ns
    GROUP BY metric_id, series_id
)
SELECT name, type, unit, temporality, monotonic,
    coalesce(min(description) FILTER (description <> ''), ''),
    list(DISTINCT service ORDER BY service),
    count(DISTINCT series_id), sum(points)::BIGINT, max(last_ns)
FROM seen JOIN (SELECT DISTINCT * FROM {{ beside('metrics', 'metric_points', 'near_start_ns', 'near_end_ns') }}) USING (metric_id)
WHERE true
{% if q.service %} AND service = $service {% endif %}
{% for word in words %} AND contains(lower(name || chr(10) || description), lower($word_{{ loop.index0 }})) {% endfor %}
GROUP BY name, type, unit, temporality, monotonic
ORDER BY name, type, unit, temporality, monotonic
LIMIT $limit
