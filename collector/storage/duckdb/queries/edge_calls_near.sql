-- How many spans start in a stretch of time, counted no further than it matters.
SELECT count(*) FROM (
    SELECT 1 FROM {{ within('spans', 'near_start_ns', 'near_end_ns') }}
    WHERE start_ns >= $near_start_ns AND start_ns < $near_end_ns LIMIT $most
)
