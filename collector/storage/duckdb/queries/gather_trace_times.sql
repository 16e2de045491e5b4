INSERT INTO {{ part }}.trace_times
SELECT trace_id, min(start_ns), max(start_ns) FROM {{ part }}.spans WHERE rowid >= $since AND rowid < $until
GROUP BY trace_id ORDER BY trace_id
