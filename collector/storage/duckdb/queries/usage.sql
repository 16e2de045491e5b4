{% import '_calls.sql' as calls with context %}
{% import '_used.sql' as used with context %}
{% set line = {'operation': 'name'}.get(q.by, q.by) or "''" %}
WITH told AS MATERIALIZED (
    SELECT
        {{ line }} AS line, {{ calls.bucket() }} AS part, duration_ns, resource_id,
        {{ used.numbers(['faas.mem_usage', 'tracekit.cpu.utilization', 'tracekit.concurrent_invocations',
            'tracekit.remaining_ms', 'tracekit.billed_duration_ms']) }} AS said,
        status = 2 AND error_type = 'tracekit.unfinished'
            AND coalesce(json_extract(nullif(attributes, ''), '/tracekit.timeout_imminent')::VARCHAR = 'true', false) AS cut_off
    FROM {{ counted('spans') }} WHERE {{ calls.in_window() }} {{ used.sampled() }}
),
{% if q.by %}
largest AS (SELECT line FROM told GROUP BY line ORDER BY count(*) DESC, line LIMIT $limit),
{% endif %}
limits AS ({{ used.limits('told') }}),
rows AS (
    SELECT
        line, part, duration_ns, limit_bytes,
        {{ used.usable("said[1]") }} AS memory,
        {{ used.usable("said[2]") }} AS cpu,
        {{ used.usable("said[3]") }} AS at_once,
        cut_off OR coalesce(said[4] <= 0, false) AS timed_out,
        coalesce({{ used.usable("said[5]") }}, (duration_ns + 999999) // 1000000) AS billed_ms
    FROM told LEFT JOIN limits USING (resource_id)
    {% if q.by %} SEMI JOIN largest USING (line) {% endif %}
)
SELECT
    line, part, count(*), sum(duration_ns)::HUGEINT, max(at_once), max(memory), max(limit_bytes), avg(cpu),
    count(*) FILTER (timed_out), coalesce(sum(billed_ms * limit_bytes), 0) / 1000 / 1073741824
FROM rows GROUP BY line, part ORDER BY line, part
