"""How many objects and arrays a JSON body has, before it is parsed: Python makes an object of each, of 60 to
300 bytes. The shortest attribute has two in 34 bytes, a bomb one in three."""

from __future__ import annotations

from collector.decode.result import TooLarge

_FREE, _BYTES_EACH = 100_000, 16
# Of what senders may have Python read.
_MOST_RECEIVED = 200_000


def most_containers(body: bytes) -> int:
    """How many objects and arrays a body of this length may have."""
    return _FREE + len(body) // _BYTES_EACH


def require_sparse_json(body: bytes) -> None:
    """Raises TooLarge beyond 100,000 objects and arrays and one more for every 16 bytes."""
    _require(body, most_containers(body))


def require_small_json(body: bytes) -> None:
    """The same, and beyond 200,000: a tree of more takes as much memory as all else that is received."""
    _require(body, min(most_containers(body), _MOST_RECEIVED))


def _require(body: bytes, allowed: int) -> None:
    if body.count(b"{") + body.count(b"[") > allowed:
        what = f"more than {allowed} JSON objects and arrays in {len(body)} bytes"
        raise TooLarge(f"{what}: send less at once, or protobuf")
