"""Behind the writer: the engine's log goes into its files, and the journal may forget."""

from __future__ import annotations

import logging
import threading
import time

from collector.journal import Journal
from collector.storage.base import SpanWriter, StorageError

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
# Of the engine's log: reading it again at a start takes 4 ms a MiB. A checkpoint rewrites partial row groups,
# and what tells where all groups are: many small ones cost more than a large one, and writing waits for each.
_AFTER_LOG_BYTES = 64 * 2**20
_AFTER_S = 30.0
# Of the journal, whatever the log holds: blocks of rows leave next to nothing there (writer.py). The rest is
# for what waits for its insert.
_SHARE_OF_JOURNAL = 3 / 8


class Checkpointing:
    """A thread that checkpoints by what the journal holds, and at leisure."""

    def __init__(self, writer: SpanWriter, journal: Journal) -> None:
        self._writer = writer
        self._journal = journal
        self._after_bytes = int(journal.max_bytes * _SHARE_OF_JOURNAL)
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
        behind = self._writer.mark() - self._covered
        if behind <= 0:
            return False
        late = time.monotonic() - self._last >= _AFTER_S
        return late or behind >= self._after_bytes or self._writer.log_bytes() >= _AFTER_LOG_BYTES

    def _checkpoint(self) -> None:
        self._last = time.monotonic()
        try:
            self._covered = self._writer.checkpoint()
            self._journal.recycle(self._covered)
        except (StorageError, OSError) as error:
            if not self._stop.is_set():
                log.warning("the journal is kept for now: %s", error)
        except Exception:
            log.exception("a checkpoint failed in a way it does not know; the journal is kept for now")
