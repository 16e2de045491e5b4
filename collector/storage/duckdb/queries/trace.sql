SELECT {{ columns }}, coalesce(r.attributes, '')
FROM {{ everywhere('spans') }} s LEFT JOIN (SELECT resource_id, any_value(attributes) AS attributes FROM {{ everywhere('resources') }} GROUP BY ALL) r
    USING (resource_id)
WHERE s.trace_id = $trace_id::UUID
ORDER BY s.start_ns, s.span_id
