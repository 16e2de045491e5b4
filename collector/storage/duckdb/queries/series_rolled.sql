{% import '_calls.sql' as calls with context %}
{% import '_rollups.sql' as rollups with context %}
{% set line = q.by or "''" %}
WITH slots AS (
    {{ rollups.rolled('call_slots', line ~ ' AS line, slot_ns AS start_ns, calls, errors, cold_starts', places) }}
    {% call rollups.waiting(places) %}
    {{ line }}, {{ rollups.slot() }}, {{ rollups.number() }}, {{ rollups.number('status = 2') }}, {{ rollups.number('coldstart') }}
    {% endcall %}
),
timed AS (
    {{ rollups.rolled('call_durations', line ~ ' AS line, slot_ns AS start_ns, bucket, calls', places) }}
    {% call rollups.waiting(places) %} {{ line }}, {{ rollups.slot() }}, {{ rollups.bucket() }}, {{ rollups.number() }} {% endcall %}
),
durations AS (SELECT line, {{ calls.bucket() }} AS part, bucket, calls FROM timed),
{{ rollups.quantiles('line, part') }},
totals AS (
    SELECT
        line, {{ calls.bucket() }} AS part, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors,
        sum(cold_starts)::BIGINT AS cold_starts
    FROM slots WHERE calls > 0 GROUP BY ALL
)
SELECT line, part, calls, errors, cold_starts, quantiles FROM totals JOIN quantiles USING (line, part)
ORDER BY line, part
