"""Wire protocols: bytes off a socket to ingest, ingest's outcome back in the protocol's own words."""
