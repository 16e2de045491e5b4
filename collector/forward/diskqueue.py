"""Records waiting in files: appended at one end, read at the other, the oldest file dropped when full.

A crash repeats what was read in the last second (the place is written that often), and nothing is synced: a
power cut may lose what was appended last. It is a copy; the original is in the store.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from collector.forward.record import Record, read_record

_SEGMENT_BYTES = 4 * 1024 * 1024
_SUFFIX = ".seg"
_PLACE = "place"


@dataclass(slots=True)
class _Segment:
    number: int
    path: Path
    size: int
    records: int  # not read yet
    is_ours: bool  # written by this process: an older one may end in a torn write and is not appended to


@dataclass(frozen=True, slots=True)
class Waiting:
    """The oldest record and where it lies."""

    record: Record
    segment: int
    end: int


class DiskQueue:
    """Any thread. `max_bytes` holds for the files together, but the newest one always stays."""

    def __init__(self, folder: Path, max_bytes: int, segment_bytes: int = _SEGMENT_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._lock = threading.Condition()
        self._segments = deque(_found(folder))
        self._next = max((s.number for s in self._segments), default=0) + 1
        self._offset = 0  # in the oldest segment
        self._restore_place()

    # ------------------------------------------------------------ writing

    def append(self, records: Iterable[Record]) -> int:
        """Write them down; how many of the oldest had to go for it. OSError if the disk does not take it."""
        with self._lock:
            for record in records:
                self._write(record.packed())
            self._lock.notify_all()
            return self._drop_oldest()

    def _write(self, packed: bytes) -> None:
        last = self._segments[-1] if self._segments else None
        if last is None or not last.is_ours or last.size >= self._segment_bytes:
            last = _Segment(self._next, self._folder / f"{self._next:016d}{_SUFFIX}", 0, 0, is_ours=True)
            self._segments.append(last)
            self._next += 1
        try:
            with last.path.open("ab") as file:
                file.write(packed)
        except OSError:
            last.is_ours = False  # what follows a torn write would not be found
            if not last.path.exists():
                self._segments.pop()
            raise
        last.size += len(packed)
        last.records += 1

    def _drop_oldest(self) -> int:
        dropped = 0
        while len(self._segments) > 1 and self._bytes() > self._max_bytes:
            dropped += self._forget_oldest().records
        return dropped

    # ------------------------------------------------------------ reading

    def peek(self, timeout_s: float) -> Waiting | None:
        """The oldest record, waiting for one; None if none came. `advance` takes it away."""
        with self._lock:
            found = self._oldest()
            if found is None and self._lock.wait(timeout_s):
                found = self._oldest()
            return found

    def advance(self, done: Waiting) -> None:
        """What `peek` gave is done with. It may be gone already, with the file it was in."""
        with self._lock:
            if self._segments and self._segments[0].number == done.segment and self._offset < done.end:
                self._offset = done.end
                self._segments[0].records -= 1

    def wake(self) -> None:
        """Let `peek` return."""
        with self._lock:
            self._lock.notify_all()

    def save_place(self) -> None:
        """Remember across a restart how far it was read. OSError if the disk does not take it."""
        with self._lock:
            number = self._segments[0].number if self._segments else self._next
            partial = self._folder / f"{_PLACE}.partial"
            partial.write_text(f"{number} {self._offset}")
            partial.replace(self._folder / _PLACE)

    @property
    def waiting_bytes(self) -> int:
        with self._lock:
            return self._bytes() - self._offset

    def _oldest(self) -> Waiting | None:
        while self._segments:
            segment = self._segments[0]
            with segment.path.open("rb") as file:
                file.seek(self._offset)
                record = read_record(file)
                end = file.tell()
            if record:
                return Waiting(record, segment.number, end)
            if len(self._segments) == 1 and segment.is_ours and self._offset >= segment.size:
                return None  # it is still written to
            self._forget_oldest()  # read to its end, or to a torn write
        return None

    def _forget_oldest(self) -> _Segment:
        segment = self._segments.popleft()
        segment.path.unlink(missing_ok=True)
        self._offset = 0
        return segment

    def _bytes(self) -> int:
        return sum(segment.size for segment in self._segments)

    def _restore_place(self) -> None:
        try:
            number, offset = map(int, (self._folder / _PLACE).read_text().split())
        except (FileNotFoundError, ValueError):  # never read, or a torn write: from the oldest on
            return
        # A new file before this place would be taken for one that was read, and be gone with the next start.
        self._next = max(self._next, number)
        while self._segments and self._segments[0].number < number:
            self._forget_oldest()
        if self._segments and self._segments[0].number == number:
            self._offset = min(offset, self._segments[0].size)
            self._segments[0].records = _count(self._segments[0].path, self._offset)


def _found(folder: Path) -> list[_Segment]:
    """The segments of an earlier run, in order."""
    paths = sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdigit())
    return [_Segment(int(p.stem), p, p.stat().st_size, _count(p, 0), is_ours=False) for p in paths]


def _count(path: Path, offset: int) -> int:
    count = 0
    with path.open("rb") as file:
        file.seek(offset)
        while read_record(file):
            count += 1
    return count
