WITH {% include '_points.sql' %}
SELECT series_id, service, attributes, exemplars FROM points WHERE exemplars <> ''
ORDER BY time_ns DESC, series_id LIMIT $limit
