"""What every signal has in protobuf: resources, scopes, attributes and values. What repeats is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any, ClassVar, Protocol

from google.protobuf.message import DecodeError

from collector import jsonvalue
from collector.decode import wire
from collector.decode.attributes import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_VALUES,
    UNREADABLE,
    AttributeSet,
    Entry,
    attribute_set,
    entry,
)
from collector.decode.builder import KnownResource, KnownScope, known_resource, known_scope
from collector.decode.inplace import Bytes, read
from collector.decode.memo import Memo
from collector.decode.promote import PROMOTED_KEYS

_NO_ATTRIBUTES = AttributeSet({}, {}, 0)


class Counting(Protocol):
    """What bounds the items of one request; raises TooLarge."""

    def count_items(self, count: int) -> None: ...


def text(raw: Bytes) -> str:
    """Invalid UTF-8 becomes U+FFFD."""
    return str(raw, "utf-8", "replace") if raw else ""


def attributes(counting: Counting, raws: Sequence[bytes]) -> AttributeSet:
    """Of one event, link, log record or data point; what is too many or not readable is counted."""
    return attribute_set(*entries_of(counting, raws)) if raws else _NO_ATTRIBUTES


def entries_of(counting: Counting, raws: Sequence[bytes]) -> tuple[list[Entry], int]:
    """Attributes as they come, UNREADABLE where they cannot be read, and how many were too many."""
    count = len(raws)
    counting.count_items(count)
    return _entries(raws[:MAX_ATTRIBUTES]), max(count - MAX_ATTRIBUTES, 0)


def _entries(raws: Sequence[bytes]) -> list[Entry]:
    return list(map(_ENTRIES.__getitem__, raws))


def any_value(message: Any, depth: int = MAX_DEPTH) -> Any:
    """An AnyValue; a field of a later OTLP version reads as None.

    Raises RecursionError if it nests too deep or holds too many values, DecodeError if one is damaged.
    """
    return _ValueReader().read(message, depth)


class _ValueReader:
    """Of one value with all that is inside it, which is bounded."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def read(self, message: Any, depth: int) -> Any:
        which = message.WhichOneof("value")
        if which == "string_value":
            return text(message.string_value)
        if which == "bytes_value":
            return bytes(message.bytes_value)
        if which in _SCALARS:
            return getattr(message, which)
        reader = self._READERS.get(which)
        return reader(self, getattr(message, which), depth - 1) if reader else None

    def _array(self, raw: Bytes, depth: int) -> list[Any]:
        items = self._admit(read(wire.ArrayValue, raw).values, depth)
        return [self.read(read(wire.AnyValue, item), depth) for item in items]

    def _map(self, raw: Bytes, depth: int) -> dict[str, Any]:
        items = self._admit(read(wire.KeyValueList, raw).values, depth)
        pairs = (read(wire.KeyValue, item) for item in items)
        return {text(pair.key): self.read(pair.value, depth) for pair in pairs}

    def _admit(self, values: Sequence[Bytes], depth: int) -> Sequence[Bytes]:
        self._left -= len(values)
        if depth < 0 or self._left < 0:
            raise RecursionError("the value nests too deep or holds too many")
        return values

    _READERS: ClassVar = {"array_value": _array, "kvlist_value": _map}


_SCALARS = ("int_value", "bool_value", "double_value")


def resource(raw: bytes, schema_url: bytes) -> KnownResource:
    """A Resource and the schema URL of its group. Raises DecodeError."""
    return _RESOURCES[_with_schema(schema_url, raw)]


def scope(raw: bytes, schema_url: bytes) -> KnownScope:
    """An InstrumentationScope and the schema URL of its group. Raises DecodeError."""
    return _SCOPES[_with_schema(schema_url, raw)]


def _with_schema(schema_url: bytes, raw: bytes) -> bytes:
    """`schema URL NUL message`: both together are what one resource or scope is."""
    return bytes(schema_url).replace(b"\0", b"") + b"\0" + raw


# ---------------------------------------------------------------- what repeats, remembered by its bytes


# The tags of KeyValue.key and KeyValue.value, and of AnyValue.string_value.
_KEY, _VALUE, _STRING = 1 << 3 | 2, 2 << 3 | 2, 1 << 3 | 2
_ONE_BYTE = 128  # lengths below this take one


def _read_entry(raw: bytes) -> Entry:
    return _short_text(raw) or _any_entry(raw)


def _short_text(raw: bytes) -> Entry | None:
    """A key, then a text, both short, as nearly all are: twice as fast as protobuf. None for what is not."""
    length = len(raw)
    if length < 6 or length >= _ONE_BYTE or raw[0] != _KEY:
        return None
    value = 2 + raw[1]
    start = value + 4
    if start > length or raw[value] != _VALUE or raw[value + 2] != _STRING:
        return None
    if raw[value + 1] != length - value - 2 or raw[value + 3] != length - start:
        return None
    key, prefix, wanted = _KEYS[raw[2:value]]
    found = str(raw[start:], "utf-8", "replace")
    return Entry(key, prefix + encode_basestring(found), found if wanted else None) if key else UNREADABLE


def _read_key(raw: bytes) -> tuple[str, str, bool]:
    """As text, as JSON to which a value is put, and whether columns want that."""
    key = text(raw)
    return key, f"{encode_basestring(key)}:", key in PROMOTED_KEYS


def _any_entry(raw: bytes) -> Entry:
    try:
        message = read(wire.KeyValue, raw)
        return entry(text(message.key), any_value(message.value))
    except (DecodeError, RecursionError):
        return UNREADABLE


def _read_resource(key: bytes) -> KnownResource:
    schema_url, _, raw = key.partition(b"\0")
    message = read(wire.Resource, raw)
    refs = jsonvalue.dumps([_entity_ref(ref) for ref in message.entity_refs]) if message.entity_refs else ""
    return known_resource(_few(message.attributes), text(schema_url), message.dropped_attributes_count, refs)


def _entity_ref(raw: bytes) -> dict[str, Any]:
    message = wire.EntityRef.FromString(raw)
    return {
        "type": text(message.type),
        "schema_url": text(message.schema_url),
        "id_keys": [text(key) for key in message.id_keys],
        "description_keys": [text(key) for key in message.description_keys],
    }


def _read_scope(key: bytes) -> KnownScope:
    schema_url, _, raw = key.partition(b"\0")
    message = read(wire.Scope, raw)
    attributes, dropped = _few(message.attributes), message.dropped_attributes_count
    return known_scope(text(message.name), text(message.version), attributes, text(schema_url), dropped)


def _few(raws: Sequence[bytes]) -> AttributeSet:
    return attribute_set(_entries(raws[:MAX_ATTRIBUTES]), max(len(raws) - MAX_ATTRIBUTES, 0))


_KEYS: Memo[bytes, tuple[str, str, bool]] = Memo(_read_key, 4_096)
_ENTRIES: Memo[bytes, Entry] = Memo(_read_entry, 65_536)
_RESOURCES: Memo[bytes, KnownResource] = Memo(_read_resource, 1_024, longest=8_192)
_SCOPES: Memo[bytes, KnownScope] = Memo(_read_scope, 4_096, longest=8_192)

# For the decoder in C, which puts `schema URL NUL message` together itself.
resource_of, scope_of = _RESOURCES.__getitem__, _SCOPES.__getitem__
