{% import '_logs.sql' as logs with context %}
-- 0: all of them, else which of the three a row counts.
SELECT
    CASE grouping(service, severity, scope) WHEN 3 THEN 1 WHEN 5 THEN 2 WHEN 6 THEN 3 ELSE 0 END AS facet,
    service, severity, scope, count(*) AS n
FROM (SELECT service, {{ logs.severity() }} AS severity, scope FROM {{ within('logs') }} WHERE {{ logs.matching() }})
GROUP BY GROUPING SETS ((service), (severity), (scope), ())
