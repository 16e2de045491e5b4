{% import '_calls.sql' as calls with context %}
{% import '_used.sql' as used with context %}
-- Materialized: inlined, the JSON would be parsed for each of its uses.
WITH parsed AS MATERIALIZED (
    SELECT service, instance, version, start_ns, trace_id, span_id, resource_id,
        {{ used.numbers(['faas.mem_usage']) }} AS said
    FROM {{ within('spans') }} WHERE {{ calls.in_window() }} AND instance <> '' {{ used.sampled() }}
),
told AS (
    SELECT * EXCLUDE (said), {{ used.usable("said[1]") }} AS memory FROM parsed WHERE said[1] >= 0 AND isfinite(said[1])
),
largest AS (
    SELECT service, instance, count(*) AS calls, max(version) AS version FROM told GROUP BY service, instance
    ORDER BY calls DESC, service, instance LIMIT $limit
),
limits AS ({{ used.limits('told') }}),
placed AS (
    SELECT
        service, instance, start_ns, memory, resource_id,
        (row_number() OVER (PARTITION BY service, instance ORDER BY start_ns, trace_id, span_id) - 1)
            * least($points, calls) // calls AS run
    FROM told JOIN largest USING (service, instance)
),
runs AS (
    SELECT
        service, instance, run, max(start_ns) AS last_ns, quantile_cont(memory, 0.5) AS memory,
        max(limit_bytes) AS limit_bytes
    FROM placed LEFT JOIN limits USING (resource_id) GROUP BY service, instance, run
)
SELECT
    service, instance, any_value(version), any_value(calls), max(limit_bytes), list((last_ns, memory) ORDER BY run)
FROM runs JOIN largest USING (service, instance) GROUP BY service, instance ORDER BY service, instance
