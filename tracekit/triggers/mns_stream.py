"""Alibaba Cloud MNS topic in STREAM mode with attributes: the context is in attrs."""

from __future__ import annotations

from tracekit.triggers.base import Trigger, batch, part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def detect(event: dict[str, Any]) -> Trigger | None:
    """body with attrs. Which topic it was is not told."""
    if not isinstance(event["attrs"], dict):
        return None
    return batch("alibaba_cloud_mns", None, [part(event, "attrs")], 1)
