INSERT INTO metrics BY NAME SELECT * REPLACE (monotonic = 1 AS monotonic) FROM incoming_metrics
