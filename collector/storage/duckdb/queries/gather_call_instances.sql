{% import '_rollups.sql' as rollups with context %}
INSERT INTO {{ part }}.call_instances
SELECT {{ rollups.slot() }}, service, trigger, {{ rollups.operation() }}, instance, {{ rollups.number() }}
FROM {{ part }}.spans WHERE rowid >= $since AND rowid < $until AND kind IN (2, 5) AND instance <> ''
GROUP BY ALL
