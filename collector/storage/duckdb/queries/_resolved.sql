{#- CTE `resolved`: the calls of [$pair_start_ns, $pair_end_ns), one row each, and the waits of messages; if there are `late`
    rows, those of the traces that they touch. -#}
{% set touched = late | length > 0 %}
{% if touched %}{% include '_touched.sql' %},{% endif %}
{% include '_pairs.sql' %},
{% include '_waits.sql' %},
resolved AS MATERIALIZED (
    SELECT
        trace_id, start_ns, source_kind, source, target_kind, target, failed, refused, awaits_caller,
        client_ns, server_ns, NULL::BIGINT AS wait_ns, adjusted_count
    FROM pairs
    UNION ALL
    SELECT trace_id, start_ns, 'queue', queue, 'function', service, false, false, false, NULL, NULL, wait_ns, 1 FROM waits
)
