INSERT INTO open_spans BY NAME
SELECT * REPLACE (trace_id::UUID AS trace_id, timeout_imminent = 1 AS timeout_imminent) FROM snapshots
