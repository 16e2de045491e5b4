{#- What the service graph of [$pair_start_ns, $pair_end_ns), whole slots, adds up to (edgesums.py): rows of `sums`. -#}
{% import '_rollups.sql' as rollups with context %}
WITH {% include '_pairs.sql' %},
{% include '_waits.sql' %},
calls AS (
    SELECT
        {{ rollups.slot() }} AS slot_ns,
        awaits_caller AND start_ns % $slot_ns >= $slot_ns - $settle_ns AS is_unsettled,
        source_kind, source, target_kind, target, failed, refused, client_ns, server_ns, adjusted_count
    FROM pairs WHERE adjusted_count > 0
),
durations AS (
    SELECT * EXCLUDE (failed, refused, client_ns, server_ns), 'client' AS side, client_ns AS duration_ns FROM calls
    WHERE client_ns IS NOT NULL
    UNION ALL
    SELECT * EXCLUDE (failed, refused, client_ns, server_ns), 'server', server_ns FROM calls WHERE server_ns IS NOT NULL
    UNION ALL
    SELECT {{ rollups.slot() }}, false, 'queue', queue, 'function', service, 1, 'delay', wait_ns FROM waits
)
SELECT
    slot_ns, is_unsettled, source_kind, source, target_kind, target, 'call' AS side, 0::SMALLINT AS bucket,
    {{ rollups.number() }} AS calls, {{ rollups.number('failed') }} AS errors,
    {{ rollups.number('refused') }} AS refused, 0::HUGEINT AS total_ns
FROM calls GROUP BY ALL
UNION ALL
SELECT
    slot_ns, is_unsettled, source_kind, source, target_kind, target, side, {{ rollups.bucket() }} AS bucket,
    {{ rollups.number() }}, 0, 0, sum(duration_ns::HUGEINT * adjusted_count)
FROM durations GROUP BY ALL
