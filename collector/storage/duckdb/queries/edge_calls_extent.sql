-- When the first and the last start of the rows that were not looked at, and how many they are.
SELECT min(start_ns), max(start_ns), count(*) FROM (
    {% for part in late %}
    SELECT start_ns FROM {{ part.sql }}.spans WHERE rowid >= $seen_{{ loop.index0 }} AND start_ns >= $late_from_ns
    {% if not loop.last %} UNION ALL {% endif %}
    {% endfor %}
)
