"""Beside the journal: a segment is written through before it is needed, not while senders wait for it."""

from __future__ import annotations

import logging
import threading

from collector.journal import Journal

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


class Preparing:
    """A thread that makes a segment whenever none is ready."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tracekit-segments", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        self._closing = True
        self._journal.unprepared.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        # (With a time, because a segment that is finished meanwhile clears what `close` has set.)
        while not self._closing:
            if not self._journal.unprepared.wait(_LOOK_EVERY_S) or self._closing:
                continue
            try:
                self._journal.prepare()
            except OSError as error:  # the append that needs one tells its senders
                self._journal.unprepared.clear()
                log.warning("no segment of the journal could be made ready: %s", error)
