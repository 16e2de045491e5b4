"""Baggage: keys and values of the caller that travel on, unread. Kept in W3C's form, `key=value,key2=value2`.

Also read: Jaeger's `uberctx-KEY` fields, Function Compute's `…-span-context-baggage-KEY` fields, and its
`…-span-baggages`, which is Base64 of a JSON object (PLATFORMS.md §1.4).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

    from tracekit.span import SpanContext

MAX_BYTES = 8192  # W3C Baggage, section 3.3.2: what every platform must pass on
_PREFIXES = ("uberctx-", "x-fc-tracing-opentracing-span-context-baggage-")
_BASE64 = "x-fc-tracing-opentracing-span-baggages"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!*'()/:@")


def read(fields: Mapping[str, str]) -> str:
    """The baggage of lower-cased fields; empty where there is none, or where it is too long or malformed."""
    text = fields.get("baggage", "").strip() or _joined([*_prefixed(fields), *_encoded(fields)])
    if len(text) > MAX_BYTES or not text.isascii() or not text.isprintable():
        return ""
    return text


def write(context: SpanContext, carrier: MutableMapping[str, str]) -> None:
    """Sets `baggage` if there is any."""
    if context.baggage:
        carrier["baggage"] = context.baggage


def _prefixed(fields: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    from tracekit.config import percent_decode

    for name, value in fields.items():
        for prefix in _PREFIXES:
            if name.startswith(prefix) and len(name) > len(prefix):
                yield name[len(prefix) :], percent_decode(value)


def _encoded(fields: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    if _BASE64 not in fields:
        return
    from binascii import a2b_base64

    from tracekit.jsontext import loads

    try:
        found = loads(a2b_base64(fields[_BASE64]))
    except ValueError:
        return
    for key, value in found.items() if isinstance(found, dict) else ():
        yield str(key), str(value)


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return ",".join([f"{_quoted(key)}={_quoted(value)}" for key, value in pairs])


def _quoted(text: str) -> str:
    characters = [
        chr(byte) if chr(byte) in _PLAIN else f"%{byte:02X}" for byte in text.encode("utf-8", "replace")
    ]
    return "".join(characters)
