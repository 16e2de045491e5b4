-- Where each part holds spans of the trace: from which row on it was not gathered yet, and when the others start.
{% for part in among %}
SELECT (SELECT rows FROM {{ part.sql }}.trace_times_until), min(first_ns), max(last_ns)
FROM {{ part.sql }}.trace_times WHERE trace_id = $trace_id::UUID
{% if not loop.last %} UNION ALL {% endif %}
{% endfor %}
