{#- Rolled-up calls of a window that begins and ends with a slot, and those of the rows that were not gathered yet.
    `places`: (part, index of its parameter, whether it has such rows). See rollups.py. -#}
{#- How many calls these rows are: a row of a part that was sampled may stand for several, or for none. -#}
{% macro number(condition="") %}coalesce(sum(adjusted_count){% if condition %} FILTER ({{ condition }}){% endif %}, 0)::UBIGINT{% endmacro %}
{% macro slot() %}start_ns - start_ns % $slot_ns{% endmacro %}
{#- Index of an exponential histogram of scale 4, base 2^(1/16); -1 for no duration at all. -#}
{% macro bucket() %}if(duration_ns > 0, floor(log2(duration_ns) * 16), -1)::SMALLINT{% endmacro %}
{% macro value(bucket) %}if({{ bucket }} < 0, 0, pow(2, ({{ bucket }} + 0.5) / 16)){% endmacro %}
{#- Names that are made of ids would make a rollup as long as what it sums up: the most frequent keep theirs. -#}
{% macro operation() %}if(name IN (SELECT unnest($operations::VARCHAR[])), name, NULL){% endmacro %}
{% macro chosen() %}
{% if q.service %} AND service = $service {% endif %}
{% if q.trigger %} AND trigger = $trigger {% endif %}
{% if q.operation %} AND operation = $operation {% endif %}
{% endmacro %}
{% macro rolled(table, columns, places) %}
{% for part, i, waits in places %}
SELECT {{ columns }} FROM {{ part.sql }}.{{ table }}
WHERE slot_ns >= $start_ns AND slot_ns < $end_ns {{ chosen() }}
{% if not loop.last %} UNION ALL {% endif %}
{% endfor %}
{% endmacro %}
{% macro waiting(places) %}
{% for part, i, waits in places if waits %}
UNION ALL
SELECT {{ caller() }} FROM {{ part.sql }}.spans
WHERE rowid >= $until_{{ i }} AND start_ns >= $start_ns AND start_ns < $end_ns AND kind IN (2, 5)
{{ chosen().replace('operation =', 'name =') }}
GROUP BY ALL
{% endfor %}
{% endmacro %}
{#- CTEs that end in `quantiles` of the CTE `durations` (keys..., bucket, calls): between the middles of the buckets of
    the two calls around each rank, as quantile_cont between the two calls. -#}
{% macro quantiles(keys) %}
merged AS (SELECT {{ keys }}, bucket, sum(calls)::BIGINT AS calls FROM durations GROUP BY ALL),
ranked AS (
    SELECT *, sum(calls) OVER (PARTITION BY {{ keys }} ORDER BY bucket) AS upto,
        sum(calls) OVER (PARTITION BY {{ keys }}) AS total
    FROM merged
),
around AS (
    SELECT {{ keys }}, any_value(total) AS total
    {% for q in (0.5, 0.95, 0.99) %}
    , min(bucket) FILTER (upto > floor((total - 1) * {{ q }})) AS low_{{ loop.index }}
    , min(bucket) FILTER (upto > ceil((total - 1) * {{ q }})) AS high_{{ loop.index }}
    {% endfor %}
    FROM ranked GROUP BY ALL
),
quantiles AS (
    SELECT {{ keys }}, [
    {% for q in (0.5, 0.95, 0.99) %}
    {% set low = 'low_' ~ loop.index %}{% set high = 'high_' ~ loop.index %}
    {{ value(low) }} + ((total - 1) * {{ q }} - floor((total - 1) * {{ q }})) * ({{ value(high) }} - {{ value(low) }})
    {%- if not loop.last %}, {% endif %}
    {% endfor %}
    ] AS quantiles
    FROM around
)
{% endmacro %}
