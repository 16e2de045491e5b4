{#- Buckets merged at the lowest scale of their line and part: an index moves right by the difference. -#}
{% set parts = "scale := scale, zero_count := zero_count, zero_threshold := zero_threshold, positive_offset := positive_offset, positive := positive, negative_offset := negative_offset, negative := negative" %}
{% set since = "struct_pack(start_ns := start_ns, measured := measured, " ~ parts ~ ")" %}
WITH {% include '_points.sql' %}, {% include '_growth.sql' %},
signed AS (
    SELECT line, part, 1 AS sign, struct_pack({{ parts }}) AS h FROM grown
    UNION ALL
    SELECT line, part, -1, struct_pack(
        scale := since.scale, zero_count := since.zero_count, zero_threshold := since.zero_threshold,
        positive_offset := since.positive_offset, positive := since.positive,
        negative_offset := since.negative_offset, negative := since.negative
    ) FROM grown WHERE since IS NOT NULL
),
heads AS (
    SELECT line, part, min(h.scale) AS scale, sum(sign * h.zero_count::HUGEINT)::HUGEINT AS zeros,
        max(h.zero_threshold) AS zero_threshold
    FROM signed GROUP BY line, part
),
counted AS (
    {% for side, sign in (('positive', 1), ('negative', -1)) %}
    SELECT line, part, {{ sign }} AS side, sign, h.scale AS scale, h.{{ side }}_offset AS first,
        unnest(h.{{ side }}::HUGEINT[]) AS n, generate_subscripts(h.{{ side }}::HUGEINT[], 1) AS i
    FROM signed WHERE h.{{ side }} <> ''
    {% if not loop.last %} UNION ALL {% endif %}
    {% endfor %}
),
joined AS (
    SELECT line, part, side, floor((first::BIGINT + i - 1) / pow(2, c.scale - heads.scale))::BIGINT AS index,
        sum(sign * n)::HUGEINT AS n
    FROM counted c JOIN heads USING (line, part) WHERE n <> 0
    GROUP BY ALL
)
SELECT line, part, scale, zeros, zero_threshold,
    coalesce(list((side, index, n)) FILTER (index IS NOT NULL), [])
FROM heads LEFT JOIN joined USING (line, part)
GROUP BY line, part, scale, zeros, zero_threshold ORDER BY line, part
