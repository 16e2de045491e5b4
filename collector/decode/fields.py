"""How many fields a protobuf message has, before it is parsed: parsing costs fifty bytes of memory for each,
and a bomb has one for every two bytes on the wire."""

from __future__ import annotations

from collections.abc import Sequence

from collector.decode.result import TooLarge

_SMALLEST_FIELD = 2  # a tag and a length of zero
_VARINT, _I64, _BYTES, _I32 = 0, 1, 2, 5
_FIXED = {_I64: 8, _I32: 4}

# What a message may have of fields, and what they are called where it has more.
Limit = tuple[int, str]


def require_sparse(body: bytes, limits: Sequence[Limit]) -> None:
    """Raises TooLarge if a message has more fields than the limit of its level: `limits[0]` is for the body,
    `limits[1]` for the messages in it, and so on.

    Nothing is copied, and a message too short to hold so many is not looked at: that is nearly every one. A
    damaged one passes: the parser says so.
    """
    _walk(body, 0, len(body), limits)


def _walk(body: bytes, at: int, end: int, limits: Sequence[Limit]) -> None:
    (limit, what), deeper = limits[0], limits[1:]
    worth_looking_at = _SMALLEST_FIELD * min((few for few, _ in deeper), default=0)
    if end - at < _SMALLEST_FIELD * min(few for few, _ in limits):
        return
    for _ in range(limit):
        if at >= end:
            return
        start, at = _field_at(body, at)
        if start and deeper and at <= end and at - start >= worth_looking_at:
            _walk(body, start, at, deeper)
    if at < end:
        raise TooLarge(f"more than {limit} {what}")


def _field_at(body: bytes, at: int) -> tuple[int, int]:
    """Of the field at `at`: where its bytes start (0: it has none) and where it ends, past the end if it is
    damaged."""
    tag, at = _varint(body, at)
    kind = tag & 7
    if kind == _BYTES:
        length, start = _varint(body, at)
        return start, start + length
    if kind == _VARINT:
        return 0, _varint(body, at)[1]
    return 0, at + _FIXED[kind] if kind in _FIXED else len(body)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(body) and shift < 70:
        byte = body[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:
            return value, at
    return 0, len(body)
