-- When the first and the last of the rows that were not looked at came, and how many they are.
SELECT min(received_ns), max(received_ns), count(*) FROM (
    {% for part in late %}
    SELECT received_ns FROM {{ part.sql }}.spans WHERE rowid >= $seen_{{ loop.index0 }}
    {% if not loop.last %} UNION ALL {% endif %}
    {% endfor %}
)
