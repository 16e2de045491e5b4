-- Numbers for the ends of calls that have none yet.
INSERT INTO edge_sums.ends
SELECT (SELECT coalesce(max(edge), 0) FROM edge_sums.ends) + row_number() OVER (), source_kind, source, target_kind, target
FROM (
    SELECT DISTINCT source_kind, source, target_kind, target FROM temp.resolved
    EXCEPT
    SELECT source_kind, source, target_kind, target FROM edge_sums.ends
)
