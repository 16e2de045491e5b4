"""tracekit: shows what happens inside functions."""

__version__ = "0.1.0"
