"""How many objects and arrays a JSON body has, before it is parsed: each costs 60 bytes or more then. The
shortest attribute has two in 34 bytes, a bomb one in three."""

from __future__ import annotations

from collector.decode.result import TooLarge

_FREE, _BYTES_EACH = 100_000, 16


def most_containers(body: bytes) -> int:
    """How many objects and arrays a body of this length may have."""
    return _FREE + len(body) // _BYTES_EACH


def require_sparse_json(body: bytes) -> None:
    """Raises TooLarge beyond 100,000 objects and arrays and one more for every 16 bytes."""
    allowed = most_containers(body)
    if body.count(b"{") + body.count(b"[") > allowed:
        raise TooLarge(f"more than {allowed} JSON objects and arrays in {len(body)} bytes")
