"""Payloads that were acknowledged and that the store will not take: kept as they came, for a person."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from collector.folders import sync_folder
from collector.payload import Payload

log = logging.getLogger(__name__)


class Quarantine:
    """One file a payload, `<position>-<signal>.<encoding>`, compressed as it came."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, payload: Payload, end: int, why: str) -> Path:
        """Durable on return. OSError if it could not be kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = payload.compressed
        suffix = f".{payload.content_encoding}" if kept is not None else ""
        path = self._folder / f"{end:020}-{payload.signal}.{payload.encoding}{suffix}"
        with path.open("wb") as file:
            file.write(payload.body if kept is None else kept)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._folder)
        log.error("an acknowledged payload could not be stored and is kept as %s: %s", path, why)
        return path
