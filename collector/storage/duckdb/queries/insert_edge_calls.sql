INSERT INTO edge_sums.calls
SELECT
    trace_id, start_ns, edge, failed, refused, awaits_caller, client_ns, server_ns, wait_ns, coalesce(adjusted_count, 1)
FROM temp.resolved JOIN edge_sums.ends USING (source_kind, source, target_kind, target)
