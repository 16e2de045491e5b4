"""How one payload lies in a segment: a header that vouches for itself, then the body it vouches for.

A header carries its own position, so that what an earlier use of a recycled segment left behind is never
taken for news. A header of length 0 is an end mark: it follows every group, is overwritten by the next, and
tells a clean end from a torn one.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from dataclasses import dataclass

from collector.payload import Encoding, Payload, Signal

Bytes = bytes | mmap.mmap

MAGIC = b"\x9aTKJ"
VERSION = 1

# magic, CRC of what follows in the header | position, length, version, signal, encoding, coding, items,
# received_ns, CRC of the body
_START = struct.Struct("<4sI")
_REST = struct.Struct("<QIBBBBIqI")
HEADER_BYTES = _START.size + _REST.size

# On disk: numbers may be added, never changed.
SIGNALS: dict[Signal, int] = {"traces": 1, "metrics": 2, "logs": 3}
ENCODINGS: dict[Encoding, int] = {"protobuf": 1, "json": 2, "zipkin_json": 3}
CODINGS: dict[str, int] = {"": 0, "gzip": 1, "deflate": 2, "zstd": 3}
_SIGNALS = {number: name for name, number in SIGNALS.items()}
_ENCODINGS = {number: name for name, number in ENCODINGS.items()}
_CODINGS = {number: name for name, number in CODINGS.items()}


class UnknownRecord(ValueError):
    """A newer tracekit wrote this record: it is whole, and cannot be read here."""


@dataclass(frozen=True, slots=True)
class Header:
    """What precedes a body. `items` is how many spans, records or points it was acknowledged for."""

    position: int
    length: int
    version: int
    signal: int
    encoding: int
    coding: int
    items: int
    received_ns: int
    crc: int

    @property
    def end(self) -> int:
        """Position after the record."""
        return self.position + HEADER_BYTES + self.length


def packed(payload: Payload, items: int, position: int) -> tuple[bytes, bytes]:
    """Header and body of a record at this position; the body as it came if that is shorter."""
    kept = payload.compressed if payload.content_encoding in CODINGS else None
    coding = CODINGS[payload.content_encoding] if kept is not None else 0
    body = payload.body if kept is None else kept
    rest = _REST.pack(
        position,
        len(body),
        VERSION,
        SIGNALS[payload.signal],
        ENCODINGS[payload.encoding],
        coding,
        items,
        payload.received_ns,
        zlib.crc32(body),
    )
    return _START.pack(MAGIC, zlib.crc32(rest)) + rest, body


def stored_bytes(payload: Payload) -> int:
    """Length of the record `packed` makes."""
    kept = payload.compressed if payload.content_encoding in CODINGS else None
    return HEADER_BYTES + len(payload.body if kept is None else kept)


def end_mark(position: int) -> bytes:
    """Follows the last record of a group."""
    rest = _REST.pack(position, 0, VERSION, 0, 0, 0, 0, 0, 0)
    return _START.pack(MAGIC, zlib.crc32(rest)) + rest


def header_at(data: Bytes, at: int) -> Header | None:
    """The header at this offset, None if there is no whole one."""
    if at + HEADER_BYTES > len(data):
        return None
    magic, crc = _START.unpack_from(data, at)
    if magic != MAGIC or zlib.crc32(data[at + _START.size : at + HEADER_BYTES]) != crc:
        return None
    return Header(*_REST.unpack_from(data, at + _START.size))


def is_whole(header: Header, body: bytes) -> bool:
    return len(body) == header.length and zlib.crc32(body) == header.crc


def payload_of(header: Header, body: bytes) -> Payload:
    """The payload a record holds, its body still compressed where it came so. Raises UnknownRecord."""
    try:
        signal, encoding = _SIGNALS[header.signal], _ENCODINGS[header.encoding]
        coding = _CODINGS[header.coding]
    except KeyError as error:
        raise UnknownRecord(f"a record at {header.position} is of a kind unknown here") from error
    if header.version != VERSION:
        raise UnknownRecord(f"a record at {header.position} has version {header.version}")
    if coding:
        return Payload(signal, encoding, b"", header.received_ns, body, coding)
    return Payload(signal, encoding, body, header.received_ns)
