{#- Spans of `part` that are kept, with what each counts for. -#}
INSERT INTO {{ new }}.spans BY NAME
WITH calls AS (
    SELECT trace_id, service, name, duration_ns FROM {{ part }}.spans WHERE kind IN (2, 5) OR parent_span_id = 0
),
operations AS (
    SELECT service, name, count(*) AS calls, quantile_disc(duration_ns, $slow_quantile) AS slow_ns
    FROM calls GROUP BY service, name
),
whole AS (
    SELECT trace_id FROM {{ part }}.spans WHERE status = 2 OR coldstart
    UNION
    SELECT trace_id FROM calls JOIN operations o USING (service, name)
    WHERE o.calls < $rare_calls OR duration_ns > o.slow_ns
    -- What lies in two parts is not judged by half of it; and what the earlier of them kept is kept here.
    {% if before %}
    UNION
    SELECT trace_id FROM {{ before }}.spans SEMI JOIN {{ part }}.spans USING (trace_id) WHERE adjusted_count = 1
    {% endif %}
    UNION
    SELECT trace_id FROM {{ after }}.spans SEMI JOIN {{ part }}.spans USING (trace_id)
    UNION
    SELECT trace_id FROM {{ newest }}.open_spans
),
judged AS (
    SELECT s.*, w.trace_id IS NOT NULL AS is_whole, md5_number_lower(s.trace_id::VARCHAR) % $one_of = 0 AS is_picked
    FROM {{ part }}.spans s LEFT JOIN whole w USING (trace_id)
)
SELECT * EXCLUDE (is_whole, is_picked)
    REPLACE (if(is_whole, adjusted_count, if(is_picked, adjusted_count * $one_of, 0)) AS adjusted_count)
FROM judged
WHERE is_whole OR is_picked
    {% if pinned %} OR trace_id IN (SELECT trace_id FROM {{ pinned }}.pins) {% endif %}
