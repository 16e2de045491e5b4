-- Of each part: how many of its spans are rolled up, how many there are, and whether operations were left out.
{% for part in among %}
SELECT
    (SELECT rows FROM {{ part.sql }}.rollups_until), (SELECT count(*) FROM {{ part.sql }}.spans),
    {% if q.operation %} EXISTS (FROM {{ part.sql }}.call_slots WHERE operation IS NULL) {% else %} false {% endif %}
{% if not loop.last %} UNION ALL {% endif %}
{% endfor %}
