SELECT digest, received_ns FROM {{ everywhere('payload_digests') }} WHERE signal = $signal
