WITH page AS MATERIALIZED (
    SELECT {{ columns }} FROM {{ everywhere('logs') }} WHERE trace_id = $trace_id::UUID ORDER BY time_ns, log_id LIMIT $limit
)
SELECT page.*, coalesce(sent_by, '') FROM page
LEFT JOIN (
    SELECT resource_id, any_value(attributes) AS sent_by
    FROM {{ everywhere('resources') }} SEMI JOIN page USING (resource_id) GROUP BY resource_id
) USING (resource_id)
ORDER BY time_ns, log_id
