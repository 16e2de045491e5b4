{#- What calls used: see collector/storage/usage.py. -#}
{#- The slices of a sample: ranges of a sorted column, so that what lies between is skipped unread. -#}
{% macro sampled() -%}
{%- if slices > 1 %} AND (
    {%- for n in range(slices) %}{{ " OR " if n }}(start_ns >= $slice_{{ n }} AND start_ns < $slice_{{ n }}_end){% endfor -%}
) {%- endif %}
{%- endmacro %}
{#- Attributes as numbers, NULL where they are none; each span's JSON is parsed once. As text a string keeps its
    quotes, so only numbers are cast. -#}
{% macro numbers(keys) -%}
list_transform(
    json_extract(nullif(attributes, ''), [{% for key in keys %}'/{{ key }}'{{ ", " if not loop.last }}{% endfor %}]),
    lambda said: try_cast(said::VARCHAR AS DOUBLE)
)
{%- endmacro %}
{% macro usable(number) -%}
CASE WHEN {{ number }} >= 0 AND isfinite({{ number }}) THEN {{ number }} END
{%- endmacro %}
{#- The memory that each resource of the rows was given. -#}
{% macro limits(rows) -%}
SELECT resource_id, max({{ usable("said") }}) AS limit_bytes
FROM (
    SELECT resource_id, try_cast(json_extract(nullif(attributes, ''), '/faas.max_memory')::VARCHAR AS DOUBLE) AS said
    FROM {{ everywhere('resources') }} SEMI JOIN {{ rows }} USING (resource_id)
)
GROUP BY resource_id
{%- endmacro %}
