{% import '_logs.sql' as logs with context %}
SELECT
    {{ part_of('time_ns') }} AS part,
    {{ logs.severity() }} AS severity,
    count(*)
FROM {{ within('logs') }} WHERE {{ logs.matching() }}
GROUP BY ALL ORDER BY ALL
