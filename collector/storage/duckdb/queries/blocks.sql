-- How many blocks of its file a table takes; those it shares with others count for each.
SELECT count(DISTINCT block) FROM (
    SELECT block_id AS block FROM pragma_storage_info($table) WHERE block_id >= 0
    UNION ALL
    SELECT unnest(additional_block_ids) FROM pragma_storage_info($table)
)
