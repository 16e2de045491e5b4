-- When the offered spans start that may be stored without being remembered, and whether the time of receipt
-- stands for what a sender did not say, or said of a day that has not come (collector.decode.times).
SELECT min(start_ns), max(start_ns), bool_or(start_ns >= received_ns)
FROM offered
WHERE start_ns < $since_ns
