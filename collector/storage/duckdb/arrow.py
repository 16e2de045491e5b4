"""What the store keeps, as Arrow streams (collector.arrow) that a statement reads once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.arrow import NO_BOOL, NO_INT32, Table, chunks, stream
from collector.model import Resource, Scope, SpanBatch

__all__ = ["NO_BOOL", "NO_INT32", "Table", "resources", "scopes", "spans", "stream"]


def spans(batches: Sequence[SpanBatch]) -> Any:
    """All of them, at least one, in as few pieces as can be: of several, DuckDB's threads would each make a
    row group of their own, none of them full."""
    kinds: dict[type[SpanBatch], list[SpanBatch]] = {}
    for batch in batches:
        kinds.setdefault(type(batch), []).append(batch)
    return chunks([_joined(kind, some) for kind, some in kinds.items()])


def _joined(kind: type[SpanBatch], batches: list[SpanBatch]) -> Any:
    return batches[0].arrow() if len(batches) == 1 else kind.joined_arrow(batches)


def resources(found: Sequence[Resource]) -> Any:
    return stream(
        {
            "resource_id": ("u64", [r.resource_id for r in found]),
            "service": ("text", [r.service for r in found]),
            "schema_url": ("text", [r.schema_url for r in found]),
            "attributes": ("text", [r.attributes_json for r in found]),
            "dropped_attributes_count": ("u32", [r.dropped_attributes_count for r in found]),
            "entity_refs": ("text", [r.entity_refs for r in found]),
        }
    )


def scopes(found: Sequence[Scope]) -> Any:
    return stream(
        {
            "scope_id": ("u64", [s.scope_id for s in found]),
            "name": ("text", [s.name for s in found]),
            "version": ("text", [s.version for s in found]),
            "attributes": ("text", [s.attributes_json for s in found]),
            "schema_url": ("text", [s.schema_url for s in found]),
            "dropped_attributes_count": ("u32", [s.dropped_attributes_count for s in found]),
        }
    )
