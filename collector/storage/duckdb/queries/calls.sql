{% import '_calls.sql' as calls with context %}
{% set order = ('duration_ns' if q.sort == 'slowest' else 'start_ns') ~ ' DESC, trace_id, span_id' %}
{% for spans in each('spans') %}
(
    SELECT
        trace_id, span_id, service, version, instance, name, trigger, start_ns, duration_ns, status = 2 AS failed,
        error_type, status_message, http_status, coldstart, invocation_id
    FROM {{ spans }}
    WHERE {{ calls.in_window() }}
        {% if q.version %} AND version = $version {% endif %}
        {% if q.status == 'error' %} AND status = 2 {% elif q.status == 'ok' %} AND status <> 2 {% endif %}
        {% if q.coldstart is not none %} AND coalesce(coldstart, false) = $coldstart {% endif %}
        {% if q.min_duration_ns %} AND duration_ns >= $min_duration_ns {% endif %}
        {% if q.max_duration_ns %} AND duration_ns <= $max_duration_ns {% endif %}
    ORDER BY {{ order }} LIMIT $limit
)
{% if not loop.last %} UNION ALL {% endif %}
{% endfor %}
ORDER BY {{ order }} LIMIT $limit
