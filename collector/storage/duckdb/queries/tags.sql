{#- Resources of the window's calls first: there may be far more of older times. -#}
WITH seen AS (
    SELECT DISTINCT service, resource_id FROM {{ within('spans') }}
    WHERE start_ns >= $start_ns AND start_ns < $end_ns AND kind IN (2, 5)
),
asked AS (SELECT unnest($keys::VARCHAR[]) AS key, unnest($pointers::VARCHAR[]) AS pointer)
SELECT DISTINCT s.service, key, json_extract_string(r.attributes, pointer)
FROM seen s JOIN {{ everywhere('resources') }} r USING (resource_id) CROSS JOIN asked
WHERE json_type(nullif(r.attributes, ''), pointer) = 'VARCHAR'
ORDER BY ALL
