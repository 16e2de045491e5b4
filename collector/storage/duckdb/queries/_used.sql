{#- What calls used: see collector/storage/usage.py. -#}
{#- A sample is chosen by the narrow column. -#}
{% macro sampled() -%}
{%- if q.one_in > 1 %} AND span_id % $one_in = 0 {%- endif %}
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
