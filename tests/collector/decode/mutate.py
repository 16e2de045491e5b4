"""Damage to protobuf: bytes changed anywhere, and fields put in or taken out where a parser would notice."""

from __future__ import annotations

import random

_ODD_VARINTS = (
    b"\x00",
    b"\x7f",
    b"\x80\x00",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
)
_ODD_TEXT = (
    b"\xff",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98",
    b"\xc0\x80",
    b"\x00",
    b'"\\\n',
    b"\xf4\x90\x80\x80",
)


def mutated(body: bytes, chance: random.Random) -> bytes:
    """The body with one to six small changes."""
    found = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        chance.choice(_CHANGES)(found, chance)
    return bytes(found)


def _at(body: bytearray, chance: random.Random) -> int:
    return chance.randrange(len(body) + 1)


def _flip(body: bytearray, chance: random.Random) -> None:
    if body:
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)


def _overwrite(body: bytearray, chance: random.Random) -> None:
    if body:
        body[chance.randrange(len(body))] = chance.randrange(256)


def _cut(body: bytearray, chance: random.Random) -> None:
    at = _at(body, chance)
    del body[at : at + chance.randint(1, 8)]


def _repeat(body: bytearray, chance: random.Random) -> None:
    at = _at(body, chance)
    body[at:at] = body[at : at + chance.randint(1, 40)]


def _insert_varint(body: bytearray, chance: random.Random) -> None:
    at = _at(body, chance)
    body[at:at] = chance.choice(_ODD_VARINTS)


def _insert_field(body: bytearray, chance: random.Random) -> None:
    """A whole field of any number and wire type, which every message may hold unknown."""
    number, kind = chance.choice((1, 2, 3, 5, 9, 16, 900)), chance.choice((0, 1, 2, 3, 5))
    tag = number << 3 | kind
    content = {0: b"\x05", 1: bytes(8), 2: b"\x03abc", 3: _varint(number << 3 | 4), 5: bytes(4)}[kind]
    at = _at(body, chance)
    body[at:at] = _varint(tag) + content


def _odd_text(body: bytearray, chance: random.Random) -> None:
    """Overwrites, so that lengths before it stay true."""
    text = chance.choice(_ODD_TEXT)
    at = _at(body, chance)
    body[at : at + len(text)] = text


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


_CHANGES = (_flip, _overwrite, _cut, _repeat, _insert_varint, _insert_field, _odd_text, _odd_text)
