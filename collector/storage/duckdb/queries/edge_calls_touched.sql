-- Out goes what is kept of the traces that late rows touch.
WITH {% include '_touched.sql' %}
DELETE FROM edge_sums.calls
WHERE start_ns >= $pair_start_ns AND start_ns < $pair_end_ns AND trace_id IN (FROM touched)
