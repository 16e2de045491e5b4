"""Columns as Arrow memory, built with the array module and described by nanoarrow: no pyarrow."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import nanoarrow

from collector.model import SPAN_COLUMNS, Resource, SpanBatch

# No sender can send these: insert_spans.sql turns them into nulls, cheaper than validity bitmaps built here.
NO_BOOL = -1
NO_INT32 = -(2**31)

# ColumnType -> (Arrow type, array typecode); "" for text.
_TYPES: dict[str, tuple[Any, str]] = {
    "u64": (nanoarrow.uint64(), "Q"),
    "i64": (nanoarrow.int64(), "q"),
    "u32": (nanoarrow.uint32(), "I"),
    "i32": (nanoarrow.int32(), "i"),
    "u8": (nanoarrow.uint8(), "B"),
    "bool": (nanoarrow.int8(), "b"),
    "hex128": (nanoarrow.large_string(), ""),
    "text": (nanoarrow.large_string(), ""),
    "json": (nanoarrow.large_string(), ""),
}
_NULLS = {"bool": NO_BOOL, "i32": NO_INT32}

Table = dict[str, tuple[str, Sequence[Any]]]  # name -> (ColumnType, values)


def stream(table: Table) -> Any:
    """Something DuckDB can `register` and read once."""
    length = len(next(iter(table.values()))[1])
    schema = nanoarrow.struct({name: _TYPES[kind][0] for name, (kind, _) in table.items()})
    children = [_column(kind, values) for kind, values in table.values()]
    return nanoarrow.ArrayStream(
        nanoarrow.c_array_from_buffers(schema, length, [None], children=children, move=True)
    )


def spans(batch: SpanBatch) -> Any:
    return stream({c.name: (c.type, batch.columns[c.name]) for c in SPAN_COLUMNS})


def resources(found: Sequence[Resource]) -> Any:
    return stream(
        {
            "resource_id": ("u64", [r.resource_id for r in found]),
            "service": ("text", [r.service for r in found]),
            "schema_url": ("text", [r.schema_url for r in found]),
            "attributes": ("text", [r.attributes_json for r in found]),
        }
    )


def _column(kind: str, values: Sequence[Any]) -> Any:
    arrow_type, code = _TYPES[kind]
    if not code:
        return _text(values)
    if kind in _NULLS:
        null = _NULLS[kind]
        values = [null if value is None else value for value in values]
    return nanoarrow.c_array_from_buffers(arrow_type, len(values), [None, array(code, values)])


def _text(values: Sequence[str]) -> Any:
    encoded = [value.encode() for value in values]
    # 64-bit offsets: a group of large payloads may pass 2 GiB.
    offsets = array("q", accumulate(map(len, encoded), initial=0))
    return nanoarrow.c_array_from_buffers(
        nanoarrow.large_string(), len(encoded), [None, offsets, b"".join(encoded)]
    )
