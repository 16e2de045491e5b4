SELECT DISTINCT service FROM (
    {% for part, i, waits in places %}
    SELECT service FROM {{ part.sql }}.call_slots WHERE slot_ns >= $start_ns AND slot_ns < $end_ns
    {% if waits %}
    UNION ALL
    SELECT service FROM {{ part.sql }}.spans
    WHERE rowid >= $until_{{ i }} AND start_ns >= $start_ns AND start_ns < $end_ns
    {% endif %}
    {% if not loop.last %} UNION ALL {% endif %}
    {% endfor %}
) ORDER BY service
