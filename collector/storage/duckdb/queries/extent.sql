{#- How many spans, from when to when. Asked of each part alone the engine answers from what it knows of its
    columns, without reading one. -#}
SELECT sum(n)::BIGINT, coalesce(min(first_ns), 0), coalesce(max(last_ns), 0) FROM (
    {% for spans in every('spans') %}
    SELECT count(*) AS n, min(start_ns) AS first_ns, max(start_ns) AS last_ns FROM {{ spans }}
    {%- if not loop.last %} UNION ALL {% endif %}
    {% endfor %}
)
