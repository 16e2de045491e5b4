{% import '_calls.sql' as calls with context %}
WITH parts AS (
    SELECT
        {{ calls.bucket() }} AS part,
        histogram(duration_ns, $bounds::BIGINT[]) AS calls,
        histogram(duration_ns, $bounds::BIGINT[]) FILTER (status = 2) AS errors
    FROM {{ counted('spans') }} WHERE {{ calls.in_window() }}
    GROUP BY part
),
cells AS (SELECT part, unnest(map_entries(calls)) AS cell, errors FROM parts)
SELECT part, cell.key, cell.value, coalesce(errors[cell.key], 0) FROM cells WHERE cell.value > 0
ORDER BY part, cell.key
