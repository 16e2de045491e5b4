{#- As edge_sums.sql, of the calls of [$from_ns, $until_ns) that are kept. -#}
{% set ends = 'source_kind, source, target_kind, target' %}
{% import '_rollups.sql' as rollups with context %}
{% set of = 'slot_ns, is_unsettled, edge, adjusted_count' %}
WITH {% include '_kept.sql' %},
calls AS (
    SELECT
        {{ rollups.slot() }} AS slot_ns,
        awaits_caller AND start_ns % $slot_ns >= $slot_ns - $settle_ns AS is_unsettled,
        * EXCLUDE (start_ns, awaits_caller)
    FROM chosen WHERE adjusted_count > 0
),
durations AS (
    SELECT {{ of }}, 'client' AS side, client_ns AS duration_ns FROM calls WHERE client_ns IS NOT NULL
    UNION ALL
    SELECT {{ of }}, 'server', server_ns FROM calls WHERE server_ns IS NOT NULL
    UNION ALL
    SELECT {{ of }}, 'delay', wait_ns FROM calls WHERE wait_ns IS NOT NULL
),
summed AS (
    SELECT
        slot_ns, is_unsettled, edge, 'call' AS side, 0::SMALLINT AS bucket,
        {{ rollups.number() }} AS calls, {{ rollups.number('failed') }} AS errors,
        {{ rollups.number('refused') }} AS refused, 0::HUGEINT AS total_ns
    FROM calls WHERE wait_ns IS NULL GROUP BY ALL
    UNION ALL
    SELECT
        slot_ns, is_unsettled, edge, side, {{ rollups.bucket() }} AS bucket,
        {{ rollups.number() }}, 0, 0, sum(duration_ns::HUGEINT * adjusted_count)
    FROM durations GROUP BY ALL
)
SELECT slot_ns, is_unsettled, {{ ends }}, side, bucket, calls, errors, refused, total_ns
FROM summed JOIN named USING (edge)
