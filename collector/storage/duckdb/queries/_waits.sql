{#- CTEs beside those of _pairs.sql: `waits`, rule 5's queue delays. Consumer start - producer end, for the parent and
    every link, each producer once. -#}
consumers AS (
    SELECT trace_id, span_id, parent_span_id, start_ns, service, messaging_destination AS queue FROM near
    WHERE kind = 5 AND messaging_destination <> '' AND start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
),
sources AS (
    SELECT trace_id, span_id, trace_id AS from_trace_id, parent_span_id AS from_span_id FROM consumers
    UNION
    SELECT trace_id, span_id, linked_trace_id, linked_span_id
    FROM {{ within('span_links', 'pair_start_ns', 'pair_end_ns') }}
    WHERE start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
),
-- Of any trace, so not only those of `near`, which may reach no further than the traces of the window do.
producers AS (
    SELECT trace_id, span_id, start_ns, duration_ns FROM {{ within('spans', 'sent_from_ns', 'pair_end_ns') }}
    WHERE start_ns >= $sent_from_ns AND start_ns < $pair_end_ns AND kind = 4
),
waits AS (
    SELECT c.trace_id, queue, c.service, c.start_ns, c.start_ns - (p.start_ns + p.duration_ns) AS wait_ns
    FROM consumers c
    JOIN sources USING (trace_id, span_id)
    JOIN producers p ON p.trace_id = from_trace_id AND p.span_id = from_span_id
    WHERE c.start_ns >= p.start_ns + p.duration_ns AND c.start_ns <= p.start_ns + $slack_ns
)
