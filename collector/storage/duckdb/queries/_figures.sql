{#- From `chosen` (line, part, figure; NULL where a row says none) to figures over time, those of the lines with
    most rows. -#}
grouped AS MATERIALIZED (
    SELECT line, part, count(*) AS n,
    {% if statistic == 'quantile' %} quantile_cont(figure, $quantile)
    {% elif statistic == 'avg' %} fsum(figure) / count(*)
    {% else %} {{ {'count': 'count', 'rate': 'count', 'sum': 'fsum'}.get(statistic, statistic) }}(figure)
    {% endif %} AS figure
    FROM chosen WHERE figure IS NOT NULL GROUP BY line, part
),
ranked AS (
    SELECT line, row_number() OVER (ORDER BY n DESC, line) AS rank, count(*) OVER () AS lines
    FROM (SELECT line, sum(n) AS n FROM grouped GROUP BY line)
)
SELECT line, part, figure, lines FROM grouped JOIN ranked USING (line) WHERE rank <= $groups ORDER BY rank, part
