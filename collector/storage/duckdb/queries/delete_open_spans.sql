DELETE FROM open_spans o USING keys k WHERE o.trace_id = k.trace_id::UUID AND o.span_id = k.span_id
