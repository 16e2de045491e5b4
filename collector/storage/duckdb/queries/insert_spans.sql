-- `incoming` is the registered Arrow stream (arrow.py): nulls arrive as values no sender can send.
INSERT INTO spans BY NAME
SELECT * REPLACE (
    trace_id::UUID AS trace_id,
    CASE WHEN coldstart >= 0 THEN coldstart = 1 END AS coldstart,
    nullif(http_status, -2147483648) AS http_status
)
FROM incoming
