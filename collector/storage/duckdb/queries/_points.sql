{#- The data points of a MetricSelector, in [$near_start_ns, $near_end_ns), each with what its metric says and its line. -#}
chosen AS MATERIALIZED (
    SELECT DISTINCT metric_id, service, temporality, monotonic
    FROM {{ beside('metrics', 'metric_points', 'near_start_ns', 'near_end_ns') }}
    WHERE name = $name AND type = $type
    {% if s.unit is not none %} AND unit = $unit {% endif %}
    {% if s.service %} AND service = $service {% endif %}
),
{% if by_series %}
kept AS MATERIALIZED (
    SELECT series_id, any_value(attributes) AS attributes
    FROM {{ beside('metric_series', 'metric_points', 'near_start_ns', 'near_end_ns') }}
    WHERE true
    {% for _ in s.where %}
    AND json_extract_string(nullif(attributes, ''), $path_{{ loop.index0 }}) = $value_{{ loop.index0 }}
    {% endfor %}
    GROUP BY series_id
),
{% endif %}
points AS (
    SELECT p.*, c.service, c.temporality, c.monotonic,
    {% if by_series %} k.attributes, {% endif %}
    {% if group_by == 'service.name' %} c.service
    {% elif group_by %} coalesce(json_extract_string(nullif(k.attributes, ''), $group_path), '')
    {% else %} '' {% endif %} AS line
    FROM {{ within('metric_points', 'near_start_ns', 'near_end_ns') }} p JOIN chosen c USING (metric_id)
    {% if by_series %} JOIN kept k USING (series_id) {% endif %}
    WHERE time_ns >= $near_start_ns AND time_ns < $near_end_ns
)
