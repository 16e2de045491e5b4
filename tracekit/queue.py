"""Finished spans on their way out, bounded in number while raw and in bytes once encoded.

When the byte bound is reached the oldest payloads go: after an outage the latest minutes are worth more.
What went is counted, and the count travels with the next payload.
"""

from __future__ import annotations

import os
from _thread import allocate_lock

from tracekit import values
from tracekit.guard import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tracekit.keep import Sieve
    from tracekit.payload import Payload
    from tracekit.span import Span

RAW_LIMIT = 2048
PRESSURE_LIMIT = 1 << 20


class Queue:
    """Spans in, payloads out. `add` may be called from any thread."""

    def __init__(self, max_bytes: int = 4 << 20) -> None:
        self.max_bytes = max_bytes
        self.encode: Callable[[list[Span], int], tuple[Any, int]] | None = None
        # Set where rules decide at the end of a call which spans go (tracekit.keep).
        self.sieve: Sieve | None = None
        self.dropped = 0
        self._raw: list[Span] = []
        self._payloads: list[Payload] = []
        self._bytes = 0
        self._lock = allocate_lock()

    def add(self, span: Span) -> None:
        """Takes a finished span. Encodes a full group on the spot, so memory stays bounded in a long call."""
        raw = self._raw
        raw.append(span)
        if len(raw) >= RAW_LIMIT or values.pressure > PRESSURE_LIMIT:
            self._seal_in_a_call()

    def _seal_in_a_call(self) -> None:
        try:
            self.seal()
        except Exception as error:  # the user's call goes on; what is lost has been counted
            report(error, "encoding spans")

    def __len__(self) -> int:
        held = len(self.sieve) if self.sieve is not None else 0
        return len(self._raw) + held + sum([payload.spans for payload in self._payloads])

    @property
    def size(self) -> int:
        """Bytes of encoded payloads held."""
        return self._bytes

    def seal(self) -> None:
        """Encodes what is raw into a payload."""
        if self.encode is None:
            self._drop_raw()
            return
        with self._lock:
            spans = self._raw[:]
            # add() may append meanwhile: remove exactly what was taken.
            del self._raw[: len(spans)]
            values.pressure = 0
            if self.sieve is not None:
                spans, lost = self.sieve.pass_on(spans)
                self.dropped += lost
            if not spans:
                return
            dropped, self.dropped = self.dropped, 0
            try:
                from tracekit.payload import Payload  # not with the first span, whose caller waits

                body, size = self.encode(spans, dropped)
            except Exception:
                self.dropped += dropped + len(spans)
                raise
            self._payloads.append(Payload(body, size, len(spans), dropped))
            self._bytes += size
            self._shed()

    def first(self) -> Payload | None:
        """The oldest payload, which stays until `remove`."""
        with self._lock:
            return self._payloads[0] if self._payloads else None

    def group(self, limit: int) -> list[Payload]:
        """The oldest payloads, at least one if there is any, and more as long as they stay within `limit`
        bytes together. They stay until `remove`."""
        with self._lock:
            taken: list[Payload] = []
            for payload in self._payloads:
                limit -= payload.size
                if taken and limit < 0:
                    break
                taken.append(payload)
            return taken

    def outstanding(self) -> list[Payload]:
        """Every payload that is not delivered yet."""
        with self._lock:
            return self._payloads[:]

    def remove(self, payload: Payload, lost: bool = False) -> None:
        """Forgets a payload: delivered, or `lost` because the receiver will never take it."""
        with self._lock:
            if payload not in self._payloads:
                return  # shed while it was being sent
            self._payloads.remove(payload)
            self._bytes -= payload.size
            payload.delivered = not lost
            if lost:
                self.dropped += payload.spans + payload.dropped

    def clear(self) -> None:
        """Forgets everything without counting it: after a fork the parent still has these spans."""
        self._lock = allocate_lock()
        self._raw.clear()
        self._payloads.clear()
        self._bytes = 0
        self.dropped = 0
        if self.sieve is not None:
            self.sieve.clear()

    def _shed(self) -> None:
        while self._bytes > self.max_bytes and self._payloads:
            oldest = self._payloads.pop(0)
            self._bytes -= oldest.size
            self.dropped += oldest.spans + oldest.dropped

    def _drop_raw(self) -> None:
        with self._lock:
            self.dropped += len(self._raw)
            self._raw.clear()


QUEUE = Queue()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=QUEUE.clear)
