"""What a receiver hands over: one request's bytes and how to read them. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Signal = Literal["traces", "metrics", "logs"]
Encoding = Literal["protobuf", "json", "zipkin_json"]

SIGNALS: tuple[Signal, ...] = get_args(Signal)
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)


@dataclass(frozen=True, slots=True)
class Payload:
    """One request, inflated. `received_ns` is the wall clock when its last byte had come.

    `compressed` and `content_encoding` are the body as it came, where it came compressed: the journal keeps
    the shorter one.
    """

    signal: Signal
    encoding: Encoding
    body: bytes
    received_ns: int
    compressed: bytes | None = None
    content_encoding: str = ""
