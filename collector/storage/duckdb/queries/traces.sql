{#- `mine`: the spans a filter looks at, those of $service if one is given. -#}
{% set mine = 'service = $service' if q.service else 'true' %}
{% set key = {'newest': 'start_ns', 'slowest': 'duration_ns', 'spans': 'spans', 'errors': 'errors'}[q.sort] %}
WITH {% if asked and asked.recursive %} RECURSIVE {% endif %}

{# A trace that is asked for begins in the window, so none of its spans starts before it. #}
{% set set_spans = (everywhere('spans'), 'start_ns >= $start_ns') %}
{% if asked %} {% include '_spansets.sql' %}, {% endif %}
{% if edge %} {% include '_pairs.sql' %}, {% endif %}
-- A trace that starts in the window has a span that does: everything else need not be grouped.
candidates AS MATERIALIZED (
    SELECT DISTINCT trace_id FROM {{ within('spans') }} WHERE start_ns >= $start_ns AND start_ns < $end_ns
    {% if by_id %} AND trace_id = $trace_id::UUID {% endif %}
    {% if asked %} AND trace_id IN (SELECT trace_id FROM {{ asked.steps[-1].name }}) {% endif %}
    {% if edge %}
    AND trace_id IN (
        SELECT trace_id FROM pairs WHERE true
        {% if q.source %} AND source_kind || ':' || source = $source {% endif %}
        {% if q.target %} AND target_kind || ':' || target = $target {% endif %}
    )
    {% endif %}
),
matching AS (
    SELECT
        trace_id,
        min(start_ns) AS start_ns,
        max(start_ns + duration_ns) - min(start_ns) AS duration_ns,
        count(*) AS spans,
        count(*) FILTER (status = 2) AS errors,
        count(*) FILTER (coldstart AND kind IN (2, 5)) AS cold_starts
    FROM {{ everywhere('spans') }} SEMI JOIN candidates USING (trace_id)
    GROUP BY trace_id
    HAVING min(start_ns) >= $start_ns AND min(start_ns) < $end_ns
    {% if q.service %} AND bool_or({{ mine }}) {% endif %}
    {% if q.version %} AND bool_or(version = $version AND {{ mine }}) {% endif %}
    {% if q.status %} AND bool_or(status = 2 AND {{ mine }}) = {{ 'true' if q.status == 'error' else 'false' }} {% endif %}
    {% if q.coldstart is not none %}
    AND bool_or(coalesce(coldstart, false) AND kind IN (2, 5) AND {{ mine }}) = $coldstart
    {% endif %}
    {% if q.min_duration_ns %} AND max(start_ns + duration_ns) - min(start_ns) >= $min_duration_ns {% endif %}
    {% if q.max_duration_ns %} AND max(start_ns + duration_ns) - min(start_ns) <= $max_duration_ns {% endif %}
    {% if words %}
    AND bool_or(
        {{ mine }}
        {% for word in words %}
        AND contains(
            lower(concat_ws(chr(10), name, service, status_message, db_statement, http_route, error_type,
                invocation_id, peer)),
            lower($word_{{ loop.index0 }})
        )
        {% endfor %}
    )
    {% endif %}
),
page AS MATERIALIZED (
    SELECT * FROM matching
    {% if after %} WHERE {{ key }} < $after_key OR ({{ key }} = $after_key AND trace_id > $after_id::UUID) {% endif %}
    ORDER BY {{ key }} DESC, trace_id LIMIT $limit
),
members AS MATERIALIZED (
    SELECT trace_id, span_id, parent_span_id, start_ns, kind, service, name, trigger
    FROM {{ everywhere('spans') }} SEMI JOIN page USING (trace_id)
),
roots AS (
    SELECT m.trace_id,
        arg_min((m.service, m.name, m.trigger), (p.span_id IS NOT NULL, m.kind NOT IN (2, 5), m.start_ns, m.span_id)) AS root
    FROM members m
    LEFT JOIN (SELECT DISTINCT trace_id, span_id FROM members) p
        ON p.trace_id = m.trace_id AND p.span_id = m.parent_span_id
    GROUP BY m.trace_id
),
services AS (
    SELECT trace_id, list((service, n) ORDER BY n DESC, service) AS services
    FROM (SELECT trace_id, service, count(*) AS n FROM members GROUP BY ALL) GROUP BY trace_id
)
SELECT trace_id, root, start_ns, duration_ns, spans, errors, cold_starts, services, {{ key }}
FROM page JOIN roots USING (trace_id) JOIN services USING (trace_id)
ORDER BY {{ key }} DESC, trace_id
