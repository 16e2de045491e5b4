"""The tracekit collector: OTLP in, a durable store, alert rules."""
