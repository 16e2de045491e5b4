"""Behind the writer: the engine's log goes into its files, and the journal may forget."""

from __future__ import annotations

import logging
import threading
import time

from collector.journal import Journal
from collector.storage.base import SpanWriter, StorageError

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
# A checkpoint rewrites partial row groups: many small ones cost more than one large one.
_AFTER_BYTES = 64 * 2**20
_AFTER_S = 30.0


class Checkpointing:
    """A thread that checkpoints by what the journal holds, and at leisure."""

    def __init__(self, writer: SpanWriter, journal: Journal) -> None:
        self._writer = writer
        self._journal = journal
        self._after_bytes = min(_AFTER_BYTES, journal.max_bytes // 4)
        self._covered = 0
        self._last = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tracekit-checkpoint", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            if self._due():
                self._checkpoint()

    def _due(self) -> bool:
        mark = self._writer.mark()
        behind = mark - self._covered
        return behind >= self._after_bytes or (behind > 0 and time.monotonic() - self._last >= _AFTER_S)

    def _checkpoint(self) -> None:
        self._last = time.monotonic()
        try:
            self._covered = self._writer.checkpoint()
            self._journal.recycle(self._covered)
        except (StorageError, OSError) as error:
            log.warning("the journal is kept for now: %s", error)
        except Exception:
            log.exception("a checkpoint failed in a way it does not know; the journal is kept for now")
