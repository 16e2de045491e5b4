-- When the first and the last span around [$pair_start_ns, $pair_end_ns) start that are of a trace that is within.
SELECT min(start_ns), max(start_ns) FROM {{ within('spans', 'near_start_ns', 'near_end_ns') }}
WHERE ((start_ns >= $near_start_ns AND start_ns < $pair_start_ns) OR (start_ns >= $pair_end_ns AND start_ns < $near_end_ns))
    AND trace_id IN (
        SELECT trace_id FROM {{ within('spans', 'pair_start_ns', 'pair_end_ns') }}
        WHERE start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
    )
