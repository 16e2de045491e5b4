"""SkyWalking: `sw8: sample-trace-segment-span-service-instance-endpoint-peer`, some in Base64. Read only.

Its ids are text. They become numbers as OpenTelemetry's collector does it for SkyWalking's own segments, so
that both land in one trace: the 32 digits of a UUID, XOR the little-endian numbers that follow it in ids of
its Java agent (`UUID.thread.counter`), XOR the span's number in its segment.
"""

from __future__ import annotations

from binascii import Error, a2b_base64

from tracekit.propagation import context_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracekit.span import SpanContext


def parse(text: str, fields: Mapping[str, str]) -> SpanContext | None:
    """The context, or None. Base64 has no hyphens, so the parts are split there."""
    parts = text.strip().split("-")
    if len(parts) != 8 or not parts[3].isdigit() or len(parts[3]) > 10:
        return None
    try:
        trace = _uuid(_text(parts[1]))
        segment = _uuid(_text(parts[2]), int(parts[3]))
    except ValueError:
        return None
    span = bytes([high ^ low for high, low in zip(segment[:8], segment[8:])])
    return context_of(trace.hex(), span.hex(), parts[0] != "0")


def _text(part: str) -> str:
    try:
        return a2b_base64(part).decode("ascii")
    except (Error, UnicodeDecodeError) as error:
        raise ValueError(part) from error


def _uuid(text: str, extra: int = 0) -> bytes:
    """16 bytes of an id. ValueError if it is none of SkyWalking's forms."""
    digits, *numbers = text.split(".")
    digits = digits.replace("-", "")
    if len(digits) != 32 or len(numbers) not in (0, 2):
        raise ValueError(text)
    thread, counter = [int(number) for number in numbers] or (0, 0)
    mask = _little(extra, 4) + _little(thread, 4) + _little(counter, 8)
    return bytes([left ^ right for left, right in zip(bytes.fromhex(digits), mask)])


def _little(number: int, size: int) -> bytes:
    return (number & ((1 << (8 * size)) - 1)).to_bytes(size, "little")
