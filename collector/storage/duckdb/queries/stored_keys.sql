-- Which of the offered spans are stored already. The time bounds let DuckDB skip row groups.
SELECT o.row
FROM offered o JOIN spans s ON s.trace_id = o.trace_id::UUID AND s.span_id = o.span_id
WHERE s.start_ns BETWEEN $earliest_ns AND $latest_ns
