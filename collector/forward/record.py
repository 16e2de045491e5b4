"""One copy on its way: what is posted where, and how it lies in a file."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from collector.decode import zipkin_json
from collector.payload import SIGNALS, Payload, Signal

_HEAD = struct.Struct("<IIBB")  # length of the body, CRC-32 of the rest, signal, flags
_JSON, _GZIP = 1, 2
_SMALL = 1024  # not worth compressing
_MAX_BODY = 2**30


@dataclass(frozen=True, slots=True)
class Record:
    """OTLP as it is posted: `gzipped` and `json` are what the headers say."""

    signal: Signal
    body: bytes
    json: bool = False
    gzipped: bool = False

    def packed(self) -> bytes:
        flags = _JSON * self.json | _GZIP * self.gzipped
        tail = bytes([SIGNALS.index(self.signal), flags])
        return _HEAD.pack(len(self.body), zlib.crc32(self.body, zlib.crc32(tail)), *tail) + self.body


def of_payload(payload: Payload) -> Record:
    """gzip is all that every OTLP backend reads: what came so is posted so, the rest is packed anew."""
    as_json = payload.encoding == "json"
    if payload.compressed is not None and payload.content_encoding == "gzip":
        return Record(payload.signal, payload.compressed, as_json, gzipped=True)
    body = payload.body
    if payload.encoding == "zipkin_json":
        body, _ = zipkin_json.to_otlp(body)
    if len(body) < _SMALL:
        return Record(payload.signal, body, as_json)
    return Record(payload.signal, gzip.compress(body, 1), as_json, gzipped=True)


def read_record(file: BinaryIO) -> Record | None:
    """The record at the file's position, which moves behind it; None at the end, and at a torn write."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, crc, signal, flags = _HEAD.unpack(head)
    body = file.read(length) if length <= _MAX_BODY else b""
    if len(body) < length or zlib.crc32(body, zlib.crc32(head[-2:])) != crc or signal >= len(SIGNALS):
        return None
    return Record(SIGNALS[signal], body, bool(flags & _JSON), bool(flags & _GZIP))
