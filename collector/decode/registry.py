"""Which decoder reads what. Adding an encoding is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collector.decode import otlp_json, otlp_protobuf
from collector.decode.result import Decoded
from collector.payload import Encoding, Signal

# (inflated body, received_ns) -> Decoded; raises Undecodable or TooLarge.
Decoder = Callable[[bytes, int], Decoded]
Decoders = Mapping[tuple[Signal, Encoding], Decoder]

DECODERS: dict[tuple[Signal, Encoding], Decoder] = {
    ("traces", "protobuf"): otlp_protobuf.decode,
    ("traces", "json"): otlp_json.decode,
}
