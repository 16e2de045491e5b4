"""How many fields a protobuf message has, before it is parsed: parsing costs fifty bytes of memory for each,
and a bomb has one for every two bytes on the wire."""

from __future__ import annotations

from collector.decode.result import TooLarge

_SMALLEST_FIELD = 2  # a tag and a length of zero
_VARINT, _I64, _BYTES, _I32 = 0, 1, 2, 5
_FIXED = {_I64: 8, _I32: 4}


def require_few(message: bytes, limit: int, what: str) -> bytes:
    """The message itself. Raises TooLarge if it has more than `limit` fields.

    A message too short to hold so many is not looked at: that is nearly every one. A damaged one passes:
    the parser says so.
    """
    if len(message) >= _SMALLEST_FIELD * limit and _has_more_fields(message, limit):
        raise TooLarge(f"more than {limit} {what}")
    return message


def _has_more_fields(message: bytes, limit: int) -> bool:
    at = 0
    for _ in range(limit):
        if at >= len(message):
            return False
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _BYTES:
            length, at = _varint(message, at)
            at += length
        elif kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:  # a group: OTLP has none
            return False
    return at < len(message)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:
            return value, at
    return 0, len(message)
