INSERT INTO metric_series BY NAME SELECT * FROM incoming_metric_series
