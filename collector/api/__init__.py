"""What the collector answers besides taking telemetry: its own health and numbers."""
