{#- Gauges and sums by the values of their points; of histograms the extremes that deltas say. -#}
{% set column = 'value' if s.type <= 2 else statistic %}
WITH {% include '_points.sql' %},
placed AS (
    SELECT *, {{ column }} AS found, {{ part_of('time_ns') }} AS part
    FROM points
    WHERE time_ns >= $start_ns AND flags & 1 = 0 AND {{ column }} IS NOT NULL AND isfinite({{ column }})
    AND line IN (SELECT unnest($lines::VARCHAR[]))
    {% if s.type > 2 %} AND temporality = 1 {% endif %}
)
{% if statistic == 'last' %}
SELECT line, part, fsum(latest) {% if s.type == 1 %} / count(*) {% endif %} FROM (
    SELECT line, part, arg_max(found, (time_ns, start_ns, received_ns)) AS latest FROM placed
    GROUP BY line, part, series_id
)
{% elif statistic == 'avg' %}
SELECT line, part, fsum(found) / count(*) FROM placed
{% else %}
SELECT line, part, {{ statistic }}(found) FROM placed
{% endif %}
GROUP BY line, part ORDER BY line, part
