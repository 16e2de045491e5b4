"""Moments that senders name, brought into what a clock can show."""

from __future__ import annotations

from collector.decode.builder import EARLIEST_NS, LATEST_AHEAD_NS


def sane_time(wanted_ns: int, received_ns: int) -> int:
    """The moment, or the nearest one in [2000, received + 1 day]; `received_ns` for 0, which says nothing.

    A broken clock would stretch every time range otherwise. What was sent is kept beside it.
    """
    return min(max(wanted_ns or received_ns, EARLIEST_NS), received_ns + LATEST_AHEAD_NS)
