WITH {% include '_points.sql' %}
SELECT series_id, any_value(service), any_value(attributes), count(*) AS n, max(time_ns)
FROM points GROUP BY series_id ORDER BY n DESC, series_id LIMIT $limit
