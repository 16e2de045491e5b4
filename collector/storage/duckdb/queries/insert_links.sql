INSERT INTO span_links BY NAME
SELECT * REPLACE (trace_id::UUID AS trace_id, linked_trace_id::UUID AS linked_trace_id) FROM incoming_links
