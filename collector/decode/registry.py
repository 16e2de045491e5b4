"""Which decoder reads what. Adding an encoding is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collector.decode import choice, json_protobuf, otlp_logs, otlp_metrics, zipkin_json
from collector.decode.result import Decoded
from collector.payload import Encoding, Signal

# (inflated body, received_ns) -> Decoded; raises Undecodable or TooLarge.
Decoder = Callable[[bytes, int], Decoded]
Decoders = Mapping[tuple[Signal, Encoding], Decoder]

DECODERS: dict[tuple[Signal, Encoding], Decoder] = {
    ("traces", "protobuf"): choice.decode,
    ("traces", "json"): json_protobuf.decode_spans,
    ("traces", "zipkin_json"): zipkin_json.decode,
    ("logs", "protobuf"): otlp_logs.decode,
    ("logs", "json"): json_protobuf.decode_logs,
    ("metrics", "protobuf"): otlp_metrics.decode,
    ("metrics", "json"): json_protobuf.decode_metrics,
}
