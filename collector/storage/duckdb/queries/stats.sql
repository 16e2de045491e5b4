SELECT count(*), count(DISTINCT trace_id), coalesce(min(start_ns), 0), coalesce(max(start_ns), 0),
    coalesce(list(DISTINCT service ORDER BY service), [])
FROM {{ everywhere('spans') }}
