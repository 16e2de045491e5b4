{#- `grown`: points of the window whose growth is known, beside the point it counts from (`since`, null for
    zero). The rules are those of RangeQuery. -#}
usable AS (
    SELECT *, {{ column }} AS measured FROM points
    WHERE flags & 1 = 0 AND {{ column }} IS NOT NULL AND isfinite({{ column }}::DOUBLE)
    AND line IN (SELECT unnest($lines::VARCHAR[]))
),
paired AS (
    SELECT *, lag({{ since }}) OVER (PARTITION BY series_id ORDER BY time_ns, start_ns, received_ns) AS before
    FROM usable
),
grown AS (
    SELECT *,
        {{ part_of('time_ns') }} AS part,
        CASE WHEN temporality = 1 OR before IS NULL
            OR (start_ns <> 0 AND start_ns <> before.start_ns)
            OR ({{ 'monotonic' if column == 'value' else 'true' }} AND measured < before.measured)
        THEN NULL ELSE before END AS since
    FROM paired
    WHERE time_ns >= $start_ns AND (temporality = 1 OR before IS NOT NULL OR start_ns >= $earliest_ns)
)
