{% import '_calls.sql' as calls with context %}
SELECT
    {{ q.by or "''" }} AS line,
    {{ calls.bucket() }} AS part,
    count(*),
    count(*) FILTER (status = 2),
    count(*) FILTER (coldstart),
    quantile_cont(duration_ns, [0.5, 0.95, 0.99])
FROM {{ counted('spans') }} WHERE {{ calls.in_window() }}
GROUP BY line, part ORDER BY line, part
