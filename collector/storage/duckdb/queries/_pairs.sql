{#- CTEs of EdgesQuery's rules: `pairs`, one row a call, of pairs that start in [$pair_start_ns, $pair_end_ns),
    and `near`, the spans around them in which other halves are looked for. -#}
-- Inlined on purpose: each use reads only its own columns, twice as fast as one wide copy of the window.
near AS NOT MATERIALIZED (
    SELECT
        trace_id, span_id, parent_span_id, start_ns, duration_ns, kind, status, service, trigger, bucket,
        messaging_destination, peer_kind, peer, adjusted_count
    FROM {{ within('spans', 'near_start_ns', 'near_end_ns') }} WHERE start_ns >= $near_start_ns AND start_ns < $near_end_ns
),
entered AS (
    SELECT DISTINCT trace_id, parent_span_id AS span_id FROM near WHERE kind IN (2, 5) AND parent_span_id <> 0
),
-- Rules 3 and 4: what a caller says of a side that sends no spans.
outgoing AS (
    SELECT
        s.trace_id, s.span_id, s.start_ns, s.status = 2 AS failed,
        'function' AS source_kind, s.service AS source,
        CASE
            WHEN (s.kind = 4 OR s.peer_kind = 'queue') AND s.messaging_destination <> '' THEN 'queue'
            WHEN e.span_id IS NULL AND s.peer_kind NOT IN ('', 'queue') THEN s.peer_kind
        END AS target_kind,
        CASE
            WHEN (s.kind = 4 OR s.peer_kind = 'queue') AND s.messaging_destination <> '' THEN s.messaging_destination
            ELSE s.peer
        END AS target,
        s.duration_ns AS client_ns, NULL::BIGINT AS server_ns, s.adjusted_count
    FROM near s LEFT JOIN entered e USING (trace_id, span_id)
    WHERE s.kind IN (3, 4)
),
-- Rules 1, 2, 5 and 6: who called this SERVER or CONSUMER span.
incoming AS (
    SELECT
        s.trace_id, s.span_id, s.start_ns, s.duration_ns, s.status = 2 AS failed, s.service, s.trigger, s.bucket,
        s.messaging_destination, s.adjusted_count,
        CASE
            WHEN s.kind = 5 AND s.messaging_destination <> '' THEN 'queue'
            WHEN p.span_id IS NULL THEN if(s.parent_span_id = 0 OR s.start_ns < $settled_ns, 'trigger', NULL)
            WHEN p.service <> s.service OR p.kind IN (3, 4) THEN 'function'
        END AS via,
        p.start_ns AS parent_start_ns, p.duration_ns AS parent_duration_ns, p.status = 2 AS parent_failed,
        p.service AS parent_service
    FROM (SELECT * FROM near WHERE kind IN (2, 5)) s
    LEFT JOIN near p ON p.trace_id = s.trace_id AND p.span_id = s.parent_span_id
),
pairs AS (
    SELECT trace_id, span_id, start_ns, failed, source_kind, source, target_kind, target, client_ns, server_ns,
        adjusted_count
    FROM outgoing WHERE target_kind IS NOT NULL AND start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
    UNION ALL
    SELECT trace_id, span_id, start_ns, failed, 'queue', messaging_destination, 'function', service, NULL, duration_ns,
        adjusted_count
    FROM incoming WHERE via = 'queue' AND start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
    UNION ALL
    SELECT trace_id, span_id, parent_start_ns, failed OR parent_failed, 'function', parent_service,
        'function', service, parent_duration_ns, duration_ns, adjusted_count
    FROM incoming
    WHERE via = 'function' AND parent_start_ns >= $pair_start_ns AND parent_start_ns < $pair_end_ns
    UNION ALL
    SELECT trace_id, span_id, start_ns, failed,
        CASE
            WHEN trigger = 'timer' THEN 'trigger'
            WHEN trigger = 'datasource' THEN if(bucket <> '', 'bucket', 'trigger')
            WHEN trigger = 'pubsub' THEN if(messaging_destination <> '', 'queue', 'trigger')
            ELSE 'user'
        END,
        CASE
            WHEN trigger = 'timer' THEN trigger
            WHEN trigger = 'datasource' THEN if(bucket <> '', bucket, trigger)
            WHEN trigger = 'pubsub' THEN if(messaging_destination <> '', messaging_destination, trigger)
            ELSE 'user'
        END,
        'function', service, NULL, duration_ns, adjusted_count
    FROM incoming WHERE via = 'trigger' AND start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
)
