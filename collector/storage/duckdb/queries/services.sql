SELECT DISTINCT service FROM {{ within('spans') }} WHERE start_ns >= $start_ns AND start_ns < $end_ns ORDER BY service
