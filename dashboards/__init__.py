"""The tracekit dashboards: pages over what the collector stored."""
