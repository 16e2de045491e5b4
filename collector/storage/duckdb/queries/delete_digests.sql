DELETE FROM payload_digests WHERE signal = $signal AND received_ns < $since_ns
