-- Which of the offered spans are stored already. The time bounds let DuckDB skip row groups.
SELECT DISTINCT o.trace_id, o.span_id
FROM offered o JOIN {{ within('spans') }} s ON s.trace_id = o.trace_id AND s.span_id = o.span_id
WHERE o.start_ns < $since_ns AND s.start_ns >= $start_ns AND s.start_ns < $end_ns
