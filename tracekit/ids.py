"""Random numbers for trace and span ids: seeded per process, again after a fork."""

from __future__ import annotations

import os
from _random import Random

_random = Random()
getrandbits = _random.getrandbits


def reseed() -> None:
    """Starts a new sequence: for a process that is a copy of another."""
    _random.seed(int.from_bytes(os.urandom(16), "big"))


def new_trace_id() -> int:
    """A random 128-bit number, never 0 (W3C trace context forbids it)."""
    return getrandbits(128) or 1


def new_span_id() -> int:
    """A random 64-bit number, never 0."""
    return getrandbits(64) or 1


reseed()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reseed)
