SELECT start_ns - start_ns % $slot_ns AS slot_ns, count(*) FROM edge_sums.calls GROUP BY slot_ns ORDER BY slot_ns
