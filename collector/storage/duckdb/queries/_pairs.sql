{#- CTEs of EdgesQuery's rules: `pairs`, one row a call, of pairs that start in [$pair_start_ns, $pair_end_ns),
    and `near`, the spans around them in which other halves are looked for. `awaits_caller`: a trigger's call by
    rule 2 of which a caller may still come. -#}
{#- Of one edge: a function's own calls say all of those that leave it; of any other source only what it enters
    matters, and whether somebody called that. What is judged wrongly then is of other edges. -#}
{% set from_function = over_time is defined and over_time and q.source.kind == 'function' %}
{% set into_function = over_time is defined and over_time and q.source.kind != 'function' %}
-- Inlined on purpose: each use reads only its own columns, twice as fast as one wide copy of the window.
-- Of a few traces, found once for all uses.
near AS {% if touched is defined and touched %} MATERIALIZED {% else %} NOT MATERIALIZED {% endif %} (
    SELECT
        trace_id, span_id, parent_span_id, start_ns, duration_ns, kind, status, service, trigger, bucket,
        messaging_destination, peer_kind, peer, adjusted_count,
        coalesce(http_status = 429, false) OR if(error_type <> '', regexp_matches(error_type, $refusals), false) AS refused
    FROM {{ within('spans', 'near_start_ns', 'near_end_ns') }} WHERE start_ns >= $near_start_ns AND start_ns < $near_end_ns
    {% if touched is defined and touched %} AND trace_id IN (FROM touched) {% endif %}
),
-- Who called out, beside who was entered: one join for both, because it is what most of the time goes to.
met AS MATERIALIZED (
    SELECT
        coalesce(s.trace_id, c.trace_id) AS trace_id,
        c.service AS caller, c.start_ns AS out_ns, c.duration_ns AS client_ns, c.status = 2 AS out_failed, c.refused,
        CASE
            WHEN (c.kind = 4 OR c.peer_kind = 'queue') AND c.messaging_destination <> '' THEN NULL
            ELSE nullif(nullif(c.peer_kind, 'queue'), '')
        END AS peer_kind,
        c.peer, c.adjusted_count AS out_count,
        s.service, s.start_ns, s.duration_ns AS server_ns, s.status = 2 AS failed, s.parent_span_id, s.adjusted_count,
        s.kind = 5 AND s.messaging_destination <> '' AS is_queued,
        s.trigger, s.bucket, s.messaging_destination
    FROM (SELECT * FROM near WHERE kind IN (3, 4) {% if from_function %} AND service = $source {% endif %}) c
    FULL JOIN (SELECT * FROM near WHERE kind IN (2, 5) {% if into_function %} AND service = $target {% endif %}) s
        ON c.trace_id = s.trace_id AND c.span_id = s.parent_span_id
        AND c.start_ns >= s.start_ns - $slack_ns AND c.start_ns <= s.start_ns + $slack_ns
    {% if from_function %} WHERE c.service IS NOT NULL OR s.service = $target {% endif %}
),
-- Parents that did not call out by a span of their own.
above AS (
    SELECT p.trace_id, p.span_id, p.service, p.start_ns, p.duration_ns, p.status = 2 AS failed
    FROM near p
    SEMI JOIN (
        SELECT trace_id, parent_span_id AS span_id FROM met WHERE caller IS NULL AND parent_span_id <> 0
        {% if from_function %} AND service = $target {% endif %}
    ) AS entered USING (trace_id, span_id)
    WHERE p.kind NOT IN (3, 4) {% if from_function %} AND service = $source {% endif %}
),
judged AS (
    SELECT
        m.* EXCLUDE (caller, out_ns, client_ns, out_failed),
        CASE
            WHEN m.service IS NULL THEN if(m.peer_kind IS NULL, NULL, 'peer')
            WHEN m.is_queued THEN 'queue'
            WHEN m.caller IS NOT NULL OR a.service <> m.service THEN 'function'
            WHEN a.service IS NULL AND (m.parent_span_id = 0 OR m.start_ns < $settled_ns) THEN 'trigger'
        END AS via,
        coalesce(m.caller, a.service) AS caller,
        coalesce(m.out_ns, a.start_ns) AS out_ns,
        coalesce(m.client_ns, a.duration_ns) AS client_ns,
        coalesce(m.out_failed, a.failed, false) AS out_failed
    FROM met m LEFT JOIN above a
        ON a.trace_id = m.trace_id AND a.span_id = m.parent_span_id AND m.caller IS NULL
        AND a.start_ns >= m.start_ns - $slack_ns AND a.start_ns <= m.start_ns + $slack_ns
),
placed AS (
    SELECT
        trace_id,
        if(via IN ('peer', 'function'), out_ns, start_ns) AS start_ns,
        CASE via
            WHEN 'queue' THEN failed
            WHEN 'trigger' THEN failed
            ELSE coalesce(failed, false) OR out_failed
        END AS failed,
        CASE
            WHEN via IN ('peer', 'function') THEN 'function'
            WHEN via = 'queue' THEN 'queue'
            WHEN trigger = 'timer' THEN 'trigger'
            WHEN trigger = 'datasource' THEN if(bucket <> '', 'bucket', 'trigger')
            WHEN trigger = 'pubsub' THEN if(messaging_destination <> '', 'queue', 'trigger')
            ELSE 'user'
        END AS source_kind,
        CASE
            WHEN via IN ('peer', 'function') THEN caller
            WHEN via = 'queue' THEN messaging_destination
            WHEN trigger = 'timer' THEN trigger
            WHEN trigger = 'datasource' THEN if(bucket <> '', bucket, trigger)
            WHEN trigger = 'pubsub' THEN if(messaging_destination <> '', messaging_destination, trigger)
            ELSE 'user'
        END AS source,
        if(via = 'peer', peer_kind, 'function') AS target_kind,
        if(via = 'peer', peer, service) AS target,
        if(via IN ('peer', 'function'), client_ns, NULL) AS client_ns,
        server_ns,
        via IN ('peer', 'function') AND coalesce(refused, false) AS refused,
        coalesce(adjusted_count, out_count) AS adjusted_count,
        via = 'trigger' AND parent_span_id <> 0 AS awaits_caller
    FROM judged WHERE via IS NOT NULL
),
pairs AS (
    SELECT * FROM placed WHERE start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
    UNION ALL
    -- Rule 4, whoever takes the message up.
    SELECT
        trace_id, start_ns, status = 2, 'function', service, 'queue', messaging_destination, duration_ns, NULL,
        refused, adjusted_count, false
    FROM near
    WHERE start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
        AND kind IN (3, 4) AND (kind = 4 OR peer_kind = 'queue') AND messaging_destination <> ''
)
