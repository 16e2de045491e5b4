{#- Which shapes the attributes have that rows of one part say: json_structure is the keys with the types of their
    values, and there are few of them. `table` says which rows. -#}
{% macro rows() %}FROM {{ part }}.{{ table }} WHERE rowid >= $since AND rowid < $until{% endmacro %}
{% macro one(source, column, text) %}
SELECT '{{ source }}' AS source, {{ text }} AS said, 1 AS n, {{ column }} AS first_ns, {{ column }} AS last_ns {{ rows() }}
{% endmacro %}
{% macro grouped(id, column) %}
SELECT {{ id }}, count(*) AS n, min({{ column }}) AS first_ns, max({{ column }}) AS last_ns {{ rows() }} GROUP BY {{ id }}
{% endmacro %}
{#- What is stored more than once under an id is the same. -#}
{% macro referred(table, id, columns) %}
(SELECT {{ id }}{% for column in columns %}, any_value({{ column }}) AS {{ column }}{% endfor %} FROM {{ part }}.{{ table }} GROUP BY {{ id }})
{% endmacro %}
WITH
{% if table == 'metric_points' %}
by_series AS ({{ grouped('series_id', 'time_ns') }}),
by_metric AS ({{ grouped('metric_id', 'time_ns') }}),
by_resource AS (
    SELECT resource_id, n, first_ns, last_ns FROM by_metric
    JOIN {{ referred('metrics', 'metric_id', ('resource_id',)) }} USING (metric_id)
),
by_scope AS (
    SELECT scope_id, n, first_ns, last_ns FROM by_metric JOIN {{ referred('metrics', 'metric_id', ('scope_id',)) }} USING (metric_id)
),
{% else %}
{% set column = 'start_ns' if table == 'spans' else 'time_ns' %}
by_resource AS ({{ grouped('resource_id', column) }}),
by_scope AS ({{ grouped('scope_id', column) }}),
{% endif %}
said AS (
    {% if table == 'spans' %}
    {{ one('span', 'start_ns', 'attributes') }}
    UNION ALL
    {{ one('event', 'start_ns', "unnest(json_extract(events, '$[*].attributes'))::VARCHAR") }} AND events <> ''
    {% elif table == 'logs' %}
    {{ one('log', 'time_ns', 'attributes') }}
    {% else %}
    SELECT 'metric' AS source, attributes AS said, n, first_ns, last_ns FROM by_series
    JOIN {{ referred('metric_series', 'series_id', ('attributes',)) }} USING (series_id)
    {% endif %}
    UNION ALL
    SELECT 'resource', attributes, n, first_ns, last_ns FROM by_resource
    JOIN {{ referred('resources', 'resource_id', ('attributes',)) }} USING (resource_id)
    UNION ALL
    SELECT 'scope', attributes, n, first_ns, last_ns FROM by_scope
    JOIN {{ referred('scopes', 'scope_id', ('attributes',)) }} USING (scope_id)
),
shaped AS (
    SELECT source, try(json_structure(said))::VARCHAR AS shape, said, n, first_ns, last_ns
    FROM said WHERE said <> '' AND strlen(said) <= $longest_json
),
shapes AS (
    SELECT
        source, shape, sum(n)::BIGINT AS n, min(first_ns) AS first_ns, max(last_ns) AS last_ns,
        any_value(said) FILTER (strlen(said) < $longest_text) AS said
    FROM shaped WHERE shape IS NOT NULL GROUP BY source, shape
)
SELECT * FROM shapes
QUALIFY sum(length(shape)) OVER (ORDER BY n DESC, source, shape ROWS UNBOUNDED PRECEDING) <= $most_shapes
