INSERT INTO resources BY NAME SELECT * FROM incoming_resources
