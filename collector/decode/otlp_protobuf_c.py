"""OTLP protobuf to span batches by the extension in native/: the rows of otlp_protobuf.py, without the GIL.

What repeats from request to request (resources, scopes) is read, and remembered, by the same Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

import collector.decode._otlp as _otlp
from collector.decode import parts
from collector.decode._otlp import KeySet as KeySet
from collector.decode._otlp import give_back as give_back
from collector.decode._otlp import protobuf_of_json as protobuf_of_json
from collector.decode.builder import MAX_GROUPS, MAX_ITEMS, MAX_SPANS
from collector.decode.otlp_protobuf import FIELDS, NO_REQUEST, UNREADABLE_SPAN
from collector.decode.result import Decoded, TooLarge, Undecodable
from collector.decode.sqltext import normalise
from collector.model import COLUMN_NAMES, Resource, Scope, SpanBatch

# In the order of `enum reason` and `enum refusal` in native/spans.h.
_REASONS = (
    UNREADABLE_SPAN,
    "trace id is not 16 bytes long",
    "span id is not 8 bytes long",
    "parent span id is not 8 bytes long",
    "span id is all zeros",
    "trace id is all zeros",
)
_REFUSALS = (
    "",
    NO_REQUEST,
    f"more than {MAX_GROUPS} resources and scopes in one request",
    f"more than {MAX_SPANS} spans in one request",
    f"more than {MAX_ITEMS} attributes, events and links in one request",
    "more than {} {}".format(*FIELDS),
)


class ArrowSpanBatch(SpanBatch):
    """Decoded spans in Arrow memory; lists are made of the columns that are asked for."""

    def __init__(
        self, table: Any, resources: dict[int, Resource], scopes: dict[int, Scope], wire_bytes: int
    ) -> None:
        super().__init__(_LazyColumns(table), resources, wire_bytes, scopes)  # type: ignore[arg-type]
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    @property
    def nbytes(self) -> int:
        """Of memory that the spans take."""
        return int(self._table.nbytes())

    def arrow(self) -> Any:
        return self._table

    @staticmethod
    def joined_arrow(batches: Sequence[SpanBatch]) -> Any:
        return _otlp.joined([batch.arrow() for batch in batches])

    def links_arrow(self) -> Any | None:
        return self._table.links()

    def key_bytes(self) -> bytes:
        found: bytes = self._table.keys()
        return found

    def start_range(self) -> tuple[int, int]:
        first, last = self._table.start_range()
        return first, last

    def snapshot_rows(self) -> list[int]:
        return list(self._table.snapshots())

    def take(self, rows: Sequence[int]) -> SpanBatch:
        return ArrowSpanBatch(self._table.take(rows), self.resources, self.scopes, self.wire_bytes)


class _LazyColumns(Mapping[str, list[Any]]):
    """The columns of a table by name, each made once."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._made: dict[str, list[Any]] = {}

    def __getitem__(self, name: str) -> list[Any]:
        if name not in self._made:
            self._made[name] = self._table.column(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COLUMN_NAMES)

    def __len__(self) -> int:
        return len(COLUMN_NAMES)


def decode(body: bytes, received_ns: int) -> Decoded:
    """The spans of an ExportTraceServiceRequest. Raises Undecodable or TooLarge."""
    try:
        found = _otlp.decode(body, received_ns, parts.resource_of, parts.scope_of, normalise)
    except DecodeError as error:  # of a resource or a scope
        raise Undecodable(NO_REQUEST) from error
    if isinstance(found, int):
        refusal = Undecodable if _REFUSALS[found] == NO_REQUEST else TooLarge
        raise refusal(_REFUSALS[found])
    table, rejected, resources, scopes = found
    batch = ArrowSpanBatch(table, resources, scopes, len(body))
    return Decoded(batch, Counter({_REASONS[reason]: count for reason, count in rejected}))
