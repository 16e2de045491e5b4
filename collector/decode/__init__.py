"""Wire bytes to span batches: one shape, whichever encoding they came in."""
