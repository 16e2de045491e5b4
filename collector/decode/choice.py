"""Which of the two decoders of spans in protobuf serves: the one in C wherever it could be built.

With the one in C comes a rewriter of OTLP JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from collector.decode import otlp_protobuf
from collector.decode.containers import most_containers
from collector.decode.result import Decoded
from collector.payload import Signal

try:
    from collector.decode import otlp_protobuf_c
except ImportError:  # installed without a compiler, or for another platform
    _FOUND: dict[str, Callable[[bytes, int], Decoded]] = {"python": otlp_protobuf.decode}
    _protobuf_of_json: Callable[[bytes, str, int], bytes | None] | None = None
    KEY_SET: Callable[[], Any] | None = None

    def give_back() -> int:
        return 0
else:
    _FOUND = {"c": otlp_protobuf_c.decode, "python": otlp_protobuf.decode}
    _protobuf_of_json = otlp_protobuf_c.protobuf_of_json
    # A set of span keys (collector.storage.duckdb.recent.KeySet) that is built with the decoder in C.
    KEY_SET = otlp_protobuf_c.KeySet
    # Give memory that is kept for the next payloads back to the system; how many bytes that were.
    give_back = otlp_protobuf_c.give_back

_name = next(iter(_FOUND))


def use(wanted: str) -> None:
    """From now on decode with "c", "python" or, "auto", the faster that is there. LookupError without it."""
    global _name
    if wanted != "auto" and wanted not in _FOUND:
        raise LookupError(f"the decoder {wanted!r} was not built when tracekit was installed")
    _name = next(iter(_FOUND)) if wanted == "auto" else wanted


def decoder_name() -> str:
    """The one in use: "c" or "python"."""
    return _name


def decode(body: bytes, received_ns: int) -> Decoded:
    """The spans of an ExportTraceServiceRequest. Raises Undecodable or TooLarge."""
    return _FOUND[_name](body, received_ns)


def protobuf_of_json(body: bytes, signal: Signal) -> bytes | None:
    """The request in OTLP JSON as protobuf, if it can be rewritten in C: it is of traces or logs, has nothing
    unusual, and the decoder "c" is in use. None leaves it to Python."""
    if _protobuf_of_json is None or _name != "c":
        return None
    return _protobuf_of_json(body, signal, most_containers(body))
