{#- Counts a bucket, summed over equal bounds; merging different bounds is histograms.py's. -#}
{% set since = "struct_pack(start_ns := start_ns, measured := measured, bounds := bounds, counts := counts)" %}
WITH {% include '_points.sql' %}, {% include '_growth.sql' %},
signed AS (
    SELECT line, part, bounds, counts, 1 AS sign FROM grown WHERE since IS NULL OR since.bounds = bounds
    UNION ALL
    SELECT line, part, bounds, since.counts, -1 FROM grown WHERE since IS NOT NULL AND since.bounds = bounds
),
counted AS (
    SELECT line, part, bounds, sign, unnest(counts::HUGEINT[]) AS n, generate_subscripts(counts::HUGEINT[], 1) AS i
    FROM signed WHERE counts <> ''
)
SELECT line, part, bounds, list((i - 1, n) ORDER BY i) FROM (
    SELECT line, part, bounds, i, sum(sign * n)::HUGEINT AS n FROM counted GROUP BY line, part, bounds, i
)
GROUP BY line, part, bounds ORDER BY line, part, bounds
