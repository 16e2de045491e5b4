{#- The sets of spans of a query, one expression a step (spanset_sql.py), chosen among `set_spans`: rows, and
    what holds of those that are looked at. -#}
{% set rows, looked_at = set_spans %}
{% include '_origins.sql' %}
{% for step in asked.steps %}
{% if step.kind == 'spans' %}
{{ step.name }} AS MATERIALIZED (
    SELECT trace_id, span_id, parent_span_id FROM {{ rows }} WHERE {{ looked_at }} AND {{ step.condition }}
)
{% elif step.kind == 'filtered' %}
{{ step.name }} AS MATERIALIZED (
    FROM {{ step.left }} WHERE trace_id IN (
        SELECT trace_id FROM (
            SELECT trace_id, {{ step.measured }} AS figure FROM {{ rows }}
            WHERE {{ looked_at }} AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM {{ step.left }})
        )
        GROUP BY trace_id HAVING {{ step.condition }}
    )
)
{% elif step.kind == 'or' %}
{{ step.name }} AS MATERIALIZED (FROM {{ step.left }} UNION FROM {{ step.right }})
{% elif step.kind == 'and' %}
{{ step.name }} AS MATERIALIZED (
    FROM {{ step.left }} WHERE trace_id IN (SELECT trace_id FROM {{ step.right }})
    UNION
    FROM {{ step.right }} WHERE trace_id IN (SELECT trace_id FROM {{ step.left }})
)
{% elif step.kind == 'child' %}
{{ step.name }} AS MATERIALIZED (
    SELECT DISTINCT r.* FROM {{ step.right }} r JOIN {{ step.left }} l
    ON l.trace_id = r.trace_id AND l.span_id = r.parent_span_id
)
{% else %}
{{ step.name }}_tree AS MATERIALIZED (
    SELECT s.trace_id, s.span_id, s.parent_span_id, l.span_id IS NOT NULL AS is_left
    FROM (
        SELECT trace_id, span_id, parent_span_id FROM {{ rows }}
        WHERE {{ looked_at }} AND trace_id IN (SELECT trace_id FROM {{ step.left }} INTERSECT SELECT trace_id FROM {{ step.right }})
    ) s LEFT JOIN (SELECT DISTINCT trace_id, span_id FROM {{ step.left }}) l USING (trace_id, span_id)
),
-- From each span of the right side up, until one of the left side is met: UNION ends where nothing new is found,
-- also in a circle of parents.
{{ step.name }}_up AS (
    SELECT r.trace_id, r.span_id, r.parent_span_id AS above, false AS is_met
    FROM {{ step.right }} r SEMI JOIN {{ step.left }} USING (trace_id)
    UNION
    SELECT u.trace_id, u.span_id, t.parent_span_id, t.is_left
    FROM {{ step.name }}_up u JOIN {{ step.name }}_tree t ON t.trace_id = u.trace_id AND t.span_id = u.above
    WHERE NOT u.is_met
),
{{ step.name }} AS MATERIALIZED (
    FROM {{ step.right }} WHERE (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM {{ step.name }}_up WHERE is_met)
)
{% endif %}
{{ "," if not loop.last }}
{% endfor %}
