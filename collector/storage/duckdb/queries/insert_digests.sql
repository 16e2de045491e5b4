INSERT INTO payload_digests BY NAME SELECT * FROM incoming_digests
