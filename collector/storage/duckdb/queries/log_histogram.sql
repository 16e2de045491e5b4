{% import '_logs.sql' as logs with context %}
SELECT
    ((time_ns - $start_ns)::HUGEINT * $buckets // $width_ns)::INTEGER AS part,
    {{ logs.severity() }} AS severity,
    count(*)
FROM {{ within('logs') }} WHERE {{ logs.matching() }}
GROUP BY ALL ORDER BY ALL
