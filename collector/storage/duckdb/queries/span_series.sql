{#- Figures of a set of spans over time: see collector/storage/spanseries.py. A set that is one condition is
    read in one pass; the others are chosen first. -#}
{% set plain = asked.steps | length == 1 %}
{% set set_spans = (within('spans', 'near_start_ns', 'end_ns'), 'start_ns >= $near_start_ns AND start_ns < $end_ns') %}
WITH {% if asked.recursive %} RECURSIVE {% endif %}
{% if plain %} {% include '_origins.sql' %} {% else %} {% include '_spansets.sql' %}, {% endif %}
{% if 'sent_by' in line %}
senders AS MATERIALIZED (
    SELECT resource_id, any_value(attributes) AS sent_by FROM {{ everywhere('resources') }} GROUP BY resource_id
),
{% endif %}
chosen AS (
    SELECT
        {{ part_of('start_ns') }} AS part,
        {{ line }} AS line,
        {{ measured }} AS figure
    FROM {{ counted('spans') }} {% if 'sent_by' in line %} LEFT JOIN senders USING (resource_id) {% endif %}
    WHERE start_ns >= $start_ns AND start_ns < $end_ns
    {% if plain %} AND {{ asked.steps[0].condition }}
    {% else %} AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM {{ asked.steps[-1].name }})
    {% endif %}
),
{% include '_figures.sql' %}
