-- By slot: when the last of its spans was received, and how many there are.
SELECT start_ns - start_ns % $slot_ns AS slot_ns, max(received_ns), count(*)
FROM {{ within('spans', 'near_start_ns', 'near_end_ns') }}
WHERE start_ns >= $near_start_ns AND start_ns < $near_end_ns
GROUP BY slot_ns
