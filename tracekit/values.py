"""Turns anything a user hands over as an attribute into something a span may keep.

Kept: str, bool, int of 64 bits, float, bytes, and lists and dicts of those. Everything else becomes text.
Nothing here raises, whatever the value's own methods do.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Defaults; tracekit.pipeline sets them from the configuration (OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, ...).
max_length = 16_384
max_count = 128
max_events = 128
max_links = 1024  # a queue batch may be large, and each message is one link
MAX_ITEMS = 128
MAX_DEPTH = 4
# Texts longer than this are looked at: cut if they must be, and their memory counted.
long = 1024

# Bytes of long values that live in spans not yet encoded: the queue seals early when this grows.
pressure = 0


def clean(value: Any, depth: int = 0) -> Any:
    """The value as a span keeps it: a snapshot, cut to the limits, safe to encode later. Never raises."""
    kind = type(value)
    if kind is str:
        return value if len(value) <= long else _cut(value)
    if kind is bool or kind is float:
        return value
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 63 else _digits(value)
    try:
        return _convert(value, depth)
    except Exception:  # a raising __str__, __iter__, __float__: the user's, not ours to pass on
        return f"<unprintable {kind.__name__}>"


def clean_mapping(attributes: Mapping[Any, Any] | None) -> tuple[dict[str, Any], int]:
    """Cleaned attributes and how many did not fit. None values are left out, as OpenTelemetry does."""
    kept: dict[str, Any] = {}
    dropped = 0
    try:
        for key, value in (attributes or {}).items():
            if value is None:
                continue
            if len(kept) >= max_count:
                dropped += 1
            else:
                kept[key if type(key) is str else clean_key(key)] = clean(value)
    except Exception:  # a mapping that is none: keep what was read
        dropped += 1
    return kept, dropped


def clean_key(key: Any) -> str:
    """A key as text. Never raises."""
    try:
        return str(key)[:256]
    except Exception:
        return f"<unprintable {type(key).__name__}>"


def _convert(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return clean(str.__str__(value))
    if isinstance(value, int):
        return clean(int.__int__(value))
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _cut(bytes(value[:max_length]))
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return _container(value, depth) if depth < MAX_DEPTH else "…"
    return clean(str(value))


def _container(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        pairs = list(value.items())[:MAX_ITEMS]
        return {clean_key(key): clean(item, depth + 1) for key, item in pairs}
    return [clean(item, depth + 1) for item, _ in zip(value, range(MAX_ITEMS))]


def _cut(value: Any) -> Any:
    global pressure
    kept = value[:max_length]
    pressure += len(kept)
    return kept


def _digits(value: int) -> str:
    # Decimal digits are quadratic, and refused by CPython above 4,300; hexadecimal is neither.
    return str(value) if value.bit_length() < 4096 else hex(value)[:max_length]
