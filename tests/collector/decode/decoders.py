"""Both decoders of spans in protobuf, and what they make of the same bytes in a form that can be compared."""

from __future__ import annotations

from typing import Any

from collector.decode import otlp_protobuf
from collector.decode.result import TooLarge, Undecodable
from collector.model import COLUMN_NAMES
from tests.collector.batches import MS, T0

try:
    from collector.decode import otlp_protobuf_c
except ImportError:
    otlp_protobuf_c = None  # type: ignore[assignment]

RECEIVED = T0 + 60_000 * MS


def outcome(decode: Any, body: bytes) -> Any:
    """Everything a decoder says of the bytes: each column, resources, scopes, links, keys and rejects."""
    try:
        found = decode(body, RECEIVED)
    except (TooLarge, Undecodable) as error:
        return type(error), str(error)
    batch = found.batch
    links = batch.links_arrow()
    return (
        {name: list(batch.columns[name]) for name in COLUMN_NAMES},
        batch.resources,
        batch.scopes,
        list(found.rejected.items()),
        batch.snapshot_rows(),
        batch.key_bytes(),
        batch.start_range(),
        None if links is None else len(links),
    )


def differ(body: bytes) -> tuple[Any, Any] | None:
    """What the two make of it where they do not agree."""
    one, other = outcome(otlp_protobuf.decode, body), outcome(otlp_protobuf_c.decode, body)
    return None if one == other else (one, other)
