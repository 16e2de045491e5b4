SELECT coalesce(list(DISTINCT service ORDER BY service), []) FROM {{ everywhere('spans') }}
