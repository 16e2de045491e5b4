"""Large messages read in place: what lies in them stays where it is until somebody wants it.

Of a value of ten megabytes protobuf would make a copy at every level it lies in, and one more for whoever
asks. Small messages, nearly all, are left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

Bytes = bytes | memoryview

# A message of so many bytes is read in place, and what lies in it is a view from so many on.
LARGE_MESSAGE = 2**20
LARGE_FIELD = 2**16

_VARINT, _I64, _LENGTH, _I32 = 0, 1, 2, 5
_FIXED = {_I64: 8, _I32: 4}
_LONGEST_TAG, _LONGEST_LENGTH, _LONGEST_VARINT = 2, 5, 10  # bytes; OTLP's tags are shorter


def read(kind: Any, raw: Bytes) -> Any:
    """`kind.FromString(raw)`, or what answers the same questions: of a large message the large fields of
    bytes are memoryviews. Raises DecodeError."""
    if len(raw) >= LARGE_MESSAGE:
        found = _in_place(kind, memoryview(raw))
        if found is not None:
            return found
    return kind.FromString(raw)


def reader(kind: Any, within: Bytes) -> Callable[[Bytes], Any]:
    """`read` of this kind for the many messages that lie in these bytes."""
    return partial(read, kind) if len(within) >= LARGE_MESSAGE else kind.FromString


class _InPlace:
    """A message whose fields of bytes lie in what was sent; protobuf has read the others."""

    def __init__(self, rest: Any, parts: dict[str, Any], chosen: dict[str, str]) -> None:
        self._rest = rest
        self._parts = parts
        self._chosen = chosen  # field by oneof

    def __getattr__(self, name: str) -> Any:
        return self._parts[name] if name in self._parts else getattr(self._rest, name)

    def WhichOneof(self, name: str) -> str | None:
        return self._chosen.get(name) or self._rest.WhichOneof(name)

    def HasField(self, name: str) -> bool:
        return bool(self._rest.HasField(name))


class _Field(NamedTuple):
    name: str
    repeated: bool
    oneof: str
    inner: Any  # class of a message that is read with this one


@cache
def _fields(message: Descriptor) -> dict[int, _Field]:
    """Those that stay where they are, by tag."""
    return {field.number << 3 | _LENGTH: _field(field) for field in message.fields if _stays(field)}


def _stays(field: FieldDescriptor) -> bool:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return not field.is_repeated
    return bool(field.type == FieldDescriptor.TYPE_BYTES)


def _field(field: FieldDescriptor) -> _Field:
    oneof = field.containing_oneof.name if field.containing_oneof else ""
    return _Field(
        field.name, field.is_repeated, oneof, field.message_type and GetMessageClass(field.message_type)
    )


def _in_place(kind: Any, view: memoryview) -> _InPlace | None:
    """None for what protobuf is to judge: damage, and what no sender of OTLP writes."""
    fields = _fields(kind.DESCRIPTOR)
    parts: dict[str, Any] = {
        field.name: [] if field.repeated else b"" for field in fields.values() if not field.inner
    }
    chosen: dict[str, str] = {}
    rest, at = [], 0
    while at < len(view):
        tag, start, end = _extent(view, at)
        if not tag or end > len(view):
            return None
        field = fields.get(tag)
        if field is None:
            rest.append(view[at:end])
        elif field.repeated:
            parts[field.name].append(_part(view, start, end))
        elif field.inner:
            if field.name in parts:
                return None  # the two would have to be merged
            parts[field.name] = read(field.inner, view[start:end])
        elif chosen.setdefault(field.oneof, field.name) == field.name or not field.oneof:
            parts[field.name] = _part(view, start, end)
        else:
            return None
        at = end
    chosen.pop("", None)
    message = kind.FromString(b"".join(rest))
    if any(message.WhichOneof(oneof) for oneof in chosen):
        return None  # which of the two came last is not known here
    return _InPlace(message, parts, chosen)


def _part(view: memoryview, start: int, end: int) -> Bytes:
    return view[start:end] if end - start >= LARGE_FIELD else bytes(view[start:end])


def _extent(view: memoryview, at: int) -> tuple[int, int, int]:
    """Of the field at `at`: its tag (0: not told here), where its content starts, and where it ends."""
    tag, start = _varint(view, at, _LONGEST_TAG)
    kind = tag & 7
    if tag < 8 or (start - at > 1 and tag < 0x80):
        return 0, 0, 0
    if kind in _FIXED:
        return tag, start, start + _FIXED[kind]
    if kind == _VARINT:
        end = _varint(view, start, _LONGEST_VARINT)[1]
        return (tag, start, end) if end else (0, 0, 0)
    if kind == _LENGTH:
        length, content = _varint(view, start, _LONGEST_LENGTH)
        return (tag, content, content + length) if content else (0, 0, 0)
    return 0, 0, 0


def _varint(view: memoryview, at: int, longest: int) -> tuple[int, int]:
    """The number, and where it ends: (0, 0) if it does not."""
    number = 0
    for place, byte in enumerate(view[at : at + longest]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, at + place + 1
    return 0, 0
