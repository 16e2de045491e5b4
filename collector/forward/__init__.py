"""Copies of what was acknowledged, to another OTLP backend: never in an answer's way, bounded on disk."""

from collector.forward.forwarding import Forwarding, ForwardStats

__all__ = ["ForwardStats", "Forwarding"]
