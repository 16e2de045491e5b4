"""AWS MSK and self-managed Kafka: records by topic and partition, the context in their headers."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, byte_headers, objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """eventSource aws:kafka or SelfManagedKafka, with records {topic-partition: [...]}."""
    partitions = event["records"]
    if not isinstance(partitions, dict):
        return None
    records = [record for items in partitions.values() for record in objects(items)]
    if not records:
        return None
    return batch(
        "kafka",
        records[0].get("topic"),
        [_headers(record) for record in records],
        len(records),
        None,
        [record.get("timestamp") for record in records],
    )


def _headers(record: dict[str, Any]) -> dict[str, Any]:
    return byte_headers([pair for header in objects(record.get("headers")) for pair in header.items()])
