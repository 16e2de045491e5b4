SELECT peer, count(*) FROM {{ counted('spans') }}
WHERE start_ns >= $start_ns AND start_ns < $end_ns AND kind = 3 AND peer_kind = 'function' AND peer <> ''
    AND (coalesce(http_status = 429, false) OR regexp_matches(error_type, $refusals))
GROUP BY peer ORDER BY peer
