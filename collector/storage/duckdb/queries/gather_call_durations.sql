{% import '_rollups.sql' as rollups with context %}
INSERT INTO {{ part }}.call_durations
SELECT {{ rollups.slot() }}, service, version, trigger, {{ rollups.operation() }}, {{ rollups.bucket() }}, {{ rollups.number() }}
FROM {{ part }}.spans WHERE rowid >= $since AND rowid < $until AND kind IN (2, 5)
GROUP BY ALL ORDER BY ALL
