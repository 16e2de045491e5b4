{#- Which records a LogsQuery means; see collector/storage/logs.py. -#}
{% macro matching() %}
time_ns >= $start_ns AND time_ns < $end_ns
{% if q.service %} AND service = $service {% endif %}
{% if q.scope %} AND scope = $scope {% endif %}
{% if q.min_severity %} AND severity >= $min_severity {% endif %}
{% if q.trace_id %} AND trace_id = $trace_id::UUID {% endif %}
{% if q.span_id %} AND span_id = $span_number {% endif %}
{% for key, _ in q.attributes %}
{% if key.startswith('resource.') %}
AND resource_id IN (
    SELECT resource_id FROM {{ everywhere('resources') }}
    WHERE json_extract_string(nullif(attributes, ''), $path_{{ loop.index0 }}) = $value_{{ loop.index0 }}
)
{% else %}
AND json_extract_string(nullif(attributes, ''), $path_{{ loop.index0 }}) = $value_{{ loop.index0 }}
{% endif %}
{% endfor %}
{% for word in words %}
AND contains(lower(concat_ws(chr(10), body, event_name, severity_text, attributes)), lower($word_{{ loop.index0 }}))
{% endfor %}
{% endmacro %}
{#- The number of a range of severity: 0 unspecified, 1 TRACE to 6 FATAL. -#}
{% macro severity() %}(severity + 3) // 4{% endmacro %}
