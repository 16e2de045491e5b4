{#- A quantile as summaries say it: the highest of those of a line and part. -#}
WITH {% include '_points.sql' %},
said AS (
    SELECT line, {{ part_of('time_ns') }} AS part,
        unnest(from_json(quantiles, '[["DOUBLE"]]')) AS pair
    FROM points
    WHERE time_ns >= $start_ns AND flags & 1 = 0 AND quantiles <> '' AND line IN (SELECT unnest($lines::VARCHAR[]))
)
SELECT line, part, max(pair[2]) FROM said WHERE pair[1] = $quantile AND isfinite(pair[2])
GROUP BY line, part ORDER BY line, part
