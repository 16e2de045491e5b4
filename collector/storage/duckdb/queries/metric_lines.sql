-- Which lines have most points, and how many there are.
WITH {% include '_points.sql' %}
SELECT line, count(*) OVER () FROM (
    SELECT line, count(*) AS n FROM points WHERE time_ns >= $start_ns AND flags & 1 = 0 GROUP BY line
)
ORDER BY n DESC, line LIMIT $groups
