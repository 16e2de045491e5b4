SELECT o.span FROM open_spans o JOIN keys k ON o.trace_id = k.trace_id::UUID AND o.span_id = k.span_id
ORDER BY o.taken_ns, o.span_id
