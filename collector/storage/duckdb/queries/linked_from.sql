-- The links into the trace are few: the times they were made in keep the spans' row groups out that hold none.
WITH links AS MATERIALIZED (
    SELECT DISTINCT linked_span_id, trace_id, span_id, start_ns
    FROM {{ everywhere('span_links') }} WHERE linked_trace_id = $trace_id::UUID AND trace_id <> $trace_id::UUID
    ORDER BY start_ns, trace_id, span_id, linked_span_id LIMIT $limit
)
SELECT l.linked_span_id, s.trace_id, s.span_id, s.service, s.name, s.start_ns, s.duration_ns, s.status = 2
FROM {{ everywhere('spans') }} s JOIN links l USING (start_ns, trace_id, span_id)
ORDER BY s.start_ns, s.trace_id, s.span_id, l.linked_span_id
