{% import '_rollups.sql' as rollups with context %}
INSERT INTO {{ part }}.call_slots
WITH rows AS (
    SELECT *, kind IN (2, 5) AS is_call FROM {{ part }}.spans WHERE rowid >= $since AND rowid < $until
)
SELECT
    {{ rollups.slot() }}, service, if(is_call, version, ''), if(is_call, trigger, ''),
    if(is_call, {{ rollups.operation() }}, ''), if(is_call, platform, ''), if(is_call, region, ''),
    {{ rollups.number() }}, {{ rollups.number('is_call') }}, {{ rollups.number('is_call AND status = 2') }},
    {{ rollups.number('is_call AND coldstart') }}, {{ rollups.number('is_call AND coldstart IS NOT NULL') }},
    coalesce(sum(duration_ns * adjusted_count) FILTER (is_call), 0), max(start_ns)
FROM rows GROUP BY ALL
