"""Columns as Arrow memory, built with the array module and described by nanoarrow: no pyarrow.

Imports nothing of ours. An Arrow array here is anything with `__arrow_c_array__` (a table is a struct of its
columns), a stream anything with `__arrow_c_stream__`: DuckDB can `register` a stream and read it once.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import nanoarrow
from nanoarrow.c_array_stream import CArrayStream

ColumnType = Literal[
    "hex128", "u64", "i64", "u32", "u8", "i32", "bool", "text", "json",
    # with nulls: None ("" for ids)
    "hex128?", "u64?", "i64?", "i32?", "f64?",
]  # fmt: skip

# No sender can send these: insert_spans.sql turns them into nulls, cheaper than validity bitmaps built here.
NO_BOOL = -1
NO_INT32 = -(2**31)
_NULLS = {"bool": NO_BOOL, "i32": NO_INT32}

# DuckDB reads it as its UUID, in a seventh of the time that a cast from text takes.
_UUID = nanoarrow.extension_type(nanoarrow.fixed_size_binary(16), "arrow.uuid")
# ColumnType -> (Arrow type, array typecode); "" where there is none.
_TYPES: dict[str, tuple[Any, str]] = {
    "hex128": (_UUID, ""),
    "u64": (nanoarrow.uint64(), "Q"),
    "i64": (nanoarrow.int64(), "q"),
    "u32": (nanoarrow.uint32(), "I"),
    "i32": (nanoarrow.int32(), "i"),
    "u8": (nanoarrow.uint8(), "B"),
    "f64": (nanoarrow.float64(), "d"),
    "bool": (nanoarrow.int8(), "b"),
    "text": (nanoarrow.large_string(), ""),
    "json": (nanoarrow.large_string(), ""),
}

Table = Mapping[str, tuple[str, Sequence[Any]]]  # name -> (ColumnType, values)


def table(columns: Table) -> Any:
    """The columns, all of equal length, as one Arrow array."""
    length = len(next(iter(columns.values()))[1])
    children = [_column(kind, values) for kind, values in columns.values()]
    return nanoarrow.c_array_from_buffers(_schema(columns), length, [None], children=children, move=True)


def chunks(tables: Sequence[Any]) -> Any:
    """Arrow arrays of one schema, at least one, as a stream: nothing is copied."""
    arrays = [nanoarrow.c_array(one) for one in tables]
    return nanoarrow.ArrayStream(CArrayStream.from_c_arrays(arrays, arrays[0].schema))


def stream(columns: Table) -> Any:
    """One table as a stream."""
    return nanoarrow.ArrayStream(table(columns))


def _schema(columns: Table) -> Any:
    return nanoarrow.struct({name: _TYPES[kind.removesuffix("?")][0] for name, (kind, _) in columns.items()})


def _column(kind: str, values: Sequence[Any]) -> Any:
    if kind.endswith("?"):
        return _nullable(kind.removesuffix("?"), values)
    arrow_type, code = _TYPES[kind]
    if kind == "hex128":
        return nanoarrow.c_array_from_buffers(arrow_type, len(values), [None, _ids(values)])
    if not code:
        return _text(values)
    if kind in _NULLS and None in values:
        null = _NULLS[kind]
        values = [null if value is None else value for value in values]
    return nanoarrow.c_array_from_buffers(arrow_type, len(values), [None, array(code, values)])


def _nullable(kind: str, values: Sequence[Any]) -> Any:
    """A column with a bitmap of what is there. The rest of the memory holds zeros."""
    arrow_type, code = _TYPES[kind]
    there = [value is not None and value != "" for value in values]
    bits = int("".join("1" if known else "0" for known in reversed(there)) or "0", 2)
    bitmap = bits.to_bytes((len(there) + 7) // 8, "little")
    content: Any
    if kind == "hex128":
        content = _ids([value if known else "0" * 32 for value, known in zip(values, there)])
    else:
        content = array(code, [value if known else 0 for value, known in zip(values, there)])
    return nanoarrow.c_array_from_buffers(arrow_type, len(values), [bitmap, content])


def _ids(values: Sequence[str]) -> bytes:
    found = bytes.fromhex("".join(values))
    if len(found) != 16 * len(values):
        raise ValueError("a trace id is not 32 hexadecimal digits")
    return found


def _text(values: Sequence[str]) -> Any:
    """With 64-bit offsets: a group of large payloads may pass 2 GiB."""
    found = nanoarrow.c_array(values, _TYPES["text"][0])  # a seventh of the time of offsets counted in Python
    if found.null_count:
        raise ValueError("a text is missing")
    return found
